//! Entries of Envoy's access log service. What Envoy leaves empty is left out. Pure.

mod messages;

use prost::Message;
use serde_json::{Map, Value};

use self::messages::{
    Address, Any, Common, HttpEntry, HttpRequest, HttpResponse, Pair, StreamAccessLogsMessage, TcpEntry,
    Time, Wrapped,
};
use super::{Broken, Source, hexadecimal};
use crate::mend;
use crate::protocol::{Log, Record};

/// The methods by their numbers, of which the first means that there is none of these.
const METHODS: [&str; 10] =
    ["-", "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
/// The versions of HTTP, likewise.
const VERSIONS: [&str; 5] = ["", "HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/3"];
/// When in the life of a request or connection an entry was written, likewise.
const TYPES: [&str; 15] = [
    "",
    "TcpUpstreamConnected",
    "TcpPeriodic",
    "TcpConnectionEnd",
    "DownstreamStart",
    "DownstreamPeriodic",
    "DownstreamEnd",
    "UpstreamPoolReady",
    "UpstreamPeriodic",
    "UpstreamEnd",
    "DownstreamTunnelSuccessfullyEstablished",
    "UdpTunnelUpstreamConnected",
    "UdpPeriodic",
    "UdpSessionEnd",
    "TcpConnectionStart",
];
/// The response flags as `%RESPONSE_FLAGS%` writes them, by the numbers of their fields from 1 on.
const FLAGS: [&str; 28] = [
    "LH", "UH", "UT", "LR", "UR", "UF", "UC", "UO", "NR", "DI", "FI", "RL", "UAEX", "RLSE", "DC", "URX",
    "SI", "IH", "DPE", "UMSDR", "RFCF", "NFCF", "DT", "UPE", "NC", "OM", "DF", "DR",
];

/// The entries of a message, in their order. `log` is the log's name of the messages before it.
pub(super) fn entries(source: &Source, log: &mut String, message: &[u8]) -> Result<Vec<Record>, Broken> {
    let message = StreamAccessLogsMessage::decode(message)?;
    if let Some(identifier) = message.identifier {
        *log = mend::string(identifier.log_name);
    }
    let http = message.http_logs.unwrap_or_default().log_entry.into_iter().map(http);
    let tcp = message.tcp_logs.unwrap_or_default().log_entry.into_iter().map(tcp);
    let record = |(body, time_ns, mut fields): (String, u64, Fields)| {
        fields.text("log_name", log.clone());
        Record::Log(Log {
            protocol: source.protocol,
            reporter: source.reporter.clone(),
            time_ns,
            body,
            attributes: fields.0,
        })
    };
    Ok(http.chain(tcp).map(record).collect())
}

fn http(entry: HttpEntry) -> (String, u64, Fields) {
    let mut fields = Fields::default();
    fields.text("protocol_version", named(&VERSIONS, entry.protocol_version));
    let time_ns = fields.common(entry.common_properties.unwrap_or_default());
    let request = entry.request.unwrap_or_default();
    let response = entry.response.unwrap_or_default();
    let method = named(&METHODS, request.request_method);
    // What was never answered has no code; access logs write 0.
    let code = response.response_code.clone().unwrap_or_default().value;
    fields.text("request_method", method.clone());
    fields.request(request);
    fields.response(response);
    let path = fields.0.get("path").and_then(Value::as_str).unwrap_or("-");
    (format!("{method} {path} {code}"), time_ns, fields)
}

fn tcp(entry: TcpEntry) -> (String, u64, Fields) {
    let mut fields = Fields::default();
    let time_ns = fields.common(entry.common_properties.unwrap_or_default());
    let bytes = entry.connection_properties.unwrap_or_default();
    fields.set("received_bytes", bytes.received_bytes);
    fields.set("sent_bytes", bytes.sent_bytes);
    (format!("{} bytes received, {} sent", bytes.received_bytes, bytes.sent_bytes), time_ns, fields)
}

/// The fields of an entry by name.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    fn text(&mut self, name: &str, text: String) {
        if !text.is_empty() {
            self.set(name, text);
        }
    }

    fn bytes(&mut self, name: &str, bytes: Vec<u8>) {
        self.text(name, mend::string(bytes));
    }

    fn pairs(&mut self, name: &str, pairs: Vec<Pair>) {
        let pair = |pair: Pair| (mend::string(pair.key), mend::string(pair.value).into());
        if !pairs.is_empty() {
            self.set(name, pairs.into_iter().map(pair).collect::<Map<_, Value>>());
        }
    }

    /// What entries of both kinds have. Gives when it began.
    fn common(&mut self, common: Common) -> u64 {
        for (name, address) in [
            ("downstream_remote_address", common.downstream_remote_address),
            ("downstream_local_address", common.downstream_local_address),
            ("upstream_remote_address", common.upstream_remote_address),
            ("upstream_local_address", common.upstream_local_address),
        ] {
            self.text(name, address.map(shown).unwrap_or_default());
        }
        for (name, bytes) in [
            ("upstream_cluster", common.upstream_cluster),
            ("upstream_transport_failure_reason", common.upstream_transport_failure_reason),
            ("downstream_transport_failure_reason", common.downstream_transport_failure_reason),
            ("route_name", common.route_name),
            ("connection_termination_details", common.connection_termination_details),
            ("stream_id", common.stream_id),
        ] {
            self.bytes(name, bytes);
        }
        self.text("response_flags", flags(&common.response_flags));
        self.text("access_log_type", named(&TYPES, common.access_log_type));
        self.pairs("custom_tags", common.custom_tags);
        if !common.filter_state_objects.is_empty() {
            let states = common.filter_state_objects.into_iter();
            let states =
                states.map(|state| (mend::string(state.key), content(state.value.unwrap_or_default())));
            self.set("filter_state_objects", states.collect::<Map<_, Value>>());
        }
        if common.upstream_request_attempt_count > 0 {
            self.set("upstream_request_attempt_count", common.upstream_request_attempt_count);
        }
        if let Some(duration) = common.duration {
            self.set("duration_ms", nanoseconds(&duration) as f64 / 1e6);
        }
        common.start_time.as_ref().map(nanoseconds).unwrap_or_default()
    }

    fn request(&mut self, request: HttpRequest) {
        for (name, bytes) in [
            ("scheme", request.scheme),
            ("authority", request.authority),
            ("path", request.path),
            ("user_agent", request.user_agent),
            ("referer", request.referer),
            ("forwarded_for", request.forwarded_for),
            ("request_id", request.request_id),
            ("original_path", request.original_path),
        ] {
            self.bytes(name, bytes);
        }
        self.set("request_body_bytes", request.request_body_bytes);
        self.pairs("request_headers", request.request_headers);
    }

    fn response(&mut self, response: HttpResponse) {
        if let Some(code) = response.response_code {
            self.set("response_code", code.value);
        }
        self.bytes("response_code_details", response.response_code_details);
        self.set("response_body_bytes", response.response_body_bytes);
        self.pairs("response_headers", response.response_headers);
        self.pairs("response_trailers", response.response_trailers);
    }
}

/// The name that a number stands for, or the number.
fn named(names: &[&str], number: i32) -> String {
    let name = usize::try_from(number).ok().and_then(|number| names.get(number));
    name.map_or_else(|| number.to_string(), |name| (*name).to_owned())
}

fn shown(address: Address) -> String {
    match (address.socket_address, address.pipe) {
        (Some(socket), _) => format!("{}:{}", mend::string(socket.address), socket.port_value),
        (None, Some(pipe)) => mend::string(pipe.path),
        (None, None) => String::new(),
    }
}

fn nanoseconds(time: &Time) -> u64 {
    let seconds = u64::try_from(time.seconds).unwrap_or_default();
    let nanos = u64::try_from(time.nanos).unwrap_or_default();
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}

/// The content of a filter state's object: text where it is one, else its bytes.
fn content(object: Any) -> Value {
    let is_text = [&b"google.protobuf.StringValue"[..], b"google.protobuf.BytesValue"]
        .iter()
        .any(|name| object.type_url.ends_with(name));
    match Wrapped::decode(&*object.value) {
        Ok(wrapped) if is_text => mend::string(wrapped.value).into(),
        _ => hexadecimal(&object.value).into(),
    }
}

/// The flags that are set in a message of response flags: each field but one is a boolean, and that one is a message
/// which is only there when its flag is.
fn flags(mut message: &[u8]) -> String {
    let mut set = Vec::new();
    while let Ok(key) = prost::decode_length_delimiter(&mut message) {
        let Ok(value) = prost::decode_length_delimiter(&mut message) else { break };
        let is_set = match key & 7 {
            0 => value != 0,
            2 => {
                message = message.get(value..).unwrap_or_default();
                true
            }
            _ => break,
        };
        let name = (key >> 3).checked_sub(1).and_then(|index| FLAGS.get(index));
        set.extend(name.filter(|_| is_set).copied());
    }
    set.join(",")
}

#[cfg(test)]
mod tests;

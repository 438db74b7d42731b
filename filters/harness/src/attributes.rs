//! What Envoy knows of a stream by itself, and from which phase on: attributes from its headers, its connection and its
//! way. The phases are those that Envoy was seen to have them in; see `facts`.

use crate::Value;
use crate::abi::MapKind;
use crate::contexts::{Context, Http, Kind};
use crate::pairs::Headers;
use crate::properties::descend;
use crate::state::State;
use crate::tcp::Tcp;

/// The addresses of a stream on loopback, as long as a test says nothing else.
const SOURCE: (&str, i64) = ("127.0.0.1:50000", 50000);
const DESTINATION: (&str, i64) = ("127.0.0.1:10000", 10000);
const UPSTREAM: (&str, i64) = ("127.0.0.1:8080", 8080);
const UPSTREAM_LOCAL: &str = "127.0.0.1:50001";

/// A stream, of either kind.
#[derive(Clone, Copy)]
enum Stream<'a> {
    Http(&'a Http),
    Tcp(&'a Tcp),
}

impl<'a> Stream<'a> {
    fn of(context: &'a Context) -> Option<Stream<'a>> {
        match &context.kind {
            Kind::Http(http) => Some(Stream::Http(http)),
            Kind::Tcp(tcp) => Some(Stream::Tcp(tcp)),
            Kind::Vm | Kind::Root(_) => None,
        }
    }

    fn http(self) -> Option<&'a Http> {
        if let Stream::Http(http) = self { Some(http) } else { None }
    }

    /// It has gone on, so there is somebody to whom it goes.
    fn has_upstream(self) -> bool {
        match self {
            Stream::Http(http) => http.request.headers_forwarded && http.proxy_details.is_none(),
            Stream::Tcp(tcp) => tcp.has_upstream,
        }
    }

    /// It is known where it will go.
    fn has_cluster(self) -> bool {
        match self {
            Stream::Http(http) => http.proxy_details.is_none(),
            Stream::Tcp(tcp) => tcp.has_upstream,
        }
    }

    /// The connection to the service is there.
    fn is_connected(self) -> bool {
        match self {
            Stream::Http(http) => http.has_response() && http.proxy_details.is_none(),
            Stream::Tcp(tcp) => tcp.has_upstream,
        }
    }
}

/// Whether Envoy has an attribute in this phase, if a stream has it at all. It is asked for attributes that a test gives
/// a value, too: in a phase in which Envoy has none a filter does not see it.
pub(crate) fn is_there(state: &State, path: &[Vec<u8>]) -> bool {
    let Some(first) = path.first() else { return true };
    let stream = state.stream().and_then(Stream::of);
    let second = path.get(1).map(Vec::as_slice).unwrap_or_default();
    let is_of_any =
        matches!(first.as_slice(), b"plugin_name" | b"plugin_root_id" | b"plugin_vm_id" | b"node")
            || (first == b"xds" && matches!(second, b"" | b"node"));
    let Some(stream) = stream else { return is_of_any || !is_of_streams(first) };
    let http = stream.http();
    match (first.as_slice(), second) {
        (b"request", name) if !name.is_empty() => request_is_there(state, stream, name),
        (b"response", b"code" | b"code_details" | b"grpc_status") => http.is_some_and(Http::has_response),
        (b"response", b"backend_latency") => {
            http.is_some_and(|http| http.response.ended && http.proxy_details.is_none())
        }
        (b"response", b"headers") if path.len() > 2 => {
            http.is_some_and(|http| http.map(MapKind::ResponseHeaders).is_some())
        }
        (b"response", b"trailers") if path.len() > 2 => {
            http.is_some_and(|http| http.map(MapKind::ResponseTrailers).is_some())
        }
        (b"upstream", b"request_attempt_count") => true,
        (b"upstream", b"num_endpoints") => stream.has_cluster(),
        (b"upstream", name) if is_of_handshake(name) => stream.is_connected(),
        (b"upstream", b"cx_pool_ready_duration" | b"local_address") => stream.is_connected(),
        (b"upstream", b"transport_failure_reason") => http.is_none() || stream.has_upstream(),
        (b"upstream", name) if !name.is_empty() => stream.has_upstream(),
        (b"upstream_filter_state", _) => stream.is_connected(),
        // The client's certificate is known when it has sent something.
        (b"connection", name) if is_of_client(name) => http.is_some() || stream.is_connected(),
        (b"xds", name) if name.starts_with(b"upstream_host") => stream.has_upstream(),
        (b"xds", b"cluster_name" | b"cluster_metadata") => stream.has_cluster(),
        (b"xds", name) if name.starts_with(b"route") || name.starts_with(b"virtual_host") => http.is_some(),
        _ => true,
    }
}

/// What a client's certificate says that is not there without one.
fn is_of_client(name: &[u8]) -> bool {
    is_of_handshake(name) && name.ends_with(b"peer_certificate") && name != b"subject_peer_certificate"
        || name.starts_with(b"sha256_peer")
}

/// What a handshake of TLS gives.
fn is_of_handshake(name: &[u8]) -> bool {
    name == b"tls_version" || name.ends_with(b"_certificate") || name.starts_with(b"sha256_peer")
}

/// What only streams have.
fn is_of_streams(first: &[u8]) -> bool {
    matches!(
        first,
        b"request"
            | b"response"
            | b"connection"
            | b"connection_id"
            | b"source"
            | b"destination"
            | b"upstream"
            | b"upstream_filter_state"
            | b"metadata"
            | b"filter_state"
            | b"xds"
    )
}

fn request_is_there(state: &State, stream: Stream<'_>, name: &[u8]) -> bool {
    match name {
        b"headers" | b"headers_bytes" | b"time" | b"size" | b"total_size" => true,
        b"duration" => state.logged.is_some() || stream.http().is_some_and(|http| http.is_finishing),
        b"protocol" => stream.http().is_some(),
        _ => stream.http().is_some_and(|http| http.map(MapKind::RequestHeaders).is_some()),
    }
}

/// The names that can stand behind a first part.
pub(crate) fn names_below(first: &str) -> &'static [&'static str] {
    match first {
        "request" => &[
            "headers",
            "headers_bytes",
            "time",
            "size",
            "total_size",
            "duration",
            "protocol",
            "path",
            "host",
            "scheme",
            "method",
            "referer",
            "id",
            "useragent",
            "url_path",
            "query",
        ],
        "response" => &[
            "headers",
            "trailers",
            "headers_bytes",
            "size",
            "total_size",
            "flags",
            "code",
            "code_details",
            "grpc_status",
        ],
        "connection" => &["mtls", "id", "requested_server_name"],
        "source" | "destination" => &["address", "port"],
        "upstream" => &["address", "port", "local_address", "request_attempt_count", "num_endpoints"],
        "xds" => &["listener_direction", "filter_chain_name", "route_name", "node"],
        _ => &[],
    }
}

/// An attribute, as Envoy knows it by itself.
pub(crate) fn find(state: &State, path: &[Vec<u8>]) -> Option<Value> {
    let (first, rest) = path.split_first()?;
    let context = state.stream()?;
    let settings = &state.settings;
    match first.as_slice() {
        b"plugin_name" => return descend(Some(Value::text(&settings.plugin_name)), rest),
        b"plugin_root_id" => return descend(Some(Value::text(&settings.root_id)), rest),
        b"plugin_vm_id" => return descend(Some(Value::text(&settings.vm_id)), rest),
        b"xds" if rest.is_empty() => return Some(Value::Null),
        _ => {}
    }
    let stream = Stream::of(context)?;
    let connection = match stream {
        Stream::Http(http) => http.connection,
        Stream::Tcp(tcp) => tcp.connection,
    };
    // A logger has the stream's facts and not the connection.
    if first == b"connection_id" && state.logged.is_none() {
        return descend(Some(Value::Uint(connection)), rest);
    }
    let Some((second, rest)) = rest.split_first() else { return whole(context, stream, first) };
    let value = match (first.as_slice(), second.as_slice()) {
        (b"request", name) => request(state, stream, name),
        (b"response", name) => response(stream, name),
        (b"connection", b"mtls") => Some(Value::Bool(false)),
        (b"connection", b"id") => Some(Value::Uint(connection)),
        (b"connection", b"requested_server_name") => Some(Value::text("")),
        (b"source", name) => address(SOURCE, name),
        (b"destination", name) => address(DESTINATION, name),
        (b"upstream", b"cx_pool_ready_duration") => Some(Value::Duration(0)),
        (b"upstream", b"local_address") => Some(Value::text(UPSTREAM_LOCAL)),
        (b"upstream", b"request_attempt_count") => Some(Value::Uint(u64::from(stream.has_upstream()))),
        (b"upstream", b"num_endpoints") => Some(Value::Uint(1)),
        (b"upstream", b"transport_failure_reason") => Some(Value::text("")),
        (b"upstream", name) => address(UPSTREAM, name),
        (b"xds", b"listener_direction") => Some(Value::Int(0)),
        (b"xds", b"filter_chain_name" | b"route_name") => Some(Value::text("")),
        (b"metadata", b"filter_metadata") => Some(Value::Map(Vec::new())),
        (b"filter_state", key) => set_by_module(context, key).map(Value::Bytes),
        _ => None,
    };
    descend(value, rest)
}

/// What there is by a first part alone: Envoy's own maps cannot be written, and messages are empty here.
fn whole(context: &Context, stream: Stream<'_>, first: &[u8]) -> Option<Value> {
    match first {
        b"request" | b"response" | b"connection" | b"upstream" | b"source" | b"destination"
        | b"filter_state" => Some(Value::Null),
        b"upstream_filter_state" if stream.is_connected() => Some(Value::Null),
        b"metadata" => Some(Value::Message(Vec::new(), Vec::new())),
        _ => Some(Value::Bytes(filter_state(context)?.set.get(first)?.clone())),
    }
}

fn filter_state(context: &Context) -> Option<&crate::properties::FilterState> {
    match &context.kind {
        Kind::Http(http) => Some(&http.filter_state),
        Kind::Tcp(tcp) => Some(&tcp.filter_state),
        Kind::Vm | Kind::Root(_) => None,
    }
}

/// What is in the filter state by its key: a module's own is there with `wasm.` before it.
fn set_by_module(context: &Context, key: &[u8]) -> Option<Vec<u8>> {
    let state = filter_state(context)?;
    let own = key.strip_prefix(b"wasm.").and_then(|key| state.set.get(key));
    own.or_else(|| state.objects.get(key)).cloned()
}

fn address((address, port): (&str, i64), name: &[u8]) -> Option<Value> {
    match name {
        b"address" => Some(Value::text(address)),
        b"port" => Some(Value::Int(port)),
        _ => None,
    }
}

fn map_of(headers: Option<&Headers>) -> Value {
    let Some(headers) = headers else { return Value::Map(Vec::new()) };
    let mut map: Vec<(Value, Value)> = Vec::new();
    for (name, _) in headers.entries() {
        let key = Value::text(name);
        if !map.iter().any(|(known, _)| *known == key) {
            map.push((key, Value::Text(headers.joined(name).unwrap_or_default())));
        }
    }
    Value::Map(map)
}

fn size(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn request(state: &State, stream: Stream<'_>, name: &[u8]) -> Option<Value> {
    let headers = stream.http().and_then(|http| http.map(MapKind::RequestHeaders));
    let header = |name: &[u8]| Some(Value::Text(headers?.get(name)?.to_vec()));
    let path = || headers.and_then(|headers| headers.get(b":path")).unwrap_or_default();
    let (start, received) = match stream {
        Stream::Http(http) => (http.start_nanoseconds, http.request.received),
        Stream::Tcp(tcp) => (tcp.start_nanoseconds, tcp.downstream.received),
    };
    let header_bytes = headers.map_or(0, Headers::bytes);
    let nanoseconds = |time: u64| i64::try_from(time).unwrap_or(i64::MAX);
    Some(match name {
        b"headers" => map_of(headers),
        b"headers_bytes" => Value::Int(size(header_bytes)),
        b"time" => Value::Timestamp(nanoseconds(start)),
        b"size" => match headers.and_then(|headers| headers.get(b"content-length")) {
            Some(length) => Value::Int(std::str::from_utf8(length).ok()?.parse().ok()?),
            None => Value::Int(size(received)),
        },
        b"total_size" => Value::Int(size(received + header_bytes)),
        b"duration" => Value::Duration(nanoseconds(state.clock.now().saturating_sub(start))),
        b"protocol" => Value::text("HTTP/1.1"),
        b"path" => header(b":path")?,
        b"host" => header(b":authority")?,
        b"scheme" => header(b":scheme")?,
        b"method" => header(b":method")?,
        b"referer" => header(b"referer")?,
        b"id" => header(b"x-request-id")?,
        b"useragent" => header(b"user-agent")?,
        b"url_path" => Value::text(path().split(|byte| *byte == b'?').next().unwrap_or_default()),
        b"query" => {
            let query = path().splitn(2, |byte| *byte == b'?').nth(1).unwrap_or_default();
            Value::text(query.split(|byte| *byte == b'#').next().unwrap_or_default())
        }
        _ => return None,
    })
}

fn response(stream: Stream<'_>, name: &[u8]) -> Option<Value> {
    let http = stream.http();
    let headers = http.and_then(|http| http.map(MapKind::ResponseHeaders));
    let trailers = http.and_then(|http| http.map(MapKind::ResponseTrailers));
    let sent = match stream {
        Stream::Http(http) => http.response.forwarded.body.len(),
        Stream::Tcp(tcp) => tcp.sent(),
    };
    let header_bytes = headers.map_or(0, Headers::bytes);
    let trailer_bytes = trailers.map_or(0, Headers::bytes);
    Some(match name {
        b"headers" => map_of(headers),
        b"trailers" => map_of(trailers),
        b"headers_bytes" => Value::Int(size(header_bytes)),
        b"size" => Value::Int(size(sent)),
        b"total_size" => Value::Int(size(sent + header_bytes + trailer_bytes)),
        b"flags" => Value::Int(0),
        b"backend_latency" => Value::Duration(0),
        b"code" => Value::Int(i64::from(http?.code()?)),
        b"code_details" => Value::text(http?.code_details()?),
        b"grpc_status" => {
            let status = trailers.and_then(|map| map.get(b"grpc-status"));
            let status = status.or_else(|| headers.and_then(|map| map.get(b"grpc-status")));
            let status = status.and_then(|status| std::str::from_utf8(status).ok()?.parse().ok());
            // Envoy makes one of the status of HTTP where there is none.
            let of_http = i64::from(crate::reply::grpc_status(u32::from(http?.code()?)));
            Value::Int(status.unwrap_or(of_http))
        }
        _ => return None,
    })
}

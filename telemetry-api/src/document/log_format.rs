//! The formats of log lines and tags: whether Envoy knows every operator that they use. A proxy that finds one which it
//! does not know refuses the listener as a whole.

use serde_json::{Map, Value};

use super::json;
use super::reader::{Context, Field, shorten};
use super::tree::NodeValue;
use crate::check::expression::{self, Use, did_you_mean};
use crate::problem::{Severity, closest, codes};

/// Every operator of stock Envoy 1.40, as it was seen to accept them.
const OPERATORS: &[&str] = &[
    "ACCESS_LOG_TYPE",
    "BYTES_RECEIVED",
    "BYTES_RETRANSMITTED",
    "BYTES_SENT",
    "CEL",
    "CLUSTER_METADATA",
    "COALESCE",
    "COMMON_DURATION",
    "CONNECTION_ID",
    "CONNECTION_TERMINATION_DETAILS",
    "CUSTOM_FLAGS",
    "DOWNSTREAM_CX_RTT",
    "DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED",
    "DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT",
    "DOWNSTREAM_DETECTED_CLOSE_TYPE",
    "DOWNSTREAM_DIRECT_LOCAL_ADDRESS",
    "DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID",
    "DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_DIRECT_LOCAL_PORT",
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS",
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_DIRECT_REMOTE_PORT",
    "DOWNSTREAM_HANDSHAKE_DURATION",
    "DOWNSTREAM_HEADER_BYTES_RECEIVED",
    "DOWNSTREAM_HEADER_BYTES_SENT",
    "DOWNSTREAM_LOCAL_ADDRESS",
    "DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID",
    "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_LOCAL_CLOSE_REASON",
    "DOWNSTREAM_LOCAL_DNS_SAN",
    "DOWNSTREAM_LOCAL_EMAIL_SAN",
    "DOWNSTREAM_LOCAL_IP_SAN",
    "DOWNSTREAM_LOCAL_OTHERNAME_SAN",
    "DOWNSTREAM_LOCAL_PORT",
    "DOWNSTREAM_LOCAL_SUBJECT",
    "DOWNSTREAM_LOCAL_URI_SAN",
    "DOWNSTREAM_PEER_CERT",
    "DOWNSTREAM_PEER_CERT_V_END",
    "DOWNSTREAM_PEER_CERT_V_START",
    "DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1",
    "DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256",
    "DOWNSTREAM_PEER_CHAIN_SERIALS",
    "DOWNSTREAM_PEER_DNS_SAN",
    "DOWNSTREAM_PEER_EMAIL_SAN",
    "DOWNSTREAM_PEER_FINGERPRINT_1",
    "DOWNSTREAM_PEER_FINGERPRINT_256",
    "DOWNSTREAM_PEER_IP_SAN",
    "DOWNSTREAM_PEER_ISSUER",
    "DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256",
    "DOWNSTREAM_PEER_ISSUER_SERIAL",
    "DOWNSTREAM_PEER_OTHERNAME_SAN",
    "DOWNSTREAM_PEER_SERIAL",
    "DOWNSTREAM_PEER_SUBJECT",
    "DOWNSTREAM_PEER_URI_SAN",
    "DOWNSTREAM_REMOTE_ADDRESS",
    "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_REMOTE_PORT",
    "DOWNSTREAM_TLS_CIPHER",
    "DOWNSTREAM_TLS_GROUP",
    "DOWNSTREAM_TLS_SESSION_ID",
    "DOWNSTREAM_TLS_VERSION",
    "DOWNSTREAM_TRANSPORT_FAILURE_REASON",
    "DOWNSTREAM_WIRE_BYTES_RECEIVED",
    "DOWNSTREAM_WIRE_BYTES_SENT",
    "DURATION",
    "DYNAMIC_METADATA",
    "EMIT_TIME",
    "EMIT_TIME_LOCAL",
    "ENVIRONMENT",
    "FILTER_CHAIN_NAME",
    "FILTER_STATE",
    "GRPC_STATUS",
    "GRPC_STATUS_NUMBER",
    "HOSTNAME",
    "LISTENER_NAME",
    "LOCAL_REPLY_BODY",
    "METADATA",
    "PACKETS_RETRANSMITTED",
    "PATH",
    "PROTOCOL",
    "QUERY_PARAM",
    "QUERY_PARAMS",
    "REQ",
    "REQUESTED_SERVER_NAME",
    "REQUEST_DURATION",
    "REQUEST_HEADER",
    "REQUEST_HEADERS_BYTES",
    "REQUEST_TX_DURATION",
    "REQ_WITHOUT_QUERY",
    "RESP",
    "RESPONSE_CODE",
    "RESPONSE_CODE_DETAILS",
    "RESPONSE_DURATION",
    "RESPONSE_FLAGS",
    "RESPONSE_FLAGS_LONG",
    "RESPONSE_HEADER",
    "RESPONSE_HEADERS_BYTES",
    "RESPONSE_TRAILER",
    "RESPONSE_TRAILERS_BYTES",
    "RESPONSE_TX_DURATION",
    "ROUNDTRIP_DURATION",
    "ROUTE_NAME",
    "SPAN_ID",
    "START_TIME",
    "START_TIME_LOCAL",
    "STREAM_ID",
    "TLS_JA3_FINGERPRINT",
    "TLS_JA4_FINGERPRINT",
    "TRACE_ID",
    "TRAILER",
    "UNIQUE_ID",
    "UPSTREAM_CLUSTER",
    "UPSTREAM_CLUSTER_RAW",
    "UPSTREAM_CONNECTION_ID",
    "UPSTREAM_CONNECTION_IDS_ATTEMPTED",
    "UPSTREAM_CONNECTION_POOL_READY_DURATION",
    "UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED",
    "UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT",
    "UPSTREAM_DETECTED_CLOSE_TYPE",
    "UPSTREAM_FILTER_STATE",
    "UPSTREAM_HEADER_BYTES_RECEIVED",
    "UPSTREAM_HEADER_BYTES_SENT",
    "UPSTREAM_HOST",
    "UPSTREAM_HOSTS_ATTEMPTED",
    "UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT",
    "UPSTREAM_HOST_NAME",
    "UPSTREAM_HOST_NAMES_ATTEMPTED",
    "UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT",
    "UPSTREAM_HOST_NAME_WITHOUT_PORT",
    "UPSTREAM_LOCAL_ADDRESS",
    "UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT",
    "UPSTREAM_LOCAL_CLOSE_REASON",
    "UPSTREAM_LOCAL_DNS_SAN",
    "UPSTREAM_LOCAL_IP_SAN",
    "UPSTREAM_LOCAL_PORT",
    "UPSTREAM_LOCAL_URI_SAN",
    "UPSTREAM_METADATA",
    "UPSTREAM_PEER_CERT",
    "UPSTREAM_PEER_CERT_V_END",
    "UPSTREAM_PEER_CERT_V_START",
    "UPSTREAM_PEER_DNS_SAN",
    "UPSTREAM_PEER_IP_SAN",
    "UPSTREAM_PEER_ISSUER",
    "UPSTREAM_PEER_SUBJECT",
    "UPSTREAM_PEER_URI_SAN",
    "UPSTREAM_PROTOCOL",
    "UPSTREAM_REMOTE_ADDRESS",
    "UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID",
    "UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT",
    "UPSTREAM_REMOTE_PORT",
    "UPSTREAM_REQUEST_ATTEMPT_COUNT",
    "UPSTREAM_SERVER_NAME",
    "UPSTREAM_TLS_CIPHER",
    "UPSTREAM_TLS_GROUP",
    "UPSTREAM_TLS_SESSION_ID",
    "UPSTREAM_TLS_VERSION",
    "UPSTREAM_TRANSPORT_FAILURE_REASON",
    "UPSTREAM_WIRE_BYTES_RECEIVED",
    "UPSTREAM_WIRE_BYTES_SENT",
    "VIRTUAL_CLUSTER_NAME",
];

/// The operators that stock Envoy 1.40 refuses without arguments.
const NEED_ARGUMENTS: &[&str] = &[
    "CEL",
    "CLUSTER_METADATA",
    "COALESCE",
    "COMMON_DURATION",
    "DYNAMIC_METADATA",
    "ENVIRONMENT",
    "FILTER_STATE",
    "METADATA",
    "QUERY_PARAM",
    "REQ",
    "REQUEST_HEADER",
    "REQ_WITHOUT_QUERY",
    "RESP",
    "RESPONSE_HEADER",
    "RESPONSE_TRAILER",
    "TRAILER",
    "UPSTREAM_FILTER_STATE",
    "UPSTREAM_METADATA",
];

/// The operators that stock Envoy 1.40 takes arguments of, and does without.
const MAY_HAVE_ARGUMENTS: &[&str] = &[
    "DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_PEER_CERT_V_END",
    "DOWNSTREAM_PEER_CERT_V_START",
    "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT",
    "EMIT_TIME",
    "EMIT_TIME_LOCAL",
    "GRPC_STATUS",
    "PATH",
    "QUERY_PARAMS",
    "REQUESTED_SERVER_NAME",
    "RESPONSE_CODE_DETAILS",
    "START_TIME",
    "START_TIME_LOCAL",
    "UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT",
    "UPSTREAM_PEER_CERT_V_END",
    "UPSTREAM_PEER_CERT_V_START",
    "UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT",
];

/// The operators whose value stock Envoy 1.40 cuts to a length.
const MAY_HAVE_LENGTH: &[&str] = &[
    "CEL",
    "COALESCE",
    "DYNAMIC_METADATA",
    "ENVIRONMENT",
    "FILTER_STATE",
    "METADATA",
    "PATH",
    "QUERY_PARAM",
    "QUERY_PARAMS",
    "REQ",
    "REQUEST_HEADER",
    "REQ_WITHOUT_QUERY",
    "RESP",
    "RESPONSE_HEADER",
    "RESPONSE_TRAILER",
    "TRAILER",
    "UPSTREAM_FILTER_STATE",
];

/// What is wrong with a format.
#[derive(Debug, PartialEq, Eq)]
enum Fault<'f> {
    /// An operator that Envoy does not have.
    Unknown(&'f str),
    /// An operator that needs arguments and has none.
    Bare(&'f str),
    /// An operator that takes no arguments and has some.
    Arguments(&'f str),
    /// An operator that takes no length and has one.
    Length(&'f str),
    /// A `%` that begins no operator, or one that does not end; with what follows it.
    Stray(&'f str),
}

/// An operator of a format.
struct Operator<'f> {
    name: &'f str,
    /// What stands between its name and its last `%`: arguments and a length, both or none.
    tail: &'f str,
}

impl<'f> Operator<'f> {
    /// What stands in its parentheses.
    fn arguments(&self) -> Option<&'f str> {
        let inner = self.tail.strip_prefix('(')?;
        inner.rfind(')').map(|end| &inner[..end])
    }
}

/// The next operator of a format, which then begins behind it; else what begins none.
fn next_operator<'f>(format: &mut &'f str) -> Option<Result<Operator<'f>, &'f str>> {
    while let Some(start) = format.find('%') {
        let begun = &format[start + 1..];
        if let Some(after) = begun.strip_prefix('%') {
            *format = after;
            continue;
        }
        let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        let (name, tail) = begun.split_at(begun.find(|c| !is_name(c)).unwrap_or(begun.len()));
        let Some(after) = end(tail).filter(|_| !name.is_empty()) else {
            return Some(Err(&format[start..]));
        };
        *format = after;
        return Some(Ok(Operator { name, tail: &tail[..tail.len() - after.len() - 1] }));
    }
    None
}

/// The first thing that is wrong with a format, if anything.
fn fault(format: &str) -> Option<Fault<'_>> {
    let mut rest = format;
    while let Some(next) = next_operator(&mut rest) {
        let Operator { name, tail } = match next {
            Ok(operator) => operator,
            Err(stray) => return Some(Fault::Stray(stray)),
        };
        if !OPERATORS.contains(&name) {
            return Some(Fault::Unknown(name));
        }
        let has_arguments = tail.starts_with('(') && !tail.starts_with("()");
        if !has_arguments && NEED_ARGUMENTS.contains(&name) {
            return Some(Fault::Bare(name));
        }
        if has_arguments && !NEED_ARGUMENTS.contains(&name) && !MAY_HAVE_ARGUMENTS.contains(&name) {
            return Some(Fault::Arguments(name));
        }
        if has_length(tail) && !MAY_HAVE_LENGTH.contains(&name) {
            return Some(Fault::Length(name));
        }
    }
    None
}

/// The expressions of a right format: what its operators `%CEL(…)%` say.
fn expressions(format: &str) -> impl Iterator<Item = &str> {
    let mut rest = format;
    std::iter::from_fn(move || next_operator(&mut rest))
        .filter_map(Result::ok)
        .filter(|operator| operator.name == "CEL")
        .filter_map(|operator| operator.arguments())
}

/// Reports what is wrong with an expression of a format.
fn judge_expression(text: &str, field: &Field<'_>, context: &mut Context) {
    let (severity, code, message, help) = match expression::fault(text, Use::Log) {
        None => return,
        Some(expression::Fault::Syntax(message)) => (
            Severity::Error,
            codes::BAD_LOG_FORMAT,
            format!(
                "`{}` is not a CEL expression, and Envoy would refuse its configuration: {message}",
                shorten(text)
            ),
            "such as `%CEL(request.host)%`".to_owned(),
        ),
        Some(expression::Fault::Function(missing)) => (
            Severity::Error,
            codes::UNKNOWN_FUNCTION_OF_LOGS,
            format!("{}, and would refuse its configuration", missing.message),
            missing.help,
        ),
        Some(expression::Fault::UnknownWord(name)) => {
            (Severity::Warning, codes::UNKNOWN_ATTRIBUTE, no_attribute(&name), did_you_mean(""))
        }
        Some(expression::Fault::UnknownAttribute(name, likely)) => {
            (Severity::Warning, codes::UNKNOWN_ATTRIBUTE, no_attribute(&name), did_you_mean(&likely))
        }
        Some(expression::Fault::Joined) => (
            Severity::Warning,
            codes::JOINED_IN_LOGS,
            "Envoy puts no texts or lists together in access logs, so there is no value".to_owned(),
            "write one operator beside the other: `%CEL(a)%%CEL(b)%`".to_owned(),
        ),
    };
    context.report(severity, code, field, message, help);
}

fn no_attribute(name: &str) -> String {
    format!("Envoy has no attribute `{}`, so there is no value", shorten(name))
}

/// Whether what stands between an operator's name and its last `%` ends with a length.
fn has_length(text: &str) -> bool {
    let is_length = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.rsplit_once(':')
        .is_some_and(|(before, length)| (before.is_empty() || before.ends_with(')')) && is_length(length))
}

/// What follows an operator, given what follows its name: `(arguments)` and `:LENGTH` may stand before its last `%`.
/// Arguments may hold `%` themselves, as those of START_TIME do.
fn end(tail: &str) -> Option<&str> {
    let length = |text: &'_ str| -> Option<usize> {
        let length = match text.strip_prefix(':') {
            Some(text) => 1 + text.find(|c: char| !c.is_ascii_digit()).filter(|digits| *digits > 0)?,
            None => 0,
        };
        text[length..].starts_with('%').then_some(length + 1)
    };
    if !tail.starts_with('(') {
        return length(tail).map(|length| &tail[length..]);
    }
    tail.match_indices(')').find_map(|(close, _)| {
        let after = &tail[close + 1..];
        length(after).map(|length| &after[length..])
    })
}

/// Whether a text is a format that Envoy takes where no extension helps.
pub(crate) fn is_valid_alone(format: &str) -> bool {
    fault(format).is_none() && extension_operator(format).is_none()
}

/// The operator of a format that Envoy has in an extension alone, if one is there.
fn extension_operator(format: &str) -> Option<&'static str> {
    const NAME: &str = "REQ_WITHOUT_QUERY";
    format.contains("%REQ_WITHOUT_QUERY(").then_some(NAME)
}

/// Reports what is wrong with a format where no extension helps, as in a tag of a span.
pub(super) fn judge_alone(format: &str, field: &Field<'_>, context: &mut Context) {
    if let Some(name) = extension_operator(format) {
        let message =
            format!("access logs alone can have `%{name}%`, and Envoy would refuse its configuration");
        let help = "write `%REQ(NAME)%`, or leave out the path's query where spans are shown";
        context.report(Severity::Error, codes::BAD_LOG_FORMAT, field, message, help);
    } else {
        judge(format, field, context);
    }
}

/// Reports what is wrong with a format.
pub(super) fn judge(format: &str, field: &Field<'_>, context: &mut Context) {
    let (message, help) = match fault(format) {
        None => {
            expressions(format).for_each(|text| judge_expression(text, field, context));
            return;
        }
        Some(Fault::Unknown(name)) => {
            let help = match closest(name, OPERATORS) {
                Some(known) => format!("did you mean `%{known}%`?"),
                None => "see Envoy's documentation of access logs for its operators".to_owned(),
            };
            (format!("Envoy has no operator `%{}%` and would refuse its configuration", shorten(name)), help)
        }
        Some(Fault::Bare(name)) => (
            format!("`%{name}%` needs arguments, and Envoy would refuse its configuration"),
            format!("write what it is about in parentheses: `%{name}(...)%`, such as `%REQ(:METHOD)%`"),
        ),
        Some(Fault::Arguments(name)) => (
            format!("`%{name}%` takes no arguments, and Envoy would refuse its configuration"),
            format!("write `%{name}%`"),
        ),
        Some(Fault::Length(name)) => (
            format!("`%{name}%` takes no length, and Envoy would refuse its configuration"),
            format!(
                "take `:LENGTH` out; values that are cut to one are those of {}",
                MAY_HAVE_LENGTH.join(", ")
            ),
        ),
        Some(Fault::Stray(text)) => {
            let message =
                format!("`{}` is no operator, and Envoy would refuse its configuration", shorten(text));
            (
                message,
                "an operator is written `%NAME%` or `%NAME(ARGUMENTS)%`, a percent sign `%%`".to_owned(),
            )
        }
    };
    context.report(Severity::Error, codes::BAD_LOG_FORMAT, field, message, help);
}

/// A JSON object whose texts are formats.
pub(super) fn labels(field: &Field<'_>, context: &mut Context) -> Option<Map<String, Value>> {
    let object = json::object(field, context)?;
    judge_each(field, context);
    Some(object)
}

fn judge_each(field: &Field<'_>, context: &mut Context) {
    match &field.node.value {
        NodeValue::Map(_) => {
            // What is wrong with the object itself was reported when it was read.
            let mut unheard = Context { document: context.document.clone(), problems: Vec::new() };
            if let Some(object) = field.any_object(&mut unheard) {
                object.fields().for_each(|(_, field)| judge_each(&field, context));
            }
        }
        NodeValue::List(items) => {
            for (index, node) in items.iter().enumerate() {
                judge_each(&Field { node, path: format!("{}[{index}]", field.path) }, context);
            }
        }
        NodeValue::Scalar { .. } => {
            if let Some(text) = field.quiet_string() {
                judge(&text, field, context);
            }
        }
    }
}

#[cfg(test)]
mod tests;

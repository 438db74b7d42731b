//! Reads how collectors are called: what calls carry, and how long they may take.

use std::time::Duration;

use super::object;
use crate::document::log_format;
use crate::document::reader::{Context, Field, Object, shorten};
use crate::problem::{Severity, codes};
use crate::resources::mesh_config::{CallHeader, HeaderSource};

/// Envoy's limit of a call's time, in seconds; a call takes less.
const LONGEST: u64 = 1 << 32;

/// Headers whose value follows from what is sent. With another one no call arrives.
const NOT_TO_BE_SET: &[&str] = &["content-length", "transfer-encoding"];

/// How long a call may take.
pub(super) fn timeout(field: &Field<'_>, context: &mut Context) -> Option<Duration> {
    let timeout = field.duration(context)?;
    if timeout.as_secs() >= LONGEST {
        let message = format!("a call cannot be given {} s", timeout.as_secs());
        let help = format!("allowed: 0s to {}s", LONGEST - 1);
        context.report(Severity::Error, codes::OUT_OF_RANGE, field, message, help);
        return None;
    }
    Some(timeout)
}

/// `HOST:PORT`; an IPv6 address stands in brackets.
pub(super) fn address(field: &Field<'_>, context: &mut Context, help: &str) -> Option<(String, u16)> {
    let text = field.string(context)?;
    let parts = text.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
    match parts {
        Some((host, port)) if port > 0 && !host.is_empty() => {
            Some((host.trim_start_matches('[').trim_end_matches(']').to_owned(), port))
        }
        _ => {
            let message = format!("`{}` is not `HOST:PORT`", shorten(&text));
            context.report(Severity::Error, codes::BAD_VALUE, field, message, help);
            None
        }
    }
}

/// A list of headers.
pub(super) fn headers(object: &Object<'_>, key: &str, context: &mut Context) -> Vec<CallHeader> {
    object.list(context, key).iter().filter_map(|field| header(field, context)).collect()
}

fn header(field: &Field<'_>, context: &mut Context) -> Option<CallHeader> {
    let header = object(field, &["name", "value", "envName"], context)?;
    let name = header.require(context, "name", "the header's name, such as `authorization`")?;
    let text = name.string(context)?;
    let help = "write a name such as `x-token`: letters, digits and `-`; a length is set by Envoy";
    if text.is_empty() {
        let message = "a header has an empty name, and Envoy would refuse its configuration";
        context.report(Severity::Error, codes::BAD_CALL_HEADER, &name, message, help);
    } else if !can_be_set(&text) {
        let message = format!("no call that carries a header `{}` arrives", shorten(&text));
        context.report(Severity::Warning, codes::BAD_CALL_HEADER, &name, message, help);
    }
    let value = match (header.get("value"), header.get("envName")) {
        (Some(_), Some(variable)) => {
            let message = "both `value` and `envName` are there";
            let help = "write one: a value as it is, or the variable of the control plane that has it";
            context.report(Severity::Error, codes::BAD_CALL_HEADER, &variable, message, help);
            return None;
        }
        (Some(value), None) => HeaderSource::Written(written(&value, context)?),
        (None, Some(variable)) => HeaderSource::Environment(variable.string(context)?),
        (None, None) => {
            let message = format!("the header `{}` has no value, so it is sent empty", shorten(&text));
            let help = "write `value`, or `envName` for a variable of the control plane";
            context.report(Severity::Warning, codes::BAD_CALL_HEADER, field, message, help);
            HeaderSource::Written(String::new())
        }
    };
    Some(CallHeader { origin: field.origin(context), name: text, value })
}

/// A value that stands in the document. Envoy reads it as a format.
fn written(field: &Field<'_>, context: &mut Context) -> Option<String> {
    let value = field.string(context)?;
    if value.contains(['\0', '\r', '\n']) {
        let message =
            "a header's value cannot have the end of a line in it, and Envoy would refuse its configuration";
        let help = "write it on one line";
        context.report(Severity::Error, codes::BAD_CALL_HEADER, field, message, help);
    } else if !log_format::is_valid_alone(&value) {
        let message =
            "a percent sign here begins no operator of Envoy's, and Istio's proxies would refuse the value";
        let help = "here it is sent as it is written; for Istio's proxies write `%%` for a percent sign";
        context.report(Severity::Warning, codes::HEADER_PERCENT, field, message, help);
    }
    Some(value)
}

/// Whether calls that carry a header of that name arrive.
fn can_be_set(name: &str) -> bool {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    (name.chars().all(is_token) || name == ":authority")
        && !NOT_TO_BE_SET.iter().any(|set| name.eq_ignore_ascii_case(set))
}

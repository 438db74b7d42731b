//! What makes an entry of `spec.accessLogging` valid: what its filter says, and whom it belongs to.

use crate::check::expression::{Fault, Use, did_you_mean, fault, is_never_boolean};
use crate::check::telemetry::at;
use crate::document::reader::shorten;
use crate::origin::Traced;
use crate::problem::{Problem, Severity, codes};
use crate::resources::telemetry::AccessLoggingEntry;

pub(super) fn check(entry: &AccessLoggingEntry, problems: &mut Vec<Problem>) {
    let Some(filter) = &entry.filter else { return };
    expression(filter, problems);
    if entry.providers.is_empty() {
        problems.push(at(
            &filter.origin,
            Severity::Warning,
            codes::FILTER_WITHOUT_PROVIDER,
            "the filter has no effect: in Istio a filter belongs to the providers that its own entry names"
                .to_owned(),
            "write `providers:` beside it and name those to filter, inherited ones too".to_owned(),
        ));
    }
}

fn expression(filter: &Traced<String>, problems: &mut Vec<Problem>) {
    let text = &filter.value;
    let (severity, code, message, help) = match fault(text, Use::Log) {
        None if is_never_boolean(text) => (
            Severity::Warning,
            codes::FILTER_NOT_BOOLEAN,
            format!("`{}` is neither true nor false, so nothing is logged", shorten(text)),
            "compare it with something, such as `response.code >= 400`".to_owned(),
        ),
        None => return,
        Some(Fault::Syntax(message)) => (
            Severity::Error,
            codes::BAD_EXPRESSION,
            format!("`{}` is not a CEL expression: {message}", shorten(text)),
            "such as `response.code >= 400` or `request.host == 'shop.example'`".to_owned(),
        ),
        Some(Fault::UnknownWord(word)) => (
            Severity::Warning,
            codes::UNKNOWN_ATTRIBUTE,
            format!("`{word}` is no attribute that Envoy knows, so nothing is logged"),
            did_you_mean(""),
        ),
        Some(Fault::UnknownAttribute(attribute, likely)) => (
            Severity::Warning,
            codes::UNKNOWN_ATTRIBUTE,
            format!("Envoy has no attribute `{attribute}`, so what asks for it is never true and not logged"),
            did_you_mean(&likely),
        ),
        Some(Fault::Function(missing)) => (
            Severity::Error,
            codes::UNKNOWN_FUNCTION_OF_LOGS,
            format!("{}, and would refuse its configuration", missing.message),
            missing.help,
        ),
        Some(Fault::Joined) => (
            Severity::Warning,
            codes::JOINED_IN_LOGS,
            "Envoy puts no texts or lists together in a filter, so what asks for it is never true and not logged".to_owned(),
            "compare the parts, such as `request.host == 'shop.example' && request.path == '/'`".to_owned(),
        ),
    };
    problems.push(at(&filter.origin, severity, code, message, help));
}

//! The formats of log lines and tags: whether Envoy knows every operator that they use. A proxy that finds one which it
//! does not know refuses the listener as a whole.

mod arguments;
mod operators;

use serde_json::{Map, Value};

use self::arguments::BadArgument;
use self::operators::{MAY_HAVE_ARGUMENTS, MAY_HAVE_LENGTH, NEED_ARGUMENTS, OPERATORS};
use super::json;
use super::reader::{Context, Field, shorten};
use super::tree::NodeValue;
use crate::check::expression::{self, Use, did_you_mean};
use crate::problem::{Severity, closest, codes};

/// What is wrong with a format.
#[derive(Debug, PartialEq, Eq)]
enum Fault<'f> {
    /// An operator that Envoy does not have.
    Unknown(&'f str),
    /// An operator that needs arguments and has none.
    Bare(&'f str),
    /// An operator that takes no arguments and has some.
    Arguments(&'f str),
    /// An operator with arguments that it does not take.
    Argument(&'f str, BadArgument),
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
        let operator = match next {
            Ok(operator) => operator,
            Err(stray) => return Some(Fault::Stray(stray)),
        };
        let Operator { name, tail } = operator;
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
        let arguments = operator.arguments().filter(|_| has_arguments);
        if let Some(bad) = arguments.and_then(|arguments| arguments::judge(name, arguments)) {
            return Some(Fault::Argument(name, bad));
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
        .filter(|operator| matches!(operator.name, "CEL" | "TYPED_CEL"))
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
        Some(Fault::Argument(name, bad)) => (
            format!("`%{name}%` does not take {}, and Envoy would refuse its configuration", bad.what),
            bad.allowed,
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

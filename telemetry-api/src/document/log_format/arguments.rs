//! What stands in the parentheses of operators, as stock Envoy 1.40 was seen to take it.

use serde_json::Value;

use super::fault;
use crate::document::reader::shorten;

/// Operators that name a header, and another for where that is missing.
const HEADERS: &[&str] =
    &["REQ", "REQUEST_HEADER", "REQ_WITHOUT_QUERY", "RESP", "RESPONSE_HEADER", "RESPONSE_TRAILER", "TRAILER"];

/// What may be said, and of those that take two, what may stand before and behind the colon: each may be empty there, and
/// nothing behind a second colon is looked at.
const CHOICES: &[(&str, &[&[&str]])] = &[
    ("GRPC_STATUS", &[&["CAMEL_STRING", "SNAKE_STRING", "NUMBER"]]),
    ("PATH", &[&["WQ", "NQ"], &["ORIG", "PATH", "ORIG_OR_PATH"]]),
    ("QUERY_PARAMS", &[&["ORIG", "DECODED"]]),
    ("REQUESTED_SERVER_NAME", &[&["SNI_ONLY", "SNI_FIRST", "HOST_FIRST"], &["ORIG", "HOST", "ORIG_OR_HOST"]]),
];

/// Where metadata is from.
const METADATA: &[&str] =
    &["DYNAMIC", "CLUSTER", "ROUTE", "UPSTREAM_HOST", "LISTENER", "LISTENER_FILTER_CHAIN", "VIRTUAL_HOST"];

/// How the value of a filter's state is written.
const STATES: &[&str] = &["PLAIN", "TYPED", "FIELD"];

/// The units of a duration.
const UNITS: &[&str] = &["ms", "us", "ns"];

/// What is wrong with an operator's arguments, and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BadArgument {
    /// What it is that Envoy refuses.
    pub what: String,
    /// What to write.
    pub allowed: String,
}

fn bad(what: impl Into<String>, allowed: impl Into<String>) -> Option<BadArgument> {
    Some(BadArgument { what: what.into(), allowed: allowed.into() })
}

/// What is wrong with the arguments of an operator, if anything. Expressions are judged elsewhere.
pub(super) fn judge(name: &str, arguments: &str) -> Option<BadArgument> {
    if HEADERS.contains(&name) {
        return headers(arguments);
    }
    if let Some((_, places)) = CHOICES.iter().find(|(operator, _)| *operator == name) {
        return choices(arguments, places);
    }
    match name {
        "COMMON_DURATION" => duration(arguments),
        "FILTER_STATE" | "UPSTREAM_FILTER_STATE" => state(arguments),
        "METADATA" => one_of(arguments.split(':').next().unwrap_or_default(), METADATA),
        "COALESCE" => alternatives(arguments),
        _ => None,
    }
}

fn one_of(word: &str, allowed: &[&str]) -> Option<BadArgument> {
    if allowed.contains(&word) {
        return None;
    }
    bad(format!("`{word}`"), format!("allowed: {}", allowed.join(", ")))
}

fn headers(arguments: &str) -> Option<BadArgument> {
    let names: Vec<&str> = arguments.split('?').collect();
    if names.len() > 2 {
        return bad("more than two names", "write a header and at most one for where that is missing: `A?B`");
    }
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let is_name = |name: &&str| name.strip_prefix(':').unwrap_or(name).chars().all(is_token);
    let wrong = names.iter().find(|name| !is_name(name))?;
    bad(format!("`{wrong}`"), "write the name of a header: letters, digits and `-`, without blanks")
}

fn choices(arguments: &str, places: &[&[&str]]) -> Option<BadArgument> {
    if let [allowed] = places {
        return one_of(arguments, allowed);
    }
    let mut words = arguments.split(':').zip(places);
    words.find_map(|(word, allowed)| if word.is_empty() { None } else { one_of(word, allowed) })
}

fn duration(arguments: &str) -> Option<BadArgument> {
    let parts: Vec<&str> = arguments.split(':').collect();
    match parts.as_slice() {
        [_, _] => None,
        [_, _, unit] => one_of(unit, UNITS),
        _ => bad(
            format!("`{arguments}`"),
            "write where it begins, where it ends and its unit: `DS_RX_BEG:DS_TX_END:ms`",
        ),
    }
}

fn state(arguments: &str) -> Option<BadArgument> {
    let mut parts = arguments.splitn(3, ':');
    if parts.next().is_some_and(str::is_empty) {
        return bad("an empty name", "write the name of a filter's state, such as `wasm.upstream_peer`");
    }
    let form = parts.next().unwrap_or_default();
    let field = parts.next();
    match (form, field.unwrap_or_default()) {
        ("", "") => None,
        ("FIELD", "") => bad("`FIELD` without a name", "write the field's name: `FIELD:NAME`"),
        ("FIELD", _) => None,
        (_, "") => one_of(form, STATES),
        _ => bad(format!("a field beside `{form}`"), "write `FIELD:NAME`"),
    }
}

/// A JSON object with operators, of which the first that has a value counts.
fn alternatives(arguments: &str) -> Option<BadArgument> {
    const FORM: &str = "write a list of names, or of objects with `command`, `param` and `max_length`: \
                        `{\"operators\": [{\"command\": \"REQ\", \"param\": \"x-id\"}, \"PROTOCOL\"]}`";
    let object = serde_json::from_str::<Value>(arguments).unwrap_or_default();
    let Some(operators) = object.get("operators").and_then(Value::as_array) else {
        return bad(format!("`{}`", shorten(arguments)), FORM);
    };
    if operators.is_empty() {
        return bad("an empty list of operators", FORM);
    }
    let wrong =
        operators.iter().find(|operator| written(operator).is_none_or(|text| fault(&text).is_some()))?;
    bad(format!("the operator `{}`", shorten(&wrong.to_string())), FORM)
}

/// An operator of such a list as it is written in a format; absent: it is none.
fn written(operator: &Value) -> Option<String> {
    if let Some(name) = operator.as_str() {
        return Some(format!("%{name}%"));
    }
    let name = operator.get("command")?.as_str()?;
    let arguments = match operator.get("param") {
        Some(param) => format!("({})", param.as_str()?),
        None => String::new(),
    };
    let length = match operator.get("max_length") {
        Some(length) => format!(":{}", length.as_u64()?),
        None => String::new(),
    };
    Some(format!("%{name}{arguments}{length}%"))
}

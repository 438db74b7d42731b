//! Words for schemas and values: what is expected, and what is there.

use burgee_api::document::reader::{list, shorten};
use burgee_api::problem::closest;
use burgee_api::text::clean;
use jsonschema::JsonType;
use serde_json::Value;

/// How many allowed names a help lists.
const MOST_NAMES: usize = 20;

/// A text for a sentence: one line that moves no cursor.
pub(crate) fn short(text: &str) -> String {
    clean(&shorten(text))
}

/// A value for a sentence.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => short(text),
        other => short(&other.to_string()),
    }
}

/// What a value is.
pub(crate) fn found(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(_) => format!("a boolean (`{value}`)"),
        Value::Number(number) if number.is_f64() => format!("a number (`{value}`)"),
        Value::Number(_) => format!("an integer (`{value}`)"),
        Value::String(_) => format!("a string (`{}`)", shown(value)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// A type.
pub(crate) const fn type_name(of: JsonType) -> &'static str {
    match of {
        JsonType::Null => "nothing",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "an integer",
        JsonType::Number => "a number",
        JsonType::String => "a string",
        JsonType::Array => "a list",
        JsonType::Object => "an object",
    }
}

/// Several of which one is expected. Nothing can always be left out, so it is not named beside others.
pub(crate) fn one_of(expected: &[&str]) -> String {
    let mut named: Vec<&str> = expected.iter().copied().filter(|name| *name != "nothing").collect();
    named.dedup();
    match named.as_slice() {
        [] => "nothing".to_owned(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// What to write for a value that has another type.
pub(crate) fn type_help(expected: &[JsonType], found: &Value) -> String {
    let wants = |of| expected.contains(&of);
    match found {
        Value::Number(_) | Value::Bool(_) if wants(JsonType::String) => {
            format!("put it in quotes: \"{found}\"")
        }
        Value::String(text)
            if (wants(JsonType::Integer) || wants(JsonType::Number))
                && text.parse::<f64>().is_ok_and(f64::is_finite) =>
        {
            "write it without quotes".to_owned()
        }
        Value::String(text) if wants(JsonType::Boolean) && matches!(text.as_str(), "true" | "false") => {
            "write it without quotes".to_owned()
        }
        _ if wants(JsonType::Object) => "write `key: value` lines, indented below this field".to_owned(),
        _ if wants(JsonType::Array) => {
            "write each entry on a line of its own that begins with `- `".to_owned()
        }
        _ if wants(JsonType::Boolean) => "write true or false, without quotes".to_owned(),
        _ => String::new(),
    }
}

/// Names of which one is allowed, the likeliest first.
pub(crate) fn names(written: &str, allowed: &[&str]) -> String {
    if allowed.is_empty() {
        return "no fields are allowed here".to_owned();
    }
    let cleaned: Vec<String> = allowed.iter().map(|name| short(name)).collect();
    let mut cleaned: Vec<&str> = cleaned.iter().map(String::as_str).collect();
    let near = closest(written, &cleaned).map(|near| format!("did you mean `{near}`? "));
    let more = cleaned.len().saturating_sub(MOST_NAMES);
    cleaned.truncate(MOST_NAMES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}allowed: {}{more}", near.unwrap_or_default(), list(&cleaned))
}

/// What a schema says of itself: its description's first sentence.
pub(crate) fn description(schema: &Value) -> Option<String> {
    let text = schema.get("description")?.as_str()?;
    let paragraph =
        text.split("\n\n").next().unwrap_or(text).split_whitespace().collect::<Vec<_>>().join(" ");
    let end = paragraph.find(". ").map_or(paragraph.len(), |at| at + 1);
    let sentence = clean(paragraph[..end].trim_end_matches('.'));
    (!sentence.is_empty()).then_some(sentence)
}

/// A schema by the reference that it is, if it is one within the same text.
pub(crate) fn resolved<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    let mut schema = schema;
    // A chain of references that is longer than this is a ring.
    for _ in 0..16 {
        let Some(target) = schema
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|reference| reference.strip_prefix('#'))
            .and_then(|pointer| root.pointer(pointer))
        else {
            break;
        };
        schema = target;
    }
    schema
}

/// The bounds of numbers that a schema has.
pub(crate) fn bounds(schema: &Value) -> String {
    let bound = |keyword: &str| schema.get(keyword).filter(|bound| bound.is_number());
    match (bound("minimum"), bound("maximum"), bound("exclusiveMinimum"), bound("exclusiveMaximum")) {
        (Some(low), Some(high), _, _) => format!("allowed: {low} to {high}"),
        (low, high, above, below) => {
            let parts: Vec<String> = [
                low.map(|low| format!("{low} or more")),
                above.map(|above| format!("more than {above}")),
                high.map(|high| format!("{high} or less")),
                below.map(|below| format!("less than {below}")),
            ]
            .into_iter()
            .flatten()
            .collect();
            if parts.is_empty() { String::new() } else { format!("allowed: {}", parts.join(" and ")) }
        }
    }
}

/// How many of something a schema allows, by the keywords of its bounds.
pub(crate) fn amount(schema: &Value, low: &str, high: &str, of: &str) -> String {
    let bound = |keyword: &str| schema.get(keyword).and_then(Value::as_u64);
    match (bound(low), bound(high)) {
        (Some(low), Some(high)) if low == high => format!("allowed: {low} {of}"),
        (Some(low), Some(high)) => format!("allowed: {low} to {high} {of}"),
        (Some(low), None) => format!("allowed: {low} or more {of}"),
        (None, Some(high)) => format!("allowed: at most {high} {of}"),
        (None, None) => String::new(),
    }
}

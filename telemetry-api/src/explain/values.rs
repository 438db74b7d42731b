//! Values, for programs and for people.

use std::time::Duration;

use serde_json::json;

use super::model::{Overridden, Value};
use crate::origin::Traced;
use crate::resolve::log_format::{DEFAULT_JSON, DEFAULT_TEXT};
use crate::resolve::{Collector, CustomTag, Endpoint, LogFormat, TagOperation};

pub(super) fn text(text: &str) -> Value {
    Value { json: json!(text), text: text.to_owned() }
}

/// What is not there, and how that is said.
pub(super) fn nothing(said: &str) -> Value {
    Value { json: serde_json::Value::Null, text: said.to_owned() }
}

pub(super) fn flag(flag: bool) -> Value {
    Value { json: json!(flag), text: flag.to_string() }
}

pub(super) fn number(number: impl Into<i64>) -> Value {
    let number = number.into();
    Value { json: json!(number), text: number.to_string() }
}

pub(super) fn list(names: &[String]) -> Value {
    let text = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    Value { json: json!(names), text }
}

pub(super) fn percent(percent: f64) -> Value {
    Value { json: json!(percent), text: format!("{percent} %") }
}

pub(super) fn duration(duration: Duration) -> Value {
    let text = format!("{duration:?}");
    Value { json: json!(text), text }
}

/// A service, by its name.
pub(super) fn service(collector: &Collector) -> Value {
    let Collector { namespace, host, .. } = collector;
    Value { json: json!({"namespace": namespace, "host": host}), text: host.clone() }
}

/// Where a service is reached.
pub(super) fn endpoints(collector: &Collector) -> Value {
    let shown = |endpoint: &Endpoint| match endpoint {
        Endpoint::Host { address, port } => format!("{address}:{port}"),
        Endpoint::Socket { path } => format!("unix://{path}"),
    };
    list(&collector.endpoints.iter().map(shown).collect::<Vec<_>>())
}

pub(super) fn custom_tag(tag: &CustomTag) -> Value {
    let or = |default: &str| if default.is_empty() { String::new() } else { format!(", else \"{default}\"") };
    let (json, text) = match tag {
        CustomTag::Literal(value) => (json!({"literal": value}), format!("\"{value}\"")),
        CustomTag::Environment { name, default } => (
            json!({"environment": {"name": name, "default_value": default}}),
            format!("the variable {name}{}", or(default)),
        ),
        CustomTag::Header { name, default } => (
            json!({"header": {"name": name, "default_value": default}}),
            format!("the header {name}{}", or(default)),
        ),
        CustomTag::Formatter(format) => (json!({"formatter": format}), format.clone()),
        CustomTag::Metadata { filter, key } => {
            (json!({"metadata": {"filter": filter, "key": key}}), format!("what {filter} left as {key}"))
        }
    };
    Value { json, text }
}

pub(super) fn tag_operation(operation: &TagOperation) -> Value {
    match operation {
        TagOperation::Upsert(expression) => {
            Value { json: json!({"operation": "UPSERT", "value": expression}), text: expression.clone() }
        }
        TagOperation::Remove => Value { json: json!({"operation": "REMOVE"}), text: "removed".to_owned() },
    }
}

/// A line of a log.
pub(super) fn log_text(text: &str) -> Value {
    let shown = if text == DEFAULT_TEXT { "Istio's usual text" } else { text.trim_end() };
    Value { json: json!(text), text: shown.to_owned() }
}

pub(super) fn log_format(format: &LogFormat) -> Value {
    match format {
        LogFormat::Text(text) => Value { json: json!({"text": text}), text: log_text(text).text },
        LogFormat::Labels(labels) => {
            let is_usual = labels.len() == DEFAULT_JSON.len()
                && DEFAULT_JSON
                    .iter()
                    .all(|(key, value)| labels.get(*key).and_then(|found| found.as_str()) == Some(value));
            let json = json!({"labels": labels});
            let text = match is_usual {
                true => "Istio's usual JSON".to_owned(),
                false => spaced(&serde_json::Value::Object(labels.clone())),
            };
            Value { json, text }
        }
    }
}

/// What was said of a field and is in force no longer.
pub(super) fn overridden<'t, T: 't>(
    said: impl IntoIterator<Item = &'t Traced<T>>,
    show: impl Fn(&T) -> Value,
) -> Vec<Overridden> {
    said.into_iter()
        .map(|traced| Overridden { value: show(&traced.value), origin: traced.origin.clone() })
        .collect()
}

/// JSON with a blank wherever a line may be broken.
pub(super) fn spaced(json: &serde_json::Value) -> String {
    match json {
        serde_json::Value::Object(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(key, value)| format!("{}: {}", json!(key), spaced(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        serde_json::Value::Array(items) => {
            format!("[{}]", items.iter().map(spaced).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// An object or a list.
pub(super) fn tree(json: serde_json::Value) -> Value {
    Value { text: spaced(&json), json }
}

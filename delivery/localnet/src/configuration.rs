//! Envoy configuration between JSON, in which it is made and written here, and the overlay's tree.

use burgee_overlay::Value;
use serde_json::{Map, Number};

/// A JSON value as the overlay's tree.
pub fn to_tree(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(integer) => Value::Int(integer),
            None => Value::Float(number.as_f64().unwrap_or(f64::MAX)),
        },
        serde_json::Value::String(text) => Value::String(text.clone()),
        serde_json::Value::Array(items) => Value::List(items.iter().map(to_tree).collect()),
        serde_json::Value::Object(fields) => {
            Value::Map(fields.iter().map(|(key, value)| (key.clone(), to_tree(value))).collect())
        }
    }
}

/// The overlay's tree as a JSON value.
pub fn to_json(tree: &Value) -> serde_json::Value {
    match tree {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Int(integer) => (*integer).into(),
        Value::Float(number) => Number::from_f64(*number).map_or(serde_json::Value::Null, Into::into),
        Value::String(text) => text.clone().into(),
        Value::List(items) => items.iter().map(to_json).collect(),
        Value::Map(fields) => {
            let fields: Map<_, _> = fields.iter().map(|(key, value)| (key.clone(), to_json(value))).collect();
            fields.into()
        }
    }
}

/// A configuration as the text of a file; JSON is YAML too, so the file may have either name.
pub fn to_text(tree: &Value) -> String {
    let mut text = serde_json::to_string_pretty(&to_json(tree)).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_configuration_survives_the_way_there_and_back() {
        let json = json!({"a": [1, -2, 1.5, true, null], "b": {"c": "1s"}});
        assert_eq!(to_json(&to_tree(&json)), json);
    }
}

//! JSON in and out, exact and in the order of the text, and the way to serde_json's own values.

use std::fmt;

use burgee_api::document::tree::Source;
use burgee_api::{Place, Problem, Severity};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::Value;
use crate::codes;

impl Value {
    /// Reads a base as Envoy reads JSON. Integers beyond 64 bits with a sign become strings, which is how protobuf
    /// writes large integers itself.
    ///
    /// # Errors
    ///
    /// The place and cause of the first syntax error.
    pub fn from_json(source: &Source) -> Result<Value, Vec<Problem>> {
        let text = source.text.strip_prefix('\u{feff}').unwrap_or(&source.text);
        serde_json::from_str::<Value>(text).map_err(|error| {
            let place = Place {
                file: source.name.clone(),
                line: error.line().max(1),
                column: error.column().max(1),
                width: 1,
            };
            let whole = error.to_string();
            // serde_json writes the place at the end of its message; ours stands in front.
            let message = whole.rsplit_once(" at line ").map_or(whole.as_str(), |(cause, _)| cause);
            vec![
                Problem::new(Severity::Error, codes::NOT_JSON, format!("this is not JSON: {message}"))
                    .at(place, "")
                    .help("check commas, quotes and brackets at and just before this place"),
            ]
        })
    }

    /// The same value for serde_json, whose maps forget the order.
    pub(crate) fn to_serde(&self) -> serde_json::Value {
        match self {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Int(value) => (*value).into(),
            Value::Float(value) => (*value).into(),
            Value::String(value) => value.as_str().into(),
            Value::List(items) => items.iter().map(Value::to_serde).collect(),
            Value::Map(entries) => {
                entries.iter().map(|(key, value)| (key.clone(), value.to_serde())).collect()
            }
        }
    }

    /// The value of a serde_json one.
    pub(crate) fn from_serde(value: serde_json::Value) -> Value {
        match value {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(value) => Value::Bool(value),
            serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(value), _) => Value::Int(value),
                (None, Some(value)) => Value::String(value.to_string()),
                (None, None) => Value::Float(number.as_f64().unwrap_or_default()),
            },
            serde_json::Value::String(value) => Value::String(value),
            serde_json::Value::Array(items) => {
                Value::List(items.into_iter().map(Value::from_serde).collect())
            }
            serde_json::Value::Object(entries) => {
                Value::Map(entries.into_iter().map(|(key, value)| (key, Value::from_serde(value))).collect())
            }
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        struct Tree;

        impl<'de> Visitor<'de> for Tree {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }

            fn visit_unit<E: Error>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
                Ok(Value::Bool(value))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
                Ok(Value::Int(value))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
                Ok(i64::try_from(value).map_or_else(|_| Value::String(value.to_string()), Value::Int))
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
                Ok(Value::Float(value))
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
                Ok(Value::string(value))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(Value::List(items.into()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
                let mut fields: Vec<(String, Value)> = Vec::new();
                let mut index = std::collections::HashMap::new();
                while let Some((key, value)) = map.next_entry::<String, Value>()? {
                    match index.get(&key) {
                        Some(&at) => {
                            let (_, earlier): &mut (String, Value) = &mut fields[at];
                            *earlier = value;
                        }
                        None => {
                            index.insert(key.clone(), fields.len());
                            fields.push((key, value));
                        }
                    }
                }
                Ok(Value::Map(fields.into()))
            }
        }

        deserializer.deserialize_any(Tree)
    }
}

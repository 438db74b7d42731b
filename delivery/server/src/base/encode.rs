//! Texts into encoded messages, as Envoy reads them: fields by either name, values of enumerations in any case.
//!
//! The conversion itself is prost-reflect's, which stops at the first fault and does not say where. So a value is first
//! held to its descriptors here, part by part, and what is wrong is told with its path.

use burgee_api::problem::{Severity, closest};
use burgee_overlay::{Path, Value, order_maps};
use prost_reflect::prost::Message as _;
use prost_reflect::{DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::Value as Json;

use super::descriptors;
use super::text::Text;
use crate::codes;

const ANY: &str = "google.protobuf.Any";

/// Messages that are written otherwise than by their fields.
const WRITTEN_OTHERWISE: [&str; 16] = [
    "google.protobuf.BoolValue",
    "google.protobuf.BytesValue",
    "google.protobuf.DoubleValue",
    "google.protobuf.Duration",
    "google.protobuf.Empty",
    "google.protobuf.FieldMask",
    "google.protobuf.FloatValue",
    "google.protobuf.Int32Value",
    "google.protobuf.Int64Value",
    "google.protobuf.ListValue",
    "google.protobuf.StringValue",
    "google.protobuf.Struct",
    "google.protobuf.Timestamp",
    "google.protobuf.UInt32Value",
    "google.protobuf.UInt64Value",
    "google.protobuf.Value",
];

/// Encodes the value at a path as a message. The same value gives the same bytes: fields come in the order of their
/// numbers and entries of maps in that of their bytes. None if something is wrong, which the text then tells.
pub(super) fn encode(
    text: &mut Text<'_>,
    message: &MessageDescriptor,
    value: &Value,
    path: &Path,
) -> Option<Vec<u8>> {
    let told = text.problems.len();
    let json = read_message(text, message, value, path);
    if text.problems.len() > told {
        return None;
    }
    let encoded = DynamicMessage::deserialize(message.clone(), json)
        .map_err(|error| error.to_string())
        .and_then(|message_| order_maps(message, &message_.encode_to_vec()).map_err(str::to_owned));
    match encoded {
        Ok(bytes) => Some(bytes),
        Err(cause) => {
            tell_value(text, path, &format!("a {}", message.full_name()), &cause);
            None
        }
    }
}

/// The type of the message that a value names by its `@type`; none if it names none that is known, which is told.
pub(super) fn type_of(text: &mut Text<'_>, value: &Value, path: &Path) -> Option<MessageDescriptor> {
    let wrong = |text: &mut Text<'_>, path: &Path, message: String, help: String| {
        text.tell(Severity::Error, codes::UNKNOWN_TYPE, path, message, help);
    };
    let Some(url) = value.field("@type") else {
        let message = "nothing says of which type this is".to_owned();
        wrong(text, path, message, "write its `@type: type.googleapis.com/…`".to_owned());
        return None;
    };
    let Some(url) = url.as_str() else {
        let help = "write `type.googleapis.com/` and the full name of a message".to_owned();
        wrong(text, &path.field("@type"), "the URL of a type is a string".to_owned(), help);
        return None;
    };
    let message = descriptors::message(url);
    if message.is_none() {
        let likely = descriptors::likely(url);
        let meant = match likely.as_slice() {
            [] => String::new(),
            likely => format!("did you mean {}? If not: ", likely.join(" or ")),
        };
        let help = format!(
            "{meant}a type that stock Envoy does not have is given encoded, in a DiscoveryResponse in a file `.pb`"
        );
        let message = format!("stock Envoy has no message {:?}", descriptors::full_name(url));
        wrong(text, &path.field("@type"), message, help);
    }
    message
}

fn read_message(text: &mut Text<'_>, message: &MessageDescriptor, value: &Value, path: &Path) -> Json {
    if message.full_name() == ANY {
        return read_any(text, value, path);
    }
    let Value::Map(entries) = value else {
        tell_value(text, path, &format!("the fields of a {}", message.full_name()), kind_of(value));
        return Json::Null;
    };
    let mut fields = serde_json::Map::new();
    let mut chosen: Vec<(String, String)> = Vec::new();
    // The `@type` of a resource or an `Any`, which is read with its own message.
    for (key, value) in entries.iter().filter(|(key, _)| key != "@type") {
        let at = path.field(key);
        let Some(field) = descriptors::field(message, key) else {
            tell_field(text, message, key, &at);
            continue;
        };
        let is_null_meant =
            matches!(field.kind(), Kind::Message(of) if of.full_name() == "google.protobuf.Value");
        if value.is_null() && !is_null_meant {
            continue;
        }
        // Fields that are optional in the language are made of one choice each.
        if let Some(of) = field.containing_oneof().filter(|of| of.fields().len() > 1) {
            let of = of.name().to_owned();
            if let Some((_, other)) = chosen.iter().find(|(name, _)| *name == of) {
                let help = format!("keep one of {other} and {key}");
                let message = format!("{other} is there too, and only one of the {of} can be");
                text.tell(Severity::Error, codes::BAD_VALUE, &at, message, help);
            }
            chosen.push((of, key.clone()));
        }
        if fields.contains_key(field.name()) {
            let message = format!("{} is written twice, in two spellings", field.name());
            text.tell(Severity::Error, codes::BAD_VALUE, &at, message, "keep one of them".to_owned());
        }
        let json = read_field(text, message, &field, value, &at);
        fields.insert(field.name().to_owned(), json);
    }
    Json::Object(fields)
}

fn read_any(text: &mut Text<'_>, value: &Value, path: &Path) -> Json {
    if !matches!(value, Value::Map(_)) {
        tell_value(text, path, "a message with its `@type`", kind_of(value));
        return Json::Null;
    }
    let Some(message) = type_of(text, value, path) else { return Json::Null };
    let url = value.field("@type").map(plain).unwrap_or_default();
    if message.full_name() == ANY || WRITTEN_OTHERWISE.contains(&message.full_name()) {
        let json = plain(value);
        // Held to its type as a whole; what is in an `Any` within an `Any` is not worth a path.
        if let Some(any) = descriptors::message(ANY)
            && let Err(error) = DynamicMessage::deserialize(any, json.clone())
        {
            tell_value(text, path, &format!("a {}", message.full_name()), &error.to_string());
        }
        return json;
    }
    let mut json = read_message(text, &message, value, path);
    if let Json::Object(fields) = &mut json {
        fields.insert("@type".to_owned(), url);
    }
    json
}

fn read_field(
    text: &mut Text<'_>,
    message: &MessageDescriptor,
    field: &FieldDescriptor,
    value: &Value,
    path: &Path,
) -> Json {
    if field.is_list() {
        let Value::List(items) = value else {
            tell_value(text, path, "a list", kind_of(value));
            return Json::Null;
        };
        let each = items.iter().enumerate().map(|(index, item)| {
            let is_null_meant =
                matches!(field.kind(), Kind::Message(of) if of.full_name() == "google.protobuf.Value");
            if item.is_null() && !is_null_meant {
                tell_value(text, &path.index(index), "a value", "null");
                return Json::Null;
            }
            read_one(text, &field.kind(), item, &path.index(index), |json| {
                one_field(message, field, Json::Array(vec![json]))
            })
        });
        return Json::Array(each.collect());
    }
    let Some(entry) = field.kind().as_message().filter(|_| field.is_map()).cloned() else {
        return read_one(text, &field.kind(), value, path, |json| one_field(message, field, json));
    };
    let Value::Map(entries) = value else {
        tell_value(text, path, "a map", kind_of(value));
        return Json::Null;
    };
    let of = entry.map_entry_value_field().kind();
    let each = entries.iter().map(|(key, value)| {
        let json = read_one(text, &of, value, &path.field(key), |json| {
            one_field(message, field, Json::Object([(key.clone(), json)].into_iter().collect()))
        });
        (key.clone(), json)
    });
    Json::Object(each.collect())
}

/// A message with only this field, to hold its value to what the field takes.
fn one_field(message: &MessageDescriptor, field: &FieldDescriptor, json: Json) -> Result<(), String> {
    let fields: Json = Json::Object([(field.name().to_owned(), json)].into_iter().collect());
    DynamicMessage::deserialize(message.clone(), fields).map(drop).map_err(|error| error.to_string())
}

fn read_one(
    text: &mut Text<'_>,
    kind: &Kind,
    value: &Value,
    path: &Path,
    held: impl Fn(Json) -> Result<(), String>,
) -> Json {
    let json = match kind {
        Kind::Message(message) if !WRITTEN_OTHERWISE.contains(&message.full_name()) => {
            return read_message(text, message, value, path);
        }
        Kind::Enum(of) => read_enum(of, value),
        _ => plain(value),
    };
    if let Err(cause) = held(json.clone()) {
        let (wanted, cause) = match (kind, value.as_str()) {
            (Kind::Enum(of), Some(text)) => (values_of(of, text), format!("{text:?}")),
            _ => (wanted(kind), cause),
        };
        tell_value(text, path, &wanted, &cause);
    }
    json
}

/// Envoy takes the names of an enumeration's values in any case.
fn read_enum(of: &EnumDescriptor, value: &Value) -> Json {
    let meant = value.as_str().and_then(|text| of.values().find(|one| one.name().eq_ignore_ascii_case(text)));
    meant.map_or_else(|| plain(value), |one| one.name().into())
}

fn values_of(of: &EnumDescriptor, text: &str) -> String {
    let names: Vec<String> = of.values().map(|value| value.name().to_owned()).collect();
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    match closest(text, &known) {
        Some(near) => format!("{near}, or another of {}", names.join(", ")),
        None => format!("one of {}", names.join(", ")),
    }
}

fn wanted(kind: &Kind) -> String {
    match kind {
        Kind::Message(message) => match message.full_name() {
            "google.protobuf.Duration" => "a duration in seconds such as \"1.5s\"".to_owned(),
            "google.protobuf.Timestamp" => "a time such as \"2026-01-31T00:00:00Z\"".to_owned(),
            name => format!("a {name}"),
        },
        Kind::Bool => "true or false".to_owned(),
        Kind::String => "a string; quote what would be read otherwise".to_owned(),
        Kind::Bytes => "bytes in base64".to_owned(),
        Kind::Enum(of) => format!("a {}", of.full_name()),
        Kind::Double | Kind::Float => "a number".to_owned(),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => "an integer of 32 bits".to_owned(),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => "an integer of 64 bits".to_owned(),
        Kind::Uint32 | Kind::Fixed32 => "an integer from 0 of 32 bits".to_owned(),
        Kind::Uint64 | Kind::Fixed64 => "an integer from 0 of 64 bits".to_owned(),
    }
}

fn tell_value(text: &mut Text<'_>, path: &Path, wanted: &str, cause: &str) {
    let message = format!("this does not fit its field: {cause}");
    text.tell(Severity::Error, codes::BAD_VALUE, path, message, format!("wanted is {wanted}"));
}

/// Tells a field that a message does not have.
pub(super) fn tell_field(text: &mut Text<'_>, message: &MessageDescriptor, key: &str, path: &Path) {
    let names: Vec<String> = message.fields().map(|field| field.name().to_owned()).collect();
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    let help = match closest(key, &known) {
        Some(near) => format!("did you mean {near}? If not"),
        None if names.is_empty() => "it has no fields".to_owned(),
        None => format!("it has {}", names.join(", ")),
    };
    let help = format!("{help}: a field that only a later Envoy has is given encoded, in a file `.pb`");
    let message = format!("{} has no field {key:?}", message.full_name());
    text.tell(Severity::Error, codes::UNKNOWN_FIELD, path, message, help);
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "it is null",
        Value::Bool(_) => "it is true or false",
        Value::Int(_) | Value::Float(_) => "it is a number",
        Value::String(_) => "it is a string",
        Value::List(_) => "it is a list",
        Value::Map(_) => "it is a map",
    }
}

/// The same value for prost-reflect.
fn plain(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        Value::Float(value) => (*value).into(),
        Value::String(value) => value.as_str().into(),
        Value::List(items) => items.iter().map(plain).collect(),
        Value::Map(entries) => entries.iter().map(|(key, value)| (key.clone(), plain(value))).collect(),
    }
}

//! Values of the shape that a JSON Schema describes, as the definitions of custom resources have it.

use serde_json::{Map, Value, json};

use super::Chance;
use super::words;

/// How many elements a list has at most, for documents that stay readable.
const MOST_ELEMENTS: u64 = 3;

/// A value of a schema. `path` is where it stands, such as `spec.metrics[].overrides[].match.mode`.
pub fn value(schema: &Value, path: &str, chance: &mut Chance<'_>) -> Value {
    if chance.is_fault() {
        return chance
            .pick(&[&json!(null), &json!("text"), &json!(7), &json!([]), &json!({}), &json!(true)])
            .clone();
    }
    if let Some(words) = words::of(path, schema, chance) {
        return words;
    }
    match schema["type"].as_str() {
        Some("boolean") => json!(chance.happens(500)),
        Some("integer" | "number") => number(schema, chance),
        Some("array") => {
            let count = chance.below(MOST_ELEMENTS + 1);
            let path = format!("{path}[]");
            (0..count).map(|_| value(&schema["items"], &path, chance)).collect()
        }
        Some("object") => object(schema, path, chance),
        _ => json!("x"),
    }
}

/// A number within its bounds, and often at one of them.
fn number(schema: &Value, chance: &mut Chance<'_>) -> Value {
    let bound = |name: &str, otherwise: i64| schema[name].as_i64().unwrap_or(otherwise);
    let (least, most) = (bound("minimum", 0), bound("maximum", i64::from(i32::MAX)));
    let between = least.saturating_add(chance.below(100) as i64).min(most);
    match chance.below(8) {
        0 => json!(least),
        1 => json!(most),
        2 if schema["type"] == "number" => json!(between as f64 + 0.25),
        3 if chance.is_fault() => json!(most.saturating_add(1)),
        _ => json!(between),
    }
}

fn object(schema: &Value, path: &str, chance: &mut Chance<'_>) -> Value {
    let mut fields = Map::new();
    if let Some(properties) = schema["properties"].as_object() {
        // Of some fields only one may be there.
        let of = words::exclusive(path).filter(|_| !chance.is_fault()).unwrap_or_default();
        let of: Vec<_> =
            of.iter().filter(|name| name.is_none_or(|name| properties.contains_key(name))).collect();
        let chosen = if of.is_empty() { None } else { *of[chance.below(of.len() as u64) as usize] };
        for (name, schema_of) in properties {
            let is_required = schema["required"].as_array().is_some_and(|names| names.contains(&json!(name)));
            let wanted = match of.contains(&&Some(name.as_str())) {
                true => chosen == Some(name.as_str()),
                false => (is_required && !chance.is_fault()) || chance.happens(550),
            };
            if wanted {
                fields.insert(name.clone(), value(schema_of, &format!("{path}.{name}"), chance));
            }
        }
    } else if schema["additionalProperties"].is_object() {
        for _ in 0..chance.below(MOST_ELEMENTS + 1) {
            let key = words::key(path, chance);
            fields.insert(key, value(&schema["additionalProperties"], &format!("{path}{{}}"), chance));
        }
    } else {
        fields.insert("any".to_owned(), json!({"thing": [1, "two", null, chance.happens(500)]}));
    }
    if chance.is_fault() {
        fields.insert("unknownField".to_owned(), json!(1));
    }
    Value::Object(fields)
}

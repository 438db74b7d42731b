//! What an API server does with an object of a definition: types, bounds, unknown fields, keys of lists, rules in CEL.

use std::collections::BTreeSet;

use jsonschema::Validator;
use kube_cel::CompiledSchema;
use serde_json::{Map, Value, json};

/// A schema, ready to judge objects.
pub struct Server {
    schema: Value,
    structure: Validator,
    rules: CompiledSchema,
}

impl Server {
    /// Takes a schema.
    pub fn new(schema: &Value) -> Server {
        let mut root = schema.clone();
        for always in ["apiVersion", "kind"] {
            root["properties"][always] = json!({"type": "string"});
        }
        root["properties"]["metadata"] =
            json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        Server {
            structure: jsonschema::draft202012::new(&as_json_schema(&root)).expect("a schema"),
            rules: kube_cel::compile_schema(schema),
            schema: root,
        }
    }

    /// Why an object is refused, with strict validation of fields; nothing if it is taken.
    pub fn refusals(&self, object: &Value) -> Vec<String> {
        let mut found: Vec<String> = self
            .structure
            .iter_errors(object)
            .map(|fault| format!("{}: {fault}", fault.instance_path()))
            .collect();
        repeated_keys(&self.schema, object, "", &mut found);
        if let Err(broken) = kube_cel::Validator::new().validate_compiled(&self.rules, object, None) {
            found.extend(broken.iter().map(ToString::to_string));
        }
        found
    }

    /// Whether an object is taken.
    pub fn takes(&self, object: &Value) -> bool {
        self.refusals(object).is_empty()
    }
}

/// The same as JSON Schema: null where it may be, and no field that is not in the schema.
fn as_json_schema(node: &Value) -> Value {
    let Value::Object(node) = node else { return node.clone() };
    let is_open = node.get("x-kubernetes-preserve-unknown-fields") == Some(&json!(true));
    let mut schema = Map::new();
    for (keyword, value) in node {
        let value = match keyword.as_str() {
            "properties" => {
                let fields = value.as_object().expect("fields");
                fields
                    .iter()
                    .map(|(name, field)| (name.clone(), as_json_schema(field)))
                    .collect::<Map<_, _>>()
                    .into()
            }
            "items" | "additionalProperties" | "not" => as_json_schema(value),
            "oneOf" | "anyOf" => value.as_array().expect("schemas").iter().map(as_json_schema).collect(),
            "type" if node.get("nullable") == Some(&json!(true)) => json!([value, "null"]),
            "description" | "format" | "nullable" => continue,
            extension if extension.starts_with("x-kubernetes") => continue,
            _ => value.clone(),
        };
        schema.insert(keyword.clone(), value);
    }
    if node.contains_key("properties") && node.contains_key("type") && !is_open {
        schema.insert("additionalProperties".to_owned(), json!(false));
    }
    Value::Object(schema)
}

/// Entries of lists that are maps by one of their fields, and have a key that an earlier entry has.
fn repeated_keys(node: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => {
            let keys = node["x-kubernetes-list-map-keys"].as_array().cloned().unwrap_or_default();
            let mut seen = BTreeSet::new();
            for (index, item) in items.iter().enumerate() {
                let key: Vec<String> =
                    keys.iter().map(|key| item[key.as_str().expect("a name")].to_string()).collect();
                if !keys.is_empty() && !seen.insert(key) {
                    found.push(format!("{path}[{index}]: the key is there already"));
                }
                repeated_keys(&node["items"], item, &format!("{path}[{index}]"), found);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                let below = node["properties"]
                    .get(name)
                    .or_else(|| node.get("additionalProperties"))
                    .unwrap_or(&Value::Null);
                repeated_keys(below, field, &format!("{path}.{name}"), found);
            }
        }
        _ => {}
    }
}

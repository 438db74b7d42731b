//! Telemetries and plugins, of the shape of their definitions.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{Chance, shape};

/// The definitions of Telemetry, of WasmPlugin and of TrafficExtension.
static DEFINITIONS: LazyLock<Vec<Value>> = LazyLock::new(burgee_api::schema::definitions);

/// Some documents.
pub fn policies(chance: &mut Chance<'_>) -> Vec<Value> {
    let telemetries = 1 + chance.below(4);
    let plugins = chance.below(3);
    let mut documents: Vec<Value> = (0..telemetries).map(|index| document(0, index, chance)).collect();
    documents.extend((0..plugins).map(|index| document(1 + chance.below(2) as usize, index, chance)));
    documents
}

fn document(definition: usize, index: u64, chance: &mut Chance<'_>) -> Value {
    let definition = &DEFINITIONS[definition]["spec"];
    let versions: Vec<&Value> = definition["versions"].as_array().into_iter().flatten().collect();
    let version = chance.pick(&versions);
    let schema = &version["schema"]["openAPIV3Schema"]["properties"]["spec"];
    let mut metadata = json!({
        "name": format!("policy-{index}"),
        "namespace": chance.pick(&["bookinfo", "istio-system", "bookinfo", "shop"]),
    });
    if chance.happens(300) {
        metadata["creationTimestamp"] = json!(format!("2024-05-0{}T09:00:00Z", 1 + chance.below(9)));
    }
    let mut spec = shape::value(schema, "spec", chance);
    let codes: Vec<&str> =
        ["wasm", "lua"].into_iter().filter(|c| schema["properties"][c].is_object()).collect();
    if !codes.is_empty() && !chance.is_fault() {
        // An extension runs one thing.
        let code: &str = chance.pick(&codes);
        let path = format!("spec.{code}");
        let value = shape::value(&schema["properties"][code], &path, chance);
        if let Some(fields) = spec.as_object_mut() {
            fields.retain(|name, _| !codes.contains(&name.as_str()));
            fields.insert(code.to_owned(), value);
        }
    }
    json!({
        "apiVersion": format!("{}/{}", definition["group"].as_str().unwrap_or_default(), version["name"].as_str().unwrap_or_default()),
        "kind": definition["names"]["kind"],
        "metadata": metadata,
        "spec": spec,
    })
}

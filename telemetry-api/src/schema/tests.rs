//! What an API server demands of a definition itself, before it looks at any object.

use serde_json::{Map, Value, json};

use super::definitions;
use crate::test;

/// Calls a function for every node of a schema, with its path.
fn each_node(path: &str, node: &Value, visit: &mut impl FnMut(&str, &Map<String, Value>)) {
    let Some(map) = node.as_object() else { panic!("{path} is not a schema") };
    visit(path, map);
    for (name, field) in map.get("properties").and_then(Value::as_object).into_iter().flatten() {
        each_node(&format!("{path}.{name}"), field, visit);
    }
    for below in ["items", "additionalProperties"] {
        if let Some(node) = map.get(below) {
            each_node(&format!("{path}[]"), node, visit);
        }
    }
}

fn each_schema(mut visit: impl FnMut(&str, &Map<String, Value>)) {
    for definition in definitions() {
        for version in definition["spec"]["versions"].as_array().expect("versions") {
            let path = format!("{} {}", definition["spec"]["names"]["kind"], version["name"]);
            each_node(&path, &version["schema"]["openAPIV3Schema"], &mut visit);
        }
    }
}

#[test]
fn every_field_says_what_it_means_and_of_what_type_it_is() {
    let mut nodes = 0;
    each_schema(|path, node| {
        nodes += 1;
        let description = node["description"].as_str().unwrap_or_default();
        assert!(description.len() > 5 && description.ends_with('.'), "{path}: {description:?}");
        let is_typed = node.contains_key("type") != node.contains_key("x-kubernetes-int-or-string");
        assert!(is_typed, "{path} must have a type, or be a number or a text");
    });
    assert!(nodes > 150, "nodes are found: {nodes}");
}

#[test]
fn schemas_are_structural() {
    // What a structural schema may not hold, or may only hold beside something else.
    let forbidden =
        ["$ref", "definitions", "patternProperties", "uniqueItems", "allOf", "oneOf", "not", "default"];
    each_schema(|path, node| {
        let found: Vec<&str> = forbidden.into_iter().filter(|key| node.contains_key(*key)).collect();
        assert_eq!(found, [""; 0], "{path}");
        assert!(!(node.contains_key("properties") && node.contains_key("additionalProperties")), "{path}");
        for name in node.get("required").and_then(Value::as_array).into_iter().flatten() {
            assert!(node["properties"].get(name.as_str().expect("a name")).is_some(), "{path}: {name}");
        }
        if let Some(keys) = node.get("x-kubernetes-list-map-keys") {
            assert_eq!(&node["items"]["required"], keys, "{path}: the keys of a list must be there");
        }
    });
}

#[test]
fn rules_name_fields_that_can_be_named_and_say_what_to_do() {
    // Words of CEL itself: a field of that name needs underscores around it in a rule.
    let reserved = ["namespace", "in", "as", "for", "if", "function", "package", "return", "import"];
    let mut rules = 0;
    each_schema(|path, node| {
        for rule in node.get("x-kubernetes-validations").and_then(Value::as_array).into_iter().flatten() {
            rules += 1;
            let (text, message) = (rule["rule"].as_str(), rule["message"].as_str());
            let (text, message) = (text.expect("a rule"), message.expect("a message"));
            for word in reserved {
                assert!(!text.contains(&format!("self.{word}")), "{path}: {text}");
            }
            assert!(!message.contains('\n') && message.len() > 10, "{path}: {message}");
        }
    });
    assert!(rules >= 20, "rules are found: {rules}");
}

#[test]
fn every_version_is_served_and_one_is_stored() {
    for definition in definitions() {
        let spec = &definition["spec"];
        let versions = spec["versions"].as_array().expect("versions");
        assert!(versions.iter().all(|version| version["served"] == true));
        assert_eq!(versions.iter().filter(|version| version["storage"] == true).count(), 1);
        assert!(versions.iter().all(|version| version["schema"] == versions[0]["schema"]));
        assert!(versions.iter().all(|version| version["subresources"] == json!({"status": {}})));
        let name = format!("{}.{}", spec["names"]["plural"], spec["group"]).replace('"', "");
        assert_eq!(definition["metadata"]["name"], name);
    }
}

//! The fields of Istio's CustomResourceDefinitions against those that our reader knows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use burgee_api::check::check;
use burgee_api::document::Source;
use burgee_api::document::tree::{Node, NodeValue, parse};
use burgee_api::problem::codes;

/// A name that no object has as a field, unlike enough to any for none to be suggested.
const NO_FIELD: &str = "qqqqqqqqqqqq";

/// What stands at a field of a definition.
enum Shape<'n> {
    /// An object with these fields.
    Object(Vec<(&'n str, &'n Node)>),
    /// A list, or a map with any keys, of this.
    Many(&'static str, &'n Node),
    /// A value, or an object with any fields.
    Leaf,
}

fn field<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    fields(node).into_iter().find(|(key, _)| *key == name).map(|(_, value)| value)
}

fn fields(node: &Node) -> Vec<(&str, &Node)> {
    let NodeValue::Map(entries) = &node.value else { return Vec::new() };
    entries.iter().map(|(key, value)| (text(key), value)).collect()
}

fn text(node: &Node) -> &str {
    match &node.value {
        NodeValue::Scalar { text, .. } => text,
        NodeValue::List(_) | NodeValue::Map(_) => "",
    }
}

fn items(node: &Node) -> &[Node] {
    match &node.value {
        NodeValue::List(items) => items,
        NodeValue::Scalar { .. } | NodeValue::Map(_) => &[],
    }
}

fn shape(schema: &Node) -> Shape<'_> {
    if let Some(properties) = field(schema, "properties") {
        return Shape::Object(fields(properties));
    }
    if let Some(items) = field(schema, "items") {
        return Shape::Many("[0]", items);
    }
    match field(schema, "additionalProperties") {
        Some(values) if field(values, "type").is_some() => Shape::Many(".x", values),
        _ => Shape::Leaf,
    }
}

/// Every object of a schema, by its path, and the names of its fields.
fn objects<'n>(path: &str, schema: &'n Node, found: &mut BTreeMap<String, BTreeSet<&'n str>>) {
    match shape(schema) {
        Shape::Object(fields) => {
            found.insert(path.to_owned(), fields.iter().map(|(name, _)| *name).collect());
            for (name, schema) in fields {
                objects(&format!("{path}.{name}"), schema, found);
            }
        }
        Shape::Many(step, schema) => objects(&format!("{path}{step}"), schema, found),
        Shape::Leaf => {}
    }
}

/// A document with one field that nothing knows, in the object at a path.
fn document(api_version: &str, kind: &str, path: &str) -> String {
    let (mut open, mut close) = (String::new(), String::new());
    for step in path.replace("[0]", ".[0]").split('.') {
        let (before, after) =
            if step == "[0]" { ("[".to_owned(), "]") } else { (format!("{{{step}: "), "}") };
        open += &before;
        close.insert_str(0, after);
    }
    let mut text = format!("apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: any}}\n");
    // The outermost braces are those of the document itself.
    let body = format!("{open}{{{NO_FIELD}: 1}}{close}");
    let _ = writeln!(text, "{}", &body[1..body.len() - 1]);
    text
}

/// The fields that our reader says it knows in the object at a path.
fn known(api_version: &str, kind: &str, path: &str) -> Result<BTreeSet<String>, String> {
    let text = document(api_version, kind, path);
    let problems = check(&[Source::new("any.yaml", text.clone())]).problems;
    let unknown = format!("{path}.{NO_FIELD}");
    let told =
        problems.iter().find(|problem| problem.code == codes::UNKNOWN_FIELD && problem.path == unknown);
    let told =
        told.ok_or_else(|| format!("{path}: an unknown field is not told of in\n{text}{problems:#?}"))?;
    let names = told.help.strip_prefix("allowed: ").ok_or_else(|| format!("{path}: {}", told.help))?;
    Ok(names.split(", ").map(str::to_owned).collect())
}

#[test]
fn the_fields_of_istios_definitions_are_those_that_are_read() {
    let Some(folder) = super::folder("crds") else { return };
    let text = fs::read_to_string(folder.join("crd-all.gen.yaml")).expect("the definitions");
    let (definitions, problems) = parse(&Source::new("crds.yaml", text));
    assert_eq!(problems, []);
    let mut faults = Vec::new();
    let mut compared = 0;
    for definition in &definitions {
        let spec = field(definition, "spec").expect("a definition has a spec");
        let kind = text_at(spec, &["names", "kind"]);
        if !matches!(kind, "Telemetry" | "WasmPlugin" | "TrafficExtension") {
            continue;
        }
        for version in items(field(spec, "versions").expect("versions")) {
            let api_version = format!("{}/{}", text_at(spec, &["group"]), text_at(version, &["name"]));
            let schema = ["schema", "openAPIV3Schema", "properties", "spec"];
            let schema = schema.iter().try_fold(version, |node, name| field(node, name)).expect("a schema");
            let mut of_istio = BTreeMap::new();
            objects("spec", schema, &mut of_istio);
            for (path, fields) in of_istio {
                compared += fields.len();
                match known(&api_version, kind, &path) {
                    Ok(ours) if ours.iter().map(String::as_str).eq(fields.iter().copied()) => {}
                    Ok(ours) => faults.push(format!("{kind} {path}: Istio has {fields:?}, we have {ours:?}")),
                    Err(fault) => faults.push(format!("{kind} {fault}")),
                }
            }
        }
    }
    assert!(compared > 100, "{compared} fields were compared");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn text_at<'n>(node: &'n Node, path: &[&str]) -> &'n str {
    path.iter().try_fold(node, |node, name| field(node, name)).map_or("", text)
}

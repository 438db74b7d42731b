//! Documents that follow from a schema: every field, every name of a choice and every bound, kept and broken. The reader
//! takes the ones and refuses the others, and knows no field that the schema does not have.

use std::collections::BTreeSet;

use burgee_api::problem::codes;
use serde_json::{Map, Value, json};

use crate::server::Server;
use crate::{KINDS, Kind, errors, problems};

/// A node of a schema, and the way to it from the root of a document.
pub struct Place {
    pub steps: Vec<Step>,
    /// Where the node stands in the schema.
    pub pointer: String,
    node: Value,
}

/// One step down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Field(String),
    /// An entry of a list.
    Entry,
    /// A value of a map.
    Value,
}

impl Place {
    /// The way, for messages.
    pub fn shown(&self) -> String {
        let step = |step: &Step| match step {
            Step::Field(name) => format!(".{name}"),
            Step::Entry => "[]".to_owned(),
            Step::Value => "{}".to_owned(),
        };
        self.steps.iter().map(step).collect()
    }

    /// The name of the field that the node is, or is in.
    fn field(&self) -> &str {
        let name = |step: &Step| matches!(step, Step::Field(_));
        match self.steps.iter().rev().find(|step| name(step)) {
            Some(Step::Field(name)) => name,
            _ => "",
        }
    }

    /// Whether people write it, and the reader reads it.
    pub fn is_read(&self) -> bool {
        self.steps.first() != Some(&Step::Field("status".to_owned()))
    }

    /// A document that has a value there, and otherwise as little as it can.
    pub fn document(&self, kind: Kind, value: Value) -> Value {
        let mut document = kind.document(None);
        let built = build(&kind.schema(), &self.steps, value);
        for (name, field) in built.as_object().expect("the root is an object") {
            document[name] = field.clone();
        }
        document
    }
}

/// Every node below the root.
pub fn places(schema: &Value) -> Vec<Place> {
    let mut found = Vec::new();
    below(&[], "", schema, &mut found);
    found
}

fn below(steps: &[Step], pointer: &str, node: &Value, found: &mut Vec<Place>) {
    let mut add = |step: Step, pointer: String, node: &Value| {
        let steps = [steps, &[step]].concat();
        found.push(Place { steps: steps.clone(), pointer: pointer.clone(), node: node.clone() });
        below(&steps, &pointer, node, found);
    };
    for (name, field) in node["properties"].as_object().into_iter().flatten() {
        add(Step::Field(name.clone()), format!("{pointer}/properties/{name}"), field);
    }
    for (keyword, step) in [("items", Step::Entry), ("additionalProperties", Step::Value)] {
        if let Some(node) = node.get(keyword) {
            add(step, format!("{pointer}/{keyword}"), node);
        }
    }
}

fn build(node: &Value, steps: &[Step], value: Value) -> Value {
    match steps {
        [] => value,
        [Step::Field(name), rest @ ..] => {
            let mut object = least(node);
            object.insert(name.clone(), build(&node["properties"][name], rest, value));
            bring_into_line(&mut object, name);
            Value::Object(object)
        }
        [Step::Entry, rest @ ..] => json!([build(&node["items"], rest, value)]),
        [Step::Value, rest @ ..] => json!({"app": build(&node["additionalProperties"], rest, value)}),
    }
}

/// What an object must have.
fn least(node: &Value) -> Map<String, Value> {
    let required = node["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut object: Map<String, Value> =
        required.map(|name| (name.to_owned(), sample(name, &node["properties"][name]))).collect();
    if node["properties"].get("operation").is_some() {
        object.insert("value".to_owned(), sample("value", &node["properties"]["value"]));
    }
    // One of the two, and neither has to be there.
    if let Some(lua) = node["properties"].get("lua") {
        object.insert("lua".to_owned(), sample("lua", lua));
    }
    object
}

/// What a field asks of the fields beside it.
fn bring_into_line(object: &mut Map<String, Value>, field: &str) {
    let text = object[field].as_str().unwrap_or_default().to_owned();
    match (field, text.as_str()) {
        ("operation", "REMOVE") => drop(object.remove("value")),
        ("kind", "ServiceEntry") => drop(object.insert("group".to_owned(), json!("networking.istio.io"))),
        ("kind", kind) if kind != "Service" => {
            object.insert("group".to_owned(), json!("gateway.networking.k8s.io"));
        }
        ("wasm", _) => drop(object.remove("lua")),
        ("group", _) => drop(object.insert("kind".to_owned(), json!("Gateway"))),
        _ => {}
    }
}

/// A value that fits.
fn sample(field: &str, node: &Value) -> Value {
    if let Some(name) = node["enum"].get(0) {
        return name.clone();
    }
    match node["type"].as_str() {
        Some("string") => json!(match field {
            "url" => "oci://registry.example.com/filter:1".to_owned(),
            "reportingInterval" => "5s".to_owned(),
            "sha256" => "0123456789abcdef".repeat(4),
            "group" => "gateway.networking.k8s.io".to_owned(),
            "namespace" => String::new(),
            "value" => "request.host".to_owned(),
            "expression" => "true".to_owned(),
            _ => "one".to_owned(),
        }),
        Some("boolean") => json!(true),
        Some("number" | "integer") => node["maximum"].clone(),
        Some("array") => json!([]),
        Some("object") if node["maxProperties"] == 1 => {
            let (name, field) =
                node["properties"].as_object().and_then(|all| all.iter().next()).expect("a field");
            json!({name: sample(name, field)})
        }
        Some("object") => Value::Object(least(node)),
        _ => json!(1),
    }
}

/// A list of so many entries, no two alike.
fn entries(place: &Place, count: u64) -> Value {
    let key = place.node["x-kubernetes-list-map-keys"][0].as_str();
    let entry = |index: u64| {
        let mut entry = sample(place.field(), &place.node["items"]);
        if let Some(key) = key {
            entry[key] = json!(format!("one{index}"));
        }
        entry
    };
    (0..count).map(entry).collect()
}

/// A map of so many values, or an object of so many of its fields.
fn fields(place: &Place, count: u64) -> Value {
    match place.node["properties"].as_object() {
        Some(fields) => {
            let count = usize::try_from(count).expect("a small number");
            fields.iter().take(count).map(|(name, field)| (name.clone(), sample(name, field))).collect()
        }
        None => {
            let value = sample(place.field(), &place.node["additionalProperties"]);
            (0..count).map(|index| (format!("one{index}"), value.clone())).collect()
        }
    }
}

fn text(length: u64) -> Value {
    json!("x".repeat(usize::try_from(length).expect("a short text")))
}

/// Every kind of value that fits a node.
fn fitting(place: &Place) -> Vec<Value> {
    let node = &place.node;
    let mut found = vec![sample(place.field(), node)];
    found.extend(node["enum"].as_array().into_iter().flatten().cloned());
    found.extend(node.get("minimum").cloned());
    found.extend(node["maxLength"].as_u64().map(text));
    found.extend(node["maxItems"].as_u64().map(|count| entries(place, count)));
    found.extend(node["maxProperties"].as_u64().map(|count| fields(place, count)));
    if node["type"] == "boolean" {
        found.push(json!(false));
    }
    if node["nullable"] == true {
        found.push(Value::Null);
    }
    found
}

/// For each bound of a node, a value that breaks it and no other.
pub fn breaking(place: &Place) -> Vec<(&'static str, Value)> {
    let node = &place.node;
    let above = |keyword: &str| node[keyword].as_u64().map(|bound| bound + 1);
    let mut found = Vec::new();
    let mut add =
        |keyword: &'static str, value: Option<Value>| found.extend(value.map(|value| (keyword, value)));
    add("enum", node.get("enum").map(|_| json!("NO_SUCH")));
    add("minLength", node.get("minLength").map(|_| json!("")));
    add("pattern", node.get("pattern").map(|_| json!("G")));
    add("minimum", node["minimum"].as_i64().map(|bound| json!(bound - 1)));
    add("maximum", node["maximum"].as_i64().map(|bound| json!(bound + 1)));
    add("maxLength", above("maxLength").map(text));
    add("maxItems", above("maxItems").map(|count| entries(place, count)));
    add("maxProperties", above("maxProperties").map(|count| fields(place, count)));
    add(
        "x-kubernetes-list-map-keys",
        node.get("x-kubernetes-list-map-keys").map(|_| {
            let entry = sample(place.field(), &node["items"]);
            json!([entry, entry])
        }),
    );
    for name in node["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let mut object = least(node);
        object.remove(name);
        add("required", Some(Value::Object(object)));
    }
    found
}

/// A value of another type.
fn mistyped(place: &Place) -> Option<Value> {
    Some(match place.node["type"].as_str()? {
        "string" => json!(7),
        "integer" => json!(1.5),
        "object" => json!([]),
        "array" => json!({}),
        _ => json!("7"),
    })
}

fn each_place(mut visit: impl FnMut(Kind, &Server, &Place)) {
    for kind in KINDS {
        let schema = kind.schema();
        let server = Server::new(&schema);
        let places = places(&schema);
        assert!(places.len() > 50, "{kind:?}: {}", places.len());
        places.iter().for_each(|place| visit(kind, &server, place));
    }
}

#[test]
fn whatever_fits_the_schema_is_taken_and_read() {
    each_place(|kind, server, place| {
        for value in fitting(place) {
            let document = place.document(kind, value);
            let refusals = server.refusals(&document);
            assert!(refusals.is_empty(), "{}: {document}: {refusals:#?}", place.shown());
            let errors = errors(&document);
            assert!(errors.is_empty(), "{}: {document}: {errors:#?}", place.shown());
        }
    });
}

#[test]
fn whatever_breaks_a_bound_is_refused_and_said() {
    each_place(|kind, server, place| {
        let broken = breaking(place).into_iter().map(|(_, value)| value).chain(mistyped(place));
        for value in broken {
            let document = place.document(kind, value);
            assert!(!server.takes(&document), "{}: {document}", place.shown());
            assert!(!place.is_read() || !errors(&document).is_empty(), "{}: {document}", place.shown());
        }
    });
}

/// The reader takes a field that is null for an absent one, as Istio does; an API server refuses it where it matters to
/// tell. Neither takes an entry that is null.
#[test]
fn null_is_refused_where_it_cannot_be() {
    each_place(|kind, server, place| {
        if place.node["nullable"] == true {
            return;
        }
        let document = place.document(kind, Value::Null);
        assert!(!server.takes(&document), "{}", place.shown());
        let is_field = matches!(place.steps.last(), Some(Step::Field(_)));
        assert!(is_field || !place.is_read() || !errors(&document).is_empty(), "{}", place.shown());
    });
}

/// Bounds that something else stands for where these tests run: a URL without anything in it is none to the evaluator of
/// rules here, and is one to an API server.
const SEEM_NOT_NEEDED: &[(&str, &str)] = &[(".spec.url", "minLength"), (".spec.wasm.url", "minLength")];

#[test]
fn no_bound_can_be_left_out() {
    let mut count = 0;
    each_place(|kind, _, place| {
        let broken = breaking(place);
        let keywords: BTreeSet<&str> = broken.iter().map(|(keyword, _)| *keyword).collect();
        for keyword in keywords {
            if SEEM_NOT_NEEDED.contains(&(place.shown().as_str(), keyword)) {
                continue;
            }
            count += 1;
            let mut without = kind.schema();
            let node = without.pointer_mut(&place.pointer).and_then(Value::as_object_mut).expect("a node");
            node.remove(keyword).expect("the bound");
            let server = Server::new(&without);
            let mut documents = broken.iter().filter(|(of, _)| *of == keyword);
            let is_taken = documents.any(|(_, value)| server.takes(&place.document(kind, value.clone())));
            assert!(is_taken, "{} does not need its {keyword}", place.shown());
        }
    });
    assert!(count > 60, "bounds are found: {count}");
}

#[test]
fn the_reader_knows_the_fields_of_the_schema_and_no_others() {
    let mut count = 0;
    each_place(|kind, server, place| {
        let Some(fields) = place.node["properties"].as_object().filter(|_| place.is_read()) else { return };
        count += 1;
        // No name is near it, so that every name that is allowed is listed.
        let mut value = sample(place.field(), &place.node);
        value["?"] = json!(1);
        let document = place.document(kind, value);
        assert!(!server.takes(&document), "{}: fields that are not known are refused", place.shown());
        let unknown: Vec<_> =
            problems(&document).into_iter().filter(|problem| problem.code == codes::UNKNOWN_FIELD).collect();
        let [problem] = unknown.as_slice() else { panic!("{}: {unknown:#?}", place.shown()) };
        let known: BTreeSet<&str> =
            problem.help.strip_prefix("allowed: ").expect("a list of names").split(", ").collect();
        assert_eq!(known, fields.keys().map(String::as_str).collect(), "{}", place.shown());
    });
    assert!(count > 20, "objects are found: {count}");
}

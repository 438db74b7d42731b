//! Our definitions beside Istio's own, where those are there: the same names and fields, and nothing refused that Istio
//! takes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::derived::{breaking, places};
use crate::rows::rows;
use crate::server::Server;
use crate::{KINDS, Kind, schema};

/// Istio's definition of a kind; none, and a line that says so, where it is not there.
pub fn definition(kind: Kind) -> Option<Value> {
    let file = burgee_tests::conformance().join("crds/crd-all.gen.yaml");
    let Ok(text) = std::fs::read_to_string(&file) else {
        eprintln!("skipped: Istio's own definitions are not there");
        return None;
    };
    let all: Vec<Value> = serde_saphyr::from_multiple(&text).expect("definitions");
    let wanted = format!("{kind:?}");
    Some(
        all.into_iter().find(|found| found["spec"]["names"]["kind"] == *wanted).expect("every kind is there"),
    )
}

/// What differs by intention, by the field and what is said of it. The module `burgee_api::schema` says why.
const DIFFERENCES: &[(&str, &[&str])] = &[
    // Choices instead of patterns, and a rule for which kind is of which group.
    (".spec.targetRef.group", &["maxLength", "pattern"]),
    (".spec.targetRef.kind", &["enum", "maxLength", "minLength", "pattern"]),
    (".spec.targetRefs[].group", &["maxLength", "pattern"]),
    (".spec.targetRefs[].kind", &["enum", "maxLength", "minLength", "pattern"]),
    // A rule instead of a choice of shapes; a bound instead of one.
    (".spec.metrics[].overrides[].match", &["oneOf"]),
    (".spec.tracing[].customTags{}", &["maxProperties", "oneOf"]),
    // What Istio's validation says.
    (".spec.accessLogging[].filter", &["required"]),
    (".spec.accessLogging[].filter.expression", &["minLength"]),
    (".spec.metrics[].overrides[].tagOverrides{}.value", &["minLength"]),
    // A rule alone instead of a rule and a choice of shapes.
    ("TrafficExtension.spec", &["oneOf"]),
    // The same in other words.
    (".spec.sha256", &["pattern"]),
    (".spec.wasm.sha256", &["pattern"]),
    (".spec.priority", &["maximum", "minimum"]),
    (".spec.match[].ports[].number", &["format"]),
];

#[test]
fn names_versions_and_fields_are_istios() {
    for kind in KINDS {
        let Some(theirs) = definition(kind) else { return };
        let ours = kind.definition();
        assert_eq!(ours["metadata"]["name"], theirs["metadata"]["name"]);
        for same in ["group", "names", "scope"] {
            assert_eq!(ours["spec"][same], theirs["spec"][same], "{kind:?} {same}");
        }
        for theirs in theirs["spec"]["versions"].as_array().expect("versions") {
            let versions = ours["spec"]["versions"].as_array().expect("versions");
            let ours = versions.iter().find(|ours| ours["name"] == theirs["name"]).expect("the version");
            for same in ["served", "storage", "subresources"] {
                assert_eq!(ours[same], theirs[same], "{kind:?} {} {same}", theirs["name"]);
            }
            let root = |version: &Value| version["schema"]["openAPIV3Schema"].clone();
            compare(kind, &root(ours), &root(theirs));
        }
    }
}

fn compare(kind: Kind, ours: &Value, theirs: &Value) {
    let said = |root: &Value| -> BTreeMap<String, Map<String, Value>> {
        let node = |pointer: &str| root.pointer(pointer).and_then(Value::as_object).expect("a node");
        places(root).iter().map(|place| (place.shown(), plainly(node(&place.pointer)))).collect()
    };
    let (ours, theirs) = (said(ours), said(theirs));
    let names = |said: &BTreeMap<String, _>| said.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&ours), names(&theirs), "{kind:?}");
    for (place, ours) in &ours {
        let theirs = &theirs[place];
        let mut differ: Vec<&String> = ours.keys().filter(|key| theirs.get(*key) != ours.get(*key)).collect();
        differ.extend(theirs.keys().filter(|key| !ours.contains_key(*key)));
        differ.sort();
        let of_kind = format!("{kind:?}{place}");
        let known = DIFFERENCES.iter().find(|(known, _)| known == place || *known == of_kind);
        let known = known.map_or(&[][..], |(_, keys)| *keys);
        assert_eq!(differ, known, "{kind:?} {place}");
    }
}

/// What is said of a node itself, apart from words and rules, and from the order of names.
fn plainly(node: &Map<String, Value>) -> Map<String, Value> {
    let elsewhere =
        ["description", "properties", "items", "additionalProperties", "x-kubernetes-validations"];
    let sorted = |value: &Value| match value {
        Value::Array(names) if names.iter().all(Value::is_string) => {
            names.iter().filter_map(Value::as_str).collect::<BTreeSet<_>>().into_iter().collect()
        }
        _ => value.clone(),
    };
    let own = node.iter().filter(|(key, _)| !elsewhere.contains(&key.as_str()));
    own.map(|(key, value)| (key.clone(), sorted(value))).collect()
}

#[test]
fn istios_definitions_take_what_is_written_down() {
    for kind in KINDS {
        let Some(theirs) = definition(kind) else { return };
        let server = Server::new(&schema(&theirs, "v1alpha1"));
        for row in rows().into_iter().filter(|row| row.kind == kind) {
            let refusals = server.refusals(&row.document);
            let taken = row.taken.by_istios_definition();
            assert_eq!(refusals.is_empty(), taken, "{}: {}: {refusals:#?}", row.name, row.document);
        }
    }
}

#[test]
fn bounds_that_istios_definitions_do_not_have_are_written_down() {
    for kind in KINDS {
        let Some(theirs) = definition(kind) else { return };
        let server = Server::new(&schema(&theirs, "v1alpha1"));
        for place in places(&kind.schema()) {
            for (keyword, value) in breaking(&place) {
                let document = place.document(kind, value);
                let is_known = DIFFERENCES
                    .iter()
                    .any(|(known, keys)| *known == place.shown() && keys.contains(&keyword));
                assert!(
                    !server.takes(&document) || is_known,
                    "{} {keyword}: Istio takes {document}",
                    place.shown()
                );
            }
        }
    }
}

#[test]
fn whatever_documents_by_others_istio_takes_is_taken() {
    let folder = burgee_tests::conformance();
    let mut count = 0;
    for kind in KINDS {
        let Some(theirs) = definition(kind) else { return };
        let theirs = Server::new(&schema(&theirs, "v1alpha1"));
        let ours = Server::new(&kind.schema());
        for file in walkdir::WalkDir::new(&folder).into_iter().filter_map(Result::ok) {
            // Templates are no YAML before they are filled in.
            let text = std::fs::read_to_string(file.path()).unwrap_or_default();
            let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap_or_default();
            for document in documents.iter().filter(|document| document["kind"] == *format!("{kind:?}")) {
                count += 1;
                let refusals = ours.refusals(document);
                let is_taken = refusals.is_empty() || !theirs.takes(document);
                assert!(is_taken, "{}: {document}: {refusals:#?}", file.path().display());
            }
        }
    }
    assert!(count > 10, "documents are found: {count}");
}

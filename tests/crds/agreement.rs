//! Who takes which row, and that no rule can be left out.

use serde_json::{Value, json};

use crate::rows::{Row, Taken, rows};
use crate::server::Server;
use crate::{KINDS, Kind, errors};

#[test]
fn definitions_and_check_say_the_same_but_where_it_is_written_down() {
    let servers = KINDS.map(|kind| (kind, Server::new(&kind.schema())));
    for Row { name, kind, document, taken } in rows() {
        let server = &servers.iter().find(|(of, _)| *of == kind).expect("a server").1;
        let refusals = server.refusals(&document);
        assert_eq!(refusals.is_empty(), taken.by_our_definition(), "{name}: {document}: {refusals:#?}");
        let errors = errors(&document);
        assert_eq!(errors.is_empty(), taken.by_check(), "{name}: {document}: {errors:#?}");
    }
}

#[test]
fn every_rule_is_met_and_broken_and_none_can_be_left_out() {
    let mut count = 0;
    for kind in KINDS {
        let schema = kind.schema();
        let refused: Vec<Value> = refused_rows(kind);
        let taken: Vec<Value> = rows()
            .into_iter()
            .filter(|row| row.kind == kind && row.taken == Taken::All)
            .map(|row| row.document)
            .collect();
        for pointer in rules("", &schema) {
            count += 1;
            let rule = schema.pointer(&pointer).expect("the rule").to_string();
            let mut without = schema.clone();
            *without.pointer_mut(&pointer).expect("the rule") =
                json!({"rule": "true", "message": "left out"});
            let server = Server::new(&without);
            assert!(refused.iter().any(|document| server.takes(document)), "{kind:?}: nothing needs {rule}");
            // A rule that nothing reaches would be needed by nobody; one that is always false would be met by nobody.
            *without.pointer_mut(&pointer).expect("the rule") = json!({"rule": "false", "message": "never"});
            let server = Server::new(&without);
            assert!(taken.iter().any(|document| !server.takes(document)), "{kind:?}: nothing meets {rule}");
        }
    }
    assert!(count >= 20, "rules are found: {count}");
}

/// Documents that are refused.
fn refused_rows(kind: Kind) -> Vec<Value> {
    let is_refused = |row: &Row| row.kind == kind && !row.taken.by_our_definition();
    rows().into_iter().filter(is_refused).map(|row| row.document).collect()
}

/// Where the rules of a schema stand.
fn rules(pointer: &str, node: &Value) -> Vec<String> {
    let Some(node) = node.as_object() else { return Vec::new() };
    let own = node.get("x-kubernetes-validations").and_then(Value::as_array).map_or(0, Vec::len);
    let mut found: Vec<String> =
        (0..own).map(|index| format!("{pointer}/x-kubernetes-validations/{index}")).collect();
    for (name, field) in node.get("properties").and_then(Value::as_object).into_iter().flatten() {
        found.extend(rules(&format!("{pointer}/properties/{name}"), field));
    }
    for below in ["items", "additionalProperties"] {
        if let Some(below_node) = node.get(below) {
            found.extend(rules(&format!("{pointer}/{below}"), below_node));
        }
    }
    found
}

/// What only `check` can say of the specification's own examples: whether a filter is CEL.
const ONLY_CHECK_SAYS: [&str; 1] = ["V29"];

#[test]
fn the_worked_examples_are_judged_as_they_say() {
    let servers = KINDS.map(|kind| (format!("{kind:?}"), Server::new(&kind.schema())));
    let folder = burgee_tests::workspace().join("tests/cases/specification/validation");
    let mut count = 0;
    for file in std::fs::read_dir(folder).expect("the examples are there") {
        let file = file.expect("a file").path();
        let row = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).expect("a text");
        let documents: Vec<Value> = serde_saphyr::from_multiple(&text).expect("documents");
        let expected = documents.last().map(|last| last["expect"].clone()).unwrap_or_default();
        for document in &documents {
            let Some((_, server)) = servers.iter().find(|(kind, _)| document["kind"] == **kind) else {
                continue;
            };
            let Some(said) = expected[document["metadata"]["name"].as_str().expect("a name")].as_str() else {
                continue;
            };
            count += 1;
            let is_taken = !said.starts_with("error") || ONLY_CHECK_SAYS.contains(&&*row);
            assert_eq!(
                server.takes(document),
                is_taken,
                "{row}: {document}: {:#?}",
                server.refusals(document)
            );
        }
    }
    assert!(count > 50, "examples are found: {count}");
}

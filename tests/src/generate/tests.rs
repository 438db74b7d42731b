//! That documents made by chance are what they are meant to be.

use std::collections::BTreeSet;

use burgee_api::check::check;
use burgee_api::document::tree::{Node, NodeValue, parse};

use super::*;

/// The paths of fields below a node, such as `spec.metrics[].overrides[].disabled`; keys of maps are written as such.
fn paths(node: &Node, path: &str, known: &BTreeSet<String>, found: &mut BTreeSet<String>) {
    found.insert(path.to_owned());
    match &node.value {
        NodeValue::Scalar { .. } => {}
        NodeValue::List(items) => {
            items.iter().for_each(|item| paths(item, &format!("{path}[]"), known, found))
        }
        NodeValue::Map(entries) => {
            for (key, value) in entries {
                let NodeValue::Scalar { text, .. } = &key.value else { continue };
                let as_field = format!("{path}.{text}");
                let step = if known.contains(&as_field) { as_field } else { format!("{path}{{}}") };
                paths(value, &step, known, found);
            }
        }
    }
}

/// Every path of a schema.
fn of_schema(schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    found.insert(path.to_owned());
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        of_schema(schema, &format!("{path}.{name}"), found);
    }
    if schema["items"].is_object() {
        of_schema(&schema["items"], &format!("{path}[]"), found);
    }
    if schema["additionalProperties"].is_object() {
        of_schema(&schema["additionalProperties"], &format!("{path}{{}}"), found);
    }
}

#[test]
fn every_field_is_there_in_documents_that_are_accepted() {
    let mut wanted = BTreeSet::new();
    for definition in burgee_api::schema::definitions() {
        let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
        of_schema(schema, "spec", &mut wanted);
    }
    assert!(wanted.len() > 80, "{} fields", wanted.len());
    let mut found = BTreeSet::new();
    for number in (0..600).step_by(2) {
        let sources = documents(&mut Chance::of_number(number));
        let policies = &sources[2];
        if !check(&sources).is_valid() {
            continue;
        }
        let (nodes, problems) = parse(policies);
        assert_eq!(problems, []);
        for node in &nodes {
            let NodeValue::Map(entries) = &node.value else { panic!("no object") };
            let spec = entries
                .iter()
                .find(|(key, _)| matches!(&key.value, NodeValue::Scalar { text, .. } if text == "spec"));
            paths(&spec.expect("a spec").1, "spec", &wanted, &mut found);
        }
    }
    let missing: Vec<&String> = wanted.difference(&found).collect();
    assert!(missing.is_empty(), "never there: {missing:#?}");
}

#[test]
fn most_valid_documents_are_accepted_and_many_of_the_others_are_not() {
    let accepted = |numbers: &mut dyn Iterator<Item = u64>| {
        numbers.filter(|number| check(&documents(&mut Chance::of_number(*number))).is_valid()).count()
    };
    let (valid, nearly) = (accepted(&mut (0..200).step_by(2)), accepted(&mut (1..200).step_by(2)));
    assert!(valid > 80, "{valid} of 100");
    assert!((20..80).contains(&nearly), "{nearly} of 100");
}

#[test]
fn a_number_and_bytes_make_the_same_documents_each_time() {
    for number in 0..20_u8 {
        let of_number = || documents(&mut Chance::of_number(number.into()));
        assert_eq!(of_number(), of_number());
        let bytes: Vec<u8> = (0..200).map(|index: u8| index.wrapping_mul(number)).collect();
        let of_bytes = || documents(&mut Chance::of_bytes(&bytes));
        assert_eq!(of_bytes(), of_bytes());
    }
    assert_ne!(documents(&mut Chance::of_number(1)), documents(&mut Chance::of_number(2)));
}

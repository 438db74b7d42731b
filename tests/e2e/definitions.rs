//! `burgee crds`: what is printed is what `kubectl apply` reads.

use burgee_api::document::Source;
use burgee_api::document::scalar::{Scalar, resolve};
use burgee_api::document::tree::{Node, NodeValue, parse};
use serde_json::{Value, json};

use crate::support::program::Program;

/// A tree as Kubernetes reads it.
fn as_json(node: &Node) -> Value {
    match &node.value {
        NodeValue::List(items) => items.iter().map(as_json).collect(),
        NodeValue::Map(entries) => {
            let entry = |(key, value): &(Node, Node)| {
                let Some(Scalar::String(name)) = resolve(key) else { panic!("{key:?} is no name") };
                (name, as_json(value))
            };
            Value::Object(entries.iter().map(entry).collect())
        }
        NodeValue::Scalar { .. } => match resolve(node) {
            Some(Scalar::Bool(value)) => json!(value),
            Some(Scalar::Int(number)) => json!(i64::try_from(number).expect("a number of 64 bits")),
            Some(Scalar::Float(number)) => json!(number),
            Some(Scalar::String(text)) => json!(text),
            Some(Scalar::Null) | None => Value::Null,
        },
    }
}

#[test]
fn yaml_is_one_document_for_each_kind_and_reads_as_what_was_meant() {
    let plain = Program::new(["crds"]).run().expect_code(0);
    assert_eq!(plain.stderr, "");
    assert_eq!(plain.stdout.lines().filter(|line| *line == "---").count(), 3, "{plain}");
    let (documents, problems) = parse(&Source::new("crds.yaml", plain.stdout.clone()));
    assert_eq!(problems, []);
    let printed: Vec<Value> = documents.iter().map(as_json).collect();
    assert_eq!(printed, burgee_api::schema::definitions());
    let named = Program::new(["crds", "-o", "yaml"]).run().expect_code(0);
    assert_eq!(named.stdout, plain.stdout);
}

#[test]
fn json_is_one_list() {
    let list = Program::new(["crds", "--output", "json"]).run().expect_code(0).json();
    assert_eq!((&list["apiVersion"], &list["kind"]), (&json!("v1"), &json!("List")));
    assert_eq!(list["items"], json!(burgee_api::schema::definitions()));
    Program::new(["crds", "-o", "text"]).run().expect_code(2).expect_said(&["yaml", "json"]);
}

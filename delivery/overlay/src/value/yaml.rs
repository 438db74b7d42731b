//! Reading a base written in YAML, as Envoy reads it.

use burgee_api::document::tree::{self, Node, NodeValue, ScalarStyle, Source};
use burgee_api::{Problem, Severity};

use super::{Value, scalar};
use crate::codes;

/// The tag of a key that Envoy drops with its value. It is how people keep anchors in an Envoy configuration.
const IGNORE: &str = "!ignore";

impl Value {
    /// Reads a base as Envoy reads YAML.
    ///
    /// Of repeated keys the last one counts, keys tagged `!ignore` are dropped, aliases are expanded, and merge keys
    /// (`<<`) are keys like any other.
    ///
    /// # Errors
    ///
    /// Every problem of the text: what is not YAML, what Envoy would refuse, and more than one document, of which
    /// Envoy would drop all but the first without a word.
    pub fn from_yaml(source: &Source) -> Result<Value, Vec<Problem>> {
        let (documents, mut problems) = tree::parse(source);
        let value = match documents.first() {
            Some(document) => read(document, &mut problems),
            None => {
                if problems.is_empty() {
                    problems.push(
                        Problem::new(
                            Severity::Error,
                            codes::EMPTY_BASE,
                            format!("{} holds no configuration", source.name),
                        )
                        .help("a bootstrap, a DiscoveryResponse or one resource is wanted"),
                    );
                }
                Value::Null
            }
        };
        if let Some(second) = documents.get(1) {
            problems.push(
                Problem::new(
                    Severity::Error,
                    codes::SEVERAL_DOCUMENTS,
                    format!("{} YAML documents where Envoy reads the first only", documents.len()),
                )
                .at(second.place.clone(), "")
                .help("keep one document per file"),
            );
        }
        if problems.is_empty() { Ok(value) } else { Err(problems) }
    }
}

fn read(node: &Node, problems: &mut Vec<Problem>) -> Value {
    match &node.value {
        NodeValue::Scalar { text, style } => match (node.tag.as_str(), style) {
            ("", ScalarStyle::Plain) => scalar::read_plain(text),
            ("" | "!", _) => Value::String(text.clone()),
            _ => scalar::read_typed(text),
        },
        NodeValue::List(items) => Value::List(items.iter().map(|item| read(item, problems)).collect()),
        NodeValue::Map(entries) => read_map(entries, problems),
    }
}

fn read_map(entries: &[(Node, Node)], problems: &mut Vec<Problem>) -> Value {
    let mut fields: Vec<(String, Value)> = Vec::with_capacity(entries.len());
    let mut index = std::collections::HashMap::new();
    for (key, node) in entries {
        if key.tag == IGNORE {
            continue;
        }
        let NodeValue::Scalar { text, style } = &key.value else {
            problems.push(
                Problem::new(
                    Severity::Error,
                    codes::BAD_KEY,
                    "a key is a list or a mapping, which Envoy refuses",
                )
                .at(key.place.clone(), "")
                .help("keys are names; quote a key that contains brackets or braces"),
            );
            continue;
        };
        let null = *style == ScalarStyle::Plain && key.tag.is_empty() && scalar::is_null(text);
        let name = if null { "null".to_owned() } else { text.clone() };
        let value = read(node, problems);
        match index.get(&name) {
            Some(&at) => {
                let (_, earlier): &mut (String, Value) = &mut fields[at];
                *earlier = value;
            }
            None => {
                index.insert(name.clone(), fields.len());
                fields.push((name, value));
            }
        }
    }
    Value::Map(fields.into())
}

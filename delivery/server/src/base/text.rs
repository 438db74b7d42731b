//! Where in a text the parts of its value stand.

use std::cell::OnceCell;

use burgee_api::document::tree::{self, Node, NodeValue, Source};
use burgee_api::problem::{Code, Severity};
use burgee_api::{Place, Problem};
use burgee_overlay::{Path, Step};

/// A text, and what is wrong with it.
pub(super) struct Text<'s> {
    source: &'s Source,
    /// Read when the first place is asked for: most texts are right. JSON is read as YAML, which it nearly is.
    tree: OnceCell<Option<Node>>,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

impl<'s> Text<'s> {
    /// A text of which nothing is known yet.
    pub fn new(source: &'s Source) -> Text<'s> {
        Text { source, tree: OnceCell::new(), problems: Vec::new() }
    }

    /// Tells a problem of the value at a path.
    pub fn tell(&mut self, severity: Severity, code: Code, path: &Path, message: String, help: String) {
        let place = self.place(path);
        self.problems.push(Problem::new(severity, code, message).at(place, path.to_string()).help(help));
    }

    /// Where the value at a path stands, or where its key does, if it is a field's; as near as can be told.
    pub fn place(&self, path: &Path) -> Place {
        let tree = self.tree.get_or_init(|| tree::parse(self.source).0.into_iter().next());
        let mut place = tree.as_ref().map_or_else(|| start(&self.source.name), |node| node.place.clone());
        let mut node = tree.as_ref();
        for step in &path.0 {
            node = match (step, node.map(|node| &node.value)) {
                (Step::Index(index), Some(NodeValue::List(items))) => items.get(*index),
                (Step::Field(name), Some(NodeValue::Map(entries))) => {
                    // Of repeated keys the last one counts.
                    let is_meant = |(key, _): &&(Node, Node)| matches!(&key.value, NodeValue::Scalar { text, .. } if text == name);
                    let entry = entries.iter().rev().find(is_meant);
                    if let Some((key, _)) = entry {
                        place = key.place.clone();
                    }
                    entry.map(|(_, value)| value)
                }
                _ => None,
            };
            match (step, node) {
                (_, None) => break,
                (Step::Index(_), Some(node)) => place = node.place.clone(),
                (Step::Field(_), Some(_)) => {}
            }
        }
        place
    }
}

/// The start of a file.
pub(super) fn start(file: &std::sync::Arc<str>) -> Place {
    Place { file: file.clone(), line: 1, column: 1, width: 1 }
}

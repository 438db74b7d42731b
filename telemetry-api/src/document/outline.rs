//! What a text holds, seen from outside: every document that is in it, read or not.

use std::collections::{BTreeMap, HashMap};

use super::reader::Field;
use super::scalar::{self, Scalar};
use super::tree::{Node, NodeValue};
use crate::origin::{DocumentId, Place};

/// A document that a text holds, whether or not anything could be read from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// Its kind, namespace and name, as far as they are written.
    pub id: DocumentId,
    /// Its `apiVersion` as written; empty without.
    pub api_version: String,
    /// Where it begins.
    pub place: Place,
    /// Its annotations, as far as they are texts.
    pub annotations: BTreeMap<String, String>,
}

impl Outline {
    /// A document as it is written; nothing is reported that is wrong with it.
    pub(super) fn of(root: &Field<'_>) -> Outline {
        let metadata = value(root.node, "metadata");
        let of_metadata = |key| metadata.and_then(|metadata| written(metadata, key));
        let kind = text(root.node, "kind");
        let api_version = text(root.node, "apiVersion");
        // What applied a Secret may have left its values there.
        let is_secret = kind.as_deref() == Some("Secret");
        let is_object = matches!(root.node.value, NodeValue::Map(_));
        let is_bare_mesh = is_object && kind.is_none() && api_version.is_none();
        let name = of_metadata("name").or(is_bare_mesh.then(|| "mesh".to_owned()));
        let namespace = of_metadata("namespace").filter(|namespace| !namespace.is_empty());
        let namespace = namespace.or(metadata.map(|_| "default".to_owned()));
        let annotations = metadata.and_then(|metadata| value(metadata, "annotations"));
        Outline {
            id: DocumentId {
                kind: kind.unwrap_or_else(|| if is_bare_mesh { "MeshConfig" } else { "" }.to_owned()).into(),
                namespace: namespace.unwrap_or_default().into(),
                name: name.unwrap_or_default().into(),
            },
            api_version: api_version.unwrap_or_default(),
            place: root.place(),
            annotations: annotations.filter(|_| !is_secret).map(texts).unwrap_or_default(),
        }
    }

    /// Which of these documents a place is in: the last one of its file that begins before it.
    pub fn around<'o>(outlines: &'o [Outline], place: &Place) -> Option<&'o Outline> {
        outlines
            .iter()
            .filter(|outline| outline.place.file == place.file && start(&outline.place) <= start(place))
            .max_by_key(|outline| start(&outline.place))
    }
}

/// Documents by file and place, to ask which of them many places are in.
#[derive(Debug)]
pub struct OutlineIndex<'o> {
    by_file: HashMap<&'o str, Vec<&'o Outline>>,
}

impl<'o> OutlineIndex<'o> {
    /// An index of these documents.
    pub fn new(outlines: &'o [Outline]) -> OutlineIndex<'o> {
        let mut by_file: HashMap<&str, Vec<&Outline>> = HashMap::new();
        for outline in outlines {
            by_file.entry(&outline.place.file).or_default().push(outline);
        }
        by_file.values_mut().for_each(|outlines| outlines.sort_by_key(|outline| start(&outline.place)));
        OutlineIndex { by_file }
    }

    /// The same as [`Outline::around`].
    pub fn around(&self, place: &Place) -> Option<&'o Outline> {
        let outlines = self.by_file.get(&*place.file)?;
        let begun = outlines.partition_point(|outline| start(&outline.place) <= start(place));
        outlines.get(begun.checked_sub(1)?).copied()
    }
}

fn start(place: &Place) -> (usize, usize) {
    (place.line, place.column)
}

fn value<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    let NodeValue::Map(entries) = &node.value else { return None };
    let is_it =
        |(found, _): &&(Node, Node)| matches!(&found.value, NodeValue::Scalar { text, .. } if text == key);
    entries.iter().find(is_it).map(|(_, value)| value)
}

fn text(node: &Node, key: &str) -> Option<String> {
    match scalar::resolve(value(node, key)?) {
        Some(Scalar::String(text)) => Some(text),
        _ => None,
    }
}

/// A single value as it is written, even where it is read as no text.
fn written(node: &Node, key: &str) -> Option<String> {
    let value = value(node, key)?;
    match (scalar::resolve(value), &value.value) {
        (Some(Scalar::Null), _) => None,
        (Some(Scalar::String(text)), _) => Some(text),
        (_, NodeValue::Scalar { text, .. }) => Some(text.clone()),
        _ => None,
    }
}

fn texts(node: &Node) -> BTreeMap<String, String> {
    let NodeValue::Map(entries) = &node.value else { return BTreeMap::new() };
    let pair = |(key, value): &(Node, Node)| match (scalar::resolve(key), scalar::resolve(value)) {
        (Some(Scalar::String(key)), Some(Scalar::String(value))) => Some((key, value)),
        _ => None,
    };
    entries.iter().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Source, read};
    use crate::test;

    #[test]
    fn every_document_is_outlined_and_every_place_is_in_one() {
        let text = "kind: EnvoyFilter\napiVersion: networking.istio.io/v1alpha3\n\
                    metadata: {name: one, namespace: shop, annotations: {a: b, c: 1}}\n---\n\
                    apiVersion: v1\nkind: List\nitems:\n- {apiVersion: telemetry.istio.io/v1, kind: Telemetry, metadata: {name: two}}\n\
                    - {apiVersion: v1, kind: Thing}\n---\nrootNamespace: root\n---\n- no\n";
        let outlines = read(&[Source::new("t.yaml", text)]).outlines;
        let shown: Vec<String> =
            outlines.iter().map(|outline| format!("{} {}", outline.place.line, outline.id)).collect();
        assert_eq!(
            shown,
            [
                "1 EnvoyFilter shop/one",
                "5 List ",
                "8 Telemetry default/two",
                "9 Thing ",
                "11 MeshConfig mesh",
                "13  "
            ]
        );
        assert_eq!(outlines[0].api_version, "networking.istio.io/v1alpha3");
        assert_eq!(outlines[0].annotations, BTreeMap::from([("a".to_owned(), "b".to_owned())]));
        let index = OutlineIndex::new(&outlines);
        let at = |line, column| {
            let place = Place { file: "t.yaml".into(), line, column, width: 1 };
            let outline = Outline::around(&outlines, &place);
            assert_eq!(index.around(&place), outline);
            outline.map(|outline| outline.id.to_string())
        };
        assert_eq!(at(3, 30).as_deref(), Some("EnvoyFilter shop/one"));
        assert_eq!(at(8, 60).as_deref(), Some("Telemetry default/two"));
        assert_eq!(at(11, 1).as_deref(), Some("MeshConfig mesh"));
        let elsewhere = Place { file: "u.yaml".into(), line: 3, column: 1, width: 1 };
        assert_eq!(Outline::around(&outlines, &elsewhere), None);
        assert_eq!(index.around(&elsewhere), None);
        assert_eq!(
            OutlineIndex::new(&outlines[1..]).around(&Place { file: "t.yaml".into(), ..elsewhere }),
            None
        );
    }
}

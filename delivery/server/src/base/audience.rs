//! For whom a class of proxies is: what its `class.yaml` or the name of its folder says.

use std::collections::BTreeMap;

use burgee_api::document::tree::{self, Node, NodeValue, ScalarStyle, Source};
use burgee_api::problem::{Problem, Severity, closest};
use burgee_api::resolve::{Workload, WorkloadKind};

use super::text::start;
use crate::codes;

const FIELDS: [&str; 5] = ["kind", "namespace", "workload", "labels", "revision"];
/// The kinds by name.
const KINDS: [(&str, WorkloadKind); 2] =
    [("sidecar", WorkloadKind::Sidecar), ("gateway", WorkloadKind::Gateway)];

/// For which proxies a class is: those of which all of this is so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audience {
    /// Whether it is only for proxies that name the class themselves.
    pub is_named: bool,
    /// What the proxy serves; absent: either.
    pub kind: Option<WorkloadKind>,
    /// The workload's namespace; absent: any.
    pub namespace: Option<String>,
    /// The workload's name; absent: any.
    pub workload: Option<String>,
    /// Labels that the workload has; empty: whatever it has.
    pub labels: BTreeMap<String, String>,
    /// The revision that the proxy belongs to; absent: any.
    pub revision: Option<String>,
}

impl Audience {
    /// What the name of a folder without a `class.yaml` says: `sidecar` and `gateway` are for that kind, others for those
    /// who name them.
    pub fn of_folder(name: &str) -> Audience {
        let kind = KINDS.iter().find(|(kind, _)| *kind == name).map(|(_, kind)| *kind);
        Audience { is_named: kind.is_none(), kind, ..Audience::default() }
    }

    /// Whether a workload's proxy is one of them, apart from whether it names the class.
    pub fn fits(&self, workload: &Workload) -> bool {
        let is =
            |wanted: &Option<String>, given: &String| wanted.as_ref().is_none_or(|wanted| wanted == given);
        self.kind.is_none_or(|kind| kind == workload.kind)
            && is(&self.namespace, &workload.namespace)
            && is(&self.workload, &workload.name)
            && is(&self.revision, &workload.revision)
            && self.labels.iter().all(|(key, value)| workload.labels.get(key) == Some(value))
    }

    /// How narrow it is; of the classes that fit a proxy the narrowest counts.
    pub(super) fn narrowness(&self) -> impl Ord + use<> {
        let Audience { workload, labels, namespace, kind, revision, is_named: _ } = self;
        (workload.is_some(), labels.len(), namespace.is_some(), kind.is_some(), revision.is_some())
    }

    /// Whether there can be a proxy that both are for, and neither is narrower.
    pub(super) fn ties_with(&self, other: &Audience) -> bool {
        fn meet<T: PartialEq>(one: &Option<T>, other: &Option<T>) -> bool {
            one.is_none() || other.is_none() || one == other
        }
        let labels_meet =
            self.labels.iter().all(|(key, value)| other.labels.get(key).is_none_or(|others| others == value));
        !self.is_named
            && !other.is_named
            && self.narrowness() == other.narrowness()
            && meet(&self.kind, &other.kind)
            && meet(&self.namespace, &other.namespace)
            && meet(&self.workload, &other.workload)
            && meet(&self.revision, &other.revision)
            && labels_meet
    }

    /// Reads a `class.yaml`.
    pub(super) fn read(source: &Source) -> (Audience, Vec<Problem>) {
        let (documents, mut problems) = tree::parse(source);
        let mut audience = Audience::default();
        let mut tell = |node: &Node, path: &str, message: String, help: String| {
            problems.push(
                Problem::new(Severity::Error, codes::BAD_CLASS, message)
                    .at(node.place.clone(), path)
                    .help(help),
            );
        };
        let entries = match documents.as_slice() {
            [Node { value: NodeValue::Map(entries), .. }] => entries,
            [] => {
                if problems.is_empty() {
                    problems.push(
                        Problem::new(Severity::Error, codes::BAD_CLASS, "nothing says for whom this class is")
                            .at(start(&source.name), "")
                            .help("write some of kind, namespace, workload, labels and revision; `{}` is for everyone"),
                    );
                }
                return (audience, problems);
            }
            [document, ..] => {
                let help = "write one mapping with some of kind, namespace, workload, labels and revision"
                    .to_owned();
                tell(document, "", "this does not say for whom a class is".to_owned(), help);
                return (audience, problems);
            }
        };
        for (key, value) in entries {
            let name = scalar(key).unwrap_or_default();
            match name {
                "kind" => match KINDS.iter().find(|(kind, _)| Some(*kind) == scalar(value)) {
                    Some((_, kind)) => audience.kind = Some(*kind),
                    None => tell(value, name, "no such kind".to_owned(), "sidecar or gateway".to_owned()),
                },
                "labels" => match labels(value) {
                    Ok(labels) => audience.labels = labels,
                    Err(node) => {
                        let help = "labels are a mapping of names to texts".to_owned();
                        tell(node, name, "this is no label".to_owned(), help);
                    }
                },
                "namespace" | "workload" | "revision" => {
                    let text = scalar(value).filter(|text| !text.is_empty()).map(str::to_owned);
                    if text.is_none() {
                        let help = format!("write the {name}'s name, or leave it out for any");
                        tell(value, name, "this is no name".to_owned(), help);
                    }
                    match name {
                        "namespace" => audience.namespace = text,
                        "workload" => audience.workload = text,
                        _ => audience.revision = text,
                    }
                }
                other => {
                    let help = match closest(other, &FIELDS) {
                        Some(near) => format!("did you mean {near}?"),
                        None => format!("there are {}", FIELDS.join(", ")),
                    };
                    tell(key, other, format!("a class has no field {other:?}"), help);
                }
            }
        }
        (audience, problems)
    }
}

/// The text of a scalar that says something.
fn scalar(node: &Node) -> Option<&str> {
    match &node.value {
        NodeValue::Scalar { text, style: ScalarStyle::Plain }
            if ["", "~", "null"].contains(&text.as_str()) =>
        {
            None
        }
        NodeValue::Scalar { text, .. } => Some(text),
        _ => None,
    }
}

/// Labels, or what is none.
fn labels(node: &Node) -> Result<BTreeMap<String, String>, &Node> {
    let NodeValue::Map(entries) = &node.value else { return Err(node) };
    entries
        .iter()
        .map(|(key, value)| match (scalar(key), scalar(value)) {
            (Some(key), Some(text)) => Ok((key.to_owned(), text.to_owned())),
            _ => Err(value),
        })
        .collect()
}

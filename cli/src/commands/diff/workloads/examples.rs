//! Workloads that stand for those which documents are written for without describing them.

use std::collections::{BTreeMap, BTreeSet};

use burgee_api::resolve::{GATEWAY_NAME_LABEL, PolicyDocument, PolicySet, Workload, WorkloadKind};

use super::{Subject, Versions};

/// A namespace that no document is in: its name is none that Kubernetes takes.
const OTHER_NAMESPACE: &str = "*";

type Labels = BTreeMap<String, String>;

/// Sorts of workloads. Each has a sidecar and a gateway, unless its labels are those of a gateway.
pub(super) struct Examples {
    roots: BTreeSet<String>,
    /// Those that documents without one are for.
    revisions: BTreeSet<String>,
    /// The one that there is if nothing is said.
    usual: String,
    /// The only one that is asked about.
    only: Option<String>,
    /// By namespace, the other one last, and revision.
    sorts: BTreeSet<(bool, String, String, WorkloadKind, Labels)>,
}

impl Examples {
    /// None yet.
    pub fn new(sets: Versions<'_, PolicySet>, only: Option<&str>) -> Examples {
        let mut revisions: BTreeSet<String> =
            sets.iter().flat_map(|set| set.revisions()).map(str::to_owned).collect();
        let labelled = sets.iter().flat_map(|set| set.documents());
        revisions.extend(labelled.filter_map(|document| document.meta().revision()).map(str::to_owned));
        if let Some(only) = only {
            revisions = [only.to_owned()].into();
        }
        Examples {
            roots: sets.iter().flat_map(|set| set.roots()).map(str::to_owned).collect(),
            revisions,
            usual: only.unwrap_or(&sets[1].mesh_config().revision).to_owned(),
            only: only.map(str::to_owned),
            sorts: BTreeSet::new(),
        }
    }

    /// Whoever documents are written for: in each namespace with documents, and in one without any, those of no labels,
    /// and those that a document names.
    pub fn of_everything(&mut self, sets: Versions<'_, PolicySet>) {
        for revision in self.revisions.clone() {
            self.add_revision(&revision);
        }
        for document in sets.iter().flat_map(|set| set.documents()) {
            self.add(document);
            for revision in self.revisions.clone() {
                self.insert(&document.meta().id.namespace, &revision, Labels::new());
            }
        }
    }

    /// Whoever is in no namespace with documents.
    pub fn add_revision(&mut self, revision: &str) {
        self.insert(OTHER_NAMESPACE, revision, Labels::new());
    }

    /// Those that a document is written for.
    pub fn add(&mut self, document: PolicyDocument<'_>) {
        let meta = document.meta();
        let namespace = &*meta.id.namespace;
        let revisions = match (meta.revision(), &self.only) {
            (Some(of), Some(only)) if of != only => return,
            (Some(of), _) => [of.to_owned()].into(),
            (None, _) => self.revisions.clone(),
        };
        for revision in &revisions {
            if let Some(gateways) = document.gateways() {
                for gateway in gateways {
                    let labels = [(GATEWAY_NAME_LABEL.to_owned(), gateway.to_owned())];
                    self.insert(namespace, revision, labels.into());
                }
                continue;
            }
            let labels = document.selector().map(|selector| selector.match_labels.clone());
            let labels = labels.unwrap_or_default();
            self.insert(namespace, revision, labels.clone());
            // A selector of the root namespace selects everywhere, if it is a plugin's.
            if self.roots.contains(namespace) {
                self.insert(OTHER_NAMESPACE, revision, labels);
            }
        }
    }

    fn insert(&mut self, namespace: &str, revision: &str, labels: Labels) {
        let kinds: &[WorkloadKind] = match labels.contains_key(GATEWAY_NAME_LABEL) {
            true => &[WorkloadKind::Gateway],
            false => &[WorkloadKind::Sidecar, WorkloadKind::Gateway],
        };
        let (is_other, namespace, revision) =
            (namespace == OTHER_NAMESPACE, namespace.to_owned(), revision.to_owned());
        let sorts =
            kinds.iter().map(|kind| (is_other, namespace.clone(), revision.clone(), *kind, labels.clone()));
        self.sorts.extend(sorts);
    }

    /// A workload of each sort.
    pub fn into_subjects(self) -> Vec<Subject> {
        let Examples { usual, sorts, .. } = self;
        let subject =
            |(is_other, namespace, revision, kind, labels): (bool, String, String, WorkloadKind, Labels)| {
                let place = if is_other {
                    "any other namespace".to_owned()
                } else {
                    format!("namespace {namespace}")
                };
                let of_revision =
                    if revision == usual { String::new() } else { format!(" of revision {revision}") };
                let pairs: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
                let with =
                    if pairs.is_empty() { String::new() } else { format!(" with {}", pairs.join(", ")) };
                let name = format!("any {} of {place}{of_revision}{with}", kind.name());
                let workload = Workload::new(kind, namespace, "example", labels).of_revision(&revision);
                Subject { name, old: Some(workload.clone()), new: Some(workload) }
            };
        sorts.into_iter().map(subject).collect()
    }
}

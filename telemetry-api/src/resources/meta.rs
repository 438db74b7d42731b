//! What every document carries: its name, where it stands and what it is labelled with.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::origin::{DocumentId, Origin, Place};
use crate::resolve::Workload;

/// The label, and the annotation, that names the revision which something belongs to.
pub(crate) const REVISION_KEY: &str = "istio.io/rev";

/// The revision that a resource or workload belongs to when nothing says otherwise: Istio's default.
pub const DEFAULT_REVISION: &str = "default";

/// A document's metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Kind, namespace and name.
    pub id: DocumentId,
    /// Where the document begins.
    pub place: Place,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// `metadata.creationTimestamp` in UTC, such as `2024-01-31T08:00:00Z`; empty when absent.
    pub created: String,
}

impl Meta {
    /// The metadata of a document whose own cannot be used.
    pub(crate) fn nameless(kind: Arc<str>, place: Place) -> Meta {
        Meta {
            id: DocumentId { kind, namespace: "".into(), name: "".into() },
            place,
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            created: String::new(),
        }
    }

    /// The revision that the document is for: the label `istio.io/rev`; absent means every revision.
    pub fn revision(&self) -> Option<&str> {
        self.labels.get(REVISION_KEY).map(String::as_str)
    }

    /// Whether the document is for a revision.
    pub fn is_for_revision(&self, revision: &str) -> bool {
        self.revision().is_none_or(|wanted| wanted == revision)
    }

    /// Whether the document is for workloads such as this one, wherever it is and whatever else it says.
    pub(crate) fn is_for(&self, workload: &Workload) -> bool {
        self.is_for_revision(&workload.revision)
    }

    /// The origin of a field of this document.
    pub fn origin(&self, path: impl Into<Arc<str>>, place: Place) -> Origin {
        Origin::Document { document: self.id.clone(), path: path.into(), place }
    }
}

//! What is judged, and what it adds up to: made once, for every check that looks at documents together.

use std::collections::{BTreeMap, BTreeSet};

use crate::resolve::{KnownWorkload, KnownWorkloads, PolicySet};
use crate::resources::{Meta, Resources};

/// Documents and what they add up to.
pub(super) struct World<'r> {
    pub resources: &'r Resources,
    pub set: PolicySet,
    pub known: KnownWorkloads<'r>,
    /// The revision of workloads that do not say theirs.
    pub revision: &'r str,
    /// Every revision that workloads here are of, that one among them.
    pub revisions: BTreeSet<String>,
}

impl<'r> World<'r> {
    /// The world of these documents.
    pub fn new(resources: &'r Resources, revision: &'r str) -> World<'r> {
        let known = KnownWorkloads::new(resources, revision);
        let of_workloads = known.workloads.iter().map(|known| known.workload.revision.clone());
        let revisions = of_workloads.chain([revision.to_owned()]).collect();
        World { resources, set: PolicySet::new(resources.clone()), known, revision, revisions }
    }

    /// The namespace of documents for the whole mesh.
    pub fn root(&self) -> &'r str {
        &self.resources.mesh_config.root_namespace.value
    }

    /// The revisions here that a document is for.
    pub fn revisions_of(&self, meta: &Meta) -> impl Iterator<Item = &str> {
        self.revisions.iter().map(String::as_str).filter(|revision| meta.is_for_revision(revision))
    }

    /// Whether a document is for any workload here, as far as its revision goes.
    pub fn is_seen(&self, meta: &Meta) -> bool {
        self.revisions_of(meta).next().is_some()
    }

    /// Workloads by namespace, those that have documents of their own.
    pub fn described(&self) -> BTreeMap<&str, Vec<&KnownWorkload<'r>>> {
        let mut workloads: BTreeMap<&str, Vec<&KnownWorkload<'r>>> = BTreeMap::new();
        for known in self.known.workloads.iter().filter(|known| known.by.describes_it()) {
            workloads.entry(&known.workload.namespace).or_default().push(known);
        }
        workloads
    }
}

//! What is judged, and what it adds up to: made once, for every check that looks at documents together.

use std::collections::{BTreeMap, BTreeSet};

use crate::resolve::{KnownWorkload, KnownWorkloads, PolicySet};
use crate::resources::{MeshConfig, Meta, Resources};

/// Documents and what they add up to.
pub(super) struct World<'r> {
    pub resources: &'r Resources,
    pub set: PolicySet,
    pub known: KnownWorkloads<'r>,
    /// Every revision that workloads here are of, that one among them.
    pub revisions: BTreeSet<String>,
}

impl<'r> World<'r> {
    /// The world of these documents.
    pub fn new(resources: &'r Resources, revision: &'r str) -> World<'r> {
        let known = KnownWorkloads::new(resources, revision);
        let of_workloads = known.workloads.iter().map(|known| known.workload.revision.clone());
        let revisions = of_workloads.chain([revision.to_owned()]).collect();
        World { resources, set: PolicySet::new(resources.clone()), known, revisions }
    }

    /// The meshes that a document is judged by: that of the revision that it is for, or those of all that read it. First
    /// go those of workloads here, and how many they are is the number.
    pub fn meshes_of(&self, meta: &Meta) -> (Vec<&MeshConfig>, usize) {
        let here: Vec<&str> = self.revisions_of(meta).collect();
        let revisions = if here.is_empty() { meta.revision().into_iter().collect() } else { here };
        let mut meshes: Vec<&MeshConfig> = Vec::new();
        let of_revisions = revisions.into_iter().map(|revision| self.set.mesh_of_revision(revision).0);
        of_revisions.for_each(|mesh| add(&mut meshes, mesh));
        let used = meshes.len();
        let all = self.set.meshes().map(|(mesh, _)| mesh);
        all.filter(|mesh| meta.is_for_revision(&mesh.revision)).for_each(|mesh| add(&mut meshes, mesh));
        (meshes, used)
    }

    /// Whether a document is in the root namespace of each mesh that it is for.
    pub fn is_in_root(&self, meta: &Meta) -> bool {
        let (meshes, used) = self.meshes_of(meta);
        meshes.iter().take(used).all(|mesh| *mesh.root_namespace.value == *meta.id.namespace)
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

/// Adds a mesh that is not there yet.
fn add<'m>(meshes: &mut Vec<&'m MeshConfig>, mesh: &'m MeshConfig) {
    if !meshes.iter().any(|known| std::ptr::eq(*known, mesh)) {
        meshes.push(mesh);
    }
}

//! What differs between two sets of policies, and which workloads a document is written for.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::affected::{WorkloadIndex, selected};
use super::hash::{Digest, describe_mesh};
use super::policies::{Policies, Policy, is_wide};
use super::policy_set::{Namespace, PolicySet};
use super::selection::is_gateway;
use super::workload::Workload;
use crate::origin::DocumentId;
use crate::resources::telemetry::Selector;
use crate::resources::{Meta, Telemetry, TrafficExtension};

/// A document of a set of policies.
#[derive(Clone, Copy, Debug)]
pub enum PolicyDocument<'s> {
    /// A Telemetry.
    Telemetry(&'s Telemetry),
    /// A plugin.
    Extension(&'s TrafficExtension),
}

impl<'s> PolicyDocument<'s> {
    /// Its name and place.
    pub fn meta(self) -> &'s Meta {
        match self {
            PolicyDocument::Telemetry(telemetry) => &telemetry.meta,
            PolicyDocument::Extension(plugin) => &plugin.meta,
        }
    }

    /// The labels of the workloads that it is for.
    pub fn selector(self) -> Option<&'s Selector> {
        match self {
            PolicyDocument::Telemetry(telemetry) => telemetry.selector.as_ref(),
            PolicyDocument::Extension(plugin) => plugin.selector.as_ref(),
        }
    }

    /// The gateways of the Gateway API that it is for, if it is for something by name; only waypoints serve what else
    /// can be named.
    pub fn gateways(self) -> Option<Vec<&'s str>> {
        let targets = match self {
            PolicyDocument::Telemetry(telemetry) => &telemetry.target_refs,
            PolicyDocument::Extension(plugin) => &plugin.target_refs,
        };
        let gateways = targets.iter().filter(|target| is_gateway(target)).map(|target| target.name.as_str());
        (!targets.is_empty()).then(|| gateways.collect())
    }

    /// The numbers of the workloads that it is written for, whatever other documents there are beside it in the set.
    pub fn reach(self, set: &PolicySet, workloads: &WorkloadIndex) -> Vec<usize> {
        let namespace = &*self.meta().id.namespace;
        let is_root = set.common.meshes().any(|mesh| mesh.config.root_namespace.value == namespace);
        let everywhere = (!is_root).then_some(namespace);
        match self {
            PolicyDocument::Telemetry(telemetry) => {
                let reach = if is_wide(telemetry) { everywhere } else { Some(namespace) };
                selected(telemetry, reach, namespace, workloads)
            }
            PolicyDocument::Extension(plugin) => selected(plugin, everywhere, namespace, workloads),
        }
    }
}

impl PolicySet {
    /// Every document.
    pub fn documents(&self) -> Vec<PolicyDocument<'_>> {
        self.namespaces.values().flat_map(|namespace| of_namespace(namespace, None)).collect()
    }

    /// A document by its name, with a digest of what it says and of nothing about where it stands.
    pub fn document(&self, id: &DocumentId) -> Option<(PolicyDocument<'_>, [u8; 32])> {
        let namespace = self.namespaces.get(&id.namespace)?;
        let telemetries = namespace.telemetries.all();
        let telemetries =
            telemetries.map(|(document, digest)| (PolicyDocument::Telemetry(document), *digest));
        let plugins = namespace.plugins.all();
        let plugins = plugins.map(|(document, digest)| (PolicyDocument::Extension(document), *digest));
        telemetries.chain(plugins).find(|(document, _)| document.meta().id == *id)
    }

    /// The documents that are for a workload, in the order in which they count.
    pub fn documents_of(&self, workload: &Workload) -> Vec<PolicyDocument<'_>> {
        let telemetries = self.contributions(workload).into_iter().map(PolicyDocument::Telemetry);
        let plugins = self.plugins(workload).into_iter().map(|plugin| PolicyDocument::Extension(plugin));
        telemetries.chain(plugins).collect()
    }

    /// Whether what is of no single document, such as the mesh's configuration, is the same in another set.
    pub fn has_same_mesh(&self, other: &PolicySet) -> bool {
        self.common.digest == other.common.digest
    }

    /// The documents that may say something else to workloads than they do in another set: those that are not there, or
    /// not so; and all of them if something differs that is of no single document, such as the mesh's configuration.
    pub fn differing_from(&self, other: &PolicySet) -> Vec<PolicyDocument<'_>> {
        if self.common.digest != other.common.digest {
            return self.documents();
        }
        let nothing = Arc::new(Namespace::default());
        let namespaces = self.namespaces.iter();
        namespaces
            .flat_map(|(name, namespace)| {
                of_namespace(namespace, Some(other.namespaces.get(name).unwrap_or(&nothing)))
            })
            .collect()
    }

    /// The revisions that have a mesh's configuration which differs from that of another set, and none of these
    /// workloads. If what differs is of no single one, such as a service, all that have none of them.
    pub fn revisions_of_nobody(&self, other: &PolicySet, workloads: &WorkloadIndex) -> BTreeSet<&str> {
        if self.common.digest == other.common.digest {
            return BTreeSet::new();
        }
        let mut revisions = self.revisions();
        let differs = |revision: &&str| self.mesh_text(revision) != other.mesh_text(revision);
        if revisions.iter().any(differs) {
            revisions.retain(differs);
        }
        for workload in workloads.workloads() {
            revisions.remove(self.mesh_of_revision(&workload.revision).0.revision.as_str());
        }
        revisions
    }

    /// What the mesh of a revision says, without places.
    fn mesh_text(&self, revision: &str) -> String {
        let mut text = String::new();
        describe_mesh(self.mesh_of_revision(revision).0, &self.common.control_plane, &mut text);
        text
    }

    /// The namespaces whose documents are for the whole mesh, one of each revision.
    pub fn roots(&self) -> BTreeSet<&str> {
        self.common.meshes().map(|mesh| mesh.config.root_namespace.value.as_str()).collect()
    }

    /// The revisions that have a mesh's configuration of their own.
    pub fn revisions(&self) -> BTreeSet<&str> {
        self.common.meshes().map(|mesh| mesh.config.revision.as_str()).collect()
    }
}

/// The documents of a namespace that another has not, or not so.
fn of_namespace<'s>(namespace: &'s Namespace, other: Option<&Arc<Namespace>>) -> Vec<PolicyDocument<'s>> {
    let telemetries = only(&namespace.telemetries, other.map(|other| &*other.telemetries));
    let plugins = only(&namespace.plugins, other.map(|other| &*other.plugins));
    let telemetries = telemetries.map(|document| PolicyDocument::Telemetry(document));
    telemetries.chain(plugins.map(|document| PolicyDocument::Extension(document))).collect()
}

fn only<'s, P: Policy>(
    policies: &'s Policies<P>,
    other: Option<&Policies<P>>,
) -> impl Iterator<Item = &'s Arc<P>> {
    let known: HashSet<Digest> =
        other.into_iter().flat_map(Policies::all).map(|(_, digest)| *digest).collect();
    policies.all().filter(move |(_, digest)| !known.contains(*digest)).map(|(document, _)| document)
}

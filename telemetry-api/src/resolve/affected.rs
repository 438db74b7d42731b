//! Whom the difference between two sets of policies concerns, without resolving anything.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::hash::Digest;
use super::policies::{Policies, Policy, is_wide};
use super::policy_set::{Namespace, PolicySet};
use super::selection::is_gateway;
use super::workload::{GATEWAY_NAME_LABEL, Workload};
use crate::resources::{Meta, Telemetry, TrafficExtension};

/// Workloads, found by namespace and labels. They are known by their number in the order in which they were given.
#[derive(Clone, Debug, Default)]
pub struct WorkloadIndex {
    workloads: Vec<Workload>,
    by_namespace: HashMap<String, Vec<usize>>,
    /// By a label's name, then by its value.
    by_label: HashMap<String, HashMap<String, Vec<usize>>>,
}

impl WorkloadIndex {
    /// An index of these workloads.
    pub fn new(workloads: Vec<Workload>) -> WorkloadIndex {
        let mut index = WorkloadIndex::default();
        for (number, workload) in workloads.iter().enumerate() {
            index.by_namespace.entry(workload.namespace.clone()).or_default().push(number);
            for (name, value) in &workload.labels {
                let values = index.by_label.entry(name.clone()).or_default();
                values.entry(value.clone()).or_default().push(number);
            }
        }
        index.workloads = workloads;
        index
    }

    /// The workloads, by number.
    pub fn workloads(&self) -> &[Workload] {
        &self.workloads
    }

    /// The workloads of a namespace, or of all, that have all of these labels and that a document may be for.
    fn find(&self, namespace: Option<&str>, labels: &[(&str, &str)], meta: &Meta) -> Vec<usize> {
        let of_namespace =
            namespace.map(|namespace| self.by_namespace.get(namespace).map_or(&[][..], Vec::as_slice));
        let of_labels = labels.iter().map(|(name, value)| {
            let numbers = self.by_label.get(*name).and_then(|values| values.get(*value));
            numbers.map_or(&[][..], Vec::as_slice)
        });
        let is_it = |number: &usize| {
            let workload = &self.workloads[*number];
            namespace.is_none_or(|namespace| workload.namespace == namespace)
                && labels
                    .iter()
                    .all(|(name, value)| workload.labels.get(*name).is_some_and(|has| has == value))
                && meta.is_for(workload)
        };
        match of_labels.chain(of_namespace).min_by_key(|numbers| numbers.len()) {
            Some(fewest) => fewest.iter().copied().filter(is_it).collect(),
            None => (0..self.workloads.len()).filter(is_it).collect(),
        }
    }
}

/// The numbers, in ascending order, of the workloads that two sets may say different things to; to every other one they
/// say the same. Where a document stands in a file is no difference. One of the mesh's configuration, of its services or
/// of its control planes' settings concerns all workloads; one of documents those that the documents are for, before or
/// after.
pub fn affected(old: &PolicySet, new: &PolicySet, workloads: &WorkloadIndex) -> Vec<usize> {
    if old.common.digest != new.common.digest {
        return (0..workloads.workloads.len()).collect();
    }
    let nothing = Arc::new(Namespace::default());
    let names: BTreeSet<&Arc<str>> = old.namespaces.keys().chain(new.namespaces.keys()).collect();
    let roots: HashSet<&str> =
        new.common.meshes().map(|mesh| mesh.config.root_namespace.value.as_str()).collect();
    let mut found = BTreeSet::new();
    for name in names {
        let of = |set: &PolicySet| Arc::clone(set.namespaces.get(name).unwrap_or(&nothing));
        let (before, after) = (of(old), of(new));
        if before.digest == after.digest {
            continue;
        }
        // What is for all of the root namespace is for all of the mesh.
        let reach = Some(&**name).filter(|name| !roots.contains(*name));
        found.extend(by_telemetries(&before.telemetries, &after.telemetries, name, reach, workloads));
        found.extend(by_plugins(&before.plugins, &after.plugins, name, reach, workloads));
    }
    found.into_iter().collect()
}

/// Of the Telemetries for a whole namespace only the first counts; others are for what they select there.
fn by_telemetries(
    before: &Policies<Telemetry>,
    after: &Policies<Telemetry>,
    namespace: &str,
    reach: Option<&str>,
    workloads: &WorkloadIndex,
) -> Vec<usize> {
    let mut found = Vec::new();
    for telemetry in different(before, after) {
        if is_wide(&*telemetry) {
            let counts = |number: &usize| {
                let workload = &workloads.workloads[*number];
                let first = |of: &Policies<Telemetry>| of.wide(workload).next().map(|(_, digest)| *digest);
                first(before) != first(after)
            };
            found.extend(workloads.find(reach, &[], &telemetry.meta).into_iter().filter(counts));
        } else {
            found.extend(selected(&*telemetry, Some(namespace), namespace, workloads));
        }
    }
    found
}

/// Every plugin counts, and those of the root namespace select in all of the mesh.
fn by_plugins(
    before: &Policies<TrafficExtension>,
    after: &Policies<TrafficExtension>,
    namespace: &str,
    reach: Option<&str>,
    workloads: &WorkloadIndex,
) -> Vec<usize> {
    let each = different(before, after);
    each.iter().flat_map(|plugin| selected(&**plugin, reach, namespace, workloads)).collect()
}

/// The workloads that a document selects: by labels as far as it reaches, or by the gateways of its own namespace that
/// they serve.
pub(super) fn selected(
    document: &impl Policy,
    reach: Option<&str>,
    namespace: &str,
    workloads: &WorkloadIndex,
) -> Vec<usize> {
    let targets = document.targets();
    if targets.is_empty() {
        let labels = document.selector().map(|selector| &selector.match_labels);
        let labels: Vec<(&str, &str)> =
            labels.into_iter().flatten().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        return workloads.find(reach, &labels, document.meta());
    }
    let gateways = targets.iter().filter(|target| is_gateway(target)).map(|target| target.name.as_str());
    gateways
        .flat_map(|gateway| {
            workloads.find(Some(namespace), &[(GATEWAY_NAME_LABEL, gateway)], document.meta())
        })
        .collect()
}

/// Every document that one has and the other has not, or not so: each version of it.
fn different<P: Policy>(before: &Policies<P>, after: &Policies<P>) -> Vec<Arc<P>> {
    let of = |policies: &'_ Policies<P>| -> HashSet<Digest> {
        policies.all().map(|(_, digest)| *digest).collect()
    };
    let (in_before, in_after) = (of(before), of(after));
    let only = |policies: &Policies<P>, other: &HashSet<Digest>| -> Vec<Arc<P>> {
        let documents = policies.all().filter(|(_, digest)| !other.contains(*digest));
        documents.map(|(document, _)| Arc::clone(document)).collect()
    };
    [only(before, &in_after), only(after, &in_before)].concat()
}

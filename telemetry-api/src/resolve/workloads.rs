//! Which workloads there are among documents.

use std::collections::{BTreeMap, HashSet};

use super::label_index::LabelIndex;
use super::workload::{GATEWAY_NAME_LABEL, Workload, WorkloadKind, waypoint};
use crate::problem::Problem;
use crate::resources::kubernetes::WAYPOINT_CLASS;
use crate::resources::meta::REVISION_KEY;
use crate::resources::telemetry::has_labels;
use crate::resources::{Gateway, GatewayClass, KubernetesGateway, Meta, Pods, Resources, WorkloadEntry};

/// The annotation by which pods ask for a proxy that is made otherwise than most, and what gateways ask for.
const TEMPLATES_ANNOTATION: &str = "inject.istio.io/templates";
const GATEWAY_TEMPLATE: &str = "gateway";

/// A workload, and the document that it is known by.
#[derive(Clone, Debug)]
pub struct KnownWorkload<'r> {
    /// The workload.
    pub workload: Workload,
    /// What it is known by.
    pub by: KnownBy<'r>,
}

/// What a workload is known by.
#[derive(Clone, Copy, Debug)]
pub enum KnownBy<'r> {
    /// It has a document of its own.
    Entry(&'r WorkloadEntry),
    /// It is pods.
    Pods(&'r Pods),
    /// It must be there for the gateway, which selects no other: it has at least the labels that the gateway names.
    Gateway(&'r Gateway),
    /// It is made for a gateway of the Gateway API, and has at least the label with its name.
    KubernetesGateway(&'r KubernetesGateway),
}

impl<'r> KnownBy<'r> {
    /// The document's name and place.
    pub fn meta(&self) -> &'r Meta {
        match self {
            KnownBy::Entry(entry) => &entry.meta,
            KnownBy::Pods(pods) => &pods.meta,
            KnownBy::Gateway(gateway) => &gateway.meta,
            KnownBy::KubernetesGateway(gateway) => &gateway.meta,
        }
    }

    /// Whether the document describes the workload itself, with all of its labels.
    pub fn describes_it(&self) -> bool {
        matches!(self, KnownBy::Entry(_) | KnownBy::Pods(_))
    }
}

/// A waypoint: no document is resolved for it.
#[derive(Clone, Debug)]
pub struct Waypoint<'r> {
    /// Its namespace.
    pub namespace: &'r str,
    /// Its name.
    pub name: String,
    /// The name of the gateway that it serves; empty if that is not known.
    pub gateway: String,
    /// The document that it is known by.
    pub meta: &'r Meta,
}

impl Waypoint<'_> {
    /// What there is to say to whoever wants documents resolved for it.
    pub fn problem(&self) -> Box<Problem> {
        let mut problem = waypoint(self.namespace, &self.name);
        problem.place = Some(self.meta.place.clone());
        problem
    }
}

/// Every workload among documents.
#[derive(Clone, Debug, Default)]
pub struct KnownWorkloads<'r> {
    /// Those that documents can be for: described ones first. No two have the same namespace and name.
    pub workloads: Vec<KnownWorkload<'r>>,
    /// Those that are waypoints.
    pub waypoints: Vec<Waypoint<'r>>,
}

impl<'r> KnownWorkloads<'r> {
    /// The workloads among resources. Those that do not say their revision are of the one given.
    pub fn new(resources: &'r Resources, revision: &str) -> KnownWorkloads<'r> {
        let mut found = Found { revision, names: HashSet::new(), known: KnownWorkloads::default() };
        for entry in &resources.workload_entries {
            let by = KnownBy::Entry(entry);
            found.add(by, &entry.meta.id.name, of_entry(entry));
        }
        for pods in in_order(&resources.pods) {
            found.add(KnownBy::Pods(pods), &pods.workload, of_pods(pods));
        }
        for gateway in found.mark_gateways(&resources.gateways) {
            let id = &gateway.meta.id;
            let labels = gateway.selector.clone();
            let workload = Workload::new(WorkloadKind::Gateway, &*id.namespace, &*id.name, labels);
            found.add(KnownBy::Gateway(gateway), &id.name, Some(workload));
        }
        for gateway in found.without_pods(&resources.kubernetes_gateways) {
            let by = KnownBy::KubernetesGateway(gateway);
            let is_waypoint = is_waypoint(gateway, resources);
            let name = made_for(gateway, is_waypoint);
            found.add(by, &name, (!is_waypoint).then(|| of_gateway(gateway, &name)));
        }
        found.known
    }

    /// The workload of a namespace and name; none if it is not there, and a problem if it is a waypoint.
    pub fn get(&self, namespace: &str, name: &str) -> Result<Option<&KnownWorkload<'r>>, Box<Problem>> {
        let is_it = |waypoint: &&Waypoint<'_>| waypoint.namespace == namespace && waypoint.name == name;
        if let Some(waypoint) = self.waypoints.iter().find(is_it) {
            return Err(waypoint.problem());
        }
        let is_it =
            |known: &&KnownWorkload<'_>| known.workload.namespace == namespace && known.workload.name == name;
        Ok(self.workloads.iter().find(is_it))
    }
}

/// Pods, with those that something makes before those that run: they say the same, without what is made up for each.
fn in_order(pods: &[Pods]) -> impl Iterator<Item = &Pods> {
    let is_running = |pods: &&Pods| &*pods.meta.id.kind == "Pod";
    pods.iter().filter(move |pods| !is_running(pods)).chain(pods.iter().filter(is_running))
}

/// The workload of an entry; none for a waypoint.
fn of_entry(entry: &WorkloadEntry) -> Option<Workload> {
    let id = &entry.meta.id;
    let mut workload = Workload::of_labels(&*id.namespace, &*id.name, entry.labels.clone()).ok()?;
    workload.service_account = Some(entry.service_account.clone()).filter(|account| !account.is_empty());
    workload.annotations.clone_from(&entry.meta.annotations);
    Some(workload)
}

/// The workload of pods; none for a waypoint.
fn of_pods(pods: &Pods) -> Option<Workload> {
    let id = &pods.meta.id;
    let mut workload =
        Workload::of_labels(&*id.namespace, pods.workload.as_str(), pods.labels.clone()).ok()?;
    let templates = pods.annotations.get(TEMPLATES_ANNOTATION);
    if templates.is_some_and(|names| names.split(',').any(|name| name.trim() == GATEWAY_TEMPLATE)) {
        workload.kind = WorkloadKind::Gateway;
    }
    workload.service_account = Some(pods.service_account.clone()).filter(|account| !account.is_empty());
    workload.pod = (&*id.kind == "Pod").then(|| id.name.to_string());
    workload.annotations.clone_from(&pods.annotations);
    workload.containers.clone_from(&pods.containers);
    Some(workload)
}

/// The workload that is made for a gateway of the Gateway API.
fn of_gateway(gateway: &KubernetesGateway, name: &str) -> Workload {
    let id = &gateway.meta.id;
    let labels = BTreeMap::from([(GATEWAY_NAME_LABEL.to_owned(), id.name.to_string())]);
    Workload::new(WorkloadKind::Gateway, &*id.namespace, name, labels)
}

/// How Istio names what it makes for a gateway.
fn made_for(gateway: &KubernetesGateway, is_waypoint: bool) -> String {
    match is_waypoint {
        true => gateway.meta.id.name.to_string(),
        false => format!("{}-{}", gateway.meta.id.name, gateway.class),
    }
}

fn is_waypoint(gateway: &KubernetesGateway, resources: &Resources) -> bool {
    let mut classes = resources.gateway_classes.iter().filter(|class| *class.meta.id.name == *gateway.class);
    gateway.class == WAYPOINT_CLASS || classes.any(GatewayClass::is_of_waypoints)
}

/// What was found so far.
struct Found<'r, 'n> {
    revision: &'n str,
    names: HashSet<(String, String)>,
    known: KnownWorkloads<'r>,
}

impl<'r> Found<'r, '_> {
    /// Adds a workload unless one of its name is there; none stands for a waypoint.
    fn add(&mut self, by: KnownBy<'r>, name: &str, workload: Option<Workload>) {
        let meta = by.meta();
        let namespace = &*meta.id.namespace;
        if !self.names.insert((namespace.to_owned(), name.to_owned())) {
            return;
        }
        let Some(mut workload) = workload else {
            let labels = match by {
                KnownBy::Entry(entry) => Some(&entry.labels),
                KnownBy::Pods(pods) => Some(&pods.labels),
                KnownBy::Gateway(_) | KnownBy::KubernetesGateway(_) => None,
            };
            // What is made for a gateway that is a waypoint has its name.
            let gateway = labels.map_or(Some(name), |labels| Some(labels.get(GATEWAY_NAME_LABEL)?.as_str()));
            let (name, gateway) = (name.to_owned(), gateway.unwrap_or_default().to_owned());
            self.known.waypoints.push(Waypoint { namespace, name, gateway, meta });
            return;
        };
        let said = workload.annotations.get(REVISION_KEY).or(workload.labels.get(REVISION_KEY));
        said.map_or(self.revision, String::as_str).clone_into(&mut workload.revision);
        self.known.workloads.push(KnownWorkload { workload, by });
    }

    /// Makes gateways of the workloads that gateways select by labels, and returns the gateways that select none, one of
    /// those in a namespace that select the same. One without labels is served by every gateway, which makes no workload
    /// one: it is returned where there is no other.
    fn mark_gateways(&mut self, gateways: &'r [Gateway]) -> Vec<&'r Gateway> {
        let index = LabelIndex::new(gateways.iter().map(|gateway| &gateway.selector).enumerate());
        let mut served = vec![false; gateways.len()];
        for known in &mut self.known.workloads {
            for number in index.candidates(&known.workload.labels) {
                let selector = &gateways[number].selector;
                if !selector.is_empty() && has_labels(&known.workload.labels, selector) {
                    known.workload.kind = WorkloadKind::Gateway;
                    served[number] = true;
                }
            }
        }
        let mut seen = HashSet::new();
        let mut unserved: Vec<&Gateway> = gateways
            .iter()
            .zip(served)
            .filter(|(gateway, served)| {
                !served && seen.insert((&gateway.meta.id.namespace, &gateway.selector))
            })
            .map(|(gateway, _)| gateway)
            .collect();
        let is_gateway = |known: &KnownWorkload<'_>| known.workload.kind == WorkloadKind::Gateway;
        let are_others = self.known.workloads.iter().any(is_gateway)
            || unserved.iter().any(|gateway| !gateway.selector.is_empty());
        if are_others {
            unserved.retain(|gateway| !gateway.selector.is_empty());
        }
        unserved
    }

    /// The gateways of the Gateway API whose pods are not among the documents.
    fn without_pods(&self, gateways: &'r [KubernetesGateway]) -> Vec<&'r KubernetesGateway> {
        let of_labels = |known: &'_ KnownWorkload<'_>| {
            let name = known.workload.labels.get(GATEWAY_NAME_LABEL)?;
            Some((known.workload.namespace.clone(), name.clone()))
        };
        let with_pods: HashSet<(String, String)> =
            self.known.workloads.iter().filter_map(of_labels).collect();
        let has_pods = |gateway: &&KubernetesGateway| {
            let id = &gateway.meta.id;
            with_pods.contains(&(id.namespace.to_string(), id.name.to_string()))
        };
        gateways.iter().filter(|gateway| !has_pods(gateway)).collect()
    }
}

#[cfg(test)]
mod tests;

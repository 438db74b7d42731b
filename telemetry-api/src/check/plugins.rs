//! What plugins come to among the other documents: those that nothing gets, that see no traffic, or that stand where
//! nobody expects them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::telemetry::at;
use super::whom::LABELS_HELP;
use super::world::World;
use crate::origin::DocumentId;
use crate::problem::{Problem, Severity, codes};
use crate::resolve::{KnownBy, KnownWorkload, ListenerClass, Workload, WorkloadKind};
use crate::resources::extension::{PluginKind, TrafficExtension, TrafficSelector};
use crate::resources::telemetry::has_labels;
use crate::resources::{Resources, ServicePort, WorkloadEntry};

/// A workload among the documents, and the ports that a plugin's `match` compares with there.
struct Known<'w> {
    workload: &'w Workload,
    ports: BTreeMap<ListenerClass, BTreeSet<u16>>,
    /// The same for plugins that filter connections, which are in every chain.
    of_connections: BTreeMap<ListenerClass, BTreeSet<u16>>,
}

impl Known<'_> {
    /// The ports that the `match` of a plugin of a kind compares with, by class.
    fn ports(&self, kind: PluginKind) -> &BTreeMap<ListenerClass, BTreeSet<u16>> {
        match kind {
            PluginKind::Http => &self.ports,
            PluginKind::Network => &self.of_connections,
        }
    }
}

/// Judges plugins. `told` are the documents of whose targets something was told already.
pub(super) fn check(world: &World<'_>, told: &HashSet<DocumentId>, problems: &mut Vec<Problem>) {
    let resources = world.resources;
    let workloads = known_workloads(world);
    let with_pods: BTreeSet<&str> = resources.pods.iter().map(|pods| &*pods.meta.id.namespace).collect();
    // Pods of the root namespace alone are those of the control plane, and say nothing of others.
    let pods_are_known = |namespace: &str, is_root: bool| match is_root {
        true => with_pods.iter().any(|other| *other != namespace),
        false => with_pods.contains(namespace),
    };
    let mut applying: HashMap<&DocumentId, Vec<&Known<'_>>> = HashMap::new();
    for known in &workloads {
        for plugin in world.set.plugins(known.workload) {
            applying.entry(&plugin.meta.id).or_default().push(known);
        }
    }
    for plugin in resources.extensions.iter().filter(|plugin| world.is_seen(&plugin.meta)) {
        let is_root = world.is_in_root(&plugin.meta);
        if resources.workload_entries.is_empty() && !pods_are_known(&plugin.meta.id.namespace, is_root) {
            // What runs is not among the documents, so that nothing can be said about it.
            continue;
        }
        match applying.get(&plugin.meta.id) {
            None if !told.contains(&plugin.meta.id) => {
                problems.push(without_workload(plugin, is_root));
            }
            None => {}
            Some(of) => {
                let ports: Vec<_> = of.iter().flat_map(|known| known.ports(plugin.kind())).collect();
                for selector in plugin.matches.iter().filter(|selector| !sees_any(selector, &ports)) {
                    problems.push(matches_nothing(selector, &ports));
                }
            }
        }
    }
    unset_priorities(world, &workloads, problems);
}

/// Every workload among the documents, with its ports; none where they are not known.
fn known_workloads<'w>(world: &'w World<'_>) -> Vec<Known<'w>> {
    let resources = world.resources;
    let outbound = |kind: PluginKind| -> BTreeSet<u16> {
        let ports = resources.service_entries.iter().flat_map(|service| &service.ports);
        ports.filter(|port| is_seen(port, kind)).map(|port| port.number).collect()
    };
    let gateway_ports = |labels: &BTreeMap<String, String>| -> BTreeSet<u16> {
        let gateways = resources.gateways.iter().filter(|gateway| has_labels(labels, &gateway.selector));
        gateways.flat_map(|gateway| &gateway.servers).map(|server| server.number).collect()
    };
    let ports = |KnownWorkload { workload, by }: &KnownWorkload<'_>, kind| match (workload.kind, by) {
        (WorkloadKind::Gateway, KnownBy::KubernetesGateway(_)) => {
            BTreeMap::from([(ListenerClass::Gateway, BTreeSet::new())])
        }
        (WorkloadKind::Gateway, _) => {
            BTreeMap::from([(ListenerClass::Gateway, gateway_ports(&workload.labels))])
        }
        (WorkloadKind::Sidecar, KnownBy::Entry(entry)) => BTreeMap::from([
            (ListenerClass::Inbound, inbound_ports(resources, entry, kind)),
            (ListenerClass::Outbound, outbound(kind)),
        ]),
        // Which of the ports of pods are called, and which services they call, is not known.
        (WorkloadKind::Sidecar, _) => {
            [ListenerClass::Inbound, ListenerClass::Outbound].map(|class| (class, BTreeSet::new())).into()
        }
    };
    let known = world.known.workloads.iter();
    known
        .map(|known| Known {
            ports: ports(known, PluginKind::Http),
            of_connections: ports(known, PluginKind::Network),
            workload: &known.workload,
        })
        .collect()
}

/// Whether a plugin of a kind sees what goes to a port.
fn is_seen(port: &ServicePort, kind: PluginKind) -> bool {
    kind == PluginKind::Network || port.is_http()
}

/// The ports at which services reach a workload and that a plugin of a kind is compared with: those of its own over HTTP.
/// In chains of TCP Istio compares with the service's port instead.
fn inbound_ports(resources: &Resources, entry: &WorkloadEntry, kind: PluginKind) -> BTreeSet<u16> {
    resources
        .service_entries
        .iter()
        .filter(|service| service.meta.id.namespace == entry.meta.id.namespace)
        .filter(|service| {
            service.workload_selector.as_ref().is_some_and(|selector| has_labels(&entry.labels, selector))
        })
        .flat_map(|service| &service.ports)
        .filter(|port| is_seen(port, kind))
        .map(|port| match port.is_http() {
            true => entry.ports.get(&port.name).copied().or(port.target_port).unwrap_or(port.number),
            false => port.number,
        })
        .collect()
}

fn without_workload(plugin: &TrafficExtension, in_root: bool) -> Problem {
    let id = &plugin.meta.id;
    let whose = if in_root { "the mesh".to_owned() } else { format!("namespace `{}`", id.namespace) };
    if let Some(target) = plugin.target_refs.first() {
        let message =
            format!("no workload gets this plugin: none is behind {} `{}`", target.kind, target.name);
        return Problem::new(Severity::Warning, codes::PLUGIN_WITHOUT_WORKLOAD, message)
            .at(target.place.clone(), target.path.clone())
            .help(format!(
                "targets are gateways of the Gateway API in namespace `{}`; select other workloads by label",
                id.namespace
            ));
    }
    match plugin.selector.as_ref().filter(|selector| !selector.match_labels.is_empty()) {
        Some(selector) => Problem::new(
            Severity::Warning,
            codes::SELECTS_NOTHING,
            format!("no workload of {whose} has these labels"),
        )
        .at(selector.place.clone(), "spec.selector")
        .help(LABELS_HELP),
        None => Problem::new(
            Severity::Warning,
            codes::PLUGIN_WITHOUT_WORKLOAD,
            format!("no workload gets this plugin: none is in {whose}"),
        )
        .at(plugin.meta.place.clone(), "metadata.namespace")
        .help("put the document into the namespace of the workloads, or into the root namespace for all of them"),
    }
}

/// Whether some traffic of some workload is selected. Where the ports of a class are not known, any may be there.
fn sees_any(selector: &TrafficSelector, known: &[(&ListenerClass, &BTreeSet<u16>)]) -> bool {
    known.iter().any(|(class, ports)| {
        selector.mode.covers(class.is_client())
            && (selector.ports.is_empty()
                || ports.is_empty()
                || selector.ports.iter().any(|port| ports.contains(port)))
    })
}

fn matches_nothing(selector: &TrafficSelector, known: &[(&ListenerClass, &BTreeSet<u16>)]) -> Problem {
    let mut ports: BTreeMap<ListenerClass, BTreeSet<u16>> = BTreeMap::new();
    for (class, of_class) in known {
        ports.entry(**class).or_default().extend(of_class.iter());
    }
    let covered: Vec<String> = ports
        .iter()
        .filter(|(class, _)| selector.mode.covers(class.is_client()))
        .map(|(class, ports)| {
            let numbers: Vec<String> = ports.iter().map(u16::to_string).collect();
            let whose = match class {
                ListenerClass::Inbound => "inbound (the workload's own)",
                ListenerClass::Outbound => "outbound (those of services)",
                ListenerClass::Gateway => "at gateways",
            };
            format!("{whose} {}", numbers.join(", "))
        })
        .collect();
    let (message, help) = if covered.is_empty() {
        (
            "this entry fits no traffic: only gateways get the plugin, and theirs is that of a client"
                .to_owned(),
            "write `mode: CLIENT`, or take the mode out".to_owned(),
        )
    } else {
        (
            "no traffic of the workloads has these ports".to_owned(),
            format!("ports that there are: {}", covered.join("; ")),
        )
    };
    at(&selector.origin, Severity::Warning, codes::MATCHES_NOTHING, message, help)
}

/// Plugins without a priority beside plugins with one of 0 or less: Istio's documentation and its code disagree.
fn unset_priorities(world: &World<'_>, workloads: &[Known<'_>], problems: &mut Vec<Problem>) {
    let is_low =
        |plugin: &TrafficExtension| plugin.priority.as_ref().is_some_and(|priority| priority.value <= 0);
    let all = &world.resources.extensions;
    if all.iter().all(|plugin| plugin.priority.is_some()) || !all.iter().any(is_low) {
        return;
    }
    let mut reported: BTreeSet<DocumentId> = BTreeSet::new();
    for known in workloads {
        for class in known.ports.keys() {
            let plugins = world.set.plugins_of(known.workload, *class);
            for (index, plugin) in plugins.iter().enumerate() {
                let document = &plugin.document;
                let low = plugins[..index].iter().find(|other| {
                    other.document.phase.value == document.phase.value && is_low(&other.document)
                });
                let Some(low) = low.filter(|_| document.priority.is_none()) else { continue };
                if !reported.insert(document.meta.id.clone()) {
                    continue;
                }
                problems.push(
                    Problem::new(
                        Severity::Warning,
                        codes::UNSET_PRIORITY,
                        format!("without a priority this plugin stands after {}", low.document.meta.id),
                    )
                    .at(document.meta.place.clone(), "spec.priority")
                    .help(
                        "Istio ranks a plugin without a priority last, although its documentation says that it has 0; \
                         write the number",
                    ),
                );
            }
        }
    }
}

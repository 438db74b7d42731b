//! Gateways: who serves them, what they listen for and where each host goes.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use burgee_api::origin::Place;
use burgee_api::problem::{Problem, Severity};
use burgee_api::resolve::{Workload, WorkloadKind};
use burgee_api::resources::telemetry::has_labels;
use burgee_api::resources::{Gateway, GatewayServer, Resources, ServiceEntry};

use super::services::{Service, endpoints_of, references};
use super::{
    GatewayProxy, Route, RoutingListener, host_taken, name_of, principal_of, serves_gateway, workload_of,
};
use crate::codes::{HOST_WITHOUT_SERVICE, NOT_PLAIN_HTTP};
use crate::gateway_hosts::ServerHost;

/// Every gateway workload: the WorkloadEntries that a Gateway's selector names, and one that is made up for each
/// selector that names none.
pub(super) fn plan_gateways(
    resources: &Resources,
    services: &[Service<'_>],
    problems: &mut Vec<Problem>,
) -> Vec<GatewayProxy> {
    let mut proxies: BTreeMap<(String, String), GatewayProxy> = BTreeMap::new();
    let mut add = |workload: Workload, account: &str, place: &Place, group: &[&Gateway]| {
        let listeners = plan_gateway_listeners(group, services, problems);
        let principal = principal_of(&workload.namespace, account);
        let proxy = GatewayProxy { workload, place: place.clone(), principal, listeners };
        proxies.entry(name_of(&proxy.workload)).or_insert(proxy);
    };
    for entry in &resources.workload_entries {
        if resources.gateways.iter().any(|gateway| serves_gateway(entry, gateway)) {
            let group: Vec<_> = resources
                .gateways
                .iter()
                .filter(|gateway| has_labels(&entry.labels, &gateway.selector))
                .collect();
            let workload = workload_of(entry, WorkloadKind::Gateway);
            add(workload, &entry.service_account, &entry.meta.place, &group);
        }
    }
    let without_workload =
        |gateway: &&Gateway| !resources.workload_entries.iter().any(|entry| serves_gateway(entry, gateway));
    let selectors: BTreeSet<_> =
        resources.gateways.iter().filter(without_workload).map(|gateway| &gateway.selector).collect();
    // An empty selector means every gateway, so it makes one up only where there is no other.
    let is_only_selector = selectors.len() == 1 && resources.gateways.iter().all(|g| g.selector.is_empty());
    for selector in selectors.into_iter().filter(|selector| !selector.is_empty() || is_only_selector) {
        let group: Vec<_> =
            resources.gateways.iter().filter(|gateway| has_labels(selector, &gateway.selector)).collect();
        let Some(own) = group.iter().find(|gateway| gateway.selector == *selector) else {
            continue;
        };
        let name = selector.get("istio").map_or_else(|| own.meta.id.name.to_string(), Clone::clone);
        let namespace = &*own.meta.id.namespace;
        let workload = Workload::new(WorkloadKind::Gateway, namespace, name, selector.clone());
        add(workload, "", &own.meta.place, &group);
    }
    proxies.into_values().collect()
}

fn plan_gateway_listeners(
    group: &[&Gateway],
    services: &[Service<'_>],
    problems: &mut Vec<Problem>,
) -> Vec<RoutingListener> {
    let mut listeners: BTreeMap<u16, BTreeMap<String, Found<'_>>> = BTreeMap::new();
    for gateway in group {
        for (index, server) in gateway.servers.iter().enumerate() {
            if server.tls || !matches!(server.protocol.as_str(), "HTTP" | "HTTP2" | "GRPC" | "GRPC-WEB") {
                problems.push(not_plain_http(gateway, index, server));
                continue;
            }
            let routes = listeners.entry(server.number).or_default();
            for host in &server.hosts {
                let found = routes_of(gateway, server, host, services);
                if found.is_empty() {
                    problems.push(host_without_service(gateway, index, server, host));
                }
                for found in found {
                    match routes.entry(found.route.host.to_ascii_lowercase()) {
                        Entry::Vacant(place) => {
                            place.insert(found);
                        }
                        Entry::Occupied(mut place) => problems.extend(place.get_mut().meet(found)),
                    }
                }
            }
        }
    }
    let listener = |(port, routes): (u16, BTreeMap<String, Found<'_>>)| RoutingListener {
        port,
        routes: routes.into_values().map(|found| found.route).collect(),
    };
    listeners.into_iter().map(listener).collect()
}

/// Where a host goes, and who says so.
struct Found<'a> {
    route: Route,
    entry: &'a ServiceEntry,
}

impl<'a> Found<'a> {
    fn is_exact(&self) -> bool {
        self.route.host.eq_ignore_ascii_case(&self.route.service.host)
    }

    /// Meets another for the same host. A service of exactly that host goes before one of a wider pattern, then the one
    /// that was there goes before the one that comes.
    fn meet(&mut self, other: Found<'a>) -> Option<Problem> {
        // The same host again, from another server or gateway, leads to the same service.
        if self.entry.meta.id == other.entry.meta.id || self.is_exact() && !other.is_exact() {
            return None;
        }
        if other.is_exact() && !self.is_exact() {
            *self = other;
            return None;
        }
        Some(host_taken(self.entry, other.entry, &other.route.service.host))
    }
}

fn routes_of<'a>(
    gateway: &Gateway,
    server: &GatewayServer,
    host: &str,
    services: &[Service<'a>],
) -> Vec<Found<'a>> {
    let server_host = ServerHost::read(host, &gateway.meta.id.namespace);
    let mut routes = Vec::new();
    for service in services {
        // Until VirtualService is read: the service's port of the same number, else its first.
        let mut ports = service.ports.iter().filter(|(port, _)| port.is_http());
        let same_number = ports.clone().find(|(port, _)| port.number == server.number);
        let Some((port, endpoints)) = same_number.or_else(|| ports.next()) else {
            continue;
        };
        for service_ref in references(service.entry, port) {
            let Some(host) = server_host.meeting(&service_ref.namespace, &service_ref.host) else {
                continue;
            };
            let endpoints = endpoints_of(endpoints);
            let route = Route { host: host.to_owned(), endpoints, service: service_ref.clone() };
            routes.push(Found { route, entry: service.entry });
        }
    }
    routes
}

fn not_plain_http(gateway: &Gateway, index: usize, server: &GatewayServer) -> Problem {
    let message = format!(
        "{} port {} ({}{}) is not served here",
        gateway.meta.id,
        server.number,
        server.protocol,
        if server.tls { " with TLS" } else { "" }
    );
    Problem::new(Severity::Warning, NOT_PLAIN_HTTP, message)
        .at(server.place.clone(), format!("spec.servers[{index}]"))
        .help("only plain HTTP servers are, so far; everything else in the documents still applies")
}

fn host_without_service(gateway: &Gateway, index: usize, server: &GatewayServer, host: &str) -> Problem {
    let message = format!("{} answers for `{host}`, and no service here has such a host", gateway.meta.id);
    Problem::new(Severity::Warning, HOST_WITHOUT_SERVICE, message)
        .at(server.place.clone(), format!("spec.servers[{index}].hosts"))
        .help("a ServiceEntry whose `spec.hosts` matches it, with a workload behind it, would give it one")
}

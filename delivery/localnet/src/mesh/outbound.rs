//! What goes out of workloads: the listeners that every sidecar has for it, and the calls that apps make.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use burgee_api::origin::{Origin, Traced};
use burgee_api::problem::{Code, Problem, Severity, closest};
use burgee_api::resolve::WorkloadKind;
use burgee_api::resources::workload_entry::{CALLS_ANNOTATION, Call};
use burgee_api::resources::{Resources, ServiceEntry, WorkloadEntry};

use super::services::{Service, endpoints_of, references};
use super::{Carried, Mesh, Route, RoutingListener, host_taken, workload_of};
use crate::codes::{CALL_WITHOUT_PORT, CALL_WITHOUT_SERVICE, CALLS_IN_A_CIRCLE, CALLS_OF_GATEWAY};
use crate::gateway_hosts::covers;

/// Where hosts go, each with the service that has it first.
type Routes<'a> = BTreeMap<String, (Route, &'a ServiceEntry)>;

/// What every sidecar listens for on behalf of its app: each HTTP port of each service, as Istio does it, and a
/// listener for each service over TCP.
pub(super) fn plan_outbound(services: &[Service<'_>], problems: &mut Vec<Problem>) -> Arc<[RoutingListener]> {
    // By port and, for connections, by host.
    let mut listeners: BTreeMap<(u16, Option<String>), Routes<'_>> = BTreeMap::new();
    for service in services {
        for (port, endpoints) in &service.ports {
            for reference in references(service.entry, port) {
                let host = reference.host.clone();
                let own_listener = (reference.carries == Carried::Tcp).then(|| host.to_ascii_lowercase());
                let routes = listeners.entry((port.number, own_listener)).or_default();
                if let Some((_, first)) = routes.get(&host.to_ascii_lowercase()) {
                    if first.meta.id != service.entry.meta.id {
                        problems.push(host_taken(first, service.entry, &host));
                    }
                    continue;
                }
                let route =
                    Route { host: host.clone(), endpoints: endpoints_of(endpoints), service: reference };
                routes.insert(host.to_ascii_lowercase(), (route, service.entry));
            }
        }
    }
    let listener = |((port, _), routes): ((u16, Option<String>), Routes<'_>)| RoutingListener {
        port,
        routes: routes.into_values().map(|(route, _)| route).collect(),
    };
    listeners.into_iter().map(listener).collect()
}

/// The calls of an app that can be made; the others are told.
pub(super) fn plan_calls(
    app: &WorkloadEntry,
    outbound: &[RoutingListener],
    resources: &Resources,
    problems: &mut Vec<Problem>,
) -> Vec<Call> {
    let mut calls = Vec::new();
    for traced in &app.calls {
        match route_of(&traced.value, outbound) {
            Some(_) => calls.push(traced.value.clone()),
            None => problems.push(dead_call(app, traced, outbound, resources)),
        }
    }
    calls
}

/// Where a call goes: to the service of exactly its host, else to the narrowest pattern that covers it.
pub(super) fn route_of<'a>(call: &Call, outbound: &'a [RoutingListener]) -> Option<&'a Route> {
    found(call, outbound).map(|(_, route)| route)
}

/// The listener by which a call leaves.
pub fn way_out<'a>(call: &Call, outbound: &'a [RoutingListener]) -> Option<&'a RoutingListener> {
    found(call, outbound).map(|(listener, _)| listener)
}

fn found<'a>(call: &Call, outbound: &'a [RoutingListener]) -> Option<(&'a RoutingListener, &'a Route)> {
    let listeners = outbound.iter().filter(|listener| listener.port == call.port && carries(listener, call));
    let routes = listeners.flat_map(|listener| listener.routes.iter().map(move |route| (listener, route)));
    routes.filter(|(_, route)| covers(&route.host, &call.host)).max_by_key(|(_, route)| {
        let is_exact = route.host.eq_ignore_ascii_case(&call.host);
        (is_exact, route.host.len())
    })
}

/// Whether a listener is for what a call sends.
fn carries(listener: &RoutingListener, call: &Call) -> bool {
    listener.is_tcp() != call.scheme.is_http()
}

/// A call that nothing here answers.
pub(super) fn dead_call(
    app: &WorkloadEntry,
    call: &Traced<Call>,
    outbound: &[RoutingListener],
    resources: &Resources,
) -> Problem {
    let host = &call.value.host;
    let (id, url) = (&app.meta.id, &call.value);
    let ports: BTreeSet<(bool, u16)> = outbound
        .iter()
        .filter(|listener| listener.routes.iter().any(|route| covers(&route.host, host)))
        .map(|listener| (listener.is_tcp(), listener.port))
        .collect();
    if !ports.is_empty() {
        let what = if call.value.scheme.is_http() { "HTTP" } else { "TCP" };
        let message =
            format!("{id} calls {url}, and no service has {what} on port {} under that host", url.port);
        let list = |is_tcp, name: &str| {
            let ports: Vec<_> =
                ports.iter().filter(|(of, _)| *of == is_tcp).map(|(_, port)| port.to_string()).collect();
            (!ports.is_empty()).then(|| format!("{name} on port {}", ports.join(", ")))
        };
        let has: Vec<String> = [list(false, "HTTP"), list(true, "TCP")].into_iter().flatten().collect();
        let help = format!("`{host}` has {}", has.join(", and "));
        return at_origin(&call.origin, CALL_WITHOUT_PORT, message, &help);
    }
    let of_host = |entry: &&ServiceEntry| entry.hosts.iter().any(|own| covers(own, host));
    if let Some(entry) = resources.service_entries.iter().find(of_host) {
        let message = format!("{id} calls {url}, and nothing here serves {}", entry.meta.id);
        let help = "it takes a port with HTTP or TCP, a `spec.workloadSelector` and a WorkloadEntry with those labels";
        return at_origin(&call.origin, CALL_WITHOUT_SERVICE, message, help);
    }
    let known: Vec<&str> =
        outbound.iter().flat_map(|one| &one.routes).map(|route| route.host.as_str()).collect();
    let help = match (closest(host, &known), known.first()) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, Some(_)) => {
            let names: BTreeSet<_> = known.iter().map(|name| format!("`{name}`")).collect();
            format!("hosts that can be called: {}", names.into_iter().collect::<Vec<_>>().join(", "))
        }
        (None, None) => "a ServiceEntry with that host and a workload behind it would answer".to_owned(),
    };
    let message = format!("{id} calls {url}, and no service has that host");
    at_origin(&call.origin, CALL_WITHOUT_SERVICE, message, &help)
}

/// The calls of what runs no app.
pub(super) fn check_gateway_calls(gateways: &[&WorkloadEntry], problems: &mut Vec<Problem>) {
    for entry in gateways {
        if let Some(call) = entry.calls.first() {
            let message = format!("{} serves a Gateway and runs no app, so it calls nothing", entry.meta.id);
            let help = format!("take the annotation `{CALLS_ANNOTATION}` out");
            let mut problem = at_origin(&call.origin, CALLS_OF_GATEWAY, message, &help);
            problem.severity = Severity::Warning;
            problems.push(problem);
        }
    }
}

/// Apps that call each other in a circle: a request would never end.
pub(super) fn check_circles(
    apps: &[&WorkloadEntry],
    outbound: &[RoutingListener],
    problems: &mut Vec<Problem>,
) {
    let name = |app: &WorkloadEntry| workload_of(app, WorkloadKind::Sidecar).to_string();
    // Who calls whom, and the call by which.
    let mut edges: BTreeMap<String, Vec<(String, &Traced<Call>)>> = BTreeMap::new();
    for app in apps {
        // Who is called over TCP sends back what came and calls nobody for it.
        for call in app.calls.iter().filter(|call| call.value.scheme.is_http()) {
            let called = route_of(&call.value, outbound).into_iter().flat_map(|route| &route.endpoints);
            edges.entry(name(app)).or_default().extend(called.map(|(to, _)| (to.clone(), call)));
        }
    }
    // Each circle is told once, at the call that closes it.
    let mut done: BTreeSet<&str> = BTreeSet::new();
    for start in edges.keys() {
        if !done.contains(start.as_str()) {
            follow(start, &edges, &mut Vec::new(), &mut done, problems);
        }
    }
}

fn follow<'a>(
    from: &'a str,
    edges: &'a BTreeMap<String, Vec<(String, &Traced<Call>)>>,
    way: &mut Vec<&'a str>,
    done: &mut BTreeSet<&'a str>,
    problems: &mut Vec<Problem>,
) {
    way.push(from);
    for (to, call) in edges.get(from).into_iter().flatten() {
        if let Some(start) = way.iter().position(|name| name == to) {
            let circle: Vec<_> = way[start..].iter().copied().chain([to.as_str()]).collect();
            let message = format!("{}: such a request never ends", circle.join(" calls "));
            let help = format!("take one of these calls out of the annotation `{CALLS_ANNOTATION}`");
            problems.push(at_origin(&call.origin, CALLS_IN_A_CIRCLE, message, &help));
        } else if !done.contains(to.as_str()) {
            follow(to, edges, way, done, problems);
        }
    }
    way.pop();
    done.insert(from);
}

/// The services that apps call, by host.
pub(super) fn called_hosts(mesh: &Mesh) -> BTreeSet<String> {
    // Every sidecar has the same ways out; where there is none, nothing but bare apps calls.
    let of_sidecars = mesh.sidecars.iter().flat_map(|sidecar| {
        let routes = sidecar.calls.iter().filter_map(|call| route_of(call, &sidecar.outbound));
        routes.map(|route| route.service.host.clone())
    });
    let of_bare = mesh.bare.iter().flat_map(|bare| &bare.calls).map(|(call, _)| call.host.clone());
    of_sidecars.chain(of_bare).collect()
}

fn at_origin(origin: &Origin, code: Code, message: String, help: &str) -> Problem {
    let problem = Problem::new(Severity::Error, code, message).help(help);
    match origin {
        Origin::Document { path, place, .. } => problem.at(place.clone(), path.to_string()),
        Origin::Rule(_) => problem,
    }
}

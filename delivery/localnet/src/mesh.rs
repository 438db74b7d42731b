//! From documents to what runs on loopback: gateways, workloads with their sidecars, and who routes where.
//!
//! Pure. What the documents ask for and a loopback mesh cannot do is a problem with a place, never left out silently.

use crate::codes::{
    HOST_TAKEN, NO_GATEWAY, NOTHING_REACHABLE, SERVICE_WITHOUT_GATEWAY, WORKLOAD_WITHOUT_SERVICE,
};
use std::collections::BTreeSet;
use std::sync::Arc;

use burgee_api::origin::Place;
use burgee_api::problem::{Problem, Severity};
use burgee_api::resolve::{Workload, WorkloadKind};
use burgee_api::resources::workload_entry::{Call, CallScheme};
use burgee_api::resources::{Gateway, MtlsMode, Resources, ServiceEntry, WorkloadEntry};

mod bare;
mod gateways;
mod outbound;
mod services;

use bare::plan_bare;
use gateways::plan_gateways;
pub use outbound::way_out;
use outbound::{called_hosts, check_circles, check_gateway_calls, plan_outbound};
use services::{Service, plan_services, plan_sidecars};

/// What the names of everybody in a mesh begin with; Istio's default.
pub const TRUST_DOMAIN: &str = "cluster.local";

/// What runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mesh {
    /// The gateways, by name.
    pub gateways: Vec<GatewayProxy>,
    /// The workloads with a sidecar, by name.
    pub sidecars: Vec<SidecarProxy>,
    /// The workloads without one, by name.
    pub bare: Vec<BareWorkload>,
}

/// A gateway: one Envoy.
#[derive(Clone, Debug, PartialEq)]
pub struct GatewayProxy {
    /// Who it is.
    pub workload: Workload,
    /// The document that made it.
    pub place: Place,
    /// Who it is to those that it calls with mutual TLS; see [`principal_of`].
    pub principal: String,
    /// What it listens for, by port.
    pub listeners: Vec<RoutingListener>,
}

/// A port from which requests go to services by their host, or connections to one service: of a gateway, or of a sidecar
/// for what its app calls.
#[derive(Clone, Debug, PartialEq)]
pub struct RoutingListener {
    /// The port as the documents have it; where it is opened is the site's affair.
    pub port: u16,
    /// Where each host goes, by host. Of one for connections the only one.
    pub routes: Vec<Route>,
}

impl RoutingListener {
    /// Whether it is for connections: there is a listener for each service then, as nothing in them says a host.
    pub fn is_tcp(&self) -> bool {
        self.routes.first().is_some_and(|route| route.service.carries == Carried::Tcp)
    }
}

/// Where a host goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The host, perhaps with a leading `*`.
    pub host: String,
    /// The service and port behind it.
    pub service: ServiceRef,
    /// The workloads that serve it, as (`namespace/name`, the workload's port).
    pub endpoints: Vec<(String, u16)>,
}

/// A service's port, as clusters name it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServiceRef {
    /// The service's host name.
    pub host: String,
    /// Its namespace.
    pub namespace: String,
    /// The port that clients call.
    pub port: u16,
    /// What the port carries.
    pub carries: Carried,
    /// Whether the service is outside of the mesh: nobody there is told who calls, nor called with mutual TLS.
    pub is_external: bool,
}

/// What a port carries, as far as proxies look into it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Carried {
    /// HTTP; who serves it is sent HTTP/1.1.
    #[default]
    Http1,
    /// HTTP; who serves it is sent HTTP/2.
    Http2,
    /// Bytes.
    Tcp,
}

/// A workload with a sidecar: one Envoy and one stub app.
#[derive(Clone, Debug, PartialEq)]
pub struct SidecarProxy {
    /// Who it is.
    pub workload: Workload,
    /// The document that made it.
    pub place: Place,
    /// Who it is to others with mutual TLS; see [`principal_of`].
    pub principal: String,
    /// What it listens for on behalf of clients, by port.
    pub listeners: Vec<InboundListener>,
    /// What it listens for on behalf of its app, by port: every service, whoever calls it, as Istio has it.
    pub outbound: Arc<[RoutingListener]>,
    /// What its app calls for each request that it answers, in order.
    pub calls: Vec<Call>,
}

impl SidecarProxy {
    /// How many requests go out through the proxy for each that its app answers.
    pub fn calls_out(&self) -> u64 {
        self.ways_out(CallScheme::is_http).count() as u64
    }

    /// How many connections go out through the proxy for each request that its app answers.
    pub fn connections_out(&self) -> u64 {
        self.ways_out(|scheme| !scheme.is_http()).count() as u64
    }

    /// The listeners by which calls of some schemes leave.
    fn ways_out(&self, is_of: impl Fn(CallScheme) -> bool) -> impl Iterator<Item = &RoutingListener> {
        let calls = self.calls.iter().filter(move |call| is_of(call.scheme));
        calls.filter_map(|call| way_out(call, &self.outbound))
    }
}

/// A workload without a sidecar: one stub app that others call directly, and that calls others directly.
#[derive(Clone, Debug, PartialEq)]
pub struct BareWorkload {
    /// Who it is.
    pub workload: Workload,
    /// The document that made it.
    pub place: Place,
    /// What its app calls for each request that it answers, in order, and who serves that: the first of several.
    pub calls: Vec<(Call, (String, u16))>,
}

/// A port of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboundListener {
    /// The port as the documents have it; where it is opened is the site's affair.
    pub port: u16,
    /// The services that it serves.
    pub services: Vec<ServiceRef>,
    /// Which connections it takes. Without any PeerAuthentication among the documents plain text only.
    pub mtls: MtlsMode,
}

impl InboundListener {
    /// What it carries: what the first of its services says.
    pub fn carries(&self) -> Carried {
        self.services.first().map_or(Carried::default(), |service| service.carries)
    }
}

impl Mesh {
    /// Every workload with the document that made it, gateways first.
    pub fn workloads(&self) -> impl Iterator<Item = (&Workload, &Place)> {
        let gateways = self.gateways.iter().map(|gateway| (&gateway.workload, &gateway.place));
        gateways.chain(self.sidecars.iter().map(|sidecar| (&sidecar.workload, &sidecar.place)))
    }
}

impl Mesh {
    /// Who each proxy's workload is to others with mutual TLS.
    pub(crate) fn principals(&self) -> impl Iterator<Item = (&Workload, &str)> {
        let gateways = self.gateways.iter().map(|gateway| (&gateway.workload, gateway.principal.as_str()));
        gateways.chain(self.sidecars.iter().map(|sidecar| (&sidecar.workload, sidecar.principal.as_str())))
    }
}

/// What of the documents runs here, and everything that cannot. With an error among the problems nothing
/// useful can be started.
pub fn plan(resources: &Resources) -> (Mesh, Vec<Problem>) {
    let mut problems = Vec::new();
    let is_gateway =
        |entry: &WorkloadEntry| resources.gateways.iter().any(|gateway| serves_gateway(entry, gateway));
    let (at_gateways, apps): (Vec<&WorkloadEntry>, Vec<_>) =
        resources.workload_entries.iter().partition(|entry| is_gateway(entry));
    let (bare, beside): (Vec<&WorkloadEntry>, Vec<_>) = apps.iter().copied().partition(|app| app.is_bare());
    let services = plan_services(resources, &apps, &mut problems);
    let outbound = plan_outbound(&services, &mut problems);
    check_gateway_calls(&at_gateways, &mut problems);
    check_circles(&apps, &outbound, &mut problems);
    let sidecars = plan_sidecars(&beside, &services, &outbound, resources, &mut problems);
    let gateways = plan_gateways(resources, &services, &mut problems);
    let bare = plan_bare(&bare, &sidecars, &outbound, resources, &mut problems);
    let mesh = Mesh { gateways, sidecars, bare };
    check_reachable(&mesh, resources, &services, &mut problems);
    // Two gateways that share a document would tell of it twice.
    let mut told = BTreeSet::new();
    problems.retain(|problem| told.insert(problem.clone()));
    (mesh, problems)
}

/// Of two services with one host, only the first is reached under it.
fn host_taken(first: &ServiceEntry, second: &ServiceEntry, host: &str) -> Problem {
    let (first, second) = (&first.meta, &second.meta);
    let message = format!("{} and {} both have the host `{host}`", first.id, second.id);
    let help = format!("requests for it go to {} only: give one of them another host", first.id);
    Problem::new(Severity::Warning, HOST_TAKEN, message).at(second.place.clone(), "spec.hosts").help(help)
}

/// Whether two are one process: labels may differ, since a process keeps those it started with.
pub fn is_same(one: &Workload, other: &Workload) -> bool {
    (&one.namespace, &one.name, one.kind) == (&other.namespace, &other.name, other.kind)
}

fn name_of(workload: &Workload) -> (String, String) {
    (workload.namespace.clone(), workload.name.clone())
}

/// A gateway without a selector is served by every gateway; that alone makes no workload one.
fn serves_gateway(entry: &WorkloadEntry, gateway: &Gateway) -> bool {
    gateway.is_served_by(&entry.labels)
}

/// Who a workload is to others with mutual TLS: its service account, as Istio writes it. One that is not said is `default`.
pub fn principal_of(namespace: &str, service_account: &str) -> String {
    let account = if service_account.is_empty() { "default" } else { service_account };
    format!("spiffe://{TRUST_DOMAIN}/ns/{namespace}/sa/{account}")
}

fn workload_of(entry: &WorkloadEntry, kind: WorkloadKind) -> Workload {
    Workload::new(kind, &*entry.meta.id.namespace, &*entry.meta.id.name, entry.labels.clone())
}

/// What is wrong with the whole: nothing to send traffic to, or services that traffic never reaches.
fn check_reachable(
    mesh: &Mesh,
    resources: &Resources,
    services: &[Service<'_>],
    problems: &mut Vec<Problem>,
) {
    if resources.gateways.is_empty() {
        let help =
            "add a Gateway (networking.istio.io/v1) with a server on port 80, protocol HTTP, hosts [\"*\"]";
        problems.push(
            Problem::new(Severity::Error, NO_GATEWAY, "there is no Gateway, so no traffic can enter")
                .help(help),
        );
        return;
    }
    let routes = || mesh.gateways.iter().flat_map(|gateway| &gateway.listeners).flat_map(|l| &l.routes);
    if routes().next().is_none() {
        let message = "no gateway routes to any service, so there is nothing to send traffic to";
        let help = "it takes a Gateway with a plain HTTP server, a ServiceEntry whose host it answers for, and a \
                    WorkloadEntry that the ServiceEntry selects; see the warnings for what is missing";
        problems.push(Problem::new(Severity::Error, NOTHING_REACHABLE, message).help(help));
        return;
    }
    for sidecar in mesh.sidecars.iter().filter(|sidecar| sidecar.listeners.is_empty()) {
        let message = format!("no service selects the workload {}, so it gets no traffic", sidecar.workload);
        problems.push(
            Problem::new(Severity::Note, WORKLOAD_WITHOUT_SERVICE, message).at(sidecar.place.clone(), ""),
        );
    }
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        // A call that cannot be made may well be the one that would reach it.
        return;
    }
    let mut reached = called_hosts(mesh);
    reached.extend(routes().map(|route| route.service.host.clone()));
    for service in services {
        if !service.entry.hosts.iter().any(|host| reached.contains(host)) {
            let meta = &service.entry.meta;
            let message =
                format!("no gateway routes to {} and no app calls it, so it gets no traffic here", meta.id);
            problems.push(
                Problem::new(Severity::Note, SERVICE_WITHOUT_GATEWAY, message).at(meta.place.clone(), ""),
            );
        }
    }
}

#[cfg(test)]
mod tests;

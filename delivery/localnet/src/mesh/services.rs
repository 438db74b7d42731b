//! Services and the workloads behind them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use burgee_api::problem::{Problem, Severity};
use burgee_api::resolve::{Workload, WorkloadKind, mtls_mode};
use burgee_api::resources::mesh_config::{CollectorRef, MeshConfig, ProviderConfig};
use burgee_api::resources::telemetry::has_labels;
use burgee_api::resources::{Location, MtlsMode, Resources, ServiceEntry, ServicePort, WorkloadEntry};

use super::outbound::plan_calls;
use super::{
    Carried, InboundListener, RoutingListener, ServiceRef, SidecarProxy, name_of, principal_of, workload_of,
};
use crate::codes::{COLLECTOR, NO_SELECTOR, NO_SERVED_PORT, NO_WORKLOAD};

/// A service as far as it can be served.
pub(super) struct Service<'a> {
    /// The document.
    pub entry: &'a ServiceEntry,
    /// Its ports with HTTP and TCP, each with the workloads that serve it.
    pub ports: Vec<(&'a ServicePort, Vec<(&'a WorkloadEntry, u16)>)>,
}

/// The services that can be served.
pub(super) fn plan_services<'a>(
    resources: &'a Resources,
    apps: &[&'a WorkloadEntry],
    problems: &mut Vec<Problem>,
) -> Vec<Service<'a>> {
    let mut services = Vec::new();
    for entry in &resources.service_entries {
        if let Some(who) = collector_of(entry, &resources.mesh_config) {
            // Who reports must find a receiver, whatever else the documents say of where it runs.
            let message = format!("what proxies send to {} is received here by Burgee itself", entry.meta.id);
            let help = format!("{who} of the MeshConfig names it as its collector");
            let note = Problem::new(Severity::Note, COLLECTOR, message).at(entry.meta.place.clone(), "");
            problems.push(note.help(help));
            continue;
        }
        let warning = |code, message: String| {
            Problem::new(Severity::Warning, code, message).at(entry.meta.place.clone(), "")
        };
        let id = &entry.meta.id;
        let Some(selector) = &entry.workload_selector else {
            let message = format!("{id} has no workloadSelector, so nothing serves it here");
            let help = "endpoints outside the mesh are not called from here; give the service a \
                        `spec.workloadSelector.labels` and a WorkloadEntry with those labels";
            problems.push(warning(NO_SELECTOR, message).help(help));
            continue;
        };
        let workloads: Vec<_> = apps
            .iter()
            .filter(|app| app.meta.id.namespace == id.namespace && has_labels(&app.labels, selector))
            .collect();
        if workloads.is_empty() {
            let message = format!("no workload serves {id}: its workloadSelector matches no WorkloadEntry");
            let help = format!(
                "a WorkloadEntry in namespace `{}` with the labels {} would",
                id.namespace,
                text_of(selector)
            );
            problems.push(warning(NO_WORKLOAD, message).help(help));
            continue;
        }
        let port_of = |app: &WorkloadEntry, port: &ServicePort| {
            app.ports.get(&port.name).copied().or(port.target_port).unwrap_or(port.number)
        };
        let ports: Vec<_> = entry
            .ports
            .iter()
            .filter(|port| port.is_http() || port.is_tcp())
            .map(|port| (port, workloads.iter().map(|app| (**app, port_of(app, port))).collect()))
            .collect();
        if ports.is_empty() {
            let message = format!("{id} has no port with HTTP or TCP");
            let help = "only those are served here so far; a port's `protocol` says HTTP, HTTP2, GRPC or TCP";
            problems.push(warning(NO_SERVED_PORT, message).help(help));
            continue;
        }
        services.push(Service { entry, ports });
    }
    services
}

/// What of the mesh's configuration names a service as its collector. Istio's rule: a bare host name is that of a service
/// of any namespace, as long as only one has it.
fn collector_of(entry: &ServiceEntry, mesh_config: &MeshConfig) -> Option<String> {
    let is_named = |collector: &CollectorRef| {
        let (namespace, host) = match collector.service.split_once('/') {
            Some((namespace, host)) => (Some(namespace), host),
            None => (None, collector.service.as_str()),
        };
        namespace.is_none_or(|namespace| namespace == &*entry.meta.id.namespace)
            && entry.hosts.iter().any(|own| own == host)
    };
    let provider = mesh_config.extension_providers.iter().find(|provider| match &provider.config {
        ProviderConfig::OtelAccessLog(log) => is_named(&log.collector),
        ProviderConfig::HttpAccessLogService(log) | ProviderConfig::TcpAccessLogService(log) => {
            is_named(&log.collector)
        }
        ProviderConfig::Zipkin(tracing) => is_named(&tracing.collector),
        ProviderConfig::Datadog(tracing) => is_named(&tracing.collector),
        ProviderConfig::Skywalking(tracing) => is_named(&tracing.collector),
        ProviderConfig::Opentelemetry(tracing) => {
            let sampler = tracing.sampler.as_ref().and_then(|sampler| sampler.value.service.as_ref());
            is_named(&tracing.collector) || sampler.is_some_and(|service| is_named(&service.collector))
        }
        ProviderConfig::FileAccessLog(_) | ProviderConfig::None => false,
    });
    let of_mesh = mesh_config.access_log_service.as_ref();
    let is_of_mesh = of_mesh.is_some_and(|service| entry.hosts.contains(&service.value.host));
    provider
        .map(|provider| format!("the provider `{}`", provider.name))
        .or_else(|| is_of_mesh.then(|| "`defaultConfig.envoyAccessLogService`".to_owned()))
}

fn text_of(labels: &BTreeMap<String, String>) -> String {
    labels.iter().map(|(key, value)| format!("`{key}: {value}`")).collect::<Vec<_>>().join(", ")
}

/// The workloads, each with the ports that services give it.
pub(super) fn plan_sidecars(
    apps: &[&WorkloadEntry],
    services: &[Service<'_>],
    outbound: &Arc<[RoutingListener]>,
    resources: &Resources,
    problems: &mut Vec<Problem>,
) -> Vec<SidecarProxy> {
    let mut sidecars: Vec<_> = apps
        .iter()
        .map(|app| {
            let mut listeners: BTreeMap<u16, BTreeSet<ServiceRef>> = BTreeMap::new();
            for service in services {
                for (port, endpoints) in &service.ports {
                    for (_, target) in endpoints.iter().filter(|(endpoint, _)| std::ptr::eq(*endpoint, *app))
                    {
                        listeners.entry(*target).or_default().extend(references(service.entry, port));
                    }
                }
            }
            let workload = workload_of(app, WorkloadKind::Sidecar);
            let listeners = listeners
                .into_iter()
                .map(|(port, services)| InboundListener {
                    port,
                    services: services.into_iter().collect(),
                    mtls: mode_of(resources, &workload, port),
                })
                .collect();
            let calls = plan_calls(app, outbound, resources, problems);
            let place = app.meta.place.clone();
            let principal = principal_of(&workload.namespace, &app.service_account);
            SidecarProxy { workload, place, principal, listeners, outbound: outbound.clone(), calls }
        })
        .collect();
    sidecars.sort_by_key(|sidecar: &SidecarProxy| name_of(&sidecar.workload));
    sidecars
}

/// Which connections a workload takes at a port. Where no document says anything of it the whole mesh is in plain text,
/// so that who does not ask for it need not look at it.
fn mode_of(resources: &Resources, workload: &Workload, port: u16) -> MtlsMode {
    match resources.peer_authentications.is_empty() {
        true => MtlsMode::Disable,
        false => mtls_mode(resources, workload, port).value,
    }
}

/// The workloads behind a port of a service, as routes have them.
pub(super) fn endpoints_of(endpoints: &[(&WorkloadEntry, u16)]) -> Vec<(String, u16)> {
    let name = |app: &WorkloadEntry| workload_of(app, WorkloadKind::Sidecar).to_string();
    endpoints.iter().map(|(app, port)| (name(app), *port)).collect()
}

/// A port of a service under each of its hosts.
pub(super) fn references(entry: &ServiceEntry, port: &ServicePort) -> Vec<ServiceRef> {
    let carries = match (port.is_tcp(), port.is_http2()) {
        (true, _) => Carried::Tcp,
        (false, true) => Carried::Http2,
        (false, false) => Carried::Http1,
    };
    let reference = |host: &String| ServiceRef {
        host: host.clone(),
        namespace: entry.meta.id.namespace.to_string(),
        port: port.number,
        carries,
        is_external: entry.location == Location::External,
    };
    entry.hosts.iter().map(reference).collect()
}

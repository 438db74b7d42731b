//! The base configuration of each Envoy, before any policy is laid over it: bootstrap, listeners, clusters.
//!
//! Names and metadata are Istio's, since that is what filters read: node metadata, `istio.services` on clusters,
//! `istio.workload` on endpoints. Pure.

use std::collections::BTreeMap;
use std::path::Path;

use burgee_api::resolve::{Workload, WorkloadKind};
use serde_json::{Value, json};

use crate::mesh::{GatewayListener, GatewayProxy, InboundListener, Route, ServiceRef, SidecarProxy};

/// The file of the listeners in an Envoy's directory.
pub const LISTENERS_FILE: &str = "lds.json";
/// The file of the clusters in an Envoy's directory.
pub const CLUSTERS_FILE: &str = "cds.json";
/// The mesh that every proxy of a run says it belongs to; Istio's default.
pub const MESH_ID: &str = "cluster.local";

const TYPE_PREFIX: &str = "type.googleapis.com/";
const LISTENER: &str = "envoy.config.listener.v3.Listener";
const CLUSTER: &str = "envoy.config.cluster.v3.Cluster";
const CONNECTION_MANAGER: &str =
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ROUTER: &str = "envoy.extensions.filters.http.router.v3.Router";

/// How long a route waits for a whole response.
const ROUTE_TIMEOUT: &str = "15s";
/// How long a connection to another loopback port may take; it takes microseconds or is refused.
const CONNECT_TIMEOUT: &str = "2s";

/// The loopback ports of a run: for each workload (`namespace/name`) and each port of the documents, the port that
/// Envoy listens on.
pub type Ports = BTreeMap<(String, u16), u16>;

/// The listeners' name for a port; unique within an Envoy.
pub fn listener_name(kind: WorkloadKind, port: u16) -> String {
    match kind {
        WorkloadKind::Gateway => format!("gateway_{port}"),
        WorkloadKind::Sidecar => format!("inbound_{port}"),
    }
}

/// The bootstrap of one Envoy, whose files are in `directory`.
pub fn bootstrap(workload: &Workload, directory: &Path) -> Value {
    let source = |file: &str| {
        json!({
            "path_config_source": {"path": directory.join(file)},
            "resource_api_version": "V3",
            "initial_fetch_timeout": "5s",
        })
    };
    json!({
        "node": node(workload),
        "admin": {"address": address(0)},
        // Distributions reach the admin page at a flush; five seconds, the default, is long to watch.
        "stats_flush_interval": "1s",
        "dynamic_resources": {
            "lds_config": source(LISTENERS_FILE),
            "cds_config": source(CLUSTERS_FILE),
        },
    })
}

fn node(workload: &Workload) -> Value {
    let identity = workload.identity();
    let mut labels = workload.labels.clone();
    labels.insert("service.istio.io/canonical-name".to_owned(), identity.canonical_service.clone());
    labels.insert("service.istio.io/canonical-revision".to_owned(), identity.canonical_revision);
    let role = match workload.kind {
        WorkloadKind::Gateway => "router",
        WorkloadKind::Sidecar => "sidecar",
    };
    let (name, namespace) = (&workload.name, &workload.namespace);
    json!({
        "id": format!("{role}~127.0.0.1~{name}.{namespace}~{namespace}.svc.cluster.local"),
        "cluster": format!("{}.{namespace}", identity.canonical_service),
        "metadata": {
            "NAME": name,
            "NAMESPACE": namespace,
            "WORKLOAD_NAME": name,
            "OWNER": format!("kubernetes://apis/networking.istio.io/v1/namespaces/{namespace}/workloadentries/{name}"),
            "LABELS": labels,
            "CLUSTER_ID": workload.cluster,
            "MESH_ID": MESH_ID,
            "ISTIO_REVISION": workload.revision,
            "INSTANCE_IPS": "127.0.0.1",
        },
    })
}

/// The listeners of a gateway, as a `DiscoveryResponse`.
pub fn gateway_listeners(gateway: &GatewayProxy, ports: &Ports) -> Value {
    let name = gateway.workload.to_string();
    let listener = |listener: &GatewayListener| {
        let local = ports.get(&(name.clone(), listener.port))?;
        let hosts = listener.routes.iter().map(|route| {
            let host_name = format!("{}:{}", route.host, listener.port);
            virtual_host(&host_name, &route.host, &outbound_cluster_name(&route.service))
        });
        let routes = route_configuration(&format!("http.{}", listener.port), hosts.collect());
        let stat_prefix = format!("outbound_0.0.0.0_{}", listener.port);
        let manager = connection_manager(&stat_prefix, true, routes);
        Some(http_listener(&listener_name(WorkloadKind::Gateway, listener.port), *local, "OUTBOUND", manager))
    };
    discovery_response(LISTENER, gateway.listeners.iter().filter_map(listener).collect())
}

/// The clusters of a gateway, as a `DiscoveryResponse`.
pub fn gateway_clusters(
    gateway: &GatewayProxy,
    sidecars: &BTreeMap<String, Workload>,
    ports: &Ports,
) -> Value {
    let routes = gateway.listeners.iter().flat_map(|listener| &listener.routes);
    let clusters: BTreeMap<String, Value> = routes
        .map(|route| {
            let name = outbound_cluster_name(&route.service);
            let endpoints = endpoints(route, sidecars, ports);
            (name.clone(), cluster(&name, std::slice::from_ref(&route.service), endpoints))
        })
        .collect();
    discovery_response(CLUSTER, clusters.into_values().collect())
}

fn endpoints(route: &Route, sidecars: &BTreeMap<String, Workload>, ports: &Ports) -> Vec<Value> {
    let endpoint = |(name, port): &(String, u16)| {
        let local = ports.get(&(name.clone(), *port))?;
        let workload = sidecars.get(name)?;
        Some(json!({
            "endpoint": {"address": address(*local)},
            "metadata": {"filter_metadata": {"istio": {"workload": endpoint_identity(workload)}}},
        }))
    };
    route.endpoints.iter().filter_map(endpoint).collect()
}

/// Who an endpoint is, as Istio's control plane writes it: five parts, the revision left empty when it is `latest`.
pub fn endpoint_identity(workload: &Workload) -> String {
    let identity = workload.identity();
    let revision = match identity.canonical_revision.as_str() {
        "latest" => "",
        revision => revision,
    };
    format!(
        "{};{};{};{};{}",
        identity.workload, identity.namespace, identity.canonical_service, revision, identity.cluster
    )
}

/// The listeners of a sidecar, as a `DiscoveryResponse`.
pub fn sidecar_listeners(sidecar: &SidecarProxy, ports: &Ports) -> Value {
    let name = sidecar.workload.to_string();
    let listener = |listener: &InboundListener| {
        let local = ports.get(&(name.clone(), listener.port))?;
        let cluster = inbound_cluster_name(listener.port);
        let host = virtual_host(&format!("inbound|http|{}", listener.port), "*", &cluster);
        let routes = route_configuration(&cluster, vec![host]);
        let stat_prefix = format!("inbound_0.0.0.0_{}", listener.port);
        let manager = connection_manager(&stat_prefix, false, routes);
        Some(http_listener(&listener_name(WorkloadKind::Sidecar, listener.port), *local, "INBOUND", manager))
    };
    discovery_response(LISTENER, sidecar.listeners.iter().filter_map(listener).collect())
}

/// The clusters of a sidecar, as a `DiscoveryResponse`: each leads to the app beside it.
pub fn sidecar_clusters(sidecar: &SidecarProxy, app_port: u16) -> Value {
    let clusters = sidecar.listeners.iter().map(|listener| {
        let endpoint = json!({"endpoint": {"address": address(app_port)}});
        cluster(&inbound_cluster_name(listener.port), &listener.services, vec![endpoint])
    });
    discovery_response(CLUSTER, clusters.collect())
}

/// No listeners, as a `DiscoveryResponse`.
pub fn no_listeners() -> Value {
    discovery_response(LISTENER, Vec::new())
}

/// No clusters, as a `DiscoveryResponse`.
pub fn no_clusters() -> Value {
    discovery_response(CLUSTER, Vec::new())
}

fn outbound_cluster_name(service: &ServiceRef) -> String {
    format!("outbound|{}||{}", service.port, service.host)
}

fn inbound_cluster_name(port: u16) -> String {
    format!("inbound|{port}||")
}

fn cluster(name: &str, services: &[ServiceRef], endpoints: Vec<Value>) -> Value {
    // Istio's name of a service that a ServiceEntry made is its host.
    let services: Vec<_> = services
        .iter()
        .map(|service| json!({"host": service.host, "name": service.host, "namespace": service.namespace}))
        .collect();
    json!({
        "@type": format!("{TYPE_PREFIX}{CLUSTER}"),
        "name": name,
        "type": "STATIC",
        "connect_timeout": CONNECT_TIMEOUT,
        "lb_policy": "ROUND_ROBIN",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
        "metadata": {"filter_metadata": {"istio": {"services": services}}},
    })
}

fn http_listener(name: &str, port: u16, direction: &str, manager: Value) -> Value {
    json!({
        "@type": format!("{TYPE_PREFIX}{LISTENER}"),
        "name": name,
        "address": address(port),
        "traffic_direction": direction,
        "filter_chains": [{
            "filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}],
        }],
    })
}

fn connection_manager(stat_prefix: &str, is_edge: bool, routes: Value) -> Value {
    json!({
        "@type": format!("{TYPE_PREFIX}{CONNECTION_MANAGER}"),
        "stat_prefix": stat_prefix,
        "route_config": routes,
        "http_filters": [{
            "name": "envoy.filters.http.router",
            "typed_config": {"@type": format!("{TYPE_PREFIX}{ROUTER}")},
        }],
        // The gateway is where clients from outside are, so it alone decides what the client's address is.
        "use_remote_address": is_edge,
        "normalize_path": true,
        "stream_idle_timeout": "60s",
        "request_headers_timeout": "10s",
    })
}

fn route_configuration(name: &str, virtual_hosts: Vec<Value>) -> Value {
    json!({
        "name": name,
        "virtual_hosts": virtual_hosts,
        // Clients say `host:port`, and the port on loopback is not that of the documents.
        "ignore_port_in_host_matching": true,
    })
}

fn virtual_host(name: &str, domain: &str, cluster: &str) -> Value {
    json!({
        "name": name,
        "domains": [domain],
        "routes": [{
            "name": "default",
            "match": {"prefix": "/"},
            "route": {"cluster": cluster, "timeout": ROUTE_TIMEOUT},
        }],
    })
}

fn address(port: u16) -> Value {
    json!({"socket_address": {"address": "127.0.0.1", "port_value": port}})
}

fn discovery_response(resource_type: &str, resources: Vec<Value>) -> Value {
    json!({
        "version_info": "1",
        "type_url": format!("{TYPE_PREFIX}{resource_type}"),
        "resources": resources,
    })
}

#[cfg(test)]
mod tests;

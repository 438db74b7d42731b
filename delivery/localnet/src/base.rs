//! The base configuration of each Envoy, before any policy is laid over it: bootstrap, listeners, clusters.
//!
//! Names and metadata are Istio's, since that is what filters read: node metadata, `istio.services` on clusters,
//! `istio.workload` on endpoints. Pure.

mod clusters;
mod tls;

use burgee_api::resolve::{ListenerClass, Workload};
use burgee_filter_config::declared::DeclaredMetric;
use burgee_overlay::NodeFacts;
use serde_json::{Value, json};

use crate::configuration::to_json;
use crate::mesh::{
    Carried, GatewayProxy, InboundListener, Mesh, RoutingListener, ServiceRef, SidecarProxy, is_same,
};
use crate::site::{Address, ProxySite, Site};

pub use clusters::Collectors;
use clusters::{
    collector_clusters, inbound_cluster_name, inbound_clusters, outbound_cluster_name, outbound_clusters,
};

/// The file of the listeners in an Envoy's directory.
pub const LISTENERS_FILE: &str = "lds.json";
/// The file of the clusters in an Envoy's directory.
pub const CLUSTERS_FILE: &str = "cds.json";

const TYPE_PREFIX: &str = "type.googleapis.com/";
const LISTENER: &str = "envoy.config.listener.v3.Listener";
const CLUSTER: &str = "envoy.config.cluster.v3.Cluster";
const CONNECTION_MANAGER: &str =
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ROUTER: &str = "envoy.extensions.filters.http.router.v3.Router";
const TCP_PROXY: &str = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";

/// How long a listener that takes both waits for the first bytes until it takes a connection for one without TLS: who
/// serves it may have to speak first.
const INSPECTOR_TIMEOUT: &str = "1s";
/// How long a route waits for a whole response.
const ROUTE_TIMEOUT: &str = "15s";
/// How long a connection to another proxy, an app or a collector may take; on one machine it takes microseconds or
/// is refused.
const CONNECT_TIMEOUT: &str = "2s";

/// How long spans may wait until they are sent, as far as it can be said: those of Datadog wait for two seconds.
const SPAN_FLUSH_MS: u32 = 500;

/// The name of a listener for a port with HTTP, and of any inbound one; unique within an Envoy.
pub fn listener_name(class: ListenerClass, port: u16) -> String {
    format!("{}_{port}", class.name())
}

/// The name of a listener from which traffic goes to services; unique within an Envoy.
pub(crate) fn routing_listener_name(class: ListenerClass, listener: &RoutingListener) -> String {
    let name = listener_name(class, listener.port);
    match listener.routes.first().filter(|_| listener.is_tcp()) {
        Some(route) => format!("{name}_{}", route.host),
        None => name,
    }
}

/// A listener of a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerOf {
    /// Its class.
    pub class: ListenerClass,
    /// Its port, as the documents have it.
    pub port: u16,
    /// Its name.
    pub name: String,
}

/// Every listener that a proxy of the mesh has, in the order of its configuration.
pub fn listeners_of(mesh: &Mesh, workload: &Workload) -> Vec<ListenerOf> {
    let routing = |class, listener: &RoutingListener| ListenerOf {
        class,
        port: listener.port,
        name: routing_listener_name(class, listener),
    };
    let mut listeners = Vec::new();
    for gateway in mesh.gateways.iter().filter(|gateway| is_same(&gateway.workload, workload)) {
        listeners.extend(gateway.listeners.iter().map(|one| routing(ListenerClass::Gateway, one)));
    }
    for sidecar in mesh.sidecars.iter().filter(|sidecar| is_same(&sidecar.workload, workload)) {
        listeners.extend(sidecar.listeners.iter().map(|listener| ListenerOf {
            class: ListenerClass::Inbound,
            port: listener.port,
            name: listener_name(ListenerClass::Inbound, listener.port),
        }));
        listeners.extend(sidecar.outbound.iter().map(|one| routing(ListenerClass::Outbound, one)));
    }
    listeners
}

/// The bootstrap of one Envoy, for modules that declare these metrics.
pub fn bootstrap(
    workload: &Workload,
    service_cluster: &str,
    proxy: &ProxySite,
    declared: &[DeclaredMetric],
) -> Value {
    let source = |file: &str| {
        json!({
            "path_config_source": {"path": proxy.path(file)},
            "resource_api_version": "V3",
            "initial_fetch_timeout": "5s",
        })
    };
    let mut bootstrap = json!({
        "node": node(workload, service_cluster),
        "admin": {"address": address(&proxy.admin)},
        // Distributions reach the admin page at a flush; five seconds, the default, is long to watch.
        "stats_flush_interval": "1s",
        // So are spans: they are sent in batches, every five seconds by default.
        "layered_runtime": {"layers": [{
            "name": "burgee",
            "static_layer": {"tracing": {
                "opentelemetry": {"flush_interval_ms": SPAN_FLUSH_MS},
                "zipkin": {"flush_interval_ms": SPAN_FLUSH_MS},
            }},
        }]},
        "dynamic_resources": {
            "lds_config": source(LISTENERS_FILE),
            "cds_config": source(CLUSTERS_FILE),
        },
    });
    if let Some(settings) = burgee_overlay::histogram_settings(declared) {
        bootstrap["stats_config"] = json!({"histogram_bucket_settings": to_json(&settings)});
    }
    bootstrap
}

fn node(workload: &Workload, service_cluster: &str) -> Value {
    let (name, namespace) = (&workload.name, &workload.namespace);
    let owner =
        format!("kubernetes://apis/networking.istio.io/v1/namespaces/{namespace}/workloadentries/{name}");
    let facts = NodeFacts { service_cluster, address: "127.0.0.1", owner: Some(owner), more: Vec::new() };
    to_json(&burgee_overlay::node(workload, &facts))
}

/// The listeners of a gateway, as a `DiscoveryResponse`.
pub fn gateway_listeners(gateway: &GatewayProxy, site: &Site) -> Value {
    let name = gateway.workload.to_string();
    let listener =
        |listener: &RoutingListener| routing_listener(&name, ListenerClass::Gateway, listener, site);
    discovery_response(LISTENER, gateway.listeners.iter().filter_map(listener).collect())
}

/// The clusters of a gateway, as a `DiscoveryResponse`: the services that it routes to, and collectors.
pub fn gateway_clusters(gateway: &GatewayProxy, mesh: &Mesh, collectors: &Collectors, site: &Site) -> Value {
    let mut clusters = outbound_clusters(&gateway.workload.to_string(), &gateway.listeners, mesh, site);
    clusters.extend(collector_clusters(collectors, site));
    discovery_response(CLUSTER, clusters.into_values().collect())
}

/// A listener from which requests go to services by their host, or connections to a service.
fn routing_listener(
    workload: &str,
    class: ListenerClass,
    listener: &RoutingListener,
    site: &Site,
) -> Option<Value> {
    let name = routing_listener_name(class, listener);
    let at = site.listener(workload, &name)?;
    if let Some(route) = listener.routes.first().filter(|_| listener.is_tcp()) {
        let chain = filter_chain(tcp_proxy(&outbound_cluster_name(&route.service)));
        return Some(self::listener(&name, &at.bind, "OUTBOUND", vec![chain]));
    }
    let hosts = listener.routes.iter().map(|route| {
        let host_name = format!("{}:{}", route.host, listener.port);
        virtual_host(&host_name, &route.host, &outbound_cluster_name(&route.service), &route.service)
    });
    let (routes_name, is_edge) = match class {
        ListenerClass::Gateway => (format!("http.{}", listener.port), true),
        ListenerClass::Outbound | ListenerClass::Inbound => (listener.port.to_string(), false),
    };
    let routes = route_configuration(&routes_name, hosts.collect());
    let stat_prefix = format!("outbound_0.0.0.0_{}", listener.port);
    let manager = connection_manager(&stat_prefix, is_edge, routes);
    Some(self::listener(&name, &at.bind, "OUTBOUND", vec![filter_chain(manager)]))
}

/// The listeners of a sidecar, as a `DiscoveryResponse`: those for clients, then those for its app.
pub fn sidecar_listeners(sidecar: &SidecarProxy, site: &Site) -> Value {
    let name = sidecar.workload.to_string();
    let inbound = sidecar.listeners.iter().filter_map(|listener| inbound_listener(&name, listener, site));
    let outbound = sidecar
        .outbound
        .iter()
        .filter_map(|listener| routing_listener(&name, ListenerClass::Outbound, listener, site));
    discovery_response(LISTENER, inbound.chain(outbound).collect())
}

fn inbound_listener(workload: &str, listener: &InboundListener, site: &Site) -> Option<Value> {
    let name = listener_name(ListenerClass::Inbound, listener.port);
    let at = site.listener(workload, &name)?;
    let cluster = inbound_cluster_name(listener.port);
    // Istio names the requests of a port after the first of its services.
    let service = listener.services.first()?;
    let filter = match listener.carries() {
        Carried::Tcp => tcp_proxy(&cluster),
        Carried::Http1 | Carried::Http2 => {
            let host = virtual_host(&format!("inbound|http|{}", service.port), "*", &cluster, service);
            let routes = route_configuration(&cluster, vec![host]);
            connection_manager(&format!("inbound_0.0.0.0_{}", listener.port), false, routes)
        }
    };
    let chain = filter_chain(filter);
    let certificates = site.proxies.get(workload).and_then(|proxy| proxy.certificates.as_deref());
    let Some(directory) = certificates.filter(|_| listener.mtls.takes_mutual_tls()) else {
        return Some(self::listener(&name, &at.bind, "INBOUND", vec![chain]));
    };
    let mut mutual = chain.clone();
    mutual["transport_socket"] = tls::downstream(directory, listener.carries());
    if !listener.mtls.takes_plain_text() {
        return Some(self::listener(&name, &at.bind, "INBOUND", vec![mutual]));
    }
    let mut plain = chain;
    mutual["filter_chain_match"] = json!({"transport_protocol": "tls"});
    plain["filter_chain_match"] = json!({"transport_protocol": "raw_buffer"});
    let mut both = self::listener(&name, &at.bind, "INBOUND", vec![mutual, plain]);
    both["listener_filters"] = json!([tls::inspector()]);
    both["listener_filters_timeout"] = json!(INSPECTOR_TIMEOUT);
    both["continue_on_listener_filters_timeout"] = json!(true);
    Some(both)
}

/// The clusters of a sidecar, as a `DiscoveryResponse`: the app beside it, every service that the app can call, and
/// collectors.
pub fn sidecar_clusters(sidecar: &SidecarProxy, mesh: &Mesh, collectors: &Collectors, site: &Site) -> Value {
    let mut clusters = outbound_clusters(&sidecar.workload.to_string(), &sidecar.outbound, mesh, site);
    clusters.extend(collector_clusters(collectors, site));
    clusters.extend(inbound_clusters(sidecar, site));
    discovery_response(CLUSTER, clusters.into_values().collect())
}

/// No listeners, as a `DiscoveryResponse`.
pub fn no_listeners() -> Value {
    discovery_response(LISTENER, Vec::new())
}

/// No clusters, as a `DiscoveryResponse`.
pub fn no_clusters() -> Value {
    discovery_response(CLUSTER, Vec::new())
}

fn listener(name: &str, bind: &Address, direction: &str, chains: Vec<Value>) -> Value {
    json!({
        "@type": format!("{TYPE_PREFIX}{LISTENER}"),
        "name": name,
        "address": address(bind),
        "traffic_direction": direction,
        "filter_chains": chains,
    })
}

/// A filter chain whose only network filter is this one.
fn filter_chain(filter: Value) -> Value {
    let is_tcp = filter["@type"] == format!("{TYPE_PREFIX}{TCP_PROXY}");
    let name = if is_tcp { "tcp_proxy" } else { "http_connection_manager" };
    json!({"filters": [{"name": format!("envoy.filters.network.{name}"), "typed_config": filter}]})
}

fn tcp_proxy(cluster: &str) -> Value {
    json!({"@type": format!("{TYPE_PREFIX}{TCP_PROXY}"), "stat_prefix": cluster, "cluster": cluster})
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

fn virtual_host(name: &str, domain: &str, cluster: &str, service: &ServiceRef) -> Value {
    json!({
        "name": name,
        "domains": [domain],
        "routes": [{
            "name": "default",
            "match": {"prefix": "/"},
            "route": {"cluster": cluster, "timeout": ROUTE_TIMEOUT},
            // What Istio calls the spans of a service's default route.
            "decorator": {"operation": format!("{}:{}/*", service.host, service.port)},
        }],
    })
}

fn address(address: &Address) -> Value {
    json!({"socket_address": {"address": address.host, "port_value": address.port}})
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

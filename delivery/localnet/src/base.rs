//! The base configuration of each Envoy, before any policy is laid over it: bootstrap, listeners, clusters.
//!
//! Names and metadata are Istio's, since that is what filters read: node metadata, `istio.services` on clusters,
//! `istio.workload` on endpoints. Pure.

use std::collections::{BTreeMap, BTreeSet};

use burgee_api::resolve::{
    AccessLogger, Collector, Effective, ListenerClass, LogSink, Protocol, Workload, WorkloadKind,
};
use burgee_filter_config::names;
use burgee_overlay::MESH_SERVICE_CLUSTER;
use serde_json::{Value, json};

use crate::mesh::{
    GatewayProxy, InboundListener, Mesh, Route, RoutingListener, ServiceRef, SidecarProxy, is_same,
};
use crate::site::{Address, ProxySite, Site};

/// The file of the listeners in an Envoy's directory.
pub const LISTENERS_FILE: &str = "lds.json";
/// The file of the clusters in an Envoy's directory.
pub const CLUSTERS_FILE: &str = "cds.json";
/// The mesh that every proxy of a run says it belongs to; Istio's default.
pub const MESH_ID: &str = "cluster.local";

const TYPE_PREFIX: &str = "type.googleapis.com/";
const LISTENER: &str = "envoy.config.listener.v3.Listener";
const CLUSTER: &str = "envoy.config.cluster.v3.Cluster";
const DNS_CLUSTER: &str = "envoy.extensions.clusters.dns.v3.DnsCluster";
const CONNECTION_MANAGER: &str =
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ROUTER: &str = "envoy.extensions.filters.http.router.v3.Router";
const HTTP_OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/// How long a route waits for a whole response.
const ROUTE_TIMEOUT: &str = "15s";
/// How long a connection to another proxy, an app or a collector may take; on one machine it takes microseconds or
/// is refused.
const CONNECT_TIMEOUT: &str = "2s";

/// How long spans may wait until they are sent, as far as it can be said: those of Datadog wait for two seconds.
const SPAN_FLUSH_MS: u32 = 500;

/// The name of a listener for a port; unique within an Envoy.
pub fn listener_name(class: ListenerClass, port: u16) -> String {
    format!("{}_{port}", class.name())
}

/// Every listener that a proxy of the mesh has, as class and port of the documents, in the order of its configuration.
pub fn listeners_of(mesh: &Mesh, workload: &Workload) -> Vec<(ListenerClass, u16)> {
    let mut listeners = Vec::new();
    for gateway in mesh.gateways.iter().filter(|gateway| is_same(&gateway.workload, workload)) {
        listeners.extend(gateway.listeners.iter().map(|listener| (ListenerClass::Gateway, listener.port)));
    }
    for sidecar in mesh.sidecars.iter().filter(|sidecar| is_same(&sidecar.workload, workload)) {
        listeners.extend(sidecar.listeners.iter().map(|listener| (ListenerClass::Inbound, listener.port)));
        listeners.extend(sidecar.outbound.iter().map(|listener| (ListenerClass::Outbound, listener.port)));
    }
    listeners
}

/// The bootstrap of one Envoy. `buckets` are those of histograms, each with the expression that fits their names.
pub fn bootstrap(
    workload: &Workload,
    service_cluster: &str,
    proxy: &ProxySite,
    buckets: &[(String, Vec<u64>)],
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
    if !buckets.is_empty() {
        let setting = |(regex, bounds): &(String, Vec<u64>)| json!({"match": {"safe_regex": {"regex": regex}}, "buckets": bounds});
        let settings: Vec<_> = buckets.iter().map(setting).collect();
        bootstrap["stats_config"] = json!({"histogram_bucket_settings": settings});
    }
    bootstrap
}

fn node(workload: &Workload, service_cluster: &str) -> Value {
    let identity = workload.identity();
    let mut labels = workload.labels.clone();
    labels.insert(names::CANONICAL_NAME.to_owned(), identity.canonical_service.clone());
    labels.insert(names::CANONICAL_REVISION.to_owned(), identity.canonical_revision);
    let role = match workload.kind {
        WorkloadKind::Gateway => "router",
        WorkloadKind::Sidecar => "sidecar",
    };
    let (name, namespace) = (&workload.name, &workload.namespace);
    json!({
        "id": format!("{role}~127.0.0.1~{name}.{namespace}~{namespace}.svc.cluster.local"),
        "cluster": service_cluster,
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
pub fn gateway_listeners(gateway: &GatewayProxy, site: &Site) -> Value {
    let name = gateway.workload.to_string();
    let listener =
        |listener: &RoutingListener| routing_listener(&name, ListenerClass::Gateway, listener, site);
    discovery_response(LISTENER, gateway.listeners.iter().filter_map(listener).collect())
}

/// What a proxy reports to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collectors {
    /// The services that providers name.
    pub services: BTreeSet<Collector>,
    /// Whether the mesh's own access log service is asked for.
    pub mesh_service: bool,
}

impl Collectors {
    /// Those of a policy, whatever the class.
    pub fn of(policy: &Effective) -> Collectors {
        let loggers = policy.classes.values().flat_map(|class| &class.access_logs);
        let is_mesh_service = |logger: &AccessLogger| matches!(logger.sink, LogSink::MeshService { .. });
        Collectors {
            services: policy.collectors().map(|(collector, _)| collector.clone()).collect(),
            mesh_service: loggers.into_iter().any(is_mesh_service),
        }
    }
}

/// The clusters of a gateway, as a `DiscoveryResponse`: the services that it routes to, and collectors.
pub fn gateway_clusters(gateway: &GatewayProxy, mesh: &Mesh, collectors: &Collectors, site: &Site) -> Value {
    let mut clusters = outbound_clusters(&gateway.listeners, mesh, site);
    clusters.extend(collector_clusters(collectors, site));
    discovery_response(CLUSTER, clusters.into_values().collect())
}

/// A listener from which requests go to services by their host.
fn routing_listener(
    workload: &str,
    class: ListenerClass,
    listener: &RoutingListener,
    site: &Site,
) -> Option<Value> {
    let name = listener_name(class, listener.port);
    let at = site.listener(workload, &name)?;
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
    Some(http_listener(&name, &at.bind, "OUTBOUND", manager))
}

/// A cluster for each service that listeners route to, by name.
fn outbound_clusters(listeners: &[RoutingListener], mesh: &Mesh, site: &Site) -> BTreeMap<String, Value> {
    let routes = listeners.iter().flat_map(|listener| &listener.routes);
    let cluster = |route: &Route| {
        let name = outbound_cluster_name(&route.service);
        let endpoints = endpoints(route, mesh, site);
        (name.clone(), cluster(&name, std::slice::from_ref(&route.service), endpoints))
    };
    routes.map(cluster).collect()
}

fn endpoints(route: &Route, mesh: &Mesh, site: &Site) -> Vec<Endpoint> {
    let endpoint = |(name, port): &(String, u16)| {
        let at = site.listener(name, &listener_name(ListenerClass::Inbound, *port))?;
        let sidecar = mesh.sidecars.iter().find(|sidecar| sidecar.workload.to_string() == *name)?;
        let metadata =
            json!({"filter_metadata": {"istio": {"workload": endpoint_identity(&sidecar.workload)}}});
        Some(Endpoint { address: at.reach.clone(), metadata: Some(metadata) })
    };
    route.endpoints.iter().filter_map(endpoint).collect()
}

/// A cluster for each collector, by name: all lead to what plays them at this site.
fn collector_clusters(collectors: &Collectors, site: &Site) -> BTreeMap<String, Value> {
    let named = collectors.services.iter().map(|collector| {
        let service = ServiceRef {
            host: collector.host.clone(),
            namespace: collector.namespace.clone(),
            port: collector.port,
        };
        (collector.cluster(), vec![service], collector.protocol)
    });
    let of_mesh =
        collectors.mesh_service.then(|| (MESH_SERVICE_CLUSTER.to_owned(), Vec::new(), Protocol::Http2));
    let cluster = |(name, services, protocol): (String, Vec<ServiceRef>, Protocol)| {
        let endpoint = site.collector.clone().map(|address| Endpoint { address, metadata: None });
        let mut cluster = cluster(&name, &services, endpoint.into_iter().collect());
        let options = match protocol {
            Protocol::Http1 => json!({"http_protocol_options": {}}),
            Protocol::Http2 => json!({"http2_protocol_options": {}}),
        };
        cluster["typed_extension_protocol_options"] = json!({HTTP_OPTIONS: {
            "@type": format!("{TYPE_PREFIX}{HTTP_OPTIONS}"),
            "explicit_http_config": options,
        }});
        (name, cluster)
    };
    named.chain(of_mesh).map(cluster).collect()
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
    let host = virtual_host(&format!("inbound|http|{}", service.port), "*", &cluster, service);
    let routes = route_configuration(&cluster, vec![host]);
    let manager = connection_manager(&format!("inbound_0.0.0.0_{}", listener.port), false, routes);
    Some(http_listener(&name, &at.bind, "INBOUND", manager))
}

/// The clusters of a sidecar, as a `DiscoveryResponse`: the app beside it, every service that the app can call, and
/// collectors.
pub fn sidecar_clusters(sidecar: &SidecarProxy, mesh: &Mesh, collectors: &Collectors, site: &Site) -> Value {
    let app = site.proxies.get(&sidecar.workload.to_string()).and_then(|proxy| proxy.app.clone());
    let mut clusters = outbound_clusters(&sidecar.outbound, mesh, site);
    clusters.extend(collector_clusters(collectors, site));
    for listener in &sidecar.listeners {
        let name = inbound_cluster_name(listener.port);
        let endpoint = app.clone().map(|address| Endpoint { address, metadata: None });
        clusters.insert(name.clone(), cluster(&name, &listener.services, endpoint.into_iter().collect()));
    }
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

fn outbound_cluster_name(service: &ServiceRef) -> String {
    format!("outbound|{}||{}", service.port, service.host)
}

fn inbound_cluster_name(port: u16) -> String {
    format!("inbound|{port}||")
}

/// An endpoint of a cluster.
struct Endpoint {
    address: Address,
    metadata: Option<Value>,
}

fn cluster(name: &str, services: &[ServiceRef], endpoints: Vec<Endpoint>) -> Value {
    // Istio's name of a service that a ServiceEntry made is its host.
    let services: Vec<_> = services
        .iter()
        .map(|service| json!({"host": service.host, "name": service.host, "namespace": service.namespace}))
        .collect();
    let needs_lookup = endpoints.iter().any(|endpoint| !endpoint.address.is_ip());
    let endpoints = endpoints.into_iter().map(|endpoint| {
        let mut value = json!({"endpoint": {"address": address(&endpoint.address)}});
        if let Some(metadata) = endpoint.metadata {
            value["metadata"] = metadata;
        }
        value
    });
    let endpoints: Vec<_> = endpoints.collect();
    let mut cluster = json!({
        "@type": format!("{TYPE_PREFIX}{CLUSTER}"),
        "name": name,
        "connect_timeout": CONNECT_TIMEOUT,
        "lb_policy": "ROUND_ROBIN",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
        "metadata": {"filter_metadata": {"istio": {"services": services}}},
    });
    if needs_lookup {
        // The successor of the type STRICT_DNS, whose settings Envoy warns of since 1.40.
        cluster["cluster_type"] = json!({
            "name": "envoy.cluster.dns",
            "typed_config": {
                "@type": format!("{TYPE_PREFIX}{DNS_CLUSTER}"),
                // Whoever starts first looks again soon for those who start later.
                "dns_failure_refresh_rate": {"base_interval": "0.5s", "max_interval": "2s"},
            },
        });
    } else {
        cluster["type"] = json!("STATIC");
    }
    cluster
}

fn http_listener(name: &str, bind: &Address, direction: &str, manager: Value) -> Value {
    json!({
        "@type": format!("{TYPE_PREFIX}{LISTENER}"),
        "name": name,
        "address": address(bind),
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

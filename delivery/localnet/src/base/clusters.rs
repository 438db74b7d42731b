//! The clusters of proxies: services, with whoever serves them, apps and collectors. Pure.

use std::collections::{BTreeMap, BTreeSet};

use burgee_api::resolve::{AccessLogger, Collector, Effective, ListenerClass, LogSink, Protocol, Workload};
use burgee_overlay::MESH_SERVICE_CLUSTER;
use serde_json::{Value, json};

use super::{CLUSTER, CONNECT_TIMEOUT, TYPE_PREFIX, address, listener_name, tls};
use crate::mesh::{Carried, InboundListener, Mesh, Route, RoutingListener, ServiceRef, SidecarProxy};
use crate::site::{Address, Site};

const DNS_CLUSTER: &str = "envoy.extensions.clusters.dns.v3.DnsCluster";
pub(super) const HTTP_OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

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

/// A cluster for each service that the listeners of a proxy route to, by name.
pub(super) fn outbound_clusters(
    client: &str,
    listeners: &[RoutingListener],
    mesh: &Mesh,
    site: &Site,
) -> BTreeMap<String, Value> {
    let certificates = site.proxies.get(client).and_then(|proxy| proxy.certificates.as_deref());
    let routes = listeners.iter().flat_map(|listener| &listener.routes);
    let cluster = |route: &Route| {
        let name = outbound_cluster_name(&route.service);
        let served = served_by(route, certificates, mesh, site);
        let principals: BTreeSet<&str> = served.iter().filter_map(|served| served.principal).collect();
        let endpoints = served.into_iter().map(|served| served.endpoint).collect();
        let mut cluster = cluster(&name, std::slice::from_ref(&route.service), endpoints);
        if let Some(directory) = certificates.filter(|_| !principals.is_empty()) {
            let principals: Vec<&str> = principals.into_iter().collect();
            cluster["transport_socket_matches"] = tls::upstream(directory, &route.service, &principals);
        }
        (name, cluster)
    };
    routes.map(cluster).collect()
}

/// Who serves a route.
struct Served<'a> {
    endpoint: Endpoint,
    /// Who must answer when it is called with mutual TLS; none where it is called in plain text.
    principal: Option<&'a str>,
}

/// Who serves a route, as a client with these certificates sees them: a sidecar that takes mutual TLS is called so, as
/// Istio does it; who has none, or is outside of the mesh, in plain text.
fn served_by<'a>(route: &Route, certificates: Option<&str>, mesh: &'a Mesh, site: &Site) -> Vec<Served<'a>> {
    let of_sidecar = |name: &str, port: u16| {
        let at = site.listener(name, &listener_name(ListenerClass::Inbound, port))?;
        let sidecar = mesh.sidecars.iter().find(|sidecar| sidecar.workload.to_string() == name)?;
        let takes_it = sidecar.listeners.iter().any(|one| one.port == port && one.mtls.takes_mutual_tls());
        let has_one = |name: &str| site.proxies.get(name).is_some_and(|proxy| proxy.certificates.is_some());
        let is_mutual = takes_it && certificates.is_some() && has_one(name) && !route.service.is_external;
        let mut metadata =
            json!({"filter_metadata": {"istio": {"workload": endpoint_identity(&sidecar.workload)}}});
        if is_mutual {
            metadata["filter_metadata"][tls::SOCKET_MATCH] = tls::endpoint_match();
        }
        let endpoint = Endpoint { address: at.reach.clone(), metadata: Some(metadata) };
        Some(Served { endpoint, principal: is_mutual.then_some(sidecar.principal.as_str()) })
    };
    let of_bare = |name: &str| {
        let bare = mesh.bare.iter().find(|bare| bare.workload.to_string() == name)?;
        let at = site.bare.get(name)?.of(route.service.carries)?;
        let metadata = json!({"filter_metadata": {"istio": {"workload": endpoint_identity(&bare.workload)}}});
        let endpoint = Endpoint { address: at.clone(), metadata: Some(metadata) };
        Some(Served { endpoint, principal: None })
    };
    route
        .endpoints
        .iter()
        .filter_map(|(name, port)| of_sidecar(name, *port).or_else(|| of_bare(name)))
        .collect()
}

/// The clusters that lead to the app beside a proxy, by name.
pub(super) fn inbound_clusters(sidecar: &SidecarProxy, site: &Site) -> BTreeMap<String, Value> {
    let proxy = site.proxies.get(&sidecar.workload.to_string());
    let cluster = |listener: &InboundListener| {
        let name = inbound_cluster_name(listener.port);
        let app = proxy.and_then(|proxy| match listener.carries() {
            Carried::Tcp => proxy.app_tcp.clone(),
            Carried::Http1 | Carried::Http2 => proxy.app.clone(),
        });
        let endpoint = app.map(|address| Endpoint { address, metadata: None });
        (name.clone(), cluster(&name, &listener.services, endpoint.into_iter().collect()))
    };
    sidecar.listeners.iter().map(cluster).collect()
}

/// A cluster for each collector, by name: all lead to what plays them at this site.
pub(super) fn collector_clusters(collectors: &Collectors, site: &Site) -> BTreeMap<String, Value> {
    let named = collectors.services.iter().map(|collector| {
        let service = ServiceRef {
            host: collector.host.clone(),
            namespace: collector.namespace.clone(),
            port: collector.port,
            ..ServiceRef::default()
        };
        (collector.cluster(), vec![service], collector.protocol)
    });
    let of_mesh =
        collectors.mesh_service.then(|| (MESH_SERVICE_CLUSTER.to_owned(), Vec::new(), Protocol::Http2));
    let cluster = |(name, services, protocol): (String, Vec<ServiceRef>, Protocol)| {
        let endpoint = site.collector.clone().map(|address| Endpoint { address, metadata: None });
        let mut cluster = cluster(&name, &services, endpoint.into_iter().collect());
        speak(&mut cluster, protocol);
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

pub(super) fn outbound_cluster_name(service: &ServiceRef) -> String {
    format!("outbound|{}||{}", service.port, service.host)
}

pub(super) fn inbound_cluster_name(port: u16) -> String {
    format!("inbound|{port}||")
}

/// An endpoint of a cluster.
struct Endpoint {
    address: Address,
    metadata: Option<Value>,
}

/// Has a cluster speak one version of HTTP.
fn speak(cluster: &mut Value, protocol: Protocol) {
    let options = match protocol {
        Protocol::Http1 => json!({"http_protocol_options": {}}),
        Protocol::Http2 => json!({"http2_protocol_options": {}}),
    };
    cluster["typed_extension_protocol_options"] = json!({HTTP_OPTIONS: {
        "@type": format!("{TYPE_PREFIX}{HTTP_OPTIONS}"),
        "explicit_http_config": options,
    }});
}

/// A cluster of services, which says what they are; HTTP/1.1 is what Envoy speaks when nothing says otherwise.
fn cluster(name: &str, services: &[ServiceRef], endpoints: Vec<Endpoint>) -> Value {
    let speaks_http2 = services.first().is_some_and(|service| service.carries == Carried::Http2);
    // As Istio's control plane has it: proxies tell nobody there who they are.
    let is_external = services.iter().any(|service| service.is_external);
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
    if is_external {
        cluster["metadata"]["filter_metadata"]["istio"]["external"] = json!(true);
    }
    if speaks_http2 {
        speak(&mut cluster, Protocol::Http2);
    }
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

//! A cluster that leads to where proxies report to, for a base that has none of its name.

use core::net::IpAddr;
use std::collections::BTreeMap;
use std::time::Duration;

use burgee_api::Traced;
use burgee_api::resolve::{Collector, Effective, Endpoint, LogSink, Protocol, RemoteService, TcpKeepalive};

use super::duration_text;
use crate::MESH_SERVICE_CLUSTER;
use crate::value::Value;
use crate::view;

const DNS_TYPE: &str = "type.googleapis.com/envoy.extensions.clusters.dns.v3.DnsCluster";
const HTTP_OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/// How long a connection to the mesh's own access log service may take, as in Istio's bootstraps.
const MESH_SERVICE_TIMEOUT: Duration = Duration::from_secs(1);

/// The clusters that configuration refers to, by name.
pub(crate) type Needed = BTreeMap<String, Need>;

/// Why a cluster is needed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Need {
    pub upstream: Upstream,
    /// The first provider that leads to it.
    pub provider: Traced<String>,
    /// One that speaks something else to it.
    pub other: Option<Traced<String>>,
}

/// What a cluster has to lead to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Upstream {
    /// The cluster's name.
    pub name: String,
    /// What is spoken.
    pub protocol: Protocol,
    /// Where it is; empty when nobody says.
    pub endpoints: Vec<Endpoint>,
    connect_timeout: Duration,
    keepalive: Option<TcpKeepalive>,
}

impl Upstream {
    pub fn of(collector: &Collector) -> Upstream {
        Upstream {
            name: collector.cluster(),
            protocol: collector.protocol,
            endpoints: collector.endpoints.clone(),
            connect_timeout: collector.connect_timeout,
            keepalive: None,
        }
    }

    /// Where the entries of a logger go, if not to a file.
    pub fn of_sink(sink: &LogSink) -> Option<Upstream> {
        match sink {
            LogSink::MeshService { address } => Some(Upstream::of_mesh(address.as_ref())),
            LogSink::File { .. } | LogSink::Otel { .. } | LogSink::Service { .. } => {
                sink.collector().map(Upstream::of)
            }
        }
    }

    fn of_mesh(address: Option<&RemoteService>) -> Upstream {
        let endpoint =
            |service: &RemoteService| Endpoint::Host { address: service.host.clone(), port: service.port };
        Upstream {
            name: MESH_SERVICE_CLUSTER.to_owned(),
            protocol: Protocol::Http2,
            endpoints: address.map(endpoint).into_iter().collect(),
            connect_timeout: MESH_SERVICE_TIMEOUT,
            keepalive: address.and_then(|service| service.keepalive.clone()),
        }
    }
}

/// Every cluster that a policy needs, whatever the class.
pub(crate) fn needed(policy: &Effective) -> Needed {
    let mut needed = Needed::new();
    for class in policy.classes.values() {
        for logger in &class.access_logs {
            if let Some(upstream) = Upstream::of_sink(&logger.sink) {
                note(&mut needed, upstream, &logger.provider);
            }
        }
        for (collector, provider) in class.tracing.collectors() {
            note(&mut needed, Upstream::of(collector), provider);
        }
    }
    needed
}

/// Adds a cluster. Of two of one name the first counts, but that gRPC needs HTTP/2, whatever the other speaks.
pub(crate) fn note(needed: &mut Needed, upstream: Upstream, provider: &Traced<String>) {
    let protocol = upstream.protocol;
    let need = || Need { upstream: upstream.clone(), provider: provider.clone(), other: None };
    let known = needed.entry(upstream.name.clone()).or_insert_with(need);
    if known.upstream.protocol != protocol {
        known.upstream.protocol = Protocol::Http2;
        known.other.get_or_insert_with(|| provider.clone());
    }
}

/// The cluster itself, without what marks it as ours.
pub(crate) fn cluster(upstream: &Upstream) -> Vec<(String, Value)> {
    let Upstream { name, protocol, endpoints, connect_timeout, keepalive } = upstream;
    let mut fields = vec![
        ("name".to_owned(), Value::string(name.clone())),
        ("connect_timeout".to_owned(), Value::string(duration_text(*connect_timeout))),
    ];
    if endpoints.iter().all(is_address) {
        fields.push(("type".to_owned(), Value::string("STATIC")));
    } else {
        let config = Value::map([
            ("@type", Value::string(DNS_TYPE)),
            ("respect_dns_ttl", Value::Bool(true)),
            ("dns_lookup_family", Value::string("V4_PREFERRED")),
        ]);
        let kind = Value::map([("name", Value::string("envoy.cluster.dns")), ("typed_config", config)]);
        fields.push(("cluster_type".to_owned(), kind));
    }
    let spoken = match protocol {
        Protocol::Http1 => "http_protocol_options",
        Protocol::Http2 => "http2_protocol_options",
    };
    let options = Value::map([
        ("@type", Value::string(format!("type.googleapis.com/{HTTP_OPTIONS}"))),
        ("explicit_http_config", Value::map([(spoken, Value::map([]))])),
    ]);
    fields.push(("typed_extension_protocol_options".to_owned(), Value::map([(HTTP_OPTIONS, options)])));
    if let Some(TcpKeepalive { probes, time, interval }) = keepalive {
        let seconds =
            |time: &Option<Duration>| time.map(|time| i64::try_from(time.as_secs()).unwrap_or(i64::MAX));
        let values = [
            ("keepalive_probes", probes.map(i64::from)),
            ("keepalive_time", seconds(time)),
            ("keepalive_interval", seconds(interval)),
        ];
        let said = values.into_iter().filter_map(|(key, value)| Some((key.to_owned(), Value::Int(value?))));
        let options = Value::map([("tcp_keepalive", Value::Map(said.collect()))]);
        fields.push(("upstream_connection_options".to_owned(), options));
    }
    let endpoints = endpoints.iter().map(|endpoint| Value::map([("endpoint", address(endpoint))])).collect();
    let locality = Value::map([("lb_endpoints", Value::List(endpoints))]);
    let assignment = Value::map([
        ("cluster_name", Value::string(name.clone())),
        ("endpoints", Value::List(vec![locality].into())),
    ]);
    fields.push(("load_assignment".to_owned(), assignment));
    fields
}

/// Whether an endpoint needs no name to be looked up.
fn is_address(endpoint: &Endpoint) -> bool {
    match endpoint {
        Endpoint::Host { address, .. } => address.parse::<IpAddr>().is_ok(),
        Endpoint::Socket { .. } => true,
    }
}

fn address(endpoint: &Endpoint) -> Value {
    let address = match endpoint {
        Endpoint::Host { address, port } => Value::map([(
            "socket_address",
            Value::map([
                ("address", Value::string(address.clone())),
                ("port_value", Value::Int(i64::from(*port))),
            ]),
        )]),
        Endpoint::Socket { path } => {
            Value::map([("pipe", Value::map([("path", Value::string(path.clone()))]))])
        }
    };
    Value::map([("address", address)])
}

/// The type of a cluster in a response.
pub(crate) fn type_url() -> Value {
    Value::string(format!("type.googleapis.com/{}", view::CLUSTER))
}

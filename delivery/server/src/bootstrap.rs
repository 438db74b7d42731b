//! The bootstrap of a proxy that gets everything else from a server: who it is, whom it asks and how they know each other,
//! and what Envoy reads but once. Pure.

mod cluster;
mod sink;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;

use burgee_api::resolve::Workload;
use burgee_api::{Problem, Severity};
use burgee_overlay::{
    Delivery, EnvoyVersion, Identity, Module, NodeFacts, Options, Overlaid, Value, histogram_settings, node,
    overlay, reserving,
};

use crate::codes;
use crate::node::CLASS_KEY;
use crate::subscription::Flavour;

/// The cluster that leads to the server.
pub const CLUSTER: &str = "burgee_xds";
/// The port of the admin page where nothing else is asked for; Istio's.
pub const ADMIN_PORT: u16 = 15000;
/// The least Envoy whose sink can leave counters out: what was tried, since an older one refuses a bootstrap that asks for
/// it.
pub const LEAST_FOR_COUNTERS: EnvoyVersion = EnvoyVersion { major: 1, minor: 40 };

/// How often counters are sent, and distributions computed; Envoy's default. A trap is known a few seconds after it.
const FLUSH_INTERVAL: &str = "5s";
/// How long a proxy waits for its first clusters and listeners: for ever, as Istio's do. One that went on without them would
/// say that it is ready, and serve nothing.
const FIRST_FETCH: &str = "0s";

/// What to write a bootstrap of.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Whose proxy it is. Of proxies of one workload each needs a pod of its own, since that is what a server knows them
    /// apart by.
    pub workload: Workload,
    /// By which name traces and access logs call its service; see [`burgee_api::resolve::PolicySet::service_cluster`].
    pub service_cluster: String,
    /// The proxy's IP address.
    pub address: IpAddr,
    /// The class of a folder's base that it gets; absent: the server decides.
    pub class: Option<String>,
    /// The server.
    pub server: Server,
    /// In which way it is told of changes.
    pub flavour: Flavour,
    /// The port of its admin page, on loopback.
    pub admin_port: u16,
    /// The labels of metrics that it must be ready for beside the standard ones; see
    /// [`burgee_overlay::labels_to_reserve`].
    pub labels: BTreeSet<String>,
    /// The modules of its plugins, as far as they are known: their metrics may have buckets.
    pub modules: Vec<Module>,
    /// The Envoy that reads it. Below [`LEAST_FOR_COUNTERS`] it sends the server no counters, and traps stay unknown.
    pub envoy: EnvoyVersion,
}

/// The server that a proxy asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its name, which may stand for several servers, or its IP address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How they know each other; absent: they do not, and speak in plain text.
    pub tls: Option<Tls>,
}

/// TLS of a proxy with its server. Files are those of the proxy's machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Who signs the server's certificate, as PEM.
    pub authorities: PathBuf,
    /// The identity that the server must have, such as `spiffe://cluster.local/ns/burgee/sa/server`.
    pub server_identity: String,
    /// The proxy's own certificate and its key, as PEM; absent: it says nothing of itself.
    pub own: Option<(PathBuf, PathBuf)>,
}

/// A bootstrap, and what is worth knowing, such as a label that no expression can carry.
pub fn bootstrap(wanted: &Wanted) -> (Value, Vec<Problem>) {
    let ads = || {
        Value::map([
            ("ads", Value::map([])),
            ("resource_api_version", Value::string("V3")),
            ("initial_fetch_timeout", Value::string(FIRST_FETCH)),
        ])
    };
    let node = node_of(wanted);
    let node_id = node.field("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut fields = vec![
        ("node".to_owned(), node),
        ("admin".to_owned(), Value::map([("address", socket("127.0.0.1", wanted.admin_port))])),
        ("stats_flush_interval".to_owned(), Value::string(FLUSH_INTERVAL)),
        ("stats_config".to_owned(), stats_config(wanted)),
    ];
    if wanted.envoy >= LEAST_FOR_COUNTERS {
        fields.push(("stats_sinks".to_owned(), Value::List(vec![sink::sink(&node_id)].into())));
    }
    let resources =
        [("ads_config", ads_config(wanted.flavour)), ("cds_config", ads()), ("lds_config", ads())];
    fields.push(("dynamic_resources".to_owned(), Value::map(resources)));
    let clusters = Value::List(vec![cluster::cluster(&wanted.server)].into());
    fields.push(("static_resources".to_owned(), Value::map([("clusters", clusters)])));
    // The labels of metrics are laid over it as over anybody's.
    let module = Module { path: String::new(), sha256: String::new(), metrics: Vec::new() };
    let options = Options::new(module, Delivery::Aggregated, Identity::Node);
    let policy = reserving(&wanted.workload, &wanted.labels);
    let Overlaid { value, mut problems, .. } = overlay(&Value::Map(fields.into()), &policy, &options);
    problems.extend(plain(&wanted.server));
    problems.extend(without_counters(wanted.envoy));
    (value, problems)
}

/// A server that is not on the proxy's machine and that everybody can claim to be.
fn plain(server: &Server) -> Option<Problem> {
    let is_here = server.host == "localhost"
        || server.host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let message = format!("the proxy and {}:{} speak in plain text", server.host, server.port);
    let help = "give --tls-ca and --server-identity, and --tls-cert with --tls-key for the proxy's own";
    let problem = Problem::new(Severity::Warning, codes::PLAIN_SERVER, message).help(help);
    (server.tls.is_none() && !is_here).then_some(problem)
}

/// An Envoy that cannot choose which counters it sends.
fn without_counters(envoy: EnvoyVersion) -> Option<Problem> {
    let message = format!("Envoy {envoy} sends no counters, so its server does not know when a plugin traps");
    let help = format!("Envoy {LEAST_FOR_COUNTERS} does");
    let problem = Problem::new(Severity::Note, codes::NO_COUNTERS, message).help(help);
    (envoy < LEAST_FOR_COUNTERS).then_some(problem)
}

fn node_of(wanted: &Wanted) -> Value {
    let address = wanted.address.to_string();
    let class = wanted.class.iter().map(|class| (CLASS_KEY, class.clone()));
    node(
        &wanted.workload,
        &NodeFacts {
            service_cluster: &wanted.service_cluster,
            address: &address,
            owner: None,
            more: class.collect(),
        },
    )
}

/// Both lists are there, so that nothing needs to be noted of what an overlay makes.
fn stats_config(wanted: &Wanted) -> Value {
    let mut declared = Vec::new();
    for metric in wanted.modules.iter().flat_map(|module| &module.metrics) {
        if !declared.contains(metric) {
            declared.push(metric.clone());
        }
    }
    let mut fields = vec![("stats_tags".to_owned(), Value::List(Vec::new().into()))];
    let buckets = histogram_settings(&declared);
    fields.extend(buckets.map(|buckets| ("histogram_bucket_settings".to_owned(), buckets)));
    Value::Map(fields.into())
}

/// The stream that everything comes over.
fn ads_config(flavour: Flavour) -> Value {
    let api_type = match flavour {
        Flavour::Incremental => "DELTA_GRPC",
        Flavour::StateOfTheWorld => "GRPC",
    };
    Value::map([
        ("api_type", Value::string(api_type)),
        ("transport_api_version", Value::string("V3")),
        ("grpc_services", Value::List(vec![grpc_service()].into())),
        // A node is some kilobytes, and does not change.
        ("set_node_on_first_message_only", Value::Bool(true)),
    ])
}

fn grpc_service() -> Value {
    Value::map([("envoy_grpc", Value::map([("cluster_name", Value::string(CLUSTER))]))])
}

fn socket(host: &str, port: u16) -> Value {
    let address = Value::map([("address", Value::string(host)), ("port_value", Value::Int(i64::from(port)))]);
    Value::map([("socket_address", address)])
}

#[cfg(test)]
mod tests;

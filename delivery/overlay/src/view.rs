//! What the plan sees of a base: its listeners and the HTTP connection managers in them, each with its path.
//!
//! A view is taken of a tree. The tree is the whole base for a text; for bytes it is a sketch with only the fields
//! that a plan asks for (see [`crate::wire`]).

use std::collections::BTreeMap;

use burgee_api::resolve::ListenerClass;

use crate::edit::{Path, Step};
use crate::value::Value;

pub(crate) const BOOTSTRAP: &str = "envoy.config.bootstrap.v3.Bootstrap";
pub(crate) const CLUSTER: &str = "envoy.config.cluster.v3.Cluster";
pub(crate) const LISTENER: &str = "envoy.config.listener.v3.Listener";
pub(crate) const RESPONSE: &str = "envoy.service.discovery.v3.DiscoveryResponse";
pub(crate) const RESOURCE: &str = "envoy.service.discovery.v3.Resource";
pub(crate) const MANAGER: &str =
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
pub(crate) const ROUTER: &str = "envoy.extensions.filters.http.router.v3.Router";
pub(crate) const WASM: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";
pub(crate) const TCP_PROXY: &str = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";
pub(crate) const GRPC_STATS: &str = "envoy.extensions.filters.http.grpc_stats.v3.FilterConfig";
pub(crate) const NETWORK_WASM: &str = "envoy.extensions.filters.network.wasm.v3.Wasm";
pub(crate) const RBAC: &str = "envoy.extensions.filters.http.rbac.v3.RBAC";
pub(crate) const NETWORK_RBAC: &str = "envoy.extensions.filters.network.rbac.v3.RBAC";
pub(crate) const LUA: &str = "envoy.extensions.filters.http.lua.v3.Lua";
/// Messages that say their own type and hold another one as a struct.
pub(crate) const TYPED_STRUCTS: [&str; 2] = ["xds.type.v3.TypedStruct", "udpa.type.v1.TypedStruct"];
/// What Envoy Mobile puts around a manager, for API listeners alone.
const MOBILE_MANAGER: &str =
    "envoy.extensions.filters.network.http_connection_manager.v3.EnvoyMobileHttpConnectionManager";

const HTTP_FILTERS: &str = "http_filters";

/// Istio's name of the listener that takes all connections of an app.
const CAPTURING: &str = "virtualOutbound";

/// What a base is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Bootstrap,
    Response,
    Listener,
    /// Anything else: passes through.
    Other,
}

/// Fields that only a bootstrap has.
const BOOTSTRAP_FIELDS: [&str; 16] = [
    "static_resources",
    "dynamic_resources",
    "node",
    "admin",
    "stats_config",
    "stats_sinks",
    "stats_flush_interval",
    "cluster_manager",
    "layered_runtime",
    "overload_manager",
    "bootstrap_extensions",
    "watchdogs",
    "default_socket_interface",
    "hds_config",
    "flags_path",
    "fatal_actions",
];

impl Shape {
    /// The shape of the message of that full name.
    pub fn of_message(name: &str) -> Shape {
        match name {
            BOOTSTRAP => Shape::Bootstrap,
            RESPONSE => Shape::Response,
            LISTENER => Shape::Listener,
            _ => Shape::Other,
        }
    }

    /// The shape of a text, which does not say its type unless it is an `Any`.
    pub fn of_text(value: &Value) -> Shape {
        if let Some(name) = value.any_type() {
            return Shape::of_message(name);
        }
        let has = |name: &str| value.field(name).is_some();
        if BOOTSTRAP_FIELDS.into_iter().any(has) {
            Shape::Bootstrap
        } else if has("resources") || has("type_url") {
            Shape::Response
        } else if has("filter_chains") || has("default_filter_chain") {
            Shape::Listener
        } else {
            Shape::Other
        }
    }
}

/// A listener of a base.
pub(crate) struct Listener<'a> {
    pub name: &'a str,
    pub path: Path,
    direction: Option<ListenerClass>,
    /// The port of its address.
    port: Option<u16>,
    /// The listener itself, which has access logs of its own.
    pub own: Part<'a>,
    /// Its HTTP connection managers.
    pub managers: Vec<Part<'a>>,
    /// Every filter of its filter chains.
    pub network_filters: Vec<(Path, &'a Value)>,
    /// Its TCP proxies, but for that of a chain which keeps the proxy from calling itself.
    pub tcp_proxies: Vec<Part<'a>>,
    /// Whether it takes connections to anywhere, and sends them on by where they went.
    pub captures: bool,
    /// The paths of HTTP connection managers that are there in a form that cannot be changed.
    pub sealed: Vec<Path>,
}

impl Listener<'_> {
    /// The class that the listener's traffic direction gives it.
    pub fn class(&self) -> ListenerClass {
        self.direction.unwrap_or(ListenerClass::Gateway)
    }

    /// Whether it has any filter at all: one without is no place for traffic.
    pub fn has_filters(&self) -> bool {
        !self.network_filters.is_empty()
    }

    /// The port that a part's traffic is for: what its chain says, then what is known of the listener by name, then
    /// the port of the listener's address.
    pub fn port_of(&self, part: &Part<'_>, known: &BTreeMap<String, u16>) -> Option<u16> {
        part.chain_port.or_else(|| known.get(self.name).copied()).or(self.port)
    }
}

/// A part of a base that lists of ours go into: a listener, an HTTP connection manager, a TCP proxy.
pub(crate) struct Part<'a> {
    pub path: Path,
    pub config: &'a Value,
    /// The port that connections to its filter chain are for, where the chain says it.
    chain_port: Option<u16>,
    /// Whether its filter chain has a transport of its own, so that callers may have certificates.
    pub has_transport: bool,
}

impl<'a> Part<'a> {
    /// The elements of one of its lists.
    pub fn list(&self, name: &str) -> &'a [Value] {
        self.config.field(name).map_or(&[], Value::items)
    }

    /// The list that has this network filter as an element, and its index there.
    pub fn place_in_chain(&self) -> Option<(Path, usize)> {
        match self.path.0.as_slice() {
            [list @ .., Step::Index(index), Step::Field(_)] => Some((Path(list.to_vec()), *index)),
            _ => None,
        }
    }

    /// The same network filter behind so many others that come before it.
    pub fn behind(&self, others: usize) -> Part<'a> {
        let path = match self.place_in_chain() {
            Some((list, index)) => list.index(index + others).field("typed_config"),
            None => self.path.clone(),
        };
        Part { path, ..*self }
    }

    /// The HTTP filters of a manager.
    pub fn http_filters(&self) -> &'a [Value] {
        self.list(HTTP_FILTERS)
    }

    /// The path of that list.
    pub fn filters_path(&self) -> Path {
        self.path.field(HTTP_FILTERS)
    }
}

/// Every listener of a base, in order.
pub(crate) fn listeners(base: &Value, shape: Shape) -> Vec<Listener<'_>> {
    match shape {
        Shape::Listener => vec![listener(base, Path::default())],
        Shape::Other => Vec::new(),
        Shape::Bootstrap => {
            let path = Path::default().field("static_resources").field("listeners");
            let listeners = base.at(&["static_resources", "listeners"]).map_or(&[][..], Value::items);
            listeners.iter().enumerate().map(|(i, value)| listener(value, path.index(i))).collect()
        }
        Shape::Response => resources(base, LISTENER).map(|found| listener(found.value, found.path)).collect(),
    }
}

/// A resource of a response.
struct Resource<'b> {
    /// Where it stands in the list.
    element: Path,
    /// Where its value is: there, or in the `Resource` around it.
    path: Path,
    value: &'b Value,
}

/// The resources of one type in a response.
fn resources<'b>(response: &'b Value, wanted: &'static str) -> impl Iterator<Item = Resource<'b>> {
    let list = Path::default().field("resources");
    let all = response.field("resources").map_or(&[][..], Value::items);
    let found = all.iter().enumerate().filter_map(move |(i, value)| {
        let element = list.index(i);
        Some(match value.any_type()? {
            RESOURCE => {
                Resource { path: element.field("resource"), element, value: value.field("resource")? }
            }
            _ => Resource { path: element.clone(), element, value },
        })
    });
    found.filter(move |resource| resource.value.any_type() == Some(wanted))
}

fn listener(value: &Value, path: Path) -> Listener<'_> {
    let direction = match value.field("traffic_direction") {
        Some(Value::String(name)) if name == "INBOUND" => Some(ListenerClass::Inbound),
        Some(Value::String(name)) if name == "OUTBOUND" => Some(ListenerClass::Outbound),
        Some(Value::Int(1)) => Some(ListenerClass::Inbound),
        Some(Value::Int(2)) => Some(ListenerClass::Outbound),
        _ => None,
    };
    let chains_path = path.field("filter_chains");
    let chains = value.field("filter_chains").map_or(&[][..], Value::items);
    let default_path = path.field("default_filter_chain");
    let default = value.field("default_filter_chain");
    let chains: Vec<(Path, &Value)> = chains
        .iter()
        .enumerate()
        .map(|(i, chain)| (chains_path.index(i), chain))
        .chain(default.map(|chain| (default_path, chain)))
        .collect();
    let own_port = value.at(&["address", "socket_address", "port_value"]).and_then(port);
    let mut managers = Vec::new();
    let mut network_filters = Vec::new();
    let mut tcp_proxies = Vec::new();
    let mut sealed = Vec::new();
    for (chain_path, chain) in chains {
        let filters_path = chain_path.field("filters");
        let chain_port = chain.at(&["filter_chain_match", "destination_port"]).and_then(port);
        let has_transport = chain.field("transport_socket").is_some();
        for (i, filter) in chain.field("filters").map_or(&[][..], Value::items).iter().enumerate() {
            network_filters.push((filters_path.index(i), filter));
            let Some(config) = filter.field("typed_config") else {
                continue;
            };
            let path = filters_path.index(i).field("typed_config");
            if is_sealed(config) {
                sealed.push(path);
            } else if config.any_type() == Some(MANAGER) {
                managers.push(Part { path, config, chain_port, has_transport });
            } else if config.any_type() == Some(TCP_PROXY)
                && has_fields(config)
                && !(chain_port.is_some() && chain_port == own_port && is_black_hole(config))
            {
                tcp_proxies.push(Part { path, config, chain_port, has_transport });
            }
        }
    }
    let api = value.at(&["api_listener", "api_listener"]);
    if api.and_then(Value::any_type).is_some_and(|name| [MANAGER, MOBILE_MANAGER].contains(&name)) {
        sealed.push(path.field("api_listener").field("api_listener"));
    }
    let name = value.field("name").and_then(Value::as_str).unwrap_or_default();
    let captures = name == CAPTURING || value.field("use_original_dst") == Some(&Value::Bool(true));
    let own = Part { path: path.clone(), config: value, chain_port: None, has_transport: true };
    Listener {
        name,
        path,
        direction,
        port: own_port,
        own,
        managers,
        network_filters,
        tcp_proxies,
        captures,
        sealed,
    }
}

/// Whether a TCP proxy leads to the cluster without endpoints in which Istio ends connections.
fn is_black_hole(config: &Value) -> bool {
    config.field("cluster").and_then(Value::as_str) == Some("BlackHoleCluster")
}

/// Whether an `Any` has anything in it. Envoy refuses a TCP proxy that has not, and bytes have no place in it.
fn has_fields(any: &Value) -> bool {
    matches!(any, Value::Map(fields) if fields.iter().any(|(key, value)| key != "@type" && !value.is_null()))
}

fn port(value: &Value) -> Option<u16> {
    match value {
        Value::Int(port) => u16::try_from(*port).ok(),
        Value::String(port) => port.parse().ok(),
        _ => None,
    }
}

/// Whether a network filter's configuration is an HTTP connection manager written as a struct.
fn is_sealed(config: &Value) -> bool {
    let url = config.field("type_url").and_then(Value::as_str).unwrap_or_default();
    config.any_type().is_some_and(|name| TYPED_STRUCTS.contains(&name))
        && url.rsplit('/').next() == Some(MANAGER)
}

/// Whether a bootstrap has its proxy ask others for listeners.
pub(crate) fn asks_for_listeners(bootstrap: &Value) -> bool {
    ["lds_config", "lds_resources_locator", "ads_config"]
        .into_iter()
        .any(|name| bootstrap.at(&["dynamic_resources", name]).is_some())
}

/// Whether a bootstrap has its proxy ask others for clusters.
pub(crate) fn asks_for_clusters(bootstrap: &Value) -> bool {
    ["cds_config", "cds_resources_locator"]
        .into_iter()
        .any(|name| bootstrap.at(&["dynamic_resources", name]).is_some())
}

/// A cluster of a base.
pub(crate) struct Cluster<'a> {
    /// The path of what its list has of it.
    pub path: Path,
    pub config: &'a Value,
}

/// Every cluster of a base, in order.
pub(crate) fn clusters(base: &Value, shape: Shape) -> Vec<Cluster<'_>> {
    match shape {
        Shape::Listener | Shape::Other => Vec::new(),
        Shape::Bootstrap => {
            let path = Path::default().field("static_resources").field("clusters");
            let clusters = base.at(&["static_resources", "clusters"]).map_or(&[][..], Value::items);
            let clusters = clusters.iter().enumerate();
            clusters.map(|(i, config)| Cluster { path: path.index(i), config }).collect()
        }
        Shape::Response => resources(base, CLUSTER)
            .map(|found| Cluster { path: found.element, config: found.value })
            .collect(),
    }
}

/// Whether a response is one of clusters.
pub(crate) fn serves_clusters(response: &Value) -> bool {
    let url = response.field("type_url").and_then(Value::as_str).unwrap_or_default();
    url.rsplit('/').next() == Some(CLUSTER) || !clusters(response, Shape::Response).is_empty()
}

/// Whether a filter is of one of these types, or has one of these names where its type is not there.
pub(crate) fn is_one_of(filter: &Value, names: &[&str]) -> bool {
    let of_type = filter.field("typed_config").and_then(Value::any_type);
    names.contains(&of_type.unwrap_or_else(|| name(filter)))
}

/// The name of an HTTP filter, an access log, a tracer or a cluster.
pub(crate) fn name(extension: &Value) -> &str {
    extension.field("name").and_then(Value::as_str).unwrap_or_default()
}

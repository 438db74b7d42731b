//! What policies are laid over: the configuration of a sidecar and of a gateway as Istio sets them up, in size too.

use std::fmt::Write as _;

use burgee_api::document::Source;
use burgee_api::resolve::WorkloadKind;
use burgee_overlay::Value;

/// The ports at which a sidecar is called.
const INBOUND: [u16; 3] = [8080, 8081, 9090];
/// At how many ports a sidecar calls services of HTTP, and of TCP.
const OUTBOUND: (u16, u16) = (16, 8);
/// How many clusters each has.
const CLUSTERS: u16 = 60;

const TYPE: &str = "type.googleapis.com/envoy.extensions.filters";

/// The bases of both kinds of proxies.
pub(crate) struct Bases {
    sidecar: Value,
    gateway: Value,
}

impl Bases {
    pub fn new() -> Bases {
        Bases { sidecar: read(&sidecar()), gateway: read(&gateway()) }
    }

    /// The one for a kind.
    pub fn of(&self, kind: WorkloadKind) -> &Value {
        match kind {
            WorkloadKind::Sidecar => &self.sidecar,
            WorkloadKind::Gateway => &self.gateway,
        }
    }
}

fn read(text: &str) -> Value {
    let source = Source::new("base.yaml", text);
    Value::from_yaml(&source).unwrap_or_else(|problems| panic!("the base cannot be read: {problems:#?}"))
}

fn sidecar() -> String {
    let mut text = bootstrap("sidecar");
    let (http, tcp) = OUTBOUND;
    for port in 7000..7000 + http {
        let _ = write!(text, "{}{}", listener(port, "OUTBOUND"), chain(None, &manager(port)));
    }
    for port in 7100..7100 + tcp {
        let _ = write!(text, "{}{}", listener(port, "OUTBOUND"), chain(None, &proxy(port)));
    }
    text += &listener(15006, "INBOUND");
    for port in INBOUND {
        text += &chain(Some(port), &manager(port));
    }
    text += &chain(None, &proxy(15006));
    text + &clusters()
}

fn gateway() -> String {
    let ports = [8080, 8443].map(|port| listener(port, "UNSPECIFIED") + &chain(None, &manager(port)));
    bootstrap("router") + &ports.concat() + &clusters()
}

fn bootstrap(role: &str) -> String {
    format!(
        "node: {{id: {role}~10.0.0.1~a.b~b.svc.cluster.local, cluster: a.b}}\nstatic_resources:\n  listeners:\n"
    )
}

fn listener(port: u16, direction: &str) -> String {
    format!(
        "  - name: 0.0.0.0_{port}\n    traffic_direction: {direction}\n    address: {{socket_address: {{address: 0.0.0.0, \
         port_value: {port}}}}}\n    filter_chains:\n"
    )
}

fn chain(port: Option<u16>, filters: &str) -> String {
    let matches = port.map_or("{}".to_owned(), |port| format!("{{destination_port: {port}}}"));
    format!("    - filter_chain_match: {matches}\n      filters:\n{filters}")
}

fn manager(port: u16) -> String {
    let routes: String = (0..4)
        .map(|number| {
            format!(
                "            - {{name: host-{number}, domains: [host-{number}.example], routes: [{{match: {{prefix: /}}, \
                 route: {{cluster: cluster-{number}, timeout: 0s}}}}]}}\n"
            )
        })
        .collect();
    let filters: String = [("cors", "Cors"), ("fault", "HTTPFault"), ("router", "Router")]
        .map(|(name, message)| {
            format!(
                "          - {{name: envoy.filters.http.{name}, typed_config: {{'@type': \
                 {TYPE}.http.{name}.v3.{message}}}}}\n"
            )
        })
        .concat();
    format!(
        "      - name: envoy.filters.network.http_connection_manager\n        typed_config:\n          '@type': \
         {TYPE}.network.http_connection_manager.v3.HttpConnectionManager\n          stat_prefix: at_{port}\n          \
         route_config:\n            virtual_hosts:\n{routes}          http_filters:\n{filters}"
    )
}

fn proxy(port: u16) -> String {
    format!(
        "      - name: envoy.filters.network.tcp_proxy\n        typed_config: {{'@type': \
         {TYPE}.network.tcp_proxy.v3.TcpProxy, stat_prefix: at_{port}, cluster: cluster-0}}\n"
    )
}

fn clusters() -> String {
    let cluster = |number| {
        format!(
            "  - {{name: cluster-{number}, type: STATIC, connect_timeout: 10s, load_assignment: {{cluster_name: \
             cluster-{number}, endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: 10.0.0.1, \
             port_value: 80}}}}}}}}]}}]}}}}\n"
        )
    };
    "  clusters:\n".to_owned() + &(0..CLUSTERS).map(cluster).collect::<String>()
}

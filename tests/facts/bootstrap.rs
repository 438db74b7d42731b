//! The configuration of an Envoy that plays every scenario: a listener for each, and what they lead to.

use std::path::Path;

use serde_json::{Value, json};

use crate::scenarios::{Plugin, Scenario};
use crate::servers::free_port;

/// Where everything else is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) web: u16,
    pub(crate) echo: u16,
    pub(crate) grpc: u16,
    /// Nothing listens here.
    pub(crate) closed: u16,
    /// Where TLS towards `web` and `echo` ends.
    pub(crate) tls_web: u16,
    pub(crate) tls_echo: u16,
}

/// The whole configuration. Each scenario has a port that its traffic goes to, and one that TLS is ended at.
pub(crate) fn bootstrap(module: &Path, ports: Ports, scenarios: &[(&str, &Scenario)]) -> Value {
    let mut listeners = vec![
        tunnel("tls-web", ports.tls_web, Tls::Ended, "web"),
        tunnel("tls-echo", ports.tls_echo, Tls::Ended, "echo"),
    ];
    let mut clusters = vec![
        cluster("web", ports.web, Tls::None),
        cluster("web-tls", ports.tls_web, Tls::Begun),
        cluster("echo", ports.echo, Tls::None),
        cluster("echo-tls", ports.tls_echo, Tls::Begun),
        cluster("callout", ports.web, Tls::None),
        cluster("refused", ports.closed, Tls::None),
        grpc_cluster(ports.grpc),
    ];
    for (name, scenario) in scenarios {
        let entrance = entrance(name, scenario);
        let mut port = 0;
        if scenario.tls {
            port = free_port();
            clusters.push(cluster(&entrance, port, Tls::Begun));
            listeners.push(tunnel(&entrance, 0, Tls::None, &entrance));
        }
        listeners.push(listener(name, scenario, module, port));
    }
    json!({
        "node": {
            "id": "probe-node", "cluster": "probe-cluster",
            "locality": {"region": "region", "zone": "zone"},
            "metadata": {
                "NAME": "probe", "NUMBER": 1.5, "FLAG": true, "LIST": ["a", "b"],
                "LABELS": {"service.istio.io/canonical-name": "canonical"},
            },
        },
        "admin": {"address": address(0)},
        "static_resources": {"listeners": listeners, "clusters": clusters},
    })
}

/// The listener that a scenario's traffic goes to: its own, or one that makes TLS of it first.
pub(crate) fn entrance(name: &str, scenario: &Scenario) -> String {
    if scenario.tls { format!("{name}-front") } else { name.to_owned() }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tls {
    None,
    Begun,
    Ended,
}

fn address(port: u16) -> Value {
    json!({"socket_address": {"address": "127.0.0.1", "port_value": port}})
}

fn metadata(text: &str) -> Value {
    json!({"filter_metadata": {"probe": {"text": text}}})
}

fn certificate(who: &str, trusted: &str) -> Value {
    let file = |name: String| json!({"filename": burgee_tests::workspace().join("tests/facts/certificates").join(name)});
    json!({
        "tls_certificates": [{
            "certificate_chain": file(format!("{who}.pem")), "private_key": file(format!("{who}.key")),
        }],
        "validation_context": {"trusted_ca": file(format!("{trusted}.pem"))},
    })
}

fn transport(tls: Tls) -> Option<Value> {
    let socket = |kind: &str, more: Value| {
        let mut context = more;
        context["@type"] =
            json!(format!("type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.{kind}"));
        json!({"name": "envoy.transport_sockets.tls", "typed_config": context})
    };
    match tls {
        Tls::None => None,
        Tls::Begun => Some(socket(
            "UpstreamTlsContext",
            json!({"common_tls_context": certificate("client", "server"), "sni": "sni.probe.example"}),
        )),
        Tls::Ended => Some(socket(
            "DownstreamTlsContext",
            json!({
                "common_tls_context": certificate("server", "client"),
                "require_client_certificate": true,
            }),
        )),
    }
}

fn cluster(name: &str, port: u16, tls: Tls) -> Value {
    let mut cluster = json!({
        "name": name, "type": "STATIC", "connect_timeout": "5s",
        "metadata": metadata("cluster"),
        "typed_extension_protocol_options": http_options("http_protocol_options", json!({"enable_trailers": true})),
        "load_assignment": {"cluster_name": name, "endpoints": [{
            "locality": {"region": "region", "zone": "zone"},
            "metadata": metadata("locality"),
            "lb_endpoints": [{"endpoint": {"address": address(port)}, "metadata": metadata("endpoint")}],
        }]},
    });
    if let Some(socket) = transport(tls) {
        cluster["transport_socket"] = socket;
    }
    cluster
}

fn grpc_cluster(port: u16) -> Value {
    let mut cluster = cluster("grpc", port, Tls::None);
    cluster["typed_extension_protocol_options"] = http_options("http2_protocol_options", json!({}));
    cluster
}

fn http_options(protocol: &str, options: Value) -> Value {
    json!({"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        // What a broken request leaves in a connection is not the next one's.
        "common_http_protocol_options": {"max_requests_per_connection": 1},
        "explicit_http_config": {protocol: options},
    }})
}

/// A listener that passes on bytes.
fn tunnel(name: &str, port: u16, tls: Tls, cluster: &str) -> Value {
    let filter = tcp_proxy(cluster, None);
    let mut chain = json!({"filters": [filter]});
    if let Some(socket) = transport(tls) {
        chain["transport_socket"] = socket;
    }
    json!({"name": name, "address": address(port), "filter_chains": [chain]})
}

fn tcp_proxy(cluster: &str, log: Option<Value>) -> Value {
    let mut proxy = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
        "stat_prefix": "tcp", "cluster": cluster,
    });
    if let Some(log) = log {
        proxy["access_log"] = json!([log]);
    }
    json!({"name": "envoy.filters.network.tcp_proxy", "typed_config": proxy})
}

/// The listener of a scenario.
fn listener(name: &str, scenario: &Scenario, module: &Path, port: u16) -> Value {
    let probe = |kind: &str, vendor: &str| {
        json!({"name": kind, "typed_config": {
            "@type": format!("type.googleapis.com/envoy.extensions.{vendor}"),
            "config": plugin(name, scenario, module),
        }})
    };
    let cluster = |name: &str| if scenario.tls { format!("{name}-tls") } else { name.to_owned() };
    let filters = match scenario.plugin {
        Plugin::Http => {
            let filter = probe("envoy.filters.http.wasm", "filters.http.wasm.v3.Wasm");
            json!([manager(&cluster("web"), Some(filter), None)])
        }
        Plugin::HttpLog => {
            let log = probe("envoy.access_loggers.wasm", "access_loggers.wasm.v3.WasmAccessLog");
            json!([manager(&cluster("web"), None, Some(log))])
        }
        Plugin::Network => {
            let filter = probe("envoy.filters.network.wasm", "filters.network.wasm.v3.Wasm");
            json!([filter, tcp_proxy(&cluster("echo"), None)])
        }
        Plugin::TcpLog => {
            let log = probe("envoy.access_loggers.wasm", "access_loggers.wasm.v3.WasmAccessLog");
            json!([tcp_proxy(&cluster("echo"), Some(log))])
        }
    };
    let mut chain = json!({"name": "probe-chain", "filters": filters});
    if let Some(socket) = transport(if scenario.tls { Tls::Ended } else { Tls::None }) {
        chain["transport_socket"] = socket;
    }
    let mut listener = json!({
        "name": name, "address": address(port), "traffic_direction": "INBOUND",
        "metadata": metadata("listener"),
        "filter_chains": [chain],
    });
    if scenario.tls {
        // Finds the name of the server that the client asks for; without TLS it would wait for more bytes.
        listener["listener_filters"] = json!([{"name": "tls", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
        }}]);
    }
    listener
}

fn plugin(name: &str, scenario: &Scenario, module: &Path) -> Value {
    let text =
        |text: &str| json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": text});
    json!({
        "name": "probe-plugin", "root_id": "probe-root",
        "configuration": text("the plugin's configuration"),
        "vm_config": {
            "vm_id": name, "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": module}},
            "configuration": text(&scenario.script()),
        },
    })
}

/// A connection manager with a route, and what other filters leave for the probe to find.
fn manager(cluster: &str, filter: Option<Value>, log: Option<Value>) -> Value {
    let left = [
        json!({"name": "metadata", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.set_metadata.v3.Config",
            "metadata": [{"metadata_namespace": "probe", "value": {"text": "dynamic"}}],
        }}),
        json!({"name": "state", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.set_filter_state.v3.Config",
            "on_request_headers": [{
                "object_key": "probe.text", "factory_key": "envoy.string",
                "format_string": {"text_format_source": {"inline_string": "state"}},
            }],
        }}),
    ];
    let router = json!({"name": "router", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
        // What it takes differs from run to run, and so would the size of headers that say it.
        "suppress_envoy_headers": true,
    }});
    let filters: Vec<Value> = left.into_iter().chain(filter).chain([router]).collect();
    json!({"name": "envoy.filters.network.http_connection_manager", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "http",
        "http_protocol_options": {"enable_trailers": true},
        "preserve_external_request_id": true,
        // Connections whose request is not read to its end are closed at once.
        "delayed_close_timeout": "0s",
        "route_config": {"name": "routes", "virtual_hosts": [{
            "name": "probe-host", "domains": ["*"], "metadata": metadata("host"),
            "routes": [{
                "name": "probe-route", "match": {"prefix": "/there"}, "metadata": metadata("route"),
                "route": {"cluster": cluster},
            }],
        }]},
        "http_filters": filters,
        "access_log": log.into_iter().collect::<Vec<_>>(),
    }})
}

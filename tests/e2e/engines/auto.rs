//! What the engine `auto` leaves to Envoy has the same series as the filter's.

use super::{Laid, break_off, series};
use crate::support::http::{self, Server};

/// A whole configuration in which nothing but requests has a part in labels: a server's listener and an edge's.
fn silent_base(upstream: u16) -> String {
    let listener = |name: &str, direction: &str| {
        format!(
            r#"  - name: {name}
    {direction}
    address: {{socket_address: {{address: 127.0.0.1, port_value: 0}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: {name}
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - {{match: {{prefix: /direct}}, direct_response: {{status: 418}}}}
              - {{match: {{prefix: /dead}}, route: {{cluster: dead}}}}
              - {{match: {{prefix: /app}}, route: {{cluster: app}}}}
          http_filters:
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
"#
        )
    };
    let cluster = |name: &str, port: u16| {
        format!(
            "  - {{name: {name}, type: STATIC, load_assignment: {{cluster_name: {name}, endpoints: [{{lb_endpoints: \
             [{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}}}}}]}}]}}}}\n"
        )
    };
    format!(
        "admin:\n  address: {{socket_address: {{address: 127.0.0.1, port_value: 0}}}}\nstats_flush_interval: 0.2s\n\
         static_resources:\n  listeners:\n{}{}  clusters:\n{}{}",
        listener("INBOUND", "traffic_direction: INBOUND"),
        listener("EDGE", "traffic_direction: UNSPECIFIED"),
        cluster("app", upstream),
        cluster("dead", 1),
    )
}

/// Metrics without the exchange of peers, with all that a document can change and Envoy can say without an expression.
const ALONE: &str = "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system, annotations: {burgee.dev/peer-metadata: 'off'}}
spec:
  metrics:
  - providers: [{name: prometheus}]
    overrides:
    - match: {metric: REQUEST_COUNT}
      tagOverrides: {source_app: {operation: REMOVE}, team: {value: \"'shop'\"}}
    - {match: {metric: RESPONSE_SIZE}, disabled: true}
    - {match: {metric: GRPC_REQUEST_MESSAGES}, disabled: true}
    - {match: {metric: GRPC_RESPONSE_MESSAGES}, disabled: true}
";

#[test]
fn without_peers_auto_has_envoy_make_the_same_series() {
    let server = Server::start();
    let base = silent_base(server.port());
    let made = |arguments: &[&str]| {
        let laid = Laid::over(&base, ALONE, arguments);
        let mut sent = 0.0;
        for listener in ["INBOUND", "EDGE"] {
            let listener = laid.proxy.listener(listener);
            for (path, headers) in [
                ("/app", ""),
                ("/app?x=y", "content-type: application/json\r\n"),
                ("/app", "content-type: application/grpc\r\nte: trailers\r\n"),
                ("/app", "content-type: application/grpc+proto\r\n"),
                ("/app", "content-type: application/grpc-web\r\n"),
                ("/direct", ""),
                ("/dead", "content-type: application/grpc\r\n"),
                ("/dead", ""),
                ("/nowhere", "x-envoy-peer-metadata: aaaa\r\n"),
            ] {
                let mut connection = http::Connection::open(&listener, "a.example").expect("a connection");
                connection.get_with(path, headers.as_bytes()).expect("an answer");
                sent += 1.0;
            }
            break_off(&listener, b"GET / HTTP/1.1\r\nHo st: x\r\n\r\n");
            sent += 1.0;
        }
        let is_native = laid.said.contains("BG0641");
        (is_native, series(laid.counted(sent)))
    };
    let (is_native, by_envoy) = made(&["--envoy", "1.40.0"]);
    assert!(is_native);
    let (is_native, by_filter) = made(&["--metrics-engine", "wasm"]);
    assert!(!is_native);
    assert_eq!(by_envoy, by_filter);
    let has = |text: &str| by_envoy.keys().any(|(_, labels)| labels.contains(text));
    assert!(has("\"request_protocol\": \"grpc\"") && has("\"reporter\": \"source\""), "{by_envoy:#?}");
    assert!(has("\"team\": \"shop\"") && has("\"response_flags\": \"UF\""), "{by_envoy:#?}");
    // Of an Envoy that is not known, and of an older one, the filter makes all of it.
    for arguments in [&[][..], &["--envoy", "1.39"]] {
        assert!(!Laid::over(&base, ALONE, arguments).said.contains("BG0641"), "{arguments:?}");
    }
}

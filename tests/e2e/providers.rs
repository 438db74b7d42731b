//! Each kind of provider delivers: a real Envoy reports to a real receiver, and what came is what was asked for.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use burgee_localnet::summary::{AccessLogSummary, LogSinkKind, SpanSummary, Summary};
use burgee_stub::protocol::{Listening, Protocol, Record};
use serde_json::{Value, json};

use crate::support::http::{self, Server};
use crate::support::program::{Held, Program};
use crate::support::proxy::Proxy;
use crate::support::{envoy, module, root, tempdir};

/// How many requests are sent: as many to each of four workloads.
const REQUESTS: usize = 12;
const GATEWAY: &str = "istio-system/gateway";

/// The lines of one logger.
fn logs<'s>(summary: &'s Summary, proxy: &str, provider: &str) -> Vec<&'s AccessLogSummary> {
    let is_it = |log: &&AccessLogSummary| log.proxy == proxy && log.provider == provider;
    summary.access_logs.iter().filter(is_it).collect()
}

#[test]
fn every_kind_of_provider_of_a_mesh_gets_what_the_documents_ask_for() {
    envoy();
    let requests = REQUESTS.to_string();
    let mesh = root().join("tests/e2e/meshes/providers");
    // Exit code 0: as many lines and spans as requests, at each proxy, in the name of each provider.
    let ended = Program::up(&mesh)
        .args(["--requests", &requests, "--path", "/a?b", "-o", "json"])
        .run()
        .expect_code(0);
    let summary: Summary = serde_json::from_value(ended.json()).expect("a summary");
    assert_eq!(summary.requests.ok as usize, REQUESTS);
    check_logs(&summary);
    check_spans(&summary);
}

fn check_logs(summary: &Summary) {
    let each = REQUESTS / 4;
    for (proxy, provider, sink, count, text) in [
        (GATEWAY, "http-als", LogSinkKind::Als, REQUESTS, "GET /a?b 200"),
        ("apps/http", "file", LogSinkKind::File, each, r#"{"code":200,"method":"GET"}"#),
        ("apps/zipkin", "tcp-als", LogSinkKind::Als, each, "0 bytes received, 23 sent"),
        ("apps/datadog", "otel-als", LogSinkKind::Otlp, each, "GET 200"),
        // The mesh's own, since nothing else is said of this one.
        ("apps/skywalking", "mesh-service", LogSinkKind::Als, each, "GET /a?b 200"),
    ] {
        let logs = logs(summary, proxy, provider);
        assert_eq!(logs.len(), count, "{proxy}");
        for log in logs {
            assert_eq!((log.sink, log.text.as_str()), (sink, text), "{proxy}");
        }
    }
    let mut gateway = logs(summary, GATEWAY, "http-als");
    gateway.retain(|log| log.fields["authority"] == "zipkin.apps.internal");
    assert_eq!(gateway.len(), each);
    let gateway = &gateway[0].fields;
    for (field, expected) in [
        ("log_name", json!("entries-of-http")),
        ("request_method", json!("GET")),
        ("path", json!("/a?b")),
        ("response_code", json!(200)),
        ("response_body_bytes", json!(23)),
        ("protocol_version", json!("HTTP/1.1")),
        ("response_headers", json!({"content-type": "text/plain; charset=utf-8"})),
    ] {
        assert_eq!(gateway[field], expected, "{field} of {gateway:?}");
    }
    let names = [
        ("apps/zipkin", "tcp-als", "tcp_envoy_accesslog"),
        ("apps/skywalking", "mesh-service", "http_envoy_accesslog"),
    ];
    for (proxy, provider, name) in names {
        assert_eq!(logs(summary, proxy, provider)[0].fields["log_name"], name);
    }
    let record = &logs(summary, "apps/datadog", "otel-als")[0].fields;
    assert_eq!(Value::Object(record.clone()), json!({"path": "/a?b"}));
}

fn check_spans(summary: &Summary) {
    let each = REQUESTS / 4;
    let gateways = summary.spans.iter().filter(|span| span.proxy == GATEWAY);
    let of_gateway: BTreeSet<&str> = gateways.map(|span| span.trace_id.as_str()).collect();
    // The gateway and SkyWalking have a second span for what is sent on.
    for (proxy, protocol, count, kind) in [
        (GATEWAY, Protocol::OtlpGrpc, 2 * REQUESTS, "server"),
        ("apps/http", Protocol::OtlpHttp, each, "server"),
        ("apps/zipkin", Protocol::Zipkin, each, "server"),
        ("apps/datadog", Protocol::Datadog, each, "unspecified"),
        ("apps/skywalking", Protocol::Skywalking, 2 * each, "server"),
    ] {
        let spans: Vec<&SpanSummary> = summary.spans.iter().filter(|span| span.proxy == proxy).collect();
        assert_eq!(spans.len(), count, "{proxy}");
        let (namespace, name) = proxy.split_once('/').expect("two names");
        let (provider, operation, code) = match name {
            "gateway" => ("otlp-grpc", None, "http.status_code"),
            "http" => ("otlp-http", Some("http.apps.internal:80/*".to_owned()), "http.status_code"),
            "skywalking" => (name, Some("/a?b".to_owned()), "status_code"),
            _ => (name, Some(format!("{name}.apps.internal:80/*")), "http.status_code"),
        };
        for span in &spans {
            assert_eq!((span.provider.as_str(), span.protocol), (provider, protocol), "{span:?}");
            assert_eq!(span.service, format!("{name}.{namespace}"), "{span:?}");
            assert!(operation.as_ref().is_none_or(|operation| span.name == *operation), "{span:?}");
            for (tag, expected) in [("tier", "front"), ("tenant", "nobody"), (code, "200")] {
                assert_eq!(span.tags.get(tag).map(String::as_str), Some(expected), "{tag} of {span:?}");
            }
            assert!(!span.is_error && span.start_ns > 0, "{span:?}");
        }
        let kinds = spans.iter().filter(|span| span.kind == kind).count();
        assert_eq!(kinds, if count == each { each } else { count / 2 }, "{proxy}");
        // SkyWalking has headers of its own, so its traces begin where it does.
        let alone = spans.iter().filter(|span| !of_gateway.contains(span.trace_id.as_str())).count();
        assert_eq!(alone, if name == "skywalking" { count } else { 0 }, "{proxy}");
    }
}

/// A receiver that prints what it gets.
struct Receiver {
    held: Held,
    /// Where it listens.
    address: String,
}

impl Receiver {
    fn start() -> Receiver {
        let mut held = Program::new(["stub", "receiver"]).hold();
        let listening: Listening =
            held.wait_for("an address", |held| serde_json::from_str(held.stdout().lines().next()?).ok());
        Receiver { held, address: listening.listening }
    }

    /// The first record that is what is looked for.
    fn first<T>(&mut self, what: impl Fn(Record) -> Option<T>) -> T {
        self.held.wait_for("a record", |held| {
            let stdout = held.stdout();
            let records = stdout.lines().skip(1).map(serde_json::from_str);
            records.filter_map(Result::ok).find_map(&what)
        })
    }
}

/// What says that connections and requests are reported to a collector at a port.
fn documents(port: &str) -> String {
    format!(
        "extensionProviders:
- {{name: tcp, envoyTcpAls: {{service: collector.obs.internal, port: 9000, logName: connections}}}}
- name: spans
  opentelemetry:
    service: collector.obs.internal
    port: 4318
    http: {{path: /v1/traces}}
    resourceDetectors: {{environment: {{}}, dynatrace: {{}}}}
    dynatraceSampler: {{tenant: abc, clusterId: 7}}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: collector, namespace: obs}}
spec:
  hosts: [collector.obs.internal]
  ports: [{{number: 9000, name: grpc, protocol: GRPC}}, {{number: 4318, name: http, protocol: HTTP}}]
  resolution: STATIC
  endpoints: [{{address: 127.0.0.1, ports: {{grpc: {port}, http: {port}}}}}]
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {{name: everything, namespace: istio-system}}
spec:
  accessLogging: [{{providers: [{{name: tcp}}]}}]
  tracing: [{{providers: [{{name: spans}}]}}]
"
    )
}

/// A proxy of TCP and of HTTP as people write it; what leads to the collector is not in it.
fn base(tcp: u16, http: u16) -> String {
    let listener = |name: &str, filter: &str| {
        format!(
            "  - name: {name}
    address: {{socket_address: {{address: 127.0.0.1, port_value: 0}}}}
    filter_chains:
    - filters:
      - name: {name}
        typed_config:
          '@type': type.googleapis.com/envoy.extensions.filters.network.{filter}
          stat_prefix: {name}
"
        )
    };
    let cluster = |name: &str, port: u16| {
        format!(
            "  - name: {name}
    type: STATIC
    load_assignment:
      cluster_name: {name}
      endpoints:
      - lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}}}}}]
"
        )
    };
    [
        "admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}
node: {id: proxy-1, cluster: web}
layered_runtime: {layers: [{name: ours, static_layer: {tracing: {opentelemetry: {flush_interval_ms: 200}}}}]}
static_resources:
  listeners:
",
        &listener("connections", "tcp_proxy.v3.TcpProxy"),
        "          cluster: tcp\n",
        &listener("requests", "http_connection_manager.v3.HttpConnectionManager"),
        "          route_config:
            virtual_hosts: [{name: all, domains: ['*'], routes: [{match: {prefix: /}, route: {cluster: http}}]}]
          http_filters:
          - name: router
            typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
  clusters:
",
        &cluster("tcp", tcp),
        &cluster("http", http),
    ]
    .concat()
}

/// A server that waits for five bytes and answers with eight, once. Gives its port.
fn greeter() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let _ = stream.read_exact(&mut [0; 5]);
        let _ = stream.write_all(b"good day");
    });
    port
}

/// What `render` makes of a base with documents.
fn render(folder: &Path, base: &str, documents: &str) -> std::path::PathBuf {
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).expect("a file can be written");
        path
    };
    let (base, documents) = (file("base.yaml", base), file("documents.yaml", documents));
    let rendered = Program::new(["render", "--workload", "shop/front"])
        .args(["--base".as_ref(), base.as_os_str(), "-f".as_ref(), documents.as_os_str()])
        .args(["--module".as_ref(), module().as_os_str()])
        .run()
        .expect_code(0);
    file("rendered.yaml", &rendered.stdout)
}

#[test]
fn what_somebodys_own_proxy_reports_arrives_through_clusters_that_were_added() {
    let folder = tempdir();
    let (mut receiver, server) = (Receiver::start(), Server::start());
    let (_, port) = receiver.address.rsplit_once(':').expect("an address");
    let rendered = render(folder.path(), &base(greeter(), server.port()), &documents(port));
    let variables = [("OTEL_RESOURCE_ATTRIBUTES", "team=web,zone=north")];
    let proxy = Proxy::start_with(folder.path(), &rendered, &variables);

    let mut stream = TcpStream::connect(proxy.listener("connections")).expect("a connection");
    stream.write_all(b"hello").expect("it is taken");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert_eq!(answer, "good day");
    drop(stream);
    let log = receiver.first(|record| match record {
        Record::Log(log) if log.attributes["access_log_type"] == "TcpConnectionEnd" => Some(log),
        Record::Log(_) | Record::Span(_) => None,
    });
    assert_eq!((log.protocol, log.reporter), (Protocol::AccessLogService, None));
    for (field, expected) in [
        ("log_name", json!("connections")),
        ("received_bytes", json!(5)),
        ("sent_bytes", json!(8)),
        ("upstream_cluster", json!("tcp")),
    ] {
        assert_eq!(log.attributes[field], expected, "{field} of {:?}", log.attributes);
    }

    assert_eq!(
        http::get(&proxy.listener("requests"), "shop.example", "/page").expect("an answer").status,
        200
    );
    let span = receiver.first(|record| match record {
        Record::Span(span) if span.parent_span_id.is_none() => Some(span),
        Record::Log(_) | Record::Span(_) => None,
    });
    assert_eq!((span.protocol, &span.reporter), (Protocol::OtlpHttp, &None));
    for (key, expected) in [("service.name", "front.shop"), ("team", "web"), ("zone", "north")] {
        assert_eq!(
            span.resource.get(key).map(String::as_str),
            Some(expected),
            "{key} of {:?}",
            span.resource
        );
    }
    assert_eq!(span.tags["http.url"], "http://shop.example/page");
    // What Dynatrace's sampler says of each trace that it keeps; it keeps the first ones although nobody answers it.
    assert_eq!(span.tags["supportability.atm_sampling_ratio"], "1", "{span:?}");
}

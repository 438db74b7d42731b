//! Each kind of provider delivers: a real Envoy reports to a real receiver, and what came is what was asked for.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use burgee_localnet::summary::{AccessLogSummary, LogSinkKind, Summary};
use burgee_stub::protocol::{Listening, Log, Protocol, Record};
use serde_json::{Value, json};

use crate::support::mesh::page;
use crate::support::program::{Held, Program};
use crate::support::proxy::Proxy;
use crate::support::{envoy, eventually, module, root, tempdir};

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

    /// The log that comes, of the first record that is one.
    fn log(&mut self) -> Log {
        self.held.wait_for("a record", |held| {
            let stdout = held.stdout();
            let records = stdout.lines().skip(1).map(serde_json::from_str);
            records.filter_map(Result::ok).find_map(|record| match record {
                Record::Log(log) => Some(log),
                Record::Span(_) => None,
            })
        })
    }
}

/// What says that connections are reported to a collector at a port.
fn tcp_documents(port: &str) -> String {
    format!(
        "extensionProviders:
- {{name: tcp, envoyTcpAls: {{service: als.obs.internal, port: 9000, logName: connections}}}}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: als, namespace: obs}}
spec:
  hosts: [als.obs.internal]
  ports: [{{number: 9000, name: grpc, protocol: GRPC}}]
  resolution: STATIC
  endpoints: [{{address: 127.0.0.1, ports: {{grpc: {port}}}}}]
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {{name: connections, namespace: istio-system}}
spec: {{accessLogging: [{{providers: [{{name: tcp}}]}}]}}
"
    )
}

/// A proxy of TCP as people write it; what leads to the collector is not in it.
fn tcp_base(upstream: u16) -> String {
    format!(
        "admin: {{address: {{socket_address: {{address: 127.0.0.1, port_value: 0}}}}}}
node: {{id: proxy-1, cluster: web}}
static_resources:
  listeners:
  - name: front
    address: {{socket_address: {{address: 127.0.0.1, port_value: 0}}}}
    filter_chains:
    - filters:
      - name: tcp
        typed_config:
          '@type': type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
          stat_prefix: tcp
          cluster: app
  clusters:
  - name: app
    type: STATIC
    load_assignment:
      cluster_name: app
      endpoints:
      - lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {upstream}}}}}}}}}]
"
    )
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
fn a_connection_of_tcp_is_reported_with_its_bytes() {
    let folder = tempdir();
    let mut receiver = Receiver::start();
    let (_, port) = receiver.address.rsplit_once(':').expect("an address");
    let rendered = render(folder.path(), &tcp_base(greeter()), &tcp_documents(port));
    let proxy = Proxy::start(folder.path(), &rendered);
    let listener = eventually("a listener", || {
        let listeners = page(&proxy.admin, "/listeners");
        listeners.trim().strip_prefix("front::").map(str::to_owned).ok_or(listeners)
    });
    let mut stream = TcpStream::connect(listener).expect("a connection");
    stream.write_all(b"hello").expect("it is taken");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert_eq!(answer, "good day");
    drop(stream);

    let log = receiver.log();
    assert_eq!((log.protocol, log.reporter), (Protocol::AccessLogService, None));
    for (field, expected) in [
        ("log_name", json!("connections")),
        ("received_bytes", json!(5)),
        ("sent_bytes", json!(8)),
        ("upstream_cluster", json!("app")),
        ("access_log_type", json!("TcpConnectionEnd")),
    ] {
        assert_eq!(log.attributes[field], expected, "{field} of {:?}", log.attributes);
    }
}

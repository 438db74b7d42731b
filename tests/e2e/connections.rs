//! Connections of TCP and streams of gRPC in a real Envoy: what is counted while they are open, and exactly when they are
//! not any more.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use burgee_api::check::check;
use burgee_api::document::Source;
use burgee_api::resolve::{PolicySet, Workload, WorkloadKind};
use burgee_localnet::scrape::Sample;
use burgee_overlay::{Delivery, Identity, Module, Options, Value};
use bytes::Bytes;
use h2::{RecvStream, SendStream, client, server};

use crate::support::mesh::{scrape, sum};
use crate::support::proxy::Proxy;
use crate::support::{eventually, module, tempdir};

const DOCUMENTS: &str = "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
    reportingInterval: 1s
    overrides:
    - match: {metric: TCP_OPENED_CONNECTIONS}
      tagOverrides: {local: {value: \"source.address.startsWith('127.')\"}, source_principal: {operation: REMOVE}}
";

const OPENED: &str = "istio_tcp_connections_opened_total";
const CLOSED: &str = "istio_tcp_connections_closed_total";
const RECEIVED: &str = "istio_tcp_received_bytes_total";
const SENT: &str = "istio_tcp_sent_bytes_total";

const FILTERS: &str = "type.googleapis.com/envoy.extensions.filters";

/// A cluster with one endpoint, as Istio's control plane describes it.
fn cluster(name: &str, port: u16) -> String {
    format!(
        "  - name: {name}\n    type: STATIC\n    metadata: {{filter_metadata: {{istio: {{services: [{{host: {name}.data.svc, \
         name: {name}, namespace: data}}]}}}}}}\n    typed_extension_protocol_options:\n      \
         envoy.extensions.upstreams.http.v3.HttpProtocolOptions:\n        '@type': \
         type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions\n        explicit_http_config: \
         {{http2_protocol_options: {{}}}}\n    load_assignment:\n      cluster_name: {name}\n      endpoints:\n      - \
         lb_endpoints:\n        - endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}}}\n          \
         metadata: {{filter_metadata: {{istio: {{workload: '{name}-v1;data;{name};;west'}}}}}}\n"
    )
}

/// A proxy with a listener for each cluster and direction, of TCP or of HTTP.
fn base(clusters: &[(&str, u16)], filter: impl Fn(&str) -> String) -> String {
    let mut text = "node: {id: a, cluster: a, metadata: {ISTIO_VERSION: 1.31.0}}\nadmin: {address: {socket_address: {address: \
                    127.0.0.1, port_value: 0}}}\nstats_flush_interval: 0.2s\nstatic_resources:\n  listeners:\n"
        .to_owned();
    for (cluster, _) in clusters {
        for direction in ["INBOUND", "OUTBOUND"] {
            let _ = writeln!(
                text,
                "  - name: {cluster}-{direction}\n    traffic_direction: {direction}\n    address: {{socket_address: {{address: \
                 127.0.0.1, port_value: 0}}}}\n    filter_chains: [{{filters: [{}]}}]",
                filter(cluster)
            );
        }
    }
    text.push_str("  clusters:\n");
    for (name, port) in clusters {
        text.push_str(&cluster(name, *port));
    }
    text
}

fn tcp_proxy(cluster: &str) -> String {
    format!(
        "{{name: tcp, typed_config: {{'@type': {FILTERS}.network.tcp_proxy.v3.TcpProxy, stat_prefix: t, cluster: {cluster}}}}}"
    )
}

fn manager(cluster: &str) -> String {
    format!(
        "{{name: http, typed_config: {{'@type': {FILTERS}.network.http_connection_manager.v3.HttpConnectionManager, \
         stat_prefix: h, route_config: {{virtual_hosts: [{{name: all, domains: ['*'], routes: [{{match: {{prefix: /}}, route: \
         {{cluster: {cluster}, timeout: 0s}}}}]}}]}}, http_filters: [{{name: router, typed_config: {{'@type': \
         {FILTERS}.http.router.v3.Router}}}}]}}}}"
    )
}

/// An Envoy with the documents laid over a base.
struct Laid {
    folder: tempfile::TempDir,
    proxy: Proxy,
}

impl Laid {
    /// The filters in the listeners themselves, or in files of their own.
    fn start(base: &str, is_by_name: bool) -> Laid {
        let folder = tempdir();
        let directory = folder.path().to_string_lossy().into_owned();
        let name = module().file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        let options = Options::new(
            Module {
                path: module().to_string_lossy().into_owned(),
                sha256: name.trim_start_matches("sha256-").to_owned(),
                metrics: Vec::new(),
            },
            if is_by_name { Delivery::Discovery { directory } } else { Delivery::Inline },
            Identity::Written,
        );
        let documents = check(&[Source::new("documents.yaml", DOCUMENTS)]);
        assert!(documents.is_valid(), "{:?}", documents.problems);
        let labels = [("app", "web"), ("version", "v1")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        let workload = Workload::new(WorkloadKind::Sidecar, "shop", "web-v1", BTreeMap::from(labels));
        let policy = PolicySet::new(documents.resources).resolve(&workload);
        for config in burgee_overlay::extension_configs(&policy, &options) {
            fs::write(folder.path().join(&config.file_name), config.value.to_json()).expect("a file");
        }
        let base = Value::from_yaml(&Source::new("base.yaml", base.to_owned()));
        let base = base.unwrap_or_else(|problems| panic!("{problems:?}"));
        let result = burgee_overlay::overlay(&base, &policy, &options);
        assert!(result.problems.is_empty(), "{:?}", result.problems);
        let path = folder.path().join("envoy.yaml");
        fs::write(&path, result.value.to_yaml()).expect("a file");
        let proxy = Proxy::start(folder.path(), &path);
        Laid { folder, proxy }
    }

    /// Waits until metrics of a side have these sums; fails when they go beyond.
    fn wait(&self, reporter: &str, expected: &[(&str, f64)]) -> Vec<Sample> {
        eventually("what was carried is counted", || {
            let samples = scrape(&self.proxy.admin);
            let seen = |name: &str| sum(&samples, name, Some(("reporter", reporter)));
            for (name, expected) in expected {
                assert!(seen(name) <= *expected, "{name}: {} and not {expected}", seen(name));
            }
            let all: Vec<f64> = expected.iter().map(|(name, _)| seen(name)).collect();
            let is_there = expected.iter().zip(&all).all(|((_, expected), seen)| expected == seen);
            if is_there { Ok(samples) } else { Err(format!("{all:?} and not {expected:?}")) }
        })
    }
}

/// Sends back everything twice, for as long as the process runs; gives its port.
fn echo_twice() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let mut bytes = [0; 1024];
                while let Ok(length @ 1..) = stream.read(&mut bytes) {
                    if stream.write_all(&bytes[..length].repeat(2)).is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

/// Sends so many bytes and waits until they have come back twice.
fn exchange(stream: &mut TcpStream, bytes: usize) {
    stream.write_all(&vec![b'x'; bytes]).expect("it can be written");
    stream.read_exact(&mut vec![0; bytes * 2]).expect("it comes back");
}

/// Closes our half and waits for the other.
fn close(mut stream: TcpStream) {
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.read(&mut [0; 16]);
}

#[test]
fn a_connection_is_counted_while_it_is_open_and_exactly_when_it_is_closed() {
    for is_by_name in [false, true] {
        // Nobody listens behind the other cluster.
        let laid = Laid::start(&base(&[("echo", echo_twice()), ("dead", 1)], tcp_proxy), is_by_name);
        for (direction, reporter) in [("INBOUND", "destination"), ("OUTBOUND", "source")] {
            let listener = laid.proxy.listener(&format!("echo-{direction}"));
            let mut long = TcpStream::connect(&listener).expect("a connection");
            exchange(&mut long, 10);
            laid.wait(reporter, &[(OPENED, 1.0), (CLOSED, 0.0), (RECEIVED, 10.0), (SENT, 20.0)]);
            exchange(&mut long, 5);
            let samples =
                laid.wait(reporter, &[(OPENED, 1.0), (CLOSED, 0.0), (RECEIVED, 15.0), (SENT, 30.0)]);
            // The series of what has not happened is there too.
            assert!(samples.iter().any(|it| it.name == CLOSED && it.labels["reporter"] == reporter));
            for _ in 0..20 {
                let mut short = TcpStream::connect(&listener).expect("a connection");
                exchange(&mut short, 3);
                close(short);
            }
            laid.wait(reporter, &[(OPENED, 21.0), (CLOSED, 20.0), (RECEIVED, 75.0), (SENT, 150.0)]);
            close(long);
            laid.wait(reporter, &[(OPENED, 21.0), (CLOSED, 21.0), (RECEIVED, 75.0), (SENT, 150.0)]);
            close(
                TcpStream::connect(laid.proxy.listener(&format!("dead-{direction}"))).expect("a connection"),
            );
            laid.wait(reporter, &[(OPENED, 22.0), (CLOSED, 22.0), (RECEIVED, 75.0), (SENT, 150.0)]);
        }
        let samples = scrape(&laid.proxy.admin);
        let of = |name: &str, reporter: &str, flags: &str| {
            let is_meant = |it: &&Sample| {
                it.name == name && it.labels["reporter"] == reporter && it.labels["response_flags"] == flags
            };
            let found: Vec<&Sample> = samples.iter().filter(is_meant).collect();
            assert_eq!(found.len(), 1, "{name} {reporter} {flags}: {samples:#?}");
            found[0]
        };
        assert_eq!(of(CLOSED, "source", "-").value, 21.0);
        assert_eq!(
            samples
                .iter()
                .filter(|it| it.name == CLOSED && it.labels["response_flags"].contains("UF"))
                .count(),
            2
        );
        let source = &of(OPENED, "source", "-").labels;
        for (label, value) in [
            ("source_workload", "web-v1"),
            ("destination_workload", "echo-v1"),
            ("destination_service", "echo.data.svc"),
            ("destination_service_namespace", "data"),
            ("destination_cluster", "west"),
            ("request_protocol", "tcp"),
            ("connection_security_policy", "unknown"),
        ] {
            assert_eq!(source.get(label).map(String::as_str), Some(value), "{label}: {source:#?}");
        }
        // 23 standard ones without the one that the document removes, and the one that it adds.
        assert_eq!((source.len(), source["local"].as_str()), (23, "true"), "{source:#?}");
        assert_eq!(of(CLOSED, "destination", "-").labels["destination_workload"], "web-v1");
        assert_eq!(of(CLOSED, "destination", "-").labels.len(), 23);
        let build = samples.iter().find(|it| it.name == "istio_build").expect("the build");
        assert_eq!((build.labels["component"].as_str(), build.labels["tag"].as_str()), ("proxy", "1.31.0"));
        assert_eq!(build.value, 1.0);
        drop(laid.folder);
    }
}

/// A message of gRPC.
const MESSAGE: &[u8] = b"\0\0\0\0\x05hello";

/// A server that answers each message with two at once; gives its port.
fn grpc_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    listener.set_nonblocking(true).expect("a socket that does not block");
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let Ok(mut connection) = server::handshake(socket).await else { return };
                    while let Some(Ok((request, answer))) = connection.accept().await {
                        tokio::spawn(async move { _ = serve(request.into_body(), answer).await });
                    }
                });
            }
        });
    });
    port
}

async fn serve(mut body: RecvStream, mut answer: server::SendResponse<Bytes>) -> Result<(), h2::Error> {
    let head = http::Response::builder().header("content-type", "application/grpc").body(()).expect("a head");
    let mut sending = answer.send_response(head, false)?;
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        for _ in 0..data.len() / MESSAGE.len() * 2 {
            sending.send_data(Bytes::from_static(MESSAGE), false)?;
        }
    }
    let mut trailers = http::HeaderMap::new();
    trailers.insert("grpc-status", http::HeaderValue::from_static("7"));
    sending.send_trailers(trailers)
}

/// A stream of gRPC through a proxy.
struct Call {
    sending: SendStream<Bytes>,
    body: RecvStream,
}

impl Call {
    async fn open(requests: &mut client::SendRequest<Bytes>) -> Call {
        let request = http::Request::post("http://web.example/echo.Echo/Call")
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())
            .expect("a request");
        let (answer, mut sending) = requests.send_request(request, false).expect("a stream");
        sending.send_data(Bytes::from_static(MESSAGE), false).expect("a message");
        Call { body: answer.await.expect("an answer").into_body(), sending }
    }

    /// Sends messages and reads so many answers.
    async fn exchange(&mut self, messages: usize, answers: usize) {
        for _ in 0..messages {
            self.sending.send_data(Bytes::from_static(MESSAGE), false).expect("a message");
        }
        let mut bytes = 0;
        while bytes < answers * MESSAGE.len() {
            let data = self.body.data().await.expect("more").expect("data");
            let _ = self.body.flow_control().release_capacity(data.len());
            bytes += data.len();
        }
    }

    async fn end(mut self) {
        self.sending.send_data(Bytes::new(), true).expect("an end");
        while self.body.data().await.is_some() {}
        self.body.trailers().await.expect("trailers");
    }
}

#[test]
fn messages_of_grpc_are_counted_while_a_stream_is_open_and_exactly_at_its_end() {
    const REQUESTS: &str = "istio_request_messages_total";
    const RESPONSES: &str = "istio_response_messages_total";
    let laid = Laid::start(&base(&[("echo", grpc_server())], manager), false);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    for (direction, reporter) in [("INBOUND", "destination"), ("OUTBOUND", "source")] {
        let listener = laid.proxy.listener(&format!("echo-{direction}"));
        let mut requests = runtime.block_on(async {
            let socket = tokio::net::TcpStream::connect(&listener).await.expect("a connection");
            let (requests, connection) = client::handshake(socket).await.expect("HTTP/2");
            tokio::spawn(connection);
            requests
        });
        let mut long = runtime.block_on(Call::open(&mut requests));
        runtime.block_on(long.exchange(2, 6));
        let samples = laid.wait(reporter, &[(REQUESTS, 3.0), (RESPONSES, 6.0)]);
        assert_eq!(sum(&samples, "istio_requests_total", Some(("reporter", reporter))), 0.0);
        runtime.block_on(long.exchange(5, 10));
        laid.wait(reporter, &[(REQUESTS, 8.0), (RESPONSES, 16.0)]);
        for _ in 0..10 {
            runtime.block_on(async { Call::open(&mut requests).await.end().await });
        }
        laid.wait(reporter, &[(REQUESTS, 18.0), (RESPONSES, 36.0), ("istio_requests_total", 10.0)]);
        runtime.block_on(long.end());
        let samples =
            laid.wait(reporter, &[(REQUESTS, 18.0), (RESPONSES, 36.0), ("istio_requests_total", 11.0)]);
        let of = |name: &str| {
            let is_meant = |it: &&Sample| it.name == name && it.labels["reporter"] == reporter;
            let found: Vec<&Sample> = samples.iter().filter(is_meant).collect();
            assert_eq!(found.len(), 1, "{found:#?}");
            &found[0].labels
        };
        assert_eq!(of(REQUESTS).len(), 20);
        assert!(
            of(RESPONSES).iter().all(|(label, value)| of("istio_requests_total").get(label) == Some(value))
        );
        let request = of("istio_requests_total");
        assert_eq!(
            (request["request_protocol"].as_str(), request["grpc_response_status"].as_str()),
            ("grpc", "7")
        );
    }
}

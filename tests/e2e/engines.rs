//! Both engines of metrics give the same series with the same counts: over the quickstart, and over what clients, control
//! planes and documents can make hard.

mod auto;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::net::TcpStream;

use burgee_localnet::scrape::Sample;
use burgee_localnet::summary::Summary;

use crate::support::http::{self, Server};
use crate::support::mesh::{page, scrape, sum};
use crate::support::program::Program;
use crate::support::proxy::Proxy;
use crate::support::{eventually, module, quickstart, tempdir};

/// Every series by its name and labels.
type Series = BTreeMap<(String, String), f64>;

const ENGINES: [&str; 3] = ["wasm", "native", "auto"];

/// What depends on how long something takes.
fn is_timed(name: &str) -> bool {
    name.starts_with("istio_request_duration_milliseconds") && !name.ends_with("_count")
}

fn quickstart_with(engine: &str) -> Series {
    let arguments = ["--requests", "20", "-o", "json", "--metrics-engine", engine];
    let ended = Program::up(&quickstart()).args(arguments).run().expect_code(0);
    let summary: Summary = serde_json::from_str(&ended.stdout).expect("a summary");
    let series = summary.metrics.into_iter();
    series.map(|it| ((format!("{} {}", it.proxy, it.name), format!("{:?}", it.labels)), it.value)).collect()
}

#[test]
fn the_quickstart_has_the_same_series_with_each_engine() {
    let [mut wasm, mut native, mut auto] = ENGINES.map(quickstart_with);
    assert!(wasm.len() > 100, "{wasm:#?}");
    // Both ends of a request know who is at the other one.
    for (proxy, label) in [
        ("istio-ingressgateway", "\"destination_version\": \"v1\""),
        ("hello-v1", "\"source_workload\": \"istio-ingressgateway\""),
        ("hello-v1", "\"destination_app\": \"greeting\""),
        ("greeting-v1", "\"source_canonical_service\": \"hello\""),
    ] {
        let is_there = native.keys().any(|(name, labels)| name.contains(proxy) && labels.contains(label));
        assert!(is_there, "{proxy} {label}: {native:#?}");
    }
    let keys = |series: &Series| series.keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&wasm), keys(&native));
    for series in [&mut wasm, &mut native, &mut auto] {
        series.retain(|(name, _), _| !is_timed(name.rsplit(' ').next().unwrap_or_default()));
    }
    assert_eq!(wasm, native);
    assert_eq!(wasm, auto);
}

/// Tags of every kind that formats can have, and one that keeps a metric with the filter.
const DOCUMENTS: &str = r#"
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
    overrides:
    - match: {metric: REQUEST_COUNT}
      tagOverrides:
        destination_app: {operation: REMOVE}
        source_version: {value: "'50% \u00e9'"}
        tag_path: {value: request.path}
        tag_url_path: {value: request.url_path}
        tag_host: {value: request.host}
        tag_scheme: {value: request.scheme}
        tag_method: {value: request.method}
        tag_referer: {value: request.referer}
        tag_useragent: {value: request.useragent}
        tag_query: {value: request.query}
        tag_protocol: {value: request.protocol}
        tag_details: {value: response.code_details}
        tag_destination: {value: "destination.address.startsWith('127.0.0.1:') && destination.port > 0"}
        tag_source: {value: "source.address.startsWith('127.0.0.1:') && source.port > 0"}
        tag_upstream: {value: upstream.address}
        tag_upstream_port: {value: upstream.port}
        tag_port: {value: string(upstream.port)}
        tag_size: {value: request.size}
        tag_total: {value: request.total_size}
        tag_answer: {value: response.size}
        tag_code: {value: response.code}
        tag_flags: {value: response.flags}
        tag_grpc: {value: response.grpc_status}
        tag_mtls: {value: connection.mtls}
        tag_tls: {value: connection.tls_version}
        tag_cluster: {value: xds.cluster_name}
        tag_route: {value: xds.route_name}
        tag_header: {value: "request.headers['x-tenant']"}
        tag_field: {value: request.headers.te}
        tag_served: {value: "response.headers['content-length']"}
        tag_has: {value: "has(request.headers.te)"}
        tag_class: {value: "response.code >= 500 ? 'bad' : 'good'"}
        tag_sum: {value: "size(request.path) * 2 - 1"}
        tag_starts: {value: "request.url_path.startsWith('/md')"}
        tag_literal: {value: "''"}
    - match: {metric: REQUEST_SIZE}
      tagOverrides: {joined: {value: "request.method + request.scheme"}}
    - match: {metric: RESPONSE_SIZE}
      disabled: true
"#;

/// What control planes write about a cluster and its endpoint, by the path of the route that leads there.
const CLUSTERS: [(&str, &str, &str); 9] = [
    ("md", "{services: [{host: a.shop.svc, name: a, namespace: shop}]}", "w-v1;shop;w;v1;east"),
    ("noname", "{services: [{host: b.shop.svc}]}", "w-v1;shop;w;;east;more"),
    ("nohost", "{services: [{name: c, namespace: shop}]}", ";;;;"),
    ("odd", "{services: [{host: .d, name: '', namespace: ''}]}", "w-v1;shop;w;v1"),
    ("noservice", "{services: []}", "one"),
    ("other", "{external: true}", ""),
    (
        "PassthroughCluster",
        "{services: [{host: a.shop.svc, name: a, namespace: shop}]}",
        "w-v1;shop;w;v1;east",
    ),
    ("InboundPassthroughClusterIpv6", "{}", ""),
    ("dead", "{services: [{host: e.shop.svc, name: e, namespace: shop}]}", "w-v1;shop;w;v1;east"),
];

/// What a peer says of itself in `x-envoy-peer-metadata`, by the path of the route whose answers have it: everything that
/// is shown; a namespace and nothing else; and texts with quotes, percent signs and more bytes than are shown.
const PEERS: [(&str, &str); 3] = [
    (
        "whole",
        "ChcKDVdPUktMT0FEX05BTUUSBhoEcC12MQoUCglOQU1FU1BBQ0USBxoFcGVlcnMKFAoKQ0xVU1RFUl9JRBIGGgR3ZXN0CicKCElE\
     RU5USVRZEhsaGXNwaWZmZTovL3RkL25zL25hbWVkL3NhL3AKgQEKBkxBQkVMUxJ3KnUKJgofc2VydmljZS5pc3Rpby5pby9jYW5v\
     bmljYWwtbmFtZRIDGgFwCisKI3NlcnZpY2UuaXN0aW8uaW8vY2Fub25pY2FsLXJldmlzaW9uEgQaAnIyCg0KA2FwcBIGGgRwYXBw\
     Cg8KB3ZlcnNpb24SBBoCdjk=",
    ),
    ("partial", "ChQKCU5BTUVTUEFDRRIHGgVhbG9uZQoMCgZMQUJFTFMSAioA"),
    (
        "quoted",
        "Ch8KDVdPUktMT0FEX05BTUUSDhoMNTAlICJxIiBcIMOpChgKCU5BTUVTUEFDRRILGglpdCdzOyBhLmIKGAoKQ0xVU1RFUl9JRBIK\
     GgglQ0VMKDEpJQr2AgoGTEFCRUxTEusCKugCCtMCCh9zZXJ2aWNlLmlzdGlvLmlvL2Nhbm9uaWNhbC1uYW1lEq8CGqwCeHh4eHh4\
     eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4\
     eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4\
     eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4\
     eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4ChAKB3Zl\
     cnNpb24SBRoDe3Z9",
    ),
];

/// A sidecar with a listener of each direction and all of these clusters behind both.
fn base(upstream: u16) -> String {
    let mut routes = String::new();
    let mut route = |path: &str, name: &str, to: &str| {
        let _ = writeln!(routes, "              - {{match: {{prefix: /{path}}}, name: '{name}', {to}}}");
    };
    for (name, _, _) in CLUSTERS {
        route(name, "", &format!("route: {{cluster: {name}}}"));
    }
    for (path, name) in [("block", "block_all"), ("any", "allow_any"), ("named", "a-route")] {
        route(path, name, "route: {cluster: md}");
    }
    for (path, said) in PEERS {
        let header = format!("{{header: {{key: x-envoy-peer-metadata, value: '{said}'}}}}");
        route(path, "", &format!("route: {{cluster: md}}, response_headers_to_add: [{header}]"));
    }
    route("nothing", "", "route: {cluster: none-of-that-name}");
    route("direct", "allow_any", "direct_response: {status: 418}");
    let mut clusters = String::new();
    for (name, metadata, workload) in CLUSTERS {
        let port = if name == "dead" { 1 } else { upstream };
        let _ = writeln!(
            clusters,
            "  - name: {name}\n    type: STATIC\n    metadata: {{filter_metadata: {{istio: {metadata}}}}}\n    \
             load_assignment:\n      cluster_name: {name}\n      endpoints:\n      - lb_endpoints:\n        - endpoint: \
             {{address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}}}\n          metadata: \
             {{filter_metadata: {{istio: {{workload: '{workload}'}}}}}}"
        );
    }
    let listener = |name: &str| {
        format!(
            r#"  - name: {name}
    traffic_direction: {name}
    address: {{socket_address: {{address: 127.0.0.1, port_value: 0}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: {name}
          generate_request_id: false
          access_log_options: {{flush_access_log_on_new_request: true, access_log_flush_interval: 0.1s}}
          route_config:
            validate_clusters: false
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
{routes}
          http_filters:
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
"#
        )
    };
    format!(
        "admin:\n  address: {{socket_address: {{address: 127.0.0.1, port_value: 0}}}}\nstats_flush_interval: 0.2s\n\
         static_resources:\n  listeners:\n{}{}  clusters:\n{clusters}",
        listener("INBOUND"),
        listener("OUTBOUND")
    )
}

/// An Envoy with these documents laid over the base.
struct Laid {
    _folder: tempfile::TempDir,
    proxy: Proxy,
    said: String,
}

impl Laid {
    fn start(documents: &str, engine: &str, server: &Server) -> Laid {
        Laid::over(&base(server.port()), documents, &["--metrics-engine", engine])
    }

    fn over(base: &str, documents: &str, arguments: &[&str]) -> Laid {
        let folder = tempdir();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).expect("a file can be written");
            path
        };
        let (base, documents) = (file("base.yaml", base), file("documents.yaml", documents));
        let rendered =
            Program::new(["render", "--workload", "shop/web-v1", "--labels", "app=web,version=v1"])
                .args(arguments)
                .args(["--base".as_ref(), base.as_os_str(), "-f".as_ref(), documents.as_os_str()])
                .args(["--module".as_ref(), module().as_os_str()])
                .run()
                .expect_code(0);
        let proxy = Proxy::start(folder.path(), &file("rendered.yaml", &rendered.stdout));
        Laid { _folder: folder, proxy, said: rendered.stderr }
    }

    /// The samples, once so many requests were counted and every distribution was flushed.
    fn counted(&self, requests: f64) -> Vec<Sample> {
        eventually("every request counted and flushed", || {
            let samples = scrape(&self.proxy.admin);
            let names = ["istio_requests_total", "istio_request_bytes_count"];
            let seen = names.map(|name| sum(&samples, name, None));
            if seen == [requests; 2] { Ok(samples) } else { Err(format!("{seen:?} and not {requests}")) }
        })
    }
}

/// Writes something to a listener and closes.
fn break_off(address: &str, bytes: &[u8]) {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.write_all(bytes).expect("it can be written");
    let _ = stream.shutdown(std::net::Shutdown::Write);
    // Until the other side closes too.
    let _ = std::io::copy(&mut stream, &mut std::io::sink());
}

/// Everything that can be hard, and how many requests it is.
fn drive(laid: &Laid) -> f64 {
    let mut sent = 0.0;
    for direction in ["INBOUND", "OUTBOUND"] {
        let listener = laid.proxy.listener(direction);
        let mut get = |host: &str, path: &str, headers: &[u8]| {
            let mut connection = http::Connection::open(&listener, host).expect("a connection");
            connection.get_with(path, headers).expect("an answer");
            sent += 1.0;
        };
        let paths = CLUSTERS.map(|(name, _, _)| name);
        for path in paths.into_iter().chain(["block", "any", "named", "nothing", "direct", "unrouted"]) {
            get("shop.example:80", &format!("/{path}?a=b"), b"");
        }
        for content_type in ["application/grpc", "application/grpc+proto", "application/grpc-web", "text/x"] {
            get(
                "grpc.example",
                "/md",
                format!("content-type: {content_type}\r\nte: trailers\r\n").as_bytes(),
            );
            get("grpc.example", "/dead", format!("content-type: {content_type}\r\n").as_bytes());
        }
        get("a.example", "/other", b"x-tenant: blue\r\nreferer: r\r\nuser-agent: u\r\n");
        get("a.example", "/other", "x-tenant: caf\u{e9} \"quoted\" \\ back\r\n".as_bytes());
        // Who calls says who it is, and who is called does.
        for (path, said) in PEERS {
            let said = format!("x-envoy-peer-metadata: {said}\r\nx-envoy-peer-metadata-id: peer\r\n");
            get("peer.example", &format!("/{path}"), said.as_bytes());
        }
        // A host that would forge labels in the filter's own encoding, if that were not cleaned; with a cluster that says
        // nothing of its service, the host is what shows.
        get("evil.example!response_code=200", "/other", b"");
        // Refused before there is a request, and counted all the same.
        break_off(&listener, b"GET / HTTP/1.1\r\nHo st: x\r\n\r\n");
        break_off(&listener, b"GET / HTTP/1.1\r\n\r\n");
        sent += 2.0;
        // Broken off before there is a request, and not counted.
        break_off(&listener, b"GET / HTTP/1.1\r\nHost: x\r\nX-Begun:");
    }
    sent
}

/// The series as both engines have them, but for one exception: of an expression's empty text the native engine makes
/// `unknown`.
fn series(samples: Vec<Sample>) -> Series {
    let mut series = Series::new();
    for mut sample in samples.into_iter().filter(|sample| !is_timed(&sample.name)) {
        for label in ["tag_query", "tag_route"] {
            if let Some(text) = sample.labels.get_mut(label).filter(|text| text.is_empty()) {
                "unknown".clone_into(text);
            }
        }
        *series.entry((sample.name, format!("{:?}", sample.labels))).or_default() += sample.value;
    }
    series
}

#[test]
fn what_is_hard_has_the_same_series_with_each_engine() {
    let server = Server::start();
    let [wasm, native, auto] = ENGINES.map(|engine| {
        let laid = Laid::start(DOCUMENTS, engine, &server);
        let is_native = engine == "native";
        assert_eq!(laid.said.contains("BG0641"), is_native, "{}", laid.said);
        assert_eq!(laid.said.contains("keeps REQUEST_SIZE of prometheus"), is_native, "{}", laid.said);
        let sent = drive(&laid);
        series(laid.counted(sent))
    });
    let only = |one: &Series, other: &Series| {
        let only: Vec<_> = one.iter().filter(|(key, value)| other.get(*key) != Some(value)).collect();
        format!("{only:#?}")
    };
    assert!(wasm == auto, "wasm alone: {}\nauto alone: {}", only(&wasm, &auto), only(&auto, &wasm));
    assert!(wasm == native, "wasm alone: {}\nnative alone: {}", only(&wasm, &native), only(&native, &wasm));
    assert!(!wasm.keys().any(|(name, _)| name.starts_with("istio_response_bytes")));
    for label in [
        "\"source_workload\": \"p-v1\"",
        "\"source_canonical_revision\": \"r2\"",
        "\"destination_workload\": \"p-v1\"",
        "\"destination_version\": \"v9\"",
        "\"destination_principal\": \"spiffe://td/ns/named/sa/p\"",
        "\"destination_workload_namespace\": \"alone\"",
    ] {
        assert!(native.keys().any(|(_, labels)| labels.contains(label)), "{label}: {native:#?}");
    }
}

/// A tag with the text of a header, which any client writes.
const TENANTS: &str = "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
    overrides:
    - tagOverrides: {tenant: {value: \"request.headers['x-tenant']\"}}
";

#[test]
fn the_native_engine_differs_where_its_exceptions_say() {
    let server = Server::start();
    let tenants = |engine: &str| {
        let laid = Laid::start(TENANTS, engine, &server);
        let listener = laid.proxy.listener("INBOUND");
        let long = format!("{}\u{e9}", "z".repeat(255));
        let texts: [&[u8]; 5] = [b"a;.;b=.=c", b"", b"a\xffb", b"tab\there", long.as_bytes()];
        for text in texts {
            let mut connection = http::Connection::open(&listener, "a.example").expect("a connection");
            let header = [b"x-tenant: ", text, b"\r\n"].concat();
            connection.get_with("/direct", &header).expect("an answer");
        }
        let samples = laid.counted(5.0);
        let counted = samples.iter().filter(|sample| sample.name == "istio_requests_total");
        let mut shown: Vec<(String, f64)> =
            counted.map(|sample| (sample.labels["tenant"].clone(), sample.value)).collect();
        shown.sort_by(|a, b| a.0.cmp(&b.0));
        // Whatever a client sends, a server of Prometheus can read the page: it is UTF-8.
        assert!(!page(&laid.proxy.admin, "/stats/prometheus").contains("a\u{fffd}b") || engine == "wasm");
        shown
    };
    let owned = |shown: &[(&str, f64)]| {
        shown.iter().map(|(text, count)| ((*text).to_owned(), *count)).collect::<Vec<_>>()
    };
    let cut = "z".repeat(255);
    assert_eq!(
        tenants("wasm"),
        owned(&[("", 1.0), ("a_.;b=._c", 1.0), ("a\u{fffd}b", 1.0), ("tab_here", 1.0), (&cut, 1.0)])
    );
    assert_eq!(tenants("native"), owned(&[("a;.;b=.=c", 1.0), ("unknown", 4.0)]));
}

#[test]
fn hostile_hosts_are_bounded_in_the_native_engine() {
    let server = Server::start();
    let laid = Laid::start(TENANTS, "native", &server);
    let listener = laid.proxy.listener("OUTBOUND");
    let get = |host: &str| {
        let mut connection = http::Connection::open(&listener, host).expect("a connection");
        connection.get("/other").expect("an answer");
    };
    get("known.example");
    for number in 0..1_100 {
        get(&format!("host-{number}.example"));
    }
    let total = |host: Option<(&str, &str)>| {
        let samples = scrape(&laid.proxy.admin);
        let of = samples.iter().filter(|sample| sample.name == "istio_requests_total").count();
        (of, sum(&samples, "istio_requests_total", host))
    };
    assert_eq!(total(None), (1_000, 1_000.0));
    // What was there before goes on to be counted.
    get("known.example");
    eventually("the known host's count", || {
        let (_, known) = total(Some(("destination_service", "known.example")));
        if known == 2.0 { Ok(()) } else { Err(known.to_string()) }
    });
}

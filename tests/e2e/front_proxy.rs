//! A configuration that somebody wrote by hand, rendered and run: the Envoy counts what the documents ask for.

use std::fs;

use crate::support::http::{self, Server};
use crate::support::mesh::{page, scrape, sum};
use crate::support::program::Program;
use crate::support::proxy::Proxy;
use crate::support::{eventually, module, tempdir};

const TELEMETRY: &str = "\
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata:
  name: mesh-default
  namespace: istio-system
spec:
  metrics:
    - providers:
        - name: prometheus
      overrides:
        - tagOverrides:
            page:
              value: request.url_path
        - match:
            metric: REQUEST_SIZE
          disabled: true
";

/// A front proxy as people write it: a listener on any port, one route, one cluster.
fn base(upstream: u16) -> String {
    format!(
        r#"admin:
  address: {{socket_address: {{address: 127.0.0.1, port_value: 0}}}}
stats_flush_interval: 0.2s
static_resources:
  listeners:
  - name: front
    address: {{socket_address: {{address: 127.0.0.1, port_value: 0}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: front
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: {{prefix: /}}
                route: {{cluster: web}}
          http_filters:
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
  clusters:
  - name: web
    type: STATIC
    load_assignment:
      cluster_name: web
      endpoints:
      - lb_endpoints:
        - endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {upstream}}}}}}}
"#
    )
}

#[test]
fn a_rendered_front_proxy_counts_every_request() {
    let folder = tempdir();
    let server = Server::start();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("a file can be written");
        path
    };
    let (base, telemetry) = (file("base.yaml", &base(server.port())), file("telemetry.yaml", TELEMETRY));
    let rendered = Program::new(["render", "--workload", "shop/front", "--labels", "app=front,version=v3"])
        .args(["--base".as_ref(), base.as_os_str(), "-f".as_ref(), telemetry.as_os_str()])
        .args(["--module".as_ref(), module().as_os_str()])
        .run()
        .expect_code(0);
    let proxy = Proxy::start(folder.path(), &file("rendered.yaml", &rendered.stdout));
    let listener = proxy.listener("front");

    let mut sent = 0;
    for (page, count) in [("/a", 13), ("/b", 8)] {
        for _ in 0..count {
            let answer = http::get(&listener, "shop.example", page).expect("an answer");
            assert_eq!((answer.status, answer.body.as_str()), (200, "hello\n"));
            sent += 1;
        }
    }
    assert_eq!(server.served(), sent);

    let durations = "istio_request_duration_milliseconds_count";
    let samples = eventually("every request counted and flushed", || {
        let samples = scrape(&proxy.admin);
        let seen = (sum(&samples, "istio_requests_total", None), sum(&samples, durations, None));
        if seen == (21.0, 21.0) { Ok(samples) } else { Err(format!("{seen:?}")) }
    });
    assert_eq!(sum(&samples, "istio_requests_total", Some(("page", "/a"))), 13.0);
    assert_eq!(sum(&samples, "istio_requests_total", Some(("page", "/b"))), 8.0);
    assert!(samples.iter().all(|sample| !sample.name.starts_with("istio_request_bytes")));
    // What says which build a proxy is has labels of its own.
    for sample in samples.iter().filter(|sample| sample.name != "istio_build") {
        for (label, value) in [
            ("reporter", "source"),
            ("source_workload", "front"),
            ("source_workload_namespace", "shop"),
            ("source_app", "front"),
            ("source_version", "v3"),
            ("response_code", "200"),
        ] {
            assert_eq!(sample.labels.get(label).map(String::as_str), Some(value), "{label} of {sample:?}");
        }
    }
    assert!(!page(&proxy.admin, "/stats/prometheus").contains("=.="));
}

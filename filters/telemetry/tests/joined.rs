//! Both parts in one filter: what is learnt of the other end is in the metrics, and each part does what it does alone.

use burgee_kit::Message;
use burgee_kit::fake::{FakeHost, FakeProxy};
use burgee_telemetry::Telemetry;

/// The other end: workload `productpage-v1` of namespace `default`.
const PRODUCTPAGE: &str = include_str!("../../peer-metadata/tests/productpage.txt");
const HEADER: &str = "x-envoy-peer-metadata";

fn mk_host(direction: i64) -> FakeHost {
    let host = FakeHost::new();
    host.set_path(&["xds", "node", "metadata", "WORKLOAD_NAME"], "web-v1");
    host.set("xds.node.id", "sidecar~10.0.0.1~web.shop~shop.svc.cluster.local");
    host.set("xds.cluster_name", "outbound|80||api");
    host.set("xds.cluster_metadata.filter_metadata.istio.services.0.host", "api.back.svc");
    host.set("upstream.address", "10.0.0.8:80");
    host.set("response.code", 200_i64.to_le_bytes());
    host.set("request.duration", 7_900_000_i64.to_le_bytes());
    host.set("xds.listener_direction", direction.to_le_bytes());
    host.set_foreign_function("declare_property", Ok(Vec::new()));
    host
}

fn mk_proxy(host: &FakeHost, configuration: &str) -> FakeProxy {
    FakeProxy::http::<Telemetry>(host, configuration.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

/// The names of the series of requests that the host has.
fn series(host: &FakeHost) -> Vec<String> {
    host.metrics().into_keys().filter(|name| name.ends_with("istio_requests_total")).collect()
}

fn has(name: &str, label: &str, value: &str) -> bool {
    name.contains(&format!("{label}=.={value};.;"))
}

#[test]
fn a_server_counts_who_called_without_asking_for_it() {
    let host = mk_host(1);
    let proxy = mk_proxy(&host, r#"{"peer_metadata": {"role": "INBOUND"}, "stats": {"reporter": "SERVER"}}"#);
    let stream = proxy.stream();
    stream.request_headers(&[(":path", "/"), (HEADER, PRODUCTPAGE.trim_end())], true);
    assert!(!stream.headers_text(Message::Request).iter().any(|(name, _)| name == HEADER));
    stream.response_headers(&[(":status", "200")], true);
    stream.end();
    let shown = series(&host);
    let [name] = shown.as_slice() else { panic!("{shown:?}") };
    assert!(
        has(name, "source_workload", "productpage-v1") && has(name, "destination_workload", "web-v1"),
        "{name}"
    );
}

#[test]
fn a_client_tells_who_it_is_and_counts_who_answers() {
    let host = mk_host(2);
    let proxy =
        mk_proxy(&host, r#"{"peer_metadata": {"role": "OUTBOUND"}, "stats": {"reporter": "CLIENT"}}"#);
    let stream = proxy.stream();
    stream.request_headers(&[(":path", "/")], true);
    assert!(stream.headers_text(Message::Request).iter().any(|(name, _)| name == HEADER));
    stream.response_headers(&[(":status", "200"), (HEADER, PRODUCTPAGE.trim_end())], true);
    assert!(!stream.headers_text(Message::Response).iter().any(|(name, _)| name == HEADER));
    stream.end();
    let shown = series(&host);
    let [name] = shown.as_slice() else { panic!("{shown:?}") };
    assert!(
        has(name, "source_workload", "web-v1") && has(name, "destination_workload", "productpage-v1"),
        "{name}"
    );
    // Nobody asks the proxy for what is known here, and others find it where they look for it.
    assert!(has(name, "destination_service", "api.back.svc"), "{name}");
}

#[test]
fn each_stream_has_its_own_other_end() {
    let host = mk_host(1);
    let proxy = mk_proxy(&host, r#"{"peer_metadata": {"role": "INBOUND"}, "stats": {"reporter": "SERVER"}}"#);
    let (told, silent) = (proxy.stream(), proxy.stream());
    told.request_headers(&[(":path", "/"), (HEADER, PRODUCTPAGE.trim_end())], true);
    silent.request_headers(&[(":path", "/")], true);
    for stream in [silent, told] {
        stream.response_headers(&[(":status", "200")], true);
        stream.end();
    }
    let shown = series(&host);
    assert_eq!(shown.len(), 2, "{shown:?}");
    for workload in ["unknown", "productpage-v1"] {
        assert_eq!(
            shown.iter().filter(|name| has(name, "source_workload", workload)).count(),
            1,
            "{shown:?}"
        );
    }
}

#[test]
fn a_configuration_that_cannot_be_used_leaves_requests_alone_and_one_that_goes_leaves_nothing() {
    let host = mk_host(1);
    let proxy = mk_proxy(&host, r#"{"stats": {"metrics": "all"}}"#);
    let stream = proxy.stream();
    stream.request_headers(&[(":path", "/"), (HEADER, PRODUCTPAGE.trim_end())], true);
    assert!(stream.headers_text(Message::Request).iter().any(|(name, _)| name == HEADER));
    stream.end();
    assert!(series(&host).is_empty());
    let (_, line) = host.log_lines().pop().expect("a line");
    assert!(line.contains("stats.metrics") && line.contains("no metrics are written"), "{line}");

    let host = mk_host(1);
    host.set_expression("request.host", Some("shop"));
    let with_tag = r#"{"stats": {"metrics": [{"dimensions": {"host": "request.host"}}]}}"#;
    let proxy = mk_proxy(&host, with_tag);
    assert_eq!(host.live_expressions(), 1);
    drop(proxy.configure(b"{}"));
    assert_eq!(host.live_expressions(), 0);
}

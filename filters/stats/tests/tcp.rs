//! Connections: opened, carrying bytes each period, closed; and every label on each side.

mod support;

use std::time::Duration;

use burgee_filter_config::StandardLabel;
use burgee_kit::HostError;
use burgee_kit::fake::{FakeHost, FakeProxy, FakeStream};
use burgee_stats::TcpStats;
use support::{make_inbound, mk_host, series, set_tls, written};

const PERIOD: Duration = Duration::from_secs(5);

const OPENED: &str = "istio_tcp_connections_opened_total";
const CLOSED: &str = "istio_tcp_connections_closed_total";
const RECEIVED: &str = "istio_tcp_received_bytes_total";
const SENT: &str = "istio_tcp_sent_bytes_total";
const ALL: [&str; 4] = [OPENED, CLOSED, RECEIVED, SENT];

/// A host with a connection on it that is no request.
fn mk_tcp_host() -> FakeHost {
    let host = mk_host();
    for path in ["request.protocol", "response.code", "request.host", "xds.route_name"] {
        host.remove(path);
    }
    host
}

fn mk_proxy(host: &FakeHost, configuration: &str) -> FakeProxy {
    FakeProxy::tcp::<TcpStats>(host, configuration.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

fn carry(connection: &FakeStream<'_>, received: i64, sent: i64) {
    connection.set("upstream.address", "10.0.0.1:5432");
    connection.set("request.size", received.to_le_bytes());
    connection.set("response.size", sent.to_le_bytes());
}

/// The sums of the four metrics; nothing for one without a series.
fn sums(host: &FakeHost) -> [Option<u64>; 4] {
    ALL.map(|metric| {
        let all = series(host, metric);
        (!all.is_empty()).then(|| all.iter().map(|(_, values)| values[0]).sum())
    })
}

#[test]
fn a_connection_is_opened_reports_each_period_and_is_closed() {
    let host = mk_tcp_host();
    let proxy = mk_proxy(&host, "");
    let connection = proxy.stream();
    host.remove("upstream.address");
    proxy.advance(PERIOD);
    assert_eq!(sums(&host), [None; 4], "nobody knows yet where it leads");
    host.set("upstream.address", "10.0.0.7:8080");
    carry(&connection, 0, 0);
    proxy.advance(PERIOD);
    assert_eq!(sums(&host), [Some(1), Some(0), Some(0), Some(0)], "the series are there");
    carry(&connection, 10, 2000);
    proxy.advance(PERIOD);
    assert_eq!(sums(&host), [Some(1), Some(0), Some(10), Some(2000)]);
    carry(&connection, 15, 2000);
    proxy.advance(PERIOD);
    assert_eq!(sums(&host), [Some(1), Some(0), Some(15), Some(2000)]);
    carry(&connection, 16, 2001);
    connection.end();
    assert_eq!(sums(&host), [Some(1), Some(1), Some(16), Some(2001)]);
    assert_eq!(written(&host).len(), 4);
    proxy.advance(PERIOD);
    assert_eq!(sums(&host), [Some(1), Some(1), Some(16), Some(2001)]);
}

#[test]
fn one_that_ends_before_its_first_period_is_written_at_its_end() {
    let host = mk_tcp_host();
    let proxy = mk_proxy(&host, r#"{"tcp_reporting_duration": "0s"}"#);
    assert_eq!(proxy.ticks(), 0, "all at the end");
    for _ in 0..3 {
        let connection = proxy.stream();
        carry(&connection, 7, 0);
        proxy.advance(PERIOD);
        connection.end();
    }
    proxy.stream().end();
    assert_eq!(sums(&host), [Some(4), Some(4), Some(21), Some(0)]);
}

#[test]
fn the_period_is_the_configured_one_and_text_that_is_none_is_told_of() {
    let host = mk_tcp_host();
    let proxy = mk_proxy(&host, r#"{"tcpReportingDuration": "1.5s"}"#);
    let connection = proxy.stream();
    carry(&connection, 1, 1);
    proxy.advance(Duration::from_millis(1499));
    assert_eq!(sums(&host), [None; 4]);
    proxy.advance(Duration::from_millis(1));
    assert_eq!(sums(&host)[0], Some(1));

    let host = mk_tcp_host();
    let proxy = mk_proxy(&host, r#"{"tcp_reporting_duration": "now and then"}"#);
    let connection = proxy.stream();
    carry(&connection, 1, 1);
    proxy.advance(PERIOD);
    assert_eq!(sums(&host)[0], Some(1), "the default");
    assert!(host.log_lines()[0].1.contains("now and then"), "{:?}", host.log_lines());
}

fn labels_of(host: &FakeHost) -> std::collections::BTreeMap<String, String> {
    let proxy = mk_proxy(host, "");
    let connection = proxy.stream();
    carry(&connection, 1, 1);
    connection.end();
    let mut all: Vec<_> = ALL.iter().flat_map(|metric| series(host, metric)).map(|it| it.0).collect();
    assert_eq!(all.len(), 4);
    all.dedup();
    assert_eq!(all.len(), 1, "all four have the same labels");
    all.remove(0)
}

fn check(host: &FakeHost, expected: &[(&str, &str)]) {
    let labels = labels_of(host);
    for (label, value) in expected {
        assert_eq!(labels.get(*label).map(String::as_str), Some(*value), "{label} in {labels:#?}");
    }
}

#[test]
fn the_labels_are_those_of_requests_but_for_what_a_connection_has_not() {
    let host = mk_tcp_host();
    let labels = labels_of(&host);
    let mut names: Vec<&str> = labels.keys().map(String::as_str).collect();
    let mut expected: Vec<&str> = StandardLabel::ALL.map(StandardLabel::name).to_vec();
    expected.retain(|name| !["response_code", "grpc_response_status"].contains(name));
    names.sort_unstable();
    expected.sort_unstable();
    assert_eq!(names, expected);
}

#[test]
fn a_client_s_connection() {
    let host = mk_tcp_host();
    host.set("request.host", "never.example");
    set_tls(&host, "upstream", "spiffe://td/ns/data/sa/db", "spiffe://td/ns/shop/sa/web");
    let endpoint = ["xds", "upstream_host_metadata", "filter_metadata", "istio", "workload"];
    host.set_path(&endpoint, "db-v1;data;db;;west");
    let service = ["xds", "cluster_metadata", "filter_metadata", "istio", "services", "0"];
    host.set_path(&[&service[..], &["host"]].concat(), "db.data.svc");
    host.set_path(&[&service[..], &["namespace"]].concat(), "data-ns");
    check(
        &host,
        &[
            ("reporter", "source"),
            ("request_protocol", "tcp"),
            ("source_workload", "web-v1"),
            ("source_principal", "spiffe://td/ns/shop/sa/web"),
            ("destination_principal", "spiffe://td/ns/data/sa/db"),
            ("destination_workload", "db-v1"),
            ("destination_workload_namespace", "data"),
            ("destination_canonical_service", "db"),
            ("destination_canonical_revision", "latest"),
            ("destination_cluster", "west"),
            ("destination_service", "db.data.svc"),
            ("destination_service_name", "db"),
            ("destination_service_namespace", "data-ns"),
            ("response_flags", "-"),
            ("connection_security_policy", "unknown"),
        ],
    );
}

#[test]
fn where_nothing_says_the_service_no_host_header_does() {
    let host = mk_tcp_host();
    host.set("request.host", "never.example");
    check(&host, &[("destination_service", "unknown"), ("destination_service_name", "unknown")]);
    let host = mk_tcp_host();
    host.set("xds.cluster_name", "PassthroughCluster");
    check(&host, &[("destination_service", "unknown"), ("destination_service_name", "PassthroughCluster")]);
}

#[test]
fn a_server_s_connection_knows_the_namespace_by_the_certificate() {
    let host = mk_tcp_host();
    make_inbound(&host);
    set_tls(&host, "connection", "spiffe://td/ns/peers/sa/peer", "spiffe://td/ns/shop/sa/web");
    check(
        &host,
        &[
            ("reporter", "destination"),
            ("source_workload", "unknown"),
            ("source_workload_namespace", "peers"),
            ("source_principal", "spiffe://td/ns/peers/sa/peer"),
            ("source_canonical_revision", "latest"),
            ("destination_workload", "web-v1"),
            ("destination_service", "web"),
            ("destination_service_namespace", "shop"),
            ("destination_principal", "spiffe://td/ns/shop/sa/web"),
            ("connection_security_policy", "mutual_tls"),
            ("request_protocol", "tcp"),
        ],
    );
}

#[test]
fn flags_that_come_at_the_end_are_those_of_the_end_and_nothing_is_counted_twice() {
    let host = mk_tcp_host();
    let proxy = mk_proxy(&host, "");
    let connection = proxy.stream();
    carry(&connection, 10, 20);
    proxy.advance(PERIOD);
    carry(&connection, 11, 21);
    connection.set("response.flags", 16384_u64.to_le_bytes());
    connection.end();
    assert_eq!(sums(&host), [Some(1), Some(1), Some(11), Some(21)]);
    let of = |metric: &str| {
        let all = series(&host, metric).into_iter();
        let mut all: Vec<_> =
            all.map(|(labels, values)| (labels["response_flags"].clone(), values[0])).collect();
        all.sort();
        all
    };
    assert_eq!(of(CLOSED), [("-".to_owned(), 0), ("DC".to_owned(), 1)]);
    assert_eq!(of(RECEIVED), [("-".to_owned(), 10), ("DC".to_owned(), 1)]);
    assert_eq!(of(OPENED), [("-".to_owned(), 1), ("DC".to_owned(), 0)]);

    let failed = proxy.stream();
    failed.set("response.flags", 32_u64.to_le_bytes());
    failed.end();
    assert!(of(OPENED).contains(&("UF".to_owned(), 1)), "{:?}", of(OPENED));
}

#[test]
fn labels_are_read_once_however_long_a_connection_is_open() {
    let host = mk_tcp_host();
    let proxy = mk_proxy(&host, "");
    let connection = proxy.stream();
    carry(&connection, 1, 1);
    proxy.advance(PERIOD);
    let before = host.property_reads();
    carry(&connection, 2, 2);
    proxy.advance(PERIOD);
    assert_eq!(host.property_reads() - before, 2);
    let before = host.property_reads();
    connection.end();
    assert_eq!(host.property_reads() - before, 3, "the flags too");
}

#[test]
fn metrics_are_changed_dropped_and_defined() {
    let host = mk_tcp_host();
    host.set_expression("string(destination.port)", Some("5432"));
    host.set_expression("response.size + request.size", Some("33"));
    host.set_expression("request.method", None);
    let proxy = mk_proxy(
        &host,
        r#"{"definitions": [{"name": "tcp_total", "value": "response.size + request.size"}],
            "metrics": [
                {"name": "tcp_sent_bytes_total", "drop": true},
                {"name": "requests_total", "dimensions": {"a": "uncompiled("}},
                {"name": "tcp_connections_opened_total", "dimensions": {"port": "string(destination.port)",
                    "response_code": "'never'", "method": "request.method"}, "tags_to_remove": ["reporter"]},
                {"name": "tcp_total", "dimensions": {"to": "string(destination.port)"}}]}"#,
    );
    for _ in 0..2 {
        let connection = proxy.stream();
        connection.connect();
        carry(&connection, 11, 22);
        // Evaluated when the connection began, and not for the root, as it would be now.
        host.set_expression("string(destination.port)", Some("of the root"));
        let opened = sums(&host)[0].unwrap_or_default();
        proxy.advance(PERIOD);
        assert_eq!(sums(&host)[0], Some(opened + 1));
        host.set_expression("string(destination.port)", Some("5432"));
        connection.end();
    }
    assert_eq!(sums(&host), [Some(2), Some(2), Some(22), None]);
    let (labels, _) = &series(&host, OPENED)[0];
    assert_eq!((labels["port"].as_str(), labels["method"].as_str()), ("5432", "unknown"));
    assert!(!labels.contains_key("reporter") && !labels.contains_key("response_code"));
    assert!(!series(&host, CLOSED)[0].0.contains_key("port"));
    let defined = series(&host, "istio_tcp_total");
    assert_eq!(defined.len(), 1);
    assert_eq!(defined[0].0.iter().collect::<Vec<_>>(), [(&"to".to_owned(), &"5432".to_owned())]);
    assert_eq!(defined[0].1, [66]);
    assert!(host.log_lines().is_empty(), "{:?}", host.log_lines());
}

#[test]
fn what_an_expression_says_of_the_upstream_is_read_at_the_end() {
    let host = mk_tcp_host();
    host.set_expression("string(upstream.port)", None);
    let configuration = r#"{"metrics": [{"dimensions": {"port": "string(upstream.port)"}}]}"#;
    let proxy = mk_proxy(&host, configuration);
    let connection = proxy.stream();
    connection.connect();
    carry(&connection, 1, 2);
    proxy.advance(PERIOD);
    assert_eq!(sums(&host), [None; 4]);
    host.set_expression("string(upstream.port)", Some("5432"));
    connection.end();
    assert_eq!(sums(&host), [Some(1), Some(1), Some(1), Some(2)]);
    assert_eq!(series(&host, OPENED)[0].0["port"], "5432");
}

#[test]
fn series_are_bounded() {
    let host = mk_tcp_host();
    host.set_expression("connection.requested_server_name", Some(""));
    let proxy = mk_proxy(
        &host,
        r#"{"max_series": 3, "metrics": [{"dimensions": {"sni": "connection.requested_server_name"}}]}"#,
    );
    for i in 0..200 {
        host.set_expression("connection.requested_server_name", Some(&format!("host-{i}")));
        let connection = proxy.stream();
        connection.connect();
        carry(&connection, 1, 1);
        connection.end();
    }
    assert_eq!(series(&host, OPENED).len(), 4);
    assert_eq!(sums(&host), [Some(200); 4]);
}

#[test]
fn a_configuration_that_cannot_be_read_and_calls_that_fail_end_nothing() {
    let host = mk_tcp_host();
    let proxy = mk_proxy(&host, "[");
    let connection = proxy.stream();
    proxy.advance(PERIOD);
    connection.end();
    assert!(written(&host).is_empty());

    for error in [HostError::InternalFailure, HostError::BadArgument, HostError::NotFound] {
        let host = mk_tcp_host();
        let proxy = mk_proxy(&host, "");
        let (early, late) = (proxy.stream(), proxy.stream());
        host.fail_every_call(error);
        proxy.advance(PERIOD);
        early.end();
        host.stop_failing();
        carry(&late, 5, 6);
        late.end();
        assert_eq!(sums(&host), [Some(1), Some(1), Some(5), Some(6)], "{error}");
    }
}

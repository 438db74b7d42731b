//! Nothing that a configuration, a client or the host does makes the filter fail or grow without end.

mod support;

use burgee_filter_config::stat_name::MAX_VALUE_BYTES;
use burgee_kit::fake::{FakeHost, FakeProxy};
use burgee_kit::{HostError, LogFilter, LogLevel};
use burgee_stats::Stats;
use proptest::prelude::*;
use support::{configure, defined, labels, make_inbound, mk_host, published, run, series, set_tls, written};

#[test]
fn a_configuration_that_cannot_be_read_makes_the_filter_inert_and_says_so() {
    for garbage in [
        &b"["[..],
        b"{\"metrics\": 3}",
        b"\0\x01",
        b"{\"reporter\": 9}",
        b"null",
        b"\"\"",
        b"\xff\xfe\x0a\x05",
    ] {
        let host = mk_host();
        let proxy = FakeProxy::log::<Stats>(&host, garbage).unwrap_or_else(|error| panic!("{error}"));
        proxy.log_without_context();
        proxy.stream().end();
        proxy.configure(garbage).unwrap_or_else(|error| panic!("{error}"));
        assert!(written(&host).is_empty(), "{garbage:?}");
        let lines = host.log_lines();
        assert_eq!(lines.len(), 2, "{garbage:?}: {lines:?}");
        assert_eq!(lines[0].0, LogLevel::Error);
        assert!(lines[0].1.contains("no metrics are written"), "{lines:?}");
    }
}

#[test]
fn hostile_hosts_neither_forge_labels_nor_break_the_name() {
    for hostile in [
        b"a;.;response_code=.=999;.;".to_vec(),
        b"=.=".to_vec(),
        b";.;".to_vec(),
        b"\xff\xfe\x00\n".to_vec(),
        vec![b'a'; 10_000],
        "ü".repeat(5_000).into_bytes(),
    ] {
        let host = mk_host();
        host.set("request.host", hostile);
        run(&host, "");
        let labels = labels(&host);
        assert_eq!(labels.len(), 25);
        assert_eq!(labels["response_code"], "200");
        assert!(labels["destination_service"].len() <= MAX_VALUE_BYTES);
    }
}

#[test]
fn beyond_the_limit_what_clients_choose_becomes_other() {
    let host = mk_host();
    let mut stats = configure(&host, br#"{"max_series": 3}"#);
    for i in 0..1000 {
        host.set("request.host", format!("host-{i}"));
        stats.log(&host);
    }
    let all = series(&host, "istio_requests_total");
    assert_eq!(all.len(), 4);
    let total: u64 = all.iter().map(|(_, values)| values[0]).sum();
    assert_eq!(total, 1000, "no request is lost");
    let other = all.iter().find(|(labels, _)| labels["destination_service"] == "other").unwrap();
    assert_eq!(other.1, [997]);
    assert_eq!(other.0["destination_service_name"], "other");
    assert_eq!(other.0["response_code"], "200");
    assert_eq!(defined(&host), 16);
    assert_eq!(host.log_lines().len(), 1, "it is said once: {:?}", host.log_lines());

    host.set("request.host", "host-1");
    stats.log(&host);
    let known = series(&host, "istio_requests_total");
    let known = known.iter().find(|(labels, _)| labels["destination_service"] == "host-1").unwrap();
    assert_eq!(known.1, [2], "a series that exists is still written");
}

#[test]
fn the_results_of_expressions_are_bounded_too() {
    let host = mk_host();
    host.set_expression("request.path", Some(""));
    let mut stats =
        configure(&host, br#"{"max_series": 2, "metrics": [{"dimensions": {"path": "request.path"}}]}"#);
    for i in 0..50 {
        host.set_expression("request.path", Some(&format!("/{i}")));
        stats.log(&host);
    }
    let paths: Vec<String> = series(&host, "istio_requests_total")
        .into_iter()
        .map(|(mut labels, _)| labels.remove("path").unwrap())
        .collect();
    assert_eq!(paths, ["/0", "/1", "other"]);
}

#[test]
fn there_is_a_last_bound_whatever_differs() {
    let host = mk_host();
    make_inbound(&host);
    let mut stats = configure(&host, br#"{"max_series": 5}"#);
    for i in 0..500_i64 {
        host.set("response.code", i.to_le_bytes());
        host.set("connection.id", i.to_le_bytes());
        host.set("request.host", format!("host-{i}"));
        set_tls(&host, "connection", &format!("spiffe://td/ns/n{i}/sa/a"), "spiffe://td/ns/shop/sa/web");
        stats.log(&host);
    }
    let all = series(&host, "istio_requests_total");
    assert_eq!(all.len(), 11, "twice the limit and one last set");
    let total: u64 = all.iter().map(|(_, values)| values[0]).sum();
    assert_eq!(total, 500);
    assert_eq!(defined(&host), 44);
    let last = all.iter().find(|(labels, _)| labels["response_code"] == "other").unwrap();
    assert_eq!(last.1, [490]);
    assert_eq!(last.0["destination_workload"], "web-v1", "what never differs is kept");
}

#[test]
fn every_call_may_fail_at_any_time() {
    let errors =
        [HostError::InternalFailure, HostError::BadArgument, HostError::NotFound, HostError::Status(4711)];
    let configuration = r#"{"metrics": [{"dimensions": {"m": "request.method"}}]}"#;
    for error in errors {
        for inbound in [false, true] {
            let host = mk_host();
            if inbound {
                make_inbound(&host);
            }
            host.set_expression("request.method", Some("GET"));
            host.fail_every_call(error);
            let mut stats = run(&host, configuration);
            assert!(written(&host).is_empty());
            host.stop_failing();
            stats.log(&host);
            assert_eq!(series(&host, "istio_requests_total").len(), 1, "it works again when the host does");
            stats.retire(&host);
        }
    }
}

#[test]
fn each_single_call_may_fail() {
    let mk = || {
        let host = mk_host();
        host.set_expression("request.method", Some("GET"));
        set_tls(&host, "upstream", "spiffe://td/ns/a/sa/a", "spiffe://td/ns/b/sa/b");
        host
    };
    let configuration = r#"{"metrics": [{"dimensions": {"m": "request.method"}}]}"#;
    let host = mk();
    run(&host, configuration);
    for failing in 0..host.calls() {
        let host = mk();
        host.fail_one_call(failing, HostError::InternalFailure);
        let mut stats = run(&host, configuration);
        stats.log(&host);
        let counted: u64 = series(&host, "istio_requests_total").iter().map(|(_, values)| values[0]).sum();
        assert!(counted >= 1, "call {failing}");
        stats.retire(&host);
    }
}

#[test]
fn a_cluster_is_asked_for_its_metadata_once_and_again_after_a_while() {
    let host = mk_host();
    const HOST: &str = "xds.cluster_metadata.filter_metadata.istio.services.0.host";
    host.set(HOST, "old.x");
    host.set("upstream_peer", published("api", "back"));
    let mut stats = run(&host, "");
    host.set(HOST, "new.x");
    let before = host.property_reads();
    stats.log(&host);
    let warm = host.property_reads() - before;
    host.set_now_nanoseconds(60_000_000_000);
    let before = host.property_reads();
    stats.log(&host);
    // What it stands for, and what is known of the endpoint.
    assert_eq!(host.property_reads() - before, warm + 3 + 2);
    let services: Vec<(String, Vec<u64>)> = series(&host, "istio_requests_total")
        .into_iter()
        .map(|(mut labels, values)| (labels.remove("destination_service").unwrap(), values))
        .collect();
    assert_eq!(services, [("new.x".to_owned(), vec![1]), ("old.x".to_owned(), vec![2])]);
}

#[test]
fn a_warm_request_costs_few_calls() {
    const SERVICE: &str = "xds.cluster_metadata.filter_metadata.istio.services.0.host";
    for (inbound, described, peer, reads, clocks) in [
        // Of a cluster that is described nobody asks for the Host header.
        (false, true, Some("upstream_peer"), 10, 2),
        (false, false, Some("upstream_peer"), 11, 2),
        (false, false, None, 11, 2),
        (true, true, Some("downstream_peer"), 10, 1),
        (true, false, Some("downstream_peer"), 11, 1),
        (true, false, None, 11, 1),
    ] {
        let host = mk_host();
        if inbound {
            make_inbound(&host);
        }
        if described {
            host.set(SERVICE, "api.back.svc");
        }
        if let Some(peer) = peer {
            host.set(peer, published("api", "back"));
        }
        let mut stats = run(&host, "");
        // Without a peer Istio's own filter is looked for, ever less often: not at this third request.
        stats.log(&host);
        let (calls, properties, definitions) = (host.calls(), host.property_reads(), defined(&host));
        stats.log(&host);
        assert_eq!(host.property_reads() - properties, reads, "{inbound} {described} {peer:?}");
        assert_eq!(host.calls() - calls, reads + 4 + clocks, "the metrics and the clock");
        assert_eq!(defined(&host), definitions);
    }
}

const PATHS: [&str; 23] = [
    "xds.listener_direction",
    "xds.cluster_name",
    "xds.route_name",
    "xds.cluster_metadata.filter_metadata.istio.services.0.host",
    "xds.cluster_metadata.filter_metadata.istio.services.0.name",
    "xds.cluster_metadata.filter_metadata.istio.services.0.namespace",
    "xds.upstream_host_metadata.filter_metadata.istio.workload",
    "request.host",
    "request.headers.content-type",
    "request.duration",
    "request.total_size",
    "response.total_size",
    "response.code",
    "response.flags",
    "response.grpc_status",
    "connection.id",
    "connection.tls_version",
    "connection.uri_san_peer_certificate",
    "connection.uri_san_local_certificate",
    "upstream.address",
    "upstream.tls_version",
    "upstream.uri_san_peer_certificate",
    "upstream.uri_san_local_certificate",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_attributes_give_well_formed_series(
        values in proptest::collection::vec(
            proptest::option::of(prop_oneof![
                any::<Vec<u8>>(),
                any::<[u8; 8]>().prop_map(Vec::from),
                "(;|\\.|=|a){0,12}".prop_map(String::into_bytes),
            ]),
            PATHS.len(),
        ),
        inbound in any::<bool>(),
    ) {
        let host = FakeHost::new();
        host.set("request.protocol", "HTTP/2");
        for (path, value) in PATHS.iter().zip(values) {
            if let Some(value) = value {
                host.set(path, value);
            }
        }
        run(&host, if inbound { r#"{"reporter": "SERVER"}"# } else { "" });
        prop_assert_eq!(labels(&host).len(), 25);
    }

    #[test]
    fn any_configuration_is_taken_or_refused(bytes in any::<Vec<u8>>(), text in "\\PC{0,40}") {
        let host = mk_host();
        for configuration in [bytes, text.clone().into_bytes(), format!("{{\"metrics\":[{text}]}}").into_bytes()] {
            if let Ok(mut stats) = Stats::configure(&host, &configuration) {
                stats.log(&host);
            }
        }
    }
}

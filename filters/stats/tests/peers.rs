//! Who is at the other end of a request, by whatever says so.

mod support;

use std::collections::BTreeMap;

use burgee_kit::LogFilter;
use burgee_kit::fake::FakeHost;
use burgee_kit::peer::PeerWorkload;
use support::{check, configure, labels, make_inbound, mk_host, published, run, series, set_tls};

const ENDPOINT: &str = "xds.upstream_host_metadata.filter_metadata.istio.workload";

/// Istio's own object, which is asked for each field.
fn set_istio_s(host: &FakeHost, object: &str) {
    for (field, value) in [
        ("workload", "own-v3"),
        ("namespace", "own-ns"),
        ("cluster", "own-cluster"),
        ("service", "own"),
        ("revision", "rev-3"),
        ("app", "own-app"),
        ("version", "v3"),
    ] {
        host.set_path(&["filter_state", object, field], value);
    }
}

fn expected(side: &str, peer: [&str; 7]) -> Vec<(String, String)> {
    let names = [
        "workload",
        "workload_namespace",
        "cluster",
        "canonical_service",
        "canonical_revision",
        "app",
        "version",
    ];
    names.iter().zip(peer).map(|(name, value)| (format!("{side}_{name}"), value.to_owned())).collect()
}

fn check_side(host: &FakeHost, configuration: &str, side: &str, peer: [&str; 7]) {
    let expected = expected(side, peer);
    let expected: Vec<(&str, &str)> = expected.iter().map(|(l, v)| (l.as_str(), v.as_str())).collect();
    check(host, configuration, &expected);
}

const PUBLISHED: [&str; 7] = ["api-v2", "back", "west", "api", "rev-2", "api-app", "v2"];
const ISTIO_S: [&str; 7] = ["own-v3", "own-ns", "own-cluster", "own", "rev-3", "own-app", "v3"];
const UNKNOWN: [&str; 7] = ["unknown", "unknown", "unknown", "unknown", "latest", "unknown", "unknown"];

#[test]
fn a_server_shows_who_called_and_itself() {
    let host = mk_host();
    make_inbound(&host);
    host.set("downstream_peer", published("api", "back"));
    host.set("upstream_peer", published("other", "other"));
    check_side(&host, "", "source", PUBLISHED);
    let labels = labels(&host);
    assert_eq!(
        (labels["destination_workload"].as_str(), labels["destination_app"].as_str()),
        ("web-v1", "web")
    );
    assert_eq!(labels["source_principal"], "unknown");
}

#[test]
fn a_client_shows_who_answered_and_where_that_is_unknown_the_endpoint() {
    let host = mk_host();
    host.set(ENDPOINT, "end-v1;end-ns;end;;north");
    check_side(
        &host,
        "",
        "destination",
        ["end-v1", "end-ns", "north", "end", "latest", "unknown", "unknown"],
    );
    let host = mk_host();
    host.set(ENDPOINT, "end-v1;end-ns;end;;north");
    host.set("upstream_peer", published("api", "back"));
    host.set("downstream_peer", published("other", "other"));
    check_side(&host, "", "destination", PUBLISHED);
    let labels = labels(&host);
    assert_eq!(labels["source_workload"], "web-v1");
    assert_eq!(labels["destination_service_namespace"], "back");
}

#[test]
fn a_waypoint_shows_both_ends() {
    let host = mk_host();
    host.set("downstream_peer", published("caller", "front"));
    host.set("upstream_peer", published("api", "back"));
    check_side(&host, r#"{"reporter": "SERVER_GATEWAY"}"#, "destination", PUBLISHED);
    let labels = labels(&host);
    assert_eq!(labels["source_workload"], "caller-v2");
    assert_eq!(labels["destination_service_namespace"], "unknown");
}

#[test]
fn what_istio_s_own_filters_publish_goes_first() {
    for object in ["downstream_peer_obj", "downstream_peer"] {
        let host = mk_host();
        make_inbound(&host);
        host.set("downstream_peer", published("api", "back"));
        set_istio_s(&host, object);
        check_side(&host, "", "source", ISTIO_S);
    }
    let host = mk_host();
    set_istio_s(&host, "upstream_peer");
    check_side(&host, "", "destination", ISTIO_S);
}

#[test]
fn a_certificate_s_namespace_and_identity_go_before_what_a_peer_says() {
    let peer = PeerWorkload {
        identity: b"spiffe://td/ns/said/sa/said".to_vec(),
        ..PeerWorkload::from_bytes(&published("api", "said")).unwrap()
    };
    let peer = peer.into_bytes();
    let host = mk_host();
    make_inbound(&host);
    host.set("downstream_peer", peer.clone());
    // A client's word for its identity is none.
    check(&host, "", &[("source_workload_namespace", "said"), ("source_principal", "unknown")]);
    let host = mk_host();
    make_inbound(&host);
    host.set("downstream_peer", peer.clone());
    set_tls(&host, "connection", "spiffe://td/ns/shown/sa/shown", "spiffe://td/ns/shop/sa/web");
    check(
        &host,
        "",
        &[("source_workload_namespace", "shown"), ("source_principal", "spiffe://td/ns/shown/sa/shown")],
    );
    let host = mk_host();
    host.set("upstream_peer", peer.clone());
    check(&host, "", &[("destination_principal", "spiffe://td/ns/said/sa/said")]);
    let host = mk_host();
    host.set("upstream_peer", peer);
    set_tls(&host, "upstream", "spiffe://td/ns/shown/sa/shown", "spiffe://td/ns/shop/sa/web");
    check(
        &host,
        "",
        &[
            ("destination_principal", "spiffe://td/ns/shown/sa/shown"),
            ("destination_workload_namespace", "shown"),
        ],
    );
}

#[test]
fn garbage_is_nobody() {
    for garbage in [&b"\xff"[..], b"", b"\x0a\x05k", b"text"] {
        let host = mk_host();
        make_inbound(&host);
        host.set("downstream_peer", garbage);
        check_side(&host, "", "source", UNKNOWN);
    }
}

#[test]
fn istio_s_object_is_looked_for_ever_less_often_while_nobody_is_there() {
    let host = mk_host();
    make_inbound(&host);
    let mut stats = run(&host, "");
    let mut reads = Vec::new();
    for _ in 2..=64 {
        let before = host.property_reads();
        stats.log(&host);
        reads.push(host.property_reads() - before);
    }
    let usual = *reads.iter().min().unwrap();
    assert_eq!(
        reads.iter().filter(|count| **count == usual + 2).count(),
        6,
        "2, 4, 8, 16, 32 and 64: {reads:?}"
    );
    assert_eq!(reads.iter().sum::<usize>(), 63 * usual + 12);
    // And one that comes late is found.
    set_istio_s(&host, "downstream_peer_obj");
    for _ in 65..=128 {
        stats.log(&host);
    }
    let shown = series(&host, "istio_requests_total");
    assert!(shown.iter().any(|(labels, _)| labels["source_workload"] == "own-v3"), "{shown:?}");
}

#[test]
fn callers_that_invent_names_make_no_more_series_than_there_is_room_for() {
    let host = mk_host();
    make_inbound(&host);
    let mut stats = configure(&host, br#"{"max_series": 10}"#);
    for number in 0..1000 {
        host.set("downstream_peer", published(&format!("a{number};.;reporter=.=x"), "back"));
        stats.log(&host);
    }
    let shown: Vec<BTreeMap<String, String>> =
        series(&host, "istio_requests_total").into_iter().map(|(labels, _)| labels).collect();
    assert_eq!(shown.len(), 11);
    assert!(shown.iter().all(|labels| labels["reporter"] == "destination" && labels.len() == 25));
    assert!(shown.iter().any(|labels| labels["source_workload"] == "other"));
}

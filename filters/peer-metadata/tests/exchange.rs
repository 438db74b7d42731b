//! What the filter does to the headers of both directions on each side, and what it publishes.

use burgee_filter_config::stat_name::clean_value;
use burgee_kit::fake::{FakeHost, FakeProxy, FakeStream, Flow};
use burgee_kit::peer::PeerWorkload;
use burgee_kit::{HostError, Message};
use burgee_peer_metadata::{ID_HEADER, MAX_HEADER_BYTES, PeerMetadata, VALUE_HEADER};
use proptest::prelude::*;

/// The other end: workload `productpage-v1` of namespace `default`.
const PRODUCTPAGE: &str = include_str!("productpage.txt");
const PEER_ID: &str = "sidecar~10.0.0.2~productpage.default~default.svc.cluster.local";
const OWN_ID: &str = "sidecar~10.0.0.1~web.shop~shop.svc.cluster.local";
const META: &str = "xds.cluster_metadata.filter_metadata.istio";

fn peer() -> &'static str {
    PRODUCTPAGE.trim_end()
}

fn mk_host() -> FakeHost {
    let host = FakeHost::new();
    for (keys, value) in [
        (&["NAME"] as &[&str], "web-v1-abc"),
        (&["WORKLOAD_NAME"], "web-v1"),
        (&["NAMESPACE"], "shop"),
        (&["LABELS", "app"], "web"),
        (&["LABELS", "role"], "front"),
    ] {
        host.set_path(&[&["xds", "node", "metadata"], keys].concat(), value);
    }
    host.set("xds.node.id", OWN_ID);
    host.set("xds.cluster_name", "outbound|80||api");
    host.set(&format!("{META}.services.0.host"), "api.back.svc");
    host.set("source.address", "10.0.0.7:4711");
    host.set("upstream.address", "[fd00::8]:80");
    host.set_foreign_function("declare_property", Ok(Vec::new()));
    host
}

fn mk_proxy(host: &FakeHost, configuration: &str) -> FakeProxy {
    FakeProxy::http::<PeerMetadata>(host, configuration.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

/// The two headers of a message, as far as it has them.
fn headers(stream: &FakeStream<'_>, message: Message) -> Vec<(String, String)> {
    let mut headers = stream.headers_text(message);
    headers.retain(|(name, _)| name == VALUE_HEADER || name == ID_HEADER);
    headers
}

fn published(stream: &FakeStream<'_>, property: &str) -> Option<PeerWorkload> {
    stream.property(property).map(|bytes| PeerWorkload::from_bytes(&bytes).unwrap())
}

fn workload(stream: &FakeStream<'_>, property: &str) -> Option<String> {
    published(stream, property).map(|peer| String::from_utf8(peer.workload).unwrap())
}

fn said_by(value: &str) -> PeerWorkload {
    let host = mk_host();
    let proxy = mk_proxy(&host, r#"{"role": "INBOUND", "additional_labels": ["role"]}"#);
    let stream = proxy.stream();
    stream.request_headers(&[(VALUE_HEADER, value)], true);
    published(&stream, "downstream_peer").unwrap()
}

#[test]
fn each_field_is_published_by_itself_where_that_is_asked_for() {
    for asked in [true, false] {
        let host = mk_host();
        let proxy =
            mk_proxy(&host, &format!(r#"{{"role": "INBOUND", "publish_fields": {asked}, "max_peers": 2}}"#));
        // The second time from what is remembered.
        for _ in 0..2 {
            let stream = proxy.stream();
            stream.request_headers(&[(VALUE_HEADER, peer())], true);
            let shown = |field: &str| {
                let value = stream.property(&format!("downstream_peer_{field}"));
                value.map(|value| String::from_utf8(value).unwrap())
            };
            let expected = [
                ("workload", "productpage-v1"),
                ("namespace", "default"),
                ("service", "productpage-v1"),
                ("revision", "version-1"),
                ("app", "productpage"),
                ("version", "v1"),
                ("cluster", "client-cluster"),
                // What is not known has the text that stands for it.
                ("identity", "unknown"),
            ];
            for (field, value) in expected {
                assert_eq!(shown(field).as_deref(), asked.then_some(value), "{field}");
            }
            assert_eq!(stream.property("upstream_peer_workload"), None);
        }
    }
}

#[test]
fn a_field_is_published_as_a_metric_can_show_it() {
    let host = mk_host();
    let proxy = mk_proxy(
        &host,
        r#"{"role": "INBOUND", "publish_fields": true, "index": {"10.0.0.7": {"workload": "web;.;\u0001"}}}"#,
    );
    let stream = proxy.stream();
    stream.request_headers(&[], true);
    let shown = |field: &str| stream.property(&format!("downstream_peer_{field}")).map(String::from_utf8);
    assert_eq!(shown("workload").unwrap().unwrap(), clean_value(b"web;.;\x01"));
    assert_eq!(shown("revision").unwrap().unwrap(), "latest");
}

#[test]
fn a_server_takes_the_headers_out_and_answers_with_its_own() {
    let host = mk_host();
    let proxy = mk_proxy(&host, r#"{"role": "INBOUND"}"#);
    let stream = proxy.stream();
    let flow = stream
        .request_headers(&[(":path", "/"), (VALUE_HEADER, peer()), (ID_HEADER, PEER_ID), ("x-a", "1")], true);
    assert_eq!(flow, Flow::Passed);
    let left: Vec<String> = stream.headers_text(Message::Request).into_iter().map(|(name, _)| name).collect();
    assert_eq!(left, [":path", "x-a"]);
    assert_eq!(workload(&stream, "downstream_peer").as_deref(), Some("productpage-v1"));
    assert_eq!(stream.property("upstream_peer"), None);

    stream.response_headers(&[(":status", "200")], true);
    let answered = headers(&stream, Message::Response);
    assert_eq!(answered.len(), 2);
    assert_eq!(answered[1], (ID_HEADER.to_owned(), OWN_ID.to_owned()));
    let own = said_by(&answered[0].1);
    assert_eq!(
        (own.workload, own.namespace, own.name),
        (b"web-v1".into(), b"shop".into(), b"web-v1-abc".into())
    );
    assert_eq!(host.log_lines(), []);
}

#[test]
fn a_server_tells_nothing_to_who_said_nothing() {
    let host = mk_host();
    let proxy = mk_proxy(&host, r#"{"role": "INBOUND"}"#);
    for (sent, answered) in [
        (&[][..], &[][..]),
        (&[(ID_HEADER, PEER_ID)], &[ID_HEADER]),
        (&[(VALUE_HEADER, peer())], &[VALUE_HEADER]),
    ] {
        let stream = proxy.stream();
        stream.request_headers(sent, true);
        stream.response_headers(&[(":status", "200")], true);
        let names: Vec<String> =
            headers(&stream, Message::Response).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, answered);
        assert_eq!(headers(&stream, Message::Request), []);
        // An id alone says nothing.
        assert_eq!(stream.property("downstream_peer").is_some(), sent.contains(&(VALUE_HEADER, peer())));
    }
}

#[test]
fn a_client_says_who_it_is_and_takes_the_answer_out() {
    for role in ["OUTBOUND", "GATEWAY"] {
        let host = mk_host();
        let proxy = mk_proxy(&host, &format!(r#"{{"role": "{role}", "additional_labels": ["role"]}}"#));
        let stream = proxy.stream();
        // What the client says of itself does not count.
        stream
            .request_headers(&[(VALUE_HEADER, peer()), (ID_HEADER, "forged"), (VALUE_HEADER, "twice")], true);
        let sent = headers(&stream, Message::Request);
        assert_eq!(sent.len(), 2);
        assert_eq!(sent[1], (ID_HEADER.to_owned(), OWN_ID.to_owned()));
        let own = said_by(&sent[0].1);
        assert_eq!(own.workload, b"web-v1");
        assert_eq!(own.labels, [(b"role".to_vec(), b"front".to_vec())]);
        assert_eq!(stream.property("downstream_peer"), None);

        stream.response_headers(&[(":status", "200"), (ID_HEADER, PEER_ID), (VALUE_HEADER, peer())], true);
        assert_eq!(stream.headers_text(Message::Response), [(":status".to_owned(), "200".to_owned())]);
        assert_eq!(workload(&stream, "upstream_peer").as_deref(), Some("productpage-v1"));
    }
}

#[test]
fn nobody_outside_of_the_mesh_is_told_or_believed() {
    let unset = |host: &FakeHost| host.remove(&format!("{META}.services.0.host"));
    let external = |host: &FakeHost| host.set(&format!("{META}.external"), [1]);
    let no_exchange = |host: &FakeHost| host.set(&format!("{META}.disable_mx"), [1]);
    let no_cluster = |host: &FakeHost| host.remove("xds.cluster_name");
    let passthrough = |host: &FakeHost| host.set("xds.cluster_name", "PassthroughCluster");
    type Change = fn(&FakeHost);
    let cases: [(Change, &str, bool); 9] = [
        (|_| (), "DESCRIBED", true),
        (unset, "DESCRIBED", false),
        (external, "DESCRIBED", false),
        (no_exchange, "DESCRIBED", false),
        (no_cluster, "DESCRIBED", false),
        (unset, "NOT_EXTERNAL", true),
        (external, "NOT_EXTERNAL", false),
        (no_exchange, "NOT_EXTERNAL", false),
        (passthrough, "NOT_EXTERNAL", false),
    ];
    for (number, (change, recipients, is_told)) in cases.into_iter().enumerate() {
        let host = mk_host();
        change(&host);
        let proxy = mk_proxy(&host, &format!(r#"{{"role": "GATEWAY", "recipients": "{recipients}"}}"#));
        let stream = proxy.stream();
        stream.request_headers(&[(VALUE_HEADER, peer()), (ID_HEADER, PEER_ID)], true);
        let sent = headers(&stream, Message::Request);
        assert_eq!(sent.len(), if is_told { 2 } else { 0 }, "{number}");
        assert!(!sent.iter().any(|(_, value)| value == peer() || value == PEER_ID), "{number}");
        stream.response_headers(&[(VALUE_HEADER, peer()), (ID_HEADER, PEER_ID)], true);
        assert_eq!(headers(&stream, Message::Response), [], "{number}");
        assert_eq!(stream.property("upstream_peer").is_some(), is_told, "{number}");
    }
}

#[test]
fn the_listener_s_direction_is_the_side_unless_it_is_configured() {
    for (direction, role, is_server) in [
        (1_i64, "UNSPECIFIED", true),
        (2, "UNSPECIFIED", false),
        (0, "UNSPECIFIED", false),
        (1, "OUTBOUND", false),
    ] {
        let host = mk_host();
        host.set("xds.listener_direction", direction.to_le_bytes());
        let proxy = mk_proxy(&host, &format!(r#"{{"role": "{role}"}}"#));
        let stream = proxy.stream();
        stream.request_headers(&[(VALUE_HEADER, peer())], true);
        assert_eq!(stream.property("downstream_peer").is_some(), is_server, "{direction} {role}");
        assert_eq!(headers(&stream, Message::Request).is_empty(), is_server, "{direction} {role}");
    }
}

#[test]
fn garbage_is_taken_out_says_nothing_and_is_answered() {
    let long = "A".repeat(MAX_HEADER_BYTES + 4);
    for garbage in ["", "?", "AAA", "/w==", long.as_str(), &peer()[1..], &peer()[..100]] {
        let host = mk_host();
        let proxy = mk_proxy(&host, r#"{"role": "INBOUND"}"#);
        let stream = proxy.stream();
        stream.request_headers(&[(VALUE_HEADER, garbage), (ID_HEADER, PEER_ID)], true);
        assert_eq!(headers(&stream, Message::Request), []);
        assert_eq!(stream.property("downstream_peer"), None);
        stream.response_headers(&[(":status", "200")], true);
        assert_eq!(headers(&stream, Message::Response).len(), 2);
    }
}

#[test]
fn of_several_values_the_first_counts_and_an_id_takes_nobody_s_place() {
    let host = mk_host();
    let proxy = mk_proxy(&host, r#"{"role": "INBOUND"}"#);
    let seen = |values: &[&str]| {
        let stream = proxy.stream();
        let mut headers: Vec<(&str, &str)> = values.iter().map(|value| (VALUE_HEADER, *value)).collect();
        headers.push((ID_HEADER, PEER_ID));
        stream.request_headers(&headers, true);
        assert_eq!(self::headers(&stream, Message::Request), []);
        workload(&stream, "downstream_peer")
    };
    // `WORKLOAD_NAME` is `x`.
    let other = "ChYKDVdPUktMT0FEX05BTUUSBRoDeHh4";
    assert_eq!(seen(&[peer()]).as_deref(), Some("productpage-v1"));
    assert_eq!(seen(&[other]).as_deref(), Some("xxx"), "the id is known, what it says is new");
    assert_eq!(seen(&[peer(), other]).as_deref(), Some("productpage-v1"));
    assert_eq!(seen(&[other, peer()]).as_deref(), Some("xxx"));
}

#[test]
fn who_says_nothing_is_looked_up_by_the_address() {
    let index =
        r#""index": {"10.0.0.7": {"workload": "old-v1", "app": "old"}, "fd00::8": {"workload": "db"}}"#;
    let host = mk_host();
    let proxy = mk_proxy(&host, &format!(r#"{{"role": "INBOUND", {index}}}"#));
    let stream = proxy.stream();
    stream.request_headers(&[], true);
    assert_eq!(workload(&stream, "downstream_peer").as_deref(), Some("old-v1"));
    let stream = proxy.stream();
    stream.request_headers(&[(VALUE_HEADER, peer())], true);
    assert_eq!(workload(&stream, "downstream_peer").as_deref(), Some("productpage-v1"));
    host.set("source.address", "10.0.0.9:1");
    let stream = proxy.stream();
    stream.request_headers(&[], true);
    assert_eq!(stream.property("downstream_peer"), None);

    let proxy = mk_proxy(&host, &format!(r#"{{"role": "OUTBOUND", {index}}}"#));
    let stream = proxy.stream();
    stream.request_headers(&[], true);
    stream.response_headers(&[], true);
    assert_eq!(workload(&stream, "upstream_peer").as_deref(), Some("db"));
}

#[test]
fn what_is_configured_goes_before_the_node_and_without_an_id_none_is_sent() {
    let host = mk_host();
    host.remove("xds.node.id");
    let proxy = mk_proxy(&host, r#"{"role": "OUTBOUND", "local": {"workload": "mine", "cluster": "west"}}"#);
    let stream = proxy.stream();
    stream.request_headers(&[(ID_HEADER, "forged")], true);
    let sent = headers(&stream, Message::Request);
    assert_eq!(sent.len(), 1);
    let own = said_by(&sent[0].1);
    assert_eq!((own.workload, own.cluster, own.app), (b"mine".into(), b"west".into(), b"".into()));
}

#[test]
fn a_configuration_that_is_wrong_leaves_the_proxy_without_the_filter_and_says_why() {
    let host = mk_host();
    let proxy = mk_proxy(&host, r#"{"role": 7}"#);
    let stream = proxy.stream();
    stream.request_headers(&[(VALUE_HEADER, peer())], true);
    assert_eq!(headers(&stream, Message::Request).len(), 1);
    let lines = host.log_lines();
    assert!(lines.iter().any(|(_, line)| line.contains("no workload is told of another")), "{lines:?}");
}

#[test]
fn what_a_request_costs() {
    for (role, sent, answered, calls) in [
        // All headers at once, two removed, the workload published; two answered.
        ("INBOUND", &[(VALUE_HEADER, peer()), (ID_HEADER, PEER_ID)][..], &[][..], 6),
        ("INBOUND", &[], &[], 1),
        // The cluster's name, the time, two set; all headers at once, two removed, the workload published.
        ("OUTBOUND", &[], &[(VALUE_HEADER, peer()), (ID_HEADER, PEER_ID)], 8),
        ("OUTBOUND", &[], &[], 5),
    ] {
        let host = mk_host();
        let proxy = mk_proxy(&host, &format!(r#"{{"role": "{role}"}}"#));
        let play = || {
            let before = host.calls();
            let stream = proxy.stream();
            stream.request_headers(sent, true);
            stream.response_headers(answered, true);
            stream.end();
            host.calls() - before
        };
        play();
        assert_eq!(play(), calls, "{role} {}", sent.len() + answered.len());
    }
}

#[test]
fn a_header_that_cannot_be_read_is_still_taken_out() {
    let host = mk_host();
    let proxy = mk_proxy(&host, r#"{"role": "INBOUND"}"#);
    // All headers cannot be had, and then neither of the two.
    for failing in [0, 1, 2] {
        let stream = proxy.stream();
        host.fail_one_call(failing, HostError::BadArgument);
        stream.request_headers(&[(VALUE_HEADER, peer()), (ID_HEADER, PEER_ID)], true);
        if failing == 0 {
            assert_eq!(headers(&stream, Message::Request), []);
        }
        stream.end();
    }
}

proptest! {
    #[test]
    fn no_bytes_of_a_client_or_a_configuration_break_it_and_nothing_gets_past(
        configuration in any::<Vec<u8>>(),
        sent in prop::collection::vec("[ -~]{0,40}", 0..4),
        is_server in any::<bool>(),
    ) {
        let host = mk_host();
        let _ = FakeProxy::http::<PeerMetadata>(&host, &configuration);
        let role = if is_server { "INBOUND" } else { "OUTBOUND" };
        let proxy = mk_proxy(&host, &format!(r#"{{"role": "{role}"}}"#));
        let stream = proxy.stream();
        let headers_of: Vec<(&str, &str)> = sent.iter().map(|value| (VALUE_HEADER, value.as_str())).collect();
        stream.request_headers(&headers_of, true);
        let passed = headers(&stream, Message::Request);
        prop_assert!(!passed.iter().any(|(_, value)| sent.contains(value) && !value.is_empty()));
        stream.response_headers(&headers_of, true);
        if !is_server {
            prop_assert_eq!(headers(&stream, Message::Response), []);
        }
    }
}

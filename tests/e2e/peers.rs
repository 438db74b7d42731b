//! Who is at the other end of a request: where both ends have our proxies, where one has none, and where a client lies.

use burgee_localnet::summary::ProxySummary;

use crate::support::http::Connection;
use crate::support::mesh::{HOST, Mesh};
use crate::support::{envoy, one_service};

/// Says that the workload's name is `forged`.
const FORGED: &[u8] =
    b"x-envoy-peer-metadata: ChkKDVdPUktMT0FEX05BTUUSCBoGZm9yZ2Vk\r\nx-envoy-peer-metadata-id: forged\r\n";

/// The workloads that a proxy has counted as callers and as called, each with how many requests.
fn pairs(mesh: &Mesh, proxy: &ProxySummary, requests: u64) -> Vec<(String, String, f64)> {
    let samples = mesh.wait_until_counted(proxy, "istio_requests_total", requests);
    let label = |labels: &std::collections::BTreeMap<String, String>, name: &str| labels[name].clone();
    let counted = samples.into_iter().filter(|sample| sample.name == "istio_requests_total");
    let mut pairs: Vec<_> = counted
        .map(|sample| {
            let (from, to) =
                (label(&sample.labels, "source_workload"), label(&sample.labels, "destination_workload"));
            (from, to, sample.value)
        })
        .collect();
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    pairs
}

fn pair(from: &str, count: f64) -> (String, String, f64) {
    (from.to_owned(), "hello-v1".to_owned(), count)
}

#[test]
fn a_gateway_believes_no_client_and_a_client_without_a_proxy_is_unknown_and_learns_nothing() {
    envoy();
    let mesh = Mesh::hold(&one_service(), 3);
    let learned = |answer: &crate::support::http::Answer| {
        answer.headers.iter().any(|(name, _)| name.starts_with("x-envoy-peer-metadata"))
    };
    let mut outside = Connection::open(&mesh.entrance(), HOST).expect("the gateway");
    for _ in 0..2 {
        let answer = outside.get_with("/", FORGED).expect("an answer");
        assert_eq!((answer.status, learned(&answer)), (200, false), "{answer:?}");
    }
    let inbound = mesh.sidecar().listeners.iter().find(|listener| listener.name.starts_with("inbound_"));
    let mut bare = Connection::open(&inbound.expect("a listener").address, HOST).expect("the sidecar");
    for _ in 0..4 {
        let answer = bare.get("/").expect("an answer");
        assert_eq!((answer.status, learned(&answer)), (200, false), "{answer:?}");
    }
    // Who asks a sidecar for an answer gets one, and is believed: only certificates prove more.
    let answer = bare.get_with("/", FORGED).expect("an answer");
    assert_eq!((answer.status, learned(&answer)), (200, true), "{answer:?}");

    assert_eq!(pairs(&mesh, mesh.gateway(), 5), [pair("istio-ingressgateway", 5.0)]);
    assert_eq!(
        pairs(&mesh, mesh.sidecar(), 10),
        [pair("forged", 1.0), pair("istio-ingressgateway", 5.0), pair("unknown", 4.0)]
    );
}

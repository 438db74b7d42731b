//! A host with a request on it, and metrics taken apart again.
#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::BTreeMap;

use burgee_kit::LogFilter;
use burgee_kit::fake::FakeHost;
use burgee_kit::peer::PeerWorkload;
use burgee_stats::Stats;

/// The labels and the recorded values of one series.
pub type Series = (BTreeMap<String, String>, Vec<u64>);

/// A node in Istio's layout and one ordinary request through `cluster-a`, on plain text.
pub fn mk_host() -> FakeHost {
    let host = FakeHost::new();
    for (keys, value) in [
        (&["WORKLOAD_NAME"] as &[&str], "web-v1"),
        (&["NAMESPACE"], "shop"),
        (&["CLUSTER_ID"], "east"),
        (&["LABELS", "app"], "web"),
        (&["LABELS", "version"], "v1"),
        (&["LABELS", "service.istio.io/canonical-name"], "web"),
        (&["LABELS", "service.istio.io/canonical-revision"], "rev-1"),
    ] {
        host.set_path(&[&["xds", "node", "metadata"], keys].concat(), value);
    }
    for (path, value) in
        [("xds.listener_direction", 2_i64), ("response.code", 200), ("request.duration", 7_900_000)]
    {
        host.set(path, value.to_le_bytes());
    }
    for (path, value) in [
        ("response.flags", 0_u64),
        ("connection.id", 1),
        ("request.total_size", 300),
        ("response.total_size", 4000),
    ] {
        host.set(path, value.to_le_bytes());
    }
    host.set("request.protocol", "HTTP/1.1");
    host.set("xds.cluster_name", "cluster-a");
    host.set("xds.route_name", "default");
    host.set("upstream.address", "10.0.0.7:8080");
    host.set("request.host", "api.example:8080");
    host
}

/// Turns the request into one that a server's proxy sees.
pub fn make_inbound(host: &FakeHost) {
    host.set("xds.listener_direction", 1_i64.to_le_bytes());
}

/// Puts both certificates on the client's or the upstream's connection.
pub fn set_tls(host: &FakeHost, side: &str, peer: &str, local: &str) {
    host.set(&format!("{side}.tls_version"), "TLSv1.3");
    host.set(&format!("{side}.uri_san_peer_certificate"), peer);
    host.set(&format!("{side}.uri_san_local_certificate"), local);
}

/// What the filter `peer-metadata` publishes of a workload `NAME-v2` of `NAMESPACE`, in cluster `west`.
pub fn published(name: &str, namespace: &str) -> Vec<u8> {
    let workload = PeerWorkload {
        workload: format!("{name}-v2").into(),
        namespace: namespace.into(),
        cluster: b"west".to_vec(),
        canonical_service: name.into(),
        canonical_revision: b"rev-2".to_vec(),
        app: format!("{name}-app").into(),
        version: b"v2".to_vec(),
        ..PeerWorkload::default()
    };
    workload.into_bytes()
}

/// Configures the filter, with a configuration that it can use.
pub fn configure(host: &FakeHost, configuration: &[u8]) -> Stats {
    Stats::configure(host, configuration).unwrap_or_else(|error| panic!("{error}"))
}

/// Configures the filter and lets it see the host's request once.
pub fn run(host: &FakeHost, configuration: &str) -> Stats {
    let mut stats = configure(host, configuration.as_bytes());
    stats.log(host);
    stats
}

/// Everything that was written but `istio_build`, which every configuration begins with.
pub fn written(host: &FakeHost) -> BTreeMap<String, Vec<u64>> {
    let mut metrics = host.metrics();
    metrics.retain(|name, _| !name.ends_with("istio_build"));
    metrics
}

/// How many metrics were defined beside that.
pub fn defined(host: &FakeHost) -> usize {
    host.definitions() - 1
}

/// All series of a metric.
pub fn series(host: &FakeHost, metric: &str) -> Vec<Series> {
    host.metrics()
        .into_iter()
        .filter_map(|(name, values)| {
            let mut labels = BTreeMap::new();
            let mut fields = name.split(";.;").collect::<Vec<_>>();
            (fields.pop() == Some(metric)).then(|| {
                for field in fields {
                    let (label, value) =
                        field.split_once("=.=").unwrap_or_else(|| panic!("{field} in {name}"));
                    assert!(
                        labels.insert(label.to_owned(), value.to_owned()).is_none(),
                        "{label} twice in {name}"
                    );
                }
                (labels, values)
            })
        })
        .collect()
}

/// The only series of `istio_requests_total`.
pub fn labels(host: &FakeHost) -> BTreeMap<String, String> {
    let mut all = series(host, "istio_requests_total");
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0).0
}

/// Checks some labels of the only series of `istio_requests_total`.
pub fn check(host: &FakeHost, configuration: &str, expected: &[(&str, &str)]) {
    run(host, configuration);
    let labels = labels(host);
    for (label, value) in expected {
        assert_eq!(labels.get(*label).map(String::as_str), Some(*value), "{label} in {labels:#?}");
    }
}

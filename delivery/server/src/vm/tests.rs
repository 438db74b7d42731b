//! Counters of proxies as they come.

use std::sync::Mutex;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric as OtelMetric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
};
use proptest::prelude::*;
use prost::Message as _;

use super::*;

/// What OpenTelemetry's own definitions make of counters, read by ours.
fn sent(counters: &[(&str, i64)]) -> Export {
    let metric = |(name, value): &(&str, i64)| {
        let point = NumberDataPoint { value: Some(Value::AsInt(*value)), ..NumberDataPoint::default() };
        let sum = Sum { data_points: vec![point], aggregation_temporality: 2, is_monotonic: true };
        OtelMetric { name: (*name).to_owned(), data: Some(Data::Sum(sum)), ..OtelMetric::default() }
    };
    export(counters.iter().map(metric).collect())
}

fn export(metrics: Vec<OtelMetric>) -> Export {
    let scope = ScopeMetrics { metrics, ..ScopeMetrics::default() };
    let resource = ResourceMetrics { scope_metrics: vec![scope], ..ResourceMetrics::default() };
    let request = ExportMetricsServiceRequest { resource_metrics: vec![resource] };
    Export::decode(request.encode_to_vec().as_slice()).expect("the same message")
}

fn of(counters: &[(&str, i64)]) -> Vec<(String, [u64; 4])> {
    let numbers = |state: PluginState| {
        let PluginState { name, traps, reloads, config_reloads, config_failures } = state;
        (name, [traps, reloads, config_reloads, config_failures])
    };
    states(&sent(counters)).into_iter().map(numbers).collect()
}

const GUARD: &str = "extensions.istio.io/trafficextension/shop.guard";

#[test]
fn counters_say_what_became_of_a_plugin() {
    let discovery = |counter: &str| format!("extension_config_discovery.http_filter.{GUARD}.{counter}");
    let (taken, failed, rejected) =
        (discovery("config_reload"), discovery("config_fail"), discovery("update_rejected"));
    let (started, not, early) = (
        "wasm.shop.guard.vm_reload_success",
        "wasm.shop.guard.vm_reload_failure",
        "wasm.shop.guard.vm_reload_backoff",
    );
    for (counters, expected) in [
        (&[(taken.as_str(), 3)][..], [0, 0, 3, 0]),
        (&[(&taken, 3), (started, 2)], [2, 2, 3, 0]),
        (&[(started, 2), (not, 1), (early, 90)], [3, 2, 0, 0]),
        (&[(early, 7)], [1, 0, 0, 0]),
        (&[(&failed, 1), (&rejected, 1)], [0, 0, 0, 1]),
        (&[(&rejected, 2), (&failed, 1)], [0, 0, 0, 2]),
    ] {
        assert_eq!(of(counters), [(GUARD.to_owned(), expected)], "{counters:?}");
    }
}

#[test]
fn each_is_known_by_the_name_that_listeners_refer_to() {
    let telemetry = "burgee.telemetry.prometheus";
    let counters = [
        ("wasm.shop.a.b~istio-translated-wasmplugin.vm_reload_success", 1),
        ("wasm.burgee.telemetry.prometheus.vm_reload_success", 4),
        ("extension_config_discovery.network_filter.burgee.stats_tcp.inbound.p.config_reload", 2),
    ];
    let expected = [
        ("burgee.stats_tcp.inbound.p", [0, 0, 2, 0]),
        (telemetry, [4, 4, 0, 0]),
        ("extensions.istio.io/trafficextension/shop.a.b~istio-translated-wasmplugin", [1, 1, 0, 0]),
    ];
    assert_eq!(of(&counters), expected.map(|(name, numbers)| (name.to_owned(), numbers)));
}

#[test]
fn what_is_of_no_use_is_left_out() {
    for name in [
        "",
        "wasm.",
        "wasm.vm_reload_success",
        "wasm.envoy.wasm.runtime.v8.created",
        "wasm.wasm_vm_count",
        "wasmcustom.shop.guard.vm_reload_success",
        "extension_config_discovery.",
        "extension_config_discovery.http_filter.",
        "extension_config_discovery.http_filter.config_reload",
        "extension_config_discovery.http_filter..config_reload",
        "extension_config_discovery.http_filter.a.update_success",
        "http.ingress.downstream_rq_total",
    ] {
        assert_eq!(of(&[(name, 7)]), [], "{name:?}");
    }
    assert_eq!(of(&[("wasm.shop.guard.vm_reload_success", -1)]), []);
    let long = format!("wasm.shop.{}.vm_reload_success", "x".repeat(MOST_NAME));
    assert_eq!(of(&[(&long, 1)]), []);
}

#[test]
fn gauges_and_numbers_that_are_not_whole_are_numbers() {
    let point = |value| NumberDataPoint { value: Some(value), ..NumberDataPoint::default() };
    let of = |value| {
        let data = Data::Gauge(Gauge { data_points: vec![point(value)] });
        let name = "wasm.shop.guard.vm_reload_success".to_owned();
        let metric = OtelMetric { name, data: Some(data), ..OtelMetric::default() };
        states(&export(vec![metric])).into_iter().map(|state| state.reloads).collect::<Vec<_>>()
    };
    assert_eq!(of(Value::AsDouble(3.0)), [3]);
    assert_eq!(of(Value::AsInt(5)), [5]);
    for none in [f64::NAN, -1.0, f64::NEG_INFINITY] {
        assert_eq!(of(Value::AsDouble(none)), [0_u64; 0], "{none}");
    }
}

#[test]
fn names_are_bounded() {
    let names: Vec<String> =
        (0..2 * MOST_PLUGINS).map(|number| format!("wasm.shop.p{number}.vm_reload_success")).collect();
    let counters: Vec<(&str, i64)> = names.iter().map(|name| (name.as_str(), 1)).collect();
    assert_eq!(states(&sent(&counters)).len(), MOST_PLUGINS);
}

/// Notes what it is told.
#[derive(Default)]
struct Noted(Mutex<Vec<(String, usize)>>);

impl VmReports for Noted {
    fn report(&self, node_id: &str, _peer: &Peer, states: Vec<PluginState>) -> Result<(), Status> {
        if node_id == "other" {
            return Err(Status::permission_denied("no"));
        }
        self.0.lock().expect("a list").push((node_id.to_owned(), states.len()));
        Ok(())
    }
}

/// Sends a message as gRPC has it; gives the status' number.
async fn send(node_id: Option<&str>, message: &[u8], noted: &Arc<Noted>) -> String {
    let mut frame = vec![0];
    frame.extend_from_slice(&u32::try_from(message.len()).expect("a length").to_be_bytes());
    frame.extend_from_slice(message);
    let mut request = http::Request::post(PATH).header("content-type", "application/grpc");
    if let Some(node_id) = node_id {
        request = request.header(NODE_HEADER, node_id);
    }
    let request = request.body(Full::new(Bytes::from(frame))).expect("a request");
    let response = answer(request, Peer::default(), noted.clone()).await;
    let (head, body) = response.into_parts();
    let trailers = body.collect().await.expect("a body").trailers().cloned().unwrap_or_default();
    let status = head.headers.get("grpc-status").or(trailers.get("grpc-status")).cloned();
    status.expect("a status").to_str().expect("a number").to_owned()
}

#[tokio::test]
async fn a_proxy_s_counters_are_reported_under_its_name() {
    let noted = Arc::new(Noted::default());
    let message = sent(&[("wasm.shop.guard.vm_reload_success", 1)]).encode_to_vec();
    assert_eq!(send(Some("sidecar~1"), &message, &noted).await, "0");
    assert_eq!(send(Some("sidecar~1"), &[], &noted).await, "0");
    assert_eq!(send(None, &message, &noted).await, "3");
    assert_eq!(send(Some("other"), &message, &noted).await, "7");
    assert_eq!(send(Some("sidecar~1"), &[0xff], &noted).await, "13");
    assert_eq!(send(Some("sidecar~1"), &vec![0; MOST_BYTES + 1], &noted).await, "11");
    let noted = noted.0.lock().expect("a list").clone();
    assert_eq!(noted, [("sidecar~1".to_owned(), 1), ("sidecar~1".to_owned(), 0)]);
}

proptest! {
    #[test]
    fn no_name_makes_it_panic(name in "(wasm|extension_config_discovery)?[.a-z_]{0,40}", value in any::<i64>()) {
        let states = states(&sent(&[(name.as_str(), value)]));
        prop_assert!(states.len() <= 1);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        if let Ok(export) = Export::decode(bytes.as_slice()) {
            let _ = states(&export);
        }
    }
}

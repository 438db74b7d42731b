//! Things that run, made up for tests.

use std::collections::BTreeMap;

use burgee_localnet::live::{LiveMetric, Part, PartKind, PartState};
use burgee_localnet::summary::{
    AccessLogSummary, LogSinkKind, MetricSummary, OriginSummary, PluginSummary, Protocol, SpanSummary,
};
use serde_json::{Map, Value};

/// The place of a line of `telemetry.yaml`.
pub(super) fn asked_by(line: usize) -> Option<OriginSummary> {
    Some(OriginSummary {
        document: Some("Telemetry istio-system/mesh-default".to_owned()),
        path: "spec.accessLogging[0]".to_owned(),
        file: Some("docs/telemetry.yaml".to_owned()),
        line: Some(line),
        rule: None,
    })
}

/// A log line of a gateway.
pub(super) fn log(proxy: &str, text: &str, fields: Map<String, Value>) -> AccessLogSummary {
    AccessLogSummary {
        proxy: proxy.to_owned(),
        class: "gateway".to_owned(),
        provider: "text-log".to_owned(),
        sink: LogSinkKind::File,
        text: text.to_owned(),
        fields,
        asked_by: asked_by(20),
    }
}

/// A span of the service `svc`; times are in milliseconds.
pub(super) fn span(
    trace: &str,
    id: &str,
    parent: Option<&str>,
    start_ms: u64,
    duration_ms: f64,
) -> SpanSummary {
    SpanSummary {
        proxy: "shop/web".to_owned(),
        class: "inbound".to_owned(),
        provider: "otel-trace".to_owned(),
        protocol: Protocol::OtlpGrpc,
        service: "svc".to_owned(),
        trace_id: trace.to_owned(),
        span_id: id.to_owned(),
        parent_span_id: parent.map(str::to_owned),
        name: format!("work {id}"),
        kind: "server".to_owned(),
        start_ns: start_ms * 1_000_000,
        duration_ms,
        is_error: false,
        tags: BTreeMap::from([("http.status_code".to_owned(), "200".to_owned())]),
        asked_by: asked_by(30),
    }
}

/// A part that runs.
pub(super) fn part(kind: PartKind, name: &str, pid: u32) -> Part {
    let address = format!("127.0.0.1:{}", 10_000 + pid);
    let (name, last_words) = (name.to_owned(), String::new());
    Part { kind, name, pid, address, state: PartState::Running, last_words, per_second: 1.5 }
}

/// A series.
pub(super) fn metric(proxy: &str, name: &str, labels: &[(&str, &str)], value: f64) -> LiveMetric {
    let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let series = MetricSummary { proxy: proxy.to_owned(), name: name.to_owned(), labels, value };
    LiveMetric { series, per_second: value / 10.0 }
}

/// A plugin that runs.
pub(super) fn plugin(proxy: &str, sha256: &str) -> PluginSummary {
    PluginSummary {
        proxy: proxy.to_owned(),
        plugin: "shop/headers".to_owned(),
        phase: "authn".to_owned(),
        url: "oci://registry.example/headers:1".to_owned(),
        module: Some("/cache/headers.wasm".to_owned()),
        sha256: Some(sha256.to_owned()),
        loaded: true,
        asked_by: asked_by(40),
    }
}

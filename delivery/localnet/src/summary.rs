//! What a run saw, as data: the JSON that `-o json` prints. An interface: fields are added, never changed or taken
//! away, without a new `version`.

use std::collections::BTreeMap;

use burgee_api::resolve::WorkloadKind;
use burgee_api::{Origin, Problem};
pub use burgee_stub::protocol::Protocol;
use serde::{Deserialize, Serialize, Serializer};

/// The version of this interface.
pub const VERSION: u32 = 1;

/// What a run saw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The version of this interface: [`VERSION`].
    pub version: u32,
    /// The Envoys, gateways first, then by workload.
    pub proxies: Vec<ProxySummary>,
    /// The workloads without a sidecar, as `namespace/name`, by name.
    #[serde(default)]
    pub without_sidecar: Vec<String>,
    /// The requests that were sent from outside the mesh.
    pub requests: RequestsSummary,
    /// Every series whose name begins with `istio_` on the proxies' admin pages, ordered by proxy, name and labels.
    pub metrics: Vec<MetricSummary>,
    /// The lines that the proxies logged, ordered by proxy, class and provider, then as they came.
    #[serde(default)]
    pub access_logs: Vec<AccessLogSummary>,
    /// The spans that the proxies reported, trace by trace: the traces by their first span's start, the spans of each by
    /// theirs.
    #[serde(default)]
    pub spans: Vec<SpanSummary>,
    /// The Wasm plugins of each proxy, in the order of its chain.
    #[serde(default)]
    pub plugins: Vec<PluginSummary>,
    /// What is wrong or worth knowing. An error among them means that what the documents ask for was not seen.
    pub problems: Vec<ProblemSummary>,
}

/// One Envoy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxySummary {
    /// The workload that it serves, as `namespace/name`.
    pub workload: String,
    /// `sidecar` or `gateway`.
    pub kind: ProxyKind,
    /// Where its admin page is, as `127.0.0.1:PORT`.
    pub admin: String,
    /// Its process.
    pub pid: u32,
    /// Its version, such as `1.40.0`.
    pub envoy_version: String,
    /// How long it took from its start until it served, in milliseconds.
    pub ready_ms: u64,
    /// What it listens on, by name.
    pub listeners: Vec<ListenerSummary>,
}

/// What an Envoy serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProxyKind {
    /// One workload, from beside it.
    Sidecar,
    /// Traffic that enters the mesh.
    Gateway,
}

impl From<WorkloadKind> for ProxyKind {
    fn from(kind: WorkloadKind) -> ProxyKind {
        match kind {
            WorkloadKind::Sidecar => ProxyKind::Sidecar,
            WorkloadKind::Gateway => ProxyKind::Gateway,
        }
    }
}

/// A listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerSummary {
    /// Its name: `gateway_`, `inbound_` or `outbound_` and the port that the documents have.
    pub name: String,
    /// Where it listens, as `127.0.0.1:PORT`.
    pub address: String,
}

/// The requests that were sent from outside the mesh.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestsSummary {
    /// How many.
    pub sent: u64,
    /// How many of them were answered with the status that they asked for, 502 if they asked a call to fail, or below 400
    /// if they asked for nothing.
    pub ok: u64,
    /// All others.
    pub failed: u64,
}

/// One series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricSummary {
    /// The workload whose proxy shows it, as `namespace/name`.
    pub proxy: String,
    /// The name, as Prometheus shows it.
    pub name: String,
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// The value; a whole number is written without a decimal point.
    #[serde(serialize_with = "plain_number")]
    pub value: f64,
}

/// A line of an access log, or a record of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccessLogSummary {
    /// The workload whose proxy logged it, as `namespace/name`.
    pub proxy: String,
    /// The class of the listener: `inbound`, `outbound` or `gateway`.
    pub class: String,
    /// The provider; `mesh` for MeshConfig's `accessLogFile`.
    pub provider: String,
    /// `file` or `otlp`.
    pub sink: LogSinkKind,
    /// The line without its line feed, or the record's body.
    pub text: String,
    /// The fields: those of a line that is a JSON object, or the record's attributes. Empty for other lines.
    pub fields: serde_json::Map<String, serde_json::Value>,
    /// Who asked for it; null when nobody is known who did.
    pub asked_by: Option<OriginSummary>,
}

/// How a log came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogSinkKind {
    /// From a file.
    File,
    /// Over OTLP.
    Otlp,
    /// By Envoy's access log service.
    Als,
}

/// A span.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpanSummary {
    /// The workload whose proxy reported it, as `namespace/name`.
    pub proxy: String,
    /// The class of the listener: `inbound`, `outbound` or `gateway`.
    pub class: String,
    /// The provider.
    pub provider: String,
    /// How it came.
    pub protocol: Protocol,
    /// The service that it says it is of.
    pub service: String,
    /// The trace, in hexadecimal, but of SkyWalking, as are the next two.
    pub trace_id: String,
    /// The span.
    pub span_id: String,
    /// The span above it; null for a trace's root.
    pub parent_span_id: Option<String>,
    /// What it is about.
    pub name: String,
    /// `server`, `client`, `internal`, `producer`, `consumer` or `unspecified`.
    pub kind: String,
    /// When it began, in nanoseconds since the epoch.
    pub start_ns: u64,
    /// How long it took, in milliseconds.
    pub duration_ms: f64,
    /// Whether it says that it failed.
    pub is_error: bool,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Who asked for it; null when nobody is known who did.
    pub asked_by: Option<OriginSummary>,
}

/// A plugin of a proxy: a Wasm module or a script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginSummary {
    /// The workload whose proxy has it, as `namespace/name`.
    pub proxy: String,
    /// The plugin, as `namespace/name`, or as `TrafficExtension/namespace/name`.
    pub plugin: String,
    /// `authn`, `authz`, `stats` or `unspecified`.
    pub phase: String,
    /// The URL that the document names; empty for a script.
    pub url: String,
    /// Where the module is here, `inline` for a script; null when it cannot be had.
    pub module: Option<String>,
    /// The digest of the module or the script in force; null when it cannot be had.
    pub sha256: Option<String>,
    /// Whether the proxy runs it.
    pub loaded: bool,
    /// Who asked for it; null when nobody is known who did.
    pub asked_by: Option<OriginSummary>,
}

/// Who asked for something: a line of a document, or a rule where no document says anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginSummary {
    /// The document, such as `Telemetry istio-system/mesh-default`; null for a rule.
    pub document: Option<String>,
    /// The field's path; empty for a rule.
    pub path: String,
    /// The file; null for a rule.
    pub file: Option<String>,
    /// The line, from 1; null for a rule.
    pub line: Option<usize>,
    /// The rule; null for a document.
    pub rule: Option<String>,
}

impl From<&Origin> for OriginSummary {
    fn from(origin: &Origin) -> OriginSummary {
        match origin {
            Origin::Document { document, path, place } => OriginSummary {
                document: Some(document.to_string()),
                path: path.to_string(),
                file: Some(place.file.to_string()),
                line: Some(place.line),
                rule: None,
            },
            Origin::Rule(rule) => OriginSummary {
                document: None,
                path: String::new(),
                file: None,
                line: None,
                rule: Some((*rule).to_owned()),
            },
        }
    }
}

/// Something wrong or worth knowing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemSummary {
    /// The stable code of this kind of problem.
    pub code: String,
    /// `note`, `warning` or `error`.
    pub severity: String,
    /// The file; null when it is not in any.
    pub file: Option<String>,
    /// The line, from 1.
    pub line: Option<usize>,
    /// The column in characters, from 1.
    pub column: Option<usize>,
    /// The field's path in its document; may be empty.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What is allowed and what to do; may be empty.
    pub help: String,
}

impl From<&Problem> for ProblemSummary {
    fn from(problem: &Problem) -> ProblemSummary {
        let place = problem.place.as_ref();
        ProblemSummary {
            code: problem.code.to_string(),
            severity: problem.severity.name().to_owned(),
            file: place.map(|place| place.file.to_string()),
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
            path: problem.path.clone(),
            message: problem.message.clone(),
            help: problem.help.clone(),
        }
    }
}

/// Orders metrics as [`Summary::metrics`] promises.
pub fn sort_metrics(metrics: &mut [MetricSummary]) {
    metrics.sort_by(|a, b| (&a.proxy, &a.name, &a.labels).cmp(&(&b.proxy, &b.name, &b.labels)));
}

/// Orders lines as [`Summary::access_logs`] promises.
pub fn sort_access_logs(logs: &mut [AccessLogSummary]) {
    logs.sort_by(|a, b| (&a.proxy, &a.class, &a.provider).cmp(&(&b.proxy, &b.class, &b.provider)));
}

/// Orders spans as [`Summary::spans`] promises.
pub fn sort_spans(spans: &mut [SpanSummary]) {
    let mut starts: BTreeMap<String, u64> = BTreeMap::new();
    for span in spans.iter() {
        let start = starts.entry(span.trace_id.clone()).or_insert(span.start_ns);
        *start = span.start_ns.min(*start);
    }
    spans.sort_by_cached_key(|span| {
        (starts.get(&span.trace_id).copied(), span.trace_id.clone(), span.start_ns, span.span_id.clone())
    });
}

fn plain_number<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    // Every whole number below 2^53 is exact in both forms.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT {
        serializer.serialize_i64(*value as i64)
    } else {
        serializer.serialize_f64(*value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_interface_is_as_documented() {
        let summary = Summary {
            version: VERSION,
            proxies: vec![ProxySummary {
                workload: "ns/app".to_owned(),
                kind: ProxyKind::Sidecar,
                admin: "127.0.0.1:1".to_owned(),
                pid: 7,
                envoy_version: "1.40.0".to_owned(),
                ready_ms: 300,
                listeners: vec![ListenerSummary {
                    name: "inbound_8080".to_owned(),
                    address: "127.0.0.1:2".to_owned(),
                }],
            }],
            without_sidecar: Vec::new(),
            requests: RequestsSummary { sent: 2, ok: 1, failed: 1 },
            metrics: vec![MetricSummary {
                proxy: "ns/app".to_owned(),
                name: "istio_requests_total".to_owned(),
                labels: BTreeMap::from([("reporter".to_owned(), "destination".to_owned())]),
                value: 2.0,
            }],
            access_logs: vec![AccessLogSummary {
                proxy: "ns/app".to_owned(),
                class: "inbound".to_owned(),
                provider: "otel".to_owned(),
                sink: LogSinkKind::Otlp,
                text: "GET /".to_owned(),
                fields: serde_json::Map::from_iter([("status".to_owned(), json!(503))]),
                asked_by: Some(OriginSummary {
                    document: Some("Telemetry ns/logs".to_owned()),
                    path: "spec.accessLogging[0]".to_owned(),
                    file: Some("logs.yaml".to_owned()),
                    line: Some(7),
                    rule: None,
                }),
            }],
            spans: vec![SpanSummary { parent_span_id: Some("cd".to_owned()), ..mk_span("ab", "ef", 5) }],
            plugins: vec![PluginSummary {
                proxy: "ns/app".to_owned(),
                plugin: "ns/guard".to_owned(),
                phase: "authn".to_owned(),
                url: "oci://registry/guard:1".to_owned(),
                module: Some("/guard.wasm".to_owned()),
                sha256: None,
                loaded: true,
                asked_by: None,
            }],
            problems: Vec::new(),
        };
        let json = json!({
            "version": 1,
            "proxies": [{
                "workload": "ns/app", "kind": "sidecar", "admin": "127.0.0.1:1", "pid": 7,
                "envoy_version": "1.40.0", "ready_ms": 300,
                "listeners": [{"name": "inbound_8080", "address": "127.0.0.1:2"}],
            }],
            "without_sidecar": [],
            "requests": {"sent": 2, "ok": 1, "failed": 1},
            "metrics": [{
                "proxy": "ns/app", "name": "istio_requests_total",
                "labels": {"reporter": "destination"}, "value": 2,
            }],
            "access_logs": [{
                "proxy": "ns/app", "class": "inbound", "provider": "otel", "sink": "otlp", "text": "GET /",
                "fields": {"status": 503},
                "asked_by": {
                    "document": "Telemetry ns/logs", "path": "spec.accessLogging[0]", "file": "logs.yaml",
                    "line": 7, "rule": null,
                },
            }],
            "spans": [{
                "proxy": "ns/app", "class": "inbound", "provider": "otel", "protocol": "otlp_grpc",
                "service": "app.ns",
                "trace_id": "ab", "span_id": "ef", "parent_span_id": "cd", "name": "app", "kind": "server",
                "start_ns": 5, "duration_ms": 1.0, "is_error": false, "tags": {}, "asked_by": null,
            }],
            "plugins": [{
                "proxy": "ns/app", "plugin": "ns/guard", "phase": "authn", "url": "oci://registry/guard:1",
                "module": "/guard.wasm", "sha256": null, "loaded": true, "asked_by": null,
            }],
            "problems": [],
        });
        assert_eq!(serde_json::to_value(&summary).unwrap(), json);
        assert_eq!(serde_json::from_value::<Summary>(json).unwrap(), summary);
    }

    fn mk_span(trace: &str, span: &str, start_ns: u64) -> SpanSummary {
        SpanSummary {
            proxy: "ns/app".to_owned(),
            class: "inbound".to_owned(),
            provider: "otel".to_owned(),
            protocol: Protocol::OtlpGrpc,
            service: "app.ns".to_owned(),
            trace_id: trace.to_owned(),
            span_id: span.to_owned(),
            parent_span_id: None,
            name: "app".to_owned(),
            kind: "server".to_owned(),
            start_ns,
            duration_ms: 1.0,
            is_error: false,
            tags: BTreeMap::new(),
            asked_by: None,
        }
    }

    #[test]
    fn spans_of_a_trace_stand_together_and_traces_follow_each_other() {
        let mut spans = [
            mk_span("a", "late", 9),
            mk_span("b", "two", 4),
            mk_span("a", "early", 5),
            mk_span("b", "one", 2),
        ];
        sort_spans(&mut spans);
        let order: Vec<_> = spans.iter().map(|span| span.span_id.as_str()).collect();
        assert_eq!(order, ["one", "two", "early", "late"]);
    }

    #[test]
    fn a_problem_keeps_its_place() {
        let problem =
            Problem::new(burgee_api::Severity::Warning, burgee_api::problem::Code("BG0404"), "not served");
        let json = serde_json::to_value(ProblemSummary::from(&problem)).unwrap();
        assert_eq!(json["severity"], "warning");
        assert_eq!(json["line"], serde_json::Value::Null);
    }
}

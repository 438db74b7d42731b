//! What a run saw, as data: the JSON that `-o json` prints. An interface: fields are added, never changed or taken
//! away, without a new `version`.

use std::collections::BTreeMap;

use burgee_api::Problem;
use burgee_api::resolve::WorkloadKind;
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
    /// The requests that were sent from outside the mesh.
    pub requests: RequestsSummary,
    /// Every series whose name begins with `istio_` on the proxies' admin pages, ordered by proxy, name and labels.
    pub metrics: Vec<MetricSummary>,
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
    /// Its name: `gateway_` or `inbound_` and the port that the documents have.
    pub name: String,
    /// Where it listens, as `127.0.0.1:PORT`.
    pub address: String,
}

/// The requests that were sent from outside the mesh.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestsSummary {
    /// How many.
    pub sent: u64,
    /// How many of them were answered with a status below 400.
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
            requests: RequestsSummary { sent: 2, ok: 1, failed: 1 },
            metrics: vec![MetricSummary {
                proxy: "ns/app".to_owned(),
                name: "istio_requests_total".to_owned(),
                labels: BTreeMap::from([("reporter".to_owned(), "destination".to_owned())]),
                value: 2.0,
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
            "requests": {"sent": 2, "ok": 1, "failed": 1},
            "metrics": [{
                "proxy": "ns/app", "name": "istio_requests_total",
                "labels": {"reporter": "destination"}, "value": 2,
            }],
            "problems": [],
        });
        assert_eq!(serde_json::to_value(&summary).unwrap(), json);
        assert_eq!(serde_json::from_value::<Summary>(json).unwrap(), summary);
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

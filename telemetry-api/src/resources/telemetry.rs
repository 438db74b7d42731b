//! `Telemetry` (telemetry.istio.io): what to measure, trace and log, and for whom.

use std::collections::BTreeMap;
use std::time::Duration;

use burgee_filter_config::StandardMetric;

use super::{Meta, MetricsEngine, PeerMetadata};
use crate::origin::{Origin, Place, Traced};

/// A Telemetry document.
#[derive(Clone, Debug, PartialEq)]
pub struct Telemetry {
    /// Name and place.
    pub meta: Meta,
    /// The labels of the workloads that it is for; absent or empty: every workload of its namespace.
    pub selector: Option<Selector>,
    /// What else it is for: gateways and services by name. `targetRef` stands here when `targetRefs` is empty.
    pub target_refs: Vec<TargetRef>,
    /// What makes metrics of HTTP requests, by the annotation
    /// [`METRICS_ENGINE_ANNOTATION`](super::metrics_engine::METRICS_ENGINE_ANNOTATION); absent: it does not say.
    pub metrics_engine: Option<Traced<MetricsEngine>>,
    /// Whether proxies tell each other who they are, by the annotation
    /// [`PEER_METADATA_ANNOTATION`](super::metrics_engine::PEER_METADATA_ANNOTATION); absent: it does not say.
    pub peer_metadata: Option<Traced<PeerMetadata>>,
    /// Metrics, in order.
    pub metrics: Vec<MetricsEntry>,
    /// Tracing, in order.
    pub tracing: Vec<TracingEntry>,
    /// Access logging, in order.
    pub access_logging: Vec<AccessLoggingEntry>,
}

impl Telemetry {
    /// Whether the document is for every workload of its namespace: neither labels nor targets.
    pub fn is_namespace_wide(&self) -> bool {
        self.target_refs.is_empty()
            && self.selector.as_ref().is_none_or(|selector| selector.match_labels.is_empty())
    }
}

/// A selector by labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// Where it stands.
    pub place: Place,
    /// The labels that a workload must have, all of them, with these values.
    pub match_labels: BTreeMap<String, String>,
}

/// Whether labels hold all of the wanted ones, with their values: the rule of every selector.
pub fn has_labels(labels: &BTreeMap<String, String>, wanted: &BTreeMap<String, String>) -> bool {
    wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
}

impl Selector {
    /// Whether a workload with these labels is selected.
    pub fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        has_labels(labels, &self.match_labels)
    }
}

/// A reference to something that a document is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetRef {
    /// Where it stands.
    pub place: Place,
    /// Its path, such as `spec.targetRefs[0]`.
    pub path: String,
    /// The API group; `core` is written as the empty string.
    pub group: String,
    /// The kind.
    pub kind: String,
    /// The name.
    pub name: String,
}

/// An entry of `spec.metrics`.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricsEntry {
    /// Where it stands.
    pub origin: Origin,
    /// The providers that it is for; empty: those of the entry before it.
    pub providers: Vec<Traced<String>>,
    /// What to change, in order.
    pub overrides: Vec<Override>,
    /// How often long-lived streams report; absent: as before it.
    pub reporting_interval: Option<Traced<Duration>>,
}

/// An entry of `overrides`.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    /// Where it stands.
    pub origin: Origin,
    /// Which metrics it changes.
    pub metric: MetricMatch,
    /// On which side.
    pub mode: Mode,
    /// Whether the metrics are switched off; absent: as before it.
    pub disabled: Option<Traced<bool>>,
    /// What happens to tags, in the order of the text.
    pub tags: Vec<(String, Traced<TagOperation>)>,
}

/// Which metrics an override changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetricMatch {
    /// All of them.
    All,
    /// One of the ten.
    Standard(StandardMetric),
    /// A custom one.
    Custom(String),
}

/// On which side of a request something applies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Both. What absence means.
    #[default]
    ClientAndServer,
    /// Where the workload calls others; at a gateway, always.
    Client,
    /// Where the workload is called.
    Server,
}

impl Mode {
    /// Whether it covers the client's side (`true`) or the server's (`false`).
    pub const fn covers(self, client: bool) -> bool {
        match self {
            Mode::ClientAndServer => true,
            Mode::Client => client,
            Mode::Server => !client,
        }
    }
}

/// What happens to a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagOperation {
    /// Add it or replace its value by that of a CEL expression.
    Upsert(String),
    /// Leave it out.
    Remove,
}

/// An entry of `spec.tracing`.
#[derive(Clone, Debug, PartialEq)]
pub struct TracingEntry {
    /// Where it stands.
    pub origin: Origin,
    /// On which side.
    pub mode: Mode,
    /// The providers that it names; only the first takes effect. Empty: the one of the entry before it.
    pub providers: Vec<Traced<String>>,
    /// Which share of new traces is kept, in percent; absent: as before it.
    pub sampling: Option<Traced<f64>>,
    /// Whether spans are kept back; absent: as before it.
    pub disable_span_reporting: Option<Traced<bool>>,
    /// Tags of each span, by name, in the order of the text. Empty: as before it; else all of those are replaced.
    pub custom_tags: Vec<(String, Traced<CustomTag>)>,
    /// Whether a request's id decides about sampling; absent: as before it.
    pub use_request_id: Option<Traced<bool>>,
    /// Whether spans carry Istio's own tags; absent: as before it.
    pub istio_tags: Option<Traced<bool>>,
    /// Whether trace headers are kept from upstreams; absent: as before it.
    pub disable_context_propagation: Option<Traced<bool>>,
}

/// What a span's tag is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CustomTag {
    /// A fixed value.
    Literal(String),
    /// A variable of the proxy's environment.
    Environment {
        /// Its name.
        name: String,
        /// What the tag is when there is none; empty: no tag then.
        default: String,
    },
    /// A header of the request.
    Header {
        /// Its name.
        name: String,
        /// What the tag is when there is none; empty: no tag then.
        default: String,
    },
    /// A format string, as in access logs.
    Formatter(String),
    /// What a filter of the proxy has left with the request in its dynamic metadata; no tag where there is nothing.
    /// No document can ask for it; Istio's own tags do.
    Metadata {
        /// The filter, which is the first key.
        filter: String,
        /// The key below it.
        key: String,
    },
}

/// An entry of `spec.accessLogging`.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessLoggingEntry {
    /// Where it stands.
    pub origin: Origin,
    /// On which side.
    pub mode: Mode,
    /// The providers that it is for; empty: those of the entry before it.
    pub providers: Vec<Traced<String>>,
    /// Whether nothing is logged; absent: logged.
    pub disabled: Option<Traced<bool>>,
    /// A CEL expression; only what it is true for is logged. Absent: everything.
    pub filter: Option<Traced<String>>,
}

//! `Telemetry` (telemetry.istio.io): what to measure, trace and log, and for whom.

use std::collections::BTreeMap;
use std::time::Duration;

use burgee_filter_config::StandardMetric;

use super::Meta;
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
    /// Metrics, in order.
    pub metrics: Vec<MetricsEntry>,
    /// Where `tracing` stands, when the document has entries there.
    pub tracing: Option<Section>,
    /// Where `accessLogging` stands, when the document has entries there.
    pub access_logging: Option<Section>,
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
    /// The API group; `core` is written as the empty string.
    pub group: String,
    /// The kind.
    pub kind: String,
    /// The name.
    pub name: String,
}

/// Where a part of a document stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The path of its field.
    pub path: String,
    /// Where it stands.
    pub place: Place,
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

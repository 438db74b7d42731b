//! The fields of a Telemetry, one by one: the least that can have an effect of its own.

use super::model::Value;
use super::values;
use crate::origin::Origin;
use crate::resources::Telemetry;
use crate::resources::telemetry::{AccessLoggingEntry, MetricsEntry, Mode, Override, TracingEntry};

/// A field that is written.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    /// Where it is written; the entry itself where nothing stands in it.
    pub origin: Origin,
    /// What it says.
    pub value: Value,
    /// On which side.
    pub mode: Mode,
    /// What kind of field it is.
    pub kind: LeafKind,
}

/// What kind of field something is, as far as its effect depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LeafKind {
    /// A provider's name, and the how manieth of its entry it is.
    Provider(usize),
    /// A tag, or anything else that is merged by name.
    Tag,
    /// A filter of access logs.
    Filter,
    /// An entry without fields.
    Empty,
    /// Any other.
    Other,
}

struct Leaves {
    mode: Mode,
    found: Vec<Leaf>,
}

impl Leaves {
    fn new(mode: Mode) -> Leaves {
        Leaves { mode, found: Vec::new() }
    }

    fn add(&mut self, kind: LeafKind, origin: &Origin, value: Value) {
        self.found.push(Leaf { origin: origin.clone(), value, mode: self.mode, kind });
    }

    fn providers(&mut self, names: &[crate::Traced<String>]) {
        for (index, name) in names.iter().enumerate() {
            self.add(LeafKind::Provider(index), &name.origin, values::text(&name.value));
        }
    }

    fn or_empty(mut self, entry: &Origin) -> Vec<Leaf> {
        if self.found.is_empty() {
            self.add(LeafKind::Empty, entry, values::nothing("an entry without fields"));
        }
        self.found
    }
}

/// The fields of an entry of `spec.tracing`.
pub(super) fn of_tracing(entry: &TracingEntry) -> Vec<Leaf> {
    let TracingEntry {
        origin,
        mode,
        providers,
        sampling,
        disable_span_reporting,
        custom_tags,
        use_request_id,
        istio_tags,
        disable_context_propagation,
    } = entry;
    let mut leaves = Leaves::new(*mode);
    leaves.providers(providers);
    if let Some(sampling) = sampling {
        leaves.add(LeafKind::Other, &sampling.origin, values::percent(sampling.value));
    }
    for (_, tag) in custom_tags {
        leaves.add(LeafKind::Tag, &tag.origin, values::custom_tag(&tag.value));
    }
    let flags = [disable_span_reporting, use_request_id, istio_tags, disable_context_propagation];
    for said in flags.into_iter().flatten() {
        leaves.add(LeafKind::Other, &said.origin, values::flag(said.value));
    }
    leaves.or_empty(origin)
}

/// What a document says of what makes metrics, and of the exchange of peers.
pub(super) fn of_annotations(telemetry: &Telemetry) -> Vec<Leaf> {
    let mut leaves = Leaves::new(Mode::ClientAndServer);
    if let Some(engine) = &telemetry.metrics_engine {
        leaves.add(LeafKind::Other, &engine.origin, values::text(engine.value.name()));
    }
    if let Some(peers) = &telemetry.peer_metadata {
        leaves.add(LeafKind::Other, &peers.origin, values::text(peers.value.name()));
    }
    leaves.found
}

/// The fields of an entry of `spec.metrics` outside of its overrides; those of an entry without fields are none.
pub(super) fn of_metrics(entry: &MetricsEntry) -> Vec<Leaf> {
    let MetricsEntry { origin, providers, overrides, reporting_interval } = entry;
    let mut leaves = Leaves::new(Mode::ClientAndServer);
    leaves.providers(providers);
    if let Some(interval) = reporting_interval {
        leaves.add(LeafKind::Other, &interval.origin, values::duration(interval.value));
    }
    if overrides.is_empty() { leaves.or_empty(origin) } else { leaves.found }
}

/// The fields of an override of metrics.
pub(super) fn of_override(change: &Override) -> Vec<Leaf> {
    let Override { origin, metric: _, mode, disabled, tags } = change;
    let mut leaves = Leaves::new(*mode);
    if let Some(disabled) = disabled {
        leaves.add(LeafKind::Other, &disabled.origin, values::flag(disabled.value));
    }
    for (_, operation) in tags {
        leaves.add(LeafKind::Tag, &operation.origin, values::tag_operation(&operation.value));
    }
    leaves.or_empty(origin)
}

/// The fields of an entry of `spec.accessLogging`.
pub(super) fn of_access_logging(entry: &AccessLoggingEntry) -> Vec<Leaf> {
    let AccessLoggingEntry { origin, mode, providers, disabled, filter } = entry;
    let mut leaves = Leaves::new(*mode);
    leaves.providers(providers);
    if let Some(disabled) = disabled {
        leaves.add(LeafKind::Other, &disabled.origin, values::flag(disabled.value));
    }
    if let Some(filter) = filter {
        leaves.add(LeafKind::Filter, &filter.origin, values::text(&filter.value));
    }
    leaves.or_empty(origin)
}

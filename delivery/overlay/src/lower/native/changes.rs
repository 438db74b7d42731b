//! What documents change of each metric, as far as the stats access logger can say it.

use std::fmt;

use burgee_api::check::{NotInFormat, in_format};
use burgee_filter_config::changes::{MetricChanges, Shown, changes};
use burgee_filter_config::stat_name::clean_value;
use burgee_filter_config::stats::text_literal;
use burgee_filter_config::{MetricConfig, StandardMetric, Traffic};

use super::formats;
use super::labels::{Side, TagValue};

/// What a label shows instead of its standard value, or what a new label shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Dimension {
    /// Always this clean text.
    Literal(String),
    /// The value of an expression that formats can have.
    Expression(String),
    /// The value of one that they cannot have.
    Unsayable(Unsayable),
}

/// What changes of one metric.
pub(super) type Changes = MetricChanges<Dimension>;

/// Why the stats access logger cannot say a metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unsayable {
    /// The label that it cannot give the value that it should have.
    pub label: String,
    /// Why not.
    pub why: NotInFormat,
}

impl fmt::Display for Unsayable {
    /// A sentence without a full stop.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Envoy cannot itself give its label {} the value of the document's expression, since {}",
            self.label,
            self.why.why()
        )
    }
}

/// What changes of each metric that an ended request has and that is written; or why the logger cannot say it.
pub(super) fn of(entries: &[MetricConfig]) -> Vec<(StandardMetric, Result<Changes, Unsayable>)> {
    let all = changes(entries, &[Traffic::Requests], |label, text| Some(Dimension::of(label, text)), |_| ());
    let written = all.into_iter().filter(|(_, changes)| !changes.is_dropped);
    written
        .map(|(metric, changes)| {
            let faults = changes.labels(metric).into_iter().filter_map(|(_, shown)| match shown {
                Shown::Dimension(Dimension::Unsayable(unsayable)) => Some(unsayable.clone()),
                Shown::Dimension(_) | Shown::Standard(_) => None,
            });
            // Of several the last by name is told.
            let fault = faults.max_by(|one, other| one.label.cmp(&other.label));
            (metric, fault.map_or(Ok(changes), Err))
        })
        .collect()
}

/// The labels of a metric with their values at a side.
pub(super) fn labels(metric: StandardMetric, changes: &Changes, side: &Side) -> Vec<(String, TagValue)> {
    let value = |shown| match shown {
        Shown::Standard(label) => Some(side.value(label)),
        Shown::Dimension(Dimension::Literal(text)) => Some(TagValue::Fixed(text.clone())),
        Shown::Dimension(Dimension::Expression(text)) => Some(TagValue::chosen(formats::cel(text))),
        // A metric that has one stays with the filter.
        Shown::Dimension(Dimension::Unsayable(_)) => None,
    };
    let all = changes.labels(metric).into_iter();
    all.filter_map(|(name, shown)| Some((name.to_owned(), value(shown)?))).collect()
}

impl Dimension {
    fn of(label: &str, text: &str) -> Dimension {
        if let Some(literal) = text_literal(text) {
            return Dimension::Literal(clean_value(literal.as_bytes()));
        }
        match in_format(text) {
            Ok(expression) => Dimension::Expression(expression.to_owned()),
            Err(why) => Dimension::Unsayable(Unsayable { label: label.to_owned(), why }),
        }
    }
}

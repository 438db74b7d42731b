//! What a configuration changes of the standard metrics: labels that are added, overridden or left out, and metrics that
//! are not written. The same whoever makes the metrics; what an expression becomes is up to who applies them.

use std::fmt;

use crate::stat_name::is_valid_label_name;
use crate::{MetricConfig, StandardLabel, StandardMetric, Traffic};

/// The changes of one metric. `D` is what a label shows instead of its standard value, or what a new label shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricChanges<D> {
    /// Standard labels that are not as they were: nothing means left out.
    standard: Vec<(StandardLabel, Option<D>)>,
    /// New labels, in the order in which they were first added.
    added: Vec<(String, D)>,
    /// Whether the metric is not written.
    pub is_dropped: bool,
}

/// What a label shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown<'c, D> {
    /// The standard value of this label.
    Standard(StandardLabel),
    /// What the configuration says.
    Dimension(&'c D),
}

impl<D> Default for MetricChanges<D> {
    fn default() -> MetricChanges<D> {
        MetricChanges { standard: Vec::new(), added: Vec::new(), is_dropped: false }
    }
}

/// A label that changes.
#[derive(Clone, Copy)]
enum Label<'l> {
    Standard(StandardLabel),
    New(&'l str),
}

impl<D> MetricChanges<D> {
    fn set(&mut self, label: Label<'_>, dimension: Option<D>) {
        match label {
            Label::Standard(label) => match self.standard.iter_mut().find(|(known, _)| *known == label) {
                Some((_, slot)) => *slot = dimension,
                None => self.standard.push((label, dimension)),
            },
            Label::New(label) => {
                let Some(dimension) = dimension else { return };
                match self.added.iter_mut().find(|(known, _)| known == label) {
                    Some((_, slot)) => *slot = dimension,
                    None => self.added.push((label.to_owned(), dimension)),
                }
            }
        }
    }

    /// The labels of this metric: its standard ones in their order, then those that were added.
    pub fn labels(&self, metric: StandardMetric) -> Vec<(&str, Shown<'_, D>)> {
        let mut labels = Vec::new();
        for label in StandardLabel::ALL.into_iter().filter(|label| metric.has_label(*label)) {
            let shown = match self.standard.iter().find(|(changed, _)| *changed == label) {
                Some((_, None)) => continue,
                Some((_, Some(dimension))) => Shown::Dimension(dimension),
                None => Shown::Standard(label),
            };
            labels.push((label.name(), shown));
        }
        labels
            .extend(self.added.iter().map(|(name, dimension)| (name.as_str(), Shown::Dimension(dimension))));
        labels
    }
}

/// What becomes of each metric of these kinds of traffic, the entries applied in their order.
///
/// `dimension` is given a label and its expression; where it has nothing for it a standard label is left out and a new one
/// not added. `ignored` hears of what changes nothing, in a line for people.
pub fn changes<'e, D: Clone>(
    entries: impl IntoIterator<Item = &'e MetricConfig>,
    traffic: &[Traffic],
    mut dimension: impl FnMut(&str, &str) -> Option<D>,
    mut ignored: impl FnMut(fmt::Arguments<'_>),
) -> Vec<(StandardMetric, MetricChanges<D>)> {
    let is_meant = |metric: StandardMetric| traffic.contains(&metric.traffic());
    let meant = StandardMetric::ALL.into_iter().filter(|metric| is_meant(*metric));
    let mut metrics: Vec<(StandardMetric, MetricChanges<D>)> =
        meant.map(|metric| (metric, MetricChanges::default())).collect();
    for entry in entries {
        let only = match StandardMetric::from_stat_name(&entry.name) {
            None if !entry.name.is_empty() => {
                let name = &entry.name;
                ignored(format_args!("metrics entry ignored: {name:?} is not a standard metric"));
                continue;
            }
            // It is somebody else's.
            Some(metric) if !is_meant(metric) => continue,
            only => only,
        };
        let mut each = |label: Label<'_>, dimension: Option<D>| {
            let meant = metrics.iter_mut().filter(|(metric, _)| only.is_none_or(|only| only == *metric));
            meant.for_each(|(_, changes)| changes.set(label, dimension.clone()));
        };
        for (label, text) in &entry.dimensions {
            match StandardLabel::from_name(label) {
                Some(standard) => each(Label::Standard(standard), dimension(label, text)),
                None if is_valid_label_name(label) => each(Label::New(label), dimension(label, text)),
                None => {
                    ignored(format_args!("dimension ignored: {label:?} cannot be the name of a label"));
                }
            }
        }
        for label in &entry.tags_to_remove {
            match StandardLabel::from_name(label) {
                Some(standard) => each(Label::Standard(standard), None),
                None => {
                    ignored(format_args!("tag to remove ignored: {label:?} is not a standard label"));
                }
            }
        }
        // Istio's filter drops nothing where no metric is named.
        if let Some(only) = only.filter(|_| entry.drop) {
            let meant = metrics.iter_mut().filter(|(metric, _)| *metric == only);
            meant.for_each(|(_, changes)| changes.is_dropped = true);
        }
    }
    metrics
}

//! What documents change of each metric, as far as the stats access logger can say it.

use burgee_api::check::{NotInFormat, in_format};
use burgee_filter_config::stat_name::{clean_value, is_valid_label_name};
use burgee_filter_config::stats::text_literal;
use burgee_filter_config::{MetricConfig, StandardLabel, StandardMetric};

use super::formats;
use super::labels::{Side, TagValue};

/// What a label shows instead of its standard value, or what a new label shows.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Dimension {
    /// Always this clean text.
    Literal(String),
    /// The value of an expression that formats can have.
    Expression(String),
}

/// What changes of one metric.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// Standard labels that are not as they were: nothing means left out.
    standard: Vec<(StandardLabel, Option<Dimension>)>,
    /// New labels, in the order in which they were first added.
    added: Vec<(String, Dimension)>,
    /// Whether the metric is not written.
    pub is_dropped: bool,
}

/// Why the stats access logger cannot say a metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unsayable {
    /// The label that it cannot give the value that it should have.
    pub label: String,
    /// Why not.
    pub why: NotInFormat,
}

/// What changes of each metric that an ended request has. Applied as the stats filter does it.
pub(super) fn of(entries: &[MetricConfig]) -> Vec<(StandardMetric, Result<Changes, Unsayable>)> {
    StandardMetric::ALL
        .into_iter()
        .filter(|metric| metric.is_written())
        .map(|metric| {
            let is_about = |entry: &&MetricConfig| entry.name.is_empty() || entry.name == metric.stat_name();
            let mut changes = Changes::default();
            let mut fault = None;
            for entry in entries.iter().filter(is_about) {
                fault = changes.apply(entry).err().or(fault);
            }
            // What is not written needs no expression.
            let sayable = if changes.is_dropped { None } else { fault };
            (metric, sayable.map_or(Ok(changes), Err))
        })
        .collect()
}

impl Changes {
    fn apply(&mut self, entry: &MetricConfig) -> Result<(), Unsayable> {
        let mut fault = None;
        for (label, text) in &entry.dimensions {
            let standard = StandardLabel::from_name(label);
            if standard.is_none() && !is_valid_label_name(label) {
                continue;
            }
            let dimension = match dimension(text) {
                Ok(dimension) => dimension,
                Err(why) => {
                    fault = Some(Unsayable { label: label.clone(), why });
                    continue;
                }
            };
            match standard {
                Some(standard) => put(&mut self.standard, standard, Some(dimension)),
                None => put(&mut self.added, label.clone(), dimension),
            }
        }
        for label in entry.tags_to_remove.iter().filter_map(|label| StandardLabel::from_name(label)) {
            put(&mut self.standard, label, None);
        }
        self.is_dropped |= entry.drop && !entry.name.is_empty();
        fault.map_or(Ok(()), Err)
    }

    /// The labels with their values at a side: the standard ones in their order, then those that were added.
    pub fn labels(&self, side: &Side) -> Vec<(String, TagValue)> {
        let mut labels = Vec::new();
        for label in StandardLabel::ALL {
            let value = match self.standard.iter().find(|(changed, _)| *changed == label) {
                Some((_, None)) => continue,
                Some((_, Some(dimension))) => dimension.value(),
                None => side.value(label),
            };
            labels.push((label.name().to_owned(), value));
        }
        labels.extend(self.added.iter().map(|(name, dimension)| (name.clone(), dimension.value())));
        labels
    }
}

impl Dimension {
    fn value(&self) -> TagValue {
        match self {
            Dimension::Literal(text) => TagValue::Fixed(text.clone()),
            Dimension::Expression(text) => TagValue::chosen(formats::cel(text)),
        }
    }
}

fn dimension(text: &str) -> Result<Dimension, NotInFormat> {
    if let Some(literal) = text_literal(text) {
        return Ok(Dimension::Literal(clean_value(literal.as_bytes())));
    }
    in_format(text).map(|expression| Dimension::Expression(expression.to_owned()))
}

fn put<K: PartialEq, V>(list: &mut Vec<(K, V)>, key: K, value: V) {
    match list.iter_mut().find(|(known, _)| *known == key) {
        Some((_, slot)) => *slot = value,
        None => list.push((key, value)),
    }
}

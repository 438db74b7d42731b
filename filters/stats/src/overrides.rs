//! What a configuration changes of the standard metrics: labels that are added, overridden or left out, and metrics
//! that are not written.

use burgee_filter_config::stat_name::{clean_value, is_valid_label_name};
use burgee_filter_config::{MetricConfig, StandardLabel, StandardMetric};
use burgee_kit::{Expression, Host, LogLevel, text_literal};

/// What a label shows instead of the standard value, or what a new label shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// Always this clean text.
    Literal(String),
    /// The result of the expression of that index.
    Expression(usize),
}

/// The changes of one metric.
#[derive(Clone, Debug, Default)]
pub struct MetricOverrides {
    /// Standard labels that are not as they were: nothing means left out.
    pub standard: Vec<(StandardLabel, Option<Dimension>)>,
    /// New labels, in the order in which they were first added.
    pub added: Vec<(String, Dimension)>,
    /// Whether the metric is not written.
    pub is_dropped: bool,
}

/// The changes of all metrics that the filter writes, and their compiled expressions.
#[derive(Debug)]
pub struct Overrides {
    metrics: Vec<(StandardMetric, MetricOverrides)>,
    expressions: Vec<(String, Expression)>,
}

impl Overrides {
    /// Applies the entries in order. What cannot be applied is logged and otherwise ignored.
    pub fn new<H: Host>(host: &H, entries: &[MetricConfig]) -> Overrides {
        let metrics = StandardMetric::ALL
            .into_iter()
            .filter(|metric| metric.is_written())
            .map(|metric| (metric, MetricOverrides::default()))
            .collect();
        let mut overrides = Overrides { metrics, expressions: Vec::new() };
        let mut refused = Vec::new();
        for entry in entries {
            overrides.apply(host, entry, &mut refused);
        }
        overrides
    }

    /// The changes of each metric that the filter can write.
    pub fn metrics(&self) -> impl Iterator<Item = (StandardMetric, &MetricOverrides)> {
        self.metrics.iter().map(|(metric, overrides)| (*metric, overrides))
    }

    /// The expression of that index.
    pub fn expression(&self, index: usize) -> Option<&Expression> {
        self.expressions.get(index).map(|(_, expression)| expression)
    }

    /// Gives the expressions back to the host.
    pub fn delete<H: Host>(self, host: &H) {
        for (_, expression) in self.expressions {
            expression.delete(host);
        }
    }

    fn apply<H: Host>(&mut self, host: &H, entry: &MetricConfig, refused: &mut Vec<String>) {
        let warn = |message: String| host.log(LogLevel::Warn, &message);
        let only = match StandardMetric::from_stat_name(&entry.name) {
            None if !entry.name.is_empty() => {
                warn(format!("metrics entry ignored: {:?} is not a standard metric", entry.name));
                return;
            }
            // A metric that this filter does not write needs nothing.
            Some(metric) if !metric.is_written() => return,
            only => only,
        };
        for (label, text) in &entry.dimensions {
            let standard = StandardLabel::from_name(label);
            if standard.is_none() && !is_valid_label_name(label) {
                warn(format!("dimension ignored: {label:?} cannot be the name of a label"));
                continue;
            }
            let dimension = self.dimension(host, label, text, refused);
            match (standard, dimension) {
                (Some(standard), dimension) => {
                    self.each(only, |metric| metric.set_standard(standard, dimension.clone()));
                }
                (None, Some(dimension)) => self.each(only, |metric| metric.add(label, dimension.clone())),
                (None, None) => {}
            }
        }
        for label in &entry.tags_to_remove {
            match StandardLabel::from_name(label) {
                Some(standard) => self.each(only, |metric| metric.set_standard(standard, None)),
                None => warn(format!("tag to remove ignored: {label:?} is not a standard label")),
            }
        }
        // Istio's filter drops nothing where no metric is named.
        if entry.drop && only.is_some() {
            self.each(only, |metric| metric.is_dropped = true);
        }
    }

    fn each(&mut self, only: Option<StandardMetric>, mut change: impl FnMut(&mut MetricOverrides)) {
        for (metric, overrides) in &mut self.metrics {
            if only.is_none_or(|only| only == *metric) {
                change(overrides);
            }
        }
    }

    /// The dimension that a text stands for; nothing if the host does not compile it. Each text is compiled once.
    fn dimension<H: Host>(
        &mut self,
        host: &H,
        label: &str,
        text: &str,
        refused: &mut Vec<String>,
    ) -> Option<Dimension> {
        if let Some(literal) = text_literal(text) {
            return Some(Dimension::Literal(clean_value(literal.as_bytes())));
        }
        if let Some(index) = self.expressions.iter().position(|(known, _)| known == text) {
            return Some(Dimension::Expression(index));
        }
        if refused.iter().any(|known| known == text) {
            return None;
        }
        match Expression::compile(host, text) {
            Ok(expression) => {
                let index = self.expressions.len();
                self.expressions.push((text.to_owned(), expression));
                Some(Dimension::Expression(index))
            }
            Err(error) => {
                host.log(
                    LogLevel::Warn,
                    &format!("label {label:?} is left out, because its expression does not compile ({error}): {text}"),
                );
                refused.push(text.to_owned());
                None
            }
        }
    }
}

impl MetricOverrides {
    fn set_standard(&mut self, label: StandardLabel, dimension: Option<Dimension>) {
        match self.standard.iter_mut().find(|(known, _)| *known == label) {
            Some((_, slot)) => *slot = dimension,
            None => self.standard.push((label, dimension)),
        }
    }

    fn add(&mut self, label: &str, dimension: Dimension) {
        match self.added.iter_mut().find(|(known, _)| known == label) {
            Some((_, slot)) => *slot = dimension,
            None => self.added.push((label.to_owned(), dimension)),
        }
    }
}

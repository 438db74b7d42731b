//! What a configuration changes of the standard metrics, with its expressions compiled.

use burgee_filter_config::changes::{MetricChanges, changes};
use burgee_filter_config::stat_name::clean_value;
use burgee_filter_config::{StandardMetric, StatsConfig, Traffic};
use burgee_kit::{Expression, Host, LogLevel, text_literal};

use crate::custom::{self, Defined};

/// What a label shows instead of the standard value, or what a new label shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// Always this clean text.
    Literal(String),
    /// The result of the expression of that index.
    Expression(usize),
}

/// What is in the text of an expression that may give something else once a connection has an upstream, or has carried
/// bytes, or is closed.
const LATER: [&str; 8] =
    ["upstream", "xds.", "response", "size", "duration", "termination", "filter_state", "metadata"];

/// The changes of all metrics that a filter writes, the metrics that the configuration defines, and the compiled
/// expressions of both.
#[derive(Debug)]
pub struct Overrides {
    metrics: Vec<(StandardMetric, MetricChanges<Dimension>)>,
    defined: Vec<Defined>,
    expressions: Expressions,
}

/// Expressions, each compiled once.
#[derive(Debug, Default)]
pub struct Expressions {
    compiled: Vec<(String, Expression)>,
    refused: Vec<String>,
}

impl Overrides {
    /// Applies a configuration's entries in order, those for the metrics of these kinds of traffic. What cannot be applied
    /// is logged and otherwise ignored.
    pub fn new<H: Host>(host: &H, config: &StatsConfig, traffic: &[Traffic]) -> Overrides {
        let mut expressions = Expressions::default();
        let is_defined = |name: &str| config.definitions.iter().any(|definition| definition.name == name);
        let metrics = changes(
            config.metrics.iter().filter(|entry| !is_defined(&entry.name)),
            traffic,
            |label, text| expressions.dimension(host, label, text),
            |ignored| host.log(LogLevel::Warn, &ignored.to_string()),
        );
        let defined = custom::defined(host, config, &mut expressions);
        Overrides { metrics, defined, expressions }
    }

    /// The metrics that the configuration defines.
    pub fn defined(&self) -> &[Defined] {
        &self.defined
    }

    /// The metrics of this kind of traffic that are written, each with its changes.
    pub fn written(
        &self,
        traffic: Traffic,
    ) -> impl Iterator<Item = (StandardMetric, &MetricChanges<Dimension>)> {
        let all = self.metrics.iter().map(|(metric, changes)| (*metric, changes));
        all.filter(move |(metric, changes)| metric.traffic() == traffic && !changes.is_dropped)
    }

    /// The expression of that index.
    pub fn expression(&self, index: usize) -> Option<&Expression> {
        self.expressions.compiled.get(index).map(|(_, expression)| expression)
    }

    /// Whether an expression gives at a connection's beginning what it will give at its end: it names nothing that comes
    /// later.
    pub fn is_early(&self, index: usize) -> bool {
        let text = self.expressions.compiled.get(index).map_or("", |(text, _)| text.as_str());
        !LATER.into_iter().any(|word| text.contains(word))
    }

    /// Gives the expressions back to the host.
    pub fn delete<H: Host>(self, host: &H) {
        for (_, expression) in self.expressions.compiled {
            expression.delete(host);
        }
    }
}

impl Expressions {
    /// The dimension that a text stands for; nothing if the host does not compile it.
    pub fn dimension<H: Host>(&mut self, host: &H, what: &str, text: &str) -> Option<Dimension> {
        if let Some(literal) = text_literal(text) {
            return Some(Dimension::Literal(clean_value(literal.as_bytes())));
        }
        if let Some(index) = self.compiled.iter().position(|(known, _)| known == text) {
            return Some(Dimension::Expression(index));
        }
        if self.refused.iter().any(|known| known == text) {
            return None;
        }
        match Expression::compile(host, text) {
            Ok(expression) => {
                let index = self.compiled.len();
                self.compiled.push((text.to_owned(), expression));
                Some(Dimension::Expression(index))
            }
            Err(error) => {
                host.log(
                    LogLevel::Warn,
                    &format!(
                        "{what:?} is left out, because its expression does not compile ({error}): {text}"
                    ),
                );
                self.refused.push(text.to_owned());
                None
            }
        }
    }
}

//! Metrics that the configuration defines. They show the labels that it adds to them, and no standard ones.

use burgee_filter_config::stat_name::is_valid_label_name;
use burgee_filter_config::stats::BUILD_METRIC;
use burgee_filter_config::{Definition, StandardMetric, StatsConfig};
use burgee_kit::{Host, LogHost, LogLevel, MetricKind};

use crate::group::{Group, Texts};
use crate::overrides::{Dimension, Expressions, Overrides};
use crate::value::{Values, whole_number};

/// A metric that the configuration defines.
#[derive(Debug)]
pub struct Defined {
    /// Its name without the prefix.
    pub name: String,
    /// How its values add up.
    pub kind: MetricKind,
    /// Where its values come from.
    value: Dimension,
    /// Its labels.
    pub labels: Vec<(String, Dimension)>,
}

/// What a definition's type says; a counter is what it is without one.
const KINDS: [(&str, MetricKind); 4] = [
    ("", MetricKind::Counter),
    ("COUNTER", MetricKind::Counter),
    ("GAUGE", MetricKind::Gauge),
    ("HISTOGRAM", MetricKind::Histogram),
];

/// The metrics of a configuration. One that cannot be written is logged and left out.
pub fn defined<H: Host>(host: &H, config: &StatsConfig, expressions: &mut Expressions) -> Vec<Defined> {
    let mut all: Vec<Defined> = Vec::new();
    for definition in &config.definitions {
        let Definition { name, value, kind } = definition;
        let kind = KINDS.into_iter().find(|(text, _)| *text == kind).map(|(_, kind)| kind);
        let entries = || config.metrics.iter().filter(|entry| entry.name.is_empty() || entry.name == *name);
        let fault = if !is_valid_label_name(name) {
            "that is no name of a metric"
        } else if StandardMetric::from_stat_name(name).is_some() || name == BUILD_METRIC {
            "that is a metric of Istio's"
        } else if all.iter().any(|known| known.name == *name) {
            "there is one of that name"
        } else if kind.is_none() {
            "its type is none of COUNTER, GAUGE and HISTOGRAM"
        } else {
            ""
        };
        let Some(kind) = kind.filter(|_| fault.is_empty()) else {
            host.log(LogLevel::Warn, &format!("definition ignored: {name}: {fault}"));
            continue;
        };
        if entries().any(|entry| entry.drop && !entry.name.is_empty()) {
            continue;
        }
        let Some(value) = expressions.dimension(host, name, value) else { continue };
        let mut labels: Vec<(String, Dimension)> = Vec::new();
        for (label, text) in entries().flat_map(|entry| &entry.dimensions) {
            let dimension = is_valid_label_name(label).then(|| expressions.dimension(host, label, text));
            let Some(dimension) = dimension.flatten() else { continue };
            match labels.iter_mut().find(|(known, _)| known == label) {
                Some((_, slot)) => *slot = dimension,
                None => labels.push((label.clone(), dimension)),
            }
        }
        all.push(Defined { name: name.clone(), kind, value, labels });
    }
    all
}

/// Writes all of them for what has just ended.
pub fn record<H: LogHost>(group: &mut Group, host: &H, overrides: &Overrides) {
    let Some(found) = group.find(host, &Values::unknown(), overrides, Texts::Readable) else { return };
    for (position, defined) in overrides.defined().iter().enumerate() {
        let number = match &defined.value {
            Dimension::Literal(text) => whole_number(text.as_bytes()),
            Dimension::Expression(index) => {
                let text = overrides.expression(*index).and_then(|expression| expression.text(host));
                text.and_then(|text| whole_number(&text))
            }
        };
        group.add(host, found, position, number.unwrap_or_default());
    }
}

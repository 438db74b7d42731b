//! The metrics that a module declares, read from its custom section, and what a bootstrap needs for them.

use serde::{Deserialize, Serialize};

use crate::json::{self, JsonError};
use crate::stat_name;

/// The custom section in which a module declares its metrics, as JSON.
pub const SECTION: &str = "burgee.metrics";

/// A metric that a module may write. Unknown fields are what a newer kit says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "a JSON object")]
pub struct DeclaredMetric {
    /// The name, as Prometheus shows it.
    pub name: String,
    /// How its values add up.
    pub kind: DeclaredKind,
    /// What it means.
    #[serde(default)]
    pub help: String,
    /// The names of its labels.
    #[serde(default)]
    pub labels: Vec<String>,
    /// The upper bounds of a histogram's buckets, ascending; nothing for Envoy's own.
    #[serde(default)]
    pub buckets: Vec<u64>,
}

impl DeclaredMetric {
    /// Why a bootstrap cannot hold what this metric needs, if it cannot.
    pub fn fault(&self) -> Option<String> {
        let name = &self.name;
        let unfit =
            std::iter::once(name).chain(&self.labels).find(|name| !stat_name::is_valid_label_name(name));
        if let Some(unfit) = unfit {
            return Some(format!(
                "{name:?}: {unfit:?} is not made of letters, digits and `_`, without a digit in front"
            ));
        }
        let is_ascending = self.buckets.is_sorted_by(|lower, upper| lower < upper);
        (!is_ascending || self.buckets.first() == Some(&0))
            .then(|| format!("{name:?}: the bounds of its buckets do not ascend from above 0"))
    }
}

/// How a declared metric's values add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeclaredKind {
    /// Only ever grows.
    Counter,
    /// Holds the last value.
    Gauge,
    /// A distribution.
    Histogram,
}

/// The metrics of a module's section.
///
/// # Errors
/// If it is anything else; the message says where.
pub fn from_section(section: &[u8]) -> Result<Vec<DeclaredMetric>, JsonError> {
    json::from_slice(section)
}

/// The entries of `stats_tags` that take the labels of these metrics out of their names: the name of each label, once,
/// and its expression. A name that cannot be a label's has none.
pub fn stats_tags(metrics: &[DeclaredMetric]) -> Vec<(String, String)> {
    let mut tags: Vec<(String, String)> = Vec::new();
    for label in metrics.iter().flat_map(|metric| &metric.labels) {
        if stat_name::is_valid_label_name(label) && !tags.iter().any(|(known, _)| known == label) {
            tags.push((label.clone(), stat_name::tag_regex(label)));
        }
    }
    tags
}

/// The entries of `histogram_bucket_settings` for these metrics: an expression that fits the names of one, labels and
/// all, and its buckets.
pub fn histogram_buckets(metrics: &[DeclaredMetric]) -> Vec<(String, Vec<u64>)> {
    let has_buckets =
        |metric: &&DeclaredMetric| metric.kind == DeclaredKind::Histogram && !metric.buckets.is_empty();
    metrics
        .iter()
        .filter(has_buckets)
        // What a proxy-wasm name begins with, and the end of a label.
        .map(|metric| (format!(r"^wasmcustom\.(.*;\.;)?{}$", metric.name), metric.buckets.clone()))
        .collect()
}

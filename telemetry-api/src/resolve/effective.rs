//! What the documents add up to for one workload: plain values, each with its origin.

use std::collections::BTreeMap;
use std::time::Duration;

use burgee_filter_config::StandardMetric;

use super::workload::{ListenerClass, Workload};
use crate::origin::Traced;
pub use crate::resources::telemetry::TagOperation;

/// The effective policy of one workload.
#[derive(Clone, Debug, PartialEq)]
pub struct Effective {
    /// The workload that it is for.
    pub workload: Workload,
    /// What applies to each class of listener; every class is there.
    pub classes: BTreeMap<ListenerClass, ClassPolicy>,
}

impl Effective {
    /// What applies to one class of listener.
    pub fn class(&self, class: ListenerClass) -> &ClassPolicy {
        static NOTHING: ClassPolicy = ClassPolicy { metrics: Vec::new() };
        self.classes.get(&class).unwrap_or(&NOTHING)
    }

    /// A policy that asks for nothing: what an overlay without documents lays over a base.
    pub fn nothing(workload: Workload) -> Effective {
        Effective { workload, classes: BTreeMap::new() }
    }
}

/// The effective policy of one class of listener.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassPolicy {
    /// Metrics, one entry per provider in force, ordered by the provider's name. Empty: no metrics.
    pub metrics: Vec<ProviderMetrics>,
}

/// What one metrics provider is to be given.
#[derive(Clone, Debug, PartialEq)]
pub struct ProviderMetrics {
    /// The provider's name and what put it in force.
    pub provider: Traced<String>,
    /// How often long-lived streams report; absent: the filter's default.
    pub reporting_interval: Option<Traced<Duration>>,
    /// Changes per metric, ordered as Istio orders them. A metric without an entry has its defaults.
    pub overrides: Vec<MetricOverride>,
}

/// The name of a metric: a standard one, or any other by its own name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MetricName {
    /// One of the ten.
    Standard(StandardMetric),
    /// A custom one, as written.
    Custom(String),
}

impl MetricName {
    /// The name in a stats filter's configuration.
    pub fn stat_name(&self) -> &str {
        match self {
            MetricName::Standard(metric) => metric.stat_name(),
            MetricName::Custom(name) => name,
        }
    }
}

/// What changes of one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricOverride {
    /// The metric.
    pub metric: MetricName,
    /// Whether it is switched off; absent: nothing says so, which means on.
    pub disabled: Option<Traced<bool>>,
    /// Labels to set or to remove, by name.
    pub tags: BTreeMap<String, Traced<TagOperation>>,
}

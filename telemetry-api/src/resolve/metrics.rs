//! How metrics entries add up: Istio's algorithm, step by step, for one class of listener.

use std::collections::BTreeMap;
use std::time::Duration;

use burgee_filter_config::StandardMetric;

use super::effective::{MetricName, MetricOverride, ProviderMetrics};
use super::workload::ListenerClass;
use crate::origin::{Origin, Traced};
use crate::resources::telemetry::{MetricMatch, MetricsEntry, Override, TagOperation};
use crate::resources::{MeshConfig, ProviderKind, Telemetry};

/// What one provider has collected so far.
#[derive(Default)]
struct Collected {
    /// Set while everything is switched off.
    all_off: bool,
    interval: Option<Traced<Duration>>,
    changes: BTreeMap<MetricName, Change>,
}

#[derive(Default)]
struct Change {
    disabled: Option<Traced<bool>>,
    tags: BTreeMap<String, Traced<TagOperation>>,
}

/// The providers in force: those of the last entry that names any, else the mesh's defaults. A name stands once.
pub(super) fn scope(mesh: &MeshConfig, telemetries: &[&Telemetry]) -> Vec<Traced<String>> {
    let last = entries(telemetries).filter(|entry| !entry.providers.is_empty()).last();
    let names = last.map_or(&mesh.default_metrics_providers, |entry| &entry.providers);
    let mut scope: Vec<Traced<String>> = Vec::new();
    for name in names {
        if !scope.iter().any(|known| known.value == name.value) {
            scope.push(name.clone());
        }
    }
    scope
}

fn entries<'t>(telemetries: &'t [&'t Telemetry]) -> impl Iterator<Item = &'t MetricsEntry> {
    telemetries.iter().flat_map(|telemetry| &telemetry.metrics)
}

/// What the documents add up to for one class of listener. `telemetries` are in the order of contribution.
pub(super) fn merge(
    mesh: &MeshConfig,
    telemetries: &[&Telemetry],
    class: ListenerClass,
) -> Vec<ProviderMetrics> {
    let scope = scope(mesh, telemetries);
    let mut collected: BTreeMap<&str, (&Origin, Collected)> = BTreeMap::new();
    if entries(telemetries).next().is_none() {
        for provider in &scope {
            collected.insert(&provider.value, (&provider.origin, Collected::default()));
        }
    }
    let mut previous = &mesh.default_metrics_providers;
    for entry in entries(telemetries) {
        if !entry.providers.is_empty() {
            previous = &entry.providers;
        }
        for name in previous {
            let Some(in_scope) = scope.iter().find(|known| known.value == name.value) else { continue };
            let (_, provider) =
                collected.entry(&in_scope.value).or_insert_with(|| (&in_scope.origin, Collected::default()));
            if entry.reporting_interval.is_some() {
                provider.interval.clone_from(&entry.reporting_interval);
            }
            for change in entry.overrides.iter().filter(|change| change.mode.covers(class.is_client())) {
                provider.take(change);
            }
        }
    }
    collected
        .into_iter()
        .filter(|(name, (_, provider))| !provider.all_off && takes_metrics(mesh, name))
        .map(|(name, (origin, provider))| provider.finish(name, origin))
        .collect()
}

/// Only providers of kind prometheus take metrics; unknown and other ones are left out without a word, as in Istio.
fn takes_metrics(mesh: &MeshConfig, name: &str) -> bool {
    mesh.provider(name).is_some_and(|provider| provider.kind == ProviderKind::Prometheus)
}

impl Collected {
    fn take(&mut self, change: &Override) {
        let switched_off = change.disabled.as_ref().is_some_and(|disabled| disabled.value);
        if change.metric == MetricMatch::All && switched_off {
            // Tags beside a switch-off of everything are lost, as in Istio.
            self.all_off = true;
            return;
        }
        self.all_off = false;
        let names: Vec<MetricName> = match &change.metric {
            MetricMatch::All => StandardMetric::ALL.into_iter().map(MetricName::Standard).collect(),
            MetricMatch::Standard(metric) => vec![MetricName::Standard(*metric)],
            MetricMatch::Custom(name) => vec![MetricName::Custom(name.clone())],
        };
        for name in names {
            let table = self.changes.entry(name).or_default();
            if change.disabled.is_some() {
                table.disabled.clone_from(&change.disabled);
            }
            for (tag, operation) in &change.tags {
                table.tags.insert(tag.clone(), operation.clone());
            }
        }
    }

    fn finish(self, name: &str, origin: &Origin) -> ProviderMetrics {
        let mut overrides: Vec<MetricOverride> = self
            .changes
            .into_iter()
            .map(|(metric, change)| MetricOverride { metric, disabled: change.disabled, tags: change.tags })
            .collect();
        overrides.sort_by(|a, b| sort_name(&a.metric).cmp(sort_name(&b.metric)));
        ProviderMetrics {
            provider: Traced { value: name.to_owned(), origin: origin.clone() },
            reporting_interval: self.interval,
            overrides,
        }
    }
}

/// Istio sorts by the name in the API, custom names among them.
fn sort_name(metric: &MetricName) -> &str {
    match metric {
        MetricName::Standard(metric) => metric.api_name(),
        MetricName::Custom(name) => name,
    }
}

#[cfg(test)]
mod tests;

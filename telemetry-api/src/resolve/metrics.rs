//! How metrics entries add up: Istio's algorithm, step by step, for one class of listener.

use std::collections::BTreeMap;
use std::time::Duration;

use burgee_filter_config::StandardMetric;

use super::effective::{MetricName, MetricOverride, ProviderMetrics};
use super::said::Said;
use super::workload::ListenerClass;
use crate::origin::Traced;
use crate::resources::telemetry::{MetricMatch, MetricsEntry, Override, TagOperation};
use crate::resources::{MeshConfig, MetricsEngine, PeerMetadata, ProviderKind, Telemetry};

/// What the documents add up to for one class of listener, before providers are looked up.
#[derive(Debug)]
pub(crate) struct Merged<'t> {
    /// The names of the providers in force: those of the last entry that names any, else the mesh's defaults.
    pub scope: Said<'t, [Traced<String>]>,
    /// What makes metrics: the last document that says it, be it about metrics otherwise or not.
    pub engine: Said<'t, Traced<MetricsEngine>>,
    /// Whether proxies tell each other who they are: the last document that says it, likewise.
    pub peers: Said<'t, Traced<PeerMetadata>>,
    /// Every entry, in the order of contribution, and the providers that it is about: those that it names, else those of
    /// the entry before it.
    pub entries: Vec<(&'t MetricsEntry, &'t [Traced<String>])>,
    /// What each provider in force collected, by its name as written.
    pub collected: BTreeMap<&'t str, Collected<'t>>,
}

/// What one provider collected: of every field everything that was said.
#[derive(Debug)]
pub(crate) struct Collected<'t> {
    /// Its name, where it was named.
    pub provider: &'t Traced<String>,
    /// The overrides that switch everything off, and those that end that.
    pub switches: Said<'t, Override>,
    /// How often long-lived streams report.
    pub interval: Said<'t, Traced<Duration>>,
    /// What changes of each metric. It stays while everything is switched off.
    pub changes: BTreeMap<MetricName, Change<'t>>,
}

/// What changes of one metric.
#[derive(Debug, Default)]
pub(crate) struct Change<'t> {
    /// Whether it is switched off.
    pub disabled: Said<'t, Traced<bool>>,
    /// Labels to set or to remove, by name.
    pub tags: BTreeMap<&'t str, Said<'t, Traced<TagOperation>>>,
}

/// What the documents say of one class of listener. `telemetries` are in the order of contribution.
pub(crate) fn merge<'t>(
    mesh: &'t MeshConfig,
    telemetries: &[&'t Telemetry],
    class: ListenerClass,
) -> Merged<'t> {
    let mut previous = mesh.default_metrics_providers.as_slice();
    let mut merged = Merged {
        scope: Said::first(Some(previous)),
        engine: Said::first(mesh.metrics_engine.as_ref()),
        peers: Said::first(mesh.peer_metadata.as_ref()),
        entries: Vec::new(),
        collected: BTreeMap::new(),
    };
    for telemetry in telemetries {
        merged.engine.add(telemetry.metrics_engine.as_ref());
        merged.peers.add(telemetry.peer_metadata.as_ref());
    }
    for entry in telemetries.iter().flat_map(|telemetry| &telemetry.metrics) {
        if !entry.providers.is_empty() {
            previous = &entry.providers;
            merged.scope.add(Some(previous));
        }
        merged.entries.push((entry, previous));
    }
    merged.collected = merged.collect(class);
    merged
}

/// The names of the providers in force for a workload, known or not.
pub(crate) fn scope<'t>(mesh: &'t MeshConfig, telemetries: &[&'t Telemetry]) -> Vec<&'t Traced<String>> {
    // The providers are those of both sides: no entry is for one of them alone.
    merge(mesh, telemetries, ListenerClass::Outbound).names()
}

impl<'t> Merged<'t> {
    /// The names of the providers in force. A name stands once.
    pub fn names(&self) -> Vec<&'t Traced<String>> {
        let mut names: Vec<&Traced<String>> = Vec::new();
        for name in self.scope.in_force().unwrap_or_default() {
            if !names.iter().any(|known| known.value == name.value) {
                names.push(name);
            }
        }
        names
    }

    fn collect(&self, class: ListenerClass) -> BTreeMap<&'t str, Collected<'t>> {
        let names = self.names();
        let mut collected: BTreeMap<&str, Collected<'_>> = BTreeMap::new();
        if self.entries.is_empty() {
            collected.extend(names.iter().map(|name| (name.value.as_str(), Collected::new(name))));
        }
        for (entry, about) in &self.entries {
            for name in names.iter().filter(|name| about.iter().any(|other| other.value == name.value)) {
                let provider = collected.entry(&name.value).or_insert_with(|| Collected::new(name));
                provider.interval.add(entry.reporting_interval.as_ref());
                for change in entry.overrides.iter().filter(|change| change.mode.covers(class.is_client())) {
                    provider.take(change);
                }
            }
        }
        collected
    }
}

/// What is measured at one class of listener.
pub(crate) fn resolve(
    mesh: &MeshConfig,
    telemetries: &[&Telemetry],
    class: ListenerClass,
) -> Vec<ProviderMetrics> {
    let Merged { engine, peers, collected, .. } = merge(mesh, telemetries, class);
    collected
        .into_iter()
        .filter(|(name, provider)| !provider.is_all_off() && takes_metrics(mesh, name))
        .map(|(_, provider)| provider.finish(engine.in_force(), peers.in_force(), mesh.peer_labels.as_ref()))
        .collect()
}

/// Only providers of kind prometheus take metrics; unknown and other ones are left out without a word, as in Istio.
fn takes_metrics(mesh: &MeshConfig, name: &str) -> bool {
    mesh.provider(name).is_some_and(|provider| provider.kind == ProviderKind::Prometheus)
}

/// Whether an override switches every metric off, in which case the tags beside it are lost, as in Istio.
pub(crate) fn switches_all_off(change: &Override) -> bool {
    change.metric == MetricMatch::All && change.disabled.as_ref().is_some_and(|disabled| disabled.value)
}

impl<'t> Collected<'t> {
    fn new(provider: &'t Traced<String>) -> Self {
        Collected { provider, switches: Said::default(), interval: Said::default(), changes: BTreeMap::new() }
    }

    /// Whether everything is switched off.
    pub fn is_all_off(&self) -> bool {
        self.switches.in_force().is_some_and(switches_all_off)
    }

    fn take(&mut self, change: &'t Override) {
        let all_off = switches_all_off(change);
        // Whatever it says, another override ends a switch-off of everything, as in Istio.
        self.switches.add(Some(change).filter(|_| all_off || self.is_all_off()));
        if all_off {
            return;
        }
        let names: Vec<MetricName> = match &change.metric {
            MetricMatch::All => StandardMetric::ALL.into_iter().map(MetricName::Standard).collect(),
            MetricMatch::Standard(metric) => vec![MetricName::Standard(*metric)],
            MetricMatch::Custom(name) => vec![MetricName::Custom(name.clone())],
        };
        for name in names {
            let table = self.changes.entry(name).or_default();
            table.disabled.add(change.disabled.as_ref());
            for (tag, operation) in &change.tags {
                table.tags.entry(tag).or_default().add(Some(operation));
            }
        }
    }

    fn finish(
        self,
        engine: Option<&Traced<MetricsEngine>>,
        peers: Option<&Traced<PeerMetadata>>,
        peer_labels: Option<&Traced<Vec<String>>>,
    ) -> ProviderMetrics {
        let mut overrides: Vec<MetricOverride> = self
            .changes
            .into_iter()
            .map(|(metric, change)| MetricOverride {
                metric,
                disabled: change.disabled.in_force().cloned(),
                tags: change
                    .tags
                    .into_iter()
                    .filter_map(|(tag, said)| Some((tag.to_owned(), said.in_force()?.clone())))
                    .collect(),
            })
            .collect();
        overrides.sort_by(|a, b| a.metric.api_name().cmp(b.metric.api_name()));
        ProviderMetrics {
            provider: self.provider.clone(),
            engine: engine.cloned(),
            peers: peers.cloned(),
            peer_labels: peer_labels.cloned(),
            reporting_interval: self.interval.in_force().cloned(),
            overrides,
        }
    }
}

#[cfg(test)]
mod tests;

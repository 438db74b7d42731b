//! How access log entries add up: Istio's algorithm, step by step, for one class of listener.

use std::collections::BTreeMap;

use super::effective::{AccessLogger, LogSink};
use super::log_format;
use super::providers::{self, Unusable};
use super::services::Services;
use super::workload::ListenerClass;
use crate::origin::Traced;
use crate::resources::{MeshConfig, Telemetry};

/// What the documents add up to for one class of listener, before providers are looked up.
#[derive(Clone, Debug)]
pub(crate) struct Merged<'t> {
    /// The providers in force by name, each where it was named first: those that the last document with any names,
    /// else the mesh's defaults.
    pub scope: Scope<'t>,
    /// What became of each provider that an entry was about, by its name as written.
    pub states: BTreeMap<&'t str, State<'t>>,
}

type Scope<'t> = BTreeMap<&'t str, &'t Traced<String>>;
type Filters<'t> = BTreeMap<&'t str, Option<&'t Traced<String>>>;

/// What became of a provider.
#[derive(Clone, Copy, Debug)]
pub(crate) struct State<'t> {
    /// Its name, where it was named.
    pub provider: &'t Traced<String>,
    /// Whether it is switched off.
    pub disabled: bool,
    filter: Option<&'t Traced<String>>,
}

/// What the documents say of one class of listener; absent: nothing at all, and the mesh's own settings decide.
/// `telemetries` are in the order of contribution.
pub(crate) fn merge<'t>(
    mesh: &'t MeshConfig,
    telemetries: &[&'t Telemetry],
    class: ListenerClass,
) -> Option<Merged<'t>> {
    let levels: Vec<&Telemetry> =
        telemetries.iter().copied().filter(|telemetry| !telemetry.access_logging.is_empty()).collect();
    let defaults = &mesh.default_access_logging_providers;
    if levels.is_empty() {
        let enabled = |provider: &'t Traced<String>| State { provider, disabled: false, filter: None };
        let states = defaults.iter().map(|provider| (provider.value.as_str(), enabled(provider))).collect();
        return (!defaults.is_empty()).then(|| Merged { scope: by_name(defaults), states });
    }
    let (scope, filters) = scope(defaults, &levels, class);
    let mut states = BTreeMap::new();
    let mut previous = defaults;
    for entry in levels.iter().flat_map(|level| &level.access_logging) {
        if !entry.providers.is_empty() {
            // Remembered even where the entry is for the other side.
            previous = &entry.providers;
        }
        if !entry.mode.covers(class.is_client()) {
            continue;
        }
        for name in previous {
            let Some(provider) = scope.get(name.value.as_str()).copied() else { continue };
            let disabled = entry.disabled.as_ref().is_some_and(|disabled| disabled.value);
            let filter = filters.get(name.value.as_str()).copied().flatten();
            states.insert(name.value.as_str(), State { provider, disabled, filter });
        }
    }
    Some(Merged { scope, states })
}

/// Providers by name, each where it was named first.
fn by_name<'t>(names: impl IntoIterator<Item = &'t Traced<String>>) -> Scope<'t> {
    let mut scope = Scope::new();
    for name in names {
        scope.entry(&name.value).or_insert(name);
    }
    scope
}

/// The providers in force, and the filter of each: that of the last entry which names it.
fn scope<'t>(
    defaults: &'t [Traced<String>],
    levels: &[&'t Telemetry],
    class: ListenerClass,
) -> (Scope<'t>, Filters<'t>) {
    let mut scope = by_name(defaults);
    let mut filters = Filters::new();
    for level in levels {
        let entries = level.access_logging.iter().filter(|entry| entry.mode.covers(class.is_client()));
        let named: Vec<(&Traced<String>, Option<&Traced<String>>)> = entries
            .flat_map(|entry| entry.providers.iter().map(|name| (name, entry.filter.as_ref())))
            .collect();
        if !named.is_empty() {
            scope = by_name(named.iter().map(|(name, _)| *name));
        }
        filters.extend(named.into_iter().map(|(name, filter)| (name.value.as_str(), filter)));
    }
    (scope, filters)
}

/// The loggers of one class of listener.
pub(super) fn resolve(
    mesh: &MeshConfig,
    services: &Services,
    telemetries: &[&Telemetry],
    class: ListenerClass,
) -> Vec<AccessLogger> {
    let Some(merged) = merge(mesh, telemetries, class) else { return legacy(mesh) };
    if falls_back(mesh, services, &merged) {
        return legacy(mesh);
    }
    merged
        .states
        .iter()
        .filter(|(_, state)| !state.disabled)
        // A kind that this version does not write yet is left out; `check` says so.
        .filter_map(|(name, state)| {
            Some(AccessLogger {
                provider: state.provider.clone(),
                sink: providers::sink(mesh, services, name).ok()?,
                filter: state.filter.cloned(),
            })
        })
        .collect()
}

/// Whether nothing usable is in force, so that the mesh's own file logs: Istio's rule. Where a usable provider is
/// switched off, nothing logs at all.
pub(crate) fn falls_back(mesh: &MeshConfig, services: &Services, merged: &Merged<'_>) -> bool {
    !merged
        .states
        .keys()
        .any(|name| matches!(providers::sink(mesh, services, name), Ok(_) | Err(Unusable::NotWritten(_))))
}

/// The mesh's own file, if it has one.
fn legacy(mesh: &MeshConfig) -> Vec<AccessLogger> {
    let file = &mesh.access_log_file;
    if file.value.is_empty() {
        return Vec::new();
    }
    vec![AccessLogger {
        provider: Traced { value: AccessLogger::MESH_FILE.to_owned(), origin: file.origin.clone() },
        sink: LogSink::File {
            path: file.value.clone(),
            format: log_format::of_mesh(mesh),
            omit_empty_values: false,
        },
        filter: None,
    }]
}

#[cfg(test)]
mod tests;

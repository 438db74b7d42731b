//! How access log entries add up: Istio's algorithm, step by step, for one class of listener.

use std::collections::BTreeMap;

use super::effective::{AccessLogger, ListenerLogs, LogSink};
use super::log_format;
use super::providers;
use super::said::Said;
use super::services::Services;
use super::workload::ListenerClass;
use crate::origin::{Origin, Traced};
use crate::resources::mesh_config::Security;
use crate::resources::telemetry::AccessLoggingEntry;
use crate::resources::{MeshConfig, Telemetry};

/// What the documents add up to for one class of listener, before providers are looked up.
#[derive(Debug)]
pub(crate) struct Merged<'t> {
    /// The providers in force: those that the last document with any names, else the mesh's defaults.
    pub scope: Scope<'t>,
    /// Those that it replaced, in the order of contribution; the mesh's defaults are the first.
    pub replaced: Vec<Scope<'t>>,
    /// The entries that cover the class, in the order of contribution, and the providers that each is about: those that
    /// it names, else those of the entry before it.
    pub entries: Vec<(&'t AccessLoggingEntry, &'t [Traced<String>])>,
    /// What became of each provider that an entry was about, by its name as written.
    pub states: BTreeMap<&'t str, State<'t>>,
}

/// Providers by name, each where it was named first: the mesh's defaults, or those that a document names.
pub(crate) type Scope<'t> = BTreeMap<&'t str, &'t Traced<String>>;

/// What became of a provider.
#[derive(Debug)]
pub(crate) struct State<'t> {
    /// Its name, where it was named.
    pub provider: &'t Traced<String>,
    /// The entries that are about it, in the order of contribution: the last one says whether it is switched off.
    /// None: it is there by default.
    pub entries: Said<'t, AccessLoggingEntry>,
    /// The entries that name it, in the order of contribution: the last one says what is filtered.
    pub naming: Said<'t, AccessLoggingEntry>,
}

impl<'t> State<'t> {
    fn new(provider: &'t Traced<String>) -> Self {
        State { provider, entries: Said::default(), naming: Said::default() }
    }

    /// Whether it is switched off.
    pub fn is_disabled(&self) -> bool {
        let disabled = self.entries.in_force().and_then(|entry| entry.disabled.as_ref());
        disabled.is_some_and(|disabled| disabled.value)
    }

    /// Its filter, if it has one.
    pub fn filter(&self) -> Option<&'t Traced<String>> {
        self.naming.in_force().and_then(|entry| entry.filter.as_ref())
    }
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
    let mut scope = by_name(defaults);
    let mut replaced = Vec::new();
    if levels.is_empty() {
        let states = scope.iter().map(|(name, provider)| (*name, State::new(provider))).collect();
        return (!defaults.is_empty()).then_some(Merged { scope, replaced, entries: Vec::new(), states });
    }
    let covers = |entry: &&AccessLoggingEntry| entry.mode.covers(class.is_client());
    for level in &levels {
        let named: Vec<_> =
            level.access_logging.iter().filter(covers).flat_map(|entry| &entry.providers).collect();
        if !named.is_empty() {
            replaced.push(std::mem::replace(&mut scope, by_name(named)));
        }
    }
    let entries = entries(defaults, &levels, class);
    let mut merged = Merged { scope, replaced, entries, states: BTreeMap::new() };
    merged.states = merged.collect();
    Some(merged)
}

impl<'t> Merged<'t> {
    /// What becomes of each provider in force that an entry is about.
    fn collect(&self) -> BTreeMap<&'t str, State<'t>> {
        let mut states = BTreeMap::new();
        for (entry, about) in &self.entries {
            for (name, provider) in &self.scope {
                if !about.iter().any(|other| other.value == *name) {
                    continue;
                }
                let state = states.entry(*name).or_insert_with(|| State::new(provider));
                state.entries.add(Some(*entry));
                state.naming.add(Some(*entry).filter(|entry| !entry.providers.is_empty()));
            }
        }
        states
    }
}

/// Providers by name, each where it was named first.
fn by_name<'t>(names: impl IntoIterator<Item = &'t Traced<String>>) -> Scope<'t> {
    let mut scope = Scope::new();
    for name in names {
        scope.entry(&name.value).or_insert(name);
    }
    scope
}

/// The entries that cover a class, and the providers that each is about.
fn entries<'t>(
    defaults: &'t [Traced<String>],
    levels: &[&'t Telemetry],
    class: ListenerClass,
) -> Vec<(&'t AccessLoggingEntry, &'t [Traced<String>])> {
    let mut previous = defaults;
    let mut entries = Vec::new();
    for entry in levels.iter().flat_map(|level| &level.access_logging) {
        if !entry.providers.is_empty() {
            // Remembered even where the entry is for the other side.
            previous = &entry.providers;
        }
        if entry.mode.covers(class.is_client()) {
            entries.push((entry, previous));
        }
    }
    entries
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
        .filter(|(_, state)| !state.is_disabled())
        .filter_map(|(name, state)| {
            Some(AccessLogger {
                provider: state.provider.clone(),
                sink: providers::sink(mesh, services, name).ok()?,
                filter: state.filter().cloned(),
            })
        })
        .collect()
}

/// Whether nothing usable is in force, so that the mesh's own loggers log: Istio's rule. Where a usable provider is
/// switched off, nothing logs at all.
pub(crate) fn falls_back(mesh: &MeshConfig, services: &Services, merged: &Merged<'_>) -> bool {
    !merged.states.keys().any(|name| providers::sink(mesh, services, name).is_ok())
}

/// The mesh's own loggers, as far as it has them: its file, and the access log service of the bootstrap.
fn legacy(mesh: &MeshConfig) -> Vec<AccessLogger> {
    let logger = |name: &str, origin: &Origin, sink| AccessLogger {
        provider: Traced { value: name.to_owned(), origin: origin.clone() },
        sink,
        filter: None,
    };
    let mut loggers = Vec::new();
    let file = &mesh.access_log_file;
    if !file.value.is_empty() {
        let format = log_format::of_mesh(mesh);
        let sink = LogSink::File { path: file.value.clone(), format, omit_empty_values: false };
        loggers.push(logger(AccessLogger::MESH_FILE, &file.origin, sink));
    }
    let service = &mesh.enable_access_log_service;
    if service.value {
        let address = mesh.access_log_service.as_ref().map(|address| address.value.clone());
        // Whose certificates to use only a proxy's own base can say.
        let address = address.filter(|address| address.security == Security::ClearText);
        let sink = LogSink::MeshService { address };
        loggers.push(logger(AccessLogger::MESH_SERVICE, &service.origin, sink));
    }
    loggers
}

/// Whether listeners have the loggers too.
pub(super) fn of_listeners(mesh: &MeshConfig) -> ListenerLogs {
    let disabled = &mesh.disable_listener_log;
    if disabled.value { ListenerLogs::Off(disabled.origin.clone()) } else { ListenerLogs::On }
}

#[cfg(test)]
mod tests;

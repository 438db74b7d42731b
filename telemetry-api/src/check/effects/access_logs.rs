//! Access logging that goes on, ends or does nothing where that is not what an entry says.

use crate::check::situations::{Situation, View};
use crate::check::telemetry::at;
use crate::origin::Traced;
use crate::problem::{Problem, Severity, codes};
use crate::resolve::ListenerClass;
use crate::resolve::access_log::{Merged, falls_back, merge};
use crate::resolve::log_format::json_object;
use crate::resources::mesh_config::Encoding;
use crate::resources::telemetry::AccessLoggingEntry;
use crate::resources::{MeshConfig, Telemetry};

/// A format of the mesh's log file that is not what its encoding needs.
pub(super) fn mesh_format(mesh: &MeshConfig, problems: &mut Vec<Problem>) {
    let format = &mesh.access_log_format;
    if mesh.access_log_encoding.value == Encoding::Json
        && !format.value.is_empty()
        && json_object(&format.value).is_none()
    {
        problems.push(at(
            &format.origin,
            Severity::Warning,
            codes::BAD_LOG_FORMAT,
            "the format is not a JSON object, so the usual JSON is written instead".to_owned(),
            "write an object such as {\"code\": \"%RESPONSE_CODE%\"}, or set accessLogEncoding to TEXT"
                .to_owned(),
        ));
    }
}

pub(super) fn check(view: &View<'_, '_>, class: ListenerClass) -> Vec<Problem> {
    let (here, telemetry) = (view.here, view.telemetry());
    if telemetry.access_logging.is_empty() {
        return Vec::new();
    }
    let Some(merged) = merge(here.mesh, &here.all, class) else { return Vec::new() };
    let covering: Vec<&AccessLoggingEntry> =
        telemetry.access_logging.iter().filter(|entry| entry.mode.covers(class.is_client())).collect();
    let found = still_logged(here, &covering, &merged)
        .or_else(|| others_dropped(here.mesh, view.before(), class, &covering))
        .or_else(|| defaults_dropped(here.mesh, telemetry, class, &covering, &merged))
        .or_else(|| without_provider(here.mesh, &covering, &merged))
        .or_else(|| one_side(here, telemetry, class, &covering, &merged));
    found.into_iter().collect()
}

/// The mesh's own loggers, in words; none if it has none.
fn own_loggers(mesh: &MeshConfig) -> Option<String> {
    let file = &mesh.access_log_file.value;
    Some(match (file.as_str(), mesh.enable_access_log_service.value) {
        ("", false) => return None,
        ("", true) => "enableEnvoyAccessLogService".to_owned(),
        (file, false) => format!("accessLogFile `{file}`"),
        (file, true) => format!("accessLogFile `{file}` and enableEnvoyAccessLogService"),
    })
}

/// The document is for the other side alone, and on this one the mesh's own loggers log.
fn one_side(
    here: &Situation<'_>,
    telemetry: &Telemetry,
    class: ListenerClass,
    covering: &[&AccessLoggingEntry],
    merged: &Merged<'_>,
) -> Option<Problem> {
    let what = own_loggers(here.mesh)?;
    let is_off = |entry: &AccessLoggingEntry| entry.disabled.as_ref().is_some_and(|disabled| disabled.value);
    let entry = telemetry.access_logging.iter().find(|entry| !is_off(entry))?;
    if !covering.is_empty() || !falls_back(here.mesh, here.services, merged) {
        return None;
    }
    let mode = if class.is_client() { "CLIENT" } else { "SERVER" };
    let goes = if what.contains(" and ") { "log" } else { "logs" };
    Some(at(
        &entry.origin,
        Severity::Note,
        codes::ONE_SIDE_LOGGED,
        format!("where the mode is {mode} nothing is said, and {what} {goes} there as before"),
        format!(
            "nothing has to be done if that is meant; else add `- match: {{mode: {mode}}}` with its providers"
        ),
    ))
}

/// Something is switched off, and the mesh's own loggers log all the same.
fn still_logged(
    here: &Situation<'_>,
    covering: &[&AccessLoggingEntry],
    merged: &Merged<'_>,
) -> Option<Problem> {
    let mesh = here.mesh;
    let what = own_loggers(mesh)?;
    if !falls_back(mesh, here.services, merged) {
        return None;
    }
    let goes = if what.contains(" and ") { "go" } else { "goes" };
    let disabled =
        covering.iter().filter_map(|entry| entry.disabled.as_ref()).find(|disabled| disabled.value)?;
    Some(at(
        &disabled.origin,
        Severity::Warning,
        codes::STILL_LOGGED,
        format!("this switches off nothing: no provider is in force here, so {what} {goes} on"),
        "name a provider beside it: `providers: [{name: envoy}]` with `disabled: true` ends the mesh's own logs too"
            .to_owned(),
    ))
}

/// Naming the provider to switch off takes all inherited others out of force.
fn others_dropped(
    mesh: &MeshConfig,
    before: &[&Telemetry],
    class: ListenerClass,
    covering: &[&AccessLoggingEntry],
) -> Option<Problem> {
    let naming: Vec<&&AccessLoggingEntry> =
        covering.iter().filter(|entry| !entry.providers.is_empty()).collect();
    let all_off = naming.iter().all(|entry| entry.disabled.as_ref().is_some_and(|disabled| disabled.value));
    let first: &Traced<String> = naming.first().filter(|_| all_off)?.providers.first()?;
    let before = merge(mesh, before, class)?;
    let dropped: Vec<&str> = before
        .states
        .iter()
        .filter(|(_, state)| !state.is_disabled())
        .map(|(name, _)| *name)
        .filter(|name| !naming.iter().flat_map(|entry| &entry.providers).any(|named| named.value == **name))
        .collect();
    let example = dropped.first()?;
    Some(at(
        &first.origin,
        Severity::Warning,
        codes::OTHERS_DROPPED,
        format!(
            "with `{}` these end too: {}; the names of a document replace all that it inherits",
            first.value,
            dropped.join(", ")
        ),
        format!("name those to keep in an entry before it: `- providers: [{{name: {example}}}]`"),
    ))
}

/// On a side that the document says nothing of, the mesh's default providers end.
fn defaults_dropped(
    mesh: &MeshConfig,
    telemetry: &Telemetry,
    class: ListenerClass,
    covering: &[&AccessLoggingEntry],
    merged: &Merged<'_>,
) -> Option<Problem> {
    let defaults: Vec<&str> =
        mesh.default_access_logging_providers.iter().map(|name| name.value.as_str()).collect();
    let first = defaults.first()?;
    if !covering.is_empty() || !merged.replaced.is_empty() || !merged.states.is_empty() {
        return None;
    }
    let mode = if class.is_client() { "CLIENT" } else { "SERVER" };
    Some(at(
        &telemetry.access_logging.first()?.origin,
        Severity::Warning,
        codes::DEFAULTS_DROPPED,
        format!(
            "where the mode is {mode}, what the mesh has by default ends: {}; a document with accessLogging replaces \
             the defaults even on a side that it says nothing of",
            defaults.join(", ")
        ),
        format!(
            "add `- match: {{mode: {mode}}}` with `providers:` that go on, such as `[{{name: {first}}}]`"
        ),
    ))
}

/// An entry that switches on what nobody named.
fn without_provider(
    mesh: &MeshConfig,
    covering: &[&AccessLoggingEntry],
    merged: &Merged<'_>,
) -> Option<Problem> {
    let is_off = |entry: &&AccessLoggingEntry| entry.disabled.as_ref().is_some_and(|disabled| disabled.value);
    let entry = covering.iter().find(|entry| entry.providers.is_empty() && !is_off(entry))?;
    if !mesh.was_read || !merged.states.is_empty() {
        return None;
    }
    Some(at(
        &entry.origin,
        Severity::Warning,
        codes::NO_PROVIDER,
        "no provider of access logs is in force here, so this entry has no effect".to_owned(),
        "name one (`providers: [{name: envoy}]`), or set defaultProviders.accessLogging in MeshConfig"
            .to_owned(),
    ))
}

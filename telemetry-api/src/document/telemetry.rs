//! Reads `Telemetry`: types, unknown fields, enumerations and what stands alone in one field. Each signal has a file.

mod access_logging;
mod metrics;
mod tracing;

use super::reader::{Context, Field, Object};
use super::selection;
use crate::origin::Traced;
use crate::problem::{Severity, codes};
use crate::resources::Meta;
use crate::resources::telemetry::{Mode, Telemetry};

pub(crate) use metrics::OPERATIONS;
pub(super) use tracing::{TagsOf, custom_tags};

/// On which side of a request an entry applies, by name.
pub(crate) const MODES: &[(&str, Mode)] =
    &[("CLIENT_AND_SERVER", Mode::ClientAndServer), ("CLIENT", Mode::Client), ("SERVER", Mode::Server)];

/// Reads one document. An absent spec is a valid one that asks for nothing.
pub(super) fn read(meta: Meta, spec: Option<Field<'_>>, context: &mut Context) -> Option<Telemetry> {
    let mut telemetry = Telemetry {
        meta,
        selector: None,
        target_refs: Vec::new(),
        metrics_engine: None,
        peer_metadata: None,
        metrics: Vec::new(),
        tracing: Vec::new(),
        access_logging: Vec::new(),
    };
    let Some(spec) = spec else { return Some(telemetry) };
    let known = ["selector", "targetRef", "targetRefs", "tracing", "metrics", "accessLogging"];
    let spec = spec.object(context, &known)?;
    (telemetry.selector, telemetry.target_refs) = selection::read(&spec, context);
    for field in spec.list(context, "metrics") {
        telemetry.metrics.extend(metrics::entry(&field, context));
    }
    let tracing = spec.list(context, "tracing");
    for field in &tracing {
        telemetry.tracing.extend(tracing::entry(field, context));
    }
    if let Some(second) = tracing.get(1) {
        context.report(
            Severity::Warning,
            codes::SEVERAL_TRACERS,
            second,
            "there are several tracing entries; they are merged, and only one provider per side takes effect",
            "keep one entry per `match.mode`",
        );
    }
    for field in spec.list(context, "accessLogging") {
        telemetry.access_logging.extend(access_logging::entry(&field, context));
    }
    Some(telemetry)
}

/// The names of an entry's providers.
fn providers(entry: &Object<'_>, context: &mut Context) -> Vec<Traced<String>> {
    let mut names = Vec::new();
    for field in entry.list(context, "providers") {
        let Some(provider) = field.object(context, &["name"]) else { continue };
        let help = "a provider's name in MeshConfig's extensionProviders";
        let Some(name_field) = provider.require(context, "name", help) else { continue };
        let Some(name) = name_field.string(context) else { continue };
        if name.is_empty() {
            let message = "the provider's name is empty";
            context.report(Severity::Error, codes::PROVIDER_NAME, &name_field, message, help);
            continue;
        }
        names.push(name_field.traced(context, name));
    }
    names
}

/// The side that `mode` of an entry's `match` names.
fn mode(matched: &Object<'_>, context: &mut Context) -> Mode {
    matched.get("mode").and_then(|field| field.choice(context, MODES)).unwrap_or_default()
}

/// The side of an entry whose `match` has a mode and nothing else.
fn mode_match(entry: &Object<'_>, context: &mut Context) -> Mode {
    let matched = entry.get("match").and_then(|field| field.object(context, &["mode"]));
    matched.map(|matched| mode(&matched, context)).unwrap_or_default()
}

/// A field that is true or false, if it is there.
fn flag(entry: &Object<'_>, key: &str, context: &mut Context) -> Option<Traced<bool>> {
    let field = entry.get(key)?;
    let value = field.boolean(context)?;
    Some(field.traced(context, value))
}

//! What a document says and nothing ever comes of, wherever it applies.

use crate::check::telemetry::at;
use crate::origin::Origin;
use crate::problem::{Problem, Severity, codes};
use crate::resolve::WorkloadKind;
use crate::resources::telemetry::{Mode, Telemetry};

/// A document without any signal.
pub(super) fn asks_nothing(telemetry: &Telemetry, problems: &mut Vec<Problem>) {
    let Telemetry {
        metrics,
        metrics_engine,
        peer_metadata,
        tracing,
        access_logging,
        meta,
        selector: _,
        target_refs: _,
    } = telemetry;
    let is_annotated = metrics_engine.is_some() || peer_metadata.is_some();
    if is_annotated || !metrics.is_empty() || !tracing.is_empty() || !access_logging.is_empty() {
        return;
    }
    let message = if telemetry.is_namespace_wide() {
        "the document asks for nothing, and takes the one place that its namespace has for such a document"
    } else {
        "the document asks for nothing"
    };
    problems.push(
        Problem::new(Severity::Note, codes::ASKS_NOTHING, message)
            .at(meta.place.clone(), "")
            .help("write `metrics`, `tracing` or `accessLogging` into its spec, or take it out"),
    );
}

/// Overrides for providers that a later entry of the same document takes out of force.
pub(super) fn lost_overrides(telemetry: &Telemetry, problems: &mut Vec<Problem>) {
    let Some(last) = telemetry.metrics.iter().rev().find(|entry| !entry.providers.is_empty()) else { return };
    for entry in &telemetry.metrics {
        let asks = !entry.overrides.is_empty() || entry.reporting_interval.is_some();
        let is_named_again = || {
            entry.providers.iter().any(|name| last.providers.iter().any(|other| other.value == name.value))
        };
        if !asks || entry.providers.is_empty() || is_named_again() {
            continue;
        }
        let names: Vec<&str> = last.providers.iter().map(|name| name.value.as_str()).collect();
        let message = format!(
            "this has no effect: the last entry that names providers decides, `{}`",
            names.join("`, `")
        );
        let help = "name the providers once, in one entry, and put what is asked of them beside it";
        problems.push(at(&entry.origin, Severity::Warning, codes::LOST_OVERRIDES, message, help.to_owned()));
    }
}

/// What is for the server's side, of a document that is for gateways alone.
pub(super) fn at_gateways(telemetry: &Telemetry, kind: WorkloadKind, problems: &mut Vec<Problem>) {
    if kind != WorkloadKind::Gateway {
        return;
    }
    let overrides = telemetry.metrics.iter().flat_map(|entry| &entry.overrides);
    let all: Vec<(Mode, &Origin)> = overrides
        .map(|change| (change.mode, &change.origin))
        .chain(telemetry.tracing.iter().map(|entry| (entry.mode, &entry.origin)))
        .chain(telemetry.access_logging.iter().map(|entry| (entry.mode, &entry.origin)))
        .collect();
    for (_, origin) in all.into_iter().filter(|(mode, _)| *mode == Mode::Server) {
        problems.push(at(
            origin,
            Severity::Warning,
            codes::SERVER_AT_GATEWAY,
            "this has no effect: the document is for gateways, and what a gateway does is all for CLIENT"
                .to_owned(),
            "write `mode: CLIENT`, or take the mode out".to_owned(),
        ));
    }
}

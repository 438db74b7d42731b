//! What makes one Telemetry document valid, given the mesh's configuration.

use burgee_filter_config::StandardLabel;

use super::expression::{Fault, did_you_mean, fault};
use crate::origin::{Origin, Traced};
use crate::problem::{Code, Problem, Severity, codes};
use crate::resources::telemetry::{MetricMatch, Override, TagOperation, Telemetry};
use crate::resources::{MeshConfig, ProviderKind};

pub(super) fn check(telemetry: &Telemetry, mesh: &MeshConfig, problems: &mut Vec<Problem>) {
    for entry in &telemetry.metrics {
        for provider in &entry.providers {
            metrics_provider(provider, mesh, problems);
        }
        for change in &entry.overrides {
            metric(change, problems);
            tags(change, problems);
        }
    }
    for section in [&telemetry.tracing, &telemetry.access_logging].into_iter().flatten() {
        problems.push(
            Problem::new(
                Severity::Note,
                codes::NOT_APPLIED,
                format!("`{}` is checked, but this version does not apply it yet", section.path),
            )
            .at(section.place.clone(), section.path.clone())
            .help("metrics are applied"),
        );
    }
}

/// A problem with a traced value.
pub(super) fn at(origin: &Origin, severity: Severity, code: Code, message: String, help: String) -> Problem {
    let problem = Problem::new(severity, code, message).help(help);
    match origin {
        Origin::Document { path, place, .. } => problem.at(place.clone(), path.to_string()),
        Origin::Rule(_) => problem,
    }
}

fn metrics_provider(provider: &Traced<String>, mesh: &MeshConfig, problems: &mut Vec<Problem>) {
    let name = &provider.value;
    let Some(known) = mesh.provider(name) else {
        let names: Vec<&str> =
            mesh.extension_providers.iter().map(|provider| provider.name.as_str()).collect();
        let mut help = format!("providers of this mesh: {}", names.join(", "));
        if let Some(name) = crate::problem::closest(name, &names) {
            help = format!("did you mean `{name}`? {help}");
        }
        let (severity, help) = if mesh.was_read {
            (Severity::Error, help)
        } else {
            let hint =
                "give the mesh's configuration too (the ConfigMap `istio` or mesh.yaml) to have it looked up";
            (Severity::Note, hint.to_owned())
        };
        let message = match severity {
            Severity::Error => format!("the mesh has no provider `{name}`"),
            _ => format!("provider `{name}` cannot be looked up: no MeshConfig is among the documents"),
        };
        problems.push(at(&provider.origin, severity, codes::UNKNOWN_PROVIDER, message, help));
        return;
    };
    if known.name != *name {
        let message =
            format!("the mesh spells this provider `{}`; Istio counts `{name}` as another one", known.name);
        let help = format!("write `{}`", known.name);
        problems.push(at(&provider.origin, Severity::Warning, codes::PROVIDER_SPELLING, message, help));
    }
    if known.kind != ProviderKind::Prometheus {
        let message = format!("provider `{name}` is of kind {} and takes no metrics", known.kind.key());
        let help =
            "metrics need a provider of kind prometheus; Istio ignores any other without a word".to_owned();
        problems.push(at(&provider.origin, Severity::Warning, codes::UNSUITABLE_PROVIDER, message, help));
    }
}

fn metric(change: &Override, problems: &mut Vec<Problem>) {
    let (severity, code, message, help) = match &change.metric {
        MetricMatch::Custom(name) => (
            Severity::Warning,
            codes::CUSTOM_METRIC,
            format!("no filter defines a metric `{name}`, so this has no effect"),
            "the Telemetry API can change custom metrics but not define them".to_owned(),
        ),
        MetricMatch::Standard(metric) if !metric.is_written() => (
            Severity::Note,
            codes::METRIC_NOT_WRITTEN,
            format!("{} is not written by this version's filter yet", metric.api_name()),
            "written: REQUEST_COUNT, REQUEST_DURATION, REQUEST_SIZE, RESPONSE_SIZE".to_owned(),
        ),
        _ => return,
    };
    problems.push(at(&change.origin, severity, code, message, help));
}

fn tags(change: &Override, problems: &mut Vec<Problem>) {
    for (name, operation) in &change.tags {
        let (severity, code, message, help) = match &operation.value {
            TagOperation::Remove if StandardLabel::from_name(name).is_none() => {
                let names: Vec<&str> = StandardLabel::ALL.iter().map(|label| label.name()).collect();
                let help = match crate::problem::closest(name, &names) {
                    Some(known) => format!("did you mean `{known}`?"),
                    None => "this only takes back a tag of that name that another document adds; standard tags \
                             are listed in Istio's metrics reference"
                        .to_owned(),
                };
                let message = format!("`{name}` is not a standard tag");
                (Severity::Warning, codes::REMOVE_UNKNOWN_TAG, message, help)
            }
            TagOperation::Remove => continue,
            TagOperation::Upsert(expression) => match fault(expression) {
                None => continue,
                Some(Fault::Syntax(message)) => (
                    Severity::Error,
                    codes::BAD_EXPRESSION,
                    format!("the value of tag `{name}` is not a CEL expression: {message}"),
                    "such as `request.host` or `string(destination.port)`; text stands in quotes inside the value: \
                     \"'text'\""
                        .to_owned(),
                ),
                Some(Fault::UnknownWord(word)) => (
                    Severity::Warning,
                    codes::UNKNOWN_ATTRIBUTE,
                    format!("`{word}` is no attribute that Envoy knows, so tag `{name}` will be `unknown`"),
                    format!("for the text itself write \"'{word}'\""),
                ),
                Some(Fault::UnknownAttribute(attribute, likely)) => (
                    Severity::Warning,
                    codes::UNKNOWN_ATTRIBUTE,
                    format!("Envoy has no attribute `{attribute}`, so tag `{name}` will be `unknown`"),
                    did_you_mean(&likely),
                ),
            },
        };
        problems.push(at(&operation.origin, severity, code, message, help));
    }
}

//! What makes one Telemetry document valid, given the mesh's configuration.

mod access_logging;
pub(super) mod providers;

use burgee_filter_config::StandardLabel;

use self::providers::{Signal, named};
use super::expression::{Fault, Use, did_you_mean, fault};
use crate::origin::Origin;
use crate::problem::{Code, Problem, Severity, codes};
use crate::resources::MeshConfig;
use crate::resources::telemetry::{MetricMatch, Override, TagOperation, Telemetry};

pub(super) fn check(telemetry: &Telemetry, mesh: &MeshConfig, problems: &mut Vec<Problem>) {
    let Telemetry { metrics, tracing, access_logging, .. } = telemetry;
    for entry in metrics {
        entry.providers.iter().for_each(|name| named(name, Signal::Metrics, mesh, problems));
        for change in &entry.overrides {
            metric(change, problems);
            tags(change, problems);
        }
    }
    for entry in tracing {
        entry.providers.iter().for_each(|name| named(name, Signal::Traces, mesh, problems));
    }
    for entry in access_logging {
        entry.providers.iter().for_each(|name| named(name, Signal::AccessLogs, mesh, problems));
        access_logging::check(entry, problems);
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

fn metric(change: &Override, problems: &mut Vec<Problem>) {
    let MetricMatch::Custom(name) = &change.metric else { return };
    let message = format!("no filter defines a metric `{name}`, so this has no effect");
    let help = "the Telemetry API can change custom metrics but not define them".to_owned();
    problems.push(at(&change.origin, Severity::Warning, codes::CUSTOM_METRIC, message, help));
}

/// That a metric which is named does not have a standard tag.
fn not_of_metric(change: &Override, name: &str) -> Option<String> {
    let (MetricMatch::Standard(metric), Some(label)) = (&change.metric, StandardLabel::from_name(name))
    else {
        return None;
    };
    (!metric.has_label(label))
        .then(|| format!("{} has no tag `{name}`, so this has no effect", metric.api_name()))
}

fn tags(change: &Override, problems: &mut Vec<Problem>) {
    for (name, operation) in &change.tags {
        if let Some(message) = not_of_metric(change, name) {
            let help = "leave it out; Istio's metrics reference lists the tags of each metric".to_owned();
            problems.push(at(&operation.origin, Severity::Note, codes::TAG_NOT_OF_METRIC, message, help));
        }
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
            TagOperation::Upsert(expression) => match fault(expression, Use::Tag) {
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
                Some(Fault::Function(missing)) => (
                    Severity::Warning,
                    codes::UNKNOWN_FUNCTION,
                    format!("{}, so there will be no tag `{name}`", missing.message),
                    missing.help,
                ),
                // Tags put texts together.
                Some(Fault::Joined) => continue,
            },
        };
        problems.push(at(&operation.origin, severity, code, message, help));
    }
}

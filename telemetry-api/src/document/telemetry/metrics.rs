//! Reads `spec.metrics`.

use burgee_filter_config::StandardMetric;
use burgee_filter_config::stat_name::is_valid_label_name;

use super::{mode, providers};
use crate::document::reader::{Context, Field, Object, shorten};
use crate::origin::Traced;
use crate::problem::{Severity, codes};
use crate::resources::telemetry::{MetricMatch, MetricsEntry, Mode, Override, TagOperation};

/// An entry of `spec.metrics`.
pub(super) fn entry(field: &Field<'_>, context: &mut Context) -> Option<MetricsEntry> {
    let entry = field.object(context, &["providers", "overrides", "reportingInterval"])?;
    let providers = providers(&entry, context);
    let overrides = entry
        .list(context, "overrides")
        .iter()
        .filter_map(|field| metrics_override(field, context))
        .collect();
    let reporting_interval = entry.get("reportingInterval").and_then(|field| {
        let interval = field.duration(context)?;
        if interval.as_millis() < 1 {
            let message = "the interval is shorter than 1ms";
            context.report(Severity::Error, codes::OUT_OF_RANGE, &field, message, "allowed: 1ms and longer");
            return None;
        }
        Some(field.traced(context, interval))
    });
    Some(MetricsEntry { origin: field.origin(context), providers, overrides, reporting_interval })
}

fn metrics_override(field: &Field<'_>, context: &mut Context) -> Option<Override> {
    let object = field.object(context, &["match", "disabled", "tagOverrides"])?;
    let matched =
        object.get("match").and_then(|field| field.object(context, &["metric", "customMetric", "mode"]));
    let mut metric = MetricMatch::All;
    let mut side = Mode::default();
    if let Some(matched) = matched {
        metric = metric_match(&matched, context);
        side = mode(&matched, context);
    }
    let disabled = object.get("disabled").and_then(|field| {
        let value = field.boolean(context)?;
        Some(field.traced(context, value))
    });
    let mut tags = Vec::new();
    if let Some(overrides) = object.get("tagOverrides").and_then(|field| field.any_object(context)) {
        for ((name, key), (_, value)) in overrides.keys().zip(overrides.fields()) {
            let Some(label) = label(name, &key, context) else { continue };
            if let Some(operation) = tag_operation(&value, context) {
                tags.push((label, operation));
            }
        }
    }
    Some(Override { origin: field.origin(context), metric, mode: side, disabled, tags })
}

/// The label that a tag is on a page of Prometheus; none if there cannot be one. Envoy writes `_` for what a label cannot
/// have, but leaves a digit in front, and Prometheus then refuses the page.
fn label(tag: &str, key: &Field<'_>, context: &mut Context) -> Option<String> {
    if is_valid_label_name(tag) {
        return Some(tag.to_owned());
    }
    let label: String =
        tag.bytes().map(|byte| if byte.is_ascii_alphanumeric() { byte as char } else { '_' }).collect();
    let label = Some(label).filter(|label| is_valid_label_name(label));
    let becomes = match &label {
        Some(label) => format!("it is `{}`", shorten(label)),
        None => "there will be none".to_owned(),
    };
    context.report(
        Severity::Warning,
        codes::BAD_TAG_NAME,
        key,
        format!("`{}` cannot be a label of a metric: {becomes}", shorten(tag)),
        "allowed: letters, digits and `_`, not beginning with a digit",
    );
    label
}

fn metric_match(matched: &Object<'_>, context: &mut Context) -> MetricMatch {
    let mut choices: Vec<(&str, Option<StandardMetric>)> = vec![("ALL_METRICS", None)];
    choices.extend(StandardMetric::ALL.iter().map(|metric| (metric.api_name(), Some(*metric))));
    let metric = matched.get("metric");
    let custom = matched.get("customMetric");
    if let (Some(_), Some(custom)) = (&metric, &custom) {
        let message = "both `metric` and `customMetric` are there";
        context.report(Severity::Error, codes::TWO_METRICS, custom, message, "write one of the two");
    }
    if let Some(field) = metric {
        return match field.choice(context, &choices).flatten() {
            Some(metric) => MetricMatch::Standard(metric),
            None => MetricMatch::All,
        };
    }
    let Some(field) = custom else { return MetricMatch::All };
    match field.string(context) {
        Some(name) if !name.is_empty() => MetricMatch::Custom(name),
        Some(_) => {
            let help = "the metric's name without the prefix `istio_`";
            context.report(Severity::Error, codes::BAD_VALUE, &field, "the metric's name is empty", help);
            MetricMatch::All
        }
        None => MetricMatch::All,
    }
}

/// What an override does with a tag.
#[derive(Clone, Copy)]
pub(crate) enum Operation {
    /// Sets it.
    Upsert,
    /// Leaves it out.
    Remove,
}

/// What an override can do with a tag, by name.
pub(crate) const OPERATIONS: &[(&str, Operation)] =
    &[("UPSERT", Operation::Upsert), ("REMOVE", Operation::Remove)];

fn tag_operation(field: &Field<'_>, context: &mut Context) -> Option<Traced<TagOperation>> {
    let object = field.object(context, &["operation", "value"])?;
    let operation_field = object.get("operation");
    let operation = match &operation_field {
        Some(operation) => operation.choice(context, OPERATIONS)?,
        None => Operation::Upsert,
    };
    let value_field = object.get("value");
    let value = match &value_field {
        Some(value) => Some(value.string(context)?),
        None => None,
    };
    match (operation, value.filter(|value| !value.is_empty())) {
        (Operation::Remove, None) => {
            Some(operation_field.as_ref().unwrap_or(field).traced(context, TagOperation::Remove))
        }
        (Operation::Remove, Some(_)) => {
            context.report(
                Severity::Error,
                codes::REMOVE_WITH_VALUE,
                value_field.as_ref().unwrap_or(field),
                "a tag to remove has a value",
                "take the value out, or `operation: REMOVE`",
            );
            None
        }
        (Operation::Upsert, Some(value)) => {
            Some(value_field.as_ref().unwrap_or(field).traced(context, TagOperation::Upsert(value)))
        }
        (Operation::Upsert, None) => {
            context.report(
                Severity::Error,
                codes::UPSERT_WITHOUT_VALUE,
                value_field.as_ref().unwrap_or(field),
                "a tag to set has no value",
                "write `value:` with a CEL expression such as `request.host`, or `operation: REMOVE`",
            );
            None
        }
    }
}

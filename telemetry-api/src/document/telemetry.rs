//! Reads `Telemetry`: types, unknown fields, enumerations and what stands alone in one field.

use burgee_filter_config::StandardMetric;

use super::reader::{Context, Field, Object, list, shorten};
use crate::problem::{Severity, codes};
use crate::resources::Meta;
use crate::resources::telemetry::{
    MetricMatch, MetricsEntry, Mode, Override, Section, Selector, TagOperation, TargetRef, Telemetry,
};

const MODES: &[(&str, Mode)] =
    &[("CLIENT_AND_SERVER", Mode::ClientAndServer), ("CLIENT", Mode::Client), ("SERVER", Mode::Server)];

/// Reads one document. An absent spec is a valid one that asks for nothing.
pub(super) fn read(meta: Meta, spec: Option<Field<'_>>, context: &mut Context) -> Option<Telemetry> {
    let mut telemetry = Telemetry {
        meta,
        selector: None,
        target_refs: Vec::new(),
        metrics: Vec::new(),
        tracing: None,
        access_logging: None,
    };
    let Some(spec) = spec else { return Some(telemetry) };
    let known = ["selector", "targetRef", "targetRefs", "tracing", "metrics", "accessLogging"];
    let spec = spec.object(context, &known)?;
    telemetry.selector = spec.get("selector").and_then(|field| selector(&field, context));
    telemetry.target_refs =
        spec.list(context, "targetRefs").iter().filter_map(|field| target_ref(field, context)).collect();
    let singular = spec.get("targetRef").and_then(|field| target_ref(&field, context));
    if telemetry.target_refs.is_empty() {
        telemetry.target_refs.extend(singular);
    }
    attached_once(&spec, context);
    for field in spec.list(context, "metrics") {
        telemetry.metrics.extend(metrics_entry(&field, context));
    }
    telemetry.tracing = section(&spec, "tracing", context, tracing_entry);
    telemetry.access_logging = section(&spec, "accessLogging", context, access_logging_entry);
    Some(telemetry)
}

/// At most one of `selector`, `targetRef` and `targetRefs`; an empty list does not count.
fn attached_once(spec: &Object<'_>, context: &mut Context) {
    let present: Vec<Field<'_>> = ["selector", "targetRef", "targetRefs"]
        .iter()
        .filter_map(|key| spec.get(key))
        .filter(|field| !matches!(&field.node.value, super::tree::NodeValue::List(items) if items.is_empty()))
        .collect();
    if let [first, second, ..] = present.as_slice() {
        context.report(
            Severity::Error,
            codes::SELECTOR_AND_TARGETS,
            second,
            format!("`{}` is already there", first.path),
            "write one of selector, targetRef and targetRefs: workloads by label, or gateways and services by name",
        );
    }
}

fn selector(field: &Field<'_>, context: &mut Context) -> Option<Selector> {
    let object = field.object(context, &["matchLabels"])?;
    let labels = object.get("matchLabels");
    let match_labels = labels.as_ref().map(|labels| labels.string_map(context)).unwrap_or_default();
    if match_labels.is_empty() {
        context.report(
            Severity::Warning,
            codes::EMPTY_SELECTOR,
            field,
            "the selector has no labels, so the document is for every workload of its namespace",
            "write the labels below `matchLabels:`, or take the selector out",
        );
    }
    if let Some(labels) = labels.and_then(|labels| labels.any_object(context)) {
        for ((key, key_field), (_, value_field)) in labels.keys().zip(labels.fields()) {
            if key.is_empty() || key.contains('*') {
                let message = format!("`{}` cannot be a label's name", shorten(key));
                let help = "labels are matched exactly: no wildcards, no empty names";
                context.report(Severity::Error, codes::BAD_SELECTOR, &key_field, message, help);
            }
            let value = match_labels.get(key).map(String::as_str).unwrap_or_default();
            if value.contains('*') || value.chars().count() > 63 {
                let message = format!("`{}` cannot be a label's value", shorten(value));
                let help = "labels are matched exactly: no wildcards, at most 63 characters";
                context.report(Severity::Error, codes::BAD_SELECTOR, &value_field, message, help);
            }
        }
    }
    Some(Selector { place: field.place(), match_labels })
}

/// What a Telemetry may be for, besides workloads by label.
const TARGET_KINDS: &[(&str, &str)] = &[
    ("", "Service"),
    ("networking.istio.io", "ServiceEntry"),
    ("gateway.networking.k8s.io", "Gateway"),
    ("gateway.networking.k8s.io", "GatewayClass"),
];

fn target_ref(field: &Field<'_>, context: &mut Context) -> Option<TargetRef> {
    let object = field.object(context, &["group", "kind", "name", "namespace"])?;
    let kind = object.require(context, "kind", "such as `Gateway`");
    let name = object.require(context, "name", "the name of what the document is for");
    let group = object.string(context, "group").unwrap_or_default();
    let group = if group == "core" { String::new() } else { group };
    let kind_text = kind.as_ref()?.string(context)?;
    let name_text = name.as_ref()?.string(context)?;
    if !TARGET_KINDS.contains(&(group.as_str(), kind_text.as_str())) {
        context.report(
            Severity::Error,
            codes::BAD_TARGET,
            kind.as_ref()?,
            format!(
                "a Telemetry cannot be for kind `{}` of group `{}`",
                shorten(&kind_text),
                shorten(&group)
            ),
            "allowed: Service (group \"\"), ServiceEntry (networking.istio.io), Gateway and GatewayClass \
             (gateway.networking.k8s.io)",
        );
    }
    if name_text.is_empty() {
        let message = "the target has an empty name";
        context.report(Severity::Error, codes::BAD_TARGET, name.as_ref()?, message, "name what it is for");
    }
    if let Some(namespace) = object.get("namespace")
        && namespace.string(context).is_some_and(|text| !text.is_empty())
    {
        context.report(
            Severity::Error,
            codes::BAD_TARGET,
            &namespace,
            "a target cannot be in another namespace",
            "take `namespace` out and put the document into the target's namespace",
        );
    }
    Some(TargetRef { place: field.place(), group, kind: kind_text, name: name_text })
}

/// The names of an entry's providers.
fn providers(entry: &Object<'_>, context: &mut Context) -> Vec<crate::Traced<String>> {
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

fn metrics_entry(field: &Field<'_>, context: &mut Context) -> Option<MetricsEntry> {
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
    let mut mode = Mode::default();
    if let Some(matched) = matched {
        metric = metric_match(&matched, context);
        mode = matched.get("mode").and_then(|field| field.choice(context, MODES)).unwrap_or_default();
    }
    let disabled = object.get("disabled").and_then(|field| {
        let value = field.boolean(context)?;
        Some(field.traced(context, value))
    });
    let mut tags = Vec::new();
    if let Some(overrides) = object.get("tagOverrides").and_then(|field| field.any_object(context)) {
        for ((name, key), (_, value)) in overrides.keys().zip(overrides.fields()) {
            if !burgee_filter_config::stat_name::is_valid_label_name(name) {
                context.report(
                    if name.is_empty() { Severity::Warning } else { Severity::Error },
                    codes::BAD_TAG_NAME,
                    &key,
                    format!("`{}` cannot be a label of a metric", shorten(name)),
                    "allowed: letters, digits and `_`, not beginning with a digit",
                );
                continue;
            }
            if let Some(operation) = tag_operation(&value, context) {
                tags.push((name.to_owned(), operation));
            }
        }
    }
    Some(Override { origin: field.origin(context), metric, mode, disabled, tags })
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

#[derive(Clone, Copy)]
enum Operation {
    Upsert,
    Remove,
}

fn tag_operation(field: &Field<'_>, context: &mut Context) -> Option<crate::Traced<TagOperation>> {
    let object = field.object(context, &["operation", "value"])?;
    let choices = [("UPSERT", Operation::Upsert), ("REMOVE", Operation::Remove)];
    let operation_field = object.get("operation");
    let operation = match &operation_field {
        Some(operation) => operation.choice(context, &choices)?,
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

/// Reads a part that is not applied yet, as far as saying what is wrong with it.
fn section(
    spec: &Object<'_>,
    key: &str,
    context: &mut Context,
    entry: fn(&Field<'_>, &mut Context),
) -> Option<Section> {
    let field = spec.get(key)?;
    let entries = field.list(context);
    for field in &entries {
        entry(field, context);
    }
    if key == "tracing" && entries.len() > 1 {
        context.report(
            Severity::Warning,
            codes::SEVERAL_TRACERS,
            &entries[1],
            "there are several tracing entries; they are merged, and only one provider per side takes effect",
            "keep one entry per `match.mode`",
        );
    }
    (!entries.is_empty()).then(|| Section { path: field.path.clone(), place: field.place() })
}

/// `match` with a mode and nothing else.
fn mode_match(entry: &Object<'_>, context: &mut Context) {
    if let Some(matched) = entry.get("match").and_then(|field| field.object(context, &["mode"]))
        && let Some(mode) = matched.get("mode")
    {
        mode.choice(context, MODES);
    }
}

fn tracing_entry(field: &Field<'_>, context: &mut Context) {
    let flags = [
        "disableSpanReporting",
        "useRequestIdForTraceSampling",
        "enableIstioTags",
        "disableContextPropagation",
    ];
    let known = ["match", "providers", "randomSamplingPercentage", "customTags"];
    let known: Vec<&str> = known.iter().chain(&flags).copied().collect();
    let Some(entry) = field.object(context, &known) else { return };
    mode_match(&entry, context);
    if let [_, second, ..] = providers(&entry, context).as_slice()
        && let crate::Origin::Document { path, place, .. } = &second.origin
    {
        context.problems.push(
            crate::Problem::new(
                Severity::Warning,
                codes::SEVERAL_TRACERS,
                "only the first provider of a tracing entry takes effect",
            )
            .at(place.clone(), path.to_string())
            .help("keep one"),
        );
    }
    for flag in flags {
        if let Some(field) = entry.get(flag) {
            field.boolean(context);
        }
    }
    if let Some(field) = entry.get("randomSamplingPercentage") {
        field.number(context, 0.0, 100.0);
    }
    if let Some(tags) = entry.get("customTags").and_then(|field| field.any_object(context)) {
        for ((name, key), (_, tag)) in tags.keys().zip(tags.fields()) {
            if name.is_empty() {
                context.report(
                    Severity::Error,
                    codes::BAD_CUSTOM_TAG,
                    &key,
                    "the tag has no name",
                    "name it",
                );
            }
            custom_tag(&tag, context);
        }
    }
}

fn custom_tag(field: &Field<'_>, context: &mut Context) {
    let variants = ["literal", "environment", "header", "formatter"];
    let Some(tag) = field.object(context, &variants) else { return };
    let present: Vec<(&str, Field<'_>)> =
        variants.iter().filter_map(|name| Some((*name, tag.get(name)?))).collect();
    let [(variant, body)] = present.as_slice() else {
        let help = format!("write one of: {}", list(&variants));
        context.report(Severity::Error, codes::BAD_CUSTOM_TAG, field, "the tag needs one source", help);
        return;
    };
    let (required, optional): (&str, &[&str]) = match *variant {
        "environment" => ("name", &["name", "defaultValue"]),
        "header" => ("name", &["name", "defaultValue"]),
        _ => ("value", &["value"]),
    };
    let Some(body) = body.object(context, optional) else { return };
    let help = format!("`{variant}.{required}` must be there and not empty");
    if let Some(value) = body.require(context, required, &help)
        && value.string(context).is_some_and(|text| text.is_empty())
    {
        let message = format!("`{required}` is empty");
        context.report(Severity::Error, codes::BAD_CUSTOM_TAG, &value, message, help);
    }
    body.string(context, "defaultValue");
}

fn access_logging_entry(field: &Field<'_>, context: &mut Context) {
    let Some(entry) = field.object(context, &["match", "providers", "disabled", "filter"]) else { return };
    mode_match(&entry, context);
    providers(&entry, context);
    if let Some(field) = entry.get("disabled") {
        field.boolean(context);
    }
    if let Some(filter) = entry.get("filter").and_then(|field| field.object(context, &["expression"]))
        && let Some(field) = filter.require(context, "expression", "a CEL expression that is true or false")
        && let Some(text) = field.string(context)
    {
        crate::check::expression(&text, &field, context);
    }
}

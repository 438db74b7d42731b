//! Reads `spec.tracing`, and the tags of spans wherever they stand.

use super::{flag, mode_match, providers};
use crate::document::log_format;
use crate::document::reader::{Context, Field, list};
use crate::document::tree::NodeValue;
use crate::origin::{Origin, Traced};
use crate::problem::{Problem, Severity, codes};
use crate::resources::telemetry::{CustomTag, TracingEntry};

const FIELDS: &[&str] = &[
    "match",
    "providers",
    "randomSamplingPercentage",
    "customTags",
    "disableSpanReporting",
    "useRequestIdForTraceSampling",
    "enableIstioTags",
    "disableContextPropagation",
];

/// An entry of `spec.tracing`.
pub(super) fn entry(field: &Field<'_>, context: &mut Context) -> Option<TracingEntry> {
    let entry = field.object(context, FIELDS)?;
    let mode = mode_match(&entry, context);
    let providers = providers(&entry, context);
    if let [_, second, ..] = providers.as_slice()
        && let Origin::Document { path, place, .. } = &second.origin
    {
        let message = "only the first provider of a tracing entry takes effect";
        let problem = Problem::new(Severity::Warning, codes::SEVERAL_TRACERS, message);
        context.problems.push(problem.at(place.clone(), path.to_string()).help("keep one"));
    }
    let sampling = entry.get("randomSamplingPercentage").and_then(|field| {
        let percent = field.number(context, 0.0, 100.0)?;
        Some(field.traced(context, percent))
    });
    let custom_tags = match entry.get("customTags") {
        Some(field) => {
            empty_tags(&field, context);
            custom_tags(&field, TagsOf::Telemetry, context)
        }
        None => Vec::new(),
    };
    Some(TracingEntry {
        origin: field.origin(context),
        mode,
        providers,
        sampling,
        disable_span_reporting: flag(&entry, "disableSpanReporting", context),
        custom_tags,
        use_request_id: flag(&entry, "useRequestIdForTraceSampling", context),
        istio_tags: flag(&entry, "enableIstioTags", context),
        disable_context_propagation: flag(&entry, "disableContextPropagation", context),
    })
}

/// Says that no tags are not the same as none.
fn empty_tags(field: &Field<'_>, context: &mut Context) {
    if matches!(&field.node.value, NodeValue::Map(entries) if entries.is_empty()) {
        let message = "an empty map of tags changes nothing: what is inherited stays";
        let help = "in Istio it is as if it were not there; to have other tags, write those";
        context.report(Severity::Warning, codes::EMPTY_TAGS, field, message, help);
    }
}

/// Whose tags are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::document) enum TagsOf {
    /// A Telemetry's.
    Telemetry,
    /// The mesh's configuration of proxies'.
    Proxies,
}

impl TagsOf {
    /// The keys that say what a tag is made of.
    fn sources(self) -> &'static [&'static str] {
        match self {
            TagsOf::Telemetry => &["literal", "environment", "header", "formatter"],
            TagsOf::Proxies => &["literal", "environment", "header"],
        }
    }
}

/// Tags by name, in the order of the text.
pub(in crate::document) fn custom_tags(
    field: &Field<'_>,
    whose: TagsOf,
    context: &mut Context,
) -> Vec<(String, Traced<CustomTag>)> {
    let mut found = Vec::new();
    let Some(tags) = field.any_object(context) else { return found };
    for ((name, key), (_, value)) in tags.keys().zip(tags.fields()) {
        if name.is_empty() {
            let message = "the tag has no name";
            context.report(Severity::Error, codes::BAD_CUSTOM_TAG, &key, message, "name it");
        }
        if let Some(tag) = custom_tag(&value, whose, context) {
            found.push((name.to_owned(), value.traced(context, tag)));
        }
    }
    found
}

/// Says that a tag is made of nothing. Istio takes such a document. Of a Telemetry it passes the tag on, and Envoy
/// refuses the listener; from the mesh's configuration it leaves the tag out.
fn no_source(field: &Field<'_>, whose: TagsOf, context: &mut Context) {
    let (severity, message) = match whose {
        TagsOf::Telemetry => {
            (Severity::Error, "the tag has no source, and Envoy would refuse its configuration")
        }
        TagsOf::Proxies => (Severity::Warning, "the tag has no source, so there is no such tag"),
    };
    let help = format!("write one of: {}", list(whose.sources()));
    context.report(severity, codes::BAD_CUSTOM_TAG, field, message, help);
}

fn custom_tag(field: &Field<'_>, whose: TagsOf, context: &mut Context) -> Option<CustomTag> {
    let sources = whose.sources();
    let tag = field.object(context, sources)?;
    let present: Vec<(&str, Field<'_>)> =
        sources.iter().filter_map(|source| Some((*source, tag.get(source)?))).collect();
    let (source, body) = match present.as_slice() {
        [one] => one,
        [] => {
            no_source(field, whose, context);
            return None;
        }
        _ => {
            let help = format!("write one of: {}", list(sources));
            let message = "the tag has several sources";
            context.report(Severity::Error, codes::BAD_CUSTOM_TAG, field, message, help);
            return None;
        }
    };
    let named = matches!(*source, "environment" | "header");
    let required = if named { "name" } else { "value" };
    let known: &[&str] = if named { &["name", "defaultValue"] } else { &["value"] };
    let body = body.object(context, known)?;
    let help = format!("`{source}.{required}` must be there and not empty");
    let value = body.require(context, required, &help);
    let default = body.string(context, "defaultValue").unwrap_or_default();
    let value = value?;
    let text = value.string(context)?;
    if text.is_empty() {
        let message = format!("`{required}` is empty");
        context.report(Severity::Error, codes::BAD_CUSTOM_TAG, &value, message, help);
        return None;
    }
    // Envoy refuses the whole listener for such a name.
    if *source == "header" && text.contains(['\0', '\r', '\n']) {
        let message = "a header's name cannot have a line break or a zero byte";
        context.report(Severity::Error, codes::BAD_VALUE, &value, message, "write the name alone");
        return None;
    }
    Some(match *source {
        "environment" => CustomTag::Environment { name: text, default },
        "header" => CustomTag::Header { name: text, default },
        "formatter" => {
            log_format::judge_alone(&text, &value, context);
            CustomTag::Formatter(text)
        }
        _ => CustomTag::Literal(text),
    })
}

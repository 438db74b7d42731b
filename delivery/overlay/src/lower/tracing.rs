//! What a policy says of traces, as the tracing of an HTTP connection manager.

use burgee_api::resolve::{CustomTag, ListenerClass, Tracer, Tracing, TracingSettings};

use super::tracer::{self, TYPES};
use super::{collector, safe_name};
use crate::mark::Before;
use crate::value::Value;
use crate::view;
use crate::{Options, Owner, REPORTER_METADATA};

/// What the name of each of our tracers begins with. Envoy finds a tracer by its type alone.
pub(crate) const PREFIX: &str = "burgee.tracing.";

/// The tag that marks tracing of ours where there is no provider that could. It is made of a variable that no
/// environment has, so no span ever carries it.
const MARK_TAG: &str = "burgee.tracing";
const MARK_VARIABLE: &str = "burgee.dev/overlay";

const UUID_TYPE: &str = "envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig";

/// What is said in the name of a tracer when the manager's `request_id_extension` is ours as well.
const REQUEST_ID: &str = "~request_id";

/// What the base had in the places that tracing goes into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Instead of `tracing`.
    pub tracing: Before,
    /// Instead of `request_id_extension`; absent when that is not ours.
    pub request_id: Option<Before>,
}

impl Found {
    fn suffix(self) -> String {
        let request_id = self.request_id.map(|before| format!("{REQUEST_ID}{}", before.suffix()));
        format!("{}{}", self.tracing.suffix(), request_id.unwrap_or_default())
    }

    fn read(name: &str) -> Found {
        let (tracing, request_id) = match name.rsplit_once(REQUEST_ID) {
            Some((tracing, before)) => (tracing, Some(Before::read(before))),
            None => (name, None),
        };
        Found { tracing: Before::read(tracing), request_id }
    }
}

/// The `tracing` of a manager; none where the policy asks for no spans.
pub(crate) fn tracing(
    tracing: &Tracing,
    class: ListenerClass,
    found: Found,
    options: &Options,
) -> Option<Value> {
    let (provider, settings) = match tracing {
        Tracing::Untouched | Tracing::Off(_) | Tracing::LeftOut(_) => return None,
        Tracing::Bootstrap(settings) => (None, settings),
        Tracing::Provider { provider, tracer, settings } => (Some((&provider.value, tracer)), settings),
    };
    let mut tags: Vec<Value> =
        settings.custom_tags.iter().filter_map(|(name, tag)| custom_tag(name, &tag.value)).collect();
    // Datadog's tracer sends no headers.
    if let Some((name, Tracer::Datadog { .. })) = provider
        && let Some(reporter) = collector::reporter(class, name, options)
    {
        let literal = Value::map([("value", Value::string(reporter))]);
        tags.push(Value::map([("tag", Value::string(REPORTER_METADATA)), ("literal", literal)]));
    }
    if provider.is_none() {
        let variable = Value::map([("name", Value::string(MARK_VARIABLE))]);
        let name = format!("{MARK_TAG}{}", found.suffix());
        tags.push(Value::map([("tag", Value::string(name)), ("environment", variable)]));
    }
    let mut fields = vec![
        ("client_sampling".to_owned(), percent(100.0)),
        ("random_sampling".to_owned(), percent(settings.sampling.value)),
        ("overall_sampling".to_owned(), percent(100.0)),
    ];
    if let Some(length) = settings.max_path_tag_length {
        fields.push(("max_path_tag_length".to_owned(), Value::Int(i64::from(length))));
    }
    if !tags.is_empty() {
        fields.push(("custom_tags".to_owned(), Value::List(tags.into())));
    }
    if let Some((name, tracer)) = provider {
        let provider = Value::map([
            ("name", Value::string(format!("{PREFIX}{}{}", safe_name(name), found.suffix()))),
            ("typed_config", tracer::config(tracer, class, name, options)),
        ]);
        fields.push(("provider".to_owned(), provider));
    }
    if settings.spawn_upstream_span {
        fields.push(("spawn_upstream_span".to_owned(), Value::Bool(true)));
    }
    if settings.disable_context_propagation.value {
        fields.push(("no_context_propagation".to_owned(), Value::Bool(true)));
    }
    Some(Value::Map(fields.into()))
}

/// Whether Envoy refuses a listener with a tracer whose cluster is not there. Of the others' spans it drops what it would
/// send.
pub(crate) const fn needs_cluster(tracer: &Tracer) -> bool {
    match tracer {
        Tracer::Zipkin { .. } | Tracer::Datadog { .. } => true,
        Tracer::Skywalking { .. } | Tracer::Opentelemetry { .. } => false,
    }
}

/// Texts have no numbers with a fraction, and Protobuf reads one from a string.
fn percent(value: f64) -> Value {
    let is_whole = value.fract() == 0.0 && (0.0..=100.0).contains(&value);
    let value = if is_whole { Value::Int(value as i64) } else { Value::string(value.to_string()) };
    Value::map([("value", value)])
}

/// A tag; none for an empty text, which Envoy refuses and which would be no tag of any span.
fn custom_tag(name: &str, tag: &CustomTag) -> Option<Value> {
    let with_default = |name: &str, default: &str| {
        let mut fields = vec![("name".to_owned(), Value::string(name))];
        if !default.is_empty() {
            fields.push(("default_value".to_owned(), Value::string(default)));
        }
        Value::Map(fields.into())
    };
    let (kind, value) = match tag {
        CustomTag::Literal(text) if text.is_empty() => return None,
        CustomTag::Literal(text) => ("literal", Value::map([("value", Value::string(text.clone()))])),
        CustomTag::Environment { name, default } => ("environment", with_default(name, default)),
        CustomTag::Header { name, default } => ("request_header", with_default(name, default)),
        CustomTag::Formatter(text) => ("value", Value::string(text.clone())),
        CustomTag::Metadata { filter, key } => {
            let path = Value::List(vec![Value::map([("key", Value::string(key.clone()))])].into());
            let key = Value::map([("key", Value::string(filter.clone())), ("path", path)]);
            let of_request = Value::map([("request", Value::map([]))]);
            ("metadata", Value::map([("kind", of_request), ("metadata_key", key)]))
        }
    };
    Some(Value::map([("tag", Value::string(name)), (kind, value)]))
}

/// The `request_id_extension` under which a request's id says nothing about sampling. It is Envoy's own that does.
pub(crate) fn request_id_extension() -> Value {
    let config = Value::map([
        ("@type", Value::string(format!("type.googleapis.com/{UUID_TYPE}"))),
        ("use_request_id_for_trace_sampling", Value::Bool(false)),
    ]);
    Value::map([("typed_config", config)])
}

/// Whether a `request_id_extension` can be ours. The tracing beside it says whether it is.
pub(crate) fn is_request_id_extension(extension: &Value) -> bool {
    extension.field("typed_config").and_then(Value::any_type) == Some(UUID_TYPE)
}

/// What the base had instead of tracing that [`tracing`] wrote; none for tracing that is not ours.
pub(crate) fn found(tracing: &Value) -> Option<Found> {
    if let Some(provider) = tracing.field("provider") {
        let is_ours = view::name(provider).starts_with(PREFIX)
            && provider.field("typed_config").and_then(Value::any_type).is_some_and(|it| TYPES.contains(&it));
        return is_ours.then(|| Found::read(view::name(provider)));
    }
    let tags = tracing.field("custom_tags").map_or(&[][..], Value::items);
    tags.iter().find_map(|tag| {
        let name = tag.field("tag").and_then(Value::as_str).unwrap_or_default();
        let variable = tag.at(&["environment", "name"]).and_then(Value::as_str);
        (variable == Some(MARK_VARIABLE) && name.starts_with(MARK_TAG)).then(|| Found::read(name))
    })
}

/// What a policy says of the spans that it asks for.
pub(crate) fn settings(tracing: &Tracing) -> Option<&TracingSettings> {
    match tracing {
        Tracing::Untouched | Tracing::Off(_) | Tracing::LeftOut(_) => None,
        Tracing::Bootstrap(settings) | Tracing::Provider { settings, .. } => Some(settings),
    }
}

/// Who asked for spans: what put the provider in force, then each setting.
pub(crate) fn owner(tracing: &Tracing) -> Owner {
    let provider = match tracing {
        Tracing::Provider { provider, .. } => Some(&provider.origin),
        Tracing::Untouched | Tracing::Off(_) | Tracing::LeftOut(_) | Tracing::Bootstrap(_) => None,
    };
    let settings = settings(tracing).into_iter().flat_map(|settings| {
        let tags = settings.custom_tags.iter().map(|(_, tag)| &tag.origin);
        std::iter::once(&settings.sampling.origin)
            .chain(tags)
            .chain([&settings.use_request_id.origin, &settings.disable_context_propagation.origin])
    });
    Owner::of(provider.into_iter().chain(settings))
}

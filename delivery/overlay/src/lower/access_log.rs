//! One logger of a policy as an access log of Envoy.

mod service;

use std::collections::BTreeMap;

use burgee_api::resolve::{AccessLogger, ListenerClass, LogFormat, LogSink};

use super::{collector, safe_name};
use crate::mark::Before;
use crate::value::Value;
use crate::view;
use crate::{LogFiles, Options, Owner, log_file_name};

/// What the name of each of our access logs begins with. Envoy finds an access log by its type alone.
pub(crate) const PREFIX: &str = "burgee.access_log.";

const FILE_TYPE: &str = "envoy.extensions.access_loggers.file.v3.FileAccessLog";
const OTEL_TYPE: &str = "envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig";
const CEL_TYPE: &str = "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter";
const WITHOUT_QUERY_TYPE: &str =
    "type.googleapis.com/envoy.extensions.formatter.req_without_query.v3.ReqWithoutQuery";

/// What Istio has its proxies log of the filter state, whatever the documents say.
const FILTER_STATE: [&str; 6] = [
    "upstream_peer",
    "downstream_peer",
    "wasm.upstream_peer",
    "wasm.upstream_peer_id",
    "wasm.downstream_peer",
    "wasm.downstream_peer_id",
];

/// Where an access log stands, which decides what comes to it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In an HTTP connection manager: every request.
    Manager,
    /// In a TCP proxy: every connection.
    TcpProxy,
    /// In the listener itself: connections that no filter chain takes.
    Listener,
}

/// An access log for one logger. `before` is what the base has instead of the list that it goes into.
pub(crate) fn access_log(
    logger: &AccessLogger,
    class: ListenerClass,
    place: Place,
    before: Before,
    options: &Options,
) -> Value {
    let provider = &logger.provider.value;
    let name = format!("{PREFIX}{}{}", safe_name(provider), before.suffix());
    let mut fields = vec![("name".to_owned(), Value::string(name))];
    if let Some(filter) = filter(logger, place) {
        fields.push(("filter".to_owned(), filter));
    }
    let config = match &logger.sink {
        LogSink::File { path, format, omit_empty_values } => {
            let path = match &options.log_files {
                LogFiles::AsWritten => path.clone(),
                LogFiles::Below { directory } => {
                    format!("{}/{}", directory.trim_end_matches('/'), log_file_name(class, provider))
                }
            };
            file(path, format, *omit_empty_values)
        }
        LogSink::Otel { collector, log_name, body, attributes } => {
            let service = collector::grpc_service(collector, class, provider, options);
            otel(service, log_name, body, attributes)
        }
        LogSink::Service { entries, collector, log_name, filter_state } => {
            let service = collector::grpc_service(collector, class, provider, options);
            service::access_log_service(entries, service, log_name, filter_state)
        }
        LogSink::MeshService { .. } => service::of_mesh(place, class, provider, options),
    };
    fields.push(("typed_config".to_owned(), config));
    Value::Map(fields.into())
}

fn otel(service: Value, log_name: &str, body: &str, attributes: &BTreeMap<String, String>) -> Value {
    let text = |text: &str| Value::map([("string_value", Value::string(text))]);
    let mut config = vec![
        ("@type".to_owned(), Value::string(format!("type.googleapis.com/{OTEL_TYPE}"))),
        ("grpc_service".to_owned(), service),
        ("log_name".to_owned(), Value::string(log_name)),
        ("disable_builtin_labels".to_owned(), Value::Bool(true)),
        ("filter_state_objects_to_log".to_owned(), strings(&FILTER_STATE)),
        ("body".to_owned(), text(body)),
    ];
    if !attributes.is_empty() {
        let values = attributes
            .iter()
            .map(|(key, value)| Value::map([("key", Value::string(key.clone())), ("value", text(value))]))
            .collect();
        config.push(("attributes".to_owned(), Value::map([("values", Value::List(values))])));
    }
    let mut texts = attributes.values().map(String::as_str).chain([body]);
    config.extend(formatters(texts.any(needs_formatter)));
    Value::Map(config.into())
}

/// A list of texts.
fn strings<T: AsRef<str>>(texts: &[T]) -> Value {
    Value::List(texts.iter().map(|text| Value::string(text.as_ref())).collect())
}

fn file(path: String, format: &LogFormat, omit_empty_values: bool) -> Value {
    let mut log_format = Vec::new();
    let needs = match format {
        LogFormat::Text(text) => {
            let source = Value::map([("inline_string", Value::string(text.clone()))]);
            log_format.push(("text_format_source".to_owned(), source));
            needs_formatter(text)
        }
        LogFormat::Labels(labels) => {
            let object = Value::from_serde(serde_json::Value::Object(labels.clone()));
            let needs = any_text_needs_formatter(&object);
            log_format.push(("json_format".to_owned(), object));
            needs
        }
    };
    if omit_empty_values {
        log_format.push(("omit_empty_values".to_owned(), Value::Bool(true)));
    }
    log_format.extend(formatters(needs));
    Value::map([
        ("@type", Value::string(format!("type.googleapis.com/{FILE_TYPE}"))),
        ("path", Value::string(path)),
        ("log_format", Value::Map(log_format.into())),
    ])
}

/// Which records are kept: those of the place, and of those the ones that the document's expression is true for.
fn filter(logger: &AccessLogger, place: Place) -> Option<Value> {
    let expression = logger.filter.as_ref().map(|expression| {
        let config = Value::map([
            ("@type", Value::string(CEL_TYPE)),
            ("expression", Value::string(expression.value.clone())),
        ]);
        let extension = Value::map([
            ("name", Value::string("envoy.access_loggers.extension_filters.cel")),
            ("typed_config", config),
        ]);
        Value::map([("extension_filter", extension)])
    });
    if place != Place::Listener {
        return expression;
    }
    let no_route = Value::map([("flags", Value::List(vec![Value::string("NR")].into()))]);
    let no_route = Value::map([("response_flag_filter", no_route)]);
    match expression {
        None => Some(no_route),
        Some(expression) => {
            let both = Value::map([("filters", Value::List(vec![no_route, expression].into()))]);
            Some(Value::map([("and_filter", both)]))
        }
    }
}

/// The one operator that Envoy has in an extension alone.
fn needs_formatter(text: &str) -> bool {
    text.contains("%REQ_WITHOUT_QUERY")
}

/// Istio looks at the outermost texts only; Envoy would refuse the others.
fn any_text_needs_formatter(value: &Value) -> bool {
    match value {
        Value::String(text) => needs_formatter(text),
        Value::List(items) => items.iter().any(any_text_needs_formatter),
        Value::Map(entries) => entries.iter().any(|(_, value)| any_text_needs_formatter(value)),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => false,
    }
}

fn formatters(needed: bool) -> Option<(String, Value)> {
    let formatter = Value::map([
        ("name", Value::string("envoy.formatter.req_without_query")),
        ("typed_config", Value::map([("@type", Value::string(WITHOUT_QUERY_TYPE))])),
    ]);
    needed.then(|| ("formatters".to_owned(), Value::List(vec![formatter].into())))
}

/// Whether an access log is one that [`access_log`] wrote, whatever the policy and the options were.
pub(crate) fn is_access_log(log: &Value) -> bool {
    view::name(log).starts_with(PREFIX)
        && log
            .field("typed_config")
            .and_then(Value::any_type)
            .is_some_and(|name| [FILE_TYPE, OTEL_TYPE, service::HTTP_TYPE, service::TCP_TYPE].contains(&name))
}

/// Who asked for a logger: what put its provider in force, then its filter.
pub(crate) fn owner(logger: &AccessLogger) -> Owner {
    let filter = logger.filter.iter().map(|filter| &filter.origin);
    Owner::of(std::iter::once(&logger.provider.origin).chain(filter))
}

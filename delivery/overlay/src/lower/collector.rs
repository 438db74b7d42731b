//! A service that proxies report to, as Envoy calls it.

use std::time::Duration;

use burgee_api::resolve::{Collector, Header, HttpCall, ListenerClass};

use super::{duration_text, safe_name};
use crate::value::Value;
use crate::{MESH_SERVICE_CLUSTER, Options, REPORTER_METADATA};

/// How a part of Envoy reads the values of headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// As formats, with two percent signs for one.
    AsFormats,
    /// As they are.
    AsTheyAre,
}

/// The `grpc_service` that leads to a collector. Under [`Options::reporter`] each call says whose it is.
pub(crate) fn grpc_service(
    collector: &Collector,
    class: ListenerClass,
    provider: &str,
    options: &Options,
) -> Value {
    grpc_service_with(collector, None, &[], reporter(class, provider, options))
}

/// The one of calls that the documents say more about.
pub(crate) fn grpc_service_with(
    collector: &Collector,
    timeout: Option<Duration>,
    metadata: &[Header],
    reporter: Option<String>,
) -> Value {
    let cluster = Value::map([
        ("cluster_name", Value::string(collector.cluster())),
        ("authority", Value::string(collector.host.clone())),
    ]);
    service(cluster, timeout, headers(metadata, Read::AsFormats, reporter))
}

/// The one that leads to the mesh's own access log service.
pub(crate) fn mesh_service(class: ListenerClass, provider: &str, options: &Options) -> Value {
    let cluster = Value::map([("cluster_name", Value::string(MESH_SERVICE_CLUSTER))]);
    service(cluster, None, headers(&[], Read::AsFormats, reporter(class, provider, options)))
}

fn service(cluster: Value, timeout: Option<Duration>, metadata: Vec<Value>) -> Value {
    let mut fields = vec![("envoy_grpc".to_owned(), cluster)];
    fields.extend(timeout.map(|timeout| ("timeout".to_owned(), Value::string(duration_text(timeout)))));
    if !metadata.is_empty() {
        fields.push(("initial_metadata".to_owned(), Value::List(metadata.into())));
    }
    Value::Map(fields.into())
}

/// The `http_service` that calls a collector. The authority is its host, and Envoy reads that and the path of a URI
/// alone; without a scheme the Zipkin tracer would take all of it for the path.
pub(crate) fn http_service(call: &HttpCall, read: Read, reporter: Option<String>) -> Value {
    let host = &call.collector.host;
    let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    let uri = Value::map([
        ("uri", Value::string(format!("http://{host}{}", call.path))),
        ("cluster", Value::string(call.collector.cluster())),
        ("timeout", Value::string(duration_text(call.timeout))),
    ]);
    let mut fields = vec![("http_uri".to_owned(), uri)];
    let headers = headers(&call.headers, read, reporter);
    if !headers.is_empty() {
        let action = || ("append_action", Value::string("OVERWRITE_IF_EXISTS_OR_ADD"));
        let headers = headers.into_iter().map(|header| Value::map([("header", header), action()]));
        fields.push(("request_headers_to_add".to_owned(), Value::List(headers.collect())));
    }
    Value::Map(fields.into())
}

/// Who calls, for receivers that ask: see [`REPORTER_METADATA`].
pub(crate) fn reporter(class: ListenerClass, provider: &str, options: &Options) -> Option<String> {
    let reporter = options.reporter.as_ref()?;
    Some(format!("{reporter};{};{}", class.name(), safe_name(provider)))
}

fn headers(headers: &[Header], read: Read, reporter: Option<String>) -> Vec<Value> {
    let header =
        |key: &str, value: String| Value::map([("key", Value::string(key)), ("value", Value::string(value))]);
    let value = |header: &Header| match read {
        Read::AsFormats => header.value.format(),
        Read::AsTheyAre => header.value.text().to_owned(),
    };
    // Envoy takes a percent sign for the beginning of an operator, and two for one.
    let reporter = reporter.map(|text| header(REPORTER_METADATA, text.replace('%', "%%")));
    headers.iter().map(|one| header(&one.name, value(one))).chain(reporter).collect()
}

//! What the name of a provider of logs comes to: a place for lines, or why there is none.

use std::collections::BTreeMap;

use serde_json::Value;

use super::collector::Protocol;
use super::effective::{LogEntries, LogSink};
use super::log_format;
use super::services::{NoCollector, Services};
use crate::resources::mesh_config::{AccessLogService, OtelAccessLog, ProviderConfig};
use crate::resources::{MeshConfig, ProviderKind};

/// The log's name at a collector, when a provider has none.
const OTEL_LOG_NAME: &str = "otel_envoy_accesslog";
const HTTP_LOG_NAME: &str = "http_envoy_accesslog";
const TCP_LOG_NAME: &str = "tcp_envoy_accesslog";

/// What of the filter state goes to a service of Envoy's protocol, when a provider does not say: who the other side is.
const PEERS: [&str; 2] = ["upstream_peer", "downstream_peer"];

/// Why a provider cannot be used for a signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// The mesh has none of that name.
    Unknown,
    /// Its kind is for something else.
    Unsuitable(ProviderKind),
    /// Its kind is one that Envoy no longer has.
    Gone(ProviderKind),
    /// Its collector is not found.
    Collector(NoCollector),
    /// Its sampler has nobody to ask.
    SamplerWithoutService,
}

/// Where the lines of a provider of access logs go, and how they look.
pub(crate) fn sink(mesh: &MeshConfig, services: &Services, name: &str) -> Result<LogSink, Unusable> {
    let provider = mesh.provider(name).ok_or(Unusable::Unknown)?;
    match &provider.config {
        ProviderConfig::FileAccessLog(config) => {
            let format = match &config.format {
                // The built-in provider writes as the mesh's own file does, unless it says anything itself.
                None if provider.name == "envoy" && !config.omit_empty_values => log_format::of_mesh(mesh),
                format => log_format::of_provider(format.as_ref()),
            };
            let path = if config.path.is_empty() { "/dev/stdout" } else { &config.path };
            Ok(LogSink::File { path: path.to_owned(), format, omit_empty_values: config.omit_empty_values })
        }
        ProviderConfig::OtelAccessLog(config) => otel(config, services),
        ProviderConfig::HttpAccessLogService(config) => {
            let entries = LogEntries::Http {
                request_headers: config.request_headers.clone(),
                response_headers: config.response_headers.clone(),
                response_trailers: config.response_trailers.clone(),
            };
            service(config, entries, HTTP_LOG_NAME, services)
        }
        ProviderConfig::TcpAccessLogService(config) => {
            service(config, LogEntries::Tcp, TCP_LOG_NAME, services)
        }
        ProviderConfig::Zipkin(_)
        | ProviderConfig::Datadog(_)
        | ProviderConfig::Skywalking(_)
        | ProviderConfig::Opentelemetry(_)
        | ProviderConfig::None => Err(Unusable::Unsuitable(provider.kind)),
    }
}

fn service(
    config: &AccessLogService,
    entries: LogEntries,
    usual_name: &str,
    services: &Services,
) -> Result<LogSink, Unusable> {
    let collector = services.find(&config.collector, Protocol::Http2).map_err(Unusable::Collector)?;
    let log_name = if config.log_name.is_empty() { usual_name } else { &config.log_name };
    let filter_state = match config.filter_state.as_slice() {
        [] => PEERS.map(str::to_owned).to_vec(),
        names => names.to_vec(),
    };
    Ok(LogSink::Service { entries, collector, log_name: log_name.to_owned(), filter_state })
}

fn otel(config: &OtelAccessLog, services: &Services) -> Result<LogSink, Unusable> {
    let collector = services.find(&config.collector, Protocol::Http2).map_err(Unusable::Collector)?;
    let log_name = if config.log_name.is_empty() { OTEL_LOG_NAME } else { &config.log_name };
    let body = match config.text.as_deref() {
        None | Some("") => log_format::DEFAULT_TEXT.to_owned(),
        Some(text) => text.to_owned(),
    };
    // Istio sends an attribute that is no text empty.
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let attributes: BTreeMap<String, String> =
        config.labels.iter().map(|(key, value)| (key.clone(), text(value))).collect();
    Ok(LogSink::Otel { collector, log_name: log_name.to_owned(), body, attributes })
}

/// Whether lines can be written with a provider, for what is wrong with its name alone.
pub(crate) fn check_sink(mesh: &MeshConfig, services: &Services, name: &str) -> Result<(), Unusable> {
    sink(mesh, services, name).map(drop)
}

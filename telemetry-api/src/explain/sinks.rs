//! Where log lines go and how they look, field by field.

use serde_json::json;

use super::mesh::encoding;
use super::model::Fact;
use super::values;
use crate::origin::Origin;
use crate::resolve::{Collector, LogEntries, LogSink};
use crate::resources::MeshConfig;
use crate::resources::mesh_config::{ExtensionProvider, ProviderConfig};

/// Where a provider sends, and how it looks. A field is the provider's where the provider says something.
pub(super) fn of_provider(mesh: &MeshConfig, name: &str, sink: &LogSink) -> Vec<Fact> {
    let Some(provider) = mesh.provider(name) else { return Vec::new() };
    let is_file_of_mesh = is_written_as_the_mesh_says(provider);
    let fact = |field: &str, value, is_said: bool| match is_said {
        true => Fact::new(field, value, &provider.origin, Fact::SAYS),
        false => Fact::new(field, value, &Origin::Rule("Istio's default"), "the provider says nothing else"),
    };
    match (sink, &provider.config) {
        (LogSink::File { path, format, omit_empty_values }, ProviderConfig::FileAccessLog(said)) => {
            let format = match is_file_of_mesh {
                true => {
                    let why = "the built-in provider writes as the mesh's own file does";
                    Fact::new("logFormat", values::log_format(format), &mesh.access_log_format.origin, why)
                }
                false => fact("logFormat", values::log_format(format), said.format.is_some()),
            };
            vec![
                fact("path", values::text(path), !said.path.is_empty()),
                format,
                fact("omitEmptyValues", values::flag(*omit_empty_values), *omit_empty_values),
            ]
        }
        (LogSink::Otel { collector, log_name, body, attributes }, ProviderConfig::OtelAccessLog(said)) => {
            vec![
                fact("service", values::collector(collector), true),
                connect_timeout(mesh, collector),
                fact("logName", values::text(log_name), !said.log_name.is_empty()),
                fact(
                    "logFormat.text",
                    values::log_text(body),
                    said.text.as_ref().is_some_and(|text| !text.is_empty()),
                ),
                fact("logFormat.labels", values::tree(json!(attributes)), !attributes.is_empty()),
            ]
        }
        (
            LogSink::Service { entries, collector, log_name, filter_state },
            ProviderConfig::HttpAccessLogService(said) | ProviderConfig::TcpAccessLogService(said),
        ) => {
            let mut facts = vec![
                fact("service", values::collector(collector), true),
                connect_timeout(mesh, collector),
                fact("logName", values::text(log_name), !said.log_name.is_empty()),
                fact("filterStateObjectsToLog", values::list(filter_state), !said.filter_state.is_empty()),
            ];
            if let LogEntries::Http { request_headers, response_headers, response_trailers } = entries {
                facts.extend(
                    [
                        ("additionalRequestHeadersToLog", request_headers),
                        ("additionalResponseHeadersToLog", response_headers),
                        ("additionalResponseTrailersToLog", response_trailers),
                    ]
                    .map(|(field, names)| fact(field, values::list(names), !names.is_empty())),
                );
            }
            facts
        }
        // Each kind of provider has a sink of its own.
        _ => Vec::new(),
    }
}

/// How long a connection to a service may take.
pub(super) fn connect_timeout(mesh: &MeshConfig, collector: &Collector) -> Fact {
    let said = &mesh.connect_timeout;
    Fact::new("connectTimeout", values::duration(collector.connect_timeout), &said.origin, Fact::SAYS)
}

/// Whether the built-in provider says nothing itself.
fn is_written_as_the_mesh_says(provider: &ExtensionProvider) -> bool {
    let says_nothing = matches!(&provider.config, ProviderConfig::FileAccessLog(said)
        if said.format.is_none() && !said.omit_empty_values);
    provider.name == "envoy" && says_nothing
}

/// The mesh's own file, or the access log service of the bootstrap. `origin` switches it on, and `why` it holds.
pub(super) fn of_mesh(mesh: &MeshConfig, sink: &LogSink, origin: &Origin, why: &str) -> Vec<Fact> {
    match sink {
        LogSink::File { path, format, omit_empty_values } => {
            let how = "how the mesh's own file is written";
            let rule = Origin::Rule("Istio's default");
            let said = &mesh.access_log_encoding;
            vec![
                Fact::new("accessLogFile", values::text(path), origin, why),
                Fact::new("accessLogFormat", values::log_format(format), &mesh.access_log_format.origin, how),
                Fact::new("accessLogEncoding", encoding(said.value), &said.origin, how),
                Fact::new("omitEmptyValues", values::flag(*omit_empty_values), &rule, how),
            ]
        }
        LogSink::MeshService { address } => {
            let rule = Origin::Rule("the proxy's own bootstrap");
            let said = mesh.access_log_service.as_ref().map_or(&rule, |said| &said.origin);
            let shown = match address {
                Some(address) => values::text(&format!("{}:{}", address.host, address.port)),
                None => values::nothing("where the proxy's bootstrap says"),
            };
            vec![
                Fact::new("enableEnvoyAccessLogService", values::flag(true), origin, why),
                Fact::new("envoyAccessLogService", shown, said, Fact::SAYS),
            ]
        }
        LogSink::Otel { .. } | LogSink::Service { .. } => Vec::new(),
    }
}

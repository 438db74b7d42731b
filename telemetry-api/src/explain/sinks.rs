//! Where log lines go and how they look, field by field.

use serde_json::json;

use super::mesh::encoding;
use super::model::Fact;
use super::provider_fields::ProviderFields;
use super::values;
use crate::origin::Origin;
use crate::resolve::tracers::Lookup;
use crate::resolve::{LogEntries, LogSink};
use crate::resources::MeshConfig;
use crate::resources::mesh_config::{ExtensionProvider, LogFormat, ProviderConfig};

/// Where a provider sends, and how it looks. A field is the provider's where the provider says something.
pub(super) fn of_provider(lookup: Lookup<'_>, name: &str, sink: &LogSink) -> Vec<Fact> {
    let Some(provider) = lookup.mesh.provider(name) else { return Vec::new() };
    let mut fields = ProviderFields::of(lookup, provider);
    match (sink, &provider.config) {
        (LogSink::File { path, format, omit_empty_values }, ProviderConfig::FileAccessLog(said)) => {
            fields.add("path", values::text(path), !said.path.is_empty());
            if is_written_as_the_mesh_says(provider) {
                let why = "the built-in provider writes as the mesh's own file does";
                let origin = &lookup.mesh.access_log_format.origin;
                fields.facts.push(Fact::new("logFormat", values::log_format(format), origin, why));
            } else {
                let field = match &said.format {
                    Some(LogFormat::Text(text)) if !text.is_empty() => "logFormat.text",
                    Some(LogFormat::Labels(labels)) if !labels.is_empty() => "logFormat.labels",
                    Some(_) | None => "",
                };
                let written = fields.written(field).cloned();
                fields.add_from("logFormat", values::log_format(format), written);
            }
            fields.add("omitEmptyValues", values::flag(*omit_empty_values), true);
        }
        (LogSink::Otel { collector, log_name, body, attributes }, ProviderConfig::OtelAccessLog(said)) => {
            fields.collector("", collector);
            fields.add("logName", values::text(log_name), !said.log_name.is_empty());
            let says_text = said.text.as_ref().is_some_and(|text| !text.is_empty());
            fields.add("logFormat.text", values::log_text(body), says_text);
            fields.add("logFormat.labels", values::tree(json!(attributes)), true);
        }
        (
            LogSink::Service { entries, collector, log_name, filter_state },
            ProviderConfig::HttpAccessLogService(said) | ProviderConfig::TcpAccessLogService(said),
        ) => {
            fields.collector("", collector);
            fields.add("logName", values::text(log_name), !said.log_name.is_empty());
            let says_state = !said.filter_state.is_empty();
            fields.add("filterStateObjectsToLog", values::list(filter_state), says_state);
            if let LogEntries::Http { request_headers, response_headers, response_trailers } = entries {
                for (field, names) in [
                    ("additionalRequestHeadersToLog", request_headers),
                    ("additionalResponseHeadersToLog", response_headers),
                    ("additionalResponseTrailersToLog", response_trailers),
                ] {
                    fields.add(field, values::list(names), true);
                }
            }
        }
        // Each kind of provider has a sink of its own.
        _ => {}
    }
    fields.facts
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

//! Services of Envoy's own log protocol: what they are sent that they are not for, and whether they are anywhere.

use crate::check::telemetry::at;
use crate::origin::Traced;
use crate::problem::{Problem, Severity, codes};
use crate::resources::mesh_config::Security;
use crate::resources::{ExtensionProvider, MeshConfig, ProviderKind, Resources};

pub(super) fn check(mesh: &MeshConfig, resources: &Resources, problems: &mut Vec<Problem>) {
    let providers = mesh.extension_providers.iter();
    for provider in providers.filter(|provider| logs_all(provider, mesh, resources)) {
        problems.extend(other_protocol(provider));
    }
    problems.extend(nowhere(mesh));
}

/// Whether anything names a provider for access logs without a filter, which might choose the protocol. Providers are
/// looked up without regard to case.
fn logs_all(provider: &ExtensionProvider, mesh: &MeshConfig, resources: &Resources) -> bool {
    let entries = resources.read_by(mesh).flat_map(|telemetry| &telemetry.access_logging);
    let names = entries.filter(|entry| entry.filter.is_none()).flat_map(|entry| &entry.providers);
    let defaults = &mesh.default_access_logging_providers;
    names.chain(defaults).any(|name| name.value.eq_ignore_ascii_case(&provider.name))
}

/// Istio puts a logger wherever there is traffic, whatever it is made for.
fn other_protocol(provider: &ExtensionProvider) -> Option<Problem> {
    let name = &provider.name;
    let (severity, message, help) = match provider.kind {
        ProviderKind::EnvoyTcpAls => (
            Severity::Warning,
            format!("provider `{name}` is for TCP connections, and in Istio it logs every HTTP request too"),
            "an entry for a request then says nothing of it; a filter such as `!has(request.method)` keeps requests \
             out",
        ),
        ProviderKind::EnvoyHttpAls => (
            Severity::Note,
            format!("provider `{name}` is for HTTP requests, and in Istio it logs every TCP connection too"),
            "an entry for a connection is one without a request; a filter such as `has(request.method)` keeps \
             connections out",
        ),
        _ => return None,
    };
    Some(at(&provider.origin, severity, codes::OTHER_PROTOCOL, message, help.to_owned()))
}

/// The mesh's own loggers go to a service that nothing says the place of, or that no cluster can be added for.
fn nowhere(mesh: &MeshConfig) -> Option<Problem> {
    let enabled = &mesh.enable_access_log_service;
    let (origin, message, help) = match &mesh.access_log_service {
        _ if !enabled.value => return None,
        None => (
            &enabled.origin,
            "logs go to Envoy's own access log service, and nothing says where that is",
            "write `defaultConfig: {envoyAccessLogService: {address: HOST:PORT}}`; without, a proxy needs a cluster \
             `envoy_accesslog_service` of its own, or it drops what it would send",
        ),
        Some(Traced { origin, value }) if value.security == Security::Tls => (
            origin,
            "this service is called over TLS, and a cluster that does so cannot be added to a proxy",
            "a proxy needs a cluster `envoy_accesslog_service` of its own, as Istio's bootstraps have it, or it drops what it \
             would send",
        ),
        Some(_) => return None,
    };
    Some(at(origin, Severity::Warning, codes::NO_LOG_SERVICE, message.to_owned(), help.to_owned()))
}

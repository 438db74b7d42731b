//! The collectors of the providers that are in use: whether they are services of the mesh.

use std::collections::HashSet;

use crate::check::telemetry::at;
use crate::problem::{Problem, Severity, closest, codes};
use crate::resolve::services::NoCollector;
use crate::resolve::{PolicySet, Protocol};
use crate::resources::kubernetes::SERVICE_DOMAIN;
use crate::resources::mesh_config::{CollectorRef, ProviderConfig};
use crate::resources::{ExtensionProvider, Resources};

pub(super) fn check(set: &PolicySet, resources: &Resources, problems: &mut Vec<Problem>) {
    let mesh = set.mesh_config();
    // Providers are looked up without regard to case.
    let mut names: HashSet<String> = HashSet::new();
    let defaults =
        mesh.default_tracing_providers.iter().take(1).chain(&mesh.default_access_logging_providers);
    names.extend(defaults.map(|name| name.value.to_ascii_lowercase()));
    for telemetry in &resources.telemetries {
        let tracing = telemetry.tracing.iter().filter_map(|entry| entry.providers.first());
        let logging = telemetry.access_logging.iter().flat_map(|entry| &entry.providers);
        names.extend(tracing.chain(logging).map(|name| name.value.to_ascii_lowercase()));
    }
    for provider in &mesh.extension_providers {
        let in_use = names.contains(&provider.name.to_ascii_lowercase());
        if let Some((collector, what)) = collector(provider).filter(|_| in_use) {
            judge(set, provider, collector, what, problems);
        }
    }
}

/// Where a provider sends to, and what.
fn collector(provider: &ExtensionProvider) -> Option<(&CollectorRef, &'static str)> {
    match &provider.config {
        ProviderConfig::Opentelemetry(config) if config.http.is_none() => Some((&config.collector, "span")),
        ProviderConfig::OtelAccessLog(config) => Some((&config.collector, "log record")),
        ProviderConfig::HttpAccessLogService(config) | ProviderConfig::TcpAccessLogService(config) => {
            Some((&config.collector, "log entry"))
        }
        ProviderConfig::Opentelemetry(_) | ProviderConfig::FileAccessLog(_) | ProviderConfig::None => None,
    }
}

fn judge(
    set: &PolicySet,
    provider: &ExtensionProvider,
    wanted: &CollectorRef,
    what: &str,
    problems: &mut Vec<Problem>,
) {
    let services = set.services();
    let (name, service, port) = (&provider.name, &wanted.service, wanted.port);
    let (code, message, help) = match services.find(wanted, Protocol::Http2) {
        Err(NoCollector::Unknown) => {
            let host = service.rsplit('/').next().unwrap_or(service);
            let likely = closest(host, &services.hosts());
            let help = match likely {
                Some(likely) if likely == host => {
                    "it is a service of another namespace; correct the namespace before the `/`".to_owned()
                }
                Some(likely) => format!("did you mean `{likely}`?"),
                None if host.ends_with(SERVICE_DOMAIN) => {
                    format!(
                        "give the Service of Kubernetes too, or a ServiceEntry with the host and the port {port}"
                    )
                }
                None => format!("write a ServiceEntry with the host `{host}` and the port {port}"),
            };
            let message = format!(
                "the collector of provider `{name}` is no service of the mesh: `{service}`; no {what} is sent to it"
            );
            (codes::NO_COLLECTOR, message, help)
        }
        Err(NoCollector::SeveralNamespaces(namespaces)) => {
            let message = format!(
                "the collector of provider `{name}` is a service of several namespaces ({}); no {what} is sent to it",
                namespaces.join(", ")
            );
            let first = namespaces.first().map_or("", String::as_str);
            (codes::SEVERAL_COLLECTORS, message, format!("name the namespace too: `{first}/{service}`"))
        }
        Ok(collector) if !services.has_port(&collector) => {
            let message = format!("the collector of provider `{name}` has no port {port}");
            let help = format!("add the port to the service `{}`, or correct it here", collector.host);
            (codes::COLLECTOR_PORT, message, help)
        }
        Ok(_) => return,
    };
    problems.push(at(&provider.origin, Severity::Warning, code, message, help));
}

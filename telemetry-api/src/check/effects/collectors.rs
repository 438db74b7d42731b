//! The collectors of the providers that are in use: whether they are services of the mesh.

use std::collections::HashSet;

use crate::check::telemetry::at;
use crate::check::world::World;
use crate::problem::{Problem, Severity, closest, codes};
use crate::resolve::Protocol;
use crate::resolve::services::{NoCollector, Services};
use crate::resources::kubernetes::SERVICE_DOMAIN;
use crate::resources::mesh_config::{CollectorRef, ProviderConfig};
use crate::resources::{ExtensionProvider, MeshConfig, Resources};

pub(super) fn check(world: &World<'_>, problems: &mut Vec<Problem>) {
    for (mesh, services) in world.set.meshes() {
        for provider in in_use(mesh, world.resources) {
            for (whose, collector, what) in collectors(provider) {
                judge(services, provider, whose, collector, what, problems);
            }
        }
    }
}

/// The providers of a mesh for traces and access logs that documents or its defaults name. They are looked up without
/// regard to case.
pub(in crate::check) fn in_use<'m>(
    mesh: &'m MeshConfig,
    resources: &Resources,
) -> Vec<&'m ExtensionProvider> {
    let mut names: HashSet<String> = HashSet::new();
    let defaults =
        mesh.default_tracing_providers.iter().take(1).chain(&mesh.default_access_logging_providers);
    names.extend(defaults.map(|name| name.value.to_ascii_lowercase()));
    for telemetry in resources.read_by(mesh) {
        let tracing = telemetry.tracing.iter().filter_map(|entry| entry.providers.first());
        let logging = telemetry.access_logging.iter().flat_map(|entry| &entry.providers);
        names.extend(tracing.chain(logging).map(|name| name.value.to_ascii_lowercase()));
    }
    let is_used = |provider: &&ExtensionProvider| names.contains(&provider.name.to_ascii_lowercase());
    mesh.extension_providers.iter().filter(is_used).collect()
}

/// What a provider calls: whose place it is, where that is, and what is not sent without it.
fn collectors(provider: &ExtensionProvider) -> Vec<(&'static str, &CollectorRef, &'static str)> {
    let one = |collector, what| vec![("collector", collector, what)];
    match &provider.config {
        ProviderConfig::Zipkin(config) => one(&config.collector, "span"),
        ProviderConfig::Datadog(config) => one(&config.collector, "span"),
        ProviderConfig::Skywalking(config) => one(&config.collector, "span"),
        ProviderConfig::Opentelemetry(config) => {
            let sampler = config.sampler.as_ref().and_then(|sampler| sampler.value.service.as_ref());
            let sampler = sampler.map(|service| ("sampler's service", &service.collector, "span"));
            one(&config.collector, "span").into_iter().chain(sampler).collect()
        }
        ProviderConfig::OtelAccessLog(config) => one(&config.collector, "log record"),
        ProviderConfig::HttpAccessLogService(config) | ProviderConfig::TcpAccessLogService(config) => {
            one(&config.collector, "log entry")
        }
        ProviderConfig::FileAccessLog(_) | ProviderConfig::None => Vec::new(),
    }
}

fn judge(
    services: &Services,
    provider: &ExtensionProvider,
    whose: &str,
    wanted: &CollectorRef,
    what: &str,
    problems: &mut Vec<Problem>,
) {
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
                "the {whose} of provider `{name}` is no service of the mesh: `{service}`; no {what} is sent"
            );
            (codes::NO_COLLECTOR, message, help)
        }
        Err(NoCollector::SeveralNamespaces(namespaces)) => {
            let message = format!(
                "the {whose} of provider `{name}` is a service of several namespaces ({}); no {what} is sent",
                namespaces.join(", ")
            );
            let first = namespaces.first().map_or("", String::as_str);
            (codes::SEVERAL_COLLECTORS, message, format!("name the namespace too: `{first}/{service}`"))
        }
        Ok(collector) if !services.has_port(&collector) => {
            let message = format!("the {whose} of provider `{name}` has no port {port}");
            let help = format!("add the port to the service `{}`, or correct it here", collector.host);
            (codes::COLLECTOR_PORT, message, help)
        }
        Ok(_) => return,
    };
    problems.push(at(&provider.origin, Severity::Warning, code, message, help));
}

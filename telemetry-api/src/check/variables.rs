//! The variables of the control plane that documents take the values of headers from: whether they are set.

use super::effects::collectors::in_use;
use super::telemetry::at;
use crate::problem::{Problem, Severity, codes};
use crate::resolve::ControlPlane;
use crate::resources::mesh_config::{CallHeader, HeaderSource, Opentelemetry, ProviderConfig};
use crate::resources::{ExtensionProvider, Resources};

/// Headers of providers in use whose variable the control plane's environment does not have, so that they are empty, or
/// has with the end of a line in it.
/// Documents alone do not tell; nothing is told of an environment that is not known.
pub fn judge_variables(resources: &Resources, control_plane: &ControlPlane) -> Vec<Problem> {
    let mut problems = Vec::new();
    for provider in resources.meshes().flat_map(|mesh| in_use(mesh, resources)) {
        for header in headers(provider) {
            let HeaderSource::Environment(variable) = &header.value else { continue };
            let (name, provider) = (&header.name, &provider.name);
            let (code, message, help) = if control_plane.lacks(variable) {
                let message = format!(
                    "the variable `{variable}` is not set here, so calls of provider `{provider}` carry an empty `{name}`"
                );
                let help = "set it in the environment of this command; Istio looks in that of istiod";
                (codes::UNSET_VARIABLE, message, help)
            } else if control_plane.has_line_end(variable) {
                let message = format!(
                    "the variable `{variable}` has the end of a line in it, which no header can have"
                );
                let help = "calls carry it without; Istio passes it on, and its proxies refuse the listener";
                (codes::BAD_CALL_HEADER, message, help)
            } else {
                continue;
            };
            problems.push(at(&header.origin, Severity::Warning, code, message, help.to_owned()));
        }
    }
    problems
}

/// Every header that calls of a provider carry.
fn headers(provider: &ExtensionProvider) -> Vec<&CallHeader> {
    match &provider.config {
        ProviderConfig::Zipkin(config) => config.headers.iter().collect(),
        ProviderConfig::Opentelemetry(config) => {
            let Opentelemetry { http, grpc, sampler, .. } = &**config;
            let http = http.as_ref().map(|http| http.value.headers.as_slice());
            // What `grpc` says has no effect beside `http`.
            let grpc = grpc.as_ref().filter(|_| http.is_none()).map(|grpc| grpc.value.metadata.as_slice());
            let service = sampler.as_ref().and_then(|sampler| sampler.value.service.as_ref());
            let of_sampler = service.map(|service| service.http.headers.as_slice());
            [http, grpc, of_sampler].into_iter().flatten().flatten().collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;

//! Why a provider cannot be used, in words.

use crate::resolve::providers::Unusable;
use crate::resolve::services::NoCollector;
use crate::resources::MeshConfig;

/// Why a provider cannot be used, as the rest of a sentence about it.
pub(super) fn why(mesh: &MeshConfig, unusable: &Unusable) -> String {
    match unusable {
        Unusable::Unknown if !mesh.was_read => {
            "it cannot be looked up, since no MeshConfig is among the documents".to_owned()
        }
        Unusable::Unknown => "the mesh has no provider of this name".to_owned(),
        Unusable::Unsuitable(kind) => format!("it is of kind {}, which is for something else", kind.key()),
        Unusable::Gone(kind) => format!("Envoy no longer has a tracer for its kind, {}", kind.key()),
        Unusable::SamplerWithoutService => "its sampler has nobody to ask".to_owned(),
        Unusable::Collector(NoCollector::Unknown) => "its collector is no service of the mesh".to_owned(),
        Unusable::Collector(NoCollector::SeveralNamespaces(namespaces)) => {
            format!("its collector is a service of several namespaces: {}", namespaces.join(", "))
        }
    }
}

//! The kinds that people write, as types. Reading them is [`crate::document`]'s, judging them [`crate::check`]'s.

pub mod extension;
pub mod gateway;
pub mod kubernetes;
pub mod mesh_config;
pub mod meta;
pub mod metrics_engine;
pub mod module_rules;
pub mod peer_authentication;
pub mod pull_secret;
pub mod service_entry;
pub mod telemetry;
pub mod workload_entry;

pub use extension::TrafficExtension;
pub use gateway::{Gateway, GatewayServer};
pub use kubernetes::{GatewayClass, Istiod, KubernetesGateway, Pods, Service};
pub use mesh_config::{ExtensionProvider, MeshConfig, ProviderKind};
pub use meta::Meta;
pub use metrics_engine::{MetricsEngine, PeerMetadata};
pub use module_rules::ModuleRules;
pub use peer_authentication::{MtlsMode, PeerAuthentication};
pub use pull_secret::PullSecret;
pub use service_entry::{Location, ServiceEndpoint, ServiceEntry, ServicePort};
pub use telemetry::Telemetry;
pub use workload_entry::{Call, CallScheme, WorkloadEntry};

use crate::origin::{Origin, Traced};

/// Every resource of a mesh that this version reads.
#[derive(Clone, Debug, Default)]
pub struct Resources {
    /// The mesh's configuration: what was read, over Istio's defaults. Of several revisions that of the default one, or
    /// the first by name.
    pub mesh_config: MeshConfig,
    /// The configuration of every other revision of the control plane, by name.
    pub other_meshes: Vec<MeshConfig>,
    /// Telemetry documents.
    pub telemetries: Vec<Telemetry>,
    /// TrafficExtension documents, and WasmPlugins.
    pub extensions: Vec<TrafficExtension>,
    /// Which namespaces may use which modules: what ConfigMaps of the name that such rules have say, in any namespace.
    pub module_rules: Vec<ModuleRules>,
    /// Secrets that exist, with the credentials of those that have some for registries.
    pub pull_secrets: Vec<PullSecret>,
    /// Services that exist.
    pub service_entries: Vec<ServiceEntry>,
    /// Workloads that exist.
    pub workload_entries: Vec<WorkloadEntry>,
    /// Gateways that exist.
    pub gateways: Vec<Gateway>,
    /// Which connections workloads take.
    pub peer_authentications: Vec<PeerAuthentication>,
    /// Services of Kubernetes that exist.
    pub services: Vec<Service>,
    /// Pods that exist, or that something makes.
    pub pods: Vec<Pods>,
    /// Control planes that exist.
    pub istiods: Vec<Istiod>,
    /// Gateways of the Gateway API that exist.
    pub kubernetes_gateways: Vec<KubernetesGateway>,
    /// Classes of those.
    pub gateway_classes: Vec<GatewayClass>,
}

impl Resources {
    /// Adds what another text says; what the mesh's configuration is, is not among it.
    pub(crate) fn join(&mut self, other: &Resources) {
        let Resources {
            mesh_config: _,
            other_meshes: _,
            telemetries,
            extensions,
            module_rules,
            pull_secrets,
            service_entries,
            workload_entries,
            gateways,
            peer_authentications,
            services,
            pods,
            istiods,
            kubernetes_gateways,
            gateway_classes,
        } = other;
        self.telemetries.extend_from_slice(telemetries);
        self.extensions.extend_from_slice(extensions);
        self.module_rules.extend_from_slice(module_rules);
        self.pull_secrets.extend_from_slice(pull_secrets);
        self.service_entries.extend_from_slice(service_entries);
        self.workload_entries.extend_from_slice(workload_entries);
        self.gateways.extend_from_slice(gateways);
        self.peer_authentications.extend_from_slice(peer_authentications);
        self.services.extend_from_slice(services);
        self.pods.extend_from_slice(pods);
        self.istiods.extend_from_slice(istiods);
        self.kubernetes_gateways.extend_from_slice(kubernetes_gateways);
        self.gateway_classes.extend_from_slice(gateway_classes);
    }

    /// Every mesh, that of workloads whose revision has none of its own first.
    pub fn meshes(&self) -> impl Iterator<Item = &MeshConfig> {
        [&self.mesh_config].into_iter().chain(&self.other_meshes)
    }

    /// The same resources with what makes metrics decided by something else than they: `by` says what.
    #[must_use]
    pub fn with_metrics_engine(mut self, engine: MetricsEngine, by: &'static str) -> Resources {
        let decided = Traced { value: engine, origin: Origin::Rule(by) };
        for mesh in [&mut self.mesh_config].into_iter().chain(&mut self.other_meshes) {
            mesh.metrics_engine = Some(decided.clone());
        }
        for telemetry in &mut self.telemetries {
            telemetry.metrics_engine = None;
        }
        self
    }

    /// The same resources with the exchange of peers decided by something else than they: `by` says what.
    #[must_use]
    pub fn with_peer_metadata(mut self, peers: PeerMetadata, by: &'static str) -> Resources {
        let decided = Traced { value: peers, origin: Origin::Rule(by) };
        for mesh in [&mut self.mesh_config].into_iter().chain(&mut self.other_meshes) {
            mesh.peer_metadata = Some(decided.clone());
        }
        for telemetry in &mut self.telemetries {
            telemetry.peer_metadata = None;
        }
        self
    }

    /// The Telemetries that the control plane of a mesh reads.
    pub(crate) fn read_by(&self, mesh: &MeshConfig) -> impl Iterator<Item = &Telemetry> {
        // The first one stands in for revisions that have none.
        let is_first = mesh.revision == self.mesh_config.revision;
        let of_another = |revision: &str| self.other_meshes.iter().any(|other| other.revision == revision);
        self.telemetries.iter().filter(move |telemetry| match telemetry.meta.revision() {
            Some(revision) if is_first => !of_another(revision),
            _ => telemetry.meta.is_for_revision(&mesh.revision),
        })
    }

    /// The Secret of a name, if it is among the documents.
    pub fn pull_secret(&self, namespace: &str, name: &str) -> Option<&PullSecret> {
        self.pull_secrets.iter().find(|secret| *secret.id.namespace == *namespace && *secret.id.name == *name)
    }

    /// Makes the configuration of a revision the mesh's, if it is there.
    pub fn choose_revision(&mut self, revision: &str) {
        if let Some(other) = self.other_meshes.iter_mut().find(|mesh| mesh.revision == revision) {
            std::mem::swap(other, &mut self.mesh_config);
            self.other_meshes.sort_by(|a, b| a.revision.cmp(&b.revision));
        }
    }
}

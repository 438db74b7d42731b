//! An immutable, hashed set of policies.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::control_plane::ControlPlane;
use super::effective::{ClassPolicy, Effective};
use super::hash::hash;
use super::plugins::Plugins;
use super::selection::{age_order, contributions};
use super::service_name::by_mesh;
use super::services::Services;
use super::tracers::Lookup;
use super::workload::{ListenerClass, Workload};
use super::{access_log, metrics, tracing};
use crate::resources::{MeshConfig, Resources, Telemetry};

/// Every checked policy document of a mesh, as one immutable value with a hash.
#[derive(Clone, Debug)]
pub struct PolicySet {
    mesh: Mesh,
    /// Those of other revisions.
    other_meshes: Vec<Mesh>,
    /// By namespace, each in the order of age.
    telemetries: BTreeMap<Arc<str>, Vec<Telemetry>>,
    plugins: Plugins,
    /// What the documents leave to the control plane.
    control_plane: ControlPlane,
    hash: String,
}

/// A mesh as the control plane of one revision sees it.
#[derive(Clone, Debug)]
struct Mesh {
    config: MeshConfig,
    /// Where the collectors of providers are looked up.
    services: Services,
}

impl PolicySet {
    /// The policies among resources, for a control plane that is told nothing. The order in which documents were read
    /// makes no difference.
    pub fn new(resources: Resources) -> PolicySet {
        PolicySet::of(resources, ControlPlane::default())
    }

    /// The policies among resources, and what they leave to a control plane.
    pub fn of(resources: Resources, control_plane: ControlPlane) -> PolicySet {
        let services = Services::new(&resources);
        let Resources { mesh_config, other_meshes, mut telemetries, wasm_plugins, .. } = resources;
        let plugins = Plugins::new(wasm_plugins);
        telemetries.sort_by_cached_key(age_order);
        let meshes = [&mesh_config].into_iter().chain(&other_meshes);
        let hash = hash(meshes, &telemetries, &plugins, &services, &control_plane);
        let mut by_namespace: BTreeMap<Arc<str>, Vec<Telemetry>> = BTreeMap::new();
        for telemetry in telemetries {
            by_namespace.entry(telemetry.meta.id.namespace.clone()).or_default().push(telemetry);
        }
        let other = |config: MeshConfig| Mesh { services: services.of_mesh(&config), config };
        let other_meshes = other_meshes.into_iter().map(other).collect();
        let mesh = Mesh { config: mesh_config, services };
        PolicySet { mesh, other_meshes, telemetries: by_namespace, plugins, control_plane, hash }
    }

    /// A hash of what the documents say, in lower-case hex: equal sets have equal hashes wherever they were read
    /// from.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The mesh's configuration, for workloads of a revision that has none of its own.
    pub fn mesh_config(&self) -> &MeshConfig {
        &self.mesh.config
    }

    /// The mesh of a workload: that of its revision, if there is one.
    fn mesh_of(&self, workload: &Workload) -> &Mesh {
        let meshes = || [&self.mesh].into_iter().chain(&self.other_meshes);
        meshes().find(|mesh| mesh.config.revision == workload.revision).unwrap_or(&self.mesh)
    }

    /// The name of a proxy by the mesh's rule: in Istio that of its node's cluster, which is what Zipkin calls it.
    pub fn service_cluster(&self, workload: &Workload) -> String {
        by_mesh(&self.mesh_of(workload).config, workload)
    }

    /// What applies to a workload.
    pub fn resolve(&self, workload: &Workload) -> Effective {
        let telemetries = self.contributions(workload);
        let Mesh { config: mesh, services } = self.mesh_of(workload);
        let classes: BTreeMap<ListenerClass, ClassPolicy> = ListenerClass::ALL
            .into_iter()
            .map(|class| {
                let lookup = Lookup { mesh, services, control_plane: &self.control_plane };
                let policy = ClassPolicy {
                    metrics: metrics::resolve(mesh, &telemetries, class),
                    tracing: tracing::resolve(lookup, &telemetries, workload, class),
                    access_logs: access_log::resolve(mesh, services, &telemetries, class),
                    listener_logs: access_log::of_listeners(mesh),
                    plugins: self.plugins.resolve(&mesh.root_namespace.value, workload, class),
                };
                (class, policy)
            })
            .collect();
        Effective { workload: workload.clone(), classes }
    }

    /// The documents that apply to a workload, in the order in which they contribute: later ones override earlier
    /// ones.
    pub fn contributions(&self, workload: &Workload) -> Vec<&Telemetry> {
        let of = |namespace: &str| self.telemetries.get(namespace).map_or(&[][..], Vec::as_slice);
        let root = self.mesh_of(workload).config.root_namespace.value.as_str();
        let root = if root == workload.namespace { &[] } else { of(root) };
        contributions(root, of(&workload.namespace), workload)
    }

    /// The names of the metrics providers in force for a workload, known or not.
    pub fn metrics_scope(&self, workload: &Workload) -> Vec<String> {
        metrics::scope(&self.mesh_of(workload).config, &self.contributions(workload))
            .into_iter()
            .map(|provider| provider.value.clone())
            .collect()
    }

    /// What names are looked up in.
    pub(crate) fn lookup(&self) -> Lookup<'_> {
        let Mesh { config: mesh, services } = &self.mesh;
        Lookup { mesh, services, control_plane: &self.control_plane }
    }

    /// The services of the mesh.
    pub(crate) fn services(&self) -> &Services {
        &self.mesh.services
    }
}

//! An immutable, hashed set of policies.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::control_plane::ControlPlane;
use super::effective::{ClassPolicy, Effective};
use super::hash::hash;
use super::plugins::Plugins;
use super::selection::{age_order, contributions};
use super::services::Services;
use super::tracers::Lookup;
use super::workload::{ListenerClass, Workload};
use super::{access_log, metrics, tracing};
use crate::resources::{MeshConfig, Resources, Telemetry};

/// Every checked policy document of a mesh, as one immutable value with a hash.
#[derive(Clone, Debug)]
pub struct PolicySet {
    mesh_config: MeshConfig,
    /// By namespace, each in the order of age.
    telemetries: BTreeMap<Arc<str>, Vec<Telemetry>>,
    plugins: Plugins,
    /// Where the collectors of providers are looked up.
    services: Services,
    /// What the documents leave to the control plane.
    control_plane: ControlPlane,
    hash: String,
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
        let Resources { mesh_config, mut telemetries, wasm_plugins, .. } = resources;
        let plugins = Plugins::new(wasm_plugins);
        telemetries.sort_by_cached_key(age_order);
        let hash = hash(&mesh_config, &telemetries, &plugins, &services, &control_plane);
        let mut by_namespace: BTreeMap<Arc<str>, Vec<Telemetry>> = BTreeMap::new();
        for telemetry in telemetries {
            by_namespace.entry(telemetry.meta.id.namespace.clone()).or_default().push(telemetry);
        }
        PolicySet { mesh_config, telemetries: by_namespace, plugins, services, control_plane, hash }
    }

    /// A hash of what the documents say, in lower-case hex: equal sets have equal hashes wherever they were read
    /// from.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The mesh's configuration.
    pub fn mesh_config(&self) -> &MeshConfig {
        &self.mesh_config
    }

    /// What applies to a workload.
    pub fn resolve(&self, workload: &Workload) -> Effective {
        let telemetries = self.contributions(workload);
        let classes: BTreeMap<ListenerClass, ClassPolicy> = ListenerClass::ALL
            .into_iter()
            .map(|class| {
                let (mesh, services) = (&self.mesh_config, &self.services);
                let lookup = self.lookup();
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
        let root = self.mesh_config.root_namespace.value.as_str();
        let root = if root == workload.namespace { &[] } else { of(root) };
        contributions(root, of(&workload.namespace), workload)
    }

    /// The names of the metrics providers in force for a workload, known or not.
    pub fn metrics_scope(&self, workload: &Workload) -> Vec<String> {
        metrics::scope(&self.mesh_config, &self.contributions(workload))
            .into_iter()
            .map(|provider| provider.value.clone())
            .collect()
    }

    /// What names are looked up in.
    pub(crate) fn lookup(&self) -> Lookup<'_> {
        Lookup { mesh: &self.mesh_config, services: &self.services, control_plane: &self.control_plane }
    }

    /// The services of the mesh.
    pub(crate) fn services(&self) -> &Services {
        &self.services
    }
}

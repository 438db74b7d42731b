//! An immutable, hashed set of policies.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::control_plane::ControlPlane;
use super::effective::{ClassPolicy, Effective, Plugin};
use super::flags::Flags;
use super::hash::{Digest, describe_mesh, describe_secrets, digest, hex};
use super::policies::Policies;
use super::selection::gateway_of;
use super::service_name::by_mesh;
use super::services::Services;
use super::tracers::Lookup;
use super::workload::{ListenerClass, Workload};
use super::{access_log, metrics, module_rules, plugins, tracing};
use crate::origin::DocumentId;
use crate::resources::{MeshConfig, ModuleRules, Resources, Telemetry, TrafficExtension};

/// Every checked policy document of a mesh, as one immutable value with a hash.
///
/// What a workload gets depends on its revision and labels alone, so that what else decides about configurations is a
/// look-up before [`PolicySet::resolve`]: a tag is a name for a revision, a canary a choice between two sets by
/// workload, and each of many clusters a set of its own or one that they share. Two sets that are nearly the same share
/// what is the same: see [`PolicySet::changed`]; and [`affected`](super::affected) says whom the difference concerns.
#[derive(Clone, Debug)]
pub struct PolicySet {
    pub(super) common: Arc<Common>,
    pub(super) namespaces: BTreeMap<Arc<str>, Arc<Namespace>>,
    hash: String,
}

/// What is not of one namespace.
#[derive(Debug)]
pub(super) struct Common {
    pub mesh: Mesh,
    /// Those of other revisions.
    pub other_meshes: Vec<Mesh>,
    /// What the documents leave to the control plane.
    pub control_plane: ControlPlane,
    pub flags: Flags,
    pub digest: Digest,
}

/// A mesh as the control plane of one revision sees it.
#[derive(Debug)]
pub(super) struct Mesh {
    pub config: MeshConfig,
    /// Where the collectors of providers are looked up.
    pub services: Services,
    /// Which modules may be used: the rules of its root namespace, if there are any.
    pub rules: Option<Arc<ModuleRules>>,
}

impl Common {
    /// Every mesh, that of workloads whose revision has none of its own first.
    pub fn meshes(&self) -> impl Iterator<Item = &Mesh> {
        [&self.mesh].into_iter().chain(&self.other_meshes)
    }

    /// That of a revision, if it has one of its own.
    fn of_revision(&self, revision: &str) -> &Mesh {
        self.meshes().find(|mesh| mesh.config.revision == revision).unwrap_or(&self.mesh)
    }
}

/// The documents of one namespace.
#[derive(Debug, Default)]
pub(super) struct Namespace {
    pub telemetries: Arc<Policies<Telemetry>>,
    pub plugins: Arc<Policies<TrafficExtension>>,
    pub digest: Digest,
}

impl Namespace {
    fn new(telemetries: Arc<Policies<Telemetry>>, plugins: Arc<Policies<TrafficExtension>>) -> Namespace {
        let mut text = String::new();
        telemetries.describe(&mut text);
        text.push_str("\nplugins");
        plugins.describe(&mut text);
        Namespace { telemetries, plugins, digest: digest(&text) }
    }

    fn is_empty(&self) -> bool {
        self.telemetries.is_empty() && self.plugins.is_empty()
    }
}

/// A difference between two sets.
#[derive(Clone, Debug)]
pub enum Change {
    /// This document is there, in place of one of the same name if there was one.
    Telemetry(Box<Telemetry>),
    /// This document is there, in place of one of the same name if there was one.
    Extension(Box<TrafficExtension>),
    /// There is no document of this name.
    Without(DocumentId),
}

impl PolicySet {
    /// The policies among resources, for a control plane that is told nothing else. The order in which documents were
    /// read makes no difference.
    pub fn new(resources: Resources) -> PolicySet {
        PolicySet::of(resources, ControlPlane::default())
    }

    /// The policies among resources, and what they leave to a control plane.
    pub fn of(resources: Resources, control_plane: ControlPlane) -> PolicySet {
        let services = Services::new(&resources);
        let flags = Flags::new(&resources, &control_plane);
        let Resources {
            mesh_config, other_meshes, telemetries, extensions, module_rules, pull_secrets, ..
        } = resources;
        let mut text = format!("{:?}", control_plane.trace_sampling);
        for mesh in [&mesh_config].into_iter().chain(&other_meshes) {
            describe_mesh(mesh, &control_plane, &mut text);
        }
        services.describe(&mut text);
        flags.describe(&mut text);
        module_rules.iter().for_each(|rules| module_rules::describe(rules, &mut text));
        describe_secrets(&pull_secrets, &extensions, &mut text);
        let rules: Vec<Arc<ModuleRules>> = module_rules.into_iter().map(Arc::new).collect();
        let rules_of =
            |config: &MeshConfig| rules.iter().find(|rules| module_rules::count_in(rules, config)).cloned();
        let other = |config: MeshConfig| Mesh {
            services: services.of_mesh(&config),
            rules: rules_of(&config),
            config,
        };
        let other_meshes = other_meshes.into_iter().map(other).collect();
        let mesh = Mesh { rules: rules_of(&mesh_config), config: mesh_config, services };
        let common = Common { mesh, other_meshes, control_plane, flags, digest: digest(&text) };
        let mut by_namespace: BTreeMap<Arc<str>, (Vec<Telemetry>, Vec<TrafficExtension>)> = BTreeMap::new();
        for telemetry in telemetries {
            by_namespace.entry(telemetry.meta.id.namespace.clone()).or_default().0.push(telemetry);
        }
        for plugin in extensions {
            by_namespace.entry(plugin.meta.id.namespace.clone()).or_default().1.push(plugin);
        }
        let namespaces = by_namespace.into_iter().map(|(name, (telemetries, plugins))| {
            let (telemetries, plugins) = (Policies::new(telemetries), Policies::new(plugins));
            (name, Arc::new(Namespace::new(Arc::new(telemetries), Arc::new(plugins))))
        });
        PolicySet::made_of(Arc::new(common), namespaces.collect())
    }

    fn made_of(common: Arc<Common>, namespaces: BTreeMap<Arc<str>, Arc<Namespace>>) -> PolicySet {
        use std::fmt::Write as _;
        let mut text = format!("{:?}", common.digest);
        for (name, namespace) in &namespaces {
            let _ = write!(text, "\n{name:?} {:?}", namespace.digest);
        }
        PolicySet { common, namespaces, hash: hex(&digest(&text)) }
    }

    /// The set that differs from this one in some documents. Namespaces without a change are shared with it.
    #[must_use]
    pub fn changed(&self, changes: impl IntoIterator<Item = Change>) -> PolicySet {
        let mut namespaces = self.namespaces.clone();
        for change in changes {
            let name = match &change {
                Change::Telemetry(telemetry) => telemetry.meta.id.namespace.clone(),
                Change::Extension(plugin) => plugin.meta.id.namespace.clone(),
                Change::Without(id) => id.namespace.clone(),
            };
            let old = namespaces.get(&name).cloned().unwrap_or_default();
            let (mut telemetries, mut plugins) = (Arc::clone(&old.telemetries), Arc::clone(&old.plugins));
            match change {
                Change::Telemetry(telemetry) => telemetries = Arc::new(telemetries.with(*telemetry)),
                Change::Extension(plugin) => plugins = Arc::new(plugins.with(*plugin)),
                Change::Without(id) => {
                    telemetries = Arc::new(telemetries.without(&id));
                    plugins = Arc::new(plugins.without(&id));
                }
            }
            let namespace = Namespace::new(telemetries, plugins);
            match namespace.is_empty() {
                true => namespaces.remove(&name),
                false => namespaces.insert(name, Arc::new(namespace)),
            };
        }
        PolicySet::made_of(Arc::clone(&self.common), namespaces)
    }

    /// A hash of what the documents say, in lower-case hex: equal sets have equal hashes wherever they were read
    /// from.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The mesh's configuration, for workloads of a revision that has none of its own.
    pub fn mesh_config(&self) -> &MeshConfig {
        &self.common.mesh.config
    }

    /// The mesh of a workload: that of its revision, if there is one.
    fn mesh_of(&self, workload: &Workload) -> &Mesh {
        self.common.of_revision(&workload.revision)
    }

    /// The name of a proxy by the mesh's rule: in Istio that of its node's cluster, which is what Zipkin calls it.
    pub fn service_cluster(&self, workload: &Workload) -> String {
        by_mesh(&self.mesh_of(workload).config, workload)
    }

    /// What applies to a workload.
    pub fn resolve(&self, workload: &Workload) -> Effective {
        let telemetries = self.contributions(workload);
        let plugins = self.plugins(workload);
        let lookup = self.lookup(workload);
        let Lookup { mesh, services, .. } = lookup;
        let plugins = plugins::judged(&plugins, self.mesh_of(workload).rules.as_deref());
        let classes: BTreeMap<ListenerClass, ClassPolicy> = ListenerClass::ALL
            .into_iter()
            .map(|class| {
                let policy = ClassPolicy {
                    metrics: metrics::resolve(mesh, &telemetries, class),
                    tracing: tracing::resolve(lookup, &telemetries, workload, class),
                    access_logs: access_log::resolve(mesh, services, &telemetries, class),
                    listener_logs: access_log::of_listeners(mesh),
                    plugins: plugins::resolve(&plugins, workload, class),
                };
                (class, policy)
            })
            .collect();
        Effective { workload: workload.clone(), classes }
    }

    /// The documents that apply to a workload, in the order in which they contribute: later ones override earlier
    /// ones. The first one for all of the root namespace, the first one for all of the workload's, then every one there
    /// that selects it, oldest first.
    pub fn contributions(&self, workload: &Workload) -> Vec<&Telemetry> {
        let root = self.mesh_of(workload).config.root_namespace.value.as_str();
        let root = self.namespaces.get(root).filter(|_| root != workload.namespace);
        let own = self.namespaces.get(workload.namespace.as_str());
        let wide = [root, own].into_iter().flatten();
        let wide = wide.filter_map(|namespace| namespace.telemetries.wide(workload).next());
        let by_labels = self.labels_count(workload);
        let scoped = own.into_iter().flat_map(|own| own.telemetries.scoped(workload, true, by_labels));
        wide.map(|(document, _)| &**document).chain(scoped.map(|document| &**document)).collect()
    }

    /// The plugins for a workload: those of its namespace, then those of the root namespace, each oldest first.
    pub(crate) fn plugins(&self, workload: &Workload) -> Vec<&Arc<TrafficExtension>> {
        let root = self.mesh_of(workload).config.root_namespace.value.as_str();
        let root = self.namespaces.get(root).filter(|_| root != workload.namespace);
        let own = self.namespaces.get(workload.namespace.as_str());
        let by_labels = self.labels_count(workload);
        let mut plugins = Vec::new();
        for (namespace, is_own) in [(own, true), (root, false)] {
            let Some(namespace) = namespace else { continue };
            plugins.extend(namespace.plugins.applying(workload, is_own, by_labels));
        }
        plugins
    }

    /// Which modules may be used in the meshes of revisions, that of workloads whose revision has none of its own first.
    pub(crate) fn module_rules(&self, revision: &str) -> Option<&ModuleRules> {
        self.common.of_revision(revision).rules.as_deref()
    }

    /// The plugins for a class of a workload's listeners, in the order in which they stand there.
    pub(crate) fn plugins_of(&self, workload: &Workload, class: ListenerClass) -> Vec<Plugin> {
        let rules = self.mesh_of(workload).rules.as_deref();
        plugins::resolve(&plugins::judged(&self.plugins(workload), rules), workload, class)
    }

    /// The Telemetries whose labels a workload has that labels do not count for.
    pub(crate) fn passed_over(&self, workload: &Workload) -> Vec<&Telemetry> {
        if self.labels_count(workload) {
            return Vec::new();
        }
        let Some(own) = self.namespaces.get(workload.namespace.as_str()) else { return Vec::new() };
        let selecting = own.telemetries.scoped(workload, false, true);
        selecting.into_iter().map(|telemetry| &**telemetry).collect()
    }

    /// Whether labels count for a workload: for gateways of the Gateway API a control plane may be told that they do
    /// not.
    pub(crate) fn labels_count(&self, workload: &Workload) -> bool {
        gateway_of(workload).is_none() || self.common.flags.gateways_by_labels(&workload.revision)
    }

    /// The names of the metrics providers in force for a workload, known or not.
    pub fn metrics_scope(&self, workload: &Workload) -> Vec<String> {
        metrics::scope(&self.mesh_of(workload).config, &self.contributions(workload))
            .into_iter()
            .map(|provider| provider.value.clone())
            .collect()
    }

    /// What names are looked up in for a workload.
    pub(crate) fn lookup(&self, workload: &Workload) -> Lookup<'_> {
        let Mesh { config: mesh, services, .. } = self.mesh_of(workload);
        Lookup { mesh, services, control_plane: &self.common.control_plane }
    }

    /// Every mesh, that of workloads whose revision has none of its own first, and the services as it sees them.
    pub(crate) fn meshes(&self) -> impl Iterator<Item = (&MeshConfig, &Services)> {
        self.common.meshes().map(|mesh| (&mesh.config, &mesh.services))
    }

    /// The mesh of workloads of a revision, and the services as it sees them.
    pub(crate) fn mesh_of_revision(&self, revision: &str) -> (&MeshConfig, &Services) {
        let mesh = self.common.of_revision(revision);
        (&mesh.config, &mesh.services)
    }
}

#[cfg(test)]
mod tests;

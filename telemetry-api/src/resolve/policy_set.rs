//! An immutable, hashed set of policies.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::effective::{ClassPolicy, Effective};
use super::metrics;
use super::selection::{age_order, contributions};
use super::workload::{ListenerClass, Workload};
use crate::resources::{MeshConfig, Resources, Telemetry};

/// Every checked policy document of a mesh, as one immutable value with a hash.
#[derive(Clone, Debug)]
pub struct PolicySet {
    mesh_config: MeshConfig,
    /// By namespace, each in the order of age.
    telemetries: BTreeMap<Arc<str>, Vec<Telemetry>>,
    hash: String,
}

impl PolicySet {
    /// The policies among resources. The order in which documents were read makes no difference.
    pub fn new(resources: Resources) -> PolicySet {
        let Resources { mesh_config, mut telemetries, .. } = resources;
        telemetries.sort_by_cached_key(age_order);
        let hash = hash(&mesh_config, &telemetries);
        let mut by_namespace: BTreeMap<Arc<str>, Vec<Telemetry>> = BTreeMap::new();
        for telemetry in telemetries {
            by_namespace.entry(telemetry.meta.id.namespace.clone()).or_default().push(telemetry);
        }
        PolicySet { mesh_config, telemetries: by_namespace, hash }
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
                let metrics = metrics::merge(&self.mesh_config, &telemetries, class);
                (class, ClassPolicy { metrics })
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
            .map(|provider| provider.value)
            .collect()
    }
}

/// Hashes values without their places: where a document stands in a file is no part of what it says.
fn hash(mesh_config: &MeshConfig, telemetries: &[Telemetry]) -> String {
    let mut text = String::new();
    let defaults: Vec<&String> =
        mesh_config.default_metrics_providers.iter().map(|name| &name.value).collect();
    let _ = write!(text, "{:?}\n{defaults:?}", mesh_config.root_namespace.value);
    for provider in &mesh_config.extension_providers {
        let _ = write!(text, "\n{:?} {:?}", provider.name, provider.kind);
    }
    for telemetry in telemetries {
        let meta = &telemetry.meta;
        let _ = write!(text, "\n{:?} {:?} {:?}", meta.id, meta.created, meta.revision());
        let _ = write!(text, "\n{:?}", telemetry.selector.as_ref().map(|selector| &selector.match_labels));
        for target in &telemetry.target_refs {
            let _ = write!(text, "\n{:?} {:?} {:?}", target.group, target.kind, target.name);
        }
        for entry in &telemetry.metrics {
            let providers: Vec<&String> = entry.providers.iter().map(|name| &name.value).collect();
            let interval = entry.reporting_interval.as_ref().map(|interval| interval.value);
            let _ = write!(text, "\n{providers:?} {interval:?}");
            for change in &entry.overrides {
                let disabled = change.disabled.as_ref().map(|disabled| disabled.value);
                let tags: Vec<_> = change.tags.iter().map(|(name, tag)| (name, &tag.value)).collect();
                let _ = write!(text, "\n{:?} {:?} {disabled:?} {tags:?}", change.metric, change.mode);
            }
        }
    }
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

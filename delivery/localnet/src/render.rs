//! The files of one Envoy: base configuration with policy laid over it, as text. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use burgee_api::Problem;
use burgee_api::origin::{Origin, Traced};
use burgee_api::resolve::{
    ClassPolicy, Effective, ListenerClass, MetricName, MetricOverride, ProviderMetrics, TagOperation,
    Workload, WorkloadKind,
};
use burgee_filter_config::{StandardLabel, StandardMetric};
use burgee_overlay::{Delivery, Identity, Module, Overlaid};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::base::{self, Ports};
use crate::configuration::{to_json, to_text, to_tree};
use crate::mesh::Mesh;

/// The directory of the extension configurations in an Envoy's directory.
pub const EXTENSIONS_DIRECTORY: &str = "extensions";
/// The bootstrap's file.
pub const BOOTSTRAP_FILE: &str = "bootstrap.json";

/// The files of one Envoy that change while it runs, in the order in which they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// Extension configurations: name, file name, text.
    pub extensions: Vec<(String, String, String)>,
    /// The clusters.
    pub clusters: String,
    /// The listeners.
    pub listeners: String,
}

/// What every proxy of a run is rendered from.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// What runs.
    pub mesh: &'a Mesh,
    /// The loopback ports.
    pub ports: &'a Ports,
    /// The port of each workload's stub app.
    pub apps: &'a BTreeMap<String, u16>,
    /// The filter module.
    pub module: &'a Module,
}

/// The files of one proxy, and what the overlay has to say.
pub fn files(inputs: Inputs<'_>, policy: &Effective, directory: &Path) -> (Files, Vec<Problem>) {
    let name = policy.workload.to_string();
    let (listeners, clusters) = base_of(inputs, &policy.workload, &name);
    let options = options(&policy.workload, &listeners, inputs.module, directory);
    let Overlaid { value, problems, .. } = burgee_overlay::overlay(&to_tree(&listeners), policy, &options);
    let mut listeners = to_json(&value);
    mark_version(&mut listeners);
    let mut clusters = clusters;
    mark_version(&mut clusters);
    let extensions = burgee_overlay::extension_configs(policy, &options)
        .into_iter()
        .map(|extension| (extension.name, extension.file_name, to_text(&extension.value)))
        .collect();
    (Files { extensions, clusters: text(&clusters), listeners: text(&listeners) }, problems)
}

/// The bootstrap of one proxy, and what the overlay has to say. `labels` are all that any policy of the run names:
/// a label that the bootstrap does not have cannot be had later.
pub fn bootstrap(
    workload: &Workload,
    labels: &BTreeSet<String>,
    module: &Module,
    directory: &Path,
) -> (String, Vec<Problem>) {
    let options = options(workload, &Value::Null, module, directory);
    let base = to_tree(&base::bootstrap(workload, directory));
    let Overlaid { value, problems, .. } =
        burgee_overlay::overlay(&base, &reserving(workload, labels), &options);
    (to_text(&value), problems)
}

fn base_of(inputs: Inputs<'_>, workload: &Workload, name: &str) -> (Value, Value) {
    let Inputs { mesh, ports, apps, .. } = inputs;
    match workload.kind {
        WorkloadKind::Gateway => {
            let sidecars =
                mesh.sidecars.iter().map(|s| (s.workload.to_string(), s.workload.clone())).collect();
            mesh.gateways.iter().find(|gateway| gateway.workload.to_string() == name).map(|gateway| {
                (base::gateway_listeners(gateway, ports), base::gateway_clusters(gateway, &sidecars, ports))
            })
        }
        WorkloadKind::Sidecar => {
            let app = apps.get(name).copied().unwrap_or_default();
            mesh.sidecars.iter().find(|sidecar| sidecar.workload.to_string() == name).map(|sidecar| {
                (base::sidecar_listeners(sidecar, ports), base::sidecar_clusters(sidecar, app))
            })
        }
    }
    .unwrap_or_else(|| (base::no_listeners(), base::no_clusters()))
}

fn options(
    workload: &Workload,
    listeners: &Value,
    module: &Module,
    directory: &Path,
) -> burgee_overlay::Options {
    // Istio's gateways have outbound listeners; only the workload says that they are a gateway's.
    let names = listeners["resources"].as_array().into_iter().flatten().filter_map(|l| l["name"].as_str());
    let classes = match workload.kind {
        WorkloadKind::Gateway => names.map(|name| (name.to_owned(), ListenerClass::Gateway)).collect(),
        WorkloadKind::Sidecar => BTreeMap::new(),
    };
    let extensions = directory.join(EXTENSIONS_DIRECTORY);
    burgee_overlay::Options {
        module: module.clone(),
        delivery: Delivery::Discovery { directory: extensions.to_string_lossy().into_owned() },
        identity: Identity::Node,
        classes,
    }
}

/// A policy that has metrics and names every label, so that the bootstrap is ready for any policy with those labels.
fn reserving(workload: &Workload, labels: &BTreeSet<String>) -> Effective {
    const RULE: Origin = Origin::Rule("labels are declared in the bootstrap, before any policy needs them");
    let tag = |label: &String| {
        (label.clone(), Traced { value: TagOperation::Upsert("''".to_owned()), origin: RULE })
    };
    let provider = ProviderMetrics {
        provider: Traced { value: "prometheus".to_owned(), origin: RULE },
        reporting_interval: None,
        overrides: vec![MetricOverride {
            metric: MetricName::Standard(StandardMetric::RequestCount),
            disabled: None,
            tags: labels.iter().map(tag).collect(),
        }],
    };
    let class = ClassPolicy { metrics: vec![provider] };
    Effective {
        workload: workload.clone(),
        classes: ListenerClass::ALL.into_iter().map(|name| (name, class.clone())).collect(),
    }
}

/// Every label that a policy sets and that is not a standard one.
pub fn own_labels(policy: &Effective) -> BTreeSet<String> {
    let overrides = policy.classes.values().flat_map(|class| &class.metrics).flat_map(|m| &m.overrides);
    overrides
        .flat_map(|change| &change.tags)
        .filter(|(_, operation)| matches!(operation.value, TagOperation::Upsert(_)))
        .map(|(label, _)| label.clone())
        .filter(|label| StandardLabel::from_name(label).is_none())
        .collect()
}

/// Writes the content's digest as the version, so that two versions differ exactly when the contents do.
fn mark_version(response: &mut Value) {
    let digest = Sha256::digest(response["resources"].to_string().as_bytes());
    let version: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    response["version_info"] = version.into();
}

fn text(json: &Value) -> String {
    to_text(&to_tree(json))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn versions_differ_exactly_when_contents_do() {
        let mk = |resources: Value| {
            let mut response = json!({"version_info": "1", "resources": resources});
            mark_version(&mut response);
            response["version_info"].clone()
        };
        assert_eq!(mk(json!([1])), mk(json!([1])));
        assert_ne!(mk(json!([1])), mk(json!([2])));
    }

    #[test]
    fn standard_labels_and_removed_ones_are_not_own_labels() {
        let workload = Workload::new(WorkloadKind::Sidecar, "ns", "app", BTreeMap::new());
        let mut policy = reserving(&workload, &BTreeSet::from(["mine".to_owned(), "reporter".to_owned()]));
        assert_eq!(own_labels(&policy), BTreeSet::from(["mine".to_owned()]));
        for class in policy.classes.values_mut() {
            for tag in class.metrics[0].overrides[0].tags.values_mut() {
                tag.value = TagOperation::Remove;
            }
        }
        assert_eq!(own_labels(&policy), BTreeSet::new());
    }
}

//! The files of one Envoy: base configuration with policy laid over it, as text. Pure.

use std::collections::{BTreeMap, BTreeSet};

use burgee_api::Problem;
use burgee_api::resolve::{Effective, ListenerClass, PolicySet, Workload, WorkloadKind};
use burgee_filter_config::LocalWorkload;
use burgee_overlay::{Delivery, Identity, Overlaid};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::base::{self, CLUSTERS_FILE, Collectors, LISTENERS_FILE};
use crate::configuration::{to_json, to_text, to_tree};
use crate::mesh::{BareWorkload, Mesh, is_same};
use crate::run::Modules;
use crate::site::{Address, EXTENSIONS_DIRECTORY, ProxySite, Site};

/// The bootstrap's file.
pub const BOOTSTRAP_FILE: &str = "bootstrap.json";

/// Everything that one Envoy reads.
#[derive(Clone, Debug, PartialEq)]
pub struct Configuration {
    /// The text of [`BOOTSTRAP_FILE`].
    pub bootstrap: String,
    /// The other files.
    pub files: Files,
    /// What is worth knowing, such as a label that a listener cannot carry.
    pub problems: Vec<Problem>,
}

/// The files of one Envoy that change while it runs, in the order in which they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// Extension configurations.
    pub extensions: Vec<ExtensionFile>,
    /// The clusters.
    pub clusters: String,
    /// The listeners.
    pub listeners: String,
}

/// The file of an extension configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtensionFile {
    /// The resource's name, by which listeners refer to it.
    pub name: String,
    /// The file's name in [`EXTENSIONS_DIRECTORY`].
    pub file_name: String,
    /// Its content.
    pub text: String,
}

impl Files {
    /// Every file with its path from the proxy's directory, in the order in which they lean on each other.
    pub fn by_path(&self) -> Vec<(String, &str)> {
        let path = |file: &ExtensionFile| format!("{EXTENSIONS_DIRECTORY}/{}", file.file_name);
        let extensions = self.extensions.iter().map(|file| (path(file), file.text.as_str()));
        let mut files: Vec<(String, &str)> = extensions.collect();
        files.push((CLUSTERS_FILE.to_owned(), self.clusters.as_str()));
        files.push((LISTENERS_FILE.to_owned(), self.listeners.as_str()));
        files
    }
}

/// What every proxy of a mesh is rendered from.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// What runs.
    pub mesh: &'a Mesh,
    /// The policies of the mesh.
    pub policy: &'a PolicySet,
    /// Where it is.
    pub site: &'a Site,
    /// The modules, as proxies find them.
    pub modules: &'a Modules,
}

/// Everything that one Envoy reads: the base configuration of a workload of the mesh with its policy laid over it.
/// `labels` are all labels of metrics that any policy of the mesh names and that any module declares, see [`labels`]: one
/// that a bootstrap does not have cannot be had later. A proxy that the site does not have gets an empty configuration.
pub fn configuration_of(inputs: Inputs<'_>, policy: &Effective, labels: &BTreeSet<String>) -> Configuration {
    let (bootstrap, mut problems) = bootstrap(inputs, &policy.workload, labels);
    let (files, said) = files(inputs, policy);
    problems.extend(said);
    Configuration { bootstrap, files, problems }
}

/// The files of one proxy, and what the overlay has to say.
pub(crate) fn files(inputs: Inputs<'_>, policy: &Effective) -> (Files, Vec<Problem>) {
    let workload = &policy.workload;
    let Some(proxy) = inputs.site.proxies.get(&workload.to_string()) else {
        return (Files::default(), Vec::new());
    };
    let (listeners, clusters) = base_of(inputs, workload, &Collectors::of(policy));
    let options = options(inputs, workload, proxy);
    let Overlaid { value, problems, .. } = burgee_overlay::overlay(&to_tree(&listeners), policy, &options);
    let extensions = burgee_overlay::extension_configs(policy, &options)
        .into_iter()
        .map(|extension| ExtensionFile {
            text: to_text(&extension.value),
            name: extension.name,
            file_name: extension.file_name,
        })
        .collect();
    (Files { extensions, clusters: response(clusters), listeners: response(to_json(&value)) }, problems)
}

/// The bootstrap of one proxy, and what the overlay has to say.
fn bootstrap(inputs: Inputs<'_>, workload: &Workload, labels: &BTreeSet<String>) -> (String, Vec<Problem>) {
    let Some(proxy) = inputs.site.proxies.get(&workload.to_string()) else {
        return (String::new(), Vec::new());
    };
    let mut options = options(inputs, workload, proxy);
    // The bootstrap has no listeners that these could be about.
    options.classes.clear();
    options.ports.clear();
    let service_cluster = inputs.policy.service_cluster(workload);
    let base = to_tree(&base::bootstrap(workload, &service_cluster, proxy, &inputs.modules.declared()));
    let Overlaid { value, problems, .. } =
        burgee_overlay::overlay(&base, &burgee_overlay::reserving(workload, labels), &options);
    (to_text(&value), problems)
}

/// Listeners and clusters without any policy, those of collectors among them.
pub(crate) fn base_of(inputs: Inputs<'_>, workload: &Workload, collectors: &Collectors) -> (Value, Value) {
    let Inputs { mesh, site, .. } = inputs;
    match workload.kind {
        WorkloadKind::Gateway => {
            mesh.gateways.iter().find(|gateway| is_same(&gateway.workload, workload)).map(|gateway| {
                (
                    base::gateway_listeners(gateway, site),
                    base::gateway_clusters(gateway, mesh, collectors, site),
                )
            })
        }
        WorkloadKind::Sidecar => {
            mesh.sidecars.iter().find(|sidecar| is_same(&sidecar.workload, workload)).map(|sidecar| {
                (
                    base::sidecar_listeners(sidecar, site),
                    base::sidecar_clusters(sidecar, mesh, collectors, site),
                )
            })
        }
    }
    .unwrap_or_else(|| (base::no_listeners(), base::no_clusters()))
}

/// What is known of a proxy that its listeners do not say, for the overlay.
pub(crate) fn options(inputs: Inputs<'_>, workload: &Workload, proxy: &ProxySite) -> burgee_overlay::Options {
    let mut there = base::listeners_of(inputs.mesh, workload);
    // A listener that the site does not have is not there to be about.
    there.retain(|one| inputs.site.listener(&workload.to_string(), &one.name).is_some());
    // Istio's gateways have outbound listeners; only the workload says that they are a gateway's.
    let gateways = there.iter().filter(|one| one.class == ListenerClass::Gateway);
    burgee_overlay::Options {
        classes: gateways.map(|one| (one.name.clone(), one.class)).collect(),
        ports: there.iter().map(|one| (one.name.clone(), one.port)).collect(),
        plugins: inputs.modules.plugins.clone(),
        log_files: proxy.log_files.clone(),
        reporter: proxy.reporter.clone(),
        index: index(inputs.mesh, inputs.site),
        // For which Envoy it is changes nothing of what is delivered by name.
        ..burgee_overlay::Options::new(
            inputs.modules.telemetry.clone(),
            Delivery::Discovery { directory: proxy.path(EXTENSIONS_DIRECTORY) },
            Identity::Node,
        )
    }
}

/// Who is at which address: who has no sidecar, and so says nothing of itself, where an address is its own. Sidecars say
/// who they are, and share addresses with each other.
pub(crate) fn index(mesh: &Mesh, site: &Site) -> BTreeMap<String, LocalWorkload> {
    let is_shared = |address: &Address| {
        let proxies = site.proxies.values().flat_map(|proxy| [Some(&proxy.admin), proxy.app.as_ref()]);
        let listeners = site.listeners.values().flat_map(|listener| [&listener.bind, &listener.reach]);
        let bare = site.bare.values().filter(|bare| bare.http.host == address.host).count();
        bare > 1 || proxies.flatten().chain(listeners).any(|other| other.host == address.host)
    };
    let workload = |bare: &BareWorkload| {
        let address = &site.bare.get(&bare.workload.to_string())?.http;
        let is_own = address.is_ip() && !is_shared(address);
        is_own.then(|| (address.host.clone(), bare.workload.identity()))
    };
    mesh.bare.iter().filter_map(workload).collect()
}

/// Every label that bootstraps have to know beside the standard ones: those that policies set, and those of the metrics
/// that the modules of plugins declare.
pub fn labels<'a>(policies: impl IntoIterator<Item = &'a Effective>, modules: &Modules) -> BTreeSet<String> {
    burgee_overlay::labels_to_reserve(policies, modules.declared())
}

/// Writes the content's digest as the version, so that two versions differ exactly when the contents do.
fn mark_version(response: &mut Value) {
    let digest = Sha256::digest(response["resources"].to_string().as_bytes());
    let version: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    response["version_info"] = version.into();
}

/// The text of a `DiscoveryResponse`, with its version.
pub(crate) fn response(mut response: Value) -> String {
    mark_version(&mut response);
    to_text(&to_tree(&response))
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
    fn who_has_no_sidecar_is_known_by_an_address_that_no_other_has() {
        let workload = |name: &str| Workload::new(WorkloadKind::Sidecar, "ns", name, BTreeMap::new());
        let place = burgee_api::origin::Place { file: "m.yaml".into(), line: 1, column: 1, width: 1 };
        let bare = |name| BareWorkload { workload: workload(name), place: place.clone(), calls: Vec::new() };
        let names = ["own", "one", "other", "beside", "named"];
        let mesh = Mesh { bare: names.map(bare).into(), ..Mesh::default() };
        let mut site = Site::loopback(None);
        site.add_loopback_listener(("ns/proxy".to_owned(), "inbound_80".to_owned()), 38080);
        let hosts = ["127.1.0.1", "127.1.0.2", "127.1.0.2", "127.0.0.1", "named"];
        for (name, host) in names.into_iter().zip(hosts) {
            let bare = crate::site::BareSite { http: Address::new(host, 80), tcp: None };
            site.bare.insert(format!("ns/{name}"), bare);
        }
        let found = index(&mesh, &site);
        let found: Vec<_> =
            found.iter().map(|(address, one)| (address.as_str(), one.workload.as_str())).collect();
        assert_eq!(found, [("127.1.0.1", "own")]);
    }
}

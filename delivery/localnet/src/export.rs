//! A mesh as a folder that `docker compose` runs: the same gateways, sidecars, apps, modules and documents, with a
//! receiver for what proxies report. Pure: what the folder holds, not the writing of it.

use std::collections::BTreeMap;

use burgee_api::Problem;
use burgee_api::problem::{Severity, worst};
use burgee_api::resolve::{Effective, LogSink, PolicySet};
use burgee_api::resources::Resources;
use burgee_overlay::{LogFiles, Module, PluginModule};
use sha2::{Digest, Sha256};

use crate::base::{CLUSTERS_FILE, LISTENERS_FILE};
use crate::codes::NO_CERTIFICATES;
use crate::mesh::{self, Mesh, SidecarProxy};
use crate::render::{BOOTSTRAP_FILE, Inputs, configuration_of, labels};
use crate::run::Modules;
use crate::site::EXTENSIONS_DIRECTORY;
use crate::start::add_new;

mod compose;
mod containers;
mod names;
mod readme;

use containers::{CONFIG_DIRECTORY, Containers, LOGS, MODULES};

/// The file that `docker compose` reads.
pub const COMPOSE_FILE: &str = "compose.yaml";
/// The program of apps, receiver and health checks, in the folder.
pub const STUB_FILE: &str = "bin/burgee-stub";
/// The folder of the documents' copies.
pub const DOCUMENTS_DIRECTORY: &str = "documents";
/// The user that the proxies and stubs run as: the one that Envoy's image has for it.
pub const USER: u32 = 101;

/// What a folder is made from.
#[derive(Clone, Copy, Debug)]
pub struct ExportInputs<'a> {
    /// The documents.
    pub resources: &'a Resources,
    /// The policies among them.
    pub policy: &'a PolicySet,
    /// The modules, where they are on this machine.
    pub modules: &'a Modules,
    /// The image that has Envoy, such as `envoyproxy/envoy:v1.40.0`.
    pub image: &'a str,
    /// The command that writes the folder again, as people type it.
    pub command: &'a str,
}

/// What a folder holds, beside the program and the documents' copies.
#[derive(Clone, Debug, Default)]
pub struct Export {
    /// The texts, by path. A proxy leans on the files that come earlier in [`Export::order`].
    pub texts: BTreeMap<String, String>,
    /// The modules by path: where each is on this machine.
    pub modules: BTreeMap<String, String>,
    /// What is worth knowing.
    pub problems: Vec<Problem>,
}

impl Export {
    /// In which order files are written while proxies read them: modules, extensions, clusters, listeners, the rest.
    pub fn order(path: &str) -> u8 {
        let name = path.rsplit('/').next().unwrap_or(path);
        let is_extension = path.split('/').any(|part| part == EXTENSIONS_DIRECTORY);
        match name {
            _ if path.starts_with("modules/") => 0,
            _ if is_extension => 1,
            CLUSTERS_FILE => 2,
            LISTENERS_FILE => 3,
            _ => 4,
        }
    }
}

/// What the folder of a mesh holds.
///
/// # Errors
/// When the documents describe no mesh that can run; with every problem.
pub fn export(inputs: ExportInputs<'_>) -> Result<Export, Vec<Problem>> {
    let (mesh, mut problems) = mesh::plan(inputs.resources);
    if worst(&problems) == Some(Severity::Error) {
        return Err(problems);
    }
    problems.extend(without_certificates(&mesh));
    let resolve = |workload| inputs.policy.resolve(workload);
    let policies: Vec<Effective> = mesh.workloads().map(|(workload, _)| resolve(workload)).collect();
    let labels = labels(&policies, inputs.modules);
    let mut containers = Containers::of(&mesh);
    for policy in &policies {
        if let Some(proxy) = containers.site.proxies.get_mut(&policy.workload.to_string()) {
            proxy.log_files = log_files(policy);
        }
    }
    let (modules, files) = in_containers(inputs.modules);
    let mut export = Export { modules: files, ..Export::default() };
    let render_inputs =
        Inputs { mesh: &mesh, policy: inputs.policy, site: &containers.site, modules: &modules };
    let mut bootstraps = BTreeMap::new();
    for policy in &policies {
        let Some(folder) = containers.folder(&policy.workload.to_string()) else { continue };
        let configuration = configuration_of(render_inputs, policy, &labels);
        add_new(&mut problems, configuration.problems);
        for (path, text) in configuration.files.by_path() {
            export.texts.insert(format!("{CONFIG_DIRECTORY}/{folder}/{path}"), text.to_owned());
        }
        bootstraps.insert(folder.to_owned(), digest(&configuration.bootstrap));
        let path = format!("{CONFIG_DIRECTORY}/{folder}/{BOOTSTRAP_FILE}");
        export.texts.insert(path, configuration.bootstrap);
    }
    export.texts.insert(COMPOSE_FILE.to_owned(), compose::compose(&containers, &bootstraps, inputs.image));
    export.texts.insert("prometheus.yml".to_owned(), compose::prometheus(&containers));
    export.texts.insert("README.md".to_owned(), readme::readme(&containers, inputs.command));
    export.problems = problems;
    Ok(export)
}

/// What is to be told where documents ask for mutual TLS: the containers have none.
fn without_certificates(mesh: &Mesh) -> Option<Problem> {
    let takes_it = |sidecar: &&SidecarProxy| sidecar.listeners.iter().any(|one| one.mtls.takes_mutual_tls());
    let first = mesh.sidecars.iter().find(takes_it)?;
    let message = format!("{} is to take mutual TLS, and containers are in plain text", first.workload);
    let help = "everything else in the documents applies; `burgee up` has mutual TLS too";
    Some(Problem::new(Severity::Warning, NO_CERTIFICATES, message).help(help))
}

/// What tells one bootstrap from another.
fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// Which files a proxy logs to: those that documents name when a container has them, else files of their own.
fn log_files(policy: &Effective) -> LogFiles {
    let loggers = policy.classes.values().flat_map(|class| &class.access_logs);
    let is_there = |sink: &LogSink| match sink {
        LogSink::File { path, .. } => matches!(path.as_str(), "/dev/stdout" | "/dev/stderr" | "/dev/null"),
        LogSink::Otel { .. } | LogSink::Service { .. } | LogSink::MeshService { .. } => true,
    };
    match loggers.map(|logger| &logger.sink).all(is_there) {
        true => LogFiles::AsWritten,
        false => LogFiles::Below { directory: LOGS.to_owned() },
    }
}

/// The modules as proxies in containers find them, and the files of the folder that they are: by path, where each is on
/// this machine.
fn in_containers(modules: &Modules) -> (Modules, BTreeMap<String, String>) {
    let mut files = BTreeMap::new();
    let mut moved = |module: &Module| {
        let name = format!("{}.wasm", module.sha256);
        files.insert(format!("modules/{name}"), module.path.clone());
        Module { path: format!("{MODULES}/{name}"), ..module.clone() }
    };
    let telemetry = moved(&modules.telemetry);
    let plugins = modules.plugins.iter().map(|(name, module)| {
        let module = match module {
            PluginModule::Ready(module) => PluginModule::Ready(moved(module)),
            PluginModule::Missing(why) => PluginModule::Missing(why.clone()),
        };
        (name.clone(), module)
    });
    let plugins = plugins.collect();
    (Modules { telemetry, plugins }, files)
}

#[cfg(test)]
mod tests;

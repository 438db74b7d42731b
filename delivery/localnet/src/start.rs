//! What a run is made of, before it runs: ports, apps, files, processes.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::pin::Pin;
use std::task::Poll;

use burgee_api::Problem;
use burgee_api::resolve::{Effective, Workload, WorkloadKind};
use burgee_overlay::Module;

use crate::app::App;
use crate::base::{self, Ports};
use crate::error::LocalnetError;
use crate::mesh::Mesh;
use crate::ports::ReservedPort;
use crate::process::{EnvoyProcess, Launch};
use crate::render::{self, Files, Inputs};
use crate::run::{Options, Proxy};
use crate::run_directory::{self, RunDirectory};

/// The documents' ports of a workload.
pub(crate) fn ports_of(mesh: &Mesh, workload: &Workload) -> Vec<u16> {
    match workload.kind {
        WorkloadKind::Gateway => {
            let gateways =
                mesh.gateways.iter().filter(|gateway| gateway.workload.to_string() == workload.to_string());
            gateways.flat_map(|gateway| &gateway.listeners).map(|listener| listener.port).collect()
        }
        WorkloadKind::Sidecar => {
            let sidecars =
                mesh.sidecars.iter().filter(|sidecar| sidecar.workload.to_string() == workload.to_string());
            sidecars.flat_map(|sidecar| &sidecar.listeners).map(|listener| listener.port).collect()
        }
    }
}

/// Reserves a loopback port for every port of the mesh that has none yet; the first gateway's first may be pinned.
pub(crate) fn reserve(
    mesh: &Mesh,
    mut pinned: Option<u16>,
    reserved: &mut BTreeMap<(String, u16), ReservedPort>,
) -> Result<(), LocalnetError> {
    for (workload, _) in mesh.workloads() {
        for port in ports_of(mesh, workload) {
            if let Entry::Vacant(place) = reserved.entry((workload.to_string(), port)) {
                place.insert(match pinned.take() {
                    Some(number) => ReservedPort::pinned(number)?,
                    None => ReservedPort::any()?,
                });
            }
        }
    }
    Ok(())
}

/// The numbers of reserved ports.
pub(crate) fn numbers(reserved: &BTreeMap<(String, u16), ReservedPort>) -> Ports {
    reserved.iter().map(|(key, port)| (key.clone(), port.number())).collect()
}

/// The ports of the apps.
pub(crate) fn app_ports(apps: &BTreeMap<String, App>) -> BTreeMap<String, u16> {
    apps.iter().map(|(name, app)| (name.clone(), app.address().port())).collect()
}

/// Starts the app of each sidecar.
pub(crate) async fn start_apps(mesh: &Mesh) -> Result<BTreeMap<String, App>, LocalnetError> {
    let mut apps = BTreeMap::new();
    for sidecar in &mesh.sidecars {
        let name = sidecar.workload.to_string();
        let app = App::start(&name).await;
        let app = app.map_err(|error| LocalnetError::io("start an app for", name.as_ref(), error))?;
        apps.insert(name, app);
    }
    Ok(apps)
}

/// Fails if a module cannot be one, before any Envoy is asked to load it.
pub(crate) fn check_module(module: &Module) -> Result<(), LocalnetError> {
    let fail = |what: String| Err(LocalnetError::Module { path: module.path.clone(), what });
    match fs::read(&module.path) {
        Err(error) => fail(format!("cannot be read ({error})")),
        Ok(bytes) if !bytes.starts_with(b"\0asm\x01\0\0\0") => fail("is not a Wasm core module".to_owned()),
        Ok(_) => Ok(()),
    }
}

/// A proxy whose files are written.
pub(crate) struct Prepared {
    launch: Launch,
    policy: Effective,
    files: Files,
}

/// Makes one proxy's directory and writes its files. The directory is named by the proxy's number: a name out of a
/// document may hold anything, such as `../`.
pub(crate) fn prepare(
    number: usize,
    inputs: Inputs<'_>,
    policy: Effective,
    labels: &BTreeSet<String>,
    run: &RunDirectory,
    options: &Options,
    problems: &mut Vec<Problem>,
) -> Result<Prepared, LocalnetError> {
    let workload = &policy.workload;
    let directory = run.path().join(format!("proxy-{number}"));
    let extensions = directory.join(render::EXTENSIONS_DIRECTORY);
    fs::create_dir_all(&extensions).map_err(|error| LocalnetError::io("make", &extensions, error))?;
    let (bootstrap, said) = render::bootstrap(workload, labels, inputs.module, &directory);
    add_new(problems, said);
    let (files, said) = render::files(inputs, &policy, &directory);
    add_new(problems, said);
    for (_, file, text) in &files.extensions {
        run_directory::replace(&extensions.join(file), text)?;
    }
    run_directory::replace(&directory.join(base::CLUSTERS_FILE), &files.clusters)?;
    run_directory::replace(&directory.join(base::LISTENERS_FILE), &files.listeners)?;
    run_directory::replace(&directory.join(render::BOOTSTRAP_FILE), &bootstrap)?;
    let listeners = ports_of(inputs.mesh, workload);
    let launch = Launch {
        name: workload.to_string(),
        binary: options.envoy.path.clone(),
        directory,
        bootstrap: render::BOOTSTRAP_FILE.to_owned(),
        concurrency: options.concurrency,
        listeners: listeners.into_iter().map(|port| base::listener_name(workload.kind, port)).collect(),
        ready_timeout: options.ready_timeout,
    };
    Ok(Prepared { launch, policy, files })
}

/// Adds problems that have not been told yet: proxies that share a document share its problems.
pub(crate) fn add_new(problems: &mut Vec<Problem>, said: Vec<Problem>) {
    for problem in said {
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
}

/// Starts all at once; the first that fails takes the others with it, and so does being dropped.
pub(crate) async fn launch(prepared: Vec<Prepared>) -> Result<Vec<Proxy>, LocalnetError> {
    // Not tasks: those go on for a moment when whoever waits for them is dropped.
    let starting = prepared.into_iter().map(|Prepared { launch, policy, files }| async move {
        let process = EnvoyProcess::start(&launch).await?;
        let workload = policy.workload.clone();
        Ok(Proxy { workload, policy, process, directory: launch.directory, files })
    });
    all(starting.map(Box::pin).collect()).await
}

/// Runs all within the caller's task; gives their results in order, or the first error.
async fn all<T, E, F>(mut futures: Vec<Pin<Box<F>>>) -> Result<Vec<T>, E>
where
    F: Future<Output = Result<T, E>>,
{
    let mut results: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (result, future) in results.iter_mut().zip(&mut futures).filter(|(result, _)| result.is_none()) {
            if let Poll::Ready(outcome) = future.as_mut().poll(context) {
                match outcome {
                    Ok(value) => *result = Some(value),
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
        }
        if results.iter().any(Option::is_none) {
            return Poll::Pending;
        }
        Poll::Ready(Ok(results.drain(..).flatten().collect()))
    })
    .await
}

#[cfg(test)]
mod tests;

//! What a run is made of, before it runs: ports, apps, files, processes.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::Poll;

use burgee_api::Problem;
use burgee_api::resolve::{Effective, ListenerClass, Workload, WorkloadKind};
use burgee_api::resources::workload_entry::Call;
use burgee_overlay::Module;

use crate::app::App;
use crate::base;
use crate::error::LocalnetError;
use crate::live::PartKind;
use crate::mesh::{self, BareWorkload, Mesh, SidecarProxy};
use crate::parts::{Process, Words};
use crate::ports::ReservedPort;
use crate::process::{EnvoyProcess, FILE_REJECTIONS, Launch, StubProcess};
use crate::render::{self, Files, Inputs};
use crate::run::{Options, Proxy};
use crate::run_directory::{self, RunDirectory};
use crate::site::{Address, BareSite, EXTENSIONS_DIRECTORY, LOGS_DIRECTORY, ListenerKey, Site};
use crate::watch::{SharedRecord, Source, Watchee, locked};

/// Reserves a loopback port for every listener of the mesh that has none yet; the first gateway's first may be pinned.
pub(crate) fn reserve(
    mesh: &Mesh,
    mut pinned: Option<u16>,
    reserved: &mut BTreeMap<ListenerKey, ReservedPort>,
) -> Result<(), LocalnetError> {
    for (workload, _) in mesh.workloads() {
        for listener in base::listeners_of(mesh, workload) {
            let key = (workload.to_string(), listener.name);
            if let Entry::Vacant(place) = reserved.entry(key) {
                place.insert(match pinned.take() {
                    Some(number) => ReservedPort::pinned(number)?,
                    None => ReservedPort::any()?,
                });
            }
        }
    }
    Ok(())
}

/// Where everything of a run is. `directories` are those of the proxies, by workload.
pub(crate) fn site<'a>(
    mesh: &Mesh,
    reserved: &BTreeMap<ListenerKey, ReservedPort>,
    apps: &BTreeMap<String, App>,
    directories: impl Iterator<Item = (String, &'a Path)>,
    receiver: Option<SocketAddr>,
) -> Site {
    let mut site = Site::loopback(receiver);
    for (key, port) in reserved {
        site.add_loopback_listener(key.clone(), port.number());
    }
    for (workload, directory) in directories {
        let app = apps.get(&workload);
        site.add_loopback_proxy(&workload, directory, app.map(|app| app.process.address()));
        if let Some(proxy) = site.proxies.get_mut(&workload) {
            proxy.app_tcp = app.and_then(|app| app.process.address_tcp()).map(Address::from);
        }
    }
    for name in mesh.bare.iter().map(|bare| bare.workload.to_string()) {
        if let Some(process) = apps.get(&name).map(|app| &app.process) {
            let (http, tcp) = (process.address().into(), process.address_tcp().map(Address::from));
            site.bare.insert(name, BareSite { http, tcp });
        }
    }
    site
}

/// Starts the app of each workload, all at once, but for those without a sidecar: these have to wait for whom they call.
/// The proxies' ports are reserved by then: an app is told where its sidecar listens for what it calls.
pub(crate) async fn start_apps(
    mesh: &Mesh,
    reserved: &BTreeMap<ListenerKey, ReservedPort>,
    stub: &[OsString],
) -> Result<BTreeMap<String, App>, LocalnetError> {
    let loopback = |port: &ReservedPort| SocketAddr::from((Ipv4Addr::LOCALHOST, port.number()));
    let start = |sidecar: &SidecarProxy| {
        let name = sidecar.workload.to_string();
        let address = |call: &Call| {
            // A port that no service has leads nowhere, which the plan has told.
            let listener = mesh::way_out(call, &sidecar.outbound)?;
            let listener = base::routing_listener_name(ListenerClass::Outbound, listener);
            let port = reserved.get(&(name.clone(), listener))?;
            Some((call.to_string(), loopback(port)))
        };
        let calls: Vec<_> = sidecar.calls.iter().filter_map(address).collect();
        async move { App::start(stub, &name, Ipv4Addr::LOCALHOST, &calls).await.map(|app| (name, app)) }
    };
    let started = all(mesh.sidecars.iter().map(start).map(Box::pin).collect()).await?;
    let mut apps: BTreeMap<String, App> = started.into_iter().collect();
    let mut waiting: Vec<(Ipv4Addr, &BareWorkload)> = own_addresses().zip(&mesh.bare).collect();
    while !waiting.is_empty() {
        let is_bare = |name: &String| mesh.bare.iter().any(|bare| bare.workload.to_string() == *name);
        let is_ready = |bare: &BareWorkload| {
            bare.calls.iter().all(|(_, (name, _))| !is_bare(name) || apps.contains_key(name))
        };
        let (mut ready, mut others): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|(_, bare)| is_ready(bare));
        if ready.is_empty() {
            // A circle over TCP, where nobody calls on; whom one of them calls is not there yet.
            std::mem::swap(&mut ready, &mut others);
        }
        let start = |(at, bare): (Ipv4Addr, &BareWorkload)| {
            let name = bare.workload.to_string();
            let address = |(call, (called, port)): &(Call, (String, u16))| {
                let inbound = base::listener_name(ListenerClass::Inbound, *port);
                let direct = || {
                    let process = &apps.get(called)?.process;
                    if call.scheme.is_http() { Some(process.address()) } else { process.address_tcp() }
                };
                let at = reserved.get(&(called.clone(), inbound)).map(loopback).or_else(direct)?;
                Some((call.to_string(), at))
            };
            let calls: Vec<_> = bare.calls.iter().filter_map(address).collect();
            async move { App::start(stub, &name, at, &calls).await.map(|app| (name, app)) }
        };
        let started = all(ready.into_iter().map(start).map(Box::pin).collect()).await?;
        apps.extend(started);
        waiting = others;
    }
    Ok(apps)
}

/// Loopback addresses for those who have no sidecar, one each: what a proxy sees of them is the address alone.
fn own_addresses() -> impl Iterator<Item = Ipv4Addr> {
    (1..=u16::MAX).map(|number| {
        let [high, low] = number.to_be_bytes();
        Ipv4Addr::new(127, 1, high, low)
    })
}

/// Starts the receiver of what proxies report; what it prints is recorded.
pub(crate) async fn start_receiver(
    stub: &[OsString],
    record: &SharedRecord,
) -> Result<StubProcess, LocalnetError> {
    let record = record.clone();
    let on_line = move |line: String| locked(&record).received(&line);
    StubProcess::start(stub, vec!["receiver".into()], "the receiver", on_line).await
}

/// What of a run is watched: the proxies in their order, each with its app behind it, the apps that have none, then the
/// receiver.
pub(crate) fn watchees(
    proxies: &[Proxy],
    apps: &BTreeMap<String, App>,
    receiver: &StubProcess,
) -> Vec<Watchee> {
    let mut watchees = Vec::new();
    for proxy in proxies {
        let name = proxy.workload.to_string();
        let kind = match proxy.workload.kind {
            WorkloadKind::Gateway => PartKind::Gateway,
            WorkloadKind::Sidecar => PartKind::Sidecar,
        };
        let admin = proxy.process.admin().clone();
        let process = Process {
            kind,
            name: name.clone(),
            pid: proxy.process.pid(),
            address: admin.address().to_string(),
            watched: proxy.process.watched(),
            words: Words::Log(proxy.process.log().to_owned()),
        };
        watchees.push(Watchee { process, source: Source::Admin(admin) });
        if let Some(app) = apps.get(&name) {
            let process = stub_process(PartKind::App, &name, &app.process);
            watchees.push(Watchee { process, source: Source::Counter(app.counter()) });
        }
    }
    let is_bare = |name: &&String| !proxies.iter().any(|proxy| proxy.workload.to_string() == **name);
    for name in apps.keys().filter(is_bare) {
        let process = stub_process(PartKind::App, name, &apps[name].process);
        watchees.push(Watchee { process, source: Source::Counter(apps[name].counter()) });
    }
    let process = stub_process(PartKind::Receiver, "receiver", receiver);
    watchees.push(Watchee { process, source: Source::Record });
    watchees
}

fn stub_process(kind: PartKind, name: &str, process: &StubProcess) -> Process {
    Process {
        kind,
        name: name.to_owned(),
        pid: process.pid(),
        address: process.address().to_string(),
        watched: process.watched(),
        words: Words::Said(process.last_words()),
    }
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

/// The directory of a proxy, by its number among the workloads of the mesh: a name out of a document may hold anything, such
/// as `../`.
pub(crate) fn proxy_directory(run: &RunDirectory, number: usize) -> PathBuf {
    run.path().join(format!("proxy-{number}"))
}

/// Makes a proxy's directory.
pub(crate) fn make(directory: &Path) -> Result<(), LocalnetError> {
    for part in [EXTENSIONS_DIRECTORY, LOGS_DIRECTORY] {
        let part = directory.join(part);
        fs::create_dir_all(&part).map_err(|error| LocalnetError::io("make", &part, error))?;
    }
    Ok(())
}

/// Writes a proxy's files into its directory.
pub(crate) fn prepare(
    directory: &Path,
    inputs: Inputs<'_>,
    policy: Effective,
    labels: &BTreeSet<String>,
    options: &Options,
    problems: &mut Vec<Problem>,
) -> Result<Prepared, LocalnetError> {
    let workload = &policy.workload;
    let configuration = render::configuration_of(inputs, &policy, labels);
    add_new(problems, configuration.problems);
    let files = configuration.files;
    for (path, text) in files.by_path() {
        run_directory::replace(&directory.join(path), text)?;
    }
    run_directory::replace(&directory.join(render::BOOTSTRAP_FILE), &configuration.bootstrap)?;
    let launch = launch_of(inputs.mesh, workload, directory, options);
    Ok(Prepared { launch, policy, files })
}

/// A proxy that a server serves, with the bootstrap that it starts with.
pub(crate) fn prepare_served(
    mesh: &Mesh,
    directory: &Path,
    policy: Effective,
    bootstrap: &str,
    options: &Options,
) -> Result<Prepared, LocalnetError> {
    run_directory::replace(&directory.join(render::BOOTSTRAP_FILE), bootstrap)?;
    let launch = launch_of(mesh, &policy.workload, directory, options);
    // What is refused there is put back by the server, and it is the server that tells of it.
    Ok(Prepared { launch: Launch { rejections: "", ..launch }, policy, files: Files::default() })
}

fn launch_of(mesh: &Mesh, workload: &Workload, directory: &Path, options: &Options) -> Launch {
    let listeners = base::listeners_of(mesh, workload);
    Launch {
        name: workload.to_string(),
        binary: options.envoy.path.clone(),
        directory: directory.to_owned(),
        bootstrap: render::BOOTSTRAP_FILE.to_owned(),
        concurrency: options.concurrency,
        listeners: listeners.into_iter().map(|listener| listener.name).collect(),
        rejections: FILE_REJECTIONS,
        ready_timeout: options.ready_timeout,
    }
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

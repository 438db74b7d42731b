//! A run as a whole: start, stop, and what it is made of. Traffic and counting are `observe`'s, changes `change`'s.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use burgee_api::Problem;
use burgee_api::problem::{self, Severity};
use burgee_api::resolve::{Effective, PolicySet, Workload};
use burgee_api::resources::Resources;
use burgee_overlay::Module;
use tokio::task::JoinSet;

use crate::app::App;
use crate::base;
use crate::envoy::Envoy;
use crate::error::LocalnetError;
use crate::gateway_hosts::example_host;
use crate::mesh::{self, Mesh};
use crate::observe::Seen;
use crate::ports::ReservedPort;
use crate::process::EnvoyProcess;
use crate::progress::Progress;
use crate::render::{self, Files, Inputs};
use crate::run_directory::RunDirectory;
use crate::start;
use crate::summary::{ListenerSummary, ProxySummary};
use crate::traffic::Target;

/// How to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The Envoy; see [`crate::envoy::find`].
    pub envoy: Envoy,
    /// The loopback port of the first gateway's first listener; absent: any that is free.
    pub gateway_port: Option<u16>,
    /// Worker threads per Envoy. Default: 1.
    pub concurrency: u32,
    /// How long an Envoy may take until it serves. Default: 30 s.
    pub ready_timeout: Duration,
    /// Where the run's directory is made. Default: the system's directory for temporary files.
    pub parent_directory: PathBuf,
}

impl Options {
    /// The defaults, with an Envoy.
    pub fn new(envoy: Envoy) -> Options {
        Options {
            envoy,
            gateway_port: None,
            concurrency: 1,
            ready_timeout: Duration::from_secs(30),
            parent_directory: std::env::temp_dir(),
        }
    }
}

/// One running proxy.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) workload: Workload,
    pub(crate) policy: Effective,
    pub(crate) process: EnvoyProcess,
    pub(crate) directory: PathBuf,
    pub(crate) files: Files,
}

/// A running mesh. Everything ends when this is dropped; [`Localnet::stop`] ends it gracefully.
#[derive(Debug)]
pub struct Localnet {
    // Fields are dropped in this order: the processes before the files that they read.
    pub(crate) proxies: Vec<Proxy>,
    pub(crate) apps: BTreeMap<String, App>,
    pub(crate) reserved: BTreeMap<(String, u16), ReservedPort>,
    pub(crate) mesh: Mesh,
    pub(crate) module: Module,
    pub(crate) labels: BTreeSet<String>,
    /// What the documents that are in force gave rise to.
    pub(crate) problems: Vec<Problem>,
    /// Why the last change is not in force.
    pub(crate) refused: Vec<Problem>,
    pub(crate) seen: Seen,
    envoy_version: String,
    _directory: RunDirectory,
}

impl Localnet {
    /// Starts what the documents describe: every Envoy at once, each with its app, and waits until all serve.
    ///
    /// # Errors
    /// When nothing can be started, or not everything; nothing is left running then.
    pub async fn start(
        resources: &Resources,
        policy: &PolicySet,
        module: &Module,
        options: &Options,
        progress: &dyn Progress,
    ) -> Result<Localnet, LocalnetError> {
        let (mesh, mut problems) = mesh::plan(resources);
        if problem::worst(&problems) == Some(Severity::Error) {
            return Err(LocalnetError::Mesh { problems });
        }
        let directory = RunDirectory::create(&options.parent_directory)?;
        let mut reserved = BTreeMap::new();
        start::reserve(&mesh, options.gateway_port, &mut reserved)?;
        // Documents that need no module may change to some that do.
        start::check_module(module)?;
        let apps = start::start_apps(&mesh).await?;
        let policies: Vec<_> = mesh.workloads().map(|(workload, _)| policy.resolve(workload)).collect();
        let labels = policies.iter().flat_map(render::own_labels).collect();
        let ports = start::numbers(&reserved);
        let app_ports = start::app_ports(&apps);
        let inputs = Inputs { mesh: &mesh, ports: &ports, apps: &app_ports, module };
        let mut prepared = Vec::new();
        for (number, policy) in policies.into_iter().enumerate() {
            let ready = start::prepare(number, inputs, policy, &labels, &directory, options, &mut problems)?;
            prepared.push(ready);
        }
        progress.step(&match prepared.len() {
            1 => "Starting 1 Envoy".to_owned(),
            count => format!("Starting {count} Envoys"),
        });
        let proxies = start::launch(prepared).await?;
        Ok(Localnet {
            proxies,
            apps,
            reserved,
            mesh,
            module: module.clone(),
            labels,
            problems,
            refused: Vec::new(),
            seen: Seen::default(),
            envoy_version: options.envoy.version.clone(),
            _directory: directory,
        })
    }

    /// Where requests can be sent: the gateways' addresses, each with the host names it answers for.
    pub fn targets(&self) -> Vec<Target> {
        let mut targets = Vec::new();
        for gateway in &self.mesh.gateways {
            let name = gateway.workload.to_string();
            for listener in &gateway.listeners {
                let Some(port) = self.reserved.get(&(name.clone(), listener.port)) else {
                    continue;
                };
                let address = ([127, 0, 0, 1], port.number()).into();
                targets.extend(listener.routes.iter().map(|route| Target {
                    gateway: name.clone(),
                    address,
                    host: example_host(&route.host),
                }));
            }
        }
        targets
    }

    /// Ends everything: asks each Envoy, and makes it end when it does not in time.
    pub async fn stop(mut self) {
        let mut stopping = JoinSet::new();
        for proxy in self.proxies.drain(..) {
            stopping.spawn(proxy.process.stop());
        }
        while stopping.join_next().await.is_some() {}
    }

    /// Fails if an Envoy has ended by itself.
    ///
    /// # Errors
    /// When one has, with its own words.
    pub fn check_running(&mut self) -> Result<(), LocalnetError> {
        self.proxies.iter_mut().try_for_each(|proxy| proxy.process.check_running())
    }

    pub(crate) fn proxy_summary(&self, proxy: &Proxy) -> ProxySummary {
        let (name, kind) = (proxy.workload.to_string(), proxy.workload.kind);
        let listeners = start::ports_of(&self.mesh, &proxy.workload).into_iter().filter_map(|port| {
            let reserved = self.reserved.get(&(name.clone(), port))?;
            let address = format!("127.0.0.1:{}", reserved.number());
            Some(ListenerSummary { name: base::listener_name(kind, port), address })
        });
        ProxySummary {
            workload: name.clone(),
            kind: kind.into(),
            admin: proxy.process.admin().address().to_string(),
            pid: proxy.process.pid(),
            envoy_version: self.envoy_version.clone(),
            ready_ms: proxy.process.ready_ms(),
            listeners: listeners.collect(),
        }
    }
}

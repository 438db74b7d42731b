//! A run as a whole: start, stop, and what it is made of. Traffic and counting are `observe`'s, changes `change`'s.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use burgee_api::Problem;
use burgee_api::problem::{self, Severity};
use burgee_api::resolve::{Effective, ListenerClass, PolicySet, Workload};
use burgee_api::resources::Resources;
use burgee_filter_config::declared::DeclaredMetric;
use burgee_overlay::{Module, PluginModule};
use tokio::task::JoinSet;

use crate::app::App;
use crate::base::{self, Collectors, ListenerOf};
use crate::certificates::Authority;
use crate::envoy::Envoy;
use crate::error::LocalnetError;
use crate::gateway_hosts::example_host;
use crate::live::Live;
use crate::mesh::{self, Mesh};
use crate::observe::Seen;
use crate::plugins;
use crate::ports::ReservedPort;
use crate::process::{EnvoyProcess, StubProcess};
use crate::progress::Progress;
use crate::prometheus;
use crate::record::Record;
use crate::render::{self, Files, Inputs};
use crate::run_directory::RunDirectory;
use crate::site::{ENVOY_LOG, LOGS_DIRECTORY, ListenerKey, Site};
use crate::start;
use crate::summary::{ListenerSummary, PluginSummary, ProxySummary};
use crate::traffic::Target;
use crate::watch::{SharedRecord, Watch, locked};

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
    /// The command line that apps and the receiver are started with, up to what `burgee_stub::main` takes. Default:
    /// empty, with which nothing starts.
    pub stub: Vec<OsString>,
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
            stub: Vec::new(),
        }
    }
}

/// The modules of a run.
#[derive(Clone, Debug)]
pub struct Modules {
    /// The telemetry module.
    pub telemetry: Module,
    /// The modules of plugins, by `NAMESPACE/NAME`.
    pub plugins: BTreeMap<String, PluginModule>,
}

impl Modules {
    /// The metrics that the modules of plugins declare, each once.
    pub(crate) fn declared(&self) -> Vec<DeclaredMetric> {
        let mut metrics: Vec<DeclaredMetric> = Vec::new();
        for module in self.plugins.values() {
            if let PluginModule::Ready(module) = module {
                let others: Vec<_> =
                    module.metrics.iter().filter(|one| !metrics.contains(one)).cloned().collect();
                metrics.extend(others);
            }
        }
        metrics
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
///
/// A process of it that ends by itself ends nothing else: it is among [`Localnet::problems`] from then on, and
/// [`Localnet::live`] shows it.
#[derive(Debug)]
pub struct Localnet {
    // Fields are dropped in this order: who watches before the processes, and those before the files that they read.
    pub(crate) watch: Watch,
    pub(crate) proxies: Vec<Proxy>,
    pub(crate) apps: BTreeMap<String, App>,
    receiver: StubProcess,
    pub(crate) reserved: BTreeMap<ListenerKey, ReservedPort>,
    /// The directory of each proxy, by workload, in their order.
    pub(crate) directories: Vec<(String, PathBuf)>,
    pub(crate) mesh: Mesh,
    pub(crate) modules: Modules,
    /// The labels that the bootstraps know.
    pub(crate) labels: BTreeSet<String>,
    /// What modules declared when the bootstraps were written.
    pub(crate) declared: Vec<DeclaredMetric>,
    /// What proxies that a server serves were ever to report to, by workload: what they have goes on until it is replaced.
    pub(crate) collectors: BTreeMap<String, Collectors>,
    /// What the documents that are in force gave rise to.
    pub(crate) problems: Vec<Problem>,
    /// Why the last change is not in force.
    pub(crate) refused: Vec<Problem>,
    pub(crate) seen: Seen,
    pub(crate) record: SharedRecord,
    envoy_version: String,
    _directory: RunDirectory,
}

impl Localnet {
    /// Starts what the documents describe: the apps and the receiver, then every Envoy at once, and waits until all
    /// serve.
    ///
    /// # Errors
    /// When nothing can be started, or not everything; nothing is left running then.
    pub async fn start(
        resources: &Resources,
        policy: &PolicySet,
        modules: &Modules,
        options: &Options,
        progress: &dyn Progress,
    ) -> Result<Localnet, LocalnetError> {
        let mut localnet = Localnet::begin(resources, modules, options).await?;
        let policies = localnet.resolved(policy);
        localnet.learn(policies.iter());
        localnet.labels = render::labels(&policies, modules);
        let site = localnet.site();
        let inputs = Inputs { mesh: &localnet.mesh, policy, site: &site, modules };
        let mut prepared = Vec::new();
        for (policy, (_, directory)) in policies.into_iter().zip(&localnet.directories) {
            let labels = &localnet.labels;
            let ready = start::prepare(directory, inputs, policy, labels, options, &mut localnet.problems)?;
            prepared.push(ready);
        }
        progress.step(&match prepared.len() {
            1 => "Starting 1 Envoy".to_owned(),
            count => format!("Starting {count} Envoys"),
        });
        localnet.proxies = start::launch(prepared).await?;
        localnet.watch();
        localnet.look_at_plugins().await;
        Ok(localnet)
    }

    /// Everything but the proxies: the apps, the receiver, a port for every listener, certificates.
    pub(crate) async fn begin(
        resources: &Resources,
        modules: &Modules,
        options: &Options,
    ) -> Result<Localnet, LocalnetError> {
        let (mesh, problems) = mesh::plan(resources);
        if problem::worst(&problems) == Some(Severity::Error) {
            return Err(LocalnetError::Mesh { problems });
        }
        let directory = RunDirectory::create(&options.parent_directory)?;
        let mut reserved = BTreeMap::new();
        start::reserve(&mesh, options.gateway_port, &mut reserved)?;
        // Documents that need no module may change to some that do.
        start::check_module(&modules.telemetry)?;
        let record = Arc::new(Mutex::new(Record::new()));
        let (receiver, apps) = tokio::try_join!(
            start::start_receiver(&options.stub, &record),
            start::start_apps(&mesh, &reserved, &options.stub)
        )?;
        let number = |(number, (workload, _)): (usize, (&Workload, _))| {
            (workload.to_string(), start::proxy_directory(&directory, number))
        };
        let directories: Vec<_> = mesh.workloads().enumerate().map(number).collect();
        // Documents that ask for no mutual TLS may change to some that do.
        let authority = Authority::new()?;
        for ((_, path), (_, principal)) in directories.iter().zip(mesh.principals()) {
            start::make(path)?;
            authority.write_for(principal, path)?;
        }
        Ok(Localnet {
            watch: Watch::start(Vec::new(), Vec::new(), Vec::new(), record.clone()),
            proxies: Vec::new(),
            apps,
            receiver,
            reserved,
            directories,
            mesh,
            modules: modules.clone(),
            labels: BTreeSet::new(),
            declared: modules.declared(),
            collectors: BTreeMap::new(),
            problems,
            refused: Vec::new(),
            seen: Seen::default(),
            record,
            envoy_version: options.envoy.version.clone(),
            _directory: directory,
        })
    }

    /// Begins to watch everything that runs.
    pub(crate) fn watch(&mut self) {
        let below = |part: &str| {
            let below = |(name, path): &(String, PathBuf)| (name.clone(), path.join(part));
            self.directories.iter().map(below).collect()
        };
        let watchees = start::watchees(&self.proxies, &self.apps, &self.receiver);
        self.watch = Watch::start(watchees, below(ENVOY_LOG), below(LOGS_DIRECTORY), self.record.clone());
    }

    /// What the mesh shows while it runs; kept without anybody asking.
    pub fn live(&self) -> Live {
        self.watch.live().clone()
    }

    /// Where requests can be sent: the gateways' addresses, each with the host names it answers for.
    pub fn targets(&self) -> Vec<Target> {
        let mut targets = Vec::new();
        for gateway in &self.mesh.gateways {
            let name = gateway.workload.to_string();
            for listener in &gateway.listeners {
                let key = (name.clone(), base::listener_name(ListenerClass::Gateway, listener.port));
                let Some(port) = self.reserved.get(&key) else {
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

    /// The configuration of a Prometheus server that scrapes every proxy of this run, each second.
    pub fn prometheus_configuration(&self) -> String {
        let pages: Vec<(String, String)> = self
            .proxies
            .iter()
            .map(|proxy| (proxy.process.admin().address().to_string(), proxy.workload.to_string()))
            .collect();
        let targets = pages.iter().map(|(page, workload)| (page.clone(), workload.as_str()));
        prometheus::configuration("Written by `burgee up`. Scrapes every proxy of one run.", 1, targets)
    }

    /// Ends everything: asks each process, and makes it end when it does not in time.
    pub async fn stop(self) {
        let Localnet { watch, proxies, apps, receiver, .. } = self;
        drop(watch);
        let mut stopping = JoinSet::new();
        for proxy in proxies {
            stopping.spawn(proxy.process.stop());
        }
        for app in apps.into_values() {
            stopping.spawn(app.process.stop());
        }
        stopping.spawn(receiver.stop());
        while stopping.join_next().await.is_some() {}
    }

    /// Where everything is.
    pub(crate) fn site(&self) -> Site {
        let directories = self.directories.iter().map(|(name, path)| (name.clone(), path.as_path()));
        start::site(&self.mesh, &self.reserved, &self.apps, directories, Some(self.receiver.address()))
    }

    /// What policies come to for each proxy, in their order.
    pub(crate) fn resolved(&self, policy: &PolicySet) -> Vec<Effective> {
        self.mesh.workloads().map(|(workload, _)| policy.resolve(workload)).collect()
    }

    /// Learns who asks for what, before anything comes of it.
    pub(crate) fn learn<'a>(&self, policies: impl Iterator<Item = &'a Effective>) {
        let mut record = locked(&self.record);
        policies.for_each(|policy| record.learn(policy));
    }

    /// Asks the proxies which plugins they run.
    pub(crate) async fn look_at_plugins(&mut self) {
        let mut found: Vec<PluginSummary> = Vec::new();
        for proxy in self.proxies.iter().filter(|proxy| self.answers(proxy)) {
            found.extend(plugins::of_proxy(proxy, &self.mesh, &self.modules).await);
        }
        self.watch.live().update_if(|snapshot| {
            let differs = snapshot.plugins != found;
            snapshot.plugins.clone_from(&found);
            differs
        });
        self.seen.plugins = found;
    }

    pub(crate) fn proxy_summary(&self, proxy: &Proxy) -> ProxySummary {
        let workload = proxy.workload.to_string();
        let listeners = base::listeners_of(&self.mesh, &proxy.workload).into_iter().filter_map(
            |ListenerOf { name, .. }| {
                let reserved = self.reserved.get(&(workload.clone(), name.clone()))?;
                Some(ListenerSummary { name, address: format!("127.0.0.1:{}", reserved.number()) })
            },
        );
        ProxySummary {
            listeners: listeners.collect(),
            kind: proxy.workload.kind.into(),
            admin: proxy.process.admin().address().to_string(),
            pid: proxy.process.pid(),
            envoy_version: self.envoy_version.clone(),
            ready_ms: proxy.process.ready_ms(),
            workload,
        }
    }
}

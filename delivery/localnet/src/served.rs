//! A mesh on loopback whose proxies get everything from a server: its apps and ports first, then what each proxy gets
//! before policies, then the proxies with bootstraps that lead to the server.

use std::collections::{BTreeMap, BTreeSet};

use burgee_api::Problem;
use burgee_api::problem::{self, Severity};
use burgee_api::resolve::{Effective, PolicySet, Workload};
use burgee_api::resources::Resources;
use burgee_filter_config::LocalWorkload;
use burgee_overlay::LogFiles;

use crate::base::Collectors;
use crate::change;
use crate::codes::CHANGE_REFUSED;
use crate::error::LocalnetError;
use crate::mesh;
use crate::render::{self, Inputs};
use crate::run::{Localnet, Modules, Options};
use crate::start;

const CHANGE_AGAIN: &str = "save the documents again when ports of 127.0.0.1 are free";

/// What the proxy of a workload gets before policies.
#[derive(Clone, Debug, PartialEq)]
pub struct ServedBase {
    /// The workload.
    pub workload: Workload,
    /// Its clusters, those of collectors among them: the JSON of a `DiscoveryResponse`.
    pub clusters: String,
    /// Its listeners, likewise.
    pub listeners: String,
    /// The port of each listener by its name, as the documents have it.
    pub ports: BTreeMap<String, u16>,
    /// Which files it logs to.
    pub log_files: LogFiles,
    /// What its calls to collectors say of who calls; see [`burgee_overlay::REPORTER_METADATA`].
    pub reporter: Option<String>,
}

impl Localnet {
    /// Starts what the documents describe but for the proxies, which [`Localnet::start_proxies`] does when their server has
    /// what [`Localnet::bases`] gives.
    ///
    /// # Errors
    /// When nothing can be started, or not everything; nothing is left running then.
    pub async fn start_served(
        resources: &Resources,
        modules: &Modules,
        options: &Options,
    ) -> Result<Localnet, LocalnetError> {
        let mut localnet = Localnet::begin(resources, modules, options).await?;
        localnet.watch();
        Ok(localnet)
    }

    /// What each proxy gets before these policies. A collector that was ever named stays: a proxy has the listeners of before
    /// until it takes others.
    pub fn bases(&mut self, policy: &PolicySet) -> Vec<ServedBase> {
        let policies = self.resolved(policy);
        self.learn(policies.iter());
        for policy in &policies {
            let Collectors { services, mesh_service } = Collectors::of(policy);
            let ever = self.collectors.entry(policy.workload.to_string()).or_default();
            ever.services.extend(services);
            ever.mesh_service |= mesh_service;
        }
        let site = self.site();
        let inputs = Inputs { mesh: &self.mesh, policy, site: &site, modules: &self.modules };
        let base = |effective: &Effective| {
            let workload = &effective.workload;
            let proxy = site.proxies.get(&workload.to_string())?;
            let collectors = self.collectors.get(&workload.to_string())?;
            let (listeners, clusters) = render::base_of(inputs, workload, collectors);
            let burgee_overlay::Options { ports, log_files, reporter, .. } =
                render::options(inputs, workload, proxy);
            Some(ServedBase {
                workload: workload.clone(),
                clusters: render::response(clusters),
                listeners: render::response(listeners),
                ports,
                log_files,
                reporter,
            })
        };
        policies.iter().filter_map(base).collect()
    }

    /// Who is at which address, of those who say nothing of themselves.
    pub fn index(&self) -> BTreeMap<String, LocalWorkload> {
        let site = self.site();
        render::index(&self.mesh, &site)
    }

    /// Starts every proxy with its bootstrap, and waits until all serve. `bootstrap` is asked once for each workload, with the
    /// labels of metrics that it must be ready for.
    ///
    /// # Errors
    /// When not all serve; none of them is left running then.
    pub async fn start_proxies(
        &mut self,
        policy: &PolicySet,
        modules: &Modules,
        options: &Options,
        bootstrap: impl Fn(&Workload, &BTreeSet<String>) -> String,
    ) -> Result<(), LocalnetError> {
        let policies = self.resolved(policy);
        self.labels = render::labels(&policies, modules);
        self.declared = modules.declared();
        self.modules.clone_from(modules);
        let mut prepared = Vec::new();
        for (policy, (_, directory)) in policies.into_iter().zip(&self.directories) {
            let text = bootstrap(&policy.workload, &self.labels);
            prepared.push(start::prepare_served(&self.mesh, directory, policy, &text, options)?);
        }
        self.proxies = start::launch(prepared).await?;
        self.watch();
        Ok(())
    }

    /// Takes what changed documents say of what runs; [`Localnet::bases`] is another then. What the change gives rise to is
    /// among [`Localnet::problems`] from now on; with an error among it the mesh stays as it is.
    pub fn take_served(&mut self, resources: &Resources, policy: &PolicySet, modules: &Modules) {
        let (mut planned, mut problems) = mesh::plan(resources);
        if problem::worst(&problems) == Some(Severity::Error) {
            self.refused = problems;
            return;
        }
        change::keep_to_what_runs(&mut planned, &self.mesh, &mut problems);
        if let Err(error) = start::reserve(&planned, None, &mut self.reserved) {
            let message = format!("the mesh on loopback goes on as it was: {error}");
            self.refused = vec![Problem::new(Severity::Error, CHANGE_REFUSED, message).help(CHANGE_AGAIN)];
            return;
        }
        let declared = change::newly_declared(modules, &self.labels, &self.declared, resources);
        start::add_new(&mut problems, declared);
        self.mesh = planned;
        for effective in self.resolved(policy) {
            start::add_new(&mut problems, change::new_labels(&effective, &self.labels));
        }
        self.modules.clone_from(modules);
        self.problems = problems;
        self.refused.clear();
        self.close_window();
    }
}

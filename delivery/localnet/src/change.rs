//! Changed documents while the mesh runs: only files that differ are written, each Envoy must take them, and what it
//! refuses is put back. What takes a restart is said, with the place that asks for it.

use std::collections::BTreeSet;
use std::sync::Arc;

use burgee_api::Problem;
use burgee_api::origin::{Origin, Place};
use burgee_api::problem::{self, Severity};
use burgee_api::resolve::{Effective, PolicySet, TagOperation, Workload};
use burgee_api::resources::Resources;
use burgee_api::resources::workload_entry::Call;
use burgee_filter_config::StandardLabel;
use burgee_filter_config::declared::DeclaredMetric;
use burgee_overlay::PluginModule;
use futures_util::future::join_all;

use crate::codes::{
    CHANGE_REFUSED, CHANGED_ACCOUNT, CHANGED_CALLS, CHANGED_LABELS, GONE_WORKLOAD, NEW_LABEL, NEW_WORKLOAD,
    NOT_TAKEN,
};
use crate::error::LocalnetError;
use crate::mesh::{self, BareWorkload, Mesh, RoutingListener, SidecarProxy, is_same};
use crate::render::{self, Files, Inputs};
use crate::run::{Localnet, Modules, Proxy};
use crate::start;

mod stages;
mod take;

use stages::STAGES;

const RESTART: &str = "stop `burgee` and start it again; until then the mesh runs without this change";

const LABEL_RESTART: &str =
    "stop `burgee` and start it again; until then the label stays in the names of the metrics";
const BUCKETS_RESTART: &str =
    "stop `burgee` and start it again; until then the histogram has the buckets of before";

impl Localnet {
    /// Whether the last change was refused, so that the documents before it hold.
    pub fn is_refused(&self) -> bool {
        !self.refused.is_empty()
    }

    /// Takes changed documents and modules without a restart. What the change gave rise to is returned, and is among the
    /// summary's problems from now on. With an error among it nothing has changed: the documents describe no mesh or
    /// cannot be laid over one, or an Envoy refused its part, and its words are in the problem.
    ///
    /// # Errors
    /// When a file cannot be written or a port cannot be had.
    pub async fn apply(
        &mut self,
        resources: &Resources,
        policy: &PolicySet,
        modules: &Modules,
    ) -> Result<Vec<Problem>, LocalnetError> {
        let (mut mesh, mut problems) = mesh::plan(resources);
        if problem::worst(&problems) == Some(Severity::Error) {
            self.refused.clone_from(&problems);
            return Ok(problems);
        }
        let asked: BTreeSet<_> = mesh.workloads().map(|(workload, _)| workload.to_string()).collect();
        keep_to_what_runs(&mut mesh, &self.mesh, &mut problems);
        start::reserve(&mesh, None, &mut self.reserved)?;
        let site = self.site();
        let inputs = Inputs { mesh: &mesh, policy, site: &site, modules };
        start::add_new(&mut problems, newly_declared(modules, &self.labels, &self.declared, resources));
        let mut proposed = Vec::new();
        for proxy in &self.proxies {
            let mut effective = if asked.contains(&proxy.workload.to_string()) {
                policy.resolve(&proxy.workload)
            } else {
                // Nobody asks for anything of a workload that the documents no longer have.
                Effective::nothing(proxy.workload.clone())
            };
            start::add_new(&mut problems, without_new_labels(&mut effective, &self.labels));
            let (files, said) = render::files(inputs, &effective);
            start::add_new(&mut problems, said);
            proposed.push((effective, files));
        }
        if problem::worst(&problems) == Some(Severity::Error) {
            // Such as a module that cannot be had and that requests must not pass without.
            self.refused.clone_from(&problems);
            return Ok(problems);
        }
        let (answering, others): (Vec<_>, Vec<_>) =
            self.proxies.iter().partition(|proxy| self.answers(proxy));
        problems.extend(others.into_iter().map(takes_nothing));
        let answering: BTreeSet<_> = answering.into_iter().map(|proxy| proxy.workload.to_string()).collect();
        self.learn(proposed.iter().map(|(policy, _)| policy));
        if let Some(refused) = take_all(&self.proxies, &proposed, &answering).await? {
            self.refused = vec![refused];
            return Ok(self.refused.clone());
        }
        for (proxy, (effective, files)) in self.proxies.iter_mut().zip(proposed) {
            (proxy.policy, proxy.files) = (effective, files);
        }
        self.mesh = mesh;
        self.modules.clone_from(modules);
        self.problems.clone_from(&problems);
        self.refused.clear();
        self.close_window();
        self.look_at_plugins().await;
        Ok(problems)
    }
}

/// What a proxy that has ended or does not answer makes of a change.
fn takes_nothing(proxy: &Proxy) -> Problem {
    let workload = &proxy.workload;
    let (message, help) = match proxy.process.ended() {
        Some(_) => (format!("the Envoy of {workload} has ended and takes no change"), RESTART),
        None => (
            format!("the Envoy of {workload} does not answer and takes no change"),
            "its files are changed, so that it takes them when it goes on",
        ),
    };
    Problem::new(Severity::Warning, NOT_TAKEN, message).help(help)
}

/// Has every proxy take its files, stage by stage. If one refuses, all go back to those they had.
async fn take_all(
    proxies: &[Proxy],
    proposed: &[(Effective, Files)],
    answering: &BTreeSet<String>,
) -> Result<Option<Problem>, LocalnetError> {
    let answers = |proxy: &Proxy| answering.contains(&proxy.workload.to_string());
    let (running, others): (Vec<_>, Vec<_>) =
        proxies.iter().zip(proposed).partition(|(proxy, _)| answers(proxy));
    let mut taking: Vec<Taking<'_>> = running
        .into_iter()
        .map(|(proxy, (_, files))| {
            let has = proxy.files.clone();
            Taking { proxy, stages: stages::stages(&proxy.files, files), has, refusal: Ok(None) }
        })
        .collect();
    for stage in 0..STAGES {
        join_all(taking.iter_mut().map(|one| one.take(stage))).await;
        if taking.iter().any(|one| !matches!(one.refusal, Ok(None))) {
            break;
        }
    }
    if taking.iter().all(|one| matches!(one.refusal, Ok(None))) {
        // Nobody waits for those that do not answer. Nothing reads the files of one that has ended.
        for (proxy, (_, files)) in others {
            take::write(&proxy.directory, &proxy.files, files)?;
        }
        return Ok(None);
    }
    go_back(&taking).await?;
    for one in taking {
        if let Some(words) = one.refusal? {
            let message = format!("the Envoy of {} refused the change: {words}", one.proxy.workload);
            let help = "every proxy has the configuration of before again";
            return Ok(Some(Problem::new(Severity::Error, CHANGE_REFUSED, message).help(help)));
        }
    }
    Ok(None)
}

/// Has every proxy take the files that it had before a change that was refused, in stages too: others may have been sent
/// to what came with the change.
async fn go_back(taking: &[Taking<'_>]) -> Result<(), LocalnetError> {
    let mut back = Vec::new();
    for one in taking {
        let stages = stages::stages(&one.has, &one.proxy.files);
        back.push(Taking { proxy: one.proxy, stages, has: one.has.clone(), refusal: Ok(None) });
    }
    for stage in 0..STAGES {
        join_all(back.iter_mut().map(|one| one.take(stage))).await;
    }
    back.into_iter().try_for_each(|one| one.refusal.map(drop))
}

/// A proxy on its way through the stages of a change.
struct Taking<'a> {
    proxy: &'a Proxy,
    stages: [Files; STAGES],
    /// The files that it has taken last.
    has: Files,
    /// Its words, when it has refused a stage.
    refusal: Result<Option<String>, LocalnetError>,
}

impl Taking<'_> {
    async fn take(&mut self, stage: usize) {
        let files = &self.stages[stage];
        self.refusal = take::take(self.proxy, &self.has, files).await;
        if matches!(self.refusal, Ok(None)) {
            self.has.clone_from(files);
        }
    }
}

/// Makes a planned mesh one that the running processes can be: same workloads, same labels.
pub(crate) fn keep_to_what_runs(planned: &mut Mesh, running: &Mesh, problems: &mut Vec<Problem>) {
    tell_differences(planned, running, problems);
    let running_one = |planned: &Workload| {
        running.workloads().map(|(workload, _)| workload).find(|running| is_same(running, planned)).cloned()
    };
    let keep = |workload: &mut Workload| match running_one(workload) {
        Some(running) => {
            *workload = running;
            true
        }
        None => false,
    };
    planned.gateways.retain_mut(|gateway| keep(&mut gateway.workload));
    planned.sidecars.retain_mut(|sidecar| keep(&mut sidecar.workload));
    planned.bare.retain(|bare| running.bare.iter().any(|one| is_same(&one.workload, &bare.workload)));
    let mut names: BTreeSet<_> =
        planned.sidecars.iter().map(|sidecar| sidecar.workload.to_string()).collect();
    names.extend(planned.bare.iter().map(|bare| bare.workload.to_string()));
    for gateway in &mut planned.gateways {
        gateway.listeners.iter_mut().for_each(|listener| keep_endpoints(listener, &names));
    }
    let outbound = planned.sidecars.first().map(|sidecar| sidecar.outbound.to_vec());
    let mut outbound = outbound.unwrap_or_default();
    outbound.iter_mut().for_each(|listener| keep_endpoints(listener, &names));
    let outbound: Arc<[RoutingListener]> = outbound.into();
    for sidecar in &mut planned.sidecars {
        sidecar.outbound = outbound.clone();
        if let Some(running) = running.sidecars.iter().find(|one| is_same(&one.workload, &sidecar.workload)) {
            sidecar.calls.clone_from(&running.calls);
            // So is its certificate.
            sidecar.principal.clone_from(&running.principal);
        }
    }
    // Who is gone keeps its process, and an Envoy without listeners and clusters.
    add_gone(planned, running);
}

/// Takes the endpoints out of a listener's routes that do not run.
fn keep_endpoints(listener: &mut RoutingListener, running: &BTreeSet<String>) {
    for route in &mut listener.routes {
        route.endpoints.retain(|(name, _)| running.contains(name));
    }
}

/// Says what about workloads takes a restart.
fn tell_differences(planned: &Mesh, running: &Mesh, problems: &mut Vec<Problem>) {
    let mut tell = |severity, code, place: &Place, message: String| {
        problems.push(Problem::new(severity, code, message).at(place.clone(), "").help(RESTART));
    };
    for bare in &planned.bare {
        match running.bare.iter().find(|running| is_same(&running.workload, &bare.workload)) {
            Some(running) if calls_of(running) != calls_of(bare) => {
                let message = format!(
                    "{} is to make other calls, and an app makes those it started with",
                    bare.workload
                );
                tell(Severity::Warning, CHANGED_CALLS, &bare.place, message);
            }
            Some(_) => {}
            None => {
                let message = format!("{} is new without a sidecar and is not running", bare.workload);
                tell(Severity::Warning, NEW_WORKLOAD, &bare.place, message);
            }
        }
    }
    for (workload, place) in planned.workloads() {
        match running.workloads().find(|(running, _)| is_same(running, workload)) {
            Some((running, _)) if running.labels == workload.labels => {}
            Some(_) => {
                let message =
                    format!("{workload} runs with other labels, and a proxy keeps those it started with");
                tell(Severity::Warning, CHANGED_LABELS, place, message);
            }
            None => {
                let message = format!("{workload} is new and is not running");
                tell(Severity::Warning, NEW_WORKLOAD, place, message);
            }
        }
    }
    for sidecar in &planned.sidecars {
        let running = running.sidecars.iter().find(|running| is_same(&running.workload, &sidecar.workload));
        if running.is_some_and(|running| running.calls != sidecar.calls) {
            let message = format!(
                "{} is to make other calls, and an app makes those it started with",
                sidecar.workload
            );
            tell(Severity::Warning, CHANGED_CALLS, &sidecar.place, message);
        }
        if let Some(running) = running.filter(|running| running.principal != sidecar.principal) {
            let message = format!(
                "{} runs as {}, and a proxy keeps the certificate it started with",
                sidecar.workload, running.principal
            );
            tell(Severity::Warning, CHANGED_ACCOUNT, &sidecar.place, message);
        }
    }
    for (workload, place) in running.workloads() {
        if !planned.workloads().any(|(planned, _)| is_same(planned, workload)) {
            let message = format!("{workload} is no longer in the documents and still runs, without traffic");
            tell(Severity::Note, GONE_WORKLOAD, place, message);
        }
    }
}

/// What an app without a sidecar calls.
fn calls_of(bare: &BareWorkload) -> Vec<&Call> {
    bare.calls.iter().map(|(call, _)| call).collect()
}

/// Puts the workloads that are gone back, serving nothing, so that they are compared with again next time.
fn add_gone(planned: &mut Mesh, running: &Mesh) {
    for gateway in &running.gateways {
        if !planned.gateways.iter().any(|one| one.workload == gateway.workload) {
            planned.gateways.push(mesh::GatewayProxy { listeners: Vec::new(), ..gateway.clone() });
        }
    }
    for sidecar in &running.sidecars {
        if !planned.sidecars.iter().any(|one| one.workload == sidecar.workload) {
            let (listeners, outbound) = (Vec::new(), Arc::default());
            planned.sidecars.push(SidecarProxy { listeners, outbound, ..sidecar.clone() });
        }
    }
}

/// Takes the labels out of a policy that the running bootstrap does not know: the proxy would print them as part of
/// the metric's name.
fn without_new_labels(policy: &mut Effective, known: &BTreeSet<String>) -> Vec<Problem> {
    let mut problems = Vec::new();
    without_labels(policy, known, RESTART, &mut problems);
    problems
}

/// Tells of the labels of a policy that the running bootstraps do not know, where nobody takes them out.
pub(crate) fn new_labels(policy: &Effective, known: &BTreeSet<String>) -> Vec<Problem> {
    let mut problems = Vec::new();
    without_labels(&mut policy.clone(), known, LABEL_RESTART, &mut problems);
    problems
}

fn without_labels(policy: &mut Effective, known: &BTreeSet<String>, help: &str, problems: &mut Vec<Problem>) {
    let overrides = policy
        .classes
        .values_mut()
        .flat_map(|class| &mut class.metrics)
        .flat_map(|metrics| &mut metrics.overrides);
    for change in overrides {
        change.tags.retain(|label, operation| {
            let is_new = matches!(operation.value, TagOperation::Upsert(_))
                && StandardLabel::from_name(label).is_none()
                && !known.contains(label);
            if is_new {
                start::add_new(problems, vec![new_label(label, &operation.origin, help)]);
            }
            !is_new
        });
    }
}

/// What changed modules declare that the running bootstraps do not have. They run all the same.
pub(crate) fn newly_declared(
    modules: &Modules,
    labels: &BTreeSet<String>,
    known: &[DeclaredMetric],
    resources: &Resources,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for plugin in &resources.extensions {
        let name = plugin.key();
        let Some(PluginModule::Ready(module)) = modules.plugins.get(&name) else { continue };
        let mut tell = |message: String, help| {
            let problem = Problem::new(Severity::Warning, NEW_LABEL, message).help(help);
            start::add_new(&mut problems, vec![at(problem, plugin.code_origin())]);
        };
        for label in module.metrics.iter().flat_map(|metric| &metric.labels) {
            if StandardLabel::from_name(label).is_none() && !labels.contains(label) {
                let message = format!(
                    "the module of {name} declares the new label `{label}`, and a proxy knows only the labels that it \
                     started with"
                );
                tell(message, LABEL_RESTART);
            }
        }
        for metric in module.metrics.iter().filter(|metric| !metric.buckets.is_empty()) {
            if known.iter().all(|one| (&one.name, &one.buckets) != (&metric.name, &metric.buckets)) {
                let message = format!(
                    "the module of {name} declares other buckets of `{}`, and a proxy keeps those that it started with",
                    metric.name
                );
                tell(message, BUCKETS_RESTART);
            }
        }
    }
    problems
}

fn new_label(label: &str, origin: &Origin, help: &str) -> Problem {
    let message =
        format!("the label `{label}` is new, and a proxy knows only the labels that it started with");
    at(Problem::new(Severity::Warning, NEW_LABEL, message).help(help), origin)
}

fn at(problem: Problem, origin: &Origin) -> Problem {
    match origin {
        Origin::Document { path, place, .. } => problem.at(place.clone(), path.to_string()),
        Origin::Rule(_) => problem,
    }
}

#[cfg(test)]
mod tests;

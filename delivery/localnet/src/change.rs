//! Changed documents while the mesh runs: only files that differ are written, each Envoy must take them, and what it
//! refuses is put back. What takes a restart is said, with the place that asks for it.

use std::collections::BTreeSet;

use burgee_api::Problem;
use burgee_api::origin::{Origin, Place};
use burgee_api::problem::{self, Code, Severity};
use burgee_api::resolve::{Effective, PolicySet, TagOperation, Workload};
use burgee_api::resources::Resources;
use burgee_filter_config::StandardLabel;

use crate::error::LocalnetError;
use crate::mesh::{self, Mesh};
use crate::render::{self, Files, Inputs};
use crate::run::{Localnet, Proxy};
use crate::start;

mod take;

/// A workload that is not running.
pub const NEW_WORKLOAD: Code = Code("BG0420");
/// A running workload whose labels have changed.
pub const CHANGED_LABELS: Code = Code("BG0421");
/// A running workload that the documents no longer have.
pub const GONE_WORKLOAD: Code = Code("BG0422");
/// A metric's label that the running bootstrap does not know.
pub const NEW_LABEL: Code = Code("BG0423");
/// An Envoy refused a change.
pub const CHANGE_REFUSED: Code = Code("BG0430");

const RESTART: &str = "stop `burgee up` and start it again; until then the mesh runs without this change";
impl Localnet {
    /// Takes changed documents without a restart. What the change gave rise to is returned, and is among the
    /// summary's problems from now on. With an error among it nothing has changed: the documents describe no mesh, or
    /// an Envoy refused its part, and its words are in the problem.
    ///
    /// # Errors
    /// When a file cannot be written, a port cannot be had or an Envoy has ended.
    pub async fn apply(
        &mut self,
        resources: &Resources,
        policy: &PolicySet,
    ) -> Result<Vec<Problem>, LocalnetError> {
        self.check_running()?;
        let (mut mesh, mut problems) = mesh::plan(resources);
        if problem::worst(&problems) == Some(Severity::Error) {
            self.refused.clone_from(&problems);
            return Ok(problems);
        }
        let asked: BTreeSet<_> = mesh.workloads().map(|(workload, _)| workload.to_string()).collect();
        keep_to_what_runs(&mut mesh, &self.mesh, &mut problems);
        start::reserve(&mesh, None, &mut self.reserved)?;
        let (ports, app_ports) = (start::numbers(&self.reserved), start::app_ports(&self.apps));
        let inputs = Inputs { mesh: &mesh, ports: &ports, apps: &app_ports, module: &self.module };
        let mut proposed = Vec::new();
        for proxy in &self.proxies {
            let mut effective = if asked.contains(&proxy.workload.to_string()) {
                policy.resolve(&proxy.workload)
            } else {
                // Nobody asks for anything of a workload that the documents no longer have.
                Effective::nothing(proxy.workload.clone())
            };
            start::add_new(&mut problems, without_new_labels(&mut effective, &self.labels));
            let (files, said) = render::files(inputs, &effective, &proxy.directory);
            start::add_new(&mut problems, said);
            proposed.push((effective, files));
        }
        if let Some(refused) = take_all(&self.proxies, &proposed).await? {
            self.refused = vec![refused];
            return Ok(self.refused.clone());
        }
        for (proxy, (effective, files)) in self.proxies.iter_mut().zip(proposed) {
            (proxy.policy, proxy.files) = (effective, files);
        }
        self.mesh = mesh;
        self.problems.clone_from(&problems);
        self.refused.clear();
        self.close_window();
        Ok(problems)
    }
}

/// Has every proxy take its files. If one refuses, all go back to those they had.
async fn take_all(
    proxies: &[Proxy],
    proposed: &[(Effective, Files)],
) -> Result<Option<Problem>, LocalnetError> {
    for (count, (proxy, (_, files))) in proxies.iter().zip(proposed).enumerate() {
        let Some(words) = take::take(proxy, &proxy.files, files).await? else {
            continue;
        };
        for (proxy, (_, files)) in proxies.iter().zip(proposed).take(count) {
            take::take(proxy, files, &proxy.files).await?;
        }
        let message = format!("the Envoy of {} refused the change: {words}", proxy.workload);
        let help = "every proxy has the configuration of before again";
        return Ok(Some(Problem::new(Severity::Error, CHANGE_REFUSED, message).help(help)));
    }
    Ok(None)
}

/// Makes a planned mesh one that the running processes can be: same workloads, same labels.
fn keep_to_what_runs(planned: &mut Mesh, running: &Mesh, problems: &mut Vec<Problem>) {
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
    let names: BTreeSet<_> = planned.sidecars.iter().map(|sidecar| sidecar.workload.to_string()).collect();
    for gateway in &mut planned.gateways {
        for route in gateway.listeners.iter_mut().flat_map(|listener| &mut listener.routes) {
            route.endpoints.retain(|(name, _)| names.contains(name));
        }
    }
    // Who is gone keeps its process, and an Envoy without listeners and clusters.
    add_gone(planned, running);
}

/// Whether two are one process: labels may differ, since a process keeps those it started with.
fn is_same(one: &Workload, other: &Workload) -> bool {
    (&one.namespace, &one.name, one.kind) == (&other.namespace, &other.name, other.kind)
}

/// Says what about workloads takes a restart.
fn tell_differences(planned: &Mesh, running: &Mesh, problems: &mut Vec<Problem>) {
    let mut tell = |severity, code, place: &Place, message: String| {
        problems.push(Problem::new(severity, code, message).at(place.clone(), "").help(RESTART));
    };
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
    for (workload, place) in running.workloads() {
        if !planned.workloads().any(|(planned, _)| is_same(planned, workload)) {
            let message = format!("{workload} is no longer in the documents and still runs, without traffic");
            tell(Severity::Note, GONE_WORKLOAD, place, message);
        }
    }
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
            planned.sidecars.push(mesh::SidecarProxy { listeners: Vec::new(), ..sidecar.clone() });
        }
    }
}

/// Takes the labels out of a policy that the running bootstrap does not know: the proxy would print them as part of
/// the metric's name.
fn without_new_labels(policy: &mut Effective, known: &BTreeSet<String>) -> Vec<Problem> {
    let mut problems = Vec::new();
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
                start::add_new(&mut problems, vec![new_label(label, &operation.origin)]);
            }
            !is_new
        });
    }
    problems
}

fn new_label(label: &str, origin: &Origin) -> Problem {
    let message =
        format!("the label `{label}` is new, and a proxy knows only the labels that it started with");
    let problem = Problem::new(Severity::Warning, NEW_LABEL, message).help(RESTART);
    match origin {
        Origin::Document { path, place, .. } => problem.at(place.clone(), path.to_string()),
        Origin::Rule(_) => problem,
    }
}

#[cfg(test)]
mod tests;

//! `burgee diff`: what changes when documents take the place of others, for whom, and what that does to connections.

mod base;
mod compare;
mod show;
mod workloads;

use std::collections::BTreeSet;

use burgee_api::Severity;
use burgee_api::check::Checked;
use burgee_api::document::{self, OutlineIndex};
use burgee_api::problem::{Problem, worst};
use burgee_api::resolve::{DEFAULT_REVISION, Workload};
use burgee_localnet::summary::ProblemSummary;
use burgee_overlay::Value;
use serde_json::json;

use crate::args::Format;
use crate::judging::judge;
use crate::plan::DiffPlan;
use crate::server::Server;
use crate::sources::Sources;
use crate::{Failure, Outcome, environment, output, report, sources};

use compare::{Comparison, Sides};

/// One side of a comparison.
struct Side {
    /// `old` or `new`.
    name: &'static str,
    sources: Sources,
    checked: Checked,
}

impl Side {
    fn read(name: &'static str, files: &[std::path::PathBuf], revision: &str) -> Result<Side, Failure> {
        Ok(Side::of(name, sources::read(files)?, revision))
    }

    fn of(name: &'static str, sources: Sources, revision: &str) -> Side {
        let checked = judge(document::read(&sources.texts), &sources.texts, revision);
        Side { name, sources, checked }
    }

    fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.sources.problems.iter().chain(&self.checked.problems)
    }

    fn errors(&self) -> Vec<Problem> {
        self.problems().filter(|problem| problem.severity == Severity::Error).cloned().collect()
    }
}

/// Runs it.
pub(crate) fn run(plan: &DiffPlan) -> Result<Outcome, Failure> {
    let base = plan.base.as_deref().map(base::read).transpose()?;
    let base = match base {
        Some(Err(faults)) => return Ok(refused("base", &faults.problems, &[faults.text])),
        Some(Ok(base)) => Some(base),
        None => None,
    };
    let revision = plan.workload.revision.as_deref().unwrap_or(DEFAULT_REVISION);
    let (old, connected) = match &plan.server {
        Some(server) => {
            let running = Server::at(server).running()?;
            let sources = Sources { texts: running.texts, problems: Vec::new() };
            (Side::of("old", sources, revision), running.workloads)
        }
        None => (Side::read("old", &plan.old, revision)?, Vec::new()),
    };
    let new = Side::read("new", &plan.new, revision)?;
    let mut is_whole = true;
    for side in [&old, &new] {
        let errors = side.errors();
        if worst(&errors).is_some() {
            refused(side.name, &errors, &side.sources.texts);
            is_whole = false;
        }
    }
    if !is_whole {
        report::aside("nothing is compared");
        return Ok(Outcome::Found);
    }
    let told = told_anew(&old, &new);
    report::print_aside_briefly(&told, &new.sources.texts);
    report::print_aside(&doubts(plan, &new), &new.sources.texts);
    let comparison = compared(plan, base.as_ref(), &old, &new, connected)?;
    match plan.output {
        Format::Text => output::text_line(show::text(&comparison, output::columns()).trim_end())?,
        Format::Json => output::json(&as_json(&comparison, &told))?,
        Format::Yaml => output::yaml(&as_json(&comparison, &told))?,
    }
    Ok(if comparison.is_empty() { Outcome::Done } else { Outcome::Found })
}

fn compared(
    plan: &DiffPlan,
    base: Option<&Value>,
    old: &Side,
    new: &Side,
    connected: Vec<(Workload, usize)>,
) -> Result<Comparison, Failure> {
    let sides = Sides::new(plan.delivery, base, &old.checked, &new.checked);
    let resources = [&old.checked.resources, &new.checked.resources];
    let connected = workloads::connected(plan, connected);
    let subjects = match connected.all.is_empty() {
        true => workloads::subjects(plan, resources, sides.policies())?,
        false => connected,
    };
    Ok(Comparison::new(&sides, subjects))
}

/// Says what is wrong with one side.
fn refused(side: &str, problems: &[Problem], texts: &[burgee_api::document::Source]) -> Outcome {
    report::aside(&format!("{side}: {}", report::count(problems)));
    report::print_aside(problems, texts);
    Outcome::Found
}

/// What makes the workload that is named look misspelt, and what the new documents want of the environment and do not get.
fn doubts(plan: &DiffPlan, new: &Side) -> Vec<Problem> {
    let resources = &new.checked.resources;
    plan.workload.doubts(resources, None).into_iter().chain(environment::doubts(resources)).collect()
}

/// What is told of the new documents and was not told of the same ones among the old, wherever they stood there.
fn told_anew(old: &Side, new: &Side) -> Vec<Problem> {
    let said = |documents: &OutlineIndex<'_>, problem: &Problem| {
        let document = problem.place.as_ref().and_then(|place| documents.around(place));
        let document = document.map(|document| document.id.clone());
        (document, problem.code, problem.path.clone(), problem.message.clone())
    };
    let documents = OutlineIndex::new(&old.checked.outlines);
    let before: BTreeSet<_> = old.problems().map(|problem| said(&documents, problem)).collect();
    let documents = OutlineIndex::new(&new.checked.outlines);
    new.problems().filter(|problem| !before.contains(&said(&documents, problem))).cloned().collect()
}

fn as_json(comparison: &Comparison, told: &[Problem]) -> serde_json::Value {
    let mut object = show::json(comparison);
    let problems: Vec<ProblemSummary> = told.iter().map(ProblemSummary::from).collect();
    object["new_problems"] = serde_json::to_value(problems).unwrap_or_else(|_| json!([]));
    object
}

#[cfg(test)]
mod tests;

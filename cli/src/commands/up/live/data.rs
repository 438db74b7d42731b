//! What the view shows: a copy of everything at one moment, and what can be found out from it.

use std::path::PathBuf;

use burgee_api::{Problem, Severity};
use burgee_localnet::live::{PartKind, PartState, Snapshot};
use burgee_localnet::summary::ProxySummary;
use burgee_localnet::traffic::Target;

use crate::commands::up::asked::Policies;
use crate::commands::up::clean::clean;
use crate::commands::up::show::part_story;

/// What the view shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Data {
    /// The folder of documents.
    pub(crate) folder: PathBuf,
    /// What runs and what it tells.
    pub(crate) snapshot: Snapshot,
    /// What the documents in force ask for.
    pub(crate) policies: Policies,
    /// Where requests can be sent.
    pub(crate) targets: Vec<Target>,
    /// The proxies and what they listen on.
    pub(crate) proxies: Vec<ProxySummary>,
    /// What is wrong with the last documents, or worth knowing.
    pub(crate) problems: Vec<Problem>,
    /// Whether the last documents are in force.
    pub(crate) documents: Documents,
    /// What is being done at the moment, such as a build; empty for nothing.
    pub(crate) doing: String,
    /// What was done last, such as requests that were sent; empty for nothing.
    pub(crate) done: String,
    /// Whether that was done after the last documents were taken or refused.
    pub(crate) is_done_after: bool,
}

/// Whether the last documents are in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Documents {
    /// They are.
    #[default]
    InForce,
    /// They are wrong: those before them still hold.
    LastGood,
}

impl Data {
    /// The requests that enter the mesh per second.
    pub(super) fn entering_per_second(&self) -> f64 {
        let gateways = self.snapshot.parts.iter().filter(|part| part.kind == PartKind::Gateway);
        gateways.map(|part| part.per_second).sum()
    }

    /// The parts that have ended, by their place.
    pub(super) fn ended(&self) -> impl Iterator<Item = (usize, &str)> {
        self.snapshot.parts.iter().enumerate().filter_map(|(number, part)| match &part.state {
            PartState::Running | PartState::Silent(_) => None,
            PartState::Ended(how) => Some((number, how.as_str())),
        })
    }

    /// The first of the worst problems.
    pub(super) fn worst(&self) -> Option<&Problem> {
        self.problems.iter().rev().max_by_key(|problem| problem.severity)
    }

    /// The parts that have ended and that no problem tells of, by their place.
    pub(super) fn ended_untold(&self) -> impl Iterator<Item = usize> {
        self.ended().map(|(number, _)| number).filter(|number| {
            let story = part_story(&self.snapshot.parts[*number]);
            !self.problems.iter().any(|problem| problem.message.starts_with(&story))
        })
    }

    /// How many problems there are, notes aside.
    pub(super) fn trouble(&self) -> usize {
        let is_trouble = |problem: &&Problem| problem.severity > Severity::Note;
        self.problems.iter().filter(is_trouble).count() + self.ended_untold().count()
    }

    /// How many log lines and spans came after an earlier moment.
    pub(super) fn newer_than(&self, earlier: &Data) -> u64 {
        let logs = self.snapshot.logs_seen.saturating_sub(earlier.snapshot.logs_seen);
        logs + self.snapshot.spans_seen.saturating_sub(earlier.snapshot.spans_seen)
    }
}

/// A problem's message in one line; the rest of a longer one is among its details.
pub(super) fn headline(problem: &Problem) -> String {
    clean(problem.message.lines().next().unwrap_or_default())
}

//! The processes of a run, as those see them who only watch: how each is, and what is to be said when one ends.

use std::path::PathBuf;

use burgee_api::Problem;
use burgee_api::problem::Severity;

use crate::codes::{PART_ENDED, PART_SILENT};
use crate::error::own_words;
use crate::live::{Part, PartKind, PartState};
use crate::process::{LastWords, Watched, complaints};

/// How a process is called whose end somebody asked for: it has nothing to say about it.
const ASKED_FOR: [&str; 4] =
    ["killed by SIGKILL", "killed by SIGTERM", "killed by SIGINT", "killed by SIGHUP"];

/// Where a process says why it ends.
#[derive(Clone, Debug)]
pub(crate) enum Words {
    /// In a file.
    Log(PathBuf),
    /// On standard error.
    Said(LastWords),
}

/// A process that is watched.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) kind: PartKind,
    /// The workload, as `namespace/name`; `receiver` for the receiver.
    pub(crate) name: String,
    pub(crate) pid: u32,
    /// Where it listens.
    pub(crate) address: String,
    pub(crate) watched: Watched,
    pub(crate) words: Words,
}

impl Process {
    /// How it is.
    pub(crate) fn state(&self) -> PartState {
        self.watched.ended().map_or(PartState::Running, PartState::Ended)
    }

    /// What is shown of it.
    pub(crate) fn part(&self) -> Part {
        Part {
            kind: self.kind,
            name: self.name.clone(),
            pid: self.pid,
            address: self.address.clone(),
            state: self.state(),
            last_words: self.last_words(),
            per_second: 0.0,
        }
    }

    /// What it said last, when it has ended and nobody asked it to; empty otherwise.
    pub(crate) fn last_words(&self) -> String {
        match (self.watched.ended(), &self.words) {
            (None, _) => String::new(),
            (Some(how), _) if ASKED_FOR.contains(&how.as_str()) => String::new(),
            (Some(_), Words::Log(log)) => complaints(log, 0),
            (Some(_), Words::Said(words)) => words.text(),
        }
    }

    /// What is to be said when it has ended.
    pub(crate) fn problem(&self) -> Option<Problem> {
        let how = self.watched.ended()?;
        Some(ended(self.kind, &self.name, &how, &self.last_words()))
    }
}

fn named(kind: PartKind, name: &str) -> String {
    match kind {
        PartKind::Gateway | PartKind::Sidecar => format!("the Envoy of {name}"),
        PartKind::App => format!("the app of {name}"),
        PartKind::Receiver => "the receiver".to_owned(),
    }
}

/// What is to be said of a process that does not answer.
pub(crate) fn silent(kind: PartKind, name: &str) -> Problem {
    let help = "what went through it is left out; it may be stopped (`kill -CONT` makes it go on) or the machine too \
                busy";
    Problem::new(Severity::Error, PART_SILENT, format!("{} does not answer", named(kind, name))).help(help)
}

fn ended(kind: PartKind, name: &str, how: &str, words: &str) -> Problem {
    let what = named(kind, name);
    let words = own_words(words);
    let help = match kind {
        PartKind::Receiver => {
            "logs and spans that go to collectors are lost until then; stop `burgee` and start it again"
        }
        _ => "stop `burgee` and start it again",
    };
    Problem::new(Severity::Error, PART_ENDED, format!("{what} ended: {how}{words}")).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ended_is_named_with_how_and_its_words() {
        for (kind, name, words, expected) in [
            (PartKind::Gateway, "ns/gw", "", "the Envoy of ns/gw ended: exit code 1"),
            (PartKind::App, "ns/app", "", "the app of ns/app ended: exit code 1"),
            (
                PartKind::Receiver,
                "receiver",
                "one\ntwo",
                "the receiver ended: exit code 1. Its own words:\n  one\n  two",
            ),
        ] {
            let problem = ended(kind, name, "exit code 1", words);
            assert_eq!(problem.message, expected);
            assert!(problem.help.ends_with("start it again"), "{}", problem.help);
        }
    }
}

//! Reads documents as they are now, and keeps of them what was good where what takes its place is not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use burgee_api::check::Usable;
use burgee_api::document::{self, Parts, Source};
use burgee_api::resolve::DEFAULT_REVISION;
use burgee_api::resources::Resources;
use burgee_api::{Problem, Severity};

use crate::codes::KEPT_DOCUMENT;
use crate::judging::judge;
use crate::{Failure, environment, sources};

/// What was read, and what is in force.
#[derive(Default)]
pub(super) struct Documents {
    /// What was read last.
    texts: Vec<Source>,
    /// The resources in force.
    resources: Resources,
    /// Whether there are any.
    is_there: bool,
    /// Of each file the last text without an error.
    good: BTreeMap<String, String>,
    /// Of each file the text that is in force.
    whole: BTreeMap<String, String>,
    /// What texts came to, so that those that are the same are not read again.
    parts: Parts,
}

/// What was read now.
pub(super) struct Read {
    pub usable: Usable,
    pub texts: Vec<Source>,
    pub problems: Vec<Problem>,
}

impl Documents {
    /// What is in force.
    pub fn resources(&self) -> &Resources {
        &self.resources
    }

    /// What was read last.
    pub fn texts(&self) -> &[Source] {
        &self.texts
    }

    /// Of each file the text that is in force, with secrets taken out: the last one without an error, or, in files of which a
    /// plugin keeps its last good module, the one that names it.
    pub fn texts_in_force(&mut self, kept: &[Problem]) -> Vec<(String, String)> {
        let is_kept = |name: &str| {
            kept.iter().filter_map(|problem| problem.place.as_ref()).any(|place| *place.file == *name)
        };
        let before = std::mem::take(&mut self.whole);
        let text = |(name, text): (&String, &String)| {
            let before = before.get(name).filter(|_| is_kept(name));
            (name.clone(), before.unwrap_or(text).clone())
        };
        self.whole = self.good.iter().map(text).collect();
        self.whole.clone().into_iter().collect()
    }

    /// What was good when an earlier server ended.
    pub fn restored(&mut self, resources: Resources, texts: Vec<(String, String)>) {
        self.resources = resources;
        self.is_there = true;
        self.good = texts.into_iter().collect();
        self.whole.clone_from(&self.good);
    }

    /// What was good when an earlier server ended, as if it were read: `problem` is why nothing can be. None: there was no
    /// earlier server.
    pub fn instead_of_unread(&self, problem: Problem) -> Option<Read> {
        let usable = Usable {
            resources: self.resources.clone(),
            kept: Vec::new(),
            is_mesh_kept: false,
            is_mesh_lost: false,
        };
        self.is_there.then(|| Read { usable, texts: Vec::new(), problems: vec![problem] })
    }

    /// Reads everything, and judges it if it is not what was read before.
    pub fn read_if_other(&mut self, files: &[PathBuf]) -> Result<Option<Read>, Failure> {
        let read = settled(files)?;
        let is_same = self.is_there && read.texts == self.texts;
        Ok((!is_same).then(|| self.judged(read)))
    }

    /// Reads everything, and judges it.
    pub fn read(&mut self, files: &[PathBuf]) -> Result<Read, Failure> {
        settled(files).map(|read| self.judged(read))
    }

    fn judged(&mut self, read: sources::Sources) -> Read {
        let documents = document::read_again(&read.texts, &mut self.parts);
        let mut checked = judge(documents, &read.texts, DEFAULT_REVISION);
        checked.problems.splice(0..0, read.problems);
        let mut usable = checked.usable(self.is_there.then_some(&self.resources));
        self.keep_emptied(&read.texts, &mut usable);
        let mut problems = checked.problems.clone();
        problems.extend(environment::doubts(&usable.resources));
        problems.extend(kept(&usable));
        let wrong: BTreeSet<&str> = checked
            .problems
            .iter()
            .filter(|problem| problem.severity == Severity::Error)
            .filter_map(|problem| Some(&*problem.place.as_ref()?.file))
            .collect();
        let names: BTreeSet<&str> = read.texts.iter().map(|text| &*text.name).collect();
        // A file that is gone is gone on purpose; one that is wrong or empty goes on as it was.
        self.good.retain(|name, _| names.contains(name.as_str()) || wrong.contains(name.as_str()));
        for text in read.texts.iter().filter(|text| !wrong.contains(&*text.name)) {
            if text.text.trim().is_empty() && self.good.contains_key(&*text.name) {
                continue;
            }
            self.good.insert(text.name.to_string(), without_secrets(text, &checked.outlines));
        }
        Read { usable, texts: read.texts, problems }
    }

    /// Many editors empty a file before they write it: what was in it goes on until it is written or removed.
    fn keep_emptied(&self, texts: &[Source], usable: &mut Usable) {
        let is_empty = |text: &&Source| text.text.trim().is_empty();
        for text in texts.iter().filter(is_empty) {
            let here = |file: &str| *file == *text.name;
            let telemetries = self.resources.telemetries.iter().filter(|it| here(&it.meta.place.file));
            let extensions = self.resources.extensions.iter().filter(|it| here(&it.meta.place.file));
            for it in telemetries {
                usable.kept.push(it.meta.id.clone());
                usable.resources.telemetries.push(it.clone());
            }
            for it in extensions {
                usable.kept.push(it.meta.id.clone());
                usable.resources.extensions.push(it.clone());
            }
        }
    }

    /// These are in force now.
    pub fn in_force(&mut self, resources: Resources, texts: &[Source]) {
        self.resources = resources;
        self.is_there = true;
        self.texts = texts.to_vec();
    }
}

/// Reads until two readings are the same: what is half written is not taken for whole.
fn settled(files: &[PathBuf]) -> Result<sources::Sources, Failure> {
    let mut last = sources::read_or_nothing(files)?;
    for _ in 0..10 {
        let again = sources::read_or_nothing(files)?;
        if again.texts == last.texts {
            break;
        }
        last = again;
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    Ok(last)
}

/// Says which documents go on as they were.
fn kept(usable: &Usable) -> Vec<Problem> {
    let mut problems: Vec<Problem> = usable
        .kept
        .iter()
        .map(|id| {
            let message = format!("{id} keeps the last good one: what is written now is refused");
            Problem::new(Severity::Warning, KEPT_DOCUMENT, message)
                .help("mend what is told of it; the change then takes effect by itself")
        })
        .collect();
    if usable.is_mesh_kept {
        let message =
            "the mesh's configuration and services keep the last good ones: what is written now is refused";
        problems.push(
            Problem::new(Severity::Warning, KEPT_DOCUMENT, message)
                .help("mend what is told of it; the change then takes effect by itself"),
        );
    }
    problems
}

/// A text without its Secrets, every other line where it was: it is kept on disk and shown. Of documents between two markers
/// either all is kept or nothing, so that a list with a Secret in it goes as a whole.
fn without_secrets(text: &Source, outlines: &[burgee_api::document::Outline]) -> String {
    let here = outlines.iter().filter(|outline| *outline.place.file == *text.name);
    let secrets: Vec<usize> =
        here.filter(|outline| &*outline.id.kind == "Secret").map(|outline| outline.place.line).collect();
    if secrets.is_empty() {
        return text.text.to_string();
    }
    let lines: Vec<&str> = text.text.split('\n').collect();
    if text.text.replace("\r\n", "\n").contains('\r') {
        // Lines that end in other ways are counted in other ways.
        return "\n".repeat(lines.len());
    }
    // A marker is one wherever it stands at the beginning of a line, whatever comes behind it.
    let is_marker = |line: &str| {
        ["---", "..."].iter().any(|marker| {
            line.strip_prefix(marker).is_some_and(|rest| rest.chars().next().is_none_or(char::is_whitespace))
        })
    };
    let mut out = Vec::with_capacity(lines.len());
    let mut first = 0;
    while first < lines.len() {
        let length = lines.iter().skip(first + 1).take_while(|line| !is_marker(line)).count() + 1;
        let part = lines.iter().skip(first).take(length);
        let is_secret = secrets.iter().any(|line| (first + 1..=first + length).contains(line));
        match is_secret {
            false => out.extend(part.copied()),
            true => out.extend(part.map(|line| if is_marker(line) { "---" } else { "" })),
        }
        first += length;
    }
    out.join("\n")
}

#[cfg(test)]
mod tests;

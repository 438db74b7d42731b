//! Where proxies' own configuration comes from, before anything is laid over it: a folder of xDS resources, with a subfolder
//! per class of proxies, or whoever has classes in hand.

mod audience;
mod binary;
mod contents;
mod descriptors;
mod encode;
mod folder;
mod given;
mod text;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use burgee_api::problem::{Problem, Severity};
use burgee_api::resolve::Workload;

use crate::codes;
use crate::fleet::Bases;
use crate::resource::{Snapshot, Version};

pub use audience::Audience;
pub use folder::{Contents, File};
pub use given::GivenClass;

/// The name of the class that is for everyone: that of a folder without subfolders.
pub const ALL: &str = "all";

/// A class of proxies, which have the same base.
#[derive(Clone, Debug, PartialEq)]
pub struct Class {
    /// Its name: that of its folder, or [`ALL`].
    pub name: Arc<str>,
    /// For whom it is.
    pub audience: Audience,
    /// What its proxies get.
    pub resources: Arc<Snapshot>,
    /// The hash of the resources.
    pub version: Version,
}

impl Class {
    fn new(name: &str, audience: Audience, resources: Snapshot) -> Class {
        let mut each = Vec::new();
        for (type_url, named) in &resources.types {
            each.extend(named.values().map(|one| format!("{type_url} {} {}", one.version, one.name)));
        }
        let version = Version::of_parts(each.iter().map(String::as_bytes));
        Class { name: name.into(), audience, resources: Arc::new(resources), version }
    }
}

/// The classes of a folder. Immutable, and cheap to clone; two are equal when their proxies get the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Classes {
    /// By name.
    classes: Arc<[Arc<Class>]>,
    failed: Arc<BTreeSet<String>>,
    /// Whether the folder itself could not be read.
    is_lost: bool,
    watched: Arc<[PathBuf]>,
}

impl Classes {
    /// Reads a folder, and tells everything that is wrong with it. Classes with errors are left out; what they had before
    /// comes back with [`Classes::over`].
    pub fn load(dir: &Path) -> (Classes, Vec<Problem>) {
        Classes::of_contents(dir, &folder::read(dir))
    }

    /// The same of what was read of the folder.
    pub fn of_contents(dir: &Path, contents: &Contents) -> (Classes, Vec<Problem>) {
        let (drafts, mut problems) = folder::drafts(contents);
        let (mut classes, mut failed) = (Vec::new(), BTreeSet::new());
        for draft in drafts {
            let name = draft.name.clone();
            let (class, told) = draft.class();
            match class {
                Some(class) => classes.push(Arc::new(class)),
                None => {
                    failed.insert(name);
                }
            }
            problems.extend(told);
        }
        if classes.is_empty() && failed.is_empty() && problems.is_empty() {
            problems.push(
                Problem::new(
                    Severity::Error,
                    codes::UNREADABLE_BASE,
                    format!("there are no resources in {}", dir.display()),
                )
                .help("a base is a folder per class of proxies with .yaml, .json or .pb files, or such files alone"),
            );
        }
        let is_lost = classes.is_empty() && failed.is_empty();
        problems.extend(ties(&classes));
        let mut watched = contents.folders.clone();
        if watched.is_empty() {
            watched.push(dir.to_owned());
        }
        let classes =
            Classes { classes: classes.into(), failed: failed.into(), is_lost, watched: watched.into() };
        (classes, problems)
    }

    /// The class of a workload's proxy; `named` is the class that its node names. None if no class is for it, or it
    /// names one that there is not, or one that is for others: it is not given what it did not ask for.
    ///
    /// Of those that fit the narrowest counts: one that names the workload, then the one with the most labels, then one
    /// that says a namespace, then a kind, then a revision.
    pub fn of(&self, workload: &Workload, named: Option<&str>) -> Option<&Arc<Class>> {
        let fitting = self.classes.iter().filter(|class| class.audience.fits(workload));
        match named {
            Some(name) if !self.is_one_for_all() => fitting.into_iter().find(|class| *class.name == *name),
            _ => {
                let unnamed = fitting.filter(|class| !class.audience.is_named);
                // Of equals the first by name: `max_by` would take the last.
                unnamed.rev().max_by(|one, other| one.audience.narrowness().cmp(&other.audience.narrowness()))
            }
        }
    }

    fn is_one_for_all(&self) -> bool {
        matches!(&*self.classes, [class] if *class.name == *ALL && class.audience == Audience::default())
    }

    /// The classes, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Class>> {
        self.classes.iter()
    }

    /// The classes whose folders have errors, by name: they are not here, or as they were before.
    pub fn failed(&self) -> &BTreeSet<String> {
        &self.failed
    }

    /// Whether nothing of the folder could be read.
    pub fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// These, with what has errors now as it was before; all of it if the folder could not be read. Tells which.
    #[must_use]
    pub fn over(&self, previous: &Classes) -> (Classes, Vec<Problem>) {
        let is_kept = |class: &&Arc<Class>| self.is_lost || self.failed.contains(&*class.name);
        let kept: Vec<Arc<Class>> = previous.iter().filter(is_kept).cloned().collect();
        let problems = kept.iter().map(|class| {
            Problem::new(
                Severity::Warning,
                codes::KEPT_CLASS,
                format!("the class {} goes on as it was", class.name),
            )
            .help("mend what is said of it; the change then takes effect by itself")
        });
        let problems = problems.collect();
        let mut classes: Vec<Arc<Class>> = self.iter().cloned().chain(kept).collect();
        classes.sort_by(|one, other| one.name.cmp(&other.name));
        (Classes { classes: classes.into(), ..self.clone() }, problems)
    }

    /// The folders that were read: what changes in them may change classes.
    pub fn watched(&self) -> &[PathBuf] {
        &self.watched
    }
}

impl Bases for Classes {
    fn of(&self, workload: &Workload, class: Option<&str>) -> Option<(Arc<str>, Arc<Snapshot>)> {
        let class = Classes::of(self, workload, class)?;
        Some((class.name.clone(), class.resources.clone()))
    }
}

/// What is wrong where two classes are for the same proxies.
fn ties(classes: &[Arc<Class>]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (at, class) in classes.iter().enumerate() {
        for other in classes.iter().skip(at + 1).filter(|other| class.audience.ties_with(&other.audience)) {
            let message = format!(
                "the classes {} and {} can be for the same proxy, and neither is narrower",
                class.name, other.name
            );
            let help = format!(
                "say more of one of them in its class.yaml: a label, a namespace or a workload; until then such a \
                 proxy is of {}",
                class.name
            );
            problems.push(Problem::new(Severity::Error, codes::CLASS_TIE, message).help(help));
        }
    }
    problems
}

#[cfg(test)]
mod tests;

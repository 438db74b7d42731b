//! What makes each kind valid: everything that is wrong with a set of documents, at once.

mod attributes;
pub mod cardinality;
pub mod code_page;
mod doubt;
mod each;
mod effects;
pub(crate) mod expression;
mod extension;
mod mesh_revisions;
mod module_rules;
mod over;
mod peer_authentication;
mod plugins;
mod situations;
pub mod suppress;
mod telemetry;
mod variables;
mod whom;
mod world;

use std::collections::HashMap;

use self::cardinality::observed::Observed;
use self::doubt::Doubts;
use self::suppress::Suppressed;
use self::world::World;
use crate::document::{self, Outline, Source};
use crate::problem::{Problem, Severity, worst};
use crate::resolve::DEFAULT_REVISION;
use crate::resources::Resources;

pub use expression::{NotInFormat, in_format};
pub(crate) use over::RefusedDocuments;
pub use over::Usable;
pub use variables::judge_variables;

/// Documents that were read and judged.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// Every resource that could be read. Meant for use only when [`Checked::is_valid`].
    pub resources: Resources,
    /// Every document, read or not, in the order of the texts.
    pub outlines: Vec<Outline>,
    /// Everything worth knowing, by file in the order given, then by line.
    pub problems: Vec<Problem>,
    /// What documents ask not to be told of them.
    pub suppressed: Vec<Suppressed>,
}

impl Checked {
    /// Whether there is no error.
    pub fn is_valid(&self) -> bool {
        worst(&self.problems) != Some(Severity::Error)
    }
}

/// Reads and judges documents, for workloads of the default revision.
pub fn check(sources: &[Source]) -> Checked {
    check_revision(sources, DEFAULT_REVISION)
}

/// Reads and judges documents, for workloads of a revision.
pub fn check_revision(sources: &[Source], revision: &str) -> Checked {
    judge(document::read(sources), sources, revision)
}

/// Judges documents that were read from these sources, for workloads of a revision.
pub fn judge(documents: document::Documents, sources: &[Source], revision: &str) -> Checked {
    judge_beside(documents, sources, revision, Beside::default())
}

/// What is known of documents beside what they say.
#[derive(Clone, Debug, Default)]
pub struct Beside<'a> {
    /// A page of metrics that somebody saved: what tags come to is counted from it.
    pub observed: Option<&'a Observed>,
    /// What others found in the same documents. It is told in its place, or ignored, as what is found here.
    pub found: Vec<Problem>,
}

/// Judges documents that were read from these sources, for workloads of a revision, with what is known beside them.
pub fn judge_beside(
    documents: document::Documents,
    sources: &[Source],
    revision: &str,
    beside: Beside<'_>,
) -> Checked {
    let document::Documents { mut resources, outlines, mut problems, ignores, mut label_sizes, .. } =
        documents;
    resources.choose_revision(revision);
    label_sizes.retain(|size| size.is_read_by(&resources.mesh_config.revision));
    mesh_revisions::check(&resources, revision, &mut problems);
    let doubts = Doubts::new(&problems, &outlines, &resources);
    let world = World::new(&resources, revision);
    for telemetry in &resources.telemetries {
        problems.extend(each::mesh(&world, telemetry));
    }
    for extension in &resources.extensions {
        extension::check(extension, &mut problems);
    }
    peer_authentication::check(&resources, &mut problems);
    let known = cardinality::Known { declared: &label_sizes, observed: beside.observed };
    let told = whom::check(&world, &mut problems);
    effects::check(&world, known, &doubts, &mut problems);
    plugins::check(&world, &told, &mut problems);
    module_rules::check(&world, &mut problems);
    problems.extend(beside.found);
    let suppressed = suppress::by_documents(&mut problems, &outlines, &ignores);
    let order: HashMap<&str, usize> =
        sources.iter().enumerate().map(|(index, source)| (&*source.name, index)).collect();
    problems.sort_by_key(|problem| {
        problem
            .place
            .as_ref()
            .map(|place| (order.get(&*place.file).copied().unwrap_or(usize::MAX), place.line, place.column))
    });
    telemetry::providers::merge_notes(&mut problems);
    Checked { resources, outlines, problems, suppressed }
}

#[cfg(test)]
mod tests;

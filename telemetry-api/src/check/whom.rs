//! Whom documents are for: those that others hide or stack on, that select nothing, or that need what is not there.

mod targets;

use std::collections::{BTreeMap, HashMap, HashSet};

use super::telemetry::at;
use super::world::World;
use crate::origin::DocumentId;
use crate::problem::{Problem, Severity, codes};
use crate::resolve::flags::{GATEWAYS_BY_LABELS, boolean};
use crate::resolve::{KnownWorkload, Workload, age_order};
use crate::resources::telemetry::Telemetry;
use crate::resources::{Istiod, Meta};

/// What to do about a selector that no workload has.
pub(super) const LABELS_HELP: &str =
    "compare with the labels of the workloads: those of WorkloadEntries and of pods";

/// Judges whom each document is for. Returns the documents of whose targets something was told.
pub(super) fn check(world: &World<'_>, problems: &mut Vec<Problem>) -> HashSet<DocumentId> {
    let telemetries = world.resources.telemetries.iter().map(|telemetry| &telemetry.meta);
    let plugins = world.resources.extensions.iter().map(|plugin| &plugin.meta);
    let others = telemetries.chain(plugins).filter(|meta| !world.is_seen(meta));
    problems.extend(others.map(|meta| other_revision(meta, world)));
    hidden(world, problems);
    selectors(world, problems);
    problems.extend(world.resources.istiods.iter().filter_map(odd_setting));
    targets::check(world, problems)
}

/// A control plane goes on with its default where a setting is no boolean.
fn odd_setting(istiod: &Istiod) -> Option<Problem> {
    let said = istiod.variables.get(GATEWAYS_BY_LABELS)?;
    if boolean(&said.value).is_some() {
        return None;
    }
    let message =
        format!("`{}` is no boolean, so that {GATEWAYS_BY_LABELS} is true, the default", said.value);
    let help = "write \"true\" or \"false\"".to_owned();
    Some(at(&said.origin, Severity::Warning, codes::ODD_SETTING, message, help))
}

/// Says that a document is for another revision than those that workloads here are of.
fn other_revision(meta: &Meta, world: &World<'_>) -> Problem {
    let revision = meta.revision().unwrap_or_default();
    let here: Vec<String> = world.revisions.iter().map(|revision| format!("`{revision}`")).collect();
    let here = match here.as_slice() {
        [one] => format!("every workload here is of revision {one}"),
        several => format!("workloads here are of the revisions {}", several.join(", ")),
    };
    let message = format!("the document is for revision `{revision}` and has no effect here");
    Problem::new(Severity::Warning, codes::OTHER_REVISION, message)
        .at(meta.place.clone(), "metadata.labels[\"istio.io/rev\"]")
        .help(format!("{here}; take the label out to apply it"))
}

/// Only the first namespace-wide Telemetry of a namespace counts; the others are ignored as a whole. Of several
/// revisions each has a first one of its own.
fn hidden(world: &World<'_>, problems: &mut Vec<Problem>) {
    let telemetries = world.resources.telemetries.iter();
    let mut wide: Vec<&Telemetry> = telemetries.filter(|telemetry| telemetry.is_namespace_wide()).collect();
    wide.sort_by_cached_key(|telemetry| age_order(&telemetry.meta));
    let mut winners: HashMap<(&str, &str), &Telemetry> = HashMap::new();
    for telemetry in wide {
        let namespace = &*telemetry.meta.id.namespace;
        let mut wins = false;
        let mut hides = None;
        for revision in world.revisions_of(&telemetry.meta) {
            let winner = *winners.entry((namespace, revision)).or_insert(telemetry);
            wins |= std::ptr::eq(winner, telemetry);
            hides.get_or_insert(winner);
        }
        let Some(winner) = hides.filter(|_| !wins) else { continue };
        problems.push(
            Problem::new(
                Severity::Warning,
                codes::HIDDEN_DOCUMENT,
                format!("{} has no effect: {} hides it as a whole", telemetry.meta.id, winner.meta.id),
            )
            .at(telemetry.meta.place.clone(), "")
            .help(format!(
                "only one Telemetry of a namespace may be for all of it: the oldest, then the first by name. Merge \
                 it into {}",
                winner.meta.place
            )),
        );
    }
}

/// Selectors that find nothing, or less than it seems, and several that find the same.
fn selectors(world: &World<'_>, problems: &mut Vec<Problem>) {
    let found = Found::new(world);
    let described = world.described();
    for telemetry in world.resources.telemetries.iter().filter(|telemetry| world.is_seen(&telemetry.meta)) {
        let id = &telemetry.meta.id;
        let selector = telemetry.selector.as_ref().filter(|selector| !selector.match_labels.is_empty());
        let Some(selector) = selector.filter(|_| telemetry.target_refs.is_empty()) else { continue };
        let mut tell = |code, message: String, help: &str| {
            let problem = Problem::new(Severity::Warning, code, message);
            problems.push(problem.at(selector.place.clone(), "spec.selector").help(help));
        };
        if world.is_in_root(&telemetry.meta) {
            let message =
                format!("the selector finds workloads of the root namespace `{}` only", id.namespace);
            let help = "put the document into the namespace of the workloads, or take the selector out";
            tell(codes::ROOT_SELECTOR, message, help);
        }
        if let Some(gateway) = found.passed_over.get(id) {
            let message = format!("the labels of {gateway} do not count: its control plane is told so");
            let help = "it serves a Gateway, and ENABLE_SELECTOR_BASED_K8S_GATEWAY_POLICY is false: name the Gateway \
                        in `targetRefs`";
            tell(codes::GATEWAY_LABELS, message, help);
        }
        let somewhere_to_look =
            !world.resources.workload_entries.is_empty() || described.contains_key(&*id.namespace);
        if somewhere_to_look && !found.applying.contains(id) && !found.passed_over.contains_key(id) {
            let message = format!("no workload of namespace `{}` has these labels", id.namespace);
            tell(codes::SELECTS_NOTHING, message, LABELS_HELP);
        }
    }
    problems.extend(found.stacked);
}

/// What the workloads here get of the Telemetries that name labels or targets.
#[derive(Default)]
struct Found<'w> {
    /// Those that some workload gets.
    applying: HashSet<&'w DocumentId>,
    /// Those whose labels a gateway has that labels do not count for, with the first such gateway.
    passed_over: BTreeMap<&'w DocumentId, &'w Workload>,
    /// Several for one workload add up; Istio's documentation says that only one may be.
    stacked: Vec<Problem>,
}

impl<'w> Found<'w> {
    fn new(world: &'w World<'_>) -> Found<'w> {
        let mut found = Found::default();
        let mut pairs: HashSet<(&DocumentId, &DocumentId)> = HashSet::new();
        for KnownWorkload { workload, .. } in &world.known.workloads {
            let scoped: Vec<&Telemetry> = world
                .set
                .contributions(workload)
                .into_iter()
                .filter(|telemetry| !telemetry.is_namespace_wide())
                .collect();
            found.applying.extend(scoped.iter().map(|telemetry| &telemetry.meta.id));
            for telemetry in world.set.passed_over(workload) {
                found.passed_over.entry(&telemetry.meta.id).or_insert(workload);
            }
            for pair in scoped.windows(2) {
                let [older, younger] = pair else { continue };
                if pairs.insert((&older.meta.id, &younger.meta.id)) {
                    found.stacked.push(stacked(older, younger, workload));
                }
            }
        }
        found
    }
}

fn stacked(older: &Telemetry, younger: &Telemetry, workload: &Workload) -> Problem {
    let message = format!("{} also selects workload {workload}", older.meta.id);
    Problem::new(Severity::Warning, codes::STACKED_DOCUMENTS, message)
        .at(younger.meta.place.clone(), "")
        .help("both apply and this one, being younger or later by name, has the last word; merge them")
}

#[cfg(test)]
mod tests;

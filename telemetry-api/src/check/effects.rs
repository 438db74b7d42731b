//! What documents do to each other: those that are hidden, that stack, that undo each other or select nothing.

mod access_logs;
pub(super) mod collectors;
mod log_services;
mod tracing;
mod undone;
mod without_effect;

use std::collections::{BTreeMap, BTreeSet};

use super::telemetry::at;
use super::telemetry::providers::{Signal, by_default};
use crate::origin::{DocumentId, Origin};
use crate::problem::{Problem, Severity, codes};
use crate::resolve::{
    GATEWAY_NAME_LABEL, KnownWorkload, KnownWorkloads, ListenerClass, PolicySet, Workload, WorkloadKind,
};
use crate::resources::telemetry::{MetricMatch, Telemetry};
use crate::resources::{Meta, Resources};

/// What to do about a selector that no workload has.
pub(super) const LABELS_HELP: &str =
    "compare with the labels of the workloads: those of WorkloadEntries and of pods";

pub(super) fn check(resources: &Resources, revision: &str, has_errors: bool, problems: &mut Vec<Problem>) {
    default_providers(resources, problems);
    access_logs::mesh_format(&resources.mesh_config, problems);
    log_services::check(resources, problems);
    tracing::tags_of_mesh(&resources.mesh_config, problems);
    let others = resources.telemetries.iter().filter(|telemetry| !telemetry.meta.is_for_revision(revision));
    others.for_each(|telemetry| other_revision(&telemetry.meta, revision, problems));
    hidden(resources, revision, problems);
    let known = KnownWorkloads::new(resources, revision);
    let workloads = by_namespace(&known);
    let root = &resources.mesh_config.root_namespace.value;
    let seen = resources.telemetries.iter().filter(|telemetry| telemetry.meta.is_for_revision(revision));
    for telemetry in seen {
        let Some(selector) = telemetry.selector.as_ref().filter(|selector| !selector.match_labels.is_empty())
        else {
            continue;
        };
        let place = selector.place.clone();
        if *telemetry.meta.id.namespace == **root {
            problems.push(
                Problem::new(
                    Severity::Warning,
                    codes::ROOT_SELECTOR,
                    format!("the selector finds workloads of the root namespace `{root}` only"),
                )
                .at(place.clone(), "spec.selector")
                .help("put the document into the namespace of the workloads, or take the selector out"),
            );
        }
        let namespace: &str = &telemetry.meta.id.namespace;
        let candidates = workloads.get(namespace).map_or(&[][..], Vec::as_slice);
        let somewhere_to_look =
            !resources.workload_entries.is_empty() || candidates.iter().any(|known| known.by.describes_it());
        if somewhere_to_look && !candidates.iter().any(|known| selects(telemetry, &known.workload)) {
            problems.push(
                Problem::new(
                    Severity::Warning,
                    codes::SELECTS_NOTHING,
                    format!("no workload of namespace `{}` has these labels", telemetry.meta.id.namespace),
                )
                .at(place, "spec.selector")
                .help(LABELS_HELP),
            );
        }
    }
    stacked(resources, &workloads, problems);
    undone(resources, problems);
    // What documents add up to says little while a part of them could not be read.
    if !has_errors {
        in_force(resources, revision, problems);
    }
}

/// Every workload among the documents, by namespace.
fn by_namespace<'k, 'r>(known: &'k KnownWorkloads<'r>) -> BTreeMap<&'k str, Vec<&'k KnownWorkload<'r>>> {
    let mut workloads: BTreeMap<&str, Vec<&KnownWorkload<'_>>> = BTreeMap::new();
    for known in &known.workloads {
        workloads.entry(&known.workload.namespace).or_default().push(known);
    }
    workloads
}

fn selects(telemetry: &Telemetry, workload: &Workload) -> bool {
    *telemetry.meta.id.namespace == *workload.namespace
        && telemetry.meta.is_for_revision(&workload.revision)
        && telemetry.selector.as_ref().is_some_and(|selector| selector.selects(&workload.labels))
}

/// Providers that the mesh has in force by default and that cannot do it.
fn default_providers(resources: &Resources, problems: &mut Vec<Problem>) {
    let mesh = &resources.mesh_config;
    for (signal, names) in [
        (Signal::Metrics, mesh.default_metrics_providers.as_slice()),
        // Only the first of these counts.
        (Signal::Traces, mesh.default_tracing_providers.get(..1).unwrap_or_default()),
        (Signal::AccessLogs, mesh.default_access_logging_providers.as_slice()),
    ] {
        names.iter().for_each(|name| by_default(name, signal, mesh, problems));
    }
    if let [first, second, ..] = mesh.default_tracing_providers.as_slice() {
        let message = format!("only the first default provider of traces counts: `{}`", first.value);
        let help = "keep one; to send traces to several places, let the collector do so";
        problems.push(at(
            &second.origin,
            Severity::Warning,
            codes::SEVERAL_TRACERS,
            message,
            help.to_owned(),
        ));
    }
}

/// Says that a document is for another revision than the one that everything here belongs to.
pub(super) fn other_revision(meta: &Meta, here: &str, problems: &mut Vec<Problem>) {
    let revision = meta.revision().unwrap_or_default();
    problems.push(
        Problem::new(
            Severity::Warning,
            codes::OTHER_REVISION,
            format!("the document is for revision `{revision}` and has no effect here"),
        )
        .at(meta.place.clone(), "metadata.labels[\"istio.io/rev\"]")
        .help(format!("every workload here is of revision `{here}`; take the label out to apply it")),
    );
}

/// Only the first namespace-wide Telemetry of a namespace counts; the others are ignored as a whole.
fn hidden(resources: &Resources, revision: &str, problems: &mut Vec<Problem>) {
    let mut wide: Vec<&Telemetry> =
        resources.telemetries.iter().filter(|telemetry| telemetry.is_namespace_wide()).collect();
    wide.sort_by_cached_key(|telemetry| crate::resolve::age_order(telemetry));
    let mut winners: BTreeMap<&str, &Telemetry> = BTreeMap::new();
    for telemetry in wide.into_iter().filter(|telemetry| telemetry.meta.is_for_revision(revision)) {
        let key = &*telemetry.meta.id.namespace;
        let Some(winner) = winners.get(key) else {
            winners.insert(key, telemetry);
            continue;
        };
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

/// Several Telemetries that select one workload add up; Istio's documentation says that only one may.
fn stacked(
    resources: &Resources,
    workloads: &BTreeMap<&str, Vec<&KnownWorkload<'_>>>,
    problems: &mut Vec<Problem>,
) {
    let mut with_selector: BTreeMap<&str, Vec<&Telemetry>> = BTreeMap::new();
    for telemetry in resources.telemetries.iter().filter(|telemetry| !telemetry.is_namespace_wide()) {
        with_selector.entry(&telemetry.meta.id.namespace).or_default().push(telemetry);
    }
    let mut reported: BTreeSet<(&DocumentId, &DocumentId)> = BTreeSet::new();
    for (namespace, telemetries) in &mut with_selector {
        telemetries.sort_by_cached_key(|telemetry| crate::resolve::age_order(telemetry));
        for KnownWorkload { workload, .. } in workloads.get(*namespace).into_iter().flatten() {
            let selecting: Vec<&&Telemetry> =
                telemetries.iter().filter(|telemetry| selects(telemetry, workload)).collect();
            for pair in selecting.windows(2) {
                let [older, younger] = pair else { continue };
                if !reported.insert((&older.meta.id, &younger.meta.id)) {
                    continue;
                }
                problems.push(
                    Problem::new(
                        Severity::Warning,
                        codes::STACKED_DOCUMENTS,
                        format!("{} also selects workload {workload}", older.meta.id),
                    )
                    .at(younger.meta.place.clone(), "")
                    .help(
                        "both apply and this one, being younger or later by name, has the last word; merge them",
                    ),
                );
            }
        }
    }
}

/// In Istio any later override clears an earlier switch-off of all metrics, even one that switches more off.
fn undone(resources: &Resources, problems: &mut Vec<Problem>) {
    for telemetry in &resources.telemetries {
        for client in [true, false] {
            let mut off: Option<&Origin> = None;
            for change in telemetry.metrics.iter().flat_map(|entry| &entry.overrides) {
                if !change.mode.covers(client) {
                    continue;
                }
                let all_off = change.metric == MetricMatch::All
                    && change.disabled.as_ref().is_some_and(|disabled| disabled.value);
                if all_off {
                    off = Some(&change.origin);
                } else if let Some(origin) = off.take() {
                    let problem = at(
                        &change.origin,
                        Severity::Warning,
                        codes::DISABLE_UNDONE,
                        "this override switches every metric on again that an earlier one switched off"
                            .to_owned(),
                        format!("earlier: {origin}; Istio does so too. To keep them off, name each metric"),
                    );
                    if !problems.contains(&problem) {
                        problems.push(problem);
                    }
                }
            }
        }
    }
}

/// The documents that add up at a workload, in the order in which they contribute.
#[derive(Clone, Copy)]
struct Levels<'s> {
    /// Those before the one that is judged.
    before: &'s [&'s Telemetry],
    /// All of them.
    all: &'s [&'s Telemetry],
}

/// What comes of each document where it applies.
fn in_force(resources: &Resources, revision: &str, problems: &mut Vec<Problem>) {
    let set = PolicySet::new(resources.clone());
    collectors::check(&set, resources, problems);
    for telemetry in &resources.telemetries {
        let workload = workload_of(telemetry).of_revision(revision);
        let contributions = set.contributions(&workload);
        let Some(position) = contributions.iter().position(|other| other.meta.id == telemetry.meta.id) else {
            // It is hidden, or for something that is not resolved here; what is in force there is not known.
            continue;
        };
        let levels = Levels { before: &contributions[..position], all: &contributions };
        let mut found: Vec<Problem> = Vec::new();
        metrics(&set, telemetry, &workload, &mut found);
        without_effect::asks_nothing(telemetry, &mut found);
        without_effect::lost_overrides(telemetry, &mut found);
        without_effect::at_gateways(telemetry, workload.kind, &mut found);
        // The client's side first: what is told of both is told in its words.
        for class in ListenerClass::of(workload.kind).iter().rev() {
            for check in [tracing::check, access_logs::check, undone::check] {
                // Both sides of a workload may have the same problem.
                for problem in check(&set, telemetry, levels, *class) {
                    if !found.contains(&problem) {
                        found.push(problem);
                    }
                }
            }
        }
        problems.extend(found);
    }
}

/// Metrics that are asked for where no provider is in force, and two providers that count the same twice.
fn metrics(set: &PolicySet, telemetry: &Telemetry, workload: &Workload, problems: &mut Vec<Problem>) {
    let Some(first_entry) = telemetry.metrics.first() else { return };
    let with_overrides = telemetry.metrics.iter().find(|entry| !entry.overrides.is_empty());
    let effective = set.resolve(workload);
    let nothing_in_force = set.metrics_scope(workload).is_empty();
    if let Some(entry) = with_overrides.filter(|_| nothing_in_force) {
        problems.push(at(
            &entry.origin,
            Severity::Warning,
            codes::NO_PROVIDER,
            "no metrics provider is in force here, so these overrides have no effect".to_owned(),
            "name one (`providers: [{name: prometheus}]`) here or above, or set defaultProviders.metrics in \
                 MeshConfig"
                .to_owned(),
        ));
    }
    if let [first, second, ..] = effective.class(ListenerClass::Outbound).metrics.as_slice() {
        problems.push(at(
            &first_entry.origin,
            Severity::Warning,
            codes::DOUBLE_COUNT,
            format!(
                "two providers count the same series here: `{}` and `{}`",
                first.provider.value, second.provider.value
            ),
            "keep one: both write istio_requests_total on the same proxy, which then shows twice the traffic"
                .to_owned(),
        ));
    }
}

/// A workload that a document is for.
fn workload_of(telemetry: &Telemetry) -> Workload {
    let mut labels =
        telemetry.selector.as_ref().map(|selector| selector.match_labels.clone()).unwrap_or_default();
    let mut kind = WorkloadKind::Sidecar;
    if let Some(target) = telemetry.target_refs.iter().find(|target| target.kind == "Gateway") {
        labels.insert(GATEWAY_NAME_LABEL.to_owned(), target.name.clone());
        kind = WorkloadKind::Gateway;
    }
    Workload::new(kind, &*telemetry.meta.id.namespace, "any", labels)
}

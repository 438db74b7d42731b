//! What documents do to each other and what comes of them where they apply.

mod access_logs;
pub(super) mod collectors;
mod log_services;
mod tracing;
mod undone;
mod without_effect;

use super::cardinality;
use super::telemetry::at;
use super::telemetry::providers::{Signal, by_default};
use super::world::World;
use crate::origin::Origin;
use crate::problem::{Problem, Severity, codes};
use crate::resolve::{GATEWAY_NAME_LABEL, ListenerClass, PolicySet, Workload, WorkloadKind};
use crate::resources::Resources;
use crate::resources::telemetry::{MetricMatch, Telemetry};

pub(super) fn check(
    world: &World<'_>,
    sizes: cardinality::Known<'_>,
    has_errors: bool,
    problems: &mut Vec<Problem>,
) {
    let resources = world.resources;
    cardinality::unknown_labels(resources, sizes.declared, problems);
    default_providers(resources, problems);
    access_logs::mesh_format(&resources.mesh_config, problems);
    log_services::check(resources, problems);
    tracing::tags_of_mesh(&resources.mesh_config, problems);
    undone(resources, problems);
    // What documents add up to says little while a part of them could not be read.
    if !has_errors {
        in_force(world, sizes, problems);
    }
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

/// In Istio any later override clears an earlier switch-off of all metrics, even one that switches more off.
fn undone(resources: &Resources, problems: &mut Vec<Problem>) {
    for telemetry in &resources.telemetries {
        let mut found: Vec<Problem> = Vec::new();
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
                    // Both sides may have the same problem.
                    if !found.contains(&problem) {
                        found.push(problem);
                    }
                }
            }
        }
        problems.extend(found);
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
fn in_force(world: &World<'_>, sizes: cardinality::Known<'_>, problems: &mut Vec<Problem>) {
    let set = &world.set;
    collectors::check(set, world.resources, problems);
    for telemetry in &world.resources.telemetries {
        let revision = world.revisions_of(&telemetry.meta).next().unwrap_or(world.revision);
        let workload = workload_of(telemetry).of_revision(revision);
        let contributions = set.contributions(&workload);
        let Some(position) = contributions.iter().position(|other| other.meta.id == telemetry.meta.id) else {
            // It is hidden, or for something that is not resolved here; what is in force there is not known.
            continue;
        };
        let levels = Levels { before: &contributions[..position], all: &contributions };
        let mut found: Vec<Problem> = Vec::new();
        metrics(set, telemetry, &workload, &mut found);
        cardinality::check(set, telemetry, &workload, sizes, &mut found);
        without_effect::asks_nothing(telemetry, &mut found);
        without_effect::lost_overrides(telemetry, &mut found);
        without_effect::at_gateways(telemetry, workload.kind, &mut found);
        // The client's side first: what is told of both is told in its words.
        for class in ListenerClass::of(workload.kind).iter().rev() {
            for check in [tracing::check, access_logs::check, undone::check] {
                // Both sides of a workload may have the same problem.
                for problem in check(set, telemetry, levels, *class) {
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

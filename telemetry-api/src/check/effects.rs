//! What documents do to each other and what comes of them where they apply.

mod access_logs;
pub(super) mod collectors;
mod log_services;
mod tracing;
mod undone;
mod without_effect;

use super::cardinality;
use super::doubt::Doubts;
use super::each;
use super::situations::{Situations, View, written_for};
use super::telemetry::at;
use super::telemetry::providers::{Signal, by_default};
use super::world::World;
use crate::problem::{Problem, Severity, codes};
use crate::resolve::ListenerClass;
use crate::resolve::metrics::scope as metrics_scope;
use crate::resources::MeshConfig;

pub(super) fn check(
    world: &World<'_>,
    sizes: cardinality::Known<'_>,
    doubts: &Doubts<'_>,
    problems: &mut Vec<Problem>,
) {
    let resources = world.resources;
    cardinality::unknown_labels(resources, sizes.declared, problems);
    for (mesh, _) in world.set.meshes() {
        default_providers(mesh, problems);
        access_logs::mesh_format(mesh, problems);
        log_services::check(mesh, resources, problems);
        tracing::tags_of_mesh(mesh, problems);
    }
    resources.telemetries.iter().for_each(|telemetry| problems.extend(undone::alone(telemetry)));
    if !doubts.everything && !doubts.services {
        collectors::check(world, problems);
    }
    in_force(world, sizes, doubts, problems);
}

/// Providers that the mesh has in force by default and that cannot do it.
fn default_providers(mesh: &MeshConfig, problems: &mut Vec<Problem>) {
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

/// What comes of each document where it applies.
fn in_force(
    world: &World<'_>,
    sizes: cardinality::Known<'_>,
    doubts: &Doubts<'_>,
    problems: &mut Vec<Problem>,
) {
    let situations = Situations::new(world, doubts);
    let varieties = cardinality::Varieties::default();
    for telemetry in &world.resources.telemetries {
        let views = situations.views(&telemetry.meta.id);
        let Some(first) = views.first() else {
            // It is hidden, or for something that is not resolved here; what is in force there is not known.
            continue;
        };
        problems.extend(each::place(&views, where_it_applies));
        if !first.here.doubt.metrics {
            cardinality::check(first, sizes, &varieties, problems);
        }
        let doubt = doubts.of(telemetry);
        if doubt.is_none() {
            without_effect::asks_nothing(telemetry, problems);
        }
        if !doubt.metrics {
            without_effect::lost_overrides(telemetry, problems);
        }
        without_effect::at_gateways(telemetry, written_for(telemetry).kind, problems);
    }
}

/// What comes of a document at one workload.
fn where_it_applies(view: &View<'_, '_>) -> Vec<Problem> {
    let doubt = view.here.doubt;
    let mut found: Vec<Problem> = Vec::new();
    if !doubt.metrics {
        metrics(view, &mut found);
    }
    type Check = fn(&View<'_, '_>, ListenerClass) -> Vec<Problem>;
    let checks: [(Check, bool); 3] = [
        (tracing::check, doubt.tracing),
        (access_logs::check, doubt.access_logging),
        (undone::check, doubt.metrics),
    ];
    // The client's side first: what is told of both is told in its words.
    for class in ListenerClass::of(view.here.workload.kind).iter().rev() {
        for (check, _) in checks.iter().filter(|(_, is_doubted)| !is_doubted) {
            // Both sides of a workload may have the same problem.
            for problem in check(view, *class) {
                if !found.contains(&problem) {
                    found.push(problem);
                }
            }
        }
    }
    found
}

/// Metrics that are asked for where no provider is in force, and two providers that count the same twice.
fn metrics(view: &View<'_, '_>, problems: &mut Vec<Problem>) {
    let telemetry = view.telemetry();
    let Some(first_entry) = telemetry.metrics.first() else { return };
    let with_overrides = telemetry.metrics.iter().find(|entry| !entry.overrides.is_empty());
    let nothing_in_force = metrics_scope(view.here.mesh, &view.here.all).is_empty();
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
    // Where a later document names providers, it is that one's matter.
    let mut later = view.after().iter().flat_map(|telemetry| &telemetry.metrics);
    if later.any(|entry| !entry.providers.is_empty()) {
        return;
    }
    if let [first, second, ..] = view.here.metrics(ListenerClass::Outbound).as_slice() {
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

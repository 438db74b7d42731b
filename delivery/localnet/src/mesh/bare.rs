//! Workloads without a sidecar: whom they call, straight at the other end.

use burgee_api::origin::{Origin, Traced};
use burgee_api::problem::{Problem, Severity};
use burgee_api::resolve::WorkloadKind;
use burgee_api::resources::workload_entry::Call;
use burgee_api::resources::{MtlsMode, Resources, WorkloadEntry};

use super::outbound::{dead_call, route_of};
use super::{BareWorkload, RoutingListener, SidecarProxy, name_of, workload_of};
use crate::codes::PLAIN_CALL_REFUSED;

/// The workloads without a sidecar, each with the calls of its app that can be made; the others are told.
pub(super) fn plan_bare(
    bare: &[&WorkloadEntry],
    sidecars: &[SidecarProxy],
    outbound: &[RoutingListener],
    resources: &Resources,
    problems: &mut Vec<Problem>,
) -> Vec<BareWorkload> {
    let mut workloads = Vec::new();
    for app in bare {
        let mut calls = Vec::new();
        for traced in &app.calls {
            let route = route_of(&traced.value, outbound);
            let Some((route, endpoint)) = route.and_then(|route| Some((route, route.endpoints.first()?)))
            else {
                problems.push(dead_call(app, traced, outbound, resources));
                continue;
            };
            if takes_no_plain_text(endpoint, sidecars) {
                problems.push(refused(app, traced, &route.endpoints[0].0));
            }
            calls.push((traced.value.clone(), endpoint.clone()));
        }
        let workload = workload_of(app, WorkloadKind::Sidecar);
        workloads.push(BareWorkload { workload, place: app.meta.place.clone(), calls });
    }
    workloads.sort_by_key(|bare| name_of(&bare.workload));
    workloads
}

fn takes_no_plain_text((name, port): &(String, u16), sidecars: &[SidecarProxy]) -> bool {
    let called = sidecars.iter().filter(|sidecar| sidecar.workload.to_string() == *name);
    let mut listeners =
        called.flat_map(|sidecar| &sidecar.listeners).filter(|listener| listener.port == *port);
    listeners.any(|listener| listener.mtls == MtlsMode::Strict)
}

/// A call in plain text to who takes none. It is made all the same: that it fails is what the documents ask for.
fn refused(app: &WorkloadEntry, call: &Traced<Call>, called: &str) -> Problem {
    let message = format!(
        "{} has no sidecar and calls {}, and {called} takes mutual TLS only, so the call fails",
        app.meta.id, call.value
    );
    let help = "take the call out, or let a PeerAuthentication with the mode PERMISSIVE be for who is called";
    let problem = Problem::new(Severity::Warning, PLAIN_CALL_REFUSED, message).help(help);
    match &call.origin {
        Origin::Document { path, place, .. } => problem.at(place.clone(), path.to_string()),
        Origin::Rule(_) => problem,
    }
}

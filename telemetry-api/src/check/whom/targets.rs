//! Targets that nothing is behind here: what only waypoints have, and gateways that there are none of.

use std::collections::HashSet;

use crate::check::world::World;
use crate::origin::DocumentId;
use crate::problem::{Problem, Severity, closest, codes};
use crate::resolve::{gateway_of, is_gateway};
use crate::resources::Meta;
use crate::resources::telemetry::TargetRef;

/// Judges every target. Returns the documents of which something was told.
pub(super) fn check(world: &World<'_>, problems: &mut Vec<Problem>) -> HashSet<DocumentId> {
    let mut told = HashSet::new();
    let gateways = Gateways::new(world);
    let telemetries = world.resources.telemetries.iter().map(|of| (&of.meta, &of.target_refs));
    let plugins = world.resources.extensions.iter().map(|of| (&of.meta, &of.target_refs));
    for (meta, targets) in telemetries.chain(plugins).filter(|(meta, _)| world.is_seen(meta)) {
        let found: Vec<Problem> = targets.iter().filter_map(|target| gateways.judge(meta, target)).collect();
        if !found.is_empty() {
            told.insert(meta.id.clone());
        }
        problems.extend(found);
    }
    for waypoint in &world.known.waypoints {
        let mut problem = *waypoint.problem();
        problem.severity = Severity::Note;
        problems.push(problem);
    }
    told
}

/// The gateways of the Gateway API that there are, by namespace and name.
struct Gateways<'w> {
    served: HashSet<(&'w str, &'w str)>,
    waypoints: HashSet<(&'w str, &'w str)>,
}

impl<'w> Gateways<'w> {
    fn new(world: &'w World<'_>) -> Gateways<'w> {
        let of_workloads = world
            .known
            .workloads
            .iter()
            .filter_map(|known| Some((known.workload.namespace.as_str(), gateway_of(&known.workload)?)));
        let waypoints: HashSet<(&str, &str)> = world
            .known
            .waypoints
            .iter()
            .map(|waypoint| (waypoint.namespace, waypoint.gateway.as_str()))
            .collect();
        Gateways { served: of_workloads.collect(), waypoints }
    }

    /// What there is to say of a target.
    fn judge(&self, meta: &Meta, target: &TargetRef) -> Option<Problem> {
        let place = (&*meta.id.namespace, target.name.as_str());
        let problem = if !is_gateway(target) {
            // Other kinds are refused where they are read.
            let known = OF_WAYPOINTS.contains(&(target.group.as_str(), target.kind.as_str()));
            known.then(|| of_waypoints(target))?
        } else if self.waypoints.contains(&place) {
            let message = format!(
                "Gateway `{}` is a waypoint, and documents are not resolved for waypoints yet: nothing comes of this",
                target.name
            );
            Problem::new(Severity::Warning, codes::NEEDS_WAYPOINT, message).help(WITHOUT_WAYPOINT)
        } else if self.served.contains(&place) || self.served.is_empty() && self.waypoints.is_empty() {
            return None;
        } else {
            self.no_gateway(meta, target)
        };
        Some(problem.at(target.place.clone(), target.path.clone()))
    }

    fn no_gateway(&self, meta: &Meta, target: &TargetRef) -> Problem {
        let namespace = &*meta.id.namespace;
        let mut names: Vec<&str> =
            self.served.iter().filter(|(of, _)| *of == namespace).map(|(_, name)| *name).collect();
        names.sort_unstable();
        let help = match (closest(&target.name, &names), names.as_slice()) {
            (Some(likely), _) => format!("did you mean `{likely}`?"),
            (None, []) => format!(
                "there is none in namespace `{namespace}`; a target is always in that of the document"
            ),
            (None, names) => format!("there are {}", names.join(", ")),
        };
        let message = format!("namespace `{namespace}` has no Gateway `{}`", target.name);
        Problem::new(Severity::Warning, codes::NO_TARGET, message).help(help)
    }
}

/// The kinds of what only waypoints have as a target.
const OF_WAYPOINTS: [(&str, &str); 3] =
    [("", "Service"), ("networking.istio.io", "ServiceEntry"), ("gateway.networking.k8s.io", "GatewayClass")];

/// What to do while waypoints get nothing.
const WITHOUT_WAYPOINT: &str = "to have it where sidecars are, select the workloads behind it by label";

/// What only waypoints have as a target.
fn of_waypoints(target: &TargetRef) -> Problem {
    let message = format!(
        "only waypoints have {} `{}` as a target, and documents are not resolved for waypoints yet: nothing comes of \
         this",
        target.kind, target.name
    );
    let help = match target.kind.as_str() {
        "GatewayClass" => "to have it at gateways, name each Gateway, or select their workloads by label",
        _ => WITHOUT_WAYPOINT,
    };
    Problem::new(Severity::Warning, codes::NEEDS_WAYPOINT, message).help(help)
}

//! From a policy and a base to edits, and to what is worth knowing.

mod clusters;
mod connections;
mod filters;
mod listener;
mod made;
mod metrics;
mod plugins;

use std::collections::BTreeSet;

use burgee_api::problem::{Code, closest};
use burgee_api::resolve::Effective;
use burgee_api::{Origin, Problem, Severity};

use crate::codes;
use crate::edit::Edit;
use crate::engine;
use crate::facts;
use crate::lower::cluster::Needed;
use crate::lower::{is_measure, native};
use crate::mark::{self, Removal};
use crate::stats;
use crate::text;
use crate::value::Value;
use crate::view::{self, Shape};
use crate::{Delivery, Options};

use self::made::Made;

/// What laying a policy over a base comes to, whatever carries it out.
pub(crate) struct Laid {
    /// What is taken out first.
    pub removals: Vec<Removal>,
    pub edits: Vec<Edit>,
    pub problems: Vec<Problem>,
    /// See [`crate::Overlaid::awaited_clusters`].
    pub awaited: Vec<String>,
}

/// Takes what is ours out of a base's tree, and plans the policy over the rest.
pub(crate) fn lay(base: &mut Value, shape: Shape, policy: &Effective, options: &Options) -> Laid {
    let removals = mark::removals(base, shape);
    text::remove(base, &removals);
    let mut problems = unknown_classes(base, shape, options);
    problems.extend(mark::foreign(base, shape));
    let plan = plan(base, shape, policy, options);
    problems.extend(plan.problems);
    Laid { removals, edits: plan.edits, problems, awaited: plan.awaited }
}

/// What a plan comes to.
#[derive(Default)]
pub(crate) struct Plan {
    pub edits: Vec<Edit>,
    pub problems: Vec<Problem>,
    /// What was said already.
    said: BTreeSet<Problem>,
    /// What was lowered already.
    made: Made,
    /// The clusters that edits refer to.
    clusters: Needed,
    /// Those of them that have to come from elsewhere.
    awaited: Vec<String>,
    /// See [`crate::facts::Facts`].
    have_clusters_a_say: bool,
    /// The clusters that are there when the base's listeners are made, where others come after that.
    first: Option<BTreeSet<String>>,
}

impl Plan {
    /// Says something once, however many places it is about.
    fn say(&mut self, problem: Problem) {
        if self.said.insert(problem.clone()) {
            self.problems.push(problem);
        }
    }

    /// Whether any listener of the base gets a filter that measures.
    pub fn measures(&self) -> bool {
        self.edits.iter().any(|edit| is_measure(view::name(&edit.value)))
    }

    /// Whether any listener of the base gets a logger that measures.
    pub fn has_logger(&self) -> bool {
        self.edits.iter().any(|edit| native::is_logger(&edit.value))
    }

    /// Whether any listener of the base gets the filter of this name.
    pub fn has_filter(&self, name: &str) -> bool {
        self.edits.iter().any(|edit| view::name(&edit.value) == name)
    }
}

/// Plans a policy over a base without anything of ours in it.
fn plan(base: &Value, shape: Shape, policy: &Effective, options: &Options) -> Plan {
    let have_clusters_a_say = !options.is_whole || facts::have_clusters_a_say(base, shape);
    let mut plan = Plan { first: clusters::first(base, shape), have_clusters_a_say, ..Plan::default() };
    let listeners = view::listeners(base, shape);
    let policy = &*engine::decided(base, shape, &listeners, have_clusters_a_say, policy, options);
    for listener in &listeners {
        let class = options.class_of(listener);
        listener::plan(listener, class, policy, options, &mut plan);
    }
    if shape == Shape::Bootstrap {
        check_node(base, options, &mut plan);
    }
    clusters::plan(base, shape, policy, &mut plan);
    if shape == Shape::Bootstrap {
        stats::plan(base, policy, options, &mut plan);
    }
    plan
}

/// Envoy subscribes to nothing, not even to a file, without an id and a cluster.
fn check_node(base: &Value, options: &Options, plan: &mut Plan) {
    let missing: Vec<&str> = ["id", "cluster"]
        .into_iter()
        .filter(|name| base.at(&["node", name]).and_then(Value::as_str).is_none_or(str::is_empty))
        .collect();
    let subscribes = plan.edits.iter().any(|edit| edit.value.field("config_discovery").is_some());
    if matches!(options.delivery, Delivery::Inline) || !subscribes || missing.is_empty() {
        return;
    }
    plan.problems.push(problem(
        Severity::Warning,
        codes::NO_NODE,
        "node".to_owned(),
        format!("the base has no node {}, without which Envoy does not start here", missing.join(" and ")),
        "write them, or start Envoy with --service-node and --service-cluster",
    ));
}

/// A problem that a document causes, at its place there; one that a rule causes keeps its path in the base.
fn placed(problem: Problem, origin: &Origin) -> Problem {
    match origin {
        Origin::Document { path, place, .. } => problem.at(place.clone(), path.to_string()),
        Origin::Rule(_) => problem,
    }
}

/// Names in `options.classes` that no listener of a base has. Only for a base that holds all of a proxy's listeners:
/// others may come from elsewhere.
fn unknown_classes(base: &Value, shape: Shape, options: &Options) -> Vec<Problem> {
    let elsewhere = match shape {
        Shape::Bootstrap => view::asks_for_listeners(base),
        Shape::Response => view::listeners(base, shape).is_empty(),
        Shape::Listener | Shape::Other => true,
    };
    if elsewhere {
        return Vec::new();
    }
    let known: BTreeSet<&str> =
        view::listeners(base, shape).into_iter().map(|listener| listener.name).collect();
    let names: Vec<&str> = known.iter().copied().collect();
    let list = names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
    options
        .classes
        .keys()
        .filter(|name| !known.contains(name.as_str()))
        .map(|name| {
            let help = match (closest(name, &names), names.is_empty()) {
                (Some(nearest), _) => format!("did you mean {nearest:?}? the base has {list}"),
                (None, false) => format!("the base has {list}"),
                (None, true) => "the base has no listeners".to_owned(),
            };
            problem(
                Severity::Error,
                codes::UNKNOWN_LISTENER,
                String::new(),
                format!("a class is given for listener {name:?}, which the base does not have"),
                help,
            )
        })
        .collect()
}

/// A problem of an overlay: it has a path in the base, and no place, since trees do not keep places.
pub(crate) fn problem(
    severity: Severity,
    code: Code,
    path: String,
    message: String,
    help: impl Into<String>,
) -> Problem {
    let mut problem = Problem::new(severity, code, message).help(help);
    problem.path = path;
    problem
}

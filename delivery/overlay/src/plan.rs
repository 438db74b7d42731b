//! From a policy and a base to edits, and to what is worth knowing.

use std::collections::BTreeSet;

use burgee_api::problem::{Code, closest};
use burgee_api::resolve::{Effective, ListenerClass};
use burgee_api::{Problem, Severity};

use crate::edit::Edit;
use crate::lower;
use crate::mark::{self, Removal};
use crate::stats;
use crate::text;
use crate::value::Value;
use crate::view::{self, Listener, Shape};
use crate::{Delivery, Options};

/// What laying a policy over a base comes to, whatever carries it out.
pub(crate) struct Laid {
    /// What is taken out first.
    pub removals: Vec<Removal>,
    pub edits: Vec<Edit>,
    pub problems: Vec<Problem>,
}

/// Takes what is ours out of a base's tree, and plans the policy over the rest.
pub(crate) fn lay(base: &mut Value, shape: Shape, policy: &Effective, options: &Options) -> Laid {
    let removals = mark::removals(base, shape);
    text::remove(base, &removals);
    let mut problems = unknown_classes(base, shape, options);
    problems.extend(mark::foreign(base, shape));
    let plan = plan(base, shape, policy, options);
    problems.extend(plan.problems);
    Laid { removals, edits: plan.edits, problems }
}

/// What a plan comes to.
pub(crate) struct Plan {
    pub edits: Vec<Edit>,
    pub problems: Vec<Problem>,
}

/// Plans a policy over a base without anything of ours in it.
fn plan(base: &Value, shape: Shape, policy: &Effective, options: &Options) -> Plan {
    let mut plan = Plan { edits: Vec::new(), problems: Vec::new() };
    let listeners = view::listeners(base, shape);
    for listener in &listeners {
        let class = options.classes.get(listener.name).copied().unwrap_or_else(|| listener.class());
        plan_listener(listener, class, policy, options, &mut plan);
    }
    if shape == Shape::Bootstrap {
        check_node(base, options, &mut plan);
        stats::plan(base, policy, &mut plan);
    }
    plan
}

/// Envoy subscribes to nothing, not even to a file, without an id and a cluster.
fn check_node(base: &Value, options: &Options, plan: &mut Plan) {
    let missing: Vec<&str> = ["id", "cluster"]
        .into_iter()
        .filter(|name| base.at(&["node", name]).and_then(Value::as_str).is_none_or(str::is_empty))
        .collect();
    if matches!(options.delivery, Delivery::Inline) || plan.edits.is_empty() || missing.is_empty() {
        return;
    }
    plan.problems.push(problem(
        Severity::Warning,
        "BG0607",
        "node".to_owned(),
        format!("the base has no node {}, without which Envoy does not start here", missing.join(" and ")),
        "write them, or start Envoy with --service-node and --service-cluster",
    ));
}

fn plan_listener(
    listener: &Listener<'_>,
    class: ListenerClass,
    policy: &Effective,
    options: &Options,
    plan: &mut Plan,
) {
    let metrics = &policy.class(class).metrics;
    if metrics.is_empty() {
        return;
    }
    for path in &listener.sealed {
        plan.problems.push(problem(
            Severity::Warning,
            "BG0614",
            path.to_string(),
            format!(
                "this is an HTTP connection manager of listener {:?}, which this version cannot change, so it gets \
                 no metrics",
                listener.name
            ),
            "managers are changed where a filter chain has them as a typed_config of their own type; not in an \
             api_listener, and not as a TypedStruct",
        ));
    }
    if listener.managers.is_empty() {
        if listener.has_filters && listener.sealed.is_empty() {
            plan.problems.push(problem(
                Severity::Note,
                "BG0602",
                listener.path.to_string(),
                format!("listener {:?} carries no HTTP, so it gets no request metrics", listener.name),
                "this version measures HTTP and gRPC requests; TCP connections are not measured yet",
            ));
        }
        return;
    }
    for manager in &listener.managers {
        let Some((last, _)) = manager.http_filters.split_last() else {
            plan.problems.push(problem(
                Severity::Warning,
                "BG0601",
                manager.path.to_string(),
                format!(
                    "an HTTP connection manager of listener {:?} has no HTTP filters and is left alone",
                    listener.name
                ),
                "give it the filter envoy.filters.http.router; without a terminal filter it serves nothing",
            ));
            continue;
        };
        // A filter without its type, such as one that is delivered by name, may well be a router.
        let router =
            last.field("typed_config").and_then(Value::any_type).is_none_or(|name| name == view::ROUTER);
        let terminal = manager.http_filters.len() - 1;
        if !router {
            plan.problems.push(problem(
                Severity::Note,
                "BG0605",
                manager.path.index(terminal).to_string(),
                format!(
                    "the last HTTP filter of listener {:?} is {:?} and no router; metrics go before it",
                    listener.name,
                    view::filter_name(last)
                ),
                "the last filter has to be the one that ends the chain",
            ));
        }
        for (i, provider) in metrics.iter().enumerate() {
            plan.edits.push(Edit {
                path: manager.path.index(terminal + i),
                owner: lower::filter_owner(provider),
                value: lower::http_filter(policy, class, provider, options),
            });
        }
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
                "BG0600",
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
    code: &'static str,
    path: String,
    message: String,
    help: impl Into<String>,
) -> Problem {
    let mut problem = Problem::new(severity, Code(code), message).help(help);
    problem.path = path;
    problem
}

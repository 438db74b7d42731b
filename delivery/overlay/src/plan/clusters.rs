//! The clusters that a plan's edits refer to: found in the base, added to it, or left to whoever serves them.

use std::collections::BTreeSet;

use burgee_api::resolve::Effective;
use burgee_api::{Problem, Severity};

use super::{Plan, placed, problem};
use crate::codes;
use crate::edit::{Edit, Owner, Path};
use crate::lower::cluster::{self, Need, Needed};
use crate::mark::Before;
use crate::mark::clusters::{Around, marked};
use crate::value::Value;
use crate::view::{self, Shape};

/// The clusters that are there when a base's listeners are made, if others come after that: a bootstrap's own, where it
/// asks for more.
pub(super) fn first(base: &Value, shape: Shape) -> Option<BTreeSet<String>> {
    let name = |cluster: view::Cluster<'_>| view::name(cluster.config).to_owned();
    let come_later = shape == Shape::Bootstrap && view::asks_for_clusters(base);
    come_later.then(|| view::clusters(base, shape).into_iter().map(name).collect())
}

/// Plans what becomes of the clusters that the policy needs.
pub(super) fn plan(base: &Value, shape: Shape, policy: &Effective, plan: &mut Plan) {
    let mut needed = std::mem::take(&mut plan.clusters);
    let is_complete = match shape {
        Shape::Bootstrap => !view::asks_for_clusters(base),
        Shape::Response => view::serves_clusters(base),
        Shape::Listener | Shape::Other => false,
    };
    // Who refers to them may be in another part of the proxy's configuration.
    if is_complete && (shape == Shape::Response || view::asks_for_listeners(base)) {
        needed = cluster::needed(policy);
    }
    for cluster in view::clusters(base, shape) {
        needed.remove(view::name(cluster.config));
    }
    if !is_complete {
        plan.awaited = needed.into_keys().collect();
        return;
    }
    for (name, need) in &needed {
        if let Some(problem) = nowhere(name, need).or_else(|| two_protocols(name, need)) {
            plan.say(placed(problem, &need.provider.origin));
        }
    }
    needed.retain(|_, need| !need.upstream.endpoints.is_empty());
    add(base, shape, &needed, plan);
}

/// A cluster that nobody knows an endpoint of.
fn nowhere(name: &str, need: &Need) -> Option<Problem> {
    let message = format!(
        "the base has no cluster {name:?}, and the documents do not say enough to add one, so what {:?} sends is dropped",
        need.provider.value
    );
    let help = "add a cluster of that name to the base; or, if the service is called without TLS, write its address in \
                MeshConfig's defaultConfig.envoyAccessLogService";
    let problem = problem(Severity::Warning, codes::NO_CLUSTER, String::new(), message, help);
    need.upstream.endpoints.is_empty().then_some(problem)
}

/// A cluster that cannot speak what each of its providers does.
fn two_protocols(name: &str, need: &Need) -> Option<Problem> {
    let message = format!(
        "the providers {:?} and {:?} share the cluster {name:?}, one by gRPC and one by HTTP/1.1; it speaks HTTP/2",
        need.provider.value,
        need.other.as_ref()?.value
    );
    let help = "give each a port of its own, as collectors have them";
    Some(problem(Severity::Warning, codes::TWO_PROTOCOLS, String::new(), message, help))
}

/// Adds clusters behind those that the base has.
fn add(base: &Value, shape: Shape, needed: &Needed, plan: &mut Plan) {
    if needed.is_empty() {
        return;
    }
    let (holder, path) = match shape {
        Shape::Response => (Some(base), Path::default().field("resources")),
        _ => (base.field("static_resources"), Path::default().field("static_resources").field("clusters")),
    };
    let key = if shape == Shape::Response { "resources" } else { "clusters" };
    if let Some((taken, wanted)) = obstacle(holder, key, &path) {
        plan.say(problem(
            Severity::Error,
            codes::NO_PLACE_FOR_CLUSTERS,
            taken.clone(),
            format!("the clusters of collectors cannot be written: {taken} is not {wanted}"),
            "correct the base",
        ));
        return;
    }
    let around = match holder {
        Some(_) => Around::There,
        None if Before::of(base, "static_resources") == Before::Null => Around::Null,
        None => Around::Nothing,
    };
    if around != Around::There {
        plan.edits.push(Edit {
            path: Path::default().field("static_resources"),
            owner: Owner::rule("holds the clusters of collectors"),
            value: Value::map([]),
        });
    }
    let before = holder.map_or(Before::Nothing, |holder| Before::of(holder, key));
    let present = holder.and_then(|holder| holder.field(key)).map_or(0, |list| list.items().len());
    for (i, Need { upstream, provider, .. }) in needed.values().enumerate() {
        let mut fields = cluster::cluster(upstream);
        if shape == Shape::Response {
            fields.insert(0, ("@type".to_owned(), cluster::type_url()));
        }
        plan.edits.push(Edit {
            path: path.index(present + i),
            owner: Owner::of([&provider.origin]),
            value: marked(fields, &upstream.name, before, around),
        });
    }
}

/// What stands where the clusters would go, and what would have to be there.
fn obstacle(holder: Option<&Value>, key: &str, path: &Path) -> Option<(String, &'static str)> {
    let holder = holder?;
    if !matches!(holder, Value::Map(_)) {
        return Some(("static_resources".to_owned(), "a message"));
    }
    let is_list = holder.field(key).is_none_or(|list| matches!(list, Value::List(_)));
    (!is_list).then(|| (path.to_string(), "a list"))
}

//! What the documents ask for, held against what the proxies counted, logged and reported.
//!
//! Pure. Every miss is a problem that names the field that asked for it and says what was seen instead.

use std::collections::{BTreeMap, BTreeSet};

use burgee_api::origin::Origin;
use burgee_api::problem::{Code, Problem, Severity};
use burgee_api::resolve::{ClassPolicy, Effective, ListenerClass, Tracing, WorkloadKind};

use crate::base;
use crate::codes::{NOT_REACHED, NOTHING_SENT};
use crate::mesh::{Mesh, is_same};
use crate::summary::{MetricSummary, PluginSummary};

mod metrics;
mod reported;

pub use metrics::shows_a_flush;
pub use reported::Tally;

/// What is asked of one class of listener of one proxy.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// The proxy's workload, as `namespace/name`.
    pub proxy: String,
    /// The class of the listeners.
    pub class: ListenerClass,
    /// The documents' ports of the proxy's listeners of that class.
    pub ports: Vec<u16>,
    /// The policy of that class.
    pub policy: &'a ClassPolicy,
    /// Whether something here leads requests there; nothing does to the outbound side of an app that makes no calls.
    pub is_used: bool,
    /// How many requests went through those listeners.
    pub requests: u64,
    /// How many connections without HTTP did.
    pub connections: u64,
}

/// How many requests went through one proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Through {
    /// Those that it was sent: counted by the sender at a gateway, by the app beside a sidecar.
    pub received: u64,
    /// Those that its app made.
    pub called: u64,
    /// Connections without HTTP that its app took.
    pub taken: u64,
    /// Those that its app made.
    pub opened: u64,
}

/// What was seen of a number of requests.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// By how much series have grown; what has not may be left out.
    pub grown: &'a [MetricSummary],
    /// How many lines have come.
    pub logs: &'a Tally,
    /// How many spans have come.
    pub spans: &'a Tally,
    /// The plugins in force.
    pub plugins: &'a [PluginSummary],
}

/// What the policies of a mesh's proxies ask, class by class. `through` is by workload.
pub fn asked<'a>(
    mesh: &Mesh,
    policies: impl Iterator<Item = &'a Effective>,
    through: &BTreeMap<String, Through>,
) -> Vec<Asked<'a>> {
    let mut asked = Vec::new();
    for policy in policies {
        let workload = &policy.workload;
        let through = through.get(&workload.to_string()).copied().unwrap_or_default();
        let sidecar = mesh.sidecars.iter().find(|sidecar| is_same(&sidecar.workload, workload));
        let makes_calls = sidecar.is_some_and(|sidecar| sidecar.calls_out() > 0);
        let makes_connections = sidecar.is_some_and(|sidecar| sidecar.connections_out() > 0);
        let out = makes_calls || makes_connections;
        let called = if makes_calls { through.called } else { 0 };
        let opened = if makes_connections { through.opened } else { 0 };
        let classes = match workload.kind {
            WorkloadKind::Gateway => vec![(ListenerClass::Gateway, true, through.received, 0)],
            WorkloadKind::Sidecar => vec![
                (ListenerClass::Inbound, true, through.received, through.taken),
                (ListenerClass::Outbound, out, called, opened),
            ],
        };
        let listeners = base::listeners_of(mesh, workload);
        for (class, is_used, requests, connections) in classes {
            let ports = listeners.iter().filter(|one| one.class == class).map(|one| one.port).collect();
            let (proxy, policy) = (workload.to_string(), policy.class(class));
            asked.push(Asked { proxy, class, ports, policy, is_used, requests, connections });
        }
    }
    asked
}

/// Everything that was asked for and not seen.
pub fn misses(asked: &[Asked<'_>], seen: Seen<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let proxies: BTreeSet<&str> = asked.iter().map(|one| one.proxy.as_str()).collect();
    for proxy in proxies {
        let of_proxy: Vec<_> = asked.iter().filter(|one| one.proxy == proxy).collect();
        metrics::check(&of_proxy, seen.grown, &mut problems);
        for one in of_proxy {
            reported::check_logs(one, seen.logs, &mut problems);
            reported::check_spans(one, reported::decided(asked), seen.spans, &mut problems);
            reported::check_plugins(one, seen.plugins, &mut problems);
        }
    }
    problems
}

/// The proxies that are asked for something that nothing showed, because no request reached them.
pub fn unexercised<'a>(asked: &'a [Asked<'_>]) -> Vec<&'a str> {
    let names: BTreeSet<_> = asked.iter().filter(is_unexercised).map(|one| one.proxy.as_str()).collect();
    names.into_iter().collect()
}

fn is_unexercised(one: &&Asked<'_>) -> bool {
    let (_, asks) = what(one.policy);
    one.is_used && one.requests + one.connections == 0 && asks
}

/// What a policy asks for first, in words, and whether it asks for anything that requests show.
fn what(policy: &ClassPolicy) -> (&'static str, bool) {
    if !policy.metrics.is_empty() {
        ("metrics", true)
    } else if !policy.access_logs.is_empty() {
        ("access logs", true)
    } else {
        ("traces", matches!(policy.tracing, Tracing::Provider { .. }))
    }
}

/// Who asks for what [`what`] names.
fn who(policy: &ClassPolicy) -> Option<&Origin> {
    let metrics = policy.metrics.first().map(|first| &first.provider.origin);
    let logs = policy.access_logs.first().map(|first| &first.provider.origin);
    let traces = match &policy.tracing {
        Tracing::Provider { provider, .. } => Some(&provider.origin),
        Tracing::Untouched | Tracing::Off(_) | Tracing::LeftOut(_) | Tracing::Bootstrap(_) => None,
    };
    metrics.or(logs).or(traces)
}

/// What is to be said of those, after `sent` requests: without any, nobody could expect to see something.
pub fn unreached(asked: &[Asked<'_>], sent: u64) -> Vec<Problem> {
    let names = unexercised(asked);
    if sent == 0 && !names.is_empty() {
        let message = "no request was sent, so nothing of what the documents ask for was exercised";
        let help = format!("send requests to see what {} count", names.join(" and "));
        return vec![Problem::new(Severity::Warning, NOTHING_SENT, message).help(help)];
    }
    let tell = |one: &Asked<'_>| {
        let (what, _) = what(one.policy);
        let reason = match one.class {
            ListenerClass::Outbound => "its app called nothing",
            ListenerClass::Inbound | ListenerClass::Gateway => "no request reached it",
        };
        let message = format!(
            "{what} of {} are asked for and were not seen: {reason} after {sent} were sent",
            one.proxy
        );
        let help = "send more requests, so that each host and workload gets some; a workload that no service and no \
                    gateway leads to gets none";
        let mut problem = traced(who(one.policy), NOT_REACHED, message);
        problem.help = [help, problem.help.as_str()].join("; ").trim_end_matches("; ").to_owned();
        problem
    };
    // A proxy that nothing reached called nothing either.
    let mut told = BTreeSet::new();
    asked.iter().filter(is_unexercised).filter(|one| told.insert(&one.proxy)).map(tell).collect()
}

/// How much each series has grown; what has not is left out.
pub fn growth(before: &[MetricSummary], after: &[MetricSummary]) -> Vec<MetricSummary> {
    let key = |series: &MetricSummary| (series.proxy.clone(), series.name.clone(), series.labels.clone());
    let before: BTreeMap<_, _> = before.iter().map(|series| (key(series), series.value)).collect();
    let grown = |series: &MetricSummary| {
        let value = series.value - before.get(&key(series)).copied().unwrap_or(0.0);
        (value != 0.0).then(|| MetricSummary { value, ..series.clone() })
    };
    after.iter().filter_map(grown).collect()
}

fn traced(origin: Option<&Origin>, code: Code, message: String) -> Problem {
    let problem = Problem::new(Severity::Error, code, message);
    match origin {
        Some(Origin::Document { document, path, place }) => problem
            .at(place.clone(), path.to_string())
            .help(format!("{document} asks for it there; the proxy's admin page shows what it counted")),
        Some(Origin::Rule(rule)) => problem.help(format!("asked for by rule: {rule}")),
        None => problem,
    }
}

#[cfg(test)]
mod tests;

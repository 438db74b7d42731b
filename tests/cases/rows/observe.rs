//! What really comes of a row, by the keys of its expectation.

use std::collections::{BTreeMap, BTreeSet};

use burgee_api::check::{Checked, check};
use burgee_api::problem::{Basis, Code, codes};
use burgee_api::resolve::{
    ControlPlane, Effective, ListenerClass, Plugin, PolicySet, Workload, WorkloadKind,
};
use burgee_api::{Problem, Severity};

use super::row::Row;
use super::{lowered, notation};

/// What comes of a row.
pub struct Observed {
    /// The results, by key.
    pub results: BTreeMap<String, String>,
    /// What `check` warns of or refuses, by code.
    pub codes: BTreeMap<String, Severity>,
}

/// Reads, checks and resolves a row.
pub fn observe(row: &Row) -> Observed {
    let checked = check(&row.sources);
    let told = checked.problems.iter().filter(|problem| problem.severity > Severity::Note);
    let codes = told.map(|problem| (problem.code.to_string(), problem.severity)).collect();
    let results = match letters(&row.name) {
        "V" | "W-V" => verdicts(row),
        _ => {
            let set = PolicySet::of(checked.resources, ControlPlane::new(row.environment.clone()).0);
            resolved(row, &set)
        }
    };
    Observed { results, codes }
}

/// What a row's name begins with, which says what it is about.
pub fn letters(name: &str) -> &str {
    name.trim_end_matches(|c: char| c.is_ascii_digit())
}

fn resolved(row: &Row, set: &PolicySet) -> BTreeMap<String, String> {
    let mesh = set.mesh_config();
    let tracing = |of: &Effective, class| notation::tracing(mesh, &of.class(class).tracing);
    let logs = |of: &Effective, class| notation::access_logs(mesh, &of.class(class).access_logs);
    let sampling = |of: &Effective, class| notation::sampling(&of.class(class).tracing);
    let tags = |of: &Effective, class| notation::tags(&of.class(class).tracing);
    let sides = |keys, show: &dyn Fn(&Effective, ListenerClass) -> String| sides(row, set, keys, show);
    match letters(&row.name) {
        "T" => sides(["C", "S"], &tracing),
        "P" => whole("sampling", sides(["C", "S"], &sampling)),
        "C" => whole("tags", sides(["C", "S"], &tags)),
        "M" => sides(["out", "in"], &|of, class| metrics(row, set, of, class)),
        "L" | "F" => sides(["C", "S"], &logs),
        "S" => one("order", order(row, set)),
        "X" => one("applies", yes(!plugins(row, set).is_empty())),
        "Y" => one("applies", applies(row, set)),
        "Z" => one("order", list(plugins(row, set).iter().map(Plugin::id))),
        "E" => {
            let (base, place) = row.base.as_ref().zip(row.place.as_ref()).expect("a row about a place");
            lowered::at_place(base, &set.resolve(&proxy(row)), place)
        }
        other => panic!("rows of {other} are about nothing"),
    }
}

fn one(key: &str, value: String) -> BTreeMap<String, String> {
    BTreeMap::from([(key.to_owned(), value)])
}

fn yes(is: bool) -> String {
    if is { "yes" } else { "no" }.to_owned()
}

fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() { notation::NONE.to_owned() } else { items.join(", ") }
}

/// The workload that rows are about unless they say otherwise.
fn usual(kind: WorkloadKind) -> Workload {
    let labels = [("app", "reviews"), ("version", "v1")];
    let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
    Workload::new(kind, "bookinfo", "reviews-v1", BTreeMap::from(labels))
}

/// Each side of the row's proxy. Without one, the client's side is that of a sidecar and that of a gateway, which must
/// be the same.
fn sides(
    row: &Row,
    set: &PolicySet,
    [client, server]: [&str; 2],
    show: impl Fn(&Effective, ListenerClass) -> String,
) -> BTreeMap<String, String> {
    let proxies = match &row.proxy {
        Some(proxy) => vec![proxy.clone()],
        None => vec![usual(WorkloadKind::Sidecar), usual(WorkloadKind::Gateway)],
    };
    let mut sides: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for proxy in proxies {
        let effective = set.resolve(&proxy);
        let classes: &[_] = match proxy.kind {
            WorkloadKind::Gateway => &[(client, ListenerClass::Gateway)],
            WorkloadKind::Sidecar => &[(client, ListenerClass::Outbound), (server, ListenerClass::Inbound)],
        };
        for (side, class) in classes {
            sides.entry((*side).to_owned()).or_default().insert(show(&effective, *class));
        }
    }
    sides
        .into_iter()
        .map(|(side, shown)| (side, shown.into_iter().collect::<Vec<_>>().join(" or ")))
        .collect()
}

/// The same at every side.
fn whole(key: &str, sides: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let shown: BTreeSet<String> = sides.into_values().collect();
    one(key, shown.into_iter().collect::<Vec<_>>().join(" or "))
}

/// The stats filters of one class of listener, as they are configured.
fn metrics(row: &Row, set: &PolicySet, effective: &Effective, class: ListenerClass) -> String {
    let of_class = &effective.class(class).metrics;
    list(of_class.iter().map(|provider| {
        let body = notation::metrics(set.mesh_config(), provider);
        // Where a row is about sidecars, gateways are beside them: they differ in this from what is outbound.
        let told = class != ListenerClass::Gateway || row.proxy.is_some();
        let alone = lowered::keeps_to_itself(&effective.workload, class, provider);
        format!("{body}{}", if told && alone { " +dhhf" } else { "" })
    }))
}

/// The documents that add up at the row's proxy, in the order in which they contribute.
fn order(row: &Row, set: &PolicySet) -> String {
    list(set.contributions(&proxy(row)).iter().map(|telemetry| {
        let id = &telemetry.meta.id;
        format!("{}/{}", id.namespace, id.name)
    }))
}

fn proxy(row: &Row) -> Workload {
    row.proxy.clone().unwrap_or_else(|| usual(WorkloadKind::Sidecar))
}

/// The plugins of the row's proxy where requests come in.
fn plugins(row: &Row, set: &PolicySet) -> Vec<Plugin> {
    let proxy = proxy(row);
    let class = match proxy.kind {
        WorkloadKind::Sidecar => ListenerClass::Inbound,
        WorkloadKind::Gateway => ListenerClass::Gateway,
    };
    set.resolve(&proxy).class(class).plugins.clone()
}

/// Whether the row's plugin stands in each of its chains, such as `inbound 8080`.
fn applies(row: &Row, set: &PolicySet) -> String {
    let effective = set.resolve(&proxy(row));
    let answers: BTreeSet<String> = row
        .chains
        .iter()
        .map(|chain| {
            let (class, port) = chain.split_once(' ').expect("a class and a port");
            let class = ListenerClass::from_name(class).expect("a class of listeners");
            let port = port.parse().expect("a port");
            yes(effective.class(class).plugins.iter().any(|plugin| plugin.covers_port(port)))
        })
        .collect();
    answers.into_iter().collect::<Vec<_>>().join(" or ")
}

/// Of each document on its own, by its name: `ok`, or how bad it is and which field makes it so.
fn verdicts(row: &Row) -> BTreeMap<String, String> {
    row.documents().into_iter().map(|(name, sources)| (name, verdict(&check(&sources)))).collect()
}

/// What is only not done yet is no verdict on a document.
fn verdict(checked: &Checked) -> String {
    let not_yet: BTreeSet<Code> =
        codes::pages().filter(|page| page.basis == Basis::NotYet).map(|page| page.code).collect();
    let told: Vec<&Problem> =
        checked.problems.iter().filter(|problem| !not_yet.contains(&problem.code)).collect();
    let worst = told.iter().map(|problem| problem.severity).max();
    let Some(worst) = worst.filter(|worst| *worst > Severity::Note) else { return "ok".to_owned() };
    let of_worst = told.into_iter().filter(|problem| problem.severity == worst);
    let fields: BTreeSet<&str> = of_worst.map(|problem: &Problem| problem.path.as_str()).collect();
    format!("{} {}", worst.name(), fields.into_iter().collect::<Vec<_>>().join(", "))
}

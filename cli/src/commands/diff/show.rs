//! A comparison for people and for programs.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use burgee_api::diff::{PolicyChange, Said};
use burgee_api::origin::Origin;
use burgee_api::resolve::{ListenerClass, MetricName};
use burgee_api::text::clean;
use burgee_filter_config::StandardMetric;
use burgee_overlay::{Change, ConfigPart, Effect, NativeException, has_other_engine};
use serde_json::{Value as Json, json};

use super::compare::{Comparison, Group};
use crate::args::ProxyDelivery;

/// The version of the JSON, an interface: fields are added, never changed or taken away, without a new one.
const VERSION: u32 = 1;
/// How many workloads of a group are named.
const MOST_NAMES: usize = 4;
/// How many things of one kind are named one by one.
const MOST_THINGS: usize = 4;

/// A comparison as text.
pub(super) fn text(comparison: &Comparison, columns: usize) -> String {
    let mut out = String::new();
    if comparison.are_examples {
        let note =
            "The documents describe no workloads, so each line below is about any workload of its sort.";
        wrapped(&mut out, note, 0, columns);
        out.push('\n');
    } else if !comparison.for_examples.is_empty() {
        let documents = some_names(&comparison.for_examples);
        let note = format!(
            "No workload that is described is concerned by {documents}; `any` is whoever it is written for."
        );
        wrapped(&mut out, &note, 0, columns);
        out.push('\n');
    }
    for group in &comparison.groups {
        one_group(&mut out, group, columns);
        out.push('\n');
    }
    for (what, names) in [("comes", &comparison.added), ("goes", &comparison.removed)] {
        if !names.is_empty() {
            wrapped(&mut out, &format!("{what}: {}", some_names(names)), 0, columns);
        }
    }
    for (document, why) in &comparison.not_compared {
        wrapped(&mut out, &format!("not compared: {document}; {why}"), 0, columns);
    }
    summary(&mut out, comparison, columns);
    out
}

fn one_group(out: &mut String, group: &Group, columns: usize) {
    let count = group.workloads.len();
    let many = if count > 1 { format!("{count} workloads: ") } else { String::new() };
    wrapped(out, &format!("{many}{}", some_names(&group.workloads)), 0, columns);
    merged(&group.policy).iter().for_each(|alike| one_value(out, alike, group, columns));
    if group.configuration.is_empty() {
        wrapped(out, "no listener of the base carries what changes", 2, columns);
        return;
    }
    for effect in Effect::ALL.into_iter().rev() {
        let of_effect: Vec<&Change> =
            group.configuration.iter().filter(|change| change.effect == effect).collect();
        if !of_effect.is_empty() {
            let _ = writeln!(out, "  {}", in_words(effect));
            things(&of_effect).iter().for_each(|line| wrapped(out, line, 4, columns));
        }
    }
}

/// Values that change alike at several classes of listeners, or for several metrics.
struct Alike<'c> {
    change: &'c PolicyChange,
    classes: Vec<ListenerClass>,
    metrics: Vec<&'c str>,
}

/// Whether a value is told. What follows from a rule is where it is another than it was, or else where nothing else says
/// why something changes; beside what documents say, what comes and goes with it needs no word.
fn is_told(change: &PolicyChange, all: &[PolicyChange]) -> bool {
    let is_told_of = |other: &PolicyChange| {
        other.is_of_documents() && other.class == change.class && other.signal == change.signal
    };
    change.is_of_documents() || (change.old.is_some() && change.new.is_some()) || !all.iter().any(is_told_of)
}

/// Changes that are told, those that are alike together.
fn merged(changes: &[PolicyChange]) -> Vec<Alike<'_>> {
    let mut merged: Vec<Alike<'_>> = Vec::new();
    for change in changes.iter().filter(|change| is_told(change, changes)) {
        let metric = change.metric.as_ref().map(MetricName::api_name);
        let same = |alike: &&mut Alike<'_>| {
            let (class, metric) = (change.class, change.metric.clone());
            PolicyChange { class, metric, ..alike.change.clone() } == *change
                && alike.change.metric.is_some() == change.metric.is_some()
        };
        match merged.iter_mut().find(same) {
            Some(alike) => {
                if !alike.classes.contains(&change.class) {
                    alike.classes.push(change.class);
                }
                alike.metrics.extend(metric.filter(|name| !alike.metrics.contains(name)));
            }
            None => merged.push(Alike {
                change,
                classes: vec![change.class],
                metrics: metric.into_iter().collect(),
            }),
        }
    }
    merged
}

fn one_value(out: &mut String, alike: &Alike<'_>, group: &Group, columns: usize) {
    let Alike { change, classes, metrics } = alike;
    let classes: Vec<&str> = classes.iter().map(|class| class.name()).collect();
    let signal = change.signal.name().replace('_', " ");
    let is_every = StandardMetric::ALL.iter().all(|metric| metrics.contains(&metric.api_name()));
    let metrics = match metrics.len() {
        0 => None,
        _ if is_every && metrics.len() == StandardMetric::ALL.len() => Some("of every metric".to_owned()),
        _ => Some(format!("of {}", metrics.join(", "))),
    };
    let what: Vec<&str> =
        [Some(signal.as_str()), change.of.as_deref(), Some(&change.field), metrics.as_deref()]
            .into_iter()
            .flatten()
            .collect();
    // What follows from who a workload is may be something else for each.
    let whose = match group.workloads.as_slice() {
        [first, _, ..] if !change.is_of_documents() => format!(" of {first}"),
        _ => String::new(),
    };
    wrapped(out, &format!("{}{whose} ({})", what.join(" "), classes.join(", ")), 2, columns);
    for (sign, said) in [('-', &change.old), ('+', &change.new)] {
        if let Some(Said { value, origin }) = said {
            let place = match origin {
                Origin::Document { place, .. } => format!("{}:{}", place.file, place.line),
                Origin::Rule(rule) => (*rule).to_owned(),
            };
            let value = value.text.split_whitespace().collect::<Vec<_>>().join(" ");
            wrapped(out, &format!("{sign} {value}  ({place})"), 4, columns);
        }
    }
}

/// What changes alike in a proxy, a line for each sort of thing.
fn things(changes: &[&Change]) -> Vec<String> {
    let mut sorts: Vec<(String, Vec<&str>)> = Vec::new();
    for change in changes {
        let subject = &change.subject;
        let sort = format!("{} {}", subject.sort(), change.difference.name());
        match sorts.iter_mut().find(|(other, _)| *other == sort) {
            Some((_, names)) => names.push(&subject.name),
            None => sorts.push((sort, vec![&subject.name])),
        }
    }
    let line = |(sort, names): (String, Vec<&str>)| match names.as_slice() {
        [""] => sort,
        names if names.len() > MOST_THINGS => format!("{sort}: {} of them", names.len()),
        names => format!("{sort}: {}", names.join(", ")),
    };
    sorts.into_iter().map(line).collect()
}

fn in_words(effect: Effect) -> &'static str {
    match effect {
        Effect::InPlace => "in place",
        Effect::Drains => "drains",
        Effect::Restart => "needs a restart",
    }
}

fn summary(out: &mut String, comparison: &Comparison, columns: usize) {
    let changed = comparison.changed();
    if comparison.is_empty() {
        wrapped(out, &format!("nothing changes for {}", counted(comparison.unchanged)), 0, columns);
        return;
    }
    if changed == 0 && comparison.added.is_empty() && comparison.removed.is_empty() {
        let line = format!("no change for {} that could be compared", counted(comparison.unchanged));
        wrapped(out, &line, 0, columns);
        return;
    }
    let by_effect = comparison.by_effect();
    let parts: Vec<String> = Effect::ALL
        .into_iter()
        .rev()
        .filter_map(|effect| Some((effect, *by_effect.get(&Some(effect))?)))
        .map(|(effect, count)| match effect {
            Effect::InPlace => format!("{count} in place"),
            Effect::Drains => format!("{count} by draining listeners"),
            Effect::Restart => format!("{count} with a restart"),
        })
        .collect();
    let how = if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) };
    let verb = if changed == 1 { "changes" } else { "change" };
    let line = format!("{} {verb}{how}; {} unchanged", counted(changed), comparison.unchanged);
    wrapped(out, &line, 0, columns);
    for effect in by_effect.keys().flatten().copied().collect::<BTreeSet<Effect>>() {
        wrapped(out, &format!("{}: {}", in_words(effect), meaning(effect, comparison.delivery)), 2, columns);
    }
    let is_told = comparison.delivery == ProxyDelivery::Xds;
    if is_told && comparison.groups.iter().any(|group| has_other_engine(&group.configuration)) {
        wrapped(
            out,
            &format!("another engine of metrics: {}", NativeException::EngineChange.text()),
            2,
            columns,
        );
    }
}

/// What an effect means for those who call.
fn meaning(effect: Effect, delivery: ProxyDelivery) -> &'static str {
    match (effect, delivery) {
        (Effect::InPlace, _) => "at once, for open connections too; nothing is interrupted",
        (Effect::Drains, _) => {
            "the listener is replaced; no HTTP request is lost, and TCP connections that are still open when Envoy's \
             drain time is over are closed"
        }
        (Effect::Restart, ProxyDelivery::Xds) => {
            "it stands in the bootstrap, which Envoy reads when it starts; the rest takes effect without"
        }
        (Effect::Restart, ProxyDelivery::Static) => "Envoy reads a file of its own when it starts",
    }
}

fn counted(count: usize) -> String {
    format!("{count} workload{}", if count == 1 { "" } else { "s" })
}

fn some_names(names: &[String]) -> String {
    let shown = names.iter().take(MOST_NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MOST_NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn wrapped(out: &mut String, line: &str, indent: usize, columns: usize) {
    let (first, next) = (" ".repeat(indent), " ".repeat(indent + 2));
    let options = textwrap::Options::new(columns)
        .initial_indent(&first)
        .subsequent_indent(&next)
        .break_words(false)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    for line in textwrap::wrap(&clean(line), options) {
        out.push_str(line.trim_end());
        out.push('\n');
    }
}

/// A comparison for programs.
pub(super) fn json(comparison: &Comparison) -> Json {
    let by_effect = comparison.by_effect();
    let count = |effect| by_effect.get(&effect).copied().unwrap_or_default();
    json!({
        "version": VERSION,
        "delivery": match comparison.delivery {
            ProxyDelivery::Xds => "xds",
            ProxyDelivery::Static => "static",
        },
        "workloads_are_examples": comparison.are_examples,
        "for_examples": comparison.for_examples,
        "not_compared": comparison.not_compared,
        "summary": {
            "changed": comparison.changed(),
            "unchanged": comparison.unchanged,
            "added": comparison.added.len(),
            "removed": comparison.removed.len(),
            "in_place": count(Some(Effect::InPlace)),
            "drains": count(Some(Effect::Drains)),
            "restart": count(Some(Effect::Restart)),
            "not_in_base": count(None),
        },
        "added": comparison.added,
        "removed": comparison.removed,
        "groups": comparison.groups.iter().map(group).collect::<Vec<_>>(),
    })
}

fn group(group: &Group) -> Json {
    json!({
        "workloads": group.workloads,
        "values_of": group.workloads.first(),
        "effect": group.effect().map(Effect::name),
        "policy": group.policy.iter().map(PolicyChange::to_json).collect::<Vec<_>>(),
        "has_other_engine": has_other_engine(&group.configuration),
        "configuration": group.configuration.iter().map(change).collect::<Vec<_>>(),
    })
}

fn change(change: &Change) -> Json {
    let side = |side: &Option<burgee_overlay::Side>| {
        side.as_ref().map(|side| {
            let owners: Vec<String> = side.owner.origins.iter().map(ToString::to_string).collect();
            let value: Json = serde_json::from_str(&side.value.to_json()).unwrap_or_default();
            json!({"path": side.path, "owners": owners, "value": value})
        })
    };
    let subject = &change.subject;
    json!({
        "part": match subject.part {
            ConfigPart::Extension => "extension",
            ConfigPart::Cluster => "cluster",
            ConfigPart::Listener => "listener",
            ConfigPart::Bootstrap => "bootstrap",
        },
        "listener": subject.listener,
        "filter_chain": subject.chain,
        "kind": subject.kind,
        "name": subject.name,
        "difference": change.difference.name(),
        "effect": change.effect.name(),
        "old": side(&change.old),
        "new": side(&change.new),
    })
}

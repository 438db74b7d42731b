//! Why metrics are what they are at one class of listeners.

use super::fields::{self, Leaf, LeafKind};
use super::model::{Cause, Fact, Overridden, Remark, Section, Signal};
use super::{Here, losses, providers, values};
use crate::origin::{Origin, Traced};
use crate::problem::codes;
use crate::resolve::metrics::{Collected, Merged, merge};
use crate::resolve::providers::Unusable;
use crate::resolve::{ListenerClass, MetricOverride, ProviderMetrics};
use crate::resources::telemetry::{MetricMatch, Override};
use crate::resources::{MeshConfig, MetricsEngine, PeerMetadata, ProviderKind};

pub(super) fn section(here: &Here<'_>, class: ListenerClass) -> Section {
    let mesh = here.lookup.mesh;
    let merged = merge(mesh, &here.telemetries, class);
    let mut facts = Vec::new();
    for provider in &here.effective.class(class).metrics {
        let Some(collected) = merged.collected.get(provider.provider.value.as_str()) else { continue };
        facts.extend(provider_facts(mesh, &merged, collected, provider));
    }
    let is_off = |collected: &&Collected<'_>| {
        collected.is_all_off() && unusable(mesh, &collected.provider.value).is_none()
    };
    for collected in merged.collected.values().filter(is_off) {
        let of_provider = [Some(scope_fact(mesh, &merged, collected.provider)), switch_fact(collected)];
        facts.extend(of_provider.into_iter().flatten().map(|fact| fact.of(&collected.provider.value)));
    }
    if facts.is_empty() {
        facts.push(no_provider(mesh, &merged));
    }
    let remarks = remarks(here, class, &merged);
    let mut section = Section { signal: Signal::Metrics, facts, lost: Vec::new(), remarks };
    for leaf in here.telemetries.iter().flat_map(|telemetry| fields::of_annotations(telemetry)) {
        let why = "nothing is measured here".to_owned();
        losses::add(&mut section, class, leaf, |_| (Cause::NoProvider, why));
    }
    for (entry, about) in &merged.entries {
        for leaf in fields::of_metrics(entry) {
            losses::add(&mut section, class, leaf, |leaf| lost(mesh, &merged, about, leaf, None));
        }
        for change in &entry.overrides {
            for leaf in fields::of_override(change) {
                losses::add(&mut section, class, leaf, |leaf| lost(mesh, &merged, about, leaf, Some(change)));
            }
        }
    }
    section
}

/// What a provider is given, and why.
fn provider_facts(
    mesh: &MeshConfig,
    merged: &Merged<'_>,
    collected: &Collected<'_>,
    provider: &ProviderMetrics,
) -> Vec<Fact> {
    let ProviderMetrics { provider: name, engine, peers, peer_labels, reporting_interval, overrides } =
        provider;
    let mut facts = vec![scope_fact(mesh, merged, name)];
    facts.extend(switch_fact(collected));
    facts.extend(engine.as_ref().map(|engine| engine_fact(merged, engine)));
    facts.extend(peers.as_ref().map(|peers| peers_fact(merged, peers)));
    facts.extend(peer_labels.as_ref().map(|labels| {
        let why = "proxies tell each other these labels of their workloads, beside app, version and canonical service";
        Fact::new("peerLabels", values::text(&labels.value.join(", ")), &labels.origin, why)
    }));
    let interval = match reporting_interval {
        Some(interval) => Fact::new(
            "reportingInterval",
            values::duration(interval.value),
            &interval.origin,
            "the last entry about this provider that says it decides",
        )
        .over(values::overridden(collected.interval.overridden().iter().copied(), |interval| {
            values::duration(*interval)
        })),
        None => Fact::new(
            "reportingInterval",
            values::nothing("as the filter does by itself"),
            &Origin::Rule("the filter's default"),
            "nothing says otherwise",
        ),
    };
    facts.push(interval);
    for change in overrides {
        facts.extend(change_facts(collected, change));
    }
    facts.into_iter().map(|fact| fact.of(&name.value)).collect()
}

/// What makes metrics, where a document says it.
fn engine_fact(merged: &Merged<'_>, engine: &Traced<MetricsEngine>) -> Fact {
    let why = "the last document that says it decides, for every provider and both sides";
    Fact::new("engine", values::text(engine.value.name()), &engine.origin, why)
        .over(values::overridden(merged.engine.overridden().iter().copied(), |engine| {
            values::text(engine.name())
        }))
}

/// Whether proxies tell each other who they are, where a document says it.
fn peers_fact(merged: &Merged<'_>, peers: &Traced<PeerMetadata>) -> Fact {
    let why = "the last document that says it decides, for every provider and both sides";
    Fact::new("peerMetadata", values::text(peers.value.name()), &peers.origin, why)
        .over(values::overridden(merged.peers.overridden().iter().copied(), |peers| {
            values::text(peers.name())
        }))
}

/// The provider, and whom the entry that names it took the place of.
fn scope_fact(mesh: &MeshConfig, merged: &Merged<'_>, name: &Traced<String>) -> Fact {
    let why = match mesh.default_metrics_providers.contains(name) {
        true => "no Telemetry here names a provider of metrics, so defaultProviders.metrics holds",
        false => "the last entry that names providers decides, for every entry and both sides",
    };
    Fact::new("provider", values::text(&name.value), &name.origin, why).over(replaced(merged))
}

fn replaced(merged: &Merged<'_>) -> Vec<Overridden> {
    let names = merged.scope.overridden().iter().flat_map(|names| names.iter());
    values::overridden(names, |name| values::text(name))
}

/// Whether everything is switched off, if anything switches that.
fn switch_fact(collected: &Collected<'_>) -> Option<Fact> {
    let switch = collected.switches.in_force()?;
    let is_off = collected.is_all_off();
    let why = match is_off {
        true => "an override that disables all metrics takes the provider's filter away",
        false => "any override after one that disables all metrics switches all of them on again",
    };
    let overrode = collected.switches.overridden().iter().map(|switch| Overridden {
        value: values::flag(switches_off(switch)),
        origin: switch_origin(switch).clone(),
    });
    Some(Fact::new("ALL_METRICS.disabled", values::flag(is_off), switch_origin(switch), why).over(overrode))
}

fn switches_off(switch: &Override) -> bool {
    switch.metric == MetricMatch::All && switch.disabled.as_ref().is_some_and(|disabled| disabled.value)
}

/// Where a switch stands: its `disabled` if it says one, else the override.
fn switch_origin(switch: &Override) -> &Origin {
    match &switch.disabled {
        Some(disabled) if switch.metric == MetricMatch::All => &disabled.origin,
        _ => &switch.origin,
    }
}

/// What changes of one metric, and why.
fn change_facts(collected: &Collected<'_>, change: &MetricOverride) -> Vec<Fact> {
    let MetricOverride { metric, disabled, tags } = change;
    let said = collected.changes.get(metric);
    let mut facts = Vec::new();
    if let Some(disabled) = disabled {
        let before = said.map_or(&[][..], |said| said.disabled.overridden());
        facts.push(
            Fact::new("disabled", values::flag(disabled.value), &disabled.origin, of_metric())
                .over(values::overridden(before.iter().copied(), |flag| values::flag(*flag))),
        );
    }
    let off = disabled.as_ref().filter(|disabled| disabled.value);
    let moot = off.map(|disabled| format!("{} is switched off by {}", metric.api_name(), disabled.origin));
    for (tag, operation) in tags {
        let before =
            said.and_then(|said| said.tags.get(tag.as_str())).map_or(&[][..], |said| said.overridden());
        let value = values::tag_operation(&operation.value);
        let fact = Fact::new(format!("tagOverrides.{tag}"), value, &operation.origin, of_metric())
            .over(values::overridden(before.iter().copied(), values::tag_operation));
        facts.push(Fact { moot: moot.clone(), ..fact });
    }
    facts.into_iter().map(|fact| Fact { metric: Some(metric.clone()), ..fact }).collect()
}

fn of_metric() -> &'static str {
    "for each metric and tag the last override that says something decides"
}

/// Why nothing is measured.
fn no_provider(mesh: &MeshConfig, merged: &Merged<'_>) -> Fact {
    let names = merged.names();
    let last = names.last();
    let rule = Origin::Rule("Istio's control plane has no default provider");
    let why = match last {
        None => {
            "no Telemetry here names a provider of metrics, and defaultProviders.metrics is empty".to_owned()
        }
        Some(_) => {
            let reasons: Vec<String> = names
                .iter()
                .map(|name| match unusable(mesh, &name.value) {
                    Some(unusable) => format!("{}: {}", name.value, providers::why(mesh, &unusable)),
                    None => format!("{}: no entry is about it", name.value),
                })
                .collect();
            format!("none of the providers in force takes metrics ({})", reasons.join("; "))
        }
    };
    let origin = last.map_or(&rule, |name| &name.origin);
    let fact = Fact::new("provider", values::nothing("none, so nothing is measured"), origin, why);
    let fact = fact.over(replaced(merged));
    match last {
        Some(name) if unusable(mesh, &name.value).is_some() => fact.unmet(Cause::UnusableProvider),
        Some(_) => fact.unmet(Cause::OutOfScope),
        None => fact,
    }
}

/// Why a provider takes no metrics.
fn unusable(mesh: &MeshConfig, name: &str) -> Option<Unusable> {
    match mesh.provider(name) {
        None => Some(Unusable::Unknown),
        Some(known) => (known.kind != ProviderKind::Prometheus).then_some(Unusable::Unsuitable(known.kind)),
    }
}

/// Why a field comes to nothing that is neither in force nor overridden.
fn lost(
    mesh: &MeshConfig,
    merged: &Merged<'_>,
    about: &[Traced<String>],
    leaf: &Leaf,
    change: Option<&Override>,
) -> (Cause, String) {
    let names = merged.names();
    let is_named = |name: &&&Traced<String>| about.iter().any(|other| other.value == name.value);
    let Some(name) = names.iter().find(is_named) else { return out_of_scope(&names, about) };
    if let Some(unusable) = unusable(mesh, &name.value) {
        let why = format!("provider {} takes no metrics: {}", name.value, providers::why(mesh, &unusable));
        return (Cause::UnusableProvider, why);
    }
    let collected = merged.collected.get(name.value.as_str());
    if let Some(off) = collected.filter(|collected| collected.is_all_off())
        && let Some(switch) = off.switches.in_force()
    {
        let why = format!("every metric of {} is switched off by {}", name.value, switch_origin(switch));
        return (Cause::SwitchedOff, why);
    }
    let why = match leaf.kind {
        LeafKind::Provider(_) => "the provider is named already",
        LeafKind::Tag if change.is_some_and(switches_off) => {
            "tags beside a `disabled: true` of all metrics are lost"
        }
        _ => "it changes nothing",
    };
    (Cause::Ignored, why.to_owned())
}

fn out_of_scope(names: &[&Traced<String>], about: &[Traced<String>]) -> (Cause, String) {
    let list = |names: &mut dyn Iterator<Item = &str>| names.collect::<Vec<_>>().join(", ");
    let Some(first) = names.first() else {
        let why = "no provider of metrics is in force here, and it is about none";
        return (Cause::NoProvider, why.to_owned());
    };
    let in_force = list(&mut names.iter().map(|name| name.value.as_str()));
    let of = match about {
        [] => "it is about no provider".to_owned(),
        about => format!("it is about {}", list(&mut about.iter().map(|name| name.value.as_str()))),
    };
    let why = format!("{of}, and in force is {in_force} alone, by {}", first.origin);
    (Cause::OutOfScope, why)
}

fn remarks(here: &Here<'_>, class: ListenerClass, merged: &Merged<'_>) -> Vec<Remark> {
    let mut remarks = Vec::new();
    for collected in merged.collected.values() {
        remarks.extend(undone(collected));
    }
    if let [first, second, ..] = here.effective.class(class).metrics.as_slice() {
        remarks.push(Remark {
            text: format!(
                "{} and {} count the same series, so Prometheus sees twice the traffic",
                first.provider.value, second.provider.value
            ),
            code: Some(codes::DOUBLE_COUNT),
            origin: Some(second.provider.origin.clone()),
        });
    }
    remarks
}

/// A switch-off of everything that an override of something else ended.
fn undone(collected: &Collected<'_>) -> Option<Remark> {
    let switch = collected.switches.in_force().filter(|_| !collected.is_all_off())?;
    if switch.metric == MetricMatch::All {
        // Who selects all of them knows that it is about all of them.
        return None;
    }
    let off = collected.switches.overridden().last()?;
    Some(Remark {
        text: format!(
            "this override switches on every metric again, not the one alone that it names; they were switched off \
             by {}",
            switch_origin(off)
        ),
        code: Some(codes::DISABLE_UNDONE),
        origin: Some(switch.origin.clone()),
    })
}

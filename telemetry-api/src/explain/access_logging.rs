//! Why access logs are what they are at one class of listeners.

use super::fields::{self, Leaf, LeafKind};
use super::model::{Cause, Fact, Overridden, Remark, Section, Signal};
use super::{Here, losses, providers, sinks, values};
use crate::origin::{Origin, Traced};
use crate::problem::codes;
use crate::resolve::access_log::{Merged, State, falls_back, merge};
use crate::resolve::providers::sink;
use crate::resolve::{AccessLogger, ListenerClass, ListenerLogs};
use crate::resources::telemetry::AccessLoggingEntry;

pub(super) fn section(here: &Here<'_>, class: ListenerClass) -> Section {
    let mesh = here.lookup.mesh;
    let merged = merge(mesh, &here.telemetries, class);
    let loggers = &here.effective.class(class).access_logs;
    let mut facts = match &merged {
        Some(merged) if !falls_back(mesh, here.lookup.services, merged) => in_force(here, merged, loggers),
        merged => of_mesh(here, merged.as_ref(), loggers),
    };
    facts.push(listener_fact(&here.effective.class(class).listener_logs));
    let remarks = merged.as_ref().map(|merged| remarks(here, merged, class)).unwrap_or_default();
    let mut section = Section { signal: Signal::AccessLogging, facts, lost: Vec::new(), remarks };
    for entry in here.telemetries.iter().flat_map(|telemetry| &telemetry.access_logging) {
        for leaf in fields::of_access_logging(entry) {
            losses::add(&mut section, class, leaf, |leaf| lost(here, merged.as_ref(), entry, leaf));
        }
    }
    section
}

/// The mesh's own file, and why it is in force.
fn of_mesh(here: &Here<'_>, merged: Option<&Merged<'_>>, loggers: &[AccessLogger]) -> Vec<Fact> {
    let mesh = here.lookup.mesh;
    let why = match merged {
        None => "no Telemetry speaks of access logs here and defaultProviders.accessLogging is empty, so the mesh's \
                 own file decides"
            .to_owned(),
        Some(merged) => match unusable(here, merged).as_slice() {
            [] => "no provider of access logs is in force on this side that an entry is about, so the mesh's own \
                   file decides"
                .to_owned(),
            unusable => format!(
                "none of the providers in force can be used ({}), so the mesh's own file decides",
                unusable.join("; ")
            ),
        },
    };
    if loggers.is_empty() {
        let value = values::nothing("none, so nothing is logged");
        return vec![Fact::new("accessLogFile", value, &mesh.access_log_file.origin, why)];
    }
    let of_logger = |logger: &AccessLogger| {
        let AccessLogger { provider, sink, filter: _ } = logger;
        let facts = sinks::of_mesh(mesh, sink, &provider.origin, &why);
        facts.into_iter().map(|fact| fact.of(&provider.value)).collect::<Vec<_>>()
    };
    loggers.iter().flat_map(of_logger).collect()
}

/// The providers that an entry is about and that cannot be used, each with the reason.
fn unusable(here: &Here<'_>, merged: &Merged<'_>) -> Vec<String> {
    let why = |name: &&str| {
        let unusable = sink(here.lookup.mesh, here.lookup.services, name).err()?;
        Some(format!("{name}: {}", providers::why(here.lookup.mesh, &unusable)))
    };
    merged.states.keys().filter_map(why).collect()
}

/// Whether connections that no filter chain takes are logged too.
fn listener_fact(logs: &ListenerLogs) -> Fact {
    let rule = Origin::Rule("Istio's default");
    let (value, origin) = match logs {
        ListenerLogs::On => (false, &rule),
        ListenerLogs::Off(origin) => (true, origin),
    };
    Fact::new("disableEnvoyListenerLog", values::flag(value), origin, Fact::SAYS)
}

/// The providers in force, and why.
fn in_force(here: &Here<'_>, merged: &Merged<'_>, loggers: &[AccessLogger]) -> Vec<Fact> {
    let mut facts = Vec::new();
    for (name, state) in &merged.states {
        let logger = loggers.iter().find(|logger| logger.provider.value == **name);
        let mut of_state = Vec::new();
        match logger {
            Some(AccessLogger { provider, sink, filter }) => {
                of_state.push(provider_fact(here, merged, provider));
                of_state.push(disabled_fact(state));
                of_state.push(filter_fact(state, filter.as_ref()));
                of_state.extend(sinks::of_provider(here.lookup, name, sink));
            }
            None if state.is_disabled() => {
                of_state.push(provider_fact(here, merged, state.provider));
                of_state.push(disabled_fact(state));
            }
            // It cannot be used, and others can.
            None => {}
        }
        facts.extend(of_state.into_iter().map(|fact| fact.of(name)));
    }
    if facts.is_empty() {
        let why =
            format!("none of the providers in force can be used ({})", unusable(here, merged).join("; "));
        let rule = Origin::Rule("others in force keep the mesh's own file from logging");
        facts.push(Fact::new("provider", values::nothing("none, so nothing is logged"), &rule, why));
    }
    facts
}

fn provider_fact(here: &Here<'_>, merged: &Merged<'_>, provider: &Traced<String>) -> Fact {
    let why = match here.lookup.mesh.default_access_logging_providers.contains(provider) {
        true => "no Telemetry names a provider for this side, so defaultProviders.accessLogging holds",
        false => "the last document that names providers for this side replaces all names before it",
    };
    let replaced = merged.replaced.iter().flat_map(|scope| scope.values().copied());
    Fact::new("provider", values::text(&provider.value), &provider.origin, why)
        .over(values::overridden(replaced, |name| values::text(name)))
}

fn disabled_fact(state: &State<'_>) -> Fact {
    let rule = Origin::Rule("a default provider logs where nothing switches it off");
    let (origin, why) = match state.entries.in_force() {
        Some(entry) => (
            disabled_origin(entry),
            "the last entry about the provider decides, and one that says nothing switches it on",
        ),
        None => (&rule, "no entry is about it"),
    };
    let overrode = state.entries.overridden().iter().map(|entry| Overridden {
        value: values::flag(entry.disabled.as_ref().is_some_and(|disabled| disabled.value)),
        origin: disabled_origin(entry).clone(),
    });
    Fact::new("disabled", values::flag(state.is_disabled()), origin, why).over(overrode)
}

/// Where an entry says whether it switches off: its `disabled` if it has one, else itself.
fn disabled_origin(entry: &AccessLoggingEntry) -> &Origin {
    entry.disabled.as_ref().map_or(&entry.origin, |disabled| &disabled.origin)
}

fn filter_fact(state: &State<'_>, filter: Option<&Traced<String>>) -> Fact {
    let rule = Origin::Rule("without a filter everything is logged");
    let said = state.naming.in_force();
    let why = match said {
        Some(_) => "the last entry that names the provider decides, and one without a filter ends it",
        None => "no entry names the provider",
    };
    let before = state.naming.overridden().iter().filter_map(|entry| entry.filter.as_ref());
    let fact = match (filter, said) {
        (Some(filter), _) => Fact::new("filter", values::text(&filter.value), &filter.origin, why),
        (None, Some(entry)) => Fact::new("filter", values::nothing("none"), &entry.origin, why),
        (None, None) => Fact::new("filter", values::nothing("none"), &rule, why),
    };
    fact.over(values::overridden(before, |expression| values::text(expression)))
}

/// Why a field comes to nothing that is neither in force nor overridden.
fn lost(
    here: &Here<'_>,
    merged: Option<&Merged<'_>>,
    entry: &AccessLoggingEntry,
    leaf: &Leaf,
) -> (Cause, String) {
    if leaf.kind == LeafKind::Filter && entry.providers.is_empty() {
        let why =
            "in Istio a filter belongs to the providers that its own entry names, and this one names none";
        return (Cause::Ignored, why.to_owned());
    }
    let Some(merged) = merged else { return (Cause::NoProvider, "nothing is in force".to_owned()) };
    let found = merged.entries.iter().find(|(other, _)| other.origin == entry.origin);
    let about = found.map_or(&[][..], |(_, about)| *about);
    let about = match leaf.kind {
        LeafKind::Provider(index) => about.get(index..=index).unwrap_or_default(),
        _ => about,
    };
    let Some(name) = about.iter().find(|name| merged.scope.contains_key(name.value.as_str())) else {
        return out_of_scope(merged, about);
    };
    let unusable = sink(here.lookup.mesh, here.lookup.services, &name.value).err();
    if let Some(unusable) = unusable {
        let why = format!(
            "provider {} cannot be used: {}",
            name.value,
            providers::why(here.lookup.mesh, &unusable)
        );
        return (Cause::UnusableProvider, why);
    }
    let state = merged.states.get(name.value.as_str()).filter(|state| state.is_disabled());
    if let (LeafKind::Filter, Some(entry)) = (leaf.kind, state.and_then(|state| state.entries.in_force())) {
        let why = format!("{} is switched off by {}", name.value, disabled_origin(entry));
        return (Cause::SwitchedOff, why);
    }
    (Cause::Ignored, format!("{} is named already", name.value))
}

fn out_of_scope(merged: &Merged<'_>, about: &[Traced<String>]) -> (Cause, String) {
    let list = |names: &mut dyn Iterator<Item = &str>| names.collect::<Vec<_>>().join(", ");
    let Some(first) = merged.scope.values().next() else {
        return (Cause::NoProvider, "no provider of access logs is in force on this side".to_owned());
    };
    let of = match about {
        [] => "it is about no provider".to_owned(),
        about => format!("it is about {}", list(&mut about.iter().map(|name| name.value.as_str()))),
    };
    let in_force = list(&mut merged.scope.keys().copied());
    (Cause::OutOfScope, format!("{of}, and in force is {in_force} alone, by {}", first.origin))
}

fn remarks(here: &Here<'_>, merged: &Merged<'_>, class: ListenerClass) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let mesh = here.lookup.mesh;
    let file = &mesh.access_log_file;
    let falls_back = falls_back(mesh, here.lookup.services, merged);
    if falls_back && !file.value.is_empty() {
        let mut off = merged.entries.iter().filter_map(|(entry, _)| entry.disabled.as_ref());
        if let Some(disabled) = off.rfind(|disabled| disabled.value) {
            remarks.push(Remark {
                text: format!(
                    "this switches off nothing: no usable provider is in force, so {} goes on",
                    file.value
                ),
                code: Some(codes::STILL_LOGGED),
                origin: Some(disabled.origin.clone()),
            });
        }
    }
    if merged.entries.is_empty() && merged.states.is_empty() && !merged.scope.is_empty() {
        remarks.push(defaults_dropped(merged, class));
    }
    let is_off = |entry: &AccessLoggingEntry| entry.disabled.as_ref().is_some_and(|disabled| disabled.value);
    let named_to_end = |state: &State<'_>| state.naming.in_force().is_some_and(is_off);
    if !falls_back && merged.states.values().all(named_to_end) {
        remarks.extend(others_dropped(merged));
    }
    remarks
}

/// Where documents say something of the other side alone, the defaults end on this one.
fn defaults_dropped(merged: &Merged<'_>, class: ListenerClass) -> Remark {
    let names: Vec<&str> = merged.scope.keys().copied().collect();
    Remark {
        text: format!(
            "the defaults ({}) are not in force: a document with accessLogging replaces them even on a side that it \
             says nothing of, here {}",
            names.join(", "),
            class.name()
        ),
        code: Some(codes::DEFAULTS_DROPPED),
        origin: merged.scope.values().next().map(|name| name.origin.clone()),
    }
}

/// Naming the provider to switch off takes all those that are inherited out of force.
fn others_dropped(merged: &Merged<'_>) -> Option<Remark> {
    let before = merged.replaced.last()?;
    let dropped: Vec<&str> =
        before.keys().filter(|name| !merged.scope.contains_key(*name)).copied().collect();
    let (name, provider) = merged.scope.iter().next()?;
    (!dropped.is_empty()).then(|| Remark {
        text: format!(
            "with {name} these end too: {}; the names of a document replace all that it inherits",
            dropped.join(", ")
        ),
        code: Some(codes::OTHERS_DROPPED),
        origin: Some(provider.origin.clone()),
    })
}

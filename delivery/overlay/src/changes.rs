//! What changes in a proxy's configuration between two policies over one base, and what that does to its connections.
//!
//! Edits are compared by what they are, not by their index in a list: a filter that stands elsewhere because another
//! came before it has not changed. What stock Envoy does with each is in `delivery/ENVOY.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use burgee_api::resolve::Effective;

use crate::edit::{Edit, Owner, Path, Step};
use crate::lower::{is_measure, native};
use crate::value::Value;
use crate::view;
use crate::{Delivery, Options, extension_configs, overlay};

/// What a change does to a proxy that is running, from the mildest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// It takes effect at once, for open connections too.
    InPlace,
    /// Its listener is replaced: new connections get the change, open ones are drained.
    Drains,
    /// The proxy has to be started anew.
    Restart,
}

impl Effect {
    /// Every effect, the mildest first.
    pub const ALL: [Effect; 3] = [Effect::InPlace, Effect::Drains, Effect::Restart];

    /// The name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Effect::InPlace => "in_place",
            Effect::Drains => "drains",
            Effect::Restart => "restart",
        }
    }
}

/// The part of a proxy's configuration that something stands in. It decides what a change of it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConfigPart {
    /// An extension's configuration that a listener refers to by name (ECDS).
    Extension,
    /// A cluster (CDS).
    Cluster,
    /// A listener with its filters, access logs and tracing (LDS).
    Listener,
    /// The bootstrap, which Envoy reads once.
    Bootstrap,
}

/// How something differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Difference {
    /// It was not there.
    Added,
    /// It is there no longer.
    Removed,
    /// It is another.
    Changed,
    /// It is the same and stands elsewhere in its list.
    Moved,
}

impl Difference {
    /// The name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Difference::Added => "added",
            Difference::Removed => "removed",
            Difference::Changed => "changed",
            Difference::Moved => "moved",
        }
    }
}

/// Which thing of a configuration it is, in words that a list's order does not change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    /// The part that it is in.
    pub part: ConfigPart,
    /// The listener that it is in, by name; empty for what is in none.
    pub listener: String,
    /// What tells its filter chain from the listener's others; empty where there is one.
    pub chain: String,
    /// What kind of thing it is, such as `access log` or `HTTP filter`.
    pub kind: String,
    /// Its name; empty for what there is one of.
    pub name: String,
    /// Which one of those with this name in this place, from 0.
    pub number: usize,
}

impl Subject {
    /// Where it is and what kind of thing, without its name.
    pub fn sort(&self) -> String {
        let mut sort = String::new();
        for (what, name) in [("listener", &self.listener), ("filter chain", &self.chain)] {
            if !name.is_empty() {
                sort.extend([what, " ", name, ", "]);
            }
        }
        sort + &self.kind
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sort())?;
        if !self.name.is_empty() {
            write!(f, " {}", self.name)?;
        }
        if self.number > 0 {
            write!(f, " (the {}.)", self.number + 1)?;
        }
        Ok(())
    }
}

/// One side of a change.
#[derive(Clone, Debug, PartialEq)]
pub struct Side {
    /// Where it stands in the configuration; for an extension its resource's name.
    pub path: String,
    /// What stands there.
    pub value: Value,
    /// Who asked for it.
    pub owner: Owner,
}

/// A change of a proxy's configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// What changes.
    pub subject: Subject,
    /// How.
    pub difference: Difference,
    /// What it was; absent when added.
    pub old: Option<Side>,
    /// What it becomes; absent when removed.
    pub new: Option<Side>,
    /// What that does to a running proxy.
    pub effect: Effect,
}

/// A policy, and how it is laid over a base.
#[derive(Clone, Copy, Debug)]
pub struct Laying<'l> {
    /// The policy.
    pub policy: &'l Effective,
    /// How it is laid.
    pub options: &'l Options,
}

/// What changes when `new` takes the place of `old` over a base, ordered by subject.
///
/// Where `new` is delivered by [`Delivery::Discovery`] or [`Delivery::Aggregated`] the proxy is told by xDS, in files or in
/// streams; under [`Delivery::Inline`] it has one file that it reads when it starts.
pub fn changes(base: &Value, old: Laying<'_>, new: Laying<'_>) -> Vec<Change> {
    let delivery = &new.options.delivery;
    let (old, new) = (Things::of(base, old), Things::of(base, new));
    let moved = moved(&old, &new);
    let subjects: BTreeSet<&Subject> = old.things.keys().chain(new.things.keys()).collect();
    let mut changes = Vec::new();
    for subject in subjects {
        let (before, after) = (old.things.get(subject), new.things.get(subject));
        let difference = match (before, after) {
            (None, None) => continue,
            (None, Some(_)) => Difference::Added,
            (Some(_), None) => Difference::Removed,
            (Some(before), Some(after)) if before.side.value != after.side.value => Difference::Changed,
            (Some(_), Some(_)) if moved.contains(subject) => Difference::Moved,
            (Some(_), Some(_)) => continue,
        };
        changes.push(Change {
            effect: effect(subject.part, difference, delivery),
            subject: subject.clone(),
            difference,
            old: before.map(|thing| thing.side.clone()),
            new: after.map(|thing| thing.side.clone()),
        });
    }
    changes
}

/// Whether changes of a proxy's configuration have another engine make metrics that were made before: a logger of them comes
/// or goes, and a filter of them was there and is there.
pub fn has_other_engine(changes: &[Change]) -> bool {
    let is_logger = |change: &Change| {
        matches!(change.difference, Difference::Added | Difference::Removed)
            && [&change.old, &change.new].into_iter().flatten().any(|side| native::is_logger(&side.value))
    };
    // A filter of metrics was there before and is there after, maybe by another name.
    let has = |side: fn(&Change) -> &Option<Side>| {
        changes.iter().any(|change| side(change).is_some() && is_measure(&change.subject.name))
    };
    changes.iter().any(is_logger) && has(|change| &change.old) && has(|change| &change.new)
}

/// What a change does to a running proxy.
fn effect(part: ConfigPart, difference: Difference, delivery: &Delivery) -> Effect {
    match (delivery, part) {
        // Envoy reads a file of its own once.
        (Delivery::Inline, _) => Effect::Restart,
        (Delivery::Discovery { .. } | Delivery::Aggregated, ConfigPart::Extension | ConfigPart::Cluster) => {
            Effect::InPlace
        }
        (Delivery::Discovery { .. } | Delivery::Aggregated, ConfigPart::Listener) => Effect::Drains,
        // What a running proxy has too much of in its bootstrap does nothing: it has to do with what is gone.
        (Delivery::Discovery { .. } | Delivery::Aggregated, ConfigPart::Bootstrap) => match difference {
            Difference::Removed | Difference::Moved => Effect::InPlace,
            Difference::Added | Difference::Changed => Effect::Restart,
        },
    }
}

/// Something that a policy lays over a base.
struct Thing {
    side: Side,
    /// The element of the base before which it goes in its list; absent for what is in no list.
    anchor: Option<usize>,
    /// The list that it is in, and its index there.
    place: (Path, usize),
}

/// Everything that a policy lays over a base.
struct Things {
    things: BTreeMap<Subject, Thing>,
}

impl Things {
    fn of(base: &Value, Laying { policy, options }: Laying<'_>) -> Things {
        let edits = overlay(base, policy, options).edits;
        let mut things = Things { things: BTreeMap::new() };
        let mut lists: BTreeMap<Path, usize> = BTreeMap::new();
        // In the order of the result, so what was inserted into a list before this is in front of it.
        for edit in &edits {
            let (list, index) = split(&edit.path);
            let before = lists.entry(list.clone()).or_default();
            let anchor = index.map(|index| index.saturating_sub(*before));
            *before += 1;
            let side =
                Side { path: edit.path.to_string(), value: edit.value.clone(), owner: edit.owner.clone() };
            things.add(subject(base, edit), Thing { side, anchor, place: (list, index.unwrap_or_default()) });
        }
        for extension in extension_configs(policy, options) {
            // Only what a listener of this proxy refers to reaches it.
            let Some(edit) = edits.iter().find(|edit| view::name(&edit.value) == extension.name) else {
                continue;
            };
            let subject = Subject {
                part: ConfigPart::Extension,
                listener: String::new(),
                chain: String::new(),
                kind: "extension".to_owned(),
                name: extension.name.clone(),
                number: 0,
            };
            let resource = extension.value.field("resources").and_then(|list| list.items().first());
            let value = resource.unwrap_or(&extension.value).clone();
            let side = Side { path: extension.name, value, owner: edit.owner.clone() };
            things.add(subject, Thing { side, anchor: None, place: (Path::default(), 0) });
        }
        things
    }

    fn add(&mut self, mut subject: Subject, thing: Thing) {
        while self.things.contains_key(&subject) {
            subject.number += 1;
        }
        self.things.insert(subject, thing);
    }

    /// The subjects of both sides that stand in lists, by list, in the order of this side.
    fn in_order<'t>(&'t self, other: &Things) -> BTreeMap<&'t Path, Vec<&'t Subject>> {
        let mut lists: BTreeMap<&Path, Vec<(usize, &Subject)>> = BTreeMap::new();
        for (subject, thing) in &self.things {
            if thing.anchor.is_some() && other.things.contains_key(subject) {
                lists.entry(&thing.place.0).or_default().push((thing.place.1, subject));
            }
        }
        lists
            .into_iter()
            .map(|(list, mut subjects)| {
                subjects.sort_by_key(|(index, _)| *index);
                (list, subjects.into_iter().map(|(_, subject)| subject).collect())
            })
            .collect()
    }
}

/// What stands elsewhere: before another element of the base, or behind another of ours.
fn moved(old: &Things, new: &Things) -> BTreeSet<Subject> {
    let anchors = old
        .things
        .iter()
        .filter(|(subject, thing)| new.things.get(subject).is_some_and(|after| after.anchor != thing.anchor));
    let mut moved: BTreeSet<Subject> = anchors.map(|(subject, _)| subject.clone()).collect();
    let after = new.in_order(old);
    for (list, before) in old.in_order(new) {
        let after = after.get(list).map_or(&[][..], Vec::as_slice);
        let swapped = before.iter().zip(after).filter(|(before, after)| before != after);
        moved.extend(swapped.map(|(_, after)| (*after).clone()));
    }
    moved
}

/// A path's list and index; the whole path for what is in no list.
fn split(path: &Path) -> (Path, Option<usize>) {
    match path.0.split_last() {
        Some((Step::Index(index), list)) => (Path(list.to_vec()), Some(*index)),
        _ => (path.clone(), None),
    }
}

/// What an edit is about.
fn subject(base: &Value, edit: &Edit) -> Subject {
    let fields: Vec<&str> = edit
        .path
        .0
        .iter()
        .filter_map(|step| match step {
            Step::Field(name) => Some(name.as_str()),
            Step::Index(_) => None,
        })
        .collect();
    let last = fields.last().copied().unwrap_or_default();
    let is_element = matches!(edit.path.0.last(), Some(Step::Index(_)));
    let is_of_filter = fields.iter().any(|field| matches!(*field, "filter_chains" | "default_filter_chain"));
    let (kind, name) = match (last, is_element) {
        ("access_log", true) if is_of_filter => ("access log", view::name(&edit.value)),
        // Of connections that end before they have a filter chain.
        ("access_log", true) => ("access log of its own", view::name(&edit.value)),
        ("http_filters", true) => ("HTTP filter", view::name(&edit.value)),
        ("filters", true) => ("network filter", view::name(&edit.value)),
        ("clusters" | "resources", true) => ("cluster", view::name(&edit.value)),
        ("stats_tags", true) => {
            ("stats tag", edit.value.field("tag_name").and_then(Value::as_str).unwrap_or_default())
        }
        (field, _) => (field, ""),
    };
    let mut subject = Subject {
        part: ConfigPart::Bootstrap,
        listener: String::new(),
        chain: String::new(),
        kind: kind.to_owned(),
        name: name.to_owned(),
        number: 0,
    };
    if kind == "cluster" {
        subject.part = ConfigPart::Cluster;
    } else if is_of_filter
        || (matches!(fields.as_slice(), ["static_resources", "listeners", ..] | ["resources", ..]))
        || view::Shape::of_text(base) == view::Shape::Listener
    {
        subject.part = ConfigPart::Listener;
        (subject.listener, subject.chain) = whereabouts(base, &edit.path);
    }
    subject
}

/// The listener and, where it has several, the filter chain that a path leads into.
fn whereabouts(base: &Value, path: &Path) -> (String, String) {
    let (mut listener, mut chain) = (view::name(base).to_owned(), String::new());
    let mut here = base;
    let mut field = "";
    for step in &path.0 {
        let next = match step {
            Step::Field(name) => {
                field = name;
                if name == "default_filter_chain" {
                    chain = "default".to_owned();
                }
                here.field(name)
            }
            Step::Index(index) => {
                let element = here.items().get(*index);
                let name = element.map_or("", view::name);
                match field {
                    "listeners" => name.clone_into(&mut listener),
                    "resources" => {
                        let inner = element.and_then(|element| element.field("resource"));
                        inner.map_or(name, view::name).clone_into(&mut listener);
                    }
                    "filter_chains" if here.items().len() > 1 => {
                        chain = if name.is_empty() { index.to_string() } else { name.to_owned() };
                    }
                    _ => {}
                }
                element
            }
        };
        let Some(next) = next else { break };
        here = next;
    }
    (listener, chain)
}

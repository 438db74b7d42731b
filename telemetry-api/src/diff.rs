//! What changes in the policy of a workload when other documents take the place of those that there were.
//!
//! The values are those of [`crate::explain`], so a change reads as an explanation does, and each side says where it
//! comes from. Only values count: a document that stands elsewhere and says the same changes nothing.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value as Json, json};

use crate::explain::{ClassExplanation, Fact, Section, Signal, Value, origin};
use crate::origin::Origin;
use crate::resolve::{ListenerClass, MetricName};

/// The field that says where a plugin stands among the others; a plugin beside it changes it without moving it.
const POSITION: &str = "position";

/// A value of a policy that is another, or that comes or goes.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyChange {
    /// The class of listeners.
    pub class: ListenerClass,
    /// The signal.
    pub signal: Signal,
    /// The provider or plugin that it is about; absent: the signal as a whole.
    pub of: Option<String>,
    /// The metric that it is about; absent: not about a single one.
    pub metric: Option<MetricName>,
    /// The field, named as documents name it where they can say it.
    pub field: String,
    /// What it was; absent: nothing was said, not even by a rule.
    pub old: Option<Said>,
    /// What it becomes; absent: nothing is said, not even by a rule.
    pub new: Option<Said>,
}

/// A value, and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// The value.
    pub value: Value,
    /// Where it comes from.
    pub origin: Origin,
}

impl PolicyChange {
    /// Whether a document says one of the two values; else it follows from others.
    pub fn is_of_documents(&self) -> bool {
        [&self.old, &self.new]
            .into_iter()
            .flatten()
            .any(|said| matches!(said.origin, Origin::Document { .. }))
    }

    /// The change for programs.
    pub fn to_json(&self) -> Json {
        let said = |said: &Option<Said>| {
            said.as_ref().map(|said| json!({"value": said.value.json, "text": said.value.text, "from": origin(&said.origin)}))
        };
        json!({
            "class": self.class.name(),
            "signal": self.signal.name(),
            "of": self.of,
            "metric": self.metric.as_ref().map(MetricName::api_name),
            "field": self.field,
            "old": said(&self.old),
            "new": said(&self.new),
        })
    }
}

/// What changes from what is in force at the classes of a workload's listeners to what is in force there afterwards, by
/// class and signal; what goes stands before what comes.
pub fn changes(old: &[ClassExplanation], new: &[ClassExplanation]) -> Vec<PolicyChange> {
    let mut changes = Vec::new();
    for class in ListenerClass::ALL {
        for signal in Signal::ALL {
            let (before, after) = (facts(old, class, signal), facts(new, class, signal));
            changes.extend(of_section(class, signal, before, after));
        }
    }
    changes
}

/// The facts about a signal at a class; none for a class that the workload does not have.
fn facts(explained: &[ClassExplanation], class: ListenerClass, signal: Signal) -> &[Fact] {
    let class = explained.iter().find(|of| of.class == class);
    let section: Option<&Section> =
        class.and_then(|class| class.sections.iter().find(|section| section.signal == signal));
    section.map_or(&[], |section| &section.facts)
}

/// Which fact it is: whom it is about and which field, and which of several such.
type Key<'f> = (Option<&'f str>, Option<&'f MetricName>, &'f str, usize);

fn of_section(class: ListenerClass, signal: Signal, old: &[Fact], new: &[Fact]) -> Vec<PolicyChange> {
    let (before, after) = (keyed(old), keyed(new));
    let by_key: HashMap<Key<'_>, &Fact> = after.iter().copied().collect();
    let known: HashMap<Key<'_>, &Fact> = before.iter().copied().collect();
    let stayed = stayed(old, new);
    let said = |fact: &Fact| Said { value: fact.value.clone(), origin: fact.origin.clone() };
    let change = |fact: &Fact, old: Option<&Fact>, new: Option<&Fact>| PolicyChange {
        class,
        signal,
        of: fact.of.clone(),
        metric: fact.metric.clone(),
        field: fact.field.clone(),
        old: old.map(said),
        new: new.map(said),
    };
    let gone = before.iter().filter(|(key, _)| !by_key.contains_key(key));
    let mut changes: Vec<PolicyChange> = gone.map(|(_, fact)| change(fact, Some(fact), None)).collect();
    for (key, fact) in &after {
        match known.get(key) {
            Some(before) if before.value.json == fact.value.json => {}
            Some(_)
                if fact.field == POSITION
                    && fact.of.as_ref().is_some_and(|of| stayed.contains(of.as_str())) => {}
            before => changes.push(change(fact, before.copied(), Some(fact))),
        }
    }
    changes
}

fn keyed(facts: &[Fact]) -> Vec<(Key<'_>, &Fact)> {
    let mut seen: HashMap<Key<'_>, usize> = HashMap::new();
    facts
        .iter()
        .map(|fact| {
            let key = (fact.of.as_deref(), fact.metric.as_ref(), fact.field.as_str(), 0);
            let number = seen.entry(key).or_default();
            let key = (key.0, key.1, key.2, *number);
            *number += 1;
            (key, fact)
        })
        .collect()
}

/// The plugins that stand where they stood among those that are there before and after.
fn stayed<'f>(old: &'f [Fact], new: &'f [Fact]) -> BTreeSet<&'f str> {
    let plugins = |facts: &'f [Fact]| -> Vec<&'f str> {
        facts.iter().filter(|fact| fact.field == POSITION).filter_map(|fact| fact.of.as_deref()).collect()
    };
    let (before, after) = (plugins(old), plugins(new));
    let common_before = before.iter().filter(|name| after.contains(name));
    let common_after = after.iter().filter(|name| before.contains(name));
    common_before.zip(common_after).filter(|(old, new)| old == new).map(|(name, _)| *name).collect()
}

#[cfg(test)]
mod tests;

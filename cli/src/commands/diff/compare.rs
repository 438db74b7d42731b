//! The comparison itself: per workload what changes in its policy and in its proxy, and who changes alike.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use burgee_api::check::Checked;
use burgee_api::diff::{self, PolicyChange};
use burgee_api::explain::Explainer;
use burgee_api::origin::Origin;
use burgee_api::resolve::{Effective, PolicySet, Workload, WorkloadIndex, affected};
use burgee_overlay::{
    Change, Delivery, Effect, Identity, Laying, Module, Options, PluginModule, Value, changes,
};

use super::base;
use super::workloads::{Subject, Subjects, Versions};
use crate::args::ProxyDelivery;
use crate::environment;

/// Where extension configurations are said to be; proxies of different makers have them in different places.
const DIRECTORY: &str = "extensions";
/// What stands for the digest of a module that no document gives: nothing is fetched or built to compare.
const UNKNOWN_DIGEST: &str = "unknown";

/// Who changes alike, and how.
#[derive(Debug)]
pub(super) struct Group {
    /// Their names.
    pub workloads: Vec<String>,
    /// What changes in their policy; the values are those of the first of them.
    pub policy: Vec<PolicyChange>,
    /// What changes in their proxies; the values are those of the first of them.
    pub configuration: Vec<Change>,
}

impl Group {
    /// The gravest effect of their changes; absent where no listener of the base carries what changes.
    pub fn effect(&self) -> Option<Effect> {
        self.configuration.iter().map(|change| change.effect).max()
    }
}

/// What comes of one set of documents taking the place of another.
#[derive(Debug)]
pub(super) struct Comparison {
    /// By effect, the gravest first, then by the number of workloads.
    pub groups: Vec<Group>,
    /// Those that only the new documents know.
    pub added: Vec<String>,
    /// Those that only the old documents know.
    pub removed: Vec<String>,
    /// How many stay as they are.
    pub unchanged: usize,
    /// Whether the names stand for workloads that no document describes.
    pub are_examples: bool,
    /// What differs and concerns examples alone, where there are others.
    pub for_examples: Vec<String>,
    /// What differs and concerns nobody who is compared, by name, and why.
    pub not_compared: BTreeMap<String, String>,
    /// How proxies are told.
    pub delivery: ProxyDelivery,
}

impl Comparison {
    pub fn new(sides: &Sides<'_>, subjects: Subjects) -> Comparison {
        let Subjects { all, are_examples, for_examples, not_compared } = subjects;
        let mut comparison = Comparison {
            groups: Vec::new(),
            added: Vec::new(),
            removed: Vec::new(),
            unchanged: 0,
            are_examples,
            for_examples,
            not_compared,
            delivery: sides.delivery,
        };
        let mut groups: HashMap<Vec<String>, usize> = HashMap::new();
        let concerned = sides.concerned(&all);
        for (Subject { name, old, new }, is_concerned) in all.into_iter().zip(concerned) {
            match (old, new) {
                (None, None) => {}
                (None, Some(_)) => comparison.added.push(name),
                (Some(_), None) => comparison.removed.push(name),
                (Some(_), Some(_)) if !is_concerned => comparison.unchanged += 1,
                (Some(old), Some(new)) => {
                    let (policy, configuration) = sides.changes(&old, &new);
                    if policy.is_empty() && configuration.is_empty() {
                        comparison.unchanged += 1;
                        continue;
                    }
                    let index = *groups.entry(alike(&policy, &configuration)).or_insert_with(|| {
                        comparison.groups.push(Group { workloads: Vec::new(), policy, configuration });
                        comparison.groups.len() - 1
                    });
                    comparison.groups[index].workloads.push(name);
                }
            }
        }
        comparison.groups.sort_by_key(|group| {
            (std::cmp::Reverse(group.effect()), std::cmp::Reverse(group.workloads.len()))
        });
        comparison
    }

    /// Whether nothing changes for anybody, and everything was compared.
    pub fn is_empty(&self) -> bool {
        self.not_compared.is_empty()
            && self.groups.is_empty()
            && self.added.is_empty()
            && self.removed.is_empty()
    }

    /// How many workloads change.
    pub fn changed(&self) -> usize {
        self.groups.iter().map(|group| group.workloads.len()).sum()
    }

    /// How many workloads change, by the gravest effect.
    pub fn by_effect(&self) -> BTreeMap<Option<Effect>, usize> {
        let mut counts = BTreeMap::new();
        for group in &self.groups {
            *counts.entry(group.effect()).or_default() += group.workloads.len();
        }
        counts
    }
}

/// What workloads with equal texts change alike in. Values that follow from who a workload is, such as the name of its
/// spans, do not tell them apart.
fn alike(policy: &[PolicyChange], configuration: &[Change]) -> Vec<String> {
    let said = policy.iter().map(|change| {
        let PolicyChange { class, signal, of, metric, field, old, new } = change;
        let value = |said: &Option<diff::Said>| match said {
            Some(said) if matches!(said.origin, Origin::Document { .. }) => said.value.json.to_string(),
            Some(_) => "by a rule".to_owned(),
            None => String::new(),
        };
        format!("{class:?} {signal:?} {of:?} {metric:?} {field} {} {}", value(old), value(new))
    });
    let written = configuration
        .iter()
        .map(|change| format!("{:?} {:?} {:?}", change.subject, change.difference, change.effect));
    said.chain(written).collect()
}

/// What is compared.
pub(super) struct Sides<'c> {
    delivery: ProxyDelivery,
    base: Option<&'c Value>,
    old: Explainer<'c>,
    new: Explainer<'c>,
}

impl<'c> Sides<'c> {
    pub fn new(
        delivery: ProxyDelivery,
        base: Option<&'c Value>,
        old: &'c Checked,
        new: &'c Checked,
    ) -> Sides<'c> {
        let explainer = |checked| Explainer::of(checked, environment::without_values());
        Sides { delivery, base, old: explainer(old), new: explainer(new) }
    }

    /// The policies of both.
    pub fn policies(&self) -> Versions<'_, PolicySet> {
        [self.old.policies(), self.new.policies()]
    }

    /// Of each subject whether anything can change: it is not the same workload on both sides, or what differs between
    /// the documents is for it. For every other one the two sides say the same.
    fn concerned(&self, subjects: &[Subject]) -> Vec<bool> {
        let mut concerned = vec![true; subjects.len()];
        let same = subjects.iter().enumerate().filter(|(_, subject)| subject.old == subject.new);
        let (numbers, workloads): (Vec<usize>, Vec<Workload>) =
            same.filter_map(|(number, subject)| Some((number, subject.new.clone()?))).unzip();
        for number in &numbers {
            concerned[*number] = false;
        }
        let index = WorkloadIndex::new(workloads);
        for number in affected(self.old.policies(), self.new.policies(), &index) {
            concerned[numbers[number]] = true;
        }
        concerned
    }

    fn changes(&self, old: &Workload, new: &Workload) -> (Vec<PolicyChange>, Vec<Change>) {
        let policy = diff::changes(&self.old.in_force(old), &self.new.in_force(new));
        // An explanation has every value of a policy, so a proxy whose policy is the same is told the same.
        let configuration = if policy.is_empty() { Vec::new() } else { self.configuration(old, new) };
        (policy, configuration)
    }

    /// What changes in a workload's proxy.
    fn configuration(&self, old: &Workload, new: &Workload) -> Vec<Change> {
        let (before, after) = (self.old.policies().resolve(old), self.new.policies().resolve(new));
        let ports = [&before, &after].into_iter().flat_map(ports).collect();
        let sample;
        let base = match self.base {
            Some(base) => base,
            None => {
                sample = base::sample(new, &ports);
                &sample
            }
        };
        let (of_before, of_after) = (options(self.delivery, &before), options(self.delivery, &after));
        changes(
            base,
            Laying { policy: &before, options: &of_before },
            Laying { policy: &after, options: &of_after },
        )
    }
}

/// The ports that plugins are for.
fn ports(effective: &Effective) -> BTreeSet<u16> {
    let plugins = effective.classes.values().flat_map(|class| &class.plugins);
    plugins.flat_map(|plugin| plugin.ports.iter().copied()).collect()
}

/// How a policy is laid over a base to be compared. A module stands by what the document says of it.
fn options(delivery: ProxyDelivery, effective: &Effective) -> Options {
    let plugins = effective.classes.values().flat_map(|class| &class.plugins).filter_map(|plugin| {
        let wasm = plugin.document.wasm()?;
        let path = plugin.document.local_module.as_ref().unwrap_or(&wasm.url).value.clone();
        let sha256 = wasm.sha256.as_ref().map_or(UNKNOWN_DIGEST, |digest| digest.value.as_str());
        let module = Module { path, sha256: sha256.to_owned(), metrics: Vec::new() };
        Some((plugin.id(), PluginModule::Ready(module)))
    });
    let (delivery, identity) = match delivery {
        ProxyDelivery::Xds => (Delivery::Discovery { directory: DIRECTORY.to_owned() }, Identity::Node),
        ProxyDelivery::Static => (Delivery::Inline, Identity::Written),
    };
    Options {
        plugins: plugins.collect(),
        // Who else there is changes nothing of what is asked for.
        ..Options::new(
            Module {
                path: "telemetry.wasm".to_owned(),
                sha256: UNKNOWN_DIGEST.to_owned(),
                metrics: Vec::new(),
            },
            delivery,
            identity,
        )
    }
}

#[cfg(test)]
mod tests;

//! What is held back from a proxy that could not take it: a document, until it is another, or everything that changed at
//! once where no document alone is to blame. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::SystemTime;

use burgee_api::DocumentId;
use burgee_api::resolve::{Change, PolicyDocument};
use burgee_overlay::PluginModule;

use crate::in_force::InForce;
use crate::resource::Version;

/// Of how many proxies it is remembered. Those of which nothing was heard for longest go first.
const MOST_PROXIES: usize = 10_000;

/// Something that is held back from a proxy.
#[derive(Clone, Debug)]
pub struct Hold {
    /// The document; none: everything that is in force.
    pub document: Option<DocumentId>,
    /// The version of it that the proxy could not take.
    pub refused: Version,
    /// What it is to have of it instead; none: nothing was good before.
    pub kept: Option<InForce>,
    /// Why, in the proxy's words.
    pub error: String,
    /// Since when.
    pub since: SystemTime,
}

/// What is held back, by the ids of proxies' nodes.
#[derive(Clone, Debug, Default)]
pub struct Holds {
    by_proxy: BTreeMap<String, Vec<Hold>>,
    /// What came of it, by what went in.
    made: HashMap<Version, InForce>,
}

impl Holds {
    /// What is held back from each proxy.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Hold)> {
        self.by_proxy.iter().flat_map(|(proxy, holds)| holds.iter().map(move |hold| (proxy.as_str(), hold)))
    }

    /// What is held back from one proxy.
    pub fn of(&self, proxy: &str) -> &[Hold] {
        self.by_proxy.get(proxy).map_or(&[], Vec::as_slice)
    }

    /// Holds something back, in place of what was held back of that document before.
    pub fn add(&mut self, proxy: &str, hold: Hold) {
        if !self.by_proxy.contains_key(proxy) && self.by_proxy.len() >= MOST_PROXIES {
            let last = |holds: &Vec<Hold>| holds.iter().map(|hold| hold.since).max();
            let oldest = self.by_proxy.iter().min_by_key(|(_, holds)| last(holds));
            if let Some(oldest) = oldest.map(|(proxy, _)| proxy.clone()) {
                self.by_proxy.remove(&oldest);
            }
        }
        let holds = self.by_proxy.entry(proxy.to_owned()).or_default();
        holds.retain(|other| other.document != hold.document);
        holds.push(hold);
    }

    /// Lets go of what is another by now; gives the proxies that it was held back from.
    pub fn let_go(&mut self, in_force: &InForce) -> BTreeSet<String> {
        self.made.clear();
        let mut let_go = BTreeSet::new();
        self.by_proxy.retain(|proxy, holds| {
            let before = holds.len();
            holds.retain(|hold| match &hold.document {
                Some(document) => in_force.version_of(document) == Some(hold.refused),
                None => in_force.version() == hold.refused,
            });
            if holds.len() != before {
                let_go.insert(proxy.clone());
            }
            !holds.is_empty()
        });
        let_go
    }

    /// What is in force for a proxy.
    pub fn apply(&mut self, proxy: &str, in_force: &InForce) -> InForce {
        let Some(holds) = self.by_proxy.get(proxy) else { return in_force.clone() };
        let text = |hold: &Hold| {
            let kept = hold.kept.as_ref().map(InForce::version);
            format!("{:?} {} {kept:?}", hold.document, hold.refused)
        };
        let mut texts: Vec<String> = holds.iter().map(text).collect();
        texts.sort();
        texts.push(in_force.version().to_string());
        let key = Version::of_parts(texts.iter().map(String::as_bytes));
        self.made.entry(key).or_insert_with(|| without(in_force, holds)).clone()
    }
}

/// Puts what was good in the place of what is held back.
fn without(in_force: &InForce, holds: &[Hold]) -> InForce {
    let whole = holds.iter().find(|hold| hold.document.is_none()).and_then(|hold| hold.kept.clone());
    let base = whole.unwrap_or_else(|| in_force.clone());
    let mut changes = Vec::new();
    let mut options = (*base.options).clone();
    for hold in holds {
        let Some(id) = &hold.document else { continue };
        let good = hold.kept.as_ref();
        match good.and_then(|good| Some((good, good.policies.document(id)?.0))) {
            Some((_, PolicyDocument::Telemetry(telemetry))) => {
                changes.push(Change::Telemetry(Box::new(telemetry.clone())));
            }
            Some((good, PolicyDocument::Extension(plugin))) => {
                changes.push(Change::Extension(Box::new(plugin.clone())));
                let key = plugin.key();
                let Some(module) = good.options.plugins.get(&key) else { continue };
                if let PluginModule::Ready(module) = module
                    && let Some(bytes) = good.options.inline_modules.get(&module.sha256)
                {
                    options.inline_modules.insert(module.sha256.clone(), bytes.clone());
                }
                options.plugins.insert(key, module.clone());
            }
            None => match base.policies.document(id) {
                // Nothing was good before, and what its document says of a module that cannot be had holds for it.
                Some((PolicyDocument::Extension(plugin), _)) if plugin.wasm().is_some() => {
                    let why = format!("the proxy refuses it: {}", hold.error);
                    options.plugins.insert(plugin.key(), PluginModule::Missing(why));
                }
                // A script that cannot be used lets nothing pass, which is what Envoy makes of it by itself.
                Some((PolicyDocument::Extension(_), _)) => {}
                Some((PolicyDocument::Telemetry(_), _)) | None => changes.push(Change::Without(id.clone())),
            },
        }
    }
    InForce {
        policies: std::sync::Arc::new(base.policies.changed(changes)),
        options: std::sync::Arc::new(options),
        texts: base.texts,
    }
}

#[cfg(test)]
mod tests;

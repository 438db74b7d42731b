//! The subscription of one type: what is wanted, what the proxy has, and what it lacks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::order::is_never_removed;
use super::{Ask, Flavour, Heard, Refusal, Wants};
use crate::resource::{Named, Resource, Snapshot, Version, types};

/// Asks for everything of a type.
const EVERYTHING: &str = "*";

/// What a proxy has under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// This version.
    Has(Version),
    /// Nothing, and it knows that there is nothing.
    Absent,
    /// Nobody knows: it refused a response, which may have counted in part.
    Unsure,
}

/// A response that is not answered yet.
#[derive(Debug)]
pub(super) struct Sent {
    pub nonce: u64,
    /// Each name in it with its version; none: that it is not there.
    pub contents: Vec<(Arc<str>, Option<Version>)>,
    /// Everything that the proxy has when it takes this one, where it was sent as a whole.
    pub all: Option<Arc<Named>>,
}

/// What a proxy lacks.
pub(super) struct Due {
    pub resources: Vec<Arc<Resource>>,
    pub removed: Vec<Arc<str>>,
    /// Everything that it has when it takes this, where that is sent as a whole.
    pub all: Option<Arc<Named>>,
}

impl Due {
    /// Each name in it with its version; none: that it is not there.
    pub fn contents(&self) -> Vec<(Arc<str>, Option<Version>)> {
        let resources = self.resources.iter().map(|it| (it.name.clone(), Some(it.version)));
        resources.chain(self.removed.iter().map(|name| (name.clone(), None))).collect()
    }
}

/// The subscription of one type.
#[derive(Debug, Default)]
pub(super) struct Subscribed {
    pub is_wildcard: bool,
    pub names: BTreeSet<Arc<str>>,
    pub known: BTreeMap<Arc<str>, Known>,
    pub pending: Option<Sent>,
    /// Whether the proxy came with what it has of an earlier stream.
    pub is_resumed: bool,
    /// The last nonce of this type; 0: there was none.
    last_nonce: u64,
    /// Whether anything was asked yet.
    is_asked: bool,
    /// Whether everything was answered once, be it with nothing.
    is_answered: bool,
    /// What the proxy says it has of an earlier stream, until it is looked at.
    claimed: Option<Version>,
    /// What was in a response that was refused without a word of which it was: each is sent on its own.
    alone: BTreeSet<Arc<str>>,
    /// What it refused, by name, and as a whole.
    refused: BTreeMap<Arc<str>, Version>,
    refused_whole: Option<Version>,
    /// What it would not let go of: it is told so again when there is something else to tell.
    refused_removals: BTreeSet<Arc<str>>,
    /// What it has, where it was sent as a whole.
    whole: Option<Arc<Named>>,
}

impl Subscribed {
    /// Whether a resource was taken.
    pub fn has(&self, name: &str, version: Version) -> bool {
        self.known.get(name) == Some(&Known::Has(version))
    }

    /// Whether everything was taken that is wanted.
    pub fn has_all(&self, type_url: &str, snapshot: &Snapshot) -> bool {
        let mut wanted = snapshot.of(type_url).into_iter().flat_map(|of_type| self.wanted(of_type));
        wanted.all(|it| self.has(&it.name, it.version))
    }

    /// Takes a request of this type.
    pub fn hear(&mut self, type_url: &Arc<str>, ask: Ask) -> Heard {
        let is_first = !self.is_asked;
        let is_whole = matches!(ask.wants, Wants::All { .. });
        // A request that answers an older response than the last knows nothing of that yet; a newer one will come.
        let is_stale = !is_first && ask.nonce.is_some_and(|nonce| nonce != self.latest());
        if is_stale && is_whole {
            return Heard::Nothing;
        }
        self.is_asked = true;
        let heard = match ask.nonce.filter(|_| !is_stale) {
            Some(_) => self.answered(type_url, ask.error),
            None => Heard::Nothing,
        };
        match ask.wants {
            Wants::All { names, version } => self.want_all(type_url, names, version.filter(|_| is_first)),
            Wants::Change { subscribe, unsubscribe, has } => {
                // What it has it was told of, be it by another server: where nothing is another, there is nothing to say.
                self.is_resumed |= is_first && !has.is_empty();
                self.is_answered |= self.is_resumed;
                for (name, version) in has.into_iter().filter(|_| is_first) {
                    let known = version.map_or(Known::Unsure, Known::Has);
                    self.known.insert(name.into(), known);
                }
                // A stream that begins by naming nothing asks for everything, as those do that know of no other way.
                self.is_wildcard |= is_first && subscribe.is_empty();
                self.change(subscribe, unsubscribe);
            }
        }
        heard
    }

    fn latest(&self) -> u64 {
        self.pending.as_ref().map_or(self.last_nonce, |sent| sent.nonce)
    }

    /// Takes the answer to the response under way.
    fn answered(&mut self, type_url: &Arc<str>, error: Option<String>) -> Heard {
        let Some(sent) = self.pending.take() else { return Heard::Nothing };
        self.last_nonce = sent.nonce;
        let Some(error) = error else {
            for (name, version) in sent.contents {
                self.refused.remove(&name);
                self.alone.remove(&name);
                self.refused_removals.remove(&name);
                let is_wanted = self.names.contains(&name);
                match version {
                    Some(version) => self.known.insert(name, Known::Has(version)),
                    None if is_wanted => self.known.insert(name, Known::Absent),
                    None => self.known.remove(&name),
                };
            }
            self.refused_whole = None;
            if let Some(all) = sent.all {
                self.known.retain(|name, _| all.contains_key(name));
                self.whole = Some(all);
            }
            return Heard::Taken { type_url: type_url.clone() };
        };
        self.refused_response(type_url, sent, error)
    }

    /// Takes a refusal. Of several resources in a response those are to blame that the proxy names; without a name each is
    /// sent once more on its own, so that the one that is refused is known and the others arrive.
    fn refused_response(&mut self, type_url: &Arc<str>, sent: Sent, error: String) -> Heard {
        let is_whole = sent.all.is_some();
        self.refused_whole = sent.all.as_deref().map(|all| version_of(all.values()));
        if sent.contents.iter().all(|(_, version)| version.is_none()) {
            self.refused_removals.extend(sent.contents.iter().map(|(name, _)| name.clone()));
        }
        for (name, _) in &sent.contents {
            self.known.insert(name.clone(), Known::Unsure);
            self.alone.remove(name);
        }
        let all: Vec<(Arc<str>, Version)> =
            sent.contents.into_iter().filter_map(|(name, version)| Some((name, version?))).collect();
        let named: Vec<_> = all.iter().filter(|(name, _)| names(&error, name)).cloned().collect();
        let to_blame = match (named.is_empty(), is_whole || all.len() == 1) {
            (false, _) => named,
            (true, true) => all.clone(),
            (true, false) => Vec::new(),
        };
        if !is_whole {
            self.refused.extend(to_blame.iter().cloned());
            let others = all.iter().filter(|it| !to_blame.contains(it));
            self.alone.extend(others.map(|(name, _)| name.clone()));
        }
        match to_blame.is_empty() && !all.is_empty() {
            true => Heard::Nothing,
            false => Heard::Refused(Refusal { type_url: type_url.clone(), error, resources: to_blame }),
        }
    }

    /// Wants these names and no others.
    fn want_all(&mut self, type_url: &str, names: Vec<String>, claimed: Option<Version>) {
        // Only of clusters and listeners does no name mean every name; and only as long as none was ever given.
        let can_be_all = matches!(type_url, types::CLUSTER | types::LISTENER);
        let is_all = names.iter().any(|name| name == EVERYTHING)
            || (can_be_all && names.is_empty() && self.names.is_empty());
        let names: BTreeSet<Arc<str>> =
            names.into_iter().filter(|name| name != EVERYTHING).map(Arc::from).collect();
        if !is_all {
            self.known.retain(|name, _| names.contains(name));
            self.refused.retain(|name, _| names.contains(name));
            self.alone.retain(|name| names.contains(name));
        }
        self.is_wildcard = is_all;
        self.names = names;
        self.claimed = claimed;
    }

    /// Wants some more, and some no more.
    fn change(&mut self, subscribe: Vec<String>, unsubscribe: Vec<String>) {
        for name in unsubscribe {
            if name == EVERYTHING {
                self.is_wildcard = false;
                let names = &self.names;
                self.known.retain(|name, _| names.contains(name));
                continue;
            }
            self.names.remove(name.as_str());
            if !self.is_wildcard {
                self.forget(&name);
            }
        }
        for name in subscribe {
            if name == EVERYTHING {
                self.is_wildcard = true;
                continue;
            }
            // Who asks once more has forgotten what it had.
            if !self.names.insert(name.as_str().into()) {
                self.forget(&name);
            }
        }
    }

    /// Knows nothing any more of what a proxy has under a name.
    fn forget(&mut self, name: &str) {
        self.known.remove(name);
        self.refused.remove(name);
        self.alone.remove(name);
        self.refused_removals.remove(name);
    }

    /// The resource of a name that the proxy wants.
    fn wanted<'s>(&'s self, of_type: &'s Named) -> impl Iterator<Item = &'s Arc<Resource>> {
        let all = self.is_wildcard.then(|| of_type.values()).into_iter().flatten();
        let named = self.names.iter().filter(|_| !self.is_wildcard).filter_map(|name| of_type.get(name));
        all.chain(named)
    }

    /// Whether a proxy lacks something.
    pub fn is_due(&self, flavour: Flavour, type_url: &str, snapshot: &Snapshot, may_remove: bool) -> bool {
        self.look(flavour, type_url, snapshot, may_remove).is_some()
    }

    /// What a proxy lacks.
    pub fn due(
        &mut self,
        flavour: Flavour,
        type_url: &str,
        snapshot: &Snapshot,
        may_remove: bool,
    ) -> Option<Due> {
        if let Some(claimed) = self.claimed.take() {
            self.believe(claimed, type_url, snapshot);
        }
        let due = self.look(flavour, type_url, snapshot, may_remove);
        self.is_answered |= due.is_some();
        due
    }

    /// The version of everything that a proxy wants, when it has what is due.
    pub fn version(&self, due: &Due, type_url: &str, snapshot: &Snapshot) -> Version {
        match &due.all {
            Some(all) => version_of(all.values()),
            None => version_of(snapshot.of(type_url).into_iter().flat_map(|of_type| self.wanted(of_type))),
        }
    }

    /// A proxy that says it has just what it should have has it: versions are hashes of contents.
    fn believe(&mut self, claimed: Version, type_url: &str, snapshot: &Snapshot) {
        let nothing = Named::new();
        let of_type = snapshot.of(type_url).unwrap_or(&nothing);
        if version_of(self.wanted(of_type)) != claimed || self.wanted(of_type).next().is_none() {
            return;
        }
        self.known = self.wanted(of_type).map(|it| (it.name.clone(), Known::Has(it.version))).collect();
        self.whole = self.is_wildcard.then(|| Arc::new(of_type.clone()));
        self.is_answered = true;
    }

    fn look(&self, flavour: Flavour, type_url: &str, snapshot: &Snapshot, may_remove: bool) -> Option<Due> {
        if !self.is_asked || (self.is_wildcard && !snapshot.knows_all_of(type_url)) {
            return None;
        }
        let nothing = Named::new();
        let of_type = snapshot.of(type_url).unwrap_or(&nothing);
        match flavour {
            Flavour::StateOfTheWorld if self.is_wildcard => self.whole(of_type, may_remove),
            _ => self.parts(flavour, type_url, of_type, snapshot, may_remove),
        }
    }

    /// Everything, if anything of it is another.
    fn whole(&self, of_type: &Named, may_remove: bool) -> Option<Due> {
        let is_had = |it: &Resource| self.known.get(&it.name) == Some(&Known::Has(it.version));
        let is_same = of_type.values().all(|it| is_had(it))
            && (!may_remove || self.known.keys().all(|name| of_type.contains_key(name)));
        // Everything was had by whoever claimed so, which is looked at when it is sent.
        if is_same && self.is_answered && self.claimed.is_none() {
            return None;
        }
        let mut all = of_type.clone();
        if !may_remove {
            let old = self.whole.iter().flat_map(|whole| whole.iter());
            for (name, resource) in old {
                all.entry(name.clone()).or_insert_with(|| resource.clone());
            }
        }
        if self.refused_whole.is_some_and(|refused| refused == version_of(all.values())) {
            return None;
        }
        let resources = all.values().cloned().collect();
        Some(Due { resources, removed: Vec::new(), all: Some(Arc::new(all)) })
    }

    /// What is another.
    fn parts(
        &self,
        flavour: Flavour,
        type_url: &str,
        of_type: &Named,
        snapshot: &Snapshot,
        may_remove: bool,
    ) -> Option<Due> {
        let is_lacking = |it: &&Arc<Resource>| {
            self.known.get(&it.name) != Some(&Known::Has(it.version))
                && self.refused.get(&it.name) != Some(&it.version)
        };
        let mut resources: Vec<Arc<Resource>> = self.wanted(of_type).filter(is_lacking).cloned().collect();
        if let Some(one) = resources.iter().position(|it| self.alone.contains(&it.name)) {
            resources = vec![resources.swap_remove(one)];
        }
        let mut removed: Vec<Arc<str>> = Vec::new();
        if flavour == Flavour::Incremental {
            let gone = |name: &&Arc<str>| !of_type.contains_key(*name) && snapshot.lacks(type_url, name);
            // Whoever asks for what is not there waits for a word of it.
            let new = self.names.iter().filter(gone).filter(|name| !self.known.contains_key(*name));
            removed.extend(new.cloned());
            if may_remove && !is_never_removed(type_url) {
                let had = self.known.iter().filter(|(_, known)| **known != Known::Absent);
                removed.extend(had.map(|(name, _)| name).filter(gone).cloned());
            }
        }
        let has_to_answer = self.is_wildcard && !self.is_answered;
        let is_old = |name: &Arc<str>| self.refused_removals.contains(name);
        if resources.is_empty() && removed.iter().all(is_old) && !has_to_answer {
            return None;
        }
        Some(Due { resources, removed, all: None })
    }
}

/// Whether words name something, as a word of its own.
pub fn names(words: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    !name.is_empty()
        && words.match_indices(name).any(|(at, found)| {
            let before = words.get(..at).and_then(|before| before.chars().next_back());
            let behind = words.get(at + found.len()..).and_then(|behind| behind.chars().next());
            !before.is_some_and(is_part) && !behind.is_some_and(is_part)
        })
}

/// The version of several resources together, which are in the order of their names.
pub fn version_of<'r>(resources: impl IntoIterator<Item = &'r Arc<Resource>>) -> Version {
    let texts: Vec<String> = resources.into_iter().map(|it| format!("{}={}", it.name, it.version)).collect();
    Version::of_parts(texts.iter().map(String::as_bytes))
}

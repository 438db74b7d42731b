//! What one proxy asked for on one stream, what it has, and what it is to be sent next. Pure: no stream, no clock.
//!
//! Both flavours of the protocol are here, since they differ in how a request says what it wants and in what a response has
//! to repeat, and in nothing else: one response of each type is under way at a time, what is refused is not sent again
//! until it is another, what others lean on goes first and leaves last.

mod ask;
mod order;
mod state;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use ask::{Ask, Wants};
pub(crate) use state::{names, version_of};

use self::order::{goes_after, is_leant_on, rank};
use self::state::{Sent, Subscribed};
use crate::resource::{Resource, Snapshot, Version, types};

/// How many types a proxy may ask for. Envoy has some twenty.
pub const MOST_TYPES: usize = 64;
/// How many resources a proxy may ask for by name, of all types.
pub const MOST_NAMES: usize = 100_000;
/// How long a name may be, in bytes.
pub const LONGEST_NAME: usize = 4096;

/// The two flavours of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// Each response of clusters and listeners has all of them.
    StateOfTheWorld,
    /// Each response has what changed.
    Incremental,
}

impl Flavour {
    /// Its name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Flavour::StateOfTheWorld => "state of the world",
            Flavour::Incremental => "incremental",
        }
    }
}

/// What a proxy is to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The type of it.
    pub type_url: Arc<str>,
    /// What the proxy's answer will name.
    pub nonce: String,
    /// The version of everything that the proxy wants of this type.
    pub version: Version,
    /// Resources, by name.
    pub resources: Vec<Arc<Resource>>,
    /// Names of what is not there; incremental streams alone.
    pub removed: Vec<Arc<str>>,
}

/// What a request told beside what is wanted.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// Nothing: a new wish, or an answer to what is long past.
    Nothing,
    /// The proxy has taken the last response of this type.
    Taken {
        /// The type.
        type_url: Arc<str>,
    },
    /// The proxy refused the last response of this type.
    Refused(Refusal),
}

/// A response that a proxy refused.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// Its type.
    pub type_url: Arc<str>,
    /// Why, in the proxy's words.
    pub error: String,
    /// What was in it: each resource with the version that it had there.
    pub resources: Vec<(Arc<str>, Version)>,
}

/// A request that no proxy in its senses makes; the stream ends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// No type.
    #[error("a request on an aggregated stream says its type_url")]
    NoType,
    /// Too many types.
    #[error("a proxy may ask for {MOST_TYPES} types of resources on a stream")]
    Types,
    /// Too many names.
    #[error("a proxy may ask for {MOST_NAMES} resources by name on a stream")]
    Names,
    /// A name beyond all bounds.
    #[error("a resource's name has at most {LONGEST_NAME} bytes")]
    Name,
}

/// The subscriptions of a stream.
#[derive(Debug)]
pub struct Subscriptions {
    flavour: Flavour,
    types: BTreeMap<(u8, Arc<str>), Subscribed>,
    nonces: u64,
}

impl Subscriptions {
    /// Of a stream that just began.
    pub fn new(flavour: Flavour) -> Subscriptions {
        Subscriptions { flavour, types: BTreeMap::new(), nonces: 0 }
    }

    /// Takes a request.
    ///
    /// # Errors
    ///
    /// The request is beyond bounds; nothing of it counts.
    pub fn hear(&mut self, ask: Ask) -> Result<Heard, AskError> {
        if ask.type_url.is_empty() {
            return Err(AskError::NoType);
        }
        if ask.names().any(|name| name.len() > LONGEST_NAME) {
            return Err(AskError::Name);
        }
        let key = (rank(&ask.type_url), Arc::from(ask.type_url.as_str()));
        if !self.types.contains_key(&key) && self.types.len() >= MOST_TYPES {
            return Err(AskError::Types);
        }
        let others: usize =
            self.types.iter().filter(|(of, _)| **of != key).map(|(_, it)| it.names.len()).sum();
        let subscribed = self.types.entry(key.clone()).or_default();
        if others + subscribed.names.len() + ask.names().count() > 2 * MOST_NAMES {
            return Err(AskError::Names);
        }
        let heard = subscribed.hear(&key.1, ask);
        if others + subscribed.names.len() > MOST_NAMES {
            return Err(AskError::Names);
        }
        Ok(heard)
    }

    /// The next response, of what a proxy should have; none while there is nothing to say or an answer has to come first.
    pub fn next(&mut self, snapshot: &Snapshot) -> Option<Reply> {
        let keys: Vec<(u8, Arc<str>)> = self.types.keys().cloned().collect();
        for key in &keys {
            let is_idle = self.types.get(key).is_some_and(|it| it.pending.is_none());
            if !is_idle || self.has_to_wait(key, snapshot) {
                continue;
            }
            let may_remove = !is_leant_on(&key.1) || self.are_others_done(key, snapshot);
            let nonce = self.nonces + 1;
            let Some(subscribed) = self.types.get_mut(key) else { continue };
            let due = subscribed.due(self.flavour, &key.1, snapshot, may_remove);
            if let Some(due) = due {
                self.nonces = nonce;
                let version = subscribed.version(&due, &key.1, snapshot);
                subscribed.pending = Some(Sent { nonce, contents: due.contents(), all: due.all });
                return Some(Reply {
                    type_url: key.1.clone(),
                    nonce: nonce.to_string(),
                    version,
                    resources: due.resources,
                    removed: due.removed,
                });
            }
        }
        None
    }

    /// Whether the proxy has all that it asked for and should have. What it refuses it has not, though it is not sent again.
    pub fn is_in_sync(&self, snapshot: &Snapshot) -> bool {
        // A proxy that has a listener asks for the extensions that it names, if not at once.
        let extensions = self.types.get(&(rank(types::EXTENSION), Arc::from(types::EXTENSION)));
        let has = |name: &Arc<str>| {
            let version = snapshot.get(types::EXTENSION, name).map(|it| it.version);
            extensions.is_some_and(|it| version.is_some_and(|version| it.has(name, version)))
        };
        let has_extensions = !self.wants(types::LISTENER) || snapshot.named.iter().all(has);
        has_extensions
            && self.types.iter().all(|((_, type_url), it)| {
                it.pending.is_none()
                    && !it.is_due(self.flavour, type_url, snapshot, true)
                    && it.has_all(type_url, snapshot)
            })
    }

    /// Whether a type has been asked for.
    pub fn wants(&self, type_url: &str) -> bool {
        self.types.contains_key(&(rank(type_url), Arc::from(type_url)))
    }

    /// The types that were asked for, each with its names, and whether all of it is wanted.
    pub fn wanted(&self) -> impl Iterator<Item = (&Arc<str>, bool, impl Iterator<Item = &Arc<str>>)> {
        self.types.iter().map(|((_, type_url), it)| (type_url, it.is_wildcard, it.names.iter()))
    }

    /// Whether something that this type leans on has to arrive first.
    fn has_to_wait(&self, key: &(u8, Arc<str>), snapshot: &Snapshot) -> bool {
        self.types.iter().any(|((_, other), it)| {
            goes_after(&key.1, other)
                && (it.pending.is_some() || it.is_due(self.flavour, other, snapshot, false))
        })
    }

    /// Whether what leans on this type has all that it should have, so that what is not leant on any more may go.
    fn are_others_done(&self, key: &(u8, Arc<str>), snapshot: &Snapshot) -> bool {
        // A proxy that comes again with its clusters has listeners too, and will say so.
        let is_resumed = self.types.get(key).is_some_and(|it| it.is_resumed);
        if is_resumed && &*key.1 == types::CLUSTER && !self.wants(types::LISTENER) {
            return false;
        }
        self.types.iter().all(|((_, other), it)| {
            // What nobody has said anything of yet may lean on it.
            let is_known = !it.is_wildcard || snapshot.knows_all_of(other);
            let is_done = || it.pending.is_none() && !it.is_due(self.flavour, other, snapshot, true);
            !goes_after(other, &key.1) || (is_known && is_done())
        })
    }
}

#[cfg(test)]
mod tests;

//! One proxy that is connected: who it is, what it is to have, and what it said of that.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use burgee_api::resolve::Workload;
use tokio::sync::watch;

use super::report::Push;
use crate::in_force::InForce;
use crate::node::Node;
use crate::plugin_state::PluginState;
use crate::resource::{Snapshot, types};
use crate::subscription::{Flavour, Refusal};

/// How many refusals are remembered of a proxy.
const MOST_REFUSALS: usize = 8;
/// How much of a proxy's words is remembered, in characters.
const MOST_WORDS: usize = 2000;

/// What a proxy is to have.
#[derive(Clone, Debug)]
pub struct Given {
    /// Resources.
    pub snapshot: Arc<Snapshot>,
    /// Of which change.
    pub number: u64,
}

/// What is another of what a proxy is to have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Moved {
    /// Something is.
    pub anything: bool,
    /// Listeners are.
    pub listeners: bool,
}

/// A proxy that is connected.
pub struct Proxy {
    /// Its number among all that ever were.
    pub number: u64,
    /// The id of its node.
    pub node_id: Arc<str>,
    /// Its workload.
    pub workload: Arc<Workload>,
    /// The class of its base; empty where bases have none.
    pub class: Arc<str>,
    /// The class that it asked for.
    pub asked_class: Option<Arc<str>>,
    /// The version of its Envoy.
    pub envoy: Option<Arc<str>>,
    /// How it asks.
    pub flavour: Flavour,
    /// Since when it is connected.
    pub since: Instant,
    pub(super) given: watch::Sender<Given>,
    base: Mutex<Arc<Snapshot>>,
    status: Mutex<ProxyStatus>,
}

/// What a proxy said of what it was given.
#[derive(Clone, Debug, Default)]
pub struct ProxyStatus {
    /// The change of which it has everything that it asked for, and when it had it.
    pub has: Option<(u64, Instant)>,
    /// Whether it has everything of what it is to have now.
    pub is_in_sync: bool,
    /// What was in force when it had everything last, without anything that it could not take.
    pub good: Option<InForce>,
    /// The same of what it is to have now.
    pub wanted: Option<InForce>,
    /// What it refused, the last one last.
    pub refused: Vec<Refused>,
    /// What it tells of its plugins, by name.
    pub plugins: BTreeMap<Arc<str>, PluginState>,
    /// What it had when it told of them, if it had everything then.
    told_with: Option<InForce>,
    /// What was another of what it is to have, by which change.
    moved: (u64, Moved),
    /// What became of that, by which change.
    push: Option<(u64, Push)>,
}

/// A refusal, as it is remembered.
#[derive(Clone, Debug)]
pub struct Refused {
    /// When.
    pub at: Instant,
    /// The type of what was refused.
    pub type_url: Arc<str>,
    /// Its names.
    pub names: Vec<Arc<str>>,
    /// Why, in Envoy's words.
    pub error: String,
}

impl Proxy {
    pub(super) fn new(
        number: u64,
        node: Node,
        workload: Arc<Workload>,
        class: Arc<str>,
        flavour: Flavour,
        base: Arc<Snapshot>,
    ) -> Proxy {
        let nothing = Given { snapshot: Arc::new(Snapshot::default()), number: 0 };
        Proxy {
            number,
            node_id: node.id.into(),
            workload,
            class,
            asked_class: node.class.map(Arc::from),
            envoy: node.envoy.map(Arc::from),
            flavour,
            since: Instant::now(),
            given: watch::Sender::new(nothing),
            base: Mutex::new(base),
            status: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, ProxyStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it gets before policies.
    pub fn base(&self) -> Arc<Snapshot> {
        self.base.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Another base; says whether it is another.
    pub(super) fn rebase(&self, base: Arc<Snapshot>) -> bool {
        let mut old = self.base.lock().unwrap_or_else(PoisonError::into_inner);
        let is_other = !Arc::ptr_eq(&old, &base) && **old != *base;
        *old = base;
        is_other
    }

    /// Gives it what it is to have, unless it has something newer; says what of it is another than before its change. Nobody is
    /// woken for what is the same.
    pub(super) fn give(&self, given: Given, in_force: &InForce) -> Moved {
        let mut status = self.lock();
        let mut moved = Moved::default();
        self.given.send_if_modified(|old| {
            if given.number < old.number {
                return false;
            }
            let listeners = |given: &Given| given.snapshot.types.get(types::LISTENER).cloned();
            let is_moved = given.snapshot != old.snapshot;
            let is_other = is_moved || old.number == 0;
            // It may have had something of the same change already, such as by another base of its own.
            let before = if status.moved.0 == given.number { status.moved.1 } else { Moved::default() };
            moved.anything = is_moved || before.anything;
            moved.listeners = is_moved && listeners(&given) != listeners(old) || before.listeners;
            status.moved = (given.number, moved);
            // What it gets when it comes is nobody's change.
            let is_known = status.push.as_ref().is_some_and(|(number, _)| *number == given.number);
            if is_moved && old.number != 0 && !is_known {
                status.push = Some((given.number, Push::begin()));
            }
            status.wanted = Some(in_force.clone());
            status.is_in_sync &= !is_other;
            if status.is_in_sync {
                status.has = status.has.map(|(_, at)| (given.number, at));
                status.good = Some(in_force.clone());
            }
            *old = given;
            is_other
        });
        moved
    }

    /// Takes a change that is none for it, so that nothing of before is kept for its sake.
    pub(super) fn carry(&self, in_force: &InForce) {
        let mut status = self.lock();
        status.wanted = Some(in_force.clone());
        if status.is_in_sync {
            status.good = Some(in_force.clone());
        }
    }

    /// What it is to have now.
    pub fn given(&self) -> Given {
        self.given.borrow().clone()
    }

    /// What it said.
    pub fn status(&self) -> ProxyStatus {
        self.lock().clone()
    }

    /// Whether it has everything that it should have.
    pub fn is_in_sync(&self) -> bool {
        self.lock().is_in_sync
    }

    /// What its stream found: whether it has everything of this change.
    pub(super) fn note(&self, number: u64, is_in_sync: bool) {
        let mut status = self.lock();
        let is_current = self.given.borrow().number == number;
        let is_in_sync = is_in_sync && is_current;
        if is_in_sync == status.is_in_sync {
            return;
        }
        status.is_in_sync = is_in_sync;
        if is_in_sync {
            status.has = Some((number, Instant::now()));
            status.good = status.wanted.clone();
            if let Some((_, push)) = &mut status.push
                && push.ended.is_none()
            {
                push.ended = Some(Instant::now());
            }
        }
    }

    /// A response goes out to it, with so many resources and bytes.
    pub(super) fn sent(&self, resources: usize, bytes: usize) {
        if let Some((_, push)) = &mut self.lock().push
            && push.ended.is_none()
        {
            push.sent(resources, bytes);
        }
    }

    /// What became of a change here; none: it was no other for it, or another change came since.
    pub(super) fn push(&self, number: u64) -> Option<Push> {
        let status = self.lock();
        status.push.as_ref().filter(|(of, _)| *of == number).map(|(_, push)| push.clone())
    }

    /// Remembers a refusal.
    pub(super) fn refused(&self, refusal: &Refusal) {
        let mut status = self.lock();
        status.refused.push(Refused {
            at: Instant::now(),
            type_url: refusal.type_url.clone(),
            names: refusal.resources.iter().map(|(name, _)| name.clone()).collect(),
            error: words(&refusal.error),
        });
        if status.refused.len() > MOST_REFUSALS {
            status.refused.remove(0);
        }
        if let Some((_, push)) = &mut status.push {
            push.refuse(&refusal.type_url, &words(&refusal.error));
        }
    }

    /// Takes what it tells of its plugins; gives those that trapped since.
    pub(super) fn tell_of_plugins(&self, states: &[PluginState]) -> Vec<Trap> {
        let mut status = self.lock();
        let before = std::mem::take(&mut status.plugins);
        let good = if status.is_in_sync { status.good.clone() } else { None };
        let had = std::mem::replace(&mut status.told_with, good);
        let mut trapped = Vec::new();
        for state in states {
            // What trapped before this server knew of it is not news.
            if let Some(before) = before.get(state.name.as_str())
                && state.traps > before.traps
            {
                let (state, had) = (state.clone(), had.clone());
                trapped.push(Trap { state, had });
            }
            // Each report has all there is to tell, so what is not in it any more is gone.
            status.plugins.insert(state.name.as_str().into(), state.clone());
        }
        trapped
    }
}

/// A plugin that trapped since it was told of last.
#[derive(Clone, Debug)]
pub(super) struct Trap {
    /// What is told of it.
    pub state: PluginState,
    /// What the proxy had when it was told of last, if it had everything then.
    pub had: Option<InForce>,
}

/// A proxy's own words, as far as they are kept and told: a request may be some megabytes of them.
pub(super) fn words(error: &str) -> String {
    error.chars().take(MOST_WORDS).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap as Map;

    use burgee_api::resolve::WorkloadKind;
    use bytes::Bytes;

    use super::*;
    use crate::resource::Resource;

    #[test]
    fn what_a_change_moved_counts_for_it_whoever_gave_it_first() {
        let workload = Arc::new(Workload::new(WorkloadKind::Sidecar, "ns", "app", Map::new()));
        let node = Node {
            id: "node".to_owned(),
            workload: workload.clone(),
            class: None,
            envoy: None,
            bytes: Bytes::new(),
        };
        let base = Arc::new(Snapshot::default());
        let proxy = Proxy::new(1, node, workload, "all".into(), Flavour::Incremental, base);
        let given = |number, listener: &'static str| {
            let mut snapshot = Snapshot::default();
            let resource = Resource::new(types::LISTENER, "in", Bytes::from_static(listener.as_bytes()));
            snapshot.insert(types::LISTENER, Arc::new(resource));
            Given { snapshot: Arc::new(snapshot), number }
        };
        let give = |number, listener| proxy.give(given(number, listener), &InForce::nothing());
        let all = Moved { anything: true, listeners: true };
        assert_eq!(give(1, "one"), all);
        assert_eq!(give(2, "one"), Moved::default());
        // Another base of its own brought the third change before the third change came to it.
        assert_eq!(give(3, "two"), all);
        assert_eq!(give(3, "two"), all);
        assert_eq!(give(2, "one"), Moved::default(), "what is older comes to nothing");
        assert_eq!(give(4, "two"), Moved::default());
    }
}

//! What a proxy refuses, or what traps in it: who is to blame, and what it gets instead.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use burgee_api::DocumentId;
use burgee_api::resolve::PolicyDocument;
use burgee_overlay::{PLUGIN_PREFIX, plugin_extension_name, plugin_id};

use super::proxy::{Trap, words};
use super::{Fleet, Proxy, ProxyStatus};
use crate::holds::Hold;
use crate::in_force::InForce;
use crate::lay::owners;
use crate::subscription::{Refusal, names};

/// How many resources the log names of a response that was refused.
const MOST_NAMES: usize = 8;

impl Fleet {
    /// Takes a proxy's refusal: what is to blame is held back from it, and it gets what was good before.
    pub fn refused(self: &Arc<Self>, proxy: &Arc<Proxy>, refusal: &Refusal) {
        proxy.refused(refusal);
        self.refusals.fetch_add(1, Ordering::Relaxed);
        let error = words(&refusal.error);
        let names = refusal.resources.iter().map(|(name, _)| &**name);
        let told: Vec<&str> = names.take(MOST_NAMES).collect();
        let more = refusal.resources.len() - told.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        log::warn!(target: "proxy", "{} refuses {} {}{more}: {error}", proxy.node_id, refusal.type_url,
            told.join(", "));
        let given = proxy.given();
        let is_current = refusal.resources.iter().any(|(name, version)| {
            given.snapshot.get(&refusal.type_url, name).is_some_and(|it| it.version == *version)
        });
        let status = proxy.status();
        let Some(wanted) = status.wanted.clone().filter(|_| is_current) else { return };
        let blamed = blamed(proxy, &wanted, &status, refusal);
        let is_other_mesh = |good: &InForce| !wanted.policies.has_same_mesh(&good.policies);
        let mut holds: Vec<Hold> = Vec::new();
        let hold = |document: Option<DocumentId>, refused, kept| Hold {
            document,
            refused,
            kept,
            error: error.clone(),
            since: SystemTime::now(),
        };
        for id in blamed {
            let Some(refused) = wanted.version_of(&id) else { continue };
            let kept = status.good.clone().filter(|good| good.version_of(&id).is_some());
            holds.push(hold(Some(id), refused, kept));
        }
        let in_force = self.in_force().0;
        if holds.is_empty() {
            match status.good.clone().filter(is_other_mesh) {
                Some(good) => holds.push(hold(None, in_force.version(), Some(good))),
                None => {
                    log::error!(target: "proxy", "{}: no document is to blame, so it keeps what it has", proxy.node_id);
                    return;
                }
            }
        }
        self.hold(proxy, holds);
    }

    /// Takes that a plugin trapped: the version before it comes back, if there was one that this server remembers.
    pub(super) fn refused_by_trap(self: &Arc<Self>, proxy: &Arc<Proxy>, trap: &Trap) {
        let Trap { state, had } = trap;
        let status = proxy.status();
        let Some(wanted) = status.wanted else { return };
        let Some(key) = state.name.strip_prefix(PLUGIN_PREFIX).and_then(plugin_id) else { return };
        let documents = wanted.policies.documents_of(&proxy.workload);
        let document = documents.into_iter().find_map(|document| match document {
            PolicyDocument::Extension(plugin) if plugin.key() == key => Some(plugin.meta.id.clone()),
            _ => None,
        });
        let Some(id) = document else { return };
        let Some(refused) = wanted.version_of(&id) else { return };
        // Counters come some seconds late. Where the plugin was another meanwhile, it may be that one's traps that are told, and to
        // take a fix away would bring them back. If it is this one that traps, it will be told again.
        let is_of_this_one = had.as_ref().and_then(|had| had.version_of(&id)) == Some(refused);
        if !is_of_this_one {
            log::info!(target: "proxy", "{}: {key} trapped, maybe before it was changed; traps counted so far: {}",
                proxy.node_id, state.traps);
            return;
        }
        let kept = self
            .lock()
            .history
            .iter()
            .rev()
            .find(|old| old.version_of(&id).is_some_and(|version| version != refused))
            .cloned();
        let error = format!("{key} trapped; traps counted so far: {}", state.traps);
        log::warn!(target: "proxy", "{}: {error}", proxy.node_id);
        let Some(kept) = kept else { return };
        self.hold(
            proxy,
            vec![Hold { document: Some(id), refused, kept: Some(kept), error, since: SystemTime::now() }],
        );
    }

    fn hold(self: &Arc<Self>, proxy: &Arc<Proxy>, holds: Vec<Hold>) {
        for hold in holds {
            let what = hold.document.as_ref().map_or("everything".to_owned(), ToString::to_string);
            let instead = if hold.kept.is_some() { "its last good version" } else { "what stands for none" };
            log::warn!(target: "proxy", "{} gets {instead} of {what}", proxy.node_id);
            self.lock().holds.add(&proxy.node_id, hold);
        }
        self.held.send_modify(|held| *held += 1);
        self.again(proxy);
    }

    /// How often something was held back or let go, to be waited for.
    pub fn held(&self) -> tokio::sync::watch::Receiver<u64> {
        self.held.subscribe()
    }
}

/// The documents that are to blame for a refusal: those with a say in what was refused, as far as they are other than when
/// the proxy had everything last; and only those that the proxy names, if it names any.
fn blamed(proxy: &Proxy, wanted: &InForce, status: &ProxyStatus, refusal: &Refusal) -> BTreeSet<DocumentId> {
    let base = proxy.base();
    let effective = wanted.policies.resolve(&proxy.workload);
    let owners = owners(&base, &effective, &wanted.options_for(&proxy.workload, &base));
    let is_refused = |(type_url, of): &(&str, Arc<str>)| {
        *type_url == &*refusal.type_url && refusal.resources.iter().any(|(name, _)| name == of)
    };
    let with_a_say =
        owners.iter().filter(|(resource, _)| is_refused(resource)).flat_map(|(_, owners)| owners);
    let is_new = |id: &DocumentId| {
        let before = status.good.as_ref().and_then(|good| good.version_of(id));
        before != wanted.version_of(id)
    };
    let new: BTreeSet<DocumentId> = with_a_say.filter(|id| is_new(id)).cloned().collect();
    let plugins = effective.classes.values().flat_map(|class| &class.plugins);
    let named = plugins.filter(|plugin| names(&refusal.error, &plugin_extension_name(plugin)));
    let named: BTreeSet<DocumentId> =
        named.map(|plugin| plugin.document.meta.id.clone()).filter(|id| new.contains(id)).collect();
    if named.is_empty() { new } else { named }
}

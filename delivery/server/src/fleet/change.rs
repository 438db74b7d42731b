//! Changes: of policies and of bases. Only what a change concerns is computed again.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use burgee_api::resolve::{PolicyDocument, Workload, WorkloadIndex, affected};

use super::report::{self, ChangeEnd, ChangeReport, OVERDUE, Step};
use super::{Bases, Fleet, Proxy, REMEMBERED};
use crate::in_force::InForce;
use crate::resource::{Snapshot, Version};

/// How often it is looked whether a change has come to all.
const LOOK: Duration = Duration::from_millis(20);
/// The same of one that some proxy may never take.
const LOOK_OVERDUE: Duration = Duration::from_secs(1);

/// The workloads of all proxies, found by labels.
pub(super) struct Index {
    workloads: WorkloadIndex,
    /// The proxies of each, in the order of the index.
    proxies: Vec<Vec<Arc<Proxy>>>,
}

/// Whom a change concerned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Concerned {
    /// Which change it was.
    pub number: u64,
    /// How many proxies were connected.
    pub connected: usize,
    /// For how many it was looked whether they get something else.
    pub concerned: usize,
    /// How many get something else.
    pub changed: usize,
    /// For how many of them listeners are others, which drain; the rest takes effect in place.
    pub drained: usize,
}

/// A change on its way to proxies.
struct Followed {
    change: Concerned,
    in_force: Version,
    is_of_bases: bool,
    begun: Instant,
    steps: Vec<Step>,
}

impl Fleet {
    /// Puts policies and modules in force.
    pub async fn publish(self: &Arc<Self>, in_force: InForce) -> Concerned {
        self.publish_after(in_force, Vec::new()).await
    }

    /// The same after some steps, for its report.
    pub async fn publish_after(self: &Arc<Self>, in_force: InForce, mut steps: Vec<Step>) -> Concerned {
        let _one = self.changing.lock().await;
        let begun = Instant::now();
        let (old, number, index, let_go) = {
            let mut inner = self.lock();
            let old = std::mem::replace(&mut inner.in_force, in_force.clone());
            inner.is_published = true;
            // Only what a plugin was before is ever asked for.
            if has_other_plugins(&old, &in_force) {
                inner.history.push_back(old.clone());
                while inner.history.len() > REMEMBERED {
                    inner.history.pop_front();
                }
            }
            inner.number += 1;
            let number = inner.number;
            // A document that is another by now is tried again, wherever it was refused.
            let let_go = inner.holds.let_go(&in_force);
            let index = inner.index();
            (old, number, index, let_go)
        };
        if !let_go.is_empty() {
            self.held.send_modify(|held| *held += 1);
        }
        let mut proxies = concerned(&index, &old, &in_force);
        proxies
            .extend(index.proxies.iter().flatten().filter(|proxy| let_go.contains(&*proxy.node_id)).cloned());
        proxies.sort_by_key(|proxy| proxy.number);
        proxies.dedup_by_key(|proxy| proxy.number);
        let connected = index.proxies.iter().map(Vec::len).sum();
        let (changed, drained) = self.compute(&proxies, number).await;
        self.carry(&index, &proxies, &in_force);
        let found = Concerned { number, connected, concerned: proxies.len(), changed, drained };
        steps.push(Step::since("compute", begun));
        let version = in_force.version();
        self.follow(Followed { change: found, in_force: version, is_of_bases: false, begun, steps });
        log::info!(target: "push", "change {number} ({}): {changed} of {connected} proxies get something else, {drained} by draining listeners; {} ms",
            version, begun.elapsed().as_millis());
        found
    }

    /// Has proxies that a change does not concern let go of what was in force before.
    fn carry(&self, index: &Index, concerned: &[Arc<Proxy>], in_force: &InForce) {
        let concerned: HashSet<u64> = concerned.iter().map(|proxy| proxy.number).collect();
        // Whoever holds something back from one of them waits, and has the last word.
        let inner = self.lock();
        for proxy in index.proxies.iter().flatten() {
            if !concerned.contains(&proxy.number) && inner.holds.of(&proxy.node_id).is_empty() {
                proxy.carry(in_force);
            }
        }
    }

    /// Puts bases in the place of those of before.
    pub async fn rebase(self: &Arc<Self>, bases: Arc<dyn Bases>) -> Concerned {
        let _one = self.changing.lock().await;
        let begun = Instant::now();
        let (proxies, number) = {
            let mut inner = self.lock();
            inner.bases = Some(bases);
            inner.number += 1;
            let proxies: Vec<Arc<Proxy>> = inner.proxies.values().cloned().collect();
            let mut moved = Vec::new();
            for proxy in &proxies {
                match inner.base_of(&proxy.workload, proxy.asked_class.as_deref()) {
                    Ok((_, base)) => {
                        if proxy.rebase(base) {
                            moved.push(proxy.clone());
                        }
                    }
                    // It keeps what it has.
                    Err(error) => log::warn!(target: "base", "{}: {error}", proxy.node_id),
                }
            }
            (moved, inner.number)
        };
        let connected = self.lock().proxies.len();
        let (changed, drained) = self.compute(&proxies, number).await;
        let found = Concerned { number, connected, concerned: proxies.len(), changed, drained };
        let steps = vec![Step::since("compute", begun)];
        let in_force = self.in_force().0.version();
        self.follow(Followed { change: found, in_force, is_of_bases: true, begun, steps });
        log::info!(target: "push", "change {number} (base): {changed} of {connected} proxies get something else, {drained} by draining listeners");
        found
    }

    /// Says when the last proxy has what a change gave it, unless another change comes before that.
    fn follow(self: &Arc<Self>, followed: Followed) {
        let (change, begun) = (followed.change, followed.begun);
        *self.last_change.lock().unwrap_or_else(PoisonError::into_inner) = Some((change, None));
        let fleet = self.clone();
        tokio::spawn(async move {
            let mut untold = Some(followed);
            loop {
                if fleet.lock().number != change.number {
                    return fleet.report(untold, ChangeEnd::Superseded);
                }
                let behind = fleet.behind();
                if behind == 0 {
                    break;
                }
                let is_overdue = begun.elapsed() > OVERDUE;
                if is_overdue {
                    fleet.report(untold.take(), ChangeEnd::Overdue);
                }
                tokio::time::sleep(if is_overdue { LOOK_OVERDUE } else { LOOK }).await;
            }
            let took = begun.elapsed();
            *fleet.last_change.lock().unwrap_or_else(PoisonError::into_inner) = Some((change, Some(took)));
            if change.changed > 0 {
                log::info!(target: "push", "change {}: the last of {} proxies has it after {} ms", change.number,
                    change.changed, took.as_millis());
            }
            fleet.report(untold, ChangeEnd::Complete);
        });
    }

    /// Tells how a change went, if somebody wants to know and was not told.
    fn report(&self, followed: Option<Followed>, end: ChangeEnd) {
        let (Some(followed), Some(reports)) = (followed, self.reports.get()) else { return };
        let Followed { change, in_force, is_of_bases, begun: _, steps } = followed;
        let ended = Instant::now();
        let (pushes, left_out) = report::pushes(&self.proxies(), change, ended);
        let report = ChangeReport { change, in_force, is_of_bases, steps, end, ended, pushes, left_out };
        if reports.try_send(report).is_err() {
            self.lose_report();
        }
    }

    /// One proxy's own base is another.
    pub fn rebase_one(&self, proxy: &Arc<Proxy>, base: Arc<Snapshot>) {
        if proxy.rebase(base) {
            self.again(proxy);
        }
    }

    /// Computes for one proxy what it is to have by what is in force.
    pub(super) fn again(&self, proxy: &Arc<Proxy>) {
        let (in_force, number) = {
            let mut inner = self.lock();
            (inner.for_proxy(&proxy.node_id), inner.number)
        };
        self.give(proxy, &in_force, number, &mut HashMap::new());
    }

    /// Computes what proxies are to have; says for how many it is something else. Proxies whose policies, workloads and
    /// bases are the same are computed once.
    async fn compute(self: &Arc<Self>, proxies: &[Arc<Proxy>], number: u64) -> (usize, usize) {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(4);
        // Those of a workload side by side, so that they are computed once.
        let mut proxies = proxies.to_vec();
        proxies.sort_by(|a, b| {
            let (a, b) = (&a.workload, &b.workload);
            (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name))
        });
        let size = proxies.len().div_ceil(threads).max(1);
        let mut running = Vec::new();
        for part in proxies.chunks(size) {
            let (fleet, part) = (self.clone(), part.to_vec());
            running.push(tokio::task::spawn_blocking(move || {
                let mut memo = HashMap::new();
                let (mut changed, mut drained) = (0, 0);
                for proxy in &part {
                    let in_force = fleet.lock().for_proxy(&proxy.node_id);
                    let moved = fleet.give(proxy, &in_force, number, &mut memo);
                    changed += usize::from(moved.anything);
                    drained += usize::from(moved.listeners);
                }
                (changed, drained)
            }));
        }
        let (mut changed, mut drained) = (0, 0);
        for part in running {
            match part.await {
                Ok(of_part) => {
                    changed += of_part.0;
                    drained += of_part.1;
                }
                Err(error) => log::error!(target: "push", "a change was not computed for all: {error}"),
            }
        }
        (changed, drained)
    }
}

impl super::Inner {
    fn index(&mut self) -> Arc<Index> {
        if let Some(index) = &self.index {
            return index.clone();
        }
        let mut numbers: HashMap<usize, usize> = HashMap::new();
        let mut workloads: Vec<Workload> = Vec::new();
        let mut proxies: Vec<Vec<Arc<Proxy>>> = Vec::new();
        for proxy in self.proxies.values() {
            let number = *numbers.entry(Arc::as_ptr(&proxy.workload) as usize).or_insert_with(|| {
                workloads.push((*proxy.workload).clone());
                proxies.push(Vec::new());
                workloads.len() - 1
            });
            if let Some(alike) = proxies.get_mut(number) {
                alike.push(proxy.clone());
            }
        }
        let index = Arc::new(Index { workloads: WorkloadIndex::new(workloads), proxies });
        self.index = Some(index.clone());
        index
    }
}

/// Whether some plugin was other than it is.
fn has_other_plugins(old: &InForce, new: &InForce) -> bool {
    let documents = old.policies.documents().into_iter();
    let mut plugins = documents.filter(|document| matches!(document, PolicyDocument::Extension(_)));
    plugins.any(|plugin| {
        let id = &plugin.meta().id;
        old.version_of(id) != new.version_of(id)
    })
}

/// The proxies that a change of policies or modules concerns.
fn concerned(index: &Index, old: &InForce, new: &InForce) -> Vec<Arc<Proxy>> {
    let of = |number: &usize| index.proxies.get(*number).into_iter().flatten().cloned();
    let is_same_for_all = old.options.module == new.options.module
        && old.options.delivery == new.options.delivery
        && old.options.index == new.options.index
        && old.options.envoy == new.options.envoy;
    if !is_same_for_all {
        return index.proxies.iter().flatten().cloned().collect();
    }
    let mut numbers = affected(&old.policies, &new.policies, &index.workloads);
    for document in new.policies.documents() {
        let PolicyDocument::Extension(plugin) = document else { continue };
        let key = plugin.key();
        if old.options.plugins.get(&key) != new.options.plugins.get(&key) {
            numbers.extend(document.reach(&new.policies, &index.workloads));
        }
    }
    numbers.sort_unstable();
    numbers.dedup();
    numbers.iter().flat_map(of).collect()
}

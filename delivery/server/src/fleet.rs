//! Every proxy that is connected, and what each is to have: recomputed when policies or bases change, for those alone whom
//! it concerns, and put back for a proxy that cannot take it.

mod change;
mod proxy;
mod refused;
mod report;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use burgee_api::resolve::{Effective, PolicySet, Workload};
use burgee_overlay::is_about_workload;
use tokio::sync::{Semaphore, mpsc, watch};

pub use self::change::Concerned;
use self::proxy::Moved;
pub use self::proxy::{Given, Proxy, ProxyStatus, Refused};
pub use self::report::{ChangeEnd, ChangeReport, MOST_PUSHES, Push, PushReport, RefusedPush, Step};
use crate::holds::Holds;
use crate::in_force::InForce;
use crate::lay::lay;
use crate::node::Node;
use crate::plugin_state::PluginState;
use crate::resource::Snapshot;
use crate::status::ProblemReport;
use crate::store::Store;
use crate::subscription::Flavour;

/// Where bases come from.
pub trait Bases: Send + Sync {
    /// The base of a workload's proxy, and the name of its class; none: there is none for it.
    fn of(&self, workload: &Workload, class: Option<&str>) -> Option<(Arc<str>, Arc<Snapshot>)>;
}

/// Bounds, with their defaults.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How many proxies may be connected.
    pub proxies: usize,
    /// How large a request may be, in bytes.
    pub request_bytes: usize,
    /// How many bytes of large responses may be under way to proxies at a time: what modules take of memory.
    pub bytes_under_way: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { proxies: 20_000, request_bytes: 4 << 20, bytes_under_way: 64 << 20 }
    }
}

/// Why a proxy is not served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// There are too many.
    #[error("{0} proxies are connected, and no more are allowed")]
    Full(usize),
    /// Nobody knows what it should have.
    #[error("there is no base for {workload}{class}; see the folder's class.yaml files")]
    NoBase {
        /// Its workload.
        workload: String,
        /// The class that it names, in words.
        class: String,
    },
    /// The server ends.
    #[error("this server is ending; connect again")]
    Ending,
}

/// How many changes are remembered, for what is put back.
const REMEMBERED: usize = 16;

/// All proxies of a server.
pub struct Fleet {
    inner: Mutex<Inner>,
    /// One change at a time.
    changing: tokio::sync::Mutex<()>,
    store: Store,
    /// What was computed for proxies that came since the last change.
    joined: Mutex<(u64, Memo)>,
    limits: Limits,
    pace: Arc<Semaphore>,
    ending: watch::Sender<bool>,
    /// The last change, and how long it took until the last proxy had it.
    last_change: Mutex<Option<(Concerned, Option<Duration>)>>,
    /// How often something was held back or let go.
    held: watch::Sender<u64>,
    pushes: AtomicU64,
    refusals: AtomicU64,
    problems: Mutex<Vec<ProblemReport>>,
    /// Who is told how changes went.
    reports: OnceLock<mpsc::Sender<ChangeReport>>,
    lost_reports: AtomicU64,
}

struct Inner {
    in_force: InForce,
    /// What was in force before, the last one last.
    history: VecDeque<InForce>,
    /// Whether anything was ever put in force.
    is_published: bool,
    /// How many changes there were.
    number: u64,
    bases: Option<Arc<dyn Bases>>,
    proxies: BTreeMap<u64, Arc<Proxy>>,
    /// Their numbers, by the ids of their nodes.
    by_node: HashMap<Arc<str>, Vec<u64>>,
    last: u64,
    holds: Holds,
    /// Workloads of connected proxies, each once.
    workloads: HashMap<String, Vec<Arc<Workload>>>,
    /// Those of them, found by labels, as of when somebody came or went last.
    index: Option<Arc<change::Index>>,
}

impl Fleet {
    /// Without any proxy, policy or base.
    pub fn new(limits: Limits, holds: Holds) -> Fleet {
        // In units of a kibibyte, since permits are counted in 32 bits.
        let pace = (limits.bytes_under_way / 1024).clamp(1, Semaphore::MAX_PERMITS);
        Fleet {
            inner: Mutex::new(Inner {
                in_force: InForce::nothing(),
                history: VecDeque::new(),
                is_published: false,
                number: 0,
                bases: None,
                proxies: BTreeMap::new(),
                by_node: HashMap::new(),
                last: 0,
                holds,
                workloads: HashMap::new(),
                index: None,
            }),
            changing: tokio::sync::Mutex::default(),
            store: Store::default(),
            joined: Mutex::default(),
            limits,
            pace: Arc::new(Semaphore::new(pace)),
            ending: watch::Sender::new(false),
            last_change: Mutex::default(),
            held: watch::Sender::new(0),
            pushes: AtomicU64::new(0),
            refusals: AtomicU64::new(0),
            problems: Mutex::default(),
            reports: OnceLock::new(),
            lost_reports: AtomicU64::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bounds.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What bounds the bytes under way, in kibibytes.
    pub(crate) fn pace(&self) -> &Arc<Semaphore> {
        &self.pace
    }

    /// Takes a proxy in. `base`: what it gets before policies, where that is not by its workload.
    ///
    /// # Errors
    ///
    /// It cannot be served.
    pub fn join(
        self: &Arc<Self>,
        node: Node,
        flavour: Flavour,
        base: Option<Arc<Snapshot>>,
    ) -> Result<Member, JoinError> {
        if *self.ending.borrow() {
            return Err(JoinError::Ending);
        }
        let (proxy, in_force, number) = {
            let mut inner = self.lock();
            if inner.proxies.len() >= self.limits.proxies {
                return Err(JoinError::Full(inner.proxies.len()));
            }
            let workload = inner.once(node.workload.clone());
            let (class, base) = match base {
                Some(base) => (Arc::from(""), base),
                None => inner.base_of(&workload, node.class.as_deref())?,
            };
            inner.last += 1;
            let proxy = Arc::new(Proxy::new(inner.last, node, workload, class, flavour, base));
            inner.proxies.insert(proxy.number, proxy.clone());
            inner.by_node.entry(proxy.node_id.clone()).or_default().push(proxy.number);
            inner.index = None;
            (proxy.clone(), inner.for_proxy(&proxy.node_id), inner.number)
        };
        self.give_to_new(&proxy, &in_force, number);
        log::info!(target: "proxy", "{} connected: {} of Envoy {}, {}", proxy.node_id, proxy.workload,
            proxy.envoy.as_deref().unwrap_or("?"), flavour.name());
        Ok(Member {
            fleet: self.clone(),
            given: proxy.given.subscribe(),
            proxy,
            ending: self.ending.subscribe(),
        })
    }

    /// Gives a proxy that has just come what it is to have. Others of its workload may have come before it.
    fn give_to_new(&self, proxy: &Proxy, in_force: &InForce, number: u64) {
        let mut memo = {
            let mut joined = self.joined.lock().unwrap_or_else(PoisonError::into_inner);
            if joined.0 != number {
                *joined = (number, Memo::new());
            }
            let key = memo_key(&proxy.base(), &proxy.workload, in_force);
            let known = joined.1.get(&key).cloned().unwrap_or_default();
            Memo::from([(key, known)])
        };
        self.give(proxy, in_force, number, &mut memo);
        let mut joined = self.joined.lock().unwrap_or_else(PoisonError::into_inner);
        if joined.0 == number {
            joined.1.extend(memo);
        }
    }

    /// Lays policies over a proxy's base and gives it the result, unless it has a newer one; says what of it is another.
    fn give(&self, proxy: &Proxy, in_force: &InForce, number: u64, memo: &mut Memo) -> Moved {
        let base = proxy.base();
        let workload = &proxy.workload;
        let effective = Arc::new(in_force.policies.resolve(workload));
        let alike = memo.entry(memo_key(&base, workload, in_force)).or_default();
        let is_same = |made: &&Made| {
            made.effective.classes == effective.classes
                && made.effective.workload.kind == workload.kind
                && (made.effective.workload.identity() == workload.identity()
                    || !is_about_workload(&effective, &in_force.options))
        };
        let found = alike.iter().find(is_same).map(|made| made.snapshot.clone());
        let snapshot = found.unwrap_or_else(|| {
            let options = in_force.options_for(workload, &base);
            let laid = lay(&base, &effective, &options, &self.store);
            for fault in &laid.faults {
                log::error!(target: "lay", "{workload}: {fault}");
            }
            let snapshot = Arc::new(laid.snapshot);
            if alike.len() < MOST_ALIKE {
                let (_policies, snapshot) = (in_force.policies.clone(), snapshot.clone());
                alike.push(Made { effective, _policies, snapshot, _base: base.clone() });
            }
            snapshot
        });
        proxy.give(Given { snapshot, number }, in_force)
    }

    /// Ends every stream, so that proxies go to another server, and takes no more.
    pub fn end(&self) {
        self.ending.send_replace(true);
    }

    /// How many responses were sent since the start.
    pub fn pushes(&self) -> u64 {
        self.pushes.load(Ordering::Relaxed)
    }

    /// How many responses were refused since the start.
    pub fn refusals(&self) -> u64 {
        self.refusals.load(Ordering::Relaxed)
    }

    /// How many different resources proxies have.
    pub fn resources(&self) -> usize {
        self.store.count()
    }

    /// Every proxy that is connected, in the order in which they came.
    pub fn proxies(&self) -> Vec<Arc<Proxy>> {
        self.lock().proxies.values().cloned().collect()
    }

    /// What is in force, and how many changes there were.
    pub fn in_force(&self) -> (InForce, u64) {
        let inner = self.lock();
        (inner.in_force.clone(), inner.number)
    }

    /// Takes what an earlier server held back.
    pub fn restore(&self, holds: Holds) {
        self.lock().holds = holds;
    }

    /// What is held back from proxies.
    pub fn holds(&self) -> Holds {
        self.lock().holds.clone()
    }

    /// What is wrong with documents and bases, as whoever reads them says.
    pub fn problems(&self) -> Vec<ProblemReport> {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says what is wrong with documents and bases now.
    pub fn tell_of_problems(&self, problems: Vec<ProblemReport>) {
        *self.problems.lock().unwrap_or_else(PoisonError::into_inner) = problems;
    }

    /// How changes went from now on, each when the last proxy has it. None: somebody else is told already.
    pub fn reports(&self) -> Option<mpsc::Receiver<ChangeReport>> {
        let (sender, receiver) = mpsc::channel(report::WAITING);
        self.reports.set(sender).ok().map(|()| receiver)
    }

    /// How many reports of changes nobody had.
    pub fn lost_reports(&self) -> u64 {
        self.lost_reports.load(Ordering::Relaxed)
    }

    /// A report came to nothing.
    pub fn lose_report(&self) {
        self.lost_reports.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether there is something to serve, and it goes on.
    pub fn is_ready(&self, needs_base: bool) -> bool {
        let inner = self.lock();
        inner.is_published && (!needs_base || inner.bases.is_some()) && !*self.ending.borrow()
    }

    /// The last change, and how long it took until the last proxy that it concerned had it; none: it is under way.
    pub fn last_change(&self) -> Option<(Concerned, Option<Duration>)> {
        *self.last_change.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many proxies do not have what they should have.
    pub fn behind(&self) -> usize {
        let inner = self.lock();
        inner.proxies.values().filter(|proxy| !proxy.is_in_sync()).count()
    }

    /// The proxies that are connected with a node of this id: one, unless somebody gave two the same.
    pub(crate) fn of_node(&self, node_id: &str) -> Vec<Arc<Proxy>> {
        let inner = self.lock();
        let numbers = inner.by_node.get(node_id).into_iter().flatten();
        numbers.filter_map(|number| inner.proxies.get(number).cloned()).collect()
    }

    /// Takes what a proxy tells of its plugins' VMs.
    pub fn tell_of_plugins(self: &Arc<Self>, node_id: &str, states: Vec<PluginState>) {
        for proxy in self.of_node(node_id) {
            let trapped = proxy.tell_of_plugins(&states);
            for trap in trapped {
                self.refused_by_trap(&proxy, &trap);
            }
        }
    }
}

/// What tells apart what is computed. Pods of a workload differ in what decides about nothing, mostly; what comes of it is
/// compared, so it need not be known what that is.
fn memo_key(base: &Arc<Snapshot>, workload: &Workload, in_force: &InForce) -> MemoKey {
    let (base, policies) = (Arc::as_ptr(base) as usize, Arc::as_ptr(&in_force.policies) as usize);
    (base, policies, workload.namespace.clone(), workload.name.clone())
}

type MemoKey = (usize, usize, String, String);

/// What was computed within one change, by base, policies and a workload's name.
type Memo = HashMap<MemoKey, Vec<Made>>;

/// How many different ones of a workload's name are remembered.
const MOST_ALIKE: usize = 4;

#[derive(Clone)]
struct Made {
    effective: Arc<Effective>,
    /// So that no other ones get their address.
    _policies: Arc<PolicySet>,
    snapshot: Arc<Snapshot>,
    /// So that no other one gets its address.
    _base: Arc<Snapshot>,
}

impl Inner {
    /// The same workload, which others may have too.
    fn once(&mut self, workload: Arc<Workload>) -> Arc<Workload> {
        let alike = self.workloads.entry(workload.to_string()).or_default();
        alike.retain(|it| Arc::strong_count(it) > 1);
        if let Some(found) = alike.iter().find(|it| ***it == *workload) {
            return found.clone();
        }
        alike.push(workload.clone());
        workload
    }

    fn base_of(
        &self,
        workload: &Workload,
        class: Option<&str>,
    ) -> Result<(Arc<str>, Arc<Snapshot>), JoinError> {
        let found = self.bases.as_ref().and_then(|bases| bases.of(workload, class));
        found.ok_or_else(|| JoinError::NoBase {
            workload: workload.to_string(),
            class: class.map(|class| format!(" of the class {class:?}")).unwrap_or_default(),
        })
    }

    /// What is in force for a proxy.
    fn for_proxy(&mut self, node_id: &str) -> InForce {
        self.holds.apply(node_id, &self.in_force)
    }
}

/// A proxy that is connected, as its stream has it. It leaves when this is dropped.
pub struct Member {
    pub(crate) fleet: Arc<Fleet>,
    /// The proxy.
    pub proxy: Arc<Proxy>,
    /// What it is to have.
    pub given: watch::Receiver<Given>,
    /// Whether the server ends.
    pub ending: watch::Receiver<bool>,
}

impl Member {
    /// A response goes out, with so many resources and bytes.
    pub fn sent(&self, resources: usize, bytes: usize) {
        self.fleet.pushes.fetch_add(1, Ordering::Relaxed);
        self.proxy.sent(resources, bytes);
    }

    /// The proxy has, or has not, everything that it should have.
    pub fn note(&self, number: u64, is_in_sync: bool) {
        self.proxy.note(number, is_in_sync);
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut inner = self.fleet.lock();
        inner.proxies.remove(&self.proxy.number);
        if let Some(numbers) = inner.by_node.get_mut(&self.proxy.node_id) {
            numbers.retain(|number| *number != self.proxy.number);
            if numbers.is_empty() {
                inner.by_node.remove(&self.proxy.node_id);
            }
        }
        inner.index = None;
        drop(inner);
        let lasted = self.proxy.since.elapsed().as_secs();
        log::info!(target: "proxy", "{} disconnected after {lasted} s", self.proxy.node_id);
    }
}

/// A time as JSON and logs have it: seconds since 1970, with milliseconds.
pub(crate) fn seconds(time: SystemTime) -> f64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    (since.as_secs_f64() * 1000.0).round() / 1000.0
}

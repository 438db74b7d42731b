//! What a running mesh shows while it runs, for whoever draws it: kept by tasks of its own, read as a copy.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::watch;

use crate::summary::{AccessLogSummary, MetricSummary, PluginSummary, SpanSummary};

/// How many log lines are kept.
pub const KEPT_LOGS: usize = 1000;
/// How many spans are kept.
pub const KEPT_SPANS: usize = 2000;

/// How many of the things that plugins say are kept.
pub const KEPT_WORDS: usize = 200;

/// A view into a running mesh. Cheap to clone; it stays readable when the mesh has ended.
#[derive(Clone, Debug)]
pub struct Live {
    state: Arc<Mutex<Snapshot>>,
    changed: watch::Sender<u64>,
}

/// What a mesh shows at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Every process: gateways, then each sidecar followed by its app, then the receiver.
    pub parts: Vec<Part>,
    /// Every `istio_*` series, ordered as in the summary.
    pub metrics: Vec<LiveMetric>,
    /// The last lines, the newest last; at most [`KEPT_LOGS`].
    pub access_logs: Vec<AccessLogSummary>,
    /// The last spans as they came, the newest last; at most [`KEPT_SPANS`].
    pub spans: Vec<SpanSummary>,
    /// The plugins in force.
    pub plugins: Vec<PluginSummary>,
    /// What plugins said last, the newest last; at most [`KEPT_WORDS`].
    pub words: Vec<PluginWords>,
    /// How much they said since the start.
    pub words_seen: u64,
    /// How many lines came since the start.
    pub logs_seen: u64,
    /// How many spans came since the start.
    pub spans_seen: u64,
}

/// What a plugin says in a proxy's log, or what the proxy says of one that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginWords {
    /// The proxy, as `namespace/name`.
    pub proxy: String,
    /// The plugin, as `namespace/name`. None for what measures, and where the proxy does not say which one failed.
    pub plugin: Option<String>,
    /// The level, as Envoy writes it.
    pub level: String,
    /// What it says; may have several lines.
    pub text: String,
}

/// A process of a mesh.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// The workload, as `namespace/name`; `receiver` for the receiver.
    pub name: String,
    /// Its process.
    pub pid: u32,
    /// Where it listens, as `127.0.0.1:PORT`: an Envoy's admin page, an app's or the receiver's port.
    pub address: String,
    /// How it is.
    pub state: PartState,
    /// What it said last, when it has ended and nobody asked it to; may have several lines. Empty otherwise.
    pub last_words: String,
    /// Requests per second over the last seconds: answered by an app, received by a proxy's listeners; records per
    /// second of the receiver.
    pub per_second: f64,
}

/// What a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PartKind {
    /// An Envoy where traffic enters.
    Gateway,
    /// An Envoy beside a workload.
    Sidecar,
    /// A workload.
    App,
    /// The collector that proxies report to.
    Receiver,
}

/// How a process is.
#[derive(Clone, Debug, PartialEq)]
pub enum PartState {
    /// It runs.
    Running,
    /// It runs and has not answered since then. Once it answers again, it is [`PartState::Running`]. What the receiver
    /// is asked is no question, so that it is never silent.
    Silent(Instant),
    /// It has ended by itself or was ended by somebody else; in words, such as `killed by SIGKILL`.
    Ended(String),
}

/// A series and how fast it grows.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveMetric {
    /// The series.
    pub series: MetricSummary,
    /// Its growth per second over the last seconds; 0 for what does not grow.
    pub per_second: f64,
}

impl Live {
    /// A view of nothing yet.
    pub fn new() -> Live {
        Live { state: Arc::default(), changed: watch::Sender::new(0) }
    }

    /// A copy of what is there now.
    pub fn snapshot(&self) -> Snapshot {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks at what is there without copying all of it.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Snapshot) -> T) -> T {
        look(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes what is there, and wakes whoever waits in [`Live::changes`].
    pub fn update(&self, change: impl FnOnce(&mut Snapshot)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.send_modify(|count| *count += 1);
    }

    /// Changes what is there, and wakes whoever waits in [`Live::changes`] if `change` says that something differs.
    pub(crate) fn update_if(&self, change: impl FnOnce(&mut Snapshot) -> bool) {
        if change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner)) {
            self.changed.send_modify(|count| *count += 1);
        }
    }

    /// Tells of each change: await `changed` on it, then take a [`Live::snapshot`].
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

impl Default for Live {
    fn default() -> Live {
        Live::new()
    }
}

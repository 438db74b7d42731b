//! The tasks that keep a run's live view: which processes run, what they count, what they log.
//!
//! Each sleeps until something can have happened: ends are told by a signal, counts are looked at once a second, files
//! four times. Whoever waits for the view is woken only when something differs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::admin::Admin;
use crate::app::Counter;
use crate::live::{KEPT_LOGS, KEPT_SPANS, Live, LiveMetric, PartKind, PartState, Snapshot};
use crate::parts::Process;
use crate::rates::Rates;
use crate::record::{Record, Reporter};
use crate::scrape;
use crate::summary::MetricSummary;
use crate::tail::Tail;
use crate::words;

/// How often counts are looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// How long a look at one process may take: one that is stopped must not keep the others from being looked at.
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);
/// How many looks in a row must be without an answer before a process counts as silent: on a machine that is busy one
/// may take long.
const LOOKS_UNTIL_SILENT: u32 = 2;
/// How often files are looked at.
const TAIL_INTERVAL: Duration = Duration::from_millis(250);
/// What is looked at of an Envoy: our metrics, and the requests to the listeners that are not its admin page.
const LOOKED_AT: &str = "/stats/prometheus?filter=istio_|^http.(inbound|outbound)_.*downstream_rq_total$";
/// How the name of the count of requests to a listener ends on the Prometheus page: dots in a listener's address make
/// part of that address part of the name.
const REQUESTS: &str = "_downstream_rq_total";

/// What is recorded, for those who add to it and those who read it.
pub(crate) type SharedRecord = Arc<Mutex<Record>>;

/// The record, whatever became of others who had it.
pub(crate) fn locked(record: &SharedRecord) -> MutexGuard<'_, Record> {
    record.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A process, and how to learn how much it does.
#[derive(Clone, Debug)]
pub(crate) struct Watchee {
    pub(crate) process: Process,
    pub(crate) source: Source,
}

/// Where a process says how much it does.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// An Envoy's admin page.
    Admin(Admin),
    /// An app's counter.
    Counter(Counter),
    /// What is recorded of the receiver.
    Record,
}

/// The tasks; they end when this is dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    processes: Vec<Process>,
    live: Live,
    tasks: Vec<JoinHandle<()>>,
}

impl Watch {
    /// Begins to watch processes, the logs of proxies, and the directories of access logs, each with the workload that
    /// logs there.
    pub(crate) fn start(
        watchees: Vec<Watchee>,
        logs: Vec<(String, PathBuf)>,
        directories: Vec<(String, PathBuf)>,
        record: SharedRecord,
    ) -> Watch {
        let live = Live::new();
        let processes: Vec<_> = watchees.iter().map(|watchee| watchee.process.clone()).collect();
        live.update(|snapshot| snapshot.parts = processes.iter().map(Process::part).collect());
        let tasks = vec![
            tokio::spawn(watch_ends(processes.clone(), live.clone())),
            tokio::spawn(watch_counts(watchees, record.clone(), live.clone())),
            tokio::spawn(watch_logs(directories, record.clone(), live.clone())),
            tokio::spawn(words::watch(logs, record, live.clone())),
        ];
        Watch { processes, live, tasks }
    }

    /// The view that is kept.
    pub(crate) fn live(&self) -> &Live {
        &self.live
    }

    /// The processes that run and do not answer.
    pub(crate) fn silent(&self) -> Vec<(PartKind, String)> {
        self.live.look(|snapshot| {
            let silent = snapshot.parts.iter().filter(|part| matches!(part.state, PartState::Silent(_)));
            silent.map(|part| (part.kind, part.name.clone())).collect()
        })
    }

    /// Whether a process does not answer: the app of a workload, or its Envoy.
    pub(crate) fn is_silent(&self, name: &str, is_app: bool) -> bool {
        self.silent().iter().any(|(kind, of)| of == name && (*kind == PartKind::App) == is_app)
    }

    /// The processes that are watched.
    pub(crate) fn processes(&self) -> &[Process] {
        &self.processes
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Tells of processes that end.
async fn watch_ends(processes: Vec<Process>, live: Live) {
    // Without the signal, the looks at counts tell of it a moment later.
    let Ok(mut ends) = signal(SignalKind::child()) else { return };
    loop {
        live.update_if(|snapshot| set_states(&processes, snapshot));
        if ends.recv().await.is_none() {
            return;
        }
    }
}

/// Whether anything differs.
fn set_states(processes: &[Process], snapshot: &mut Snapshot) -> bool {
    let mut differs = false;
    for (process, part) in processes.iter().zip(&mut snapshot.parts) {
        // What has ended does not run again.
        if !is_ended(&part.state) {
            let state = process.state();
            if is_ended(&state) {
                part.state = state;
                part.per_second = 0.0;
                differs = true;
            }
        }
        // What it said last may come a moment after its end.
        if is_ended(&part.state) && part.last_words.is_empty() {
            part.last_words = process.last_words();
            differs |= !part.last_words.is_empty();
        }
    }
    differs
}

fn is_ended(state: &PartState) -> bool {
    matches!(state, PartState::Ended(_))
}

/// Whether anything differs.
fn set_silence(looks: &[Look], snapshot: &mut Snapshot) -> bool {
    let mut differs = false;
    for (look, part) in looks.iter().zip(&mut snapshot.parts).filter(|(_, part)| !is_ended(&part.state)) {
        let state = look.silent_since().map_or(PartState::Running, PartState::Silent);
        differs |= state != part.state;
        part.state = state;
    }
    differs
}

/// Looks at counts again and again.
async fn watch_counts(watchees: Vec<Watchee>, record: SharedRecord, live: Live) {
    let mut looks: Vec<Look> = watchees.iter().map(|_| Look::new()).collect();
    let mut ticks = interval(LOOK_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let processes: Vec<_> = watchees.iter().map(|watchee| watchee.process.clone()).collect();
    loop {
        ticks.tick().await;
        let asking = watchees.iter().zip(&mut looks);
        let asking = asking.map(|(watchee, look)| look.take_in_time(watchee, &record));
        let differs = join_all(asking).await.contains(&true);
        live.update_if(|snapshot| {
            let ended = set_states(&processes, snapshot);
            let silent = set_silence(&looks, snapshot);
            if !differs && !ended && !silent {
                return false;
            }
            for (part, look) in snapshot.parts.iter_mut().zip(&looks) {
                let is_running = part.state == PartState::Running;
                part.per_second = if is_running { look.per_second } else { 0.0 };
            }
            let running =
                snapshot.parts.iter().zip(&looks).filter(|(part, _)| part.state == PartState::Running);
            let mut metrics: Vec<LiveMetric> =
                running.flat_map(|(_, look)| look.metrics.iter().cloned()).collect();
            metrics.sort_by(|a, b| key(&a.series).cmp(&key(&b.series)));
            snapshot.metrics = metrics;
            true
        });
    }
}

fn key(series: &MetricSummary) -> (&str, &str, &BTreeMap<String, String>) {
    (&series.proxy, &series.name, &series.labels)
}

/// The name and the labels of a series.
type SeriesName = (String, BTreeMap<String, String>);

/// What is known of how much one process does.
#[derive(Debug)]
struct Look {
    page: String,
    counts: Arc<BTreeMap<SeriesName, f64>>,
    rates: Rates<SeriesName>,
    per_second: f64,
    metrics: Vec<LiveMetric>,
    /// When the first of the last looks that were not answered began, and how many there were.
    unanswered: Option<(Instant, u32)>,
}

impl Look {
    fn new() -> Look {
        Look {
            page: String::new(),
            counts: Arc::default(),
            rates: Rates::new(),
            per_second: 0.0,
            metrics: Vec::new(),
            unanswered: None,
        }
    }

    /// Since when the process has not answered; nothing as long as that may be a busy machine.
    fn silent_since(&self) -> Option<Instant> {
        self.unanswered.filter(|(_, looks)| *looks >= LOOKS_UNTIL_SILENT).map(|(since, _)| since)
    }

    /// Looks once, and notes whether there was an answer. Whether what is shown differs.
    async fn take_in_time(&mut self, watchee: &Watchee, record: &SharedRecord) -> bool {
        let began = Instant::now();
        let answer = timeout(LOOK_TIMEOUT, self.take(watchee, record)).await.ok().flatten();
        self.note(began, answer.is_some());
        answer.unwrap_or(false)
    }

    /// Notes whether a look that began then was answered.
    fn note(&mut self, began: Instant, is_answered: bool) {
        let (since, looks) = self.unanswered.unwrap_or((began, 0));
        self.unanswered = (!is_answered).then_some((since, looks + 1));
    }

    /// Looks once. Whether what is shown differs; nothing without an answer.
    async fn take(&mut self, watchee: &Watchee, record: &SharedRecord) -> Option<bool> {
        if watchee.process.state() != PartState::Running {
            return Some(false);
        }
        let differs = match &watchee.source {
            Source::Admin(admin) => {
                let page = admin.page(LOOKED_AT).await.ok()?;
                self.proxy(&watchee.process.name, page)
            }
            Source::Counter(counter) => self.count(counter.read().await?.served),
            Source::Record => {
                let record = locked(record);
                let seen = record.received_seen();
                drop(record);
                self.count(seen)
            }
        };
        Some(differs)
    }

    fn proxy(&mut self, name: &str, page: String) -> bool {
        let is_same = page == self.page;
        if !is_same {
            let samples = scrape::samples(&page, "").into_iter().filter(|sample| sample.value.is_finite());
            let counts = samples.map(|sample| ((sample.name, sample.labels), sample.value));
            self.counts = Arc::new(counts.collect());
            self.page = page;
        }
        self.rates.look(Instant::now(), self.counts.clone());
        let was_growing = self.per_second > 0.0 || self.metrics.iter().any(|metric| metric.per_second > 0.0);
        if is_same && !was_growing {
            return false;
        }
        let requests = self.counts.keys().filter(|(name, _)| name.ends_with(REQUESTS));
        self.per_second = requests.map(|key| self.rates.per_second(key)).sum();
        let ours = self.counts.iter().filter(|((name, _), _)| name.starts_with("istio_"));
        let metric = |(key, value): (&SeriesName, &f64)| LiveMetric {
            series: MetricSummary {
                proxy: name.to_owned(),
                name: key.0.clone(),
                labels: key.1.clone(),
                value: *value,
            },
            per_second: self.rates.per_second(key),
        };
        self.metrics = ours.map(metric).collect();
        true
    }

    fn count(&mut self, count: u64) -> bool {
        self.rates.look(Instant::now(), Arc::new(BTreeMap::from([(SeriesName::default(), count as f64)])));
        let per_second = self.rates.per_second(&SeriesName::default());
        std::mem::replace(&mut self.per_second, per_second) != per_second
    }
}

/// Follows the files of access logs, and shows what they and the receiver bring.
async fn watch_logs(directories: Vec<(String, PathBuf)>, record: SharedRecord, live: Live) {
    let mut tails = BTreeMap::new();
    let mut shown = (0, 0);
    let mut ticks = interval(TAIL_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        for (proxy, directory) in &directories {
            find_logs(proxy, directory, &mut tails);
        }
        for (path, (reporter, tail)) in &mut tails {
            let lines = tail.lines();
            let mut record = locked(&record);
            match lines {
                Ok(lines) => record.lines(reporter, lines),
                Err(error) => record.fail(&format!("{}: {error}", path.display())),
            }
        }
        show(&record, &live, &mut shown);
    }
}

/// The files of access logs, with who writes each.
type Tails = BTreeMap<PathBuf, (Arc<Reporter>, Tail)>;

/// Finds the files that have come.
fn find_logs(proxy: &str, directory: &PathBuf, tails: &mut Tails) {
    // A directory that is not there holds no logs.
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if tails.contains_key(&path) {
            continue;
        }
        let reporter = entry.file_name().to_str().and_then(|name| Reporter::of_file(proxy, name));
        if let Some(reporter) = reporter {
            let tail = Tail::new(&path);
            tails.insert(path, (Arc::new(reporter), tail));
        }
    }
}

/// Shows what has come since so many log lines and spans were shown.
fn show(record: &SharedRecord, live: &Live, shown: &mut (u64, u64)) {
    let record = locked(record);
    let seen = (record.logs_seen(), record.spans_seen());
    if seen == *shown {
        return;
    }
    let logs = record.logs_since(shown.0.max(seen.0.saturating_sub(KEPT_LOGS as u64)));
    let spans = record.spans_since(shown.1.max(seen.1.saturating_sub(KEPT_SPANS as u64)));
    drop(record);
    live.update(|snapshot| {
        add(&mut snapshot.access_logs, logs, KEPT_LOGS);
        add(&mut snapshot.spans, spans, KEPT_SPANS);
        (snapshot.logs_seen, snapshot.spans_seen) = seen;
    });
    *shown = seen;
}

fn add<T>(last: &mut Vec<T>, more: Vec<T>, kept: usize) {
    last.extend(more);
    let surplus = last.len().saturating_sub(kept);
    last.drain(..surplus);
}

#[cfg(test)]
mod tests;

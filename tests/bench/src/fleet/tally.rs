//! What all proxies together have seen: counted without locks, so that counting is no part of what is measured.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::error::FleetError;

/// What was counted.
pub(super) struct Tally {
    start: Instant,
    /// The number of the change that is measured.
    epoch: AtomicU64,
    /// When the last answer was sent, in microseconds since the start.
    last: AtomicU64,
    /// How many proxies were sent something since.
    reached: AtomicUsize,
    in_sync: AtomicUsize,
    back: AtomicUsize,
    resources: AtomicU64,
    responses: AtomicU64,
    bytes: AtomicU64,
    again: AtomicU64,
    is_over: AtomicBool,
    moved: Notify,
    fault: Mutex<Option<String>>,
}

/// When a change began.
#[derive(Clone, Copy)]
pub(super) struct Epoch(u64);

impl Tally {
    pub fn new() -> Tally {
        Tally {
            start: Instant::now(),
            epoch: AtomicU64::new(0),
            last: AtomicU64::new(0),
            reached: AtomicUsize::new(0),
            in_sync: AtomicUsize::new(0),
            back: AtomicUsize::new(0),
            resources: AtomicU64::new(0),
            responses: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            again: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
            moved: Notify::new(),
            fault: Mutex::new(None),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Begins a change.
    pub fn next(&self) -> Epoch {
        self.reached.store(0, Ordering::SeqCst);
        self.epoch.fetch_add(1, Ordering::SeqCst);
        let now = self.now();
        self.last.store(now, Ordering::SeqCst);
        Epoch(now)
    }

    /// A proxy has answered a response of so many resources, those that are to go included, and bytes. `seen`: the change in
    /// which it last did; the one now comes back.
    pub fn answered(&self, seen: u64, resources: usize, bytes: usize) -> u64 {
        let epoch = self.epoch.load(Ordering::SeqCst);
        self.responses.fetch_add(1, Ordering::Relaxed);
        self.resources.fetch_add(resources as u64, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.last.fetch_max(self.now(), Ordering::SeqCst);
        if seen != epoch {
            self.reached.fetch_add(1, Ordering::SeqCst);
        }
        self.moved.notify_one();
        epoch
    }

    /// A proxy has, or has not any more, everything.
    pub fn synced(&self, is: bool) {
        match is {
            true => self.in_sync.fetch_add(1, Ordering::SeqCst),
            false => self.in_sync.fetch_sub(1, Ordering::SeqCst),
        };
        self.moved.notify_one();
    }

    /// A proxy has a stream to the next server.
    pub fn came_back(&self) {
        self.back.fetch_add(1, Ordering::SeqCst);
        self.moved.notify_one();
    }

    /// How many have.
    pub fn back(&self) -> usize {
        self.back.load(Ordering::SeqCst)
    }

    /// A connection did not come about, and is tried again.
    pub fn again(&self) {
        self.again.fetch_add(1, Ordering::Relaxed);
    }

    /// How often that was so.
    pub fn tried_again(&self) -> u64 {
        self.again.load(Ordering::Relaxed)
    }

    /// A proxy is not served.
    pub fn fail(&self, fault: String) {
        if !self.is_over.load(Ordering::SeqCst) {
            self.fault.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(fault);
        }
        self.moved.notify_one();
    }

    /// From now on connections may go.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    pub fn in_sync(&self) -> usize {
        self.in_sync.load(Ordering::SeqCst)
    }

    pub fn reached(&self) -> usize {
        self.reached.load(Ordering::SeqCst)
    }

    /// How many resources came, or were said to be gone.
    pub fn resources(&self) -> u64 {
        self.resources.load(Ordering::SeqCst)
    }

    pub fn responses(&self) -> u64 {
        self.responses.load(Ordering::SeqCst)
    }

    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::SeqCst)
    }

    /// Seconds from the beginning of a change to the last answer.
    pub fn since(&self, epoch: Epoch) -> f64 {
        self.last.load(Ordering::SeqCst).saturating_sub(epoch.0) as f64 / 1e6
    }

    /// Seconds from the beginning of a change until now.
    pub fn until_now(&self, epoch: Epoch) -> f64 {
        self.now().saturating_sub(epoch.0) as f64 / 1e6
    }

    /// Waits until something is so.
    ///
    /// # Errors
    ///
    /// It takes too long, or a proxy is not served.
    pub async fn wait(
        &self,
        most: Duration,
        what: &'static str,
        is_so: impl Fn() -> bool,
    ) -> Result<(), FleetError> {
        let until = tokio::time::Instant::now() + most;
        loop {
            if let Some(fault) = self.fault.lock().unwrap_or_else(PoisonError::into_inner).take() {
                return Err(FleetError::Proxy { what: fault, said: String::new() });
            }
            if is_so() {
                return Ok(());
            }
            if tokio::time::timeout_at(until, self.moved.notified()).await.is_err() {
                let state = format!(
                    "{} proxies are in sync, {} were reached, {} came back",
                    self.in_sync(),
                    self.reached(),
                    self.back()
                );
                return Err(FleetError::Late { what, seconds: most.as_secs(), state });
            }
        }
    }

    /// Waits until nothing has come for so long.
    pub async fn quiet(&self, long: Duration) {
        while tokio::time::timeout(long, self.moved.notified()).await.is_ok() {}
    }
}

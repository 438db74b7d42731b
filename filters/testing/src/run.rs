//! Runs cases on a module: each on a VM of its own, as many at a time as the machine has processors.

mod answers;
mod compare;
mod drive;
mod measure;
mod start;
mod stream;

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use burgee_api::origin::Place;
use burgee_harness::{LogLine, Module, Trap};

use crate::cases::Located;

pub(crate) use drive::{host_calls, play, play_on};
pub use measure::{Measured, PhaseCost, measure};
pub(crate) use start::settings;

/// What bounds a run.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// How much a single callback may do, about one unit for each instruction. Without: as much as the harness allows.
    pub fuel: Option<u64>,
}

/// What came of a case.
#[derive(Clone, Debug)]
pub struct CaseResult {
    /// The case's name.
    pub name: String,
    /// Where the case stands.
    pub place: Place,
    /// What was expected and is not so. Empty: the case passed.
    pub mismatches: Vec<Mismatch>,
    /// What the filter logged.
    pub logs: Vec<LogLine>,
    /// How the filter ended, if it did.
    pub trap: Option<Trap>,
    /// How long it took.
    pub took: Duration,
}

impl CaseResult {
    /// Whether everything is as expected.
    pub fn is_passed(&self) -> bool {
        self.mismatches.is_empty()
    }
}

/// Something that is not as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The field that expects it, within the case.
    pub path: String,
    /// Where that field stands.
    pub place: Place,
    /// What is expected.
    pub expected: String,
    /// What is so.
    pub got: String,
}

/// Runs cases. The results are in the order of the cases.
pub fn run(module: &Module, cases: &[Located], limits: &Limits) -> Vec<CaseResult> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(BTreeMap::new());
    let work = || {
        while let Some((at, case)) = {
            let at = next.fetch_add(1, Ordering::Relaxed);
            cases.get(at).map(|case| (at, case))
        } {
            let (result, _) = drive::run(module, case, limits);
            results.lock().unwrap_or_else(PoisonError::into_inner).insert(at, result);
        }
    };
    let workers = thread::available_parallelism().map_or(1, NonZero::get).min(cases.len());
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.into_values().collect()
}

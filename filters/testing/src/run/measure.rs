//! What a filter costs: how long each callback takes, how much it does, how often it calls the host.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use burgee_harness::{Cost, Module};
use serde::Serialize;

use super::{Limits, drive};
use crate::cases::Located;

/// What a filter costs in its cases.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Measured {
    /// Each callback that was called.
    pub phases: Vec<PhaseCost>,
    /// The most memory that the filter had in any case.
    pub memory_bytes: usize,
    /// How often all cases were run.
    pub rounds: u32,
}

/// What a callback costs.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PhaseCost {
    /// The callback, such as `proxy_on_request_headers`.
    pub callback: &'static str,
    /// How often it was called.
    pub invocations: u64,
    /// The median of its time, what the harness does for it included; only of callbacks that steps cause.
    pub median_nanoseconds: Option<u64>,
    /// About how many instructions it carries out, on average.
    pub instructions: f64,
    /// How many host calls it makes, on average.
    pub host_calls: f64,
}

/// What a case cost.
#[derive(Debug, Default)]
pub(super) struct Trace {
    /// How long each callback took.
    pub times: Vec<(&'static str, Duration)>,
    /// What each callback did.
    pub costs: BTreeMap<&'static str, Cost>,
    /// The memory at the end.
    pub memory_bytes: usize,
}

/// Runs all cases one after the other, for as long as is given, and at least once.
pub fn measure(module: &Module, cases: &[Located], limits: &Limits, time: Duration) -> Measured {
    let began = Instant::now();
    let mut times: BTreeMap<&'static str, Vec<Duration>> = BTreeMap::new();
    let mut costs: BTreeMap<&'static str, Cost> = BTreeMap::new();
    let (mut memory_bytes, mut rounds) = (0, 0);
    while rounds == 0 || began.elapsed() < time {
        for case in cases {
            let (_, trace) = drive::run(module, case, limits);
            memory_bytes = memory_bytes.max(trace.memory_bytes);
            for (callback, took) in trace.times {
                times.entry(callback).or_default().push(took);
            }
            for (callback, cost) in trace.costs {
                let all = costs.entry(callback).or_default();
                all.invocations += cost.invocations;
                all.fuel += cost.fuel;
                for (call, count) in cost.calls {
                    *all.calls.entry(call).or_default() += count;
                }
            }
        }
        rounds += 1;
    }
    let phases = costs.into_iter().map(|(callback, cost)| phase(callback, &cost, times.remove(callback)));
    Measured { phases: phases.collect(), memory_bytes, rounds }
}

#[allow(clippy::cast_precision_loss, reason = "averages are for people")]
fn phase(callback: &'static str, cost: &Cost, times: Option<Vec<Duration>>) -> PhaseCost {
    let mut times = times.unwrap_or_default();
    times.sort();
    let median = times.get(times.len() / 2).map(|took| u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    let invocations = cost.invocations.max(1) as f64;
    PhaseCost {
        callback,
        invocations: cost.invocations,
        median_nanoseconds: median,
        instructions: cost.fuel as f64 / invocations,
        host_calls: cost.host_calls() as f64 / invocations,
    }
}

//! What a module costs: host calls, instructions, and how often it is called at all, for each callback.

use std::collections::BTreeMap;

/// What one callback cost so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// How often it was called.
    pub invocations: u64,
    /// Fuel it used: about one unit for each instruction.
    pub fuel: u64,
    /// How often it made each host call.
    pub calls: BTreeMap<&'static str, u64>,
}

impl Cost {
    /// All host calls together.
    pub fn host_calls(&self) -> u64 {
        self.calls.values().sum()
    }
}

/// Costs by callback.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) by_callback: BTreeMap<&'static str, Cost>,
    current: Option<&'static str>,
}

impl Counts {
    pub(crate) fn enter(&mut self, callback: &'static str) {
        self.current = Some(callback);
        self.by_callback.entry(callback).or_default().invocations += 1;
    }

    pub(crate) fn leave(&mut self, fuel: u64) {
        if let Some(cost) = self.current.take().and_then(|callback| self.by_callback.get_mut(callback)) {
            cost.fuel += fuel;
        }
    }

    pub(crate) fn call(&mut self, name: &'static str) {
        if let Some(cost) = self.current.and_then(|callback| self.by_callback.get_mut(callback)) {
            *cost.calls.entry(name).or_default() += 1;
        }
    }
}

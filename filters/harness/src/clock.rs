//! A clock that stands still until the test moves it, and the ticks that it makes.

use std::collections::BTreeMap;

/// The time of a VM, in nanoseconds since the epoch.
#[derive(Debug)]
pub(crate) struct Clock {
    now: u64,
    ticks: BTreeMap<u32, Tick>,
}

#[derive(Debug)]
struct Tick {
    period: u64,
    next: u64,
}

impl Clock {
    pub(crate) fn new(now: u64) -> Clock {
        Clock { now, ticks: BTreeMap::new() }
    }

    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    /// Has a root context tick from now on; a period of 0 ends it.
    pub(crate) fn set_period(&mut self, context: u32, milliseconds: u32) {
        if milliseconds == 0 {
            self.ticks.remove(&context);
            return;
        }
        let period = u64::from(milliseconds) * 1_000_000;
        self.ticks.insert(context, Tick { period, next: self.now.saturating_add(period) });
    }

    /// The milliseconds between ticks.
    pub(crate) fn period(&self, context: u32) -> Option<u64> {
        self.ticks.get(&context).map(|tick| tick.period / 1_000_000)
    }

    /// When something is to be done next.
    pub(crate) fn next_tick(&self) -> Option<(u64, u32)> {
        self.ticks.iter().map(|(context, tick)| (tick.next, *context)).min()
    }

    /// A tick is made; the next is a period from now.
    pub(crate) fn ticked(&mut self, context: u32) {
        if let Some(tick) = self.ticks.get_mut(&context) {
            tick.next = self.now.saturating_add(tick.period);
        }
    }

    /// Moves on to a time, never back.
    pub(crate) fn move_to(&mut self, time: u64) {
        self.now = self.now.max(time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_due_in_their_order_until_the_period_is_0() {
        let mut clock = Clock::new(1000);
        clock.set_period(1, 2);
        clock.set_period(2, 1);
        assert_eq!(clock.next_tick(), Some((1_001_000, 2)));
        clock.move_to(1_001_000);
        clock.ticked(2);
        assert_eq!(clock.next_tick(), Some((2_001_000, 1)));
        clock.set_period(1, 0);
        clock.set_period(2, 0);
        assert_eq!(clock.next_tick(), None);
        clock.move_to(5);
        assert_eq!(clock.now(), 1_001_000);
    }
}

//! How fast counts grow: over the last seconds, from looks at them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a rate is taken over: long enough to be steady, short enough to follow.
const SPAN: Duration = Duration::from_secs(5);

/// The last looks at counts that have a name each.
#[derive(Debug)]
pub(crate) struct Rates<K> {
    looks: VecDeque<(Instant, Arc<BTreeMap<K, f64>>)>,
}

impl<K: Ord> Rates<K> {
    /// Nothing has been looked at yet.
    pub(crate) fn new() -> Rates<K> {
        Rates { looks: VecDeque::new() }
    }

    /// Takes a look.
    pub(crate) fn look(&mut self, now: Instant, counts: Arc<BTreeMap<K, f64>>) {
        self.looks.push_back((now, counts));
        // One that is older than the span is kept, so that there is always one to compare with.
        while self.looks.get(1).is_some_and(|(when, _)| now.saturating_duration_since(*when) >= SPAN) {
            self.looks.pop_front();
        }
    }

    /// How much a count grew per second. A count that was not there before began at 0; one that has become less, as
    /// after a restart, does not grow.
    pub(crate) fn per_second(&self, name: &K) -> f64 {
        let (Some((first, before)), Some((last, after))) = (self.looks.front(), self.looks.back()) else {
            return 0.0;
        };
        let seconds = last.saturating_duration_since(*first).as_secs_f64();
        let Some(after) = after.get(name).filter(|_| seconds > 0.0) else { return 0.0 };
        (after - before.get(name).copied().unwrap_or(0.0)).max(0.0) / seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_growth_over_the_last_seconds() {
        let begin = Instant::now();
        // Counts at whole seconds, and the rate after the last.
        for (counts, expected) in [
            (&[][..], 0.0),
            (&[7.0][..], 0.0),
            (&[0.0, 10.0], 10.0),
            (&[0.0, 10.0, 10.0, 10.0, 10.0], 2.5),
            (&[100.0, 0.0, 0.0, 0.0, 0.0, 0.0, 50.0], 10.0),
            (&[9.0, 9.0, 9.0], 0.0),
            (&[9.0, 1.0], 0.0),
        ] {
            let mut rates = Rates::new();
            for (second, count) in counts.iter().enumerate() {
                let now = begin + Duration::from_secs(second as u64);
                rates.look(now, Arc::new(BTreeMap::from([("requests", *count)])));
            }
            assert_eq!(rates.per_second(&"requests"), expected, "{counts:?}");
            assert_eq!(rates.per_second(&"other"), 0.0);
        }
    }

    #[test]
    fn what_was_not_there_before_began_at_nothing() {
        let begin = Instant::now();
        let mut rates = Rates::new();
        rates.look(begin, Arc::default());
        rates.look(begin + Duration::from_secs(2), Arc::new(BTreeMap::from([("new", 8.0)])));
        assert_eq!(rates.per_second(&"new"), 4.0);
    }
}

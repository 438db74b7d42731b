//! Times, and what several of them say: medians, and ratios of what was measured side by side.

use std::hint::black_box;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// What something comes to, and how many seconds of a core it takes: what others do on the machine meanwhile is not
/// counted.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = of_this_thread();
    let result = black_box(work());
    (result, of_this_thread().saturating_sub(start).as_secs_f64())
}

fn of_this_thread() -> Duration {
    let clock = ClockId::CLOCK_THREAD_CPUTIME_ID;
    clock_gettime(clock)
        .map(Duration::from)
        .unwrap_or_else(|error| panic!("the system has no such clock: {error}"))
}

/// The middle of some numbers; of an even number of them the mean of the two in the middle. 0 of none.
pub(crate) fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    match (of.get(of.len() / 2), of.len() % 2) {
        (None, _) => 0.0,
        (Some(middle), 1) => *middle,
        (Some(upper), _) => (of[of.len() / 2 - 1] + upper) / 2.0,
    }
}

/// How many times more the one is than the other, round by round: the median of the ratios. What slows a whole round
/// down slows both, and falls out.
pub(crate) fn ratio(of: &[f64], to: &[f64]) -> f64 {
    median(of.iter().zip(to).filter(|(_, to)| **to > 0.0).map(|(of, to)| of / to).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slow_round_says_nothing() {
        assert!((median(vec![3.0, 100.0, 1.0]) - 3.0).abs() < f64::EPSILON);
        assert!((median(vec![4.0, 2.0]) - 3.0).abs() < f64::EPSILON);
        assert!(median(Vec::new()).abs() < f64::EPSILON);
        // The second round was slow for both, the third for one.
        let (of, to) = ([2.0, 20.0, 9.0], [1.0, 10.0, 1.0]);
        assert!((ratio(&of, &to) - 2.0).abs() < f64::EPSILON);
    }
}

//! Where a median lies: an interval from the order of the values alone, whatever they are distributed like.

use serde::Serialize;

/// How sure an interval is, at least.
const CONFIDENCE: f64 = 0.95;

/// The middle of some values, and between which of them the middle of all such values lies, with 95 % confidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Middle {
    /// The median.
    pub median: f64,
    /// The interval of the median. None of fewer than six values: even their whole range is less sure.
    pub interval: Option<(f64, f64)>,
}

/// The median with its interval; 0 of none.
pub(crate) fn middle(of: &[f64]) -> Middle {
    let mut sorted = of.to_vec();
    sorted.sort_by(f64::total_cmp);
    let interval = outside(sorted.len()).and_then(|outside| {
        let upper = sorted.len().checked_sub(outside + 1)?;
        Some((*sorted.get(outside)?, *sorted.get(upper)?))
    });
    Middle { median: crate::clock::median(sorted), interval }
}

/// How many of so many values in order lie outside of the interval at either end. Each value is below the true median
/// with probability 1/2, so how many are is binomial: as many as possible are left out while the rest is sure enough.
fn outside(count: usize) -> Option<usize> {
    let allowed = (1.0 - CONFIDENCE) / 2.0;
    // The probability that exactly none, one, … of them are below the median.
    let mut exactly = 0.5_f64.powi(i32::try_from(count).ok()?);
    let mut at_most = exactly;
    let mut outside = None;
    for below in 0..count {
        if at_most > allowed {
            break;
        }
        outside = Some(below);
        exactly *= (count - below) as f64 / (below + 1) as f64;
        at_most += exactly;
    }
    outside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ranks_are_those_of_the_binomial_distribution() {
        // As tables of the sign test have them: the interval of n values runs from rank k + 1 to rank n - k.
        for (count, expected) in
            [(0, None), (5, None), (6, Some(0)), (8, Some(0)), (9, Some(1)), (20, Some(5)), (100, Some(39))]
        {
            assert_eq!(outside(count), expected, "{count}");
        }
    }

    #[test]
    fn the_interval_is_of_values_that_are_there_and_a_few_wild_ones_do_not_move_it() {
        let mut values: Vec<f64> = (1..=20).map(f64::from).collect();
        let expected = Middle { median: 10.5, interval: Some((6.0, 15.0)) };
        assert_eq!(middle(&values), expected);
        values.reverse();
        values[0] = 9_000.0;
        assert_eq!(middle(&values), expected);
    }

    #[test]
    fn few_values_have_no_interval() {
        assert_eq!(middle(&[3.0, 1.0, 2.0]), Middle { median: 2.0, interval: None });
        assert_eq!(middle(&[]), Middle { median: 0.0, interval: None });
    }

    #[test]
    fn there_may_be_very_many() {
        let values: Vec<f64> = (0..1_000).map(f64::from).collect();
        let (lower, upper) = middle(&values).interval.unwrap();
        assert!(lower > 460.0 && upper < 540.0 && lower < upper, "{lower} {upper}");
    }
}

//! What was found lately, by bytes that others choose: bounded by how many there are and by how many bytes they have.

use std::mem;

use crate::table::Values;

/// How many bytes the keys of each half have at most.
const MAX_KEY_BYTES: usize = 128 * 1024;

/// Values by keys that a client may have chosen. In two halves: when the younger one is full it becomes the older one, and
/// what was not asked for since it began is forgotten. So nobody can make it grow, or forget at once what is in use.
#[derive(Debug)]
pub struct Recent<V> {
    max_half: usize,
    young: Values<V>,
    old: Values<V>,
    young_bytes: usize,
}

impl<V: Clone> Recent<V> {
    /// Nothing was found yet; at most so many values are kept, and at least two.
    pub fn new(max: usize) -> Recent<V> {
        let max_half = (max / 2).max(1);
        Recent { max_half, young: Values::default(), old: Values::default(), young_bytes: 0 }
    }

    /// What was found before for these bytes, or is found now. That nothing was found is not kept.
    pub fn get(&mut self, key: &[u8], find: impl FnOnce() -> Option<V>) -> Option<V> {
        if let Some(value) = self.young.get(key) {
            return Some(value.clone());
        }
        let value = match self.old.get(key) {
            Some(value) => value.clone(),
            None => find()?,
        };
        if key.len() > MAX_KEY_BYTES {
            return Some(value);
        }
        self.young_bytes = self.young_bytes.saturating_add(key.len());
        if self.young.len() >= self.max_half || self.young_bytes > MAX_KEY_BYTES {
            self.old = mem::take(&mut self.young);
            self.young_bytes = key.len();
        }
        self.young.set(key, value.clone());
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_found_anew(recent: &mut Recent<String>, key: &str) -> bool {
        let mut is_anew = false;
        let value = recent.get(key.as_bytes(), || {
            is_anew = true;
            Some(key.to_owned())
        });
        assert_eq!(value.as_deref(), Some(key));
        is_anew
    }

    #[test]
    fn what_is_asked_for_again_stays_and_what_is_not_goes() {
        let mut recent = Recent::new(6);
        for round in 0..100 {
            assert_eq!(is_found_anew(&mut recent, "kept"), round == 0, "{round}");
            assert!(is_found_anew(&mut recent, &round.to_string()));
            assert!(recent.young.len() + recent.old.len() <= 6);
        }
        assert!(is_found_anew(&mut recent, "1"), "it was long ago");
    }

    #[test]
    fn nothing_is_not_kept() {
        let mut recent = Recent::<String>::new(0);
        assert_eq!(recent.get(b"garbage", || None), None);
        assert!(recent.young.is_empty() && recent.old.is_empty());
    }

    #[test]
    fn long_keys_are_bounded_by_their_bytes() {
        let mut recent = Recent::new(500);
        for number in 0..100 {
            assert!(is_found_anew(&mut recent, &format!("{number:>16000}")));
            let kept = recent.young.len() + recent.old.len();
            assert!(kept * 16000 <= 2 * MAX_KEY_BYTES);
        }
        let long = "x".repeat(MAX_KEY_BYTES + 1);
        assert!(is_found_anew(&mut recent, &long) && is_found_anew(&mut recent, &long));
    }
}

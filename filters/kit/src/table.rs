//! A table by bytes, with numbers for values: one piece of code for all that a module looks up, whatever it finds there.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use crate::hash::FoldHasher;

/// Numbers by bytes. Whoever chooses the bytes can make look-ups slow, so it is for tables of bounded size.
#[derive(Debug, Default)]
pub struct Table {
    places: HashMap<Box<[u8]>, usize, BuildHasherDefault<FoldHasher>>,
}

/// Values by bytes. Whoever chooses the bytes can make look-ups slow, so it is for what is bounded.
#[derive(Debug)]
pub struct Values<V> {
    places: Table,
    values: Vec<V>,
}

impl<V> Default for Values<V> {
    fn default() -> Values<V> {
        Values { places: Table::default(), values: Vec::new() }
    }
}

impl<V> Values<V> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The value of these bytes.
    pub fn get(&self, key: &[u8]) -> Option<&V> {
        self.values.get(self.places.get(key)?)
    }

    /// Sets the value of these bytes.
    pub fn set(&mut self, key: &[u8], value: V) {
        match self.places.get(key).and_then(|place| self.values.get_mut(place)) {
            Some(slot) => *slot = value,
            None => {
                self.places.set(key, self.values.len());
                self.values.push(value);
            }
        }
    }
}

impl Table {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The number of these bytes.
    #[inline(never)]
    pub fn get(&self, key: &[u8]) -> Option<usize> {
        self.places.get(key).copied()
    }

    /// Sets the number of these bytes.
    #[inline(never)]
    pub fn set(&mut self, key: &[u8], place: usize) {
        self.places.insert(key.into(), place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_by_its_bytes_and_another_takes_its_place() {
        let mut values = Values::default();
        assert!(values.is_empty() && values.get(b"a").is_none());
        for (key, value) in [(&b"a"[..], 1), (b"", 2), (b"a", 3), (b"ab", 4)] {
            values.set(key, value);
        }
        assert_eq!(
            [&b"a"[..], b"", b"ab", b"b"].map(|key| values.get(key).copied()),
            [Some(3), Some(2), Some(4), None]
        );
        assert_eq!(values.len(), 3);
    }
}

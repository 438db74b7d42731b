//! A table by bytes, with numbers for values: one piece of code for all that a module looks up, whatever it finds there.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use crate::hash::FoldHasher;

/// Numbers by bytes. Whoever chooses the bytes can make look-ups slow, so it is for tables of bounded size.
#[derive(Debug, Default)]
pub struct Table {
    places: HashMap<Box<[u8]>, usize, BuildHasherDefault<FoldHasher>>,
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

    /// Forgets all.
    #[inline(never)]
    pub fn clear(&mut self) {
        self.places = HashMap::default();
    }
}

//! A hash for tables of bounded size, without the code and the random numbers of the standard one.

use std::hash::Hasher;

/// Folds eight bytes at a time. Whoever chooses keys can make some collide, so it is for tables that are bounded.
#[derive(Default)]
pub(crate) struct FoldHasher(u64);

impl FoldHasher {
    fn fold(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Hasher for FoldHasher {
    /// A table takes a hash's lowest and its highest bits, and only the latter depend on everything.
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.fold(u64::from_le_bytes(*word));
        }
        for byte in rest {
            self.fold(u64::from(*byte));
        }
    }

    fn write_u32(&mut self, id: u32) {
        self.fold(u64::from(id));
    }

    fn write_usize(&mut self, length: usize) {
        self.fold(u64::try_from(length).unwrap_or(u64::MAX));
    }
}

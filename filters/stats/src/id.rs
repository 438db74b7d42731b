//! Numbers for what was found out: two things with the same number are the same, and comparing numbers is cheap.

use std::cell::Cell;

/// The number of something that was found out. It is not given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id(u64);

thread_local! {
    static NEXT: Cell<u64> = const { Cell::new(0) };
}

impl Id {
    /// A new number.
    pub fn next() -> Id {
        Id(NEXT.with(|next| next.replace(next.get().wrapping_add(1))))
    }

    /// Appends what tells it from others.
    pub fn push_key(self, key: &mut Vec<u8>) {
        key.extend_from_slice(&self.0.to_le_bytes());
    }
}

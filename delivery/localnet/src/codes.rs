//! Every code of this crate with its page.

mod changes;
mod documents;
mod runs;

pub use changes::*;
pub use documents::*;
pub use runs::*;

use burgee_api::problem::Page;

/// The page of every code of this crate.
pub fn pages() -> impl Iterator<Item = &'static Page> {
    [DOCUMENTS, CHANGES, RUNS].into_iter().flatten()
}

#[cfg(test)]
mod tests;

//! Every code of this crate with its page.

mod base;
mod bootstrap;

pub use base::*;
pub use bootstrap::*;

use burgee_api::problem::Page;

/// The page of every code of this crate.
pub fn pages() -> impl Iterator<Item = &'static Page> {
    [BASES, BOOTSTRAPS].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_code_has_a_page_that_is_current() {
        burgee_tests::assert_pages(super::pages(), |_| None);
    }
}

//! The page of each code under `docs/codes`: every crate with codes tests that its own are there and current.

use burgee_api::check::code_page::markdown;
use burgee_api::problem::Page;

use crate::{golden, workspace};

/// The folder of the pages, from the workspace's.
pub const CODES: &str = "docs/codes";

/// Checks that the pages of a crate's codes are written and that the files say the same.
///
/// # Panics
/// When one is not; with what to do.
pub fn assert_pages<'p>(pages: impl Iterator<Item = &'p Page>) {
    let faults: Vec<String> = pages.filter_map(fault).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

fn fault(page: &Page) -> Option<String> {
    golden(&workspace().join(CODES).join(format!("{}.md", page.code)), &markdown(page)).err()
}

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
    let Page { code, title, .. } = page;
    if page.means.is_empty() || page.matters.is_empty() {
        return Some(format!(
            "{code} ({title}) has no page. Write it where the code is declared, in place of the semicolon; what each \
             field holds stands at `macro_rules! codes` in telemetry-api/src/problem/page.rs:\n\
             \x20   NAME = \"{code}\" {{\n\
             \x20       severity: Severity::Warning,\n\
             \x20       basis: Basis::Gap,\n\
             \x20       means: \"What has happened when it is told.\",\n\
             \x20       matters: \"What comes of it if nothing is done.\",\n\
             \x20       case: Case::Documents {{ wrong: \"documents that cause it and nothing else\", right: \
             \"documents without any problem\" }},\n\
             \x20   }}\n\
             then `BURGEE_BLESS=1 cargo test` of this crate writes {CODES}/{code}.md."
        ));
    }
    golden(&workspace().join(CODES).join(format!("{code}.md")), &markdown(page)).err()
}

//! The page of each code under `docs/codes`: every crate with codes tests that its own are true, there and current.

use burgee_api::Problem;
use burgee_api::check::code_page::markdown;
use burgee_api::problem::{Case, Page};

use crate::{golden, workspace};

/// The folder of the pages, from the workspace's.
pub const CODES: &str = "docs/codes";

/// What comes of an example, and of what is to be written instead.
pub struct Tried {
    /// What is told of the example.
    pub wrong: Vec<Problem>,
    /// What is told of what is to be written instead.
    pub right: Vec<Problem>,
}

/// Checks of each code that its example causes it and no other and that what is to be written instead causes none, and
/// that its page says what is declared. `tried` tries an example; none where no text causes the code.
///
/// # Panics
/// When something is not so; with what to do.
pub fn assert_pages<'p>(pages: impl Iterator<Item = &'p Page>, tried: impl Fn(&Case) -> Option<Tried>) {
    let mut faults = Vec::new();
    for page in pages {
        faults.extend(tried(&page.case).and_then(|tried| example_fault(page, &tried)));
        let file = workspace().join(CODES).join(format!("{}.md", page.code));
        faults.extend(golden(&file, &markdown(page)).err());
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

/// What is wrong with an example.
fn example_fault(page: &Page, tried: &Tried) -> Option<String> {
    let is_meant = |problem: &Problem| problem.code == page.code && problem.severity == page.severity;
    if tried.wrong.is_empty() || !tried.wrong.iter().all(is_meant) {
        let severity = page.severity.name();
        return Some(format!(
            "{}: the example must cause this {severity} and nothing else, and causes:\n{}",
            page.code,
            text(&tried.wrong)
        ));
    }
    (!tried.right.is_empty()).then(|| {
        format!(
            "{}: what is to be written instead must cause nothing, and causes:\n{}",
            page.code,
            text(&tried.right)
        )
    })
}

fn text(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

#[cfg(test)]
mod tests {
    use burgee_api::problem::{Severity, codes};

    use super::*;

    #[test]
    fn an_example_that_is_wrong_is_noticed() {
        let page = codes::pages().find(|page| page.code == codes::SYNTAX).expect("the page");
        let mk_problem = |severity, code| Problem::new(severity, code, "it is so");
        let told = |wrong: &[Problem], right: &[Problem]| {
            example_fault(page, &Tried { wrong: wrong.to_vec(), right: right.to_vec() }).is_some()
        };
        let syntax = mk_problem(Severity::Error, codes::SYNTAX);
        let alias = mk_problem(Severity::Error, codes::ALIAS);
        assert!(!told(&[syntax.clone(), syntax.clone()], &[]));
        assert!(told(&[], &[]));
        assert!(told(&[syntax.clone(), alias.clone()], &[]));
        assert!(told(&[mk_problem(Severity::Note, codes::SYNTAX)], &[]));
        assert!(told(&[syntax], &[alias]));
    }
}

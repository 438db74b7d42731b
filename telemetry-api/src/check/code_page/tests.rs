//! Every page's documents cause its code and no other, and those that are to be written instead cause nothing.

use crate::check::check;
use crate::problem::{Case, Page, Problem, codes};

fn problems(documents: &str) -> Vec<Problem> {
    check(&[super::source(documents)]).problems
}

/// What is wrong with a page's example.
fn fault(page: &Page) -> Option<String> {
    let Case::Documents { wrong, right } = page.case else { return None };
    let found = problems(wrong);
    if found.is_empty() || found.iter().any(|problem| problem.code != page.code) {
        return Some(format!("{}: the example must cause it and nothing else:\n{found:#?}", page.code));
    }
    if found.iter().all(|problem| problem.severity != page.severity) {
        return Some(format!("{}: the example does not cause a {}", page.code, page.severity.name()));
    }
    let found = problems(right);
    (!found.is_empty()).then(|| format!("{}: what to write instead is wrong too:\n{found:#?}", page.code))
}

#[test]
fn every_example_causes_its_code_and_what_to_write_instead_causes_none() {
    let faults: Vec<String> = codes::pages().filter_map(fault).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_page_whose_example_is_wrong_is_noticed() {
    let page = codes::pages().find(|page| page.code == codes::SYNTAX).expect("the page");
    let Case::Documents { wrong, right } = page.case else { panic!("{page:?}") };
    assert!(fault(page).is_none());
    assert!(fault(&Page { case: Case::Documents { wrong: right, right }, ..*page }).is_some());
    assert!(fault(&Page { case: Case::Documents { wrong, right: wrong }, ..*page }).is_some());
    assert!(fault(&Page { severity: crate::Severity::Note, ..*page }).is_some());
    assert!(fault(&Page { code: codes::ALIAS, ..*page }).is_some());
}

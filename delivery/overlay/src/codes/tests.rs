//! Every page's documents over its base cause its code and no other, and what is to be written instead causes none.

use burgee_api::Problem;
use burgee_api::check::check;
use burgee_api::document::tree::Source;
use burgee_api::problem::{Case, Laid, Page};
use burgee_api::resolve::PolicySet;

use super::pages;
use crate::tests::support::{options, workload};
use crate::{Value, overlay};

fn problems(laid: &Laid) -> Vec<Problem> {
    let documents = check(&[Source::new("documents.yaml", laid.documents)]);
    assert!(documents.is_valid(), "{:#?}", documents.problems);
    let source = Source::new("base", laid.base);
    let is_json = laid.base.trim_start().starts_with('{');
    let base = if is_json { Value::from_json(&source) } else { Value::from_yaml(&source) };
    match base {
        Ok(base) => {
            let policy = PolicySet::new(documents.resources).resolve(&workload());
            overlay(&base, &policy, &options()).problems
        }
        Err(problems) => problems,
    }
}

fn fault(page: &Page) -> Option<String> {
    let Case::Base { wrong, right } = &page.case else { return None };
    let found = problems(wrong);
    if found.is_empty() || found.iter().any(|it| it.code != page.code || it.severity != page.severity) {
        return Some(format!("{}: the example must cause it and nothing else:\n{found:#?}", page.code));
    }
    let found = problems(right);
    (!found.is_empty()).then(|| format!("{}: what to write instead is wrong too:\n{found:#?}", page.code))
}

#[test]
fn every_example_causes_its_code_and_what_to_write_instead_causes_none() {
    let faults: Vec<String> = pages().filter_map(fault).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_code_has_a_page_that_is_current() {
    burgee_tests::assert_pages(pages());
}

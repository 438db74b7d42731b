//! Every page's documents over its base cause its code and no other, and what is to be written instead causes none.

use burgee_api::Problem;
use burgee_api::check::check;
use burgee_api::document::tree::Source;
use burgee_api::problem::{Case, Laid};
use burgee_api::resolve::PolicySet;
use burgee_tests::{Tried, assert_pages};

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

#[test]
fn every_code_has_a_page_that_is_true_and_current() {
    assert_pages(pages(), |case| match case {
        Case::Base { wrong, right } => Some(Tried { wrong: problems(wrong), right: problems(right) }),
        _ => None,
    });
}

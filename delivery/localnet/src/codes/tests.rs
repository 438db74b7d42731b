//! Every page's documents cause its code and no other, and those that are to be written instead cause nothing.

use burgee_api::Problem;
use burgee_api::check::check;
use burgee_api::document::Source;
use burgee_api::problem::Case;
use burgee_tests::{Tried, assert_pages};

use super::pages;
use crate::mesh::plan;

fn problems(documents: &str) -> Vec<Problem> {
    let documents = check(&[Source::new("documents.yaml", documents)]);
    assert!(documents.is_valid(), "{:#?}", documents.problems);
    plan(&documents.resources).1
}

#[test]
fn every_code_has_a_page_that_is_true_and_current() {
    assert_pages(pages(), |case| match case {
        Case::Mesh { wrong, right } => Some(Tried { wrong: problems(wrong), right: problems(right) }),
        _ => None,
    });
}

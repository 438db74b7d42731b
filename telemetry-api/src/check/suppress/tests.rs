//! What is ignored, of which document, and what cannot be.

use std::collections::BTreeSet;

use super::{SuppressedBy, by_caller};
use crate::check::{Checked, check};
use crate::document::Source;
use crate::problem::codes;
use crate::test;

/// Two documents that each have a warning, a note and perhaps an error; the first with an annotation.
fn two(ignored: &str, more: &str) -> Checked {
    let document = |name: &str, annotations: &str, more: &str| {
        format!(
            "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\n\
             metadata: {{name: {name}, namespace: {name}, annotations: {{{annotations}}}}}\n\
             spec:\n  selector: {{}}\n  metrics: [{{providers: [{{name: prometheus}}], overrides: [{{match: \
             {{metric: TCP_SENT_BYTES}}, tagOverrides: {{response_code: {{operation: REMOVE}}}}{more}}}]}}]\n"
        )
    };
    let text = format!(
        "{}---\n{}",
        document("one", &format!("burgee.dev/ignore: {ignored}"), more),
        document("two", "", "")
    );
    check(&[Source::new("t.yaml", text)])
}

fn told(checked: &Checked) -> Vec<(&'static str, usize)> {
    let line = |problem: &crate::Problem| problem.place.as_ref().map_or(0, |place| place.line);
    checked.problems.iter().map(|problem| (problem.code.0, line(problem))).collect()
}

#[test]
fn a_document_ignores_what_is_told_of_it_alone() {
    let all = [("BG0217", 5), ("BG0234", 6), ("BG0217", 12), ("BG0234", 13)];
    let unused = two("BG0501", "");
    assert_eq!(told(&unused), [&[("BG0224", 3)], &all[..]].concat());
    assert_eq!(unused.suppressed, []);

    let one = two("BG0217", "");
    assert_eq!(told(&one), all[1..]);
    assert_eq!(one.suppressed.len(), 1);
    assert_eq!(one.suppressed[0].problem.code, codes::EMPTY_SELECTOR);
    let SuppressedBy::Document(place) = &one.suppressed[0].by else { panic!("{:?}", one.suppressed) };
    assert_eq!(place.line, 3);

    let both = two("'BG0234, BG0217'", "");
    assert_eq!(told(&both), all[2..]);
    assert_eq!(both.suppressed.len(), 2);
}

#[test]
fn what_is_no_code_is_told_where_it_stands() {
    let checked = two("'BG0217,IST0160'", "");
    let unknown = &checked.problems[0];
    assert_eq!(unknown.code, codes::UNKNOWN_IGNORE);
    let place = unknown.place.as_ref().expect("a place");
    assert_eq!((place.line, place.width), (3, 7));
    let column = "metadata: {name: one, namespace: one, annotations: {burgee.dev/ignore: 'BG0217,".len() + 1;
    assert_eq!(place.column, column);
    assert_eq!(unknown.path, "metadata.annotations[\"burgee.dev/ignore\"]");

    let near = two("BG2017", "");
    assert!(near.problems[0].help.starts_with("did you mean BG0217?"), "{}", near.problems[0].help);
    assert_eq!(told(&two("' '", ""))[0], ("BG0108", 3));
}

#[test]
fn an_error_stays_and_its_ignore_is_told() {
    let checked = two("'BG0106, BG0217'", ", disable: 1");
    assert!(!checked.is_valid());
    assert_eq!(told(&checked), [("BG0225", 3), ("BG0234", 6), ("BG0106", 6), ("BG0217", 12), ("BG0234", 13)]);
    assert_eq!(checked.suppressed.len(), 1);
}

#[test]
fn the_caller_ignores_everywhere_but_no_error() {
    let mut problems = two("BG0217", ", disable: 1").problems;
    let ignored = BTreeSet::from([codes::UNKNOWN_FIELD, codes::TAG_NOT_OF_METRIC, codes::DOUBLE_COUNT]);
    let suppressed = by_caller(&mut problems, &ignored);
    let codes: Vec<&str> = suppressed.iter().map(|one| one.problem.code.0).collect();
    assert_eq!(codes, ["BG0234", "BG0234"]);
    assert!(suppressed.iter().all(|one| one.by == SuppressedBy::Caller));
    let codes: Vec<&str> = problems.iter().map(|one| one.code.0).collect();
    assert_eq!(codes, ["BG0106", "BG0217", "BG0225"]);
}

//! What was found as JUnit's XML: a suite for each file, and a case for each problem.

use burgee_api::check::suppress::{Suppressed, SuppressedBy};
use burgee_api::document::OutlineIndex;
use burgee_api::problem::{Problem, Severity};
use burgee_api::text::clean_lines;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{Found, subject};
use crate::Failure;

/// The report. A problem that does not fail the check is a case that passes and says what it is; a file without any
/// problem is a case that passes.
pub(super) fn report(found: &Found) -> Result<String, Failure> {
    let mut report = Report::new("burgee check");
    let outlines = OutlineIndex::new(&found.outlines);
    for file in files(found) {
        let mut suite =
            TestSuite::new(if file.is_empty() { "documents".to_owned() } else { clean_lines(file) });
        let of_file = |problem: &&Problem| file_of(problem) == file;
        let told = found.problems.iter().filter(of_file);
        suite.add_test_cases(told.map(|problem| case(problem, &outlines, found.fail_on)));
        let ignored = found.ignored.iter().filter(|ignored| of_file(&&ignored.problem));
        suite.add_test_cases(ignored.map(|ignored| ignored_case(ignored, &outlines)));
        if suite.test_cases.is_empty() {
            suite.add_test_case(TestCase::new("nothing is wrong", TestCaseStatus::success()));
        }
        report.add_test_suite(suite);
    }
    report.to_string().map_err(|error| Failure::new(format!("the report cannot be written: {error}"), ""))
}

/// Every file, in the order in which they are read; an empty name for what is of none.
fn files(found: &Found) -> Vec<&str> {
    let mut files: Vec<&str> = found.texts.iter().map(|text| &*text.name).collect();
    for problem in found.problems.iter().chain(found.ignored.iter().map(|ignored| &ignored.problem)) {
        if !files.contains(&file_of(problem)) {
            files.push(file_of(problem));
        }
    }
    files
}

fn file_of(problem: &Problem) -> &str {
    problem.place.as_ref().map_or("", |place| &*place.file)
}

fn case(problem: &Problem, outlines: &OutlineIndex<'_>, fail_on: Severity) -> TestCase {
    let text = clean_lines(&problem.to_string());
    if problem.severity < fail_on {
        let mut case = named(problem, outlines, TestCaseStatus::success());
        case.set_system_out(text);
        return case;
    }
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_type(problem.code.0).set_message(clean_lines(&problem.message)).set_description(text);
    named(problem, outlines, status)
}

fn ignored_case(ignored: &Suppressed, outlines: &OutlineIndex<'_>) -> TestCase {
    let by = match &ignored.by {
        SuppressedBy::Document(place) => clean_lines(&format!("ignored by the annotation at {place}")),
        SuppressedBy::Caller => "ignored by --ignore".to_owned(),
    };
    let mut status = TestCaseStatus::skipped();
    status.set_message(by).set_description(clean_lines(&ignored.problem.to_string()));
    named(&ignored.problem, outlines, status)
}

/// A case that is named by its code and what it is of, which stays when lines move. XML has no place for what
/// [`clean_lines`] writes as escapes.
fn named(problem: &Problem, outlines: &OutlineIndex<'_>, status: TestCaseStatus) -> TestCase {
    let name = clean_lines(&format!("{} {}", problem.code, subject(outlines, problem)));
    let mut case = TestCase::new(name.trim_end(), status);
    case.set_classname(clean_lines(file_of(problem)));
    case
}

//! What came of tests as JUnit's XML: a suite for each file of cases, and one for the rules.

use burgee_filter_test::compliance::RuleResult;
use burgee_filter_test::report;
use burgee_filter_test::run::CaseResult;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::Found;
use crate::Failure;

/// The report.
pub(super) fn report(found: &Found) -> Result<String, Failure> {
    let mut report = Report::new("burgee test");
    let mut files: Vec<&str> = found.cases.iter().map(|case| &*case.place.file).collect();
    files.dedup();
    for file in files {
        let mut suite = TestSuite::new(file);
        suite.add_test_cases(found.cases.iter().filter(|result| &*result.place.file == file).map(case));
        report.add_test_suite(suite);
    }
    if !found.rules.is_empty() {
        let mut suite = TestSuite::new("compliance");
        suite.add_test_cases(found.rules.iter().map(rule));
        report.add_test_suite(suite);
    }
    report.to_string().map_err(|error| Failure::new(format!("the report cannot be written: {error}"), ""))
}

fn case(result: &CaseResult) -> TestCase {
    let status = match result.mismatches.first() {
        None => TestCaseStatus::success(),
        Some(first) => {
            let message = format!("{}: expected {}, got {}", first.path, first.expected, first.got);
            failed(&message, report::case(result))
        }
    };
    let mut case = TestCase::new(result.name.as_str(), status);
    case.set_classname(&*result.place.file).set_time(result.took);
    case
}

fn rule(result: &RuleResult) -> TestCase {
    let status = match &result.violation {
        None => TestCaseStatus::success(),
        Some(violation) => failed(&violation.what, report::rules(std::slice::from_ref(result))),
    };
    let mut case = TestCase::new(result.rule.name, status);
    case.set_classname("compliance").set_time(result.took);
    case
}

fn failed(message: &str, text: String) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_message(message).set_description(text);
    status
}

//! Golden cases: a folder of documents and what `check` says of it, readable side by side.
//!
//! Every folder below `check/` holds documents and `problems.txt`. `BURGEE_BLESS=1` writes the latter anew; it is
//! then reviewed like code.

mod explain;
mod others;
mod replay;
mod rows;

use std::fs;
use std::path::{Path, PathBuf};

use burgee_api::check::check;
use burgee_api::document::Source;
use burgee_api::problem::Problem;

fn cases() -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> = fs::read_dir(burgee_tests::workspace().join("tests/cases/check"))
        .expect("the cases are there")
        .map(|entry| entry.expect("a case").path())
        .collect();
    cases.sort();
    cases
}

fn sources(case: &Path) -> Vec<Source> {
    let mut files: Vec<PathBuf> = fs::read_dir(case)
        .expect("a case is a folder")
        .map(|entry| entry.expect("a file").path())
        .filter(|file| file.extension().is_some_and(|ending| ending == "yaml" || ending == "json"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} has no documents", case.display());
    files
        .iter()
        .map(|file| {
            let name = file.file_name().expect("a name").to_string_lossy().into_owned();
            Source::new(name, fs::read_to_string(file).expect("a text"))
        })
        .collect()
}

fn shown(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

#[test]
fn check_says_what_the_golden_files_say() {
    let cases = cases();
    assert!(cases.len() >= 6, "the cases are found");
    let failures: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let actual = shown(&check(&sources(case)).problems);
            burgee_tests::golden(&case.join("problems.txt"), &actual).err()
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn problems_are_the_same_whatever_the_order_of_documents() {
    for case in cases() {
        let sources = sources(&case);
        let mut turned = sources.clone();
        turned.reverse();
        let sorted = |sources: &[Source]| {
            let mut problems = check(sources).problems;
            problems.sort();
            problems.into_iter().map(|problem| problem.code).collect::<Vec<_>>()
        };
        // Which of two documents of one name is the second one depends on the order; that there are two does not.
        let (mut one, mut other) = (sorted(&sources), sorted(&turned));
        one.sort();
        other.sort();
        assert_eq!(one, other, "{}", case.display());
    }
}

//! What the tests of modules share: a filter's folder as a module, and its cases.
#![allow(dead_code, reason = "each test is a crate of its own and uses a part of this")]

use std::path::{Path, PathBuf};

use burgee_api::document::Source;
use burgee_filter_test::cases::{self, Located};
use burgee_filter_test::run::CaseResult;
use burgee_harness::Module;

/// The folder of a filter with the plain SDK.
pub fn stranger(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("strangers").join(name)
}

/// The folder of a filter of ours.
pub fn ours(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// The module of a filter's folder.
pub fn module(folder: &Path) -> Module {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let built = burgee_modules::build_crate_in(cache, folder, &|_: &str| {});
    let built = built.unwrap_or_else(|error| panic!("{error}"));
    Module::load(&built.bytes).unwrap_or_else(|error| panic!("{error}"))
}

/// The cases of a folder.
pub fn cases(folder: &Path) -> Vec<Located> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "yaml"));
    files.sort();
    let source = |file: &PathBuf| {
        let text = std::fs::read_to_string(file).expect("a text");
        Source::new(file.to_string_lossy().into_owned(), text)
    };
    let read = cases::read(&files.iter().map(source).collect::<Vec<_>>());
    assert_eq!(read.problems, [], "the cases are right");
    read.cases
}

/// What is not as expected, as text.
pub fn failures(results: &[CaseResult]) -> String {
    let failed = results.iter().filter(|result| !result.is_passed());
    failed.map(burgee_filter_test::report::case).collect()
}

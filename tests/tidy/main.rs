//! Our own rules as tests: what the design says of the tree holds for the tree.

mod codes;
mod dependencies;
mod tree;

use std::fs;
use std::path::{Path, PathBuf};

/// Every file of the tree, without what is built and what git keeps.
fn files() -> Vec<PathBuf> {
    let root = burgee_tests::workspace();
    let mut files: Vec<PathBuf> = walkdir::WalkDir::new(&root)
        .into_iter()
        .filter_entry(|entry| !matches!(entry.file_name().to_str(), Some("target" | ".git")))
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| entry.into_path())
        .collect();
    files.sort();
    files
}

/// Every Rust source.
fn rust_files() -> Vec<PathBuf> {
    files().into_iter().filter(|file| file.extension().is_some_and(|ending| ending == "rs")).collect()
}

/// A path as the tree's readers write it.
fn shown(path: &Path) -> String {
    path.strip_prefix(burgee_tests::workspace()).unwrap_or(path).display().to_string()
}

/// A file's text; files that are not text are empty.
fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Fails with every finding at once.
fn assert_none(rule: &str, found: &[String]) {
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}

//! A new crate's folder: all of it or nothing, and never over anything.

use std::fs;

use super::*;

fn files() -> Vec<(&'static str, String)> {
    vec![("a.txt", "a".to_owned()), ("src/b.txt", "b".to_owned())]
}

/// The names of what is in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_folder_is_made_whole() {
    let parent = tempfile::tempdir().expect("a folder");
    make(&parent.path().join("new"), &files()).unwrap_or_else(|failure| panic!("{}", failure.message));
    assert_eq!(names(parent.path()), ["new"]);
    assert_eq!(fs::read_to_string(parent.path().join("new/src/b.txt")).expect("a file"), "b");
}

#[test]
fn what_is_there_stays_as_it_is() {
    let parent = tempfile::tempdir().expect("a folder");
    let path = |name: &str| parent.path().join(name);
    fs::create_dir(path("empty")).expect("a folder");
    fs::write(path("file"), "mine").expect("a file");
    std::os::unix::fs::symlink("nowhere", path("link")).expect("a link");
    for name in ["empty", "file", "link"] {
        let failure = make(&path(name), &files()).expect_err("it is there");
        assert!(failure.message.ends_with("is there already"), "{}", failure.message);
    }
    let failure = make(&path("absent/new"), &files()).expect_err("its parent is not there");
    assert!(failure.message.ends_with("absent is not there"), "{}", failure.message);
    assert_eq!(names(parent.path()), ["empty", "file", "link"]);
    assert_eq!(names(&path("empty")), [""; 0]);
}

#[test]
fn what_cannot_be_written_whole_leaves_nothing() {
    let parent = tempfile::tempdir().expect("a folder");
    // A file where a folder would have to be.
    let files = [("a", String::new()), ("a/b", String::new())];
    let failure = make(&parent.path().join("new"), &files).expect_err("it cannot be written");
    assert!(failure.message.contains("cannot be written"), "{}", failure.message);
    assert_eq!(names(parent.path()), [""; 0]);
}

//! Folders that are written, written again, and refused.

use tempfile::TempDir;

use super::*;

fn mk_files(files: &[(&str, &str)]) -> Files {
    let file = |text: &str| File { bytes: text.as_bytes().to_vec(), is_program: text.starts_with("#!") };
    files.iter().map(|(path, text)| ((*path).to_owned(), file(text))).collect()
}

fn export(out: &Path, files: &[(&str, &str)], force: bool) -> Result<usize, Failure> {
    Target::look(out)?.write(&mk_files(files), |_| 0, force)
}

fn read(out: &Path, path: &str) -> Option<String> {
    fs::read_to_string(out.join(path)).ok()
}

/// Every path below a folder, with its mode.
fn listing(out: &Path) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    let mut open = vec![out.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            found.push((path.strip_prefix(out).unwrap().to_string_lossy().into_owned(), mode));
            if path.is_dir() {
                open.push(path);
            }
        }
    }
    found.sort();
    found
}

const FILES: &[(&str, &str)] = &[("a/b/one", "1"), ("a/two", "2"), ("bin/run", "#!run")];

#[test]
fn a_folder_is_written_whether_it_is_absent_or_empty_and_everybody_can_read_it() {
    let root = TempDir::new().unwrap();
    let expected: Vec<(String, u32)> = [
        (MARKER, 0o644),
        ("a", 0o755),
        ("a/b", 0o755),
        ("a/b/one", 0o644),
        ("a/two", 0o644),
        ("bin", 0o755),
        ("bin/run", 0o755),
    ]
    .map(|(path, mode)| (path.to_owned(), mode))
    .into();
    let (absent, empty) = (root.path().join("deep/absent"), root.path().join("empty"));
    fs::create_dir(&empty).unwrap();
    for out in [&absent, &empty] {
        assert_eq!(export(out, FILES, false).unwrap(), 3);
        assert_eq!(listing(out), expected);
    }
    assert_eq!(fs::metadata(&absent).unwrap().permissions().mode() & 0o777, 0o755);
    // Nothing else is left beside it.
    assert_eq!(fs::read_dir(root.path().join("deep")).unwrap().count(), 1);
    assert_eq!(read(&absent, MARKER), read(&empty, MARKER));
}

#[test]
fn written_again_only_what_differs_is_written_and_what_is_gone_is_taken_away() {
    let root = TempDir::new().unwrap();
    let out = root.path().join("out");
    export(&out, FILES, false).unwrap();
    fs::write(out.join("mine"), "kept").unwrap();
    assert_eq!(export(&out, FILES, false).unwrap(), 0);
    assert_eq!(export(&out, &[("a/two", "22"), ("bin/run", "#!run"), ("c", "3")], false).unwrap(), 2);
    assert_eq!(read(&out, "a/two").as_deref(), Some("22"));
    assert_eq!(read(&out, "mine").as_deref(), Some("kept"));
    assert!(!out.join("a/b").exists());
}

#[test]
fn a_file_that_was_changed_by_hand_is_kept_unless_forced() {
    let root = TempDir::new().unwrap();
    let out = root.path().join("out");
    export(&out, FILES, false).unwrap();
    fs::write(out.join("a/two"), "mine").unwrap();
    fs::write(out.join("new"), "mine").unwrap();
    let files = [("a/two", "22"), ("new", "n")];
    let failure = export(&out, &files, false).unwrap_err();
    assert!(failure.message.contains("a/two, new"), "{}", failure.message);
    assert!(failure.help.contains("--force"), "{}", failure.help);
    assert_eq!(read(&out, "a/two").as_deref(), Some("mine"));
    assert_eq!(export(&out, &files, true).unwrap(), 2);
    assert_eq!(read(&out, "new").as_deref(), Some("n"));
}

#[test]
fn an_export_that_was_interrupted_is_taken_up_again() {
    let root = TempDir::new().unwrap();
    let out = root.path().join("out");
    export(&out, FILES, false).unwrap();
    // As if it had ended between two files of the next one.
    fs::write(out.join("a/two"), "22").unwrap();
    assert_eq!(export(&out, &[("a/two", "22"), ("a/b/one", "11")], false).unwrap(), 1);
}

#[test]
fn what_is_not_ours_is_refused_with_what_to_do() {
    let root = TempDir::new().unwrap();
    let (file, foreign, other) =
        (root.path().join("file"), root.path().join("foreign"), root.path().join("other"));
    fs::write(&file, "").unwrap();
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("x"), "").unwrap();
    fs::create_dir(&other).unwrap();
    fs::write(other.join(MARKER), r#"{"version":99,"files":{}}"#).unwrap();
    for (out, expected) in [(&file, "is no folder"), (&foreign, "is not empty"), (&other, "another version")]
    {
        for force in [false, true] {
            let failure = export(out, FILES, force).unwrap_err();
            assert!(failure.message.contains(expected), "{}", failure.message);
            assert!(!failure.help.is_empty());
        }
    }
}

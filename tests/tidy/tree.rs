//! Rules about files: first lines, sizes, reachability, names, and what README says is there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cargo_metadata::MetadataCommand;
use regex::Regex;

use crate::{assert_none, files, rust_files, shown, text};

/// The longest a source may be, tests aside.
const MOST_LINES: usize = 500;

pub(crate) fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a regular expression of ours")
}

#[test]
fn every_source_begins_by_saying_what_it_is_for() {
    let found: Vec<String> = rust_files()
        .iter()
        .filter(|file| {
            let text = text(file);
            let first = text.lines().next().unwrap_or("");
            first.strip_prefix("//! ").is_none_or(|line| line.len() <= 10)
        })
        .map(|file| shown(file))
        .collect();
    assert_none("the first line must be `//! ` and what the file is for", &found);
}

#[test]
fn no_source_is_too_long_to_read() {
    let found: Vec<String> = rust_files()
        .iter()
        .filter(|file| !is_test(file))
        .filter_map(|file| {
            let text = text(file);
            let lines = text.split("#[cfg(test)]").next().unwrap_or("").lines().count();
            (lines > MOST_LINES).then(|| format!("{}: {lines} lines", shown(file)))
        })
        .collect();
    assert_none(&format!("a source has at most {MOST_LINES} lines"), &found);
}

pub(crate) fn is_test(file: &Path) -> bool {
    let shown = shown(file);
    shown.starts_with("tests/") || shown.contains("/tests/") || shown.ends_with("tests.rs")
}

#[test]
fn every_source_is_compiled() {
    let metadata = MetadataCommand::new()
        .current_dir(burgee_tests::workspace())
        .no_deps()
        .exec()
        .expect("cargo describes the workspace");
    let mut reached = BTreeSet::new();
    let roots = metadata.packages.iter().flat_map(|package| &package.targets);
    let mut open: Vec<(PathBuf, bool)> =
        roots.map(|target| (target.src_path.clone().into_std_path_buf(), true)).collect();
    let module = regex(r"(?m)^\s*(?:pub(?:\([a-z ]+\))?\s+)?mod\s+(?:r#)?([a-z0-9_]+)\s*;");
    while let Some((file, is_root)) = open.pop() {
        let Ok(file) = file.canonicalize() else { continue };
        if !reached.insert(file.clone()) {
            continue;
        }
        let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let folder = file.parent().map(Path::to_owned).unwrap_or_default();
        let base = if is_root || stem == "mod" { folder } else { folder.join(stem) };
        for name in module.captures_iter(&text(&file)) {
            open.push((base.join(format!("{}.rs", &name[1])), false));
            open.push((base.join(&name[1]).join("mod.rs"), false));
        }
    }
    let found: Vec<String> = rust_files()
        .iter()
        // The fuzzers are not of the workspace; that each has its target is a test of its own. Nor are the filters of
        // others, and those of tests with a real Envoy, which tests build.
        .filter(|file| !shown(file).starts_with("tests/fuzz/targets/") && !is_strangers(&shown(file)))
        .filter(|file| !shown(file).starts_with("tests/e2e/filters/"))
        .filter(|file| file.canonicalize().is_ok_and(|file| !reached.contains(&file)))
        .map(|file| shown(file))
        .collect();
    assert_none("no module declares these files", &found);
}

#[test]
fn everything_that_documents_name_is_there() {
    let root = burgee_tests::workspace();
    let mut found = Vec::new();
    for document in files().iter().filter(|file| file.extension().is_some_and(|ending| ending == "md")) {
        let text = text(document);
        // Words in backquotes or links that look like paths of this tree.
        let path = regex(r"(?:`|\]\()((?:\.{1,2}/)?[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.*-]+)*/?)(?:`|\))");
        let known_roots = top_level(&root);
        for capture in path.captures_iter(&text) {
            let name = capture[1].trim_end_matches('/');
            let first = name.split('/').next().unwrap_or("");
            let from_root = known_roots.contains(first) && (name.contains('/') || name.contains('.'));
            let relative = document.parent().map(|folder| folder.join(name)).unwrap_or_default();
            if from_root && !root.join(name).exists() && !relative.exists() {
                found.push(format!("{}: {name}", shown(document)));
            }
        }
        for link in regex(r"\]\(([^)#:]+)(?:#[^)]*)?\)").captures_iter(&text) {
            let relative = document.parent().map(|folder| folder.join(&link[1])).unwrap_or_default();
            if !relative.exists() {
                found.push(format!("{}: link to {}", shown(document), &link[1]));
            }
        }
    }
    assert_none("these paths are named and not there", &found);
}

/// The names at the top of the tree.
fn top_level(root: &Path) -> BTreeSet<String> {
    std::fs::read_dir(root)
        .expect("the workspace can be listed")
        .filter_map(Result::ok)
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        // What is built is there only where it has been built.
        .filter(|name| name != "target")
        .collect()
}

#[test]
fn nothing_waits_to_be_filled_in() {
    let mark = regex(r"@@[A-Z]+");
    let found: Vec<String> = files()
        .iter()
        .filter(|file| !shown(file).starts_with("tests/tidy/") && mark.is_match(&text(file)))
        .map(|file| shown(file))
        .collect();
    assert_none("these hold a mark that was to be replaced", &found);
}

#[test]
fn pure_crates_neither_read_nor_wait_nor_print() {
    let impure = regex(
        r"std::(fs|net|env|process|thread)\b|(Instant|SystemTime)::now|\b(e?print(ln)?|dbg)!|std::io::(stdin|stdout|stderr)",
    );
    let found: Vec<String> = rust_files()
        .iter()
        .filter(|file| {
            let shown = shown(file);
            let pure = [
                "telemetry-api/src/",
                "telemetry-api/component/src/",
                "filters/config/src/",
                "delivery/overlay/src/",
            ];
            pure.iter().any(|folder| shown.starts_with(folder)) && !is_test(file)
        })
        .filter(|file| impure.is_match(code(&text(file)).split("#[cfg(test)]").next().unwrap_or("")))
        .map(|file| shown(file))
        .collect();
    assert_none("these are pure by design", &found);
}

/// What `#[test]` is depends on where the tests run, and says so in one place. A module that takes the one of the
/// language itself is left out, in silence, where they run as Wasm.
#[test]
fn every_test_of_the_language_runs_as_wasm_too() {
    let of_the_language: Vec<(String, String)> = rust_files()
        .iter()
        .filter(|file| shown(file).starts_with("telemetry-api/src/"))
        .map(|file| (shown(file), code(&text(file))))
        .filter(|(_, text)| text.contains("#[test]"))
        .collect();
    assert!(of_the_language.len() > 10, "tests are found: {}", of_the_language.len());
    let found: Vec<String> = of_the_language
        .into_iter()
        .filter(|(_, text)| !text.contains("use crate::test;"))
        .map(|(file, _)| file)
        .collect();
    assert_none("tests of the language say `use crate::test;`", &found);
}

#[test]
fn every_folder_of_the_workspace_is_on_the_map() {
    let root = burgee_tests::workspace();
    let readme = text(&root.join("README.md"));
    let metadata =
        MetadataCommand::new().current_dir(&root).no_deps().exec().expect("cargo describes the workspace");
    let found: Vec<String> = metadata
        .packages
        .iter()
        .map(|package| {
            shown(package.manifest_path.parent().expect("a manifest is in a folder").as_std_path())
        })
        .filter(|folder| !readme.contains(&format!("`{folder}")))
        .collect();
    assert_none("README's map does not name these crates", &found);
}

#[test]
fn nothing_names_the_sdk() {
    let word = regex(r"\bproxy_wasm\b");
    let dependency = regex(r"(?m)^proxy-wasm\b");
    let found: Vec<String> = files()
        .iter()
        .filter(|file| {
            let shown = shown(file);
            let named = match file.extension().and_then(|ending| ending.to_str()) {
                Some("rs") => code(&text(file)).lines().any(|line| word.is_match(line)),
                Some("toml") => dependency.is_match(&text(file)),
                _ => false,
            };
            named && !shown.starts_with("tests/tidy/") && !is_strangers(&shown)
        })
        .map(|file| shown(file))
        .collect();
    assert_none("proxy_wasm exports the same callbacks as filters/kit", &found);
}

/// Whether a file is of the filters that stand for those of other people, who use the SDK.
fn is_strangers(shown: &str) -> bool {
    shown.starts_with("filters/testing/strangers/") || shown.starts_with("cli/src/commands/new/template/")
}

/// A source without its comments.
fn code(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn only_the_overlay_and_what_stands_on_it_names_types_of_envoy() {
    let type_url = regex(r"envoy\.(extensions|config|service)\.[a-z_.]+\.v3");
    let found: Vec<String> = rust_files()
        .iter()
        .filter(|file| {
            let shown = shown(file);
            let inside = ["telemetry-api/", "filters/", "delivery/modules/"];
            inside.iter().any(|folder| shown.starts_with(folder)) && type_url.is_match(&text(file))
        })
        .map(|file| shown(file))
        .collect();
    assert_none("these know nothing of Envoy's configuration", &found);
}

#[test]
fn nothing_in_the_tree_names_this_machine() {
    let root = burgee_tests::workspace();
    let home = std::env::var("HOME").unwrap_or_default();
    let mut names = Vec::new();
    // A path of one name, such as /src, says nothing of a machine and may stand anywhere.
    if root.components().count() > 2 {
        names.push(format!("{}/", root.display()));
    }
    if home.len() > 1 {
        names.push(format!("{home}/"));
    }
    let found: Vec<String> = files()
        .iter()
        .filter(|file| names.iter().any(|name| text(file).contains(name)))
        .map(|file| shown(file))
        .collect();
    assert_none("these files name a path of this machine", &found);
}

//! What the fuzzers have found, and changes of it that are the same in every run: see `tests/fuzz`.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use burgee_tests::fuzz::TARGETS;
use burgee_tests::generate::Chance;

/// Targets of other crates, whose own tests try what was found: that of filters takes modules (`filters/testing/tests/any.rs`),
/// those of images are the supply's (`delivery/supply/tests/any.rs`), that of modules theirs (`delivery/modules`), and that of
/// responses the server's (`delivery/server/tests/any.rs`).
const OF_OTHERS: &[&str] = &["filters", "manifests", "archives", "words", "modules", "responses"];

/// How many changes are made of each input.
const CHANGES: usize = 4;

/// The inputs in a folder and those below it, by name.
fn inputs(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let files = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().filter_map(Result::ok);
    let files = files.filter(|file| file.file_type().is_file());
    let read = |file: walkdir::DirEntry| {
        (file.path().display().to_string(), fs::read(file.path()).expect("an input can be read"))
    };
    files.map(read).collect()
}

/// An input like another one. `other` is what may be put into it.
fn changed(input: &[u8], other: &[u8], chance: &mut Chance<'_>) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=chance.below(4) {
        let at = |bytes: &[u8], chance: &mut Chance<'_>| chance.below(bytes.len() as u64 + 1) as usize;
        let (start, end) = (at(&bytes, chance), at(&bytes, chance));
        let (start, end) = (start.min(end), start.max(end).min(start.min(end) + 40));
        match chance.below(5) {
            0 => drop(bytes.drain(start..end)),
            1 => bytes.splice(start..start, bytes[start..end].to_vec()).for_each(drop),
            2 => bytes.iter_mut().skip(start).take(1).for_each(|byte| *byte ^= 1 << chance.below(8)),
            3 => bytes.insert(start, b"\n\t {}[]:,'\"%()&*-#0\\"[chance.below(20) as usize]),
            _ => {
                let from = at(other, chance);
                let part = other[from..].iter().take(30).copied().collect::<Vec<_>>();
                bytes.splice(start..end, part).for_each(drop);
            }
        }
    }
    bytes
}

#[test]
fn what_fuzzers_found_and_what_is_like_it_does_no_harm() {
    let corpus = burgee_tests::workspace().join("tests/fuzz/corpus");
    for (name, target) in TARGETS {
        let inputs = inputs(&corpus.join(name));
        assert!(inputs.len() > 3, "{name} has {} inputs", inputs.len());
        for (index, (file, input)) in inputs.iter().enumerate() {
            let other = &inputs[(index + 1) % inputs.len()].1;
            let mut chance = Chance::of_number(index as u64);
            let changes = (0..CHANGES).map(|_| changed(input, other, &mut chance));
            for bytes in std::iter::once(input.clone()).chain(changes) {
                let tried = catch_unwind(AssertUnwindSafe(|| target(&bytes)));
                assert!(
                    tried.is_ok(),
                    "{name}: {file}, or what is like it: {:?}",
                    String::from_utf8_lossy(&bytes)
                );
            }
        }
    }
}

#[test]
fn every_target_is_one_of_the_fuzzers() {
    let folder = burgee_tests::workspace().join("tests/fuzz");
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("the fuzzers' manifest");
    let readme = fs::read_to_string(folder.join("README.md")).expect("the fuzzers' page");
    let named = manifest.matches("\n[[bin]]\n").count();
    let targets: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).chain(OF_OTHERS.iter().copied()).collect();
    assert_eq!(named, targets.len(), "{manifest}");
    for name in targets {
        let source = folder.join("targets").join(format!("{name}.rs"));
        assert!(source.is_file(), "{}", source.display());
        assert!(
            manifest.contains(&format!("name = \"{name}\"\npath = \"targets/{name}.rs\"")),
            "{name}: {manifest}"
        );
        assert!(readme.contains(&format!("`{name}`")), "{name} is not in the fuzzers' page");
    }
}

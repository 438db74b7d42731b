//! The worked examples of how documents add up, a file per row: see `specification/README.md`.

mod corrupt;
mod envoy;
mod lowered;
mod notation;
mod observe;
mod row;

use std::collections::BTreeMap;
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use burgee_api::Severity;

use observe::{Observed, letters, observe};
use row::{Row, World};

/// Every row of the specification: the folder, what names begin with, and their numbers.
const ROWS: &[(&str, &str, &[RangeInclusive<usize>])] = &[
    ("tracing", "T", &[1..=34]),
    ("tracing", "P", &[1..=8]),
    ("tracing", "C", &[1..=4, 6..=6]),
    ("metrics", "M", &[1..=44, 50..=51]),
    ("access-logs", "L", &[1..=45]),
    ("access-logs", "F", &[1..=15]),
    ("selection", "S", &[1..=24]),
    ("plugins", "X", &[1..=9, 17..=17]),
    ("plugins", "Y", &[1..=14]),
    ("plugins", "Z", &[1..=9]),
    ("end-to-end", "E", &[1..=24]),
    ("validation", "V", &[1..=30]),
    ("validation", "W-V", &[1..=15]),
];

/// The text of each row, by name.
fn texts(folder: &Path) -> BTreeMap<String, String> {
    let files = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let files = files.map(|file| file.expect("a file").path());
    files
        .filter_map(|file| {
            let name = file.file_stem()?.to_str()?.to_owned();
            let is_row = name.ends_with(|c: char| c.is_ascii_digit());
            is_row.then(|| (name, fs::read_to_string(&file).expect("a text")))
        })
        .collect()
}

fn folders() -> Vec<PathBuf> {
    let mut folders: Vec<&str> = ROWS.iter().map(|(folder, ..)| *folder).collect();
    folders.dedup();
    folders
        .iter()
        .map(|name| burgee_tests::workspace().join("tests/cases/specification").join(name))
        .collect()
}

/// What is wrong with a row, if anything is.
fn fault(row: &Row, observed: &Observed) -> Result<(), String> {
    let mut expected = row.expected.clone();
    let told = expected.remove("check");
    if expected != observed.results {
        return Err(format!("expected {expected:#?}\nfound {:#?}", observed.results));
    }
    if told.is_some() != row.surprises {
        return Err(
            "`check` stands where the sentence says QUIRK, GAP, trap or warning, and only there".to_owned()
        );
    }
    let told: Vec<&str> = told.iter().flat_map(|told| told.split(", ")).collect();
    let said: Vec<&str> = observed.codes.keys().map(String::as_str).collect();
    if row.surprises && told != said {
        return Err(format!("check says {}", said.join(", ")));
    }
    let refusal = observed.codes.iter().find(|(_, severity)| **severity == Severity::Error);
    match refusal {
        Some((code, _)) if !row.surprises && !is_verdict(row) => Err(format!("check refuses it: {code}")),
        _ => Ok(()),
    }
}

/// Whether a row is about what `check` says of each document.
fn is_verdict(row: &Row) -> bool {
    matches!(letters(&row.name), "V" | "W-V")
}

#[test]
fn what_comes_of_each_row_is_what_it_says() {
    let mut faults = Vec::new();
    for folder in folders() {
        let world = World::read(&folder);
        for (name, text) in texts(&folder) {
            let judged = Row::parse(&name, &world, &text).and_then(|row| fault(&row, &observe(&row)));
            faults.extend(judged.err().map(|fault| format!("{name}: {fault}")));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

/// The rows of plugins, told of a TrafficExtension: all but the one about what Istio appends to names of the other kind.
#[test]
fn the_rows_of_plugins_hold_for_extensions() {
    let folder = burgee_tests::workspace().join("tests/cases/specification/plugins");
    let world = World::read(&folder);
    let mut count = 0;
    for (name, text) in texts(&folder).into_iter().filter(|(name, _)| name != "Z7") {
        let url = "url: file:///opt/filters/guard.wasm";
        let told = text.replace("kind: WasmPlugin", "kind: TrafficExtension");
        let told = told.replace(&format!("  {url}"), &format!("  wasm: {{{url}}}"));
        assert_ne!(told, text, "{name}");
        let mut row = Row::parse(&name, &world, &told).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        for (_, order) in row.expected.iter_mut().filter(|(key, _)| *key == "order") {
            let ids: Vec<String> =
                order.split(", ").map(|plugin| format!("TrafficExtension/{plugin}")).collect();
            *order = ids.join(", ");
        }
        if let Err(fault) = fault(&row, &observe(&row)) {
            panic!("{name} of an extension: {fault}");
        }
        count += 1;
    }
    assert!(count > 30, "{count} rows");
}

#[test]
fn every_row_is_there() {
    for (folder, wanted, numbers) in ROWS {
        let folder = burgee_tests::workspace().join("tests/cases/specification").join(folder);
        let mut found: Vec<String> =
            texts(&folder).into_keys().filter(|name| letters(name) == *wanted).collect();
        let mut rows: Vec<String> =
            numbers.iter().cloned().flatten().map(|number| format!("{wanted}{number}")).collect();
        found.sort();
        rows.sort();
        assert_eq!(found, rows, "{}", folder.display());
    }
}

#[test]
fn the_order_of_documents_changes_nothing() {
    for folder in folders() {
        let world = World::read(&folder);
        for (name, text) in texts(&folder) {
            let mut row = Row::parse(&name, &world, &text).unwrap_or_else(|fault| panic!("{name}: {fault}"));
            let observed = observe(&row);
            row.turn();
            let turned = observe(&row);
            // Verdicts are on each document alone.
            assert!(is_verdict(&row) || turned.results == observed.results, "{name}: {:#?}", turned.results);
            assert_eq!(turned.codes, observed.codes, "{name}");
        }
    }
}

#[test]
fn a_row_whose_expectation_is_corrupted_fails() {
    let mut unnoticed = Vec::new();
    let mut tried = 0;
    for folder in folders() {
        let world = World::read(&folder);
        for (name, text) in texts(&folder) {
            let right = Row::parse(&name, &world, &text).unwrap_or_else(|fault| panic!("{name}: {fault}"));
            let observed = observe(&right);
            for corrupted in corrupt::every_way(&text) {
                tried += 1;
                let judged = Row::parse(&name, &world, &corrupted).and_then(|row| fault(&row, &observed));
                if judged.is_ok() {
                    unnoticed
                        .push(format!("{name}: {}", corrupted.rsplit("---\n").next().unwrap_or_default()));
                }
            }
        }
    }
    let rows: usize = ROWS.iter().flat_map(|(.., numbers)| *numbers).map(|range| range.clone().count()).sum();
    assert!(tried > 3 * rows, "{tried} for {rows} rows");
    assert!(unnoticed.is_empty(), "nothing noticed these:\n{}", unnoticed.join("\n"));
}

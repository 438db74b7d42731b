//! Documents by others, where they are there: what Istio accepts is accepted, and every surprise is written down.
//!
//! Where they are not (see [`burgee_tests::conformance`]), the tests say so and pass.

mod fields;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use burgee_api::Severity;
use burgee_api::check::check;
use burgee_api::document::Source;

/// Where the documents are; absent where there are none, which is then said even if the test's output is not shown.
fn folder(what: &str) -> Option<PathBuf> {
    let folder = burgee_tests::conformance().join(what);
    if folder.is_dir() {
        return Some(folder);
    }
    let line = format!("skipped: documents by others are not at {}\n", folder.display());
    std::io::stderr().write_all(line.as_bytes()).expect("standard error takes a line");
    None
}

/// The folders, and of which of their files `check` says what Istio does not, by severity and code. Istio accepts every
/// document of these folders, and so do we.
const SURPRISES: &[(&str, &[&str])] = &[("validation/networking-v1alpha3-EnvoyFilter.yaml", &[NOT_READ])];
const NOT_READ: &str = "warning BG0103";

/// A template with values: what stands for one is filled in, conditions and loops are left out, so that what is within
/// them is there once.
fn rendered(template: &str) -> String {
    let fill = |line: &str| match (line.split_once("{{"), line.split_once("}}")) {
        (Some((before, after)), Some((_, rest))) => {
            let value = match after {
                after if after.contains("URL") => "registry.example.com/filter:1",
                after if after.contains("Policy") => "Always",
                after if after.contains('$') => "1",
                _ => "example",
            };
            format!("{before}{value}{rest}\n")
        }
        _ => format!("{line}\n"),
    };
    template.lines().filter(|line| !line.trim_start().starts_with("{{-")).map(fill).collect()
}

#[test]
fn what_istio_accepts_is_accepted() {
    let mut surprises: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for part in ["validation", "telemetry", "samples", "extensions"] {
        let Some(folder) = folder(part) else { return };
        let files = fs::read_dir(&folder).expect("a folder").map(|file| file.expect("a file").path());
        for file in files {
            let name = format!("{part}/{}", file.file_name().expect("a name").to_string_lossy());
            let text = rendered(&fs::read_to_string(&file).expect("a text"));
            let checked = check(&[Source::new(name.clone(), text)]);
            let read = &checked.resources;
            let is_empty =
                read.telemetries.is_empty() && read.extensions.is_empty() && !read.mesh_config.was_read;
            let told = checked.problems.iter().filter(|problem| problem.severity > Severity::Note);
            let told: BTreeSet<String> =
                told.map(|problem| format!("{} {}", problem.severity.name(), problem.code)).collect();
            assert!(!is_empty || told.contains(NOT_READ), "{name}: nothing was read, and nothing says so");
            if !told.is_empty() {
                surprises.insert(name, told);
            }
        }
    }
    let expected: BTreeMap<String, BTreeSet<String>> = SURPRISES
        .iter()
        .map(|(file, codes)| ((*file).to_owned(), codes.iter().map(|code| (*code).to_owned()).collect()))
        .collect();
    assert_eq!(surprises, expected);
}

/// The documents that Istio's analyzers are tried on, with what is told of each: the place, and the severity and code of
/// everything that is worse than a note. What Istio tells too is in the comment; where it does not, it says why.
const ANALYZED: &[(&str, &[&str])] = &[
    // IST0160, of both documents of ns2; the second one is the one that has no effect.
    ("telemetry-default-selector.yaml", &["47 warning BG0501"]),
    ("telemetry-disable-provider.yaml", &[]),
    // IST0157: the entry with the filter has no provider. The one before it has one, so that logs go on, unfiltered.
    ("telemetry-invalid-provider.yaml", &["11 warning BG0220"]),
    // IST0101 of the two whose labels nothing has, and IST0159 of both of each pair; the later one is told.
    (
        "telemetry-selector.yaml",
        &["57 warning BG0508", "74 warning BG0508", "102 warning BG0505", "136 warning BG0505"],
    ),
];

#[test]
fn what_istios_analyzers_find_is_found() {
    let Some(folder) = folder("analyzers") else { return };
    let told = |names: &[&str]| -> Vec<String> {
        let read = |name: &&str| Source::new(*name, fs::read_to_string(folder.join(name)).expect("a text"));
        let problems = check(&names.iter().map(read).collect::<Vec<_>>()).problems;
        let bad = problems.iter().filter(|problem| problem.severity > Severity::Note);
        let line = |problem: &burgee_api::Problem| problem.place.as_ref().map_or(0, |place| place.line);
        bad.map(|problem| format!("{} {} {}", line(problem), problem.severity.name(), problem.code)).collect()
    };
    for (file, expected) in ANALYZED {
        assert_eq!(told(&[file]), *expected, "{file}");
    }
    // IST0002: a provider that is deprecated in Istio, and that Envoy no longer has.
    let lightstep = told(&["telemetry-lightstep-meshconfig.yaml", "telemetry-lightstep.yaml"]);
    assert!(lightstep.iter().any(|told| told.starts_with("9 ")), "{lightstep:?}");
}

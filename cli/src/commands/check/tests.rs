//! What was found, in the forms that other programs read.

use std::collections::BTreeSet;
use std::path::PathBuf;

use burgee_api::problem::codes;
use serde_json::Value;

use super::*;

/// Two files: one with an error, a note, and a warning that it ignores; one with nothing wrong.
const WRONG: &str = "\
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata:
  name: wrong
  namespace: shop
  annotations:
    burgee.dev/ignore: BG0217
spec:
  selector: {}
  metrics:
    - providers: [{name: prometheus}]
      überrides: []
      overrides:
        - match: {metric: TCP_SENT_BYTES}
          tagOverrides: {response_code: {operation: REMOVE}}
        - match: {customMetric: mine}
          disabled: true
";

const RIGHT: &str = "rootNamespace: mesh\n";

fn found(more: &str) -> Found {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path
    };
    let files = vec![file("it is wrong.yaml", &format!("{more}{WRONG}")), file("right.yaml", RIGHT)];
    let ignored = BTreeSet::from([codes::CUSTOM_METRIC]);
    let (fail_on, output) = (Severity::Warning, CheckFormat::Text);
    let plan = CheckPlan { files, fail_on, ignored, observed: None, output };
    let mut found = find(&plan).expect("the files are read");
    // Where the folder is differs between runs.
    let root = format!("{}/", folder.path().display());
    let short = |file: &str| -> std::sync::Arc<str> { file.replace(&root, "").into() };
    found.outlines.iter_mut().for_each(|outline| outline.place.file = short(&outline.place.file));
    found.texts.iter_mut().for_each(|text| text.name = short(&text.name));
    let ignored = found.ignored.iter_mut().map(|ignored| {
        if let SuppressedBy::Document(place) = &mut ignored.by {
            place.file = short(&place.file);
        }
        &mut ignored.problem
    });
    for place in found.problems.iter_mut().chain(ignored).filter_map(|problem| problem.place.as_mut()) {
        place.file = short(&place.file);
    }
    found
}

fn as_sarif(found: &Found) -> Value {
    serde_json::to_value(sarif::report(found)).expect("SARIF is JSON")
}

/// The published schema, which the crate that makes SARIF carries.
fn schema() -> Value {
    let metadata = cargo_metadata::MetadataCommand::new().exec().expect("cargo describes the workspace");
    let is_it = |package: &&cargo_metadata::Package| package.name.as_str() == "serde-sarif";
    let package = metadata.packages.iter().find(is_it).expect("the crate is a dependency");
    let file = package.manifest_path.with_file_name("src").join("schema.json");
    let text = std::fs::read_to_string(&file).expect("the schema is there");
    // One of its patterns is no regular expression: a bracket that closes nothing.
    let text = text.replace("[a-zA-Z]{2}]?$", "[a-zA-Z]{2}?$");
    serde_json::from_str(&text).expect("it is JSON")
}

#[test]
fn sarif_is_what_the_schema_says() {
    let validator = jsonschema::validator_for(&schema()).expect("the schema is one");
    let mut report = as_sarif(&found(""));
    let faults: Vec<String> = validator.iter_errors(&report).map(|error| error.to_string()).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    report["runs"][0]["results"][0]["level"] = "severe".into();
    assert!(!validator.is_valid(&report), "the schema refuses what is wrong");
}

#[test]
fn sarif_has_places_rules_and_what_is_ignored() {
    let report = as_sarif(&found(""));
    let run = &report["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    let ids: Vec<&str> = rules.iter().filter_map(|rule| rule["id"].as_str()).collect();
    assert_eq!(ids, ["BG0106", "BG0214", "BG0217", "BG0234"]);
    assert!(rules[0]["help"]["markdown"].as_str().is_some_and(|text| text.starts_with("# BG0106")));
    let results = run["results"].as_array().expect("results");
    let shown: Vec<String> = results
        .iter()
        .map(|result| {
            let place = &result["locations"][0]["physicalLocation"];
            let region = &place["region"];
            format!(
                "{} {} {} {}:{}-{} {}",
                result["ruleId"].as_str().unwrap_or_default(),
                result["level"].as_str().unwrap_or_default(),
                place["artifactLocation"]["uri"].as_str().unwrap_or_default(),
                region["startLine"],
                region["startColumn"],
                region["endColumn"],
                result["suppressions"][0]["kind"].as_str().unwrap_or("told"),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "BG0106 error it%20is%20wrong.yaml 12:7-16 told",
            "BG0234 note it%20is%20wrong.yaml 15:53-59 told",
            "BG0217 warning it%20is%20wrong.yaml 9:13-14 inSource",
            "BG0214 warning it%20is%20wrong.yaml 16:11-12 external",
        ]
    );
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().expect("an index")).expect("a small one");
        assert_eq!(rules[index]["id"], result["ruleId"]);
    }
}

#[test]
fn fingerprints_stay_when_lines_are_added() {
    let prints = |found: &Found| -> Vec<String> {
        let report = as_sarif(found);
        let results = report["runs"][0]["results"].as_array().expect("results").clone();
        results.iter().map(|result| result["partialFingerprints"].to_string()).collect()
    };
    let before = prints(&found(""));
    assert_eq!(before, prints(&found("# A comment\n# and another.\n")));
    assert_eq!(before.iter().collect::<BTreeSet<_>>().len(), 4, "{before:?}");
}

#[test]
fn junit_has_a_suite_per_file_and_a_case_per_problem() {
    let report = junit::report(&found("")).expect("a report");
    insta::assert_snapshot!(report);
}

#[test]
fn the_summary_counts_what_is_told_and_what_is_not() {
    assert_eq!(summary(&found("")), "2 files: 1 error, 1 note (2 ignored)");
}

#[test]
fn json_has_what_is_ignored_and_by_whom() {
    let output = serde_json::to_value(CheckOutput::new(&found(""))).expect("JSON");
    let ignored: Vec<String> = output["ignored"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|ignored| format!("{} {}", ignored["code"], ignored["annotation"]))
        .collect();
    assert_eq!(ignored, [r#""BG0217" "it is wrong.yaml:7:24""#, r#""BG0214" null"#]);
    assert_eq!(output["problems"].as_array().map(Vec::len), Some(2));
}

#[test]
fn junit_holds_what_xml_can() {
    let odd = "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: odd, namespace: shop}\n\
               spec: {\"a\\uFFFE\\uFFFF\\a\": 1}\n---\n";
    let report = junit::report(&found(odd)).expect("a report");
    let is_of_xml = |character: char| matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    assert_eq!(report.chars().find(|character| !is_of_xml(*character)), None);
    assert!(report.contains("a\\u{fffe}\\u{ffff}\\u{7}"), "{report}");
}

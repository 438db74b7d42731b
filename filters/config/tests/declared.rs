//! What a bootstrap needs for the metrics that a module declares.

use burgee_filter_config::declared::{from_section, histogram_buckets, stats_tags};
use regex::Regex;

const SECTION: &str = r#"[
    {"name": "asked_total", "kind": "counter", "labels": ["tenant", "verdict"], "unit": "of a newer kit"},
    {"name": "took", "kind": "histogram", "labels": ["tenant"], "buckets": [1, 5]},
    {"name": "took_plain", "kind": "histogram"},
    {"name": "odd", "kind": "gauge", "labels": ["not a label", "0"]}
]"#;

#[test]
fn each_label_is_taken_out_once() {
    let metrics = from_section(SECTION.as_bytes()).expect("metrics");
    let tags = stats_tags(&metrics);
    let names: Vec<&str> = tags.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["tenant", "verdict"]);
    let mut name = "wasmcustom.tenant=.=acme;.;verdict=.=no;.;asked_total".to_owned();
    for ((_, regex), value) in tags.iter().zip(["acme", "no"]) {
        let regex = Regex::new(regex).expect("a regular expression");
        assert_eq!(&regex.captures(&name).expect("it is there")[2], value);
        name = regex.replace(&name, "").into_owned();
    }
    assert_eq!(name, "wasmcustom.asked_total");
}

#[test]
fn the_buckets_are_those_of_the_metric_and_of_no_other() {
    let metrics = from_section(SECTION.as_bytes()).expect("metrics");
    let buckets = histogram_buckets(&metrics);
    assert_eq!(buckets.len(), 1);
    assert_eq!(buckets[0].1, [1, 5]);
    let regex = Regex::new(&buckets[0].0).expect("a regular expression");
    for (name, is_meant) in [
        ("wasmcustom.took", true),
        ("wasmcustom.tenant=.=acme;.;took", true),
        ("wasmcustom.tenant=.=a.b;c;.;took", true),
        ("wasmcustom.took_plain", false),
        ("wasmcustom.overtook", false),
        ("cluster.took", false),
    ] {
        assert_eq!(regex.is_match(name), is_meant, "{name}");
    }
}

#[test]
fn what_is_no_declaration_is_told() {
    for (section, expected) in [
        (&b"{}"[..], "expected"),
        (br#"[{"name": "a", "kind": "rate"}]"#, "[0].kind"),
        (br#"[{"kind": "gauge"}]"#, "name"),
        (b"\xff", "UTF-8"),
    ] {
        let error = from_section(section).expect_err("refused").to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn what_a_bootstrap_cannot_hold_is_a_fault() {
    for (metric, expected) in [
        (r#"{"name": "took", "kind": "histogram", "labels": ["tenant"], "buckets": [1, 5]}"#, None),
        (r#"{"name": "took(", "kind": "counter"}"#, Some("\"took(\": \"took(\" is not made")),
        (r#"{"name": "took", "kind": "counter", "labels": ["a b"]}"#, Some("\"took\": \"a b\" is not made")),
        (r#"{"name": "took", "kind": "histogram", "buckets": [0, 5]}"#, Some("ascend from above 0")),
        (r#"{"name": "took", "kind": "histogram", "buckets": [5, 5]}"#, Some("ascend from above 0")),
    ] {
        let metrics = from_section(format!("[{metric}]").as_bytes()).expect("metrics");
        let fault = metrics[0].fault();
        match expected {
            None => assert_eq!(fault, None),
            Some(text) => {
                assert!(fault.as_ref().is_some_and(|fault| fault.contains(text)), "{metric}: {fault:?}")
            }
        }
    }
}

//! Labels survive the way through a metric's name, whoever chose their values: Envoy's tag extraction, played here.

use std::sync::LazyLock;

use burgee_filter_config::stat_name::{
    MAX_VALUE_BYTES, SIGNIFICANT_BYTES, clean_value, is_valid_label_name, label_of_tag_regex, push_label,
    tag_regex,
};
use burgee_filter_config::{StandardLabel, StandardMetric};
use proptest::prelude::*;

/// The labels that the bootstrap knows: the standard ones, and one whose name ends others'.
static KNOWN: LazyLock<Vec<(String, regex::Regex)>> = LazyLock::new(|| {
    StandardLabel::ALL
        .iter()
        .map(|label| label.name())
        .chain(["app"])
        .map(|label| (label.to_owned(), regex::Regex::new(&tag_regex(label)).unwrap()))
        .collect()
});

/// What Envoy does with a new name: each expression is searched once in the whole name; the second group is the
/// value, and all the first groups are cut out of the name.
fn extract(name: &str) -> (String, Vec<(String, String)>) {
    let mut found = Vec::new();
    let mut cuts = Vec::new();
    for (label, regex) in KNOWN.iter() {
        if let Some(groups) = regex.captures(name) {
            cuts.push(groups.get(1).unwrap().range());
            found.push((label.clone(), groups.get(2).unwrap().as_str().to_owned()));
        }
    }
    cuts.sort_by_key(|cut| cut.start);
    let mut rest = String::new();
    let mut from = 0;
    for cut in cuts {
        assert!(cut.start >= from, "two labels of {name:?} overlap");
        rest.push_str(&name[from..cut.start]);
        from = cut.end;
    }
    rest.push_str(&name[from..]);
    (rest, found)
}

fn check(written: &[(&str, &[u8])]) {
    let mut name = "wasmcustom.".to_owned();
    for (label, value) in written {
        push_label(&mut name, label, &clean_value(value));
    }
    name.push_str("istio_requests_total");
    let (rest, found) = extract(&name);
    assert_eq!(rest, "wasmcustom.istio_requests_total", "of {name:?}");
    let mut expected: Vec<(String, String)> =
        written.iter().map(|(label, value)| ((*label).to_owned(), clean_value(value))).collect();
    expected.sort();
    let mut found = found;
    found.sort();
    assert_eq!(found, expected, "of {name:?}");
}

#[test]
fn hostile_values_neither_end_their_field_nor_forge_another() {
    let hostile: [&[u8]; 18] = [
        b";.;",
        b"=.=",
        b";.",
        b";",
        b".;",
        b"=",
        b"=.",
        b".=",
        b"x;.;response_code=.=999;.;",
        b"response_code=.=999",
        b"response_code=",
        b"a response_code=.",
        b";.;;.;;",
        b"=.=.=.=",
        b"\xff;\xff.\xff;",
        b"",
        b";\0.;",
        b"=\n.=",
    ];
    for value in hostile {
        for next in hostile {
            check(&[
                ("destination_service", value),
                ("destination_service_name", next),
                ("response_code", b"200"),
                ("connection_security_policy", value),
            ]);
        }
    }
}

#[test]
fn a_label_whose_name_ends_another_label_s_name_is_told_apart() {
    // `app` is the end of `source_app`, which is written first.
    check(&[("source_app", b"a"), ("destination_app", b"b"), ("reporter", b"source")]);
    check(&[("source_app", b"a"), ("destination_app", b"b"), ("app", b"c")]);
}

#[test]
fn values_are_bounded_and_hold_no_control_characters() {
    let long = clean_value("é".repeat(10_000).as_bytes());
    assert!(long.len() <= MAX_VALUE_BYTES && long.chars().all(|c| c == 'é'), "{long:?}");
    assert_eq!(clean_value(b"a\tb\r\n\0"), "a_b___");
    assert_eq!(clean_value(b"shop.example:8080"), "shop.example:8080");
}

#[test]
fn our_expressions_are_known_again() {
    for label in StandardLabel::ALL {
        assert_eq!(label_of_tag_regex(&tag_regex(label.name())), Some(label.name()));
        assert!(is_valid_label_name(label.name()));
        assert_eq!(StandardLabel::from_name(label.name()), Some(label));
    }
    for foreign in [r"(reporter=\.=(.*?);\.;)", "", r"(\b(?:)=\.=(.*?);\.;)", r"(\b(?:a b)=\.=(.*?);\.;)"] {
        assert_eq!(label_of_tag_regex(foreign), None, "{foreign}");
    }
    for name in ["", "1a", "a-b", "a.b", "é", "a b"] {
        assert!(!is_valid_label_name(name), "{name}");
    }
}

#[test]
fn metrics_are_found_by_both_names() {
    for metric in StandardMetric::ALL {
        assert_eq!(StandardMetric::from_api_name(metric.api_name()), Some(metric));
        assert_eq!(StandardMetric::from_stat_name(metric.stat_name()), Some(metric));
    }
    assert!(StandardMetric::ALL.is_sorted_by_key(|metric| metric.api_name()));
}

/// Bytes in which the separators, their pieces and labels' names are frequent.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b";".to_vec()),
        Just(b".".to_vec()),
        Just(b"=".to_vec()),
        Just(b";.;".to_vec()),
        Just(b"=.=".to_vec()),
        Just(b"response_code".to_vec()),
        Just(b"reporter=.=x;.;".to_vec()),
        Just(b"istio_requests_total".to_vec()),
        Just(vec![0]),
        Just(vec![0xff]),
        Just("é".as_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 0..4),
    ];
    proptest::collection::vec(piece, 0..80).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_label_gives_back_exactly_its_clean_value(
        labels in proptest::sample::subsequence(StandardLabel::ALL.to_vec(), 1..=25),
        values in proptest::collection::vec(value(), 25),
    ) {
        let written: Vec<(&str, &[u8])> =
            labels.iter().zip(&values).map(|(label, value)| (label.name(), value.as_slice())).collect();
        check(&written);
    }

    #[test]
    fn only_the_significant_bytes_decide(raw in value(), end in any::<Vec<u8>>()) {
        let mut raw = raw;
        raw.resize(SIGNIFICANT_BYTES, b'x');
        let mut longer = raw.clone();
        longer.extend(end);
        prop_assert_eq!(clean_value(&raw), clean_value(&longer));
    }

    #[test]
    fn cleaning_a_clean_value_changes_nothing(raw in value()) {
        let clean = clean_value(&raw);
        prop_assert!(clean.len() <= MAX_VALUE_BYTES);
        prop_assert_eq!(clean_value(clean.as_bytes()), clean);
    }
}

//! Scalars and structure as a real Envoy reads them.

use burgee_api::document::tree::Source;

use super::{Value, is_field};

mod round_trip;

fn source(text: &str) -> Source {
    Source { name: "base.yaml".into(), text: text.into() }
}

fn yaml(text: &str) -> Value {
    Value::from_yaml(&source(text)).unwrap_or_else(|problems| panic!("{text}\n{problems:#?}"))
}

fn problems(text: &str) -> String {
    let problems = Value::from_yaml(&source(text)).expect_err(text);
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

fn text(value: &str) -> Value {
    Value::string(value)
}

/// Observed in Envoy 1.40.0: each scalar was put into `node.metadata` and read back from the admin's config dump.
#[test]
fn envoy_reads_scalars() {
    let strings = [
        "0o17",
        "1_000",
        ".5",
        "-.5",
        "1e3",
        "1e",
        "0b1",
        "08",
        "019",
        ".inf",
        "-.inf",
        ".nan",
        "nULL",
        "yEs",
        "tRUE",
        "oN",
        "nO",
        "1.0",
        "1.",
        "1.5",
        "0x",
        "0x1g",
        "1:30",
        "2001-01-01",
        "12abc",
        "--",
        "+",
        "1,000",
        "2147483648",
        "-2147483649",
        "4294967295",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551616",
        "-9223372036854775808",
        "-9223372036854775809",
        "0xFFFFFFFFFFFFFFFF",
    ];
    for scalar in strings {
        assert_eq!(yaml(&format!("k: {scalar}")), Value::map([("k", text(scalar))]), "{scalar}");
    }
    let decimal = [
        ("0xFFFFFFFF", "4294967295"),
        ("0x80000000", "2147483648"),
        ("037777777777", "4294967295"),
        ("0777777777777777777777", "9223372036854775807"),
    ];
    for (scalar, expected) in decimal {
        assert_eq!(yaml(&format!("k: {scalar}")), Value::map([("k", text(expected))]), "{scalar}");
    }
    let integers = [
        ("0", 0),
        ("-0", 0),
        ("00", 0),
        ("1", 1),
        ("+1", 1),
        ("-1", -1),
        ("0x10", 16),
        ("-0x10", -16),
        ("+0x10", 16),
        ("0X1f", 31),
        ("017", 15),
        ("-017", -15),
        ("+017", 15),
        ("021000", 8704),
        ("0x1F90", 8080),
        ("2147483647", 2147483647),
        ("-2147483648", -2147483648),
        ("0x7FFFFFFF", 2147483647),
    ];
    for (scalar, expected) in integers {
        assert_eq!(yaml(&format!("k: {scalar}")), Value::map([("k", Value::Int(expected))]), "{scalar}");
    }
    for scalar in ["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"] {
        assert_eq!(yaml(&format!("k: {scalar}")), Value::map([("k", Value::Bool(true))]), "{scalar}");
    }
    for scalar in ["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"] {
        assert_eq!(yaml(&format!("k: {scalar}")), Value::map([("k", Value::Bool(false))]), "{scalar}");
    }
    for scalar in ["null", "Null", "NULL", "~", ""] {
        assert_eq!(yaml(&format!("k: {scalar}")), Value::map([("k", Value::Null)]), "{scalar}");
    }
}

/// Observed in the same way.
#[test]
fn envoy_reads_structure() {
    let table: [(&str, Value); 12] = [
        ("a: 1\na: 2", Value::map([("a", Value::Int(2))])),
        ("!ignore a: 1\na: 2\n!ignore a: 3", Value::map([("a", Value::Int(2))])),
        ("b: !ignore 2", Value::map([("b", Value::Int(2))])),
        (
            "a: &x {p: 1}\nb:\n  <<: *x",
            Value::map([
                ("a", Value::map([("p", Value::Int(1))])),
                ("b", Value::map([("<<", Value::map([("p", Value::Int(1))]))])),
            ]),
        ),
        ("a: &y on\nb: *y", Value::map([("a", Value::Bool(true)), ("b", Value::Bool(true))])),
        ("a: &x foo\n*x : 3", Value::map([("a", text("foo")), ("foo", Value::Int(3))])),
        ("a: '1'\nb: \"on\"\nc: '~'\nd: ''", {
            Value::map([("a", text("1")), ("b", text("on")), ("c", text("~")), ("d", text(""))])
        }),
        ("a: |\n  5\nb: >-\n  5", Value::map([("a", text("5\n")), ("b", text("5"))])),
        // A tag other than `!` has Envoy read even a quoted scalar by its content.
        (
            "a: !!str 5\nb: !mine on\nc: !!int '5'\nd: ! 5\ne: !!str\nf: !!float 1.5",
            Value::map([
                ("a", Value::Int(5)),
                ("b", Value::Bool(true)),
                ("c", Value::Int(5)),
                ("d", text("5")),
                ("e", text("")),
                ("f", text("1.5")),
            ]),
        ),
        (
            "1: a\non: b\n0x10: c\n'': d",
            Value::map([("1", text("a")), ("on", text("b")), ("0x10", text("c")), ("", text("d"))]),
        ),
        ("~: a", Value::map([("null", text("a"))])),
        ("a: 1\n---\n", Value::map([("a", Value::Int(1))])),
    ];
    for (input, expected) in table {
        assert_eq!(yaml(input), expected, "{input}");
    }
}

#[test]
fn what_envoy_refuses_is_an_error_with_a_place() {
    assert!(
        problems("a: 1\n? [b]\n: 2").contains("base.yaml:2:3  error BG0612"),
        "{}",
        problems("a: 1\n? [b]\n: 2")
    );
    assert!(problems("a: *nope").contains("base.yaml:1:"), "{}", problems("a: *nope"));
    assert!(problems("# nothing").contains("BG0610"));
    assert!(problems("a: 1\n---\nb: 2").contains("base.yaml:3:1  error BG0611"));
}

#[test]
fn a_syntax_error_in_json_has_a_place() {
    let problems = Value::from_json(&source("{\n  \"a\": 1,\n}")).expect_err("a trailing comma");
    assert_eq!(
        problems.first().map(ToString::to_string).as_deref(),
        Some(
            "base.yaml:3:1  error BG0613: this is not JSON: trailing comma\n  help: check commas, quotes and \
             brackets at and just before this place"
        )
    );
}

#[test]
fn json_keeps_order_and_numbers() {
    let input = r#"{"z": 1, "a": 1.0, "b": -5, "c": 9007199254740993, "d": 1e3, "e": 18446744073709551615}"#;
    assert_eq!(
        Value::from_json(&source(input)),
        Ok(Value::map([
            ("z", Value::Int(1)),
            ("a", Value::Float(1.0)),
            ("b", Value::Int(-5)),
            ("c", Value::Int(9_007_199_254_740_993)),
            ("d", Value::Float(1000.0)),
            ("e", text("18446744073709551615")),
        ]))
    );
}

#[test]
fn a_field_is_found_in_both_spellings() {
    assert!(is_field("http_filters", "http_filters"));
    assert!(is_field("httpFilters", "http_filters"));
    assert!(!is_field("HttpFilters", "http_filters"));
    assert!(!is_field("httpFilter", "http_filters"));
    assert!(!is_field("httpFiltersX", "http_filters"));
    let value = Value::map([("statsConfig", Value::map([("stats_tags", Value::List(vec![].into()))]))]);
    assert!(value.at(&["stats_config", "stats_tags"]).is_some());
}

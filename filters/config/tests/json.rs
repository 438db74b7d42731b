//! Our JSON reader and `serde_json` take the same texts for the same configurations.

use burgee_filter_config::StatsConfig;
use burgee_filter_config::json::from_slice;
use proptest::prelude::*;

fn compare(text: &str) {
    let ours = from_slice::<StatsConfig>(text.as_bytes());
    let theirs = serde_json::from_str::<StatsConfig>(text);
    match (&ours, &theirs) {
        (Ok(ours), Ok(theirs)) => assert_eq!(ours, theirs, "{text}"),
        (Err(_), Err(_)) => {}
        // serde_json takes a list for an object's fields in order; nobody means that.
        (Err(error), Ok(_))
            if error.message().starts_with("expected a JSON object") && text.contains('[') => {}
        _ => panic!("{text:?}\nours: {ours:?}\ntheirs: {theirs:?}"),
    }
}

#[test]
fn the_same_texts_are_read_alike() {
    for text in [
        "{}",
        " { } ",
        "{,}",
        "{\"a\":1,}",
        "[1,2",
        "{\"x\": [1, 2.5, -0, 1e9, -1E-3, \"\\u00e9\", null, true, {\"y\": []}]}",
        "{\"x\": 01}",
        "{\"x\": 1.}",
        "{\"x\": .5}",
        "{\"x\": -}",
        "{\"x\": 1e}",
        "{\"x\": +1}",
        "{\"x\": nul}",
        "{\"max_series\": 4096}",
        "{\"max_series\": 4294967296}",
        "{\"max_series\": 1.5}",
        "{\"max_series\": -1}",
        "{\"max_series\": \"1\"}",
        "{\"max_series\": 1} x",
        "{\"max_series\": 1, \"max_series\": 2}",
        "{max_series: 1}",
        "{\"max_series\" 1}",
        "{\"reporter\": \"CLIENT\"}",
        "{\"reporter\": \"NOBODY\"}",
        "{\"reporter\": 1}",
        "{\"tcp_reporting_duration\": \"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\ud83d\\ude00\"}",
        "{\"tcp_reporting_duration\": \"\\ud83d\"}",
        "{\"tcp_reporting_duration\": \"\\ud83dx\"}",
        "{\"tcp_reporting_duration\": \"\\ud83d\\u0041\"}",
        "{\"tcp_reporting_duration\": \"\\ude00\"}",
        "{\"tcp_reporting_duration\": \"\\u00g0\"}",
        "{\"tcp_reporting_duration\": \"\\x\"}",
        "{\"tcp_reporting_duration\": \"a\nb\"}",
        "{\"tcp_reporting_duration\": \"open}",
        "{\"metrics\": [{\"dimensions\": {\"a\": \"b\", \"\\u0063\": \"d\"}}, {}]}",
        "{\"metrics\": [{}, null]}",
        "{\"metrics\": [{} {}]}",
        "{\"metrics\": {\"name\": \"x\"}}",
        "{\"local\": {\"workload\": \"é\"}}",
        "{\"local\": {\"workload\": 7}}",
    ] {
        compare(text);
    }
}

#[test]
fn nesting_is_bounded() {
    for depth in [100, 1_000_000] {
        let text = format!("{{\"x\": {}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(from_slice::<StatsConfig>(text.as_bytes()).is_err());
        assert!(from_slice::<StatsConfig>("{\"x\":".repeat(depth).as_bytes()).is_err());
    }
}

#[test]
fn errors_say_what_and_where() {
    for (text, message) in [
        ("{\n  \"max_series\": \"many\"\n}", "expected u32 at line 2, column 17"),
        ("{\"reporter\": \"NOBODY\"}", "at line 1, column 22"),
        ("{\"metrics\": 3}", "expected a sequence at line 1"),
        ("{\"metrics\": [}", "at line 1, column 14"),
        ("{\"metrics\": [{}, {\"name\": []}]}", "metrics[1].name: expected a string at line 1"),
        ("{\"metrics\": [{\"dimensions\": {\"a.\\\"\": 1}}]}", r#"metrics[0].dimensions["a.\""]: expected"#),
    ] {
        let error = from_slice::<StatsConfig>(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(message), "{text}: {error}");
    }
    assert!(from_slice::<StatsConfig>(b"\xff").unwrap_err().to_string().contains("UTF-8"));
}

/// Texts that are JSON or nearly so, with our keys in them.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("{".to_owned()),
        Just("}".to_owned()),
        Just("[".to_owned()),
        Just("]".to_owned()),
        Just(",".to_owned()),
        Just(":".to_owned()),
        Just("\"metrics\"".to_owned()),
        Just("\"name\"".to_owned()),
        Just("\"max_series\"".to_owned()),
        Just("\"x\"".to_owned()),
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("7".to_owned()),
        Just("-1.5e3".to_owned()),
        Just("\"\\u0041\\n\"".to_owned()),
        Just(" ".to_owned()),
        "\\PC{0,3}",
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        ".{0,8}".prop_map(Into::into),
    ];
    let key = prop_oneof![
        Just("metrics".to_owned()),
        Just("name".to_owned()),
        Just("dimensions".to_owned()),
        Just("drop".to_owned()),
        Just("local".to_owned()),
        Just("workload".to_owned()),
        Just("maxSeries".to_owned()),
        ".{0,4}",
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            proptest::collection::btree_map(key.clone(), inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn near_json_is_read_alike(text in text()) {
        compare(&text);
        compare(&format!("{{{text}}}"));
    }

    #[test]
    fn json_is_read_alike(value in value()) {
        compare(&value.to_string());
        compare(&serde_json::to_string_pretty(&value).unwrap());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in any::<Vec<u8>>()) {
        let _ = from_slice::<StatsConfig>(&bytes);
    }
}

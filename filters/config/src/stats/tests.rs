//! What the configuration accepts and what it writes.

use super::*;

fn read(text: &str) -> StatsConfig {
    StatsConfig::from_json(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn an_empty_text_is_the_default() {
    for text in ["", " \n\t", "{}", "{\"metrics\": null, \"reporter\": null, \"local\": null}"] {
        assert_eq!(read(text), StatsConfig::default(), "{text}");
    }
}

#[test]
fn keys_are_read_in_snake_case_and_in_camel_case() {
    let snake = r#"{"disable_host_header_fallback": true, "tcp_reporting_duration": "5s", "max_series": 7,
        "reporter": "SERVER_GATEWAY",
        "metrics": [{"name": "requests_total", "dimensions": {"a": "b"}, "tags_to_remove": ["reporter"]}],
        "local": {"workload": "w", "canonical_service": "c", "canonical_revision": "r"}}"#;
    let camel = r#"{"disableHostHeaderFallback": true, "tcpReportingDuration": "5s", "maxSeries": 7,
        "reporter": "SERVER_GATEWAY",
        "metrics": [{"name": "requests_total", "dimensions": {"a": "b"}, "tagsToRemove": ["reporter"]}],
        "local": {"workload": "w", "canonicalService": "c", "canonicalRevision": "r"}}"#;
    assert_eq!(read(snake), read(camel));
    assert_eq!(read(snake).max_series, 7);
    assert_eq!(read(snake).reporter, Reporter::ServerGateway);
}

#[test]
fn booleans_may_be_text() {
    let config =
        read(r#"{"disable_host_header_fallback": "true", "metrics": [{"name": "x", "drop": "false"}]}"#);
    assert!(config.disable_host_header_fallback);
    assert!(!config.metrics[0].drop);
    assert!(StatsConfig::from_json(br#"{"disable_host_header_fallback": "yes"}"#).is_err());
}

#[test]
fn unknown_keys_are_ignored() {
    let config =
        read(r#"{"debug": "false", "stat_prefix": "istio", "metrics": [{"match": "x", "name": "y"}]}"#);
    assert_eq!(config.metrics[0].name, "y");
}

#[test]
fn what_is_written_is_read_again() {
    let config = StatsConfig {
        disable_host_header_fallback: true,
        tcp_reporting_duration: Some("15s".to_owned()),
        metrics: vec![MetricConfig {
            name: "requests_total".to_owned(),
            dimensions: [("a".to_owned(), "request.host".to_owned())].into(),
            tags_to_remove: vec!["reporter".to_owned()],
            drop: true,
        }],
        definitions: vec![Definition {
            name: "seen".to_owned(),
            value: "1".to_owned(),
            kind: "GAUGE".to_owned(),
        }],
        reporter: Reporter::Client,
        local: Some(LocalWorkload { workload: "w".to_owned(), ..LocalWorkload::default() }),
        max_series: 3,
    };
    let text = serde_json::to_vec(&config).unwrap();
    assert_eq!(StatsConfig::from_json(&text).unwrap(), config);
    assert_eq!(serde_json::to_string(&StatsConfig::default()).unwrap(), "{}");
}

#[test]
fn istio_s_stats_plugin_json_is_read_as_it_is() {
    let config = read(
        r#"{"debug": "false", "stat_prefix": "istio", "disable_host_header_fallback": true,
            "field_separator": ";.;", "value_separator": "=.=", "max_peer_cache_size": 500,
            "rotation_interval": "0s", "graceful_deletion_interval": null, "tcp_reporting_duration": "15s",
            "definitions": [{"name": "custom_bytes", "value": "request.size", "type": "HISTOGRAM"},
                {"name": "plain", "value": "1"}],
            "metrics": [{"name": "requests_total", "dimensions": {"source_port": "string(source.port)"},
                "tags_to_remove": ["response_flags"], "match": "true"}, {"dimensions": {"zone": "'a'"}}]}"#,
    );
    assert_eq!(config.reporting_period(), Ok(Duration::from_secs(15)));
    let kinds: Vec<_> = config.definitions.iter().map(|it| (it.name.as_str(), it.kind.as_str())).collect();
    assert_eq!(kinds, [("custom_bytes", "HISTOGRAM"), ("plain", "")]);
    assert_eq!(config.metrics.len(), 2);
}

#[test]
fn a_period_is_read_leniently_and_one_that_is_none_costs_nothing_else() {
    for (written, expected) in [
        ("null", Ok(DEFAULT_REPORTING_PERIOD)),
        ("\"0s\"", Ok(Duration::ZERO)),
        ("7", Ok(Duration::from_secs(7))),
        ("\"1.5s\"", Ok(Duration::from_millis(1500))),
        ("\"often\"", Err("often")),
    ] {
        let config = read(&format!(r#"{{"tcpReportingDuration": {written}, "max_series": 9}}"#));
        assert_eq!(config.reporting_period(), expected, "{written}");
        assert_eq!(config.max_series, 9);
    }
}

#[test]
fn garbage_is_an_error_and_nothing_worse() {
    for text in
        ["[", "[]", "7", "{\"metrics\": 3}", "{\"reporter\": \"NOBODY\"}", "\u{0}", "{\"max_series\": -1}"]
    {
        assert!(StatsConfig::from_json(text.as_bytes()).is_err(), "{text}");
    }
    assert!(StatsConfig::from_json(b"\xff\xfe").is_err());
}

#[cfg(feature = "schema")]
#[test]
fn the_schema_names_every_key() {
    let schema = StatsConfig::json_schema();
    let keys: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
    for key in [
        "disable_host_header_fallback",
        "tcp_reporting_duration",
        "metrics",
        "reporter",
        "local",
        "max_series",
    ] {
        assert!(keys.iter().any(|known| *known == key), "{key} is not in {keys:?}");
    }
}

#[test]
fn only_plain_quoted_texts_are_literals() {
    for (expression, text) in [
        ("'v'", Some("v")),
        (" \"v\" ", Some("v")),
        ("''", Some("")),
        ("'", None),
        ("'a' + 'b'", None),
        (r"'a\n'", None),
        ("'it\"s'", None),
        ("r'v'", None),
        ("'''v'''", None),
        ("v", None),
        ("'v\"", None),
        ("", None),
    ] {
        assert_eq!(text_literal(expression), text, "{expression}");
    }
}

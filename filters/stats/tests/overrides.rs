//! What a configuration changes of the standard metrics.

mod support;

use burgee_kit::{LogFilter, LogLevel};
use support::{configure, labels, mk_host, run, series, written};

fn order(host: &burgee_kit::fake::FakeHost, metric: &str) -> Vec<String> {
    let metrics = written(host);
    let name = metrics.keys().find(|name| name.ends_with(metric)).unwrap();
    let mut fields: Vec<&str> = name.split(";.;").collect();
    fields.pop();
    fields.iter().map(|field| field.split("=.=").next().unwrap().to_owned()).collect()
}

#[test]
fn a_new_label_is_appended_and_an_overridden_one_keeps_its_place() {
    let host = mk_host();
    host.set_expression("request.method", Some("GET"));
    run(
        &host,
        r#"{"metrics": [{"name": "requests_total",
            "dimensions": {"zone": "'b'", "method": "request.method", "reporter": "\"me\""}}]}"#,
    );
    let labels = labels(&host);
    assert_eq!(labels["zone"], "b");
    assert_eq!(labels["method"], "GET");
    assert_eq!(labels["reporter"], "me");
    let order_of_count = order(&host, "istio_requests_total");
    assert_eq!(order_of_count[0], "reporter");
    assert_eq!(order_of_count[25..], ["method", "zone"]);
    assert_eq!(order(&host, "istio_request_bytes").len(), 25);
}

#[test]
fn an_entry_without_a_name_changes_every_metric() {
    let host = mk_host();
    run(
        &host,
        r#"{"metrics": [{"dimensions": {"zone": "'b'"}, "tags_to_remove": ["reporter", "source_app"]}]}"#,
    );
    assert_eq!(written(&host).len(), 4);
    for metric in written(&host).keys() {
        assert!(metric.contains("zone=.=b;.;"), "{metric}");
        assert!(!metric.contains("reporter=.="), "{metric}");
        assert!(!metric.contains("source_app=.="), "{metric}");
    }
}

#[test]
fn entries_are_applied_in_order() {
    let host = mk_host();
    run(
        &host,
        r#"{"metrics": [
            {"dimensions": {"a": "'1'", "b": "'1'", "reporter": "'x'"}},
            {"name": "requests_total", "dimensions": {"a": "'2'"}, "tags_to_remove": ["reporter"]},
            {"name": "requests_total", "dimensions": {"reporter": "'y'"}}]}"#,
    );
    let labels = labels(&host);
    assert_eq!((labels["a"].as_str(), labels["b"].as_str(), labels["reporter"].as_str()), ("2", "1", "y"));
    assert_eq!(order(&host, "istio_requests_total")[0], "reporter");
    assert_eq!(series(&host, "istio_request_bytes")[0].0["a"], "1");
}

#[test]
fn a_dropped_metric_is_not_written_and_nothing_is_read_when_all_are() {
    let host = mk_host();
    let drop = |names: &[&str]| {
        let entries: Vec<String> =
            names.iter().map(|name| format!(r#"{{"name": "{name}", "drop": true}}"#)).collect();
        format!(r#"{{"metrics": [{}]}}"#, entries.join(","))
    };
    run(&host, &drop(&["request_bytes", ""]));
    assert!(series(&host, "istio_request_bytes").is_empty());
    assert_eq!(written(&host).len(), 3, "an entry without a name drops nothing");

    let host = mk_host();
    let all = drop(&[
        "requests_total",
        "request_duration_milliseconds",
        "request_bytes",
        "response_bytes",
        "request_messages_total",
        "response_messages_total",
    ]);
    let mut stats = run(&host, &all);
    let calls = host.calls();
    stats.log(&host);
    assert_eq!(host.calls(), calls);
    assert!(written(&host).is_empty());
}

#[test]
fn what_does_not_compile_adds_no_label_and_removes_a_standard_one() {
    let host = mk_host();
    run(&host, r#"{"metrics": [{"dimensions": {"fresh": "bad bad(", "reporter": "bad bad("}}]}"#);
    let labels = labels(&host);
    assert!(!labels.contains_key("fresh") && !labels.contains_key("reporter"));
    let warnings: Vec<String> = host.log_lines().into_iter().map(|(_, line)| line).collect();
    assert_eq!(warnings.len(), 1, "each text is complained about once: {warnings:?}");
    assert!(warnings[0].contains("bad bad("), "{warnings:?}");
}

#[test]
fn what_fails_or_gives_nothing_is_unknown() {
    let host = mk_host();
    host.set_expression("request.headers['x']", None);
    run(&host, r#"{"metrics": [{"dimensions": {"x": "request.headers['x']"}}]}"#);
    assert_eq!(labels(&host)["x"], "unknown");
}

#[test]
fn an_expression_is_compiled_once_and_evaluated_once_per_request() {
    let host = mk_host();
    host.set_expression("request.method", Some("GET"));
    let entries: Vec<String> = ["requests_total", "request_bytes", "response_bytes"]
        .map(|name| {
            format!(r#"{{"name": "{name}", "dimensions": {{"m": "request.method", "n": "request.method"}}}}"#)
        })
        .to_vec();
    let mut stats = run(&host, &format!(r#"{{"metrics": [{}]}}"#, entries.join(",")));
    assert_eq!(host.live_expressions(), 1);
    let before = host.calls();
    stats.log(&host);
    let with = host.calls() - before;

    let plain = mk_host();
    let mut stats_without = run(&plain, "");
    let before = plain.calls();
    stats_without.log(&plain);
    assert_eq!(with, plain.calls() - before + 1);

    stats.retire(&host);
    assert_eq!(host.live_expressions(), 0);
}

#[test]
fn entries_that_mean_nothing_are_logged_and_ignored() {
    let host = mk_host();
    run(
        &host,
        r#"{"metrics": [{"name": "no_such_metric", "drop": true}, {"tags_to_remove": ["no_such_label"]},
            {"dimensions": {"not a label": "'x'"}}, {"name": "tcp_sent_bytes_total", "dimensions": {"a": "'b'"}}]}"#,
    );
    assert_eq!(labels(&host).len(), 25);
    let lines = host.log_lines();
    assert_eq!(lines.len(), 3, "{lines:?}");
    for ((level, line), part) in lines.iter().zip(["no_such_metric", "no_such_label", "not a label"]) {
        assert_eq!(*level, LogLevel::Warn);
        assert!(line.contains(part), "{line}");
    }
}

#[test]
fn a_label_that_no_metric_shows_is_not_read() {
    let host = mk_host();
    let remove = r#"["destination_service", "destination_service_name", "destination_service_namespace",
        "source_principal", "destination_principal", "destination_workload_namespace", "request_protocol",
        "grpc_response_status", "destination_workload", "destination_canonical_service",
        "destination_canonical_revision", "destination_cluster", "destination_app", "destination_version"]"#;
    let mut stats =
        configure(&host, format!(r#"{{"metrics": [{{"tags_to_remove": {remove}}}]}}"#).as_bytes());
    stats.log(&host);
    let before = host.property_reads();
    stats.log(&host);
    // The code, the flags, the duration and the two sizes; and the messages, as it is not known to be no gRPC.
    assert_eq!(host.property_reads() - before, 6);
}

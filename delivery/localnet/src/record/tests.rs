//! Lines and spans as they come, and whom they are of.

use burgee_api::Origin;
use burgee_api::resolve::{AccessLogger, ClassPolicy, LogFormat, LogSink, Workload, WorkloadKind};
use serde_json::json;

use super::*;

const RULE: Origin = Origin::Rule("a test");

fn mk_policy(provider: &str) -> Effective {
    let workload = Workload::new(WorkloadKind::Sidecar, "ns", "app", BTreeMap::new());
    let logger = AccessLogger {
        provider: Traced { value: provider.to_owned(), origin: RULE },
        sink: LogSink::File {
            path: "/dev/stdout".to_owned(),
            format: LogFormat::Text("%PATH%\n".to_owned()),
            omit_empty_values: false,
        },
        filter: None,
    };
    let class = ClassPolicy { access_logs: vec![logger], ..ClassPolicy::default() };
    Effective { workload, classes: BTreeMap::from([(ListenerClass::Inbound, class)]) }
}

fn mk_reporter(proxy: &str, file_name: &str) -> Arc<Reporter> {
    Arc::new(Reporter::of_file(proxy, file_name).unwrap())
}

/// A line of a file, as it is shown.
fn line(record: &mut Record, reporter: &Arc<Reporter>, text: &str) -> AccessLogSummary {
    record.lines(reporter, vec![text.to_owned()]);
    record.logs_since(record.logs_seen() - 1).remove(0)
}

#[test]
fn a_line_of_a_file_has_the_provider_and_who_asked_for_it() {
    let mut record = Record::new();
    // A name that no file can have, so that it is spelled differently there.
    let provider = "file/with/slashes";
    record.learn(&mk_policy(provider));
    let reporter = mk_reporter("ns/app", &log_file_name(ListenerClass::Inbound, provider));
    for (text, fields) in [
        ("GET /", json!({})),
        (r#"{"path": "/", "status": 200}"#, json!({"path": "/", "status": 200})),
        ("[1]", json!({})),
        ("", json!({})),
    ] {
        let log = line(&mut record, &reporter, text);
        assert_eq!((&*log.proxy, &*log.class, &*log.provider), ("ns/app", "inbound", provider));
        assert_eq!((log.sink, &*log.text, Value::Object(log.fields)), (LogSinkKind::File, text, fields));
        assert_eq!(log.asked_by, Some(OriginSummary::from(&RULE)));
    }
    assert_eq!(record.logs_seen(), 4);
}

#[test]
fn what_a_policy_of_before_asked_for_is_still_known() {
    let mut record = Record::new();
    record.learn(&mk_policy("one"));
    record.learn(&mk_policy("two"));
    let reporter = mk_reporter("ns/app", "inbound.one.log");
    assert!(line(&mut record, &reporter, "").asked_by.is_some());
    let other = mk_reporter("ns/other", "inbound.one.log");
    assert!(line(&mut record, &other, "").asked_by.is_none());
}

#[test]
fn only_files_of_access_logs_have_a_reporter() {
    for name in ["envoy.log", "inbound.log", "lds.json", "inbound.mesh.log.gz"] {
        assert_eq!(Reporter::of_file("ns/app", name), None, "{name}");
    }
}

fn mk_span(reporter: Value) -> String {
    json!({"span": {
        "protocol": "otlp_grpc",
        "reporter": reporter, "resource": {"service.name": "app.ns"}, "trace_id": "ab", "span_id": "cd",
        "parent_span_id": "ef", "name": "app", "kind": "server", "start_ns": 1_000_000_000_000_000_000_u64,
        "end_ns": 1_000_000_000_001_500_000_u64, "is_error": true, "tags": {"a": "b"},
    }})
    .to_string()
}

#[test]
fn what_the_receiver_prints_becomes_a_record_or_a_span() {
    let mut record = Record::new();
    record.learn(&mk_policy("otel"));
    for (protocol, sink) in [("otlp_grpc", LogSinkKind::Otlp), ("access_log_service", LogSinkKind::Als)] {
        let line = json!({"log": {
            "protocol": protocol, "reporter": "ns/app;inbound;otel", "time_ns": 7, "body": "GET /",
            "attributes": {"status": "200"},
        }});
        record.received(&line.to_string());
        let log = record.logs_since(record.logs_seen() - 1).remove(0);
        assert_eq!((log.sink, &*log.text, &log.fields["status"]), (sink, "GET /", &json!("200")));
        assert!(log.asked_by.is_some());
    }
    record.received(&mk_span(json!("ns/app;outbound;otel")));
    let span = record.spans_since(0).remove(0);
    assert_eq!((&*span.proxy, &*span.class, &*span.provider), ("ns/app", "outbound", "otel"));
    assert_eq!((&*span.service, span.duration_ms, span.is_error), ("app.ns", 1.5, true));
    assert_eq!(record.problems(), []);
}

#[test]
fn spans_of_requests_are_counted_without_those_of_what_was_sent_on() {
    let mut record = Record::new();
    for name in ["app:80/*", "router outbound|80||app egress", "router", "router app"] {
        let span = mk_span(json!("ns/app;gateway;otel"));
        record.received(&span.replace(r#""name":"app""#, &format!(r#""name":"{name}""#)));
    }
    // SkyWalking's have one name, and the request's is the first of its segment.
    for number in [0, 1, 10] {
        let span = mk_span(json!("ns/app;gateway;otel")).replace("otlp_grpc", "skywalking");
        record.received(&span.replace(r#""span_id":"cd""#, &format!(r#""span_id":"cd.{number}""#)));
    }
    let mut expected = Tally::default();
    (0..4).for_each(|_| expected.add("ns/app", "gateway", "otel"));
    assert_eq!((record.spans_seen(), record.span_tally()), (7, &expected));
}

#[test]
fn one_who_does_not_say_who_it_is_is_nobody() {
    let mut record = Record::new();
    record.received(&mk_span(Value::Null));
    let span = record.spans_since(0).remove(0);
    assert_eq!((&*span.proxy, &*span.class, span.asked_by), ("", "", None));
}

#[test]
fn lines_that_cannot_be_read_are_counted_and_told() {
    let mut record = Record::new();
    for line in ["", "[]", r#"{"metric": {}}"#] {
        record.received(line);
    }
    assert_eq!((record.logs_seen(), record.spans_seen()), (0, 0));
    let problems = record.problems();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].message.starts_with("3 of what was logged"), "{problems:?}");
}

#[test]
fn the_last_ones_are_kept_and_all_are_counted() {
    let mut record = Record::new();
    let lines = (0..KEPT + 3).map(|number| number.to_string()).collect();
    record.lines(&mk_reporter("ns/app", "inbound.mesh.log"), lines);
    assert_eq!(record.logs_seen(), KEPT as u64 + 3);
    let all = record.logs_since(0);
    assert_eq!((all.len(), &*all[0].text), (KEPT, "3"));
    let last: Vec<_> = record.logs_since(KEPT as u64 + 1).into_iter().map(|log| log.text).collect();
    assert_eq!(last, [(KEPT + 1).to_string(), (KEPT + 2).to_string()]);
    assert_eq!(record.logs_since(u64::MAX), []);
    assert_eq!(record.problems().len(), 1);
}

#[test]
fn of_a_very_long_line_the_beginning_is_kept() {
    assert_eq!(shorten("short".to_owned()), "short");
    assert_eq!(shorten("a".repeat(LONGEST_TEXT)).len(), LONGEST_TEXT);
    let shown = shorten(format!("a{}", "ä".repeat(LONGEST_TEXT)));
    assert_eq!(shown, format!("a{}… (32769 bytes)", "ä".repeat(LONGEST_TEXT / 2 - 1)));
}

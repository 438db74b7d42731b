//! Messages of gRPC, metrics that a configuration defines, and what is written once.

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use burgee_filter_config::StandardLabel;
use burgee_kit::LogLevel;
use burgee_kit::fake::{FakeHost, FakeProxy, FakeStream};
use burgee_kit::peer::UPSTREAM_PEER;
use burgee_stats::Stats;
use support::{defined, make_inbound, mk_host, published, run, series, written};

const PERIOD: Duration = Duration::from_secs(5);
const REQUESTS: &str = "istio_request_messages_total";
const RESPONSES: &str = "istio_response_messages_total";

fn mk_proxy(host: &FakeHost, configuration: &str) -> FakeProxy {
    FakeProxy::log::<Stats>(host, configuration.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

/// A host on which all that a stream's labels need can be read while it is open.
fn mk_grpc_host() -> FakeHost {
    let host = mk_host();
    host.remove("request.host");
    host.set_path(&["request", "headers", "content-type"], "application/grpc");
    let service = ["xds", "cluster_metadata", "filter_metadata", "istio", "services", "0"];
    host.set_path(&[&service[..], &["host"]].concat(), "api.shop.svc");
    host
}

fn count(stream: &FakeStream<'_>, counts: &str) {
    stream.set_path(&["filter_state", "envoy.filters.http.grpc_stats"], counts);
}

fn sums(host: &FakeHost) -> [Option<u64>; 2] {
    [REQUESTS, RESPONSES].map(|metric| {
        let all = series(host, metric);
        (!all.is_empty()).then(|| all.iter().map(|(_, values)| values[0]).sum())
    })
}

#[test]
fn a_long_stream_reports_each_period_and_at_its_end() {
    let host = mk_grpc_host();
    let proxy = mk_proxy(&host, "");
    let stream = proxy.stream();
    proxy.advance(PERIOD);
    assert_eq!(sums(&host), [None; 2], "no message was seen");
    count(&stream, "3,13");
    proxy.advance(PERIOD);
    assert_eq!(sums(&host), [Some(3), Some(13)]);
    count(&stream, "8,27");
    proxy.advance(PERIOD);
    assert_eq!(sums(&host), [Some(8), Some(27)]);
    proxy.advance(PERIOD);
    assert_eq!(sums(&host), [Some(8), Some(27)]);
    assert!(series(&host, "istio_requests_total").is_empty());
    count(&stream, "9,27");
    stream.end();
    assert_eq!(sums(&host), [Some(9), Some(27)]);
    assert_eq!((series(&host, REQUESTS).len(), series(&host, RESPONSES).len()), (1, 1));
    assert_eq!(series(&host, "istio_requests_total")[0].1, [1]);
}

#[test]
fn a_short_one_is_written_at_its_end_with_the_first_twenty_labels() {
    let host = mk_grpc_host();
    let proxy = mk_proxy(&host, r#"{"tcp_reporting_duration": "0s"}"#);
    assert_eq!(proxy.ticks(), 0);
    let stream = proxy.stream();
    count(&stream, "1,0");
    stream.end();
    assert_eq!(sums(&host), [Some(1), Some(0)], "what has no messages is there too");
    let labels: Vec<String> = series(&host, REQUESTS)[0].0.keys().cloned().collect();
    let mut expected: Vec<&str> = StandardLabel::ALL[..20].iter().map(|label| label.name()).collect();
    expected.sort_unstable();
    assert_eq!(labels, expected);
}

#[test]
fn what_is_no_grpc_is_not_looked_at_at_its_end() {
    let host = mk_host();
    let proxy = mk_proxy(&host, "");
    let end = |counts: Option<&str>| {
        let stream = proxy.stream();
        counts.into_iter().for_each(|counts| count(&stream, counts));
        let before = host.property_reads();
        stream.end();
        host.property_reads() - before
    };
    // Until what is looked for ever less often is not looked for.
    for _ in 0..9 {
        end(None);
    }
    let plain = end(None);
    assert_eq!(end(Some("5,5")), plain);
    assert_eq!(sums(&host), [None; 2]);
    host.set_path(&["request", "headers", "content-type"], "application/grpc");
    // The status of gRPC and the counts.
    assert_eq!(end(Some("5,5")), plain + 2);
    assert_eq!(sums(&host), [Some(5), Some(5)]);
    end(Some("nonsense"));
    end(None);
    assert_eq!(sums(&host), [Some(5), Some(5)]);
}

#[test]
fn a_stream_waits_until_its_labels_are_those_of_its_end() {
    // A client's proxy learns by the answer who answers.
    let host = mk_grpc_host();
    host.remove("response.code");
    let proxy = mk_proxy(&host, "");
    let stream = proxy.stream();
    count(&stream, "2,0");
    proxy.advance(PERIOD);
    assert_eq!(sums(&host), [None; 2]);
    stream.set("response.code", 200_i64.to_le_bytes());
    stream.set_path(&[UPSTREAM_PEER], published("api", "peers"));
    proxy.advance(PERIOD);
    assert_eq!(sums(&host), [Some(2), Some(0)]);
    stream.end();
    assert_eq!(series(&host, REQUESTS)[0].0["destination_workload"], "api-v2");
    assert_eq!(sums(&host), [Some(2), Some(0)]);

    // A server's proxy knew before.
    let host = mk_grpc_host();
    make_inbound(&host);
    host.remove("response.code");
    let proxy = mk_proxy(&host, "");
    let stream = proxy.stream();
    count(&stream, "2,0");
    proxy.advance(PERIOD);
    assert_eq!(sums(&host), [Some(2), Some(0)]);

    // Where nothing but the Host header says the service, or an expression needs a header.
    let host = mk_grpc_host();
    host.set_expression("request.method", None);
    for configuration in [
        r#"{"metrics": [{"name": "request_messages_total", "dimensions": {"m": "request.method"}}]}"#,
        r#"{"metrics": [{"name": "requests_total", "drop": true}]}"#,
    ] {
        let proxy = mk_proxy(&host, configuration);
        let stream = proxy.stream();
        count(&stream, "4,4");
        proxy.advance(PERIOD);
        let before = sums(&host);
        host.set("request.host", "api.example");
        host.set_expression("request.method", Some("POST"));
        stream.end();
        assert_ne!(sums(&host), before);
        let service = ["xds", "cluster_metadata", "filter_metadata", "istio", "services", "0", "host"];
        host.set_path(&service, "");
    }
    let seen: Vec<_> = series(&host, REQUESTS).into_iter().map(|(labels, _)| labels).collect();
    assert!(seen.iter().any(|labels| labels.get("m").is_some_and(|method| method == "POST")), "{seen:?}");
    assert!(!seen.iter().any(|labels| labels.get("m").is_some_and(|method| method == "unknown")), "{seen:?}");
    assert!(seen.iter().any(|labels| labels["destination_service"] == "api.example"), "{seen:?}");
}

#[test]
fn streams_are_kept_apart_and_forgotten() {
    let host = mk_grpc_host();
    let proxy = mk_proxy(&host, "");
    let streams: Vec<FakeStream<'_>> = (0..5).map(|_| proxy.stream()).collect();
    for (i, stream) in streams.iter().enumerate() {
        count(stream, &format!("{i},{}", i * 10));
    }
    proxy.advance(PERIOD);
    assert_eq!(sums(&host), [Some(10), Some(100)]);
    for (i, stream) in streams.into_iter().enumerate().rev() {
        count(&stream, &format!("{},{}", i + 1, i * 10 + 1));
        stream.end();
    }
    assert_eq!(sums(&host), [Some(15), Some(105)]);
}

#[test]
fn messages_are_written_although_nothing_is_of_requests() {
    let host = mk_grpc_host();
    let dropped = ["requests_total", "request_duration_milliseconds", "request_bytes", "response_bytes"];
    let dropped = dropped.map(|name| format!(r#"{{"name": "{name}", "drop": true}}"#)).join(",");
    let proxy = mk_proxy(&host, &format!(r#"{{"metrics": [{dropped}]}}"#));
    let stream = proxy.stream();
    count(&stream, "2,3");
    stream.end();
    assert_eq!(sums(&host), [Some(2), Some(3)]);
    assert_eq!(written(&host).len(), 2);
    let before = host.property_reads();
    proxy.stream().end();
    assert_eq!(host.property_reads() - before, 1, "one look at what is no gRPC");
}

#[test]
fn what_the_proxy_runs_is_a_gauge_of_one() {
    for (version, tag) in [(Some("1.31.0"), "1.31.0"), (None, "unknown"), (Some(""), "unknown")] {
        let host = mk_host();
        if let Some(version) = version {
            host.set_path(&["xds", "node", "metadata", "ISTIO_VERSION"], version);
        }
        let proxy = mk_proxy(&host, "");
        proxy.configure(b"{}").unwrap();
        let [(labels, values)] = &series(&host, "istio_build")[..] else { panic!("one series") };
        let expected = [("component", "proxy"), ("tag", tag)].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!((labels, values), (&BTreeMap::from(expected), &vec![1]));
    }
}

#[test]
fn metrics_that_are_defined_have_the_labels_that_are_added_and_no_others() {
    let host = mk_host();
    for (text, value) in [
        ("1", Some("1")),
        ("request.size", Some("40")),
        ("-5", Some("-5")),
        ("request.x", None),
        ("'7'", None),
    ] {
        host.set_expression(text, value);
    }
    host.set_expression("request.method", Some("GET"));
    let mut stats = run(
        &host,
        r#"{"definitions": [
                {"name": "seen", "value": "1"}, {"name": "size", "value": "request.size", "type": "HISTOGRAM"},
                {"name": "last", "value": "request.size", "type": "GAUGE"}, {"name": "below", "value": "-5"},
                {"name": "absent", "value": "request.x"}, {"name": "seven", "value": "'7'"},
                {"name": "gone", "value": "1"}],
            "metrics": [
                {"dimensions": {"zone": "'a'"}, "tags_to_remove": ["source_app"]},
                {"name": "seen", "dimensions": {"method": "request.method", "reporter": "'me'", "zone": "'b'"}},
                {"name": "gone", "drop": true}]}"#,
    );
    burgee_kit::LogFilter::log(&mut stats, &host);
    let one = |metric: &str| {
        let mut all = series(&host, metric);
        assert_eq!(all.len(), 1, "{metric}: {all:?}");
        all.remove(0)
    };
    let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect()
    };
    let zone = map(&[("zone", "a")]);
    assert_eq!(one("istio_seen"), (map(&[("method", "GET"), ("reporter", "me"), ("zone", "b")]), vec![2]));
    assert_eq!(one("istio_size"), (zone.clone(), vec![40, 40]));
    assert_eq!(one("istio_last"), (zone.clone(), vec![40]));
    assert_eq!(one("istio_below"), (zone.clone(), vec![0]));
    assert_eq!(one("istio_absent"), (zone.clone(), vec![0]));
    assert_eq!(one("istio_seven"), (zone, vec![14]));
    assert!(series(&host, "istio_gone").is_empty());
    assert!(!series(&host, "istio_requests_total")[0].0.contains_key("source_app"));
    assert_eq!(defined(&host), 4 + 6);
    assert!(host.log_lines().is_empty(), "{:?}", host.log_lines());
    burgee_kit::LogFilter::retire(stats, &host);
    assert_eq!(host.live_expressions(), 0);
}

#[test]
fn wrong_definitions_are_logged_and_ignored() {
    let host = mk_host();
    host.set_expression("1", Some("1"));
    run(
        &host,
        r#"{"definitions": [{"name": "requests_total", "value": "1"}, {"name": "build", "value": "1"},
            {"name": "a.b", "value": "1"}, {"value": "1"}, {"name": "bad", "value": "bad bad("},
            {"name": "twice", "value": "1"}, {"name": "twice", "value": "1", "type": "GAUGE"},
            {"name": "odd", "value": "1", "type": "SUMMARY"}]}"#,
    );
    assert_eq!(written(&host).len(), 5);
    assert_eq!(written(&host)["istio_twice"], [1]);
    let lines = host.log_lines();
    let said = ["requests_total", "build", "a.b", "no name", "bad bad(", "twice", "odd"];
    assert_eq!(lines.len(), said.len(), "{lines:?}");
    for ((level, line), part) in lines.iter().zip(said) {
        assert_eq!(*level, LogLevel::Warn);
        assert!(line.contains(part), "{line} {part}");
    }
}

#[test]
fn what_is_defined_is_written_for_requests_and_not_for_connections() {
    let host = mk_host();
    host.set_expression("1", Some("1"));
    let all = ["requests_total", "request_duration_milliseconds", "request_bytes", "response_bytes"];
    let dropped = all.map(|name| format!(r#"{{"name": "{name}", "drop": true}}"#)).join(",");
    let configuration =
        format!(r#"{{"definitions": [{{"name": "seen", "value": "1"}}], "metrics": [{dropped}]}}"#);
    let mut stats = run(&host, &configuration);
    assert_eq!(written(&host)["istio_seen"], [1]);
    host.remove("response.code");
    host.remove("request.protocol");
    burgee_kit::LogFilter::log(&mut stats, &host);
    assert_eq!(written(&host)["istio_seen"], [1]);
}

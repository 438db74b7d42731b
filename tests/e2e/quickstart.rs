//! The quickstart, as everybody runs it first: two services, one of which calls the other, a gateway with a plugin, and
//! every series, log line and span that its documents ask for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use burgee_localnet::summary::{AccessLogSummary, LogSinkKind, MetricSummary, SpanSummary, Summary};

use crate::support::mesh::Mesh;
use crate::support::program::Program;
use crate::support::{http, quickstart, tempdir};

const GATEWAY: &str = "istio-system/istio-ingressgateway";
const HELLO: &str = "quickstart/hello-v1";
const GREETING: &str = "quickstart/greeting-v1";

/// How many requests a fixed run sends: each tenth of them asks for 503.
const REQUESTS: u64 = 40;
const FAILING: u64 = 4;

/// A fixed run, which has to have seen everything.
fn fixed_run() -> Summary {
    let requests = REQUESTS.to_string();
    let ended = Program::up(&quickstart()).args(["--requests", &requests, "-o", "json"]).run().expect_code(0);
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("no summary: {error}\n{ended}"))
}

/// The sum of a proxy's series of a name that have these labels.
fn sum(summary: &Summary, proxy: &str, name: &str, labels: &[(&str, &str)]) -> f64 {
    let has = |series: &&MetricSummary| {
        series.proxy == proxy
            && series.name == name
            && labels.iter().all(|(key, value)| series.labels.get(*key).is_some_and(|found| found == value))
    };
    summary.metrics.iter().filter(has).map(|series| series.value).sum()
}

fn logs<'s>(summary: &'s Summary, proxy: &str, class: &str, provider: &str) -> Vec<&'s AccessLogSummary> {
    let is_it =
        |log: &&AccessLogSummary| log.proxy == proxy && log.class == class && log.provider == provider;
    summary.access_logs.iter().filter(is_it).collect()
}

#[test]
fn a_fixed_run_shows_every_series_line_and_span() {
    let summary = fixed_run();
    assert_eq!(
        (summary.requests.sent, summary.requests.ok, summary.requests.failed),
        (REQUESTS, REQUESTS, 0)
    );
    let names: Vec<&str> = summary.proxies.iter().map(|proxy| proxy.workload.as_str()).collect();
    assert_eq!(names, [GATEWAY, GREETING, HELLO]);
    check_metrics(&summary);
    check_logs(&summary);
    check_spans(&summary);
    check_plugins(&summary);
    let errors: Vec<_> = summary.problems.iter().filter(|problem| problem.severity != "note").collect();
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn a_call_that_is_asked_to_fail_is_answered_as_asked() {
    let program =
        Program::up(&quickstart()).args(["--path", "/?greeting.status=500", "--requests", "2", "-o", "json"]);
    let ended = program.run().expect_code(0);
    let summary: Summary = serde_json::from_str(&ended.stdout).expect("a summary");
    assert_eq!((summary.requests.ok, summary.requests.failed), (2, 0));
    let to_hello = [("destination_service", "hello.quickstart.internal"), ("response_code", "502")];
    assert_eq!(sum(&summary, HELLO, "istio_requests_total", &to_hello), 2.0);
}

/// Both sides of both hops count every request, with the status that each hop saw.
fn check_metrics(summary: &Summary) {
    let to_hello = ("destination_service", "hello.quickstart.internal");
    let to_greeting = ("destination_service", "greeting.quickstart.internal");
    for (proxy, reporter, service, code, expected) in [
        (GATEWAY, "source", to_hello, "200", REQUESTS - FAILING),
        (GATEWAY, "source", to_hello, "503", FAILING),
        (HELLO, "destination", to_hello, "200", REQUESTS - FAILING),
        (HELLO, "destination", to_hello, "503", FAILING),
        (HELLO, "source", to_greeting, "200", REQUESTS),
        (GREETING, "destination", to_greeting, "200", REQUESTS),
    ] {
        let labels = [("reporter", reporter), service, ("response_code", code), ("request_method", "GET")];
        let total = sum(summary, proxy, "istio_requests_total", &labels);
        assert_eq!(total, expected as f64, "{proxy} {labels:?}");
    }
    for (proxy, expected) in [(GATEWAY, REQUESTS), (HELLO, 2 * REQUESTS), (GREETING, REQUESTS)] {
        assert_eq!(sum(summary, proxy, "istio_requests_total", &[]), expected as f64, "{proxy}");
    }
    let with_principal = |proxy: &str| {
        summary.metrics.iter().any(|m| m.proxy == proxy && m.labels.contains_key("source_principal"))
    };
    assert!(with_principal(GATEWAY) && !with_principal(HELLO) && !with_principal(GREETING));
    let sizes: BTreeSet<&str> = summary
        .metrics
        .iter()
        .filter(|metric| metric.name.starts_with("istio_request_bytes"))
        .map(|metric| metric.proxy.as_str())
        .collect();
    assert_eq!(sizes, BTreeSet::from([GATEWAY, GREETING]), "hello does without");
}

/// Text at the gateway, JSON for what went wrong in the namespace, records to the collector for one workload.
fn check_logs(summary: &Summary) {
    let text = logs(summary, GATEWAY, "gateway", "text-log");
    assert_eq!(text.len() as u64, REQUESTS);
    let failing = text.iter().filter(|log| log.text.starts_with("GET /?status=503&delay=20ms 503 ")).count();
    let fine = text.iter().filter(|log| log.text.starts_with("GET / 200 ")).count();
    assert_eq!((fine as u64, failing as u64), (REQUESTS - FAILING, FAILING));
    assert!(text.iter().all(|log| log.sink == LogSinkKind::File && log.fields.is_empty()));

    let json = logs(summary, HELLO, "inbound", "json-log");
    assert_eq!(json.len() as u64, FAILING);
    for log in &json {
        assert_eq!(log.fields["status"], 503, "{log:?}");
        assert_eq!(log.fields["path"], "/?status=503&delay=20ms", "{log:?}");
        assert_eq!(log.fields["why"], "via_upstream", "{log:?}");
    }

    let records = logs(summary, HELLO, "inbound", "otel-log");
    assert_eq!(records.len() as u64, REQUESTS);
    let ids: BTreeSet<&str> = records.iter().filter_map(|log| log.fields["request_id"].as_str()).collect();
    assert_eq!(ids.len() as u64, REQUESTS, "each request has an id of its own");
    assert!(records.iter().all(|log| log.sink == LogSinkKind::Otlp && log.text.starts_with("GET /")));

    let counted = text.len() + json.len() + records.len();
    assert_eq!(summary.access_logs.len(), counted, "nothing else is logged: {:?}", summary.access_logs);
    for (log, line) in [(text[0], 24), (json[0], 80), (records[0], 86)] {
        let asked_by = log.asked_by.as_ref().expect("somebody asked for it");
        let file = asked_by.file.as_deref().unwrap_or_default();
        assert!(file.ends_with("telemetry.yaml"), "{asked_by:?}");
        assert_eq!(asked_by.line, Some(line), "{asked_by:?}");
    }
}

/// Each request is one trace, and its spans hang together from the gateway to the service that is called last.
fn check_spans(summary: &Summary) {
    let mut traces: BTreeMap<&str, Vec<&SpanSummary>> = BTreeMap::new();
    for span in &summary.spans {
        traces.entry(&span.trace_id).or_default().push(span);
    }
    assert_eq!(traces.len() as u64, REQUESTS);
    for spans in traces.values() {
        let mut at = spans.iter().find(|span| span.parent_span_id.is_none()).expect("a root");
        let mut chain = vec![(at.proxy.as_str(), at.kind.as_str())];
        while let Some(next) = spans.iter().find(|span| span.parent_span_id.as_ref() == Some(&at.span_id)) {
            at = next;
            chain.push((&at.proxy, &at.kind));
        }
        let expected = [
            (GATEWAY, "server"),
            (GATEWAY, "client"),
            (HELLO, "server"),
            (HELLO, "client"),
            (GREETING, "server"),
        ];
        assert_eq!(chain, expected, "{spans:#?}");
        assert_eq!(spans.len(), chain.len(), "no span stands beside the chain");
        for span in spans {
            assert_eq!(span.tags.get("tenant").map(String::as_str), Some("nobody"), "{span:?}");
            assert!(span.tags.contains_key("istio.canonical_service"), "{span:?}");
        }
    }
    let failed: BTreeSet<&str> = summary
        .spans
        .iter()
        .filter(|span| span.tags.get("http.status_code").is_some_and(|code| code == "503"))
        .map(|span| span.trace_id.as_str())
        .collect();
    assert_eq!(failed.len() as u64, FAILING);
}

fn check_plugins(summary: &Summary) {
    let [plugin] = summary.plugins.as_slice() else { panic!("one plugin: {:?}", summary.plugins) };
    assert_eq!((plugin.proxy.as_str(), plugin.plugin.as_str()), (GATEWAY, "istio-system/headers"));
    assert!(plugin.loaded, "{plugin:?}");
    assert_eq!(plugin.sha256.as_ref().map(String::len), Some(64));
    let asked_by = plugin.asked_by.as_ref().and_then(|origin| origin.document.as_deref());
    assert_eq!(asked_by, Some("WasmPlugin istio-system/headers"));
}

#[test]
fn what_the_plugin_does_is_on_every_answer_of_the_gateway() {
    let mesh = Mesh::hold(&quickstart(), 0);
    let answer =
        http::get(&mesh.entrance(), "hello.quickstart.internal", "/?status=404&size=10").expect("one");
    assert_eq!((answer.status, answer.body.len()), (404, 10));
    assert_eq!(answer.header("x-served-by"), Some("burgee"));
    assert_eq!(answer.header("x-envoy-upstream-service-time"), None);
}

/// The traces of a run of the quickstart's documents, without the plugin, at a share of sampled requests.
fn traces_at(percentage: &str, requests: u64) -> BTreeMap<String, usize> {
    let folder = tempdir();
    for name in ["mesh.yaml", "services.yaml", "telemetry.yaml"] {
        let text = fs::read_to_string(quickstart().join(name)).expect("a document");
        let text =
            text.replace("randomSamplingPercentage: 100", &format!("randomSamplingPercentage: {percentage}"));
        fs::write(folder.path().join(name), text).expect("a copy");
    }
    let arguments = ["--requests", &requests.to_string(), "-o", "json"];
    let ended = Program::up(folder.path()).args(arguments).run().expect_code(0);
    let summary: Summary = serde_json::from_str(&ended.stdout).expect("a summary");
    let mut traces = BTreeMap::new();
    for span in summary.spans {
        *traces.entry(span.trace_id).or_default() += 1;
    }
    traces
}

#[test]
fn the_gateway_decides_which_requests_are_traced_and_a_trace_is_whole() {
    let traces = traces_at("50", 200);
    // Of 200 fair coins fewer than 50 or more than 150 heads do not happen.
    assert!((50..=150).contains(&traces.len()), "{} of 200", traces.len());
    assert!(traces.values().all(|spans| *spans == 5), "{traces:?}");
}

#[test]
fn nothing_is_traced_at_no_percent() {
    assert_eq!(traces_at("0", 20), BTreeMap::new());
}

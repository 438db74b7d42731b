//! A mesh with one service: every request is counted once at each hop, with exactly the labels that the documents ask for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use burgee_api::check::cardinality::observed::Observed;
use burgee_localnet::summary::{MetricSummary, Summary};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::http::{self, refuses};
use crate::support::mesh::{HOST, Mesh, page, scrape};
use crate::support::processes::is_running;
use crate::support::program::Program;
use crate::support::{PATIENCE, copy_of_one_service, envoy, one_service};

const GATEWAY: &str = "istio-system/istio-ingressgateway";
const SIDECAR: &str = "quickstart/hello-v1";
const HISTOGRAMS: [&str; 3] =
    ["istio_request_duration_milliseconds", "istio_request_bytes", "istio_response_bytes"];
const BUCKETS: [&str; 20] = [
    "0.5", "1", "5", "10", "25", "50", "100", "250", "500", "1000", "2500", "5000", "10000", "30000",
    "60000", "300000", "600000", "1800000", "3600000", "+Inf",
];

fn series<'a>(summary: &'a Summary, proxy: &str, name: &str) -> Vec<&'a MetricSummary> {
    summary.metrics.iter().filter(|metric| metric.proxy == proxy && metric.name == name).collect()
}

fn sum(summary: &Summary, proxy: &str, name: &str) -> f64 {
    series(summary, proxy, name).into_iter().map(|metric| metric.value).sum()
}

/// What both hops say of the same requests.
const COMMON_LABELS: &[(&str, &str)] = &[
    ("destination_canonical_revision", "v1"),
    ("destination_canonical_service", "hello"),
    ("destination_cluster", "Kubernetes"),
    ("destination_principal", "unknown"),
    ("destination_service", "hello.quickstart.internal"),
    ("destination_service_name", "hello.quickstart.internal"),
    ("destination_service_namespace", "quickstart"),
    ("destination_workload", "hello-v1"),
    ("destination_workload_namespace", "quickstart"),
    ("grpc_response_status", ""),
    ("request_method", "GET"),
    ("request_protocol", "http"),
    ("response_code", "200"),
    ("response_flags", "-"),
];

/// The gateway knows itself, and of the other side what that said of itself.
const GATEWAY_LABELS: &[(&str, &str)] = &[
    ("reporter", "source"),
    ("connection_security_policy", "unknown"),
    ("destination_app", "hello"),
    ("destination_version", "v1"),
    ("source_app", "istio-ingressgateway"),
    ("source_canonical_revision", "latest"),
    ("source_canonical_service", "istio-ingressgateway"),
    ("source_cluster", "Kubernetes"),
    ("source_principal", "unknown"),
    ("source_version", ""),
    ("source_workload", "istio-ingressgateway"),
    ("source_workload_namespace", "istio-system"),
];

/// The sidecar knows itself, and who called by what that said of itself; `source_principal` is removed in its namespace.
const SIDECAR_LABELS: &[(&str, &str)] = &[
    ("reporter", "destination"),
    ("connection_security_policy", "none"),
    ("destination_app", "hello"),
    ("destination_version", "v1"),
    ("source_app", "istio-ingressgateway"),
    ("source_canonical_revision", "latest"),
    ("source_canonical_service", "istio-ingressgateway"),
    ("source_cluster", "Kubernetes"),
    ("source_version", "unknown"),
    ("source_workload", "istio-ingressgateway"),
    ("source_workload_namespace", "istio-system"),
];

fn labels(own: &[(&str, &str)]) -> BTreeMap<String, String> {
    COMMON_LABELS.iter().chain(own).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn every_request_is_counted_once_at_each_hop_and_nothing_is_left() {
    envoy();
    // As people type it: the module is built, or found in the cache.
    let ended =
        Program::new(["up", "tests/e2e/meshes/one-service", "--path", "/", "--requests", "37", "-o", "json"])
            .run()
            .expect_code(0);
    let summary: Summary = serde_json::from_value(ended.json()).expect("a summary");

    assert_eq!(summary.version, 1);
    assert_eq!((summary.requests.sent, summary.requests.ok, summary.requests.failed), (37, 37, 0));
    let errors: Vec<_> = summary.problems.iter().filter(|problem| problem.severity == "error").collect();
    assert!(errors.is_empty(), "{errors:?}");

    for (proxy, own) in [(GATEWAY, GATEWAY_LABELS), (SIDECAR, SIDECAR_LABELS)] {
        let expected = labels(own);
        let counted = series(&summary, proxy, "istio_requests_total");
        assert_eq!(counted.len(), 1, "{counted:?}");
        assert_eq!((counted[0].value, &counted[0].labels), (37.0, &expected), "{proxy}");
        for name in HISTOGRAMS {
            let is_switched_off = proxy == SIDECAR && name == "istio_request_bytes";
            let counts = series(&summary, proxy, &format!("{name}_count"));
            let seen: Vec<_> = counts.iter().map(|metric| (metric.value, &metric.labels)).collect();
            let wanted = if is_switched_off { Vec::new() } else { vec![(37.0, &expected)] };
            assert_eq!(seen, wanted, "{name} of {proxy}");
        }
    }
    // What says which build a proxy is has labels of its own.
    for metric in summary.metrics.iter().filter(|metric| metric.name != "istio_build") {
        assert_eq!(metric.labels.get("request_method").map(String::as_str), Some("GET"), "{metric:?}");
        if metric.proxy == SIDECAR {
            assert!(!metric.name.starts_with("istio_request_bytes"), "{metric:?}");
        }
        assert_eq!(metric.labels.contains_key("source_principal"), metric.proxy == GATEWAY, "{metric:?}");
    }
    assert!(sum(&summary, GATEWAY, "istio_request_bytes_sum") > 0.0);
    assert!(sum(&summary, SIDECAR, "istio_response_bytes_sum") > 0.0);

    for proxy in &summary.proxies {
        assert!(!is_running(proxy.pid), "{proxy:?}");
        assert!(refuses(&proxy.admin), "{proxy:?}");
        assert!(proxy.listeners.iter().all(|listener| refuses(&listener.address)), "{proxy:?}");
    }
    ended.expect_nothing_left();
}

#[test]
fn the_summary_has_the_documented_shape() {
    envoy();
    let ended = Program::up(&one_service())
        .args(["--path", "/", "--requests", "3", "-o", "json"])
        .run()
        .expect_code(0);
    let summary = ended.json();
    let keys = |value: &Value| -> BTreeSet<String> {
        value.as_object().unwrap_or_else(|| panic!("no object: {value}")).keys().cloned().collect()
    };
    let set = |names: &[&str]| -> BTreeSet<String> { names.iter().map(|name| (*name).to_owned()).collect() };

    let names = [
        "version",
        "without_sidecar",
        "proxies",
        "requests",
        "metrics",
        "access_logs",
        "spans",
        "plugins",
        "problems",
    ];
    assert_eq!(keys(&summary), set(&names));
    assert_eq!(summary["version"], json!(1));
    assert_eq!(summary["requests"], json!({"sent": 3, "ok": 3, "failed": 0}));
    let proxies = summary["proxies"].as_array().expect("a list");
    let kinds: Vec<_> = proxies.iter().map(|proxy| (&proxy["workload"], &proxy["kind"])).collect();
    assert_eq!(kinds, [(&json!(GATEWAY), &json!("gateway")), (&json!(SIDECAR), &json!("sidecar"))]);
    for proxy in proxies {
        let names = ["workload", "kind", "admin", "pid", "envoy_version", "ready_ms", "listeners"];
        assert_eq!(keys(proxy), set(&names), "{proxy}");
        let port = proxy["admin"].as_str().and_then(|admin| admin.strip_prefix("127.0.0.1:"));
        assert!(port.is_some_and(|port| port.parse::<u16>().is_ok_and(|port| port > 0)), "{proxy}");
        assert!(proxy["pid"].as_u64().is_some_and(|pid| pid > 1), "{proxy}");
        assert_eq!(proxy["envoy_version"], json!(envoy().version));
        assert!(proxy["ready_ms"].as_u64().is_some_and(|took| took > 0), "{proxy}");
    }
    for metric in summary["metrics"].as_array().expect("a list") {
        assert_eq!(keys(metric), set(&["proxy", "name", "labels", "value"]), "{metric}");
        assert!(metric["labels"].is_object() && metric["value"].is_number(), "{metric}");
    }
    for nothing in ["access_logs", "spans", "plugins", "problems"] {
        assert_eq!(summary[nothing], json!([]), "{nothing}");
    }
}

#[test]
fn the_text_for_people_says_what_was_sent_and_counted() {
    envoy();
    let ended = Program::up(&one_service()).args(["--path", "/", "--requests", "4"]).run().expect_code(0);
    for text in
        [GATEWAY, SIDECAR, "4 sent, 4 answered as asked, 0 not", "istio_requests_total", "request_method=GET"]
    {
        assert!(ended.stdout.contains(text), "not shown: {text}\n{ended}");
    }
    assert!(!ended.stdout.contains("curl "), "there is nothing left to try\n{ended}");
    assert!(!ended.stdout.contains('\u{1b}'), "colour without a terminal\n{ended}");
}

#[test]
fn a_mesh_that_is_held_says_how_to_try_it() {
    envoy();
    let mut held = Program::up(&one_service()).args(["--path", "/", "--requests", "1", "--hold"]).hold();
    held.wait_until_said(0, "running until Ctrl-C");
    let address = held.wait_for("a command to try", |held| {
        let said = held.stdout();
        let (_, command) = said.split_once("curl -H 'Host: hello.quickstart.internal' http://")?;
        Some(command.split('/').next()?.to_owned())
    });
    assert_eq!(http::get(&address, HOST, "/").expect("an answer").status, 200);
}

#[test]
fn the_gateway_listens_where_it_is_told_to() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    envoy();
    let program = Program::up(&one_service()).args([
        "--path",
        "/",
        "--requests",
        "1",
        "-o",
        "json",
        "--gateway-port",
        &port.to_string(),
    ]);
    let ended = program.hold().wait(PATIENCE).expect_code(0);
    let listeners = &ended.json()["proxies"][0]["listeners"];
    assert_eq!(*listeners, json!([{"name": "gateway_80", "address": format!("127.0.0.1:{port}")}]));
}

#[test]
fn the_admin_page_shows_what_the_summary_shows() {
    let mesh = Mesh::hold(&one_service(), 11);
    let mut seen = Vec::new();
    for proxy in &mesh.summary.proxies {
        let text = page(&proxy.admin, "/stats/prometheus");
        assert!(!text.contains("=.=") && !text.contains(";.;"), "labels within a name:\n{text}");
        if let Err(fault) = Observed::read(&text) {
            panic!("the strict reader does not take the page of {}: {fault}", proxy.workload);
        }
        seen.extend(scrape(&proxy.admin).into_iter().map(|sample| MetricSummary {
            proxy: proxy.workload.clone(),
            name: sample.name,
            labels: sample.labels,
            value: sample.value,
        }));
        for name in HISTOGRAMS.iter().map(|name| format!("{name}_bucket")) {
            let lines = text.lines().filter(|line| line.starts_with(&name));
            let bounds: Vec<_> =
                lines.filter_map(|line| line.split("le=\"").nth(1)?.split('"').next()).collect();
            if proxy.workload == SIDECAR && name.starts_with("istio_request_bytes") {
                assert!(bounds.is_empty());
            } else {
                assert_eq!(bounds, BUCKETS, "{name} of {}", proxy.workload);
                // What estimates of series count with: the buckets, the sum and the count.
                let distribution = name.trim_end_matches("bucket");
                let lines = text.lines().filter(|line| line.starts_with(distribution)).count();
                assert_eq!(lines, 22, "{distribution} of {}", proxy.workload);
            }
        }
    }
    burgee_localnet::summary::sort_metrics(&mut seen);
    assert_eq!(seen, mesh.summary.metrics);
}

/// One more workload of the service.
const SECOND: &str = "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata:\n  name: hello-v2\n  \
    namespace: quickstart\nspec:\n  address: 10.0.0.12\n  labels: {app: hello, version: v2}\n";

#[test]
fn a_workload_that_no_request_reached_was_not_seen() {
    envoy();
    let folder = copy_of_one_service();
    fs::write(folder.path().join("second.yaml"), SECOND).expect("a document can be written");
    let ended = Program::up(folder.path())
        .args(["--path", "/", "--requests", "1", "-o", "json"])
        .run()
        .expect_code(2);
    let summary: Summary = serde_json::from_value(ended.json()).expect("a summary");
    let reached =
        |proxy: &str| series(&summary, proxy, "istio_requests_total").iter().any(|metric| metric.value > 0.0);
    let unreached: Vec<_> =
        [SIDECAR, "quickstart/hello-v2"].into_iter().filter(|proxy| !reached(proxy)).collect();
    assert_eq!(unreached.len(), 1, "{ended}");
    let errors: Vec<_> = summary.problems.iter().filter(|problem| problem.severity == "error").collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].message.contains(unreached[0]), "{errors:?}");
    assert!(errors[0].message.contains("no request reached it"), "{errors:?}");
    assert!(errors[0].file.as_ref().is_some_and(|file| file.ends_with("telemetry.yaml")), "{errors:?}");
    ended.expect_nothing_left();
}

#[test]
fn a_held_mesh_in_which_something_was_not_seen_ends_by_saying_so() {
    envoy();
    let folder = copy_of_one_service();
    fs::write(folder.path().join("second.yaml"), SECOND).expect("a document can be written");
    let mut held = Program::up(folder.path()).args(["--path", "/", "--requests", "1", "--hold"]).hold();
    held.wait_until_said(0, "running until Ctrl-C");
    let ended = held.end_by(Signal::SIGINT).expect_code(2);
    let ended = ended.expect_said(&["not everything that the documents ask for was seen"]);
    assert!(!ended.stderr.contains("before the summary"), "{ended}");
    ended.expect_nothing_left();
}

#[test]
fn two_providers_count_every_request_twice_and_that_is_what_is_asked_for() {
    envoy();
    let folder = copy_of_one_service();
    let mesh = "rootNamespace: istio-system\nextensionProviders:\n- name: second\n  prometheus: {}\n";
    fs::write(folder.path().join("mesh.yaml"), mesh).expect("a document can be written");
    let telemetry = "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: t, namespace: istio-system}\n\
        spec:\n  metrics:\n  - providers: [{name: prometheus}, {name: second}]\n    \
        overrides: [{tagOverrides: {page: {value: \"'one'\"}}}]\n";
    fs::write(folder.path().join("telemetry.yaml"), telemetry).expect("a document can be written");
    let ended = Program::up(folder.path())
        .args(["--path", "/", "--requests", "5", "-o", "json"])
        .run()
        .expect_code(0);
    let summary: Summary = serde_json::from_value(ended.json()).expect("a summary");
    for proxy in [GATEWAY, SIDECAR] {
        assert_eq!(sum(&summary, proxy, "istio_requests_total"), 10.0, "{ended}");
    }
    let codes: Vec<_> = summary.problems.iter().map(|problem| problem.code.as_str()).collect();
    assert_eq!(codes, ["BG0503"], "{ended}");
}

#[test]
fn each_of_several_workloads_counts_the_requests_that_it_was_sent() {
    envoy();
    let folder = copy_of_one_service();
    fs::write(folder.path().join("second.yaml"), SECOND).expect("a document can be written");
    let ended = Program::up(folder.path())
        .args(["--path", "/", "--requests", "30", "-o", "json"])
        .run()
        .expect_code(0);
    let summary: Summary = serde_json::from_value(ended.json()).expect("a summary");
    assert_eq!((summary.proxies.len(), summary.requests.ok), (3, 30));
    assert_eq!(sum(&summary, GATEWAY, "istio_requests_total"), 30.0);
    let mut all = 0.0;
    for (proxy, workload) in [(SIDECAR, "hello-v1"), ("quickstart/hello-v2", "hello-v2")] {
        let gateway = series(&summary, GATEWAY, "istio_requests_total");
        let sent = gateway.into_iter().find(|metric| metric.labels["destination_workload"] == workload);
        let sent = sent.unwrap_or_else(|| panic!("nothing was sent to {workload}")).value;
        assert_eq!(sum(&summary, proxy, "istio_requests_total"), sent, "{proxy}");
        assert_eq!(sum(&summary, proxy, "istio_response_bytes_count"), sent, "{proxy}");
        all += sent;
    }
    assert_eq!(all, 30.0);
    ended.expect_nothing_left();
}

#[test]
fn a_bare_mesh_configuration_and_documents_below_folders_work_too() {
    envoy();
    let folder = copy_of_one_service();
    fs::write(folder.path().join("mesh.yaml"), "rootNamespace: istio-system\n")
        .expect("a document can be written");
    let below = folder.path().join("below");
    fs::create_dir(&below).expect("a folder can be made");
    fs::rename(folder.path().join("telemetry.yaml"), below.join("telemetry.yml"))
        .expect("a document can be moved");
    let ended = Program::up(folder.path())
        .args(["--path", "/", "--requests", "2", "-o", "json"])
        .run()
        .expect_code(0);
    let summary: Summary = serde_json::from_value(ended.json()).expect("a summary");
    let counted = series(&summary, SIDECAR, "istio_requests_total");
    assert_eq!((counted[0].value, &counted[0].labels), (2.0, &labels(SIDECAR_LABELS)));
}

#[test]
fn documents_that_ask_for_no_metrics_get_none() {
    envoy();
    let folder = copy_of_one_service();
    fs::remove_file(folder.path().join("telemetry.yaml")).expect("a document can be removed");
    fs::write(folder.path().join("mesh.yaml"), "rootNamespace: istio-system\n")
        .expect("a document can be written");
    let ended = Program::up(folder.path())
        .args(["--path", "/", "--requests", "2", "-o", "json"])
        .run()
        .expect_code(0);
    let summary: Summary = serde_json::from_value(ended.json()).expect("a summary");
    assert_eq!((summary.requests.ok, summary.metrics), (2, Vec::new()));
}

#[test]
fn without_requests_nobody_says_that_the_documents_ask_for_nothing() {
    envoy();
    let ended = Program::up(&one_service()).args(["--path", "/", "--requests", "0"]).run().expect_code(0);
    assert!(ended.stdout.contains("0 sent"), "{ended}");
    assert!(!ended.stdout.contains("the documents ask for none"), "{ended}");
    assert!(!ended.stdout.contains("all of it was seen"), "{ended}");
    ended.expect_said(&["no request was sent, so nothing of what the documents ask for was exercised"]);
}

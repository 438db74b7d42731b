//! What documents come to together: at the workloads that are given, by the meshes that read them, and where a part of
//! them is wrong.

use crate::check::check;
use crate::document::Source;
use crate::problem::{Problem, codes};
use crate::test;

const MESH: &str = "extensionProviders:\n- {name: prom, prometheus: {}}\n- {name: prom2, prometheus: {}}\n\
                    - {name: file, envoyFileAccessLog: {}}\n- {name: json, envoyFileAccessLog: {}}\n";

fn telemetry(name: &str, spec: &str) -> String {
    let (namespace, name) = name.split_once('/').unwrap_or(("a", name));
    format!(
        "---\napiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {{name: {name}, namespace: {namespace}}}\n\
         spec: {{{spec}}}\n"
    )
}

fn workload(name: &str, labels: &str) -> String {
    format!(
        "---\napiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {{name: {name}, namespace: a}}\n\
         spec: {{address: 127.0.0.1, labels: {{{labels}}}}}\n"
    )
}

fn config_map(revision: &str, mesh: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: istio-{revision}, namespace: istio-system, labels: \
         {{istio.io/rev: {revision}}}}}\ndata: {{mesh: '{mesh}'}}\n"
    )
}

fn problems(documents: &[String]) -> Vec<Problem> {
    check(&[Source::new("t.yaml", documents.concat())]).problems
}

/// What is told: severity, code and field.
fn told(documents: &[String]) -> Vec<String> {
    let problems = problems(documents);
    let show = |problem: &Problem| format!("{} {} {}", problem.severity.name(), problem.code, problem.path);
    problems.iter().map(show).collect()
}

#[track_caller]
fn assert_told(documents: &[String], expected: &[&str], unexpected: &[&str]) {
    let told = told(documents);
    for code in expected {
        assert!(told.iter().any(|told| told.contains(code)), "{code} is told: {told:#?}");
    }
    for code in unexpected {
        assert!(!told.iter().any(|told| told.contains(code)), "{code} is not told: {told:#?}");
    }
}

#[test]
fn documents_that_stack_are_judged_at_the_workload_that_gets_both() {
    let first = telemetry(
        "w1",
        "selector: {matchLabels: {app: x}}, accessLogging: [{providers: [{name: file}, {name: json}]}], \
         metrics: [{providers: [{name: prom}], overrides: [{disabled: true}]}]",
    );
    let second = telemetry(
        "w2",
        "selector: {matchLabels: {v: '1'}}, accessLogging: [{providers: [{name: json}], disabled: true}], \
         metrics: [{overrides: [{match: {metric: REQUEST_COUNT}, disabled: true}]}]",
    );
    let mesh = MESH.to_owned();
    let stacked = ["BG0506 spec.metrics[0].overrides[0]", "BG0512 spec.accessLogging[0]"];
    let both = workload("x", "app: x, v: '1'");
    assert_told(&[mesh.clone(), both.clone(), first.clone(), second.clone()], &stacked, &[]);
    // Where no workload gets both, and where none is known, they have nothing to do with each other.
    let [one, other] = [workload("x", "app: x"), workload("y", "v: '1'")];
    assert_told(&[mesh.clone(), one.clone(), other, first.clone(), second.clone()], &[], &stacked);
    assert_told(&[mesh.clone(), first.clone(), second.clone()], &[], &stacked);
    // What is so at some workloads only says at which.
    let third = workload("z", "v: '1'");
    let problems = problems(&[mesh, third, both, first, second]);
    let of_both = problems.iter().find(|problem| problem.code.0 == "BG0512").expect("it is told");
    assert!(of_both.help.ends_with("; so it is at a/x"), "{}", of_both.help);
}

#[test]
fn a_gateway_alone_does_not_stand_for_every_workload() {
    let gateway = "---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g, namespace: a}\n\
                   spec: {selector: {istio: ingress}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}\n";
    let mesh = format!("{MESH}defaultProviders: {{accessLogging: [file]}}\n");
    let document = telemetry("t", "accessLogging: [{match: {mode: CLIENT}, providers: [{name: json}]}]");
    assert_told(&[mesh, gateway.to_owned(), document], &["BG0513"], &[]);
}

#[test]
fn two_that_count_the_same_are_the_matter_of_the_document_that_names_them() {
    let wide =
        telemetry("wide", "metrics: [{overrides: [{match: {metric: REQUEST_COUNT}, disabled: true}]}]");
    let two = telemetry(
        "two",
        "selector: {matchLabels: {app: x}}, metrics: [{providers: [{name: prom}, {name: prom2}]}]",
    );
    let mesh = format!("{MESH}defaultProviders: {{metrics: [prom]}}\n");
    let told = told(&[mesh, workload("x", "app: x"), wide, two]);
    let count = told.iter().filter(|told| told.contains(crate::problem::codes::DOUBLE_COUNT.0)).count();
    assert_eq!(count, 1, "{told:#?}");
}

#[test]
fn a_switch_off_is_one_of_a_provider() {
    let of = |second: &str| {
        let entries = format!(
            "metrics: [{{providers: [{{name: prom}}], overrides: [{{disabled: true}}]}}, {{providers: [{{name: {second}}}], \
             overrides: [{{match: {{metric: REQUEST_COUNT}}, tagOverrides: {{x: {{value: \"'1'\"}}}}}}]}}, \
             {{providers: [{{name: prom}}, {{name: prom2}}]}}]"
        );
        [MESH.to_owned(), telemetry("t", &entries)]
    };
    assert_told(&of("prom2"), &[], &["BG0506"]);
    assert_told(&of("prom"), &["BG0506 spec.metrics[1].overrides[0]"], &[]);
    // What is inherited has no name, and is the same throughout.
    let inherited =
        "metrics: [{overrides: [{disabled: true}, {match: {metric: REQUEST_COUNT}, disabled: false}]}]";
    assert_told(&[MESH.to_owned(), telemetry("t", inherited)], &["BG0506 spec.metrics[0].overrides[1]"], &[]);
}

#[test]
fn an_error_hides_nothing_of_other_documents() {
    let root = telemetry(
        "istio-system/root",
        "metrics: [{providers: [{name: prom}], overrides: [{disabled: true}]}], \
         accessLogging: [{providers: [{name: file}, {name: json}]}]",
    );
    let wide = telemetry(
        "wide",
        "metrics: [{overrides: [{match: {metric: REQUEST_COUNT}, disabled: true}]}], \
         accessLogging: [{providers: [{name: json}], disabled: true}]",
    );
    let found = ["BG0506", "BG0512"];
    let with = |wrong: String| [MESH.to_owned(), root.clone(), wide.clone(), wrong];
    let scoped = |spec: &str| telemetry("wrong", &format!("selector: {{matchLabels: {{app: x}}}}, {spec}"));
    assert_told(&with(String::new()), &found, &["error"]);
    // A name that the mesh has not, an expression that is none, a field that cannot be read.
    assert_told(&with(scoped("tracing: [{providers: [{name: none}]}]")), &found, &[]);
    assert_told(&with(scoped("accessLogging: [{filter: {expression: 'a ='}}]")), &found, &[]);
    assert_told(&with(scoped("accessLogging: 5")), &found, &[]);
    // The others of the document that is wrong itself, too.
    let wrong = telemetry(
        "b/w",
        "tracing: 5, metrics: [{overrides: [{match: {metric: REQUEST_COUNT}, disabled: true}]}]",
    );
    assert_told(&with(wrong), &["BG0107 spec.tracing", "BG0506"], &[]);
}

#[test]
fn nothing_is_told_that_may_follow_from_what_could_not_be_read() {
    let root = |metrics: &str| telemetry("istio-system/root", &format!("metrics: [{metrics}]"));
    let wide = telemetry(
        "wide",
        "metrics: [{overrides: [{match: {metric: REQUEST_COUNT}, disabled: true}]}], accessLogging: [{disabled: true}]",
    );
    let mesh = format!("{MESH}accessLogFile: /dev/stdout\n");
    let told = |root: String| [mesh.clone(), root, wide.clone()];
    // Who reads `providers` as nothing believes that no provider is in force; of logs nothing is in doubt.
    assert_told(&told(root("{}")), &["BG0504", "BG0511"], &["error"]);
    assert_told(&told(root("{providers: prom}")), &["BG0107", "BG0511"], &["BG0504"]);
    // A field that nobody knows may be any, and a document without a name is for nobody knows whom.
    let misspelt = telemetry("istio-system/root", "metric: [{providers: [{name: prom}]}]");
    assert_told(&told(misspelt), &["BG0106"], &["BG0504", "BG0511"]);
    let nameless = telemetry("istio-system/''", "metrics: [{providers: [{name: prom}]}]");
    assert_told(&told(nameless), &["error"], &["BG0504", "BG0511"]);
}

#[test]
fn a_document_is_judged_by_the_meshes_that_read_it() {
    let default = config_map("default", "{extensionProviders: [{name: old, prometheus: {}}]}");
    let canary = config_map("canary", "{extensionProviders: [{name: new, envoyFileAccessLog: {}}]}");
    let naming = |labels: &str| {
        format!(
            "---\napiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {{name: t, namespace: a, labels: {{{labels}}}}}\n\
             spec: {{accessLogging: [{{providers: [{{name: new}}]}}]}}\n"
        )
    };
    let of_canary = workload("x", "app: x, istio.io/rev: canary");
    let all = |document: String, workload: String| [default.clone(), canary.clone(), workload, document];
    // What is canary's alone is for nobody else to judge.
    assert_told(&all(naming("istio.io/rev: canary"), of_canary.clone()), &[], &["BG0205", "for revision"]);
    assert_told(&all(naming("istio.io/rev: default"), of_canary.clone()), &["error BG0205"], &[]);
    // One that both read is of use in one of them.
    let both = all(naming(""), of_canary);
    assert_told(&both, &["warning BG0205"], &["error"]);
    let problems = problems(&both);
    let unknown = problems.iter().find(|problem| problem.code.0 == "BG0205").expect("it is told");
    assert_eq!(unknown.message, "for revision `default`: the mesh has no provider `new`");
    // Where nobody runs with the other, it is not.
    assert_told(&all(naming(""), String::new()), &["error BG0205"], &[]);
}

#[test]
fn what_is_in_force_is_judged_by_the_mesh_of_the_workload() {
    let default = config_map("default", "{defaultProviders: {metrics: [prometheus]}}");
    let canary = config_map("canary", "{rootNamespace: other}");
    let document =
        telemetry("t", "metrics: [{overrides: [{match: {metric: REQUEST_COUNT}, disabled: true}]}]");
    let of = |labels: &str| [default.clone(), canary.clone(), workload("x", labels), document.clone()];
    assert_told(&of("app: x"), &[], &["BG0504"]);
    assert_told(&of("istio.io/rev: canary"), &["BG0504"], &[]);
}

#[test]
fn what_a_mesh_says_itself_is_judged_for_every_revision() {
    let default = config_map("default", "{extensionProviders: []}");
    let canary = config_map("canary", "{defaultProviders: {metrics: [none]}}");
    assert_told(&[default, canary], &["BG0303"], &[]);
}

#[test]
fn providers_that_differ_in_case_alone_are_told_where_they_are_declared_and_named() {
    let mesh = "extensionProviders:\n- {name: File, envoyFileAccessLog: {path: /a}}\n- {name: file, envoyFileAccessLog: {path: /b}}\n";
    let documents = [mesh.to_owned(), telemetry("t", "accessLogging: [{providers: [{name: file}]}]")];
    assert_told(&documents, &["BG0302 extensionProviders[1]"], &[]);
    let problems = problems(&documents);
    let named = problems.iter().find(|problem| problem.code.0 == "BG0507").expect("it is told");
    assert_eq!(named.message, "this is provider `File`: Istio compares names without case");
    assert!(!named.help.contains("write `File`"), "{}", named.help);
    // One of Istio's own stands before every other.
    let own = "extensionProviders:\n- {name: Envoy, envoyFileAccessLog: {}}\n";
    assert_told(&[own.to_owned()], &["BG0302 extensionProviders[0]"], &[]);
}

#[test]
fn what_the_reader_says_is_true_of_what_is_written() {
    let select = |labels: &str| telemetry("t", &format!("selector: {{matchLabels: {labels}}}"));
    assert_told(&[select("{app: 1}")], &["BG0107"], &["BG0217"]);
    assert_told(&[select("{}")], &["BG0217"], &[]);
    let number = telemetry("t", "metrics: [{overrides: [{match: {metric: 3}}]}]");
    let wrong = problems(&[number]);
    let wrong = wrong.iter().find(|problem| problem.code.0 == "BG0107").expect("it is told");
    assert!(wrong.help.starts_with("allowed: ") && wrong.help.contains("REQUEST_COUNT"), "{}", wrong.help);
    // Istio writes its usual JSON instead of what is no JSON object; Envoy never sees it.
    let json = "accessLogFile: /dev/stdout\naccessLogEncoding: JSON\naccessLogFormat: '%FOO%'\n";
    assert_told(&[json.to_owned()], &["warning BG0306"], &["error"]);
    let text = json.replace("JSON", "TEXT");
    assert_told(&[text], &["error BG0306"], &[]);
    let object = json.replace("'%FOO%'", "'{\"a\": \"%FOO%\"}'");
    assert_told(&[object], &["error BG0306"], &[]);
    let without_version = telemetry("t", "").replace("telemetry.istio.io/v1", "telemetry.istio.io");
    let wrong = problems(&[without_version]);
    assert_eq!(wrong[0].message, "`telemetry.istio.io` has no version");
}

#[test]
fn sizes_that_are_written_twice_are_told() {
    let twice = telemetry("t", "metrics: [{providers: [{name: prom}]}]").replace(
        "namespace: a",
        "namespace: a, annotations: {burgee.dev/label-sizes: 'response_code=5, response_code=6'}",
    );
    let problems = problems(&[MESH.to_owned(), twice]);
    let told = problems.iter().find(|problem| problem.code.0 == "BG0230").expect("it is told");
    assert_eq!(told.message, "`response_code` is written twice; the last one counts");
}

#[test]
fn age_is_compared_as_time() {
    let document = |name: &str, created: &str| {
        telemetry(name, "").replace("namespace: a", &format!("namespace: a, creationTimestamp: '{created}'"))
    };
    // The first is the older one, by an hour.
    let two = [document("c", "2024-01-01T02:00:00+02:00"), document("b", "2024-01-01T01:00:00Z")];
    let problems = problems(&two);
    let hidden = problems.iter().find(|problem| problem.code.0 == "BG0501").expect("it is told");
    assert_eq!(hidden.message, "Telemetry a/b has no effect: Telemetry a/c hides it as a whole");
    assert_told(&[document("x", "yesterday")], &["warning BG0108 metadata.creationTimestamp"], &[]);
    assert_told(
        &[telemetry("t", "").replace("namespace: a", "namespace: a, creationTimestamp: null")],
        &[],
        &["BG0108"],
    );
}

#[test]
fn a_plugin_of_connections_is_compared_with_the_ports_of_tcp_too() {
    let documents = |spec: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: db, namespace: a}}\nspec: {{hosts: [db.a], \
             location: MESH_INTERNAL, resolution: STATIC, ports: [{{number: 5432, name: tcp, protocol: TCP, targetPort: 6000}}, \
             {{number: 80, name: http, protocol: HTTP, targetPort: 8080}}], workloadSelector: {{labels: {{app: x}}}}}}\n---\n\
             apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {{name: x-v1, namespace: a}}\n\
             spec: {{address: 10.0.0.1, labels: {{app: x}}}}\n---\napiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\n\
             metadata: {{name: p, namespace: a}}\nspec: {{url: 'file:///p.wasm', {spec}}}\n"
        )
    };
    for (kind, port, is_told) in [
        ("NETWORK", 5432, false),
        ("NETWORK", 8080, false),
        // The port of the workload's own is compared over HTTP alone.
        ("NETWORK", 6000, true),
        ("NETWORK", 80, true),
        ("HTTP", 8080, false),
        ("HTTP", 5432, true),
    ] {
        let spec = format!("type: {kind}, match: [{{mode: SERVER, ports: [{{number: {port}}}]}}]");
        let checked = check(&[Source::new("p.yaml", documents(&spec))]);
        let told = checked.problems.iter().any(|problem| problem.code == codes::MATCHES_NOTHING);
        assert_eq!(told, is_told, "{spec}\n{:#?}", checked.problems);
    }
}

//! Whom a comparison is about, what it tells, and what it does not pass over in silence.

use burgee_api::check::check;
use burgee_api::document::Source;

use super::*;
use crate::args::ProxyDelivery;
use crate::workload::WorkloadPlan;

fn side(name: &'static str, text: &str) -> Side {
    let texts = vec![Source::new(format!("{name}.yaml"), text)];
    let checked = check(&texts);
    Side { name, sources: Sources { texts, problems: Vec::new() }, checked }
}

fn plan(revision: Option<&str>) -> DiffPlan {
    let workload = WorkloadPlan { named: None, labels: [].into(), revision: revision.map(str::to_owned) };
    let (delivery, output) = (ProxyDelivery::Xds, Format::Text);
    DiffPlan { workload, server: None, old: Vec::new(), new: Vec::new(), base: None, delivery, output }
}

fn between(old: &str, new: &str, revision: Option<&str>) -> Comparison {
    let (old, new) = (side("old", old), side("new", new));
    for side in [&old, &new] {
        assert!(side.errors().is_empty(), "{:#?}", side.errors());
    }
    compared(&plan(revision), None, &old, &new, Vec::new())
        .unwrap_or_else(|failure| panic!("{}", failure.message))
}

fn text(old: &str, new: &str) -> String {
    show::text(&between(old, new, None), 200)
}

fn telemetry(metadata: &str, spec: &str) -> String {
    format!(
        "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {{name: t, {metadata}}}\nspec: {spec}\n---\n"
    )
}

fn entry(namespace: &str, labels: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {{name: x, namespace: {namespace}}}\n\
         spec: {{labels: {{{labels}}}}}\n---\n"
    )
}

const LOGS: &str = "accessLogging: [{providers: [{name: envoy}]}]";
const NO_LOGS: &str = "accessLogging: [{disabled: true, providers: [{name: envoy}]}]";
const GATEWAY: &str = "targetRefs: [{kind: Gateway, group: gateway.networking.k8s.io, name: g}]";

/// What a difference between logging and not logging is told as, in documents with something beside.
fn logs_end(metadata: &str, whom: &str, beside: &str) -> String {
    let of = |logs: &str| beside.to_owned() + &telemetry(metadata, &format!("{{{whom}{logs}}}"));
    text(&of(LOGS), &of(NO_LOGS))
}

#[test]
fn a_gateway_that_is_only_named_is_compared() {
    let told = logs_end("namespace: a", &format!("{GATEWAY}, "), "");
    let name = "any gateway of namespace a with gateway.networking.k8s.io/gateway-name=g\n";
    assert!(told.contains(name), "{told}");
    let plugin = |phase: &str| {
        format!(
            "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{name: p, namespace: a}}\n\
             spec: {{{GATEWAY}, url: 'file:///m.wasm', phase: {phase}}}\n"
        )
    };
    let told = text(&plugin("AUTHN"), &plugin("AUTHZ"));
    assert!(told.contains(name) && told.contains("AUTHZ"), "{told}");
}

#[test]
fn a_revision_that_only_documents_name_is_compared() {
    let told = logs_end("namespace: a, labels: {istio.io/rev: canary}", "", "");
    assert!(told.contains("any sidecar of namespace a of revision canary"), "{told}");
    assert!(!told.contains("nothing changes"), "{told}");
}

#[test]
fn what_concerns_no_workload_that_is_described_is_compared_for_any() {
    let told = logs_end("namespace: a", "", &entry("b", "app: x"));
    assert!(
        told.contains("concerned by Telemetry a/t") && told.contains("any sidecar of namespace a"),
        "{told}"
    );
    assert!(!told.contains("any sidecar of namespace b"), "{told}");
    // One that is described and concerned is enough.
    let told = logs_end("namespace: a", "", &entry("a", "app: x"));
    assert!(told.starts_with("a/x\n") && !told.contains("any "), "{told}");
    let told = logs_end("namespace: a", "selector: {matchLabels: {app: web}}, ", &entry("a", "app: x"));
    assert!(told.contains("any sidecar of namespace a with app=web"), "{told}");
}

#[test]
fn what_cannot_be_compared_is_named_and_never_said_to_change_nothing() {
    let waypoint = "targetRefs: [{kind: Service, name: s}], ";
    for beside in [String::new(), entry("a", "app: x")] {
        let of = |logs: &str| beside.clone() + &telemetry("namespace: a", &format!("{{{waypoint}{logs}}}"));
        let told = text(&of(LOGS), &of(NO_LOGS));
        assert!(told.contains("not compared: Telemetry a/t; it is for what only waypoints serve"), "{told}");
        assert!(!told.contains("nothing changes"), "{told}");
        assert!(!between(&of(LOGS), &of(NO_LOGS), None).is_empty());
        assert!(between(&of(LOGS), &of(LOGS), None).is_empty());
    }
    let of = |logs: &str| telemetry("namespace: a, labels: {istio.io/rev: canary}", &format!("{{{logs}}}"));
    let comparison = between(&of(LOGS), &of(NO_LOGS), Some("stable"));
    let why: Vec<&String> = comparison.not_compared.values().collect();
    assert_eq!(why, ["it is for revision canary, and what is compared is of revision stable"]);
}

fn mesh(revision: &str, more: &str) -> String {
    let name = if revision == "default" { "istio".to_owned() } else { format!("istio-{revision}") };
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: istio-system}}\n\
         data:\n  mesh: |\n    accessLogFile: /{revision}\n    {more}\n---\n"
    )
}

#[test]
fn the_mesh_of_another_revision_is_compared() {
    let beside = mesh("default", "") + &entry("a", "app: x, istio.io/rev: canary");
    let default = "defaultProviders: {metrics: [prometheus]}";
    let told = text(&(mesh("canary", "") + &beside), &(mesh("canary", default) + &beside));
    assert!(told.starts_with("a/x\n  metrics prometheus provider"), "{told}");
    assert!(told.contains("+ prometheus  (new.yaml:7)"), "{told}");
    // Nobody is known to be of the one that differs.
    let beside = mesh("default", "") + &entry("a", "app: x");
    let told = text(&(mesh("canary", "") + &beside), &(mesh("canary", default) + &beside));
    assert!(told.contains("any sidecar of any other namespace of revision canary"), "{told}");
}

#[test]
fn a_value_that_follows_from_a_rule_is_told_with_both_sides() {
    let beside = "defaultConfig: {tracing: {zipkin: {address: 'zipkin.a:9411'}}}\nenableTracing: true\n---\n";
    let of = |app: &str| format!("{beside}{}", entry("a", &format!("app: {app}")));
    let told = text(&of("x"), &of("xx"));
    assert!(told.contains("tracing customTags.istio.canonical_service (inbound, outbound)"), "{told}");
    assert!(told.contains("- \"x\"") && told.contains("+ \"xx\""), "{told}");
}

#[test]
fn a_warning_of_another_document_is_new() {
    let of = |name: &str| {
        format!(
            "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {{name: {name}, namespace: {name}}}\n\
             spec: {{accessLogging: [{{providers: [{{name: envoy}}], filter: {{expression: 'true || foo'}}}}]}}\n---\n"
        )
    };
    let (old, new) = (side("old", &of("a")), side("new", &(of("b") + &of("a"))));
    let mut codes = old.problems().map(|problem| problem.code);
    assert!(codes.next().is_some(), "a warning to compare");
    let told = told_anew(&old, &new);
    assert!(!told.is_empty(), "{:#?}", new.checked.problems);
    let lines = told.iter().filter_map(|problem| problem.place.as_ref()).map(|place| place.line);
    assert!(lines.clone().all(|line| line <= 4), "{:?}", lines.collect::<Vec<_>>());
}

#[test]
fn another_engine_leaves_the_series_of_the_one_before() {
    let of = |engine: &str| {
        let annotations = format!("annotations: {{burgee.dev/metrics-engine: {engine}}}");
        mesh("default", "defaultProviders: {metrics: [prometheus]}")
            + &entry("a", "app: x")
            + &format!(
                "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\n\
                 metadata: {{name: t, namespace: a, {annotations}}}\nspec: {{}}\n---\n"
            )
    };
    let told = text(&of("wasm"), &of("native"));
    assert!(told.contains("another engine of metrics: series of the engine"), "{told}");
    assert!(told.contains("- wasm") && told.contains("+ native"), "{told}");
    assert!(!text(&of("wasm"), &of("auto")).contains("another engine of metrics"));
    // Nothing was made before.
    let none = of("native").replace("defaultProviders", "ingressClass: x\n    notDefaultProviders");
    assert!(!text(&none, &of("native")).contains("another engine of metrics"));
}

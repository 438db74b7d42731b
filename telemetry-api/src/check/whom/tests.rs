//! Whom documents are for: rows of the specification that need a waypoint, by their names, and what is known of gateways.

use crate::check::check;
use crate::document::{Outline, Source};
use crate::problem::{Problem, Severity};
use crate::test;

/// What is warned of: the document and the code, in order.
fn told(text: &str) -> Vec<String> {
    let checked = check(&[Source::new("t.yaml", text)]);
    let worst = checked.problems.iter().map(|problem| problem.severity).max();
    assert!(worst <= Some(Severity::Warning), "{:#?}", checked.problems);
    let warnings = checked.problems.iter().filter(|problem| problem.severity == Severity::Warning);
    let name = |problem: &Problem| {
        let outline = Outline::around(&checked.outlines, problem.place.as_ref()?)?;
        Some(outline.id.name.to_string())
    };
    warnings.map(|problem| format!("{} {}", name(problem).unwrap_or_default(), problem.code)).collect()
}

/// A document of a kind, by `NAMESPACE/NAME` and what its spec says.
fn document(kind: &str, name: &str, spec: &str) -> String {
    let (group, more) = match kind {
        "Telemetry" => ("telemetry.istio.io/v1", ""),
        "WasmPlugin" => ("extensions.istio.io/v1alpha1", "url: \"file:///p.wasm\", "),
        "Gateway" => ("gateway.networking.k8s.io/v1", ""),
        _ => ("v1", ""),
    };
    let (namespace, name) = name.split_once('/').unwrap_or(("default", name));
    format!(
        "---\napiVersion: {group}\nkind: {kind}\nmetadata: {{namespace: {namespace}, name: \"{name}\"}}\nspec: {{{more}{spec}}}\n"
    )
}

fn target(kind: &str, name: &str) -> String {
    let group = match kind {
        "Service" => "\"\"",
        "ServiceEntry" => "networking.istio.io",
        _ => "gateway.networking.k8s.io",
    };
    format!("{{group: {group}, kind: {kind}, name: {name}}}")
}

#[test]
fn what_only_a_waypoint_gets_is_told_of() {
    let mesh =
        "rootNamespace: root\n".to_owned() + &document("Gateway", "wp/w", "gatewayClassName: istio-waypoint");
    let services = document("Service", "a/s1", "ports: []") + &document("Service", "wp/s0", "ports: []");
    let at = |targets: &[(&str, &str)]| {
        let targets: Vec<String> = targets.iter().map(|(kind, name)| target(kind, name)).collect();
        format!("targetRefs: [{}]", targets.join(", "))
    };
    let wide = String::new;
    for (row, kind, documents, expected) in [
        ("S25", "Telemetry", vec![("root/r", wide()), ("wp/n", wide()), ("a/n", wide())], &[][..]),
        ("S26", "Telemetry", vec![("a/t", at(&[("Service", "s1")]))], &["t BG0122"]),
        ("S27", "Telemetry", vec![("wp/t", at(&[("Service", "s1")]))], &["t BG0122"]),
        ("S28", "Telemetry", vec![("wp/t", at(&[("Gateway", "w")]))], &["t BG0122"]),
        (
            "S29",
            "Telemetry",
            vec![("wp/t", at(&[("Gateway", "w")])), ("wp/u", at(&[("Service", "s0")]))],
            &["t BG0122", "u BG0122"],
        ),
        ("S30", "Telemetry", vec![("a/t", at(&[("ServiceEntry", "se1")]))], &["t BG0122"]),
        ("S31", "Telemetry", vec![("a/t", at(&[("Service", "se1")]))], &["t BG0122"]),
        ("S32", "Telemetry", vec![("a/t", at(&[("ServiceEntry", "s1")]))], &["t BG0122"]),
        ("S34", "Telemetry", vec![("wp/t", at(&[("Gateway", "w")]))], &["t BG0122"]),
        ("S35", "Telemetry", vec![("wp/t", at(&[("Service", "s0")]))], &["t BG0122"]),
        ("S36", "Telemetry", vec![("root/c", at(&[("GatewayClass", "istio-waypoint")]))], &["c BG0122"]),
        (
            "S37",
            "Telemetry",
            vec![("root/r", wide()), ("wp/n", wide()), ("root/c", at(&[("GatewayClass", "istio-waypoint")]))],
            &["c BG0122"],
        ),
        (
            "S38",
            "Telemetry",
            vec![("a/t", at(&[("Service", "other"), ("Service", "s1")]))],
            &["t BG0122", "t BG0122"],
        ),
        ("X10", "WasmPlugin", vec![("wp/p", wide())], &[]),
        ("X11", "WasmPlugin", vec![("root/p", wide())], &[]),
        ("X12", "WasmPlugin", vec![("root/p", at(&[("GatewayClass", "istio-waypoint")]))], &["p BG0122"]),
        ("X13", "WasmPlugin", vec![("a/p", at(&[("Service", "s1")]))], &["p BG0122"]),
        ("X14", "WasmPlugin", vec![("wp/p", at(&[("Gateway", "w")]))], &["p BG0122"]),
        ("X15", "WasmPlugin", vec![("wp/p", at(&[("Service", "s1")]))], &["p BG0122"]),
        ("X16", "WasmPlugin", vec![("a/p", at(&[("ServiceEntry", "se1")]))], &["p BG0122"]),
    ] {
        let documents = documents.iter().map(|(name, spec)| document(kind, name, spec));
        let text = format!("{mesh}{services}{}", documents.collect::<String>());
        assert_eq!(told(&text), expected, "{row}");
        // That the waypoint itself gets nothing is said once.
        let notes = check(&[Source::new("t.yaml", text)]).problems;
        assert_eq!(notes.iter().filter(|problem| problem.code.0 == "BG0121").count(), 1, "{row}");
    }
}

#[test]
fn a_selector_never_finds_a_waypoint() {
    let waypoint = "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {namespace: wp, name: w}\nspec: {template: \
                    {metadata: {labels: {app: w, gateway.networking.k8s.io/gateway-name: w, gateway.istio.io/managed: \
                    istio.io-mesh-controller}}}}\n---\napiVersion: apps/v1\nkind: Deployment\n\
                    metadata: {namespace: wp, name: web}\nspec: {template: {metadata: {labels: {app: web}}}}\n";
    let s33 = document("Telemetry", "wp/x", "selector: {matchLabels: {app: w}}");
    assert_eq!(told(&format!("{waypoint}{s33}")), ["x BG0508"], "S33");
    let at_it = document("Telemetry", "wp/t", &format!("targetRefs: [{}]", target("Gateway", "w")));
    assert_eq!(told(&format!("{waypoint}{at_it}")), ["t BG0122"]);
}

#[test]
fn a_target_that_is_not_there_is_told_of_where_gateways_are_known() {
    let at = |namespace: &str, name: &str| {
        let targets = format!("targetRefs: [{}]", target("Gateway", name));
        document("Telemetry", &format!("{namespace}/t"), &targets)
            + &document("WasmPlugin", &format!("{namespace}/p"), &targets)
    };
    assert!(told(&at("a", "g")).is_empty(), "nothing is known of gateways");
    let gateway = document("Gateway", "a/entry", "gatewayClassName: istio");
    assert!(told(&(gateway.clone() + &at("a", "entry"))).is_empty());
    assert_eq!(told(&(gateway.clone() + &at("a", "enty"))), ["t BG0123", "p BG0123"]);
    let checked = check(&[Source::new("t.yaml", gateway.clone() + &at("b", "entry"))]);
    let helps: Vec<&str> = checked.problems.iter().map(|problem| problem.help.as_str()).collect();
    assert!(helps.iter().any(|help| help.contains("there is none in namespace `b`")), "{helps:?}");
}

#[test]
fn each_revision_has_its_own_documents() {
    let telemetry = |name: &str, created: usize, labels: &str| {
        format!(
            "---\napiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {{namespace: a, creationTimestamp: \
             \"2026-01-0{created}T00:00:00Z\", labels: {{{labels}}}, name: {name}}}\nspec: {{}}\n"
        )
    };
    let canary = "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {namespace: a, name: web}\nspec: {template: \
                  {metadata: {annotations: {istio.io/rev: canary}}}}\n";
    let (of_canary, of_other) = ("istio.io/rev: canary", "istio.io/rev: other");
    // Hidden by one of the same revision, or by one of every revision.
    let text = canary.to_owned() + &telemetry("t1", 1, "") + &telemetry("t2", 2, of_canary);
    assert_eq!(told(&text), ["t2 BG0501"]);
    let text = canary.to_owned() + &telemetry("t1", 1, of_canary) + &telemetry("t2", 2, of_canary);
    assert_eq!(told(&text), ["t2 BG0501"]);
    // In force for the default revision, where the older one is not.
    let text = canary.to_owned() + &telemetry("t1", 1, of_canary) + &telemetry("t2", 2, "");
    assert!(told(&text).is_empty());
    let text = canary.to_owned() + &telemetry("t1", 1, of_other);
    assert_eq!(told(&text), ["t1 BG0509"]);
    let problem = &check(&[Source::new("t.yaml", text)]).problems[0];
    assert!(problem.help.contains("revisions `canary`, `default`"), "{problem}");
}

//! Which plugins apply where and in which order, beyond the worked examples in `tests/cases`.

use std::collections::BTreeMap;

use crate::document::{Source, read};
use crate::resolve::{GATEWAY_NAME_LABEL, ListenerClass, Plugin, PolicySet, Workload, WorkloadKind};
use crate::test;

/// A plugin: namespace and name, its spec without the URL, and when it was created.
type Written<'a> = (&'a str, &'a str, &'a str);

fn policies(plugins: &[Written<'_>]) -> PolicySet {
    let mut text = "rootNamespace: root\n".to_owned();
    for (id, spec, created) in plugins {
        let (namespace, name) = id.split_once('/').expect("namespace and name");
        let created = if created.is_empty() { "null".to_owned() } else { format!("\"{created}\"") };
        let comma = if spec.is_empty() { "" } else { ", " };
        text += &format!(
            "---\napiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{name: {name}, namespace: \
             {namespace}, creationTimestamp: {created}}}\nspec: {{url: x/y:1{comma}{spec}}}\n"
        );
    }
    let documents = read(&[Source::new("p.yaml", text)]);
    let refused: Vec<_> =
        documents.problems.iter().filter(|problem| problem.severity > crate::Severity::Note).collect();
    assert!(refused.is_empty(), "{refused:#?}");
    PolicySet::new(documents.resources)
}

fn workload(kind: WorkloadKind, labels: &[(&str, &str)]) -> Workload {
    let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Workload::new(kind, "a", "x-v1", labels.collect::<BTreeMap<_, _>>())
}

fn sidecar() -> Workload {
    workload(WorkloadKind::Sidecar, &[("app", "x")])
}

fn plugins(set: &PolicySet, workload: &Workload, class: ListenerClass) -> Vec<Plugin> {
    set.resolve(workload).class(class).plugins.clone()
}

#[test]
fn plugins_apply_where_istio_says() {
    let gateway = || workload(WorkloadKind::Gateway, &[("app", "x"), (GATEWAY_NAME_LABEL, "g")]);
    let classic = || workload(WorkloadKind::Gateway, &[("istio", "ingressgateway")]);
    let to_gateway = "targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: g}]";
    for (row, workload, plugin, spec, applies) in [
        ("X3 other label", sidecar(), "root/p", "selector: {matchLabels: {app: other}}", false),
        ("X13 without a waypoint", sidecar(), "a/p", "targetRefs: [{kind: Service, name: s}]", false),
        ("targets of a classic gateway", classic(), "a/p", to_gateway, false),
        (
            "any target",
            gateway(),
            "a/p",
            "targetRefs: [{kind: Service, name: s}, \
            {group: gateway.networking.k8s.io, kind: Gateway, name: g}]",
            true,
        ),
    ] {
        let class = if workload.kind == WorkloadKind::Gateway {
            ListenerClass::Gateway
        } else {
            ListenerClass::Inbound
        };
        let found = plugins(&policies(&[(plugin, spec, "")]), &workload, class);
        assert_eq!(!found.is_empty(), applies, "{row}");
    }
}

#[test]
fn a_plugin_of_another_revision_does_not_apply() {
    let text = "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {name: p, namespace: a, labels: \
                {istio.io/rev: canary}}\nspec: {url: x}\n";
    let set = PolicySet::new(read(&[Source::new("p.yaml", text)]).resources);
    assert_eq!(plugins(&set, &sidecar(), ListenerClass::Inbound), []);
    let canary = Workload { revision: "canary".to_owned(), ..sidecar() };
    assert_eq!(plugins(&set, &canary, ListenerClass::Inbound).len(), 1);
}

#[test]
fn traffic_is_selected_as_istio_says() {
    use ListenerClass::Inbound;
    for (row, matches, class, port, applies) in [
        ("Y9 undefined", "[{mode: UNDEFINED}]", Inbound, 1234, true),
        ("Y13 inbound", "[{mode: SERVER, ports: [{number: 80}]}, {mode: CLIENT}]", Inbound, 9999, false),
        ("two lists", "[{ports: [{number: 80}]}, {ports: [{number: 81}, {number: 80}]}]", Inbound, 81, true),
    ] {
        let set = policies(&[("a/p", &format!("match: {matches}"), "")]);
        let found = plugins(&set, &sidecar(), class);
        assert_eq!(found.iter().any(|plugin| plugin.covers_port(port)), applies, "{row}");
    }
}

#[test]
fn the_least_priority_ties_with_none() {
    let (old, young) = ("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z");
    let written = [("a/p", "", old), ("a/q", "priority: -2147483648", young)];
    let set = policies(&written);
    let found: Vec<String> =
        plugins(&set, &sidecar(), ListenerClass::Inbound).iter().map(Plugin::id).collect();
    assert_eq!(found, ["a/p", "a/q"]);
    let turned: Vec<Written<'_>> = written.iter().rev().copied().collect();
    assert_eq!(policies(&turned).hash(), set.hash());
}

#[test]
fn the_hash_is_of_everything_that_a_plugin_says() {
    let hash = |plugins: &[Written<'_>]| policies(plugins).hash().to_owned();
    let mut hashes = vec![hash(&[("a/p", "", "")])];
    for spec in [
        "selector: {matchLabels: {app: x}}",
        "targetRefs: [{kind: Service, name: s}]",
        "sha256: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "imagePullPolicy: Always",
        "imagePullSecret: x",
        "verificationKey: x",
        "pluginConfig: {a: 1}",
        "pluginConfig: {a: '1'}",
        "pluginName: x",
        "phase: AUTHN",
        "priority: 0",
        "failStrategy: FAIL_OPEN",
        "vmConfig: {env: [{name: A, value: b}]}",
        "vmConfig: {env: [{name: A, valueFrom: HOST}]}",
        "match: [{mode: SERVER}]",
        "match: [{ports: [{number: 80}]}]",
        "type: NETWORK",
        "vmConfig: {env: [{name: B, value: b}]}",
        "match: [{mode: CLIENT, ports: [{number: 80}]}]",
        "targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: s}]",
        "targetRefs: [{kind: Service, name: t}]",
    ] {
        hashes.push(hash(&[("a/p", spec, "")]));
        assert_eq!(hash(&[("a/p", &format!("   {spec}"), "")]), hashes[hashes.len() - 1], "{spec}");
    }
    for plugin in [("a/q", "", ""), ("b/p", "", ""), ("a/p", "", "2024-01-01T00:00:00Z")] {
        hashes.push(hash(&[plugin]));
    }
    for (metadata, url) in [
        ("annotations: {burgee.dev/module: ./p.wasm}", "x/y:1"),
        ("labels: {istio.io/rev: canary}", "x/y:1"),
        ("annotations: {}", "x/y:2"),
    ] {
        let text = format!(
            "rootNamespace: root\n---\napiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\n\
             metadata: {{name: p, namespace: a, {metadata}}}\nspec: {{url: {url}}}\n"
        );
        hashes.push(PolicySet::new(read(&[Source::new("p.yaml", text)]).resources).hash().to_owned());
    }
    let written = hashes.len();
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), written);
}

#[test]
fn a_plugin_says_why_it_applies() {
    let gateway = workload(WorkloadKind::Gateway, &[(GATEWAY_NAME_LABEL, "g")]);
    let target = "{group: gateway.networking.k8s.io, kind: Gateway, name: g}";
    let second = format!("targetRefs: [{{kind: Service, name: s}}, {target}]");
    let single = format!("targetRef: {target}");
    for (workload, spec, path, column) in [
        (sidecar(), "", "", 1),
        (sidecar(), "selector: {matchLabels: {app: x}}", "spec.selector", 20),
        (gateway.clone(), second.as_str(), "spec.targetRefs[1]", 59),
        (gateway, single.as_str(), "spec.targetRef", 31),
    ] {
        let class = if workload.kind == WorkloadKind::Gateway {
            ListenerClass::Gateway
        } else {
            ListenerClass::Inbound
        };
        let found = plugins(&policies(&[("a/p", spec, "")]), &workload, class);
        let [plugin] = found.as_slice() else { panic!("{found:?}") };
        let crate::Origin::Document { document, path: found, place } = &plugin.origin else {
            panic!("{plugin:?}")
        };
        assert_eq!((&*document.name, &**found, place.column), ("p", path, column));
    }
}

#[test]
fn of_one_name_and_both_kinds_there_are_two_and_only_one_is_sorted_by_what_istio_appends() {
    let of = |kind: &str, name: &str, spec: &str| {
        format!(
            "---\napiVersion: extensions.istio.io/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}, namespace: a, \
             creationTimestamp: \"2024-01-01T00:00:00Z\"}}\nspec: {{{spec}}}\n"
        )
    };
    let old = |name| of("WasmPlugin", name, "url: x/y:1");
    let module = |name| of("TrafficExtension", name, "wasm: {url: x/y:1}");
    let script = |name| of("TrafficExtension", name, "lua: {inlineCode: x}");
    let order = |texts: &[String]| {
        let read = read(&[Source::new("p.yaml", texts.concat())]);
        let found = plugins(&PolicySet::new(read.resources), &sidecar(), ListenerClass::Inbound);
        found.iter().map(Plugin::id).collect::<Vec<_>>().join(" ")
    };
    // Z7, and what becomes of it without the suffix.
    assert_eq!(order(&[old("g"), old("g-s")]), "a/g-s a/g");
    assert_eq!(order(&[script("g-s"), module("g")]), "TrafficExtension/a/g TrafficExtension/a/g-s");
    assert_eq!(
        order(&[old("g"), module("g"), script("g-s")]),
        "TrafficExtension/a/g TrafficExtension/a/g-s a/g"
    );
}

#[test]
fn the_hash_is_of_what_runs_and_of_the_kind() {
    let hash = |kind: &str, spec: &str| {
        let text = format!(
            "apiVersion: extensions.istio.io/v1alpha1\nkind: {kind}\nmetadata: {{name: p, namespace: a}}\nspec: {spec}\n"
        );
        PolicySet::new(read(&[Source::new("p.yaml", text)]).resources).hash().to_owned()
    };
    let mut hashes = vec![
        hash("WasmPlugin", "{url: x/y:1}"),
        hash("TrafficExtension", "{wasm: {url: x/y:1}}"),
        hash("TrafficExtension", "{wasm: {url: x/y:1}, priority: 1}"),
        hash("TrafficExtension", "{lua: {inlineCode: x}}"),
        hash("TrafficExtension", "{lua: {inlineCode: y}}"),
    ];
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), 5);
}

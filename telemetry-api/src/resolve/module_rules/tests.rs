//! Which rule decides, and what it says of plugins.

use crate::document::{Source, read};
use crate::resolve::{ListenerClass, Plugin, PolicySet, Workload, WorkloadIndex, WorkloadKind, affected};
use crate::test;
use crate::{Origin, Severity};

/// A ConfigMap of the root namespace with these rules.
fn rules(text: &str) -> String {
    let indented: String = text.lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "rootNamespace: root\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: burgee-modules, namespace: root}}\n\
         data:\n  rules: |\n{indented}"
    )
}

/// A plugin of namespace `a`.
fn plugin(name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: extensions.istio.io/v1alpha1\nkind: TrafficExtension\nmetadata: {{name: {name}, namespace: a}}\n\
         spec: {{{spec}}}\n"
    )
}

fn set(text: &str) -> PolicySet {
    let documents = read(&[Source::new("p.yaml", text)]);
    let wrong: Vec<_> = documents.problems.iter().filter(|it| it.severity == Severity::Error).collect();
    assert!(wrong.is_empty(), "{text}\n{wrong:#?}");
    PolicySet::new(documents.resources)
}

fn sidecar() -> Workload {
    Workload::new(WorkloadKind::Sidecar, "a", "x-v1", std::collections::BTreeMap::new())
}

fn plugins(text: &str) -> Vec<Plugin> {
    set(text).resolve(&sidecar()).class(ListenerClass::Inbound).plugins.clone()
}

/// Why a plugin may not be used, and by which field of the rules.
fn refusal(rule: &str, spec: &str) -> Option<(String, String)> {
    let found = plugins(&(rules(rule) + &plugin("p", spec)));
    let refused = found[0].refused.clone()?;
    let Origin::Document { document, path, .. } = &refused.rule else { panic!("{refused:?}") };
    assert_eq!(&*document.name, "burgee-modules");
    Some((refused.why, path.to_string()))
}

#[test]
fn a_rule_says_what_may_be_used() {
    let module = |url: &str| format!("wasm: {{url: {url:?}}}");
    let pinned = format!("wasm: {{url: x/y, sha256: {}}}", "a".repeat(64));
    let script = "lua: {inlineCode: x}".to_owned();
    for (rule, spec, path) in [
        ("- {}", module("ghcr.io/acme/p:1"), None),
        ("- {}", script.clone(), None),
        ("- {allow: ['oci://ghcr.io/acme/*']}", module("ghcr.io/acme/p:1"), None),
        ("- {allow: ['oci://ghcr.io/acme/*']}", module("ghcr.io/other/p:1"), Some("data.rules:[0]")),
        ("- {allow: []}", module("ghcr.io/acme/p:1"), Some("data.rules:[0]")),
        ("- {allow: ['*']}", module("https://a.example/b/../c"), Some("data.rules:[0]")),
        (
            "- {allow: ['*'], deny: ['http://*']}",
            module("http://a.example/p"),
            Some("data.rules:[0].deny[0]"),
        ),
        ("- {deny: [docker.io/*]}", module("plugin"), Some("data.rules:[0].deny[0]")),
        ("- {requireDigest: true}", module("ghcr.io/acme/p:1"), Some("data.rules:[0].requireDigest")),
        (
            "- {requireDigest: true}",
            module("ghcr.io/acme/p@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
            None,
        ),
        (
            "- {requireDigest: true}",
            module(
                "https://modules.example/p.wasm?@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            ),
            Some("data.rules:[0].requireDigest"),
        ),
        ("- {requireDigest: true}", pinned, None),
        ("- {requireDigest: false}", module("ghcr.io/acme/p:1"), None),
        ("- {lua: false}", script.clone(), Some("data.rules:[0].lua")),
        ("- {lua: false}", module("ghcr.io/acme/p:1"), None),
        ("- {allow: []}", script.clone(), None),
        ("- {maxPlugins: 0}", script.clone(), Some("data.rules:[0].maxPlugins")),
        // The first one that covers the namespace decides, and nothing is asked of one that none covers.
        ("- {namespaces: [b, 'c-*'], lua: false}", script.clone(), None),
        ("- {namespaces: ['*'], lua: false}", script.clone(), Some("data.rules:[0].lua")),
        ("- {namespaces: [a]}\n- {lua: false}", script.clone(), None),
        ("- {namespaces: [b]}\n- {lua: false}", script.clone(), Some("data.rules:[1].lua")),
        ("- {namespaces: [], lua: false}", script, None),
    ] {
        let found = refusal(rule, &spec);
        assert_eq!(found.as_ref().map(|(_, path)| path.as_str()), path, "{rule}\n{spec}\n{found:?}");
    }
}

#[test]
fn of_too_many_plugins_those_that_stand_last_are_refused() {
    let module = "wasm: {url: 'ghcr.io/acme/p:1'}";
    let text = rules("- {maxPlugins: 2, allow: ['ghcr.io/acme/*']}")
        + &plugin("late", module)
        + &plugin("early", &format!("{module}, priority: 5"))
        + &plugin("alien", "wasm: {url: 'ghcr.io/other/p:1'}, priority: 9")
        + &plugin("first", &format!("{module}, phase: AUTHN"));
    let found = plugins(&text);
    let found: Vec<(&str, bool)> =
        found.iter().map(|plugin| (plugin.name.as_str(), plugin.refused.is_some())).collect();
    assert_eq!(found, [("first", false), ("alien", true), ("early", false), ("late", true)]);
}

#[test]
fn bounds_come_with_the_plugin() {
    let text = rules(
        "- {allow: ['oci://localhost:5000/*', 'oci://*.example/*'], maxModuleBytes: 1000, verificationKey: k}",
    );
    let limits = |url: &str| {
        let found = plugins(&(text.clone() + &plugin("p", &format!("wasm: {{url: {url:?}}}"))));
        found[0].limits.clone()
    };
    let here = limits("oci://localhost:5000/p");
    assert_eq!(here.max_module_bytes.map(|most| most.value), Some(1000));
    assert_eq!(here.verification_key.map(|key| key.value).as_deref(), Some("k"));
    assert!(here.names_host && !limits("oci://a.example/p").names_host);
    let without = plugins(&plugin("p", "wasm: {url: x}"));
    assert_eq!((&without[0].refused, &without[0].limits), (&None, &super::Limits::default()));
}

#[test]
fn rules_are_part_of_the_hash_and_concern_everybody() {
    let plugin = plugin("p", "wasm: {url: x}");
    let mut hashes = Vec::new();
    for rule in [
        "- {}",
        "- {namespaces: [a]}",
        "- {namespaces: []}",
        "- {allow: [a]}",
        "- {allow: []}",
        "- {deny: [a]}",
        "- {maxModuleBytes: 1}",
        "- {maxPlugins: 1}",
        "- {requireDigest: true}",
        "- {requireDigest: false}",
        "- {verificationKey: a}",
        "- {lua: true}",
        "- {}\n- {}",
    ] {
        hashes.push(set(&(rules(rule) + &plugin)).hash().to_owned());
        assert_eq!(set(&(rules(&format!("# moved\n{rule}")) + &plugin)).hash(), hashes[hashes.len() - 1]);
    }
    let written = hashes.len();
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), written);
    let (old, new) = (set(&(rules("- {}") + &plugin)), set(&(rules("- {allow: []}") + &plugin)));
    assert_eq!(affected(&old, &new, &WorkloadIndex::new(vec![sidecar()])), [0]);
}

#[test]
fn only_the_rules_of_the_root_namespace_count() {
    let text = rules("- {lua: false}").replace("namespace: root}", "namespace: a}")
        + &plugin("p", "lua: {inlineCode: x}");
    assert_eq!(plugins(&text)[0].refused, None);
}

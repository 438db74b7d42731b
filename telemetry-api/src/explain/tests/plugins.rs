//! What is said of plugins: each field with its line, what runs, and what the mesh's rules make of it.

use super::{checked, lost, section_of, workload};
use crate::check::Checked;
use crate::diff::changes;
use crate::explain::{Asked, Effect, Explainer, Signal};
use crate::origin::Origin;
use crate::resolve::ListenerClass;
use crate::test;

/// A mesh with a rule, and an extension of namespace `a`.
fn documents(rule: &str, spec: &str) -> String {
    format!(
        "rootNamespace: root\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: burgee-modules, namespace: root}}\n\
         data:\n  rules: |\n    - {rule}\n---\napiVersion: extensions.istio.io/v1alpha1\nkind: TrafficExtension\n\
         metadata: {{name: p, namespace: a}}\nspec: {spec}\n"
    )
}

/// The facts of the inbound plugins, as `FIELD VALUE@PATH`, the path of the field that says so.
fn facts(checked: &Checked) -> Vec<String> {
    let explanation = Explainer::new(checked).explain(&workload());
    let section = section_of(&explanation, ListenerClass::Inbound, Signal::Plugins);
    let path = |origin: &Origin| match origin {
        Origin::Document { path, .. } => path.to_string(),
        Origin::Rule(_) => "-".to_owned(),
    };
    let shown =
        section.facts.iter().map(|fact| format!("{} {}@{}", fact.field, fact.value.text, path(&fact.origin)));
    shown.collect()
}

#[test]
fn every_field_of_a_module_is_told_with_its_place() {
    let digest = "ab".repeat(32);
    let spec = format!(
        "{{phase: AUTHZ, priority: 3, match: [{{ports: [{{number: 80}}]}}], wasm: {{url: 'oci://reg.example/p:1', sha256: {digest}, \
         imagePullPolicy: Always, imagePullSecret: s, verificationKey: k, pluginConfig: {{a: 1}}, pluginName: root, \
         failStrategy: FAIL_OPEN, vmConfig: {{env: [{{name: A, value: b}}, {{name: C, valueFrom: HOST}}]}}}}}}"
    );
    let told = facts(&checked(&documents("{maxModuleBytes: 1000, verificationKey: rk}", &spec)));
    for expected in [
        "plugin TrafficExtension/a/p@",
        "position 1 of 1@-",
        "phase AUTHZ: after authentication, before authorization@spec.phase",
        "priority 3@spec.priority",
        "ports 80@spec.match[0]",
        "url oci://reg.example/p:1@spec.wasm.url",
        &format!("sha256 {digest}@spec.wasm.sha256"),
        "imagePullPolicy Always@spec.wasm.imagePullPolicy",
        "imagePullSecret s@spec.wasm.imagePullSecret",
        "verificationKey k@spec.wasm.verificationKey",
        "pluginName root@spec.wasm.pluginName",
        "failStrategy FAIL_OPEN@spec.wasm.failStrategy",
        "pluginConfig {\"a\": 1}@spec.wasm.pluginConfig",
        "vmConfig.env.A b@spec.wasm.vmConfig.env[0]",
        "vmConfig.env.C that of the proxy's own environment@spec.wasm.vmConfig.env[1]",
        "rule allows no host by name@data.rules:[0]",
        "rule maxModuleBytes 1000@data.rules:[0].maxModuleBytes",
        "rule verificationKey rk@data.rules:[0].verificationKey",
    ] {
        assert!(told.iter().any(|fact| fact == expected), "{expected}\n{told:#?}");
    }
}

#[test]
fn a_script_is_told_by_its_first_line_and_its_length() {
    let spec = "{lua: {inlineCode: \"\\n-- marks\\nfunction envoy_on_request(h) end\\n\"}}";
    let told = facts(&checked(&documents("{}", spec)));
    assert!(told.contains(&"inlineCode -- marks (43 bytes)@spec.lua.inlineCode".to_owned()), "{told:#?}");
}

#[test]
fn a_refusal_names_the_rule() {
    let checked =
        checked(&documents("{lua: false}", "{lua: {inlineCode: function envoy_on_request(h) end}}"));
    let told = facts(&checked);
    let refused = "refused scripts may not be used in namespace a@data.rules:[0].lua";
    assert!(told.iter().any(|fact| fact == refused), "{told:#?}");
    let explainer = Explainer::new(&checked);
    let explanation = explainer.explain(&workload());
    assert_eq!(lost(section_of(&explanation, ListenerClass::Inbound, Signal::Plugins)), [""; 0]);
    assert!(explanation.to_text(80).contains("scripts may not be used"));
    let asked = Asked::parse("TrafficExtension/a/p").expect("a name");
    let answers = explainer.why_not(&asked, &workload());
    let refusals: Vec<&str> =
        answers[0].reasons.iter().flat_map(|reason| &reason.problems).map(|problem| problem.code.0).collect();
    assert_eq!((answers[0].effect, refusals), (Effect::NotForIt, vec!["BG0266"]));
}

#[test]
fn an_extension_has_an_effect_where_its_match_covers() {
    let spec = "{match: [{mode: SERVER}], lua: {inlineCode: function envoy_on_request(h) end}}";
    let checked = checked(&documents("{}", spec));
    let asked = Asked::parse("a/p").expect("a name");
    let answers = Explainer::new(&checked).why_not(&asked, &workload());
    let [answer] = answers.as_slice() else { panic!("{answers:#?}") };
    assert_eq!(answer.effect, Effect::All);
    let paths = answer.fields.iter().filter_map(|field| match &field.origin {
        Origin::Document { path, .. } => Some(path.to_string()),
        Origin::Rule(_) => None,
    });
    assert!(paths.into_iter().any(|path| path == "spec.lua.inlineCode"));
}

#[test]
fn what_differs_between_two_extensions_is_told() {
    let module = |more: &str| format!("{{wasm: {{url: 'oci://reg.example/p:1'{more}}}}}");
    let fields = |old: (&str, &str), new: (&str, &str)| -> Vec<String> {
        let (old, new) = (checked(&documents(old.0, old.1)), checked(&documents(new.0, new.1)));
        let found =
            changes(&Explainer::new(&old).in_force(&workload()), &Explainer::new(&new).in_force(&workload()));
        let mut fields: Vec<String> = found.into_iter().map(|change| change.field).collect();
        fields.sort();
        fields.dedup();
        fields
    };
    let plain = module("");
    for (more, field) in [
        (", imagePullSecret: s", "imagePullSecret"),
        (", verificationKey: k", "verificationKey"),
        (", pluginName: root", "pluginName"),
        (", pluginConfig: {a: 1}", "pluginConfig"),
        (", failStrategy: FAIL_RELOAD", "failStrategy"),
        (", imagePullPolicy: Always", "imagePullPolicy"),
        (", vmConfig: {env: [{name: A, value: b}]}", "vmConfig.env.A"),
    ] {
        assert_eq!(fields(("{}", &plain), ("{}", &module(more))), [field]);
    }
    let script = |code: &str| format!("{{lua: {{inlineCode: {code:?}}}}}");
    let (one, two) = (script("-- a\nlocal x = 1"), script("-- a\nlocal x = 2"));
    assert_eq!(fields(("{}", &one), ("{}", &two)), ["inlineCode"]);
    assert_eq!(fields(("{}", &plain), ("{allow: []}", &plain)), ["refused"]);
    assert_eq!(fields(("{}", &plain), ("{maxModuleBytes: 9}", &plain)), ["rule maxModuleBytes"]);
}

#[test]
fn plugins_of_connections_stand_in_chains_of_their_own() {
    let network = "---\napiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {name: net, namespace: a}\n\
                   spec: {url: 'file:///n.wasm', type: NETWORK, phase: AUTHN}\n";
    let told = facts(&checked(&(documents("{}", "{wasm: {url: 'file:///p.wasm'}}") + network)));
    let of: Vec<&str> = told
        .iter()
        .map(String::as_str)
        .filter(|fact| ["plugin ", "position ", "type "].iter().any(|field| fact.starts_with(field)))
        .collect();
    assert_eq!(
        of,
        [
            "plugin a/net@",
            "position 1 of 1@-",
            "type NETWORK: connections, before what reads requests from them@spec.url",
            "plugin TrafficExtension/a/p@",
            "position 1 of 1@-",
        ]
    );
}

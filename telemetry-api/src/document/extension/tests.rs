//! What Istio refuses of a plugin beyond the worked examples in `tests/cases`, and that everything else is read.

use serde_json::json;

use crate::document::{Documents, Source, read};
use crate::problem::{Code, Severity, codes};
use crate::resources::TrafficExtension;
use crate::resources::extension::{FailStrategy, ImagePullPolicy, PluginKind, PluginPhase};
use crate::resources::telemetry::Mode;
use crate::test;

fn plugin(spec: &str) -> Documents {
    let text = format!(
        "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{name: p, namespace: a}}\nspec: {spec}\n"
    );
    read(&[Source::new("p.yaml", text)])
}

#[test]
#[allow(clippy::too_many_lines, reason = "one row per case")]
fn plugins_are_judged_as_istio_judges_them() {
    let ok: Option<Code> = None;
    let with = |fields: &str| format!("{{url: x, {fields}}}");
    let long = |length: usize| "x".repeat(length);
    let many = |count: usize| -> String {
        let each: Vec<String> = (0..count).map(|index| format!("{{name: V{index}}}")).collect();
        format!("vmConfig: {{env: [{}]}}", each.join(", "))
    };
    let targets =
        |count: usize| format!("targetRefs: [{}]", vec!["{kind: Service, name: s}"; count].join(", "));
    let gateway = "{group: gateway.networking.k8s.io, kind: Gateway, name: g}";
    for (row, spec, code) in [
        ("W-V1 no spec", "".to_owned(), Some(codes::MISSING_FIELD)),
        ("W-V1 null", "{url: null}".to_owned(), Some(codes::MISSING_FIELD)),
        ("W-V1 empty", "{url: \"\"}".to_owned(), Some(codes::BAD_MODULE_URL)),
        ("registry with a port", "{url: \"localhost:5000/a\"}".to_owned(), Some(codes::BAD_MODULE_URL)),
        ("W-V7 empty", with("sha256: \"\""), ok),
        ("W-V8 253", with(&format!("imagePullSecret: {}", long(253))), ok),
        ("secret empty", with("imagePullSecret: \"\""), Some(codes::BAD_VALUE)),
        ("name 257", with(&format!("pluginName: {}", long(257))), Some(codes::BAD_VALUE)),
        ("name 256", with(&format!("pluginName: {}", long(256))), ok),
        ("name empty", with("pluginName: \"\""), Some(codes::BAD_VALUE)),
        (
            "W-V10 empty",
            with("vmConfig: {env: [{name: A, valueFrom: HOST, value: \"\"}]}"),
            Some(codes::BAD_VARIABLE),
        ),
        ("W-V10 right", with("vmConfig: {env: [{name: A, valueFrom: HOST}]}"), ok),
        ("env without a name", with("vmConfig: {env: [{value: x}]}"), Some(codes::MISSING_FIELD)),
        (
            "env name 257",
            with(&format!("vmConfig: {{env: [{{name: {}}}]}}", long(257))),
            Some(codes::BAD_VALUE),
        ),
        (
            "env value 2049",
            with(&format!("vmConfig: {{env: [{{name: A, value: {}}}]}}", long(2049))),
            Some(codes::BAD_VALUE),
        ),
        ("env value 2048", with(&format!("vmConfig: {{env: [{{name: A, value: {}}}]}}", long(2048))), ok),
        ("env null", with("vmConfig: {env: [null]}"), Some(codes::WRONG_TYPE)),
        ("env source", with("vmConfig: {env: [{name: A, valueFrom: host}]}"), Some(codes::BAD_VALUE)),
        ("env 257", with(&many(257)), Some(codes::BAD_VARIABLE)),
        ("env 256", with(&many(256)), ok),
        ("W-V12 above", with("match: [{ports: [{number: 65536}]}]"), Some(codes::OUT_OF_RANGE)),
        ("port missing", with("match: [{ports: [{}]}]"), Some(codes::MISSING_FIELD)),
        ("port null", with("match: [{ports: [null]}]"), Some(codes::WRONG_TYPE)),
        ("port twice", with("match: [{ports: [{number: 1}, {number: 1}]}]"), Some(codes::BAD_VALUE)),
        ("match null", with("match: [null]"), Some(codes::WRONG_TYPE)),
        ("match mode", with("match: [{mode: BOTH}]"), Some(codes::BAD_VALUE)),
        (
            "targetRef and targetRefs",
            with(&format!("targetRef: {gateway}, targetRefs: [{gateway}]")),
            Some(codes::SELECTOR_AND_TARGETS),
        ),
        ("target kind", with("targetRefs: [{kind: Pod, name: a}]"), Some(codes::BAD_TARGET)),
        ("targets 17", with(&targets(17)), Some(codes::BAD_TARGET)),
        ("targets 16", with(&targets(16)), ok),
        (
            "target name 254",
            with(&format!("targetRefs: [{{kind: Service, name: {}}}]", long(254))),
            Some(codes::BAD_TARGET),
        ),
        ("selector wildcard", with("selector: {matchLabels: {a: \"b*\"}}"), Some(codes::BAD_SELECTOR)),
        ("priority 2^31", with("priority: 2147483648"), Some(codes::OUT_OF_RANGE)),
        ("priority text", with("priority: \"5\""), Some(codes::WRONG_TYPE)),
        ("phase", with("phase: AUTHN_PHASE"), Some(codes::BAD_VALUE)),
        ("strategy", with("failStrategy: FAIL_CLOSED"), Some(codes::BAD_VALUE)),
        ("policy", with("imagePullPolicy: IF_NOT_PRESENT"), Some(codes::BAD_VALUE)),
        ("type", with("type: TCP"), Some(codes::BAD_VALUE)),
        ("config list", with("pluginConfig: []"), Some(codes::WRONG_TYPE)),
        ("config key twice", with("pluginConfig: {a: 1, a: 2}"), Some(codes::DUPLICATE_KEY)),
        ("config infinite", with("pluginConfig: {a: .inf}"), Some(codes::BAD_VALUE)),
        ("unknown field", with("plugin_name: x"), Some(codes::UNKNOWN_FIELD)),
        ("null spec", "null".to_owned(), Some(codes::MISSING_FIELD)),
    ] {
        let read = plugin(&spec);
        let found: Vec<_> = read.problems.iter().map(|problem| (problem.severity, problem.code)).collect();
        let expected: Vec<_> = code.map(|code| (Severity::Error, code)).into_iter().collect();
        assert_eq!(found, expected, "{row}: {spec}\n{:#?}", read.problems);
        assert!(!read.resources.extensions.is_empty() || code.is_some(), "{row}");
    }
}

#[test]
fn every_field_is_read() {
    let text = "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata:\n  name: p\n  namespace: a\n  annotations:\n    \
                burgee.dev/module: ../modules/p.wasm\nspec:\n  targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: g}\n  \
                url: https://h/p.wasm\n  sha256: \"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"\n  \
                imagePullPolicy: Always\n  imagePullSecret: s\n  verificationKey: k\n  pluginName: root\n  phase: STATS\n  priority: 7\n  \
                failStrategy: FAIL_RELOAD\n  vmConfig: {env: [{name: A, value: b}, {name: C}, {name: H, valueFrom: HOST}]}\n  \
                match: [{mode: CLIENT, ports: [{number: 80}, {number: 81}]}, {}]\n  type: NETWORK\n  \
                pluginConfig: {flag: yes, whole: 1.0, f: 1.5, l: [a, null, {b: 2}], s: \"1\"}\n";
    let read = read(&[Source::new("p.yaml", text)]);
    let found: Vec<_> = read.problems.iter().map(|problem| (problem.code, problem.path.as_str())).collect();
    assert_eq!(found, []);
    let plugin = &read.resources.extensions[0];
    let wasm = plugin.wasm().expect("a module");
    let value = |traced: &Option<crate::Traced<String>>| traced.as_ref().map(|traced| traced.value.clone());
    assert_eq!(plugin.selector, None);
    assert_eq!(plugin.target_refs[0].name, "g");
    assert_eq!(wasm.url.value, "https://h/p.wasm");
    assert_eq!(value(&wasm.sha256).map(|digest| digest.len()), Some(64));
    assert_eq!(wasm.image_pull_policy.as_ref().map(|it| it.value), Some(ImagePullPolicy::Always));
    assert_eq!(value(&wasm.image_pull_secret).as_deref(), Some("s"));
    assert_eq!(value(&wasm.verification_key).as_deref(), Some("k"));
    assert_eq!(value(&wasm.plugin_name).as_deref(), Some("root"));
    assert_eq!(plugin.phase.value, PluginPhase::Stats);
    assert_eq!(plugin.priority.as_ref().map(|priority| priority.value), Some(7));
    assert_eq!(wasm.fail_strategy.value, FailStrategy::Reload);
    let variables: Vec<_> =
        wasm.environment.iter().map(|variable| (&*variable.name, variable.value.as_deref())).collect();
    assert_eq!(variables, [("A", Some("b")), ("C", Some("")), ("H", None)]);
    let matches: Vec<_> = plugin.matches.iter().map(|entry| (entry.mode, entry.ports.clone())).collect();
    assert_eq!(matches, [(Mode::Client, vec![80, 81]), (Mode::ClientAndServer, vec![])]);
    assert_eq!(wasm.kind, PluginKind::Network);
    let config =
        serde_json::Value::Object(wasm.plugin_config.as_ref().expect("a configuration").value.clone());
    assert_eq!(config, json!({"flag": true, "whole": 1, "f": 1.5, "l": ["a", null, {"b": 2}], "s": "1"}));
    let module = plugin.local_module.as_ref().expect("a module");
    assert_eq!(module.value, "../modules/p.wasm");
    let crate::Origin::Document { path, place, .. } = &module.origin else { panic!("{module:?}") };
    assert_eq!((&**path, place.line, place.column), ("metadata.annotations[\"burgee.dev/module\"]", 7, 24));
}

#[test]
fn what_is_absent_has_istios_defaults() {
    let read =
        plugin("{url: x, imagePullPolicy: UNSPECIFIED_POLICY, verificationKey: \"\", pluginConfig: {}}");
    assert_eq!(read.problems, []);
    let plugin = &read.resources.extensions[0];
    let wasm = plugin.wasm().expect("a module");
    assert_eq!(
        (plugin.phase.value, wasm.fail_strategy.value),
        (PluginPhase::Unspecified, FailStrategy::Close)
    );
    assert_eq!((wasm.kind, &plugin.priority), (PluginKind::Http, &None));
    assert_eq!((&wasm.image_pull_policy, &wasm.verification_key), (&None, &None));
    assert!(wasm.plugin_config.as_ref().is_some_and(|config| config.value.is_empty()));
}

#[test]
fn a_number_that_loses_digits_is_said() {
    let read = plugin("{url: x, pluginConfig: {a: 9007199254740993, b: 9007199254740992}}");
    let [problem] = read.problems.as_slice() else { panic!("{:#?}", read.problems) };
    assert_eq!((problem.code, problem.severity), (codes::INEXACT_NUMBER, Severity::Warning));
    assert_eq!(problem.path, "spec.pluginConfig.a");
}

fn extension(spec: &str) -> Documents {
    let text = format!(
        "apiVersion: extensions.istio.io/v1alpha1\nkind: TrafficExtension\nmetadata: {{name: p, namespace: a}}\n\
         spec: {spec}\n"
    );
    read(&[Source::new("p.yaml", text)])
}

#[test]
fn extensions_are_judged_as_istio_judges_them() {
    let script =
        |length: usize, with: char| format!("{{lua: {{inlineCode: '{}'}}}}", with.to_string().repeat(length));
    let ok: Option<Code> = None;
    for (row, spec, code) in [
        ("module", "{wasm: {url: x}}".to_owned(), ok),
        ("script", script(1, 'x'), ok),
        ("longest script", script(65_536, 'x'), ok),
        ("script too long", script(65_537, 'x'), Some(codes::BAD_VALUE)),
        // As many characters as are allowed, and more bytes.
        ("script of many bytes", script(65_536, 'é'), Some(codes::BAD_VALUE)),
        ("script empty", script(0, 'x'), Some(codes::BAD_VALUE)),
        ("script missing", "{lua: {}}".to_owned(), Some(codes::MISSING_FIELD)),
        ("neither", "{priority: 1}".to_owned(), Some(codes::NO_CODE)),
        ("null", "{wasm: null}".to_owned(), Some(codes::NO_CODE)),
        ("both", "{wasm: {url: x}, lua: {inlineCode: x}}".to_owned(), Some(codes::NO_CODE)),
        ("module without a url", "{wasm: {}}".to_owned(), Some(codes::MISSING_FIELD)),
        ("url beside", "{url: x, wasm: {url: x}}".to_owned(), Some(codes::UNKNOWN_FIELD)),
        (
            "singular target",
            "{wasm: {url: x}, targetRef: {kind: Service, name: s}}".to_owned(),
            Some(codes::UNKNOWN_FIELD),
        ),
        ("phase", "{wasm: {url: x}, phase: UNSPECIFIED}".to_owned(), ok),
        (
            "phase of the other kind",
            "{wasm: {url: x}, phase: UNSPECIFIED_PHASE}".to_owned(),
            Some(codes::BAD_VALUE),
        ),
        ("no spec", "null".to_owned(), Some(codes::MISSING_FIELD)),
    ] {
        let read = extension(&spec);
        let found: Vec<_> = read.problems.iter().map(|problem| (problem.severity, problem.code)).collect();
        let expected: Vec<_> = code.map(|code| (Severity::Error, code)).into_iter().collect();
        assert_eq!(found, expected, "{row}\n{:#?}", read.problems);
        assert!(!read.resources.extensions.is_empty() || code.is_some(), "{row}");
    }
}

#[test]
fn both_kinds_say_the_same_of_a_module() {
    let fields = "url: https://h/p.wasm, sha256: '', imagePullPolicy: Always, imagePullSecret: s, verificationKey: k, \
                  pluginConfig: {a: 1}, pluginName: root, failStrategy: FAIL_OPEN, vmConfig: {env: [{name: A}]}";
    let around = "phase: AUTHZ, priority: 3, match: [{mode: CLIENT}], selector: {matchLabels: {a: b}}";
    let (old, new) =
        (plugin(&format!("{{{fields}, {around}}}")), extension(&format!("{{wasm: {{{fields}}}, {around}}}")));
    assert_eq!((&old.problems, &new.problems), (&Vec::new(), &Vec::new()));
    let (old, new) = (&old.resources.extensions[0], &new.resources.extensions[0]);
    let said = |extension: &TrafficExtension| {
        let wasm = extension.wasm().expect("a module").clone();
        (
            (extension.phase.value, extension.priority.as_ref().map(|it| it.value), extension.matches.len()),
            (
                wasm.url.value,
                wasm.image_pull_policy.map(|it| it.value),
                wasm.image_pull_secret.map(|it| it.value),
            ),
            (
                wasm.verification_key.map(|it| it.value),
                wasm.plugin_config.map(|it| it.value),
                wasm.environment.len(),
            ),
            (wasm.plugin_name.map(|it| it.value), wasm.fail_strategy.value, wasm.kind),
        )
    };
    assert_eq!(said(old), said(new));
    assert_eq!((old.code_path(), new.code_path()), ("spec", "spec.wasm"));
    assert_eq!((old.key().as_str(), new.key().as_str()), ("a/p", "TrafficExtension/a/p"));
    let crate::Origin::Document { path, .. } = new.code_origin() else { panic!("{new:?}") };
    assert_eq!(&**path, "spec.wasm.url");
}

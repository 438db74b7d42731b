//! Every reason why a document has no effect.

use super::*;
use crate::resolve::GATEWAY_NAME_LABEL;
use crate::test;

const DOCUMENTS: &str = "\
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: refused, namespace: a}
spec: {tracing: [{randomSamplingPercentage: 200}]}
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: canary, namespace: a, labels: {istio.io/rev: canary}}
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: elsewhere, namespace: b}
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: rooted, namespace: root}
spec: {selector: {matchLabels: {app: x}}}
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: other, namespace: a}
spec: {selector: {matchLabels: {app: z, tier: front}}}
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: targets, namespace: a}
spec: {targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: g}]}
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: service, namespace: a}
spec: {targetRefs: [{kind: Service, name: s}]}
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: first, namespace: a, creationTimestamp: '2024-01-01T00:00:00Z'}
spec: {metrics: [{overrides: [{disabled: true}]}]}
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: second, namespace: a, creationTimestamp: '2024-01-02T00:00:00Z'}
---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: network, namespace: a}
spec: {url: 'file:///m.wasm', type: NETWORK}
---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: everywhere, namespace: root}
spec: {url: 'file:///m.wasm', phase: STATS, match: [{mode: SERVER, ports: [{number: 80}]}]}
---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: targeted, namespace: root}
spec: {url: 'file:///m.wasm', targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: g}]}
---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: patch, namespace: a}
---
- nothing
";

fn answer(asked: &str, workload: &Workload) -> Answer {
    let text = format!("{PROVIDERS}defaultProviders: {{metrics: [prom]}}\n{COLLECTOR}{DOCUMENTS}");
    let checked = checked(&text);
    let mut answers = Explainer::new(&checked).why_not(&Asked::parse(asked).expect("a name"), workload);
    assert_eq!(answers.len(), 1, "{asked}");
    answers.remove(0)
}

#[test]
fn every_reason_is_told_in_order() {
    for (asked, kinds, text) in [
        ("a/nobody", &[ReasonKind::NotThere][..], "not among the documents"),
        ("WasmPlugin/a/other", &[ReasonKind::NotThere], "not among the documents"),
        ("a/patch", &[ReasonKind::NotApplied], "kind EnvoyFilter"),
        ("a/refused", &[ReasonKind::Refused], "refuses"),
        ("a/canary", &[ReasonKind::OtherRevision], "revision canary by its label istio.io/rev"),
        ("b/elsewhere", &[ReasonKind::OtherNamespace], "namespace b"),
        ("root/rooted", &[ReasonKind::RootSelector], "root namespace root"),
        (
            "a/other",
            &[ReasonKind::Selector],
            "app=z where the workload has app=x; it wants tier=front and the",
        ),
        ("a/targets", &[ReasonKind::Targets], GATEWAY_NAME_LABEL),
        ("a/service", &[ReasonKind::WaypointTarget], "waypoints"),
        ("a/second", &[ReasonKind::Hidden], "is older (created 2024-01-01T00:00:00Z, this one 2024-01-02"),
        ("root/targeted", &[ReasonKind::OtherNamespace, ReasonKind::Targets], "same namespace"),
    ] {
        let answer = answer(asked, &workload());
        let found: Vec<ReasonKind> = answer.reasons.iter().map(|reason| reason.kind).collect();
        assert_eq!(found, kinds, "{asked}");
        assert_eq!(answer.effect, Effect::NotForIt, "{asked}");
        assert!(answer.reasons[0].text.contains(text), "{asked}: {}", answer.reasons[0].text);
        assert_eq!(answer.place.is_none(), kinds == [ReasonKind::NotThere], "{asked}");
        assert!(!answer.to_text(80).is_empty());
    }
}

#[test]
fn a_name_that_is_not_there_has_the_likeliest_one() {
    let help = |asked: &str| answer(asked, &workload()).reasons[0].help.clone();
    assert_eq!(help("a/frist"), "did you mean a/first?");
    assert_eq!(help("c/elsewhere"), "of this name there is b/elsewhere");
    assert!(
        help("WasmPlugin/z/zzzzzzzz").starts_with("there are a/network, "),
        "{}",
        help("WasmPlugin/z/zzzzzzzz")
    );
    assert!(help("WasmPlugin/z/zzzzzzzz").ends_with(", root/targeted"), "{}", help("WasmPlugin/z/zzzzzzzz"));
    assert!(help("z/zzzzzzzz").ends_with(" and 8 more"), "{}", help("z/zzzzzzzz"));
    assert!(help("z/zzzzzzzz").starts_with("there are MeshConfig, a/refused, "));
    assert!(help("Sidecar/a/b").starts_with("there is no document that could be meant"));
}

#[test]
fn a_refused_document_brings_what_is_wrong_with_it() {
    let answer = answer("Telemetry/a/refused", &workload());
    let codes: Vec<&str> = answer.reasons[0].problems.iter().map(|problem| problem.code.0).collect();
    assert_eq!(codes, ["BG0111"]);
    assert!(answer.to_text(80).contains("BG0111: spec.tracing[0].randomSamplingPercentage"));
}

/// The first answer to a question about documents beside the providers, as text.
fn text_of(asked: &str, documents: &str) -> String {
    let checked = checked(documents);
    let answers = Explainer::new(&checked).why_not(&Asked::parse(asked).expect("a name"), &workload());
    answers[0].to_text(200)
}

#[test]
fn a_refused_document_is_found_by_a_name_that_is_no_text() {
    let document =
        "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: n, namespace: a}\nspec: {}\n";
    let text = text_of("a/n", document);
    assert!(text.starts_with("Telemetry a/n (t.yaml:1:1) has no effect on a/x-v1:"), "{text}");
    assert!(
        text.contains("`check` refuses it") && text.contains("expected a string, found a boolean"),
        "{text}"
    );
    let nameless = "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {namespace: a}\n";
    assert!(!text_of("a/n", nameless).contains("did you mean"), "{}", text_of("a/n", nameless));
}

#[test]
fn a_text_that_is_broken_has_whole_documents_before_and_unknown_ones_after() {
    let of = |name: &str, end: &str| {
        format!(
            "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {{name: {name}, namespace: a}}\n\
             spec: {{accessLogging: [{{providers: [{{name: envoy}}]}}]{end}\n"
        )
    };
    let text = format!("{}---\n{}", of("one", "}"), of("two", ""));
    assert!(text_of("a/one", &text).contains("in force: all of it"), "{}", text_of("a/one", &text));
    let two = text_of("a/two", &text);
    assert!(
        two.contains("There is no a/two.") && two.contains("that could be read") && two.contains("BG0001"),
        "{two}"
    );
}

#[test]
fn a_provider_that_cannot_be_used_is_not_in_force() {
    let documents = "extensionProviders: [{name: zip, zipkin: {service: nowhere.a, port: 9411}}]\n---\n\
        apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: t, namespace: a}\n\
        spec: {tracing: [{providers: [{name: zip}]}], accessLogging: [{providers: [{name: prometheus}]}], \
        metrics: [{providers: [{name: envoy}]}]}\n";
    let checked = checked(documents);
    let answers = Explainer::new(&checked).why_not(&Asked::parse("a/t").expect("a name"), &workload());
    assert_eq!(answers[0].effect, Effect::Nothing, "{}", answers[0].to_text(100));
    for field in &answers[0].fields {
        for class in &field.classes {
            let lost = class.lost.as_ref().map(|(cause, _)| *cause);
            assert_eq!(lost, Some(Cause::UnusableProvider), "{:?} {:?}", field.origin, class.class);
        }
    }
    let text = answers[0].to_text(200);
    assert!(text.contains("its collector is no service of the mesh"), "{text}");
    assert!(text.contains("envoy: it is of kind envoyFileAccessLog, which is for something else"), "{text}");
    // Of the mesh nothing is in force either.
    let mesh = text_of("MeshConfig", documents);
    assert!(mesh.contains("nothing that it says is in force"), "{mesh}");
}

#[test]
fn a_gateway_is_asked_by_its_own_name() {
    let labels = BTreeMap::from([(GATEWAY_NAME_LABEL.to_owned(), "h".to_owned())]);
    let gateway = Workload::new(WorkloadKind::Gateway, "a", "h-istio", labels);
    assert!(answer("a/targets", &gateway).reasons[0].text.contains("the workload serves Gateway h"));
    // The only class of a gateway is the client's side.
    let plugin = answer("root/everywhere", &gateway);
    assert_eq!(plugin.reasons.iter().map(|reason| reason.kind).collect::<Vec<_>>(), [ReasonKind::NoTraffic]);
}

#[test]
fn labels_that_a_control_plane_passes_over_are_told() {
    let istiod = "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: istiod, namespace: root}\nspec: {template: \
                  {spec: {containers: [{name: discovery, env: [{name: ENABLE_SELECTOR_BASED_K8S_GATEWAY_POLICY, value: \
                  'false'}]}]}}}\n";
    let documents = "---\napiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: at, namespace: a}\n\
                     spec: {selector: {matchLabels: {app: x}}, accessLogging: [{providers: [{name: envoy}]}]}\n---\n\
                     apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {name: all, namespace: a}\n\
                     spec: {url: 'file:///m.wasm'}\n";
    let labels =
        [("app", "x"), (GATEWAY_NAME_LABEL, "g")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    let gateway = Workload::new(WorkloadKind::Gateway, "a", "g-istio", labels.into());
    for (text, expected) in
        [(documents.to_owned(), &[][..]), (format!("{istiod}{documents}"), &[ReasonKind::Selector])]
    {
        let checked = checked(&format!("rootNamespace: root\n{text}"));
        for asked in ["Telemetry/a/at", "WasmPlugin/a/all"] {
            let answers = Explainer::new(&checked).why_not(&Asked::parse(asked).expect("a name"), &gateway);
            let kinds: Vec<ReasonKind> = answers[0].reasons.iter().map(|reason| reason.kind).collect();
            assert_eq!(kinds, expected, "{asked}: {:?}", answers[0].reasons);
        }
    }
}

#[test]
fn a_document_that_is_for_the_workload_says_what_comes_of_its_fields() {
    let first = answer("a/first", &workload());
    assert_eq!((first.effect, first.reasons.len(), first.fields.len()), (Effect::All, 0, 1));
    let plugin = answer("root/everywhere", &workload());
    assert_eq!(plugin.effect, Effect::All);
    let outbound = &plugin.fields[0].classes[1];
    assert_eq!((outbound.class, outbound.in_force.len()), (ListenerClass::Outbound, 0));
    assert!(outbound.lost.as_ref().is_some_and(|(_, why)| why.contains("`match`")));
}

#[test]
fn what_says_nothing_has_no_effect() {
    let text = documents("", &[("N", "{}")]);
    let checked = checked(&text);
    let answers = Explainer::new(&checked).why_not(&Asked::parse("a/n").expect("a name"), &workload());
    assert_eq!((answers[0].effect, answers[0].fields.len()), (Effect::Nothing, 0));
    assert!(answers[0].to_text(200).contains("says nothing that could have an effect"));
}

#[test]
fn every_field_of_the_mesh_is_answered() {
    let mesh = "defaultProviders: {metrics: [sd], tracing: [zip, otel], accessLogging: [olog]}\nenableTracing: true\n\
                accessLogFile: /mesh.log\naccessLogFormat: x\naccessLogEncoding: TEXT\nenableEnvoyAccessLogService: false\n\
                disableEnvoyListenerLog: true\nconnectTimeout: 3s\n\
                defaultConfig: {meshId: m, serviceCluster: c, tracing: {sampling: 0, maxPathTagLength: 9, enableIstioTags: \
                true, customTags: {t: {literal: {value: v}}}}}";
    let checked = checked(&documents(mesh, &[("N", "accessLogging: [{providers: [{name: json}]}]")]));
    assert!(checked.is_valid(), "{:#?}", checked.problems);
    let answers = Explainer::new(&checked).why_not(&Asked::parse("meshconfig").expect("a name"), &workload());
    let fields = &answers[0].fields;
    let shown: Vec<String> = fields
        .iter()
        .map(|field| {
            let Origin::Document { path, .. } = &field.origin else { panic!("a rule") };
            let class = &field.classes[0];
            let verdict = match (class.in_force.as_slice(), class.overridden.as_slice(), &class.lost) {
                ([_, ..], ..) => "in force".to_owned(),
                (_, [by, ..], _) => format!("overridden by {}", by.value.text),
                (.., Some((cause, _))) => cause.name().to_owned(),
                _ => panic!("{path}: no answer"),
            };
            format!("{path}: {verdict}")
        })
        .collect();
    assert_eq!(
        shown,
        [
            "rootNamespace: in force",
            "defaultProviders.metrics[0]: unusable_provider",
            "defaultProviders.tracing[0]: in force",
            "defaultProviders.tracing[1]: ignored",
            "defaultProviders.accessLogging[0]: overridden by json",
            "enableTracing: replaced",
            "accessLogFile: replaced",
            "accessLogFormat: replaced",
            "accessLogEncoding: replaced",
            "enableEnvoyAccessLogService: ignored",
            "disableEnvoyListenerLog: in force",
            "defaultConfig.tracing.sampling: ignored",
            "defaultConfig.tracing.customTags.t: in force",
            "defaultConfig.tracing.maxPathTagLength: in force",
            "defaultConfig.tracing.enableIstioTags: ignored",
            "defaultConfig.serviceCluster: in force",
            "connectTimeout: in force",
            "defaultConfig.meshId: in force",
            "extensionProviders[0]: in force",
            "extensionProviders[1]: out_of_scope",
            "extensionProviders[2]: out_of_scope",
            "extensionProviders[3]: out_of_scope",
            "extensionProviders[4]: out_of_scope",
            "extensionProviders[5]: out_of_scope",
            "extensionProviders[6]: out_of_scope",
            "extensionProviders[7]: in force",
            "extensionProviders[8]: out_of_scope",
        ]
    );
}

#[test]
fn documents_are_named_with_or_without_their_kind() {
    for (text, kind, namespace, name) in [
        ("a/b", None, "a", "b"),
        ("Telemetry/a/b", Some("Telemetry"), "a", "b"),
        ("meshconfig", Some("meshconfig"), "", "mesh"),
        ("MeshConfig//mesh", Some("MeshConfig"), "", "mesh"),
    ] {
        let asked = Asked::parse(text).expect(text);
        assert_eq!(
            (asked.kind.as_deref(), asked.namespace.as_str(), asked.name.as_str()),
            (kind, namespace, name)
        );
    }
    for text in ["", "a", "/a", "a/", "a/b/c/d", "/a/b", "//"] {
        assert_eq!(Asked::parse(text), None, "{text}");
    }
}

#[test]
fn each_document_of_a_name_is_answered_for() {
    let spec = "metrics: [{providers: [{name: prom}]}]";
    let mut text =
        documents("", &[("N", spec), ("W", spec)]) + &documents("", &[("N", spec)]).replace(PROVIDERS, "");
    text += "---\napiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {name: w, namespace: a}\n\
             spec: {url: 'file:///m.wasm'}\n";
    let checked = checked(&text);
    let explainer = Explainer::new(&checked);
    let told = |asked: &str| -> Vec<(String, Effect)> {
        let answers = explainer.why_not(&Asked::parse(asked).expect("a name"), &workload());
        answers.iter().map(|answer| (answer.document.kind.to_string(), answer.effect)).collect()
    };
    let telemetry = |effect| ("Telemetry".to_owned(), effect);
    // The second of two is refused.
    assert_eq!(told("a/n"), [telemetry(Effect::Nothing), telemetry(Effect::NotForIt)]);
    assert_eq!(told("a/w"), [telemetry(Effect::All), ("WasmPlugin".to_owned(), Effect::All)]);
    assert_eq!(told("wasmplugin/a/w").len(), 1);
}

#[test]
fn a_mesh_that_no_document_says_anything_of_is_not_there() {
    let checked = crate::check::check(&[crate::document::Source::new("t.yaml", "")]);
    let asked = Asked::parse("meshconfig").expect("a name");
    let text = Explainer::new(&checked).why_not(&asked, &workload())[0].to_text(80);
    assert!(text.starts_with("There is no MeshConfig among the documents."), "{text}");
    assert!(text.contains("the ConfigMap `istio`"), "{text}");
}

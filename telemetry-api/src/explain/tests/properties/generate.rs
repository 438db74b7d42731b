//! Documents of any content that `check` accepts.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::super::{Levels, documents as at_levels};
use crate::resolve::{DEFAULT_REVISION, GATEWAY_NAME_LABEL, Workload, WorkloadKind};

type Text = BoxedStrategy<String>;

fn one_of(texts: &'static [&'static str]) -> Text {
    select(texts).prop_map(str::to_owned).boxed()
}

/// Some of these fields, as an object in flow style.
fn object(fields: Vec<Text>) -> Text {
    let fields: Vec<_> = fields.into_iter().map(of).collect();
    fields
        .prop_map(|fields| format!("{{{}}}", fields.into_iter().flatten().collect::<Vec<_>>().join(", ")))
        .boxed()
}

fn list(key: &'static str, item: Text, most: usize) -> Text {
    vec(item, 0..=most).prop_map(move |items| format!("{key}: [{}]", items.join(", "))).boxed()
}

fn providers(names: &'static [&'static str]) -> Text {
    vec(select(names), 1..3)
        .prop_map(|names| {
            let names: Vec<String> = names.iter().map(|name| format!("{{name: {name}}}")).collect();
            format!("providers: [{}]", names.join(", "))
        })
        .boxed()
}

fn mode() -> Text {
    one_of(&["match: {mode: CLIENT}", "match: {mode: SERVER}", "match: {mode: CLIENT_AND_SERVER}"])
}

fn tracing() -> Text {
    let tags = subsequence(vec!["a", "b", "c"], 1..3).prop_map(|names| {
        let tags: Vec<String> =
            names.iter().map(|name| format!("{name}: {{literal: {{value: v}}}}")).collect();
        format!("customTags: {{{}}}", tags.join(", "))
    });
    object(vec![
        providers(&["zip", "otel", "lost", "prom"]),
        mode(),
        one_of(&["randomSamplingPercentage: 0", "randomSamplingPercentage: 12.5"]),
        one_of(&["disableSpanReporting: true", "disableSpanReporting: false"]),
        tags.boxed(),
        one_of(&["useRequestIdForTraceSampling: false", "useRequestIdForTraceSampling: true"]),
        one_of(&["enableIstioTags: false", "enableIstioTags: true"]),
        one_of(&["disableContextPropagation: true"]),
    ])
}

fn metrics() -> Text {
    let matched = one_of(&[
        "match: {metric: ALL_METRICS}",
        "match: {metric: REQUEST_COUNT}",
        "match: {metric: REQUEST_COUNT, mode: CLIENT}",
        "match: {metric: REQUEST_SIZE, mode: SERVER}",
        "match: {mode: CLIENT}",
        "match: {customMetric: foo}",
    ]);
    let tags = one_of(&[
        "tagOverrides: {t: {value: request.method}}",
        "tagOverrides: {t: {operation: REMOVE}, u: {value: request.path}}",
    ]);
    let change = object(vec![matched, one_of(&["disabled: true", "disabled: false"]), tags]);
    object(vec![
        providers(&["prom", "prom2", "sd"]),
        one_of(&["reportingInterval: 5s", "reportingInterval: 15s"]),
        list("overrides", change, 3),
    ])
}

fn access_logging() -> Text {
    object(vec![
        providers(&["file", "json", "olog", "sd"]),
        mode(),
        one_of(&["disabled: true", "disabled: false"]),
        one_of(&["filter: {expression: response.code > 1}", "filter: {expression: response.code > 2}"]),
    ])
}

/// Everything that a Telemetry can ask for, in one line.
fn spec() -> Text {
    (list("tracing", tracing(), 3), list("metrics", metrics(), 3), list("accessLogging", access_logging(), 3))
        .prop_map(|(tracing, metrics, logs)| format!("{tracing}\n  {metrics}\n  {logs}"))
        .boxed()
}

fn mesh() -> Text {
    let defaults = object(vec![
        one_of(&["metrics: [prom]", "metrics: [sd, prom2]"]),
        one_of(&["tracing: [zip]", "tracing: [lost, otel]"]),
        one_of(&["accessLogging: [file]", "accessLogging: [json, olog]"]),
    ]);
    let rest = one_of(&[
        "",
        "accessLogFile: /mesh.log",
        "accessLogFile: /mesh.log\nenableTracing: true\ndefaultConfig: {tracing: {sampling: 10, maxPathTagLength: 9}}",
        "enableTracing: false",
        "enableTracing: true\ndefaultConfig: {tracing: {zipkin: {address: 'zipkin.obs:9411'}}}",
        "disableEnvoyListenerLog: true\ndefaultConfig: {tracing: {customTags: {a: {literal: {value: m}}}}}",
    ]);
    (defaults, rest).prop_map(|(defaults, rest)| format!("defaultProviders: {defaults}\n{rest}")).boxed()
}

/// Documents that are all for the same workload, with plugins among them.
pub(super) fn documents() -> impl Strategy<Value = String> {
    let plugin = |name: &'static str| {
        let fields = one_of(&[
            "",
            ", phase: AUTHN, priority: 3",
            ", priority: -1, match: [{mode: SERVER, ports: [{number: 80}]}]",
            ", match: [{mode: CLIENT}], failStrategy: FAIL_OPEN, pluginConfig: {a: 1}",
        ]);
        fields.prop_map(move |fields| {
            format!(
                "---\napiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\n\
                 metadata: {{name: {name}, namespace: a}}\nspec: {{url: 'file:///m.wasm'{fields}}}\n"
            )
        })
    };
    (mesh(), of(spec()), of(spec()), of(spec()), of(spec()), plugin("p1"), plugin("p2")).prop_map(
        |(mesh, root, namespace, first, second, plugin, other)| {
            let specs = [("R", root), ("N1", namespace), ("W1", first), ("W2", second)];
            let levels: Vec<(&str, String)> =
                specs.into_iter().filter_map(|(level, spec)| Some((level, spec?))).collect();
            let levels: Vec<(&str, &str)> =
                levels.iter().map(|(level, spec)| (*level, spec.as_str())).collect();
            let levels: Levels<'_> = &levels;
            at_levels(&mesh, levels) + &plugin + &other
        },
    )
}

/// Documents that are for one workload or another.
pub(super) fn selecting() -> impl Strategy<Value = String> {
    let whom = one_of(&[
        "",
        "selector: {matchLabels: {}}",
        "selector: {matchLabels: {app: x}}",
        "selector: {matchLabels: {app: x, v: '1'}}",
        "selector: {matchLabels: {app: z}}",
        "targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: g}]",
        "targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: h}, {kind: Service, name: s}]",
        "targetRefs: [{kind: Service, name: s}]",
    ]);
    let namespace = select(&["root", "a", "b"][..]);
    let extra =
        one_of(&["", ", labels: {istio.io/rev: canary}", ", creationTimestamp: '2024-01-01T00:00:00Z'"]);
    let matched = one_of(&["", ", match: [{mode: SERVER}]", ", match: [{mode: CLIENT}]", ", type: NETWORK"]);
    vec((whom, namespace, extra, any::<bool>(), matched), 1..8).prop_map(|documents| {
        let mut text = "rootNamespace: root\n".to_owned();
        for (index, (whom, namespace, extra, is_plugin, matched)) in documents.into_iter().enumerate() {
            let (version, kind, spec) = match is_plugin {
                true => {
                    let comma = if whom.is_empty() { "" } else { ", " };
                    let spec = format!("{{url: 'file:///m.wasm'{matched}{comma}{whom}}}");
                    ("extensions.istio.io/v1alpha1", "WasmPlugin", spec)
                }
                false => ("telemetry.istio.io/v1", "Telemetry", format!("{{{whom}}}")),
            };
            text += &format!(
                "---\napiVersion: {version}\nkind: {kind}\nmetadata: {{name: d{index}, namespace: {namespace}{extra}}}\n\
                 spec: {spec}\n"
            );
        }
        text
    })
}

/// A workload that they may be for.
pub(super) fn workload() -> impl Strategy<Value = Workload> {
    let labels = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    let labels = select(vec![
        labels(&[]),
        labels(&[("app", "x")]),
        labels(&[("app", "x"), ("v", "1")]),
        labels(&[("app", "x"), (GATEWAY_NAME_LABEL, "g")]),
    ]);
    (select(&["root", "a", "b"][..]), labels, select(&[DEFAULT_REVISION, "canary"][..])).prop_map(
        |(namespace, labels, revision)| {
            let is_gateway = labels.contains_key(GATEWAY_NAME_LABEL);
            let kind = if is_gateway { WorkloadKind::Gateway } else { WorkloadKind::Sidecar };
            Workload::new(kind, namespace, "w", labels).of_revision(revision)
        },
    )
}

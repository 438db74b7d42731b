//! Where the values of metrics come from, and properties of any input. The worked examples are in `tests/cases`.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::document::{Source, read};
use crate::resolve::{
    ClassPolicy, ListenerClass, MetricOverride, PolicySet, ProviderMetrics, TagOperation, Workload,
    WorkloadKind,
};
use crate::test;

const MESH: &str = "extensionProviders:\n- {name: prom, prometheus: {}}\n- {name: prom2, prometheus: {}}\n\
                    - {name: sd, stackdriver: {}}\nrootNamespace: root\n";

/// The policies of a mesh with default providers and Telemetry entries at levels: `R` for the mesh, `N` for the
/// namespace, `W`, `W1` and `W2` for the workload, as flow YAML for `spec.metrics`.
fn policies(defaults: &str, levels: &[(&str, &str)]) -> PolicySet {
    let mut text = format!("{MESH}defaultProviders: {{metrics: [{defaults}]}}\n");
    for (level, entries) in levels {
        let namespace = if *level == "R" { "root" } else { "a" };
        let selector = if level.starts_with('W') { "  selector: {matchLabels: {app: x}}\n" } else { "" };
        text += &format!(
            "---\napiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {{name: level-{}, namespace: {namespace}}}\n\
             spec:\n{selector}  metrics: {entries}\n",
            level.to_lowercase()
        );
    }
    let documents = read(&[Source::new("t.yaml", text)]);
    assert_eq!(documents.problems, [], "{levels:?}");
    PolicySet::new(documents.resources)
}

fn workload() -> Workload {
    Workload::new(WorkloadKind::Sidecar, "a", "x-v1", BTreeMap::from([("app".to_owned(), "x".to_owned())]))
}

#[test]
fn every_value_names_the_field_that_decided() {
    let set = policies(
        "",
        &[
            ("R", "[{providers: [{name: prom}], overrides: [{tagOverrides: {t: {value: request.host}}}]}]"),
            ("W", "[{overrides: [{match: {metric: REQUEST_COUNT}, disabled: true}]}]"),
        ],
    );
    let effective = set.resolve(&workload());
    let metrics = &effective.class(ListenerClass::Inbound).metrics[0];
    assert_eq!(
        metrics.provider.origin.to_string(),
        "Telemetry root/level-r spec.metrics[0].providers[0].name (t.yaml:12:33)"
    );
    let count =
        metrics.overrides.iter().find(|change| change.metric.stat_name() == "requests_total").unwrap();
    assert_eq!(
        count.disabled.as_ref().unwrap().origin.to_string(),
        "Telemetry a/level-w spec.metrics[0].overrides[0].disabled (t.yaml:19:69)"
    );
    assert_eq!(
        count.tags["t"].origin.to_string(),
        "Telemetry root/level-r spec.metrics[0].overrides[0].tagOverrides.t.value (t.yaml:12:80)"
    );
}

/// A policy without the places that its values came from.
fn values(policy: &ClassPolicy) -> Vec<String> {
    let tags = |change: &MetricOverride| -> Vec<(String, TagOperation)> {
        change.tags.iter().map(|(name, operation)| (name.clone(), operation.value.clone())).collect()
    };
    let provider = |provider: &ProviderMetrics| {
        let changes = provider.overrides.iter();
        let changes = changes.map(|it| (&it.metric, it.disabled.as_ref().map(|off| off.value), tags(it)));
        let interval = provider.reporting_interval.as_ref().map(|interval| interval.value);
        format!("{} {interval:?} {:?}", provider.provider.value, changes.collect::<Vec<_>>())
    };
    policy.metrics.iter().map(provider).collect()
}

fn any_override() -> impl Strategy<Value = String> {
    let metric = prop_oneof![
        Just("metric: ALL_METRICS"),
        Just("metric: REQUEST_COUNT"),
        Just("metric: REQUEST_SIZE"),
        Just("customMetric: foo")
    ];
    let mode = prop_oneof![Just("CLIENT"), Just("SERVER"), Just("CLIENT_AND_SERVER")];
    let action = prop_oneof![
        Just("disabled: true"),
        Just("disabled: false"),
        Just("tagOverrides: {t: {value: request.host}}"),
        Just("tagOverrides: {t: {operation: REMOVE}}")
    ];
    (metric, mode, action)
        .prop_map(|(metric, mode, action)| format!("{{match: {{{metric}, mode: {mode}}}, {action}}}"))
}

fn any_entries() -> impl Strategy<Value = String> {
    let providers = prop_oneof![Just(""), Just("prom"), Just("prom2"), Just("sd"), Just("ghost")];
    let entry =
        (providers, proptest::collection::vec(any_override(), 0..3)).prop_map(|(provider, overrides)| {
            let providers = if provider.is_empty() {
                String::new()
            } else {
                format!("providers: [{{name: {provider}}}], ")
            };
            format!("{{{providers}overrides: [{}]}}", overrides.join(", "))
        });
    proptest::collection::vec(entry, 0..3).prop_map(|entries| format!("[{}]", entries.join(", ")))
}

proptest! {
    #[test]
    fn the_order_of_documents_changes_nothing(
        levels in proptest::collection::vec(any_entries(), 3),
        rotate in 0usize..3,
    ) {
        let named: Vec<(&str, &str)> =
            ["R", "N", "W"].into_iter().zip(levels.iter().map(String::as_str)).collect();
        let mut turned = named.clone();
        turned.rotate_left(rotate);
        let (set, other) = (policies("prom", &named), policies("prom", &turned));
        prop_assert_eq!(set.hash(), other.hash());
        for class in ListenerClass::ALL {
            let (a, b) = (set.resolve(&workload()), other.resolve(&workload()));
            prop_assert_eq!(values(a.class(class)), values(b.class(class)));
        }
    }
}

#[test]
fn the_last_document_that_names_an_engine_decides_and_of_the_exchange_of_peers_likewise() {
    let switch = |engine: &str| if engine == "native" { "off" } else { "on" };
    let engine_of = |of_mesh: &str, of_root: &str, of_namespace: &str| {
        let annotated = |engine: &str| match engine {
            "" => String::new(),
            engine => format!(
                ", annotations: {{burgee.dev/metrics-engine: {engine}, burgee.dev/peer-metadata: '{}'}}",
                switch(engine)
            ),
        };
        let telemetry = |namespace: &str, engine: &str, spec: &str| {
            format!(
                "---\napiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {{name: t, namespace: {namespace}{}}}\n\
                 spec: {spec}\n",
                annotated(engine)
            )
        };
        let text = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: istio, namespace: root{}}}\ndata: {{mesh: 'rootNamespace: \
             root'}}\n{}{}",
            annotated(of_mesh),
            telemetry("root", of_root, "{metrics: [{providers: [{name: prometheus}]}]}"),
            telemetry("a", of_namespace, "{}"),
        );
        let documents = read(&[Source::new("t.yaml", text)]);
        assert_eq!(documents.problems, []);
        let policy = PolicySet::new(documents.resources).resolve(&workload());
        let [provider] = policy.class(ListenerClass::Inbound).metrics.as_slice() else {
            panic!("{policy:?}")
        };
        let engine = provider.engine.as_ref().map(|engine| engine.value.name());
        let peers = provider.peers.as_ref().map(|peers| peers.value.name());
        assert_eq!(peers, engine.map(switch));
        engine
    };
    assert_eq!(engine_of("", "", ""), None);
    assert_eq!(engine_of("native", "", ""), Some("native"));
    assert_eq!(engine_of("native", "wasm", ""), Some("wasm"));
    assert_eq!(engine_of("native", "wasm", "native"), Some("native"));
    assert_eq!(engine_of("", "", "native"), Some("native"));
}

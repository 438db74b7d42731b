//! What counts as a change, and that none is left out.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{PolicyChange, changes};
use crate::check::{Checked, check};
use crate::document::Source;
use crate::explain::Explainer;
use crate::resolve::{Workload, WorkloadKind};
use crate::test;

const MESH: &str = "rootNamespace: root\n\
    extensionProviders:\n- {name: json, envoyFileAccessLog: {path: /dev/stdout, logFormat: {labels: {a: b}}}}\n";

fn documents(file: &str, telemetries: &[(&str, &str)]) -> Checked {
    let mut text = MESH.to_owned();
    for (name, spec) in telemetries {
        let (namespace, name) = name.split_once('/').expect("namespace/name");
        text += &format!(
            "---\napiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {{name: {name}, namespace: {namespace}}}\n\
             spec: {spec}\n"
        );
    }
    let checked = check(&[Source::new(file, text)]);
    assert!(checked.is_valid(), "{:#?}", checked.problems);
    checked
}

fn workload(kind: WorkloadKind) -> Workload {
    Workload::new(kind, "a", "x-v1", BTreeMap::from([("app".to_owned(), "x".to_owned())]))
}

fn compare(old: &Checked, new: &Checked, kind: WorkloadKind) -> Vec<PolicyChange> {
    let workload = workload(kind);
    changes(&Explainer::new(old).in_force(&workload), &Explainer::new(new).in_force(&workload))
}

/// A change in a line.
fn shown(change: &PolicyChange) -> String {
    let said = |said: &Option<super::Said>| {
        said.as_ref().map_or("nothing".to_owned(), |said| said.value.text.clone())
    };
    let metric = change.metric.as_ref().map_or(String::new(), |metric| format!("{} ", metric.api_name()));
    let of = change.of.as_ref().map_or(String::new(), |of| format!("{of} "));
    format!(
        "{} {} {of}{metric}{}: {} -> {}",
        change.class.name(),
        change.signal.name(),
        change.field,
        said(&change.old),
        said(&change.new)
    )
}

fn lines(old: &[(&str, &str)], new: &[(&str, &str)]) -> Vec<String> {
    let (old, new) = (documents("old.yaml", old), documents("new.yaml", new));
    compare(&old, &new, WorkloadKind::Sidecar).iter().filter(|it| it.is_of_documents()).map(shown).collect()
}

#[test]
fn a_value_that_is_another_is_told_with_both_sides() {
    let spec = |percent: u8| {
        format!("{{metrics: [{{providers: [{{name: prometheus}}], reportingInterval: {percent}s}}]}}")
    };
    let found = lines(&[("a/wide", &spec(5))], &[("a/wide", &spec(10))]);
    assert_eq!(
        found,
        [
            "inbound metrics prometheus reportingInterval: 5s -> 10s",
            "outbound metrics prometheus reportingInterval: 5s -> 10s",
        ]
    );
}

#[test]
fn only_the_side_that_changes_is_told() {
    let found = lines(
        &[("a/wide", "{accessLogging: [{providers: [{name: json}]}]}")],
        &[("a/wide", "{accessLogging: [{match: {mode: SERVER}, providers: [{name: json}]}]}")],
    );
    assert!(!found.is_empty());
    assert!(found.iter().all(|line| line.starts_with("outbound access_logging ")), "{found:#?}");
}

#[test]
fn a_document_that_another_takes_the_place_of_changes_what_it_says_differently() {
    let filter = |code: u16| {
        format!(
            "{{accessLogging: [{{providers: [{{name: json}}], filter: {{expression: response.code >= {code}}}}}]}}"
        )
    };
    let found =
        lines(&[("root/wide", &filter(400))], &[("root/wide", &filter(400)), ("a/wide", &filter(500))]);
    assert_eq!(
        found,
        [
            "inbound access_logging json filter: response.code >= 400 -> response.code >= 500",
            "outbound access_logging json filter: response.code >= 400 -> response.code >= 500",
        ]
    );
}

#[test]
fn where_something_stands_and_what_it_is_called_change_nothing() {
    let spec = "{metrics: [{providers: [{name: prometheus}], overrides: [{match: {metric: REQUEST_COUNT}, disabled: true}]}]}";
    assert_eq!(lines(&[("a/wide", spec)], &[("a/other", spec)]), Vec::<String>::new());
    assert_eq!(lines(&[("root/wide", spec)], &[("a/wide", spec)]), Vec::<String>::new());
}

fn plugin(name: &str, more: &str) -> String {
    format!(
        "---\napiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{name: {name}, namespace: a}}\n\
         spec: {{url: 'file:///{name}.wasm'{more}}}\n"
    )
}

fn plugins(file: &str, plugins: &[String]) -> Checked {
    check(&[Source::new(file, format!("{MESH}{}", plugins.concat()))])
}

#[test]
fn a_plugin_that_another_comes_before_has_not_changed() {
    let old = plugins("old.yaml", &[plugin("p", ", priority: 1")]);
    let new = plugins("new.yaml", &[plugin("p", ", priority: 1"), plugin("q", ", priority: 2")]);
    let found = compare(&old, &new, WorkloadKind::Gateway);
    assert!(!found.is_empty());
    assert!(found.iter().all(|change| change.of.as_deref() == Some("a/q")), "{found:#?}");
}

#[test]
fn plugins_that_change_places_are_told() {
    let of = |file: &str, first: u8, second: u8| {
        let priority = |number: u8| format!(", priority: {number}");
        plugins(file, &[plugin("p", &priority(first)), plugin("q", &priority(second))])
    };
    let found = compare(&of("old.yaml", 2, 1), &of("new.yaml", 1, 2), WorkloadKind::Gateway);
    let moved = found.iter().filter(|change| change.field == super::POSITION).count();
    assert_eq!(moved, 2, "{found:#?}");
}

/// Specs of Telemetries that differ in all sorts of fields.
fn specs() -> impl Strategy<Value = String> {
    let interval = prop_oneof![Just(String::new()), Just(", reportingInterval: 1s".to_owned())];
    let override_ = prop_oneof![
        Just("{}"),
        Just("{disabled: true}"),
        Just("{match: {metric: REQUEST_COUNT, mode: CLIENT}, disabled: false}"),
        Just("{match: {metric: REQUEST_SIZE}, tagOverrides: {t: {value: request.host}}}"),
        Just("{tagOverrides: {reporter: {operation: REMOVE}}}"),
    ];
    let log = prop_oneof![
        Just("{}"),
        Just("{disabled: true}"),
        Just("{match: {mode: SERVER}, providers: [{name: json}]}"),
        Just("{providers: [{name: envoy}], filter: {expression: response.code >= 400}}"),
    ];
    (interval, proptest::collection::vec(override_, 0..3), proptest::collection::vec(log, 0..3)).prop_map(
        |(interval, overrides, logs)| {
            format!(
                "{{metrics: [{{providers: [{{name: prometheus}}]{interval}, overrides: [{}]}}], accessLogging: [{}]}}",
                overrides.join(", "),
                logs.join(", ")
            )
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn nothing_changes_from_documents_to_themselves(spec in specs()) {
        let (old, new) = (documents("old.yaml", &[("a/wide", &spec)]), documents("new.yaml", &[("a/wide", &spec)]));
        for kind in [WorkloadKind::Sidecar, WorkloadKind::Gateway] {
            prop_assert_eq!(compare(&old, &new, kind), vec![]);
        }
    }

    #[test]
    fn a_change_backwards_is_the_change_with_its_sides_changed(a in specs(), b in specs()) {
        let (old, new) = (documents("a.yaml", &[("a/wide", &a)]), documents("b.yaml", &[("a/wide", &b)]));
        let turned = |change: PolicyChange| PolicyChange { old: change.new, new: change.old, ..change };
        let key = |change: &PolicyChange| format!("{change:?}");
        let mut there: Vec<PolicyChange> = compare(&old, &new, WorkloadKind::Sidecar).into_iter().map(turned).collect();
        let mut back = compare(&new, &old, WorkloadKind::Sidecar);
        there.sort_by_key(key);
        back.sort_by_key(key);
        prop_assert_eq!(there, back);
    }
}

//! Metrics, by the names of the worked examples.

use super::*;
use crate::test;

#[test]
fn metrics_say_what_was_overridden_and_what_came_to_nothing() {
    let off = "metrics: [{providers: [{name: prom}], overrides: [{disabled: true}]}]";
    let count =
        |change: &str| format!("metrics: [{{overrides: [{{match: {{metric: REQUEST_COUNT}}, {change}}}]}}]");
    let (tag, disabled) = (count("tagOverrides: {t: {value: a}}"), count("disabled: true"));
    verify(
        Signal::Metrics,
        &[
            Row {
                name: "M1",
                field: "provider",
                outbound: &["none, so nothing is measured@-"],
                inbound: &["none, so nothing is measured@-"],
                ..NOTHING
            },
            Row {
                name: "M2",
                mesh: "defaultProviders: {metrics: [prom]}",
                field: "provider",
                outbound: &["prom prom@mesh"],
                inbound: &["prom prom@mesh"],
                ..NOTHING
            },
            Row {
                name: "M5",
                levels: &[("R", &tag)],
                field: "provider",
                outbound: &["none, so nothing is measured@-"],
                inbound: &["none, so nothing is measured@-"],
                lost: [&["no_provider a@r"], &["no_provider a@r"]],
                ..NOTHING
            },
            Row {
                name: "M6",
                mesh: "defaultProviders: {metrics: [prom]}",
                levels: &[("N", "metrics: [{providers: [{name: sd}], reportingInterval: 5s}]")],
                field: "provider",
                outbound: &["none, so nothing is measured@n < prom@mesh"],
                inbound: &["none, so nothing is measured@n < prom@mesh"],
                lost: [&["unusable_provider 5s@n"], &["unusable_provider 5s@n"]],
                ..NOTHING
            },
            Row {
                name: "M10",
                mesh: "defaultProviders: {metrics: [prom]}",
                levels: &[("N", "metrics: [{overrides: [{match: {mode: CLIENT}, disabled: true}]}]")],
                field: "ALL_METRICS.disabled",
                outbound: &["prom true@n"],
                inbound: &[],
                lost: [&[], &["other_side true@n"]],
                ..NOTHING
            },
            Row {
                name: "M15",
                levels: &[(
                    "R",
                    "metrics: [{providers: [{name: prom}], overrides: [{match: {metric: REQUEST_SIZE}, tagOverrides: \
                     {t: {value: a}}}, {match: {metric: REQUEST_SIZE}, tagOverrides: {t: {operation: REMOVE}}}]}]",
                )],
                field: "tagOverrides.t",
                outbound: &["prom request_bytes removed@r < a@r"],
                inbound: &["prom request_bytes removed@r < a@r"],
                ..NOTHING
            },
            Row {
                name: "M19",
                levels: &[("R", off), ("N", "metrics: [{providers: [{name: prom}]}]")],
                field: "ALL_METRICS.disabled",
                outbound: &["prom true@r"],
                inbound: &["prom true@r"],
                ..NOTHING
            },
            Row {
                name: "M22",
                levels: &[("R", off), ("N", &tag)],
                field: "ALL_METRICS.disabled",
                outbound: &["prom false@n < true@r"],
                inbound: &["prom false@n < true@r"],
                codes: &["BG0506"],
                ..NOTHING
            },
            Row {
                name: "M23",
                levels: &[("R", off), ("N", &disabled)],
                field: "disabled",
                outbound: &["prom requests_total true@n"],
                inbound: &["prom requests_total true@n"],
                codes: &["BG0506"],
                ..NOTHING
            },
            Row {
                name: "M25",
                levels: &[
                    (
                        "R",
                        "metrics: [{providers: [{name: prom}], overrides: [{disabled: true, tagOverrides: {t: {value: \
                         v}}}]}]",
                    ),
                    ("N", "metrics: [{overrides: [{match: {metric: ALL_METRICS}}]}]"),
                ],
                field: "ALL_METRICS.disabled",
                outbound: &["prom false@n < true@r"],
                inbound: &["prom false@n < true@r"],
                lost: [&["ignored v@r"], &["ignored v@r"]],
                ..NOTHING
            },
            Row {
                name: "tags of what is switched off",
                levels: &[
                    (
                        "R",
                        "metrics: [{providers: [{name: prom}], overrides: [{tagOverrides: {t: {value: v}}}]}]",
                    ),
                    ("N", "metrics: [{overrides: [{disabled: true}]}]"),
                ],
                field: "ALL_METRICS.disabled",
                outbound: &["prom true@n"],
                inbound: &["prom true@n"],
                lost: [&["switched_off v@r"], &["switched_off v@r"]],
                ..NOTHING
            },
            Row {
                name: "M35",
                levels: &[
                    ("R", "metrics: [{providers: [{name: prom}], reportingInterval: 15s}]"),
                    ("N", "metrics: [{reportingInterval: 10s}]"),
                ],
                field: "reportingInterval",
                outbound: &["prom 10s@n < 15s@r"],
                inbound: &["prom 10s@n < 15s@r"],
                ..NOTHING
            },
            Row {
                name: "M36",
                levels: &[
                    ("R", "metrics: [{providers: [{name: prom}], reportingInterval: 15s}]"),
                    ("N", "metrics: [{providers: [{name: prom2}]}]"),
                ],
                field: "provider",
                outbound: &["prom2 prom2@n < prom@r"],
                inbound: &["prom2 prom2@n < prom@r"],
                lost: [&["out_of_scope 15s@r"], &["out_of_scope 15s@r"]],
                ..NOTHING
            },
            Row {
                name: "M39",
                levels: &[("N", "metrics: [{providers: [{name: prom}, {name: prom2}]}]")],
                field: "provider",
                outbound: &["prom prom@n", "prom2 prom2@n"],
                inbound: &["prom prom@n", "prom2 prom2@n"],
                codes: &["BG0503"],
                ..NOTHING
            },
            Row {
                name: "M42",
                mesh: "defaultProviders: {metrics: [prom]}",
                levels: &[("R", &tag), ("N", "metrics: [{providers: [{name: Prom}]}]")],
                field: "provider",
                outbound: &["Prom Prom@n < prom@mesh"],
                inbound: &["Prom Prom@n < prom@mesh"],
                lost: [&["out_of_scope a@r"], &["out_of_scope a@r"]],
                ..NOTHING
            },
        ],
    );
}

#[test]
fn a_tag_of_a_metric_that_is_off_shows_nowhere() {
    let checked = checked(&documents(
        "defaultProviders: {metrics: [prom]}",
        &[
            ("R", "metrics: [{overrides: [{tagOverrides: {t: {value: request.method}}}]}]"),
            (
                "N",
                "metrics: [{overrides: [{match: {metric: REQUEST_SIZE}, disabled: true, tagOverrides: {u: {value: \
                 request.path}}}]}]",
            ),
        ],
    ));
    let explainer = Explainer::new(&checked);
    let explanation = explainer.explain(&workload());
    let section = section_of(&explanation, ListenerClass::Inbound, Signal::Metrics);
    let moot: Vec<&str> =
        section.facts.iter().filter(|fact| fact.moot.is_some()).map(|fact| fact.field.as_str()).collect();
    assert_eq!(moot, ["tagOverrides.t", "tagOverrides.u"]);
    let text = explanation.to_text(200);
    assert!(text.contains("tagOverrides.t of every metric but REQUEST_SIZE: request.method"), "{text}");
    assert!(text.contains("spec.metrics[0].overrides[0].tagOverrides.u.value: request.path"), "{text}");
    let answers = explainer.why_not(&Asked::parse("a/n").expect("a name"), &workload());
    let lost = answers[0].fields[1].classes[0].lost.as_ref().expect("a reason");
    assert!(lost.1.contains("REQUEST_SIZE is switched off by Telemetry a/n"), "{}", lost.1);
}

#[test]
fn labels_that_proxies_tell_each_other_are_a_fact_with_its_line() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: istio\n  namespace: istio-system\n  annotations:\n    \
                burgee.dev/peer-labels: team, role\ndata:\n  mesh: |\n    defaultProviders: {metrics: [prometheus]}\n";
    let checked = checked(text);
    assert!(checked.is_valid(), "{:?}", checked.problems);
    let explanation = Explainer::new(&checked).explain(&workload());
    let facts = explanation.classes.iter().flat_map(|class| &class.sections).flat_map(|one| &one.facts);
    let found: Vec<_> = facts.filter(|fact| fact.field == "peerLabels").collect();
    assert!(!found.is_empty());
    for fact in found {
        assert_eq!(fact.value.text, "team, role");
        assert!(
            matches!(&fact.origin, Origin::Document { place, .. } if place.line == 7),
            "{:?}",
            fact.origin
        );
    }
}

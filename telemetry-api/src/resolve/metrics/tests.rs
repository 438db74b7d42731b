//! The worked examples of how metrics entries add up, by the names of their rows, and properties of any input.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::document::{Source, read};
use crate::resolve::{
    ClassPolicy, ListenerClass, MetricOverride, PolicySet, TagOperation, Workload, WorkloadKind,
};

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

/// A policy in the notation of the examples.
fn show(policy: &ClassPolicy) -> String {
    if policy.metrics.is_empty() {
        return "none".to_owned();
    }
    let shown: Vec<String> = policy
        .metrics
        .iter()
        .map(|provider| {
            let interval = provider
                .reporting_interval
                .as_ref()
                .map(|interval| format!("@{}s", interval.value.as_secs()))
                .unwrap_or_default();
            let body = match provider.overrides.as_slice() {
                [] => "{}".to_owned(),
                [first, rest @ ..]
                    if rest.len() == 9 && rest.iter().all(|other| show_tags(other) == show_tags(first)) =>
                {
                    format!("all10{}", show_tags(first))
                }
                overrides => {
                    let each: Vec<String> = overrides
                        .iter()
                        .map(|change| format!("{}{}", change.metric.stat_name(), show_tags(change)))
                        .collect();
                    format!("[{}]", each.join(" "))
                }
            };
            format!("{}{body}{interval}", provider.provider.value)
        })
        .collect();
    shown.join(" ")
}

fn show_tags(change: &MetricOverride) -> String {
    let drop = if change.disabled.as_ref().is_some_and(|disabled| disabled.value) { "!" } else { "" };
    let tags: Vec<String> = change
        .tags
        .iter()
        .map(|(name, operation)| match &operation.value {
            TagOperation::Upsert(value) => format!("{name}={}", value.trim_matches('\'')),
            TagOperation::Remove => format!("-{name}"),
        })
        .collect();
    if tags.is_empty() { drop.to_owned() } else { format!("{drop}{{{}}}", tags.join(",")) }
}

const P: &str = "providers: [{name: prom}]";

/// Rows as (name, defaults, levels, outbound, inbound).
type Row<'a> = (&'a str, &'a str, &'a [(&'a str, String)], &'a str, &'a str);

#[test]
fn entries_add_up_as_in_the_worked_examples() {
    let t = |name: &str, value: &str| format!("{name}: {{value: \"'{value}'\"}}");
    let remove = |name: &str| format!("{name}: {{operation: REMOVE}}");
    let tags = |tags: &[String]| format!("tagOverrides: {{{}}}", tags.join(", "));
    let m = |metric: &str, rest: &str| {
        let comma = if rest.is_empty() { "" } else { ", " };
        format!("{{match: {{metric: {metric}}}{comma}{rest}}}")
    };
    let mm = |mode: &str, metric: &str, rest: &str| {
        format!("{{match: {{mode: {mode}, metric: {metric}}}, {rest}}}")
    };
    let all = |rest: &str| format!("{{{rest}}}");
    let p = |overrides: &[String]| format!("[{{{P}, overrides: [{}]}}]", overrides.join(", "));
    let n = |overrides: &[String]| format!("[{{overrides: [{}]}}]", overrides.join(", "));
    let named = |name: &str, overrides: &[String]| {
        format!("[{{providers: [{{name: {name}}}], overrides: [{}]}}]", overrides.join(", "))
    };
    let off = "disabled: true".to_owned();
    let rc = "REQUEST_COUNT";
    let other_nine = |tags: &str, rest: &str| {
        let names = [
            "request_messages_total",
            "response_messages_total",
            "requests_total",
            "request_duration_milliseconds",
            "request_bytes",
            "response_bytes",
            "tcp_connections_closed_total",
            "tcp_connections_opened_total",
            "tcp_received_bytes_total",
            "tcp_sent_bytes_total",
        ];
        let each: Vec<String> = names
            .iter()
            .map(|name| format!("{name}{}", if *name == "requests_total" { tags } else { rest }))
            .collect();
        format!("prom[{}]", each.join(" "))
    };
    let m15 = other_nine("{t1=c,t2=b}", "{t1=a,t2=b}");
    let m16 = other_nine("{t1=a,t3=d}", "{t1=a}");
    let m17 = other_nine("{-t1}", "{t1=a}");
    let m18 = other_nine("{t1=x}", "{-t1}");
    let r19 = || ("R", p(&[all(&off)]));
    let r27 = || ("R", p(&[m("REQUEST_SIZE", &off)]));
    let rows: &[Row<'_>] = &[
        ("M1", "", &[], "none", "none"),
        ("M2", "prom", &[], "prom{}", "prom{}"),
        ("M3", "", &[("R", format!("[{{{P}}}]"))], "prom{}", "prom{}"),
        ("M4", "prom", &[("R", "[{}]".into())], "prom{}", "prom{}"),
        ("M5", "", &[("R", n(&[m(rc, &tags(&[t("t", "v")]))]))], "none", "none"),
        ("M6", "prom", &[("N", named("sd", &[]))], "none", "none"),
        ("M7", "prom", &[("N", named("ghost", &[]))], "none", "none"),
        ("M8", "prom", &[("N", n(&[all(&off)]))], "none", "none"),
        ("M9", "", &[("R", format!("[{{{P}}}]")), ("N", n(&[m("ALL_METRICS", &off)]))], "none", "none"),
        ("M10", "prom", &[("N", n(&[format!("{{match: {{mode: CLIENT}}, {off}}}")]))], "none", "prom{}"),
        ("M11", "prom", &[("N", n(&[format!("{{match: {{mode: SERVER}}, {off}}}")]))], "prom{}", "none"),
        (
            "M12",
            "prom",
            &[(
                "N",
                n(&[
                    format!("{{match: {{mode: SERVER}}, {off}}}"),
                    format!("{{match: {{mode: CLIENT}}, {}}}", tags(&[remove("source_principal")])),
                ]),
            )],
            "promall10{-source_principal}",
            "none",
        ),
        (
            "M13",
            "",
            &[("R", p(&[m(rc, &tags(&[remove("old"), t("new", "v")]))]))],
            "prom[requests_total{new=v,-old}]",
            "=",
        ),
        ("M14", "", &[("R", p(&[all(&tags(&[t("t", "v")]))]))], "promall10{t=v}", "="),
        (
            "M15",
            "",
            &[("R", p(&[all(&tags(&[t("t1", "a"), t("t2", "b")])), m(rc, &tags(&[t("t1", "c")]))]))],
            &m15,
            "=",
        ),
        (
            "M16",
            "",
            &[("R", p(&[m(rc, &tags(&[t("t1", "c"), t("t3", "d")])), all(&tags(&[t("t1", "a")]))]))],
            &m16,
            "=",
        ),
        (
            "M17",
            "",
            &[("R", p(&[all(&tags(&[t("t1", "a")]))])), ("N", n(&[m(rc, &tags(&[remove("t1")]))]))],
            &m17,
            "=",
        ),
        (
            "M18",
            "",
            &[("R", p(&[all(&tags(&[remove("t1")]))])), ("N", n(&[m(rc, &tags(&[t("t1", "x")]))]))],
            &m18,
            "=",
        ),
        ("M19", "", &[r19(), ("N", format!("[{{{P}}}]"))], "none", "none"),
        ("M20", "", &[r19(), ("N", n(&[m("ALL_METRICS", "")]))], "promall10", "="),
        ("M21", "", &[r19(), ("N", n(&[m("ALL_METRICS", "disabled: false")]))], "promall10", "="),
        ("M22", "", &[r19(), ("N", n(&[m(rc, &tags(&[t("t", "v")]))]))], "prom[requests_total{t=v}]", "="),
        ("M23", "", &[r19(), ("N", n(&[m(rc, &off)]))], "prom[requests_total!]", "="),
        (
            "M24",
            "",
            &[r19(), ("N", n(&[mm("CLIENT", rc, "disabled: false")]))],
            "prom[requests_total]",
            "none",
        ),
        (
            "M25",
            "",
            &[("R", p(&[format!("{{{off}, {}}}", tags(&[t("t", "v")]))])), ("N", n(&[m("ALL_METRICS", "")]))],
            "promall10",
            "=",
        ),
        (
            "M26",
            "",
            &[("R", p(&[all(&tags(&[t("t", "v")])), all(&off)])), ("N", n(&[m("ALL_METRICS", "")]))],
            "promall10{t=v}",
            "=",
        ),
        ("M27", "", &[r27()], "prom[request_bytes!]", "="),
        ("M28", "", &[r27(), ("N", n(&[m("REQUEST_SIZE", "disabled: false")]))], "prom[request_bytes]", "="),
        (
            "M29",
            "",
            &[("R", p(&[m("REQUEST_SIZE", &off), m("RESPONSE_SIZE", &off)]))],
            "prom[request_bytes! response_bytes!]",
            "=",
        ),
        (
            "M30",
            "",
            &[("R", p(&[mm("CLIENT", rc, &tags(&[t("t", "c")])), mm("SERVER", rc, &tags(&[t("t", "s")]))]))],
            "prom[requests_total{t=c}]",
            "prom[requests_total{t=s}]",
        ),
        (
            "M31",
            "",
            &[("R", p(&[format!("{{match: {{customMetric: foo}}, {}}}", tags(&[t("t", "v")]))]))],
            "prom[foo{t=v}]",
            "=",
        ),
        ("M32", "", &[("R", p(&[format!("{{match: {{customMetric: foo}}, {off}}}")]))], "prom[foo!]", "="),
        (
            "M33",
            "",
            &[(
                "R",
                p(&[
                    "{match: {customMetric: a_b}}".to_owned(),
                    m(rc, &tags(&[t("t", "v")])),
                    m("TCP_SENT_BYTES", &tags(&[t("t", "v")])),
                ]),
            )],
            "prom[requests_total{t=v} tcp_sent_bytes_total{t=v} a_b]",
            "=",
        ),
        ("M34", "", &[("R", format!("[{{{P}, reportingInterval: 15s}}]"))], "prom{}@15s", "="),
        (
            "M35",
            "",
            &[
                ("R", format!("[{{{P}, reportingInterval: 15s}}]")),
                ("N", "[{reportingInterval: 10s}]".into()),
            ],
            "prom{}@10s",
            "=",
        ),
        (
            "M36",
            "",
            &[("R", format!("[{{{P}, reportingInterval: 15s}}]")), ("N", named("prom2", &[]))],
            "prom2{}",
            "=",
        ),
        ("M37", "", &[("R", p(&[all(&tags(&[t("t", "v")]))])), ("N", named("prom2", &[]))], "prom2{}", "="),
        (
            "M38",
            "",
            &[(
                "N",
                format!(
                    "[{{{P}, overrides: [{}]}}, {{providers: [{{name: prom2}}], overrides: [{}]}}]",
                    m(rc, &tags(&[t("t", "a")])),
                    m(rc, &tags(&[t("t", "b")]))
                ),
            )],
            "prom2[requests_total{t=b}]",
            "=",
        ),
        (
            "M39",
            "",
            &[(
                "N",
                format!(
                    "[{{providers: [{{name: prom}}, {{name: prom2}}], overrides: [{}]}}]",
                    m(rc, &tags(&[t("t", "a")]))
                ),
            )],
            "prom[requests_total{t=a}] prom2[requests_total{t=a}]",
            "=",
        ),
        (
            "M40",
            "",
            &[
                ("R", p(&[m(rc, &tags(&[t("a", "1")]))])),
                ("N", n(&[m(rc, &tags(&[t("b", "2")]))])),
                ("W", n(&[m(rc, &tags(&[t("c", "3")]))])),
            ],
            "prom[requests_total{a=1,b=2,c=3}]",
            "=",
        ),
        (
            "M41",
            "prom",
            &[("R", n(&[m(rc, &tags(&[t("a", "1")]))])), ("N", p(&[m(rc, &tags(&[t("b", "2")]))]))],
            "prom[requests_total{a=1,b=2}]",
            "=",
        ),
        (
            "M42",
            "prom",
            &[("R", n(&[m(rc, &tags(&[t("a", "1")]))])), ("N", named("Prom", &[]))],
            "Prom{}",
            "=",
        ),
        (
            "M43",
            "",
            &[
                ("R", format!("[{{{P}}}]")),
                ("N", named("sd", &[])),
                ("W", n(&[m(rc, &tags(&[t("a", "1")]))])),
            ],
            "none",
            "=",
        ),
        (
            "M44",
            "",
            &[("W1", p(&[m(rc, &tags(&[t("t", "1")]))])), ("W2", p(&[m(rc, &tags(&[t("t", "2")]))]))],
            "prom[requests_total{t=2}]",
            "=",
        ),
    ];
    for (name, defaults, levels, outbound, inbound) in rows {
        let levels: Vec<(&str, &str)> = levels.iter().map(|(level, text)| (*level, text.as_str())).collect();
        let effective = policies(defaults, &levels).resolve(&workload());
        let inbound = if *inbound == "=" { outbound } else { inbound };
        assert_eq!(show(effective.class(ListenerClass::Outbound)), *outbound, "{name} outbound");
        assert_eq!(show(effective.class(ListenerClass::Inbound)), *inbound, "{name} inbound");
    }
}

#[test]
fn a_gateway_reports_as_the_client() {
    // M50
    let entries = "[{overrides: [{match: {mode: SERVER}, tagOverrides: {t: {value: \"'v'\"}}}]}]";
    let set = policies("prom", &[("N", entries)]);
    let effective = set.resolve(&workload());
    assert_eq!(show(effective.class(ListenerClass::Gateway)), "prom{}");
    assert_eq!(show(effective.class(ListenerClass::Inbound)), "promall10{t=v}");
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
            prop_assert_eq!(show(a.class(class)), show(b.class(class)));
        }
    }
}

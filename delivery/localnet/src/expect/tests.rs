//! Misses, and that there are none when what was asked for was seen.

use std::sync::Arc;

use burgee_api::origin::{DocumentId, Place, Traced};
use burgee_api::resolve::{MetricName, MetricOverride, ProviderMetrics, TagOperation, Workload};
use burgee_filter_config::StandardMetric;

use super::*;
use crate::codes::{LABEL_NOT_REMOVED, NO_LABEL, NOT_DISABLED, NOT_REACHED, NOTHING_SENT, WRONG_COUNT};

fn mk_origin(path: &str, line: usize) -> Origin {
    Origin::Document {
        document: DocumentId { kind: "Telemetry".into(), namespace: "shop".into(), name: "t".into() },
        path: path.into(),
        place: Place { file: Arc::from("telemetry.yaml"), line, column: 3, width: 4 },
    }
}

fn mk_policy(overrides: Vec<MetricOverride>) -> ClassPolicy {
    ClassPolicy {
        metrics: vec![ProviderMetrics {
            provider: Traced { value: "prometheus".to_owned(), origin: mk_origin("spec.metrics[0]", 8) },
            engine: None,
            peers: None,
            peer_labels: None,
            reporting_interval: None,
            overrides,
        }],
        ..ClassPolicy::default()
    }
}

fn mk_tag(metric: StandardMetric, tag: &str, operation: TagOperation) -> MetricOverride {
    let traced =
        Traced { value: operation, origin: mk_origin("spec.metrics[0].overrides[0].tagOverrides", 12) };
    MetricOverride {
        metric: MetricName::Standard(metric),
        disabled: None,
        tags: BTreeMap::from([(tag.to_owned(), traced)]),
    }
}

fn mk_disabled(metric: StandardMetric) -> MetricOverride {
    MetricOverride {
        metric: MetricName::Standard(metric),
        disabled: Some(Traced {
            value: true,
            origin: mk_origin("spec.metrics[0].overrides[0].disabled", 15),
        }),
        tags: BTreeMap::new(),
    }
}

fn mk_series(name: &str, labels: &[(&str, &str)], value: f64) -> MetricSummary {
    MetricSummary {
        proxy: "shop/app".to_owned(),
        name: name.to_owned(),
        labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        value,
    }
}

/// All four metrics, each with `count` requests.
fn mk_all(count: f64) -> Vec<MetricSummary> {
    [
        "istio_request_bytes_count",
        "istio_request_duration_milliseconds_count",
        "istio_requests_total",
        "istio_response_bytes_count",
    ]
    .map(|name| mk_series(name, &[("reporter", "source")], count))
    .to_vec()
}

#[track_caller]
fn check(policy: &ClassPolicy, grown: &[MetricSummary], expected: &[(Code, Option<usize>)]) -> Vec<Problem> {
    check_all(&[mk_asked("shop/app", policy, 10)], grown, expected)
}

#[track_caller]
fn check_all(
    asked: &[Asked<'_>],
    grown: &[MetricSummary],
    expected: &[(Code, Option<usize>)],
) -> Vec<Problem> {
    let none = Tally::default();
    let problems = misses(asked, Seen { grown, logs: &none, spans: &none, plugins: &[] });
    let found: Vec<_> = problems.iter().map(|p| (p.code, p.place.as_ref().map(|place| place.line))).collect();
    assert_eq!(found, expected, "{problems:#?}");
    problems
}

#[test]
fn all_metrics_with_the_right_count_are_no_miss() {
    check(&mk_policy(vec![]), &mk_all(10.0), &[]);
}

#[test]
fn counts_of_several_series_add_up() {
    let mut grown = mk_all(10.0);
    grown[2].value = 7.0;
    grown.push(mk_series("istio_requests_total", &[("response_code", "503")], 3.0));
    check(&mk_policy(vec![]), &grown, &[]);
}

#[test]
fn a_wrong_count_and_an_absent_metric_name_who_asked() {
    let mut grown = mk_all(10.0);
    grown[2].value = 9.0;
    grown.remove(0);
    let problems = check(&mk_policy(vec![]), &grown, &[(WRONG_COUNT, Some(8)), (WRONG_COUNT, Some(8))]);
    assert!(problems[0].message.contains("istio_requests_total of shop/app adds up to 9 after 10"));
    assert!(problems[1].message.contains("istio_request_bytes of shop/app was not seen"));
}

#[test]
fn a_disabled_metric_must_be_absent() {
    let policy = mk_policy(vec![mk_disabled(StandardMetric::RequestSize)]);
    let mut grown = mk_all(10.0);
    check(&policy, &grown, &[(NOT_DISABLED, Some(15))]);
    grown.remove(0);
    check(&policy, &grown, &[]);
}

#[test]
fn without_a_provider_nothing_may_be_written() {
    check(&ClassPolicy::default(), &[], &[]);
    check(&ClassPolicy::default(), &mk_all(10.0)[2..3], &[(NOT_DISABLED, None)]);
}

#[test]
fn an_upserted_label_must_be_on_every_series_and_a_removed_one_on_none() {
    let metric = StandardMetric::RequestCount;
    let add =
        mk_policy(vec![mk_tag(metric, "request.method", TagOperation::Upsert("request.method".into()))]);
    let remove = mk_policy(vec![mk_tag(metric, "reporter", TagOperation::Remove)]);
    check(&add, &mk_all(10.0), &[(NO_LABEL, Some(12))]);
    check(&remove, &mk_all(10.0), &[(LABEL_NOT_REMOVED, Some(12))]);
    let mut grown = mk_all(10.0);
    grown[2].labels = BTreeMap::from([("request_method".to_owned(), "GET".to_owned())]);
    check(&add, &grown, &[]);
    check(&remove, &grown, &[]);
}

/// A policy with a second provider.
fn mk_two(first: Vec<MetricOverride>, second: Vec<MetricOverride>) -> ClassPolicy {
    let mut policy = mk_policy(first);
    policy.metrics.extend(mk_policy(second).metrics);
    policy
}

#[test]
fn each_provider_counts_every_request() {
    let two = mk_two(vec![], vec![]);
    check(&two, &mk_all(20.0), &[]);
    let problems = check(&two, &mk_all(10.0), &[(WRONG_COUNT, Some(8)); 4]);
    assert!(problems[0].message.ends_with("adds up to 10 after 10 requests that 2 providers count each"));

    let one_without = mk_two(vec![], vec![mk_disabled(StandardMetric::RequestCount)]);
    let mut grown = mk_all(20.0);
    check(&one_without, &grown, &[(WRONG_COUNT, Some(8))]);
    grown[2].value = 10.0;
    check(&one_without, &grown, &[]);
}

#[test]
fn a_label_that_one_of_two_providers_changes_is_on_its_series_only() {
    let metric = StandardMetric::RequestCount;
    let upsert = || vec![mk_tag(metric, "page", TagOperation::Upsert("request.url_path".into()))];
    let remove = || vec![mk_tag(metric, "page", TagOperation::Remove)];
    let mut grown = mk_all(20.0);
    let with = |grown: &mut Vec<MetricSummary>, value: f64| {
        grown.retain(|series| !series.labels.contains_key("page"));
        grown[2].value = 20.0 - value;
        grown.push(mk_series("istio_requests_total", &[("page", "/")], value));
    };
    for (policy, value, expected) in [
        (mk_two(upsert(), vec![]), 10.0, &[] as &[_]),
        (mk_two(upsert(), vec![]), 9.0, &[(NO_LABEL, Some(12))]),
        (mk_two(upsert(), upsert()), 19.0, &[(NO_LABEL, Some(12))]),
        (mk_two(upsert(), remove()), 10.0, &[]),
        (mk_two(upsert(), remove()), 11.0, &[(LABEL_NOT_REMOVED, Some(12))]),
        (mk_two(vec![], remove()), 10.0, &[]),
        (mk_two(vec![], remove()), 11.0, &[(LABEL_NOT_REMOVED, Some(12))]),
    ] {
        with(&mut grown, value);
        check(&policy, &grown, expected);
    }
}

/// What is asked of what a proxy receives.
fn mk_asked<'a>(proxy: &str, policy: &'a ClassPolicy, requests: u64) -> Asked<'a> {
    let (proxy, class) = (proxy.to_owned(), ListenerClass::Inbound);
    Asked { proxy, class, ports: vec![8080], policy, is_used: true, requests, connections: 0 }
}

#[test]
fn a_proxy_that_no_request_reached_is_told_with_who_asks() {
    let (policy, nothing) = (mk_policy(vec![]), ClassPolicy::default());
    let asked =
        [mk_asked("shop/a", &policy, 3), mk_asked("shop/b", &policy, 0), mk_asked("shop/c", &nothing, 0)];
    check_all(&asked[1..], &[], &[]);
    assert_eq!(unexercised(&asked), ["shop/b"]);
    let problems = unreached(&asked, 3);
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert_eq!((problems[0].code, problems[0].severity), (NOT_REACHED, Severity::Error));
    assert!(problems[0].message.contains("shop/b") && problems[0].help.contains("send more requests"));
    assert_eq!(problems[0].place.as_ref().map(|place| place.line), Some(8));
    assert_eq!(unreached(&asked[..1], 3), []);
}

#[test]
fn without_any_request_one_warning_says_that_nothing_was_exercised() {
    let (policy, nothing) = (mk_policy(vec![]), ClassPolicy::default());
    let asked = [mk_asked("shop/a", &policy, 0), mk_asked("shop/b", &policy, 0)];
    assert_eq!(unexercised(&asked), ["shop/a", "shop/b"]);
    let problems = unreached(&asked, 0);
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert_eq!((problems[0].code, problems[0].severity), (NOTHING_SENT, Severity::Warning));
    assert_eq!(unreached(&[mk_asked("shop/a", &nothing, 0)], 0), []);
}

#[test]
fn growth_is_what_came_since_and_leaves_out_what_stood_still() {
    let before = [mk_series("a", &[], 3.0), mk_series("b", &[], 5.0)];
    let after = [mk_series("a", &[], 3.0), mk_series("b", &[], 9.0), mk_series("c", &[], 1.0)];
    assert_eq!(growth(&before, &after), [mk_series("b", &[], 4.0), mk_series("c", &[], 1.0)]);
}

#[test]
fn only_a_distribution_shows_a_flush() {
    let shows = |policy: &ClassPolicy| shows_a_flush(&[mk_asked("shop/app", policy, 1)]);
    assert!(shows(&mk_policy(vec![])));
    let histograms =
        [StandardMetric::RequestDuration, StandardMetric::RequestSize, StandardMetric::ResponseSize];
    assert!(!shows(&mk_policy(histograms.map(mk_disabled).to_vec())));
    assert!(!shows(&ClassPolicy::default()));
}

/// A proxy that received 10 requests and whose app made 30.
fn mk_both<'a>(inbound: &'a ClassPolicy, outbound: &'a ClassPolicy) -> [Asked<'a>; 2] {
    let asked = |policy, class, requests| Asked { class, ..mk_asked("shop/app", policy, requests) };
    [asked(inbound, ListenerClass::Inbound, 10), asked(outbound, ListenerClass::Outbound, 30)]
}

/// All four metrics of both sides.
fn mk_sides(received: f64, made: f64) -> Vec<MetricSummary> {
    let of = |reporter: &str, count: f64| {
        let mut series = mk_all(count);
        series.iter_mut().for_each(|one| one.labels = BTreeMap::from([("reporter".into(), reporter.into())]));
        series
    };
    [of("destination", received), of("source", made)].concat()
}

#[test]
fn each_side_of_a_proxy_has_requests_of_its_own() {
    let policy = mk_policy(vec![]);
    let asked = mk_both(&policy, &policy);
    check_all(&asked, &mk_sides(10.0, 30.0), &[]);
    // The sum is right, and each side is wrong.
    let problems = check_all(&asked, &mk_sides(30.0, 10.0), &[(WRONG_COUNT, Some(8)); 8]);
    let count = |class: &str| problems.iter().filter(|one| one.message.contains(class)).count();
    assert_eq!(
        (count("shop/app (inbound) adds up to 30"), count("shop/app (outbound) adds up to 10")),
        (4, 4)
    );
}

#[test]
fn a_metric_switched_off_for_one_side_is_held_against_that_side() {
    let (on, off) = (mk_policy(vec![]), mk_policy(vec![mk_disabled(StandardMetric::RequestCount)]));
    let mut grown = mk_sides(10.0, 30.0);
    check_all(&mk_both(&on, &off), &grown, &[(NOT_DISABLED, Some(15))]);
    check_all(&mk_both(&off, &on), &grown, &[(NOT_DISABLED, Some(15))]);
    grown.retain(|series| series.name != "istio_requests_total" || series.value != 30.0);
    check_all(&mk_both(&on, &off), &grown, &[]);
}

#[test]
fn sides_that_cannot_be_told_apart_are_held_against_their_sum() {
    let metric = StandardMetric::RequestCount;
    let plain = mk_policy(vec![]);
    let remove = mk_policy(vec![mk_tag(metric, "reporter", TagOperation::Remove)]);
    let replace = mk_policy(vec![mk_tag(metric, "reporter", TagOperation::Upsert("'me'".into()))]);
    let total = |values: &[(&str, f64)]| -> Vec<MetricSummary> {
        let mut grown = mk_sides(10.0, 30.0);
        grown.retain(|series| series.name != "istio_requests_total");
        grown.extend(values.iter().map(|(reporter, value)| match *reporter {
            "" => mk_series("istio_requests_total", &[], *value),
            reporter => mk_series("istio_requests_total", &[("reporter", reporter)], *value),
        }));
        grown
    };
    let asked = mk_both(&remove, &remove);
    check_all(&asked, &total(&[("", 40.0)]), &[]);
    let problems = check_all(&asked, &total(&[("", 39.0)]), &[(WRONG_COUNT, Some(8))]);
    assert!(problems[0].message.ends_with("shop/app adds up to 39 after 10 received and 30 made requests"));
    check_all(&asked, &total(&[("source", 30.0), ("", 10.0)]), &[(LABEL_NOT_REMOVED, Some(12))]);
    check_all(&mk_both(&replace, &replace), &total(&[("me", 40.0)]), &[]);
    // Only one side has a hand in it: the other's series may keep the label.
    check_all(&mk_both(&remove, &plain), &total(&[("", 10.0), ("source", 30.0)]), &[]);
    check_all(
        &mk_both(&remove, &plain),
        &total(&[("", 5.0), ("source", 35.0)]),
        &[(LABEL_NOT_REMOVED, Some(12))],
    );
}

#[test]
fn an_app_that_calls_nothing_is_asked_for_nothing_of_the_way_out() {
    let policy = mk_policy(vec![]);
    let mut asked = mk_both(&policy, &policy);
    asked[1].requests = 0;
    assert_eq!(unexercised(&asked), ["shop/app"]);
    assert!(unreached(&asked, 3)[0].message.contains("its app called nothing"));
    asked[1].is_used = false;
    assert_eq!(unexercised(&asked), [""; 0]);
    check_all(&asked, &mk_all(10.0), &[]);
}

#[test]
fn what_is_asked_follows_from_who_calls_whom() {
    use crate::mesh::{GatewayProxy, InboundListener, Route, RoutingListener, ServiceRef, SidecarProxy};
    use burgee_api::resources::MtlsMode;
    use burgee_api::resources::workload_entry::{Call, CallScheme};
    let workload = |kind, name| Workload::new(kind, "shop", name, BTreeMap::new());
    let place = Place { file: Arc::from("mesh.yaml"), line: 1, column: 1, width: 1 };
    let service = ServiceRef { host: "b".to_owned(), port: 80, ..ServiceRef::default() };
    let routes = vec![Route { host: "b".to_owned(), service, endpoints: Vec::new() }];
    let outbound: Arc<[RoutingListener]> = Arc::from([RoutingListener { port: 80, routes }]);
    let call = |port| Call { scheme: CallScheme::Http, host: "b".to_owned(), port, path: "/".to_owned() };
    let sidecar = |name, calls| SidecarProxy {
        workload: workload(WorkloadKind::Sidecar, name),
        place: place.clone(),
        principal: String::new(),
        listeners: vec![InboundListener { port: 8080, services: Vec::new(), mtls: MtlsMode::Disable }],
        outbound: outbound.clone(),
        calls,
    };
    let gateway = workload(WorkloadKind::Gateway, "front");
    let listeners = vec![RoutingListener { port: 80, routes: Vec::new() }];
    let gateways =
        vec![GatewayProxy { workload: gateway, place: place.clone(), principal: String::new(), listeners }];
    // The second call leaves by a port that no listener has.
    let sidecars = vec![sidecar("a", vec![call(80), call(81)]), sidecar("b", Vec::new())];
    let mesh = Mesh { gateways, sidecars, bare: Vec::new() };
    let policies: Vec<_> = mesh.workloads().map(|(one, _)| Effective::nothing(one.clone())).collect();
    let through = |received, called| Through { received, called, ..Through::default() };
    let through = BTreeMap::from([
        ("shop/front".to_owned(), through(7, 0)),
        ("shop/a".to_owned(), through(7, 14)),
        ("shop/b".to_owned(), through(5, 3)),
    ]);
    let asked: Vec<_> = asked(&mesh, policies.iter(), &through)
        .into_iter()
        .map(|one| (one.proxy, one.class, one.ports, one.is_used, one.requests))
        .collect();
    let mk = |proxy: &str, class, port, is_used, requests| {
        (proxy.to_owned(), class, vec![port], is_used, requests)
    };
    let expected = [
        mk("shop/front", ListenerClass::Gateway, 80, true, 7),
        mk("shop/a", ListenerClass::Inbound, 8080, true, 7),
        mk("shop/a", ListenerClass::Outbound, 80, true, 14),
        mk("shop/b", ListenerClass::Inbound, 8080, true, 5),
        mk("shop/b", ListenerClass::Outbound, 80, false, 0),
    ];
    assert_eq!(asked, expected);
}

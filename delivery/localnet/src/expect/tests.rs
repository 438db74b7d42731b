//! Misses, and that there are none when what was asked for was seen.

use std::sync::Arc;

use burgee_api::origin::{DocumentId, Place};

use super::*;

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
            reporting_interval: None,
            overrides,
        }],
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
    let asked = Asked { proxy: "shop/app", policy, requests: 10 };
    let problems = misses(&[asked], grown);
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

fn mk_asked<'a>(proxy: &'a str, policy: &'a ClassPolicy, requests: u64) -> Asked<'a> {
    Asked { proxy, policy, requests }
}

#[test]
fn a_proxy_that_no_request_reached_is_told_with_who_asks() {
    let (policy, nothing) = (mk_policy(vec![]), ClassPolicy::default());
    let asked =
        [mk_asked("shop/a", &policy, 3), mk_asked("shop/b", &policy, 0), mk_asked("shop/c", &nothing, 0)];
    assert_eq!(misses(&asked[1..], &[]), [], "told by others");
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
    let shows = |policy: &ClassPolicy| shows_a_flush(&[Asked { proxy: "shop/app", policy, requests: 1 }]);
    assert!(shows(&mk_policy(vec![])));
    let histograms =
        [StandardMetric::RequestDuration, StandardMetric::RequestSize, StandardMetric::ResponseSize];
    assert!(!shows(&mk_policy(histograms.map(mk_disabled).to_vec())));
    assert!(!shows(&ClassPolicy::default()));
}

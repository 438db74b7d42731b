//! Metrics with labels: what is written under which name, and that clients cannot make them grow.

use std::collections::BTreeSet;

use burgee_filter_config::stat_name::tag_regex;
use burgee_kit::fake::FakeHost;
use burgee_kit::metrics::{Counter, Gauge, Histogram, MAX_VALUE_BYTES, Metric};
use burgee_kit::{HostError, LogLevel};
use proptest::prelude::*;

burgee_kit::labels! {
    struct Asked { tenant, code }
}

const ASKED: Metric = Metric::counter::<Asked<'static>>("asked_total", "Requests.").max_series(3);
const TOOK: Metric = Metric::histogram::<Asked<'static>>("took", "Time.", &[1, 2]);
const OPEN: Metric = Metric::gauge::<()>("open", "Streams.");

fn asked(tenant: &str) -> Asked<'_> {
    Asked { tenant: tenant.into(), code: 200_u16.into() }
}

#[test]
fn a_series_is_defined_once_and_written_by_its_labels() {
    let host = FakeHost::new();
    let (count, took, open) =
        (Counter::<Asked<'_>>::new(&ASKED), Histogram::<Asked<'_>>::new(&TOOK), Gauge::<()>::new(&OPEN));
    for tenant in ["a", "b", "a"] {
        count.add(&host, &asked(tenant), 2).unwrap();
        took.record(&host, &asked(tenant), 7).unwrap();
        open.set(&host, &(), 5).unwrap();
    }
    count.add(&host, &asked("c"), 0).unwrap();
    let metrics = host.metrics();
    let names: Vec<(&str, &[u64])> =
        metrics.iter().map(|(name, values)| (name.as_str(), values.as_slice())).collect();
    assert_eq!(
        names,
        [
            ("open", &[5][..]),
            ("tenant=.=a;.;code=.=200;.;asked_total", &[4]),
            ("tenant=.=a;.;code=.=200;.;took", &[7, 7]),
            ("tenant=.=b;.;code=.=200;.;asked_total", &[2]),
            ("tenant=.=b;.;code=.=200;.;took", &[7]),
            ("tenant=.=c;.;code=.=200;.;asked_total", &[0]),
        ]
    );
    assert_eq!(host.definitions(), 6);
}

#[test]
fn beyond_its_bound_a_metric_has_one_more_series_and_says_so() {
    let host = FakeHost::new();
    let count = Counter::<Asked<'_>>::new(&ASKED);
    for tenant in 0..100 {
        count.add(&host, &asked(&tenant.to_string()), 1).unwrap();
    }
    count.add(&host, &asked("1"), 1).unwrap();
    let metrics = host.metrics();
    assert_eq!(metrics.len(), 5);
    assert_eq!(metrics["tenant=.=1;.;code=.=200;.;asked_total"], [2], "what is known is still written");
    assert_eq!(metrics["tenant=.=other;.;code=.=other;.;asked_total"], [97]);
    assert_eq!(metrics["metric=.=asked_total;.;burgee_series_overflow_total"], [97]);
    let lines = host.log_lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0].0, LogLevel::Warn);
}

#[test]
fn a_host_that_fails_is_asked_again() {
    let host = FakeHost::new();
    let count = Counter::<Asked<'_>>::new(&ASKED);
    host.fail_one_call(0, HostError::InternalFailure);
    assert_eq!(count.add(&host, &asked("a"), 1), Err(HostError::InternalFailure));
    assert_eq!(count.add(&host, &asked("a"), 1), Ok(()));
    assert_eq!(host.metrics()["tenant=.=a;.;code=.=200;.;asked_total"], [1]);
}

#[test]
fn texts_and_numbers_and_where_they_part_are_told_apart() {
    let host = FakeHost::new();
    let took = Histogram::<Asked<'_>>::new(&TOOK);
    for (tenant, code) in [("1", "23".into()), ("12", "3".into()), ("1", 23_i64.into()), ("", "123".into())] {
        took.record(&host, &Asked { tenant: tenant.into(), code }, 1).unwrap();
    }
    assert_eq!(host.definitions(), 4);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_client_sends_names_are_bounded_and_come_apart_again(
        values in prop::collection::vec(
            prop_oneof![any::<Vec<u8>>(), "(;|\\.|=|a|tenant){0,80}".prop_map(String::into_bytes)],
            1..20,
        ),
    ) {
        let host = FakeHost::new();
        let count = Counter::<Asked<'_>>::new(&ASKED);
        for value in &values {
            count.add(&host, &Asked { tenant: value.as_slice().into(), code: 1_u16.into() }, 1).unwrap();
        }
        let metrics = host.metrics();
        prop_assert!(metrics.len() <= 5);
        let tenant = regex::Regex::new(&tag_regex("tenant")).unwrap();
        let code = regex::Regex::new(&tag_regex("code")).unwrap();
        let mut total = 0;
        for (name, written) in metrics.iter().filter(|(name, _)| name.ends_with("asked_total")) {
            total += written[0];
            let found = tenant.captures(name).unwrap();
            prop_assert!(found[2].len() <= MAX_VALUE_BYTES);
            let rest = tenant.replace(name, "").into_owned();
            let rest = code.replace(&rest, "").into_owned();
            prop_assert_eq!(rest, "asked_total");
        }
        prop_assert_eq!(total, u64::try_from(values.len()).unwrap(), "nothing is lost");
        let different: BTreeSet<&Vec<u8>> = values.iter().collect();
        prop_assert!(host.definitions() <= different.len() + 2);
    }
}

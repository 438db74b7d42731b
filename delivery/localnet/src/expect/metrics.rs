//! Metrics: every request must be in each that is asked for, with the labels that are asked for.

use std::collections::BTreeMap;

use burgee_api::origin::{Origin, Traced};
use burgee_api::problem::Problem;
use burgee_api::resolve::{ListenerClass, MetricName, MetricOverride, ProviderMetrics, TagOperation};
use burgee_filter_config::{MetricKind, StandardLabel, StandardMetric, Traffic};

use super::{Asked, traced};
use crate::codes::{LABEL_NOT_REMOVED, NO_LABEL, NOT_DISABLED, WRONG_COUNT};
use crate::summary::MetricSummary;

/// Whether every proxy has a distribution among what it is asked for: those are seen only after a flush, and so
/// say that everything else of that flush has been seen too.
pub fn shows_a_flush(asked: &[Asked<'_>]) -> bool {
    let has_distribution = |one: &Asked<'_>| {
        StandardMetric::ALL
            .into_iter()
            .filter(|metric| is_of_requests(metric) && metric.kind() == MetricKind::Histogram)
            .any(|metric| one.policy.metrics.iter().any(|provider| !is_disabled(provider, metric)))
    };
    let reached = || asked.iter().filter(|one| one.requests > 0);
    reached().all(|one| reached().any(|other| other.proxy == one.proxy && has_distribution(other)))
}

/// Whether every request is in a metric.
fn is_of_requests(metric: &StandardMetric) -> bool {
    metric.traffic() == Traffic::Requests
}

/// Holds the metrics of one proxy against what is asked of its classes.
pub(super) fn check(asked: &[&Asked<'_>], grown: &[MetricSummary], problems: &mut Vec<Problem>) {
    let reached: Vec<_> = asked.iter().copied().filter(|one| one.requests > 0).collect();
    let Some(first) = reached.first() else {
        return;
    };
    for metric in StandardMetric::ALL.into_iter().filter(is_of_requests) {
        let name = counting_name(metric);
        let series: Vec<_> =
            grown.iter().filter(|series| series.proxy == first.proxy && series.name == name).collect();
        if reached.len() == 1 {
            let group = Group { asked: &reached, whose: first.proxy.clone() };
            check_metric(&group, metric, &series, problems);
        } else if is_told_apart(&reached, metric, &series) {
            for one in &reached {
                let of_class: Vec<_> =
                    series.iter().copied().filter(|series| is_of(series, one.class)).collect();
                let whose = format!("{} ({})", one.proxy, one.class.name());
                check_metric(&Group { asked: &[one], whose }, metric, &of_class, problems);
            }
        } else {
            let group = Group { asked: &reached, whose: first.proxy.clone() };
            check_metric(&group, metric, &series, problems);
        }
    }
}

/// What the same series are asked by.
struct Group<'g, 'a> {
    asked: &'g [&'g Asked<'a>],
    /// Whose series they are, in words.
    whose: String,
}

impl<'a> Group<'_, 'a> {
    /// Every provider, with how many requests it sees.
    fn providers(&self) -> impl Iterator<Item = (&'a ProviderMetrics, u64)> {
        self.asked.iter().flat_map(|one| one.policy.metrics.iter().map(|provider| (provider, one.requests)))
    }

    /// How many requests there were, in words.
    fn requests(&self) -> String {
        let count = |one: &&Asked<'_>| match (self.asked.len(), one.class) {
            (1, _) | (_, ListenerClass::Gateway) => one.requests.to_string(),
            (_, ListenerClass::Inbound) => format!("{} received", one.requests),
            (_, ListenerClass::Outbound) => format!("{} made", one.requests),
        };
        format!("{} requests", self.asked.iter().map(count).collect::<Vec<_>>().join(" and "))
    }
}

/// Whether series say which side they are of: all have the label, and no policy has a hand in it.
fn is_told_apart(asked: &[&Asked<'_>], metric: StandardMetric, series: &[&MetricSummary]) -> bool {
    let label = StandardLabel::Reporter.name();
    let is_touched = |provider: &ProviderMetrics| {
        override_of(provider, metric).is_some_and(|change| change.tags.contains_key(label))
    };
    !asked.iter().flat_map(|one| &one.policy.metrics).any(is_touched)
        && series.iter().all(|series| ListenerClass::ALL.into_iter().any(|class| is_of(series, class)))
}

fn is_of(series: &MetricSummary, class: ListenerClass) -> bool {
    let reporter = if class.is_client() { "source" } else { "destination" };
    series.labels.get(StandardLabel::Reporter.name()).is_some_and(|value| value == reporter)
}

/// The series whose value is the number of requests.
fn counting_name(metric: StandardMetric) -> String {
    match metric.kind() {
        MetricKind::Counter => metric.prometheus_name(),
        MetricKind::Histogram => format!("{}_count", metric.prometheus_name()),
    }
}

fn override_of(provider: &ProviderMetrics, metric: StandardMetric) -> Option<&MetricOverride> {
    provider.overrides.iter().find(|change| change.metric == MetricName::Standard(metric))
}

fn is_disabled(provider: &ProviderMetrics, metric: StandardMetric) -> bool {
    override_of(provider, metric)
        .and_then(|change| change.disabled.as_ref())
        .is_some_and(|disabled| disabled.value)
}

fn check_metric(
    group: &Group<'_, '_>,
    metric: StandardMetric,
    series: &[&MetricSummary],
    problems: &mut Vec<Problem>,
) {
    let (name, whose) = (metric.prometheus_name(), &group.whose);
    let counted: f64 = series.iter().map(|series| series.value).sum();
    let wanting: Vec<_> = group.providers().filter(|(provider, _)| !is_disabled(provider, metric)).collect();
    let Some((first, _)) = wanting.first() else {
        if counted != 0.0 {
            let message = format!("{name} of {whose} is switched off, and {counted} requests were counted");
            problems.push(traced(off_origin(group, metric), NOT_DISABLED, message));
        }
        return;
    };
    // Each provider has a filter of its own, and all write the same series.
    if counted != wanting.iter().map(|(_, requests)| requests).sum::<u64>() as f64 {
        let providers = match wanting.len() {
            count if count == group.asked.len() => String::new(),
            count => format!(" that {count} providers count each"),
        };
        let after = format!("after {}{providers}", group.requests());
        let message = if series.is_empty() {
            format!("{name} of {whose} was not seen {after}")
        } else {
            format!("{name} of {whose} adds up to {counted} {after}")
        };
        problems.push(traced(Some(&first.provider.origin), WRONG_COUNT, message));
    }
    check_labels(group, metric, &wanting, series, problems);
}

fn check_labels(
    group: &Group<'_, '_>,
    metric: StandardMetric,
    wanting: &[(&ProviderMetrics, u64)],
    series: &[&MetricSummary],
    problems: &mut Vec<Problem>,
) {
    let (name, whose) = (metric.prometheus_name(), &group.whose);
    let mut by_label: BTreeMap<String, Vec<(&Traced<TagOperation>, u64)>> = BTreeMap::new();
    for (provider, requests) in wanting {
        for (tag, operation) in override_of(provider, metric).into_iter().flat_map(|change| &change.tags) {
            by_label.entry(prometheus_label(tag)).or_default().push((operation, *requests));
        }
    }
    let all: u64 = wanting.iter().map(|(_, requests)| requests).sum();
    for (label, operations) in by_label {
        let (with, without): (Vec<_>, Vec<_>) =
            series.iter().partition(|series| series.labels.contains_key(&label));
        let (removes, upserts): (Vec<_>, Vec<_>) =
            operations.into_iter().partition(|(operation, _)| operation.value == TagOperation::Remove);
        // What others count, who do not ask for it, may be the other way.
        let is_too_much = |wrong: &[&&MetricSummary], asking: &[(&Traced<TagOperation>, u64)]| {
            let others = all.saturating_sub(asking.iter().map(|(_, requests)| requests).sum());
            wrong.iter().map(|series| series.value).sum::<f64>() > others as f64
        };
        if let Some((upsert, _)) = upserts.first().filter(|_| is_too_much(&without, &upserts)) {
            let count = without.len();
            let message = format!("{count} series of {name} of {whose} have no label `{label}`");
            problems.push(traced(Some(&upsert.origin), NO_LABEL, message));
        }
        if let Some((remove, _)) = removes.first().filter(|_| is_too_much(&with, &removes)) {
            let count = with.len();
            let message = format!("{count} series of {name} of {whose} have the label `{label}`");
            problems.push(traced(Some(&remove.origin), LABEL_NOT_REMOVED, message));
        }
    }
}

/// Who switched a metric off; nobody, when there is no provider at all.
fn off_origin<'a>(group: &Group<'_, 'a>, metric: StandardMetric) -> Option<&'a Origin> {
    let changes = group.providers().filter_map(|(provider, _)| override_of(provider, metric));
    changes.filter_map(|change| change.disabled.as_ref()).map(|disabled| &disabled.origin).next()
}

/// A label as the Prometheus page spells it.
fn prometheus_label(tag: &str) -> String {
    tag.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect()
}

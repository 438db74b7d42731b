//! What the documents ask for, held against what the proxies counted.
//!
//! Pure. Every miss is a problem that names the field that asked for it and says what was seen instead.

use std::collections::BTreeMap;

use burgee_api::origin::{Origin, Traced};
use burgee_api::problem::{Code, Problem, Severity};
use burgee_api::resolve::{ClassPolicy, MetricName, MetricOverride, ProviderMetrics, TagOperation};
use burgee_filter_config::{MetricKind, StandardMetric};

use crate::summary::MetricSummary;

/// A metric that was asked for does not add up to the number of requests.
pub const WRONG_COUNT: Code = Code("BG0450");
/// A metric that was switched off was written.
pub const NOT_DISABLED: Code = Code("BG0451");
/// A label that was asked for is not there.
pub const NO_LABEL: Code = Code("BG0452");
/// A label that was removed is there.
pub const LABEL_NOT_REMOVED: Code = Code("BG0453");
/// A proxy that is asked for something and that no request reached.
pub const NOT_REACHED: Code = Code("BG0454");
/// No request was sent at all.
pub const NOTHING_SENT: Code = Code("BG0456");

/// What is asked of one proxy.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The proxy's workload, as `namespace/name`.
    pub proxy: &'a str,
    /// The policy of the class of listener that the traffic went through; providers that the proxy serves only.
    pub policy: &'a ClassPolicy,
    /// How many requests went through it.
    pub requests: u64,
}

/// Everything that was asked for and not seen. `grown` is what grew while the requests were sent.
pub fn misses(asked: &[Asked<'_>], grown: &[MetricSummary]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for one in asked.iter().filter(|one| one.requests > 0) {
        for metric in StandardMetric::ALL.into_iter().filter(|metric| metric.is_written()) {
            let name = counting_name(metric);
            let series: Vec<_> =
                grown.iter().filter(|series| series.proxy == one.proxy && series.name == name).collect();
            check_metric(one, metric, &series, &mut problems);
        }
    }
    problems
}

/// The proxies that are asked for something that nothing showed, because no request reached them.
pub fn unexercised<'a>(asked: &[Asked<'a>]) -> Vec<&'a str> {
    let is_unexercised = |one: &&Asked<'_>| one.requests == 0 && !one.policy.metrics.is_empty();
    asked.iter().filter(is_unexercised).map(|one| one.proxy).collect()
}

/// What is to be said of those, after `sent` requests: without any, nobody could expect to see something.
pub fn unreached(asked: &[Asked<'_>], sent: u64) -> Vec<Problem> {
    let names = unexercised(asked);
    if sent == 0 && !names.is_empty() {
        let message = "no request was sent, so nothing of what the documents ask for was exercised";
        let help = format!("send requests to see what {} count", names.join(" and "));
        return vec![Problem::new(Severity::Warning, NOTHING_SENT, message).help(help)];
    }
    let tell = |one: &Asked<'_>| {
        let message = format!(
            "metrics of {} are asked for and were not seen: no request reached it after {sent} were sent",
            one.proxy
        );
        let help = "send more requests, so that each host and workload gets some; a workload that no service and no \
                    gateway leads to gets none";
        let origin = one.policy.metrics.first().map(|first| &first.provider.origin);
        let mut problem = traced(origin, NOT_REACHED, message);
        problem.help = [help, problem.help.as_str()].join("; ").trim_end_matches("; ").to_owned();
        problem
    };
    asked.iter().filter(|one| names.contains(&one.proxy)).map(tell).collect()
}

/// Whether every proxy has a distribution among what it is asked for: those are seen only after a flush, and so
/// say that everything else of that flush has been seen too.
pub fn shows_a_flush(asked: &[Asked<'_>]) -> bool {
    asked.iter().filter(|one| one.requests > 0).all(|one| {
        StandardMetric::ALL
            .into_iter()
            .filter(|metric| metric.is_written() && metric.kind() == MetricKind::Histogram)
            .any(|metric| one.policy.metrics.iter().any(|provider| !is_disabled(provider, metric)))
    })
}

/// How much each series has grown; what has not is left out.
pub fn growth(before: &[MetricSummary], after: &[MetricSummary]) -> Vec<MetricSummary> {
    let key = |series: &MetricSummary| (series.proxy.clone(), series.name.clone(), series.labels.clone());
    let before: BTreeMap<_, _> = before.iter().map(|series| (key(series), series.value)).collect();
    let grown = |series: &MetricSummary| {
        let value = series.value - before.get(&key(series)).copied().unwrap_or(0.0);
        (value != 0.0).then(|| MetricSummary { value, ..series.clone() })
    };
    after.iter().filter_map(grown).collect()
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
    asked: &Asked<'_>,
    metric: StandardMetric,
    series: &[&MetricSummary],
    problems: &mut Vec<Problem>,
) {
    let name = metric.prometheus_name();
    let counted: f64 = series.iter().map(|series| series.value).sum();
    let wanting: Vec<_> =
        asked.policy.metrics.iter().filter(|provider| !is_disabled(provider, metric)).collect();
    let Some(first) = wanting.first() else {
        if counted != 0.0 {
            let message =
                format!("{name} of {} is switched off, and {counted} requests were counted", asked.proxy);
            problems.push(traced(off_origin(asked.policy, metric), NOT_DISABLED, message));
        }
        return;
    };
    // Each provider has a filter of its own, and all write the same series.
    if counted != asked.requests as f64 * wanting.len() as f64 {
        let providers = match wanting.len() {
            1 => String::new(),
            count => format!(" that {count} providers count each"),
        };
        let after = format!("after {} requests{providers}", asked.requests);
        let message = if series.is_empty() {
            format!("{name} of {} was not seen {after}", asked.proxy)
        } else {
            format!("{name} of {} adds up to {counted} {after}", asked.proxy)
        };
        problems.push(traced(Some(&first.provider.origin), WRONG_COUNT, message));
    }
    check_labels(asked, metric, &wanting, series, problems);
}

fn check_labels(
    asked: &Asked<'_>,
    metric: StandardMetric,
    wanting: &[&ProviderMetrics],
    series: &[&MetricSummary],
    problems: &mut Vec<Problem>,
) {
    let name = metric.prometheus_name();
    let mut by_label: BTreeMap<String, Vec<&Traced<TagOperation>>> = BTreeMap::new();
    let changes = wanting.iter().filter_map(|provider| override_of(provider, metric));
    for (tag, operation) in changes.flat_map(|change| &change.tags) {
        by_label.entry(prometheus_label(tag)).or_default().push(operation);
    }
    for (label, operations) in by_label {
        let (with, without): (Vec<_>, Vec<_>) =
            series.iter().partition(|series| series.labels.contains_key(&label));
        let (removes, upserts): (Vec<_>, Vec<_>) =
            operations.into_iter().partition(|operation| operation.value == TagOperation::Remove);
        // Providers that do not ask for it may count it the other way.
        let is_too_much = |wrong: &[&&MetricSummary], asking: usize| {
            let others = wanting.len().saturating_sub(asking) as f64 * asked.requests as f64;
            wrong.iter().map(|series| series.value).sum::<f64>() > others
        };
        if let Some(upsert) = upserts.first().filter(|_| is_too_much(&without, upserts.len())) {
            let count = without.len();
            let message = format!("{count} series of {name} of {} have no label `{label}`", asked.proxy);
            problems.push(traced(Some(&upsert.origin), NO_LABEL, message));
        }
        if let Some(remove) = removes.first().filter(|_| is_too_much(&with, removes.len())) {
            let count = with.len();
            let message = format!("{count} series of {name} of {} have the label `{label}`", asked.proxy);
            problems.push(traced(Some(&remove.origin), LABEL_NOT_REMOVED, message));
        }
    }
}

/// Who switched a metric off; nobody, when there is no provider at all.
fn off_origin(policy: &ClassPolicy, metric: StandardMetric) -> Option<&Origin> {
    let changes = policy.metrics.iter().filter_map(|provider| override_of(provider, metric));
    changes.filter_map(|change| change.disabled.as_ref()).map(|disabled| &disabled.origin).next()
}

/// A label as the Prometheus page spells it.
fn prometheus_label(tag: &str) -> String {
    tag.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect()
}

fn traced(origin: Option<&Origin>, code: Code, message: String) -> Problem {
    let problem = Problem::new(Severity::Error, code, message);
    match origin {
        Some(Origin::Document { document, path, place }) => problem
            .at(place.clone(), path.to_string())
            .help(format!("{document} asks for it there; the proxy's admin page shows what it counted")),
        Some(Origin::Rule(rule)) => problem.help(format!("asked for by rule: {rule}")),
        None => problem,
    }
}

#[cfg(test)]
mod tests;

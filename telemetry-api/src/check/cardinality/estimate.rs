//! How many series metrics make: the product of the sizes of their labels, or what a saved page has and a change adds.

use std::collections::BTreeMap;

use burgee_filter_config::metrics::MetricKind;
use burgee_filter_config::{StandardLabel, StandardMetric, Traffic};

use super::observed::Observed;
use super::sizes::Sizes;
use crate::resolve::{ListenerClass, MetricName, ProviderMetrics, TagOperation};

/// The series of a distribution per set of labels: Envoy's 19 buckets and the one without end, the sum and the count.
pub(super) const DISTRIBUTION: u64 = 22;

/// What is changed of a metric: labels that are removed, and those that are set with how many values each has.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Change {
    removed: Vec<String>,
    set: Vec<(String, u64)>,
}

/// How many series there are, and how that is counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Estimate {
    /// How many.
    pub series: u64,
    /// How many of them there are without the tags; only known of a page.
    pub now: Option<u64>,
    /// The arithmetic, in words.
    pub words: String,
}

/// The series of one workload, for these classes of listeners with their providers. A tag that is `supposed` to have so
/// many values counts as that.
pub(super) fn of_workload(
    classes: &[(ListenerClass, Vec<ProviderMetrics>)],
    sizes: &Sizes<'_>,
    observed: Option<&Observed>,
    supposed: Option<(&str, u64)>,
) -> Estimate {
    let mut estimate = Estimate { now: observed.map(|_| 0), ..Estimate::default() };
    let mut words = Vec::new();
    for (class, measured) in classes {
        // A second provider writes the same series again.
        let providers = measured.len() as u64;
        let Some(first) = measured.first() else { continue };
        let mut groups: BTreeMap<Change, Vec<StandardMetric>> = BTreeMap::new();
        let of_requests = |metric: &StandardMetric| metric.traffic() == Traffic::Requests;
        for metric in StandardMetric::ALL.into_iter().filter(of_requests) {
            let of_metric =
                first.overrides.iter().find(|change| change.metric == MetricName::Standard(metric));
            let is_off =
                of_metric.is_some_and(|change| change.disabled.as_ref().is_some_and(|off| off.value));
            if !is_off {
                let tags = of_metric.into_iter().flat_map(|change| &change.tags);
                let mut change = Change::default();
                for (name, operation) in tags {
                    change.take(name, &operation.value, sizes, supposed);
                }
                groups.entry(change).or_default().push(metric);
            }
        }
        for (change, metrics) in &groups {
            let (series, arithmetic) = match observed {
                Some(observed) => of_page(observed, *class, change, metrics, &mut estimate.now),
                None => of_sizes(sizes, *class, change, metrics),
            };
            estimate.series = estimate.series.saturating_add(series.saturating_mul(providers));
            words.push(arithmetic);
        }
    }
    estimate.words = words.join("; ");
    estimate
}

impl Change {
    fn take(
        &mut self,
        name: &str,
        operation: &TagOperation,
        sizes: &Sizes<'_>,
        supposed: Option<(&str, u64)>,
    ) {
        match operation {
            TagOperation::Remove => self.removed.push(name.to_owned()),
            TagOperation::Upsert(expression) => {
                let supposed = supposed.filter(|(tag, _)| *tag == name).map(|(_, size)| size);
                let size = supposed.unwrap_or_else(|| sizes.of_tag(name, expression));
                self.set.push((name.to_owned(), size));
            }
        }
    }
}

/// The series by the sizes of the labels.
fn of_sizes(
    sizes: &Sizes<'_>,
    class: ListenerClass,
    change: &Change,
    metrics: &[StandardMetric],
) -> (u64, String) {
    let is_changed = |name: &str| {
        change.removed.iter().any(|removed| removed == name) || change.set.iter().any(|(set, _)| set == name)
    };
    let standard = StandardLabel::ALL.into_iter().filter(|label| !is_changed(label.name()));
    let standard = standard.map(|label| (label.name(), sizes.standard(label, class)));
    let set = change.set.iter().map(|(name, size)| (name.as_str(), *size));
    let factors: Vec<(&str, u64)> = standard.chain(set).filter(|(_, size)| *size != 1).collect();
    let sets = factors.iter().fold(1_u64, |all, (_, size)| all.saturating_mul(*size));
    let of = |kind| metrics.iter().filter(|metric| metric.kind() == kind).count() as u64;
    let (counters, distributions) = (of(MetricKind::Counter), of(MetricKind::Histogram));
    let series = sets.saturating_mul(counters + distributions * DISTRIBUTION);
    let mut words: Vec<String> =
        factors.iter().map(|(name, size)| format!("{name} {}", thousands(*size))).collect();
    words.push(match (counters, distributions) {
        (counters, 0) => format!("{counters} counter{}", plural(counters)),
        (0, distributions) => {
            format!("{distributions} distribution{} of {DISTRIBUTION}", plural(distributions))
        }
        (counters, distributions) => format!(
            "({counters} counter{} + {distributions} distribution{} of {DISTRIBUTION})",
            plural(counters),
            plural(distributions)
        ),
    });
    (series, format!("{}: {} = {}", side(class), words.join(" x "), thousands(series)))
}

/// The series that a page has of metrics at one side, and what they become.
fn of_page(
    observed: &Observed,
    class: ListenerClass,
    change: &Change,
    metrics: &[StandardMetric],
    now: &mut Option<u64>,
) -> (u64, String) {
    let reporter = if class.is_client() { "source" } else { "destination" };
    let (mut series, mut words) = (0_u64, Vec::new());
    for metric in metrics {
        let name = metric.prometheus_name();
        let there = observed.series(&name, reporter);
        *now = now.map(|now| now.saturating_add(there));
        if there == 0 {
            continue;
        }
        // What is set anew comes on top; what the page has already is counted there.
        let added: Vec<&(String, u64)> =
            change.set.iter().filter(|(label, size)| *size > 1 && !observed.has(&name, label)).collect();
        let left = observed.without(&name, reporter, &change.removed);
        let becomes = added.iter().fold(left, |all, (_, size)| all.saturating_mul(*size));
        let factors: String =
            added.iter().map(|(label, size)| format!(" x {label} {}", thousands(*size))).collect();
        let removed = if left == there { String::new() } else { format!(" of {} now", thousands(there)) };
        words.push(format!("{name} {}{removed}{factors} = {}", thousands(left), thousands(becomes)));
        series = series.saturating_add(becomes);
    }
    let words = if words.is_empty() { "none on the page".to_owned() } else { words.join(", ") };
    (series, format!("{}: {words}", side(class)))
}

const fn side(class: ListenerClass) -> &'static str {
    match class {
        ListenerClass::Inbound => "inbound",
        ListenerClass::Outbound => "outbound",
        ListenerClass::Gateway => "gateway",
    }
}

const fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// A number with a comma after each thousand.
pub(super) fn thousands(number: u64) -> String {
    if number == u64::MAX {
        return "more than anybody can count".to_owned();
    }
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

//! The rows of the metrics: series below their name, with the labels that tell them apart, and what is switched off.

use std::collections::{BTreeMap, BTreeSet};

use burgee_filter_config::StandardLabel;
use burgee_localnet::live::{LiveMetric, Snapshot};

use super::data::Data;
use super::rows::{Item, Row, Tone, rate, short, tone};
use crate::commands::up::asked::place;
use crate::commands::up::clean::{clean, fit, width};

/// The labels that are looked at first when series are told apart.
const FIRST: &[&str] =
    &[REPORTER, "source_workload", "destination_workload", "destination_service", CODE, "response_flags"];

/// The label that says which side reports.
const REPORTER: &str = "reporter";
/// The label that has the status code; its value stands for itself, as in log lines.
const CODE: &str = "response_code";

/// Everything of one name.
#[derive(Default)]
struct Group<'a> {
    series: Vec<(usize, &'a LiveMetric)>,
    off: Vec<Row>,
}

/// The name that a series is listed under, for those that are listed: of a distribution that is the count.
fn listed_name(name: &str) -> Option<&str> {
    let is_part = name.ends_with("_bucket") || name.ends_with("_sum");
    (!is_part).then(|| base_name(name))
}

/// A metric's name without what Prometheus adds to those of a distribution.
pub(super) fn base_name(name: &str) -> &str {
    let ends = ["_count", "_sum", "_bucket"];
    ends.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
}

/// How many series are listed.
pub(super) fn count(snapshot: &Snapshot) -> usize {
    snapshot.metrics.iter().filter(|metric| listed_name(&metric.series.name).is_some()).count()
}

/// The rows.
pub(super) fn rows(data: &Data, columns: usize) -> Vec<Row> {
    let mut groups: BTreeMap<String, Group<'_>> = BTreeMap::new();
    for (number, metric) in data.snapshot.metrics.iter().enumerate() {
        if let Some(name) = listed_name(&metric.series.name) {
            groups.entry(name.to_owned()).or_default().series.push((number, metric));
        }
    }
    for (number, (proxy, class, policy)) in data.policies.iter().enumerate() {
        for change in policy.metrics.iter().flat_map(|provider| &provider.overrides) {
            let Some(disabled) = change.disabled.as_ref().filter(|disabled| disabled.value) else { continue };
            let name = format!("istio_{}", change.metric.stat_name());
            let parts = vec![
                (format!("{:>9}  ", "off"), Tone::Odd),
                (format!("{} {}", clean(proxy), class.name()), Tone::Plain),
                (format!("  by {}", place(&disabled.origin, &data.folder)), Tone::Dim),
            ];
            let item = Item::Off(number, name.clone());
            let row = Row::new(item, format!("off {name} {proxy} {}", class.name()), parts);
            groups.entry(name).or_default().off.push(row);
        }
    }
    let mut rows = Vec::new();
    for (name, group) in groups {
        rows.push(heading(&name, &group));
        let labels = telling(&group.series);
        rows.extend(series_rows(&group.series, &labels, data, columns));
        rows.extend(group.off);
    }
    rows
}

fn heading(name: &str, group: &Group<'_>) -> Row {
    let total: f64 = group.series.iter().map(|(_, metric)| metric.per_second).sum();
    let mut parts = vec![(clean(name), Tone::Strong)];
    if group.series.is_empty() {
        parts.push(("  off".to_owned(), Tone::Odd));
    } else {
        parts.push((format!("  {} series, {}/s", group.series.len(), rate(total)), Tone::Dim));
    }
    Row::new(Item::Metric(name.to_owned()), format!("name {name}"), parts)
}

/// A row for each series of a name, in columns.
fn series_rows(series: &[(usize, &LiveMetric)], labels: &[String], data: &Data, columns: usize) -> Vec<Row> {
    let means: Vec<String> =
        series.iter().map(|(number, _)| mean(*number, data).unwrap_or_default()).collect();
    let names: Vec<String> = series.iter().map(|(_, metric)| short(&metric.series.proxy)).collect();
    let widest = |texts: &[String]| texts.iter().map(|text| width(text)).max().unwrap_or_default();
    let (mean_columns, name_columns) = (widest(&means), widest(&names).min((columns / 5).min(24)));
    let row = |(((number, metric), mean), name): ((&(usize, &LiveMetric), &String), &String)| {
        let series = &metric.series;
        let (code, others) = match labels.split_first() {
            Some((first, others)) if first == CODE => {
                let code = series.labels.get(first).map_or(String::new(), |code| clean(code));
                ((format!("{} ", fit(&code, 3)), tone(code.parse().ok())), others)
            }
            _ => ((String::new(), Tone::Dim), labels),
        };
        let words = others.iter().filter_map(|label| Some(word(label, series.labels.get(label)?)));
        let gap = if mean_columns > 0 { "  " } else { "" };
        let parts = vec![
            (format!("{:>6} ", series.value), Tone::Plain),
            (format!("{:>7}  ", format!("{}/s", rate(metric.per_second))), Tone::Dim),
            (format!("{}{gap}", fit(mean, mean_columns)), Tone::Plain),
            (format!("{}  ", fit(name, name_columns)), Tone::Strong),
            code,
            (words.collect::<Vec<_>>().join(" "), Tone::Plain),
        ];
        let labels: Vec<String> = series.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let labels = labels.join(" ");
        let mut row = Row::new(
            Item::Series(*number),
            format!("series {} {} {labels}", series.proxy, series.name),
            parts,
        );
        row.more = labels;
        row
    };
    series.iter().zip(&means).zip(&names).map(row).collect()
}

/// A label in a row. Of the side that reports the value is enough.
fn word(label: &str, value: &str) -> String {
    let value = clean(value);
    if label == REPORTER { value } else { format!("{}={value}", clean(label)) }
}

/// The mean of a distribution, in words.
pub(super) fn mean(number: usize, data: &Data) -> Option<String> {
    let metrics = &data.snapshot.metrics;
    let count = &metrics.get(number)?.series;
    let name = count.name.strip_suffix("_count")?;
    let sum_name = format!("{name}_sum");
    let is_sum = |metric: &&LiveMetric| {
        let series = &metric.series;
        series.name == sum_name && series.proxy == count.proxy && series.labels == count.labels
    };
    let sum = metrics.iter().find(is_sum)?.series.value;
    let mean = if count.value > 0.0 { sum / count.value } else { 0.0 };
    Some(format!("mean {mean:.1} {}", if name.ends_with("_milliseconds") { "ms" } else { "B" }))
}

/// The labels that tell series apart, as few as do, and those that documents add.
fn telling(series: &[(usize, &LiveMetric)]) -> Vec<String> {
    let own: BTreeSet<&str> = series
        .iter()
        .flat_map(|(_, metric)| metric.series.labels.keys())
        .map(String::as_str)
        .filter(|name| StandardLabel::from_name(name).is_none())
        .collect();
    let all: BTreeSet<&str> = series
        .iter()
        .flat_map(|(_, metric)| metric.series.labels.keys())
        .map(String::as_str)
        .filter(|name| !FIRST.contains(name) && !own.contains(name))
        .collect();
    let mut chosen: Vec<&str> = Vec::new();
    // A row shows the proxy anyway.
    let parts_of = |labels: &[&str]| {
        let of = |metric: &LiveMetric| -> Vec<Option<String>> {
            let own = labels.iter().map(|label| metric.series.labels.get(*label).cloned());
            std::iter::once(Some(metric.series.proxy.clone())).chain(own).collect()
        };
        series.iter().map(|(_, metric)| of(metric)).collect::<BTreeSet<_>>().len()
    };
    for label in FIRST.iter().copied().chain(own.iter().copied()).chain(all) {
        let mut with = chosen.clone();
        with.push(label);
        // The side that reports is always worth knowing, and so is what a document added.
        if label == REPORTER || own.contains(label) || parts_of(&with) > parts_of(&chosen) {
            chosen = with;
        }
    }
    // Short ones first, as long ones are what may be cut.
    let order = |label: &&str| match *label {
        CODE => 0,
        REPORTER => 1,
        _ => 2,
    };
    chosen.sort_by_key(order);
    chosen.into_iter().map(str::to_owned).collect()
}

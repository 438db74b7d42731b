//! The summary of `burgee up` as people read it.

use std::collections::{BTreeMap, BTreeSet};

use burgee_localnet::summary::{MetricSummary, ProxyKind, Summary};
use burgee_localnet::traffic::Target;
use comfy_table::{ContentArrangement, Table, presets};

/// The labels that tell series apart at a glance, in this order; what a document adds follows.
const SHOWN: &[&str] =
    &["reporter", "source_workload", "destination_workload", "destination_service", "response_code"];

/// The width that text is wrapped at: that of any terminal.
const WIDTH: usize = 78;

/// Labels, and each metric that has them with its value.
type Groups<'a> = Vec<(&'a BTreeMap<String, String>, Vec<(&'a str, String)>)>;

/// The summary as text; with `targets` where one can send requests by hand.
pub(super) fn summary(summary: &Summary, targets: &[Target]) -> String {
    let mut proxies = table();
    proxies.set_header(["proxy", "kind", "Envoy", "ready", "admin page"]);
    for proxy in &summary.proxies {
        proxies.add_row([
            proxy.workload.clone(),
            kind(proxy.kind).to_owned(),
            proxy.envoy_version.clone(),
            format!("{} ms", proxy.ready_ms),
            proxy.admin.clone(),
        ]);
    }
    let mut out = format!("{}\n", trimmed(&proxies));
    let requests = &summary.requests;
    out += &format!("\nrequests: {} sent, {} ok, {} failed\n", requests.sent, requests.ok, requests.failed);
    if let Some(target) = targets.first() {
        out += &format!("try it:   {}\n", command(target));
    }
    for proxy in &summary.proxies {
        out += &series(&proxy.workload, &summary.metrics);
    }
    if summary.metrics.is_empty() {
        let why = if requests.sent > 0 { "the documents ask for none" } else { "no request was sent" };
        out += &format!("\nno metrics: {why}\n");
    }
    out.trim_end().to_owned()
}

/// A command that sends a request by hand.
pub(super) fn command(target: &Target) -> String {
    format!("curl -H 'Host: {}' http://{}/", target.host, target.address)
}

/// One proxy's series: those that share labels stand together below them.
fn series(proxy: &str, metrics: &[MetricSummary]) -> String {
    let own: Vec<&MetricSummary> = metrics.iter().filter(|metric| metric.proxy == proxy).collect();
    let mut groups: Groups<'_> = Vec::new();
    for metric in &own {
        let Some(value) = value(metric, &own) else { continue };
        let name = metric.name.strip_suffix("_count").unwrap_or(&metric.name);
        match groups.iter_mut().find(|(labels, _)| **labels == metric.labels) {
            Some((_, values)) => values.push((name, value)),
            None => groups.push((&metric.labels, vec![(name, value)])),
        }
    }
    let added: BTreeSet<&str> = own
        .iter()
        .flat_map(|metric| metric.labels.keys())
        .map(String::as_str)
        .filter(|name| burgee_filter_config::StandardLabel::from_name(name).is_none())
        .collect();
    let mut out = if groups.is_empty() { String::new() } else { format!("\n{proxy}\n") };
    for (labels, values) in groups {
        let words: Vec<String> = SHOWN
            .iter()
            .copied()
            .chain(added.iter().copied())
            .filter_map(|name| Some(format!("{name}={}", labels.get(name)?)))
            .collect();
        for line in wrap(&words, WIDTH - 2) {
            out += &format!("  {line}\n");
        }
        let mut rows = table();
        for (name, value) in values {
            rows.add_row([format!("   {name}"), value]);
        }
        out += &format!("{}\n", trimmed(&rows));
    }
    out
}

/// A series' value; none for the parts of a distribution that are shown with its count.
fn value(metric: &MetricSummary, all: &[&MetricSummary]) -> Option<String> {
    if metric.name.ends_with("_sum") || metric.name.ends_with("_bucket") {
        return None;
    }
    let Some(name) = metric.name.strip_suffix("_count") else { return Some(format!("{}", metric.value)) };
    let sum_name = format!("{name}_sum");
    let sum = all.iter().find(|other| other.name == sum_name && other.labels == metric.labels)?;
    let mean = if metric.value > 0.0 { sum.value / metric.value } else { 0.0 };
    Some(format!("{}, on average {mean:.1} {}", metric.value, unit(name)))
}

/// What a distribution's values are.
fn unit(name: &str) -> &'static str {
    if name.ends_with("_milliseconds") { "ms" } else { "bytes" }
}

const fn kind(kind: ProxyKind) -> &'static str {
    match kind {
        ProxyKind::Sidecar => "sidecar",
        ProxyKind::Gateway => "gateway",
    }
}

/// Words in lines of a width.
pub(super) fn wrap(words: &[String], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.clone()),
        }
    }
    lines
}

/// An empty table without lines.
pub(super) fn table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table
}

/// A table's text without the blanks at the ends of lines.
pub(super) fn trimmed(table: &Table) -> String {
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

//! The summary of `burgee up` as people read it. Its logs, traces and plugins are `show/`'s.

use std::collections::{BTreeMap, BTreeSet};

use burgee_localnet::Localnet;
use burgee_localnet::live::{Part, PartKind, PartState};
use burgee_localnet::summary::{MetricSummary, ProxyKind, RequestsSummary, Summary};
use burgee_localnet::traffic::Target;
use comfy_table::{ContentArrangement, Table, presets};

use super::clean::{clean, width};

mod reports;

pub(super) use reports::text;

/// The labels that tell series apart at a glance, in this order; what a document adds follows.
const SHOWN: &[&str] = &["reporter", "source_workload", "destination_workload", "destination_service"];

/// The labels that stand behind those where they say more than most do, and what most say.
const SPECIAL: &[(&str, &[&str])] = &[
    ("request_protocol", &["http"]),
    ("grpc_response_status", &["", "0"]),
    ("connection_security_policy", &["unknown", "none"]),
    ("source_principal", &["unknown"]),
    ("destination_principal", &["unknown"]),
];

/// The label by whose values series stand together that share all others.
const CODE: &str = "response_code";

/// Why there are no metrics, and what asks for them.
const NO_METRICS: &str = "the documents ask for none;\n  \
     `defaultProviders: {metrics: [prometheus]}` in the MeshConfig asks for Istio's";

/// The width that text is wrapped at: that of any terminal.
pub(super) const WIDTH: usize = 78;

/// All labels but [`CODE`], and below each of its values every metric with that one's value.
type Groups = BTreeMap<BTreeMap<String, String>, BTreeMap<Option<String>, Vec<String>>>;

/// The summary as text; with `targets` where one can send requests by hand.
pub(super) fn summary(summary: &Summary, targets: &[Target]) -> String {
    let mut proxies = table();
    proxies.set_header(["proxy", "kind", "Envoy", "ready", "admin page"]);
    for proxy in &summary.proxies {
        proxies.add_row([
            clean(&proxy.workload),
            kind(proxy.kind).to_owned(),
            proxy.envoy_version.clone(),
            format!("{} ms", proxy.ready_ms),
            proxy.admin.clone(),
        ]);
    }
    let mut out = format!("{}\n", trimmed(&proxies));
    if !summary.without_sidecar.is_empty() {
        let names: Vec<String> = summary.without_sidecar.iter().map(|name| clean(name)).collect();
        out += &format!("without a sidecar: {}\n", names.join(", "));
    }
    let requests = &summary.requests;
    let RequestsSummary { sent, ok, failed } = requests;
    out += &format!("\nrequests: {sent} sent, {ok} answered as asked, {failed} not\n");
    if let Some(target) = targets.first() {
        out += &format!("try it:   {}\n", command(target));
    }
    for proxy in &summary.proxies {
        out += &series(&proxy.workload, &summary.metrics);
    }
    if !summary.metrics.iter().any(is_of_traffic) {
        let why = if requests.sent > 0 { NO_METRICS } else { "no request was sent" };
        out += &format!("\nno metrics: {why}\n");
    }
    out += &reports::logs(summary);
    out += &reports::traces(summary);
    out += &reports::plugins(summary);
    out.trim_end().to_owned()
}

/// What a mesh that was held saw in all, in a line.
pub(super) fn farewell(localnet: &Localnet) -> String {
    let snapshot = localnet.live().snapshot();
    let is_ended = |part: &&Part| matches!(part.state, PartState::Ended(_));
    let ended = match snapshot.parts.iter().filter(is_ended).count() {
        0 => String::new(),
        many => format!(
            "; {many} of {} processes ended early, so what is said above holds only for the first requests",
            snapshot.parts.len()
        ),
    };
    let requests = localnet.requests().sent;
    format!(
        "in all: {} sent, {}, {}{ended}",
        count(requests, "request"),
        count(snapshot.logs_seen, "log line"),
        count(snapshot.spans_seen, "span")
    )
}

/// How many of something, in words.
pub(super) fn count(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// A command that sends a request by hand.
pub(in crate::commands) fn command(target: &Target) -> String {
    format!("curl -H 'Host: {}' http://{}/", target.host, target.address)
}

/// Which build a proxy is says nothing of the requests that were sent.
fn is_of_traffic(metric: &MetricSummary) -> bool {
    metric.name != "istio_build"
}

/// One proxy's series: those that share labels stand together below them, line by line for each status code.
fn series(proxy: &str, metrics: &[MetricSummary]) -> String {
    let own: Vec<&MetricSummary> =
        metrics.iter().filter(|metric| metric.proxy == proxy && is_of_traffic(metric)).collect();
    let mut groups: Groups = BTreeMap::new();
    for metric in &own {
        let Some(value) = value(metric, &own) else { continue };
        let name = metric.name.strip_suffix("_count").unwrap_or(&metric.name);
        let (mut others, mut code) = (metric.labels.clone(), None);
        if let Some((name, value)) = others.remove_entry(CODE) {
            code = Some(format!("{name}={value}"));
        }
        let by_code = groups.entry(others).or_default();
        by_code.entry(code).or_default().push(format!("{} {value}", clean(name)));
    }
    let added: BTreeSet<&str> = own
        .iter()
        .flat_map(|metric| metric.labels.keys())
        .map(String::as_str)
        .filter(|name| burgee_filter_config::StandardLabel::from_name(name).is_none())
        .collect();
    let mut out = if groups.is_empty() { String::new() } else { format!("\n{}\n", clean(proxy)) };
    for (labels, by_code) in groups {
        let words: Vec<String> = SHOWN
            .iter()
            .copied()
            .chain(added.iter().copied())
            .filter_map(|name| Some((name, labels.get(name)?)))
            .chain(SPECIAL.iter().filter_map(|(name, usual)| {
                labels.get(*name).filter(|value| !usual.contains(&value.as_str())).map(|value| (*name, value))
            }))
            .map(|(name, value)| format!("{}={}", clean(name), clean(value)))
            .collect();
        for line in wrap(&words, WIDTH - 2) {
            out += &format!("  {line}\n");
        }
        for (code, mut values) in by_code {
            let last = values.len() - 1;
            values[..last].iter_mut().for_each(|value| value.push(','));
            if let Some(code) = code {
                values.insert(0, format!("{}:", clean(&code)));
            }
            for (number, line) in wrap(&values, WIDTH - 6).into_iter().enumerate() {
                out += &format!("{}{line}\n", if number == 0 { "    " } else { "      " });
            }
        }
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
    Some(format!("{} (mean {mean:.1} {})", metric.value, unit(name)))
}

/// What a distribution's values are.
pub(super) fn unit(name: &str) -> &'static str {
    if name.ends_with("_milliseconds") { "ms" } else { "bytes" }
}

const fn kind(kind: ProxyKind) -> &'static str {
    match kind {
        ProxyKind::Sidecar => "sidecar",
        ProxyKind::Gateway => "gateway",
    }
}

/// What a process is, in a word.
pub(super) const fn part_kind(kind: PartKind) -> &'static str {
    match kind {
        PartKind::Gateway => "gateway",
        PartKind::Sidecar => "sidecar",
        PartKind::App => "app",
        PartKind::Receiver => "receiver",
    }
}

/// What a process is and of whom, in words; they may hold anything.
pub(super) fn part_name(part: &Part) -> String {
    match part.kind {
        PartKind::Receiver => part_kind(part.kind).to_owned(),
        kind => format!("{} of {}", part_kind(kind), part.name),
    }
}

/// A process and how it is, in words; they may hold anything.
pub(super) fn part_story(part: &Part) -> String {
    let name = match part.kind {
        PartKind::Gateway | PartKind::Sidecar => format!("the Envoy of {}", part.name),
        PartKind::App | PartKind::Receiver => format!("the {}", part_name(part)),
    };
    match &part.state {
        PartState::Running => format!("{name} runs"),
        PartState::Silent(_) => format!("{name} does not answer"),
        PartState::Ended(how) => format!("{name} ended: {how}"),
    }
}

/// How a process is, in words; they may hold anything.
pub(super) fn part_state(state: &PartState) -> String {
    match state {
        PartState::Running => "runs".to_owned(),
        PartState::Silent(_) => "does not answer".to_owned(),
        PartState::Ended(how) => how.clone(),
    }
}

/// Words in lines of a width.
pub(super) fn wrap(words: &[String], columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(word) <= columns => {
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

//! What proxies reported beside metrics, for the summary: a few log lines, one trace, every plugin.

use std::collections::BTreeMap;

use burgee_localnet::summary::{AccessLogSummary, Summary};

use super::{WIDTH, clean, count, wrap};
use crate::commands::up::clean::{cut, fit};
use crate::commands::up::status::status;
use crate::commands::up::tree::{self, Trace, bar};

/// The columns of a span's name.
const NAME: usize = 45;
/// How many spans of a trace are shown.
const MOST_SPANS: usize = 12;

/// How many lines came from where, and two of each proxy.
pub(super) fn logs(summary: &Summary) -> String {
    if summary.access_logs.is_empty() {
        return String::new();
    }
    let mut out = format!("\naccess logs: {}\n", count(summary.access_logs.len() as u64, "line"));
    let mut by_proxy: BTreeMap<&str, Vec<&AccessLogSummary>> = BTreeMap::new();
    for log in &summary.access_logs {
        by_proxy.entry(&log.proxy).or_default().push(log);
    }
    for (proxy, logs) in by_proxy {
        let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for log in &logs {
            *counts.entry((&log.class, &log.provider)).or_default() += 1;
        }
        let mut words = vec![format!("{}:", clean(proxy))];
        words.extend(
            counts
                .iter()
                .map(|((class, provider), count)| format!("{} {} {count}", clean(class), clean(provider))),
        );
        let last = words.len() - 1;
        words[1..last].iter_mut().for_each(|word| word.push(','));
        for line in wrap(&words, WIDTH - 2) {
            out += &format!("  {line}\n");
        }
        for log in telling(&logs) {
            out += &format!("      {}\n", cut(&clean(&text(log)), WIDTH - 6));
        }
    }
    out
}

/// The last lines that tell most: one of another logger than the last, else one of another status.
fn telling<'a>(logs: &[&'a AccessLogSummary]) -> Vec<&'a AccessLogSummary> {
    let Some((last, before)) = logs.split_last() else { return Vec::new() };
    let of_another = |what: &dyn Fn(&AccessLogSummary, &AccessLogSummary) -> bool| {
        before.iter().rev().find(|log| what(log, last)).copied()
    };
    let other = of_another(&|a, b| (&a.class, &a.provider) != (&b.class, &b.provider))
        .or_else(|| of_another(&|a, b| status(a) != status(b)))
        .or_else(|| of_another(&|a, b| a.text != b.text));
    other.into_iter().chain([*last]).collect()
}

/// A line as it was written; a record over OTLP that has no text by its attributes.
pub(in crate::commands::up) fn text(log: &AccessLogSummary) -> String {
    if log.text.is_empty() {
        serde_json::Value::Object(log.fields.clone()).to_string()
    } else {
        log.text.clone()
    }
}

/// How many traces there are, and the one that took longest as a tree.
pub(super) fn traces(summary: &Summary) -> String {
    let traces = tree::traces(&summary.spans);
    let Some(slowest) = traces.iter().max_by(|a, b| a.duration_ms.total_cmp(&b.duration_ms)) else {
        return String::new();
    };
    let spans = count(summary.spans.len() as u64, "span");
    let requests = count(summary.requests.sent, "request");
    let mut out = format!(
        "\ntraces: {} ({spans}) of {requests}; the slowest took {:.1} ms:\n",
        traces.len(),
        slowest.duration_ms
    );
    for line in spans_of(slowest) {
        out += &format!("  {}\n", line.trim_end());
    }
    out
}

fn spans_of(trace: &Trace<'_>) -> Vec<String> {
    let line = |node: &tree::Node<'_>| {
        let indent = "  ".repeat(node.depth);
        let name = format!("{indent}{}", tree::name(node.span, NAME.saturating_sub(indent.len())));
        let duration = format!("{:.1} ms", node.span.duration_ms);
        let failed = if node.span.is_error { " failed" } else { "" };
        format!(
            "{} {duration:>9} {} {}{failed}",
            fit(&name, NAME),
            bar(trace, node.span, 8),
            clean(tree::status(node.span))
        )
    };
    let mut lines: Vec<String> = trace.spans.iter().take(MOST_SPANS).map(line).collect();
    if trace.spans.len() > MOST_SPANS {
        lines.push(format!("and {} more", count((trace.spans.len() - MOST_SPANS) as u64, "span")));
    }
    lines
}

/// Every plugin of every proxy.
pub(super) fn plugins(summary: &Summary) -> String {
    let mut out = if summary.plugins.is_empty() { String::new() } else { "\nplugins:\n".to_owned() };
    for plugin in &summary.plugins {
        let digest = plugin.sha256.as_deref().map_or("no module".to_owned(), |digest| {
            format!("sha256 {}", digest.get(..12).unwrap_or(digest))
        });
        let loaded = if plugin.loaded { "loaded" } else { "not loaded" };
        let words = [
            clean(&plugin.plugin),
            format!("at {}:", clean(&plugin.proxy)),
            format!("{loaded},"),
            clean(&digest),
        ];
        for line in wrap(&words, WIDTH - 2) {
            out += &format!("  {line}\n");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use burgee_localnet::summary::{RequestsSummary, VERSION};
    use serde_json::Map;

    use super::*;
    use crate::commands::up::clean::width;
    use crate::commands::up::examples::{log, plugin, span};

    #[test]
    fn the_lines_that_are_shown_differ_in_their_logger_else_in_their_status() {
        let line = |provider: &str, code: u16| {
            let mut line = log("shop/web", &format!("\"GET /{provider} HTTP/1.1\" {code} -"), Map::new());
            line.provider = provider.to_owned();
            line
        };
        for (logs, expected) in [
            (vec![line("a", 503), line("b", 200), line("b", 503), line("b", 503)], vec![0, 3]),
            (vec![line("a", 404), line("a", 503), line("a", 200), line("a", 200)], vec![1, 3]),
            (vec![line("a", 200), line("a", 200)], vec![1]),
            (vec![line("a", 200)], vec![0]),
        ] {
            let logs: Vec<_> = logs.iter().collect();
            let shown = telling(&logs);
            assert_eq!(shown.len(), expected.len());
            for (log, number) in shown.into_iter().zip(expected) {
                assert!(std::ptr::eq(log, logs[number]), "{number} of {logs:?}");
            }
        }
    }

    #[test]
    fn the_reports_say_how_many_and_show_the_last_and_the_slowest() {
        let long = format!("\u{1b}[31m{}", "wide 漢字 ".repeat(30));
        let summary = Summary {
            version: VERSION,
            proxies: Vec::new(),
            without_sidecar: Vec::new(),
            requests: RequestsSummary { sent: 4, ok: 4, failed: 0 },
            metrics: Vec::new(),
            access_logs: vec![
                log("shop/web", "first", Map::new()),
                log("shop/web", "second", Map::new()),
                log("shop/web", &long, Map::new()),
            ],
            spans: vec![
                span("quick", "a", None, 1, 2.0),
                span("slow", "b", None, 2, 8.0),
                span("slow", "c", Some("b"), 4, 4.0),
            ],
            plugins: vec![plugin("shop/web", "0123456789abcdef")],
            problems: Vec::new(),
        };
        let text = logs(&summary) + &traces(&summary) + &plugins(&summary);
        let expected = "
access logs: 3 lines
  shop/web: gateway text-log 3
      second
      \\u{1b}[31mwide 漢字 wide 漢字 wide 漢字 wide 漢字 wide 漢字 wide 漢字 w…

traces: 2 (3 spans) of 4 requests; the slowest took 8.0 ms:
  svc in work b                                    8.0 ms ████████ 200
    svc in work c                                  4.0 ms   ████   200

plugins:
  shop/headers at shop/web: loaded, sha256 0123456789ab
";
        assert_eq!(text, expected);
        assert!(text.lines().all(|line| width(line) <= WIDTH));
    }
}

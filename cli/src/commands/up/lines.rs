//! A mesh that is held as a stream of lines, for whatever is not a terminal: each begins with the word for what it
//! tells of (`log`, `trace`, `metric`, `state`, `plugin`), so that it can be searched for.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::Duration;

use burgee_localnet::live::{PartState, PluginWords, Snapshot};
use burgee_localnet::summary::{AccessLogSummary, SpanSummary};
use tokio::time::Instant;

use super::asked::{Policies, place};
use super::clean::clean;
use super::show::{part_kind, part_story, text};
use super::status::status;
use super::tree::{self, traces};

/// How long a trace must be quiet before it is told: spans of one trace come from several proxies, which send them
/// about once a second.
const QUIET: Duration = Duration::from_secs(1);
/// How long a trace that is never quiet may wait: whoever gives all requests one trace would have it grow for ever.
const LONGEST: Duration = Duration::from_secs(5);

/// How often it is told what the metrics grew by.
const COUNT: Duration = Duration::from_secs(10);

/// What was told so far.
#[derive(Debug, Default)]
pub(super) struct Lines {
    logs_seen: u64,
    spans_seen: u64,
    words_seen: u64,
    states: BTreeMap<(String, String), (u32, PartState)>,
    plugins: BTreeMap<(String, String), (Option<String>, bool)>,
    waiting: HashMap<String, Waiting>,
    /// The values of each proxy's metrics when they were told last: the sums over all of their series.
    counts: BTreeMap<(String, String), f64>,
    /// When what they grew by is told, if it was seen that they did.
    count_at: Option<Instant>,
    /// The metrics that are switched off: what they are and where, and which line does it.
    off: BTreeMap<String, String>,
}

/// The spans of a trace that may get more.
#[derive(Debug)]
struct Waiting {
    /// When the trace is told at the latest.
    latest: Instant,
    /// When it is told unless more spans come.
    quiet: Instant,
    spans: Vec<SpanSummary>,
}

impl Waiting {
    fn due(&self) -> Instant {
        self.quiet.min(self.latest)
    }
}

impl Lines {
    /// A stream of what comes after a snapshot, and lines of what is there to begin with.
    pub(super) fn after(snapshot: &Snapshot, now: Instant) -> (Lines, Vec<String>) {
        let mut lines = Lines { logs_seen: snapshot.logs_seen, ..Lines::default() };
        lines.spans_seen = snapshot.spans_seen;
        lines.counts = counts(snapshot);
        let first = lines.next(snapshot, now);
        (lines, first)
    }

    /// What of the metrics that documents switch off differs from before.
    pub(super) fn asked(&mut self, policies: &Policies, folder: &Path) -> Vec<String> {
        let off = switched_off(policies, folder);
        let on = self.off.keys().filter(|what| !off.contains_key(*what));
        let mut out: Vec<String> = on.map(|what| format!("metric {what} is on again")).collect();
        let fresh = off.iter().filter(|(what, _)| !self.off.contains_key(*what));
        out.extend(fresh.map(|(what, by)| format!("metric {what} is off by {by}")));
        self.off = off;
        out
    }

    /// What is new in a snapshot.
    pub(super) fn next(&mut self, snapshot: &Snapshot, now: Instant) -> Vec<String> {
        let mut out = self.states(snapshot);
        let (words, missed) = newest(&snapshot.words, snapshot.words_seen, self.words_seen);
        if missed > 0 {
            out.push(format!("plugin said {missed} things too fast to be told"));
        }
        out.extend(words.iter().map(said));
        self.words_seen = snapshot.words_seen;
        let (logs, missed) = newest(&snapshot.access_logs, snapshot.logs_seen, self.logs_seen);
        if missed > 0 {
            out.push(format!("log    {missed} lines came too fast to be told"));
        }
        out.extend(logs.iter().map(log));
        self.logs_seen = snapshot.logs_seen;
        let (spans, missed) = newest(&snapshot.spans, snapshot.spans_seen, self.spans_seen);
        if missed > 0 {
            out.push(format!("trace  {missed} spans came too fast to be told"));
        }
        for span in spans {
            let fresh = || Waiting { latest: now + LONGEST, quiet: now + QUIET, spans: Vec::new() };
            let waiting = self.waiting.entry(span.trace_id.clone()).or_insert_with(fresh);
            waiting.quiet = now + QUIET;
            waiting.spans.push(span.clone());
        }
        self.spans_seen = snapshot.spans_seen;
        out.extend(self.quiet(now));
        out.extend(self.growth(snapshot, now));
        out
    }

    /// When there is something to tell even if nothing comes.
    pub(super) fn wake(&self) -> Option<Instant> {
        self.waiting.values().map(Waiting::due).chain(self.count_at).min()
    }

    /// What each proxy's metrics grew by, once it is time to tell it.
    fn growth(&mut self, snapshot: &Snapshot, now: Instant) -> Vec<String> {
        let counts = counts(snapshot);
        // What is missing is of a proxy that does not answer, or not any more; if it comes back it has not begun anew.
        if counts.iter().all(|(of, value)| self.counts.get(of) == Some(value)) {
            self.count_at = None;
            return Vec::new();
        }
        if now < *self.count_at.get_or_insert(now + COUNT) {
            return Vec::new();
        }
        self.count_at = None;
        let mut grown: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for ((proxy, name), value) in &counts {
            let before = self.counts.get(&(proxy.clone(), name.clone())).unwrap_or(&0.0);
            if value > before {
                grown.entry(proxy).or_default().push(format!("{} +{}", clean(name), value - before));
            }
        }
        let out = grown.iter().map(|(proxy, names)| format!("metric {} {}", clean(proxy), names.join(", ")));
        let out = out.collect();
        self.counts.extend(counts);
        out
    }

    /// The traces that have been quiet, or have waited, for long enough.
    fn quiet(&mut self, now: Instant) -> Vec<String> {
        let mut spans: Vec<SpanSummary> = Vec::new();
        self.waiting.retain(|_, waiting| {
            let is_due = now >= waiting.due();
            if is_due {
                spans.append(&mut waiting.spans);
            }
            !is_due
        });
        spans.sort_by_key(|span| span.start_ns);
        traces(&spans)
            .iter()
            .map(|trace| {
                let status = trace.spans.first().map_or("", |node| tree::status(node.span));
                let status = if status.is_empty() { "-" } else { status };
                let failed = if trace.is_error() { "failed " } else { "" };
                format!("trace  {} {} {failed}{}", clean(trace.id), clean(status), trace.line())
            })
            .collect()
    }

    fn states(&mut self, snapshot: &Snapshot) -> Vec<String> {
        let mut out = Vec::new();
        for part in &snapshot.parts {
            let key = (part_kind(part.kind).to_owned(), part.name.clone());
            let state = (part.pid, part.state.clone());
            if self.states.get(&key) != Some(&state) {
                let story = clean(&part_story(part));
                out.push(format!("state  {story} (process {}, {})", part.pid, clean(&part.address)));
                self.states.insert(key, state);
            }
        }
        for plugin in &snapshot.plugins {
            let key = (plugin.proxy.clone(), plugin.plugin.clone());
            let state = (plugin.sha256.clone(), plugin.loaded);
            if self.plugins.get(&key) != Some(&state) {
                let digest = plugin.sha256.as_deref().unwrap_or("without a module");
                let loaded = if plugin.loaded { "loaded" } else { "not loaded" };
                out.push(format!(
                    "plugin {} {} {loaded} {}",
                    clean(&plugin.proxy),
                    clean(&plugin.plugin),
                    clean(digest)
                ));
                self.plugins.insert(key, state);
            }
        }
        out
    }
}

/// The sum over all series of each proxy's metrics; of a distribution, how many values it has.
fn counts(snapshot: &Snapshot) -> BTreeMap<(String, String), f64> {
    let mut counts: BTreeMap<(String, String), f64> = BTreeMap::new();
    for metric in &snapshot.metrics {
        let series = &metric.series;
        if series.name.ends_with("_bucket") || series.name.ends_with("_sum") {
            continue;
        }
        let name = series.name.strip_suffix("_count").unwrap_or(&series.name);
        *counts.entry((series.proxy.clone(), name.to_owned())).or_default() += series.value;
    }
    counts
}

/// The metrics that documents switch off: where and what, and which line does it.
fn switched_off(policies: &Policies, folder: &Path) -> BTreeMap<String, String> {
    let mut off = BTreeMap::new();
    for (proxy, class, policy) in policies {
        for change in policy.metrics.iter().flat_map(|provider| &provider.overrides) {
            if let Some(disabled) = change.disabled.as_ref().filter(|disabled| disabled.value) {
                let what = format!("{} {} istio_{}", clean(proxy), class.name(), change.metric.stat_name());
                off.insert(what, place(&disabled.origin, folder));
            }
        }
    }
    off
}

/// The newest of what is kept, and how many more there were than are kept.
fn newest<T>(kept: &[T], seen: u64, told: u64) -> (&[T], u64) {
    let fresh = seen.saturating_sub(told);
    let count = usize::try_from(fresh).unwrap_or(usize::MAX).min(kept.len());
    (&kept[kept.len() - count..], fresh - count as u64)
}

/// What a plugin said, in a line.
fn said(words: &PluginWords) -> String {
    let plugin = words.plugin.as_deref().unwrap_or("-");
    let text: Vec<&str> = words.text.lines().map(str::trim).collect();
    format!("plugin {} {} {}: {}", clean(&words.proxy), clean(plugin), words.level, clean(&text.join(" ")))
}

fn log(log: &AccessLogSummary) -> String {
    let status = status(log).map_or("-".to_owned(), |status| status.to_string());
    let from = format!("{} {} {}", log.proxy, log.class, log.provider);
    format!("log    {} {status} {}", clean(&from), clean(&text(log)))
}

#[cfg(test)]
mod tests {
    use burgee_localnet::live::PartKind;
    use serde_json::Map;

    use super::*;
    use crate::commands::up::asked;
    use crate::commands::up::examples::{self, metric, part, plugin, span};

    #[test]
    fn only_what_is_new_is_told_and_a_trace_once_it_is_quiet() {
        let begin = Instant::now();
        let mut snapshot = Snapshot {
            parts: vec![part(PartKind::Sidecar, "shop/web", 7)],
            plugins: vec![plugin("shop/web", "aa")],
            access_logs: vec![examples::log("shop/web", "old", Map::new())],
            logs_seen: 1,
            ..Snapshot::default()
        };
        let (mut lines, first) = Lines::after(&snapshot, begin);
        assert_eq!(
            first,
            [
                "state  the Envoy of shop/web runs (process 7, 127.0.0.1:10007)",
                "plugin shop/web shop/headers loaded aa",
            ]
        );
        assert_eq!(lines.next(&snapshot, begin), [""; 0]);
        assert_eq!(lines.wake(), None);

        snapshot.parts[0].state = PartState::Ended("killed by SIGKILL".to_owned());
        snapshot.plugins[0].sha256 = Some("bb".to_owned());
        let text = "a \"GET / HTTP/1.1\" 503 \u{1b}[2J";
        snapshot.access_logs.push(examples::log("shop/web", text, Map::new()));
        snapshot.logs_seen = 2;
        snapshot.spans = vec![span("t1", "b", Some("a"), 2, 1.0), span("t1", "a", None, 1, 4.0)];
        snapshot.spans_seen = 2;
        assert_eq!(
            lines.next(&snapshot, begin),
            [
                "state  the Envoy of shop/web ended: killed by SIGKILL (process 7, 127.0.0.1:10007)",
                "plugin shop/web shop/headers loaded bb",
                "log    shop/web gateway text-log 503 a \"GET / HTTP/1.1\" 503 \\u{1b}[2J",
            ]
        );
        assert_eq!(lines.wake(), Some(begin + QUIET));
        assert_eq!(lines.next(&snapshot, begin + QUIET / 2), [""; 0]);
        assert_eq!(lines.next(&snapshot, begin + QUIET), ["trace  t1 200 svc 4.0 ms (svc 1.0 ms)"]);
        assert_eq!(lines.next(&snapshot, begin + 3 * QUIET), [""; 0]);
    }

    #[test]
    fn a_trace_that_is_never_quiet_is_told_in_parts() {
        let begin = Instant::now();
        let (mut lines, _) = Lines::after(&Snapshot::default(), begin);
        let (mut snapshot, mut told) = (Snapshot::default(), Vec::new());
        for number in 0..=10 {
            snapshot.spans.push(span("t1", &number.to_string(), None, number, 1.0));
            snapshot.spans_seen += 1;
            told.push(lines.next(&snapshot, begin + QUIET / 2 * u32::try_from(number).expect("few")).len());
        }
        assert_eq!(told, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(lines.wake(), None);
    }

    #[test]
    fn what_metrics_grow_by_is_told_together_and_what_is_off_when_it_is_switched() {
        let begin = Instant::now();
        let duration = "istio_request_duration_milliseconds";
        let metrics = |requests: f64, durations: f64| Snapshot {
            metrics: vec![
                metric("shop/web", "istio_requests_total", &[("response_code", "200")], requests),
                metric("shop/web", "istio_requests_total", &[("response_code", "503")], 1.0),
                metric("shop/web", &format!("{duration}_bucket"), &[], durations),
                metric("shop/web", &format!("{duration}_count"), &[], durations),
            ],
            ..Snapshot::default()
        };
        let (mut lines, first) = Lines::after(&metrics(1.0, 2.0), begin);
        assert_eq!((first, lines.wake()), (Vec::new(), None));
        assert_eq!(lines.next(&metrics(3.0, 4.0), begin), [""; 0]);
        assert_eq!(lines.wake(), Some(begin + COUNT));
        let told = lines.next(&metrics(5.0, 4.0), begin + COUNT);
        assert_eq!(told, [format!("metric shop/web {duration} +2, istio_requests_total +4")]);
        assert_eq!(lines.wake(), None);
        // A proxy that does not answer for a while.
        for snapshot in [&Snapshot::default(), &metrics(5.0, 4.0)] {
            assert_eq!(lines.next(snapshot, begin + 3 * COUNT), [""; 0]);
            assert_eq!(lines.wake(), None);
        }

        let (policies, folder) = (asked::tests::policies("docs/t.yaml"), Path::new("docs"));
        let off = lines.asked(&policies, folder);
        assert_eq!(off.first().map(String::as_str), Some(OFF));
        assert_eq!(lines.asked(&policies, folder), [""; 0]);
        let on = lines.asked(&Vec::new(), folder);
        assert_eq!(on.first().map(String::as_str), Some(ON));
    }

    const OFF: &str = "metric shop/cart inbound istio_request_bytes is off by t.yaml:38";
    const ON: &str = "metric shop/cart inbound istio_request_bytes is on again";

    #[test]
    fn what_came_too_fast_is_counted() {
        let begin = Instant::now();
        let (mut lines, _) = Lines::after(&Snapshot::default(), begin);
        let snapshot = Snapshot {
            access_logs: vec![examples::log("p", "x", Map::new())],
            logs_seen: 5,
            spans_seen: 3,
            ..Snapshot::default()
        };
        let told = lines.next(&snapshot, begin);
        assert_eq!(
            told,
            [
                "log    4 lines came too fast to be told",
                "log    p gateway text-log - x",
                "trace  3 spans came too fast to be told"
            ]
        );
    }

    #[test]
    fn what_a_plugin_says_is_a_line_also_if_it_was_said_before() {
        let words = PluginWords {
            proxy: "ns/gw".to_owned(),
            plugin: Some("ns/who-asks".to_owned()),
            level: "critical".to_owned(),
            text: "panicked at src/filter.rs:57:50:\n\u{1b}[2J".to_owned(),
        };
        let mut snapshot = Snapshot { words: vec![words.clone()], words_seen: 1, ..Snapshot::default() };
        let (mut lines, first) = Lines::after(&snapshot, Instant::now());
        assert_eq!(first, ["plugin ns/gw ns/who-asks critical: panicked at src/filter.rs:57:50: \\u{1b}[2J"]);
        snapshot.words.push(PluginWords { plugin: None, text: "failed".to_owned(), ..words });
        snapshot.words_seen = 4;
        assert_eq!(
            lines.next(&snapshot, Instant::now()),
            [
                "plugin said 1 things too fast to be told".to_owned(),
                "plugin ns/gw ns/who-asks critical: panicked at src/filter.rs:57:50: \\u{1b}[2J".to_owned(),
                "plugin ns/gw - critical: failed".to_owned(),
            ]
        );
    }
}

//! Everything about one row: all of its fields, and which line of which document is behind it.

use std::path::Path;

use burgee_api::Origin;
use burgee_api::resolve::{ClassPolicy, ListenerClass, TagOperation, Tracing};
use burgee_localnet::live::{PartKind, PartState, PluginWords};
use burgee_localnet::summary::{AccessLogSummary, LogSinkKind, MetricSummary, OriginSummary, SpanSummary};

use super::data::Data;
use super::metrics::{base_name, mean};
use super::rows::{Item, Tone, rate};
use crate::commands::up::asked::{file, place, who, wishes};
use crate::commands::up::clean::clean;
use crate::commands::up::show::{command, part_name, part_state};
use crate::commands::up::tree::{self, Trace, traces};

/// How much of what a plugin said is shown, the newest first.
const LAST_WORDS: usize = 5;

/// A line of details, before it is folded to a width.
pub(super) type DetailLine = (String, Tone);

/// Lines of `name  value`, and headings.
#[derive(Default)]
struct Lines(Vec<DetailLine>);

impl Lines {
    fn title(&mut self, text: impl AsRef<str>) {
        self.0.push((clean(text.as_ref()), Tone::Strong));
    }

    fn field(&mut self, name: &str, value: impl AsRef<str>) {
        self.0.push((format!("  {}: {}", clean(name), clean(value.as_ref())), Tone::Plain));
    }

    /// Something that is so, and who asked for it.
    fn asked(&mut self, what: &str, by: &str) {
        self.0.push((format!("  {}", clean(what)), Tone::Plain));
        self.0.push((format!("    {}", clean(by)), Tone::Good));
    }

    fn origin(&mut self, what: &str, origin: &Origin, folder: &Path) {
        self.asked(what, &who(&OriginSummary::from(origin), folder));
    }
}

/// Everything about an item.
pub(super) fn details(item: &Item, data: &Data) -> Vec<DetailLine> {
    let mut lines = Lines::default();
    let snapshot = &data.snapshot;
    match item {
        Item::Heading => {}
        Item::Part(number) => part(&mut lines, *number, data),
        Item::Metric(name) => metric(&mut lines, name, data),
        Item::Series(number) => {
            if let Some(metric) = snapshot.metrics.get(*number) {
                series(&mut lines, &metric.series, metric.per_second, mean(*number, data), data);
            }
        }
        Item::Off(number, name) => {
            if let Some((proxy, class, policy)) = data.policies.get(*number) {
                lines.title(format!("{name} is off at {proxy} ({})", class.name()));
                off(&mut lines, name, policy, &data.folder);
            }
        }
        Item::Log(number) => {
            if let Some(log) = snapshot.access_logs.get(*number) {
                log_line(&mut lines, log, data);
            }
        }
        Item::Trace(id) => {
            lines.title(format!("Trace {id}"));
            if let Some(trace) = traces(&snapshot.spans).iter().find(|trace| trace.id == id) {
                request(&mut lines, trace);
                if let Some(first) = trace.spans.first() {
                    tracing(&mut lines, first.span, data);
                }
            }
        }
        Item::Span(trace, id) => {
            let is_it = |span: &&SpanSummary| span.trace_id == *trace && span.span_id == *id;
            if let Some(found) = snapshot.spans.iter().find(is_it) {
                span(&mut lines, found, data);
            }
        }
        Item::Target(number) => target(&mut lines, *number, data),
        Item::Plugin(number) => plugin(&mut lines, *number, data),
        Item::Problem(number) => problem(&mut lines, *number, data),
    }
    lines.0
}

fn part(lines: &mut Lines, number: usize, data: &Data) {
    let Some(part) = data.snapshot.parts.get(number) else { return };
    let ended = if matches!(part.state, PartState::Ended(_)) { "ended: " } else { "" };
    let state = part_state(&part.state);
    lines.title(format!("The {} {ended}{state}", part_name(part)));
    if !part.last_words.is_empty() {
        lines.0.push(("  It said last:".to_owned(), Tone::Plain));
        // Each of its lines is worth one.
        lines.0.extend(part.last_words.lines().map(|line| (format!("    {}", clean(line)), Tone::Bad)));
    }
    lines.field("process", part.pid.to_string());
    let is_proxy = matches!(part.kind, PartKind::Gateway | PartKind::Sidecar);
    lines.field(if is_proxy { "admin page" } else { "listens on" }, &part.address);
    let proxy = data.proxies.iter().find(|proxy| is_proxy && proxy.workload == part.name);
    for listener in proxy.map_or(&[][..], |proxy| &proxy.listeners) {
        lines.field(&listener.name, &listener.address);
    }
    lines.field("requests per second", rate(part.per_second));
    if matches!(part.state, PartState::Ended(_)) {
        lines.field("what to do", "the rest goes on; stop burgee up and start it again to have it back");
    }
    if !is_proxy {
        return;
    }
    for (_, class, policy) in data.policies.iter().filter(|(proxy, ..)| *proxy == part.name) {
        let wishes = wishes(policy);
        if !wishes.is_empty() {
            lines.title(format!("Asked of {} traffic", class.name()));
        }
        for wish in wishes {
            lines.asked(&wish.text, &place(&wish.origin, &data.folder));
        }
    }
}

fn target(lines: &mut Lines, number: usize, data: &Data) {
    let Some(target) = data.targets.get(number) else { return };
    lines.title(command(target));
    lines.field("gateway", &target.gateway);
    lines.field("address", target.address.to_string());
    lines.field("host", &target.host);
    lines.field("answers as asked", "status=503, size=2048 and delay=50ms in the query are obeyed");
}

fn metric(lines: &mut Lines, name: &str, data: &Data) {
    lines.title(name);
    for (proxy, class, policy) in &data.policies {
        let at = format!("{proxy} ({})", class.name());
        for provider in &policy.metrics {
            let what = format!("{at}: counted for {}", provider.provider.value);
            let is_off = provider.overrides.iter().any(|change| {
                base_name(name) == format!("istio_{}", change.metric.stat_name())
                    && change.disabled.as_ref().is_some_and(|disabled| disabled.value)
            });
            if !is_off {
                lines.origin(&what, &provider.provider.origin, &data.folder);
            }
        }
        off(lines, name, policy, &data.folder);
    }
}

/// Which lines switch a metric off.
fn off(lines: &mut Lines, name: &str, policy: &ClassPolicy, folder: &Path) {
    for change in policy.metrics.iter().flat_map(|provider| &provider.overrides) {
        let disabled = change.disabled.as_ref().filter(|disabled| disabled.value);
        if let Some(disabled) = disabled.filter(|_| format!("istio_{}", change.metric.stat_name()) == name) {
            lines.origin("switched off by", &disabled.origin, folder);
        }
    }
}

fn series(lines: &mut Lines, series: &MetricSummary, per_second: f64, mean: Option<String>, data: &Data) {
    lines.title(&series.name);
    let mean = mean.map_or(String::new(), |mean| format!(", {mean}"));
    lines.field("value", format!("{}, {} per second{mean}", series.value, rate(per_second)));
    lines.field("proxy", &series.proxy);
    if let Some((_, _, policy)) = data.policies.iter().find(|entry| is_policy_of(entry, series)) {
        for provider in &policy.metrics {
            lines.origin(
                &format!("counted for {}", provider.provider.value),
                &provider.provider.origin,
                &data.folder,
            );
            for change in &provider.overrides {
                if format!("istio_{}", change.metric.stat_name()) != base_name(&series.name) {
                    continue;
                }
                for (tag, operation) in &change.tags {
                    let what = match &operation.value {
                        TagOperation::Upsert(expression) => format!("with {tag}={expression}"),
                        TagOperation::Remove => format!("without {tag}"),
                    };
                    lines.origin(&what, &operation.origin, &data.folder);
                }
            }
        }
    }
    lines.title("Labels");
    for (name, value) in &series.labels {
        lines.field(name, value);
    }
}

/// Whether a policy is the one that a series comes from: its proxy's, for the side that reports.
fn is_policy_of((proxy, class, _): &(String, ListenerClass, ClassPolicy), series: &MetricSummary) -> bool {
    let reporter = series.labels.get("reporter").map(String::as_str);
    *proxy == series.proxy
        && match reporter {
            Some("source") => class.is_client(),
            Some("destination") => !class.is_client(),
            _ => true,
        }
}

/// The policy of a proxy for a class, by the class's name.
fn policy_of<'d>(proxy: &str, class: &str, data: &'d Data) -> Option<&'d ClassPolicy> {
    let is_it = |entry: &&(String, ListenerClass, ClassPolicy)| entry.0 == proxy && entry.1.name() == class;
    data.policies.iter().find(is_it).map(|(_, _, policy)| policy)
}

fn log_line(lines: &mut Lines, log: &AccessLogSummary, data: &Data) {
    let sink = match log.sink {
        LogSinkKind::File => "a line of a file",
        LogSinkKind::Otlp => "a record over OTLP",
        LogSinkKind::Als => "an entry of the access log service",
    };
    lines.title(format!("{} ({}), {sink}", log.proxy, log.class));
    if let Some(by) = &log.asked_by {
        lines.asked(&format!("logged for {}", log.provider), &who(by, &data.folder));
    }
    let loggers = policy_of(&log.proxy, &log.class, data).map_or(&[][..], |policy| &policy.access_logs);
    let is_its = |logger: &&burgee_api::resolve::AccessLogger| logger.provider.value == log.provider;
    if let Some(filter) = loggers.iter().find(is_its).and_then(|logger| logger.filter.as_ref()) {
        lines.origin(&format!("only where {}", filter.value), &filter.origin, &data.folder);
    }
    lines.field("text", &log.text);
    for (name, value) in &log.fields {
        match value {
            serde_json::Value::String(text) => lines.field(name, text),
            other => lines.field(name, other.to_string()),
        }
    }
}

/// What a trace's first span says of its request, and where it went.
fn request(lines: &mut Lines, trace: &Trace<'_>) {
    let Some(first) = trace.spans.first().map(|node| node.span) else { return };
    let tag = |names: &[&str]| names.iter().find_map(|name| first.tags.get(*name));
    let method = tag(&["http.method", "http.request.method"]).map_or("", String::as_str);
    let url = tag(&["http.url", "url.full", "url.path", "http.target"]).unwrap_or(&first.name);
    lines.field("request", format!("{method} {url}").trim());
    let status = tree::status(first);
    let failed = if trace.is_error() { ", failed" } else { "" };
    lines.field("status", format!("{}{failed}", if status.is_empty() { "-" } else { status }));
    lines.field("took", format!("{:.1} ms", trace.duration_ms));
    let mut through: Vec<&str> = Vec::new();
    for node in &trace.spans {
        if !through.contains(&node.span.proxy.as_str()) {
            through.push(&node.span.proxy);
        }
    }
    lines.field("through", through.join(", "));
}

/// Which lines make a proxy send spans.
fn tracing(lines: &mut Lines, span: &SpanSummary, data: &Data) {
    if let Some(by) = &span.asked_by {
        lines.asked(&format!("sent to {}", span.provider), &who(by, &data.folder));
    }
    let policy = policy_of(&span.proxy, &span.class, data).map(|policy| &policy.tracing);
    if let Some(Tracing::Provider { settings, .. }) = policy {
        let sampling = &settings.sampling;
        lines.origin(&format!("{} % of requests", sampling.value), &sampling.origin, &data.folder);
    }
}

fn span(lines: &mut Lines, span: &SpanSummary, data: &Data) {
    let failed = if span.is_error { ", failed" } else { "" };
    lines.title(format!("{}  {}  {:.1} ms{failed}", span.service, span.name, span.duration_ms));
    lines.field("proxy", format!("{} ({}), {}", span.proxy, span.class, span.kind));
    tracing(lines, span, data);
    let policy = policy_of(&span.proxy, &span.class, data).map(|policy| &policy.tracing);
    if let Some(Tracing::Provider { settings, .. }) = policy {
        for (name, tag) in &settings.custom_tags {
            // Istio's own tags are there by a rule; only what a document names is worth a line.
            if matches!(tag.origin, Origin::Document { .. }) {
                let value = span.tags.get(name).map_or("not on this span", String::as_str);
                lines.origin(&format!("with {name}={value}"), &tag.origin, &data.folder);
            }
        }
    }
    lines.title("Tags");
    for (name, value) in &span.tags {
        lines.field(name, value);
    }
    lines.field("trace, span", format!("{}, {}", span.trace_id, span.span_id));
    if let Some(parent) = &span.parent_span_id {
        lines.field("below", parent);
    }
}

fn plugin(lines: &mut Lines, number: usize, data: &Data) {
    let Some(plugin) = data.snapshot.plugins.get(number) else { return };
    let loaded = if plugin.loaded { "is loaded" } else { "is not loaded" };
    lines.title(format!("The plugin {} {loaded} at {}", plugin.plugin, plugin.proxy));
    if let Some(by) = &plugin.asked_by {
        lines.asked("asked for by", &who(by, &data.folder));
    }
    lines.field("phase", &plugin.phase);
    lines.field("url", &plugin.url);
    lines.field("module", plugin.module.as_deref().unwrap_or("cannot be had; the problems say why"));
    lines.field("sha256", plugin.sha256.as_deref().unwrap_or("-"));
    let of_it = |words: &&PluginWords| {
        words.proxy == plugin.proxy && words.plugin.as_ref().is_none_or(|name| *name == plugin.plugin)
    };
    for words in data.snapshot.words.iter().rev().filter(of_it).take(LAST_WORDS) {
        lines.field("said", format!("{}: {}", words.level, words.text));
    }
}

fn problem(lines: &mut Lines, number: usize, data: &Data) {
    let Some(problem) = data.problems.get(number) else { return };
    lines.title(format!("{} {}", problem.severity.name(), problem.code));
    if let Some(place) = &problem.place {
        let file = file(&place.file, &data.folder);
        lines.field("where", format!("{file}:{}:{}", place.line, place.column));
    }
    if !problem.path.is_empty() {
        lines.field("field", &problem.path);
    }
    // The words of others may have several lines, and each is worth one.
    for line in problem.message.lines() {
        lines.0.push((format!("  {}", clean(line)), Tone::Plain));
    }
    for line in problem.help.lines() {
        lines.0.push((format!("  {}", clean(line)), Tone::Good));
    }
}

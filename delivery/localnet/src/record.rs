//! Everything that the proxies have logged and reported, with who asked for it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use burgee_api::Problem;
use burgee_api::origin::Traced;
use burgee_api::problem::Severity;
use burgee_api::resolve::{Effective, ListenerClass, Tracing};
use burgee_overlay::log_file_name;
use burgee_stub::protocol::{self, Protocol};
use serde_json::{Map, Value};

use crate::codes::{NOT_KEPT, NOT_READ};
use crate::expect::Tally;
use crate::summary::{AccessLogSummary, LogSinkKind, OriginSummary, SpanSummary};
use crate::words::Traps;

/// How many lines, and how many spans, are kept for the summary: the last ones.
pub(crate) const KEPT: usize = 10_000;

/// Who reports: one logger or the tracer of one class of one proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reporter {
    /// The workload, as `namespace/name`; empty when the caller does not say.
    pub(crate) proxy: String,
    /// The class of the listener; empty likewise.
    pub(crate) class: String,
    /// The provider, as it is spelled in a file's name; empty likewise.
    pub(crate) provider: String,
}

impl Reporter {
    /// Who writes a file of this name beside a proxy; none when it is no access log's.
    pub(crate) fn of_file(proxy: &str, file_name: &str) -> Option<Reporter> {
        let (class, provider) = file_name.strip_suffix(".log")?.split_once('.')?;
        Some(Reporter { proxy: proxy.to_owned(), class: class.to_owned(), provider: provider.to_owned() })
    }

    /// Who says `PROXY;CLASS;PROVIDER`.
    fn of_metadata(text: Option<&str>) -> Reporter {
        let mut parts = text.unwrap_or_default().splitn(3, ';').map(str::to_owned);
        let mut next = || parts.next().unwrap_or_default();
        Reporter { proxy: next(), class: next(), provider: next() }
    }

    fn new(proxy: &str, class: ListenerClass, provider: &str) -> Reporter {
        // The name of its file is where a provider's spelling is defined.
        Reporter::of_file(proxy, &log_file_name(class, provider)).unwrap_or_default()
    }
}

/// How many bytes of a line or a record's body are kept.
const LONGEST_TEXT: usize = 16 * 1024;

/// A text of which too much came: its beginning, and how much there was.
fn shorten(mut text: String) -> String {
    let length = text.len();
    if length > LONGEST_TEXT {
        text.truncate(text.floor_char_boundary(LONGEST_TEXT));
        text.push_str(&format!("… ({length} bytes)"));
        text.shrink_to_fit();
    }
    text
}

/// The last ones of many, and how many there were.
#[derive(Debug)]
struct Kept<T> {
    last: VecDeque<T>,
    seen: u64,
}

impl<T> Kept<T> {
    fn new() -> Kept<T> {
        Kept { last: VecDeque::new(), seen: 0 }
    }

    fn add(&mut self, one: T) {
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(one);
        self.seen += 1;
    }

    /// Those that came after the first `before`, as far as they are kept.
    fn since(&self, before: u64) -> impl Iterator<Item = &T> {
        let first = self.seen - self.last.len() as u64;
        let skipped = usize::try_from(before.saturating_sub(first)).unwrap_or(usize::MAX);
        self.last.iter().skip(skipped)
    }
}

/// A line or a record of an access log as it came. It becomes what is shown only when it is asked for: under load most
/// never are.
#[derive(Debug)]
struct Log {
    reporter: Arc<Reporter>,
    text: String,
    /// How a record came and its attributes; none of a line.
    record: Option<(LogSinkKind, Map<String, Value>)>,
}

/// What has come so far.
#[derive(Debug)]
pub(crate) struct Record {
    loggers: BTreeMap<Reporter, Traced<String>>,
    tracers: BTreeMap<Reporter, Traced<String>>,
    logs: Kept<Log>,
    spans: Kept<SpanSummary>,
    log_tally: Tally,
    span_tally: Tally,
    received: u64,
    last: Option<Instant>,
    not_read: u64,
    why_not_read: String,
    /// What the logs of the proxies tell of plugins that trapped.
    pub(crate) traps: Traps,
}

impl Record {
    /// Nothing yet.
    pub(crate) fn new() -> Record {
        Record {
            loggers: BTreeMap::new(),
            tracers: BTreeMap::new(),
            logs: Kept::new(),
            spans: Kept::new(),
            log_tally: Tally::default(),
            span_tally: Tally::default(),
            received: 0,
            last: None,
            not_read: 0,
            why_not_read: String::new(),
            traps: Traps::default(),
        }
    }

    /// Learns who asks for what from the policy of a proxy. What earlier policies asked for is remembered, since what
    /// came of it may still be on its way.
    pub(crate) fn learn(&mut self, policy: &Effective) {
        let proxy = policy.workload.to_string();
        for (class, policy) in &policy.classes {
            for logger in &policy.access_logs {
                let reporter = Reporter::new(&proxy, *class, &logger.provider.value);
                self.loggers.insert(reporter, logger.provider.clone());
            }
            if let Tracing::Provider { provider, .. } = &policy.tracing {
                self.tracers.insert(Reporter::new(&proxy, *class, &provider.value), provider.clone());
            }
        }
    }

    /// Lines of a file.
    pub(crate) fn lines(&mut self, reporter: &Arc<Reporter>, lines: Vec<String>) {
        for text in lines {
            self.log(reporter.clone(), text, None);
        }
    }

    fn log(
        &mut self,
        reporter: Arc<Reporter>,
        text: String,
        record: Option<(LogSinkKind, Map<String, Value>)>,
    ) {
        let text = shorten(text);
        self.last = Some(Instant::now());
        let provider = self.loggers.get(&reporter).map_or(&reporter.provider, |known| &known.value);
        self.log_tally.add(&reporter.proxy, &reporter.class, provider);
        self.logs.add(Log { reporter, text, record });
    }

    /// A line of the receiver; what cannot be read is counted.
    pub(crate) fn received(&mut self, line: &str) {
        self.received += 1;
        match serde_json::from_str(line) {
            Ok(protocol::Record::Log(log)) => {
                let reporter = Reporter::of_metadata(log.reporter.as_deref());
                let sink = match log.protocol {
                    Protocol::AccessLogService => LogSinkKind::Als,
                    _ => LogSinkKind::Otlp,
                };
                self.log(Arc::new(reporter), log.body, Some((sink, log.attributes)));
            }
            Ok(protocol::Record::Span(span)) => self.span(span),
            Err(error) => self.fail(&format!("a line of the receiver: {error}")),
        }
    }

    /// How many lines and records of access logs have come.
    pub(crate) fn logs_seen(&self) -> u64 {
        self.logs.seen
    }

    /// How many spans have come.
    pub(crate) fn spans_seen(&self) -> u64 {
        self.spans.seen
    }

    /// How many log lines and records have come, by who reported them.
    pub(crate) fn log_tally(&self) -> &Tally {
        &self.log_tally
    }

    /// How many spans of requests have come, by who reported them; those of what a proxy sent on for them are not counted.
    pub(crate) fn span_tally(&self) -> &Tally {
        &self.span_tally
    }

    /// How many records and spans the receiver has told of.
    pub(crate) fn received_seen(&self) -> u64 {
        self.received
    }

    /// When the last log line or span came.
    pub(crate) fn last(&self) -> Option<Instant> {
        self.last
    }

    /// The lines and records that came after the first `before`, as far as they are kept.
    pub(crate) fn logs_since(&self, before: u64) -> Vec<AccessLogSummary> {
        self.logs.since(before).map(|log| self.shown(log)).collect()
    }

    /// The spans that came after the first `before`, as far as they are kept.
    pub(crate) fn spans_since(&self, before: u64) -> Vec<SpanSummary> {
        self.spans.since(before).cloned().collect()
    }

    fn shown(&self, log: &Log) -> AccessLogSummary {
        let (sink, fields) = match &log.record {
            Some((sink, attributes)) => (*sink, attributes.clone()),
            None => match serde_json::from_str(&log.text) {
                Ok(Value::Object(fields)) => (LogSinkKind::File, fields),
                _ => (LogSinkKind::File, Map::new()),
            },
        };
        let (provider, asked_by) = asker(&self.loggers, &log.reporter);
        AccessLogSummary {
            proxy: log.reporter.proxy.clone(),
            class: log.reporter.class.clone(),
            provider,
            sink,
            text: log.text.clone(),
            fields,
            asked_by,
        }
    }

    fn span(&mut self, span: protocol::Span) {
        let reporter = Reporter::of_metadata(span.reporter.as_deref());
        let (provider, asked_by) = asker(&self.tracers, &reporter);
        self.last = Some(Instant::now());
        if !is_upstream(&span) {
            self.span_tally.add(&reporter.proxy, &reporter.class, &provider);
        }
        self.spans.add(SpanSummary {
            proxy: reporter.proxy,
            class: reporter.class,
            provider,
            protocol: span.protocol,
            service: span.resource.get("service.name").cloned().unwrap_or_default(),
            trace_id: span.trace_id,
            span_id: span.span_id,
            parent_span_id: span.parent_span_id,
            name: span.name,
            kind: span.kind,
            start_ns: span.start_ns,
            duration_ms: span.end_ns.saturating_sub(span.start_ns) as f64 / 1e6,
            is_error: span.is_error,
            tags: span.tags,
            asked_by,
        });
    }

    /// Something could not be read.
    pub(crate) fn fail(&mut self, why: &str) {
        if self.not_read == 0 {
            why.clone_into(&mut self.why_not_read);
        }
        self.not_read += 1;
    }

    /// What of it is worth knowing.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (what, seen) in [("log lines", self.logs.seen), ("spans", self.spans.seen)] {
            if seen > KEPT as u64 {
                let message = format!("{seen} {what} came, and the summary has the last {KEPT} of them");
                problems.push(Problem::new(Severity::Note, NOT_KEPT, message));
            }
        }
        if self.not_read > 0 {
            let message = format!(
                "{} of what was logged or reported could not be read; the first: {}",
                self.not_read, self.why_not_read
            );
            let help = "what is shown of logs and spans is not complete; start `burgee up` again";
            problems.push(Problem::new(Severity::Error, NOT_READ, message).help(help));
        }
        problems
    }
}

/// Whether a span is of what a proxy sent on for a request, beside that of the request itself: by the name that Envoy
/// gives it. There is none when the proxy answers itself, and several when it tries again.
fn is_upstream(span: &protocol::Span) -> bool {
    match span.protocol {
        // There both have the same name, and what was sent on is not the first of its segment.
        Protocol::Skywalking => !span.span_id.ends_with(".0"),
        _ => span.name.starts_with("router ") && span.name.ends_with(" egress"),
    }
}

/// A provider's name as documents have it, and who asked for it. Unknown ones keep the spelling that they came with.
fn asker(known: &BTreeMap<Reporter, Traced<String>>, reporter: &Reporter) -> (String, Option<OriginSummary>) {
    match known.get(reporter) {
        Some(provider) => (provider.value.clone(), Some(OriginSummary::from(&provider.origin))),
        None => (reporter.provider.clone(), None),
    }
}

#[cfg(test)]
mod tests;

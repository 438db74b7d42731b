//! Records as lines for people. Pure.

use std::fmt::Write;

use serde_json::Value;

use crate::protocol::{Log, Record, Span};

/// A record as a line, without its line feed.
pub(crate) fn line(record: &Record) -> String {
    let line = match record {
        Record::Log(log) => self::log(log),
        Record::Span(span) => self::span(span),
    };
    // What a client sent must not steer the terminal, nor look like a line of ours.
    line.chars().fold(String::with_capacity(line.len()), |mut text, character| {
        match character.is_control() {
            true => text.extend(character.escape_default()),
            false => text.push(character),
        }
        text
    })
}

fn log(log: &Log) -> String {
    let mut line =
        format!("{} log  {}  {}", time_of_day(log.time_ns), from(log.reporter.as_deref()), log.body);
    for (key, value) in &log.attributes {
        let value = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let _ = write!(line, "  {key}={value}");
    }
    line
}

fn span(span: &Span) -> String {
    let microseconds = span.end_ns.saturating_sub(span.start_ns) / 1000;
    let mut line = format!(
        "{} span {}  {} {}  {}.{:03} ms{}  trace={} span={} parent={}",
        time_of_day(span.start_ns),
        from(span.reporter.as_deref()),
        span.kind,
        span.name,
        microseconds / 1000,
        microseconds % 1000,
        if span.is_error { "  failed" } else { "" },
        span.trace_id,
        span.span_id,
        span.parent_span_id.as_deref().unwrap_or("-"),
    );
    for (key, value) in &span.tags {
        let _ = write!(line, "  {key}={value}");
    }
    line
}

/// Who reports: workload, class and provider.
fn from(reporter: Option<&str>) -> String {
    reporter.unwrap_or("-").replace(';', " ")
}

/// The time of day in UTC, to the millisecond.
fn time_of_day(ns: u64) -> String {
    let ms = ns / 1_000_000;
    let (seconds, ms) = (ms / 1000 % 86_400, ms % 1000);
    format!("{:02}:{:02}:{:02}.{ms:03}Z", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Protocol;
    use serde_json::json;

    #[test]
    fn a_record_is_one_line_whatever_a_client_sent() {
        let attributes = [("code".to_owned(), json!(503)), ("agent".to_owned(), json!("a\u{1b}[2Jb\nc"))];
        let log = Log {
            protocol: Protocol::OtlpGrpc,
            reporter: Some("shop/web;inbound;otel".to_owned()),
            time_ns: 86_400_000_000_000 + 3_723_004_000_000,
            body: "GET /".to_owned(),
            attributes: attributes.into_iter().collect(),
        };
        assert_eq!(
            line(&Record::Log(log)),
            "01:02:03.004Z log  shop/web inbound otel  GET /  agent=a\\u{1b}[2Jb\\nc  code=503"
        );
    }

    #[test]
    fn a_span_says_how_long_it_took_and_where_it_hangs() {
        let span = Span {
            protocol: Protocol::OtlpGrpc,
            reporter: None,
            resource: [].into(),
            trace_id: "ab".to_owned(),
            span_id: "cd".to_owned(),
            parent_span_id: None,
            name: "web:80/*".to_owned(),
            kind: "client".to_owned(),
            start_ns: 1_000_000,
            end_ns: 2_234_567,
            is_error: true,
            tags: [("key".to_owned(), "value".to_owned())].into(),
        };
        assert_eq!(
            line(&Record::Span(span)),
            "00:00:00.001Z span -  client web:80/*  1.234 ms  failed  trace=ab span=cd parent=-  key=value"
        );
    }
}

//! Compares what a filter did with what a case expects of it.

use std::time::Duration;

use burgee_harness::{Callout, Header, LocalReply, LogLevel, LogLine, Message, Metric, MetricValue, Request};

use super::Mismatch;
use crate::cases::Located;
use crate::cases::format::{
    CalloutExpect, Effects, HeadersExpect, Level, LogExpect, MessageExpect, MetricExpect, ReplyExpect,
};
use crate::cases::values::{Match, Matches, Ordered, shown};

/// Writes down what is not as expected.
pub(super) struct Compare<'c> {
    pub case: &'c Located,
    pub mismatches: Vec<Mismatch>,
}

/// What a filter did that is not of one stream.
pub(super) struct Done<'d> {
    pub logs: &'d [LogLine],
    pub callouts: &'d [Callout],
    pub metrics: Vec<Metric>,
    pub shared: &'d dyn Fn(&str) -> Option<Vec<u8>>,
}

impl Compare<'_> {
    /// Writes down that a field expects one thing, and another is so.
    pub fn tell(&mut self, path: &str, expected: impl Into<String>, got: impl Into<String>) {
        self.mismatches.push(Mismatch {
            path: path.to_owned(),
            place: self.case.place_of(path).clone(),
            expected: expected.into(),
            got: got.into(),
        });
    }

    /// Compares bytes, or that there are none.
    pub fn bytes(&mut self, path: &str, expected: &Match, got: Option<&[u8]>) {
        if !got.is_some_and(|got| expected.holds(got)) {
            self.tell(path, expected.to_string(), got.map_or("nothing".to_owned(), shown));
        }
    }

    /// Compares bytes that may be expected not to be there.
    pub fn optional(&mut self, path: &str, expected: Option<&Match>, got: Option<&[u8]>) {
        match (expected, got) {
            (Some(expected), got) => self.bytes(path, expected, got),
            (None, Some(got)) => self.tell(path, "nothing", shown(got)),
            (None, None) => {}
        }
    }

    /// Compares a message that has gone on with what is expected of it.
    pub fn message(
        &mut self,
        path: &str,
        expected: &MessageExpect,
        got: Option<&Message>,
        arrived: &Arrived,
    ) {
        if let Some(headers) = &expected.headers {
            let path = format!("{path}.headers");
            match got {
                Some(got) => self.headers(&path, headers, &got.headers, &arrived.headers),
                None => self.tell(&path, "headers that have gone on", "nothing has gone on yet"),
            }
        }
        if let Some(body) = &expected.body {
            let got = got.map_or(&[][..], |got| &got.body);
            self.bytes(&format!("{path}.body"), body, Some(got));
        }
        if let Some(trailers) = &expected.trailers {
            let got = got.and_then(|got| got.trailers.as_deref()).unwrap_or_default();
            self.headers(&format!("{path}.trailers"), trailers, got, &arrived.trailers);
        }
    }

    fn headers(&mut self, path: &str, expected: &HeadersExpect, got: &[Header], arrived: &[Header]) {
        self.values(&format!("{path}.set"), &expected.set, got);
        for (name, matches) in &expected.added.0 {
            let path = format!("{path}.added{}", part(name));
            let before = values(arrived, name);
            let mut added = values(got, name);
            for value in before {
                if let Some(at) = added.iter().position(|other| *other == value) {
                    added.remove(at);
                }
            }
            let is_there = |wanted: &&Match| added.iter().any(|value| wanted.holds(value));
            if !matches.all().iter().all(is_there) {
                self.tell(&path, matches.to_string(), list(&added));
            }
        }
        for name in &expected.removed {
            let path = format!("{path}.removed");
            let what = format!("`{name}` arrived and is gone");
            if values(arrived, name).is_empty() {
                self.tell(&path, what, format!("`{name}` did not arrive"));
            } else if !values(got, name).is_empty() {
                self.tell(&path, what, format!("`{name}` is there: {}", list(&values(got, name))));
            }
        }
        for name in &expected.absent {
            let there = values(got, name);
            if !there.is_empty() {
                self.tell(&format!("{path}.absent"), format!("no `{name}`"), list(&there));
            }
        }
        if let Some(exact) = &expected.exact {
            let exact = exact.pairs();
            if exact != got {
                self.tell(&format!("{path}.exact"), lines(&exact), lines(got));
            }
        }
    }

    /// Compares the values of headers by their names.
    fn values(&mut self, path: &str, expected: &Ordered<Matches>, got: &[Header]) {
        for (name, matches) in &expected.0 {
            let wanted = matches.all();
            let there = values(got, name);
            let is_so = wanted.len() == there.len()
                && wanted.iter().zip(&there).all(|(wanted, value)| wanted.holds(value));
            if !is_so {
                self.tell(&format!("{path}{}", part(name)), matches.to_string(), list(&there));
            }
        }
    }

    /// Compares a response that the filter made.
    pub fn reply(&mut self, path: &str, expected: &ReplyExpect, got: Option<&LocalReply>) {
        let Some(got) = got else {
            self.tell(path, "a response of the filter", "it made none");
            return;
        };
        if let Some(status) = expected.status
            && u32::from(status) != got.status
        {
            self.tell(&format!("{path}.status"), status.to_string(), got.status.to_string());
        }
        self.values(&format!("{path}.headers"), &expected.headers, &got.headers);
        if let Some(body) = &expected.body {
            self.bytes(&format!("{path}.body"), body, Some(&got.body));
        }
        if let Some(details) = &expected.details {
            self.bytes(&format!("{path}.details"), details, Some(&got.details));
        }
        let status = got.grpc_status.map(i64::from);
        if let Some(expected) = expected.grpc_status
            && status != Some(expected.into())
        {
            let got = status.map_or("none".to_owned(), |status| status.to_string());
            self.tell(&format!("{path}.grpcStatus"), expected.to_string(), got);
        }
    }

    /// Compares what a filter did that is not of one stream. Prefix: the path of what expects it.
    pub fn effects(&mut self, path: &str, expected: &Effects, done: &Done<'_>) {
        if let Some(callouts) = &expected.callouts {
            self.callouts(&format!("{path}.callouts"), callouts, done.callouts);
        }
        for (at, line) in expected.logs.iter().enumerate() {
            if !done.logs.iter().any(|logged| is_line(line, logged)) {
                self.tell(&format!("{path}.logs[{at}]"), line_shown(line), "no such line in its log");
            }
        }
        for (at, line) in expected.no_logs.iter().enumerate() {
            if let Some(logged) = done.logs.iter().find(|logged| is_line(line, logged)) {
                let path = format!("{path}.noLogs[{at}]");
                self.tell(&path, format!("no line with {}", line_shown(line)), logged.to_string());
            }
        }
        for (at, metric) in expected.metrics.iter().enumerate() {
            self.metric(&format!("{path}.metrics[{at}]"), metric, &done.metrics);
        }
        for (key, expected) in &expected.shared_data.0 {
            let path = format!("{path}.sharedData{}", part(key));
            self.optional(&path, expected.as_ref(), (done.shared)(key).as_deref());
        }
    }

    fn callouts(&mut self, path: &str, expected: &[CalloutExpect], got: &[Callout]) {
        if expected.len() != got.len() {
            let made = got.iter().map(|callout| format!("to {}", callout.cluster)).collect::<Vec<_>>();
            let made = if made.is_empty() { String::new() } else { format!(": {}", made.join(", ")) };
            self.tell(
                path,
                count(expected.len(), "callout"),
                format!("{}{made}", count(got.len(), "callout")),
            );
            return;
        }
        for (at, (expected, got)) in expected.iter().zip(got).enumerate() {
            let path = format!("{path}[{at}]");
            if let Some(cluster) = &expected.cluster {
                self.bytes(&format!("{path}.cluster"), cluster, Some(got.cluster.as_bytes()));
            }
            self.grpc(&path, expected, &got.request);
            let (headers, body) = asked(&got.request);
            self.values(&format!("{path}.headers"), &expected.headers, headers);
            if let Some(wanted) = &expected.body {
                self.bytes(&format!("{path}.body"), wanted, Some(&body));
            }
            let patience = Duration::from_millis(got.timeout_milliseconds.into());
            if let Some(timeout) = expected.timeout
                && timeout.0 != patience
            {
                self.tell(&format!("{path}.timeout"), format!("{:?}", timeout.0), format!("{patience:?}"));
            }
        }
    }

    /// Compares what only callouts of gRPC have.
    fn grpc(&mut self, path: &str, expected: &CalloutExpect, got: &Request) {
        let (of, stream) = match got {
            Request::Http(_) => (None, None),
            Request::Grpc { service, method, .. } => (Some((service, method)), None),
            Request::GrpcStream { service, method, messages, is_closed, .. } => {
                (Some((service, method)), Some((messages, *is_closed)))
            }
        };
        for (field, expected, got) in [
            ("service", &expected.service, of.map(|(service, _)| service)),
            ("method", &expected.method, of.map(|(_, method)| method)),
        ] {
            let path = format!("{path}.{field}");
            match (expected, got) {
                (Some(expected), Some(got)) => self.bytes(&path, expected, Some(got.as_bytes())),
                (Some(expected), None) => self.tell(&path, expected.to_string(), "a callout of HTTP"),
                (None, _) => {}
            }
        }
        if let Some(wanted) = &expected.messages {
            let path = format!("{path}.messages");
            let Some((messages, _)) = stream else {
                return self.tell(&path, count(wanted.len(), "message"), "no stream of gRPC");
            };
            let is_so = wanted.len() == messages.len()
                && wanted.iter().zip(messages).all(|(wanted, message)| wanted.holds(message));
            if !is_so {
                let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
                let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
                let wanted = if wanted.is_empty() { "nothing".to_owned() } else { wanted.join(", ") };
                self.tell(&path, wanted, list(&messages));
            }
        }
        if let Some(wanted) = expected.closed {
            let shown =
                |is_closed: bool| if is_closed { "a stream that is closed" } else { "one that is open" };
            match stream {
                Some((_, is_closed)) if is_closed == wanted => {}
                Some((_, is_closed)) => self.tell(&format!("{path}.closed"), shown(wanted), shown(is_closed)),
                None => self.tell(&format!("{path}.closed"), shown(wanted), "no stream of gRPC"),
            }
        }
    }

    fn metric(&mut self, path: &str, expected: &MetricExpect, got: &[Metric]) {
        let found: Vec<&Metric> = got.iter().filter(|metric| is_metric(expected, metric)).collect();
        let total = |of: fn(&MetricValue) -> u64| -> i64 {
            let sum = found.iter().map(|metric| of(&metric.value)).fold(0_u64, u64::wrapping_add);
            // Gauges may be below zero, and are kept as the ABI has them.
            sum.cast_signed()
        };
        let value = total(|value| match value {
            MetricValue::Number(number) => *number,
            MetricValue::Recorded(values) => values.len() as u64,
        });
        let sum = total(|value| match value {
            MetricValue::Number(number) => *number,
            MetricValue::Recorded(values) => values.iter().copied().fold(0, u64::wrapping_add),
        });
        let any = expected.value.is_none() && expected.at_least.is_none() && expected.sum.is_none();
        let others = || -> String {
            let names: Vec<String> = got.iter().map(metric_shown).collect();
            if names.is_empty() {
                "it has no metrics".to_owned()
            } else {
                format!("it has {}", names.join(", "))
            }
        };
        if found.is_empty() && (any || expected.value != Some(0)) {
            self.tell(path, what_metric(expected), format!("no such metric; {}", others()));
            return;
        }
        for (field, wanted, is, fits) in [
            ("value", expected.value, value, expected.value.is_none_or(|wanted| wanted == value)),
            ("atLeast", expected.at_least, value, expected.at_least.is_none_or(|wanted| value >= wanted)),
            ("sum", expected.sum, sum, expected.sum.is_none_or(|wanted| wanted == sum)),
        ] {
            if let Some(wanted) = wanted
                && !fits
            {
                self.tell(&format!("{path}.{field}"), wanted.to_string(), is.to_string());
            }
        }
    }
}

/// What has arrived of a message.
#[derive(Clone, Debug, Default)]
pub(super) struct Arrived {
    pub headers: Vec<Header>,
    pub trailers: Vec<Header>,
    pub body_bytes: usize,
    pub has_begun: bool,
    pub is_over: bool,
}

fn values<'h>(headers: &'h [Header], name: &str) -> Vec<&'h [u8]> {
    let is_meant = |found: &[u8]| found.eq_ignore_ascii_case(name.as_bytes());
    headers.iter().filter(|(found, _)| is_meant(found)).map(|(_, value)| value.as_slice()).collect()
}

fn list(values: &[&[u8]]) -> String {
    let values: Vec<String> = values.iter().map(|value| shown(value)).collect();
    if values.is_empty() { "nothing".to_owned() } else { values.join(", ") }
}

/// A line for each header.
fn lines(headers: &[Header]) -> String {
    let line = |(name, value): &Header| format!("{}: {}", shown(name).trim_matches('"'), shown(value));
    headers.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The end of a path to an entry of a map.
fn part(key: &str) -> String {
    burgee_api::document::reader::join("x", key).split_off(1)
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The headers and the body of what a callout asks.
fn asked(request: &Request) -> (&[Header], Vec<u8>) {
    match request {
        Request::Http(message) => (&message.headers, message.body.clone()),
        Request::Grpc { metadata, message, .. } => (metadata, message.clone()),
        Request::GrpcStream { metadata, messages, .. } => (metadata, messages.concat()),
    }
}

fn is_line(expected: &LogExpect, logged: &LogLine) -> bool {
    expected.level.is_none_or(|level| level == level_of(logged.level))
        && expected.text.as_ref().is_none_or(|text| text.holds(&logged.message))
}

fn level_of(level: LogLevel) -> Level {
    match level {
        LogLevel::Trace => Level::Trace,
        LogLevel::Debug => Level::Debug,
        LogLevel::Info => Level::Info,
        LogLevel::Warn => Level::Warn,
        LogLevel::Error => Level::Error,
        LogLevel::Critical => Level::Critical,
    }
}

fn line_shown(line: &LogExpect) -> String {
    let level = line.level.map_or("a line".to_owned(), |level| level.name().to_owned());
    line.text.as_ref().map_or(level.clone(), |text| format!("{level}: {text}"))
}

fn is_metric(expected: &MetricExpect, metric: &Metric) -> bool {
    let (name, labels) = metric.labelled();
    let has = |(label, wanted): &(String, Match)| {
        labels.iter().any(|(found, value)| found == label && wanted.holds(value.as_bytes()))
    };
    expected.name.holds(name.as_bytes()) && expected.labels.0.iter().all(has)
}

fn what_metric(expected: &MetricExpect) -> String {
    let labels: Vec<String> =
        expected.labels.0.iter().map(|(label, wanted)| format!("{label}={wanted}")).collect();
    let labels = if labels.is_empty() { String::new() } else { format!(" with {}", labels.join(", ")) };
    format!("a metric {}{labels}", expected.name)
}

fn metric_shown(metric: &Metric) -> String {
    let (name, labels) = metric.labelled();
    let labels: Vec<String> = labels.iter().map(|(label, value)| format!("{label}={value:?}")).collect();
    if labels.is_empty() { name } else { format!("{name}{{{}}}", labels.join(",")) }
}

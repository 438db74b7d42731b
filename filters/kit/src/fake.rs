//! A host for unit tests: attributes are set, metrics and log lines are kept, and every call can be made to fail.
//!
//! It answers as Envoy was seen to: an attribute that is not set is absent, every definition of a metric gives
//! a new identifier, adding 0 to a counter is refused, and an expression that was not set does not compile.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use crate::expression::{AFTER, BEFORE};
use crate::host::{Host, HostError, LogLevel, MetricId, MetricKind};
use crate::http::{Header, HttpHost, Message, check_header};

/// The host. See the module's documentation.
#[derive(Debug, Default)]
pub struct FakeHost {
    properties: RefCell<BTreeMap<String, Vec<u8>>>,
    expressions: RefCell<BTreeMap<String, Option<Vec<u8>>>>,
    compiled: RefCell<BTreeMap<u32, String>>,
    request: RefCell<Vec<Header>>,
    response: RefCell<Vec<Header>>,
    foreign: RefCell<BTreeMap<String, Result<Vec<u8>, HostError>>>,
    definitions: RefCell<Vec<(MetricKind, String)>>,
    metrics: RefCell<BTreeMap<String, Vec<u64>>>,
    log: RefCell<Vec<(LogLevel, String)>>,
    now: Cell<u64>,
    calls: Cell<usize>,
    property_reads: Cell<usize>,
    failure: Cell<Option<Failure>>,
}

#[derive(Clone, Copy, Debug)]
enum Failure {
    Every(HostError),
    /// Only the call of that number, counted from 0.
    Call(usize, HostError),
}

impl FakeHost {
    /// A host that knows nothing.
    pub fn new() -> FakeHost {
        FakeHost::default()
    }

    /// Sets an attribute whose path has no dots within its segments, such as `request.host`.
    pub fn set(&self, path: &str, value: impl Into<Vec<u8>>) {
        self.properties.borrow_mut().insert(path.replace('.', "\0"), value.into());
    }

    /// Sets an attribute by its segments.
    pub fn set_path(&self, path: &[&str], value: impl Into<Vec<u8>>) {
        self.properties.borrow_mut().insert(path.join("\0"), value.into());
    }

    /// Removes an attribute.
    pub fn remove(&self, path: &str) {
        self.properties.borrow_mut().remove(&path.replace('.', "\0"));
    }

    /// Makes an expression one that compiles, and sets what it gives; nothing means that it fails.
    pub fn set_expression(&self, text: &str, value: Option<&str>) {
        self.expressions.borrow_mut().insert(text.to_owned(), value.map(|value| value.as_bytes().to_vec()));
    }

    /// Gives a message these headers and no others.
    pub fn set_headers(&self, of: Message, headers: &[(impl AsRef<[u8]>, impl AsRef<[u8]>)]) {
        *self.message(of).borrow_mut() = headers
            .iter()
            .map(|(name, value)| (name.as_ref().to_ascii_lowercase(), value.as_ref().to_vec()))
            .collect();
    }

    /// The headers that a message has; what is not UTF-8 is shown as U+FFFD.
    pub fn headers_text(&self, of: Message) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        self.message(of).borrow().iter().map(|(name, value)| (text(name), text(value))).collect()
    }

    /// Sets the answer of a foreign function that has nothing to do with expressions.
    pub fn set_foreign_function(&self, name: &str, answer: Result<Vec<u8>, HostError>) {
        self.foreign.borrow_mut().insert(name.to_owned(), answer);
    }

    /// Sets the time.
    pub fn set_now_nanoseconds(&self, now: u64) {
        self.now.set(now);
    }

    /// From now on every call fails.
    pub fn fail_every_call(&self, error: HostError) {
        self.failure.set(Some(Failure::Every(error)));
    }

    /// One call fails: the one that follows `after` others from now on.
    pub fn fail_one_call(&self, after: usize, error: HostError) {
        self.failure.set(Some(Failure::Call(self.calls.get().saturating_add(after), error)));
    }

    /// From now on no call is made to fail.
    pub fn stop_failing(&self) {
        self.failure.set(None);
    }

    /// The recorded values by the metric's name: of a counter its one sum, of a gauge its last value, of
    /// a distribution everything.
    pub fn metrics(&self) -> BTreeMap<String, Vec<u64>> {
        self.metrics.borrow().clone()
    }

    /// How many definitions there were, also of names that were defined before.
    pub fn definitions(&self) -> usize {
        self.definitions.borrow().len()
    }

    /// The lines of the log.
    pub fn log_lines(&self) -> Vec<(LogLevel, String)> {
        self.log.borrow().clone()
    }

    /// How many expressions are compiled and not deleted.
    pub fn live_expressions(&self) -> usize {
        self.compiled.borrow().len()
    }

    /// How many calls there were that can fail.
    pub fn calls(&self) -> usize {
        self.calls.get()
    }

    /// How many attributes were asked for.
    pub fn property_reads(&self) -> usize {
        self.property_reads.get()
    }

    fn call(&self) -> Result<(), HostError> {
        let number = self.calls.get();
        self.calls.set(number.saturating_add(1));
        match self.failure.get() {
            Some(Failure::Every(error)) => Err(error),
            Some(Failure::Call(failing, error)) if failing == number => Err(error),
            Some(Failure::Call(..)) | None => Ok(()),
        }
    }

    fn message(&self, of: Message) -> &RefCell<Vec<Header>> {
        match of {
            Message::Request => &self.request,
            Message::Response => &self.response,
        }
    }

    fn definition(&self, metric: MetricId) -> Result<(MetricKind, String), HostError> {
        let index = usize::try_from(metric.0).map_err(|_| HostError::NotFound)?;
        self.definitions.borrow().get(index).cloned().ok_or(HostError::NotFound)
    }

    fn create_expression(&self, text: &[u8]) -> Result<Vec<u8>, HostError> {
        let text = String::from_utf8(text.to_vec()).map_err(|_| HostError::BadArgument)?;
        let inner = text.strip_prefix(BEFORE).and_then(|text| text.strip_suffix(AFTER)).unwrap_or(&text);
        if !self.expressions.borrow().contains_key(inner) {
            return Err(HostError::BadArgument);
        }
        let mut compiled = self.compiled.borrow_mut();
        let token = compiled.last_key_value().map_or(1, |(last, _)| last.saturating_add(1));
        compiled.insert(token, inner.to_owned());
        Ok(token.to_le_bytes().to_vec())
    }

    fn evaluate_expression(&self, token: &[u8]) -> Result<Vec<u8>, HostError> {
        let compiled = self.compiled.borrow();
        let text = token_of(token).and_then(|token| compiled.get(&token)).ok_or(HostError::NotFound)?;
        self.expressions.borrow().get(text).cloned().flatten().ok_or(HostError::InternalFailure)
    }
}

fn token_of(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

impl Host for FakeHost {
    fn property(&self, path: &[&str]) -> Result<Option<Vec<u8>>, HostError> {
        self.property_reads.set(self.property_reads.get().saturating_add(1));
        self.call()?;
        Ok(self.properties.borrow().get(&path.join("\0")).cloned())
    }

    fn define_metric(&self, kind: MetricKind, name: &str) -> Result<MetricId, HostError> {
        self.call()?;
        let mut definitions = self.definitions.borrow_mut();
        let id = u32::try_from(definitions.len()).map_err(|_| HostError::InternalFailure)?;
        definitions.push((kind, name.to_owned()));
        Ok(MetricId(id))
    }

    fn increment(&self, metric: MetricId, by: i64) -> Result<(), HostError> {
        self.call()?;
        let by = u64::try_from(by).ok().filter(|by| *by > 0).ok_or(HostError::BadArgument)?;
        match self.definition(metric)? {
            (MetricKind::Histogram, _) => Err(HostError::BadArgument),
            (MetricKind::Counter | MetricKind::Gauge, name) => {
                let mut metrics = self.metrics.borrow_mut();
                let sum = metrics.get(&name).and_then(|values| values.first()).copied().unwrap_or_default();
                metrics.insert(name, vec![sum.saturating_add(by)]);
                Ok(())
            }
        }
    }

    fn record(&self, metric: MetricId, value: u64) -> Result<(), HostError> {
        self.call()?;
        let (kind, name) = self.definition(metric)?;
        let mut metrics = self.metrics.borrow_mut();
        let values = metrics.entry(name).or_default();
        match kind {
            MetricKind::Histogram => values.push(value),
            MetricKind::Gauge => *values = vec![value],
            MetricKind::Counter => {
                *values = vec![values.first().copied().unwrap_or_default().saturating_add(value)];
            }
        }
        Ok(())
    }

    fn foreign_function(&self, name: &str, argument: &[u8]) -> Result<Vec<u8>, HostError> {
        self.call()?;
        match name {
            "expr_create" => self.create_expression(argument),
            "expr_evaluate" => self.evaluate_expression(argument),
            "expr_delete" => {
                let token = token_of(argument).ok_or(HostError::BadArgument)?;
                self.compiled.borrow_mut().remove(&token).map(|_| Vec::new()).ok_or(HostError::NotFound)
            }
            other => self.foreign.borrow().get(other).cloned().unwrap_or(Err(HostError::NotFound)),
        }
    }

    fn now_nanoseconds(&self) -> Result<u64, HostError> {
        self.call()?;
        Ok(self.now.get())
    }

    fn log(&self, level: LogLevel, message: &str) {
        self.log.borrow_mut().push((level, message.to_owned()));
    }
}

impl HttpHost for FakeHost {
    fn headers(&self, of: Message) -> Result<Vec<Header>, HostError> {
        self.call()?;
        Ok(self.message(of).borrow().clone())
    }

    fn header(&self, of: Message, name: &str) -> Result<Option<Vec<u8>>, HostError> {
        self.call()?;
        let headers = self.message(of).borrow();
        Ok(headers.iter().find(|(found, _)| is_same(found, name)).map(|(_, value)| value.clone()))
    }

    fn set_header(&self, of: Message, name: &str, value: &[u8]) -> Result<(), HostError> {
        check_header(name.as_bytes(), value)?;
        self.call()?;
        let mut headers = self.message(of).borrow_mut();
        headers.retain(|(found, _)| !is_same(found, name));
        headers.push((name.to_ascii_lowercase().into_bytes(), value.to_vec()));
        Ok(())
    }

    fn add_header(&self, of: Message, name: &str, value: &[u8]) -> Result<(), HostError> {
        check_header(name.as_bytes(), value)?;
        self.call()?;
        self.message(of).borrow_mut().push((name.to_ascii_lowercase().into_bytes(), value.to_vec()));
        Ok(())
    }

    fn remove_header(&self, of: Message, name: &str) -> Result<(), HostError> {
        self.call()?;
        self.message(of).borrow_mut().retain(|(found, _)| !is_same(found, name));
        Ok(())
    }
}

fn is_same(found: &[u8], name: &str) -> bool {
    found.eq_ignore_ascii_case(name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_add_up_by_name_whatever_the_identifier() {
        let host = FakeHost::new();
        let first = host.define_metric(MetricKind::Counter, "a").unwrap();
        let second = host.define_metric(MetricKind::Counter, "a").unwrap();
        assert_ne!(first, second);
        host.increment(first, 2).unwrap();
        host.record(second, 3).unwrap();
        assert_eq!(host.increment(first, 0), Err(HostError::BadArgument));
        assert_eq!(host.metrics()["a"], [5]);
        assert_eq!(host.definitions(), 2);
    }

    #[test]
    fn one_call_can_be_made_to_fail() {
        let host = FakeHost::new();
        host.set("request.host", "a");
        host.fail_one_call(1, HostError::InternalFailure);
        assert!(host.property(&["request", "host"]).is_ok());
        assert!(host.property(&["request", "host"]).is_err());
        assert!(host.property(&["request", "host"]).is_ok());
        host.fail_every_call(HostError::Status(77));
        assert_eq!(host.now_nanoseconds(), Err(HostError::Status(77)));
    }

    #[test]
    fn headers_are_kept_by_name_without_regard_to_case() {
        let host = FakeHost::new();
        host.set_headers(Message::Request, &[("Accept", "a"), ("x", "1"), ("accept", "b")]);
        assert_eq!(host.header(Message::Request, "ACCEPT"), Ok(Some(b"a".to_vec())));
        assert_eq!(host.header_values(Message::Request, "Accept"), Ok(vec![b"a".to_vec(), b"b".to_vec()]));
        assert_eq!(host.header(Message::Response, "accept"), Ok(None));
        host.add_header(Message::Request, "X", b"2").unwrap();
        host.set_header(Message::Request, "Accept", b"\xff").unwrap();
        let pairs: Vec<_> = host.headers(Message::Request).unwrap();
        assert_eq!(
            pairs,
            [
                (b"x".to_vec(), b"1".to_vec()),
                (b"x".to_vec(), b"2".to_vec()),
                (b"accept".to_vec(), b"\xff".to_vec())
            ]
        );
        assert_eq!(host.set_header(Message::Request, "x", b"1\r\ny: 2"), Err(HostError::BadArgument));
        host.remove_header(Message::Request, "X").unwrap();
        assert_eq!(host.headers_text(Message::Request), [("accept".to_owned(), "\u{fffd}".to_owned())]);
    }
}

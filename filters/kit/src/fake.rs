//! A host for unit tests: attributes are set, metrics and log lines are kept, calls are answered when the test says so,
//! time passes when it says so, and every call into the host can be made to fail.
//!
//! [`FakeHost`] is enough to call a filter's own functions. [`FakeProxy`] shows a filter whole streams and connections as
//! Envoy does and carries out what it decides.
//!
//! It answers as Envoy was seen to: an attribute that is not set is absent, every definition of a metric gives
//! a new identifier, adding 0 to a counter is refused, an expression that was not set does not compile, and a call that
//! lacks a mandatory header is not made.

mod calls;
mod host;
mod proxy;
mod stream;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::rc::Rc;

use crate::attributes::Vocabulary;
use crate::executor::Executor;
use crate::expression::{AFTER, BEFORE};
use crate::host::{HostError, LogLevel, MetricId, MetricKind, Shared};
use crate::http::{Header, Message};

pub use calls::{FakeCall, Made};
pub use proxy::FakeProxy;
pub use stream::{FakeStream, Flow};

/// The host. See the module's documentation. A clone is the same host.
#[derive(Clone, Debug, Default)]
pub struct FakeHost(Rc<Inner>);

impl Deref for FakeHost {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// What a host knows.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct Inner {
    properties: RefCell<BTreeMap<String, Vec<u8>>>,
    expressions: RefCell<BTreeMap<String, Option<Vec<u8>>>>,
    compiled: RefCell<BTreeMap<u32, String>>,
    contexts: RefCell<BTreeMap<u32, stream::Context>>,
    /// The context that calls are about.
    at_work: Cell<u32>,
    made: RefCell<Vec<FakeCall>>,
    last_call: Cell<u32>,
    missing_clusters: RefCell<BTreeSet<String>>,
    /// What is being answered.
    answer: RefCell<calls::Answered>,
    /// The root contexts that are called, how often, and when next.
    ticks: RefCell<BTreeMap<u32, (u64, u64)>>,
    configuration: RefCell<Vec<u8>>,
    executor: Rc<Executor>,
    vocabulary: Cell<Vocabulary>,
    foreign: RefCell<BTreeMap<String, Result<Vec<u8>, HostError>>>,
    /// The attributes of single contexts, which go before those of all.
    own_properties: RefCell<BTreeMap<(u32, String), Vec<u8>>>,
    /// What filters have set of each context, by path.
    set_properties: RefCell<BTreeMap<(u32, String), Vec<u8>>>,
    shared: RefCell<BTreeMap<String, Shared>>,
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

    /// Gives a message of the stream at hand these headers and no others.
    pub fn set_headers(&self, of: Message, headers: &[(impl AsRef<[u8]>, impl AsRef<[u8]>)]) {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.as_ref().to_ascii_lowercase(), value.as_ref().to_vec()))
            .collect();
        self.with_context(|context| *context.headers(of) = headers);
    }

    /// The headers that a message of the stream at hand has; what is not UTF-8 is shown as U+FFFD.
    pub fn headers_text(&self, of: Message) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers: Vec<Header> = self.with_context(|context| context.headers(of).clone());
        headers.iter().map(|(name, value)| (text(name), text(value))).collect()
    }

    /// Makes a cluster one that does not exist: calls to it are not made.
    pub fn remove_cluster(&self, name: &str) {
        self.missing_clusters.borrow_mut().insert(name.to_owned());
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
        let text = host::token_of(token).and_then(|token| compiled.get(&token)).ok_or(HostError::NotFound)?;
        self.expressions.borrow().get(text).cloned().flatten().ok_or(HostError::InternalFailure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Host;
    use crate::http::HttpHost;

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

//! What a filter can ask of the proxy that it runs in.

use std::fmt;

/// A proxy, as a filter sees it. Every call can fail, and every value is bytes: a client chooses many of them.
pub trait Host {
    /// An attribute's value in the host's encoding, or nothing if there is none in this phase.
    ///
    /// # Errors
    /// Any status of the host but "not found".
    fn property(&self, path: &[&str]) -> Result<Option<Vec<u8>>, HostError>;

    /// Defines a metric. Envoy gives a new identifier each time, also for a name that it knows, and keeps all of
    /// them: define once, keep the identifier.
    ///
    /// # Errors
    /// Any status of the host but success.
    fn define_metric(&self, kind: MetricKind, name: &str) -> Result<MetricId, HostError>;

    /// Adds to a counter or a gauge. Envoy refuses to add 0 to a counter.
    ///
    /// # Errors
    /// Any status of the host but success.
    fn increment(&self, metric: MetricId, by: i64) -> Result<(), HostError>;

    /// Records a value of a distribution, sets a gauge, or adds to a counter (also 0).
    ///
    /// # Errors
    /// Any status of the host but success.
    fn record(&self, metric: MetricId, value: u64) -> Result<(), HostError>;

    /// Calls a function that is not of the ABI but of this host.
    ///
    /// # Errors
    /// Any status of the host but success; `NotFound` if there is no such function.
    fn foreign_function(&self, name: &str, argument: &[u8]) -> Result<Vec<u8>, HostError>;

    /// The time since the epoch in nanoseconds.
    ///
    /// # Errors
    /// Any status of the host but success.
    fn now_nanoseconds(&self) -> Result<u64, HostError>;

    /// Writes a line to the proxy's log. A log that cannot be written is nobody's business.
    fn log(&self, level: LogLevel, message: &str);
}

/// How a metric's values add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// Only ever grows.
    Counter,
    /// Holds the last value.
    Gauge,
    /// A distribution.
    Histogram,
}

/// The host's name for a metric that was defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricId(pub u32);

/// How much a line of the log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names are the meaning")]
pub enum LogLevel {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Critical,
}

/// Why the host did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostError {
    /// What was named does not exist.
    NotFound,
    /// An argument was refused, or the call is not allowed in this phase.
    BadArgument,
    /// A value could not be written as bytes.
    SerializationFailure,
    /// A text could not be read.
    ParseFailure,
    /// The host failed, or does not have the function.
    InternalFailure,
    /// Any other status.
    Status(u32),
}

impl HostError {
    /// What a status of the ABI means; 0 is success.
    pub const fn of_status(status: u32) -> Option<HostError> {
        match status {
            0 => None,
            1 => Some(HostError::NotFound),
            2 => Some(HostError::BadArgument),
            3 => Some(HostError::SerializationFailure),
            4 => Some(HostError::ParseFailure),
            10 => Some(HostError::InternalFailure),
            other => Some(HostError::Status(other)),
        }
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostError::NotFound => f.write_str("not found"),
            HostError::BadArgument => f.write_str("bad argument"),
            HostError::SerializationFailure => f.write_str("serialization failure"),
            HostError::ParseFailure => f.write_str("parse failure"),
            HostError::InternalFailure => f.write_str("internal failure"),
            HostError::Status(status) => write!(f, "status {status}"),
        }
    }
}

impl std::error::Error for HostError {}

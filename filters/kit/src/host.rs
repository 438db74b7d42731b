//! What a filter can ask of the proxy that it runs in.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use crate::attributes::{Reads, Vocabulary, when};
use crate::calls::{GrpcCall, GrpcRequest, HttpCall, HttpRequest, Sleep};
use crate::executor::Executor;

/// A proxy, as a filter sees it. Every call can fail, and every value is bytes: a client chooses many of them.
///
/// A host is a handle: a clone, which costs next to nothing, is the same proxy. What waits takes one with it.
pub trait Host: Clone + Unpin + Reads<when::Always> + 'static {
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

    /// Where this proxy has what newer ones call `xds.*`, as far as it is known.
    fn vocabulary(&self) -> Vocabulary;

    /// Remembers where this proxy has what newer ones call `xds.*`.
    fn set_vocabulary(&self, vocabulary: Vocabulary);
}

/// A proxy that a filter can make calls through and whose time it can wait for.
///
/// A filter that awaits none of this pays for none of it. Every call needs its phase, or there is no callback that its
/// answer could come by: [`Phases::HTTP_CALLS`](crate::Phases::HTTP_CALLS),
/// [`Phases::GRPC_CALLS`](crate::Phases::GRPC_CALLS), [`Phases::TIMERS`](crate::Phases::TIMERS).
pub trait CallHost: Host {
    /// Sends an HTTP request to a cluster, at once; the answer, or why there is none, can be awaited.
    ///
    /// Dropping it forgets the answer, since the ABI cannot call a request back.
    fn http_call(&self, cluster: &str, request: &HttpRequest, timeout: Duration) -> HttpCall<Self> {
        HttpCall::new(self, cluster, request, timeout)
    }

    /// Makes a unary gRPC call to a cluster, at once; the answer can be awaited. Dropping it cancels the call.
    fn grpc_call(&self, cluster: &str, request: &GrpcRequest, timeout: Duration) -> GrpcCall<Self> {
        GrpcCall::new(self, cluster, request, timeout)
    }

    /// Lets a time pass; precise to a millisecond, and to what else the worker does.
    fn sleep(&self, time: Duration) -> Sleep<Self> {
        Sleep::new(self, time)
    }

    /// Runs work that belongs to the filter and not to a stream, such as fetching what it needs. It goes on until it is
    /// done or the filter's configuration is gone. From a stream's phase it is the stream's filter that it belongs to.
    fn spawn(&self, work: impl Future<Output = ()> + 'static) {
        self.executor().spawn(Box::pin(work));
    }

    /// What is waited for in this virtual machine. For the kit itself.
    #[doc(hidden)]
    fn executor(&self) -> Rc<Executor>;

    /// Sends an HTTP request and gives the number of the call. For the kit itself.
    ///
    /// # Errors
    /// `BadArgument` if the cluster is not there, or the request lacks `:method`, `:path` or `:authority`.
    #[doc(hidden)]
    fn send_http(&self, cluster: &str, request: &HttpRequest, timeout: Duration) -> Result<u32, HostError>;

    /// Makes a gRPC call and gives its number. For the kit itself.
    ///
    /// # Errors
    /// `ParseFailure` if the cluster is not there.
    #[doc(hidden)]
    fn send_grpc(&self, cluster: &str, request: &GrpcRequest, timeout: Duration) -> Result<u32, HostError>;

    /// Ends a gRPC call. For the kit itself.
    #[doc(hidden)]
    fn cancel_grpc(&self, call: u32);

    /// Has the root context at hand called each time this period has passed; never if it is zero. For the kit itself.
    #[doc(hidden)]
    fn set_tick_period(&self, period: Duration);
}

/// The host outside any stream: when a filter is configured, and when time passes for it.
pub trait RootHost: CallHost {}

/// The host in a phase of a stream.
pub trait StreamHost: CallHost + Reads<when::Stream> {}

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

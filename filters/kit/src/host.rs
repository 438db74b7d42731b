//! What a filter can ask of the proxy that it runs in.

use std::fmt;
use std::num::NonZeroU32;
use std::rc::Rc;
use std::time::Duration;

use crate::attributes::{Reads, Vocabulary, when};
use crate::calls::{CallError, GrpcCall, GrpcRequest, HttpCall, HttpRequest, Sleep};
use crate::executor::Executor;
use crate::streams::{GrpcOpen, GrpcStream};

/// A proxy, as a filter sees it. Every call can fail, and every value is bytes: a client chooses many of them.
///
/// A host is a handle: a clone, which costs next to nothing, is the same proxy. What waits takes one with it.
pub trait Host: Clone + Unpin + Reads<when::Always> + 'static {
    /// An attribute's value in the host's encoding, or nothing if there is none in this phase.
    ///
    /// # Errors
    /// Any status of the host but "not found".
    fn property(&self, path: &[&str]) -> Result<Option<Vec<u8>>, HostError>;

    /// Shows an attribute's value in the host's encoding to somebody who need not keep it, which is cheaper than
    /// [`Host::property`]; whether there is one.
    ///
    /// # Errors
    /// Any status of the host but "not found".
    fn show_property(&self, path: &[&str], see: &mut dyn FnMut(&[u8])) -> Result<bool, HostError> {
        let value = self.property(path)?;
        if let Some(value) = &value {
            see(value);
        }
        Ok(value.is_some())
    }

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

    /// Sets a property of the stream at hand, which whoever comes after reads: other filters, and access logs as
    /// `%FILTER_STATE(wasm.PATH:PLAIN)%`. Envoy keeps it in the filter state, under `wasm.` and the path.
    ///
    /// # Errors
    /// Any status of the host but success; `NotFound` outside of a stream.
    fn set_property(&self, path: &[&str], value: &[u8]) -> Result<(), HostError>;

    /// What all virtual machines of one `vm_id` share under a key, in every worker, with the number of its last change;
    /// nothing if there is none.
    ///
    /// # Errors
    /// Any status of the host but success and "not found".
    fn shared_data(&self, key: &str) -> Result<Option<Shared>, HostError>;

    /// Shares a value with all virtual machines of the same `vm_id`. It is kept as long as the proxy runs: take keys that
    /// clients cannot choose.
    ///
    /// # Errors
    /// `CasMismatch` if somebody else was faster than `only_after`: read it again. Else any status of the host but
    /// success.
    fn set_shared_data(&self, key: &str, value: &[u8], only_after: Option<Change>) -> Result<(), HostError>;

    /// Sets an object of Envoy's own in the filter state of the stream at hand, such as one that a cluster is chosen by.
    ///
    /// # Errors
    /// Any status of the host but success; `NotFound` if the host does not have this function, or outside of a stream,
    /// `BadArgument` if it knows no such object.
    fn set_filter_state(&self, key: &str, value: &[u8], span: LifeSpan) -> Result<(), HostError> {
        self.foreign_function("set_envoy_filter_state", &filter_state_argument(key, value, span)).map(drop)
    }

    /// Says what a property is that this filter sets, before it sets it: in which form others get it, and for how long it is
    /// there. One that is not declared is bytes, for as long as the chain of filters. When a filter is configured, once for
    /// each name: it holds for the streams of this configuration.
    ///
    /// # Errors
    /// Any status of the host but success; `NotFound` if the host does not have this function, `BadArgument` if the name is
    /// declared already, which then stays as it was.
    fn declare_property(&self, name: &str, form: PropertyForm, span: LifeSpan) -> Result<(), HostError> {
        self.foreign_function("declare_property", &declaration_argument(name, form, span)).map(drop)
    }

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

/// A value that virtual machines share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    /// The value.
    pub value: Vec<u8>,
    /// Its last change, for who wants to write only if there was none since.
    pub change: Change,
}

/// The number of a change of shared data. Never 0, which the ABI has for "whatever it was".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change(pub NonZeroU32);

/// In which form expressions and access logs get a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PropertyForm<'t> {
    /// As bytes; JSON has them in base64.
    Bytes,
    /// As text.
    Text,
    /// As a message of protobuf, whose fields expressions can read and JSON shows.
    Protobuf {
        /// The message's type, such as `type.googleapis.com/google.protobuf.Struct`. Envoy has to know it.
        type_url: &'t str,
    },
}

/// How long an object of Envoy's filter state is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LifeSpan {
    /// As long as the chain of filters.
    #[default]
    FilterChain,
    /// As long as the request, internal redirects included.
    Request,
    /// As long as the client's connection.
    Connection,
}

/// Envoy's message `SetEnvoyFilterStateArguments`: path, value, span.
fn filter_state_argument(key: &str, value: &[u8], span: LifeSpan) -> Vec<u8> {
    let mut message = Vec::new();
    put_bytes(&mut message, 1, key.as_bytes());
    put_bytes(&mut message, 2, value);
    message.extend([3 << 3, span as u8]);
    message
}

/// Envoy's message `DeclarePropertyArguments`: name, whether only the first value counts, form, schema, span.
fn declaration_argument(name: &str, form: PropertyForm<'_>, span: LifeSpan) -> Vec<u8> {
    let mut message = Vec::new();
    put_bytes(&mut message, 1, name.as_bytes());
    let (number, schema) = match form {
        PropertyForm::Bytes => (0, ""),
        PropertyForm::Text => (1, ""),
        PropertyForm::Protobuf { type_url } => (3, type_url),
    };
    message.extend([3 << 3, number]);
    put_bytes(&mut message, 4, schema.as_bytes());
    message.extend([5 << 3, span as u8]);
    message
}

/// Writes a field of bytes of a protobuf message.
pub(crate) fn put_bytes(message: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    // The lowest three bits say that a length follows.
    message.push(field << 3 | 2);
    let mut length = bytes.len();
    while length >= 0x80 {
        message.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    message.push((length & 0x7f) as u8);
    message.extend_from_slice(bytes);
}

/// A proxy that a filter can make calls through and whose time it can wait for.
///
/// A filter that awaits none of this pays for none of it. Every call needs its phase, or there is no callback that its
/// answer could come by: [`Phases::HTTP_CALLS`](crate::Phases::HTTP_CALLS),
/// [`Phases::GRPC_CALLS`](crate::Phases::GRPC_CALLS), [`Phases::GRPC_STREAMS`](crate::Phases::GRPC_STREAMS),
/// [`Phases::TIMERS`](crate::Phases::TIMERS).
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

    /// Opens a stream of gRPC to a cluster, at once; messages are sent and awaited on it. Dropping it cancels it.
    ///
    /// # Errors
    /// [`CallError::NotMade`] if the host does not open it.
    fn grpc_stream(&self, cluster: &str, open: &GrpcOpen) -> Result<GrpcStream<Self>, CallError> {
        GrpcStream::new(self, cluster, open)
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

    /// Opens a stream of gRPC and gives its number. For the kit itself.
    ///
    /// # Errors
    /// As for calls.
    #[doc(hidden)]
    fn open_grpc(&self, cluster: &str, open: &GrpcOpen) -> Result<u32, HostError>;

    /// Sends a message on a stream of gRPC, or ends our half of it with one. For the kit itself.
    ///
    /// # Errors
    /// `NotFound` if the stream is gone.
    #[doc(hidden)]
    fn send_on_grpc(&self, stream: u32, message: &[u8], is_last: bool) -> Result<(), HostError>;

    /// Ends our half of a stream of gRPC without a message. For the kit itself.
    ///
    /// # Errors
    /// `NotFound` if the stream is gone.
    #[doc(hidden)]
    fn close_grpc(&self, stream: u32) -> Result<(), HostError>;

    /// Ends a gRPC call or stream. For the kit itself.
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
    /// Somebody else was faster to change shared data.
    CasMismatch,
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
            8 => Some(HostError::CasMismatch),
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
            HostError::CasMismatch => f.write_str("it was changed meanwhile"),
            HostError::InternalFailure => f.write_str("internal failure"),
            HostError::Status(status) => write!(f, "status {status}"),
        }
    }
}

impl std::error::Error for HostError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_of_envoy_are_written_as_protobuf() {
        let long = vec![b'v'; 300];
        let message = filter_state_argument("k", &long, LifeSpan::Connection);
        assert_eq!(message[..6], [0x0a, 1, b'k', 0x12, 0xac, 0x02]);
        assert_eq!(message[306..], [0x18, 2]);
        let form = PropertyForm::Protobuf { type_url: "t/S" };
        let message = declaration_argument("peer", form, LifeSpan::Request);
        assert_eq!(message, b"\x0a\x04peer\x18\x03\x22\x03t/S\x28\x01");
        let message = declaration_argument("p", PropertyForm::Text, LifeSpan::FilterChain);
        assert_eq!(message, b"\x0a\x01p\x18\x01\x22\0\x28\0");
    }
}

//! What a filter decides: values, which the kit carries out.

use std::fmt;
use std::pin::Pin;

use crate::calls::CallError;
use crate::http::{Header, check_header};

/// What happens to an HTTP stream after a filter has seen it.
#[derive(Debug, Default, PartialEq)]
#[must_use]
pub enum Outcome {
    /// It goes on.
    #[default]
    Continue,
    /// What has come of the body is held, and the filter sees it again with what comes next. Only for a body that is
    /// not complete: headers, trailers and the end of a body are followed by nothing that could be waited for, so there
    /// the stream is answered with 500 and the log says why.
    Wait,
    /// It stands still until the task has decided. Make one with [`Outcome::pause_until`].
    PauseUntil(Task<Outcome>),
    /// It ends here with this response; nobody behind this filter sees it.
    Respond(Response),
    /// It ends here without a response: the client sees a stream that is reset, in HTTP/1 a closed connection.
    Close,
}

impl Outcome {
    /// Pauses the stream until the future gives an outcome. The filter's phases must name what it waits for:
    /// [`HTTP_CALLS`](crate::Phases::HTTP_CALLS), [`GRPC_CALLS`](crate::Phases::GRPC_CALLS) or
    /// [`TIMERS`](crate::Phases::TIMERS).
    ///
    /// If the stream ends first, the future is dropped where it stands.
    pub fn pause_until(future: impl Future<Output = Outcome> + 'static) -> Outcome {
        Outcome::PauseUntil(Task(Box::pin(future)))
    }

    /// Like [`Outcome::pause_until`], for a future in which `?` ends the work: `otherwise` then decides, so that it is
    /// always said whether a filter that cannot work lets streams through.
    pub fn pause_until_or(
        future: impl Future<Output = Result<Outcome, CallError>> + 'static,
        otherwise: impl FnOnce(CallError) -> Outcome + 'static,
    ) -> Outcome {
        Outcome::pause_until(async move { future.await.unwrap_or_else(otherwise) })
    }
}

/// What happens to a connection after a filter has seen it.
#[derive(Debug, Default, PartialEq)]
#[must_use]
pub enum TcpOutcome {
    /// It goes on, with all bytes that are there.
    #[default]
    Continue,
    /// The bytes are held, and the filter sees them again with those that come next.
    Wait,
    /// It stands still until the task has decided. Not for bytes of the upstream, which Envoy cannot let go later: there
    /// the connection is closed and the log says why.
    PauseUntil(Task<TcpOutcome>),
    /// The client's connection is closed.
    Close,
}

impl TcpOutcome {
    /// Like [`Outcome::pause_until`].
    pub fn pause_until(future: impl Future<Output = TcpOutcome> + 'static) -> TcpOutcome {
        TcpOutcome::PauseUntil(Task(Box::pin(future)))
    }

    /// Like [`Outcome::pause_until_or`].
    pub fn pause_until_or(
        future: impl Future<Output = Result<TcpOutcome, CallError>> + 'static,
        otherwise: impl FnOnce(CallError) -> TcpOutcome + 'static,
    ) -> TcpOutcome {
        TcpOutcome::pause_until(async move { future.await.unwrap_or_else(otherwise) })
    }
}

/// Work that waits for answers and then decides.
pub struct Task<O>(pub(crate) Pin<Box<dyn Future<Output = O>>>);

impl<O> fmt::Debug for Task<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Task")
    }
}

/// No two tasks are the same.
impl<O> PartialEq for Task<O> {
    fn eq(&self, _other: &Task<O>) -> bool {
        false
    }
}

/// A response that a filter makes itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The status: 200 to 599.
    pub status: u16,
    /// Headers beside those that the proxy adds.
    pub headers: Vec<Header>,
    /// The body; may be empty.
    pub body: Vec<u8>,
    /// Why, in a few words for access logs (`response.code_details`); Envoy writes `_` for each space.
    pub details: String,
    /// The gRPC status, for clients that speak gRPC: they get it in place of the HTTP status. Without one Envoy
    /// derives it from the HTTP status.
    pub grpc_status: Option<GrpcStatus>,
}

impl Response {
    /// An empty response with this status.
    pub fn new(status: u16) -> Response {
        Response { status, ..Response::default() }
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Response {
        self.headers.push((name.as_bytes().to_vec(), value.as_ref().to_vec()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Response {
        self.body = body.into();
        self
    }

    /// Sets what access logs show as the reason.
    #[must_use]
    pub fn with_details(mut self, details: &str) -> Response {
        details.clone_into(&mut self.details);
        self
    }

    /// Sets the gRPC status.
    #[must_use]
    pub fn with_grpc_status(mut self, status: GrpcStatus) -> Response {
        self.grpc_status = Some(status);
        self
    }

    /// Whether HTTP can carry the status and the headers.
    pub fn is_sendable(&self) -> bool {
        (200..=599).contains(&self.status)
            && self.headers.iter().all(|(name, value)| check_header(name, value).is_ok())
    }

    /// The same response if it can be sent, else one that says 500 with the same body: a filter's fault never lets a
    /// stream go on that was to end.
    #[must_use]
    pub fn sendable(self) -> Response {
        if self.is_sendable() { self } else { Response { status: 500, headers: Vec::new(), ..self } }
    }
}

/// A status of gRPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are gRPC's own")]
pub enum GrpcStatus {
    Ok,
    Cancelled,
    Unknown,
    InvalidArgument,
    DeadlineExceeded,
    NotFound,
    AlreadyExists,
    PermissionDenied,
    ResourceExhausted,
    FailedPrecondition,
    Aborted,
    OutOfRange,
    Unimplemented,
    Internal,
    Unavailable,
    DataLoss,
    Unauthenticated,
}

impl GrpcStatus {
    const ALL: [GrpcStatus; 17] = [
        GrpcStatus::Ok,
        GrpcStatus::Cancelled,
        GrpcStatus::Unknown,
        GrpcStatus::InvalidArgument,
        GrpcStatus::DeadlineExceeded,
        GrpcStatus::NotFound,
        GrpcStatus::AlreadyExists,
        GrpcStatus::PermissionDenied,
        GrpcStatus::ResourceExhausted,
        GrpcStatus::FailedPrecondition,
        GrpcStatus::Aborted,
        GrpcStatus::OutOfRange,
        GrpcStatus::Unimplemented,
        GrpcStatus::Internal,
        GrpcStatus::Unavailable,
        GrpcStatus::DataLoss,
        GrpcStatus::Unauthenticated,
    ];

    /// The number that the wire carries.
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// The status of a number; one that gRPC does not have is unknown.
    pub fn of_code(code: u32) -> GrpcStatus {
        let index = usize::try_from(code).unwrap_or(usize::MAX);
        GrpcStatus::ALL.get(index).copied().unwrap_or(GrpcStatus::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_http_carries_is_sent() {
        for (status, headers, is_sendable) in [
            (200, &[][..], true),
            (599, &[("x-a", &b"\xff\t"[..])], true),
            (0, &[], false),
            (199, &[], false),
            (600, &[], false),
            (403, &[("x-a", b"1"), ("x-b", b"a\r\nx-evil: 1")], false),
            (403, &[("x-a\r\n", b"1")], false),
            (403, &[("", b"1")], false),
        ] {
            let response = headers
                .iter()
                .fold(Response::new(status).with_body("no"), |it, (name, value)| it.with_header(name, value));
            assert_eq!(response.is_sendable(), is_sendable, "{response:?}");
            let sent = response.clone().sendable();
            assert!(sent.is_sendable());
            assert_eq!(sent.body, b"no");
            assert_eq!(sent == response, is_sendable, "{response:?}");
        }
    }

    #[test]
    fn a_status_is_its_number() {
        for (code, status) in GrpcStatus::ALL.into_iter().enumerate() {
            assert_eq!(usize::try_from(status.code()), Ok(code));
            assert_eq!(GrpcStatus::of_code(status.code()), status);
        }
        assert_eq!(GrpcStatus::of_code(17), GrpcStatus::Unknown);
        assert_eq!(GrpcStatus::of_code(u32::MAX), GrpcStatus::Unknown);
    }
}

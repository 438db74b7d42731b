//! Calls that a filter makes and awaits: HTTP, gRPC and the time.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::executor::Timer;
use crate::host::{CallHost, HostError};
use crate::http::Header;
use crate::outcome::GrpcStatus;

/// A request that a filter makes itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpRequest {
    /// The headers. `:method`, `:path` and `:authority` must be among them.
    pub headers: Vec<Header>,
    /// The body; may be empty.
    pub body: Vec<u8>,
    /// The trailers; may be empty.
    pub trailers: Vec<Header>,
}

impl HttpRequest {
    /// A request of that method, such as `GET`.
    pub fn new(method: &str, authority: &str, path: &str) -> HttpRequest {
        let request = HttpRequest::default();
        request.with_header(":method", method).with_header(":path", path).with_header(":authority", authority)
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl AsRef<[u8]>) -> HttpRequest {
        self.headers.push((name.as_bytes().to_vec(), value.as_ref().to_vec()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> HttpRequest {
        self.body = body.into();
        self
    }
}

/// What a request was answered with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The headers, `:status` among them.
    pub headers: Vec<Header>,
    /// The body.
    pub body: Vec<u8>,
    /// The trailers.
    pub trailers: Vec<Header>,
}

impl HttpAnswer {
    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let mut headers = self.headers.iter();
        headers
            .find(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value.as_slice())
    }

    /// The status; nothing if the upstream sent none that is a number.
    pub fn status(&self) -> Option<u16> {
        std::str::from_utf8(self.header(":status")?).ok()?.parse().ok()
    }
}

/// A unary gRPC call that a filter makes itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrpcRequest {
    /// The service with its package, such as `shop.v1.Quota`.
    pub service: String,
    /// The method, such as `Check`.
    pub method: String,
    /// Metadata that is sent before the message.
    pub metadata: Vec<Header>,
    /// The message, encoded.
    pub message: Vec<u8>,
}

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallError {
    /// The host did not make the call: it has no such cluster, or a mandatory header is missing.
    NotMade(HostError),
    /// The upstream cannot be reached, ended the stream, or did not answer in time. For HTTP Envoy does not tell these
    /// apart.
    NoAnswer,
    /// The gRPC call ended with another status than OK.
    Grpc(GrpcStatus),
    /// What the host has of the answer cannot be read.
    Unreadable(HostError),
    /// The time that [`in_time`] gave is over.
    TimedOut,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::NotMade(error) => write!(f, "the call was not made: {error}"),
            CallError::NoAnswer => f.write_str("there was no answer"),
            CallError::Grpc(status) => write!(f, "the call ended with the gRPC status {}", status.code()),
            CallError::Unreadable(error) => write!(f, "the answer cannot be read: {error}"),
            CallError::TimedOut => f.write_str("the time was over"),
        }
    }
}

impl std::error::Error for CallError {}

/// A call to the host between the answers of which something else failed.
impl From<HostError> for CallError {
    fn from(error: HostError) -> CallError {
        CallError::NotMade(error)
    }
}

/// The state of a call: its number, or why it was not made.
type Started = Result<u32, HostError>;

/// An HTTP call under way; see [`CallHost::http_call`].
#[derive(Debug)]
#[must_use = "an answer that nobody awaits is lost"]
pub struct HttpCall<H: CallHost> {
    host: H,
    call: Started,
}

impl<H: CallHost> HttpCall<H> {
    pub(crate) fn new(host: &H, cluster: &str, request: &HttpRequest, timeout: Duration) -> HttpCall<H> {
        let call = host.send_http(cluster, request, timeout);
        if let Ok(call) = call {
            host.executor().expect_http(call);
        }
        HttpCall { host: host.clone(), call }
    }
}

impl<H: CallHost> Future for HttpCall<H> {
    type Output = Result<HttpAnswer, CallError>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        match self.call {
            Err(error) => Poll::Ready(Err(CallError::NotMade(error))),
            Ok(call) => self.host.executor().take_http(call).map_or(Poll::Pending, Poll::Ready),
        }
    }
}

impl<H: CallHost> Drop for HttpCall<H> {
    fn drop(&mut self) {
        if let Ok(call) = self.call {
            self.host.executor().forget_http(call);
        }
    }
}

/// A gRPC call under way; see [`CallHost::grpc_call`].
#[derive(Debug)]
#[must_use = "a call that nobody awaits is cancelled"]
pub struct GrpcCall<H: CallHost> {
    host: H,
    call: Started,
}

impl<H: CallHost> GrpcCall<H> {
    pub(crate) fn new(host: &H, cluster: &str, request: &GrpcRequest, timeout: Duration) -> GrpcCall<H> {
        let call = host.send_grpc(cluster, request, timeout);
        if let Ok(call) = call {
            host.executor().expect_grpc(call);
        }
        GrpcCall { host: host.clone(), call }
    }
}

impl<H: CallHost> Future for GrpcCall<H> {
    type Output = Result<Vec<u8>, CallError>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        match self.call {
            Err(error) => Poll::Ready(Err(CallError::NotMade(error))),
            Ok(call) => self.host.executor().take_grpc(call).map_or(Poll::Pending, Poll::Ready),
        }
    }
}

impl<H: CallHost> Drop for GrpcCall<H> {
    fn drop(&mut self) {
        if let Ok(call) = self.call
            && self.host.executor().forget_grpc(call)
        {
            self.host.cancel_grpc(call);
        }
    }
}

/// A time that passes; see [`CallHost::sleep`].
#[derive(Debug)]
#[must_use = "a time that nobody awaits passes unseen"]
pub struct Sleep<H: CallHost> {
    host: H,
    timer: Result<Timer, HostError>,
}

impl<H: CallHost> Sleep<H> {
    pub(crate) fn new(host: &H, time: Duration) -> Sleep<H> {
        Sleep { host: host.clone(), timer: host.executor().start_timer(host, time) }
    }
}

impl<H: CallHost> Future for Sleep<H> {
    /// A clock that cannot be read is an error and not an endless wait.
    type Output = Result<(), CallError>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        match &self.timer {
            Err(error) => Poll::Ready(Err(CallError::NotMade(*error))),
            Ok(timer) if self.host.executor().is_over(timer) => Poll::Ready(Ok(())),
            Ok(_) => Poll::Pending,
        }
    }
}

impl<H: CallHost> Drop for Sleep<H> {
    fn drop(&mut self) {
        if let Ok(timer) = &self.timer {
            self.host.executor().forget_timer(timer);
        }
    }
}

/// What the work gives, if it is done within a time; else it is dropped and [`CallError::TimedOut`].
///
/// # Errors
/// Those of the work, and `TimedOut`.
pub async fn in_time<H: CallHost, T>(
    host: &H,
    time: Duration,
    work: impl Future<Output = Result<T, CallError>>,
) -> Result<T, CallError> {
    let mut sleep = host.sleep(time);
    let mut work = std::pin::pin!(work);
    std::future::poll_fn(move |context| match work.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(done),
        Poll::Pending => Pin::new(&mut sleep).poll(context).map(|over| over.and(Err(CallError::TimedOut))),
    })
    .await
}

/// Does two works at the same time and gives what both of them give.
pub async fn join<A: Future, B: Future>(one: A, other: B) -> (A::Output, B::Output) {
    let (mut one, mut other) = (std::pin::pin!(one), std::pin::pin!(other));
    let (mut first, mut second) = (None, None);
    std::future::poll_fn(move |context| {
        if first.is_none()
            && let Poll::Ready(done) = one.as_mut().poll(context)
        {
            first = Some(done);
        }
        if second.is_none()
            && let Poll::Ready(done) = other.as_mut().poll(context)
        {
            second = Some(done);
        }
        match (first.take(), second.take()) {
            (Some(first), Some(second)) => Poll::Ready((first, second)),
            (one, other) => {
                (first, second) = (one, other);
                Poll::Pending
            }
        }
    })
    .await
}

/// Does many works at the same time and gives what they give, in their order.
pub async fn join_all<F: Future>(works: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut works: Vec<_> = works.into_iter().map(|work| (Box::pin(work), None)).collect();
    std::future::poll_fn(move |context| {
        for (work, done) in works.iter_mut().filter(|(_, done)| done.is_none()) {
            if let Poll::Ready(output) = work.as_mut().poll(context) {
                *done = Some(output);
            }
        }
        if works.iter().all(|(_, done)| done.is_some()) {
            Poll::Ready(works.iter_mut().filter_map(|(_, done)| done.take()).collect())
        } else {
            Poll::Pending
        }
    })
    .await
}

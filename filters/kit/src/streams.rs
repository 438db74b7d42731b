//! Streams of gRPC that a filter opens: messages in both directions, for as long as both sides like.

use std::collections::VecDeque;
use std::task::Poll;

use crate::calls::CallError;
use crate::executor::At;
use crate::host::{CallHost, HostError};
use crate::http::Header;
use crate::outcome::GrpcStatus;

/// The most messages that are kept for a filter that does not take them. A service must not fill the memory of the virtual
/// machine, which is never given back.
const MOST_WAITING: usize = 1000;

/// How a stream of gRPC begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrpcOpen {
    /// The service with its package, such as `shop.v1.Quota`.
    pub service: String,
    /// The method, such as `Watch`.
    pub method: String,
    /// Metadata that is sent before the first message.
    pub metadata: Vec<Header>,
}

/// What has come of a stream and was not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    messages: VecDeque<Result<Vec<u8>, HostError>>,
    initial: Option<Vec<Header>>,
    trailing: Option<Vec<Header>>,
    ended: Option<GrpcStatus>,
}

/// A stream that is open, with who opened it.
pub(crate) type Open = (u32, At, Incoming);

impl Incoming {
    /// A message has come. False if there are more than are kept: the stream is over then.
    pub(crate) fn message(&mut self, message: Result<Vec<u8>, HostError>) -> bool {
        if self.messages.len() < MOST_WAITING {
            self.messages.push_back(message);
            return true;
        }
        self.ended = Some(GrpcStatus::ResourceExhausted);
        false
    }

    /// Metadata has come at the beginning.
    pub(crate) fn initial(&mut self, metadata: Vec<Header>) {
        self.initial = Some(metadata);
    }

    /// Metadata has come at the end.
    pub(crate) fn trailing(&mut self, metadata: Vec<Header>) {
        self.trailing = Some(metadata);
    }

    /// The stream has ended.
    pub(crate) fn end(&mut self, status: GrpcStatus) {
        self.ended.get_or_insert(status);
    }

    /// Whether the service, or what is between, has ended it.
    pub(crate) fn is_over(&self) -> bool {
        self.ended.is_some()
    }

    fn take(&mut self) -> Poll<Result<Option<Vec<u8>>, CallError>> {
        match (self.messages.pop_front(), self.ended) {
            (Some(message), _) => Poll::Ready(message.map(Some).map_err(CallError::Unreadable)),
            (None, Some(GrpcStatus::Ok)) => Poll::Ready(Ok(None)),
            (None, Some(status)) => Poll::Ready(Err(CallError::Grpc(status))),
            (None, None) => Poll::Pending,
        }
    }
}

/// A stream of gRPC; see [`CallHost::grpc_stream`]. It ends with this value, and with the stream of the client that it was
/// opened for.
#[derive(Debug)]
#[must_use = "a stream that nobody keeps is cancelled"]
pub struct GrpcStream<H: CallHost> {
    host: H,
    id: u32,
}

impl<H: CallHost> GrpcStream<H> {
    pub(crate) fn new(host: &H, cluster: &str, open: &GrpcOpen) -> Result<GrpcStream<H>, CallError> {
        let id = host.open_grpc(cluster, open).map_err(CallError::NotMade)?;
        host.executor().expect_stream(id);
        Ok(GrpcStream { host: host.clone(), id })
    }

    /// Sends a message, encoded.
    ///
    /// # Errors
    /// If the stream is gone.
    pub fn send(&self, message: &[u8]) -> Result<(), CallError> {
        self.host.send_on_grpc(self.id, message, false).map_err(CallError::NotMade)
    }

    /// Sends the last message. What the service sends can still be awaited.
    ///
    /// # Errors
    /// If the stream is gone.
    pub fn send_last(&self, message: &[u8]) -> Result<(), CallError> {
        self.host.send_on_grpc(self.id, message, true).map_err(CallError::NotMade)
    }

    /// Says that no more messages are sent. What the service sends can still be awaited.
    ///
    /// # Errors
    /// If the stream is gone.
    pub fn close(&self) -> Result<(), CallError> {
        self.host.close_grpc(self.id).map_err(CallError::NotMade)
    }

    /// The next message, once it is there; nothing when the service has ended the stream with the status OK.
    ///
    /// # Errors
    /// [`CallError::Grpc`] when it has ended with another status. That is `ResourceExhausted` too when a thousand messages
    /// came that nobody took.
    pub async fn receive(&mut self) -> Result<Option<Vec<u8>>, CallError> {
        let (executor, id) = (self.host.executor(), self.id);
        std::future::poll_fn(move |_| {
            // One that is not known any more, which cannot be, has nothing to wait for.
            executor.with_stream(id, Incoming::take).unwrap_or(Poll::Ready(Err(CallError::NoAnswer)))
        })
        .await
    }

    /// The metadata that the service began with; nothing before the first message is there, or if there was none.
    pub fn initial_metadata(&self) -> Vec<Header> {
        let read = |incoming: &mut Incoming| incoming.initial.clone();
        self.host.executor().with_stream(self.id, read).flatten().unwrap_or_default()
    }

    /// The metadata that the service ended with; nothing before the stream has ended, or if there was none.
    pub fn trailing_metadata(&self) -> Vec<Header> {
        let read = |incoming: &mut Incoming| incoming.trailing.clone();
        self.host.executor().with_stream(self.id, read).flatten().unwrap_or_default()
    }
}

impl<H: CallHost> Drop for GrpcStream<H> {
    fn drop(&mut self) {
        if self.host.executor().forget_stream(self.id) {
            self.host.cancel_grpc(self.id);
        }
    }
}

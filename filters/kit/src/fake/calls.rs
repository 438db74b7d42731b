//! The calls that a filter makes through the fake, for a test to answer.

use std::time::Duration;

use super::FakeHost;
use super::host::nanoseconds;
use crate::calls::{GrpcRequest, HttpAnswer, HttpRequest};
use crate::host::HostError;
use crate::http::Header;
use crate::streams::GrpcOpen;

/// A call that a filter has made and that has no answer yet. Envoy lets one of HTTP go on when its stream has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FakeCall {
    /// Its number, which is its own.
    pub id: u32,
    /// The cluster that it goes to.
    pub cluster: String,
    /// What was asked.
    pub made: Made,
    pub(super) until: u64,
}

/// What a call asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Made {
    /// An HTTP request.
    Http(HttpRequest),
    /// A gRPC call.
    Grpc(GrpcRequest),
    /// A stream of gRPC.
    GrpcStream {
        /// How it began.
        open: GrpcOpen,
        /// The messages that were sent so far.
        messages: Vec<Vec<u8>>,
        /// Whether the filter sends no more.
        is_closed: bool,
    },
}

/// What the host has for the callback at hand.
#[derive(Debug, Default)]
pub(super) struct Answered {
    pub http: HttpAnswer,
    pub grpc: Vec<u8>,
    pub metadata: Vec<Header>,
}

impl FakeHost {
    pub(super) fn make_http(
        &self,
        cluster: &str,
        request: &HttpRequest,
        timeout: Duration,
    ) -> Result<u32, HostError> {
        let has = |name: &str| request.headers.iter().any(|(found, _)| found == name.as_bytes());
        if self.is_missing(cluster) || ![":method", ":path", ":authority"].into_iter().all(has) {
            return Err(HostError::BadArgument);
        }
        Ok(self.make(cluster, Made::Http(request.clone()), timeout))
    }

    pub(super) fn make_grpc(
        &self,
        cluster: &str,
        request: &GrpcRequest,
        timeout: Duration,
    ) -> Result<u32, HostError> {
        if self.is_missing(cluster) {
            return Err(HostError::ParseFailure);
        }
        Ok(self.make(cluster, Made::Grpc(request.clone()), timeout))
    }

    pub(super) fn make_stream(&self, cluster: &str, open: &GrpcOpen) -> Result<u32, HostError> {
        if self.is_missing(cluster) {
            return Err(HostError::InternalFailure);
        }
        let made = Made::GrpcStream { open: open.clone(), messages: Vec::new(), is_closed: false };
        Ok(self.make(cluster, made, Duration::MAX))
    }

    /// Changes what was sent on a stream, if it is open and the filter may still send.
    pub(super) fn on_stream(
        &self,
        stream: u32,
        change: impl FnOnce(&mut Vec<Vec<u8>>, &mut bool),
    ) -> Result<(), HostError> {
        let mut made = self.made.borrow_mut();
        match made.iter_mut().find(|call| call.id == stream).map(|call| &mut call.made) {
            Some(Made::GrpcStream { messages, is_closed, .. }) => {
                change(messages, is_closed);
                Ok(())
            }
            _ => Err(HostError::NotFound),
        }
    }

    fn is_missing(&self, cluster: &str) -> bool {
        self.missing_clusters.borrow().contains(cluster)
    }

    fn make(&self, cluster: &str, made: Made, timeout: Duration) -> u32 {
        let id = self.last_call.get().wrapping_add(1);
        self.last_call.set(id);
        let until = self.now.get().saturating_add(nanoseconds(timeout));
        let call = FakeCall { id, cluster: cluster.to_owned(), made, until };
        self.made.borrow_mut().push(call);
        id
    }
}

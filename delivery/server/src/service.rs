//! The aggregated discovery service, behind whatever takes connections.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::Stream;
use futures_util::stream::unfold;
use tonic::body::Body;
use tonic::server::{Grpc, StreamingService};
use tonic::{Status, Streaming};
use tonic_prost::ProstCodec;

use crate::fleet::Fleet;
use crate::peer::Peer;
use crate::stream::{Open, Request, Serving};
use crate::upstream::Upstream;
use crate::vm;
use crate::wire::{DELTA_PATH, DeltaDiscoveryRequest, DiscoveryRequest, STREAM_PATH};

/// The service.
#[derive(Clone)]
pub struct Discovery {
    serving: Serving,
}

impl Discovery {
    /// Serves proxies. `upstream`: whom bases come from, where that is another control plane. `identifier`: who proxies are
    /// told that they talk to.
    pub fn new(fleet: Arc<Fleet>, upstream: Option<Arc<Upstream>>, identifier: &str) -> Discovery {
        Discovery { serving: Serving { fleet, upstream, identifier: identifier.into() } }
    }

    /// The proxies that it serves.
    pub fn fleet(&self) -> &Arc<Fleet> {
        &self.serving.fleet
    }

    /// Answers a request of a peer.
    pub async fn answer<B>(self, request: http::Request<B>, peer: Peer) -> http::Response<Body>
    where
        B: http_body::Body + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
    {
        match request.uri().path() {
            DELTA_PATH => self.stream::<DeltaDiscoveryRequest, B>(request, peer).await,
            STREAM_PATH => self.stream::<DiscoveryRequest, B>(request, peer).await,
            vm::PATH => vm::answer(request, peer, Arc::new(self.serving.fleet)).await,
            other => Status::unimplemented(format!(
                "{other} is not served here: aggregated discovery is, of both flavours"
            ))
            .into_http(),
        }
    }

    async fn stream<R, B>(self, request: http::Request<B>, peer: Peer) -> http::Response<Body>
    where
        R: Request,
        B: http_body::Body + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
    {
        let limit = self.serving.fleet.limits().request_bytes;
        let codec = ProstCodec::<R::Response, R>::default();
        let mut grpc = Grpc::new(codec).max_decoding_message_size(limit);
        let answering = Answering::<R> { serving: self.serving, peer, of: std::marker::PhantomData };
        grpc.streaming(answering, request).await
    }
}

/// One stream's answers.
struct Answering<R> {
    serving: Serving,
    peer: Peer,
    of: std::marker::PhantomData<fn() -> R>,
}

type Responses<R> = Pin<Box<dyn Stream<Item = Result<<R as Request>::Response, Status>> + Send>>;

impl<R: Request> StreamingService<R> for Answering<R> {
    type Response = R::Response;
    type ResponseStream = Responses<R>;
    type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<Self::ResponseStream>, Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<Streaming<R>>) -> Self::Future {
        let open = Open::new(self.serving.clone(), self.peer.clone(), request.into_inner());
        let responses =
            unfold(open, |mut open| async move { open.next().await.map(|response| (response, open)) });
        Box::pin(async move { Ok(tonic::Response::new(Box::pin(responses) as Responses<R>)) })
    }
}

//! Another control plane as the base: for each proxy a stream of its own, with the proxy's own node, whose resources are
//! what policies are laid over. When it goes away, proxies keep what they have.

mod state;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_prost::ProstCodec;

use self::state::State;
use crate::accept::Counted;
use crate::node::Node;
use crate::resource::Snapshot;
use crate::store::Store;
use crate::wire::{
    DELTA_PATH, DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
    STREAM_PATH,
};

/// How long after a failure it is tried again at first, and at last.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LAST_WAIT: Duration = Duration::from_secs(15);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How large a response may be. Endpoints of large meshes come to some megabytes.
const MOST_BYTES: usize = 64 << 20;

/// Another control plane.
#[derive(Debug)]
pub struct Upstream {
    endpoint: Endpoint,
    /// Its address, in words.
    pub address: String,
    streams: Arc<Streams>,
    /// What proxies are given is the same for many of them.
    store: Arc<Store>,
}

/// What became of streams to it.
#[derive(Debug, Default)]
struct Streams {
    open: Arc<AtomicUsize>,
    failures: AtomicU64,
}

/// Why an address cannot be one of a control plane.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no address of a control plane; write xds://HOST:PORT")]
pub struct AddressError(String);

impl Upstream {
    /// The control plane at `xds://HOST:PORT`.
    ///
    /// # Errors
    ///
    /// It is no such address.
    pub fn new(address: &str) -> Result<Upstream, AddressError> {
        let error = || AddressError(address.to_owned());
        let authority = address.strip_prefix("xds://").ok_or_else(error)?;
        let authority: http::uri::Authority = authority.parse().map_err(|_| error())?;
        if authority.port_u16().is_none() || authority.as_str().contains('@') {
            return Err(error());
        }
        let endpoint = Endpoint::from_shared(format!("http://{authority}")).map_err(|_| error())?;
        let endpoint = endpoint
            .connect_timeout(CONNECT)
            // One that is gone without a word is noticed.
            .http2_keep_alive_interval(Duration::from_secs(30))
            .keep_alive_timeout(Duration::from_secs(10))
            .keep_alive_while_idle(true);
        Ok(Upstream {
            endpoint,
            address: authority.to_string(),
            streams: Arc::default(),
            store: Arc::default(),
        })
    }

    /// How many streams to it are open, and how often one failed.
    pub fn streams(&self) -> (usize, u64) {
        (self.streams.open.load(Ordering::Relaxed), self.streams.failures.load(Ordering::Relaxed))
    }

    /// Begins to ask it for a proxy.
    pub(crate) fn link(&self, node: &Node) -> Link {
        let (wants, asked) = mpsc::unbounded_channel();
        let state = State::default();
        let base = watch::Sender::new(state.snapshot(&self.store));
        let news = base.subscribe();
        let task = Task {
            endpoint: self.endpoint.clone(),
            address: self.address.clone(),
            node: node.bytes.clone(),
            node_id: node.id.clone(),
            streams: self.streams.clone(),
            store: self.store.clone(),
            asked,
            base,
            state,
            is_whole: false,
        };
        let task = tokio::spawn(task.run());
        Link { wants, news, task }
    }
}

/// What a proxy's stream has of another control plane.
pub(crate) struct Link {
    wants: mpsc::UnboundedSender<Want>,
    news: watch::Receiver<Arc<Snapshot>>,
    task: tokio::task::JoinHandle<()>,
}

/// What a proxy wants of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Want {
    pub type_url: Arc<str>,
    pub is_all: bool,
    pub names: BTreeSet<Arc<str>>,
}

impl Link {
    /// What is there by now.
    pub fn base(&self) -> Arc<Snapshot> {
        self.news.borrow().clone()
    }

    /// Waits until something else is there.
    pub async fn news(&mut self) -> Arc<Snapshot> {
        if self.news.changed().await.is_err() {
            // The task ends with this alone.
            return std::future::pending().await;
        }
        self.news.borrow_and_update().clone()
    }

    /// Says what the proxy wants of a type.
    pub fn want(&self, type_url: &Arc<str>, is_all: bool, names: BTreeSet<Arc<str>>) {
        // If the task is gone, so is the proxy.
        let _ = self.wants.send(Want { type_url: type_url.clone(), is_all, names });
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Asks for one proxy, until that goes.
struct Task {
    endpoint: Endpoint,
    address: String,
    node: Bytes,
    node_id: String,
    streams: Arc<Streams>,
    store: Arc<Store>,
    asked: mpsc::UnboundedReceiver<Want>,
    base: watch::Sender<Arc<Snapshot>>,
    state: State,
    /// Whether the other speaks state of the world alone.
    is_whole: bool,
}

impl Task {
    async fn run(mut self) {
        let mut wait = FIRST_WAIT;
        loop {
            let had = self.state.count();
            let ended = match self.is_whole {
                false => self.speak::<DeltaDiscoveryRequest>().await,
                true => self.speak::<DiscoveryRequest>().await,
            };
            self.streams.failures.fetch_add(1, Ordering::Relaxed);
            if ended.code() == Code::Unimplemented && !self.is_whole {
                log::info!(target: "upstream", "{} knows no incremental streams; asking for the state of the world", self.address);
                self.is_whole = true;
                continue;
            }
            if self.state.count() != had {
                wait = FIRST_WAIT;
            }
            log::warn!(target: "upstream", "{}: {} gives nothing new: {}; the proxy keeps what it has, again in {} ms",
                self.node_id, self.address, ended.message(), wait.as_millis());
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LAST_WAIT);
        }
    }

    async fn client(&self) -> Result<Grpc<Channel>, Status> {
        let channel = self.endpoint.connect().await.map_err(|error| Status::unavailable(words(&error)))?;
        let mut client = Grpc::new(channel).max_decoding_message_size(MOST_BYTES);
        client.ready().await.map_err(|error| Status::unavailable(words(&error)))?;
        Ok(client)
    }

    /// Speaks with it until the stream ends; gives why it did.
    async fn speak<S: Speech>(&mut self) -> Status {
        let mut client = match self.client().await {
            Ok(client) => client,
            Err(status) => return status,
        };
        let _open = Counted::new(&self.streams.open);
        let (send, requests) = mpsc::unbounded_channel::<S>();
        let mut node = Some(self.node.clone());
        // Nobody listens any more only when the stream ends, which is heard below.
        let mut say = |request: S| drop(send.send(request.of_node(node.take())));
        let begun = S::begin(&mut self.state);
        let mut has_begun = !begun.is_empty();
        begun.into_iter().for_each(&mut say);
        // A control plane may wait for the first request before it answers at all.
        while !has_begun {
            let Some(want) = self.asked.recv().await else { return gone() };
            let request = S::want(&mut self.state, want);
            has_begun = request.is_some();
            request.into_iter().for_each(&mut say);
        }
        let codec = ProstCodec::<S, S::Response>::default();
        let path = http::uri::PathAndQuery::from_static(S::PATH);
        let requests = tonic::Request::new(UnboundedReceiverStream::new(requests));
        let mut responses = match client.streaming(requests, path, codec).await {
            Ok(responses) => responses.into_inner(),
            Err(status) => return status,
        };
        loop {
            tokio::select! {
                want = self.asked.recv() => {
                    let Some(want) = want else { return gone() };
                    S::want(&mut self.state, want).into_iter().for_each(&mut say);
                }
                response = responses.message() => match response {
                    Ok(Some(response)) => {
                        say(S::take(&mut self.state, response, &self.store));
                        self.base.send_replace(self.state.snapshot(&self.store));
                    }
                    Ok(None) => return Status::unavailable("it ended the stream"),
                    Err(status) => return status,
                },
            }
        }
    }
}

/// A flavour of the protocol, as it is spoken to another control plane: its requests.
trait Speech: prost::Message + Default + 'static {
    /// Its responses.
    type Response: prost::Message + Default + 'static;
    /// The path of its streams.
    const PATH: &'static str;

    /// The same request with a node.
    fn of_node(self, node: Option<Bytes>) -> Self;
    /// What begins a stream.
    fn begin(state: &mut State) -> Vec<Self>;
    /// What a wish changes, if it changes anything.
    fn want(state: &mut State, want: Want) -> Option<Self>;
    /// Takes a response; gives the answer to it.
    fn take(state: &mut State, response: Self::Response, store: &Store) -> Self;
}

impl Speech for DeltaDiscoveryRequest {
    type Response = DeltaDiscoveryResponse;
    const PATH: &'static str = DELTA_PATH;

    fn of_node(self, node: Option<Bytes>) -> Self {
        DeltaDiscoveryRequest { node, ..self }
    }

    fn begin(state: &mut State) -> Vec<Self> {
        state.begin()
    }

    fn want(state: &mut State, want: Want) -> Option<Self> {
        state.want(want)
    }

    fn take(state: &mut State, response: DeltaDiscoveryResponse, store: &Store) -> Self {
        state.take(response, store)
    }
}

impl Speech for DiscoveryRequest {
    type Response = DiscoveryResponse;
    const PATH: &'static str = STREAM_PATH;

    fn of_node(self, node: Option<Bytes>) -> Self {
        DiscoveryRequest { node, ..self }
    }

    fn begin(state: &mut State) -> Vec<Self> {
        state.begin_whole()
    }

    fn want(state: &mut State, want: Want) -> Option<Self> {
        state.want_whole(want)
    }

    fn take(state: &mut State, response: DiscoveryResponse, store: &Store) -> Self {
        state.take_whole(response, store)
    }
}

fn gone() -> Status {
    Status::cancelled("the proxy is gone")
}

/// An error with everything that caused it: those of HTTP keep to themselves what it was.
pub fn words(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    std::iter::once(error.to_string()).chain(causes.map(ToString::to_string)).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_a_port() {
        assert_eq!(Upstream::new("xds://127.0.0.1:15010").expect("an address").address, "127.0.0.1:15010");
        for other in
            ["", "127.0.0.1:1", "xds://", "xds://host", "xds://a@host:1", "http://host:1", "xds://host:1/x"]
        {
            assert!(Upstream::new(other).is_err(), "{other}");
        }
    }
}

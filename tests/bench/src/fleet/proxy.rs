//! A proxy that is played: one connection and one incremental stream, everything of clusters and listeners, the extensions
//! that listeners name, and an answer to each response.
//!
//! It decodes only what it needs: what a response is of, and of listeners that no other proxy has seen yet, which
//! extensions they name.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use burgee_server::resource::types;
use burgee_server::wire::{DELTA_PATH, DeltaDiscoveryRequest, DeltaDiscoveryResponse, Resource};
use bytes::{Buf, Bytes, BytesMut};
use h2::client::SendRequest;
use h2::{RecvStream, SendStream};
use prost::Message;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::door::Door;
use super::security::Security;
use super::tally::Tally;
use super::world;

/// How much a proxy reads ahead, in bytes: what Envoy's own default is.
const WINDOW: u32 = 256 << 10;
/// What stands before each message: whether it is compressed, and its length.
const HEAD: usize = 5;

/// How often a connection is tried again, and after how long.
const TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(200);

/// A proxy that is played.
pub(super) struct Proxy {
    /// Which one.
    pub number: u32,
    /// Where its server listens.
    pub server: SocketAddr,
    /// With which certificates; none: without TLS.
    pub security: Option<Arc<Security>>,
    /// Where it counts.
    pub tally: Arc<Tally>,
    /// Whether there is a server.
    pub door: Arc<Door>,
}

/// A connection with its stream.
type Open = (SendRequest<Bytes>, SendStream<Bytes>, RecvStream);

/// Why there is no stream.
enum Refused {
    /// There is no connection.
    Connection(String),
    /// The server does not serve this proxy.
    Server(String),
}

impl Refused {
    fn http(error: h2::Error) -> Refused {
        Refused::Connection(error.to_string())
    }
}

/// What a proxy has.
#[derive(Default)]
struct Has {
    /// Versions by name; none: no response has come yet.
    clusters: Option<Versions>,
    listeners: Option<Versions>,
    extensions: Versions,
    /// The extensions that each listener names.
    named: BTreeMap<String, Extensions>,
    /// Those that were asked for.
    wanted: BTreeSet<String>,
    is_in_sync: bool,
    /// The change in which a response came last.
    seen: u64,
}

/// Versions of resources, by their names, as a request has them.
type Versions = HashMap<String, String>;

/// Names of extensions. Proxies of the same listener have it in common.
type Extensions = Arc<[String]>;

impl Proxy {
    /// Connects when it is its turn, and answers until the connection ends. If that is because the server went, it connects to
    /// the next one, whosever turn it is.
    pub async fn run(self, turns: Arc<Semaphore>) {
        let mut has = Has::default();
        let mut turns = Some(turns);
        loop {
            let server = self.door.enter().await;
            let ended = self.stream(turns.take(), &mut has).await;
            if self.door.leads_to(server) {
                let why = ended.err().unwrap_or_else(|| "its stream ended".to_owned());
                return self.tally.fail(format!("proxy {}: {why}", self.number));
            }
        }
    }

    async fn stream(&self, turns: Option<Arc<Semaphore>>, has: &mut Has) -> Result<(), String> {
        let told = |what: &'static str| move |error: h2::Error| format!("{what}: {error}");
        let turn = match turns {
            Some(turns) => Some(turns.acquire_owned().await.map_err(|error| error.to_string())?),
            None => None,
        };
        let mut tries = 0;
        let (_client, mut requests, mut responses) = loop {
            match self.connect(has).await {
                Ok(open) => break open,
                Err(Refused::Server(why)) => return Err(why),
                Err(Refused::Connection(why)) if tries == TRIES => return Err(why),
                // The system turns connections away when a listener has too many to accept. Envoy tries again too.
                Err(Refused::Connection(_)) => {
                    tries += 1;
                    self.tally.again();
                    tokio::time::sleep(PAUSE).await;
                }
            }
        };
        let is_first = turn.is_some();
        drop(turn);
        if !is_first {
            self.tally.came_back();
        }
        let mut buffer = BytesMut::new();
        while let Some(data) = responses.data().await {
            let data = data.map_err(told("its stream broke"))?;
            responses.flow_control().release_capacity(data.len()).map_err(told("no window"))?;
            buffer.extend_from_slice(&data);
            drop(data);
            while let Some(message) = take_message(&mut buffer) {
                self.take(has, message, &mut requests)?;
            }
            if buffer.is_empty() {
                // Thousands of these are open and say nothing.
                buffer = BytesMut::new();
            }
        }
        let trailers = responses.trailers().await.map_err(told("its stream broke"))?.unwrap_or_default();
        Err(format!("the server ended its stream: {}", status(&trailers)))
    }

    async fn connect(&self, has: &Has) -> Result<Open, Refused> {
        let no_connection = |error: std::io::Error| Refused::Connection(format!("no connection: {error}"));
        let stream = TcpStream::connect(self.server).await.map_err(no_connection)?;
        stream.set_nodelay(true).map_err(no_connection)?;
        match &self.security {
            None => self.speak(stream, has).await,
            Some(security) => {
                let identity = world::identity(self.number);
                self.speak(security.connect(stream, &identity).await.map_err(no_connection)?, has).await
            }
        }
    }

    async fn speak(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        has: &Has,
    ) -> Result<Open, Refused> {
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(WINDOW).initial_connection_window_size(WINDOW).enable_push(false);
        let (mut client, connection) = builder.handshake::<_, Bytes>(stream).await.map_err(Refused::http)?;
        tokio::spawn(async move {
            // What ends it ends the stream too, which says so.
            let _ = connection.await;
        });
        let (requests, responses) = self.open(&mut client, has).await?;
        Ok((client, requests, responses))
    }

    /// Opens the stream with what every proxy asks first, and with what this one has.
    async fn open(
        &self,
        client: &mut SendRequest<Bytes>,
        has: &Has,
    ) -> Result<(SendStream<Bytes>, RecvStream), Refused> {
        let request = http::Request::post(format!("http://{}{DELTA_PATH}", self.server))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())
            .map_err(|error| Refused::Server(error.to_string()))?;
        let (response, mut requests) = client.send_request(request, false).map_err(Refused::http)?;
        for request in has.first(self.number) {
            send(&mut requests, &request).map_err(Refused::Connection)?;
        }
        let response = response.await.map_err(Refused::http)?;
        if !response.status().is_success() || response.headers().contains_key("grpc-status") {
            let why = format!("the server answers {}: {}", response.status(), status(response.headers()));
            return Err(Refused::Server(why));
        }
        Ok((requests, response.into_body()))
    }

    /// Takes a response and answers it.
    fn take(&self, has: &mut Has, message: Bytes, requests: &mut SendStream<Bytes>) -> Result<(), String> {
        let size = message.len();
        let response =
            DeltaDiscoveryResponse::decode(message).map_err(|error| format!("no response: {error}"))?;
        let answer = DeltaDiscoveryRequest {
            type_url: response.type_url.clone(),
            response_nonce: response.nonce.clone(),
            ..Default::default()
        };
        send(requests, &answer)?;
        let resources = response.resources.len() + response.removed_resources.len();
        match response.type_url.as_str() {
            types::CLUSTER => take_versions(has.clusters.get_or_insert_default(), response)?,
            types::LISTENER => {
                has.take_listeners(response)?;
                if let Some(request) = has.wish() {
                    send(requests, &request)?;
                }
            }
            types::EXTENSION => take_versions(&mut has.extensions, response)?,
            other => return Err(format!("nobody asked for {other}")),
        }
        has.seen = self.tally.answered(has.seen, resources, size);
        let has_extensions = has.wanted.iter().all(|name| has.extensions.contains_key(name));
        let is_in_sync = has.clusters.is_some() && has.listeners.is_some() && has_extensions;
        if is_in_sync != has.is_in_sync {
            has.is_in_sync = is_in_sync;
            self.tally.synced(is_in_sync);
        }
        Ok(())
    }
}

impl Has {
    /// The first requests of a stream.
    fn first(&self, number: u32) -> Vec<DeltaDiscoveryRequest> {
        let of = |type_url: &str, versions: &Option<Versions>| DeltaDiscoveryRequest {
            type_url: type_url.to_owned(),
            initial_resource_versions: versions.clone().unwrap_or_default(),
            ..Default::default()
        };
        let clusters = of(types::CLUSTER, &self.clusters);
        let clusters = DeltaDiscoveryRequest { node: Some(world::node(number)), ..clusters };
        let mut first = vec![clusters, of(types::LISTENER, &self.listeners)];
        if !self.wanted.is_empty() {
            first.push(DeltaDiscoveryRequest {
                resource_names_subscribe: self.wanted.iter().cloned().collect(),
                ..of(types::EXTENSION, &Some(self.extensions.clone()))
            });
        }
        first
    }

    fn take_listeners(&mut self, response: DeltaDiscoveryResponse) -> Result<(), String> {
        let versions = self.listeners.get_or_insert_default();
        for removed in &response.removed_resources {
            versions.remove(removed);
            self.named.remove(removed);
        }
        for resource in response.resources {
            let resource = Resource::decode(resource).map_err(|error| format!("no resource: {error}"))?;
            let named = extensions_of(&resource)?;
            versions.insert(resource.name.clone(), resource.version);
            self.named.insert(resource.name, named);
        }
        Ok(())
    }

    /// What has to be asked for, and not any more, since listeners name other extensions.
    fn wish(&mut self) -> Option<DeltaDiscoveryRequest> {
        let named: BTreeSet<&String> = self.named.values().flat_map(|named| named.iter()).collect();
        let is_same =
            named.len() == self.wanted.len() && named.iter().all(|name| self.wanted.contains(*name));
        if is_same {
            return None;
        }
        let named: BTreeSet<String> = named.into_iter().cloned().collect();
        let request = DeltaDiscoveryRequest {
            type_url: types::EXTENSION.to_owned(),
            resource_names_subscribe: named.difference(&self.wanted).cloned().collect(),
            resource_names_unsubscribe: self.wanted.difference(&named).cloned().collect(),
            ..Default::default()
        };
        self.extensions.retain(|name, _| named.contains(name));
        self.wanted = named;
        Some(request)
    }
}

/// `envoy.service.discovery.v3.Resource`, as far as those are looked at that are not looked into.
#[derive(Clone, PartialEq, Message)]
struct Name {
    #[prost(string, tag = "1")]
    version: String,
    #[prost(string, tag = "3")]
    name: String,
}

fn take_versions(versions: &mut Versions, response: DeltaDiscoveryResponse) -> Result<(), String> {
    for removed in &response.removed_resources {
        versions.remove(removed);
    }
    for resource in response.resources {
        let Name { version, name } =
            Name::decode(resource).map_err(|error| format!("no resource: {error}"))?;
        versions.insert(name, version);
    }
    Ok(())
}

/// `envoy.config.listener.v3.Listener`, as far as it names extensions; so are those below.
#[derive(Clone, PartialEq, Message)]
struct Listener {
    #[prost(message, repeated, tag = "3")]
    chains: Vec<Chain>,
    #[prost(message, optional, tag = "25")]
    default_chain: Option<Chain>,
}

#[derive(Clone, PartialEq, Message)]
struct Chain {
    #[prost(message, repeated, tag = "3")]
    filters: Vec<Filter>,
}

/// A filter of connections or of HTTP: both are numbered alike.
#[derive(Clone, PartialEq, Message)]
struct Filter {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "4")]
    config: Option<burgee_server::wire::Any>,
    #[prost(bytes = "bytes", optional, tag = "5")]
    discovery: Option<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
struct Manager {
    #[prost(message, repeated, tag = "5")]
    filters: Vec<Filter>,
}

/// What was found in listeners, by name and version.
static FOUND: LazyLock<Mutex<BTreeMap<(String, String), Extensions>>> = LazyLock::new(Mutex::default);

/// The extensions that a listener names.
fn extensions_of(resource: &Resource) -> Result<Extensions, String> {
    let key = (resource.name.clone(), resource.version.clone());
    if let Some(found) = FOUND.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return Ok(found.clone());
    }
    let read = |error: prost::DecodeError| format!("{} is no listener: {error}", resource.name);
    let value = resource.resource.as_ref().map(|any| any.value.clone()).unwrap_or_default();
    let listener = Listener::decode(value).map_err(read)?;
    let mut names = BTreeSet::new();
    for filter in listener.chains.iter().chain(&listener.default_chain).flat_map(|chain| &chain.filters) {
        if filter.discovery.is_some() {
            names.insert(filter.name.clone());
        }
        let config = filter.config.iter().filter(|any| any.type_url.ends_with(".HttpConnectionManager"));
        for manager in config {
            let manager = Manager::decode(manager.value.clone()).map_err(read)?;
            let named = manager.filters.into_iter().filter(|filter| filter.discovery.is_some());
            names.extend(named.map(|filter| filter.name));
        }
    }
    let names: Extensions = names.into_iter().collect();
    FOUND.lock().unwrap_or_else(PoisonError::into_inner).insert(key, names.clone());
    Ok(names)
}

/// Sends a message.
fn send(requests: &mut SendStream<Bytes>, message: &DeltaDiscoveryRequest) -> Result<(), String> {
    let length = message.encoded_len();
    let mut frame = Vec::with_capacity(HEAD + length);
    frame.push(0);
    frame.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    message.encode(&mut frame).map_err(|error| error.to_string())?;
    requests.send_data(frame.into(), false).map_err(|error| format!("an answer cannot be sent: {error}"))
}

/// The first message of what has come, if it is there as a whole.
fn take_message(buffer: &mut BytesMut) -> Option<Bytes> {
    let head = buffer.get(1..HEAD)?;
    let length = u32::from_be_bytes(head.try_into().ok()?) as usize;
    if buffer.len() < HEAD + length {
        buffer.reserve(HEAD + length - buffer.len());
        return None;
    }
    buffer.advance(HEAD);
    Some(buffer.split_to(length).freeze())
}

/// What a status of gRPC says.
fn status(headers: &http::HeaderMap) -> String {
    let text =
        |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    format!("status {}, {}", text("grpc-status"), text("grpc-message"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_taken_as_a_whole() {
        let mut buffer = BytesMut::from(&[0, 0, 0, 0, 2, 7][..]);
        assert_eq!(take_message(&mut buffer), None);
        buffer.extend_from_slice(&[8, 0, 0, 0, 0, 0]);
        assert_eq!(take_message(&mut buffer).as_deref(), Some(&[7, 8][..]));
        assert_eq!(take_message(&mut buffer).as_deref(), Some(&[][..]));
        assert_eq!(take_message(&mut buffer), None);
        assert!(buffer.is_empty());
    }

    #[test]
    fn what_a_listener_names_is_asked_for_and_what_it_does_not_is_let_go() {
        let filter = |name: &str, is_named: bool| Filter {
            name: name.to_owned(),
            config: None,
            discovery: is_named.then(Bytes::new),
        };
        let manager = Manager { filters: vec![filter("stats", true), filter("router", false)] };
        let config = burgee_server::wire::Any {
            type_url: "type.googleapis.com/a.HttpConnectionManager".to_owned(),
            value: manager.encode_to_vec().into(),
        };
        let chain = Chain {
            filters: vec![filter("peers", true), Filter { config: Some(config), ..filter("manager", false) }],
        };
        let resource = |version: &str, listener: &Listener| {
            let any =
                burgee_server::wire::Any { type_url: String::new(), value: listener.encode_to_vec().into() };
            let resource = Resource {
                version: version.to_owned(),
                resource: Some(any),
                name: "a listener of this test".to_owned(),
            };
            DeltaDiscoveryResponse { resources: vec![resource.encode_to_vec().into()], ..Default::default() }
        };
        let mut has = Has::default();
        has.take_listeners(resource("1", &Listener { chains: vec![chain], default_chain: None }))
            .expect("a listener");
        let wish = has.wish().expect("a wish");
        assert_eq!(wish.resource_names_subscribe, ["peers", "stats"]);
        assert_eq!(has.wish(), None);
        let chain = Chain { filters: vec![filter("peers", true)] };
        has.take_listeners(resource("2", &Listener { chains: vec![], default_chain: Some(chain) }))
            .expect("a listener");
        let wish = has.wish().expect("a wish");
        assert_eq!(
            (wish.resource_names_subscribe.len(), wish.resource_names_unsubscribe),
            (0, vec!["stats".to_owned()])
        );
    }
}

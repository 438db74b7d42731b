//! A client of aggregated discovery that does what the protocol asks, one step at a time.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use burgee_server::wire::{
    Any, DELTA_PATH, DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
    Resource, STREAM_PATH, Status,
};
use bytes::Bytes;
use prost::Message as _;
use serde_json::json;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Status as GrpcStatus, Streaming};
use tonic_prost::ProstCodec;

/// How long something may take until it counts as lost.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// How long nothing may come until it counts as that nothing will.
pub const QUIET: Duration = Duration::from_millis(300);

/// A node of a workload, in Istio's layout.
pub fn node(kind: &str, namespace: &str, workload: &str, labels: &[(&str, &str)]) -> Bytes {
    let labels: BTreeMap<&str, &str> = labels.iter().copied().collect();
    let metadata = json!({"NAMESPACE": namespace, "WORKLOAD_NAME": workload, "LABELS": labels});
    let id = format!("{kind}~127.0.0.1~{workload}-0.{namespace}~{namespace}.svc.cluster.local");
    node_of(&id, &metadata)
}

#[derive(Clone, PartialEq, prost::Message)]
struct Node {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(string, tag = "2")]
    cluster: String,
    #[prost(message, optional, tag = "3")]
    metadata: Option<prost_types::Struct>,
}

/// A node with this id and metadata.
pub fn node_of(id: &str, metadata: &serde_json::Value) -> Bytes {
    let Some(prost_types::value::Kind::StructValue(metadata)) = value(metadata).kind else {
        panic!("metadata is an object")
    };
    Node { id: id.to_owned(), cluster: "c".to_owned(), metadata: Some(metadata) }.encode_to_vec().into()
}

fn value(json: &serde_json::Value) -> prost_types::Value {
    use prost_types::value::Kind;
    let kind = match json {
        serde_json::Value::String(text) => Kind::StringValue(text.clone()),
        serde_json::Value::Object(fields) => Kind::StructValue(prost_types::Struct {
            fields: fields.iter().map(|(key, field)| (key.clone(), value(field))).collect(),
        }),
        _ => Kind::NullValue(0),
    };
    prost_types::Value { kind: Some(kind) }
}

/// A connection.
pub async fn connect(address: SocketAddr) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
    endpoint.connect().await.expect("the server takes connections")
}

/// An incremental stream.
pub struct Delta {
    requests: UnboundedSender<DeltaDiscoveryRequest>,
    responses: Streaming<DeltaDiscoveryResponse>,
    node: Option<Bytes>,
}

impl Delta {
    /// Opens one.
    pub async fn open(channel: Channel, node: Bytes) -> Delta {
        let (requests, sent) = unbounded_channel();
        let codec = ProstCodec::<DeltaDiscoveryRequest, DeltaDiscoveryResponse>::default();
        let mut client = Grpc::new(channel).max_decoding_message_size(64 << 20);
        client.ready().await.expect("a connection");
        let path = PathAndQuery::from_static(DELTA_PATH);
        let stream = tonic::Request::new(UnboundedReceiverStream::new(sent));
        let responses = client.streaming(stream, path, codec).await.expect("a stream").into_inner();
        Delta { requests, responses, node: Some(node) }
    }

    /// Sends a request.
    pub fn send(&mut self, request: DeltaDiscoveryRequest) {
        let node = self.node.take();
        self.requests.send(DeltaDiscoveryRequest { node, ..request }).expect("the stream is open");
    }

    /// Subscribes to names of a type.
    pub fn subscribe(&mut self, type_url: &str, names: &[&str]) {
        self.send(DeltaDiscoveryRequest {
            type_url: type_url.to_owned(),
            resource_names_subscribe: names.iter().map(ToString::to_string).collect(),
            ..DeltaDiscoveryRequest::default()
        });
    }

    /// The next response, which is not answered.
    pub async fn next(&mut self) -> Result<DeltaDiscoveryResponse, GrpcStatus> {
        let next = tokio::time::timeout(PATIENCE, self.responses.message()).await;
        next.expect("a response comes").map(|response| response.expect("the stream goes on"))
    }

    /// Answers a response.
    pub fn answer(&mut self, response: &DeltaDiscoveryResponse, error: Option<&str>) {
        self.send(DeltaDiscoveryRequest {
            type_url: response.type_url.clone(),
            response_nonce: response.nonce.clone(),
            error_detail: error.map(|message| Status { code: 3, message: message.to_owned() }),
            ..DeltaDiscoveryRequest::default()
        });
    }

    /// The next response, which is taken.
    pub async fn take(&mut self) -> DeltaDiscoveryResponse {
        let response = self.next().await.expect("no error");
        self.answer(&response, None);
        response
    }

    /// Whether nothing comes for a while.
    pub async fn is_quiet(&mut self) -> bool {
        tokio::time::timeout(QUIET, self.responses.message()).await.is_err()
    }
}

/// What an incremental response has, by name.
pub fn contents(response: &DeltaDiscoveryResponse) -> BTreeMap<String, Resource> {
    let decode = |bytes: &Bytes| Resource::decode(bytes.clone()).expect("a resource");
    response.resources.iter().map(decode).map(|resource| (resource.name.clone(), resource)).collect()
}

/// The names in an incremental response, what is removed with a minus.
pub fn names(response: &DeltaDiscoveryResponse) -> Vec<String> {
    let mut names: Vec<String> = contents(response).into_keys().collect();
    names.extend(response.removed_resources.iter().map(|name| format!("-{name}")));
    names
}

/// A state-of-the-world stream.
pub struct Sotw {
    requests: UnboundedSender<DiscoveryRequest>,
    responses: Streaming<DiscoveryResponse>,
    node: Option<Bytes>,
}

impl Sotw {
    /// Opens one.
    pub async fn open(channel: Channel, node: Bytes) -> Sotw {
        let (requests, sent) = unbounded_channel();
        let codec = ProstCodec::<DiscoveryRequest, DiscoveryResponse>::default();
        let mut client = Grpc::new(channel);
        client.ready().await.expect("a connection");
        let path = PathAndQuery::from_static(STREAM_PATH);
        let stream = tonic::Request::new(UnboundedReceiverStream::new(sent));
        let responses = client.streaming(stream, path, codec).await.expect("a stream").into_inner();
        Sotw { requests, responses, node: Some(node) }
    }

    /// Sends a request.
    pub fn send(&mut self, request: DiscoveryRequest) {
        let node = self.node.take();
        self.requests.send(DiscoveryRequest { node, ..request }).expect("the stream is open");
    }

    /// Asks for names of a type; none: everything.
    pub fn ask(&mut self, type_url: &str, names: &[&str]) {
        self.send(DiscoveryRequest {
            type_url: type_url.to_owned(),
            resource_names: names.iter().map(ToString::to_string).collect(),
            ..DiscoveryRequest::default()
        });
    }

    /// The next response, which is not answered.
    pub async fn next(&mut self) -> Result<DiscoveryResponse, GrpcStatus> {
        let next = tokio::time::timeout(PATIENCE, self.responses.message()).await;
        next.expect("a response comes").map(|response| response.expect("the stream goes on"))
    }

    /// Answers a response, asking for these names again.
    pub fn answer(&mut self, response: &DiscoveryResponse, names: &[&str], error: Option<&str>) {
        let version = if error.is_some() { String::new() } else { response.version_info.clone() };
        self.send(DiscoveryRequest {
            version_info: version,
            type_url: response.type_url.clone(),
            resource_names: names.iter().map(ToString::to_string).collect(),
            response_nonce: response.nonce.clone(),
            error_detail: error.map(|message| Status { code: 3, message: message.to_owned() }),
            ..DiscoveryRequest::default()
        });
    }

    /// The next response, which is taken, asking for these names again.
    pub async fn take(&mut self, names: &[&str]) -> DiscoveryResponse {
        let response = self.next().await.expect("no error");
        self.answer(&response, names, None);
        response
    }

    /// Whether nothing comes for a while.
    pub async fn is_quiet(&mut self) -> bool {
        tokio::time::timeout(QUIET, self.responses.message()).await.is_err()
    }
}

/// What is in a state-of-the-world response.
pub fn anys(response: &DiscoveryResponse) -> Vec<Any> {
    response.resources.iter().map(|bytes| Any::decode(bytes.clone()).expect("an Any")).collect()
}

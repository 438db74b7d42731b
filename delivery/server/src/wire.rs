//! The messages of the discovery service, as far as a server needs them.
//!
//! They are written by hand for what no generator does: what is only passed on (a node, resources, an error's details)
//! stays the bytes that it came as, which on the wire is the same as the message, and is not copied. A test holds every
//! number and type to Envoy's own definitions.

use std::collections::HashMap;

use bytes::Bytes;
use prost::Message;

/// The path of state-of-the-world streams.
pub const STREAM_PATH: &str =
    "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";
/// The path of incremental streams.
pub const DELTA_PATH: &str =
    "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";

/// `envoy.service.discovery.v3.DiscoveryRequest`.
#[derive(Clone, PartialEq, Message)]
pub struct DiscoveryRequest {
    /// The version that the client last took; empty: none.
    #[prost(string, tag = "1")]
    pub version_info: String,
    /// An encoded `envoy.config.core.v3.Node`; only the first request of a stream need have it.
    #[prost(bytes = "bytes", optional, tag = "2")]
    pub node: Option<Bytes>,
    /// The resources that it wants.
    #[prost(string, repeated, tag = "3")]
    pub resource_names: Vec<String>,
    /// Their type.
    #[prost(string, tag = "4")]
    pub type_url: String,
    /// The response that this answers; empty: none.
    #[prost(string, tag = "5")]
    pub response_nonce: String,
    /// Why that response was refused.
    #[prost(message, optional, tag = "6")]
    pub error_detail: Option<Status>,
}

/// `envoy.service.discovery.v3.DiscoveryResponse`.
#[derive(Clone, PartialEq, Message)]
pub struct DiscoveryResponse {
    /// The version of the resources.
    #[prost(string, tag = "1")]
    pub version_info: String,
    /// Each an encoded `google.protobuf.Any`.
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub resources: Vec<Bytes>,
    /// Their type.
    #[prost(string, tag = "4")]
    pub type_url: String,
    /// What an answer names.
    #[prost(string, tag = "5")]
    pub nonce: String,
    /// Who answers.
    #[prost(message, optional, tag = "6")]
    pub control_plane: Option<ControlPlane>,
}

/// `envoy.service.discovery.v3.DeltaDiscoveryRequest`.
#[derive(Clone, PartialEq, Message)]
pub struct DeltaDiscoveryRequest {
    /// An encoded `envoy.config.core.v3.Node`; only the first request of a stream need have it.
    #[prost(bytes = "bytes", optional, tag = "1")]
    pub node: Option<Bytes>,
    /// The type that this is about.
    #[prost(string, tag = "2")]
    pub type_url: String,
    /// What is wanted from now on.
    #[prost(string, repeated, tag = "3")]
    pub resource_names_subscribe: Vec<String>,
    /// What is not wanted any more.
    #[prost(string, repeated, tag = "4")]
    pub resource_names_unsubscribe: Vec<String>,
    /// What the client has from an earlier stream: versions by name.
    #[prost(map = "string, string", tag = "5")]
    pub initial_resource_versions: HashMap<String, String>,
    /// The response that this answers; empty: none.
    #[prost(string, tag = "6")]
    pub response_nonce: String,
    /// Why that response was refused.
    #[prost(message, optional, tag = "7")]
    pub error_detail: Option<Status>,
}

/// `envoy.service.discovery.v3.DeltaDiscoveryResponse`.
#[derive(Clone, PartialEq, Message)]
pub struct DeltaDiscoveryResponse {
    /// The version of all of it, for people.
    #[prost(string, tag = "1")]
    pub system_version_info: String,
    /// Each an encoded `envoy.service.discovery.v3.Resource`.
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub resources: Vec<Bytes>,
    /// Their type.
    #[prost(string, tag = "4")]
    pub type_url: String,
    /// What an answer names.
    #[prost(string, tag = "5")]
    pub nonce: String,
    /// The names of what is not there any more.
    #[prost(string, repeated, tag = "6")]
    pub removed_resources: Vec<String>,
    /// Who answers.
    #[prost(message, optional, tag = "7")]
    pub control_plane: Option<ControlPlane>,
}

/// `envoy.service.discovery.v3.Resource`.
#[derive(Clone, PartialEq, Message)]
pub struct Resource {
    /// The version of this resource.
    #[prost(string, tag = "1")]
    pub version: String,
    /// The resource; absent: nothing has changed but its lease.
    #[prost(message, optional, tag = "2")]
    pub resource: Option<Any>,
    /// Its name.
    #[prost(string, tag = "3")]
    pub name: String,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
pub struct Any {
    /// The type of what is in it.
    #[prost(string, tag = "1")]
    pub type_url: String,
    /// The encoded message.
    #[prost(bytes = "bytes", tag = "2")]
    pub value: Bytes,
}

/// `envoy.config.core.v3.ControlPlane`.
#[derive(Clone, PartialEq, Message)]
pub struct ControlPlane {
    /// Which server it is, for people.
    #[prost(string, tag = "1")]
    pub identifier: String,
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
pub struct Status {
    /// A code of gRPC.
    #[prost(int32, tag = "1")]
    pub code: i32,
    /// What is wrong, in the words of whoever found it.
    #[prost(string, tag = "2")]
    pub message: String,
}

//! The messages of Envoy's access log service, as far as they are read.
//!
//! Written by hand: of the hundreds of messages that the service's definition brings along these are the ones that say
//! something about a request, and texts are bytes here, since what clients sent need not be text. Maps are written as
//! what they are on the wire, a message for each entry. Names are Envoy's.

use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub(super) struct StreamAccessLogsMessage {
    #[prost(message, optional, tag = "1")]
    pub(super) identifier: Option<Identifier>,
    #[prost(message, optional, tag = "2")]
    pub(super) http_logs: Option<HttpEntries>,
    #[prost(message, optional, tag = "3")]
    pub(super) tcp_logs: Option<TcpEntries>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Identifier {
    #[prost(bytes = "vec", tag = "2")]
    pub(super) log_name: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct HttpEntries {
    #[prost(message, repeated, tag = "1")]
    pub(super) log_entry: Vec<HttpEntry>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TcpEntries {
    #[prost(message, repeated, tag = "1")]
    pub(super) log_entry: Vec<TcpEntry>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct HttpEntry {
    #[prost(message, optional, tag = "1")]
    pub(super) common_properties: Option<Common>,
    #[prost(int32, tag = "2")]
    pub(super) protocol_version: i32,
    #[prost(message, optional, tag = "3")]
    pub(super) request: Option<HttpRequest>,
    #[prost(message, optional, tag = "4")]
    pub(super) response: Option<HttpResponse>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TcpEntry {
    #[prost(message, optional, tag = "1")]
    pub(super) common_properties: Option<Common>,
    #[prost(message, optional, tag = "2")]
    pub(super) connection_properties: Option<Connection>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Connection {
    #[prost(uint64, tag = "1")]
    pub(super) received_bytes: u64,
    #[prost(uint64, tag = "2")]
    pub(super) sent_bytes: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Common {
    #[prost(message, optional, tag = "2")]
    pub(super) downstream_remote_address: Option<Address>,
    #[prost(message, optional, tag = "3")]
    pub(super) downstream_local_address: Option<Address>,
    #[prost(message, optional, tag = "5")]
    pub(super) start_time: Option<Time>,
    #[prost(message, optional, tag = "13")]
    pub(super) upstream_remote_address: Option<Address>,
    #[prost(message, optional, tag = "14")]
    pub(super) upstream_local_address: Option<Address>,
    #[prost(bytes = "vec", tag = "15")]
    pub(super) upstream_cluster: Vec<u8>,
    /// The message of response flags; see [`super::flags`].
    #[prost(bytes = "vec", tag = "16")]
    pub(super) response_flags: Vec<u8>,
    #[prost(bytes = "vec", tag = "18")]
    pub(super) upstream_transport_failure_reason: Vec<u8>,
    #[prost(bytes = "vec", tag = "19")]
    pub(super) route_name: Vec<u8>,
    #[prost(message, repeated, tag = "21")]
    pub(super) filter_state_objects: Vec<State>,
    #[prost(message, repeated, tag = "22")]
    pub(super) custom_tags: Vec<Pair>,
    #[prost(message, optional, tag = "23")]
    pub(super) duration: Option<Time>,
    #[prost(uint32, tag = "24")]
    pub(super) upstream_request_attempt_count: u32,
    #[prost(bytes = "vec", tag = "25")]
    pub(super) connection_termination_details: Vec<u8>,
    #[prost(bytes = "vec", tag = "26")]
    pub(super) stream_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "28")]
    pub(super) downstream_transport_failure_reason: Vec<u8>,
    #[prost(int32, tag = "33")]
    pub(super) access_log_type: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct HttpRequest {
    #[prost(int32, tag = "1")]
    pub(super) request_method: i32,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) scheme: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) authority: Vec<u8>,
    #[prost(bytes = "vec", tag = "5")]
    pub(super) path: Vec<u8>,
    #[prost(bytes = "vec", tag = "6")]
    pub(super) user_agent: Vec<u8>,
    #[prost(bytes = "vec", tag = "7")]
    pub(super) referer: Vec<u8>,
    #[prost(bytes = "vec", tag = "8")]
    pub(super) forwarded_for: Vec<u8>,
    #[prost(bytes = "vec", tag = "9")]
    pub(super) request_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "10")]
    pub(super) original_path: Vec<u8>,
    #[prost(uint64, tag = "12")]
    pub(super) request_body_bytes: u64,
    #[prost(message, repeated, tag = "13")]
    pub(super) request_headers: Vec<Pair>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct HttpResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) response_code: Option<Number>,
    #[prost(uint64, tag = "3")]
    pub(super) response_body_bytes: u64,
    #[prost(message, repeated, tag = "4")]
    pub(super) response_headers: Vec<Pair>,
    #[prost(message, repeated, tag = "5")]
    pub(super) response_trailers: Vec<Pair>,
    #[prost(bytes = "vec", tag = "6")]
    pub(super) response_code_details: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Address {
    #[prost(message, optional, tag = "1")]
    pub(super) socket_address: Option<SocketAddress>,
    #[prost(message, optional, tag = "2")]
    pub(super) pipe: Option<Pipe>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SocketAddress {
    #[prost(bytes = "vec", tag = "2")]
    pub(super) address: Vec<u8>,
    #[prost(uint32, tag = "3")]
    pub(super) port_value: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Pipe {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) path: Vec<u8>,
}

/// A point in time since the epoch, or a duration.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Time {
    #[prost(int64, tag = "1")]
    pub(super) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(super) nanos: i32,
}

/// A number that may be absent.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Number {
    #[prost(uint32, tag = "1")]
    pub(super) value: u32,
}

/// An entry of a map of texts.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Pair {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) value: Vec<u8>,
}

/// An entry of the map of filter state.
#[derive(Clone, PartialEq, Message)]
pub(super) struct State {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) key: Vec<u8>,
    #[prost(message, optional, tag = "2")]
    pub(super) value: Option<Any>,
}

/// A message of any type.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Any {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) type_url: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) value: Vec<u8>,
}

/// A text or bytes in a message of their own.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Wrapped {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) value: Vec<u8>,
}

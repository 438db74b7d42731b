//! The attributes that Envoy has, as far as filters have asked for them. One that is missing is a line:
//! `const MINE: Attribute<i64, when::End> = Attribute::new(&["request", "headers_bytes"]);`.

use super::{Attribute, Nanoseconds, when};

/// The node's identifier.
pub const NODE_ID: Attribute<Vec<u8>, when::Always> = Attribute::new(&["xds", "node", "id"]);
/// The node's cluster, in a mesh often the service.
pub const NODE_CLUSTER: Attribute<Vec<u8>, when::Always> = Attribute::new(&["xds", "node", "cluster"]);
/// The plugin's name, as the configuration has it.
pub const PLUGIN_NAME: Attribute<Vec<u8>, when::Always> = Attribute::new(&["plugin_name"]);
/// The root id, as the configuration has it.
pub const PLUGIN_ROOT_ID: Attribute<Vec<u8>, when::Always> = Attribute::new(&["plugin_root_id"]);
/// 0 unspecified, 1 inbound, 2 outbound.
pub const LISTENER_DIRECTION: Attribute<i64, when::Stream> = Attribute::new(&["xds", "listener_direction"]);
/// The name of the listener's filter chain; often empty.
pub const FILTER_CHAIN_NAME: Attribute<Vec<u8>, when::Stream> = Attribute::new(&["xds", "filter_chain_name"]);
/// The cluster that the route chose; absent where none was, in TCP until an upstream was chosen.
pub const CLUSTER_NAME: Attribute<Vec<u8>, when::Stream> = Attribute::new(&["xds", "cluster_name"]);
/// The route's name; absent in TCP.
pub const ROUTE_NAME: Attribute<Vec<u8>, when::Stream> = Attribute::new(&["xds", "route_name"]);
/// The virtual host's name; absent in TCP.
pub const VIRTUAL_HOST_NAME: Attribute<Vec<u8>, when::Stream> = Attribute::new(&["xds", "virtual_host_name"]);
/// The host of the first service that the cluster stands for, as Istio's control plane writes it.
pub const SERVICE_HOST: Attribute<Vec<u8>, when::Stream> =
    Attribute::new(&["xds", "cluster_metadata", "filter_metadata", "istio", "services", "0", "host"]);
/// The name of the first service that the cluster stands for, as Istio's control plane writes it.
pub const SERVICE_NAME: Attribute<Vec<u8>, when::Stream> =
    Attribute::new(&["xds", "cluster_metadata", "filter_metadata", "istio", "services", "0", "name"]);
/// The namespace of the first service that the cluster stands for, as Istio's control plane writes it.
pub const SERVICE_NAMESPACE: Attribute<Vec<u8>, when::Stream> =
    Attribute::new(&["xds", "cluster_metadata", "filter_metadata", "istio", "services", "0", "namespace"]);
/// The workload behind the endpoint, as Istio's control plane writes it.
pub const ENDPOINT_WORKLOAD: Attribute<Vec<u8>, when::Upstream> =
    Attribute::new(&["xds", "upstream_host_metadata", "filter_metadata", "istio", "workload"]);
/// The version of HTTP, such as `HTTP/1.1`; absent where the stream is not HTTP but a connection.
pub const REQUEST_PROTOCOL: Attribute<Vec<u8>, when::Stream> = Attribute::new(&["request", "protocol"]);
/// When the first byte came, or the connection began: since the epoch.
pub const REQUEST_TIME: Attribute<Nanoseconds, when::Stream> = Attribute::new(&["request", "time"]);
/// The Host header, or `:authority`.
pub const REQUEST_HOST: Attribute<Vec<u8>, when::RequestHeaders> = Attribute::new(&["request", "host"]);
/// The path with the query.
pub const REQUEST_PATH: Attribute<Vec<u8>, when::RequestHeaders> = Attribute::new(&["request", "path"]);
/// The path without the query.
pub const REQUEST_URL_PATH: Attribute<Vec<u8>, when::RequestHeaders> =
    Attribute::new(&["request", "url_path"]);
/// The query without the question mark.
pub const REQUEST_QUERY: Attribute<Vec<u8>, when::RequestHeaders> = Attribute::new(&["request", "query"]);
/// The method, such as `GET`.
pub const REQUEST_METHOD: Attribute<Vec<u8>, when::RequestHeaders> = Attribute::new(&["request", "method"]);
/// The scheme, such as `https`.
pub const REQUEST_SCHEME: Attribute<Vec<u8>, when::RequestHeaders> = Attribute::new(&["request", "scheme"]);
/// The header `x-request-id`.
pub const REQUEST_ID: Attribute<Vec<u8>, when::RequestHeaders> = Attribute::new(&["request", "id"]);
/// The content type of the request.
pub const REQUEST_CONTENT_TYPE: Attribute<Vec<u8>, when::RequestHeaders> =
    Attribute::new(&["request", "headers", "content-type"]);
/// From the first byte received to the last byte sent.
pub const REQUEST_DURATION: Attribute<Nanoseconds, when::End> = Attribute::new(&["request", "duration"]);
/// The bytes of the request's body; of a connection those that the client sent.
pub const REQUEST_SIZE: Attribute<i64, when::End> = Attribute::new(&["request", "size"]);
/// Body bytes received, and about what the headers were.
pub const REQUEST_TOTAL_SIZE: Attribute<u64, when::End> = Attribute::new(&["request", "total_size"]);
/// The bytes of the response's body; of a connection those that the client was sent.
pub const RESPONSE_SIZE: Attribute<i64, when::End> = Attribute::new(&["response", "size"]);
/// Body bytes sent, and about what the headers were.
pub const RESPONSE_TOTAL_SIZE: Attribute<u64, when::End> = Attribute::new(&["response", "total_size"]);
/// From the first byte sent to the upstream to the last byte that it sent.
pub const RESPONSE_BACKEND_LATENCY: Attribute<Nanoseconds, when::End> =
    Attribute::new(&["response", "backend_latency"]);
/// The status of the response; absent where there was none.
pub const RESPONSE_CODE: Attribute<i64, when::Response> = Attribute::new(&["response", "code"]);
/// Why the response is what it is, such as `via_upstream`.
pub const RESPONSE_CODE_DETAILS: Attribute<Vec<u8>, when::Response> =
    Attribute::new(&["response", "code_details"]);
/// What went wrong so far, one bit per flag.
pub const RESPONSE_FLAGS: Attribute<u64, when::Stream> = Attribute::new(&["response", "flags"]);
/// The gRPC status; for requests that are not gRPC one made from the HTTP status.
pub const RESPONSE_GRPC_STATUS: Attribute<i64, when::ResponseHeaders> =
    Attribute::new(&["response", "grpc_status"]);
/// The client's address with its port.
pub const SOURCE_ADDRESS: Attribute<Vec<u8>, when::Stream> = Attribute::new(&["source", "address"]);
/// The client's port.
pub const SOURCE_PORT: Attribute<i64, when::Stream> = Attribute::new(&["source", "port"]);
/// The address that the client connected to, with its port.
pub const DESTINATION_ADDRESS: Attribute<Vec<u8>, when::Stream> = Attribute::new(&["destination", "address"]);
/// The port that the client connected to.
pub const DESTINATION_PORT: Attribute<i64, when::Stream> = Attribute::new(&["destination", "port"]);
/// A number that is the connection's own for as long as the process runs.
pub const CONNECTION_ID: Attribute<u64, when::Stream> = Attribute::new(&["connection", "id"]);
/// Whether the client showed a certificate that was verified; absent on plain text.
pub const CONNECTION_IS_MUTUAL: Attribute<bool, when::Stream> = Attribute::new(&["connection", "mtls"]);
/// The name that the client asked for by TLS; may be empty.
pub const CONNECTION_SERVER_NAME: Attribute<Vec<u8>, when::Stream> =
    Attribute::new(&["connection", "requested_server_name"]);
/// The TLS version towards the client; absent on plain text.
pub const CONNECTION_TLS_VERSION: Attribute<Vec<u8>, when::Stream> =
    Attribute::new(&["connection", "tls_version"]);
/// The first URI SAN of the client's certificate.
pub const CONNECTION_PEER_SAN: Attribute<Vec<u8>, when::Stream> =
    Attribute::new(&["connection", "uri_san_peer_certificate"]);
/// The first URI SAN of the certificate shown to the client.
pub const CONNECTION_LOCAL_SAN: Attribute<Vec<u8>, when::Stream> =
    Attribute::new(&["connection", "uri_san_local_certificate"]);
/// Why the proxy ended the connection, if it did.
pub const CONNECTION_TERMINATION_DETAILS: Attribute<Vec<u8>, when::Stream> =
    Attribute::new(&["connection", "termination_details"]);
/// The upstream's address with its port.
pub const UPSTREAM_ADDRESS: Attribute<Vec<u8>, when::Upstream> = Attribute::new(&["upstream", "address"]);
/// The upstream's port.
pub const UPSTREAM_PORT: Attribute<i64, when::Upstream> = Attribute::new(&["upstream", "port"]);
/// The TLS version towards the upstream; absent on plain text.
pub const UPSTREAM_TLS_VERSION: Attribute<Vec<u8>, when::Upstream> =
    Attribute::new(&["upstream", "tls_version"]);
/// The first URI SAN of the upstream's certificate.
pub const UPSTREAM_PEER_SAN: Attribute<Vec<u8>, when::Upstream> =
    Attribute::new(&["upstream", "uri_san_peer_certificate"]);
/// The first URI SAN of the certificate shown to the upstream.
pub const UPSTREAM_LOCAL_SAN: Attribute<Vec<u8>, when::Upstream> =
    Attribute::new(&["upstream", "uri_san_local_certificate"]);
/// Why the connection to the upstream failed; empty when it did not.
pub const UPSTREAM_TRANSPORT_FAILURE: Attribute<Vec<u8>, when::Upstream> =
    Attribute::new(&["upstream", "transport_failure_reason"]);

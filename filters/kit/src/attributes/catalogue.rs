//! The attributes that Envoy has, as far as filters have asked for them. One that is missing is a line in the filter that
//! wants it: `const MINE: Attribute<i64, when::End> = Attribute::new(&["request", "headers_bytes"]);`.

use super::{Attribute, Nanoseconds, when};

macro_rules! catalogue {
    ($($(#[$doc:meta])* $name:ident: $type:ty, $when:ident = $path:expr;)+) => {
        $($(#[$doc])* pub const $name: Attribute<$type, when::$when> = Attribute::new(&$path);)+

        /// All of them: the name, when it is there, and the path.
        #[cfg(test)]
        const ALL: &[(&str, &str, &[&str])] = &[$((stringify!($name), stringify!($when), &$path)),+];
    };
}

catalogue! {
    /// The node's identifier.
    NODE_ID: Vec<u8>, Always = ["xds", "node", "id"];
    /// The node's cluster, in a mesh often the service.
    NODE_CLUSTER: Vec<u8>, Always = ["xds", "node", "cluster"];
    /// The plugin's name, as the configuration has it.
    PLUGIN_NAME: Vec<u8>, Always = ["plugin_name"];
    /// The root id, as the configuration has it.
    PLUGIN_ROOT_ID: Vec<u8>, Always = ["plugin_root_id"];
    /// 0 unspecified, 1 inbound, 2 outbound.
    LISTENER_DIRECTION: i64, Stream = ["xds", "listener_direction"];
    /// The name of the listener's filter chain; often empty.
    FILTER_CHAIN_NAME: Vec<u8>, Stream = ["xds", "filter_chain_name"];
    /// The cluster that the route chose; absent where none was, in TCP until an upstream was chosen.
    CLUSTER_NAME: Vec<u8>, Stream = ["xds", "cluster_name"];
    /// The route's name; absent in TCP.
    ROUTE_NAME: Vec<u8>, Stream = ["xds", "route_name"];
    /// The virtual host's name; absent in TCP.
    VIRTUAL_HOST_NAME: Vec<u8>, Stream = ["xds", "virtual_host_name"];
    /// The host of the first service that the cluster stands for, as Istio's control plane writes it.
    SERVICE_HOST: Vec<u8>, Stream = ["xds", "cluster_metadata", "filter_metadata", "istio", "services", "0", "host"];
    /// The name of the first service that the cluster stands for, as Istio's control plane writes it.
    SERVICE_NAME: Vec<u8>, Stream = ["xds", "cluster_metadata", "filter_metadata", "istio", "services", "0", "name"];
    /// The namespace of the first service that the cluster stands for, as Istio's control plane writes it.
    SERVICE_NAMESPACE: Vec<u8>, Stream = ["xds", "cluster_metadata", "filter_metadata", "istio", "services", "0", "namespace"];
    /// Whether the cluster leads out of the mesh, as Istio's control plane writes it; absent where it does not.
    CLUSTER_IS_EXTERNAL: bool, Stream = ["xds", "cluster_metadata", "filter_metadata", "istio", "external"];
    /// Whether the cluster's endpoints know the other side by other means, as Istio's control plane writes it.
    CLUSTER_NEEDS_NO_EXCHANGE: bool, Stream = ["xds", "cluster_metadata", "filter_metadata", "istio", "disable_mx"];
    /// The workload behind the endpoint, as Istio's control plane writes it.
    ENDPOINT_WORKLOAD: Vec<u8>, Upstream = ["xds", "upstream_host_metadata", "filter_metadata", "istio", "workload"];
    /// The version of HTTP, such as `HTTP/1.1`; absent where the stream is not HTTP but a connection.
    REQUEST_PROTOCOL: Vec<u8>, Stream = ["request", "protocol"];
    /// When the first byte came, or the connection began: since the epoch.
    REQUEST_TIME: Nanoseconds, Stream = ["request", "time"];
    /// The Host header, or `:authority`.
    REQUEST_HOST: Vec<u8>, RequestHeaders = ["request", "host"];
    /// The path with the query.
    REQUEST_PATH: Vec<u8>, RequestHeaders = ["request", "path"];
    /// The path without the query.
    REQUEST_URL_PATH: Vec<u8>, RequestHeaders = ["request", "url_path"];
    /// The query without the question mark.
    REQUEST_QUERY: Vec<u8>, RequestHeaders = ["request", "query"];
    /// The method, such as `GET`.
    REQUEST_METHOD: Vec<u8>, RequestHeaders = ["request", "method"];
    /// The scheme, such as `https`.
    REQUEST_SCHEME: Vec<u8>, RequestHeaders = ["request", "scheme"];
    /// The header `x-request-id`.
    REQUEST_ID: Vec<u8>, RequestHeaders = ["request", "id"];
    /// The content type of the request.
    REQUEST_CONTENT_TYPE: Vec<u8>, RequestHeaders = ["request", "headers", "content-type"];
    /// From the first byte received to the last byte sent.
    REQUEST_DURATION: Nanoseconds, End = ["request", "duration"];
    /// The bytes of the request's body; of a connection those that the client sent.
    REQUEST_SIZE: i64, End = ["request", "size"];
    /// Body bytes received, and about what the headers were.
    REQUEST_TOTAL_SIZE: u64, End = ["request", "total_size"];
    /// The bytes of the response's body; of a connection those that the client was sent.
    RESPONSE_SIZE: i64, End = ["response", "size"];
    /// Body bytes sent, and about what the headers were.
    RESPONSE_TOTAL_SIZE: u64, End = ["response", "total_size"];
    /// From the first byte sent to the upstream to the last byte that it sent.
    RESPONSE_BACKEND_LATENCY: Nanoseconds, End = ["response", "backend_latency"];
    /// The status of the response; absent where there was none.
    RESPONSE_CODE: i64, Response = ["response", "code"];
    /// Why the response is what it is, such as `via_upstream`.
    RESPONSE_CODE_DETAILS: Vec<u8>, Response = ["response", "code_details"];
    /// What went wrong so far, one bit per flag.
    RESPONSE_FLAGS: u64, Stream = ["response", "flags"];
    /// The gRPC status; for requests that are not gRPC one made from the HTTP status.
    RESPONSE_GRPC_STATUS: i64, ResponseHeaders = ["response", "grpc_status"];
    /// The client's address with its port.
    SOURCE_ADDRESS: Vec<u8>, Stream = ["source", "address"];
    /// The client's port.
    SOURCE_PORT: i64, Stream = ["source", "port"];
    /// The address that the client connected to, with its port.
    DESTINATION_ADDRESS: Vec<u8>, Stream = ["destination", "address"];
    /// The port that the client connected to.
    DESTINATION_PORT: i64, Stream = ["destination", "port"];
    /// A number that is the connection's own for as long as the process runs.
    CONNECTION_ID: u64, Stream = ["connection", "id"];
    /// Whether the client showed a certificate that was verified; absent on plain text.
    CONNECTION_IS_MUTUAL: bool, Stream = ["connection", "mtls"];
    /// The name that the client asked for by TLS; may be empty.
    CONNECTION_SERVER_NAME: Vec<u8>, Stream = ["connection", "requested_server_name"];
    /// The TLS version towards the client; absent on plain text.
    CONNECTION_TLS_VERSION: Vec<u8>, Stream = ["connection", "tls_version"];
    /// The first URI SAN of the client's certificate.
    CONNECTION_PEER_SAN: Vec<u8>, Stream = ["connection", "uri_san_peer_certificate"];
    /// The first URI SAN of the certificate shown to the client.
    CONNECTION_LOCAL_SAN: Vec<u8>, Stream = ["connection", "uri_san_local_certificate"];
    /// Why the proxy ended the connection, if it did.
    CONNECTION_TERMINATION_DETAILS: Vec<u8>, Stream = ["connection", "termination_details"];
    /// The upstream's address with its port.
    UPSTREAM_ADDRESS: Vec<u8>, Upstream = ["upstream", "address"];
    /// The upstream's port.
    UPSTREAM_PORT: i64, Upstream = ["upstream", "port"];
    /// The TLS version towards the upstream; absent on plain text.
    UPSTREAM_TLS_VERSION: Vec<u8>, Upstream = ["upstream", "tls_version"];
    /// The first URI SAN of the upstream's certificate.
    UPSTREAM_PEER_SAN: Vec<u8>, Upstream = ["upstream", "uri_san_peer_certificate"];
    /// The first URI SAN of the certificate shown to the upstream.
    UPSTREAM_LOCAL_SAN: Vec<u8>, Upstream = ["upstream", "uri_san_local_certificate"];
    /// Why the connection to the upstream failed; empty when it did not.
    UPSTREAM_TRANSPORT_FAILURE: Vec<u8>, Upstream = ["upstream", "transport_failure_reason"];
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::ALL;

    /// The callbacks of HTTP in which an attribute with this word is read.
    fn phases(when: &str) -> &'static [&'static str] {
        match when {
            "Always" => &["configure", "tick", "request_headers", "response_body", "log"],
            "Stream" => &["request_headers", "request_body", "request_trailers", "response_headers", "log"],
            "RequestHeaders" => &["request_headers", "log"],
            "Response" | "Upstream" => &["response_headers", "response_body", "response_trailers", "log"],
            "ResponseHeaders" => &["response_headers", "log"],
            "End" => &["log"],
            other => panic!("{other} is new"),
        }
    }

    #[test]
    fn what_the_types_promise_was_seen_in_a_real_envoy() {
        let facts = include_str!("../../../harness/facts/envoy-1.40.json");
        let facts: Value = serde_json::from_str(facts).unwrap();
        let mut compared = 0;
        for (name, when, path) in ALL {
            let Some(recorded) = facts["attributes"][path.join(".")].as_object() else { continue };
            // Nothing went wrong where it was recorded.
            if *name == "CONNECTION_TERMINATION_DETAILS" {
                continue;
            }
            compared += 1;
            for phase in phases(when) {
                let is_in = |phases: &Value| phases.as_array().unwrap().iter().any(|it| it == phase);
                let is_there = ["http", "http over TLS"].iter().any(|scenario| {
                    let mut answers =
                        recorded.get(*scenario).and_then(Value::as_object).into_iter().flatten();
                    answers.any(|(answer, phases)| answer.starts_with("Ok") && is_in(phases))
                });
                assert!(is_there, "{name} is not there in {phase}");
            }
        }
        assert!(compared > 40, "only {compared} were recorded");
    }
}

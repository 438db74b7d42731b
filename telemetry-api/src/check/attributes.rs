//! The attributes that Envoy gives to expressions, by their names, and what is misspelt among those that are used.

use crate::problem::closest;

/// Names of types, which expressions compare with.
const TYPES: &[&str] =
    &["bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"];

/// Names at the beginning of an attribute.
const ROOTS: &[&str] = &[
    "request",
    "response",
    "source",
    "destination",
    "connection",
    "connection_id",
    "upstream",
    "metadata",
    "filter_state",
    "upstream_filter_state",
    "xds",
    "node",
    "plugin_name",
    "plugin_root_id",
    "plugin_vm_id",
    "listener_direction",
    "listener_metadata",
    "route_name",
    "route_metadata",
    "cluster_name",
    "cluster_metadata",
    "upstream_host_metadata",
    "downstream_peer",
    "upstream_peer",
];

const REQUEST: &[&str] = &[
    "path",
    "url_path",
    "host",
    "scheme",
    "method",
    "headers",
    "referer",
    "useragent",
    "id",
    "query",
    "protocol",
    "time",
    "duration",
    "size",
    "total_size",
    "headers_bytes",
];
const RESPONSE: &[&str] = &[
    "code",
    "code_details",
    "flags",
    "grpc_status",
    "headers",
    "headers_bytes",
    "trailers",
    "size",
    "total_size",
    "backend_latency",
];
const ADDRESS: &[&str] = &["address", "port"];
const CONNECTION: &[&str] = &[
    "id",
    "mtls",
    "requested_server_name",
    "tls_version",
    "subject_local_certificate",
    "subject_peer_certificate",
    "dns_san_local_certificate",
    "dns_san_peer_certificate",
    "uri_san_local_certificate",
    "uri_san_peer_certificate",
    "sha256_peer_certificate_digest",
    "peer_certificate",
    "termination_details",
    "transport_failure_reason",
];
const UPSTREAM: &[&str] = &[
    "address",
    "port",
    "local_address",
    "tls_version",
    "subject_local_certificate",
    "subject_peer_certificate",
    "dns_san_local_certificate",
    "dns_san_peer_certificate",
    "uri_san_local_certificate",
    "uri_san_peer_certificate",
    "sha256_peer_certificate_digest",
    "locality",
    "cx_pool_ready_duration",
    "transport_failure_reason",
    "request_attempt_count",
    "num_endpoints",
];
const XDS: &[&str] = &[
    "node",
    "cluster_name",
    "cluster_metadata",
    "route_name",
    "route_metadata",
    "virtual_host_name",
    "virtual_host_metadata",
    "upstream_host_metadata",
    "upstream_host_locality_metadata",
    "listener_direction",
    "listener_metadata",
    "filter_chain_name",
];

/// The fields of a root; none when they are not known.
fn fields(root: &str) -> Option<&'static [&'static str]> {
    Some(match root {
        "request" => REQUEST,
        "response" => RESPONSE,
        "source" | "destination" => ADDRESS,
        "connection" => CONNECTION,
        "upstream" => UPSTREAM,
        "xds" => XDS,
        _ => return None,
    })
}

/// Whether a name can stand at the beginning of an attribute. Values that other filters write are read by their bare names;
/// Istio's own begin with `istio_`.
pub(super) fn is_root(name: &str) -> bool {
    ROOTS.contains(&name) || name.starts_with("istio_")
}

/// An attribute that Envoy does not have, and the one that is likely meant; none if it may well have it. `field` is what
/// stands below the root.
pub(super) fn unknown(root: &str, field: Option<&str>) -> Option<(String, String)> {
    let name = field.map_or_else(|| root.to_owned(), |field| format!("{root}.{field}"));
    match (fields(root), field) {
        (Some(known), Some(field)) if !known.contains(&field) => {
            let likely = closest(field, known).map(|known| format!("{root}.{known}"));
            Some((name, likely.unwrap_or_default()))
        }
        (None, _) if !is_root(root) && !TYPES.contains(&root) => {
            let rest = field.map_or_else(String::new, |field| format!(".{field}"));
            let likely = closest(root, ROOTS).map(|known| format!("{known}{rest}"));
            Some((name, likely.unwrap_or_default()))
        }
        _ => None,
    }
}

/// Whether every field of a root is known.
pub(super) fn has_known_fields(root: &str) -> bool {
    fields(root).is_some()
}

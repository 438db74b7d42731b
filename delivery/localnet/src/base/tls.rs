//! Mutual TLS between proxies: the transport sockets of both sides, as Istio writes them. Pure.

use serde_json::{Value, json};

use super::TYPE_PREFIX;
use crate::mesh::{Carried, ServiceRef, TRUST_DOMAIN};
use crate::site::{AUTHORITY_FILE, CERTIFICATE_FILE, KEY_FILE};

const SOCKET: &str = "envoy.transport_sockets.tls";
const DOWNSTREAM: &str = "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";
const UPSTREAM: &str = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
const RAW_BUFFER: &str = "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer";
const INSPECTOR: &str = "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector";

/// The key under which an endpoint's metadata says which of a cluster's sockets is for it.
pub(super) const SOCKET_MATCH: &str = "envoy.transport_socket_match";

/// The socket of a listener: who calls must have a certificate of the mesh. `directory` is that of the proxy's own.
pub(super) fn downstream(directory: &str, carries: Carried) -> Value {
    let anybody = json!({"prefix": format!("spiffe://{TRUST_DOMAIN}/")});
    let protocols: &[&str] = match carries {
        Carried::Http1 | Carried::Http2 => &["h2", "http/1.1"],
        Carried::Tcp => &[],
    };
    json!({
        "name": SOCKET,
        "typed_config": {
            "@type": format!("{TYPE_PREFIX}{DOWNSTREAM}"),
            "require_client_certificate": true,
            "common_tls_context": context(directory, vec![anybody], protocols),
        },
    })
}

/// What looks at the first bytes of a connection, so that listeners know whether it is TLS.
pub(super) fn inspector() -> Value {
    json!({
        "name": "envoy.filters.listener.tls_inspector",
        "typed_config": {"@type": format!("{TYPE_PREFIX}{INSPECTOR}")},
    })
}

/// The sockets of a cluster: one for endpoints that take mutual TLS, of whom one of `principals` must answer, and one for
/// all others.
pub(super) fn upstream(directory: &str, service: &ServiceRef, principals: &[&str]) -> Value {
    let protocols: &[&str] = match service.carries {
        Carried::Http1 => &["http/1.1"],
        Carried::Http2 => &["h2"],
        Carried::Tcp => &[],
    };
    let names = principals.iter().map(|principal| json!({"exact": principal})).collect();
    json!([
        {
            "name": "tlsMode-istio",
            "match": endpoint_match(),
            "transport_socket": {
                "name": SOCKET,
                "typed_config": {
                    "@type": format!("{TYPE_PREFIX}{UPSTREAM}"),
                    "sni": format!("outbound_.{}_._.{}", service.port, service.host),
                    "common_tls_context": context(directory, names, protocols),
                },
            },
        },
        {
            "name": "tlsMode-disabled",
            "match": {},
            "transport_socket": {
                "name": "envoy.transport_sockets.raw_buffer",
                "typed_config": {"@type": format!("{TYPE_PREFIX}{RAW_BUFFER}")},
            },
        },
    ])
}

/// What the metadata of an endpoint that takes mutual TLS says of it.
pub(super) fn endpoint_match() -> Value {
    json!({"tlsMode": "istio"})
}

fn context(directory: &str, names: Vec<Value>, protocols: &[&str]) -> Value {
    let file = |name: &str| json!({"filename": format!("{}/{name}", directory.trim_end_matches('/'))});
    let names: Vec<Value> =
        names.into_iter().map(|matcher| json!({"san_type": "URI", "matcher": matcher})).collect();
    let mut context = json!({
        "tls_certificates": [{"certificate_chain": file(CERTIFICATE_FILE), "private_key": file(KEY_FILE)}],
        "validation_context": {"trusted_ca": file(AUTHORITY_FILE), "match_typed_subject_alt_names": names},
    });
    if !protocols.is_empty() {
        context["alpn_protocols"] = json!(protocols);
    }
    context
}

//! The cluster that leads a proxy to its server.

use std::net::IpAddr;

use burgee_overlay::Value;

use super::{CLUSTER, Server, Tls, socket};

const HTTP_OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const TLS_CONTEXT: &str = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
/// How long a connection to the server may take to open.
const CONNECT_TIMEOUT: &str = "5s";
/// How often a silent connection is asked whether it is still there, and how long it may take to say so: a server whose
/// machine is gone is noticed within their sum, and another one asked.
const ASK_AFTER: &str = "30s";
const ANSWER_WITHIN: &str = "10s";

/// The cluster.
pub(super) fn cluster(server: &Server) -> Value {
    let Server { host, port, tls } = server;
    let host = host.trim_matches(['[', ']']);
    let is_address = host.parse::<IpAddr>().is_ok();
    let kind = if is_address { "STATIC" } else { "STRICT_DNS" };
    let keepalive =
        Value::map([("interval", Value::string(ASK_AFTER)), ("timeout", Value::string(ANSWER_WITHIN))]);
    let http2 = Value::map([("connection_keepalive", keepalive)]);
    let options = Value::map([
        ("@type", Value::string(format!("type.googleapis.com/{HTTP_OPTIONS}"))),
        ("explicit_http_config", Value::map([("http2_protocol_options", http2)])),
    ]);
    let endpoint = Value::map([("endpoint", Value::map([("address", socket(host, *port))]))]);
    let locality = Value::map([("lb_endpoints", Value::List(vec![endpoint].into()))]);
    let assignment = Value::map([
        ("cluster_name", Value::string(CLUSTER)),
        ("endpoints", Value::List(vec![locality].into())),
    ]);
    let mut fields = vec![
        ("name".to_owned(), Value::string(CLUSTER)),
        ("type".to_owned(), Value::string(kind)),
        ("connect_timeout".to_owned(), Value::string(CONNECT_TIMEOUT)),
        ("typed_extension_protocol_options".to_owned(), Value::map([(HTTP_OPTIONS, options)])),
    ];
    if let Some(tls) = tls {
        fields.push(("transport_socket".to_owned(), transport(tls, (!is_address).then_some(host))));
    }
    fields.push(("load_assignment".to_owned(), assignment));
    Value::Map(fields.into())
}

/// TLS: the server's certificate must be of the authorities and of the identity, whatever name it was found by.
fn transport(tls: &Tls, name: Option<&str>) -> Value {
    let file = |path: &std::path::Path| {
        Value::map([("filename", Value::string(path.to_string_lossy().into_owned()))])
    };
    let identity = Value::map([("exact", Value::string(tls.server_identity.as_str()))]);
    let identity = Value::map([("san_type", Value::string("URI")), ("matcher", identity)]);
    let validation = Value::map([
        ("trusted_ca", file(&tls.authorities)),
        ("match_typed_subject_alt_names", Value::List(vec![identity].into())),
    ]);
    let mut context = vec![
        ("alpn_protocols".to_owned(), Value::List(vec![Value::string("h2")].into())),
        ("validation_context".to_owned(), validation),
    ];
    if let Some((certificate, key)) = &tls.own {
        let own = Value::map([("certificate_chain", file(certificate)), ("private_key", file(key))]);
        context.push(("tls_certificates".to_owned(), Value::List(vec![own].into())));
    }
    let mut fields = vec![
        ("@type".to_owned(), Value::string(format!("type.googleapis.com/{TLS_CONTEXT}"))),
        ("common_tls_context".to_owned(), Value::Map(context.into())),
    ];
    fields.extend(name.map(|name| ("sni".to_owned(), Value::string(name))));
    Value::map([
        ("name", Value::string("envoy.transport_sockets.tls")),
        ("typed_config", Value::Map(fields.into())),
    ])
}

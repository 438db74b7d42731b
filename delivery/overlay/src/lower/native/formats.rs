//! Formats of access logs that give the values of labels. Every one was tried in Envoy 1.40.

use burgee_filter_config::names::{CLUSTERS_WITHOUT_SERVICE, ROUTES_WITHOUT_SERVICE};
use burgee_filter_config::stat_name::MAX_VALUE_BYTES;
use serde_json::json;

/// The first service that a cluster stands for, as Istio's control plane writes it into the cluster's metadata.
const SERVICE: &str = "xds.cluster_metadata.filter_metadata.istio.services[0]";

/// The workload behind an endpoint, as Istio's control plane writes it into the endpoint's metadata.
const ENDPOINT: &str = "xds.upstream_host_metadata.filter_metadata.istio.workload";

/// Who called and who was called, as the filter `peer-metadata` publishes it for each request.
pub(super) const CALLER: &str = "wasm.downstream_peer";
pub(super) const CALLED: &str = "wasm.upstream_peer";

/// Has no value, so that the next operator of a `COALESCE` is asked: one with an empty text would end it.
const NOTHING: &str = "xds.nothing";

/// Certificates' first names, which are SPIFFE identities. The operators for names have all of them.
pub(super) const CONNECTION_PEER: &str = "connection.uri_san_peer_certificate";
pub(super) const CONNECTION_LOCAL: &str = "connection.uri_san_local_certificate";
pub(super) const UPSTREAM_PEER: &str = "upstream.uri_san_peer_certificate";
pub(super) const UPSTREAM_LOCAL: &str = "upstream.uri_san_local_certificate";

/// An operator within a `COALESCE`, which asks one after another until one has a value.
pub(super) struct Operator {
    command: &'static str,
    parameter: String,
}

/// A text as a format that gives it.
pub(super) fn literal(text: &str) -> String {
    match text {
        // A format has at least one character.
        "" => "%CEL('')%".to_owned(),
        text => text.replace('%', "%%"),
    }
}

/// The value of an expression, no longer than a label may be.
pub(super) fn cel(expression: &str) -> String {
    format!("%CEL({expression}):{MAX_VALUE_BYTES}%")
}

/// The first of these that has a value.
pub(super) fn first_of(operators: &[Operator]) -> String {
    if let [Operator { command: "CEL", parameter }] = operators {
        return cel(parameter);
    }
    let operators: Vec<serde_json::Value> = operators
        .iter()
        .map(|Operator { command, parameter }| json!({"command": command, "param": parameter}))
        .collect();
    format!("%COALESCE({}):{MAX_VALUE_BYTES}%", json!({"operators": operators}))
}

fn expression(text: String) -> Operator {
    Operator { command: "CEL", parameter: text }
}

/// The header that says which host is meant.
pub(super) fn host_header() -> Operator {
    Operator { command: "REQ", parameter: ":AUTHORITY".to_owned() }
}

/// That a route is one for traffic that Istio knows no service for. A request without a route has no name of one, and
/// asking for it would fail.
fn by_route() -> String {
    is_one_of("xds.route_name", &ROUTES_WITHOUT_SERVICE.map(|(route, _)| route))
}

/// That a cluster stands for no service.
fn by_cluster() -> String {
    is_one_of("xds.cluster_name", &CLUSTERS_WITHOUT_SERVICE)
}

fn is_one_of(attribute: &str, names: &[&str]) -> String {
    format!("has({attribute}) && {attribute} in ['{}']", names.join("', '"))
}

/// A field of the service that the cluster stands for, where it says it.
fn service_field(field: &str) -> Operator {
    let (by_route, by_cluster) = (by_route(), by_cluster());
    expression(format!(
        "{by_route} || {by_cluster} || {SERVICE}.{field} == '' ? {NOTHING} : {SERVICE}.{field}"
    ))
}

/// The service's full name.
pub(super) fn service_host() -> Operator {
    service_field("host")
}

/// The service's namespace.
pub(super) fn service_namespace() -> Operator {
    service_field("namespace")
}

/// The service's short name: what Istio calls unknown traffic, the name in the metadata, or the beginning of the host.
pub(super) fn service_name() -> [Operator; 2] {
    let by_route = ROUTES_WITHOUT_SERVICE
        .map(|(route, name)| format!("has(xds.route_name) && xds.route_name == '{route}' ? '{name}' : "))
        .concat();
    [
        expression(format!(
            "{by_route}{} ? xds.cluster_name : {SERVICE}.name == '' ? {NOTHING} : {SERVICE}.name",
            by_cluster(),
        )),
        expression(format!("re.capture({SERVICE}.host, '(?s)([^.]+).*')")),
    ]
}

/// What a peer published of itself. It has no value where nobody did.
pub(super) fn peer_field(peer: &str, field: &str) -> Operator {
    expression(format!("filter_state['{peer}'].{field}"))
}

/// What the called peer published of itself; where nobody did, the part of that number of what the endpoint's metadata
/// says: workload, namespace, canonical service, its revision, cluster. With fewer than five parts it says nothing.
pub(super) fn called_or_endpoint(field: &str, index: usize) -> Operator {
    let part = |number: usize| if number == index { "([^;]+)" } else { "[^;]*" };
    let parts: Vec<&str> = (0..5).map(part).collect();
    let Operator { parameter: published, .. } = peer_field(CALLED, field);
    expression(format!(
        "'{CALLED}' in filter_state ? {published} : re.capture({ENDPOINT}, '(?s){}(?:;.*)?')",
        parts.join(";")
    ))
}

/// The name in a certificate. It has no value where there is none: an empty text would end a `COALESCE`.
pub(super) fn name_of(principal: &str) -> Operator {
    expression(format!("{principal} == '' ? {NOTHING} : {principal}"))
}

/// The namespace in a SPIFFE identity, `spiffe://DOMAIN/ns/NAMESPACE/sa/ACCOUNT`.
pub(super) fn namespace_of(principal: &str) -> Operator {
    expression(format!("re.capture({principal}, '(?s).*?/ns/([^/]+).*')"))
}

/// What the node's metadata says, by the way to it.
pub(super) fn node(path: &[&str]) -> Operator {
    let mut text = "xds.node.metadata".to_owned();
    for key in path {
        text.extend(["['", key, "']"]);
    }
    expression(text)
}

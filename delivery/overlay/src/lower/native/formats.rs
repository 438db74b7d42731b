//! Formats of access logs that give the values of labels. Every one was tried in Envoy 1.40.

use std::borrow::Cow;

use burgee_filter_config::names::{CLUSTERS_WITHOUT_SERVICE, ROUTES_WITHOUT_SERVICE};
use burgee_filter_config::peer_fields::{DOWNSTREAM_PEER, UPSTREAM_PEER, filter_state_key};
use burgee_filter_config::stat_name::MAX_VALUE_BYTES;
use serde_json::json;

/// The first service that a cluster stands for, as Istio's control plane writes it into the cluster's metadata.
const SERVICE: &str = "xds.cluster_metadata.filter_metadata.istio.services[0]";

/// The workload behind an endpoint, as Istio's control plane writes it into the endpoint's metadata.
const ENDPOINT: &str = "xds.upstream_host_metadata.filter_metadata.istio.workload";

/// Who called and who was called, as the filter `peer-metadata` publishes each field of it for each request.
pub(super) const CALLER: &str = DOWNSTREAM_PEER;
pub(super) const CALLED: &str = UPSTREAM_PEER;

/// Has no value, so that the next operator of a `COALESCE` is asked: one with an empty text would end it.
const NOTHING: &str = "xds.nothing";

/// Names in certificates, which are SPIFFE identities. A certificate of one has no other name; of several these operators
/// have all.
pub(super) const CONNECTION_PEER: Operator = operator("DOWNSTREAM_PEER_URI_SAN");
pub(super) const CONNECTION_LOCAL: Operator = operator("DOWNSTREAM_LOCAL_URI_SAN");
pub(super) const SERVER_PEER: Operator = operator("UPSTREAM_PEER_URI_SAN");
pub(super) const SERVER_LOCAL: Operator = operator("UPSTREAM_LOCAL_URI_SAN");

/// The same names for expressions.
pub(super) const PEER_NAME: &str = "connection.uri_san_peer_certificate";
pub(super) const SERVER_NAME: &str = "upstream.uri_san_peer_certificate";

/// An operator, by itself or within a `COALESCE`, which asks one after another until one has a value.
#[derive(Clone, Debug)]
pub(super) struct Operator {
    command: &'static str,
    parameter: Option<Cow<'static, str>>,
}

const fn operator(command: &'static str) -> Operator {
    Operator { command, parameter: None }
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
    match operators {
        [Operator { command: "CEL", parameter: Some(parameter) }] => return cel(parameter),
        [Operator { command, parameter: None }] => return format!("%{command}%"),
        [Operator { command: "FILTER_STATE", parameter: Some(parameter) }] => {
            return format!("%FILTER_STATE({parameter})%");
        }
        _ => {}
    }
    let operators: Vec<serde_json::Value> = operators
        .iter()
        .map(|Operator { command, parameter }| match parameter {
            Some(parameter) => json!({"command": command, "param": parameter}),
            None => json!({"command": command}),
        })
        .collect();
    format!("%COALESCE({}):{MAX_VALUE_BYTES}%", json!({"operators": operators}))
}

/// Whether a format has Envoy evaluate an expression, which costs many times what an operator does.
pub(super) fn is_dear(format: &str) -> bool {
    format.contains("CEL")
}

fn expression(text: String) -> Operator {
    Operator { command: "CEL", parameter: Some(text.into()) }
}

/// The header that says which host is meant.
pub(super) fn host_header() -> Operator {
    Operator { command: "REQ", parameter: Some(":AUTHORITY".into()) }
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

/// What a peer published of itself. It has no value where nobody did; where somebody did, every field has one.
pub(super) fn peer_field(peer: &str, field: &str) -> Operator {
    let parameter = format!("{}:PLAIN", filter_state_key(peer, field));
    Operator { command: "FILTER_STATE", parameter: Some(parameter.into()) }
}

/// The part of that number of what the endpoint's metadata says: workload, namespace, canonical service, its revision,
/// cluster. With fewer than five parts it says nothing.
pub(super) fn endpoint(index: usize) -> Operator {
    let part = |number: usize| if number == index { "([^;]+)" } else { "[^;]*" };
    let parts: Vec<&str> = (0..5).map(part).collect();
    expression(format!("re.capture({ENDPOINT}, '(?s){}(?:;.*)?')", parts.join(";")))
}

/// The namespace in a SPIFFE identity, `spiffe://DOMAIN/ns/NAMESPACE/sa/ACCOUNT`.
pub(super) fn namespace_of(principal: &str) -> Operator {
    expression(format!("re.capture({principal}, '(?s).*?/ns/([^/]+).*')"))
}

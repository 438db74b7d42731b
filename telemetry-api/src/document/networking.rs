//! Reads what exists in the mesh: `ServiceEntry`, `WorkloadEntry` and `Gateway`.

use std::collections::BTreeMap;

use super::annotations;
use super::kinds::require_spec;
use super::reader::{Context, Field, Object, list, shorten};
use super::tree::NodeValue;
use crate::problem::{Severity, closest, codes};
use crate::resources::{
    Gateway, GatewayServer, Location, Meta, ServiceEndpoint, ServiceEntry, ServicePort, WorkloadEntry,
};

const WORKLOAD_FIELDS: &[&str] =
    &["address", "ports", "labels", "network", "locality", "weight", "serviceAccount"];

pub(super) fn service_entry(
    meta: Meta,
    document: &Object<'_>,
    context: &mut Context,
) -> Option<ServiceEntry> {
    let known = [
        "hosts",
        "addresses",
        "ports",
        "location",
        "resolution",
        "endpoints",
        "workloadSelector",
        "exportTo",
        "subjectAltNames",
    ];
    let spec = require_spec(document, context)?.object(context, &known)?;
    let hosts = hosts(&spec, context, "name at least one host that clients call");
    let location = spec.get("location").and_then(|field| field.choice(context, Location::NAMES));
    choice(&spec, "resolution", &["NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"], context);
    let ports = spec.list(context, "ports").iter().filter_map(|port| service_port(port, context)).collect();
    let endpoints = spec.list(context, "endpoints");
    let endpoints = endpoints.iter().filter_map(|endpoint| service_endpoint(endpoint, context)).collect();
    let workload_selector = spec.get("workloadSelector").map(|selector| {
        selector
            .object(context, &["labels"])
            .and_then(|selector| selector.get("labels"))
            .map(|labels| labels.string_map(context))
            .unwrap_or_default()
    });
    let location = location.unwrap_or_default();
    Some(ServiceEntry { meta, hosts, ports, workload_selector, endpoints, location })
}

fn service_endpoint(field: &Field<'_>, context: &mut Context) -> Option<ServiceEndpoint> {
    let endpoint = field.object(context, WORKLOAD_FIELDS)?;
    let address = endpoint.string(context, "address").unwrap_or_default();
    Some(ServiceEndpoint { address, ports: port_numbers(&endpoint, context) })
}

/// `ports` of a workload or an endpoint: numbers by the names of a service's ports.
fn port_numbers(object: &Object<'_>, context: &mut Context) -> BTreeMap<String, u16> {
    let mut ports = BTreeMap::new();
    if let Some(object) = object.get("ports").and_then(|ports| ports.any_object(context)) {
        for (name, field) in object.fields() {
            if let Some(number) = field.port(context) {
                ports.insert(name.to_owned(), number);
            }
        }
    }
    ports
}

fn service_port(field: &Field<'_>, context: &mut Context) -> Option<ServicePort> {
    let port = field.object(context, &["number", "protocol", "name", "targetPort"])?;
    let number = port.require(context, "number", "the port that clients call");
    let number = number.and_then(|number| number.port(context));
    let name = port.require(context, "name", "such as `http`").and_then(|name| name.string(context));
    let protocol = protocol(&port, context);
    let target_port = port.get("targetPort").and_then(|target| target.port(context));
    Some(ServicePort { number: number?, name: name?, protocol, target_port })
}

/// What Istio knows as a port's protocol.
const PROTOCOLS: &[&str] = &[
    "GRPC",
    "GRPC-WEB",
    "HBONE",
    "HTTP",
    "HTTP2",
    "HTTPS",
    "HTTP_PROXY",
    "MONGO",
    "MYSQL",
    "REDIS",
    "TCP",
    "TLS",
    "UDP",
];

/// A port's protocol in upper case. Istio compares without case.
fn protocol(port: &Object<'_>, context: &mut Context) -> String {
    let Some(field) = port.get("protocol") else { return String::new() };
    let text = field.string(context).unwrap_or_default();
    let protocol = text.to_ascii_uppercase();
    if !protocol.is_empty() && !PROTOCOLS.contains(&protocol.as_str()) {
        not_one_of(&field, &text, &protocol, PROTOCOLS, context);
    }
    protocol
}

/// Reports a text that is none of those allowed; `likely` is how it would be spelled.
fn not_one_of(field: &Field<'_>, text: &str, likely: &str, allowed: &[&str], context: &mut Context) {
    let mut help = format!("allowed: {}", list(allowed));
    if let Some(name) = closest(likely, allowed) {
        help = format!("did you mean `{name}`? {help}");
    }
    let message = format!("`{}` is not one of the values allowed here", shorten(text));
    context.report(Severity::Error, codes::BAD_VALUE, field, message, help);
}

/// A field that is one of several names, and that nothing here depends on.
fn choice(object: &Object<'_>, key: &str, allowed: &[&str], context: &mut Context) {
    if let Some(field) = object.get(key)
        && let Some(text) = field.string(context).filter(|text| !allowed.contains(&text.as_str()))
    {
        not_one_of(&field, &text, &text, allowed, context);
    }
}

/// The hosts of a service or a server: at least one, each a name, `*` or `*.` and a name, optionally after a namespace
/// and a slash.
fn hosts(object: &Object<'_>, context: &mut Context, help: &str) -> Vec<String> {
    let Some(field) = object.require(context, "hosts", help) else { return Vec::new() };
    let mut hosts = Vec::new();
    for host in field.list(context) {
        let Some(text) = host.string(context) else { continue };
        if is_host(&text) {
            hosts.push(text);
        } else {
            let message = format!("`{}` is not a host", shorten(&text));
            let help = "such as shop.example.com, *.example.com or *; at a gateway also NAMESPACE/HOST";
            context.report(Severity::Error, codes::BAD_VALUE, &host, message, help);
        }
    }
    if matches!(&field.node.value, NodeValue::List(items) if items.is_empty()) {
        context.report(Severity::Error, codes::MISSING_FIELD, &field, "the list is empty", help);
    }
    hosts
}

fn is_host(text: &str) -> bool {
    let (namespace, host) = text.split_once('/').unwrap_or(("*", text));
    let is_label = |label: &str| {
        !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    };
    let name = host.strip_prefix("*.").unwrap_or(host);
    let is_namespace = matches!(namespace, "*" | "." | "~") || is_label(namespace);
    is_namespace && text.len() <= 253 && (host == "*" || name.split('.').all(is_label))
}

pub(super) fn workload_entry(
    meta: Meta,
    document: &Object<'_>,
    context: &mut Context,
) -> Option<WorkloadEntry> {
    let spec = require_spec(document, context)?.object(context, WORKLOAD_FIELDS)?;
    let mut labels = meta.labels.clone();
    if let Some(field) = spec.get("labels") {
        labels.extend(field.string_map(context));
    }
    let ports = port_numbers(&spec, context);
    for key in ["network", "locality"] {
        spec.string(context, key);
    }
    if let Some(weight) = spec.get("weight") {
        weight.integer(context, 0, i128::from(u32::MAX));
    }
    Some(WorkloadEntry {
        address: spec.string(context, "address").unwrap_or_default(),
        service_account: spec.string(context, "serviceAccount").unwrap_or_default(),
        calls: annotations::calls(document, context),
        meta,
        ports,
        labels,
    })
}

pub(super) fn gateway(meta: Meta, document: &Object<'_>, context: &mut Context) -> Option<Gateway> {
    let spec = require_spec(document, context)?.object(context, &["servers", "selector"])?;
    let selector = spec.get("selector").map(|labels| labels.string_map(context)).unwrap_or_default();
    spec.require(context, "servers", "write at least one port that the gateway listens on");
    let servers =
        spec.list(context, "servers").iter().filter_map(|server| gateway_server(server, context)).collect();
    Some(Gateway { meta, selector, servers })
}

fn gateway_server(field: &Field<'_>, context: &mut Context) -> Option<GatewayServer> {
    let known = ["port", "bind", "hosts", "tls", "defaultEndpoint", "name"];
    let server = field.object(context, &known)?;
    let port = server
        .require(context, "port", "write `port: {number: 80, name: http, protocol: HTTP}`")?
        .object(context, &["number", "protocol", "name", "targetPort"])?;
    let number = port.require(context, "number", "the port that clients call")?.port(context)?;
    let hosts = hosts(&server, context, "name the hosts that the gateway answers for, or \"*\" for all");
    Some(GatewayServer {
        place: field.place(),
        number,
        port_name: port.string(context, "name").unwrap_or_default(),
        protocol: protocol(&port, context),
        hosts,
        tls: server.get("tls").is_some(),
    })
}

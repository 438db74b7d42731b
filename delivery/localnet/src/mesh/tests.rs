//! What documents become on loopback, and what is said of those that cannot.

use std::sync::Arc;

use burgee_api::origin::{DocumentId, Origin, Traced};
use burgee_api::problem::Code;
use burgee_api::resources::mesh_config::{
    CollectorRef, ExtensionProvider, Opentelemetry, ProviderConfig, WrittenFields,
};
use burgee_api::resources::workload_entry::CallScheme;
use burgee_api::resources::{
    GatewayServer, Location, Meta, PeerAuthentication, ProviderKind, ServiceEntry, ServicePort,
};

use std::collections::BTreeMap;

use super::*;
use crate::codes::{
    CALL_WITHOUT_PORT, CALL_WITHOUT_SERVICE, CALLS_IN_A_CIRCLE, CALLS_OF_GATEWAY, COLLECTOR, HOST_TAKEN,
    HOST_WITHOUT_SERVICE, NO_GATEWAY, NO_SELECTOR, NO_SERVED_PORT, NO_WORKLOAD, NOT_PLAIN_HTTP,
    NOTHING_REACHABLE, PLAIN_CALL_REFUSED, SERVICE_WITHOUT_GATEWAY, WORKLOAD_WITHOUT_SERVICE,
};

type Labels<'a> = &'a [(&'a str, &'a str)];

fn mk_labels(labels: Labels<'_>) -> BTreeMap<String, String> {
    labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn mk_place(line: usize) -> Place {
    Place { file: Arc::from("mesh.yaml"), line, column: 1, width: 1 }
}

fn mk_meta(kind: &str, namespace: &str, name: &str) -> Meta {
    Meta {
        id: DocumentId { kind: kind.into(), namespace: namespace.into(), name: name.into() },
        place: mk_place(1),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        created: String::new(),
    }
}

fn mk_workload(namespace: &str, name: &str, labels: Labels<'_>) -> WorkloadEntry {
    WorkloadEntry {
        meta: mk_meta("WorkloadEntry", namespace, name),
        address: "10.0.0.1".to_owned(),
        ports: BTreeMap::new(),
        labels: mk_labels(labels),
        service_account: String::new(),
        calls: Vec::new(),
    }
}

fn mk_service(namespace: &str, host: &str, selector: Labels<'_>) -> ServiceEntry {
    let port = ServicePort {
        number: 80,
        name: "http".to_owned(),
        protocol: "HTTP".to_owned(),
        target_port: Some(8080),
    };
    ServiceEntry {
        meta: mk_meta("ServiceEntry", namespace, host),
        hosts: vec![host.to_owned()],
        ports: vec![port],
        workload_selector: Some(mk_labels(selector)),
        endpoints: Vec::new(),
        location: Location::Internal,
    }
}

fn mk_gateway(name: &str, selector: Labels<'_>, hosts: &[&str]) -> Gateway {
    let server = GatewayServer {
        place: mk_place(5),
        number: 80,
        port_name: "http".to_owned(),
        protocol: "HTTP".to_owned(),
        hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
        tls: false,
    };
    Gateway {
        meta: mk_meta("Gateway", "istio-system", name),
        selector: mk_labels(selector),
        servers: vec![server],
    }
}

const INGRESS: Labels<'static> = &[("istio", "ingressgateway")];
const HELLO: Labels<'static> = &[("app", "hello")];

fn mk_quickstart() -> Resources {
    Resources {
        service_entries: vec![mk_service("shop", "hello.shop", HELLO)],
        workload_entries: vec![
            mk_workload("shop", "hello-v1", HELLO),
            mk_workload("istio-system", "ingress", INGRESS),
        ],
        gateways: vec![mk_gateway("front", INGRESS, &["*"])],
        ..Resources::default()
    }
}

#[track_caller]
fn check_codes(resources: &Resources, expected: &[Code]) -> Mesh {
    let (mesh, problems) = plan(resources);
    let codes: Vec<_> = problems.iter().map(|problem| problem.code).collect();
    assert_eq!(codes, expected, "{problems:#?}");
    mesh
}

#[test]
fn a_gateway_a_service_and_a_workload_become_two_proxies() {
    let mesh = check_codes(&mk_quickstart(), &[]);
    let names: Vec<_> = mesh.workloads().map(|(w, _)| (w.to_string(), w.kind)).collect();
    let expected = [
        ("istio-system/ingress".to_owned(), WorkloadKind::Gateway),
        ("shop/hello-v1".to_owned(), WorkloadKind::Sidecar),
    ];
    assert_eq!(names, expected);
    let service = ServiceRef {
        host: "hello.shop".to_owned(),
        namespace: "shop".to_owned(),
        port: 80,
        ..ServiceRef::default()
    };
    let route = Route {
        host: "hello.shop".to_owned(),
        service: service.clone(),
        endpoints: vec![("shop/hello-v1".to_owned(), 8080)],
    };
    assert_eq!(mesh.gateways[0].listeners, [RoutingListener { port: 80, routes: vec![route] }]);
    assert_eq!(
        mesh.sidecars[0].listeners,
        [InboundListener { port: 8080, services: vec![service], mtls: MtlsMode::Disable }]
    );
}

#[test]
fn a_gateway_without_a_workload_is_made_up_from_its_selector() {
    let mut resources = mk_quickstart();
    resources.workload_entries.pop();
    let mesh = check_codes(&resources, &[]);
    let workload = &mesh.gateways[0].workload;
    assert_eq!(workload.to_string(), "istio-system/ingressgateway");
    assert_eq!(workload.labels, mk_labels(INGRESS));
}

#[test]
fn gateways_of_one_selector_are_one_proxy_and_of_two_are_two() {
    let mut resources = mk_quickstart();
    resources.gateways.push(mk_gateway("second", INGRESS, &["hello.shop"]));
    resources.gateways.push(mk_gateway("egress", &[("istio", "egressgateway")], &["*"]));
    let mesh = check_codes(&resources, &[]);
    let names: Vec<_> = mesh.gateways.iter().map(|gateway| gateway.workload.to_string()).collect();
    assert_eq!(names, ["istio-system/egressgateway", "istio-system/ingress"]);
    assert!(mesh.gateways.iter().all(|gateway| gateway.listeners[0].routes.len() == 1));
}

#[test]
fn a_gateway_without_a_selector_is_served_by_every_gateway() {
    let mut resources = mk_quickstart();
    let mut anywhere = mk_gateway("anywhere", &[], &["*"]);
    anywhere.servers[0].number = 8000;
    resources.gateways.push(anywhere);
    let mesh = check_codes(&resources, &[]);
    assert_eq!(mesh.gateways.len(), 1);
    let ports: Vec<_> = mesh.gateways[0].listeners.iter().map(|listener| listener.port).collect();
    assert_eq!(ports, [80, 8000]);
    resources.gateways.remove(0);
    resources.workload_entries.pop();
    let mesh = check_codes(&resources, &[]);
    assert_eq!(mesh.gateways[0].workload.to_string(), "istio-system/anywhere");
}

#[test]
fn several_workloads_serve_one_service_and_may_have_ports_of_their_own() {
    let mut resources = mk_quickstart();
    let mut second = mk_workload("shop", "hello-v2", HELLO);
    second.ports.insert("http".to_owned(), 9090);
    resources.workload_entries.push(second);
    resources.workload_entries.push(mk_workload("other", "hello-v1", HELLO));
    let mesh = check_codes(&resources, &[WORKLOAD_WITHOUT_SERVICE]);
    let endpoints = &mesh.gateways[0].listeners[0].routes[0].endpoints;
    assert_eq!(*endpoints, [("shop/hello-v1".to_owned(), 8080), ("shop/hello-v2".to_owned(), 9090)]);
}

#[test]
fn without_a_gateway_nothing_can_run() {
    let mut resources = mk_quickstart();
    resources.gateways.clear();
    let (_, problems) = plan(&resources);
    assert!(problems.iter().any(|p| p.code == NO_GATEWAY && p.severity == Severity::Error), "{problems:?}");
}

#[test]
fn a_service_without_workloads_is_told_with_the_labels_that_are_missing() {
    let mut resources = mk_quickstart();
    resources.workload_entries.remove(0);
    let (_, problems) = plan(&resources);
    assert_eq!(problems[0].code, NO_WORKLOAD);
    assert!(problems[0].help.contains("`app: hello`") && problems[0].place.is_some(), "{}", problems[0]);
    assert_eq!(problems.last().map(|problem| problem.code), Some(NOTHING_REACHABLE));
}

#[test]
fn what_is_not_served_on_loopback_is_told_and_the_rest_runs() {
    let mut resources = mk_quickstart();
    let mut tls = mk_gateway("tls", INGRESS, &["*"]);
    (tls.servers[0].number, tls.servers[0].tls) = (443, true);
    tls.servers[0].protocol = "HTTPS".to_owned();
    resources.gateways.push(tls);
    let mut tcp = mk_service("shop", "database.shop", HELLO);
    tcp.ports[0].protocol = "MYSQL".to_owned();
    resources.service_entries.push(tcp);
    let mut outside = mk_service("shop", "example.com", HELLO);
    outside.workload_selector = None;
    resources.service_entries.push(outside);
    let mesh = check_codes(&resources, &[NO_SERVED_PORT, NO_SELECTOR, NOT_PLAIN_HTTP]);
    assert_eq!(mesh.gateways[0].listeners.len(), 1);
}

#[test]
fn hosts_and_services_that_do_not_meet_are_told() {
    let mut resources = mk_quickstart();
    resources.gateways[0].servers[0].hosts = vec!["hello.shop".to_owned(), "nobody.shop".to_owned()];
    resources.service_entries.push(mk_service("shop", "unseen.shop", HELLO));
    check_codes(&resources, &[HOST_WITHOUT_SERVICE, SERVICE_WITHOUT_GATEWAY]);
}

#[test]
fn a_server_leads_to_the_services_port_of_its_number_else_to_the_first() {
    let mut resources = mk_quickstart();
    let mut second = resources.service_entries[0].ports[0].clone();
    (second.number, second.name, second.target_port) = (8000, "http-admin".to_owned(), None);
    resources.service_entries[0].ports.push(second);
    let mut server = resources.gateways[0].servers[0].clone();
    server.number = 8000;
    resources.gateways[0].servers.push(server.clone());
    server.number = 9999;
    resources.gateways[0].servers.push(server);
    let mesh = check_codes(&resources, &[]);
    let ports: Vec<_> =
        mesh.gateways[0].listeners.iter().map(|l| (l.port, l.routes[0].service.port)).collect();
    assert_eq!(ports, [(80, 80), (8000, 8000), (9999, 80)]);
}

#[test]
fn a_host_that_two_services_have_goes_to_the_first_and_is_told() {
    let mut resources = mk_quickstart();
    let mut second = mk_service("other", "hello.shop", HELLO);
    second.meta.place = mk_place(30);
    resources.service_entries.push(second);
    resources.workload_entries.push(mk_workload("other", "hello-v1", HELLO));
    let (mesh, problems) = plan(&resources);
    let told: Vec<_> = problems.iter().map(|p| (p.code, p.place.as_ref().map(|place| place.line))).collect();
    assert_eq!(told, [(HOST_TAKEN, Some(30))], "{problems:#?}");
    for text in ["ServiceEntry shop/hello.shop", "ServiceEntry other/hello.shop"] {
        assert!(problems[0].message.contains(text), "{}", problems[0].message);
    }
    let routes = &mesh.gateways[0].listeners[0].routes;
    assert_eq!((routes.len(), routes[0].service.namespace.as_str()), (1, "shop"));
}

#[test]
fn a_service_of_exactly_a_host_goes_before_one_of_a_pattern() {
    let mut resources = mk_quickstart();
    resources.gateways[0].servers[0].hosts = vec!["hello.shop".to_owned()];
    for is_first in [true, false] {
        let mut resources = resources.clone();
        let place = if is_first { 0 } else { 1 };
        resources.service_entries.insert(place, mk_service("shop", "*.shop", HELLO));
        let (mesh, problems) = plan(&resources);
        assert!(problems.iter().all(|problem| problem.code != HOST_TAKEN), "{problems:#?}");
        let routes = &mesh.gateways[0].listeners[0].routes;
        assert_eq!((routes.len(), routes[0].service.host.as_str()), (1, "hello.shop"));
    }
}

/// The mesh of one service, with a second that the first calls at some URL's parts.
fn mk_calling(host: &str, port: u16) -> Resources {
    let mut resources = mk_quickstart();
    resources.service_entries.push(mk_service("shop", "greeting.shop", &[("app", "greeting")]));
    resources.workload_entries.push(mk_workload("shop", "greeting-v1", &[("app", "greeting")]));
    // The gateway answers for one service only, as is usual.
    resources.gateways[0].servers[0].hosts = vec!["hello.shop".to_owned()];
    resources.workload_entries[0].calls = vec![mk_call(host, port, 41)];
    resources
}

fn mk_call(host: &str, port: u16, line: usize) -> Traced<Call> {
    let meta = mk_meta("WorkloadEntry", "shop", "hello-v1");
    let origin = meta.origin("metadata.annotations[\"burgee.dev/calls\"]", mk_place(line));
    Traced {
        value: Call { scheme: CallScheme::Http, host: host.to_owned(), port, path: "/".to_owned() },
        origin,
    }
}

#[test]
fn every_sidecar_can_reach_every_service_and_a_called_one_has_traffic() {
    let mesh = check_codes(&mk_calling("greeting.shop", 80), &[]);
    let [greeting, hello] = &mesh.sidecars[..] else { panic!("{mesh:#?}") };
    for sidecar in [greeting, hello] {
        let hosts: Vec<_> = sidecar.outbound[0].routes.iter().map(|route| route.host.as_str()).collect();
        assert_eq!((sidecar.outbound.len(), sidecar.outbound[0].port), (1, 80));
        assert_eq!(hosts, ["greeting.shop", "hello.shop"]);
    }
    assert_eq!(hello.outbound[0].routes[0].endpoints, [("shop/greeting-v1".to_owned(), 8080)]);
    assert_eq!((hello.calls_out(), greeting.calls_out()), (1, 0));
    assert_eq!(hello.calls[0].to_string(), "http://greeting.shop/");
}

#[test]
fn a_service_that_nobody_calls_or_routes_to_is_told() {
    let mut resources = mk_calling("greeting.shop", 80);
    resources.workload_entries[0].calls.clear();
    check_codes(&resources, &[SERVICE_WITHOUT_GATEWAY]);
}

#[test]
fn a_call_that_cannot_be_made_names_its_place_and_what_can() {
    for (host, port, code, help) in [
        ("greetings.shop", 80, CALL_WITHOUT_SERVICE, "did you mean `greeting.shop`?"),
        (
            "nobody.example.com",
            80,
            CALL_WITHOUT_SERVICE,
            "hosts that can be called: `greeting.shop`, `hello.shop`",
        ),
        ("greeting.shop", 8080, CALL_WITHOUT_PORT, "`greeting.shop` has HTTP on port 80"),
    ] {
        let (_, problems) = plan(&mk_calling(host, port));
        let [problem] = &problems[..] else { panic!("{problems:#?}") };
        assert_eq!((problem.code, problem.severity), (code, Severity::Error), "{problem}");
        assert_eq!((problem.place.as_ref().map(|place| place.line), problem.help.as_str()), (Some(41), help));
        assert!(problem.message.contains(host), "{problem}");
    }
}

#[test]
fn a_call_to_a_service_without_workloads_says_so() {
    let mut resources = mk_calling("greeting.shop", 80);
    resources.workload_entries.pop();
    let (_, problems) = plan(&resources);
    let told = problems.iter().find(|problem| problem.code == CALL_WITHOUT_SERVICE).unwrap();
    assert!(told.message.contains("nothing here serves ServiceEntry shop/greeting.shop"), "{told}");
}

#[test]
fn a_call_goes_to_the_service_of_its_host_before_one_of_a_pattern() {
    let mut resources = mk_calling("other.shop", 80);
    resources.service_entries.insert(0, mk_service("shop", "*.shop", HELLO));
    let (mesh, problems) = plan(&resources);
    // A pattern covers it, and leads back to the caller.
    assert_eq!(problems.iter().map(|p| p.code).collect::<Vec<_>>(), [CALLS_IN_A_CIRCLE]);
    assert_eq!(mesh.sidecars.len(), 2);
    resources.workload_entries[0].calls = vec![mk_call("greeting.shop", 80, 41)];
    let (_, problems) = plan(&resources);
    assert!(problems.iter().all(|problem| problem.severity < Severity::Error), "{problems:#?}");
}

#[test]
fn apps_that_call_each_other_in_a_circle_are_told_once() {
    let mut resources = mk_calling("greeting.shop", 80);
    resources.workload_entries[2].calls = vec![mk_call("hello.shop", 80, 52)];
    let (_, problems) = plan(&resources);
    let [problem] = &problems[..] else { panic!("{problems:#?}") };
    assert_eq!((problem.code, problem.severity), (CALLS_IN_A_CIRCLE, Severity::Error));
    let circle = "shop/greeting-v1 calls shop/hello-v1 calls shop/greeting-v1";
    assert!(problem.message.starts_with(circle), "{problem}");
    assert_eq!(problem.place.as_ref().map(|place| place.line), Some(41));
}

#[test]
fn calls_that_meet_again_are_no_circle() {
    let mut resources = mk_calling("greeting.shop", 80);
    resources.service_entries.push(mk_service("shop", "end.shop", &[("app", "end")]));
    resources.workload_entries.push(mk_workload("shop", "end-v1", &[("app", "end")]));
    resources.workload_entries[0].calls.push(mk_call("end.shop", 80, 42));
    resources.workload_entries[2].calls = vec![mk_call("end.shop", 80, 43)];
    let mesh = check_codes(&resources, &[]);
    assert_eq!(mesh.sidecars.iter().map(SidecarProxy::calls_out).collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn a_gateway_makes_no_calls() {
    let mut resources = mk_quickstart();
    resources.workload_entries[1].calls = vec![mk_call("hello.shop", 80, 41)];
    let (_, problems) = plan(&resources);
    assert_eq!(
        problems.iter().map(|p| (p.code, p.severity)).collect::<Vec<_>>(),
        [(CALLS_OF_GATEWAY, Severity::Warning)]
    );
}

#[test]
fn a_collector_needs_no_workload_when_a_provider_names_it() {
    for (named, namespace, codes) in [
        ("collector.shop", "shop", &[COLLECTOR] as &[_]),
        ("shop/collector.shop", "shop", &[COLLECTOR]),
        ("other/collector.shop", "shop", &[NO_SELECTOR]),
        ("another.shop", "shop", &[NO_SELECTOR]),
    ] {
        let mut resources = mk_quickstart();
        let mut collector = mk_service(namespace, "collector.shop", &[]);
        collector.workload_selector = None;
        resources.service_entries.push(collector);
        let collector = CollectorRef { service: named.to_owned(), port: 4317 };
        resources.mesh_config.extension_providers.push(ExtensionProvider {
            name: "otel".to_owned(),
            kind: ProviderKind::Opentelemetry,
            config: ProviderConfig::Opentelemetry(Box::new(Opentelemetry {
                collector,
                ..Opentelemetry::default()
            })),
            origin: Origin::Rule("a test says so"),
            written: WrittenFields::default(),
        });
        check_codes(&resources, codes);
    }
}

mod pairings;

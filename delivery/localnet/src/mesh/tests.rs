//! What documents become on loopback, and what is said of those that cannot.

use std::sync::Arc;

use burgee_api::origin::DocumentId;
use burgee_api::resources::{GatewayServer, Meta, ServiceEntry, ServicePort};

use std::collections::BTreeMap;

use super::*;

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
    let service = ServiceRef { host: "hello.shop".to_owned(), namespace: "shop".to_owned(), port: 80 };
    let route = Route {
        host: "hello.shop".to_owned(),
        service: service.clone(),
        endpoints: vec![("shop/hello-v1".to_owned(), 8080)],
    };
    assert_eq!(mesh.gateways[0].listeners, [GatewayListener { port: 80, routes: vec![route] }]);
    assert_eq!(mesh.sidecars[0].listeners, [InboundListener { port: 8080, services: vec![service] }]);
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
    tcp.ports[0].protocol = "TCP".to_owned();
    resources.service_entries.push(tcp);
    let mut outside = mk_service("shop", "example.com", HELLO);
    outside.workload_selector = None;
    resources.service_entries.push(outside);
    let mesh = check_codes(&resources, &[NO_HTTP_PORT, NO_SELECTOR, NOT_PLAIN_HTTP]);
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

//! The base configuration, field by field where filters read it.

use super::*;

fn mk_labels(labels: &[(&str, &str)]) -> BTreeMap<String, String> {
    labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn mk_workload(kind: WorkloadKind, name: &str, labels: &[(&str, &str)]) -> Workload {
    Workload::new(kind, "shop", name, mk_labels(labels))
}

fn mk_place() -> burgee_api::origin::Place {
    burgee_api::origin::Place { file: "mesh.yaml".into(), line: 1, column: 1, width: 1 }
}

fn mk_service() -> ServiceRef {
    ServiceRef { host: "hello.shop".to_owned(), namespace: "shop".to_owned(), port: 80 }
}

fn mk_gateway() -> GatewayProxy {
    let route = Route {
        host: "hello.shop".to_owned(),
        service: mk_service(),
        endpoints: vec![("shop/hello-v1".to_owned(), 8080)],
    };
    GatewayProxy {
        workload: mk_workload(WorkloadKind::Gateway, "ingress", &[("istio", "ingressgateway")]),
        place: mk_place(),
        listeners: vec![GatewayListener { port: 80, routes: vec![route] }],
    }
}

fn mk_sidecar() -> SidecarProxy {
    SidecarProxy {
        workload: mk_workload(WorkloadKind::Sidecar, "hello-v1", &[("app", "hello"), ("version", "v1")]),
        place: mk_place(),
        listeners: vec![InboundListener { port: 8080, services: vec![mk_service()] }],
    }
}

fn mk_ports() -> Ports {
    BTreeMap::from([(("shop/ingress".to_owned(), 80), 30080), (("shop/hello-v1".to_owned(), 8080), 38080)])
}

#[test]
fn the_node_says_who_it_is_in_istios_layout() {
    let bootstrap = bootstrap(&mk_sidecar().workload, Path::new("/run/x"));
    let node = &bootstrap["node"];
    assert_eq!(node["id"], "sidecar~127.0.0.1~hello-v1.shop~shop.svc.cluster.local");
    let metadata = &node["metadata"];
    assert_eq!(metadata["NAME"], "hello-v1");
    assert_eq!(metadata["NAMESPACE"], "shop");
    assert_eq!(metadata["WORKLOAD_NAME"], "hello-v1");
    assert_eq!(metadata["CLUSTER_ID"], "Kubernetes");
    assert_eq!(
        metadata["LABELS"],
        json!({
            "app": "hello", "version": "v1",
            "service.istio.io/canonical-name": "hello", "service.istio.io/canonical-revision": "v1",
        })
    );
    let source = &bootstrap["dynamic_resources"]["lds_config"]["path_config_source"];
    assert_eq!(source["path"], "/run/x/lds.json");
}

#[test]
fn a_gateways_listener_routes_each_host_to_istios_cluster_name() {
    let listeners = gateway_listeners(&mk_gateway(), &mk_ports());
    let listener = &listeners["resources"][0];
    assert_eq!(listener["name"], "gateway_80");
    assert_eq!(listener["traffic_direction"], "OUTBOUND");
    assert_eq!(listener["address"]["socket_address"]["port_value"], 30080);
    let manager = &listener["filter_chains"][0]["filters"][0]["typed_config"];
    let host = &manager["route_config"]["virtual_hosts"][0];
    assert_eq!(host["domains"], json!(["hello.shop"]));
    assert_eq!(host["routes"][0]["route"]["cluster"], "outbound|80||hello.shop");
}

#[test]
fn a_gateways_cluster_carries_the_service_and_its_endpoints_who_they_are() {
    let sidecars = BTreeMap::from([("shop/hello-v1".to_owned(), mk_sidecar().workload)]);
    let clusters = gateway_clusters(&mk_gateway(), &sidecars, &mk_ports());
    let cluster = &clusters["resources"][0];
    assert_eq!(cluster["name"], "outbound|80||hello.shop");
    assert_eq!(
        cluster["metadata"]["filter_metadata"]["istio"]["services"],
        json!([{"host": "hello.shop", "name": "hello.shop", "namespace": "shop"}])
    );
    let endpoint = &cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0];
    assert_eq!(endpoint["endpoint"]["address"]["socket_address"]["port_value"], 38080);
    assert_eq!(
        endpoint["metadata"]["filter_metadata"]["istio"]["workload"],
        "hello-v1;shop;hello;v1;Kubernetes"
    );
}

#[test]
fn an_endpoint_of_the_latest_revision_leaves_it_empty() {
    let workload = mk_workload(WorkloadKind::Sidecar, "plain", &[]);
    assert_eq!(endpoint_identity(&workload), "plain;shop;plain;;Kubernetes");
}

#[test]
fn a_sidecars_listener_leads_to_the_app_beside_it() {
    let listeners = sidecar_listeners(&mk_sidecar(), &mk_ports());
    let listener = &listeners["resources"][0];
    assert_eq!(listener["name"], "inbound_8080");
    assert_eq!(listener["traffic_direction"], "INBOUND");
    let clusters = sidecar_clusters(&mk_sidecar(), 45678);
    let cluster = &clusters["resources"][0];
    assert_eq!(cluster["name"], "inbound|8080||");
    let endpoint = &cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"];
    assert_eq!(endpoint["address"]["socket_address"]["port_value"], 45678);
}

#[test]
fn the_same_mesh_gives_the_same_bytes() {
    let text = || gateway_listeners(&mk_gateway(), &mk_ports()).to_string();
    assert_eq!(text(), text());
}

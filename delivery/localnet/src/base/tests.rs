//! The base configuration, field by field where filters read it.

use std::path::Path;

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
        listeners: vec![RoutingListener { port: 80, routes: vec![route] }],
    }
}

fn mk_sidecar() -> SidecarProxy {
    SidecarProxy {
        workload: mk_workload(WorkloadKind::Sidecar, "hello-v1", &[("app", "hello"), ("version", "v1")]),
        place: mk_place(),
        listeners: vec![InboundListener { port: 8080, services: vec![mk_service()] }],
        outbound: mk_gateway().listeners.into(),
        calls: Vec::new(),
    }
}

fn mk_mesh() -> Mesh {
    Mesh { gateways: vec![mk_gateway()], sidecars: vec![mk_sidecar()] }
}

fn mk_site() -> Site {
    let mut site = Site::loopback(Some(([127, 0, 0, 1], 34317).into()));
    let app = ([127, 0, 0, 1], 45678).into();
    site.add_loopback_proxy("shop/hello-v1", Path::new("/run/x"), Some(app));
    for (workload, listener, port) in [
        ("shop/ingress", "gateway_80", 30080),
        ("shop/hello-v1", "inbound_8080", 38080),
        ("shop/hello-v1", "outbound_80", 31080),
    ] {
        site.add_loopback_listener((workload.to_owned(), listener.to_owned()), port);
    }
    site
}

/// The mesh as containers have it: by name, on the documents' ports.
fn mk_containers() -> Site {
    let mut site = mk_site();
    let inbound = site.listeners.get_mut(&("shop/hello-v1".to_owned(), "inbound_8080".to_owned())).unwrap();
    inbound.bind = Address::new("0.0.0.0", 8080);
    inbound.reach = Address::new("hello-v1", 8080);
    site.collector = Some(Address::new("collector", 4317));
    site
}

fn named<'a>(response: &'a Value, name: &str) -> &'a Value {
    let resources = response["resources"].as_array().unwrap();
    resources.iter().find(|resource| resource["name"] == name).unwrap_or_else(|| panic!("{response:#}"))
}

fn socket(value: &Value) -> &Value {
    &value["address"]["socket_address"]
}

#[test]
fn the_node_says_who_it_is_in_istios_layout() {
    let bootstrap = bootstrap(&mk_sidecar().workload, "hello.shop", &mk_site().proxies["shop/hello-v1"], &[]);
    let node = &bootstrap["node"];
    assert_eq!(node["cluster"], "hello.shop");
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
    let listeners = gateway_listeners(&mk_gateway(), &mk_site());
    let listener = &listeners["resources"][0];
    assert_eq!(listener["name"], "gateway_80");
    assert_eq!(listener["traffic_direction"], "OUTBOUND");
    assert_eq!(listener["address"]["socket_address"]["port_value"], 30080);
    let manager = &listener["filter_chains"][0]["filters"][0]["typed_config"];
    let host = &manager["route_config"]["virtual_hosts"][0];
    assert_eq!(host["domains"], json!(["hello.shop"]));
    assert_eq!(host["routes"][0]["route"]["cluster"], "outbound|80||hello.shop");
    assert_eq!(host["routes"][0]["decorator"]["operation"], "hello.shop:80/*");
}

#[test]
fn a_gateways_cluster_carries_the_service_and_its_endpoints_who_they_are() {
    let clusters = gateway_clusters(&mk_gateway(), &mk_mesh(), &Collectors::default(), &mk_site());
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
    let listeners = sidecar_listeners(&mk_sidecar(), &mk_site());
    let listener = named(&listeners, "inbound_8080");
    assert_eq!(listener["traffic_direction"], "INBOUND");
    let manager = &listener["filter_chains"][0]["filters"][0]["typed_config"];
    let host = &manager["route_config"]["virtual_hosts"][0];
    assert_eq!(host["routes"][0]["decorator"]["operation"], "hello.shop:80/*");
    let clusters = sidecar_clusters(&mk_sidecar(), &mk_mesh(), &Collectors::default(), &mk_site());
    let endpoint = &named(&clusters, "inbound|8080||")["load_assignment"]["endpoints"][0]["lb_endpoints"][0];
    assert_eq!(socket(&endpoint["endpoint"])["port_value"], 45678);
}

#[test]
fn a_sidecar_reaches_services_as_the_gateway_does() {
    let listeners = sidecar_listeners(&mk_sidecar(), &mk_site());
    let listener = named(&listeners, "outbound_80");
    assert_eq!(
        (&listener["traffic_direction"], &socket(listener)["port_value"]),
        (&json!("OUTBOUND"), &json!(31080))
    );
    let manager = &listener["filter_chains"][0]["filters"][0]["typed_config"];
    assert_eq!(
        (&manager["route_config"]["name"], &manager["use_remote_address"]),
        (&json!("80"), &json!(false))
    );
    assert_eq!(manager["route_config"]["virtual_hosts"][0]["name"], "hello.shop:80");
    let (mesh, site, none) = (mk_mesh(), mk_site(), Collectors::default());
    let name = "outbound|80||hello.shop";
    let (at_gateway, at_sidecar) = (
        gateway_clusters(&mk_gateway(), &mesh, &none, &site),
        sidecar_clusters(&mk_sidecar(), &mesh, &none, &site),
    );
    assert_eq!(named(&at_gateway, name), named(&at_sidecar, name));
}

#[test]
fn a_collectors_cluster_speaks_what_it_speaks_to_what_plays_it() {
    let collector = |port, protocol| Collector::new("obs", "collector.obs", port, protocol);
    let services = BTreeSet::from([collector(4317, Protocol::Http2), collector(9411, Protocol::Http1)]);
    let collectors = Collectors { services, mesh_service: true };
    for (site, is_looked_up, port) in [(mk_site(), false, 34317), (mk_containers(), true, 4317)] {
        for clusters in [
            gateway_clusters(&mk_gateway(), &mk_mesh(), &collectors, &site),
            sidecar_clusters(&mk_sidecar(), &mk_mesh(), &collectors, &site),
        ] {
            let cluster = named(&clusters, "outbound|4317||collector.obs");
            assert_eq!(cluster["cluster_type"]["name"] == "envoy.cluster.dns", is_looked_up);
            assert_eq!(cluster["type"] == "STATIC", !is_looked_up);
            let endpoint = &cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"];
            assert_eq!(socket(endpoint)["port_value"], port);
            let spoken = |name: &str| {
                let options = &named(&clusters, name)["typed_extension_protocol_options"][HTTP_OPTIONS];
                options["explicit_http_config"].clone()
            };
            assert_eq!(spoken("outbound|4317||collector.obs"), json!({"http2_protocol_options": {}}));
            assert_eq!(spoken("outbound|9411||collector.obs"), json!({"http_protocol_options": {}}));
            assert_eq!(spoken(MESH_SERVICE_CLUSTER), json!({"http2_protocol_options": {}}));
        }
    }
}

#[test]
fn in_containers_listeners_are_open_to_all_and_endpoints_have_names() {
    let (mesh, site) = (mk_mesh(), mk_containers());
    let listeners = sidecar_listeners(&mk_sidecar(), &site);
    assert_eq!(*socket(named(&listeners, "inbound_8080")), json!({"address": "0.0.0.0", "port_value": 8080}));
    let clusters = gateway_clusters(&mk_gateway(), &mesh, &Collectors::default(), &site);
    let cluster = named(&clusters, "outbound|80||hello.shop");
    assert_eq!(cluster["cluster_type"]["name"], "envoy.cluster.dns");
    let endpoint = &cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"];
    assert_eq!(*socket(endpoint), json!({"address": "hello-v1", "port_value": 8080}));
}

#[test]
fn the_same_mesh_gives_the_same_bytes() {
    let text = || gateway_listeners(&mk_gateway(), &mk_site()).to_string();
    assert_eq!(text(), text());
}

#[test]
fn the_bootstrap_has_the_buckets_of_histograms_and_nothing_about_them_without_any() {
    let of = |buckets: &[(String, Vec<u64>)]| {
        bootstrap(&mk_sidecar().workload, "c", &mk_site().proxies["shop/hello-v1"], buckets)
    };
    assert_eq!(of(&[]).get("stats_config"), None);
    let expected = json!({"histogram_bucket_settings": [
        {"match": {"safe_regex": {"regex": "^took$"}}, "buckets": [1, 5]},
    ]});
    assert_eq!(of(&[("^took$".to_owned(), vec![1, 5])])["stats_config"], expected);
}

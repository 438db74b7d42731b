//! The base configuration, field by field where filters read it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use burgee_api::resolve::{Collector, Protocol, WorkloadKind};
use burgee_api::resources::MtlsMode;
use burgee_filter_config::declared::DeclaredKind;
use burgee_overlay::MESH_SERVICE_CLUSTER;

use super::clusters::{HTTP_OPTIONS, endpoint_identity};
use super::*;
use crate::mesh::{BareWorkload, Route};
use crate::site::BareSite;

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
    ServiceRef {
        host: "hello.shop".to_owned(),
        namespace: "shop".to_owned(),
        port: 80,
        ..ServiceRef::default()
    }
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
        principal: "spiffe://cluster.local/ns/shop/sa/ingress".to_owned(),
        listeners: vec![RoutingListener { port: 80, routes: vec![route] }],
    }
}

fn mk_sidecar() -> SidecarProxy {
    SidecarProxy {
        workload: mk_workload(WorkloadKind::Sidecar, "hello-v1", &[("app", "hello"), ("version", "v1")]),
        place: mk_place(),
        principal: "spiffe://cluster.local/ns/shop/sa/hello".to_owned(),
        listeners: vec![InboundListener {
            port: 8080,
            services: vec![mk_service()],
            mtls: MtlsMode::Disable,
        }],
        outbound: mk_gateway().listeners.into(),
        calls: Vec::new(),
    }
}

fn mk_mesh() -> Mesh {
    Mesh { gateways: vec![mk_gateway()], sidecars: vec![mk_sidecar()], bare: Vec::new() }
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
    let of = |declared: &[DeclaredMetric]| {
        bootstrap(&mk_sidecar().workload, "c", &mk_site().proxies["shop/hello-v1"], declared)
    };
    assert_eq!(of(&[]).get("stats_config"), None);
    let expected = json!({"histogram_bucket_settings": [
        {"match": {"safe_regex": {"regex": r"^wasmcustom\.(.*;\.;)?took$"}}, "buckets": [1, 5]},
    ]});
    let took = DeclaredMetric {
        name: "took".to_owned(),
        kind: DeclaredKind::Histogram,
        help: String::new(),
        labels: Vec::new(),
        buckets: vec![1, 5],
    };
    assert_eq!(of(&[took])["stats_config"], expected);
}

/// The mesh with a service of some kind and mode.
fn mk_mesh_with(service: ServiceRef, mtls: MtlsMode) -> Mesh {
    let mut mesh = mk_mesh();
    let endpoints = vec![("shop/hello-v1".to_owned(), 8080)];
    let route = Route { host: service.host.clone(), service: service.clone(), endpoints };
    let listener = RoutingListener { port: service.port, routes: vec![route] };
    mesh.gateways[0].listeners = vec![listener.clone()];
    mesh.sidecars[0].outbound = [listener].into();
    mesh.sidecars[0].listeners[0] = InboundListener { port: 8080, services: vec![service], mtls };
    mesh
}

fn mk_site_with_certificates() -> Site {
    let mut site = mk_site();
    site.add_loopback_proxy("shop/ingress", Path::new("/run/y"), None);
    site
}

#[test]
fn a_listener_takes_what_its_mode_says() {
    for (mode, transports, sockets) in [
        (MtlsMode::Disable, &[Value::Null][..], &[false][..]),
        (MtlsMode::Permissive, &[json!("tls"), json!("raw_buffer")], &[true, false]),
        (MtlsMode::Strict, &[Value::Null], &[true]),
    ] {
        let mesh = mk_mesh_with(mk_service(), mode);
        let listeners = sidecar_listeners(&mesh.sidecars[0], &mk_site_with_certificates());
        let listener = named(&listeners, "inbound_8080");
        let chains = listener["filter_chains"].as_array().unwrap();
        let found: Vec<_> =
            chains.iter().map(|chain| chain["filter_chain_match"]["transport_protocol"].clone()).collect();
        assert_eq!(found, transports, "{mode:?}");
        let found: Vec<_> = chains.iter().map(|chain| chain.get("transport_socket").is_some()).collect();
        assert_eq!(found, sockets, "{mode:?}");
        assert_eq!(listener.get("listener_filters").is_some(), mode == MtlsMode::Permissive, "{mode:?}");
        for socket in chains.iter().filter_map(|chain| chain.get("transport_socket")) {
            let config = &socket["typed_config"];
            assert_eq!(config["require_client_certificate"], true);
            let context = &config["common_tls_context"];
            let key = &context["tls_certificates"][0]["private_key"]["filename"];
            assert_eq!(key, "/run/x/certificates/key.pem");
            assert_eq!(context["alpn_protocols"], json!(["h2", "http/1.1"]));
        }
    }
}

#[test]
fn who_takes_mutual_tls_is_called_with_it_by_the_name_of_its_account() {
    let external = ServiceRef { is_external: true, ..mk_service() };
    for (service, mode, has_certificates, expected) in [
        (mk_service(), MtlsMode::Strict, true, true),
        (mk_service(), MtlsMode::Permissive, true, true),
        (mk_service(), MtlsMode::Disable, true, false),
        (mk_service(), MtlsMode::Strict, false, false),
        (external, MtlsMode::Permissive, true, false),
    ] {
        let mesh = mk_mesh_with(service, mode);
        let mut site = mk_site_with_certificates();
        if !has_certificates {
            site.proxies.get_mut("shop/ingress").unwrap().certificates = None;
        }
        let clusters = gateway_clusters(&mesh.gateways[0], &mesh, &Collectors::default(), &site);
        let cluster = named(&clusters, "outbound|80||hello.shop");
        let endpoint = &cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0];
        let said = &endpoint["metadata"]["filter_metadata"]["envoy.transport_socket_match"]["tlsMode"];
        assert_eq!(said == "istio", expected, "{mode:?} {has_certificates}");
        assert_eq!(cluster.get("transport_socket_matches").is_some(), expected);
        if expected {
            let config = &cluster["transport_socket_matches"][0]["transport_socket"]["typed_config"];
            assert_eq!(config["sni"], "outbound_.80_._.hello.shop");
            let context = &config["common_tls_context"];
            assert_eq!(
                context["validation_context"]["match_typed_subject_alt_names"][0]["matcher"]["exact"],
                "spiffe://cluster.local/ns/shop/sa/hello"
            );
            let certificate = &context["tls_certificates"][0]["certificate_chain"]["filename"];
            assert_eq!(certificate, "/run/y/certificates/certificate.pem");
        }
    }
}

#[test]
fn a_service_outside_of_the_mesh_says_so_where_filters_look() {
    for (is_external, expected) in [(true, json!(true)), (false, Value::Null)] {
        let mesh = mk_mesh_with(ServiceRef { is_external, ..mk_service() }, MtlsMode::Disable);
        let clusters = gateway_clusters(&mesh.gateways[0], &mesh, &Collectors::default(), &mk_site());
        let cluster = named(&clusters, "outbound|80||hello.shop");
        assert_eq!(cluster["metadata"]["filter_metadata"]["istio"]["external"], expected);
    }
}

#[test]
fn connections_have_a_listener_for_each_service_and_go_to_the_apps_other_port() {
    let service = ServiceRef { port: 5432, carries: Carried::Tcp, ..mk_service() };
    let mesh = mk_mesh_with(service, MtlsMode::Disable);
    let mut site = mk_site();
    site.proxies.get_mut("shop/hello-v1").unwrap().app_tcp = Some(Address::loopback(45679));
    let name = "outbound_5432_hello.shop";
    site.add_loopback_listener(("shop/hello-v1".to_owned(), name.to_owned()), 31543);
    let listeners = sidecar_listeners(&mesh.sidecars[0], &site);
    for (name, cluster) in [(name, "outbound|5432||hello.shop"), ("inbound_8080", "inbound|8080||")] {
        let filter = &named(&listeners, name)["filter_chains"][0]["filters"][0];
        assert_eq!(filter["name"], "envoy.filters.network.tcp_proxy");
        assert_eq!(filter["typed_config"]["cluster"], cluster);
    }
    let names: Vec<_> =
        listeners_of(&mesh, &mesh.sidecars[0].workload).into_iter().map(|one| (one.name, one.port)).collect();
    assert_eq!(names, [("inbound_8080".to_owned(), 8080), (name.to_owned(), 5432)]);
    let clusters = sidecar_clusters(&mesh.sidecars[0], &mesh, &Collectors::default(), &site);
    let endpoint = &named(&clusters, "inbound|8080||")["load_assignment"]["endpoints"][0]["lb_endpoints"][0];
    assert_eq!(socket(&endpoint["endpoint"])["port_value"], 45679);
}

#[test]
fn a_service_of_http_2_is_sent_that_by_whoever_calls_it_and_by_its_own_proxy() {
    let mesh = mk_mesh_with(ServiceRef { carries: Carried::Http2, ..mk_service() }, MtlsMode::Disable);
    let clusters = sidecar_clusters(&mesh.sidecars[0], &mesh, &Collectors::default(), &mk_site());
    for name in ["inbound|8080||", "outbound|80||hello.shop"] {
        let options = &named(&clusters, name)["typed_extension_protocol_options"][HTTP_OPTIONS];
        assert_eq!(options["explicit_http_config"], json!({"http2_protocol_options": {}}), "{name}");
    }
}

#[test]
fn a_workload_without_a_sidecar_is_called_where_its_app_is() {
    for (carries, expected) in [(Carried::Http1, 47000), (Carried::Tcp, 47001)] {
        let mut mesh = mk_mesh_with(ServiceRef { carries, ..mk_service() }, MtlsMode::Strict);
        let sidecar = mesh.sidecars.pop().unwrap();
        let (workload, place) = (sidecar.workload, sidecar.place);
        mesh.bare.push(BareWorkload { workload, place, calls: Vec::new() });
        let mut site = mk_site_with_certificates();
        site.listeners.remove(&("shop/hello-v1".to_owned(), "inbound_8080".to_owned()));
        let at = |port| Address::new("127.1.0.1", port);
        let bare = BareSite { http: at(47000), tcp: Some(at(47001)) };
        site.bare.insert("shop/hello-v1".to_owned(), bare);
        let clusters = gateway_clusters(&mesh.gateways[0], &mesh, &Collectors::default(), &site);
        let cluster = named(&clusters, "outbound|80||hello.shop");
        let endpoint = &cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0];
        assert_eq!(*socket(&endpoint["endpoint"]), json!({"address": "127.1.0.1", "port_value": expected}));
        let said = &endpoint["metadata"]["filter_metadata"]["istio"]["workload"];
        assert_eq!(said, "hello-v1;shop;hello;v1;Kubernetes");
        assert_eq!(cluster.get("transport_socket_matches"), None);
    }
}

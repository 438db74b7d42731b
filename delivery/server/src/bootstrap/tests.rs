//! Bootstraps of proxies, as text and as what a server reads of them.

use std::collections::BTreeMap;

use burgee_api::resolve::WorkloadKind;

use super::*;

fn wanted(kind: WorkloadKind) -> Wanted {
    let labels = [("app", "web"), ("version", "v1")];
    let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
    Wanted {
        workload: Workload {
            pod: Some("web-v1-7d4f".to_owned()),
            service_account: Some("web".to_owned()),
            ..Workload::new(kind, "shop", "web-v1", BTreeMap::from(labels))
        },
        service_cluster: "web.shop".to_owned(),
        address: IpAddr::from([10, 1, 2, 3]),
        class: Some("edge".to_owned()),
        server: Server { host: "burgee.infra".to_owned(), port: 15010, tls: None },
        flavour: Flavour::Incremental,
        admin_port: ADMIN_PORT,
        labels: BTreeSet::from(["tenant".to_owned()]),
        modules: Vec::new(),
        envoy: LEAST_FOR_COUNTERS,
    }
}

fn with_tls(own: bool) -> Server {
    let own = own.then(|| (PathBuf::from("/etc/own.pem"), PathBuf::from("/etc/own.key")));
    let server_identity = "spiffe://cluster.local/ns/infra/sa/burgee".to_owned();
    let tls = Tls { authorities: PathBuf::from("/etc/ca.pem"), server_identity, own };
    Server { host: "burgee.infra".to_owned(), port: 15012, tls: Some(tls) }
}

/// The bootstrap, as a program reads it.
fn read(wanted: &Wanted) -> serde_json::Value {
    let (value, problems) = bootstrap(wanted);
    let expected = [codes::PLAIN_SERVER, codes::NO_COUNTERS];
    assert!(problems.iter().all(|problem| expected.contains(&problem.code)), "{problems:?}");
    serde_json::from_str(&value.to_json()).expect("JSON")
}

#[test]
fn a_sidecar_s_bootstrap_in_full() {
    let mut wanted = wanted(WorkloadKind::Sidecar);
    wanted.server = with_tls(true);
    let (value, problems) = bootstrap(&wanted);
    assert_eq!(problems, []);
    insta::assert_snapshot!(value.to_yaml());
}

#[test]
fn the_server_reads_from_the_node_whose_proxy_it_is() {
    for kind in [WorkloadKind::Sidecar, WorkloadKind::Gateway] {
        let wanted = wanted(kind);
        let node = &read(&wanted)["node"];
        let workload = Workload::from_node(node).expect("a workload");
        assert_eq!(workload.identity(), wanted.workload.identity());
        assert_eq!((workload.kind, workload.pod), (kind, wanted.workload.pod));
        assert_eq!(node["metadata"][CLASS_KEY], "edge");
        assert_eq!(workload.service_account.as_deref(), Some("web"));
    }
}

#[test]
fn each_flavour_asks_in_its_way() {
    for (flavour, api_type) in [(Flavour::Incremental, "DELTA_GRPC"), (Flavour::StateOfTheWorld, "GRPC")] {
        let bootstrap = read(&Wanted { flavour, ..wanted(WorkloadKind::Sidecar) });
        assert_eq!(bootstrap["dynamic_resources"]["ads_config"]["api_type"], api_type);
    }
}

#[test]
fn a_server_is_looked_up_unless_it_is_an_address() {
    for (host, kind, address) in [
        ("burgee.infra", "STRICT_DNS", "burgee.infra"),
        ("10.0.0.1", "STATIC", "10.0.0.1"),
        ("[::1]", "STATIC", "::1"),
    ] {
        for tls in [None, with_tls(false).tls] {
            let server = Server { host: host.to_owned(), port: 15010, tls };
            let bootstrap = read(&Wanted { server, ..wanted(WorkloadKind::Gateway) });
            let cluster = &bootstrap["static_resources"]["clusters"][0];
            assert_eq!(cluster["type"], kind);
            let endpoint = &cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"];
            assert_eq!(endpoint["address"]["socket_address"]["address"], address);
            let sni = &cluster["transport_socket"]["typed_config"]["sni"];
            let is_named = !cluster["transport_socket"].is_null() && kind == "STRICT_DNS";
            assert_eq!(sni.as_str(), is_named.then_some(host));
        }
    }
}

#[test]
fn a_certificate_of_its_own_is_shown_where_there_is_one() {
    for (own, shown) in [(true, true), (false, false)] {
        let bootstrap = read(&Wanted { server: with_tls(own), ..wanted(WorkloadKind::Sidecar) });
        let socket = &bootstrap["static_resources"]["clusters"][0]["transport_socket"]["typed_config"];
        assert_eq!(socket["common_tls_context"].get("tls_certificates").is_some(), shown);
    }
}

#[test]
fn metrics_find_their_labels_and_nothing_is_noted() {
    let bootstrap = read(&wanted(WorkloadKind::Sidecar));
    let tags = bootstrap["stats_config"]["stats_tags"].as_array().expect("a list");
    let names: Vec<&str> = tags.iter().filter_map(|tag| tag["tag_name"].as_str()).collect();
    for label in ["tenant", "reporter", "source_workload"] {
        assert!(names.contains(&label), "{label} is not in {names:?}");
    }
    assert!(!bootstrap["node"].to_string().contains("burgee.dev/overlay"));
}

#[test]
fn a_label_that_cannot_be_one_is_told() {
    let labels = BTreeSet::from(["not a label".to_owned()]);
    let server = with_tls(true);
    let (_, problems) = bootstrap(&Wanted { labels, server, ..wanted(WorkloadKind::Sidecar) });
    assert_eq!(problems.len(), 1, "{problems:?}");
}

#[test]
fn an_older_envoy_sends_no_counters() {
    let envoy = EnvoyVersion { major: 1, minor: 36 };
    let wanted = Wanted { envoy, ..wanted(WorkloadKind::Sidecar) };
    assert_eq!(read(&wanted).get("stats_sinks"), None);
    assert!(read(&Wanted { envoy: LEAST_FOR_COUNTERS, ..wanted }).get("stats_sinks").is_some());
}

#[test]
fn what_is_worth_knowing_of_the_server_and_the_envoy_is_told() {
    let old = EnvoyVersion { major: 1, minor: 36 };
    let plain = |host: &str| Server { host: host.to_owned(), port: 15010, tls: None };
    for (server, envoy, expected) in [
        (plain("127.0.0.1"), LEAST_FOR_COUNTERS, &[][..]),
        (plain("[::1]"), LEAST_FOR_COUNTERS, &[]),
        (plain("localhost"), LEAST_FOR_COUNTERS, &[]),
        (plain("10.0.0.1"), LEAST_FOR_COUNTERS, &["BG0840"]),
        (with_tls(false), old, &["BG0841"]),
        (plain("burgee.infra"), old, &["BG0840", "BG0841"]),
    ] {
        let (_, problems) = bootstrap(&Wanted { server, envoy, ..wanted(WorkloadKind::Sidecar) });
        assert_eq!(problems.iter().map(|problem| problem.code.0).collect::<Vec<_>>(), expected);
    }
}

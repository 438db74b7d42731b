//! Every standard label: its value on each side, and what it falls back on.

mod support;

use burgee_filter_config::StandardLabel;
use burgee_kit::fake::FakeHost;
use support::{check, defined, labels, make_inbound, mk_host, run, series, set_tls, written};

const PEER: &str = "spiffe://td/ns/peer-ns/sa/peer";
const LOCAL: &str = "spiffe://td/ns/shop/sa/web";

#[test]
fn a_client_s_labels_without_any_knowledge_of_the_peer() {
    let host = mk_host();
    check(
        &host,
        "",
        &[
            ("reporter", "source"),
            ("source_workload", "web-v1"),
            ("source_canonical_service", "web"),
            ("source_canonical_revision", "rev-1"),
            ("source_workload_namespace", "shop"),
            ("source_principal", "unknown"),
            ("source_app", "web"),
            ("source_version", "v1"),
            ("source_cluster", "east"),
            ("destination_workload", "unknown"),
            ("destination_workload_namespace", "unknown"),
            ("destination_principal", "unknown"),
            ("destination_app", "unknown"),
            ("destination_version", "unknown"),
            ("destination_service", "api.example:8080"),
            ("destination_canonical_service", "unknown"),
            ("destination_canonical_revision", "latest"),
            ("destination_service_name", "api.example:8080"),
            ("destination_service_namespace", "unknown"),
            ("destination_cluster", "unknown"),
            ("request_protocol", "http"),
            ("response_code", "200"),
            ("grpc_response_status", ""),
            ("response_flags", "-"),
            ("connection_security_policy", "unknown"),
        ],
    );
    assert_eq!(labels(&host).len(), 25);
}

#[test]
fn a_server_s_labels_with_mutual_tls() {
    let host = mk_host();
    make_inbound(&host);
    set_tls(&host, "connection", PEER, LOCAL);
    check(
        &host,
        r#"{"disable_host_header_fallback": true}"#,
        &[
            ("reporter", "destination"),
            ("source_workload", "unknown"),
            ("source_canonical_service", "unknown"),
            ("source_canonical_revision", "latest"),
            ("source_workload_namespace", "peer-ns"),
            ("source_principal", PEER),
            ("source_app", "unknown"),
            ("source_version", "unknown"),
            ("source_cluster", "unknown"),
            ("destination_workload", "web-v1"),
            ("destination_workload_namespace", "shop"),
            ("destination_principal", LOCAL),
            ("destination_app", "web"),
            ("destination_version", "v1"),
            ("destination_service", "web"),
            ("destination_canonical_service", "web"),
            ("destination_canonical_revision", "rev-1"),
            ("destination_service_name", "web"),
            ("destination_service_namespace", "shop"),
            ("destination_cluster", "east"),
            ("connection_security_policy", "mutual_tls"),
        ],
    );
}

#[test]
fn the_labels_stand_in_istio_s_order() {
    let host = mk_host();
    run(&host, "");
    for name in written(&host).keys() {
        let mut fields: Vec<&str> = name.split(";.;").collect();
        fields.pop();
        let order: Vec<&str> = fields.iter().map(|field| field.split("=.=").next().unwrap()).collect();
        assert_eq!(order, StandardLabel::ALL.map(StandardLabel::name));
    }
}

#[test]
fn one_sided_tls_is_not_mutual() {
    let host = mk_host();
    make_inbound(&host);
    set_tls(&host, "connection", "", LOCAL);
    check(
        &host,
        "",
        &[
            ("connection_security_policy", "none"),
            ("source_principal", "unknown"),
            ("destination_principal", LOCAL),
            ("source_workload_namespace", "unknown"),
        ],
    );
}

#[test]
fn a_client_s_principals_are_those_of_the_upstream_connection() {
    let host = mk_host();
    set_tls(&host, "upstream", PEER, LOCAL);
    set_tls(&host, "connection", "spiffe://td/ns/other/sa/other", "spiffe://td/ns/other/sa/me");
    check(
        &host,
        "",
        &[
            ("source_principal", LOCAL),
            ("destination_principal", PEER),
            ("destination_workload_namespace", "peer-ns"),
            ("destination_service_namespace", "peer-ns"),
            ("connection_security_policy", "unknown"),
        ],
    );
}

#[test]
fn a_client_falls_back_on_the_endpoint_s_metadata() {
    for (metadata, expected) in [
        ("api-v2;back;api;v2;west", ["api-v2", "back", "api", "v2", "west"]),
        ("api-v2;back;api;;west", ["api-v2", "back", "api", "latest", "west"]),
        (";;;;", ["unknown", "unknown", "unknown", "latest", "unknown"]),
        ("api-v2;back;api;v2", ["unknown", "unknown", "unknown", "latest", "unknown"]),
    ] {
        let host = mk_host();
        host.set("xds.upstream_host_metadata.filter_metadata.istio.workload", metadata);
        check(
            &host,
            "",
            &[
                ("destination_workload", expected[0]),
                ("destination_workload_namespace", expected[1]),
                ("destination_canonical_service", expected[2]),
                ("destination_canonical_revision", expected[3]),
                ("destination_cluster", expected[4]),
                ("destination_service_namespace", expected[1]),
                ("destination_app", "unknown"),
                ("destination_version", "unknown"),
            ],
        );
    }
}

#[test]
fn a_waypoint_knows_its_clients_by_their_certificates_and_no_server_without_its_word() {
    let host = mk_host();
    set_tls(&host, "connection", PEER, LOCAL);
    host.set("xds.upstream_host_metadata.filter_metadata.istio.workload", "api-v2;back;api;v2;west");
    check(
        &host,
        r#"{"reporter": "SERVER_GATEWAY", "disable_host_header_fallback": true}"#,
        &[
            ("reporter", "waypoint"),
            ("source_principal", PEER),
            ("source_workload_namespace", "peer-ns"),
            ("destination_workload", "unknown"),
            ("destination_canonical_revision", "unknown"),
            ("destination_principal", "unknown"),
            ("destination_service", "unknown"),
            ("destination_service_namespace", "unknown"),
            ("connection_security_policy", "mutual_tls"),
        ],
    );
}

#[test]
fn the_side_is_the_listener_s_unless_it_is_configured() {
    for (direction, configuration, reporter) in [
        (Some(0_i64), "", "source"),
        (Some(1), "", "destination"),
        (Some(2), "", "source"),
        (None, "", "source"),
        (Some(1), r#"{"reporter": "CLIENT"}"#, "source"),
        (Some(2), r#"{"reporter": "SERVER"}"#, "destination"),
        (Some(2), r#"{"reporter": "SERVER_GATEWAY"}"#, "waypoint"),
    ] {
        let host = mk_host();
        match direction {
            Some(direction) => host.set("xds.listener_direction", direction.to_le_bytes()),
            None => host.remove("xds.listener_direction"),
        }
        check(&host, configuration, &[("reporter", reporter)]);
    }
}

#[test]
fn what_the_node_does_not_say_is_empty_and_what_is_configured_wins() {
    let host = FakeHost::new();
    host.set("request.protocol", "HTTP/1.1");
    check(&host, "", &[("source_workload", ""), ("source_cluster", ""), ("source_canonical_revision", "")]);
    let host = mk_host();
    check(
        &host,
        r#"{"local": {"workload": "mine", "canonical_service": "ours"}}"#,
        &[
            ("source_workload", "mine"),
            ("source_canonical_service", "ours"),
            ("source_workload_namespace", ""),
        ],
    );
}

#[test]
fn older_envoys_names_serve_too() {
    let host = FakeHost::new();
    host.set("request.protocol", "HTTP/1.1");
    host.set("listener_direction", 1_i64.to_le_bytes());
    host.set("cluster_name", "PassthroughCluster");
    host.set_path(&["node", "metadata", "WORKLOAD_NAME"], "old");
    check(
        &host,
        "",
        &[
            ("reporter", "destination"),
            ("destination_workload", "old"),
            ("destination_service_name", "PassthroughCluster"),
        ],
    );
}

#[test]
fn the_service_is_derived_step_by_step() {
    const META: &str = "xds.cluster_metadata.filter_metadata.istio.services.0";
    // Route, cluster, the metadata's host, name and namespace; then the service, its name and its namespace.
    let cases = [
        (("r", "c", "", "", ""), ("api.example:8080", "api.example:8080", "unknown")),
        (("block_all", "c", "h.x", "n", "s"), ("api.example:8080", "BlackHoleCluster", "unknown")),
        (("allow_any", "c", "h.x", "n", "s"), ("api.example:8080", "PassthroughCluster", "unknown")),
        (("r", "BlackHoleCluster", "h.x", "n", "s"), ("api.example:8080", "BlackHoleCluster", "unknown")),
        (("r", "PassthroughCluster", "", "", ""), ("api.example:8080", "PassthroughCluster", "unknown")),
        (
            ("r", "InboundPassthroughCluster", "", "", ""),
            ("api.example:8080", "InboundPassthroughCluster", "unknown"),
        ),
        (
            ("r", "InboundPassthroughClusterIpv4", "", "", ""),
            ("api.example:8080", "InboundPassthroughClusterIpv4", "unknown"),
        ),
        (
            ("r", "InboundPassthroughClusterIpv6", "", "", ""),
            ("api.example:8080", "InboundPassthroughClusterIpv6", "unknown"),
        ),
        (("r", "c", "h.x.svc", "n", "s"), ("h.x.svc", "n", "s")),
        (("r", "c", "h.x.svc", "", ""), ("h.x.svc", "h", "unknown")),
        (("r", "c", "nodots", "", ""), ("nodots", "nodots", "unknown")),
        (("r", "c", "", "n", "s"), ("api.example:8080", "n", "s")),
        (("", "", "", "", ""), ("api.example:8080", "api.example:8080", "unknown")),
    ];
    for ((route, cluster, meta_host, meta_name, meta_namespace), (service, name, namespace)) in cases {
        let host = mk_host();
        host.remove("xds.route_name");
        host.remove("xds.cluster_name");
        for (path, value) in [
            ("xds.route_name", route),
            ("xds.cluster_name", cluster),
            (&format!("{META}.host"), meta_host),
            (&format!("{META}.name"), meta_name),
            (&format!("{META}.namespace"), meta_namespace),
        ] {
            if !value.is_empty() {
                host.set(path, value);
            }
        }
        check(
            &host,
            "",
            &[
                ("destination_service", service),
                ("destination_service_name", name),
                ("destination_service_namespace", namespace),
            ],
        );
    }
}

#[test]
fn without_the_host_header_the_side_s_fallback_stands() {
    for (inbound, service) in [(false, "unknown"), (true, "web")] {
        let host = mk_host();
        if inbound {
            make_inbound(&host);
        }
        let configuration = r#"{"disable_host_header_fallback": "true"}"#;
        check(
            &host,
            configuration,
            &[("destination_service", service), ("destination_service_name", service)],
        );
    }
    let host = mk_host();
    host.set("xds.route_name", "block_all");
    check(
        &host,
        r#"{"disable_host_header_fallback": true}"#,
        &[("destination_service", "unknown"), ("destination_service_name", "BlackHoleCluster")],
    );
}

#[test]
fn the_cluster_s_namespace_comes_before_the_peer_s() {
    let host = mk_host();
    set_tls(&host, "upstream", PEER, LOCAL);
    host.set("xds.cluster_metadata.filter_metadata.istio.services.0.namespace", "of-service");
    check(
        &host,
        "",
        &[("destination_service_namespace", "of-service"), ("destination_workload_namespace", "peer-ns")],
    );
}

#[test]
fn only_grpc_has_a_grpc_status() {
    for (content_type, status, protocol, expected) in [
        ("application/grpc", Some(7_i64), "grpc", "7"),
        ("application/grpc+json", Some(0), "grpc", "0"),
        ("application/grpc", None, "grpc", ""),
        ("application/grpc-web", Some(2), "http", ""),
        ("text/plain", Some(2), "http", ""),
    ] {
        let host = mk_host();
        host.set("request.headers.content-type", content_type);
        if let Some(status) = status {
            host.set("response.grpc_status", status.to_le_bytes());
        }
        check(&host, "", &[("request_protocol", protocol), ("grpc_response_status", expected)]);
    }
}

#[test]
fn a_client_that_went_away_has_code_0_and_the_flag_dc() {
    let host = mk_host();
    host.remove("response.code");
    host.remove("xds.cluster_name");
    host.set("response.flags", 16384_u64.to_le_bytes());
    check(&host, "", &[("response_code", "0"), ("response_flags", "DC")]);
}

#[test]
fn the_four_metrics_hold_what_the_request_was() {
    let host = mk_host();
    let mut stats = run(&host, "");
    burgee_kit::LogFilter::log(&mut stats, &host);
    for (metric, values) in [
        ("istio_requests_total", vec![2]),
        ("istio_request_duration_milliseconds", vec![7, 7]),
        ("istio_request_bytes", vec![300, 300]),
        ("istio_response_bytes", vec![4000, 4000]),
    ] {
        assert_eq!(series(&host, metric)[0].1, values, "{metric}");
    }
    assert_eq!(defined(&host), 4, "a metric is defined once");
}

#[test]
fn a_duration_that_is_not_known_is_not_recorded() {
    let host = mk_host();
    host.remove("request.duration");
    run(&host, "");
    assert!(series(&host, "istio_request_duration_milliseconds").is_empty());
    assert_eq!(series(&host, "istio_requests_total").len(), 1);
}

#[test]
fn a_connection_that_ends_is_not_counted_as_a_request() {
    let host = mk_host();
    host.remove("request.protocol");
    host.remove("response.code");
    run(&host, "");
    assert!(written(&host).is_empty());
}

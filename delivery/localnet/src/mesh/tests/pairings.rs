//! Meshes of several kinds: over TCP, without sidecars, and with mutual TLS.

use super::*;

/// The calling mesh whose called service has a second port, for connections.
fn mk_calling_tcp(scheme: CallScheme, port: u16) -> Resources {
    let mut resources = mk_calling("greeting.shop", port);
    let mut tcp = resources.service_entries[1].ports[0].clone();
    (tcp.number, tcp.name, tcp.protocol) = (5432, "tcp".to_owned(), "TCP".to_owned());
    tcp.target_port = Some(9432);
    resources.service_entries[1].ports.push(tcp);
    resources.workload_entries[0].calls[0].value.scheme = scheme;
    resources
}

#[test]
fn a_service_over_tcp_has_a_listener_of_its_own_at_both_ends() {
    let mesh = check_codes(&mk_calling_tcp(CallScheme::Tcp, 5432), &[]);
    let [greeting, hello] = &mesh.sidecars[..] else { panic!("{mesh:#?}") };
    let inbound: Vec<_> = greeting.listeners.iter().map(|one| (one.port, one.carries())).collect();
    assert_eq!(inbound, [(8080, Carried::Http1), (9432, Carried::Tcp)]);
    let outbound: Vec<_> = hello.outbound.iter().map(|one| (one.port, one.is_tcp())).collect();
    assert_eq!(outbound, [(80, false), (5432, true)]);
    assert_eq!((hello.calls_out(), hello.connections_out()), (0, 1));
    // The gateway has no way to it: its servers are for HTTP.
    assert!(mesh.gateways[0].listeners.iter().all(|listener| !listener.is_tcp()));
}

#[test]
fn a_call_goes_to_a_port_that_carries_what_it_sends() {
    let help = "`greeting.shop` has HTTP on port 80, and TCP on port 5432";
    for (scheme, port) in [(CallScheme::Tcp, 80), (CallScheme::Http, 5432), (CallScheme::Grpc, 5432)] {
        let (_, problems) = plan(&mk_calling_tcp(scheme, port));
        let told = problems.iter().find(|problem| problem.code == CALL_WITHOUT_PORT).unwrap();
        assert_eq!(told.help, help, "{told}");
    }
}

/// The calling mesh whose caller has no sidecar.
fn mk_bare_caller() -> Resources {
    let mut resources = mk_calling("greeting.shop", 80);
    let annotations = &mut resources.workload_entries[0].meta.annotations;
    annotations.insert("sidecar.istio.io/inject".to_owned(), "false".to_owned());
    resources
}

#[test]
fn a_workload_without_a_sidecar_is_served_and_calls_who_serves() {
    let mesh = check_codes(&mk_bare_caller(), &[]);
    assert_eq!(
        mesh.sidecars.iter().map(|one| one.workload.to_string()).collect::<Vec<_>>(),
        ["shop/greeting-v1"]
    );
    let [bare] = &mesh.bare[..] else { panic!("{mesh:#?}") };
    assert_eq!(bare.workload.to_string(), "shop/hello-v1");
    assert_eq!(bare.calls[0].1, ("shop/greeting-v1".to_owned(), 8080));
    // The gateway leads to it as to any other.
    assert_eq!(mesh.gateways[0].listeners[0].routes[0].endpoints, [("shop/hello-v1".to_owned(), 8080)]);
}

fn mk_policy(namespace: &str, mode: MtlsMode) -> PeerAuthentication {
    let meta = mk_meta("PeerAuthentication", namespace, "default");
    let mode = Traced { value: mode, origin: Origin::Rule("a test says so") };
    PeerAuthentication { meta, selector: None, mode: Some(mode), port_modes: BTreeMap::new() }
}

#[test]
fn without_any_document_about_it_everything_is_in_plain_text_and_with_one_istio_s_rules_hold() {
    let mut resources = mk_quickstart();
    let mode = |resources: &Resources| plan(resources).0.sidecars[0].listeners[0].mtls;
    assert_eq!(mode(&resources), MtlsMode::Disable);
    resources.peer_authentications.push(mk_policy("elsewhere", MtlsMode::Strict));
    assert_eq!(mode(&resources), MtlsMode::Permissive);
    resources.peer_authentications.push(mk_policy("istio-system", MtlsMode::Strict));
    assert_eq!(mode(&resources), MtlsMode::Strict);
}

#[test]
fn a_call_in_plain_text_to_who_takes_none_is_told() {
    for (mode, expected) in [(MtlsMode::Strict, &[PLAIN_CALL_REFUSED][..]), (MtlsMode::Permissive, &[])] {
        let mut resources = mk_bare_caller();
        resources.peer_authentications.push(mk_policy("shop", mode));
        check_codes(&resources, expected);
    }
}

#[test]
fn a_principal_is_that_of_the_service_account() {
    let mut resources = mk_quickstart();
    resources.workload_entries[0].service_account = "hello".to_owned();
    let mesh = check_codes(&resources, &[]);
    assert_eq!(mesh.sidecars[0].principal, "spiffe://cluster.local/ns/shop/sa/hello");
    assert_eq!(mesh.gateways[0].principal, "spiffe://cluster.local/ns/istio-system/sa/default");
}

//! Where collectors are, by what documents know of their services.

use super::*;
use crate::document::{Source, read};
use crate::test;

/// The endpoints of the collector `c.obs` at a port, given what its service and the mesh say, and workloads.
fn endpoints_at(port: u16, service: &str, more: &str) -> Vec<String> {
    let text = format!(
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: c, namespace: obs}}\n\
         spec: {{hosts: [c.obs], {service}}}\n{more}"
    );
    let resources = read(&[Source::new("t.yaml", text)]).resources;
    let services = Services::new(&resources);
    let wanted = CollectorRef { service: "c.obs".to_owned(), port };
    let collector = services.find(&wanted, Protocol::Http2).expect("a service");
    let shown = |endpoint: &Endpoint| match endpoint {
        Endpoint::Host { address, port } => format!("{address} {port}"),
        Endpoint::Socket { path } => path.clone(),
    };
    collector.endpoints.iter().map(shown).collect()
}

const WORKLOADS: &str = "---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: a, namespace: obs}
spec: {address: 10.0.0.7, labels: {app: c}, ports: {otlp: 14317}}
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: b, namespace: elsewhere}
spec: {address: 10.0.0.8, labels: {app: c}}
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: other, namespace: obs}
spec: {address: 10.0.0.9, labels: {app: d}}
";

#[test]
fn a_collector_is_where_documents_put_it() {
    let port = "ports: [{number: 4317, name: otlp, protocol: GRPC}]";
    let moved = "ports: [{number: 4317, name: otlp, protocol: GRPC, targetPort: 9000}]";
    for (service, more, expected) in [
        (format!("{port}, resolution: DNS"), "", &["c.obs 4317"][..]),
        (format!("{moved}, resolution: DNS"), "", &["c.obs 9000"]),
        (
            format!("{port}, endpoints: [{{address: 10.0.0.2}}, {{address: 10.0.0.1}}]"),
            "",
            &["10.0.0.1 4317", "10.0.0.2 4317"],
        ),
        (format!("{moved}, endpoints: [{{address: \"::1\"}}]"), "", &["::1 9000"]),
        (format!("{moved}, endpoints: [{{address: a.example, ports: {{otlp: 1}}}}]"), "", &["a.example 1"]),
        (
            format!("{moved}, endpoints: [{{address: a.example, ports: {{http: 1}}}}]"),
            "",
            &["a.example 9000"],
        ),
        (format!("{port}, endpoints: [{{address: unix:///run/otlp.sock}}]"), "", &["/run/otlp.sock"]),
        (format!("{port}, endpoints: [{{network: n}}]"), "", &["c.obs 4317"]),
        (format!("{port}, workloadSelector: {{labels: {{app: c}}}}"), WORKLOADS, &["10.0.0.7 14317"]),
        (format!("{port}, workloadSelector: {{labels: {{app: x}}}}"), WORKLOADS, &["c.obs 4317"]),
        (format!("{port}, workloadSelector: {{labels: {{}}}}"), WORKLOADS, &["c.obs 4317"]),
    ] {
        assert_eq!(endpoints_at(4317, &service, more), expected, "{service}");
    }
    // A port that the service does not have is not verified: it is asked of the host.
    let service = format!("{port}, endpoints: [{{address: 10.0.0.1}}]");
    assert_eq!(endpoints_at(4318, &service, ""), ["c.obs 4318"]);
}

#[test]
fn the_mesh_says_how_long_a_connection_may_take() {
    let of = |mesh: &str| {
        let text = format!(
            "{mesh}\n---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: c}}\n\
             spec: {{hosts: [c.obs], ports: [{{number: 1, name: a, protocol: GRPC}}]}}\n"
        );
        let resources = read(&[Source::new("t.yaml", text)]).resources;
        let services = Services::new(&resources);
        let wanted = CollectorRef { service: "c.obs".to_owned(), port: 1 };
        services.find(&wanted, Protocol::Http1).map(|collector| collector.connect_timeout)
    };
    assert_eq!(of("enableTracing: true"), Ok(Duration::from_secs(10)));
    assert_eq!(of("connectTimeout: 1.5s"), Ok(Duration::from_millis(1500)));
}

#[test]
fn a_service_of_kubernetes_is_found_by_its_host() {
    let text = "apiVersion: v1\nkind: Service\nmetadata: {name: c, namespace: obs}\n\
                spec: {ports: [{port: 4317, targetPort: otlp}]}\n";
    let services = Services::new(&read(&[Source::new("t.yaml", text)]).resources);
    let find = |service: &str| {
        let wanted = CollectorRef { service: service.to_owned(), port: 4317 };
        services.find(&wanted, Protocol::Http2)
    };
    let expected = Collector::new("obs", "c.obs.svc.cluster.local", 4317, Protocol::Http2);
    assert!(services.has_port(&expected));
    assert_eq!(find("c.obs.svc.cluster.local"), Ok(expected.clone()));
    assert_eq!(find("obs/c.obs.svc.cluster.local"), Ok(expected));
    for other in ["c.obs", "other/c.obs.svc.cluster.local"] {
        assert_eq!(find(other), Err(NoCollector::Unknown), "{other}");
    }
}

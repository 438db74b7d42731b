//! What a change of documents may be while everything runs.

use std::collections::BTreeMap;

use burgee_api::origin::{DocumentId, Traced};
use burgee_api::problem::Code;
use burgee_api::resolve::{
    ClassPolicy, ListenerClass, MetricName, MetricOverride, ProviderMetrics, WorkloadKind,
};
use burgee_api::resources::workload_entry::{Call, CallScheme};
use burgee_filter_config::StandardMetric;
use burgee_filter_config::declared::from_section;
use burgee_overlay::Module;

use super::*;
use crate::codes::{CHANGED_ACCOUNT, CHANGED_CALLS, CHANGED_LABELS, GONE_WORKLOAD, NEW_LABEL, NEW_WORKLOAD};
use crate::mesh::{GatewayProxy, Route, ServiceRef};

fn mk_place(line: usize) -> Place {
    Place { file: "mesh.yaml".into(), line, column: 1, width: 1 }
}

fn mk_sidecar(name: &str, version: &str) -> SidecarProxy {
    let labels = BTreeMap::from([("version".to_owned(), version.to_owned())]);
    SidecarProxy {
        workload: Workload::new(WorkloadKind::Sidecar, "shop", name, labels),
        place: mk_place(3),
        principal: String::new(),
        listeners: Vec::new(),
        outbound: Arc::default(),
        calls: Vec::new(),
    }
}

fn mk_mesh(mut sidecars: Vec<SidecarProxy>) -> Mesh {
    let service = ServiceRef {
        host: "hello".to_owned(),
        namespace: "shop".to_owned(),
        port: 80,
        ..ServiceRef::default()
    };
    let endpoints = sidecars.iter().map(|sidecar| (sidecar.workload.to_string(), 8080)).collect();
    let route = Route { host: "hello".to_owned(), service, endpoints };
    let listener = RoutingListener { port: 80, routes: vec![route] };
    for sidecar in &mut sidecars {
        sidecar.outbound = Arc::from([listener.clone()]);
    }
    let gateway = GatewayProxy {
        workload: Workload::new(WorkloadKind::Gateway, "istio-system", "ingress", BTreeMap::new()),
        place: mk_place(1),
        principal: String::new(),
        listeners: vec![listener],
    };
    Mesh { gateways: vec![gateway], sidecars, bare: Vec::new() }
}

#[track_caller]
fn check_kept(planned: Vec<SidecarProxy>, running: Vec<SidecarProxy>, expected: &[Code]) -> Mesh {
    let (mut planned, running) = (mk_mesh(planned), mk_mesh(running));
    let mut problems = Vec::new();
    keep_to_what_runs(&mut planned, &running, &mut problems);
    assert_eq!(problems.iter().map(|problem| problem.code).collect::<Vec<_>>(), expected, "{problems:#?}");
    assert!(problems.iter().all(|problem| problem.place.is_some() && problem.help == RESTART));
    planned
}

#[test]
fn the_same_workloads_can_go_on() {
    let mesh = check_kept(vec![mk_sidecar("a", "v1")], vec![mk_sidecar("a", "v1")], &[]);
    assert_eq!(mesh, mk_mesh(vec![mk_sidecar("a", "v1")]));
}

#[test]
fn a_new_workload_takes_a_restart_and_gets_no_traffic_until_then() {
    let planned = vec![mk_sidecar("a", "v1"), mk_sidecar("b", "v1")];
    let mesh = check_kept(planned, vec![mk_sidecar("a", "v1")], &[NEW_WORKLOAD]);
    assert_eq!(mesh, mk_mesh(vec![mk_sidecar("a", "v1")]));
}

#[test]
fn changed_labels_take_a_restart_and_the_old_ones_hold_until_then() {
    let mesh = check_kept(vec![mk_sidecar("a", "v2")], vec![mk_sidecar("a", "v1")], &[CHANGED_LABELS]);
    assert_eq!(mesh, mk_mesh(vec![mk_sidecar("a", "v1")]));
}

#[test]
fn a_workload_that_is_gone_runs_on_without_traffic() {
    let running = vec![mk_sidecar("a", "v1"), mk_sidecar("b", "v1")];
    let mesh = check_kept(vec![mk_sidecar("a", "v1")], running, &[GONE_WORKLOAD]);
    assert_eq!(mesh.sidecars.len(), 2);
    assert_eq!(mesh.gateways[0].listeners[0].routes[0].endpoints.len(), 1);
    assert_eq!(mesh.sidecars[0].outbound[0].routes[0].endpoints.len(), 1);
    assert_eq!(mesh.sidecars[1].outbound.len(), 0);
}

#[test]
fn changed_calls_take_a_restart_and_the_old_ones_are_made_until_then() {
    let calling = |path: &str| {
        let call =
            Call { scheme: CallScheme::Http, host: "hello".to_owned(), port: 80, path: path.to_owned() };
        SidecarProxy { calls: vec![call], ..mk_sidecar("a", "v1") }
    };
    check_kept(vec![calling("/")], vec![calling("/")], &[]);
    let mesh = check_kept(vec![mk_sidecar("a", "v1")], vec![calling("/")], &[CHANGED_CALLS]);
    assert_eq!(mesh.sidecars[0].calls, calling("/").calls);
    let mesh = check_kept(vec![calling("/b")], vec![calling("/a")], &[CHANGED_CALLS]);
    assert_eq!(mesh.sidecars[0].calls, calling("/a").calls);
}

#[test]
fn a_label_that_the_bootstrap_does_not_know_is_left_out_and_told() {
    let tag = |line, operation| {
        let document = DocumentId { kind: "Telemetry".into(), namespace: "shop".into(), name: "t".into() };
        let origin = Origin::Document { document, path: "spec.metrics[0]".into(), place: mk_place(line) };
        Traced { value: operation, origin }
    };
    let upsert = || TagOperation::Upsert("request.method".to_owned());
    let tags = BTreeMap::from([
        ("known".to_owned(), tag(1, upsert())),
        ("new".to_owned(), tag(2, upsert())),
        ("never_known".to_owned(), tag(3, TagOperation::Remove)),
        ("source_app".to_owned(), tag(4, upsert())),
    ]);
    let change =
        MetricOverride { metric: MetricName::Standard(StandardMetric::RequestCount), disabled: None, tags };
    let metrics = ProviderMetrics {
        provider: Traced { value: "prometheus".to_owned(), origin: Origin::Rule("test") },
        engine: None,
        peers: None,
        peer_labels: None,
        reporting_interval: None,
        overrides: vec![change],
    };
    let mut policy = Effective::nothing(mk_sidecar("a", "v1").workload);
    for class in ListenerClass::ALL {
        policy
            .classes
            .insert(class, ClassPolicy { metrics: vec![metrics.clone()], ..ClassPolicy::default() });
    }
    let problems = without_new_labels(&mut policy, &BTreeSet::from(["known".to_owned()]));
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert_eq!((problems[0].code, problems[0].place.as_ref().map(|p| p.line)), (NEW_LABEL, Some(2)));
    let left: Vec<_> = policy.class(ListenerClass::Inbound).metrics[0].overrides[0].tags.keys().collect();
    assert_eq!(left, ["known", "never_known", "source_app"]);
}

#[test]
fn what_a_changed_module_declares_anew_is_told_at_its_plugin() {
    let text = "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {name: p, namespace: shop}\n\
                spec:\n  url: file:///p.wasm\n";
    let checked = burgee_api::check::check(&[burgee_api::document::Source::new("p.yaml", text)]);
    let modules = |section: &str| {
        let module = |metrics| Module { path: String::new(), sha256: String::new(), metrics };
        let ready = PluginModule::Ready(module(from_section(section.as_bytes()).expect("metrics")));
        Modules { telemetry: module(Vec::new()), plugins: [("shop/p".to_owned(), ready)].into() }
    };
    let first = modules(r#"[{"name": "took", "kind": "histogram", "labels": ["tenant"], "buckets": [1]}]"#);
    let told = |now: &Modules| {
        let known = render::labels([], &first);
        newly_declared(now, &known, &first.declared(), &checked.resources)
    };
    assert_eq!(told(&first), []);
    let fewer = modules(r#"[{"name": "took", "kind": "histogram"}]"#);
    assert_eq!(told(&fewer), []);
    let more = modules(
        r#"[{"name": "took", "kind": "histogram", "labels": ["tenant", "verdict", "reporter"], "buckets": [1, 2]}]"#,
    );
    let problems = told(&more);
    assert_eq!(problems.len(), 2, "{problems:#?}");
    for (problem, named) in problems.iter().zip(["`verdict`", "`took`"]) {
        assert_eq!((problem.code, problem.place.as_ref().map(|place| place.line)), (NEW_LABEL, Some(5)));
        assert!(problem.message.contains(named), "{problem:#?}");
    }
}

#[test]
fn a_workload_that_is_to_be_somebody_else_keeps_its_certificate_and_its_name() {
    let mk = |account: &str| {
        let principal = mesh::principal_of("shop", account);
        SidecarProxy { principal, ..mk_sidecar("a", "v1") }
    };
    let kept = check_kept(vec![mk("other")], vec![mk("web")], &[CHANGED_ACCOUNT]);
    assert_eq!(kept.sidecars[0].principal, "spiffe://cluster.local/ns/shop/sa/web");
    check_kept(vec![mk("web")], vec![mk("web")], &[]);
}

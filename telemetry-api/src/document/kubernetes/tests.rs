//! What is read of Kubernetes' own documents, and what is left alone.

use crate::document::{Documents, Source, read};
use crate::test;

fn documents(text: &str) -> Documents {
    read(&[Source::new("t.yaml", text)])
}

#[test]
fn services_have_their_names_and_ports() {
    let read = documents(
        "apiVersion: v1\nkind: Service\nmetadata: {name: collector, namespace: obs}\n\
         spec: {type: ClusterIP, ports: [{port: 4317, name: grpc, appProtocol: x}, {port: 4318, targetPort: http}]}\n",
    );
    assert!(read.problems.is_empty(), "{:#?}", read.problems);
    let service = &read.resources.services[0];
    assert_eq!(
        (service.host().as_str(), &service.ports[..]),
        ("collector.obs.svc.cluster.local", &[4317, 4318][..])
    );
}

#[test]
fn pods_are_of_what_makes_them_in_the_end() {
    let owned = |kind: &str, name: &str, owner: &str, owner_name: &str| {
        format!(
            "apiVersion: {}\nkind: {kind}\nmetadata:\n  name: {name}\n  labels: {{pod-template-hash: 7d4f, app: web}}\n  \
             ownerReferences: [{{apiVersion: x, kind: {owner}, name: {owner_name}, uid: u, controller: true}}]\n\
             spec: {{template: {{metadata: {{labels: {{app: web}}}}, spec: {{containers: []}}}}}}\n",
            match kind {
                "Pod" => "v1",
                "ReplicaSet" => "apps/v1",
                _ => "batch/v1",
            }
        )
    };
    for (text, expected) in [
        (owned("Pod", "web-7d4f-x2z", "ReplicaSet", "web-7d4f"), "web"),
        (owned("Pod", "web-0000-x2z", "ReplicaSet", "web-0000"), "web-0000"),
        (owned("Pod", "db-0", "StatefulSet", "db"), "db"),
        (owned("Pod", "tidy-28000000-q", "Job", "tidy-28000000"), "tidy"),
        (owned("Pod", "tidy-up-q", "Job", "tidy-up"), "tidy-up"),
        (owned("ReplicaSet", "web-7d4f", "Deployment", "web"), "web"),
        (owned("Job", "tidy-28000000", "CronJob", "tidy"), "tidy"),
    ] {
        let read = documents(&text);
        assert!(read.problems.is_empty(), "{:#?}", read.problems);
        assert_eq!(read.resources.pods[0].workload, expected, "{text}");
        assert_eq!(read.resources.pods[0].labels["app"], "web", "{text}");
    }
}

#[test]
fn templates_say_what_pods_will_be() {
    let template = "{metadata: {labels: {app: web}, annotations: {a: b}}, spec: {serviceAccountName: shop, \
                    containers: [{name: app, image: x}, {name: istio-proxy}]}}";
    for (kind, version, spec) in [
        ("Deployment", "apps/v1", format!("{{replicas: 2, template: {template}}}")),
        ("StatefulSet", "apps/v1beta2", format!("{{template: {template}}}")),
        ("DaemonSet", "apps/v1", format!("{{template: {template}}}")),
        ("Job", "batch/v1", format!("{{template: {template}}}")),
        (
            "CronJob",
            "batch/v1",
            format!("{{schedule: '* * * * *', jobTemplate: {{spec: {{template: {template}}}}}}}"),
        ),
    ] {
        let read = documents(&format!(
            "apiVersion: {version}\nkind: {kind}\nmetadata: {{name: web, namespace: shop, labels: {{not: these}}}}\nspec: {spec}\n"
        ));
        assert!(read.problems.is_empty(), "{kind}: {:#?}", read.problems);
        let [pods] = read.resources.pods.as_slice() else { panic!("{kind}: {:#?}", read.resources.pods) };
        assert_eq!((pods.meta.id.to_string(), pods.workload.as_str()), (format!("{kind} shop/web"), "web"));
        assert_eq!(
            format!("{:?} {:?}", pods.labels, pods.annotations),
            r#"{"app": "web"} {"a": "b"}"#,
            "{kind}"
        );
        assert_eq!(
            (pods.service_account.as_str(), pods.containers.join(",").as_str()),
            ("shop", "app"),
            "{kind}"
        );
    }
}

#[test]
fn what_is_not_needed_is_not_judged() {
    let read = documents(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: Odd_Name, new: field}\n\
         spec: {template: {metadata: {labels: {app: web}}, spec: {future: [1], containers: [{name: app, env: [{name: A, \
         value: 1}]}]}}, more: {}}\nother: 1\n---\n\
         apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: patch}\nspec: {replicas: 3}\n---\n\
         apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: once-}\nspec: {template: {}}\n",
    );
    assert!(read.problems.is_empty(), "{:#?}", read.problems);
    assert_eq!(read.resources.pods.len(), 1, "{:#?}", read.resources.pods);
    let read = documents("apiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: {version: 1}}\n");
    let said: Vec<&str> = read.problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(said, ["metadata.labels.version"], "Kubernetes refuses it, and selectors would not find it");
}

#[test]
fn gateways_of_both_groups_may_share_a_name() {
    let read = documents(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: front, namespace: shop}\n\
         spec: {gatewayClassName: istio, listeners: []}\n---\n\
         apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: front, namespace: shop}\n\
         spec: {servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}\n---\n\
         apiVersion: gateway.networking.k8s.io/v1beta1\nkind: GatewayClass\nmetadata: {name: mine}\n\
         spec: {controllerName: istio.io/mesh-controller}\n",
    );
    assert!(read.problems.is_empty(), "{:#?}", read.problems);
    let resources = read.resources;
    assert_eq!((resources.kubernetes_gateways[0].class.as_str(), resources.gateways.len()), ("istio", 1));
    let class = &resources.gateway_classes[0];
    assert_eq!((class.meta.id.to_string().as_str(), class.is_of_waypoints()), ("GatewayClass mine", true));
}

#[test]
fn a_istiod_s_variables_are_read_and_no_other_s() {
    let read = documents(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: istiod, namespace: istio-system}\n\
         spec: {template: {metadata: {labels: {app: istiod}}, spec: {containers: [\n\
         {name: discovery, env: [{name: REVISION, value: canary}, {name: POD, valueFrom: {fieldRef: {}}}]},\n\
         {name: helper, env: [{name: SECRET, value: x}]}]}}}\n",
    );
    assert!(read.problems.is_empty(), "{:#?}", read.problems);
    let variables = &read.resources.istiods[0].variables;
    assert_eq!(variables.keys().collect::<Vec<_>>(), ["REVISION"]);
    assert_eq!(variables["REVISION"].value, "canary");
}

#[test]
fn what_pods_say_of_their_own_proxy_is_told_where_it_concerns_telemetry() {
    let pod = |config: &str| {
        let text = format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  annotations:\n    proxy.istio.io/config: |\n      {config}\n\
             spec: {{containers: [{{name: app}}]}}\n"
        );
        crate::document::read(&[crate::document::Source::new("pod.yaml", text)]).problems
    };
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {template: {metadata: \
                      {annotations: {proxy.istio.io/config: '{envoyAccessLogService: {address: \"a:1\"}}'}}, spec: \
                      {containers: [{name: app}]}}}\n";
    assert_eq!(pod("concurrency: 2"), []);
    assert_eq!(pod("not yaml: ["), []);
    let told = [
        (pod("{tracing: {sampling: 10}, concurrency: 2}"), "tracing"),
        (
            crate::document::read(&[crate::document::Source::new("d.yaml", deployment)]).problems,
            "envoyAccessLogService",
        ),
    ];
    for (problems, fields) in told {
        let [problem] = problems.as_slice() else { panic!("{problems:#?}") };
        assert_eq!(problem.code, crate::problem::codes::PROXY_CONFIG_NOT_READ);
        assert!(problem.message.ends_with(&format!(": {fields}")), "{}", problem.message);
        assert!(problem.path.ends_with("annotations[\"proxy.istio.io/config\"]"), "{}", problem.path);
    }
}

//! Which workloads there are among documents, and what they are.

use super::*;
use crate::document::{Source, read};
use crate::resolve::DEFAULT_REVISION;
use crate::test;

const HEAD: &str = "metadata: {namespace: shop, name: ";

fn shown(text: &str) -> (Vec<String>, Vec<String>) {
    let read = read(&[Source::new("t.yaml", text)]);
    assert!(read.problems.is_empty(), "{:#?}", read.problems);
    let known = KnownWorkloads::new(&read.resources, DEFAULT_REVISION);
    let workload = |known: &KnownWorkload<'_>| {
        let Workload { kind, revision, .. } = &known.workload;
        format!("{} {} {revision} by {}", kind.name(), known.workload, known.by.meta().id)
    };
    let waypoint = |waypoint: &Waypoint<'_>| format!("{}/{}", waypoint.namespace, waypoint.name);
    (known.workloads.iter().map(workload).collect(), known.waypoints.iter().map(waypoint).collect())
}

#[test]
fn pods_and_what_makes_them_are_one_workload() {
    let (workloads, _) = shown(&format!(
        "apiVersion: v1\nkind: Pod\n{HEAD}web-7d4f-1, labels: {{app: web, pod-template-hash: 7d4f}}, \
         ownerReferences: [{{kind: ReplicaSet, name: web-7d4f}}]}}\n---\n\
         apiVersion: v1\nkind: Pod\n{HEAD}alone, labels: {{istio.io/rev: tag}}, annotations: {{istio.io/rev: canary}}}}\n---\n\
         apiVersion: apps/v1\nkind: Deployment\n{HEAD}web}}\nspec: {{template: {{metadata: {{labels: {{app: web}}}}}}}}\n---\n\
         apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\n{HEAD}vm}}\nspec: {{labels: {{app: vm}}}}\n"
    ));
    assert_eq!(
        workloads,
        [
            "sidecar shop/vm default by WorkloadEntry shop/vm",
            "sidecar shop/web default by Deployment shop/web",
            "sidecar shop/alone canary by Pod shop/alone",
        ]
    );
}

#[test]
fn gateways_are_what_gateways_select_or_are_made_for_them() {
    let gateway = |name: &str, selector: &str| {
        format!(
            "---\napiVersion: networking.istio.io/v1\nkind: Gateway\n{HEAD}{name}}}\nspec: {{selector: {{{selector}}}, \
             servers: [{{port: {{number: 80, name: http, protocol: HTTP}}, hosts: ['*']}}]}}\n"
        )
    };
    let entry = |name: &str, labels: &str| {
        format!(
            "---\napiVersion: networking.istio.io/v1\nkind: WorkloadEntry\n{HEAD}{name}}}\nspec: {{labels: {{{labels}}}}}\n"
        )
    };
    let (workloads, _) = shown(
        &[
            entry("edge", "istio: edge, more: labels"),
            entry("named", "gateway.networking.k8s.io/gateway-name: api"),
            gateway("first", "istio: edge"),
            gateway("second", "istio: other"),
            gateway("third", "istio: other"),
            gateway("all", ""),
            "---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {namespace: shop, name: api}\n\
             spec: {gatewayClassName: istio}\n---\n\
             apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {namespace: shop, name: made}\n\
             spec: {gatewayClassName: istio}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: injected}\n\
             spec: {template: {metadata: {annotations: {inject.istio.io/templates: 'sidecar, gateway'}}}}\n"
                .to_owned(),
        ]
        .concat(),
    );
    assert_eq!(
        workloads,
        [
            "gateway shop/edge default by WorkloadEntry shop/edge",
            "gateway shop/named default by WorkloadEntry shop/named",
            "gateway default/injected default by Deployment default/injected",
            "gateway shop/second default by Gateway shop/second",
            "gateway shop/made-istio default by Gateway shop/made",
        ]
    );
    let (workloads, _) = shown(&gateway("all", ""));
    assert_eq!(workloads, ["gateway shop/all default by Gateway shop/all"]);
}

#[test]
fn waypoints_are_kept_apart_however_they_are_known() {
    let (workloads, waypoints) = shown(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: w1, namespace: wp}\n\
         spec: {gatewayClassName: istio-waypoint}\n---\n\
         apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: ours}\n\
         spec: {controllerName: istio.io/mesh-controller}\n---\n\
         apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: w2, namespace: wp}\n\
         spec: {gatewayClassName: ours}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: w3, namespace: wp}\n\
         spec: {template: {metadata: {labels: {gateway.istio.io/managed: istio.io-mesh-controller}}}}\n",
    );
    assert!(workloads.is_empty(), "{workloads:?}");
    assert_eq!(waypoints, ["wp/w3", "wp/w1", "wp/w2"]);
}

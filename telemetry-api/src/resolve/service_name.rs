//! The name that a proxy's spans have.

use super::workload::Workload;
use crate::resources::MeshConfig;
use crate::resources::mesh_config::ServiceName;

/// The name of a proxy that means that it has none.
const NO_SERVICE_CLUSTER: &str = "istio-proxy";

/// The annotation of a pod that names its service.
const NAME_ANNOTATION: &str = "resource.opentelemetry.io/service.name";
/// The labels that do, the first before the second.
const NAME_LABELS: [&str; 2] = ["app.kubernetes.io/instance", "app.kubernetes.io/name"];
/// OpenTelemetry's name for what nobody has named.
const UNKNOWN: &str = "unknown_service";

/// The name by the mesh's rule, which is that of the cluster of the proxy's node in Istio.
pub(super) fn by_mesh(mesh: &MeshConfig, workload: &Workload) -> String {
    let proxy = &mesh.proxy_tracing;
    let cluster = proxy.service_cluster.as_ref().map_or("", |cluster| cluster.value.as_str());
    if !is_none(cluster) {
        return cluster.to_owned();
    }
    let identity = workload.identity();
    let canonical = identity.canonical_service;
    match proxy.service_name.as_ref().map(|rule| rule.value) {
        Some(ServiceName::Canonical) if !is_none(&canonical) => canonical,
        Some(ServiceName::CanonicalAndNamespace) if !is_none(&canonical) => {
            in_namespace(&canonical, workload)
        }
        _ => {
            let names = [identity.app.as_str(), &workload.name, NO_SERVICE_CLUSTER];
            in_namespace(names.into_iter().find(|name| !name.is_empty()).unwrap_or_default(), workload)
        }
    }
}

fn is_none(name: &str) -> bool {
    matches!(name, "" | NO_SERVICE_CLUSTER)
}

fn in_namespace(name: &str, workload: &Workload) -> String {
    if workload.namespace.is_empty() { name.to_owned() } else { format!("{name}.{}", workload.namespace) }
}

/// The name by OpenTelemetry's conventions for pods.
pub(super) fn by_semantic_conventions(workload: &Workload) -> String {
    let label = |key: &str| workload.labels.get(key).map(String::as_str);
    let container = match workload.containers.as_slice() {
        [only] => Some(only.as_str()),
        _ => None,
    };
    let names = [
        workload.annotations.get(NAME_ANNOTATION).map(String::as_str),
        label(NAME_LABELS[0]),
        label(NAME_LABELS[1]),
        Some(workload.name.as_str()),
        workload.pod.as_deref(),
        container,
    ];
    names.into_iter().flatten().find(|name| !name.is_empty()).unwrap_or(UNKNOWN).to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::resolve::WorkloadKind;
    use crate::test;

    fn workload(name: &str, namespace: &str, labels: &[(&str, &str)]) -> Workload {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Workload::new(WorkloadKind::Sidecar, namespace, name, labels.collect::<BTreeMap<_, _>>())
    }

    #[test]
    fn the_meshs_rule_goes_from_the_node_to_the_labels_to_the_workload() {
        let app = [("app", "x")];
        let canonical = [("app", "x"), ("service.istio.io/canonical-name", "c")];
        let proxy = [("app", "x"), ("service.istio.io/canonical-name", "istio-proxy")];
        let by_app = ServiceName::AppAndNamespace;
        for (cluster, rule, workload, expected) in [
            ("", by_app, workload("x-v1", "a", &app), "x.a"),
            ("", by_app, workload("x-v1", "a", &[]), "x-v1.a"),
            ("", by_app, workload("", "a", &[]), "istio-proxy.a"),
            ("", by_app, workload("", "", &[]), "istio-proxy"),
            ("istio-proxy", by_app, workload("x-v1", "a", &app), "x.a"),
            ("shop", by_app, workload("x-v1", "a", &app), "shop"),
            ("shop", ServiceName::Canonical, workload("x-v1", "a", &canonical), "shop"),
            ("", ServiceName::Canonical, workload("x-v1", "a", &canonical), "c"),
            ("", ServiceName::Canonical, workload("x-v1", "a", &[]), "x-v1"),
            ("", ServiceName::Canonical, workload("x-v1", "a", &proxy), "x.a"),
            ("", ServiceName::Canonical, workload("", "a", &[]), "istio-proxy.a"),
            ("", ServiceName::CanonicalAndNamespace, workload("x-v1", "a", &canonical), "c.a"),
            ("", ServiceName::CanonicalAndNamespace, workload("x-v1", "", &canonical), "c"),
            ("", ServiceName::CanonicalAndNamespace, workload("x-v1", "a", &proxy), "x.a"),
        ] {
            let mut mesh = MeshConfig::default();
            let origin = crate::Origin::Rule("a test");
            mesh.proxy_tracing.service_cluster =
                Some(crate::Traced { value: cluster.to_owned(), origin: origin.clone() });
            mesh.proxy_tracing.service_name = Some(crate::Traced { value: rule, origin });
            assert_eq!(by_mesh(&mesh, &workload), expected, "{cluster} {rule:?} {workload}");
        }
    }

    #[test]
    fn opentelemetrys_rule_takes_the_first_that_is_there() {
        let mut pod = workload("x-v1", "a", &[(NAME_LABELS[0], "instance"), (NAME_LABELS[1], "name")]);
        pod.annotations.insert(NAME_ANNOTATION.to_owned(), "annotated".to_owned());
        pod.pod = Some("x-v1-abc".to_owned());
        pod.containers = vec!["app".to_owned()];
        type Take = fn(&mut Workload);
        let take: [(&str, Take); 7] = [
            ("annotated", |pod| pod.annotations.clear()),
            ("instance", |pod| drop(pod.labels.remove(NAME_LABELS[0]))),
            ("name", |pod| pod.labels.clear()),
            ("x-v1", |pod| pod.name.clear()),
            ("x-v1-abc", |pod| pod.pod = None),
            ("app", |pod| pod.containers.push("other".to_owned())),
            ("unknown_service", |_| {}),
        ];
        for (expected, take) in take {
            assert_eq!(by_semantic_conventions(&pod), expected);
            take(&mut pod);
        }
    }
}

//! Who a proxy is, by its own word: the `node` of its bootstrap, in Istio's layout.
//!
//! An id has four parts: `sidecar~10.1.2.3~web-7d4f-x2z.shop~shop.svc.cluster.local`, or `router~…` for a gateway. The
//! metadata is what Istio's agent writes there: `NAMESPACE`, `WORKLOAD_NAME`, `OWNER`, `NAME`, `LABELS`, `ANNOTATIONS`,
//! `CLUSTER_ID`, `MESH_ID`, `SERVICE_ACCOUNT`, `APP_CONTAINERS`. What is there goes before what the id says.

use std::collections::BTreeMap;

use serde_json::Value;

use super::workload::{DEFAULT_CLUSTER, DEFAULT_REVISION, Workload, WorkloadKind, waypoint};
use crate::problem::{Problem, Severity, codes};
use crate::resources::meta::REVISION_KEY;

impl Workload {
    /// The workload of a proxy with this node; a problem if the node does not say which one that is, or if it is one
    /// that no document can be for here.
    pub fn from_node(node: &Value) -> Result<Workload, Box<Problem>> {
        let id = Id::new(text(node, "id")?.unwrap_or_default());
        let none = Value::Null;
        let metadata = node.get("metadata").unwrap_or(&none);
        let known = |key| text(metadata, key).map(|text| text.filter(|text| !text.is_empty()));
        let pod = known("NAME")?.or(id.pod);
        let namespace = known("NAMESPACE")?.or(id.namespace).ok_or_else(|| says_nothing("namespace"))?;
        let owner = known("OWNER")?.and_then(|owner| owner.rsplit('/').next());
        let name = known("WORKLOAD_NAME")?.or(owner).or(pod).ok_or_else(|| says_nothing("workload"))?;
        let labels = texts(metadata, "LABELS")?;
        let annotations = texts(metadata, "ANNOTATIONS")?;
        let kind = match (id.kind, WorkloadKind::of_labels(&labels)) {
            (Some("waypoint"), _) | (_, None) => return Err(waypoint(namespace, name)),
            (Some("sidecar"), _) => WorkloadKind::Sidecar,
            (Some("router"), _) => WorkloadKind::Gateway,
            (Some(other), _) => return Err(not_served(other)),
            (None, Some(kind)) => kind,
        };
        let containers = known("APP_CONTAINERS")?.into_iter().flat_map(|names| names.split(','));
        Ok(Workload {
            cluster: known("CLUSTER_ID")?.unwrap_or(DEFAULT_CLUSTER).to_owned(),
            // A pod may be labelled with a tag; what injected its proxy writes the revision itself.
            revision: annotations
                .get(REVISION_KEY)
                .or(labels.get(REVISION_KEY))
                .map_or(DEFAULT_REVISION, |r| r)
                .to_owned(),
            pod: pod.map(str::to_owned),
            service_account: known("SERVICE_ACCOUNT")?.map(str::to_owned),
            mesh_id: known("MESH_ID")?.map(str::to_owned),
            containers: containers.map(str::to_owned).collect(),
            annotations,
            ..Workload::new(kind, namespace, name, labels)
        })
    }
}

/// The parts of an id; none of them for an id in another layout.
#[derive(Default)]
struct Id<'n> {
    kind: Option<&'n str>,
    pod: Option<&'n str>,
    namespace: Option<&'n str>,
}

impl<'n> Id<'n> {
    fn new(id: &'n str) -> Id<'n> {
        let parts: Vec<&str> = id.split('~').collect();
        let [kind, _address, pod, _domain] = parts.as_slice() else { return Id::default() };
        // A pod's name may have dots, a namespace has none.
        let (pod, namespace) = pod.rsplit_once('.').unwrap_or((pod, ""));
        let known = |text: &'n str| Some(text).filter(|text| !text.is_empty());
        Id { kind: known(kind), pod: known(pod), namespace: known(namespace) }
    }
}

/// A field that is a text, if it is there.
fn text<'n>(object: &'n Value, key: &str) -> Result<Option<&'n str>, Box<Problem>> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(not_a_text(key)),
    }
}

/// A field that is an object of texts, if it is there.
fn texts(object: &Value, key: &str) -> Result<BTreeMap<String, String>, Box<Problem>> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(BTreeMap::new()),
        Some(Value::Object(map)) => map
            .iter()
            .map(|(name, value)| match value {
                Value::String(text) => Ok((name.clone(), text.clone())),
                _ => Err(not_a_text(&format!("{key}.{name}"))),
            })
            .collect(),
        Some(_) => Err(not_a_text(key)),
    }
}

fn not_a_text(key: &str) -> Box<Problem> {
    let help = "Istio's agent writes texts: put the value in quotes";
    Box::new(
        Problem::new(Severity::Error, codes::NODE, format!("`{key}` of the node is not a text")).help(help),
    )
}

fn says_nothing(of: &str) -> Box<Problem> {
    let help = "Istio's proxies have NAMESPACE and WORKLOAD_NAME in the node's metadata, and an id such as \
                sidecar~10.1.2.3~web-v1.shop~shop.svc.cluster.local; say which workload it is";
    Box::new(Problem::new(Severity::Error, codes::NODE, format!("the node does not say its {of}")).help(help))
}

fn not_served(kind: &str) -> Box<Problem> {
    let message = format!("a proxy of the type `{kind}` gets nothing from documents");
    Box::new(Problem::new(Severity::Error, codes::NODE, message).help("allowed: sidecar, router"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::test;

    #[test]
    fn a_proxy_of_istio_s_is_what_its_node_says() {
        let node = json!({
            "id": "sidecar~10.1.2.3~web-v1-7d4f.x-2z.shop~shop.svc.cluster.local",
            "cluster": "web.shop",
            "metadata": {
                "NAME": "web-v1-7d4f.x-2z", "NAMESPACE": "shop", "WORKLOAD_NAME": "web-v1",
                "OWNER": "kubernetes://apis/apps/v1/namespaces/shop/deployments/web-v1",
                "LABELS": {"app": "web", "istio.io/rev": "stable"},
                "ANNOTATIONS": {"istio.io/rev": "1-30", "resource.opentelemetry.io/service.name": "shop-web"},
                "CLUSTER_ID": "east", "MESH_ID": "mesh1", "SERVICE_ACCOUNT": "web", "APP_CONTAINERS": "app,helper",
                "INSTANCE_IPS": "10.1.2.3", "PROXY_CONFIG": {"concurrency": 2},
            },
        });
        let workload = Workload::from_node(&node).expect("a workload");
        let Workload { cluster, revision, namespace, name, labels, kind, .. } = &workload;
        assert_eq!((namespace.as_str(), name.as_str(), *kind), ("shop", "web-v1", WorkloadKind::Sidecar));
        assert_eq!((cluster.as_str(), revision.as_str(), labels["app"].as_str()), ("east", "1-30", "web"));
        let Workload { pod, service_account, mesh_id, containers, annotations, .. } = &workload;
        assert_eq!(pod.as_deref(), Some("web-v1-7d4f.x-2z"));
        assert_eq!((service_account.as_deref(), mesh_id.as_deref()), (Some("web"), Some("mesh1")));
        assert_eq!(containers, &["app", "helper"]);
        assert_eq!(annotations["resource.opentelemetry.io/service.name"], "shop-web");
    }

    #[test]
    fn what_the_metadata_leaves_out_the_id_or_the_owner_says() {
        let owner = "kubernetes://apis/apps/v1/namespaces/a/deployments/web";
        let gateway = json!({"LABELS": {"gateway.networking.k8s.io/gateway-name": "g"}});
        for (id, metadata, expected) in [
            (
                "sidecar~10.0.0.1~web-1.a~a.svc.cluster.local",
                json!({}),
                Some(("a/web-1", WorkloadKind::Sidecar)),
            ),
            (
                "router~10.0.0.1~gw-1.a~a.svc.cluster.local",
                json!({}),
                Some(("a/gw-1", WorkloadKind::Gateway)),
            ),
            ("sidecar~10.0.0.1~web-1.a~x", json!({"OWNER": owner}), Some(("a/web", WorkloadKind::Sidecar))),
            (
                "sidecar~10.0.0.1~web-1.a~x",
                json!({"NAMESPACE": "b"}),
                Some(("b/web-1", WorkloadKind::Sidecar)),
            ),
            ("x", json!({"NAMESPACE": "b", "NAME": "p"}), Some(("b/p", WorkloadKind::Sidecar))),
            ("router~10.0.0.1~gw-1.a~x", gateway, Some(("a/gw-1", WorkloadKind::Gateway))),
            ("web-1", json!({}), None),
            ("", json!({"WORKLOAD_NAME": "web"}), None),
            ("sidecar~10.0.0.1~web-1~", json!({}), None),
            ("ztunnel~10.0.0.1~web-1.a~a.svc", json!({}), None),
            ("sidecar~10.0.0.1~web-1.a~x", json!({"LABELS": {"version": 1}}), None),
            ("sidecar~10.0.0.1~web-1.a~x", json!({"LABELS": "app=web"}), None),
            ("sidecar~10.0.0.1~web-1.a~x", json!({"NAMESPACE": 1}), None),
        ] {
            let found = Workload::from_node(&json!({"id": id, "metadata": metadata}));
            let found =
                found.map(|workload| (workload.to_string(), workload.kind)).map_err(|problem| problem.code);
            let expected = expected.map(|(name, kind)| (name.to_owned(), kind)).ok_or(codes::NODE);
            assert_eq!(found, expected, "{id} {metadata}");
        }
        assert!(Workload::from_node(&Value::Null).is_err());
    }

    #[test]
    fn a_waypoint_is_told_however_it_says_so() {
        for (id, labels) in [
            ("waypoint~10.0.0.1~w-1.wp~wp.svc.cluster.local", json!({})),
            (
                "router~10.0.0.1~w-1.wp~wp.svc",
                json!({"gateway.istio.io/managed": "istio.io-mesh-controller"}),
            ),
            (
                "router~10.0.0.1~w-1.wp~wp.svc",
                json!({"gateway.networking.k8s.io/gateway-class-name": "istio-waypoint"}),
            ),
        ] {
            let node = json!({"id": id, "metadata": {"WORKLOAD_NAME": "w", "LABELS": labels}});
            let problem = Workload::from_node(&node).expect_err("a problem");
            assert_eq!(problem.code, codes::WAYPOINT, "{problem}");
            assert!(problem.message.contains("wp/w"), "{problem}");
        }
    }
}

//! What a bootstrap has to say before any policy is laid over a proxy's listeners: who the proxy is, and what metrics will
//! need, since Envoy reads that once.

use std::collections::BTreeSet;

use burgee_api::Traced;
use burgee_api::origin::Origin;
use burgee_api::resolve::{
    ClassPolicy, DEFAULT_REVISION, Effective, ListenerClass, MetricName, MetricOverride, ProviderMetrics,
    TagOperation, Workload, WorkloadKind,
};
use burgee_filter_config::declared::{DeclaredMetric, histogram_buckets};
use burgee_filter_config::{StandardLabel, StandardMetric, names};

use crate::value::Value;

/// The mesh that a proxy says it belongs to where nothing else is known; Istio's default.
pub const DEFAULT_MESH_ID: &str = "cluster.local";

/// The label and the annotation that say a workload's revision.
const REVISION_KEY: &str = "istio.io/rev";

/// What a proxy's node says beside what its workload is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeFacts<'f> {
    /// The node's cluster, by which traces and access logs name the workload's service; see
    /// [`burgee_api::resolve::PolicySet::service_cluster`].
    pub service_cluster: &'f str,
    /// The proxy's IP address.
    pub address: &'f str,
    /// Who made the workload, as a path of Kubernetes' API; absent: not said.
    pub owner: Option<String>,
    /// More metadata, behind all other.
    pub more: Vec<(&'static str, String)>,
}

/// The `node` of a bootstrap in Istio's layout, which filters read and from which [`Workload::from_node`] has the workload
/// back. Labels are the workload's with those of its canonical service and that one's revision, which Istio's injector adds.
pub fn node(workload: &Workload, facts: &NodeFacts<'_>) -> Value {
    let identity = workload.identity();
    let mut labels = workload.labels.clone();
    labels.insert(names::CANONICAL_NAME.to_owned(), identity.canonical_service);
    labels.insert(names::CANONICAL_REVISION.to_owned(), identity.canonical_revision);
    let mut annotations = workload.annotations.clone();
    let by_label = labels.get(REVISION_KEY).map_or(DEFAULT_REVISION, String::as_str);
    if annotations.get(REVISION_KEY).map_or(by_label, String::as_str) != workload.revision {
        annotations.insert(REVISION_KEY.to_owned(), workload.revision.clone());
    }
    let role = match workload.kind {
        WorkloadKind::Gateway => "router",
        WorkloadKind::Sidecar => "sidecar",
    };
    let (name, namespace) = (&workload.name, &workload.namespace);
    let pod = workload.pod.as_ref().unwrap_or(name);
    let texts = |map: std::collections::BTreeMap<String, String>| {
        Value::Map(map.into_iter().map(|(key, value)| (key, Value::String(value))).collect())
    };
    let mut metadata = Vec::new();
    let mut add = |key: &str, value: Value| metadata.push((key.to_owned(), value));
    add("NAME", Value::string(pod.as_str()));
    add("NAMESPACE", Value::string(namespace.as_str()));
    add("WORKLOAD_NAME", Value::string(name.as_str()));
    if let Some(owner) = &facts.owner {
        add("OWNER", Value::string(owner.as_str()));
    }
    add("LABELS", texts(labels));
    if !annotations.is_empty() {
        add("ANNOTATIONS", texts(annotations));
    }
    add("CLUSTER_ID", Value::string(workload.cluster.as_str()));
    add("MESH_ID", Value::string(workload.mesh_id.as_deref().unwrap_or(DEFAULT_MESH_ID)));
    add("ISTIO_REVISION", Value::string(workload.revision.as_str()));
    add("INSTANCE_IPS", Value::string(facts.address));
    if let Some(account) = &workload.service_account {
        add("SERVICE_ACCOUNT", Value::string(account.as_str()));
    }
    if !workload.containers.is_empty() {
        add("APP_CONTAINERS", Value::string(workload.containers.join(",")));
    }
    for (key, value) in &facts.more {
        add(key, Value::string(value.as_str()));
    }
    let id = format!("{role}~{}~{pod}.{namespace}~{namespace}.svc.cluster.local", facts.address);
    Value::map([
        ("id", Value::string(id)),
        ("cluster", Value::string(facts.service_cluster)),
        ("metadata", Value::Map(metadata.into())),
    ])
}

/// A policy that has metrics and names every label: laid over a bootstrap, it makes it ready for any policy with those
/// labels.
pub fn reserving(workload: &Workload, labels: &BTreeSet<String>) -> Effective {
    const RULE: Origin = Origin::Rule("labels are declared in the bootstrap, before any policy needs them");
    let tag = |label: &String| {
        (label.clone(), Traced { value: TagOperation::Upsert("''".to_owned()), origin: RULE })
    };
    let provider = ProviderMetrics {
        provider: Traced { value: "prometheus".to_owned(), origin: RULE },
        engine: None,
        peers: None,
        peer_labels: None,
        reporting_interval: None,
        overrides: vec![MetricOverride {
            metric: MetricName::Standard(StandardMetric::RequestCount),
            disabled: None,
            tags: labels.iter().map(tag).collect(),
        }],
    };
    let class = ClassPolicy { metrics: vec![provider], ..ClassPolicy::default() };
    Effective {
        workload: workload.clone(),
        classes: ListenerClass::ALL.into_iter().map(|name| (name, class.clone())).collect(),
    }
}

/// Every label that bootstraps have to know beside the standard ones: those that policies set, and those of the metrics that
/// modules declare.
pub fn labels_to_reserve<'a>(
    policies: impl IntoIterator<Item = &'a Effective>,
    declared: impl IntoIterator<Item = DeclaredMetric>,
) -> BTreeSet<String> {
    let declared = declared.into_iter().flat_map(|metric| metric.labels);
    let declared = declared.filter(|label| StandardLabel::from_name(label).is_none());
    policies.into_iter().flat_map(own_labels).chain(declared).collect()
}

/// Every label that a policy sets and that is not a standard one.
fn own_labels(policy: &Effective) -> BTreeSet<String> {
    let overrides = policy.classes.values().flat_map(|class| &class.metrics).flat_map(|m| &m.overrides);
    overrides
        .flat_map(|change| &change.tags)
        .filter(|(_, operation)| matches!(operation.value, TagOperation::Upsert(_)))
        .map(|(label, _)| label.clone())
        .filter(|label| StandardLabel::from_name(label).is_none())
        .collect()
}

/// The `stats_config.histogram_bucket_settings` that metrics of modules need, each with the expression that fits its names;
/// none if they need none.
pub fn histogram_settings(declared: &[DeclaredMetric]) -> Option<Value> {
    let number = |bound: u64| Value::Int(i64::try_from(bound).unwrap_or(i64::MAX));
    let setting = |(regex, bounds): (String, Vec<u64>)| {
        let fits = Value::map([("safe_regex", Value::map([("regex", Value::String(regex))]))]);
        Value::map([("match", fits), ("buckets", Value::List(bounds.into_iter().map(number).collect()))])
    };
    let settings: Vec<Value> = histogram_buckets(declared).into_iter().map(setting).collect();
    (!settings.is_empty()).then(|| Value::List(settings.into()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn standard_labels_and_removed_ones_are_not_own_labels() {
        let workload = Workload::new(WorkloadKind::Sidecar, "ns", "app", BTreeMap::new());
        let mut policy = reserving(&workload, &BTreeSet::from(["mine".to_owned(), "reporter".to_owned()]));
        assert_eq!(own_labels(&policy), BTreeSet::from(["mine".to_owned()]));
        for class in policy.classes.values_mut() {
            for tag in class.metrics[0].overrides[0].tags.values_mut() {
                tag.value = TagOperation::Remove;
            }
        }
        assert_eq!(own_labels(&policy), BTreeSet::new());
    }

    fn texts() -> impl Strategy<Value = BTreeMap<String, String>> {
        let key = prop_oneof![
            Just(REVISION_KEY.to_owned()),
            Just("app".to_owned()),
            Just("version".to_owned()),
            "[a-z]{1,6}"
        ];
        proptest::collection::btree_map(key, "[a-z0-9.-]{1,8}", 0..4)
    }

    fn some_workload() -> impl Strategy<Value = Workload> {
        let kind = prop_oneof![Just(WorkloadKind::Sidecar), Just(WorkloadKind::Gateway)];
        let names =
            (kind, "[a-z]{1,8}", "[a-z][a-z0-9.-]{0,12}", proptest::option::of("[a-z][a-z0-9.-]{0,12}"));
        let place = ("[a-z]{1,8}", "[a-z0-9-]{1,8}", "[a-z.]{1,8}", proptest::option::of("[a-z]{1,8}"));
        let more = (texts(), texts(), proptest::collection::vec("[a-z]{1,5}", 0..3));
        (names, place, more).prop_map(
            |((kind, namespace, name, pod), place, (labels, annotations, containers))| {
                let (cluster, revision, mesh, account) = place;
                Workload {
                    cluster,
                    revision,
                    pod,
                    service_account: account,
                    mesh_id: Some(mesh),
                    annotations,
                    containers,
                    ..Workload::new(kind, namespace, name, labels)
                }
            },
        )
    }

    proptest! {
        #[test]
        fn a_workload_is_read_back_from_its_node(workload in some_workload()) {
            let facts = NodeFacts { service_cluster: "x", address: "10.0.0.1", ..NodeFacts::default() };
            let node = serde_json::from_str(&node(&workload, &facts).to_json()).expect("JSON");
            let mut found = Workload::from_node(&node).expect("a workload");
            prop_assert_eq!(found.identity(), workload.identity());
            // What is said more than once is said where it was not.
            let has_revision = workload.annotations.contains_key(REVISION_KEY);
            if !has_revision {
                found.annotations.remove(REVISION_KEY);
            }
            let mut expected = workload.clone();
            if has_revision {
                expected.annotations.insert(REVISION_KEY.to_owned(), workload.revision.clone());
            }
            for name in [names::CANONICAL_NAME, names::CANONICAL_REVISION] {
                expected.labels.insert(name.to_owned(), found.labels[name].clone());
            }
            expected.pod.get_or_insert(workload.name.clone());
            prop_assert_eq!(found, expected);
        }
    }
}

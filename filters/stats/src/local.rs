//! Who this proxy is, from the node's metadata in Istio's layout.

use burgee_filter_config::LocalWorkload;
use burgee_kit::Host;
use burgee_kit::attributes::node_metadata;

/// Reads single keys: the whole node is some 60 kB. What is not there is empty, as in Istio's filter.
pub fn from_node<H: Host>(host: &H) -> LocalWorkload {
    let text = |keys: &[&str]| {
        node_metadata(host, keys)
            .map(|value| String::from_utf8_lossy(&value).into_owned())
            .unwrap_or_default()
    };
    LocalWorkload {
        workload: text(&["WORKLOAD_NAME"]),
        namespace: text(&["NAMESPACE"]),
        app: text(&["LABELS", "app"]),
        version: text(&["LABELS", "version"]),
        canonical_service: text(&["LABELS", "service.istio.io/canonical-name"]),
        canonical_revision: text(&["LABELS", "service.istio.io/canonical-revision"]),
        cluster: text(&["CLUSTER_ID"]),
    }
}

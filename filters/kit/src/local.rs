//! Who this proxy is, from the node's metadata in Istio's layout.

use burgee_filter_config::LocalWorkload;
use burgee_filter_config::names::node;

use crate::attributes::node_metadata;
use crate::host::Host;

/// A text of the node's metadata by its key, or by the key of a map and one in it; empty if it is not there.
pub fn node_text<H: Host>(host: &H, keys: &[&str]) -> String {
    node_metadata(host, keys).map(|value| String::from_utf8_lossy(&value).into_owned()).unwrap_or_default()
}

/// Reads single keys: the whole node is some 60 kB. What is not there is empty, as in Istio's filters.
pub fn from_node<H: Host>(host: &H) -> LocalWorkload {
    LocalWorkload {
        workload: node_text(host, node::WORKLOAD),
        namespace: node_text(host, node::NAMESPACE),
        app: node_text(host, node::APP),
        version: node_text(host, node::VERSION),
        canonical_service: node_text(host, node::CANONICAL_SERVICE),
        canonical_revision: node_text(host, node::SERVICE_REVISION),
        cluster: node_text(host, node::CLUSTER),
    }
}

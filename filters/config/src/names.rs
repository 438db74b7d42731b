//! Names that Istio's control plane gives, and that whoever reads what it writes has to know.

/// The label with the name of a workload's canonical service.
pub const CANONICAL_NAME: &str = "service.istio.io/canonical-name";

/// The label with the revision of a workload's canonical service.
pub const CANONICAL_REVISION: &str = "service.istio.io/canonical-revision";

/// The service that traffic to nowhere is for.
pub const BLACK_HOLE: &str = "BlackHoleCluster";

/// The service that traffic to a place which no document names is for.
pub const PASSTHROUGH: &str = "PassthroughCluster";

/// Routes for traffic that Istio knows no service for, each with what the service is called then.
pub const ROUTES_WITHOUT_SERVICE: [(&str, &str); 2] = [("block_all", BLACK_HOLE), ("allow_any", PASSTHROUGH)];

/// Clusters that stand for no service; the service's name is theirs.
pub const CLUSTERS_WITHOUT_SERVICE: [&str; 5] = [
    BLACK_HOLE,
    PASSTHROUGH,
    "InboundPassthroughCluster",
    "InboundPassthroughClusterIpv4",
    "InboundPassthroughClusterIpv6",
];

/// Where a node's metadata says who the proxy is: the keys to each field of
/// [`LocalWorkload`](crate::stats::LocalWorkload).
pub mod node {
    use super::{CANONICAL_NAME, CANONICAL_REVISION};

    /// The workload's name.
    pub const WORKLOAD: &[&str] = &["WORKLOAD_NAME"];
    /// The workload's namespace.
    pub const NAMESPACE: &[&str] = &["NAMESPACE"];
    /// The app that it belongs to.
    pub const APP: &[&str] = &["LABELS", "app"];
    /// The app's version.
    pub const VERSION: &[&str] = &["LABELS", "version"];
    /// The canonical service's name.
    pub const CANONICAL_SERVICE: &[&str] = &["LABELS", CANONICAL_NAME];
    /// The canonical service's revision.
    pub const SERVICE_REVISION: &[&str] = &["LABELS", CANONICAL_REVISION];
    /// The cluster that the workload belongs to.
    pub const CLUSTER: &[&str] = &["CLUSTER_ID"];
}

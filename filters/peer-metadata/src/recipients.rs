//! Which clusters are told who this proxy is: those of the mesh.

use std::collections::HashMap;

use burgee_filter_config::Recipients;
use burgee_kit::RequestHeadersHost;
use burgee_kit::attributes::{
    CLUSTER_IS_EXTERNAL, CLUSTER_NAME, CLUSTER_NEEDS_NO_EXCHANGE, SERVICE_HOST, SERVICE_NAME,
};

/// The cluster to which Istio's proxies send what they know no service for.
const PASSTHROUGH: &[u8] = b"PassthroughCluster";

/// How long a cluster's metadata is taken to hold: a control plane may change it under the same name, and nothing tells
/// a filter.
const HOLDS_NANOSECONDS: u64 = 10_000_000_000;

/// How many clusters are remembered. Beyond that all are forgotten at once and read again.
const MAX_CLUSTERS: usize = 1024;

/// The clusters seen so far, and whether each is told.
#[derive(Debug)]
pub struct Clusters {
    recipients: Recipients,
    /// The answer by the cluster's name, and when it was found.
    known: HashMap<Vec<u8>, (bool, u64)>,
}

impl Clusters {
    /// None is known yet.
    pub fn new(recipients: Recipients) -> Clusters {
        Clusters { recipients, known: HashMap::new() }
    }

    /// Whether the cluster of the request at hand is told. Where there is none nobody is.
    pub fn is_told<H: RequestHeadersHost>(&mut self, host: &H) -> bool {
        let Some(cluster) = CLUSTER_NAME.get(host).filter(|name| !name.is_empty()) else {
            return false;
        };
        let now = host.now_nanoseconds().unwrap_or_default();
        if let Some((is_told, found_at)) = self.known.get(&cluster)
            && now.saturating_sub(*found_at) < HOLDS_NANOSECONDS
        {
            return *is_told;
        }
        let is_told = self.read(host, &cluster);
        if self.known.len() >= MAX_CLUSTERS {
            self.known.clear();
        }
        self.known.insert(cluster, (is_told, now));
        is_told
    }

    fn read<H: RequestHeadersHost>(&self, host: &H, cluster: &[u8]) -> bool {
        let is_in_mesh = match self.recipients {
            Recipients::Described => SERVICE_HOST.get(host).is_some() || SERVICE_NAME.get(host).is_some(),
            Recipients::NotExternal => cluster != PASSTHROUGH,
        };
        is_in_mesh
            && !CLUSTER_IS_EXTERNAL.get(host).unwrap_or_default()
            && !CLUSTER_NEEDS_NO_EXCHANGE.get(host).unwrap_or_default()
    }
}

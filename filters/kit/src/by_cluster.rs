//! What is known of clusters, by their names, for as long as it may be taken to hold.

use crate::host::Host;
use crate::table::Values;

/// How long a cluster's metadata is taken to hold: a control plane may change it under the same name, and nothing tells
/// a filter.
const HOLDS_NANOSECONDS: u64 = 10_000_000_000;

/// How many clusters are remembered. Beyond that all are forgotten at once and found anew.
const MAX_CLUSTERS: usize = 1024;

/// Values by the names of clusters.
#[derive(Debug)]
pub struct ByCluster<V> {
    /// Each with when it was found.
    known: Values<(V, u64)>,
}

impl<V> Default for ByCluster<V> {
    fn default() -> ByCluster<V> {
        ByCluster { known: Values::default() }
    }
}

impl<V: Clone> ByCluster<V> {
    /// What was found for a cluster up to ten seconds ago, or is found now.
    pub fn get<H: Host>(&mut self, host: &H, cluster: &[u8], find: impl FnOnce() -> V) -> V {
        let now = host.now_nanoseconds().unwrap_or_default();
        let known = self.known.get(cluster);
        if let Some((value, found_at)) = known
            && now.saturating_sub(*found_at) < HOLDS_NANOSECONDS
        {
            return value.clone();
        }
        if known.is_none() && self.known.len() >= MAX_CLUSTERS {
            self.known = Values::default();
        }
        let value = find();
        self.known.set(cluster, (value.clone(), now));
        value
    }
}

//! What is known of clusters, by their names, for as long as it may be taken to hold.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use crate::hash::FoldHasher;
use crate::host::Host;

/// How long a cluster's metadata is taken to hold: a control plane may change it under the same name, and nothing tells
/// a filter.
const HOLDS_NANOSECONDS: u64 = 10_000_000_000;

/// How many clusters are remembered. Beyond that all are forgotten at once and found anew.
const MAX_CLUSTERS: usize = 1024;

/// Values by the names of clusters.
#[derive(Debug)]
pub struct ByCluster<V> {
    /// Each with when it was found.
    known: HashMap<Box<[u8]>, (V, u64), BuildHasherDefault<FoldHasher>>,
}

impl<V> Default for ByCluster<V> {
    fn default() -> ByCluster<V> {
        ByCluster { known: HashMap::default() }
    }
}

impl<V: Clone> ByCluster<V> {
    /// What was found for a cluster up to ten seconds ago, or is found now.
    pub fn get<H: Host>(&mut self, host: &H, cluster: &[u8], find: impl FnOnce() -> V) -> V {
        let now = host.now_nanoseconds().unwrap_or_default();
        if let Some((value, found_at)) = self.known.get(cluster)
            && now.saturating_sub(*found_at) < HOLDS_NANOSECONDS
        {
            return value.clone();
        }
        let value = find();
        if self.known.len() >= MAX_CLUSTERS {
            self.known.clear();
        }
        self.known.insert(cluster.into(), (value.clone(), now));
        value
    }
}

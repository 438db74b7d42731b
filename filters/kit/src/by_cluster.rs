//! What is known of clusters, by their names, for as long as it may be taken to hold.

use crate::host::Host;
use crate::table::Table;

/// How long a cluster's metadata is taken to hold: a control plane may change it under the same name, and nothing tells
/// a filter.
const HOLDS_NANOSECONDS: u64 = 10_000_000_000;

/// How many clusters are remembered. Beyond that all are forgotten at once and found anew.
const MAX_CLUSTERS: usize = 1024;

/// Values by the names of clusters.
#[derive(Debug)]
pub struct ByCluster<V> {
    places: Table,
    /// Each with when it was found.
    known: Vec<(V, u64)>,
}

impl<V> Default for ByCluster<V> {
    fn default() -> ByCluster<V> {
        ByCluster { places: Table::default(), known: Vec::new() }
    }
}

impl<V: Clone> ByCluster<V> {
    /// What was found for a cluster up to ten seconds ago, or is found now.
    pub fn get<H: Host>(&mut self, host: &H, cluster: &[u8], find: impl FnOnce() -> V) -> V {
        let now = host.now_nanoseconds().unwrap_or_default();
        let place = self.places.get(cluster);
        if let Some((value, found_at)) = place.and_then(|place| self.known.get(place))
            && now.saturating_sub(*found_at) < HOLDS_NANOSECONDS
        {
            return value.clone();
        }
        let value = find();
        match place.and_then(|place| self.known.get_mut(place)) {
            Some(known) => *known = (value.clone(), now),
            None => {
                if self.known.len() >= MAX_CLUSTERS {
                    self.places.clear();
                    self.known.clear();
                }
                self.places.set(cluster, self.known.len());
                self.known.push((value.clone(), now));
            }
        }
        value
    }
}

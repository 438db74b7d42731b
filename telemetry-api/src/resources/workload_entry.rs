//! `WorkloadEntry` (networking.istio.io): a workload that exists.

use std::collections::BTreeMap;

use super::Meta;

/// A workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadEntry {
    /// Name and place.
    pub meta: Meta,
    /// Its address, as written.
    pub address: String,
    /// Its port for each of a service's port names, where it differs from the service's.
    pub ports: BTreeMap<String, u16>,
    /// The labels that documents select it by: `spec.labels` over `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// The service account that it runs as; empty when not said.
    pub service_account: String,
}

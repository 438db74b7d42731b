//! Which services exist, by host and namespace: where the collectors of providers are looked up.

use std::collections::{BTreeMap, BTreeSet};

use super::collector::{Collector, Protocol};
use crate::resources::ServiceEntry;
use crate::resources::mesh_config::CollectorRef;

/// Every service of the mesh: host, then namespace, then its ports.
#[derive(Clone, Debug, Default)]
pub(crate) struct Services(BTreeMap<String, BTreeMap<String, BTreeSet<u16>>>);

/// Why a collector is not found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoCollector {
    /// No service has the host, or not in that namespace.
    Unknown,
    /// Services of these namespaces have the host, and none is named.
    SeveralNamespaces(Vec<String>),
}

impl Services {
    /// The services among resources. In whatever order they were read, the index is the same.
    pub(super) fn new(entries: &[ServiceEntry]) -> Services {
        let mut index = Services::default();
        for entry in entries {
            for host in &entry.hosts {
                let namespaces = index.0.entry(host.clone()).or_default();
                let ports = namespaces.entry(entry.meta.id.namespace.to_string()).or_default();
                ports.extend(entry.ports.iter().map(|port| port.number));
            }
        }
        index
    }

    /// The collector that a provider names: `namespace/host` is looked up as it stands; a host alone must be in
    /// exactly one namespace. The port is not verified, as in Istio; see [`Services::has_port`]. What is spoken to it is
    /// the provider's matter.
    pub(crate) fn find(&self, wanted: &CollectorRef, protocol: Protocol) -> Result<Collector, NoCollector> {
        let (namespace, host) = match wanted.service.split_once('/') {
            Some((namespace, host)) => (Some(namespace), host),
            None => (None, wanted.service.as_str()),
        };
        let namespaces = self.0.get(host).ok_or(NoCollector::Unknown)?;
        let mut found = namespaces.keys().filter(|known| namespace.is_none_or(|wanted| wanted == **known));
        match (found.next(), found.next()) {
            (None, _) => Err(NoCollector::Unknown),
            (Some(namespace), None) => {
                let (namespace, host, port) = (namespace.clone(), host.to_owned(), wanted.port);
                Ok(Collector { namespace, host, port, protocol })
            }
            (Some(_), Some(_)) => Err(NoCollector::SeveralNamespaces(namespaces.keys().cloned().collect())),
        }
    }

    /// Whether a collector's service has its port.
    pub(crate) fn has_port(&self, collector: &Collector) -> bool {
        let ports = self.0.get(&collector.host).and_then(|namespaces| namespaces.get(&collector.namespace));
        ports.is_some_and(|ports| ports.contains(&collector.port))
    }

    /// Every host, for suggestions.
    pub(crate) fn hosts(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// Writes down everything that a look-up can depend on.
    pub(super) fn describe(&self, text: &mut String) {
        use std::fmt::Write as _;
        let _ = write!(text, "\n{:?}", self.0);
    }
}

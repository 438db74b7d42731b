//! Which services exist, by host and namespace: where the collectors of providers are looked up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::collector::{Collector, Endpoint, Protocol};
use crate::origin::Origin;
use crate::resources::mesh_config::{CollectorRef, DEFAULT_CONNECT_TIMEOUT};
use crate::resources::telemetry::has_labels;
use crate::resources::{MeshConfig, Meta, Resources, ServiceEntry, ServicePort, WorkloadEntry};

/// Every service of the mesh: host, then namespace, then port, then where that is served.
type Index = BTreeMap<String, BTreeMap<String, BTreeMap<u16, BTreeSet<Endpoint>>>>;

/// Every service of the mesh, and what holds for connections to all of them.
#[derive(Clone, Debug)]
pub(crate) struct Services {
    index: Arc<Index>,
    documents: Arc<Documents>,
    connect_timeout: Duration,
}

/// The documents that say what a service is: host, then namespace.
type Documents = BTreeMap<String, BTreeMap<String, Origin>>;

impl Default for Services {
    fn default() -> Services {
        Services {
            index: Arc::default(),
            documents: Arc::default(),
            connect_timeout: DEFAULT_CONNECT_TIMEOUT,
        }
    }
}

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
    pub(super) fn new(resources: &Resources) -> Services {
        let mut workloads: BTreeMap<&str, Vec<&WorkloadEntry>> = BTreeMap::new();
        for workload in &resources.workload_entries {
            workloads.entry(&workload.meta.id.namespace).or_default().push(workload);
        }
        let mut index = Index::new();
        let mut documents = Documents::new();
        let mut note = |host: String, meta: &Meta, path: &str| {
            let namespaces = documents.entry(host).or_default();
            let origin = || Origin::Document {
                document: meta.id.clone(),
                path: path.into(),
                place: meta.place.clone(),
            };
            namespaces.entry(meta.id.namespace.to_string()).or_insert_with(origin);
        };
        // A cluster knows where its own services are: by their host.
        for service in &resources.services {
            note(service.host(), &service.meta, "spec.ports");
            let namespaces = index.entry(service.host()).or_default();
            let ports = namespaces.entry(service.meta.id.namespace.to_string()).or_default();
            for port in &service.ports {
                ports.entry(*port).or_default();
            }
        }
        for entry in &resources.service_entries {
            let workloads = workloads.get(&*entry.meta.id.namespace).map_or(&[][..], Vec::as_slice);
            let path = match (entry.endpoints.is_empty(), &entry.workload_selector) {
                (false, _) => "spec.endpoints",
                (true, Some(_)) => "spec.workloadSelector",
                (true, None) => "spec.ports",
            };
            for host in &entry.hosts {
                note(host.clone(), &entry.meta, path);
                let namespaces = index.entry(host.clone()).or_default();
                let ports = namespaces.entry(entry.meta.id.namespace.to_string()).or_default();
                for port in &entry.ports {
                    ports.entry(port.number).or_default().extend(endpoints(entry, port, host, workloads));
                }
            }
        }
        Services {
            index: index.into(),
            documents: documents.into(),
            connect_timeout: resources.mesh_config.connect_timeout.value,
        }
    }

    /// The same services for another mesh's configuration.
    pub(super) fn of_mesh(&self, mesh: &MeshConfig) -> Services {
        Services {
            index: self.index.clone(),
            documents: self.documents.clone(),
            connect_timeout: mesh.connect_timeout.value,
        }
    }

    /// The collector that a provider names: `namespace/host` is looked up as it stands; a host alone must be in
    /// exactly one namespace. The port is not verified, as in Istio; see [`Services::has_port`]. What is spoken to it is
    /// the provider's matter.
    pub(crate) fn find(&self, wanted: &CollectorRef, protocol: Protocol) -> Result<Collector, NoCollector> {
        let (namespace, host) = match wanted.service.split_once('/') {
            Some((namespace, host)) => (Some(namespace), host),
            None => (None, wanted.service.as_str()),
        };
        let namespaces = self.index.get(host).ok_or(NoCollector::Unknown)?;
        let mut found = namespaces.keys().filter(|known| namespace.is_none_or(|wanted| wanted == **known));
        match (found.next(), found.next()) {
            (None, _) => Err(NoCollector::Unknown),
            (Some(namespace), None) => {
                let known = namespaces.get(namespace).and_then(|ports| ports.get(&wanted.port));
                let mut collector = Collector::new(namespace, host, wanted.port, protocol);
                collector.connect_timeout = self.connect_timeout;
                if let Some(known) = known.filter(|known| !known.is_empty()) {
                    collector.endpoints = known.iter().cloned().collect();
                }
                Ok(collector)
            }
            (Some(_), Some(_)) => Err(NoCollector::SeveralNamespaces(namespaces.keys().cloned().collect())),
        }
    }

    /// The document that says where a collector's service is, the first of several; absent: none does.
    pub(crate) fn document(&self, collector: &Collector) -> Option<&Origin> {
        self.documents.get(&collector.host)?.get(&collector.namespace)
    }

    /// Whether a collector's service has its port.
    pub(crate) fn has_port(&self, collector: &Collector) -> bool {
        let ports =
            self.index.get(&collector.host).and_then(|namespaces| namespaces.get(&collector.namespace));
        ports.is_some_and(|ports| ports.contains_key(&collector.port))
    }

    /// Every host, for suggestions.
    pub(crate) fn hosts(&self) -> Vec<&str> {
        self.index.keys().map(String::as_str).collect()
    }

    /// Writes down everything that a look-up can depend on.
    pub(super) fn describe(&self, text: &mut String) {
        use std::fmt::Write as _;
        let _ = write!(text, "\n{:?}", self.index);
    }
}

/// Where a port of a service is served: at the endpoints that its document names, or at the workloads that it selects,
/// else at its own host, under the port of whoever serves it. `workloads` are those of the service's namespace.
fn endpoints(
    entry: &ServiceEntry,
    port: &ServicePort,
    host: &str,
    workloads: &[&WorkloadEntry],
) -> Vec<Endpoint> {
    let target = port.target_port.unwrap_or(port.number);
    let at = |address: &str, ports: &BTreeMap<String, u16>| {
        let number = ports.get(&port.name).copied().unwrap_or(target);
        (!address.is_empty()).then(|| Endpoint::of(address, number))
    };
    let named = entry.endpoints.iter().filter_map(|endpoint| at(&endpoint.address, &endpoint.ports));
    let selected = workloads.iter().filter(|workload| {
        let selector = entry.workload_selector.as_ref().filter(|selector| !selector.is_empty());
        selector.is_some_and(|wanted| has_labels(&workload.labels, wanted))
    });
    let selected = selected.filter_map(|workload| at(&workload.address, &workload.ports));
    let found: Vec<Endpoint> = named.chain(selected).collect();
    if found.is_empty() { vec![Endpoint::of(host, target)] } else { found }
}

#[cfg(test)]
mod tests;

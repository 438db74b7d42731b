//! Which service a request was for: from the route, the cluster's metadata or the Host header.

use std::collections::HashMap;
use std::rc::Rc;

use burgee_kit::LogHost;
use burgee_kit::attributes::{
    CLUSTER_NAME, REQUEST_HOST, ROUTE_NAME, SERVICE_HOST, SERVICE_NAME, SERVICE_NAMESPACE,
};

use crate::value::Value;

/// Routes that Istio makes for traffic that it knows nothing of, and what the service is called then.
const ROUTES: [(&[u8], &str); 2] = [(b"block_all", "BlackHoleCluster"), (b"allow_any", "PassthroughCluster")];

/// Clusters that stand for no service; the service's name is theirs.
const CLUSTERS: [&str; 5] = [
    "BlackHoleCluster",
    "PassthroughCluster",
    "InboundPassthroughCluster",
    "InboundPassthroughClusterIpv4",
    "InboundPassthroughClusterIpv6",
];

/// How long a cluster's metadata is taken to hold: a control plane may change it under the same name, and nothing
/// tells a filter.
const HOLDS_NANOSECONDS: u64 = 10_000_000_000;

/// How many clusters are remembered. Beyond that all are forgotten at once and read again.
const MAX_CLUSTERS: usize = 1024;

/// The service that a request was for; what is not known is absent.
#[derive(Clone, Debug, Default)]
pub struct Service {
    /// Its full name.
    pub host: Option<Value>,
    /// Its short name.
    pub name: Option<Value>,
    /// Its namespace.
    pub namespace: Option<Value>,
}

#[derive(Debug)]
struct Known {
    service: Service,
    read_at: u64,
}

/// The services of the clusters seen so far.
#[derive(Debug, Default)]
pub struct Clusters {
    known: HashMap<Vec<u8>, Known>,
}

impl Clusters {
    /// The service of the current request.
    pub fn service<H: LogHost>(&mut self, host: &H, may_use_host_header: bool) -> Service {
        let header = || {
            let value = may_use_host_header.then(|| REQUEST_HOST.get(host)).flatten()?;
            (!value.is_empty()).then(|| Value::Chosen(Rc::from(value)))
        };
        let route = ROUTE_NAME.get(host);
        if let Some((_, name)) = ROUTES.iter().find(|(known, _)| route.as_deref() == Some(known)) {
            return Service { host: header(), name: Some(Value::Fixed(name)), namespace: None };
        }
        let mut service = match CLUSTER_NAME.get(host).filter(|name| !name.is_empty()) {
            Some(cluster) => self.of_cluster(host, cluster),
            None => Service::default(),
        };
        if service.host.is_none() || service.name.is_none() {
            let header = header();
            service.host = service.host.or_else(|| header.clone());
            service.name = service.name.or(header);
        }
        service
    }

    fn of_cluster<H: LogHost>(&mut self, host: &H, cluster: Vec<u8>) -> Service {
        if let Some(name) = CLUSTERS.into_iter().find(|known| known.as_bytes() == cluster) {
            return Service { host: None, name: Some(Value::Fixed(name)), namespace: None };
        }
        let now = host.now_nanoseconds().unwrap_or_default();
        if let Some(known) = self.known.get(&cluster)
            && now.saturating_sub(known.read_at) < HOLDS_NANOSECONDS
        {
            return known.service.clone();
        }
        let service = read(host);
        if self.known.len() >= MAX_CLUSTERS {
            self.known.clear();
        }
        self.known.insert(cluster, Known { service: service.clone(), read_at: now });
        service
    }
}

/// What the current cluster's metadata says of the first service that it stands for.
fn read<H: LogHost>(host: &H) -> Service {
    let service_host = SERVICE_HOST.get(host).unwrap_or_default();
    let name = SERVICE_NAME.get(host).unwrap_or_default();
    let name =
        if name.is_empty() { service_host.split(|byte| *byte == b'.').next() } else { Some(name.as_slice()) };
    Service {
        host: Value::text(Some(&service_host)),
        name: Value::text(name),
        namespace: Value::text(SERVICE_NAMESPACE.get(host).as_deref()),
    }
}

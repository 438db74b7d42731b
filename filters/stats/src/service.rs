//! Which service a request was for: from the route, the cluster's metadata or the Host header.

use std::rc::Rc;

use burgee_filter_config::names::{CLUSTERS_WITHOUT_SERVICE, ROUTES_WITHOUT_SERVICE};
use burgee_kit::LogHost;
use burgee_kit::attributes::{
    CLUSTER_NAME, REQUEST_HOST, ROUTE_NAME, SERVICE_HOST, SERVICE_NAME, SERVICE_NAMESPACE,
};
use burgee_kit::by_cluster::ByCluster;

use crate::value::Value;

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

/// The services of the clusters seen so far.
#[derive(Debug, Default)]
pub struct Clusters {
    known: ByCluster<Service>,
}

impl Clusters {
    /// The service of the current request.
    pub fn service<H: LogHost>(&mut self, host: &H, may_use_host_header: bool) -> Service {
        let header = || {
            let value = may_use_host_header.then(|| REQUEST_HOST.get(host)).flatten()?;
            (!value.is_empty()).then(|| Value::Chosen(Rc::from(value)))
        };
        let route = ROUTE_NAME.get(host);
        let is_known = |(known, _): &&(&str, &str)| route.as_deref() == Some(known.as_bytes());
        if let Some((_, name)) = ROUTES_WITHOUT_SERVICE.iter().find(is_known) {
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
        let is_known = |known: &&str| known.as_bytes() == cluster;
        if let Some(name) = CLUSTERS_WITHOUT_SERVICE.into_iter().find(is_known) {
            return Service { host: None, name: Some(Value::Fixed(name)), namespace: None };
        }
        self.known.get(host, cluster, |_| read(host))
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

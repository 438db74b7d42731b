//! Which service a request was for: from the route, the cluster's metadata or the Host header.

use std::rc::Rc;

use burgee_filter_config::names::{CLUSTERS_WITHOUT_SERVICE, ROUTES_WITHOUT_SERVICE};
use burgee_kit::LogHost;
use burgee_kit::attributes::{ROUTE_NAME, SERVICE_HOST, SERVICE_NAME, SERVICE_NAMESPACE};
use burgee_kit::by_cluster::ByCluster;

use crate::id::Id;
use crate::value::Value;

/// The service that requests were for; what is absent is for the Host header to say.
#[derive(Debug)]
pub struct Service {
    /// Tells it from others.
    pub id: Id,
    /// Its full name.
    pub host: Option<Value>,
    /// Its short name.
    pub name: Option<Value>,
    /// Its namespace.
    pub namespace: Option<Value>,
}

impl Service {
    fn new(host: Option<Value>, name: Option<Value>, namespace: Option<Value>) -> Rc<Service> {
        Rc::new(Service { id: Id::next(), host, name, namespace })
    }

    /// Whether the Host header says something of it.
    pub fn needs_header(&self) -> bool {
        self.host.is_none() || self.name.is_none()
    }
}

/// The services of the clusters seen so far.
#[derive(Debug)]
pub struct Clusters {
    known: ByCluster<Rc<Service>>,
    /// Where nothing says what the service is.
    undescribed: Rc<Service>,
    /// Those of routes that lead to no service.
    routes: [Rc<Service>; ROUTES_WITHOUT_SERVICE.len()],
}

impl Default for Clusters {
    fn default() -> Clusters {
        Clusters {
            known: ByCluster::default(),
            undescribed: Service::new(None, None, None),
            routes: ROUTES_WITHOUT_SERVICE
                .map(|(_, name)| Service::new(None, Some(Value::Fixed(name)), None)),
        }
    }
}

impl Clusters {
    /// The service of the current request, which went to that cluster; an empty name if it went to none. What a cluster's
    /// metadata says holds for some seconds.
    pub fn service<H: LogHost>(&mut self, host: &H, cluster: &[u8]) -> Rc<Service> {
        let mut route = None;
        ROUTE_NAME.show(host, &mut |name| {
            route = ROUTES_WITHOUT_SERVICE.iter().position(|(known, _)| known.as_bytes() == name);
        });
        if let Some(service) = route.and_then(|index| self.routes.get(index)) {
            return Rc::clone(service);
        }
        if cluster.is_empty() {
            return Rc::clone(&self.undescribed);
        }
        self.known.get(host, cluster, || of_cluster(host, cluster))
    }
}

fn of_cluster<H: LogHost>(host: &H, cluster: &[u8]) -> Rc<Service> {
    let is_known = |known: &&str| known.as_bytes() == cluster;
    if let Some(name) = CLUSTERS_WITHOUT_SERVICE.into_iter().find(is_known) {
        return Service::new(None, Some(Value::Fixed(name)), None);
    }
    let service_host = SERVICE_HOST.get(host).unwrap_or_default();
    let name = SERVICE_NAME.get(host).unwrap_or_default();
    let name =
        if name.is_empty() { service_host.split(|byte| *byte == b'.').next() } else { Some(name.as_slice()) };
    Service::new(
        Value::text(Some(&service_host)),
        Value::text(name),
        Value::text(SERVICE_NAMESPACE.get(host).as_deref()),
    )
}

//! What Kubernetes says exists: services, pods and what makes them, gateways of the Gateway API and their classes. These
//! kinds are somebody else's: only what documents of ours depend on is read of them.

use std::collections::BTreeMap;

use super::Meta;
use crate::origin::Traced;

/// The domain of services' host names: Kubernetes' default.
pub(crate) const SERVICE_DOMAIN: &str = "svc.cluster.local";
/// The class of waypoints.
pub(crate) const WAYPOINT_CLASS: &str = "istio-waypoint";
/// Who makes gateways of a waypoint's class.
const WAYPOINT_CONTROLLER: &str = "istio.io/mesh-controller";

/// A `Service` of Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Name and place.
    pub meta: Meta,
    /// The ports that clients call.
    pub ports: Vec<u16>,
}

impl Service {
    /// The name that clients call it by.
    pub fn host(&self) -> String {
        format!("{}.{}.{SERVICE_DOMAIN}", self.meta.id.name, self.meta.id.namespace)
    }
}

/// Pods that are alike: one that runs, or those that a Deployment and the like make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pods {
    /// Name and place of the document, a `Pod` or a kind that makes pods.
    pub meta: Meta,
    /// The name of the workload, as Istio has it: that of what makes the pods in the end, such as the Deployment.
    pub workload: String,
    /// The labels of the pods.
    pub labels: BTreeMap<String, String>,
    /// The annotations of the pods.
    pub annotations: BTreeMap<String, String>,
    /// The service account that they run as; empty when not said.
    pub service_account: String,
    /// The names of their containers, without the proxy's.
    pub containers: Vec<String>,
}

/// A control plane of Istio: what its own process is told, which no document of the mesh says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Istiod {
    /// Name and place of what runs it.
    pub meta: Meta,
    /// The variables of its process that are written as plain values, by name.
    pub variables: BTreeMap<String, Traced<String>>,
}

/// A `Gateway` of the Gateway API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubernetesGateway {
    /// Name and place.
    pub meta: Meta,
    /// Its class.
    pub class: String,
}

/// A `GatewayClass` of the Gateway API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayClass {
    /// Name and place; a class is in no namespace.
    pub meta: Meta,
    /// Who makes gateways of it.
    pub controller: String,
}

impl GatewayClass {
    /// Whether gateways of this class are waypoints.
    pub fn is_of_waypoints(&self) -> bool {
        *self.meta.id.name == *WAYPOINT_CLASS || self.controller == WAYPOINT_CONTROLLER
    }
}

//! A workload: what documents select by.

use std::collections::BTreeMap;
use std::fmt;

use burgee_filter_config::{LocalWorkload, names};

pub use crate::resources::meta::DEFAULT_REVISION;

use crate::problem::{Problem, Severity, codes};

/// The cluster that a resource or workload belongs to when nothing says otherwise: Istio's default.
pub const DEFAULT_CLUSTER: &str = "Kubernetes";

/// The label by which the Gateway API marks the workloads of a gateway.
pub const GATEWAY_NAME_LABEL: &str = "gateway.networking.k8s.io/gateway-name";
/// The labels by which Istio marks waypoints.
const WAYPOINT_LABELS: [(&str, &str); 2] = [
    ("gateway.istio.io/managed", "istio.io-mesh-controller"),
    ("gateway.networking.k8s.io/gateway-class-name", "istio-waypoint"),
];

/// What a proxy serves. Waypoints, which serve many workloads at once, are none of these: no document is resolved for
/// them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorkloadKind {
    /// One workload, from beside it.
    Sidecar,
    /// Traffic that enters or leaves the mesh.
    Gateway,
}

impl WorkloadKind {
    /// What the proxy with these labels serves: a gateway of the Gateway API is labelled so, and so is a waypoint, for
    /// which there is none.
    pub fn of_labels(labels: &BTreeMap<String, String>) -> Option<WorkloadKind> {
        let has = |(key, value): &(&str, &str)| labels.get(*key).is_some_and(|label| label == value);
        if WAYPOINT_LABELS.iter().any(has) {
            return None;
        }
        match labels.contains_key(GATEWAY_NAME_LABEL) {
            true => Some(WorkloadKind::Gateway),
            false => Some(WorkloadKind::Sidecar),
        }
    }

    /// The name in output.
    pub const fn name(self) -> &'static str {
        match self {
            WorkloadKind::Sidecar => "sidecar",
            WorkloadKind::Gateway => "gateway",
        }
    }
}

/// A running workload, as documents see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// The cluster it runs in.
    pub cluster: String,
    /// The revision of the control plane that it belongs to.
    pub revision: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name, such as `web-v1`.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Sidecar or gateway.
    pub kind: WorkloadKind,
    /// The name of its pod, if it is known.
    pub pod: Option<String>,
    /// The service account that it runs as, if it is known.
    pub service_account: Option<String>,
    /// The mesh that its proxy says it belongs to, if it says so.
    pub mesh_id: Option<String>,
    /// The annotations of its pod, as far as they are known.
    pub annotations: BTreeMap<String, String>,
    /// The names of the containers beside the proxy, as far as they are known.
    pub containers: Vec<String>,
}

impl Workload {
    /// A workload of the default cluster and revision.
    pub fn new(
        kind: WorkloadKind,
        namespace: impl Into<String>,
        name: impl Into<String>,
        labels: BTreeMap<String, String>,
    ) -> Workload {
        Workload {
            cluster: DEFAULT_CLUSTER.to_owned(),
            revision: DEFAULT_REVISION.to_owned(),
            namespace: namespace.into(),
            name: name.into(),
            labels,
            kind,
            pod: None,
            service_account: None,
            mesh_id: None,
            annotations: BTreeMap::new(),
            containers: Vec::new(),
        }
    }

    /// A workload that is what its labels say; a problem if they say that it is one which no document can be for here.
    pub fn of_labels(
        namespace: impl Into<String>,
        name: impl Into<String>,
        labels: BTreeMap<String, String>,
    ) -> Result<Workload, Box<Problem>> {
        let (namespace, name) = (namespace.into(), name.into());
        match WorkloadKind::of_labels(&labels) {
            Some(kind) => Ok(Workload::new(kind, namespace, name, labels)),
            None => Err(waypoint(&namespace, &name)),
        }
    }

    /// The same workload, of another revision.
    #[must_use]
    pub fn of_revision(mut self, revision: &str) -> Workload {
        revision.clone_into(&mut self.revision);
        self
    }

    /// Who the workload is, as metrics name it.
    ///
    /// The canonical service is the label `service.istio.io/canonical-name`, else `app.kubernetes.io/name`, else
    /// `app`, else the workload's name; its revision `service.istio.io/canonical-revision`, else
    /// `app.kubernetes.io/version`, else `version`, else `latest`. App and version are the labels of these names, empty
    /// without. Source of the rule: Istio's injector, and its stats filter for the local side.
    pub fn identity(&self) -> LocalWorkload {
        let label = |keys: &[&str]| {
            keys.iter().find_map(|key| self.labels.get(*key)).filter(|value| !value.is_empty()).cloned()
        };
        let canonical_service = label(&[names::CANONICAL_NAME, "app.kubernetes.io/name", "app"])
            .unwrap_or_else(|| self.name.clone());
        let canonical_revision = label(&[names::CANONICAL_REVISION, "app.kubernetes.io/version", "version"])
            .unwrap_or_else(|| "latest".to_owned());
        LocalWorkload {
            workload: self.name.clone(),
            namespace: self.namespace.clone(),
            app: label(&["app"]).unwrap_or_default(),
            version: label(&["version"]).unwrap_or_default(),
            canonical_service,
            canonical_revision,
            cluster: self.cluster.clone(),
        }
    }
}

/// Says that a workload is a waypoint, which this version does not serve.
pub(super) fn waypoint(namespace: &str, name: &str) -> Box<Problem> {
    let message =
        format!("{namespace}/{name} is a waypoint, and documents are not resolved for waypoints yet");
    let help = "documents for sidecars and gateways are; a waypoint keeps the configuration that it has";
    Box::new(Problem::new(Severity::Error, codes::WAYPOINT, message).help(help))
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The class of a listener: which side of a workload's traffic it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ListenerClass {
    /// Traffic to the workload that the proxy stands beside. Reports as the server.
    Inbound,
    /// Traffic from the workload that the proxy stands beside. Reports as the client.
    Outbound,
    /// Traffic through a gateway. Reports as the client.
    Gateway,
}

impl ListenerClass {
    /// Every class.
    pub const ALL: [ListenerClass; 3] =
        [ListenerClass::Inbound, ListenerClass::Outbound, ListenerClass::Gateway];

    /// The classes of the listeners that a proxy has.
    pub const fn of(kind: WorkloadKind) -> &'static [ListenerClass] {
        match kind {
            WorkloadKind::Sidecar => &[ListenerClass::Inbound, ListenerClass::Outbound],
            WorkloadKind::Gateway => &[ListenerClass::Gateway],
        }
    }

    /// The name in output and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            ListenerClass::Inbound => "inbound",
            ListenerClass::Outbound => "outbound",
            ListenerClass::Gateway => "gateway",
        }
    }

    /// The class of that name.
    pub fn from_name(name: &str) -> Option<ListenerClass> {
        ListenerClass::ALL.into_iter().find(|class| class.name() == name)
    }

    /// Whether the listener reports as the client (`CLIENT` in a document's `match.mode`).
    pub const fn is_client(self) -> bool {
        matches!(self, ListenerClass::Outbound | ListenerClass::Gateway)
    }
}

//! Who a workload is to documents that name gateways, and the order of age.

use std::sync::Arc;

use super::workload::{GATEWAY_NAME_LABEL, Workload};
use crate::resources::Meta;
use crate::resources::telemetry::TargetRef;

/// The order in which Istio sorts documents: oldest first, then by name, then by namespace.
pub(crate) fn age_order(meta: &Meta) -> (String, Arc<str>, Arc<str>) {
    (meta.created.clone(), meta.id.name.clone(), meta.id.namespace.clone())
}

/// The gateway of the Gateway API that a workload serves. Its label says so, whatever else it is.
pub(crate) fn gateway_of(workload: &Workload) -> Option<&str> {
    workload.labels.get(GATEWAY_NAME_LABEL).map(String::as_str)
}

/// Whether a target is a gateway of the Gateway API. Only waypoints have others.
pub(crate) fn is_gateway(target: &TargetRef) -> bool {
    target.group == "gateway.networking.k8s.io" && target.kind == "Gateway"
}

/// The first target that a workload is behind.
pub(crate) fn target_of<'t>(targets: &'t [TargetRef], workload: &Workload) -> Option<&'t TargetRef> {
    let gateway = gateway_of(workload)?;
    targets.iter().find(|target| is_gateway(target) && target.name == gateway)
}

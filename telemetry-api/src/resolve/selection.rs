//! Which Telemetry documents apply to a workload, in the order in which they contribute.

use std::sync::Arc;

use crate::resources::Telemetry;

use super::workload::{Workload, WorkloadKind};

/// The label by which the Gateway API marks the workloads of a gateway.
pub const GATEWAY_NAME_LABEL: &str = "gateway.networking.k8s.io/gateway-name";

/// The order in which Istio sorts Telemetries: oldest first, then by name, then by namespace.
pub(crate) fn age_order(telemetry: &Telemetry) -> (String, Arc<str>, Arc<str>) {
    let id = &telemetry.meta.id;
    (telemetry.meta.created.clone(), id.name.clone(), id.namespace.clone())
}

/// The documents for a workload, in the order in which they contribute: later ones override earlier ones. `root` are
/// those of the root namespace, empty if the workload is in it; `own` those of the workload's namespace; both in
/// [`age_order`].
pub(super) fn contributions<'t>(
    root: &'t [Telemetry],
    own: &'t [Telemetry],
    workload: &Workload,
) -> Vec<&'t Telemetry> {
    let seen = |telemetry: &&Telemetry| {
        telemetry.meta.revision().is_none_or(|revision| revision == workload.revision)
    };
    let wide = |of: &'t [Telemetry]| of.iter().filter(seen).find(|telemetry| telemetry.is_namespace_wide());
    let mut found = Vec::new();
    found.extend(wide(root));
    found.extend(wide(own));
    found.extend(
        own.iter()
            .filter(seen)
            .filter(|telemetry| !telemetry.is_namespace_wide() && matches(telemetry, workload)),
    );
    found
}

/// Whether a document with labels or targets is for a workload of its namespace.
fn matches(telemetry: &Telemetry, workload: &Workload) -> bool {
    let gateway_name = workload.labels.get(GATEWAY_NAME_LABEL);
    if !telemetry.target_refs.is_empty() {
        // Only gateways of the Gateway API can be targets; a selector beside the targets is ignored.
        return gateway_name.is_some_and(|gateway| {
            workload.kind == WorkloadKind::Gateway
                && telemetry.target_refs.iter().any(|target| {
                    target.group == "gateway.networking.k8s.io"
                        && target.kind == "Gateway"
                        && target.name == *gateway
                })
        });
    }
    telemetry.selector.as_ref().is_none_or(|selector| selector.selects(&workload.labels))
}

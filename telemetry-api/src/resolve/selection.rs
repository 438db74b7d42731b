//! Which documents apply to a workload, and the order in which Telemetry documents contribute.

use std::sync::Arc;

use crate::resources::telemetry::{Selector, TargetRef};
use crate::resources::{Meta, Telemetry};

use super::workload::{GATEWAY_NAME_LABEL, Workload, WorkloadKind};

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
    let seen = |telemetry: &&Telemetry| telemetry.meta.is_for_revision(&workload.revision);
    let wide = |of: &'t [Telemetry]| of.iter().filter(seen).find(|telemetry| telemetry.is_namespace_wide());
    let mut found = Vec::new();
    found.extend(wide(root));
    found.extend(wide(own));
    found.extend(own.iter().filter(seen).filter(|telemetry| {
        !telemetry.is_namespace_wide()
            && is_for(&telemetry.meta, telemetry.selector.as_ref(), &telemetry.target_refs, workload)
    }));
    found
}

/// Whether a document that names these labels or targets is for a workload. Where the document must be is the caller's
/// to know; a gateway that is a target must be in the document's namespace.
pub(super) fn is_for(
    meta: &Meta,
    selector: Option<&Selector>,
    targets: &[TargetRef],
    workload: &Workload,
) -> bool {
    if !targets.is_empty() {
        // A selector beside the targets is ignored.
        return *meta.id.namespace == *workload.namespace && target_of(targets, workload).is_some();
    }
    selector.is_none_or(|selector| selector.selects(&workload.labels))
}

/// The first target that a workload is behind. Only gateways of the Gateway API can be targets.
pub(crate) fn target_of<'t>(targets: &'t [TargetRef], workload: &Workload) -> Option<&'t TargetRef> {
    let gateway =
        workload.labels.get(GATEWAY_NAME_LABEL).filter(|_| workload.kind == WorkloadKind::Gateway)?;
    targets.iter().find(|target| {
        target.group == "gateway.networking.k8s.io" && target.kind == "Gateway" && target.name == *gateway
    })
}

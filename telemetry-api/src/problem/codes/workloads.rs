//! Codes of who a workload is, and of documents that need what this version does not serve.

use crate::problem::{Basis, Case, Severity};

crate::codes! {
    /// Codes of this area.
    WORKLOADS:

    /// A proxy's node that does not say which workload it is.
    NODE = "BG0120" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "The `node` of an Envoy configuration has neither an id in Istio's layout (four parts, separated by `~`) \
                nor a namespace and a name in its metadata, or one of them is not a text.",
        matters: "Documents select workloads by namespace and labels. Without them nothing can be said about the proxy.",
        case: Case::Situation {
            wrong: "`burgee render --base envoy.yaml -f documents/` without `--workload`, over a base that has \
                    `node: {id: web-1}`.",
            right: "Name the workload with `--workload NAMESPACE/NAME` and `--labels`, or write a node as Istio's \
                    proxies have: `id: sidecar~10.1.2.3~web-v1.shop~shop.svc.cluster.local` and `metadata` with \
                    `NAMESPACE`, `WORKLOAD_NAME` and `LABELS`.",
        },
    }

    /// A workload that is a waypoint.
    WAYPOINT = "BG0121" {
        severity: Severity::Error,
        basis: Basis::NotYet,
        means: "The workload is a waypoint: its node's id begins with `waypoint~`, or it has the label \
                `gateway.istio.io/managed: istio.io-mesh-controller`, or the Gateway that it serves is of the class \
                `istio-waypoint`.",
        matters: "A waypoint serves many services, each with documents of its own. Treated as a gateway it would \
                  get the wrong ones.",
        case: Case::Situation {
            wrong: "`burgee render --base waypoint.yaml -f documents/` over the bootstrap of a waypoint.",
            right: "Leave waypoints as they are; render for sidecars and gateways.",
        },
    }
}

//! Codes of what a document asks for and nothing comes of.

use crate::problem::{Basis, Case, Severity};

crate::codes! {
    /// Codes of this area.
    SIGNALS:

    /// No tags of spans, which is as if nothing were said of them.
    EMPTY_TAGS = "BG0227" {
        severity: Severity::Warning,
        basis: Basis::Quirk,
        means: "`customTags` of a tracing entry is an empty map.",
        matters: "A map of tags replaces the inherited ones, but an empty one is no different from none at all: those \
                  that are inherited stay.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: shop, namespace: shop}
spec:
  tracing:
  - customTags: {}
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: shop, namespace: shop}
spec:
  tracing:
  - customTags: {tenant: {literal: {value: shop}}}
",
        },
    }

    /// Access logs that are asked for on one side, while the mesh's file logs on the other.
    ONE_SIDE_LOGGED = "BG0530" {
        severity: Severity::Note,
        basis: Basis::Quirk,
        means: "A document has entries of `accessLogging` for one mode only, nothing is inherited, and MeshConfig has \
                an `accessLogFile`.",
        matters: "On the other side the mesh's file logs as if there were no document. That may well be what is meant, \
                  so it is a note.",
        case: Case::Documents {
            wrong: "
accessLogFile: /dev/stdout
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: shop, namespace: shop}
spec:
  accessLogging:
  - match: {mode: CLIENT}
    providers: [{name: envoy}]
    filter: {expression: response.code >= 400}
",
            right: "
accessLogFile: /dev/stdout
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: shop, namespace: shop}
spec:
  accessLogging:
  - providers: [{name: envoy}]
    filter: {expression: response.code >= 400}
",
        },
    }

    /// A Telemetry that asks for nothing.
    ASKS_NOTHING = "BG0531" {
        severity: Severity::Note,
        basis: Basis::Gap,
        means: "A Telemetry has no `metrics`, no `tracing` and no `accessLogging`.",
        matters: "It does nothing by itself. Without a selector it takes the one place that its namespace has for such \
                  a document, and hides every younger one.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: shop, namespace: shop}
spec: {}
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: shop, namespace: shop}
spec: {metrics: [{providers: [{name: prometheus}]}]}
",
        },
    }

    /// Overrides for a provider that a later entry takes out of force.
    LOST_OVERRIDES = "BG0532" {
        severity: Severity::Warning,
        basis: Basis::Quirk,
        means: "An entry of `metrics` changes metrics of the providers that it names, and a later entry of the document \
                names others.",
        matters: "For metrics the last entry that names providers decides for the whole document, so the earlier one \
                  has no effect. Access logs are unlike that: there the names of a document add up.",
        case: Case::Documents {
            wrong: "
extensionProviders:
- {name: other, prometheus: {}}
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: shop, namespace: shop}
spec:
  metrics:
  - providers: [{name: prometheus}]
    overrides: [{match: {metric: REQUEST_SIZE}, disabled: true}]
  - providers: [{name: other}]
",
            right: "
extensionProviders:
- {name: other, prometheus: {}}
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: shop, namespace: shop}
spec:
  metrics:
  - providers: [{name: other}]
    overrides: [{match: {metric: REQUEST_SIZE}, disabled: true}]
",
        },
    }

    /// The server's side of a gateway, which it does not have.
    SERVER_AT_GATEWAY = "BG0533" {
        severity: Severity::Warning,
        basis: Basis::Gap,
        means: "A document is for gateways, and something in it has the mode SERVER.",
        matters: "All that a gateway does is for CLIENT, in Istio too: it calls the workloads. What is for SERVER has no \
                  effect there.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: ingress, namespace: shop}
spec:
  targetRefs:
  - {group: gateway.networking.k8s.io, kind: Gateway, name: ingress}
  accessLogging:
  - match: {mode: SERVER}
    providers: [{name: envoy}]
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: ingress, namespace: shop}
spec:
  targetRefs:
  - {group: gateway.networking.k8s.io, kind: Gateway, name: ingress}
  accessLogging:
  - match: {mode: CLIENT}
    providers: [{name: envoy}]
",
        },
    }
}

//! Codes of whom a document is for: selectors and targets.

use crate::problem::{Basis, Case, Severity};

crate::codes! {
    /// Codes of this area.
    SELECTION:

    /// More than one of selector, targetRef and targetRefs.
    SELECTOR_AND_TARGETS = "BG0201" {
        severity: Severity::Error,
        basis: Basis::Refused,
        means: "A document says in two ways whom it is for: by labels (`selector`) and by name (`targetRef`, \
                `targetRefs`).",
        matters: "If it came past the check, Istio would look at the labels for some workloads and at the targets for \
                  others.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: ingress, namespace: shop}
spec:
  selector: {matchLabels: {app: ingress}}
  targetRefs:
  - {group: gateway.networking.k8s.io, kind: Gateway, name: ingress}
  metrics:
  - providers: [{name: prometheus}]
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: ingress, namespace: shop}
spec:
  targetRefs:
  - {group: gateway.networking.k8s.io, kind: Gateway, name: ingress}
  metrics:
  - providers: [{name: prometheus}]
",
        },
    }

    /// A selector that Istio refuses.
    BAD_SELECTOR = "BG0202" {
        severity: Severity::Error,
        basis: Basis::Refused,
        means: "A label of a selector has an empty name, a `*`, or a value that is too long for Kubernetes.",
        matters: "Labels are matched exactly. A wildcard would match only a workload whose label holds a star.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: hello, namespace: shop}
spec:
  selector: {matchLabels: {app: hello*}}
  metrics:
  - providers: [{name: prometheus}]
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: hello, namespace: shop}
spec:
  selector: {matchLabels: {app: hello}}
  metrics:
  - providers: [{name: prometheus}]
",
        },
    }

    /// A target reference that Istio refuses.
    BAD_TARGET = "BG0203" {
        severity: Severity::Error,
        basis: Basis::Refused,
        means: "A target is of a kind that documents cannot be for, has no name, names another namespace, or is one of \
                more than 16.",
        matters: "The document is refused. Targets are always of the document's own namespace.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: hello, namespace: shop}
spec:
  targetRefs:
  - {group: apps, kind: Deployment, name: hello}
  metrics:
  - providers: [{name: prometheus}]
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: hello, namespace: shop}
spec:
  selector: {matchLabels: {app: hello}}
  metrics:
  - providers: [{name: prometheus}]
",
        },
    }

    /// A selector without labels.
    EMPTY_SELECTOR = "BG0217" {
        severity: Severity::Warning,
        basis: Basis::Warned,
        means: "`selector` is there and names no label.",
        matters: "The document is then for every workload of its namespace, and stands in line for the one place that \
                  a namespace has for such a document.",
        analyzer: "IST0133 says the same.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: hello, namespace: shop}
spec:
  selector: {}
  metrics:
  - providers: [{name: prometheus}]
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: hello, namespace: shop}
spec:
  selector: {matchLabels: {app: hello}}
  metrics:
  - providers: [{name: prometheus}]
",
        },
    }
}

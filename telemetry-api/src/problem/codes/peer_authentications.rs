//! Codes of `PeerAuthentication` documents.

use crate::problem::{Basis, Case, Severity};

crate::codes! {
    /// Codes of this area.
    PEER_AUTHENTICATIONS:

    /// Modes of single ports in a document without a selector.
    PORT_MODES_WITHOUT_SELECTOR = "BG0270" {
        severity: Severity::Error,
        basis: Basis::Refused,
        means: "A PeerAuthentication has `portLevelMtls`, and no `selector` that says whose ports these are.",
        matters: "A cluster refuses the document.",
        case: Case::Documents {
            wrong: "
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: shop}
spec:
  mtls: {mode: STRICT}
  portLevelMtls:
    8080: {mode: DISABLE}
",
            right: "
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: shop}
spec:
  selector: {matchLabels: {app: hello}}
  mtls: {mode: STRICT}
  portLevelMtls:
    8080: {mode: DISABLE}
",
        },
    }

    /// A selector where none is looked at.
    SELECTOR_IN_ROOT_NAMESPACE = "BG0271" {
        severity: Severity::Warning,
        basis: Basis::Quirk,
        means: "A PeerAuthentication of the mesh's root namespace has a selector. There only a document without one has an \
                effect: it is for the whole mesh.",
        matters: "The workloads that are meant take whatever connections they took before.",
        case: Case::Documents {
            wrong: "
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: hello, namespace: istio-system}
spec:
  selector: {matchLabels: {app: hello}}
  mtls: {mode: STRICT}
",
            right: "
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: hello, namespace: shop}
spec:
  selector: {matchLabels: {app: hello}}
  mtls: {mode: STRICT}
",
        },
    }

    /// A second document for the same workloads.
    SECOND_PEER_AUTHENTICATION = "BG0272" {
        severity: Severity::Warning,
        basis: Basis::Quirk,
        means: "Two PeerAuthentication documents are for the same workloads: both for the mesh, for one namespace, or for the \
                same labels in one. The oldest counts, then the first by name.",
        matters: "What the other one says has no effect.",
        case: Case::Documents {
            wrong: "
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: shop}
spec:
  mtls: {mode: PERMISSIVE}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: strict, namespace: shop}
spec:
  mtls: {mode: STRICT}
",
            right: "
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: shop}
spec:
  mtls: {mode: STRICT}
",
        },
    }
}

//! Codes of our own annotations.

use crate::problem::{Basis, Case, Severity};

crate::codes! {
    /// Codes of this area.
    ANNOTATIONS:

    /// An annotation of ours that means nothing where it stands.
    UNKNOWN_ANNOTATION = "BG0240" {
        severity: Severity::Warning,
        basis: Basis::Ours,
        means: "An annotation begins with `burgee.dev/`, and there is none of that name on this kind.",
        matters: "What it asks for does not happen.",
        case: Case::Documents {
            wrong: "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata:
  name: headers
  namespace: istio-system
  annotations: {burgee.dev/modul: ../filters/headers}
spec:
  url: file:///opt/headers.wasm
",
            right: "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata:
  name: headers
  namespace: istio-system
  annotations: {burgee.dev/module: ../filters/headers}
spec:
  url: file:///opt/headers.wasm
",
        },
    }

    /// A URL that a workload cannot call.
    BAD_CALL = "BG0241" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "The annotation `burgee.dev/calls` of a WorkloadEntry holds something else than `http://HOST[:PORT][/PATH]`, \
                several of them separated by commas.",
        matters: "The stub app that stands in for the workload would not know whom to call.",
        case: Case::Documents {
            wrong: "
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata:
  name: hello-v1
  namespace: shop
  annotations: {burgee.dev/calls: \"https://greeting.shop.internal\"}
spec:
  address: 127.0.0.1
  labels: {app: hello}
",
            right: "
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata:
  name: hello-v1
  namespace: shop
  annotations: {burgee.dev/calls: \"http://greeting.shop.internal\"}
spec:
  address: 127.0.0.1
  labels: {app: hello}
",
        },
    }
}

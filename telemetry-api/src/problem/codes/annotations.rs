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
        means: "The annotation `burgee.dev/calls` of a WorkloadEntry holds something else than `http://HOST[:PORT][/PATH]` (or \
                `h2c://` for HTTP/2), `grpc://HOST[:PORT][/SERVICE/METHOD]` and `tcp://HOST:PORT`, several of them \
                separated by commas.",
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

    /// An ignore of what is no code.
    UNKNOWN_IGNORE = "BG0223" {
        severity: Severity::Warning,
        basis: Basis::Ours,
        means: "The annotation `burgee.dev/ignore` of a document names something that is not one of the codes that are \
                told of documents. It takes codes, separated by commas.",
        matters: "Nothing is ignored by it: likely the code is misspelt.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata:
  name: shop
  namespace: shop
  annotations: {burgee.dev/ignore: IST0133}
spec:
  metrics: [{providers: [{name: prometheus}]}]
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata:
  name: shop
  namespace: shop
  annotations: {burgee.dev/ignore: BG0217}
spec:
  selector: {}
  metrics: [{providers: [{name: prometheus}]}]
",
        },
    }

    /// An ignore of what is not told.
    UNUSED_IGNORE = "BG0224" {
        severity: Severity::Note,
        basis: Basis::Ours,
        means: "The annotation `burgee.dev/ignore` of a document names a code that is not told of this document. It is \
                a note, because what is told depends on which other documents are given.",
        matters: "Whoever reads the document looks for what is wrong with it in vain, and something new under this \
                  code would be kept quiet.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata:
  name: shop
  namespace: shop
  annotations: {burgee.dev/ignore: BG0217}
spec:
  selector: {matchLabels: {app: hello}}
  metrics: [{providers: [{name: prometheus}]}]
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata:
  name: shop
  namespace: shop
spec:
  selector: {matchLabels: {app: hello}}
  metrics: [{providers: [{name: prometheus}]}]
",
        },
    }

    /// An ignore of what is an error.
    ERROR_NOT_IGNORED = "BG0225" {
        severity: Severity::Warning,
        basis: Basis::Ours,
        means: "The annotation `burgee.dev/ignore`, or `--ignore` of `burgee check`, names a code of something that is \
                an error. Only warnings and notes can be ignored.",
        matters: "An error makes a document unusable. If it were kept quiet, nobody would know why nothing comes of it.",
        case: Case::Situation {
            wrong: "`burgee.dev/ignore: BG0106` on a document with a field that its kind does not have.",
            right: "Mend what the error says, or leave the document out.",
        },
    }
}

//! Codes of the names of providers in a Telemetry.

use crate::problem::{Basis, Case, Severity};

crate::codes! {
    /// Codes of this area.
    PROVIDERS:

    /// A provider without a name.
    PROVIDER_NAME = "BG0204" {
        severity: Severity::Error,
        basis: Basis::Refused,
        means: "An entry of `providers` has an empty name.",
        matters: "A provider is one of `extensionProviders` in MeshConfig, and only its name says which.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: \"\"}]
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
",
        },
    }

    /// A provider that the mesh does not have.
    UNKNOWN_PROVIDER = "BG0205" {
        severity: Severity::Error,
        basis: Basis::Gap,
        means: "A document names a provider that is not among `extensionProviders` of MeshConfig, nor one of those \
                that every mesh has (`prometheus`, `stackdriver`, `envoy`). Without a MeshConfig among the documents \
                it cannot be looked up, and there is a note instead.",
        matters: "Istio leaves it out: metrics are not written, access logs fall back to the mesh's file, and tracing \
                  ends even where another provider was in force before.",
        case: Case::Documents {
            wrong: "
defaultProviders: {metrics: [prometheus]}
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: promtheus}]
",
            right: "
defaultProviders: {metrics: [prometheus]}
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
",
        },
    }

    /// A provider that cannot do what it is named for.
    UNSUITABLE_PROVIDER = "BG0206" {
        severity: Severity::Warning,
        basis: Basis::Gap,
        means: "A provider is named for a signal that its kind does not take, such as one of kind `prometheus` for \
                access logs.",
        matters: "Istio leaves it out without a word. Under `tracing` nothing is traced then, and under `accessLogging` \
                  the mesh's file may log instead.",
        case: Case::Documents {
            wrong: "
accessLogFile: /dev/stdout
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  accessLogging:
  - providers: [{name: prometheus}]
",
            right: "
accessLogFile: /dev/stdout
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  accessLogging:
  - providers: [{name: envoy}]
",
        },
    }

    /// More tracing entries or providers than take effect.
    SEVERAL_TRACERS = "BG0212" {
        severity: Severity::Warning,
        basis: Basis::Warned,
        means: "`tracing` has several entries, an entry has several providers, or MeshConfig has several default \
                providers of traces.",
        matters: "A proxy has one tracer per direction. Of several providers only the first counts, and of several \
                  entries the later ones change the earlier.",
        analyzer: "IST0133 says the same of a document.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  tracing:
  - randomSamplingPercentage: 5
  - disableSpanReporting: false
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  tracing:
  - randomSamplingPercentage: 5
    disableSpanReporting: false
",
        },
    }

    /// One provider spelled in two ways.
    PROVIDER_SPELLING = "BG0507" {
        severity: Severity::Warning,
        basis: Basis::Quirk,
        means: "A document names a provider in other upper or lower case than MeshConfig does.",
        matters: "Istio finds the provider all the same, and counts the two spellings as two: what other documents say \
                  of the one is lost for the other.",
        case: Case::Documents {
            wrong: "
defaultProviders: {metrics: [prometheus]}
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: Prometheus}]
",
            right: "
defaultProviders: {metrics: [prometheus]}
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
",
        },
    }
}

//! Codes of where a mesh's configuration comes from.

use crate::problem::{Basis, Case, Severity};

crate::codes! {
    /// Codes of this area.
    MESH_SOURCES:

    /// What Istio is installed with, beside what its control plane reads.
    MESH_SOURCE_NOT_USED = "BG0333" {
        severity: Severity::Note,
        basis: Basis::Ours,
        means: "An IstioOperator, an Istio of Sail's, or Helm's values, says what the mesh's configuration is, and so does the ConfigMap (or a \
                bare file) of the same revision.",
        matters: "The ConfigMap counts: it is what the control plane reads, and what the other is made into when Istio is \
                  installed. A change to the other that is not installed yet is not seen here.",
        case: Case::Documents {
            wrong: "
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |
    defaultProviders: {metrics: [prometheus]}
---
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
spec:
  meshConfig: {accessLogFile: /dev/stdout}
",
            right: "
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
spec:
  meshConfig: {accessLogFile: /dev/stdout}
",
        },
    }

    /// The configuration of a mesh for another revision of the control plane.
    OTHER_MESH = "BG0334" {
        severity: Severity::Note,
        basis: Basis::Ours,
        means: "A mesh has a configuration for each revision of its control plane: the ConfigMap `istio`, and \
                `istio-REVISION`. Documents are judged for the workloads of one revision.",
        matters: "Providers and defaults of another revision's configuration are not looked up. Where the revision that is \
                  judged for has none, the only other one is used.",
        case: Case::Documents {
            wrong: "
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |
    accessLogFile: /dev/stdout
---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio-canary, namespace: istio-system}
data:
  mesh: |
    accessLogFile: /dev/stderr
",
            right: "
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |
    accessLogFile: /dev/stdout
",
        },
    }

    /// A default of Istio's chart that ends with a default of one's own.
    CHART_DEFAULT_LOST = "BG0335" {
        severity: Severity::Warning,
        basis: Basis::Quirk,
        means: "Istio's Helm chart makes prometheus the default provider of metrics, unless `meshConfig` has \
                `defaultProviders` of any signal.",
        matters: "A default provider for traces or access logs ends all metrics that no Telemetry names a provider for.",
        case: Case::Documents {
            wrong: "
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
spec:
  meshConfig:
    defaultProviders: {accessLogging: [envoy]}
",
            right: "
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
spec:
  meshConfig:
    defaultProviders: {accessLogging: [envoy], metrics: [prometheus]}
",
        },
    }

    /// A profile that adds to the mesh's configuration.
    PROFILE = "BG0336" {
        severity: Severity::Warning,
        basis: Basis::NotYet,
        means: "The IstioOperator, or the Istio of Sail's, is for a profile that brings a configuration of its own for the mesh, and what a profile \
                brings depends on the version of Istio.",
        matters: "What the profile adds is missing here: with `demo`, proxies log to `/dev/stdout`, and there are more \
                  providers.",
        case: Case::Documents {
            wrong: "
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
spec:
  profile: demo
  meshConfig: {enableTracing: true}
",
            right: "
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
spec:
  profile: default
  meshConfig: {accessLogFile: /dev/stdout, enableTracing: true}
",
        },
    }

    /// A revision whose name only Sail knows.
    SAIL_REVISION = "BG0337" {
        severity: Severity::Warning,
        basis: Basis::NotYet,
        means: "An Istio of the Sail operator has `updateStrategy: {type: RevisionBased}`, so that its revision is named after \
                the document and `spec.version`, with `-` for each `.`; and that version only stands for the latest of \
                several, as `v1.27-latest` does. (With `InPlace`, the revision has the document's name.)",
        matters: "Which revision the document is for cannot be told. It is used for the default one.",
        case: Case::Documents {
            wrong: "
apiVersion: sailoperator.io/v1
kind: Istio
metadata: {name: default}
spec:
  namespace: istio-system
  version: v1.27-latest
  updateStrategy: {type: RevisionBased}
  values:
    meshConfig: {enableTracing: true}
",
            right: "
apiVersion: sailoperator.io/v1
kind: Istio
metadata: {name: default}
spec:
  namespace: istio-system
  version: v1.27-latest
  updateStrategy: {type: InPlace}
  values:
    meshConfig: {enableTracing: true}
",
        },
    }
}

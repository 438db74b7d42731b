//! Codes of reading text: what is no YAML, or no document.

use crate::problem::{Basis, Case, Severity};

crate::codes! {
    /// Codes of this area.
    TEXT:

    /// The text is not YAML.
    SYNTAX = "BG0001" {
        severity: Severity::Error,
        basis: Basis::Refused,
        means: "The file cannot be read as YAML (or JSON, which is YAML too). The place is where reading ended; what \
                is wrong is often a line above it.",
        matters: "Nothing of the file is read, so nothing in it takes effect.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - reportingInterval: 10s
   providers: [{name: prometheus}]
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - reportingInterval: 10s
    providers: [{name: prometheus}]
",
        },
    }

    /// An alias that cannot be expanded.
    ALIAS = "BG0002" {
        severity: Severity::Error,
        basis: Basis::Refused,
        means: "A YAML alias (`*name`) refers to what contains it, or to so much that the document \
                would grow beyond all bounds.",
        matters: "The document is not read. A few lines of nested aliases can stand for gigabytes, so how much they \
                  expand to is bounded.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics: &all
  - providers: *all
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: &prometheus [{name: prometheus}]
  - providers: *prometheus
    reportingInterval: 10s
",
        },
    }

    /// A file or folder without any document.
    NO_DOCUMENT = "BG0003" {
        severity: Severity::Note,
        basis: Basis::Ours,
        means: "A file holds nothing but comments or white space, or a folder holds no `.yaml`, `.yml` or `.json` \
                file.",
        matters: "A check of nothing finds nothing: a path that is wrong would otherwise pass for documents that are \
                  right.",
        case: Case::Documents {
            wrong: "# The mesh's metrics go here.",
            right: "
# The mesh's metrics.
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
",
        },
    }

    /// A document that is not a mapping.
    NOT_AN_OBJECT = "BG0004" {
        severity: Severity::Error,
        basis: Basis::Refused,
        means: "A document is a list or a single value. Kubernetes' documents are mappings with `apiVersion`, `kind` \
                and `metadata`.",
        matters: "It cannot be applied, and nothing in it takes effect.",
        case: Case::Documents {
            wrong: "
- apiVersion: telemetry.istio.io/v1
  kind: Telemetry
  metadata: {name: mesh-default, namespace: istio-system}
  spec: {metrics: [{providers: [{name: prometheus}]}]}
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec: {metrics: [{providers: [{name: prometheus}]}]}
",
        },
    }
}

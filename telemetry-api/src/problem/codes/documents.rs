//! Codes of any document: kinds, versions, fields and values.

use crate::problem::{Basis, Case, Severity};

crate::codes! {
    /// Codes of this area.
    DOCUMENTS:

    /// A document that does not say what it is.
    NO_KIND = "BG0101" {
        severity: Severity::Error,
        basis: Basis::Refused,
        means: "A document has no `apiVersion` or no `kind`, and is no bare MeshConfig either.",
        matters: "Nobody can know what it asks for, so it has no effect.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
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

    /// A kind that is not known, in a group that is.
    UNKNOWN_KIND = "BG0102" {
        severity: Severity::Error,
        basis: Basis::Refused,
        means: "The group of `apiVersion` is one of Istio's, and it has no such kind.",
        matters: "A cluster refuses the document; read from files it would do nothing.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetri
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
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

    /// A kind that this version does not read.
    KIND_NOT_READ = "BG0103" {
        severity: Severity::Warning,
        basis: Basis::NotYet,
        means: "The document is of a kind that Burgee has no use for, or none yet. It is a warning for kinds of Istio \
                that change what a proxy does, and a note for all others.",
        matters: "The document has no effect here. What is said of the others holds as if it were not there.",
        case: Case::Documents {
            wrong: "
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: hello, namespace: shop}
spec:
  host: hello.shop.svc.cluster.local
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: shop, namespace: shop}
spec:
  metrics:
  - providers: [{name: prometheus}]
",
        },
    }

    /// A version that the kind does not have.
    API_VERSION = "BG0104" {
        severity: Severity::Error,
        basis: Basis::Refused,
        means: "The kind is known, and the group or the version before it is not one that it has.",
        matters: "A cluster refuses the document, and here it is not read.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v2
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
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

    /// Two documents of one kind, namespace and name.
    DUPLICATE_DOCUMENT = "BG0105" {
        severity: Severity::Error,
        basis: Basis::Gap,
        means: "Two documents have the same kind, namespace and name.",
        matters: "A cluster keeps one of the two, whichever is applied last, so that which one counts depends on the \
                  order of files.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: shop, namespace: shop}
spec: {metrics: [{providers: [{name: prometheus}]}]}
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: shop, namespace: shop}
spec: {metrics: [{reportingInterval: 10s}]}
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: shop, namespace: shop}
spec: {metrics: [{providers: [{name: prometheus}], reportingInterval: 10s}]}
",
        },
    }

    /// A field that the kind does not have.
    UNKNOWN_FIELD = "BG0106" {
        severity: Severity::Error,
        basis: Basis::Refused,
        means: "A field stands where the kind has none of that name: it is misspelt, or indented wrongly. In MeshConfig \
                it is a warning, because Istio ignores it there.",
        matters: "What it asks for would not happen. Istio refuses it with strict field validation and drops it \
                  otherwise, without a word.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - provider: [{name: prometheus}]
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

    /// A value of the wrong type.
    WRONG_TYPE = "BG0107" {
        severity: Severity::Error,
        basis: Basis::Refused,
        means: "A field has a value of another type than it takes, such as a text where a boolean belongs. YAML is \
                read as Kubernetes does: `\"true\"` is a text and `true` is a boolean.",
        matters: "The document is refused, or the field would be taken for something else than it says.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
    overrides:
    - match: {metric: REQUEST_SIZE}
      disabled: \"true\"
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
    overrides:
    - match: {metric: REQUEST_SIZE}
      disabled: true
",
        },
    }

    /// A value that is none of those allowed.
    BAD_VALUE = "BG0108" {
        severity: Severity::Error,
        basis: Basis::Refused,
        means: "A field takes one of a few values, or a text of some form, and has another. The message lists what is \
                allowed.",
        matters: "The document is refused as a whole, not that field alone.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
    overrides:
    - match: {metric: REQUEST_SIZE, mode: client}
      disabled: true
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
    overrides:
    - match: {metric: REQUEST_SIZE, mode: CLIENT}
      disabled: true
",
        },
    }

    /// A key that stands twice in one object.
    DUPLICATE_KEY = "BG0109" {
        severity: Severity::Error,
        basis: Basis::Refused,
        means: "An object has the same key twice.",
        matters: "Only one of the two could count, and which one depends on who reads it.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
  metrics:
  - reportingInterval: 10s
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
  - reportingInterval: 10s
",
        },
    }

    /// A field that must be there.
    MISSING_FIELD = "BG0110" {
        severity: Severity::Error,
        basis: Basis::Refused,
        means: "An object lacks a field that it needs.",
        matters: "The document is refused: without the field nobody knows what to do.",
        case: Case::Documents {
            wrong: "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: headers, namespace: istio-system}
spec:
  phase: STATS
",
            right: "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: headers, namespace: istio-system}
spec:
  url: file:///opt/headers.wasm
  phase: STATS
",
        },
    }

    /// A number outside its bounds.
    OUT_OF_RANGE = "BG0111" {
        severity: Severity::Error,
        basis: Basis::Refused,
        means: "A number or a duration is smaller or larger than the field takes. The message says the bounds.",
        matters: "The document is refused. Where Istio takes it for something else, as `sampling` above 100 in \
                  MeshConfig, it is a warning.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
    reportingInterval: 500us
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
    reportingInterval: 500ms
",
        },
    }

    /// A duration that cannot be read.
    BAD_DURATION = "BG0112" {
        severity: Severity::Error,
        basis: Basis::Refused,
        means: "A duration is not a number with a unit, such as `10s` or `1h30m`.",
        matters: "The document is refused.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
    reportingInterval: 10 seconds
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
    reportingInterval: 10s
",
        },
    }
}

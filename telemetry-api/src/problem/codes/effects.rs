//! Codes of what documents do to each other: those that hide, stack or select nothing.

use crate::problem::{Basis, Case, Severity};

crate::codes! {
    /// Codes of this area.
    EFFECTS:

    /// A namespace-wide Telemetry that an older one hides.
    HIDDEN_DOCUMENT = "BG0501" {
        severity: Severity::Warning,
        basis: Basis::Quirk,
        means: "A namespace has several Telemetries without labels and targets. Only the oldest counts, and among those \
                of one age the first by name; files have no age.",
        matters: "The others are ignored as a whole, what the first one does not mention included.",
        analyzer: "IST0160 is told of all of them. It also counts documents with targets, which this does not, and \
                   misses those whose selector has no labels, which this does not.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: metrics, namespace: shop}
spec: {metrics: [{providers: [{name: prometheus}]}]}
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: logs, namespace: shop}
spec: {accessLogging: [{providers: [{name: envoy}]}]}
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: shop, namespace: shop}
spec:
  metrics: [{providers: [{name: prometheus}]}]
  accessLogging: [{providers: [{name: envoy}]}]
",
        },
    }

    /// A Telemetry of the root namespace whose selector does not leave it.
    ROOT_SELECTOR = "BG0502" {
        severity: Severity::Warning,
        basis: Basis::Quirk,
        means: "A Telemetry of the root namespace (`istio-system`, unless MeshConfig says otherwise) has a selector.",
        matters: "Unlike a WasmPlugin or an AuthorizationPolicy there, it finds workloads of the root namespace only: \
                  gateways perhaps, and none of the applications.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: hello, namespace: istio-system}
spec:
  selector: {matchLabels: {app: hello}}
  metrics: [{providers: [{name: prometheus}]}]
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: hello, namespace: shop}
spec:
  selector: {matchLabels: {app: hello}}
  metrics: [{providers: [{name: prometheus}]}]
",
        },
    }

    /// Two Telemetries that select one workload.
    STACKED_DOCUMENTS = "BG0505" {
        severity: Severity::Warning,
        basis: Basis::Quirk,
        means: "Two Telemetries with selectors, or with targets, are for one workload.",
        matters: "Istio's documentation allows one. What Istio does is apply both, the younger over the older; files \
                  have no age, so there the later name has the last word.",
        analyzer: "IST0159 says that the result is undefined; it is not.",
        case: Case::Documents {
            wrong: "
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: hello-v1, namespace: shop}
spec: {address: 127.0.0.1, labels: {app: hello, version: v1}}
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: hello, namespace: shop}
spec:
  selector: {matchLabels: {app: hello}}
  metrics: [{providers: [{name: prometheus}]}]
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: v1, namespace: shop}
spec:
  selector: {matchLabels: {version: v1}}
  accessLogging: [{providers: [{name: envoy}]}]
",
            right: "
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: hello-v1, namespace: shop}
spec: {address: 127.0.0.1, labels: {app: hello, version: v1}}
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: hello, namespace: shop}
spec:
  selector: {matchLabels: {app: hello}}
  metrics: [{providers: [{name: prometheus}]}]
  accessLogging: [{providers: [{name: envoy}]}]
",
        },
    }

    /// A selector that no workload has.
    SELECTS_NOTHING = "BG0508" {
        severity: Severity::Warning,
        basis: Basis::Gap,
        means: "Workloads are among the documents, and none that the document can be for has the labels of its \
                selector. Without any workload among the documents this is not told.",
        matters: "The document has no effect.",
        analyzer: "IST0101 says so as an error, of workloads that only do not run yet too.",
        case: Case::Documents {
            wrong: "
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: hello-v1, namespace: shop}
spec: {address: 127.0.0.1, labels: {app: hello}}
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: hello, namespace: shop}
spec:
  selector: {matchLabels: {app: helo}}
  metrics: [{providers: [{name: prometheus}]}]
",
            right: "
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: hello-v1, namespace: shop}
spec: {address: 127.0.0.1, labels: {app: hello}}
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: hello, namespace: shop}
spec:
  selector: {matchLabels: {app: hello}}
  metrics: [{providers: [{name: prometheus}]}]
",
        },
    }

    /// A document for another revision.
    OTHER_REVISION = "BG0509" {
        severity: Severity::Warning,
        basis: Basis::Quirk,
        means: "The label `istio.io/rev` of a document names another revision than the one that is asked about.",
        matters: "A control plane does not see documents of other revisions, so it has no effect here.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: shop, namespace: shop, labels: {istio.io/rev: canary}}
spec: {metrics: [{providers: [{name: prometheus}]}]}
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: shop, namespace: shop}
spec: {metrics: [{providers: [{name: prometheus}]}]}
",
        },
    }
}

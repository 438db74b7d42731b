//! Codes of metrics in a Telemetry: overrides and tags.

use crate::problem::{Basis, Case, Severity};

crate::codes! {
    /// Codes of this area.
    METRICS:

    /// A tag to set, without a value.
    UPSERT_WITHOUT_VALUE = "BG0207" {
        severity: Severity::Error,
        basis: Basis::Refused,
        means: "A tag override has the operation UPSERT, which is also the one that is meant when none is written, and \
                no value.",
        matters: "A tag is set to the value of an expression. To take a tag out, the operation is REMOVE.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
    overrides:
    - tagOverrides: {method: {operation: UPSERT}}
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
    overrides:
    - tagOverrides: {method: {operation: UPSERT, value: request.method}}
",
        },
    }

    /// A tag to remove, with a value.
    REMOVE_WITH_VALUE = "BG0208" {
        severity: Severity::Error,
        basis: Basis::Refused,
        means: "A tag override has the operation REMOVE and a value too.",
        matters: "It says two things at once: that the tag goes, and what it is set to.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
    overrides:
    - tagOverrides: {source_principal: {operation: REMOVE, value: connection.mtls}}
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
    overrides:
    - tagOverrides: {source_principal: {operation: REMOVE}}
",
        },
    }

    /// Both a standard and a custom metric.
    TWO_METRICS = "BG0211" {
        severity: Severity::Error,
        basis: Basis::Refused,
        means: "`match` has both `metric` and `customMetric`.",
        matters: "An override is for one metric, or for all of them.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
    overrides:
    - match: {metric: REQUEST_COUNT, customMetric: my_requests}
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
    - match: {metric: REQUEST_COUNT}
      disabled: true
",
        },
    }

    /// A tag to remove that no metric has.
    REMOVE_UNKNOWN_TAG = "BG0213" {
        severity: Severity::Warning,
        basis: Basis::Gap,
        means: "A tag is to be removed, and it is none of the standard tags.",
        matters: "Nothing is removed, unless another document adds a tag of that name: likely the name is misspelt.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
    overrides:
    - tagOverrides: {source_principle: {operation: REMOVE}}
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
    overrides:
    - tagOverrides: {source_principal: {operation: REMOVE}}
",
        },
    }

    /// A custom metric that nothing defines.
    CUSTOM_METRIC = "BG0214" {
        severity: Severity::Warning,
        basis: Basis::Gap,
        means: "An override is for a custom metric. The Telemetry API can change one and has no way to define one.",
        matters: "The override has no effect, because no filter writes a metric of that name.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
    overrides:
    - match: {customMetric: requests_by_method}
      tagOverrides: {method: {value: request.method}}
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
    overrides:
    - match: {metric: REQUEST_COUNT}
      tagOverrides: {method: {value: request.method}}
",
        },
    }

    /// A standard tag of a metric that does not have it.
    TAG_NOT_OF_METRIC = "BG0234" {
        severity: Severity::Note,
        basis: Basis::Quirk,
        means: "An override is for one metric, and its tag is a standard one which that metric does not have. Metrics of TCP \
                have no `response_code` and no `grpc_response_status`; those of gRPC messages have none of \
                `request_protocol`, `response_code`, `grpc_response_status`, `response_flags` and \
                `connection_security_policy`.",
        matters: "The tag has no effect: there is nothing to remove, and a value for it is not shown.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
    overrides:
    - match: {metric: TCP_SENT_BYTES}
      tagOverrides: {response_code: {operation: REMOVE}}
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
    overrides:
    - match: {metric: TCP_SENT_BYTES}
      tagOverrides: {response_flags: {operation: REMOVE}}
",
        },
    }

    /// A tag whose values have no bound.
    UNBOUNDED_TAG = "BG0228" {
        severity: Severity::Warning,
        basis: Basis::Gap,
        means: "The value of a tag of metrics is chosen by whoever sends a request, is new for each of them, or is \
                measured: a path, a host, a header, an address, an id, a time, a size. The expression is read as a tree: \
                comparisons, choices between texts and `x in ['a', 'b'] ? x : 'other'` bound it.",
        matters: "Each new value makes series that a proxy keeps as long as it runs, and that every Prometheus server \
                  stores: memory grows with what clients choose to send. The help says how many series a value makes: the \
                  product of how many values each label has at one workload, times the series per metric (a counter has \
                  1, a distribution 22: 20 buckets, sum and count). Usual sizes are 5 workloads at the other end, 5 \
                  response codes and 2 response flags; all other standard labels follow from these. The annotation \
                  `burgee.dev/label-sizes` of the Telemetry, or of the ConfigMap, IstioOperator or Istio with the \
                  mesh's configuration, says better: `\"request_path=200, tenant=50\"`. A tag whose size is declared is not told here.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
    overrides:
    - match: {metric: REQUEST_COUNT}
      tagOverrides: {request_path: {value: request.url_path}}
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
    overrides:
    - match: {metric: REQUEST_COUNT}
      tagOverrides:
        request_path: {value: \"request.url_path.startsWith('/api/') ? 'api' : 'other'\"}
",
        },
    }

    /// Very many series by a document's tags.
    MANY_SERIES = "BG0229" {
        severity: Severity::Warning,
        basis: Basis::Gap,
        means: "With what documents add up to, the tags of this one make a workload report very many series: more than \
                100,000. Below that it is a note, told where sizes are declared (`burgee.dev/label-sizes`) or a saved \
                page of metrics is given (`burgee check --observed FILE`, with a proxy's `/stats/prometheus`).",
        matters: "A proxy keeps every series in memory and writes all of them at every scrape, and a Prometheus server \
                  that stores some millions in all is a large one. The help shows the arithmetic: the sizes of the labels \
                  at one workload (see BG0228), or the series that the page has, times the sizes of tags that are new.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata:
  name: mesh-default
  namespace: istio-system
  annotations: {burgee.dev/label-sizes: \"request_path=200\"}
spec:
  metrics:
  - providers: [{name: prometheus}]
    overrides:
    - tagOverrides: {request_path: {value: request.url_path}}
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata:
  name: mesh-default
  namespace: istio-system
spec:
  metrics:
  - providers: [{name: prometheus}]
    overrides:
    - match: {metric: REQUEST_COUNT}
      tagOverrides: {request_method: {value: request.method}}
",
        },
    }

    /// A label's size that cannot be used.
    BAD_LABEL_SIZE = "BG0230" {
        severity: Severity::Warning,
        basis: Basis::Ours,
        means: "The annotation `burgee.dev/label-sizes` has something that is no LABEL=NUMBER, or a label that no metric \
                has.",
        matters: "The estimate of series goes on without it.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata:
  name: shop
  namespace: shop
  annotations: {burgee.dev/label-sizes: \"request_path: 200\"}
spec:
  metrics: [{providers: [{name: prometheus}]}]
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata:
  name: shop
  namespace: shop
  annotations: {burgee.dev/label-sizes: \"response_code=8\"}
spec:
  metrics: [{providers: [{name: prometheus}]}]
",
        },
    }

    /// A tag whose name cannot be a label.
    BAD_TAG_NAME = "BG0219" {
        severity: Severity::Warning,
        basis: Basis::Warned,
        means: "The name of a tag is empty, or has characters that a label of Prometheus cannot have.",
        matters: "The label has another name: Envoy writes `_` for each such character, with Istio as here. A tag without a \
                  name, or with a digit in front, is left out: Prometheus would refuse a page that has it. Istio warns of \
                  an empty name and says nothing of the others.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
    overrides:
    - tagOverrides: {request-method: {value: request.method}}
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
    overrides:
    - tagOverrides: {request_method: {value: request.method}}
",
        },
    }
}

//! Codes of what is in force where documents add up: what ends, goes on or counts twice unlike it seems.

use crate::problem::{Basis, Case, Severity};

crate::codes! {
    /// Codes of this area.
    IN_FORCE:

    /// Two Prometheus providers at once.
    DOUBLE_COUNT = "BG0503" {
        severity: Severity::Warning,
        basis: Basis::Gap,
        means: "Two providers of kind `prometheus` are in force at one workload.",
        matters: "Each writes the same series on the same proxy, which then shows twice the traffic.",
        case: Case::Documents {
            wrong: "
extensionProviders:
- {name: other, prometheus: {}}
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}, {name: other}]
",
            right: "
extensionProviders:
- {name: other, prometheus: {}}
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

    /// Overrides without a provider in force.
    NO_PROVIDER = "BG0504" {
        severity: Severity::Warning,
        basis: Basis::Gap,
        means: "A document has overrides of metrics, or an entry of `accessLogging`, and no provider is in force that \
                they could be for: none is named here or above, and the mesh has none by default.",
        matters: "They have no effect.",
        analyzer: "IST0157 says so of access logs, also where a provider is inherited; this does not.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: shop, namespace: shop}
spec:
  metrics:
  - overrides:
    - match: {metric: REQUEST_SIZE}
      disabled: true
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: shop, namespace: shop}
spec:
  metrics:
  - providers: [{name: prometheus}]
    overrides:
    - match: {metric: REQUEST_SIZE}
      disabled: true
",
        },
    }

    /// A metric switched off for all that a later override switches on again.
    DISABLE_UNDONE = "BG0506" {
        severity: Severity::Warning,
        basis: Basis::Quirk,
        means: "An override switches all metrics off, and a later one is for the same mode.",
        matters: "Any later override ends the switch-off, even one that switches a single metric off: then all the \
                  others are back.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: shop, namespace: shop}
spec:
  metrics:
  - providers: [{name: prometheus}]
    overrides:
    - disabled: true
    - match: {metric: REQUEST_SIZE}
      disabled: true
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: shop, namespace: shop}
spec:
  metrics:
  - providers: [{name: prometheus}]
    overrides:
    - match: {metric: REQUEST_SIZE}
      disabled: true
    - disabled: true
",
        },
    }

    /// A tracing entry without a provider, which ends all tracing.
    TRACING_ENDED = "BG0510" {
        severity: Severity::Warning,
        basis: Basis::Quirk,
        means: "A document has a tracing entry, and no provider of traces is in force that it could be for.",
        matters: "Any tracing entry takes the place of what the mesh's older settings say. With no provider nothing is \
                  traced, not even by the tracer that proxies have in their bootstrap.",
        case: Case::Documents {
            wrong: "
enableTracing: true
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  tracing:
  - randomSamplingPercentage: 50
",
            right: "
enableTracing: true
extensionProviders:
- name: otel
  opentelemetry: {service: otel.observability.internal, port: 4317}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: otel, namespace: observability}
spec:
  hosts: [otel.observability.internal]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 4317, name: grpc, protocol: GRPC}]
  endpoints: [{address: 127.0.0.1}]
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  tracing:
  - providers: [{name: otel}]
    randomSamplingPercentage: 50
",
        },
    }

    /// Access logging switched off where nothing is in force, so that the mesh's file goes on.
    STILL_LOGGED = "BG0511" {
        severity: Severity::Warning,
        basis: Basis::Quirk,
        means: "An entry of `accessLogging` has `disabled: true`, and no provider is in force that it could switch off.",
        matters: "What is empty falls back to `accessLogFile` of MeshConfig: every request is logged as before.",
        case: Case::Documents {
            wrong: "
accessLogFile: /dev/stdout
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: shop, namespace: shop}
spec:
  accessLogging:
  - disabled: true
",
            right: "
accessLogFile: /dev/stdout
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: shop, namespace: shop}
spec:
  accessLogging:
  - providers: [{name: envoy}]
    disabled: true
",
        },
    }

    /// Providers of access logs that go with the one that is switched off.
    OTHERS_DROPPED = "BG0512" {
        severity: Severity::Warning,
        basis: Basis::Quirk,
        means: "A document switches off one provider of access logs by its name, and inherits others.",
        matters: "The names in a document replace all that it inherits, so the others end too.",
        case: Case::Documents {
            wrong: "
extensionProviders:
- name: lines
  envoyFileAccessLog: {path: /dev/stderr}
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  accessLogging:
  - providers: [{name: envoy}, {name: lines}]
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: shop, namespace: shop}
spec:
  accessLogging:
  - providers: [{name: lines}]
    disabled: true
",
            right: "
extensionProviders:
- name: lines
  envoyFileAccessLog: {path: /dev/stderr}
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  accessLogging:
  - providers: [{name: envoy}, {name: lines}]
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: shop, namespace: shop}
spec:
  accessLogging:
  - providers: [{name: envoy}]
  - providers: [{name: lines}]
    disabled: true
",
        },
    }

    /// Default providers of access logs that end on a side that nothing is said of.
    DEFAULTS_DROPPED = "BG0513" {
        severity: Severity::Warning,
        basis: Basis::Quirk,
        means: "A document has entries of `accessLogging` for one mode only, and the mesh has default providers.",
        matters: "The defaults are in force where no document says anything of access logs, whatever the mode. On the \
                  other side they end, and the mesh's file logs if there is one.",
        case: Case::Documents {
            wrong: "
extensionProviders:
- name: lines
  envoyFileAccessLog: {path: /dev/stderr}
defaultProviders: {accessLogging: [envoy]}
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: shop, namespace: shop}
spec:
  accessLogging:
  - match: {mode: CLIENT}
    providers: [{name: lines}]
",
            right: "
extensionProviders:
- name: lines
  envoyFileAccessLog: {path: /dev/stderr}
defaultProviders: {accessLogging: [envoy]}
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: shop, namespace: shop}
spec:
  accessLogging:
  - match: {mode: CLIENT}
    providers: [{name: lines}]
  - match: {mode: SERVER}
    providers: [{name: envoy}]
",
        },
    }

    /// A tracing provider that is named where an earlier entry keeps spans back.
    STILL_DISABLED = "BG0514" {
        severity: Severity::Warning,
        basis: Basis::Quirk,
        means: "A document names a provider of traces, and inherits `disableSpanReporting: true`.",
        matters: "Naming a provider does not end that: no span is sent.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  tracing:
  - disableSpanReporting: true
---
extensionProviders:
- name: otel
  opentelemetry: {service: otel.observability.internal, port: 4317}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: otel, namespace: observability}
spec:
  hosts: [otel.observability.internal]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 4317, name: grpc, protocol: GRPC}]
  endpoints: [{address: 127.0.0.1}]
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: shop, namespace: shop}
spec:
  tracing:
  - providers: [{name: otel}]
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  tracing:
  - disableSpanReporting: true
---
extensionProviders:
- name: otel
  opentelemetry: {service: otel.observability.internal, port: 4317}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: otel, namespace: observability}
spec:
  hosts: [otel.observability.internal]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 4317, name: grpc, protocol: GRPC}]
  endpoints: [{address: 127.0.0.1}]
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: shop, namespace: shop}
spec:
  tracing:
  - providers: [{name: otel}]
    disableSpanReporting: false
",
        },
    }
}

//! Codes of MeshConfig: its providers, and the collectors that they name.

use crate::problem::{Basis, Case, Severity};

crate::codes! {
    /// Codes of this area.
    MESH_CONFIG:

    /// A provider of the mesh that is not one of a kind.
    BAD_PROVIDER = "BG0301" {
        severity: Severity::Error,
        basis: Basis::Gap,
        means: "An entry of `extensionProviders` has no kind, two kinds, a kind that there is not, or one that needs to \
                be told more.",
        matters: "Istio writes a line into the log of its control plane and goes on without the provider; documents \
                  that name it have no effect.",
        case: Case::Documents {
            wrong: "
extensionProviders:
- name: otel
  openTelemetry: {service: otel.observability.internal, port: 4317}
",
            right: "
extensionProviders:
- name: otel
  opentelemetry: {service: otel.observability.internal, port: 4317}
",
        },
    }

    /// Two providers of one name.
    DUPLICATE_PROVIDER = "BG0302" {
        severity: Severity::Warning,
        basis: Basis::Gap,
        means: "Two entries of `extensionProviders` have one name.",
        matters: "The last one counts, and whoever looks at the first is misled.",
        case: Case::Documents {
            wrong: "
extensionProviders:
- name: lines
  envoyFileAccessLog: {path: /dev/stdout}
- name: lines
  envoyFileAccessLog: {path: /dev/stderr}
",
            right: "
extensionProviders:
- name: lines
  envoyFileAccessLog: {path: /dev/stdout}
- name: other-lines
  envoyFileAccessLog: {path: /dev/stderr}
",
        },
    }

    /// A default provider that the mesh does not have.
    UNKNOWN_DEFAULT_PROVIDER = "BG0303" {
        severity: Severity::Warning,
        basis: Basis::Gap,
        means: "`defaultProviders` names a provider that is not there, or that cannot do what it is named for.",
        matters: "Nothing comes of it: no metrics are written, or the mesh's file logs, or nothing is traced.",
        case: Case::Documents {
            wrong: "
defaultProviders: {metrics: [promtheus]}
",
            right: "
defaultProviders: {metrics: [prometheus]}
",
        },
    }

    /// More than one MeshConfig.
    SEVERAL_MESH_CONFIGS = "BG0304" {
        severity: Severity::Error,
        basis: Basis::Ours,
        means: "There are two MeshConfigs among the documents: ConfigMaps `istio` or bare files.",
        matters: "A mesh has one. The first counts here, and what the second says is lost.",
        case: Case::Documents {
            wrong: "
accessLogFile: /dev/stdout
---
defaultProviders: {metrics: [prometheus]}
",
            right: "
accessLogFile: /dev/stdout
defaultProviders: {metrics: [prometheus]}
",
        },
    }

    /// A format of log lines that cannot be used.
    BAD_LOG_FORMAT = "BG0306" {
        severity: Severity::Error,
        basis: Basis::Envoy,
        means: "A format of access logs has an operator that Envoy does not have, one that is not written as Envoy \
                reads it, or is no object where JSON is asked for.",
        matters: "Envoy refuses the whole listener that has it: the proxies keep what they had before, and new ones \
                  get none.",
        case: Case::Documents {
            wrong: "
accessLogFile: /dev/stdout
accessLogFormat: \"%REQ(:METHOD)% %RESPONSE_COD%\\n\"
",
            right: "
accessLogFile: /dev/stdout
accessLogFormat: \"%REQ(:METHOD)% %RESPONSE_CODE%\\n\"
",
        },
    }

    /// A collector that is no service of the mesh.
    NO_COLLECTOR = "BG0307" {
        severity: Severity::Warning,
        basis: Basis::Gap,
        means: "The `service` of a provider that is in use is no service among the documents.",
        matters: "Istio counts it in `provider_lookup_cluster_failures` and leaves the provider out: nothing is sent.",
        case: Case::Documents {
            wrong: "
extensionProviders:
- name: otel
  opentelemetry: {service: otel.observability.internal, port: 4317}
defaultProviders: {tracing: [otel]}
",
            right: "
extensionProviders:
- name: otel
  opentelemetry: {service: otel.observability.internal, port: 4317}
defaultProviders: {tracing: [otel]}
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
",
        },
    }

    /// A collector that is a service of several namespaces.
    SEVERAL_COLLECTORS = "BG0308" {
        severity: Severity::Warning,
        basis: Basis::Gap,
        means: "The `service` of a provider that is in use is a host of services in several namespaces.",
        matters: "Istio does not choose one of them: the provider is left out and nothing is sent.",
        case: Case::Documents {
            wrong: "
extensionProviders:
- name: otel
  opentelemetry: {service: otel.internal, port: 4317}
defaultProviders: {tracing: [otel]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: otel, namespace: observability}
spec:
  hosts: [otel.internal]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 4317, name: grpc, protocol: GRPC}]
  endpoints: [{address: 127.0.0.1}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: otel, namespace: shop}
spec:
  hosts: [otel.internal]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 4317, name: grpc, protocol: GRPC}]
  endpoints: [{address: 127.0.0.1}]
",
            right: "
extensionProviders:
- name: otel
  opentelemetry: {service: observability/otel.internal, port: 4317}
defaultProviders: {tracing: [otel]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: otel, namespace: observability}
spec:
  hosts: [otel.internal]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 4317, name: grpc, protocol: GRPC}]
  endpoints: [{address: 127.0.0.1}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: otel, namespace: shop}
spec:
  hosts: [otel.internal]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 4317, name: grpc, protocol: GRPC}]
  endpoints: [{address: 127.0.0.1}]
",
        },
    }

    /// A collector that does not have the port.
    COLLECTOR_PORT = "BG0309" {
        severity: Severity::Warning,
        basis: Basis::Gap,
        means: "The service of a provider that is in use has no port of this number.",
        matters: "Istio does not look at the port. The proxy names a cluster that is not there, and nothing is sent.",
        case: Case::Documents {
            wrong: "
extensionProviders:
- name: otel
  opentelemetry: {service: otel.observability.internal, port: 4318}
defaultProviders: {tracing: [otel]}
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
",
            right: "
extensionProviders:
- name: otel
  opentelemetry: {service: otel.observability.internal, port: 4317}
defaultProviders: {tracing: [otel]}
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
",
        },
    }
}

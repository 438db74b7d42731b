//! Codes of services of Envoy's own log protocol.

use crate::problem::{Basis, Case, Severity};

crate::codes! {
    /// Codes of this area.
    ACCESS_LOGS:

    /// A name that no header can have.
    BAD_HEADER_NAME = "BG0330" {
        severity: Severity::Warning,
        basis: Basis::Gap,
        means: "A provider of kind `envoyHttpAls` is to log a header under a name that HTTP does not allow. Names are \
                letters, digits and a few signs such as `-`; a pseudo-header begins with a `:`.",
        matters: "Envoy takes the name and never finds such a header, so entries come without it.",
        case: Case::Documents {
            wrong: "
extensionProviders:
- name: entries
  envoyHttpAls:
    service: als.observability.example
    port: 9000
    additionalRequestHeadersToLog: [x tenant]
",
            right: "
extensionProviders:
- name: entries
  envoyHttpAls:
    service: als.observability.example
    port: 9000
    additionalRequestHeadersToLog: [x-tenant]
",
        },
    }

    /// A provider that logs traffic of another protocol than its own, too.
    OTHER_PROTOCOL = "BG0331" {
        severity: Severity::Warning,
        basis: Basis::Quirk,
        means: "A provider of kind `envoyTcpAls` or `envoyHttpAls` is named without a filter. Istio puts every logger \
                wherever there is traffic, so the first logs HTTP requests as connections, and the second logs TCP \
                connections as requests without any of a request's fields. The latter is a note.",
        matters: "A service that counts or stores entries gets some that say nothing, and with a provider of each kind \
                  everything twice.",
        case: Case::Documents {
            wrong: "
extensionProviders:
- name: connections
  envoyTcpAls: {service: als.observability.example, port: 9000}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: als, namespace: observability}
spec:
  hosts: [als.observability.example]
  ports: [{number: 9000, name: grpc, protocol: GRPC}]
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  accessLogging:
  - providers: [{name: connections}]
",
            right: "
extensionProviders:
- name: connections
  envoyTcpAls: {service: als.observability.example, port: 9000}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: als, namespace: observability}
spec:
  hosts: [als.observability.example]
  ports: [{number: 9000, name: grpc, protocol: GRPC}]
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  accessLogging:
  - providers: [{name: connections}]
    filter: {expression: '!has(request.method)'}
",
        },
    }

    /// Envoy's own access log service, which is nowhere.
    NO_LOG_SERVICE = "BG0332" {
        severity: Severity::Warning,
        basis: Basis::Gap,
        means: "`enableEnvoyAccessLogService` has every proxy log to the cluster `envoy_accesslog_service` where no \
                provider is in force, and nothing says where that leads to, or it is called over TLS.",
        matters: "A proxy whose bootstrap has no such cluster drops what it would send.",
        case: Case::Documents {
            wrong: "
enableEnvoyAccessLogService: true
",
            right: "
enableEnvoyAccessLogService: true
defaultConfig:
  envoyAccessLogService: {address: 'als.observability.svc.cluster.local:9000'}
",
        },
    }
}

//! Codes of the engines of metrics.

use burgee_api::problem::{Basis, Case, Laid, Severity};

use super::examples::{BASE, METRICS, base};

burgee_api::codes! {
    /// Codes of this area.
    METRICS_ENGINES:

    /// Metrics that Envoy makes itself.
    NATIVE_METRICS = "BG0641" {
        severity: Severity::Note,
        basis: Basis::Envoy,
        means: "The annotation `burgee.dev/metrics-engine`, `--metrics-engine` or what `auto` came to has Envoy make metrics of \
                requests itself, by its stats access logger. Envoy 1.40 has what that takes. 1.36 does not have the logger and refuses the \
                configuration; those between were not tried.",
        matters: "The series are those of the Wasm filter, but for what `docs/metrics-engines.md` lists: among it that \
                  requests beyond the bound of sets of labels are not counted.",
        case: Case::Base {
            wrong: Laid {
                documents: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata:
  name: mesh-default
  namespace: istio-system
  annotations: {burgee.dev/metrics-engine: native}
spec: {metrics: [{providers: [{name: prometheus}]}]}
",
                base: BASE,
            },
            right: Laid { documents: METRICS, base: BASE },
        },
    }

    /// A metric that Envoy cannot make itself.
    STAYS_WITH_WASM = "BG0642" {
        severity: Severity::Note,
        basis: Basis::Envoy,
        means: "Envoy is to make metrics of requests itself, and a tag of one of them has an expression that its formats \
                cannot have, or whose value they may write otherwise.",
        matters: "That metric stays with the Wasm filter, so that each request still costs a call of it. The series are the \
                  same.",
        case: Case::Base {
            wrong: Laid {
                documents: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata:
  name: mesh-default
  namespace: istio-system
  annotations: {burgee.dev/metrics-engine: native}
spec:
  metrics:
  - providers: [{name: prometheus}]
    overrides: [{tagOverrides: {target: {value: \"request.host + request.url_path\"}}}]
",
                base: BASE,
            },
            right: Laid {
                documents: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  metrics:
  - providers: [{name: prometheus}]
    overrides: [{tagOverrides: {target: {value: \"request.host + request.url_path\"}}}]
",
                base: BASE,
            },
        },
    }

    /// A filter of the base that counts messages of gRPC for itself.
    COUNTS_NOT_GIVEN = "BG0643" {
        severity: Severity::Note,
        basis: Basis::Envoy,
        means: "Metrics of gRPC messages are in force, and an HTTP connection manager of the base has Envoy's \
                `grpc_stats` filter without `emit_filter_state`.",
        matters: "`istio_request_messages_total` and `istio_response_messages_total` are not written there. The stats filter \
                  reads what that filter counts, and a second one would count everything twice in Envoy's own metrics.",
        case: Case::Base {
            wrong: Laid {
                documents: METRICS,
                base: base!(filter: "{name: grpc, typed_config: {\"@type\": \
                    type.googleapis.com/envoy.extensions.filters.http.grpc_stats.v3.FilterConfig}}"),
            },
            right: Laid {
                documents: METRICS,
                base: base!(filter: "{name: grpc, typed_config: {\"@type\": \
                    type.googleapis.com/envoy.extensions.filters.http.grpc_stats.v3.FilterConfig, \
                    emit_filter_state: true}}"),
            },
        },
    }
}

//! Codes of traces: of spans' tags, of providers, and of how collectors are called.

use crate::problem::{Basis, Case, Severity};

crate::codes! {
    /// Codes of this area.
    TRACE_PROVIDERS:

    /// A tag of spans that Istio has too.
    TAG_TWICE = "BG0260" {
        severity: Severity::Warning,
        basis: Basis::Quirk,
        means: "A custom tag has the name of one of Istio's own, such as `istio.mesh_id`, and those are switched on.",
        matters: "Proxies are told of both tags, and put the first of one name on their spans, which is Istio's: this one \
                  has no effect.",
        case: Case::Documents {
            wrong: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  tracing:
  - customTags: {istio.mesh_id: {literal: {value: main}}}
",
            right: "
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  tracing:
  - customTags: {mesh: {literal: {value: main}}}
",
        },
    }

    /// A provider of traces of a kind that Envoy no longer has.
    GONE_PROVIDER = "BG0261" {
        severity: Severity::Warning,
        basis: Basis::Gap,
        means: "A provider of kind `lightstep`, `opencensus` or `stackdriver` is named for traces. Envoy has lost these \
                tracers.",
        matters: "Nothing is traced where it is in force, whatever was named before it.",
        analyzer: "IST0002 is told of kind `lightstep`.",
        case: Case::Documents {
            wrong: "
extensionProviders:
- name: spans
  lightstep: {service: lightstep.observability.internal, port: 8360, accessToken: secret}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: lightstep, namespace: observability}
spec:
  hosts: [lightstep.observability.internal]
  ports: [{number: 8360, name: grpc, protocol: GRPC}]
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  tracing:
  - providers: [{name: spans}]
",
            right: "
extensionProviders:
- name: spans
  opentelemetry: {service: lightstep.observability.internal, port: 8360}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: lightstep, namespace: observability}
spec:
  hosts: [lightstep.observability.internal]
  ports: [{number: 8360, name: grpc, protocol: GRPC}]
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: mesh-default, namespace: istio-system}
spec:
  tracing:
  - providers: [{name: spans}]
",
        },
    }

    /// A share of traces in the control plane's environment that is none.
    BAD_TRACE_SAMPLING = "BG0320" {
        severity: Severity::Warning,
        basis: Basis::Quirk,
        means: "The variable `PILOT_TRACE_SAMPLING` of the control plane, which here is the command itself, is no \
                number from 0 to 100.",
        matters: "1 % of new traces are kept where no document says anything, which may be far less than was meant.",
        case: Case::Situation {
            wrong: "`PILOT_TRACE_SAMPLING=120 burgee render …` tells it.",
            right: "Set the variable to a share in percent, such as 5, or unset it.",
        },
    }

    /// A header of calls to a collector whose variable is not set.
    UNSET_VARIABLE = "BG0321" {
        severity: Severity::Warning,
        basis: Basis::Gap,
        means: "A header of a provider has its value from a variable (`envName`) of the control plane's environment, \
                which here is that of the command itself, and the variable is not set.",
        matters: "The header is sent empty. Where it was to hold a token, the collector refuses every call.",
        case: Case::Situation {
            wrong: "`headers: [{name: authorization, envName: TOKEN}]` in a provider that is in use, and no `TOKEN` in \
                    the environment of `burgee render`. Its value is never shown.",
            right: "Set the variable for the command, and for istiod where it is the control plane.",
        },
    }

    /// A header of calls to a collector that is not sent as it is written.
    BAD_CALL_HEADER = "BG0322" {
        severity: Severity::Warning,
        basis: Basis::Envoy,
        means: "An entry of `headers` or `initialMetadata` has a name that no header can have, no value or two, or a \
                value of several lines. Where Envoy or Istio refuses it, it is an error.",
        matters: "Calls do not arrive, or not with what they were to carry.",
        case: Case::Documents {
            wrong: "
extensionProviders:
- name: spans
  zipkin:
    service: zipkin.observability.internal
    port: 9411
    headers: [{name: 'x token', value: abc}]
",
            right: "
extensionProviders:
- name: spans
  zipkin:
    service: zipkin.observability.internal
    port: 9411
    headers: [{name: x-token, value: abc}]
",
        },
    }

    /// A percent sign in a header's value that begins nothing.
    HEADER_PERCENT = "BG0323" {
        severity: Severity::Warning,
        basis: Basis::Envoy,
        means: "Envoy reads the values of headers as formats, as those of access logs. A percent sign is one that is \
                doubled, or begins an operator; here it is neither.",
        matters: "Istio passes the value on, and its proxies refuse the whole listener. Here it is sent as it is \
                  written.",
        case: Case::Documents {
            wrong: "
extensionProviders:
- name: spans
  zipkin:
    service: zipkin.observability.internal
    port: 9411
    headers: [{name: x-token, value: 'a%20b'}]
",
            right: "
extensionProviders:
- name: spans
  zipkin:
    service: zipkin.observability.internal
    port: 9411
    headers: [{name: x-token, value: 'a%%20b'}]
",
        },
    }

    /// A path of a collector that calls would not go to.
    COLLECTOR_PATH = "BG0324" {
        severity: Severity::Warning,
        basis: Basis::Gap,
        means: "The `path` of a provider does not begin with a slash, or is not there where a collector takes nothing \
                at `/`, or has a query, which Istio has proxies send as a part of the path.",
        matters: "The collector answers that there is nothing, and no span is kept. Where a slash is missing, one is \
                  put before the path here; Istio makes it a part of the host's name.",
        case: Case::Documents {
            wrong: "
extensionProviders:
- name: spans
  opentelemetry:
    service: otel.observability.internal
    port: 4318
    http: {path: v1/traces}
",
            right: "
extensionProviders:
- name: spans
  opentelemetry:
    service: otel.observability.internal
    port: 4318
    http: {path: /v1/traces}
",
        },
    }

    /// A provider that is told of two ways to send spans.
    TWO_EXPORTERS = "BG0325" {
        severity: Severity::Warning,
        basis: Basis::Quirk,
        means: "A provider of kind `opentelemetry` has `http` and `grpc`.",
        matters: "Spans go over HTTP, to the one port that the provider has, and what `grpc` says has no effect.",
        case: Case::Documents {
            wrong: "
extensionProviders:
- name: spans
  opentelemetry:
    service: otel.observability.internal
    port: 4318
    http: {path: /v1/traces}
    grpc: {timeout: 5s}
",
            right: "
extensionProviders:
- name: spans
  opentelemetry:
    service: otel.observability.internal
    port: 4318
    http: {path: /v1/traces, timeout: 5s}
",
        },
    }

    /// A sampler that has nobody to ask.
    SAMPLER_WITHOUT_SERVICE = "BG0326" {
        severity: Severity::Warning,
        basis: Basis::Gap,
        means: "`dynatraceSampler` has no `httpService`, so it would ask where spans go; and those go over gRPC.",
        matters: "Istio leaves the whole provider out: nothing is traced where it is in force.",
        case: Case::Documents {
            wrong: "
extensionProviders:
- name: spans
  opentelemetry:
    service: otel.observability.internal
    port: 4317
    dynatraceSampler: {tenant: abc12345, clusterId: 7}
",
            right: "
extensionProviders:
- name: spans
  opentelemetry:
    service: abc12345.live.dynatrace.com
    port: 443
    http: {path: /api/v2/otlp/v1/traces}
    dynatraceSampler: {tenant: abc12345, clusterId: 7}
",
        },
    }

    /// An access token that nobody sends.
    TOKEN_IGNORED = "BG0327" {
        severity: Severity::Warning,
        basis: Basis::Gap,
        means: "A provider of kind `skywalking` has an `accessToken`. Istio reads it and has no proxy send it.",
        matters: "A collector that wants a token refuses every segment.",
        case: Case::Documents {
            wrong: "
extensionProviders:
- name: spans
  skywalking: {service: oap.observability.internal, port: 11800, accessToken: secret}
",
            right: "
extensionProviders:
- name: spans
  skywalking: {service: oap.observability.internal, port: 11800}
",
        },
    }

    /// A time limit that Envoy does not keep to.
    TIMEOUT_IGNORED = "BG0328" {
        severity: Severity::Warning,
        basis: Basis::Envoy,
        means: "A provider of kind `zipkin` has a `timeout` other than 5 s. Envoy reads it, and waits 5 s all the same.",
        matters: "Calls to a slow collector are kept for longer, or given up sooner, than was meant.",
        case: Case::Documents {
            wrong: "
extensionProviders:
- name: spans
  zipkin: {service: zipkin.observability.internal, port: 9411, timeout: 1s}
",
            right: "
extensionProviders:
- name: spans
  zipkin: {service: zipkin.observability.internal, port: 9411}
",
        },
    }

    /// A tracer of the mesh's own that no spans are sent with.
    MESH_TRACER = "BG0329" {
        severity: Severity::Warning,
        basis: Basis::Envoy,
        means: "`defaultConfig` names a tracer for every proxy that cannot be used: one that Envoy has lost, one that is \
                called over TLS, one on the machine of each proxy (`$(HOST_IP)`), a second one, or one in \
                `zipkinAddress`, which Istio does not read any more.",
        matters: "No spans are sent where no Telemetry and no default provider says where to.",
        case: Case::Documents {
            wrong: "
defaultConfig:
  tracing:
    lightstep: {address: 'lightstep.observability.internal:8360', accessToken: secret}
",
            right: "
defaultConfig:
  tracing:
    zipkin: {address: 'zipkin.observability.internal:9411'}
",
        },
    }
}

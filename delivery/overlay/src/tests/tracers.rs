//! A tracer of every kind, for the overlay's tests.

use std::time::Duration;

use burgee_api::resolve::{
    Collector, Exporter, Header, HeaderValue, HttpCall, Protocol, ResourceDetector, Sampler, Secret,
    TraceContext, Tracer, Tracing,
};

use super::policies::{collector, settings};
use super::support::traced;

fn over_http(port: u16) -> Collector {
    Collector { port, protocol: Protocol::Http1, ..collector() }
}

fn header(name: &str, value: HeaderValue) -> Header {
    Header { name: name.to_owned(), value }
}

/// Headers whose values have percent signs, written and from a variable.
fn headers() -> Vec<Header> {
    let secret = HeaderValue::Environment { variable: "TOKEN".to_owned(), value: Secret("a%20b".to_owned()) };
    vec![
        header("authorization", secret),
        header("x-doubled", HeaderValue::Written("100%%".to_owned())),
        header("x-format", HeaderValue::Written("%ENVIRONMENT(HOME)%".to_owned())),
    ]
}

fn call(port: u16, path: &str) -> HttpCall {
    let (path, timeout) = (path.to_owned(), Duration::from_millis(2500));
    HttpCall { collector: over_http(port), path, timeout, headers: headers() }
}

fn bare(path: &str) -> HttpCall {
    let (path, timeout) = (path.to_owned(), Duration::from_secs(5));
    HttpCall { collector: over_http(9411), path, timeout, headers: Vec::new() }
}

fn service_name() -> String {
    "web.shop".to_owned()
}

/// To an OpenTelemetry collector over gRPC, without anything special.
pub(crate) fn over_grpc() -> Tracer {
    Tracer::Opentelemetry {
        exporter: Exporter::Grpc { collector: collector(), timeout: None, metadata: Vec::new() },
        service_name: service_name(),
        detectors: Vec::new(),
        sampler: None,
    }
}

/// A tracer of every kind, each bare and with everything that it can be told, by the name of its provider.
pub(crate) fn tracers() -> Vec<(&'static str, Tracer)> {
    let sampler =
        |call| Sampler { tenant: "abc12345".to_owned(), cluster_id: -5, root_spans_per_minute: 60, call };
    let detectors = || vec![ResourceDetector::Environment, ResourceDetector::Dynatrace];
    vec![
        (
            "zipkin",
            Tracer::Zipkin {
                call: bare("/api/v2/spans"),
                short_trace_ids: false,
                trace_context: TraceContext::B3,
            },
        ),
        (
            "zipkin-full",
            Tracer::Zipkin {
                call: call(9411, "/z?a=b"),
                short_trace_ids: true,
                trace_context: TraceContext::B3AndW3c,
            },
        ),
        ("datadog", Tracer::Datadog { collector: over_http(8126), service_name: service_name() }),
        (
            "skywalking",
            Tracer::Skywalking {
                collector: Collector { port: 11800, ..collector() },
                service_name: service_name(),
            },
        ),
        ("grpc", over_grpc()),
        (
            "grpc-full",
            Tracer::Opentelemetry {
                exporter: Exporter::Grpc {
                    collector: collector(),
                    timeout: Some(Duration::from_millis(1500)),
                    metadata: headers(),
                },
                service_name: service_name(),
                detectors: detectors(),
                sampler: Some(Box::new(sampler(call(443, "/api/v2/samplingConfiguration")))),
            },
        ),
        (
            "http",
            Tracer::Opentelemetry {
                exporter: Exporter::Http(bare("/v1/traces")),
                service_name: service_name(),
                detectors: Vec::new(),
                sampler: None,
            },
        ),
        (
            "http-full",
            Tracer::Opentelemetry {
                exporter: Exporter::Http(call(4318, "/v1/traces")),
                service_name: service_name(),
                detectors: vec![ResourceDetector::Dynatrace],
                sampler: Some(Box::new(sampler(bare("/ask")))),
            },
        ),
    ]
}

/// Spans with a tracer.
pub(crate) fn tracing_with(name: &str, tracer: Tracer, use_request_id: bool) -> Tracing {
    Tracing::Provider { provider: traced(name.to_owned()), tracer, settings: settings(use_request_id) }
}

/// Spans with a tracer of every kind.
pub(crate) fn every_tracing() -> Vec<Tracing> {
    let both = |(name, tracer): (&str, Tracer)| {
        [true, false].map(|use_request_id| tracing_with(name, tracer.clone(), use_request_id))
    };
    tracers().into_iter().flat_map(both).collect()
}

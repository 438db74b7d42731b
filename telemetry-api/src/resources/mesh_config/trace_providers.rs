//! The providers of traces, as `extensionProviders` of MeshConfig has them: where spans go, and how.

use std::time::Duration;

use super::CollectorRef;
use crate::origin::{Origin, Traced};

/// The path of a Zipkin collector when a provider has none: that of Zipkin's second version, the only one whose JSON
/// proxies write.
pub const ZIPKIN_PATH: &str = "/api/v2/spans";
/// How long a call to a Zipkin collector may take when a provider does not say: what Istio's control plane writes.
pub const ZIPKIN_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a call over HTTP to an OpenTelemetry collector may take when a provider does not say. Istio's documentation
/// has this default and its control plane writes none, which Envoy refuses.
pub const HTTP_EXPORT_TIMEOUT: Duration = Duration::from_secs(3);

/// `zipkin`: spans as JSON over HTTP/1.1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Zipkin {
    /// `service` and `port`, both required.
    pub collector: CollectorRef,
    /// `maxTagLength`: how many bytes of a request's path a tag holds, 0 to 4294967295. 0 or absent: as
    /// `defaultConfig.tracing.maxPathTagLength` says.
    pub max_tag_length: u32,
    /// `enable64bitTraceId`: whether ids of traces have 64 bits. Default: false, which means 128, as other tracers
    /// expect them.
    pub short_trace_ids: bool,
    /// `path`: where the collector takes spans; begins with a slash. Empty or absent: [`ZIPKIN_PATH`].
    pub path: String,
    /// `traceContextOption`: which headers carry a trace.
    pub trace_context: TraceContext,
    /// `timeout`: how long a call may take, 0 or more. Absent: [`ZIPKIN_TIMEOUT`]. Stock Envoy reads it and waits 5 s
    /// all the same.
    pub timeout: Option<Traced<Duration>>,
    /// `headers`: what calls carry beside the spans, in the order of the text. Default: nothing.
    pub headers: Vec<CallHeader>,
}

/// Which headers carry a trace from one proxy to the next, for tracers that have a choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TraceContext {
    /// Zipkin's own, `x-b3-…`. Istio's default, since every Zipkin client knows them.
    #[default]
    B3,
    /// Both `x-b3-…` and W3C's `traceparent` are sent, and the latter is taken from a request that has no other.
    B3AndW3c,
}

/// `datadog`: spans to Datadog's agent, over HTTP/1.1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Datadog {
    /// `service` and `port`, both required.
    pub collector: CollectorRef,
    /// `maxTagLength`: as in [`Zipkin`].
    pub max_tag_length: u32,
}

/// `skywalking`: segments to a SkyWalking collector, over gRPC. It has no `maxTagLength`; what
/// `defaultConfig.tracing.maxPathTagLength` says holds. Its `accessToken` is read by nobody: Istio's proxies send none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Skywalking {
    /// `service` and `port`, both required.
    pub collector: CollectorRef,
}

/// `opentelemetry`: spans to an OpenTelemetry collector, over gRPC unless `http` is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Opentelemetry {
    /// `service` and `port`, both required.
    pub collector: CollectorRef,
    /// `maxTagLength`: as in [`Zipkin`].
    pub max_tag_length: u32,
    /// `http`: spans go over HTTP/1.1, also when `grpc` is there. Absent: over gRPC.
    pub http: Option<Traced<HttpExport>>,
    /// `grpc`: how calls over gRPC are made. Absent: without a limit of time and without metadata.
    pub grpc: Option<Traced<GrpcExport>>,
    /// `resourceDetectors`: what the proxy finds out about itself, in this order. Default: nothing.
    pub detectors: Vec<ResourceDetector>,
    /// `serviceAttributeEnrichment`: how the name of the proxy's spans is made.
    pub service_attributes: ServiceAttributes,
    /// `dynatraceSampler`: decides which traces are kept, instead of any percentage. Absent: the percentage decides.
    pub sampler: Option<Traced<DynatraceSampler>>,
}

/// `http` of a provider: calls over HTTP.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HttpExport {
    /// `path`: where calls go; begins with a slash, without a query. Required, such as `/v1/traces`; empty: `/`.
    pub path: String,
    /// `timeout`: how long a call may take; 0: as long as it takes. Absent: [`HTTP_EXPORT_TIMEOUT`].
    pub timeout: Option<Duration>,
    /// `headers`: what calls carry, in the order of the text. Default: nothing.
    pub headers: Vec<CallHeader>,
}

/// `grpc` of a provider: calls over gRPC.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GrpcExport {
    /// `timeout`: how long a call may take; 0 or absent: as long as it takes.
    pub timeout: Option<Duration>,
    /// `initialMetadata`: what calls carry, in the order of the text. Default: nothing.
    pub metadata: Vec<CallHeader>,
}

/// A header of calls to a collector: an entry of `headers` or `initialMetadata`.
#[derive(Clone, Debug, PartialEq)]
pub struct CallHeader {
    /// Where it stands.
    pub origin: Origin,
    /// `name`: the header's name; required.
    pub name: String,
    /// `value` or `envName`: one of the two.
    pub value: HeaderSource,
}

/// Where a header's value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderSource {
    /// `value`: this text. It is a format as in access logs, as far as it can be read as one: `%%` is a percent sign.
    Written(String),
    /// `envName`: a variable of the control plane's environment, not the proxy's. A variable that is not set gives an
    /// empty value.
    Environment(String),
}

/// A part of Envoy that finds out about its proxy, and makes attributes of spans of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ResourceDetector {
    /// `environment`: the attributes in the proxy's variable `OTEL_RESOURCE_ATTRIBUTES`.
    Environment,
    /// `dynatrace`: those in the files that Dynatrace's agent leaves on a machine.
    Dynatrace,
}

/// `serviceAttributeEnrichment`: how the name of the proxy's spans is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServiceAttributes {
    /// `ISTIO_CANONICAL`: as `defaultConfig.tracingServiceName` says. Istio's default.
    #[default]
    IstioCanonical,
    /// `OTEL_SEMANTIC_CONVENTIONS`: as OpenTelemetry derives it from a pod; the environment's attributes come along.
    OtelSemanticConventions,
}

/// `dynatraceSampler`: keeps as many traces a minute as Dynatrace says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DynatraceSampler {
    /// `tenant`: the id of the tenant in Dynatrace; required.
    pub tenant: String,
    /// `clusterId`: the id of the cluster in Dynatrace; required. It may be negative.
    pub cluster_id: i32,
    /// `rootSpansPerMinute`: how many traces a minute begin while Dynatrace has not said; 0 or absent: Envoy's 1000.
    pub root_spans_per_minute: u32,
    /// `httpService`: where Dynatrace is asked. Absent: where spans go, which must be over HTTP then, at the path
    /// `/api/v2/samplingConfiguration`.
    pub service: Option<DynatraceService>,
}

/// `httpService` of a sampler: where Dynatrace is asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DynatraceService {
    /// `service` and `port`, both required.
    pub collector: CollectorRef,
    /// `http`: how; required.
    pub http: HttpExport,
}

/// The tracer that Istio has its proxies' bootstrap start with: `zipkin` or `datadog` of `defaultConfig.tracing`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeshTracer {
    /// Which of the two.
    pub kind: MeshTracerKind,
    /// The host of `address`; [`MeshTracer::NODE`] for that of the machine that a proxy runs on.
    pub host: String,
    /// The port of `address`.
    pub port: u16,
}

impl MeshTracer {
    /// What stands in an address for that of the machine that a proxy runs on.
    pub const NODE: &str = "$(HOST_IP)";
}

/// What a tracer of the bootstrap sends to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeshTracerKind {
    /// A Zipkin collector.
    Zipkin,
    /// Datadog's agent.
    Datadog,
}

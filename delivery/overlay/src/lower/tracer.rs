//! A tracer as Envoy's configuration of it.

use burgee_api::resolve::{Exporter, ListenerClass, ResourceDetector, Sampler, TraceContext, Tracer};

use super::collector::{self, Read};
use crate::Options;
use crate::value::Value;

const TRACE: &str = "type.googleapis.com/envoy.config.trace.v3.";
const EXTENSIONS: &str = "type.googleapis.com/envoy.extensions.tracers.opentelemetry.";
/// What the names of extensions of Envoy's OpenTelemetry tracer begin with.
const NAMES: &str = "envoy.tracers.opentelemetry.";

/// The types of every tracer that [`config`] writes.
pub(super) const TYPES: [&str; 4] = [
    "envoy.config.trace.v3.ZipkinConfig",
    "envoy.config.trace.v3.DatadogConfig",
    "envoy.config.trace.v3.SkyWalkingConfig",
    "envoy.config.trace.v3.OpenTelemetryConfig",
];

/// The configuration of a tracer.
pub(super) fn config(tracer: &Tracer, class: ListenerClass, provider: &str, options: &Options) -> Value {
    let own = || collector::reporter(class, provider, options);
    let fields = match tracer {
        Tracer::Zipkin { call, short_trace_ids, trace_context } => {
            let mut fields = vec![
                typed("ZipkinConfig"),
                ("collector_service".to_owned(), collector::http_service(call, Read::AsFormats, own())),
                ("collector_endpoint_version".to_owned(), Value::string("HTTP_JSON")),
                ("trace_id_128bit".to_owned(), Value::Bool(!short_trace_ids)),
                // The two ends of a call have spans of their own, as Istio has it.
                ("shared_span_context".to_owned(), Value::Bool(false)),
            ];
            if *trace_context == TraceContext::B3AndW3c {
                let option = Value::string("USE_B3_WITH_W3C_PROPAGATION");
                fields.push(("trace_context_option".to_owned(), option));
            }
            fields
        }
        Tracer::Datadog { collector, service_name } => vec![
            typed("DatadogConfig"),
            ("collector_cluster".to_owned(), Value::string(collector.cluster())),
            ("collector_hostname".to_owned(), Value::string(collector.host.clone())),
            ("service_name".to_owned(), Value::string(service_name.clone())),
        ],
        Tracer::Skywalking { collector, service_name } => {
            let client = Value::map([("service_name", Value::string(service_name.clone()))]);
            vec![
                typed("SkyWalkingConfig"),
                ("grpc_service".to_owned(), collector::grpc_service(collector, class, provider, options)),
                // Envoy would take the cluster of its node, which in Istio is this name.
                ("client_config".to_owned(), client),
            ]
        }
        Tracer::Opentelemetry { exporter, service_name, detectors, sampler } => {
            let exporter = match exporter {
                Exporter::Http(call) => {
                    ("http_service", collector::http_service(call, Read::AsFormats, own()))
                }
                Exporter::Grpc { collector, timeout, metadata } => {
                    let service = collector::grpc_service_with(collector, *timeout, metadata, own());
                    ("grpc_service", service)
                }
            };
            let mut fields = vec![
                typed("OpenTelemetryConfig"),
                (exporter.0.to_owned(), exporter.1),
                ("service_name".to_owned(), Value::string(service_name.clone())),
            ];
            if !detectors.is_empty() {
                let detectors = detectors.iter().map(|detector| resource_detector(*detector)).collect();
                fields.push(("resource_detectors".to_owned(), Value::List(detectors)));
            }
            fields.extend(sampler.iter().map(|sampler| ("sampler".to_owned(), dynatrace(sampler))));
            fields
        }
    };
    Value::Map(fields.into())
}

fn typed(name: &str) -> (String, Value) {
    ("@type".to_owned(), Value::string(format!("{TRACE}{name}")))
}

fn resource_detector(detector: ResourceDetector) -> Value {
    let (name, kind) = match detector {
        ResourceDetector::Environment => ("environment", "EnvironmentResourceDetectorConfig"),
        ResourceDetector::Dynatrace => ("dynatrace", "DynatraceResourceDetectorConfig"),
    };
    let kind = Value::string(format!("{EXTENSIONS}resource_detectors.v3.{kind}"));
    Value::map([
        ("name", Value::string(format!("{NAMES}resource_detectors.{name}"))),
        ("typed_config", Value::map([("@type", kind)])),
    ])
}

fn dynatrace(sampler: &Sampler) -> Value {
    let kind = Value::string(format!("{EXTENSIONS}samplers.v3.DynatraceSamplerConfig"));
    let mut fields = vec![
        ("@type".to_owned(), kind),
        ("tenant".to_owned(), Value::string(sampler.tenant.clone())),
        ("cluster_id".to_owned(), Value::Int(i64::from(sampler.cluster_id))),
        ("http_service".to_owned(), collector::http_service(&sampler.call, Read::AsTheyAre, None)),
    ];
    if sampler.root_spans_per_minute > 0 {
        let rate = Value::Int(i64::from(sampler.root_spans_per_minute));
        fields.push(("root_spans_per_minute".to_owned(), rate));
    }
    Value::map([
        ("name", Value::string(format!("{NAMES}samplers.dynatrace"))),
        ("typed_config", Value::Map(fields.into())),
    ])
}

//! Reads `defaultConfig`: what every proxy is started with, as far as it says something about traces or logs.

use super::log_providers::remote_service;
use super::mesh_tracer::TRACERS;
use super::providers::max_tag_length;
use super::{mesh_tracer, object, string};
use crate::document::reader::{Context, Field};
use crate::document::scalar::{self, Scalar};
use crate::document::telemetry::{TagsOf, custom_tags};
use crate::origin::Traced;
use crate::problem::{Severity, codes};
use crate::resources::MeshConfig;
use crate::resources::mesh_config::{ProxyTracing, ServiceName};

/// Every field of Istio's ProxyConfig.
const FIELDS: &[&str] = &[
    "availabilityZone",
    "binaryPath",
    "caCertificatesPem",
    "concurrency",
    "configPath",
    "connectTimeout",
    "controlPlaneAuthPolicy",
    "customConfigFile",
    "discoveryAddress",
    "discoveryRefreshDelay",
    "drainDuration",
    "envoyAccessLogService",
    "envoyMetricsService",
    "envoyMetricsServiceAddress",
    "extraStatTags",
    "fileFlushInterval",
    "fileFlushMinSizeKb",
    "gatewayTopology",
    "holdApplicationUntilProxyStarts",
    "image",
    "interceptionMode",
    "meshId",
    "parentShutdownDuration",
    "privateKeyProvider",
    "proxyAdminPort",
    "proxyBootstrapTemplatePath",
    "proxyHeaders",
    "proxyMetadata",
    "proxyStatsMatcher",
    "readinessProbe",
    "runtimeValues",
    "sds",
    "serviceCluster",
    "statNameLength",
    "statsCompression",
    "statsdUdpAddress",
    "statusPort",
    "terminationDrainDuration",
    "tracing",
    "tracingServiceName",
    "zipkinAddress",
];

const SERVICE_NAMES: &[(&str, ServiceName)] = &[
    ("APP_LABEL_AND_NAMESPACE", ServiceName::AppAndNamespace),
    ("CANONICAL_NAME_ONLY", ServiceName::Canonical),
    ("CANONICAL_NAME_AND_NAMESPACE", ServiceName::CanonicalAndNamespace),
];

/// Reads `defaultConfig`.
pub(super) fn read(mesh: &mut MeshConfig, field: &Field<'_>, context: &mut Context) {
    let Some(config) = object(field, FIELDS, context) else { return };
    if let Some(field) = config.get("envoyAccessLogService") {
        mesh.access_log_service = remote_service(&field, context);
    }
    let tracing = &mut mesh.proxy_tracing;
    for (key, setting) in [("serviceCluster", &mut tracing.service_cluster), ("meshId", &mut tracing.mesh_id)]
    {
        if let Some(field) = config.get(key) {
            *setting = string(&field, context);
        }
    }
    if let Some(field) = config.get("tracingServiceName") {
        let rule = field.choice(context, SERVICE_NAMES);
        tracing.service_name = rule.map(|rule| field.traced(context, rule));
    }
    if let Some(field) = config.get("zipkinAddress") {
        let message = "today's Istio does not read this, so no spans are sent there";
        let help = "write `tracing: {zipkin: {address: HOST:PORT}}`";
        context.report(Severity::Warning, codes::MESH_TRACER, &field, message, help);
    }
    if let Some(field) = config.get("tracing") {
        read_tracing(tracing, &field, context);
    }
}

fn read_tracing(tracing: &mut ProxyTracing, field: &Field<'_>, context: &mut Context) {
    let mut known = vec!["customTags", "maxPathTagLength", "sampling", "tlsSettings", "enableIstioTags"];
    known.extend(TRACERS.iter().map(|(name, ..)| name));
    let Some(object) = object(field, &known, context) else { return };
    tracing.written = Some(field.origin(context));
    mesh_tracer::read(tracing, &object, context);
    if let Some(field) = object.get("sampling") {
        tracing.sampling = sampling(&field, context);
    }
    if let Some(field) = object.get("customTags") {
        tracing.custom_tags = custom_tags(&field, TagsOf::Proxies, context);
    }
    if let Some(field) = object.get("maxPathTagLength") {
        let length = max_tag_length(&object, "maxPathTagLength", context);
        tracing.max_path_tag_length = length.map(|length| field.traced(context, length));
    }
    if let Some(field) = object.get("enableIstioTags") {
        tracing.istio_tags = field.boolean(context).map(|value| field.traced(context, value));
    }
}

/// A share in percent. Istio takes one above 100 for nothing said.
fn sampling(field: &Field<'_>, context: &mut Context) -> Option<Traced<f64>> {
    let above = match scalar::resolve(field.node) {
        #[allow(clippy::cast_precision_loss, reason = "such a number is out of range either way")]
        Some(Scalar::Int(number)) if number > 100 => Some(number as f64),
        Some(Scalar::Float(number)) if number > 100.0 => Some(number),
        _ => None,
    };
    if let Some(number) = above {
        let message = format!("{number} is more than every trace, and Istio keeps 1 % then");
        context.report(Severity::Warning, codes::OUT_OF_RANGE, field, message, "allowed: 0 to 100");
        return Some(field.traced(context, number));
    }
    let percent = field.number(context, 0.0, 100.0)?;
    Some(field.traced(context, percent))
}

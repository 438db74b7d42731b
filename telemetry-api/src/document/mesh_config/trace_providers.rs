//! Reads what providers of traces are told.

use std::time::Duration;

use super::calls::{headers, timeout};
use super::object;
use super::providers::{collector, max_tag_length};
use crate::document::reader::{Context, Field, Object, shorten};
use crate::problem::{Severity, codes};
use crate::resources::mesh_config::{
    Datadog, DynatraceSampler, DynatraceService, GrpcExport, HttpExport, Opentelemetry, ResourceDetector,
    ServiceAttributes, Skywalking, TraceContext, ZIPKIN_TIMEOUT, Zipkin,
};

/// The fields of kinds that nothing can be sent with any more, by kind.
pub(super) const LIGHTSTEP: &[&str] = &["service", "port", "accessToken", "maxTagLength"];
pub(super) const OPENCENSUS: &[&str] = &["service", "port", "context", "maxTagLength"];
pub(super) const STACKDRIVER: &[&str] = &[
    "debug",
    "maxNumberOfAttributes",
    "maxNumberOfAnnotations",
    "maxNumberOfMessageEvents",
    "maxTagLength",
    "logging",
];

/// The body of `zipkin`.
pub(super) fn zipkin(body: &Field<'_>, context: &mut Context) -> Option<Zipkin> {
    const CONTEXTS: &[(&str, TraceContext)] =
        &[("USE_B3", TraceContext::B3), ("USE_B3_WITH_W3C_PROPAGATION", TraceContext::B3AndW3c)];
    const FIELDS: &[&str] = &[
        "service",
        "port",
        "maxTagLength",
        "enable64bitTraceId",
        "path",
        "traceContextOption",
        "timeout",
        "headers",
    ];
    let body = object(body, FIELDS, context)?;
    let timeout = body.get("timeout").and_then(|field| {
        let timeout = timeout(&field, context)?;
        if timeout != ZIPKIN_TIMEOUT {
            let message = "a stock Envoy waits 5 s for a Zipkin collector, whatever is written here";
            context.report(Severity::Warning, codes::TIMEOUT_IGNORED, &field, message, "take it out");
        }
        Some(field.traced(context, timeout))
    });
    Some(Zipkin {
        collector: collector(&body, context),
        max_tag_length: max_tag_length(&body, "maxTagLength", context).unwrap_or_default(),
        short_trace_ids: body
            .get("enable64bitTraceId")
            .and_then(|field| field.boolean(context))
            .unwrap_or_default(),
        path: path(&body, context).unwrap_or_default(),
        trace_context: body
            .get("traceContextOption")
            .and_then(|field| field.choice(context, CONTEXTS))
            .unwrap_or_default(),
        timeout,
        headers: headers(&body, "headers", context),
    })
}

/// The body of `datadog`.
pub(super) fn datadog(body: &Field<'_>, context: &mut Context) -> Option<Datadog> {
    let body = object(body, &["service", "port", "maxTagLength"], context)?;
    let max_tag_length = max_tag_length(&body, "maxTagLength", context).unwrap_or_default();
    Some(Datadog { collector: collector(&body, context), max_tag_length })
}

/// The body of `skywalking`.
pub(super) fn skywalking(body: &Field<'_>, context: &mut Context) -> Option<Skywalking> {
    let body = object(body, &["service", "port", "accessToken"], context)?;
    if let Some(field) = body.get("accessToken") {
        let message = "Istio's proxies send no access token to SkyWalking, so neither do these";
        let help = "take it out, and see that the collector takes segments without a token";
        context.report(Severity::Warning, codes::TOKEN_IGNORED, &field, message, help);
    }
    Some(Skywalking { collector: collector(&body, context) })
}

/// The body of `opentelemetry`.
pub(super) fn opentelemetry(body: &Field<'_>, context: &mut Context) -> Option<Opentelemetry> {
    const ATTRIBUTES: &[(&str, ServiceAttributes)] = &[
        ("ISTIO_CANONICAL", ServiceAttributes::IstioCanonical),
        ("OTEL_SEMANTIC_CONVENTIONS", ServiceAttributes::OtelSemanticConventions),
    ];
    const FIELDS: &[&str] = &[
        "service",
        "port",
        "maxTagLength",
        "http",
        "grpc",
        "resourceDetectors",
        "serviceAttributeEnrichment",
        "dynatraceSampler",
    ];
    let body = object(body, FIELDS, context)?;
    let grpc = body.get("grpc").and_then(|field| {
        let grpc = object(&field, &["timeout", "initialMetadata"], context)?;
        let timeout = grpc.get("timeout").and_then(|field| timeout(&field, context));
        let metadata = headers(&grpc, "initialMetadata", context);
        Some(field.traced(context, GrpcExport { timeout, metadata }))
    });
    let http = body.get("http").and_then(|field| {
        let http = http_export(&field, context)?;
        Some(field.traced(context, http))
    });
    if let (Some(_), Some(field)) = (&http, body.get("grpc")) {
        let message = "`http` is there too, and spans go over HTTP: this has no effect";
        context.report(Severity::Warning, codes::TWO_EXPORTERS, &field, message, "take one of the two out");
    }
    let sampler = body.get("dynatraceSampler").and_then(|field| {
        let sampler = dynatrace_sampler(&field, http.is_some(), context)?;
        Some(field.traced(context, sampler))
    });
    Some(Opentelemetry {
        collector: collector(&body, context),
        max_tag_length: max_tag_length(&body, "maxTagLength", context).unwrap_or_default(),
        http,
        grpc,
        detectors: detectors(&body, context),
        service_attributes: body
            .get("serviceAttributeEnrichment")
            .and_then(|field| field.choice(context, ATTRIBUTES))
            .unwrap_or_default(),
        sampler,
    })
}

fn detectors(body: &Object<'_>, context: &mut Context) -> Vec<ResourceDetector> {
    let names = [("environment", ResourceDetector::Environment), ("dynatrace", ResourceDetector::Dynatrace)];
    let keys = names.map(|(name, _)| name);
    let Some(object) = body.get("resourceDetectors").and_then(|field| self::object(&field, &keys, context))
    else {
        return Vec::new();
    };
    let is_there = |name: &str, context: &mut Context| {
        object.get(name).and_then(|field| self::object(&field, &[], context)).is_some()
    };
    names.into_iter().filter(|(name, _)| is_there(name, context)).map(|(_, detector)| detector).collect()
}

fn dynatrace_sampler(
    field: &Field<'_>,
    reports_over_http: bool,
    context: &mut Context,
) -> Option<DynatraceSampler> {
    let known = ["tenant", "clusterId", "rootSpansPerMinute", "httpService"];
    let sampler = object(field, &known, context)?;
    let help = "Dynatrace's page about deploying Envoy shows it";
    let tenant = sampler.require(context, "tenant", help).and_then(|field| field.string(context));
    let cluster = sampler.require(context, "clusterId", help);
    let cluster = cluster.and_then(|field| field.integer(context, i32::MIN.into(), i32::MAX.into()));
    let rate = sampler.get("rootSpansPerMinute");
    let rate = rate.and_then(|field| field.integer(context, 0, u32::MAX.into()));
    if sampler.get("httpService").is_none() && !reports_over_http {
        let message = "nothing says where Dynatrace is asked, so Istio leaves the whole provider out";
        let help = "write `httpService` here, or send spans to Dynatrace with `http`";
        context.report(Severity::Warning, codes::SAMPLER_WITHOUT_SERVICE, field, message, help);
    }
    Some(DynatraceSampler {
        tenant: tenant.unwrap_or_default(),
        cluster_id: cluster.and_then(|id| i32::try_from(id).ok()).unwrap_or_default(),
        root_spans_per_minute: rate.and_then(|rate| u32::try_from(rate).ok()).unwrap_or_default(),
        service: sampler.get("httpService").and_then(|field| dynatrace_service(&field, context)),
    })
}

fn dynatrace_service(field: &Field<'_>, context: &mut Context) -> Option<DynatraceService> {
    let service = object(field, &["service", "port", "http"], context)?;
    let help = "how Dynatrace is asked, such as `http: {path: /api/v2/samplingConfiguration}`";
    let http = service.require(context, "http", help);
    Some(DynatraceService {
        collector: collector(&service, context),
        http: http.and_then(|field| http_export(&field, context)).unwrap_or_default(),
    })
}

/// `http` of a provider.
fn http_export(field: &Field<'_>, context: &mut Context) -> Option<HttpExport> {
    let http = object(field, &["path", "timeout", "headers"], context)?;
    let path = path(&http, context).unwrap_or_default();
    if path.is_empty() {
        let message = "there is no `path`, so calls go to `/`, where collectors take nothing";
        let help = "write one, such as `path: /v1/traces`";
        context.report(Severity::Warning, codes::COLLECTOR_PATH, field, message, help);
    }
    if path.contains(['?', '#'])
        && let Some(field) = http.get("path")
    {
        let message =
            "Istio has proxies send `?` and `#` as letters of the path, not as the beginning of a query";
        let help = "write the path alone; what a collector has to be told can be a header";
        context.report(Severity::Warning, codes::COLLECTOR_PATH, &field, message, help);
    }
    let timeout: Option<Duration> = http.get("timeout").and_then(|field| timeout(&field, context));
    Some(HttpExport { path, timeout, headers: headers(&http, "headers", context) })
}

/// `path`, which begins with a slash.
fn path(object: &Object<'_>, context: &mut Context) -> Option<String> {
    let field = object.get("path")?;
    let path = field.string(context)?;
    if !path.is_empty() && !path.starts_with('/') {
        let message = format!("the path `{}` does not begin with a slash", shorten(&path));
        let help = "put one before it; a Zipkin collector would be called by another host's name without";
        context.report(Severity::Warning, codes::COLLECTOR_PATH, &field, message, help);
    }
    Some(path)
}

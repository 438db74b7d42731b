//! Reads the tracer that Istio has the bootstrap of every proxy start with, below `defaultConfig.tracing`.

use super::calls::address;
use super::object;
use crate::document::reader::{Context, Field, Object};
use crate::problem::{Severity, codes};
use crate::resources::mesh_config::{MeshTracer, MeshTracerKind, ProxyTracing};

/// The tracers of a bootstrap, the fields of each, and the kind of those that Envoy still has.
pub(super) const TRACERS: &[(&str, &[&str], Option<MeshTracerKind>)] = &[
    ("zipkin", &["address"], Some(MeshTracerKind::Zipkin)),
    ("datadog", &["address"], Some(MeshTracerKind::Datadog)),
    ("lightstep", &["address", "accessToken"], None),
    ("stackdriver", STACKDRIVER, None),
    ("openCensusAgent", &["address", "context"], None),
];

const STACKDRIVER: &[&str] =
    &["debug", "maxNumberOfAttributes", "maxNumberOfAnnotations", "maxNumberOfMessageEvents"];

/// Every field of `tlsSettings`.
const TLS_FIELDS: &[&str] = &[
    "caCertificates",
    "caCrl",
    "clientCertificate",
    "credentialName",
    "insecureSkipVerify",
    "mode",
    "privateKey",
    "sni",
    "subjectAltNames",
];

/// What to do where the mesh's own tracer does not do.
const INSTEAD: &str =
    "name a provider of kind opentelemetry or zipkin in a Telemetry, or as defaultProviders.tracing";

/// Reads the tracer, and how its collector has to be called.
pub(super) fn read(tracing: &mut ProxyTracing, config: &Object<'_>, context: &mut Context) {
    let tls = config.get("tlsSettings").filter(|field| needs_tls(field, context));
    tracing.needs_tls = tls.as_ref().map(|field| field.origin(context));
    let mut is_there = false;
    for (name, fields, kind) in TRACERS {
        let Some(field) = config.get(name) else { continue };
        if std::mem::replace(&mut is_there, true) {
            let message = "there is another tracer here, and Istio refuses two";
            context.report(Severity::Error, codes::MESH_TRACER, &field, message, "keep one");
            continue;
        }
        let Some(body) = object(&field, fields, context) else { continue };
        match kind {
            Some(kind) => {
                tracing.tracer = tracer(*kind, &body, context).map(|tracer| field.traced(context, tracer));
            }
            None => {
                let message = format!("Envoy has no tracer `{name}` any more, so no spans are sent with it");
                context.report(Severity::Warning, codes::MESH_TRACER, &field, message, INSTEAD);
            }
        }
    }
    if let (Some(field), Some(_)) = (tls, &tracing.tracer) {
        let message = "calls over TLS to the mesh's own tracer are not written, so no spans are sent with it";
        let help = format!("{INSTEAD}, whose collector's cluster a base can have with TLS");
        context.report(Severity::Warning, codes::MESH_TRACER, &field, message, help);
    }
}

fn tracer(kind: MeshTracerKind, body: &Object<'_>, context: &mut Context) -> Option<MeshTracer> {
    let help = match kind {
        MeshTracerKind::Zipkin => "where the collector is, such as `zipkin.istio-system:9411`",
        MeshTracerKind::Datadog => "where the agent is, such as `datadog.monitoring:8126`",
    };
    let field = body.require(context, "address", help)?;
    let (host, port) = address(&field, context, help)?;
    if host == MeshTracer::NODE {
        let message =
            "the address of the machine that a proxy runs on is not known here, so no spans are sent to it";
        context.report(Severity::Warning, codes::MESH_TRACER, &field, message, INSTEAD);
    }
    Some(MeshTracer { kind, host, port })
}

/// Whether `tlsSettings` ask for TLS.
pub(super) fn needs_tls(field: &Field<'_>, context: &mut Context) -> bool {
    const MODES: &[(&str, bool)] =
        &[("DISABLE", false), ("SIMPLE", true), ("MUTUAL", true), ("ISTIO_MUTUAL", true)];
    let Some(settings) = object(field, TLS_FIELDS, context) else { return false };
    settings.get("mode").and_then(|mode| mode.choice(context, MODES)).unwrap_or(false)
}

//! Reads `extensionProviders`: the bodies of those kinds that this version writes, the names of all others.

use super::{not_applied, object};
use crate::document::log_format;
use crate::document::reader::{Context, Field, Object, list, shorten};
use crate::problem::{Severity, closest, codes};
use crate::resources::mesh_config::{
    CollectorRef, FileAccessLog, LogFormat, Opentelemetry, OtelAccessLog, ProviderConfig,
};
use crate::resources::{ExtensionProvider, ProviderKind};

/// A provider: its name, its one kind, and what it is told.
pub(super) fn read(field: &Field<'_>, context: &mut Context) -> Option<ExtensionProvider> {
    let object = field.any_object(context)?;
    let name = object.require(context, "name", "documents refer to a provider by its name")?;
    let name = name.string(context)?;
    let kinds: Vec<&str> = ProviderKind::ALL.iter().map(|kind| kind.key()).collect();
    let mut found = None;
    let mut misspelt = false;
    for (text, key) in object.keys() {
        if text == "name" {
            continue;
        }
        let Some(kind) = ProviderKind::ALL.into_iter().find(|kind| kind.key() == text) else {
            let mut help = format!("allowed: {}", list(&kinds));
            if let Some(known) = closest(text, &kinds) {
                help = format!("did you mean `{known}`? {help}");
            }
            let message = format!("there is no kind of provider `{}`", shorten(text));
            context.report(Severity::Error, codes::BAD_PROVIDER, &key, message, help);
            misspelt = true;
            continue;
        };
        if found.is_some() {
            let message = "a provider has one kind; this is a second one";
            let help = "make two providers of it";
            context.report(Severity::Error, codes::BAD_PROVIDER, &key, message, help);
            continue;
        }
        found = Some((kind, object.get(text)));
    }
    let Some((kind, body)) = found else {
        if misspelt {
            return None;
        }
        context.report(
            Severity::Error,
            codes::BAD_PROVIDER,
            field,
            format!("provider `{}` has no kind", shorten(&name)),
            format!("write one of: {}", list(&kinds)),
        );
        return None;
    };
    let config = match &body {
        Some(body) => config(kind, body, context),
        None => empty(kind, field, context),
    };
    Some(ExtensionProvider { name, kind, config, origin: field.origin(context) })
}

/// What a provider is told. A body that cannot be read leaves the provider as if nothing were written in it.
fn config(kind: ProviderKind, body: &Field<'_>, context: &mut Context) -> ProviderConfig {
    match kind {
        ProviderKind::EnvoyFileAccessLog => {
            ProviderConfig::FileAccessLog(file_access_log(body, context).unwrap_or_default())
        }
        ProviderKind::EnvoyOtelAls => {
            ProviderConfig::OtelAccessLog(otel_access_log(body, context).unwrap_or_default())
        }
        ProviderKind::Opentelemetry => {
            ProviderConfig::Opentelemetry(opentelemetry(body, context).unwrap_or_default())
        }
        _ => ProviderConfig::None,
    }
}

/// A kind without a body, which is enough for those that need no collector.
fn empty(kind: ProviderKind, field: &Field<'_>, context: &mut Context) -> ProviderConfig {
    match kind {
        ProviderKind::EnvoyFileAccessLog => ProviderConfig::FileAccessLog(FileAccessLog::default()),
        ProviderKind::EnvoyOtelAls | ProviderKind::Opentelemetry => {
            let message = format!("`{}` is empty", kind.key());
            let help = "it needs at least `service` and `port`";
            context.report(Severity::Error, codes::BAD_PROVIDER, field, message, help);
            ProviderConfig::None
        }
        _ => ProviderConfig::None,
    }
}

fn file_access_log(body: &Field<'_>, context: &mut Context) -> Option<FileAccessLog> {
    let body = object(body, &["path", "logFormat", "omitEmptyValues"], context)?;
    let path = body.string(context, "path").unwrap_or_default();
    let omit_empty_values =
        body.get("omitEmptyValues").and_then(|field| field.boolean(context)).unwrap_or_default();
    let format = body.get("logFormat").and_then(|field| {
        let format = object(&field, &["text", "labels"], context)?;
        if let (Some(_), Some(labels)) = (format.get("text"), format.get("labels")) {
            let message = "both `text` and `labels` are there";
            let help = "write one of the two: lines of text, or of JSON";
            context.report(Severity::Error, codes::BAD_LOG_FORMAT, &labels, message, help);
        }
        if let Some(text) = format_text(&format, context) {
            return Some(LogFormat::Text(text));
        }
        let labels = format.get("labels")?;
        Some(LogFormat::Labels(log_format::labels(&labels, context)?))
    });
    Some(FileAccessLog { path, format, omit_empty_values })
}

/// `text` of a format.
fn format_text(format: &Object<'_>, context: &mut Context) -> Option<String> {
    let field = format.get("text")?;
    let text = field.string(context)?;
    log_format::judge(&text, &field, context);
    Some(text)
}

fn otel_access_log(body: &Field<'_>, context: &mut Context) -> Option<OtelAccessLog> {
    let body = object(body, &["service", "port", "logName", "logFormat"], context)?;
    let collector = collector(&body, context);
    let log_name = body.string(context, "logName").unwrap_or_default();
    let format = body.get("logFormat").and_then(|field| object(&field, &["text", "labels"], context));
    let text = format.as_ref().and_then(|format| format_text(format, context));
    let labels = format.and_then(|format| {
        let labels = format.get("labels")?;
        for (key, field) in labels.any_object(context)?.fields() {
            if field.quiet_string().is_none() {
                let message = format!("the attribute `{}` is no text, so Istio sends it empty", shorten(key));
                let help = "write a text, such as \"%RESPONSE_CODE%\"";
                context.report(Severity::Warning, codes::BAD_LOG_FORMAT, &field, message, help);
            }
        }
        log_format::labels(&labels, context)
    });
    Some(OtelAccessLog { collector, log_name, text, labels: labels.unwrap_or_default() })
}

/// The fields of `opentelemetry` that change how spans are sent, and what each would do.
const NOT_APPLIED: &[(&str, &str)] = &[
    ("grpc", "how long a call may take and what metadata it has"),
    ("resourceDetectors", "attributes of the resource that the proxy finds out"),
    ("dynatraceSampler", "the sampler; without it every trace is kept"),
];

fn opentelemetry(body: &Field<'_>, context: &mut Context) -> Option<Opentelemetry> {
    let mut known = vec!["service", "port", "maxTagLength", "http", "serviceAttributeEnrichment"];
    known.extend(NOT_APPLIED.iter().map(|(name, _)| name));
    let body = object(body, &known, context)?;
    let collector = collector(&body, context);
    for (name, what) in NOT_APPLIED {
        if let Some(field) = body.get(name) {
            not_applied(&field, what, "traces are sent without it", context);
        }
    }
    let enrichment = [("ISTIO_CANONICAL", false), ("OTEL_SEMANTIC_CONVENTIONS", true)];
    if let Some(field) = body.get("serviceAttributeEnrichment")
        && field.choice(context, &enrichment) == Some(true)
    {
        let what = "names of services by OpenTelemetry's conventions";
        not_applied(&field, what, "the name of the proxy's spans is that of ISTIO_CANONICAL", context);
    }
    let presence = |key: &str, context: &Context| body.get(key).map(|field| field.traced(context, ()));
    Some(Opentelemetry {
        collector,
        http: presence("http", context),
        own_sampler: presence("dynatraceSampler", context),
        max_tag_length: max_tag_length(&body, "maxTagLength", context).unwrap_or_default(),
    })
}

/// A length that is at most what 32 bits hold.
pub(super) fn max_tag_length(object: &Object<'_>, key: &str, context: &mut Context) -> Option<u32> {
    let length = object.get(key)?.integer(context, 0, i128::from(u32::MAX))?;
    u32::try_from(length).ok()
}

fn collector(body: &Object<'_>, context: &mut Context) -> CollectorRef {
    let help = "the collector's host name, such as `otel-collector.observability.svc.cluster.local`";
    let service = body.require(context, "service", help).and_then(|field| {
        let service = field.string(context)?;
        if service.is_empty() || service.matches('/').count() > 1 {
            let message = format!("`{}` is not a service", shorten(&service));
            let help = "write `hostname` or `namespace/hostname`";
            context.report(Severity::Error, codes::BAD_VALUE, &field, message, help);
        }
        Some(service)
    });
    let port = body.require(context, "port", "the collector's port, such as 4317 for OTLP over gRPC");
    CollectorRef {
        service: service.unwrap_or_default(),
        port: port.and_then(|field| field.port(context)).unwrap_or_default(),
    }
}

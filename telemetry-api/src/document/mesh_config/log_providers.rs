//! Reads what providers of access logs are told, and where the bootstrap's own access log service is.

use super::mesh_tracer::needs_tls;
use super::object;
use super::providers::collector;
use crate::document::log_format;
use crate::document::reader::{Context, Field, Object, shorten};
use crate::origin::Traced;
use crate::problem::{Severity, codes};
use crate::resources::mesh_config::{
    AccessLogService, FileAccessLog, LogFormat, OtelAccessLog, RemoteService, Security, TcpKeepalive,
};

/// The body of `envoyFileAccessLog`.
pub(super) fn file_access_log(body: &Field<'_>, context: &mut Context) -> Option<FileAccessLog> {
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

/// The body of `envoyOtelAls`.
pub(super) fn otel_access_log(body: &Field<'_>, context: &mut Context) -> Option<OtelAccessLog> {
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

/// The body of `envoyHttpAls`.
pub(super) fn http_access_log_service(body: &Field<'_>, context: &mut Context) -> Option<AccessLogService> {
    let known = [
        "service",
        "port",
        "logName",
        "filterStateObjectsToLog",
        "additionalRequestHeadersToLog",
        "additionalResponseHeadersToLog",
        "additionalResponseTrailersToLog",
    ];
    let body = object(body, &known, context)?;
    Some(AccessLogService {
        request_headers: header_names(&body, "additionalRequestHeadersToLog", context),
        response_headers: header_names(&body, "additionalResponseHeadersToLog", context),
        response_trailers: header_names(&body, "additionalResponseTrailersToLog", context),
        ..access_log_service(&body, context)
    })
}

/// The body of `envoyTcpAls`.
pub(super) fn tcp_access_log_service(body: &Field<'_>, context: &mut Context) -> Option<AccessLogService> {
    let body = object(body, &["service", "port", "logName", "filterStateObjectsToLog"], context)?;
    Some(access_log_service(&body, context))
}

/// What both kinds of a service of Envoy's protocol have.
fn access_log_service(body: &Object<'_>, context: &mut Context) -> AccessLogService {
    let filter_state = body.list(context, "filterStateObjectsToLog");
    AccessLogService {
        collector: collector(body, context),
        log_name: body.string(context, "logName").unwrap_or_default(),
        filter_state: filter_state.iter().filter_map(|name| name.string(context)).collect(),
        ..AccessLogService::default()
    }
}

/// Names of headers. Envoy takes any text, and finds nothing under one that no header can have.
fn header_names(body: &Object<'_>, key: &str, context: &mut Context) -> Vec<String> {
    let mut names = Vec::new();
    for field in body.list(context, key) {
        let Some(name) = field.string(context) else { continue };
        if !is_header_name(&name) {
            let message =
                format!("`{}` cannot be the name of a header, so nothing is logged for it", shorten(&name));
            let help = "write a name such as `x-request-id`: letters, digits and `-`, after a `:` for `:path` and such";
            context.report(Severity::Warning, codes::BAD_HEADER_NAME, &field, message, help);
        }
        names.push(name);
    }
    names
}

/// Whether HTTP allows a header of that name, or a pseudo-header.
fn is_header_name(name: &str) -> bool {
    let name = name.strip_prefix(':').unwrap_or(name);
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !name.is_empty() && name.chars().all(is_token)
}

/// `defaultConfig.envoyAccessLogService`.
pub(super) fn remote_service(field: &Field<'_>, context: &mut Context) -> Option<Traced<RemoteService>> {
    let service = object(field, &["address", "tlsSettings", "tcpKeepalive"], context)?;
    let help = "where the service is, such as `als.observability.svc.cluster.local:9000`";
    let address = service.require(context, "address", help)?;
    let (host, port) = super::calls::address(&address, context, help)?;
    let security = match service.get("tlsSettings") {
        Some(field) if needs_tls(&field, context) => Security::Tls,
        _ => Security::ClearText,
    };
    let keepalive = service.get("tcpKeepalive").and_then(|field| keepalive(&field, context));
    Some(address.traced(context, RemoteService { host, port, security, keepalive }))
}

fn keepalive(field: &Field<'_>, context: &mut Context) -> Option<TcpKeepalive> {
    let field = object(field, &["probes", "time", "interval"], context)?;
    let probes = field.get("probes").and_then(|probes| probes.integer(context, 0, i128::from(u32::MAX)));
    Some(TcpKeepalive {
        probes: probes.and_then(|probes| u32::try_from(probes).ok()),
        time: field.get("time").and_then(|time| time.duration(context)),
        interval: field.get("interval").and_then(|interval| interval.duration(context)),
    })
}

//! Reads `extensionProviders`: the bodies of those kinds that this version writes, the names of all others.

use super::log_providers::{
    file_access_log, http_access_log_service, otel_access_log, tcp_access_log_service,
};
use super::object;
use super::trace_providers::{self, datadog, opentelemetry, skywalking, zipkin};
use crate::document::reader::{Context, Field, Object, join, list, shorten};
use crate::document::tree::NodeValue;
use crate::problem::{Severity, closest, codes};
use crate::resources::mesh_config::{CollectorRef, FileAccessLog, ProviderConfig, WrittenFields};
use crate::resources::{ExtensionProvider, ProviderKind};

/// A provider: its name, its one kind, and what it is told.
pub(super) fn read(field: &Field<'_>, context: &mut Context) -> Option<ExtensionProvider> {
    let kinds: Vec<&str> = ProviderKind::ALL.iter().map(|kind| kind.key()).collect();
    let object = field.any_object(context)?.by_names(&kinds, context);
    let name_field = object.require(context, "name", "documents refer to a provider by its name")?;
    let name = name_field.string(context)?;
    if name.is_empty() {
        let help = "documents refer to a provider by its name";
        context.report(
            Severity::Error,
            codes::BAD_PROVIDER,
            &name_field,
            "the provider's name is empty",
            help,
        );
    }
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
    let mut written = WrittenFields::default();
    if let Some(body) = &body {
        note(
            body,
            "",
            &mut written,
            &mut Context { document: context.document.clone(), problems: Vec::new() },
        );
    }
    Some(ExtensionProvider { name, kind, config, origin: field.origin(context), written })
}

/// Notes where every field within a field stands. What is wrong there is told where the fields are read.
fn note(field: &Field<'_>, name: &str, written: &mut WrittenFields, unheard: &mut Context) {
    if !matches!(field.node.value, NodeValue::Map(_)) {
        return;
    }
    let Some(object) = field.any_object(unheard) else { return };
    for (key, inner) in object.fields().filter(|(_, inner)| !inner.is_null()) {
        let name = join(name, &lower_camel_case(key));
        note(&inner, &name, written, unheard);
        written.note(name, inner.origin(unheard));
    }
}

/// A name as it is in lowerCamelCase, from snake_case.
fn lower_camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |camel, word| {
        let mut letters = word.chars();
        let begin = letters.next().map(|letter| letter.to_ascii_uppercase());
        camel + &begin.into_iter().chain(letters).collect::<String>()
    })
}

/// What a provider is told. A body that cannot be read leaves the provider as if nothing were written in it.
fn config(kind: ProviderKind, body: &Field<'_>, context: &mut Context) -> ProviderConfig {
    match kind {
        ProviderKind::EnvoyFileAccessLog => {
            ProviderConfig::FileAccessLog(file_access_log(body, context).unwrap_or_default())
        }
        ProviderKind::EnvoyHttpAls => {
            let service = http_access_log_service(body, context).unwrap_or_default();
            ProviderConfig::HttpAccessLogService(service)
        }
        ProviderKind::EnvoyTcpAls => {
            let service = tcp_access_log_service(body, context).unwrap_or_default();
            ProviderConfig::TcpAccessLogService(service)
        }
        ProviderKind::EnvoyOtelAls => {
            ProviderConfig::OtelAccessLog(otel_access_log(body, context).unwrap_or_default())
        }
        ProviderKind::Zipkin => ProviderConfig::Zipkin(zipkin(body, context).unwrap_or_default()),
        ProviderKind::Datadog => ProviderConfig::Datadog(datadog(body, context).unwrap_or_default()),
        ProviderKind::Skywalking => ProviderConfig::Skywalking(skywalking(body, context).unwrap_or_default()),
        ProviderKind::Opentelemetry => {
            ProviderConfig::Opentelemetry(Box::new(opentelemetry(body, context).unwrap_or_default()))
        }
        ProviderKind::Lightstep => unused(body, trace_providers::LIGHTSTEP, context),
        ProviderKind::Opencensus => unused(body, trace_providers::OPENCENSUS, context),
        ProviderKind::Stackdriver => unused(body, trace_providers::STACKDRIVER, context),
        _ => ProviderConfig::None,
    }
}

/// A body that says nothing to anybody, but may be misspelt.
fn unused(body: &Field<'_>, known: &[&str], context: &mut Context) -> ProviderConfig {
    object(body, known, context);
    ProviderConfig::None
}

/// A kind without a body, which is enough for those that need no collector.
fn empty(kind: ProviderKind, field: &Field<'_>, context: &mut Context) -> ProviderConfig {
    match kind {
        ProviderKind::EnvoyFileAccessLog => ProviderConfig::FileAccessLog(FileAccessLog::default()),
        ProviderKind::EnvoyHttpAls
        | ProviderKind::EnvoyTcpAls
        | ProviderKind::EnvoyOtelAls
        | ProviderKind::Zipkin
        | ProviderKind::Datadog
        | ProviderKind::Skywalking
        | ProviderKind::Opentelemetry => {
            let message = format!("`{}` is empty", kind.key());
            let help = "it needs at least `service` and `port`";
            context.report(Severity::Error, codes::BAD_PROVIDER, field, message, help);
            ProviderConfig::None
        }
        _ => ProviderConfig::None,
    }
}

/// A length that is at most what 32 bits hold.
pub(super) fn max_tag_length(object: &Object<'_>, key: &str, context: &mut Context) -> Option<u32> {
    let length = object.get(key)?.integer(context, 0, i128::from(u32::MAX))?;
    u32::try_from(length).ok()
}

/// What is wrong with `hostname` or `namespace/hostname`, as what to do about it.
fn wrong_service(service: &str) -> Option<&'static str> {
    let (namespace, host) = service.split_once('/').unwrap_or(("any", service));
    let is_name = |name: &str, others: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
    };
    let is_address = host.parse::<core::net::IpAddr>().is_ok();
    if is_address || (is_name(namespace, "-") && is_name(host, "-._")) {
        return None;
    }
    Some(match (service.contains("://"), host.contains(':')) {
        (true, _) => "write the host's name alone, without `http://` and without a path",
        (false, true) => "write the host's name alone; its port stands in `port`",
        (false, false) => "write `hostname` or `namespace/hostname`",
    })
}

/// The service that a provider sends to.
pub(super) fn collector(body: &Object<'_>, context: &mut Context) -> CollectorRef {
    let help = "the collector's host name, such as `otel-collector.observability.svc.cluster.local`";
    let service = body.require(context, "service", help).and_then(|field| {
        let service = field.string(context)?;
        if let Some(help) = wrong_service(&service) {
            let message = format!("`{}` is not a service", shorten(&service));
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

//! Reads `MeshConfig`, wherever it stands. Fields of Istio's that telemetry does not need are known
//! by name only, so that a misspelt one is still found.

mod calls;
pub(super) mod installer;
mod log_providers;
mod mesh_tracer;
mod providers;
mod proxy_config;
pub(super) mod sail;
mod trace_providers;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::reader::{Context, Field, Object, is_snake_case, shorten};
use crate::origin::Traced;
use crate::problem::{Severity, closest, codes};
use crate::resolve::log_format::json_object;
use crate::resources::MeshConfig;
use crate::resources::mesh_config::Encoding;

/// Every field of Istio's MeshConfig.
const FIELDS: &[&str] = &[
    "accessLogEncoding",
    "accessLogFile",
    "accessLogFormat",
    "ca",
    "caCertificates",
    "certificates",
    "compliancePolicy",
    "configSources",
    "connectTimeout",
    "defaultConfig",
    "defaultDestinationRuleExportTo",
    "defaultHttpRetryPolicy",
    "defaultProviders",
    "defaultServiceExportTo",
    "defaultVirtualServiceExportTo",
    "disableEnvoyListenerLog",
    "discoverySelectors",
    "dnsRefreshRate",
    "enableAutoMtls",
    "enableEnvoyAccessLogService",
    "enablePrometheusMerge",
    "enableTracing",
    "extensionProviders",
    "h2UpgradePolicy",
    "hboneIdleTimeout",
    "inboundClusterStatName",
    "inboundTrafficPolicy",
    "ingressClass",
    "ingressControllerMode",
    "ingressSelector",
    "ingressService",
    "localityLbSetting",
    "meshMTLS",
    "outboundClusterStatName",
    "outboundTrafficPolicy",
    "pathNormalization",
    "proxyHttpPort",
    "proxyInboundListenPort",
    "proxyListenPort",
    "protocolDetectionTimeout",
    "rootNamespace",
    "serviceScopeConfigs",
    "serviceSettings",
    "tcpKeepalive",
    "thriftConfig",
    "tlsDefaults",
    "trustDomain",
    "trustDomainAliases",
    "verifyCertificateAtClient",
];

/// Whether an object without a kind is a MeshConfig: one of its fields is there.
pub(super) fn is_bare(object: &Object<'_>) -> bool {
    object.fields().any(|(key, _)| FIELDS.iter().any(|field| *field == key || is_snake_case(key, field)))
}

/// Reads a whole MeshConfig, over Istio's defaults.
pub(super) fn read(root: &Field<'_>, context: &mut Context) -> MeshConfig {
    let mut mesh = MeshConfig { was_read: true, source: root.origin(context), ..MeshConfig::default() };
    read_over(&mut mesh, root, context);
    mesh
}

/// Reads the fields of a MeshConfig over what is there.
fn read_over(mesh: &mut MeshConfig, root: &Field<'_>, context: &mut Context) {
    let Some(object) = root.any_object(context) else { return };
    let object = object.by_names(FIELDS, context);
    unknown_fields(&object, FIELDS, Some("MeshConfig"), context);
    if let Some(field) = object.get("rootNamespace")
        && let Some(name) = field.string(context).filter(|name| !name.is_empty())
        && super::kinds::valid_namespace(&name, &field, context)
    {
        mesh.root_namespace = field.traced(context, name);
    }
    if let Some(defaults) = object
        .get("defaultProviders")
        .and_then(|field| self::object(&field, &["tracing", "metrics", "accessLogging"], context))
    {
        for (key, names) in [
            ("tracing", &mut mesh.default_tracing_providers),
            ("metrics", &mut mesh.default_metrics_providers),
            ("accessLogging", &mut mesh.default_access_logging_providers),
        ] {
            if let Some(field) = defaults.get(key) {
                *names = field.list(context).iter().filter_map(|field| string(field, context)).collect();
            }
        }
    }
    connect_timeout(mesh, &object, context);
    legacy(mesh, &object, context);
    if let Some(field) = object.get("defaultConfig") {
        proxy_config::read(mesh, &field, context);
    }
    if object.get("extensionProviders").is_some() {
        // A later list takes the place of an earlier one, but not of Istio's own.
        mesh.extension_providers = MeshConfig::default().extension_providers;
    }
    let mut written = HashSet::new();
    let known = mesh.extension_providers.iter().enumerate();
    let mut index: HashMap<String, usize> =
        known.map(|(index, provider)| (provider.name.clone(), index)).collect();
    for field in object.list(context, "extensionProviders") {
        let Some(provider) = providers::read(&field, context) else { continue };
        if !written.insert(provider.name.clone()) {
            context.report(
                Severity::Warning,
                codes::DUPLICATE_PROVIDER,
                &field,
                format!("provider `{}` is written twice; the last one counts", shorten(&provider.name)),
                "rename one or take it out",
            );
        }
        match index.get(&provider.name).and_then(|index| mesh.extension_providers.get_mut(*index)) {
            Some(known) => *known = provider,
            None => {
                let mut others = mesh.extension_providers.iter();
                if let Some(first) = others.find(|other| other.name.eq_ignore_ascii_case(&provider.name)) {
                    let name = shorten(&provider.name);
                    let message = format!(
                        "provider `{name}` is never used: Istio compares names without case, and `{}` stands before it",
                        shorten(&first.name)
                    );
                    let help = "give it another name";
                    context.report(Severity::Warning, codes::DUPLICATE_PROVIDER, &field, message, help);
                }
                index.insert(provider.name.clone(), mesh.extension_providers.len());
                mesh.extension_providers.push(provider);
            }
        }
    }
}

fn connect_timeout(mesh: &mut MeshConfig, object: &Object<'_>, context: &mut Context) {
    let Some(field) = object.get("connectTimeout") else { return };
    let Some(timeout) = field.duration(context) else { return };
    if timeout < Duration::from_millis(1) {
        let (message, help) = ("the timeout is too short", "allowed: 1ms and more, such as 10s");
        context.report(Severity::Error, codes::OUT_OF_RANGE, &field, message, help);
    }
    mesh.connect_timeout = field.traced(context, timeout);
}

/// What decides where no Telemetry and no default provider says anything.
fn legacy(mesh: &mut MeshConfig, object: &Object<'_>, context: &mut Context) {
    if let Some(field) = object.get("enableTracing")
        && let Some(value) = field.boolean(context)
    {
        mesh.enable_tracing = field.traced(context, value);
    }
    for (key, setting) in
        [("accessLogFile", &mut mesh.access_log_file), ("accessLogFormat", &mut mesh.access_log_format)]
    {
        if let Some(field) = object.get(key)
            && let Some(text) = string(&field, context)
        {
            *setting = text;
        }
    }
    if let Some(field) = object.get("accessLogEncoding")
        && let Some(value) = field.choice(context, &[("TEXT", Encoding::Text), ("JSON", Encoding::Json)])
    {
        mesh.access_log_encoding = field.traced(context, value);
    }
    if let Some(field) = object.get("accessLogFormat")
        && let Some(text) = field.quiet_string()
    {
        // Instead of a text that is no JSON object, Istio writes its usual JSON: nothing of it reaches Envoy.
        let is_used = mesh.access_log_encoding.value == Encoding::Text || json_object(&text).is_some();
        if is_used {
            super::log_format::judge(&text, &field, context);
        }
    }
    for (key, setting) in [
        ("enableEnvoyAccessLogService", &mut mesh.enable_access_log_service),
        ("disableEnvoyListenerLog", &mut mesh.disable_listener_log),
    ] {
        if let Some(field) = object.get(key)
            && let Some(value) = field.boolean(context)
        {
            *setting = field.traced(context, value);
        }
    }
}

/// A text.
fn string(field: &Field<'_>, context: &mut Context) -> Option<Traced<String>> {
    let text = field.string(context)?;
    Some(field.traced(context, text))
}

/// An object of the mesh's configuration: what Istio does not know in it is reported and ignored.
fn object<'a>(field: &Field<'a>, known: &[&str], context: &mut Context) -> Option<Object<'a>> {
    let object = field.any_object(context)?.by_names(known, context);
    unknown_fields(&object, known, None, context);
    Some(object)
}

/// Istio ignores what it does not know; so do we, but not silently.
fn unknown_fields(object: &Object<'_>, known: &[&str], owner: Option<&str>, context: &mut Context) {
    for (name, key) in object.keys().filter(|(name, _)| !known.contains(name)) {
        let help = match closest(name, known) {
            Some(known) => format!("did you mean `{known}`?"),
            None => "take it out; Istio ignores it".to_owned(),
        };
        let message = match owner {
            Some(owner) => format!("{owner} has no field `{}`", shorten(name)),
            None => format!("there is no field `{}` here", shorten(name)),
        };
        context.report(Severity::Warning, codes::UNKNOWN_FIELD, &key, message, help);
    }
}

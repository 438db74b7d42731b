//! Reads `MeshConfig`, from the ConfigMap `istio` or bare. Fields of Istio's that telemetry does not need are known
//! by name only, so that a misspelt one is still found.

use super::reader::{Context, Field, Object, list, shorten};
use crate::origin::DocumentId;
use crate::problem::{Severity, closest, codes};
use crate::resources::{ExtensionProvider, MeshConfig, ProviderKind};

/// Every field of Istio's MeshConfig.
const FIELDS: &[&str] = &[
    "accessLogEncoding",
    "accessLogFile",
    "accessLogFormat",
    "ca",
    "caCertificates",
    "certificates",
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
    object.fields().any(|(key, _)| FIELDS.contains(&key))
}

/// Reads a MeshConfig over what is there. A second one is refused: in a cluster there is one per revision.
pub(super) fn read(mesh: &mut MeshConfig, root: &Field<'_>, context: &mut Context, id: DocumentId) {
    context.document = id;
    // A second one counts for nothing, but what is wrong with it is worth knowing.
    let mut discarded = MeshConfig::default();
    let mut mesh = mesh;
    if mesh.was_read {
        context.report(
            Severity::Error,
            codes::SEVERAL_MESH_CONFIGS,
            root,
            "there is a second MeshConfig; the first one counts",
            "keep one: the ConfigMap `istio` or a bare file",
        );
        mesh = &mut discarded;
    }
    let Some(object) = root.any_object(context) else { return };
    mesh.was_read = true;
    unknown_fields(&object, context);
    if let Some(field) = object.get("rootNamespace")
        && let Some(name) = field.string(context).filter(|name| !name.is_empty())
        && super::kinds::valid_namespace(&name, &field, context)
    {
        mesh.root_namespace = field.traced(context, name);
    }
    if let Some(defaults) = object
        .get("defaultProviders")
        .and_then(|field| field.object(context, &["tracing", "metrics", "accessLogging"]))
    {
        for key in ["tracing", "accessLogging"] {
            for name in defaults.list(context, key) {
                name.string(context);
            }
        }
        if let Some(field) = defaults.get("metrics") {
            mesh.default_metrics_providers = field
                .list(context)
                .iter()
                .filter_map(|field| {
                    let name = field.string(context)?;
                    Some(field.traced(context, name))
                })
                .collect();
        }
    }
    let mut seen: Vec<String> = Vec::new();
    for field in object.list(context, "extensionProviders") {
        let Some(provider) = provider(&field, context) else { continue };
        if seen.contains(&provider.name) {
            context.report(
                Severity::Warning,
                codes::DUPLICATE_PROVIDER,
                &field,
                format!("provider `{}` is written twice; the last one counts", shorten(&provider.name)),
                "rename one or take it out",
            );
        }
        seen.push(provider.name.clone());
        match mesh.extension_providers.iter_mut().find(|known| known.name == provider.name) {
            Some(known) => *known = provider,
            None => mesh.extension_providers.push(provider),
        }
    }
}

/// Istio ignores what it does not know; so do we, but not silently.
fn unknown_fields(object: &Object<'_>, context: &mut Context) {
    for (name, key) in object.keys().filter(|(name, _)| !FIELDS.contains(name)) {
        let help = match closest(name, FIELDS) {
            Some(known) => format!("did you mean `{known}`?"),
            None => "take it out; Istio ignores it".to_owned(),
        };
        context.report(
            Severity::Warning,
            codes::UNKNOWN_FIELD,
            &key,
            format!("MeshConfig has no field `{}`", shorten(name)),
            help,
        );
    }
}

fn provider(field: &Field<'_>, context: &mut Context) -> Option<ExtensionProvider> {
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
        found = Some(kind);
    }
    let Some(kind) = found else {
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
    Some(ExtensionProvider { name, kind, origin: field.origin(context) })
}

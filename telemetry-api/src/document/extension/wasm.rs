//! Reads what a Wasm module is and how it runs, which stands in the spec of a WasmPlugin and below `wasm` of a
//! TrafficExtension.

use std::collections::HashSet;

use super::{length, text, traced_choice, url};
use crate::document::json;
use crate::document::reader::{Context, Field, Object, shorten};
use crate::origin::Traced;
use crate::problem::{Severity, codes};
use crate::resources::extension::{
    FailStrategy, ImagePullPolicy, PluginKind, PluginVariable, WasmCode, is_sha256,
};

/// What is said of a module.
pub(super) const FIELDS: &[&str] = &[
    "url",
    "sha256",
    "imagePullPolicy",
    "imagePullSecret",
    "verificationKey",
    "pluginConfig",
    "pluginName",
    "failStrategy",
    "vmConfig",
    "type",
];

/// When an image is fetched again, by name.
pub(crate) const PULL_POLICIES: &[(&str, Option<ImagePullPolicy>)] = &[
    ("UNSPECIFIED_POLICY", None),
    ("IfNotPresent", Some(ImagePullPolicy::IfNotPresent)),
    ("Always", Some(ImagePullPolicy::Always)),
];

/// What happens when a module fails, by name.
pub(crate) const FAIL_STRATEGIES: &[(&str, FailStrategy)] = &[
    ("FAIL_CLOSE", FailStrategy::Close),
    ("FAIL_OPEN", FailStrategy::Open),
    ("FAIL_RELOAD", FailStrategy::Reload),
];

/// What a plugin filters, by name.
pub(crate) const TYPES: &[(&str, PluginKind)] = &[
    ("UNSPECIFIED_PLUGIN_TYPE", PluginKind::Http),
    ("HTTP", PluginKind::Http),
    ("NETWORK", PluginKind::Network),
];

/// Where the value of a variable is, by name.
pub(crate) const VALUE_SOURCES: &[(&str, ValueSource)] =
    &[("INLINE", ValueSource::Inline), ("HOST", ValueSource::Host)];

/// How many variables a module may be given.
pub(crate) const MAX_VARIABLES: usize = 256;

/// How long a variable's name may be.
pub(crate) const MAX_VARIABLE_NAME: usize = 256;

/// How long a variable's value may be.
pub(crate) const MAX_VARIABLE_VALUE: usize = 2048;

/// How long the name of a secret may be.
pub(crate) const MAX_SECRET_NAME: usize = 253;

/// How long a plugin's name within its module may be.
pub(crate) const MAX_PLUGIN_NAME: usize = 256;

/// Reads a module.
pub(super) fn read(object: &Object<'_>, context: &mut Context) -> Option<WasmCode> {
    let url = object.require(context, "url", url::HELP).and_then(|field| url::read(&field, context));
    let sha256 = object.get("sha256").and_then(|field| digest(&field, context));
    let image_pull_policy = object.get("imagePullPolicy").and_then(|field| {
        let policy = field.choice(context, PULL_POLICIES)??;
        Some(field.traced(context, policy))
    });
    let image_pull_secret = text(object, "imagePullSecret", 1, MAX_SECRET_NAME, context);
    let verification_key =
        text(object, "verificationKey", 0, usize::MAX, context).filter(|key| !key.value.is_empty());
    let plugin_config = object.get("pluginConfig").and_then(|field| {
        let config = json::object(&field, context)?;
        Some((field.traced(context, config), json::keys(&field, context)))
    });
    let (plugin_config, plugin_config_keys) = plugin_config.unzip();
    let plugin_name = text(object, "pluginName", 1, MAX_PLUGIN_NAME, context);
    let fail_strategy =
        traced_choice(object, "failStrategy", FAIL_STRATEGIES, "FAIL_CLOSE, Istio's default", context);
    let vm_config = object.get("vmConfig").and_then(|field| field.object(context, &["env"]));
    let environment = vm_config.map(|vm| variables(&vm, context)).unwrap_or_default();
    let kind = object.get("type").and_then(|field| field.choice(context, TYPES)).unwrap_or_default();
    Some(WasmCode {
        url: url?,
        sha256,
        image_pull_policy,
        image_pull_secret,
        verification_key,
        plugin_config,
        plugin_config_keys: plugin_config_keys.unwrap_or_default(),
        plugin_name,
        fail_strategy,
        environment,
        kind,
    })
}

/// A module's digest; an empty one means none.
fn digest(field: &Field<'_>, context: &mut Context) -> Option<Traced<String>> {
    let text = field.string(context)?;
    if text.is_empty() {
        return None;
    }
    if !is_sha256(&text) {
        let help = if text.starts_with("sha256:") {
            "write the digits alone, without `sha256:`"
        } else {
            "allowed: exactly 64 hex digits, in lower case; `sha256sum` writes them so"
        };
        let message = format!("`{}` is not a SHA-256", shorten(&text));
        context.report(Severity::Error, codes::BAD_DIGEST, field, message, help);
        return None;
    }
    Some(field.traced(context, text))
}

/// Where the value of a variable is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum ValueSource {
    /// In the document.
    #[default]
    Inline,
    /// In the proxy's environment.
    Host,
}

fn variables(vm_config: &Object<'_>, context: &mut Context) -> Vec<PluginVariable> {
    let fields = vm_config.list(context, "env");
    if let Some(first_too_many) = fields.get(MAX_VARIABLES) {
        let message = format!("{} variables are too many", fields.len());
        let help = format!("allowed: at most {MAX_VARIABLES}; `pluginConfig` has no such limit");
        context.report(Severity::Error, codes::BAD_VARIABLE, first_too_many, message, help);
    }
    let mut names = HashSet::new();
    let mut variables = Vec::new();
    for field in &fields {
        let Some(variable) = variable(field, context) else { continue };
        if !names.insert(variable.name.clone()) {
            let message = format!("the variable `{}` is there already", shorten(&variable.name));
            context.report(Severity::Error, codes::BAD_VARIABLE, field, message, "keep one of the two");
            continue;
        }
        variables.push(variable);
    }
    variables
}

fn variable(field: &Field<'_>, context: &mut Context) -> Option<PluginVariable> {
    let object = field.object(context, &["name", "valueFrom", "value"])?;
    let source =
        object.get("valueFrom").and_then(|field| field.choice(context, VALUE_SOURCES)).unwrap_or_default();
    let value_field = object.get("value");
    let value = value_field.as_ref().and_then(|field| field.string(context));
    if let (Some(value_field), Some(value)) = (&value_field, &value) {
        length(value_field, value, 0, MAX_VARIABLE_VALUE, context);
        if source == ValueSource::Host {
            context.report(
                Severity::Error,
                codes::BAD_VARIABLE,
                value_field,
                "a variable of the proxy's environment has a value of its own",
                "take `value` out, or `valueFrom: HOST`",
            );
        }
    }
    let help = "the name that the module reads the variable by";
    let name_field = object.require(context, "name", help)?;
    let name = name_field.string(context)?;
    length(&name_field, &name, 1, MAX_VARIABLE_NAME, context)?;
    let value = match source {
        ValueSource::Inline => Some(value.unwrap_or_default()),
        ValueSource::Host => None,
    };
    Some(PluginVariable { origin: field.origin(context), name, value })
}

//! Reads `WasmPlugin`: types, unknown fields, enumerations and what stands alone in one field.

mod url;

use std::collections::HashSet;

use super::reader::{Context, Field, Object, shorten};
use super::{annotations, json, selection};
use crate::origin::{Origin, Traced};
use crate::problem::{Severity, codes};
use crate::resources::Meta;
use crate::resources::telemetry::Mode;
use crate::resources::wasm_plugin::{
    FailStrategy, ImagePullPolicy, PluginKind, PluginPhase, PluginVariable, TrafficSelector, WasmPlugin,
};

const FIELDS: &[&str] = &[
    "selector",
    "targetRef",
    "targetRefs",
    "url",
    "sha256",
    "imagePullPolicy",
    "imagePullSecret",
    "verificationKey",
    "pluginConfig",
    "pluginName",
    "phase",
    "priority",
    "failStrategy",
    "vmConfig",
    "match",
    "type",
];

/// When an image is fetched again, by name.
pub(crate) const PULL_POLICIES: &[(&str, Option<ImagePullPolicy>)] = &[
    ("UNSPECIFIED_POLICY", None),
    ("IfNotPresent", Some(ImagePullPolicy::IfNotPresent)),
    ("Always", Some(ImagePullPolicy::Always)),
];

/// Where in the chain of filters a plugin runs, by name.
pub(crate) const PHASES: &[(&str, PluginPhase)] = &[
    ("UNSPECIFIED_PHASE", PluginPhase::Unspecified),
    ("AUTHN", PluginPhase::Authn),
    ("AUTHZ", PluginPhase::Authz),
    ("STATS", PluginPhase::Stats),
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

/// On which side of a request an entry of `match` applies, by name.
pub(crate) const MODES: &[(&str, Mode)] = &[
    ("UNDEFINED", Mode::ClientAndServer),
    ("CLIENT", Mode::Client),
    ("SERVER", Mode::Server),
    ("CLIENT_AND_SERVER", Mode::ClientAndServer),
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

/// Reads one document.
pub(super) fn read(meta: Meta, document: &Object<'_>, context: &mut Context) -> Option<WasmPlugin> {
    let local_module = annotations::module(document, context);
    let spec = super::kinds::require_spec(document, context)?.object(context, FIELDS)?;
    let (selector, target_refs) = selection::read(&spec, context);
    let url = spec.require(context, "url", url::HELP).and_then(|field| url::read(&field, context));
    let sha256 = spec.get("sha256").and_then(|field| digest(&field, context));
    let image_pull_policy = spec.get("imagePullPolicy").and_then(|field| {
        let policy = field.choice(context, PULL_POLICIES)??;
        Some(field.traced(context, policy))
    });
    let image_pull_secret = text(&spec, "imagePullSecret", 1, MAX_SECRET_NAME, context);
    let verification_key =
        text(&spec, "verificationKey", 0, usize::MAX, context).filter(|key| !key.value.is_empty());
    let plugin_config = spec.get("pluginConfig").and_then(|field| {
        let config = json::object(&field, context)?;
        Some((field.traced(context, config), json::keys(&field, context)))
    });
    let (plugin_config, plugin_config_keys) = plugin_config.unzip();
    let plugin_name = text(&spec, "pluginName", 1, MAX_PLUGIN_NAME, context);
    let phase = traced_choice(&spec, "phase", PHASES, "after the plugins of every phase", context);
    let priority = spec.get("priority").and_then(|field| {
        let number = field.integer(context, i128::from(i32::MIN), i128::from(i32::MAX))?;
        Some(field.traced(context, i32::try_from(number).ok()?))
    });
    let fail_strategy =
        traced_choice(&spec, "failStrategy", FAIL_STRATEGIES, "FAIL_CLOSE, Istio's default", context);
    let vm_config = spec.get("vmConfig").and_then(|field| field.object(context, &["env"]));
    let environment = vm_config.map(|vm| variables(&vm, context)).unwrap_or_default();
    let matches =
        spec.list(context, "match").iter().filter_map(|field| traffic_selector(field, context)).collect();
    let kind = kind(&spec, context).unwrap_or_default();
    Some(WasmPlugin {
        meta,
        selector,
        target_refs,
        url: url?,
        sha256,
        image_pull_policy,
        image_pull_secret,
        verification_key,
        plugin_config,
        plugin_config_keys: plugin_config_keys.unwrap_or_default(),
        plugin_name,
        phase,
        priority,
        fail_strategy,
        environment,
        matches,
        kind,
        local_module,
    })
}

/// What the plugin filters.
fn kind(spec: &Object<'_>, context: &mut Context) -> Option<PluginKind> {
    let field = spec.get("type")?;
    let kind = field.choice(context, TYPES)?;
    if kind == PluginKind::Network {
        let message = "plugins of type NETWORK are checked, but this version does not apply them yet";
        let help = "plugins of type HTTP are applied";
        context.report(Severity::Note, codes::NETWORK_PLUGIN, &field, message, help);
    }
    Some(kind)
}

/// One of several names, or its default and the rule that says so.
fn traced_choice<T: Copy + Default>(
    spec: &Object<'_>,
    key: &str,
    choices: &[(&str, T)],
    rule: &'static str,
    context: &mut Context,
) -> Traced<T> {
    spec.get(key)
        .and_then(|field| {
            let value = field.choice(context, choices)?;
            Some(field.traced(context, value))
        })
        .unwrap_or(Traced { value: T::default(), origin: Origin::Rule(rule) })
}

/// A text with a least and a greatest length in characters.
fn text(
    object: &Object<'_>,
    key: &str,
    least: usize,
    greatest: usize,
    context: &mut Context,
) -> Option<Traced<String>> {
    let field = object.get(key)?;
    let text = field.string(context)?;
    length(&field, &text, least, greatest, context)?;
    Some(field.traced(context, text))
}

/// Reports a text that is too short or too long.
fn length(field: &Field<'_>, text: &str, least: usize, greatest: usize, context: &mut Context) -> Option<()> {
    let length = text.chars().count();
    if length < least {
        let help = "give it a value, or take it out";
        context.report(Severity::Error, codes::BAD_VALUE, field, "the text is empty", help);
        return None;
    }
    if length > greatest {
        let message = format!("the text has {length} characters");
        let help = format!("allowed: at most {greatest}");
        context.report(Severity::Error, codes::BAD_VALUE, field, message, help);
        return None;
    }
    Some(())
}

/// A module's digest; an empty one means none.
fn digest(field: &Field<'_>, context: &mut Context) -> Option<Traced<String>> {
    let text = field.string(context)?;
    if text.is_empty() {
        return None;
    }
    if text.len() != 64 || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
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

fn traffic_selector(field: &Field<'_>, context: &mut Context) -> Option<TrafficSelector> {
    let object = field.object(context, &["mode", "ports"])?;
    let mode = object.get("mode").and_then(|field| field.choice(context, MODES)).unwrap_or_default();
    let mut ports = Vec::new();
    for field in object.list(context, "ports") {
        let Some(port) = field.object(context, &["number"]) else { continue };
        let Some(number) = port.require(context, "number", "allowed: 1 to 65535") else { continue };
        let Some(port) = number.port(context) else { continue };
        if ports.contains(&port) {
            let message = format!("port {port} is there already");
            context.report(Severity::Error, codes::BAD_VALUE, &number, message, "keep one of the two");
            continue;
        }
        ports.push(port);
    }
    Some(TrafficSelector { origin: field.origin(context), mode, ports })
}

#[cfg(test)]
mod tests;

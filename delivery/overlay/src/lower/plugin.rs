//! A Wasm plugin as an HTTP filter, and as the extension configuration that delivers it by name.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use burgee_api::Origin;
use burgee_api::resolve::{Effective, Plugin};
use burgee_api::resources::extension::{FailStrategy, WasmCode};

use super::{EXTENSION_CONFIG_TYPE, FilterKind, STRING_TYPE, config_source, file_name, safe_name};

use super::{Label, response_of, short_digest};
use crate::value::Value;
use crate::view;
use crate::{Delivery, ExtensionConfig, Module, Options, Owner, PluginModule};

/// What the names of plugins' filters begin with, as Istio names them.
pub(crate) const PREFIX: &str = "extensions.istio.io/wasmplugin/";

/// What is ours about them: VMs, files and statistics begin with it.
const MARK: &str = "burgee.plugin.";

const RBAC_TYPE: &str = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC";

/// What stands in a chain for a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stand {
    /// Its module. `is_guessed`: nothing says the module's digest, so that of its path takes its place.
    Module { module: Module, is_guessed: bool },
    /// A filter that refuses every request, and why.
    Refusal(String),
    /// Nothing, and why.
    Nothing(String),
}

/// What stands in a chain for a plugin, by its module and by what its document says of a missing one.
pub(crate) fn stand(plugin: &Plugin, options: &Options) -> Stand {
    let Some(wasm) = plugin.document.wasm() else {
        return Stand::Nothing("scripts in Lua are not laid by this version".to_owned());
    };
    let url = &wasm.url.value;
    if let Some(refusal) = &plugin.refused {
        return without_module(plugin, format!("the mesh's rules refuse it: {}", refusal.why));
    }
    let why = match options.plugins.get(&plugin.id()) {
        Some(PluginModule::Ready(module)) => {
            return Stand::Module { module: module.clone(), is_guessed: false };
        }
        Some(PluginModule::Missing(why)) => why.clone(),
        None => match url.strip_prefix("file://").filter(|path| !path.is_empty()) {
            Some(path) => {
                let known = wasm.sha256.as_ref().map(|sha256| sha256.value.clone());
                let is_guessed = known.is_none();
                let sha256 = known.unwrap_or_else(|| {
                    short_digest(format!("{path}\n{}", configuration(wasm).unwrap_or_default()).as_bytes())
                });
                let module = Module { path: path.to_owned(), sha256, metrics: Vec::new() };
                return Stand::Module { module, is_guessed };
            }
            None => format!("the module is not on this machine, and {url:?} is not fetched"),
        },
    };
    without_module(plugin, why)
}

/// What stands for a module that cannot be had, by what the document says of that.
fn without_module(plugin: &Plugin, why: String) -> Stand {
    match plugin.document.fail_strategy() {
        FailStrategy::Open => Stand::Nothing(why),
        FailStrategy::Close | FailStrategy::Reload => Stand::Refusal(why),
    }
}

/// The filter's name, which under discovery is the resource's as well.
pub(crate) fn filter_name(plugin: &Plugin) -> String {
    format!("{PREFIX}{}", full_name(plugin))
}

fn full_name(plugin: &Plugin) -> String {
    safe_name(&format!("{}.{}", plugin.namespace, plugin.name))
}

/// The labels of the metrics that plugins' modules declare, for those filters that the proxy may have.
pub(crate) fn labels(policy: &Effective, options: &Options, is_there: impl Fn(&str) -> bool) -> Vec<Label> {
    let mut labels: BTreeMap<String, Vec<&Origin>> = BTreeMap::new();
    for plugin in policy.classes.values().flat_map(|class| &class.plugins) {
        let Stand::Module { module, .. } = stand(plugin, options) else { continue };
        if is_there(&filter_name(plugin)) {
            for label in module.metrics.into_iter().flat_map(|metric| metric.labels) {
                labels.entry(label).or_default().push(&plugin.origin);
            }
        }
    }
    labels.into_iter().map(|(name, origins)| Label { name, owner: Owner::of(origins) }).collect()
}

/// The HTTP filter that goes into a chain; none for a plugin that is left out.
pub(crate) fn http_filter(plugin: &Plugin, options: &Options) -> Option<Value> {
    let config = typed_config(plugin, options)?;
    let name = ("name", Value::string(filter_name(plugin)));
    let Delivery::Discovery { directory } = &options.delivery else {
        return Some(Value::map([name, ("typed_config", config)]));
    };
    let mut discovery = vec![(
        "config_source".to_owned(),
        config_source(directory, &file_name(&format!("{MARK}{}", full_name(plugin)))),
    )];
    let mut types = vec![Value::string(FilterKind::Http.wasm_type()), Value::string(RBAC_TYPE)];
    // While the configuration or the module is unusable, a filter without a default answers every request with
    // 500: that is what closed means.
    if plugin.document.fail_strategy() == FailStrategy::Open {
        discovery.push((
            "default_config".to_owned(),
            Value::map([("@type", Value::string(FilterKind::Http.idle_type()))]),
        ));
        types.push(Value::string(FilterKind::Http.idle_type()));
    }
    discovery.push(("type_urls".to_owned(), Value::List(types.into())));
    Some(Value::map([name, ("config_discovery", Value::Map(discovery.into()))]))
}

/// Whether an HTTP filter is one that [`http_filter`] wrote. Istio uses the same names, so the content decides.
pub(crate) fn is_http_filter(filter: &Value) -> bool {
    if !view::name(filter).starts_with(PREFIX) {
        return false;
    }
    let is_marked = |value: &Value, names: &[&str]| {
        value.at(names).and_then(Value::as_str).is_some_and(|text| text.starts_with(MARK))
    };
    if let Some(config) = filter.field("typed_config") {
        return match config.any_type() {
            Some(view::WASM) => is_marked(config, &["config", "vm_config", "vm_id"]),
            Some(view::RBAC) => is_marked(config, &["rules_stat_prefix"]),
            _ => false,
        };
    }
    let path = filter
        .at(&["config_discovery", "config_source", "path_config_source", "path"])
        .and_then(Value::as_str)
        .unwrap_or_default();
    path.rsplit('/').next().is_some_and(|file| file.starts_with(MARK))
}

/// The extension configuration of a plugin that is delivered by name; none for one that is left out.
pub(crate) fn extension_config(plugin: &Plugin, options: &Options) -> Option<ExtensionConfig> {
    let name = filter_name(plugin);
    let resource = Value::map([
        ("@type", Value::string(EXTENSION_CONFIG_TYPE)),
        ("name", Value::string(name.clone())),
        ("typed_config", typed_config(plugin, options)?),
    ]);
    let file_name = file_name(&format!("{MARK}{}", full_name(plugin)));
    Some(ExtensionConfig { name, file_name, value: response_of(resource) })
}

fn typed_config(plugin: &Plugin, options: &Options) -> Option<Value> {
    match stand(plugin, options) {
        Stand::Module { module, .. } => Some(wasm(plugin, plugin.document.wasm()?, &module)),
        Stand::Refusal(_) => Some(refusal(plugin)),
        Stand::Nothing(_) => None,
    }
}

/// Role-based access control without a role: nobody may do anything.
fn refusal(plugin: &Plugin) -> Value {
    Value::map([
        ("@type", Value::string(RBAC_TYPE)),
        ("rules", Value::map([("action", Value::string("ALLOW"))])),
        ("rules_stat_prefix", Value::string(format!("{MARK}{}.", full_name(plugin)))),
    ])
}

/// The Wasm filter's own message.
fn wasm(plugin: &Plugin, wasm: &WasmCode, module: &Module) -> Value {
    let mut config = vec![("name".to_owned(), Value::string(full_name(plugin)))];
    if let Some(root) = &wasm.plugin_name {
        config.push(("root_id".to_owned(), Value::string(root.value.clone())));
    }
    config.push(("vm_config".to_owned(), vm_config(plugin, wasm, module)));
    if let Some(configuration) = configuration(wasm) {
        let text =
            Value::map([("@type", Value::string(STRING_TYPE)), ("value", Value::string(configuration))]);
        config.push(("configuration".to_owned(), text));
    }
    let policy = match wasm.fail_strategy.value {
        FailStrategy::Close => "FAIL_CLOSED",
        FailStrategy::Open => "FAIL_OPEN",
        FailStrategy::Reload => "FAIL_RELOAD",
    };
    config.push(("failure_policy".to_owned(), Value::string(policy)));
    Value::map([
        ("@type", Value::string(FilterKind::Http.wasm_type())),
        ("config", Value::Map(config.into())),
    ])
}

fn vm_config(plugin: &Plugin, wasm: &WasmCode, module: &Module) -> Value {
    let digest: String = module.sha256.chars().take(16).collect();
    let mut vm_id = format!("{MARK}{}.{digest}", full_name(plugin));
    let code = Value::map([("local", Value::map([("filename", Value::string(module.path.clone()))]))]);
    let environment = environment(wasm);
    if let Some(environment) = &environment {
        // A VM keeps the variables that it was started with, so other ones need another VM.
        let _ = write!(vm_id, ".{}", short_digest(environment.to_json().as_bytes()));
    }
    let mut fields = vec![
        ("vm_id".to_owned(), Value::string(vm_id)),
        ("runtime".to_owned(), Value::string("envoy.wasm.runtime.v8")),
        ("code".to_owned(), code),
    ];
    fields.extend(environment.map(|environment| ("environment_variables".to_owned(), environment)));
    Value::Map(fields.into())
}

/// The variables that the module sees; of two with one name the last counts.
fn environment(wasm: &WasmCode) -> Option<Value> {
    let variables: BTreeMap<&str, Option<&String>> =
        wasm.environment.iter().map(|variable| (variable.name.as_str(), variable.value.as_ref())).collect();
    let mut inherited = Vec::new();
    let mut written = Vec::new();
    for (name, value) in variables {
        match value {
            Some(value) => written.push((name.to_owned(), Value::string(value.clone()))),
            None => inherited.push(Value::string(name)),
        }
    }
    let mut fields = Vec::new();
    if !inherited.is_empty() {
        fields.push(("host_env_keys".to_owned(), Value::List(inherited.into())));
    }
    if !written.is_empty() {
        fields.push(("key_values".to_owned(), Value::Map(written.into())));
    }
    (!fields.is_empty()).then_some(Value::Map(fields.into()))
}

/// What the module is told, as compact JSON.
fn configuration(wasm: &WasmCode) -> Option<String> {
    let config = wasm.plugin_config.as_ref().filter(|config| !config.value.is_empty())?;
    // It was JSON before, so it can be again.
    serde_json::to_string(&config.value).ok()
}

/// Who asked for a plugin.
pub(crate) fn owner(plugin: &Plugin) -> Owner {
    Owner::of([&plugin.origin])
}

//! What a plugin's filter is told: its module or its script.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use burgee_api::resolve::Plugin;
use burgee_api::resources::extension::{FailStrategy, WasmCode};

use super::super::extension::{Inlined, code_of};
use super::super::{STRING_TYPE, short_digest};
use super::{LUA_TYPE, filter_kind, full_name, marked_name};
use crate::value::Value;
use crate::{Module, Options};

/// What the names of variables begin with by which Istio tells its agent what to do with a module.
const ISTIOS_OWN: &str = "ISTIO_META_";

/// The Lua filter's own message.
pub(super) fn lua(plugin: &Plugin, script: &str) -> Value {
    Value::map([
        ("@type", Value::string(LUA_TYPE)),
        ("default_source_code", Value::map([("inline_string", Value::string(script))])),
        ("stat_prefix", Value::string(marked_name(plugin))),
    ])
}

/// The Wasm filter's own message.
pub(super) fn wasm(
    plugin: &Plugin,
    wasm: &WasmCode,
    module: &Module,
    options: &Options,
    inlined: Inlined,
) -> Value {
    let mut config = vec![("name".to_owned(), Value::string(full_name(plugin)))];
    if let Some(root) = &wasm.plugin_name {
        config.push(("root_id".to_owned(), Value::string(root.value.clone())));
    }
    config.push(("vm_config".to_owned(), vm_config(plugin, wasm, module, code_of(module, options, inlined))));
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
        ("@type", Value::string(filter_kind(plugin).wasm_type())),
        ("config", Value::Map(config.into())),
    ])
}

fn vm_config(plugin: &Plugin, wasm: &WasmCode, module: &Module, code: Value) -> Value {
    let digest: String = module.sha256.chars().take(16).collect();
    let mut vm_id = format!("{}.{digest}", marked_name(plugin));
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

/// The variables that the module sees; of two with one name the last counts. Istio's agent takes out those that are written
/// under names which it uses itself.
fn environment(wasm: &WasmCode) -> Option<Value> {
    let variables: BTreeMap<&str, Option<&String>> =
        wasm.environment.iter().map(|variable| (variable.name.as_str(), variable.value.as_ref())).collect();
    let variables =
        variables.into_iter().filter(|(name, value)| value.is_none() || !name.starts_with(ISTIOS_OWN));
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
pub(super) fn configuration(wasm: &WasmCode) -> Option<String> {
    let config = wasm.plugin_config.as_ref().filter(|config| !config.value.is_empty())?;
    // It was JSON before, so it can be again.
    serde_json::to_string(&config.value).ok()
}

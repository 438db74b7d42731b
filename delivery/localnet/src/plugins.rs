//! The plugins of a proxy: which it is to run, from which module, and whether it does.

use std::collections::BTreeMap;

use burgee_api::resolve::{Effective, ListenerClass, Plugin};
use burgee_api::resources::extension::{Code, PluginPhase};
use burgee_overlay::{PluginModule, plugin_extension_name};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::base;
use crate::mesh::Mesh;
use crate::render::{ExtensionFile, Files};
use crate::run::{Modules, Proxy};
use crate::summary::PluginSummary;

/// Where a script in Lua is: in its document.
const INLINE: &str = "inline";

/// The plugins that stand in a chain of a proxy's, and whether the proxy itself says that it runs them.
pub(crate) async fn of_proxy(proxy: &Proxy, mesh: &Mesh, modules: &Modules) -> Vec<PluginSummary> {
    let asked = asked(&proxy.policy, mesh);
    if asked.is_empty() {
        return Vec::new();
    }
    // One that does not answer runs nothing that could be proven.
    let accepted = proxy.process.admin().accepted_extensions().await.unwrap_or_default();
    let running = running(&proxy.files, &accepted);
    asked.into_iter().map(|plugin| summary(plugin, &proxy.workload.to_string(), modules, &running)).collect()
}

/// The extension configurations that a proxy runs, by name: those of its files whose version it accepted last. What it
/// refused is on its pages too, but is not that version.
fn running(files: &Files, accepted: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let is_accepted = |file: &&ExtensionFile| {
        let content: Value = serde_json::from_str(&file.text).unwrap_or_default();
        content["version_info"]
            .as_str()
            .is_some_and(|version| accepted.get(&file.name).is_some_and(|a| a == version))
    };
    let accepted = files.extensions.iter().filter(is_accepted);
    accepted.map(|file| (file.name.clone(), file.text.clone())).collect()
}

/// Every plugin that covers a port of the proxy's, once, in the order of the chains.
fn asked<'a>(policy: &'a Effective, mesh: &Mesh) -> Vec<&'a Plugin> {
    let listeners = base::listeners_of(mesh, &policy.workload);
    let mut asked: Vec<&Plugin> = Vec::new();
    for class in ListenerClass::ALL {
        for plugin in &policy.class(class).plugins {
            let is_listed = |one: &&Plugin| one.id() == plugin.id();
            let is_used = listeners.iter().any(|one| one.class == class && plugin.covers_port(one.port));
            if is_used && !asked.iter().any(is_listed) {
                asked.push(plugin);
            }
        }
    }
    asked
}

fn summary(
    plugin: &Plugin,
    proxy: &str,
    modules: &Modules,
    running: &BTreeMap<String, String>,
) -> PluginSummary {
    let name = plugin.id();
    let (url, module, sha256, proof) = match &plugin.document.code {
        Code::Lua(lua) => {
            let script = lua.inline.value.as_str();
            let digest = Sha256::digest(script).iter().map(|byte| format!("{byte:02x}")).collect();
            // What stands for one that the rules refuse is a script, too, and is another one.
            let proof = Value::from(script).to_string();
            (String::new(), Some(INLINE.to_owned()), Some(digest), Some(proof))
        }
        Code::Wasm(wasm) => {
            let url = wasm.url.value.clone();
            let (module, sha256) = match modules.plugins.get(&name) {
                Some(PluginModule::Ready(module)) => (Some(module.path.clone()), Some(module.sha256.clone())),
                Some(PluginModule::Missing(_)) => (None, None),
                None => {
                    let path = url.strip_prefix("file://").filter(|path| !path.is_empty());
                    (path.map(str::to_owned), wasm.sha256.as_ref().map(|sha256| sha256.value.clone()))
                }
            };
            // What the proxy accepted last names the module by its digest, which is part of the name of its virtual machine.
            let proof = sha256.clone().or(module.clone());
            (url, module, sha256, proof)
        }
    };
    let running = running.get(&plugin_extension_name(plugin));
    let loaded = running.zip(proof).is_some_and(|(running, proof)| running.contains(&proof));
    PluginSummary {
        proxy: proxy.to_owned(),
        plugin: name,
        phase: phase(plugin.document.phase.value).to_owned(),
        url,
        module,
        sha256,
        loaded,
        asked_by: Some((&plugin.origin).into()),
    }
}

fn phase(phase: PluginPhase) -> &'static str {
    match phase {
        PluginPhase::Authn => "authn",
        PluginPhase::Authz => "authz",
        PluginPhase::Stats => "stats",
        PluginPhase::Unspecified => "unspecified",
    }
}

#[cfg(test)]
mod tests;

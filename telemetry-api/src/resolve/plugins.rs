//! Which plugins apply to a workload's listeners, and in which order they stand: Istio's rules, step by step.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use super::effective::Plugin;
use super::hash::{describe_whom, value};
use super::selection;
use super::workload::{ListenerClass, Workload};
use crate::origin::Origin;
use crate::resources::WasmPlugin;
use crate::resources::wasm_plugin::TrafficSelector;

/// What Istio appends to a plugin's name before it sorts by it. It comes after `-`, so `a-b` goes before `a`.
const SORT_SUFFIX: &str = "~istio-translated-wasmplugin";

/// Plugins by namespace, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plugins {
    by_namespace: BTreeMap<Arc<str>, Vec<Arc<WasmPlugin>>>,
}

impl Plugins {
    /// Plugins in any order.
    pub(crate) fn new(mut plugins: Vec<WasmPlugin>) -> Plugins {
        plugins.sort_by_cached_key(|plugin| {
            let id = &plugin.meta.id;
            (plugin.meta.created.clone(), format!("{}{SORT_SUFFIX}", id.name), id.namespace.clone())
        });
        let mut by_namespace: BTreeMap<Arc<str>, Vec<Arc<WasmPlugin>>> = BTreeMap::new();
        for plugin in plugins {
            by_namespace.entry(plugin.meta.id.namespace.clone()).or_default().push(Arc::new(plugin));
        }
        Plugins { by_namespace }
    }

    /// The plugins of one class of a workload's listeners, in the order in which they stand there: by phase, then by
    /// priority, those without one last. Among equals those of the workload's namespace go before those of the root
    /// namespace, and older ones before younger ones.
    pub(crate) fn resolve(
        &self,
        root_namespace: &str,
        workload: &Workload,
        class: ListenerClass,
    ) -> Vec<Plugin> {
        let of = |namespace: &str| self.by_namespace.get(namespace).map_or(&[][..], Vec::as_slice);
        let own = of(&workload.namespace);
        let root = if root_namespace == workload.namespace { &[] } else { of(root_namespace) };
        let mut plugins: Vec<Plugin> = own
            .iter()
            .chain(root)
            .filter(|plugin| Plugins::applies(plugin, workload))
            .filter_map(|plugin| {
                let ports = ports(&plugin.matches, class)?;
                Some(Plugin {
                    origin: origin(plugin, workload),
                    namespace: plugin.meta.id.namespace.to_string(),
                    name: plugin.meta.id.name.to_string(),
                    document: Arc::clone(plugin),
                    ports,
                })
            })
            .collect();
        plugins.sort_by_key(|plugin| {
            // Istio's documentation says that absent means 0; its code ranks it below every other value.
            let priority = plugin.document.priority.as_ref().map_or(i32::MIN, |priority| priority.value);
            (plugin.document.phase.value, Reverse(priority))
        });
        plugins
    }

    /// Whether a plugin that is in one of a workload's namespaces is for it.
    pub(crate) fn applies(plugin: &WasmPlugin, workload: &Workload) -> bool {
        plugin.meta.is_for_revision(&workload.revision)
            && selection::is_for(&plugin.meta, plugin.selector.as_ref(), &plugin.target_refs, workload)
    }

    /// Writes what the plugins say, without places, for a hash.
    pub(super) fn describe(&self, text: &mut String) {
        for plugin in self.by_namespace.values().flatten() {
            describe(plugin, text);
        }
    }
}

fn describe(plugin: &WasmPlugin, text: &mut String) {
    let WasmPlugin {
        meta,
        selector,
        target_refs,
        url,
        sha256,
        image_pull_policy,
        image_pull_secret,
        verification_key,
        plugin_config,
        // Places do not change what is asked for.
        plugin_config_keys: _,
        plugin_name,
        phase,
        priority,
        fail_strategy,
        environment,
        matches,
        kind,
        local_module,
    } = plugin;
    describe_whom(meta, selector.as_ref(), target_refs, text);
    let texts = [sha256, image_pull_secret, verification_key, plugin_name, local_module];
    let texts = texts.map(|traced| value(traced.as_ref()));
    let _ = write!(text, "\n{:?} {texts:?} {:?}", url.value, value(image_pull_policy.as_ref()));
    let _ = write!(text, "\n{:?}", value(plugin_config.as_ref()));
    let (phase, priority) = (phase.value, value(priority.as_ref()));
    let _ = write!(text, "\n{phase:?} {priority:?} {:?} {kind:?}", fail_strategy.value);
    for variable in environment {
        let _ = write!(text, "\n{:?} {:?}", variable.name, variable.value);
    }
    for selector in matches {
        let _ = write!(text, "\n{:?} {:?}", selector.mode, selector.ports);
    }
}

/// The ports of a class that some traffic is selected at; none selected: nothing; an empty list: all of them.
fn ports(matches: &[TrafficSelector], class: ListenerClass) -> Option<Vec<u16>> {
    if matches.is_empty() {
        return Some(Vec::new());
    }
    let mut covering = matches.iter().filter(|selector| selector.mode.covers(class.is_client())).peekable();
    covering.peek()?;
    let mut ports = Vec::new();
    for selector in covering {
        if selector.ports.is_empty() {
            return Some(Vec::new());
        }
        ports.extend_from_slice(&selector.ports);
    }
    ports.sort_unstable();
    ports.dedup();
    Some(ports)
}

/// The field by which a plugin chooses a workload; a plugin that chooses none is for all.
fn origin(plugin: &WasmPlugin, workload: &Workload) -> Origin {
    if let Some(target) = selection::target_of(&plugin.target_refs, workload) {
        return plugin.meta.origin(target.path.as_str(), target.place.clone());
    }
    match &plugin.selector {
        Some(selector) => plugin.meta.origin("spec.selector", selector.place.clone()),
        None => plugin.meta.origin("", plugin.meta.place.clone()),
    }
}

#[cfg(test)]
mod tests;

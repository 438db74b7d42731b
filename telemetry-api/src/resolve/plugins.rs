//! Which plugins apply to a workload's listeners, and in which order they stand: Istio's rules, step by step.

use std::cmp::Reverse;
use std::fmt::Write as _;
use std::sync::Arc;

use super::effective::Plugin;
use super::hash::{describe_whom, value};
use super::module_rules::{Judge, Limits, Refusal};
use super::policies::Policy;
use super::selection;
use super::workload::{ListenerClass, Workload};
use crate::origin::Origin;
use crate::resources::extension::{Code, LuaCode, TrafficSelector, WasmCode, WrittenAs};
use crate::resources::telemetry::{Selector, TargetRef};
use crate::resources::{Meta, ModuleRules, TrafficExtension};

/// What Istio appends to the name of a WasmPlugin before it sorts by it. It comes after `-`, so `a-b` goes before `a`.
const SORT_SUFFIX: &str = "~istio-translated-wasmplugin";

impl Policy for TrafficExtension {
    fn meta(&self) -> &Meta {
        &self.meta
    }

    fn selector(&self) -> Option<&Selector> {
        self.selector.as_ref()
    }

    fn targets(&self) -> &[TargetRef] {
        &self.target_refs
    }

    fn sort_name(&self) -> String {
        let name = &self.meta.id.name;
        match self.written {
            WrittenAs::WasmPlugin => format!("{name}{SORT_SUFFIX}"),
            WrittenAs::TrafficExtension => name.to_string(),
        }
    }

    fn describe(&self, text: &mut String) {
        describe(self, text);
    }
}

/// A plugin of a workload, and what the mesh's rules say of it.
pub(super) type Judged<'p> = (&'p Arc<TrafficExtension>, Option<Refusal>, Limits);

/// The plugins for a workload, in the order in which they stand there, each with what the mesh's rules say of it: by
/// phase, then by priority, those without one last. Equals stay as they are in `plugins`: those of the workload's
/// namespace before those of the root namespace, older ones before younger ones.
pub(super) fn judged<'p>(
    plugins: &[&'p Arc<TrafficExtension>],
    rules: Option<&ModuleRules>,
) -> Vec<Judged<'p>> {
    let mut plugins = plugins.to_vec();
    plugins.sort_by_key(|plugin| {
        // Istio's documentation says that absent means 0; its code ranks it below every other value.
        let priority = plugin.priority.as_ref().map_or(i32::MIN, |priority| priority.value);
        (plugin.phase.value, Reverse(priority))
    });
    let mut judge = Judge::new(rules);
    let judged = plugins.into_iter().map(|plugin| {
        let (refused, limits) = judge.next(plugin);
        (plugin, refused, limits)
    });
    judged.collect()
}

/// The plugins of one class of a workload's listeners, in the order in which they stand there.
pub(super) fn resolve(plugins: &[Judged<'_>], workload: &Workload, class: ListenerClass) -> Vec<Plugin> {
    plugins
        .iter()
        .filter_map(|(plugin, refused, limits)| {
            let ports = ports(&plugin.matches, class)?;
            Some(Plugin {
                origin: origin(plugin, workload),
                namespace: plugin.meta.id.namespace.to_string(),
                name: plugin.meta.id.name.to_string(),
                document: Arc::clone(plugin),
                ports,
                refused: refused.clone(),
                limits: limits.clone(),
            })
        })
        .collect()
}

fn describe(plugin: &TrafficExtension, text: &mut String) {
    let TrafficExtension {
        meta,
        written,
        selector,
        target_refs,
        phase,
        priority,
        matches,
        local_module,
        code,
    } = plugin;
    describe_whom(meta, selector.as_ref(), target_refs, text);
    let (phase, priority, local_module) =
        (phase.value, value(priority.as_ref()), value(local_module.as_ref()));
    let _ = write!(text, "\n{written:?} {phase:?} {priority:?} {local_module:?}");
    for selector in matches {
        let _ = write!(text, "\n{:?} {:?}", selector.mode, selector.ports);
    }
    match code {
        Code::Wasm(wasm) => describe_wasm(wasm, text),
        Code::Lua(LuaCode { inline }) => _ = write!(text, "\n{:?}", inline.value),
    }
}

fn describe_wasm(wasm: &WasmCode, text: &mut String) {
    let WasmCode {
        url,
        sha256,
        image_pull_policy,
        image_pull_secret,
        verification_key,
        plugin_config,
        // Places do not change what is asked for.
        plugin_config_keys: _,
        plugin_name,
        fail_strategy,
        environment,
        kind,
    } = wasm;
    let texts = [sha256, image_pull_secret, verification_key, plugin_name];
    let texts = texts.map(|traced| value(traced.as_ref()));
    let _ = write!(text, "\n{:?} {texts:?} {:?}", url.value, value(image_pull_policy.as_ref()));
    let _ = write!(text, "\n{:?}", value(plugin_config.as_ref()));
    let _ = write!(text, "\n{:?} {kind:?}", fail_strategy.value);
    for variable in environment {
        let _ = write!(text, "\n{:?} {:?}", variable.name, variable.value);
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
fn origin(plugin: &TrafficExtension, workload: &Workload) -> Origin {
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

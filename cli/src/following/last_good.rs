//! What was in force of a plugin whose new module or configuration cannot be used: its document and module go on, the rest
//! of a change takes effect, and both are told.

use std::collections::BTreeMap;

use burgee_api::resources::TrafficExtension;
use burgee_api::{Problem, Severity};
use burgee_overlay::{Module, PluginModule};

use crate::codes::KEPT_PLUGIN;
use crate::plugin_modules::PluginModules;

/// Every plugin in force that has its module, by [`TrafficExtension::key`].
#[derive(Clone, Debug, Default)]
pub(crate) struct LastGood(BTreeMap<String, (TrafficExtension, Module)>);

impl LastGood {
    /// Of plugins that are in force with these modules.
    pub(crate) fn of(plugins: &[TrafficExtension], modules: &PluginModules) -> LastGood {
        let ready = |plugin: &TrafficExtension| match modules.get(&plugin.key()) {
            Some(PluginModule::Ready(module)) => Some((plugin.key(), (plugin.clone(), module.clone()))),
            _ => None,
        };
        LastGood(plugins.iter().filter_map(ready).collect())
    }

    /// Puts back what was in force of those plugins whose modules cannot be used now, and says so of each. A plugin that
    /// had none in force stays without: what its `failStrategy` says holds for it.
    pub(crate) fn keep(&self, plugins: &mut [TrafficExtension], modules: &mut PluginModules) -> Vec<Problem> {
        let mut kept = Vec::new();
        for plugin in plugins {
            let key = plugin.key();
            let Some(module @ PluginModule::Missing(_)) = modules.get_mut(&key) else { continue };
            let Some((document, last)) = self.0.get(&key) else { continue };
            let message =
                format!("{} keeps the last good one: what is written here cannot be used", plugin.meta.id);
            let digest: String = last.sha256.chars().take(12).collect();
            let help = format!("in force is its document of before, with the module sha256 {digest}");
            let place = plugin.meta.place.clone();
            kept.push(Problem::new(Severity::Warning, KEPT_PLUGIN, message).at(place, "").help(help));
            *plugin = document.clone();
            *module = PluginModule::Ready(last.clone());
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use burgee_api::check::check;
    use burgee_api::document::Source;

    use super::*;

    fn plugins(names: &[&str], config: &str) -> Vec<TrafficExtension> {
        let text: String = names
            .iter()
            .map(|name| {
                format!(
                    "---\napiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{name: {name}, \
                     namespace: a}}\nspec: {{url: 'file:///x.wasm', pluginConfig: {{is: {config}}}}}\n"
                )
            })
            .collect();
        check(&[Source::new("p.yaml", text)]).resources.extensions
    }

    fn module(digest: &str) -> PluginModule {
        PluginModule::Ready(Module { path: "/x".into(), sha256: digest.into(), metrics: Vec::new() })
    }

    #[test]
    fn only_what_was_in_force_goes_on_and_only_where_nothing_better_is_there() {
        let missing = || PluginModule::Missing("gone".to_owned());
        let all = |modules: [PluginModule; 3]| -> PluginModules {
            ["a/one", "a/two", "a/three"].map(str::to_owned).into_iter().zip(modules).collect()
        };
        let names = ["one", "two", "three"];
        let before = plugins(&names, "old");
        let last = LastGood::of(&before, &all([module("1"), module("2"), missing()]));
        let mut now = plugins(&names, "new");
        let written = now.clone();
        let mut modules = all([missing(), module("22"), missing()]);
        let said = last.keep(&mut now, &mut modules);
        assert_eq!(now, [before[0].clone(), written[1].clone(), written[2].clone()]);
        assert_eq!(modules, all([module("1"), module("22"), missing()]));
        let [problem] = said.as_slice() else { panic!("{said:?}") };
        assert!(problem.message.contains("a/one keeps the last good one"), "{problem:?}");
        assert_eq!(problem.place.as_ref().map(|place| place.line), Some(2));
    }
}

//! Documents judged with what this machine has beside them: the schemas of the modules that plugins name.

use std::slice;

use burgee_api::check::cardinality::observed::Observed;
use burgee_api::check::{Beside, Checked, judge_beside};
use burgee_api::document::{Documents, Source, read};
use burgee_api::resolve::DEFAULT_REVISION;
use burgee_api::resources::TrafficExtension;
use burgee_configuration::Schemas;

use crate::plugin_modules::{self, Whereabouts};

/// Reads and judges documents, for workloads of the default revision.
pub(crate) fn check(sources: &[Source]) -> Checked {
    judge(read(sources), sources, DEFAULT_REVISION)
}

/// Judges documents that were read from these sources, for workloads of a revision.
pub(crate) fn judge(documents: Documents, sources: &[Source], revision: &str) -> Checked {
    let plugins = &documents.resources.extensions;
    let found = burgee_configuration::judge(plugins, &schemas(plugins));
    judge_beside(documents, sources, revision, Beside { observed: None, found })
}

/// The same where no run follows, given a page of metrics that somebody saved: what a run would find of modules without
/// building them is told too.
pub(crate) fn judge_observed(
    documents: Documents,
    sources: &[Source],
    revision: &str,
    observed: Option<&Observed>,
) -> Checked {
    let plugins = &documents.resources.extensions;
    let schemas = schemas(plugins);
    let mut found = Vec::new();
    for plugin in plugins {
        found.extend(plugin_modules::not_there(plugin));
        let faults = burgee_configuration::judge(slice::from_ref(plugin), &schemas);
        // What a schema cannot say; what it says is not said twice.
        found.extend(if faults.is_empty() { plugin_modules::bad_config(plugin) } else { None });
        found.extend(faults);
    }
    judge_beside(documents, sources, revision, Beside { observed, found })
}

/// What the modules of plugins say of their configuration, where they are on this machine. Nothing is built.
fn schemas(plugins: &[TrafficExtension]) -> Schemas {
    let mut schemas = Schemas::default();
    for plugin in plugins {
        let (Whereabouts::Annotated(path, _) | Whereabouts::File(path)) = Whereabouts::of(plugin) else {
            continue;
        };
        if let Some((file, text)) = burgee_modules::configuration_schema(&path) {
            schemas.insert(plugin, file.display().to_string(), text);
        }
    }
    schemas
}

#[cfg(test)]
mod tests {
    use burgee_api::Severity;

    use super::*;

    /// The codes and paths of what is told of a plugin.
    fn told(module: &std::path::Path, config: &str) -> Vec<(String, String)> {
        let text = format!(
            "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{name: tag, namespace: shop, \
             annotations: {{burgee.dev/module: {module:?}}}}}\nspec: {{url: 'file:///a.wasm', pluginConfig: {config}}}\n"
        );
        let sources = [Source::new("plugin.yaml", text)];
        let checked = judge_observed(read(&sources), &sources, DEFAULT_REVISION, None);
        let told = checked.problems.into_iter().filter(|problem| problem.severity >= Severity::Warning);
        told.map(|problem| (problem.code.0.to_owned(), problem.path)).collect()
    }

    #[test]
    fn what_a_run_would_find_of_a_module_is_told_where_no_run_follows() {
        let headers = burgee_modules::filter_folder("headers").expect("a filter of ours");
        let path = "spec.pluginConfig.response.set";
        for (module, config, expected) in [
            (headers.as_path(), "{response: {set: {x-a: b}}}", None),
            (&headers.join("nope"), "{response: {set: {x-a: b}}}", Some(("BG0009", "metadata.annotations"))),
            (&headers, "{response: {set: {x-a: 5}}}", Some(("BG0264", path))),
            // A schema cannot say it, the filter refuses it.
            (&headers, "{response: {set: {content-length: '3'}}}", Some(("BG0011", path))),
        ] {
            let told = told(module, config);
            let is_expected = match (told.as_slice(), expected) {
                ([], None) => true,
                ([(code, path)], Some((of, below))) => code == of && path.starts_with(below),
                _ => false,
            };
            assert!(is_expected, "{config}: {told:?}");
        }
    }
}

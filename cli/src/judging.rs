//! Documents judged with what this machine has beside them: the schemas of the modules that plugins name.

use burgee_api::check::cardinality::observed::Observed;
use burgee_api::check::{Beside, Checked, judge_beside};
use burgee_api::document::{Documents, Source, read};
use burgee_api::resolve::DEFAULT_REVISION;
use burgee_api::resources::WasmPlugin;
use burgee_configuration::Schemas;

use crate::plugin_modules::Whereabouts;

/// Reads and judges documents, for workloads of the default revision.
pub(crate) fn check(sources: &[Source]) -> Checked {
    judge(read(sources), sources, DEFAULT_REVISION)
}

/// Judges documents that were read from these sources, for workloads of a revision.
pub(crate) fn judge(documents: Documents, sources: &[Source], revision: &str) -> Checked {
    judge_observed(documents, sources, revision, None)
}

/// The same, given a page of metrics that somebody saved.
pub(crate) fn judge_observed(
    documents: Documents,
    sources: &[Source],
    revision: &str,
    observed: Option<&Observed>,
) -> Checked {
    let plugins = &documents.resources.wasm_plugins;
    let found = burgee_configuration::judge(plugins, &schemas(plugins));
    judge_beside(documents, sources, revision, Beside { observed, found })
}

/// What the modules of plugins say of their configuration, where they are on this machine. Nothing is built.
fn schemas(plugins: &[WasmPlugin]) -> Schemas {
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

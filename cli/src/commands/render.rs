//! `burgee render`: documents laid over somebody's own Envoy configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use burgee_api::Problem;
use burgee_api::Severity;
use burgee_api::check::check_revision;
use burgee_api::document::Source;
use burgee_api::problem::{Code, closest, worst};
use burgee_api::resolve::{Effective, PolicySet};
use burgee_api::resources::Resources;
use burgee_overlay::{Delivery, Edit, Identity, LogFiles, Module, Options, Value, overlay};
use serde::Serialize;

use crate::args::TreeFormat;
use crate::plan::RenderPlan;
use crate::plugin_modules::{self, PluginModules};
use crate::progress::Steps;
use crate::{Failure, Outcome, output, report, sources};

/// A part of a configuration, which needs its bootstrap.
const NEEDS_BOOTSTRAP: Code = Code("BG0007");
/// A base that carries nothing to measure.
const NOTHING_MEASURED: Code = Code("BG0008");

/// Runs it.
pub(crate) fn run(plan: &RenderPlan) -> Result<Outcome, Failure> {
    let mut sources = sources::read(&plan.files)?;
    let base_sources = sources::read_one(&plan.base)?;
    let checked = check_revision(&sources.texts, &plan.workload.revision);
    let mut problems = std::mem::take(&mut sources.problems);
    problems.extend(base_sources.problems);
    problems.extend(checked.problems);
    let mut texts = sources.texts;
    let base_text = base_sources.texts.into_iter().next();
    let base = base_text.as_ref().map(|text| (text, read_base(&plan.base, text)));
    if let Some((text, Err(faults))) = &base {
        problems.extend(faults.iter().cloned());
        texts.push((*text).clone());
    }
    let Some((base_source, Ok((base, format)))) = base else { return stop(&problems, &texts) };
    if worst(&problems) == Some(Severity::Error) {
        return stop(&problems, &texts);
    }
    check_plugin_paths(plan, &checked.resources)?;
    let mut resources = checked.resources;
    let (effective, plugins) = resolve(plan, &mut resources, &mut problems);
    problems.extend(plan.workload.not_among_the_documents(&resources));
    if !matches!(base, Value::Map(_)) {
        return Err(Failure::new(
            format!("{} is not an Envoy configuration: it is not an object", plan.base.display()),
            "give a bootstrap, a file of listeners or clusters, or one resource",
        ));
    }
    let options = Options {
        module: module(plan)?,
        delivery: Delivery::Inline,
        identity: Identity::Written,
        classes: plan.classes.clone(),
        ports: BTreeMap::new(),
        plugins,
        log_files: LogFiles::AsWritten,
        reporter: None,
    };
    let overlaid = overlay(&base, &effective, &options);
    problems.extend(overlaid.problems);
    problems.extend(without_effect(&base, &effective, &overlaid.edits));
    texts.push(base_source.clone());
    if worst(&problems) == Some(Severity::Error) {
        return stop(&problems, &texts);
    }
    report::print_aside(&problems, &texts);
    let format = plan.output.unwrap_or(format);
    if plan.edits {
        print_edits(&overlaid.edits, format)?;
    } else {
        print_tree(&overlaid.value, format)?;
    }
    Ok(Outcome::Done)
}

fn stop(problems: &[Problem], texts: &[Source]) -> Result<Outcome, Failure> {
    report::print_aside(problems, texts);
    report::aside(&format!("nothing is rendered: {}", report::count(problems)));
    Ok(Outcome::Found)
}

/// A base and how it is written: its content says whether it is JSON, whatever its file is called. What begins like JSON
/// and is none is YAML in braces, unless it is no YAML either or its name promises JSON: then JSON's faults are told.
fn read_base(path: &Path, text: &Source) -> Result<(Value, TreeFormat), Vec<Problem>> {
    let yaml = || Value::from_yaml(text).map(|value| (value, TreeFormat::Yaml));
    let begin = text.text.trim_start_matches('\u{feff}').trim_start();
    if !begin.starts_with(['{', '[']) {
        return yaml();
    }
    let faults = match Value::from_json(text) {
        Ok(value) => return Ok((value, TreeFormat::Json)),
        Err(faults) => faults,
    };
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    match ending.to_ascii_lowercase().as_str() {
        "json" => Err(faults),
        "yaml" | "yml" => yaml(),
        _ => yaml().map_err(|_| faults),
    }
}

/// What the documents say for the workload, and the modules of its plugins.
fn resolve(
    plan: &RenderPlan,
    resources: &mut Resources,
    problems: &mut Vec<Problem>,
) -> (Effective, PluginModules) {
    let workload = plan.workload.find(resources);
    // Plugins of others need no module, and building one takes long.
    let applied = names_of_plugins(&PolicySet::new(resources.clone()).resolve(&workload));
    resources.wasm_plugins.retain(|plugin| applied.contains(&plugin_modules::key(plugin)));
    let (plugins, missing) = plugin_modules::resolve_for(resources, &plan.plugin_paths, &Steps::new());
    problems.extend(missing);
    (PolicySet::new(resources.clone()).resolve(&workload), plugins)
}

/// The plugins that a policy has for any class, as `NAMESPACE/NAME`.
fn names_of_plugins(effective: &Effective) -> BTreeSet<String> {
    let plugins = effective.classes.values().flat_map(|class| &class.plugins);
    plugins.map(|plugin| format!("{}/{}", plugin.namespace, plugin.name)).collect()
}

/// A path for a plugin that the documents do not have is misspelt, and the plugin that was meant has none.
fn check_plugin_paths(plan: &RenderPlan, resources: &Resources) -> Result<(), Failure> {
    let known: Vec<String> = resources.wasm_plugins.iter().map(plugin_modules::key).collect();
    let Some(unknown) = plan.plugin_paths.keys().find(|name| !known.contains(name)) else { return Ok(()) };
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let help = match (closest(unknown, &known), known.is_empty()) {
        (Some(known), _) => format!("did you mean `{known}`?"),
        (None, false) => format!("the documents have {}", known.join(", ")),
        (None, true) => "the documents have no WasmPlugin; name their files with -f".to_owned(),
    };
    Err(Failure::new(format!("--plugin-path {unknown}: there is no such WasmPlugin"), help))
}

/// A base in which what the documents ask for does not, or not alone, come to anything.
fn without_effect(base: &Value, effective: &Effective, edits: &[Edit]) -> Option<Problem> {
    let wants_metrics = effective.classes.values().any(|class| !class.metrics.is_empty());
    let is_measure = |edit: &Edit| {
        let name = edit.value.field("name").and_then(Value::as_str);
        name.is_some_and(|name| name.starts_with("burgee.stats."))
    };
    let has_filter = edits.iter().any(is_measure);
    let is_part = base.field("@type").is_some() || base.field("resources").is_some();
    if has_filter && is_part {
        let message = "the labels of these metrics are cut out of their names by the bootstrap's stats_tags";
        let help = "render the proxy's bootstrap with the same documents too";
        return Some(Problem::new(Severity::Warning, NEEDS_BOOTSTRAP, message).help(help));
    }
    if wants_metrics && !has_filter && base.field("dynamic_resources").is_none() {
        let message = "no listener of the base got a filter, so nothing is measured";
        let help = "listeners stand in static_resources.listeners of a bootstrap, or in resources of a file of \
                    listeners; check the spelling";
        return Some(Problem::new(Severity::Warning, NOTHING_MEASURED, message).help(help));
    }
    None
}

/// The telemetry module, at the path where the proxy finds it.
fn module(plan: &RenderPlan) -> Result<Module, Failure> {
    let mut module = super::module(plan.module.as_deref(), &Steps::new())?;
    if let Some(path) = &plan.module_path {
        module.path.clone_from(path);
    }
    Ok(module)
}

fn print_tree(value: &Value, format: TreeFormat) -> Result<(), Failure> {
    let text = match format {
        TreeFormat::Yaml => value.to_yaml(),
        TreeFormat::Json => value.to_json(),
    };
    output::text_line(text.trim_end())
}

#[derive(Serialize)]
struct EditOutput {
    insert_at: String,
    owners: Vec<String>,
    value: serde_json::Value,
}

fn print_edits(edits: &[Edit], format: TreeFormat) -> Result<(), Failure> {
    let edits: Vec<EditOutput> = edits
        .iter()
        .map(|edit| EditOutput {
            insert_at: edit.path.to_string(),
            owners: edit.owner.origins.iter().map(ToString::to_string).collect(),
            value: serde_json::from_str(&edit.value.to_json()).unwrap_or_default(),
        })
        .collect();
    match format {
        TreeFormat::Yaml => output::yaml(&edits),
        TreeFormat::Json => output::json(&edits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_of_a_base_is_its_content_s() {
        let json = " \n{\"node\": {\"id\": \"a\"}}";
        for (name, text, expected) in [
            ("base", json, Some(TreeFormat::Json)),
            ("base.yaml", json, Some(TreeFormat::Json)),
            ("base.json", json, Some(TreeFormat::Json)),
            ("-", json, Some(TreeFormat::Json)),
            ("-", "[1]", Some(TreeFormat::Json)),
            ("-", "{node: {id: a}}", Some(TreeFormat::Yaml)),
            ("base.json", "node: {id: a}", Some(TreeFormat::Yaml)),
            ("base.json", "{node: {id: a}}", None),
            ("base", "{node: [}", None),
            ("base.yaml", "{node: [}", None),
        ] {
            let found = read_base(Path::new(name), &Source::new(name, text.to_owned()));
            assert_eq!(found.ok().map(|(_, format)| format), expected, "{name}: {text}");
        }
    }
}

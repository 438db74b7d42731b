//! `burgee render`: documents laid over somebody's own Envoy configuration.

use std::collections::BTreeSet;
use std::path::Path;

use burgee_api::Problem;
use burgee_api::Severity;
use burgee_api::document::{self, Source};
use burgee_api::problem::codes::WAYPOINT;
use burgee_api::problem::{closest, worst};
use burgee_api::resolve::{DEFAULT_REVISION, Effective, Plugin, PolicySet, Workload, workloads_by_address};
use burgee_api::resources::{Resources, TrafficExtension};
use burgee_filter_config::declared::{DeclaredMetric, histogram_buckets};
use burgee_overlay::{
    Delivery, Edit, Identity, Module, Options, PluginModule, Value, overlay, plugin_extension_name,
};
use serde::Serialize;

use crate::args::TreeFormat;
use crate::codes::{NEEDS_BOOTSTRAP, NOTHING_MEASURED, UNLAID_BUCKETS};
use crate::judging::judge;
use crate::plan::RenderPlan;
use crate::plugin_modules::{self, PluginModules};
use crate::progress::Steps;
use crate::{Failure, Outcome, environment, output, report, sources};

/// What there is to say, and the texts that it is about.
struct Told {
    problems: Vec<Problem>,
    texts: Vec<Source>,
}

impl Told {
    fn has_errors(&self) -> bool {
        worst(&self.problems) == Some(Severity::Error)
    }

    fn stop(&self) -> Outcome {
        report::print_aside(&self.problems, &self.texts);
        report::aside(&format!("nothing is rendered: {}", report::count(&self.problems)));
        Outcome::Found
    }
}

/// Runs it.
pub(crate) fn run(plan: &RenderPlan) -> Result<Outcome, Failure> {
    let sources = sources::read(&plan.files)?;
    let base_sources = sources::read_one(&plan.base)?;
    let documents = document::read(&sources.texts);
    let mut told = Told { problems: sources.problems, texts: sources.texts };
    told.problems.extend(base_sources.problems);
    let base = base_sources.texts.into_iter().next().and_then(|text| {
        let base = read_base(&plan.base, &text).map_err(|faults| told.problems.extend(faults)).ok();
        told.texts.push(text);
        base
    });
    let workload =
        base.as_ref().and_then(|(base, _)| find(plan, &documents.resources, base, &mut told.problems));
    let revision = workload.as_ref().map_or(DEFAULT_REVISION, |workload| &workload.revision);
    let checked = judge(documents, &told.texts, revision);
    told.problems.extend(checked.problems);
    match base.zip(workload) {
        Some(((base, format), workload)) if !told.has_errors() => {
            let format = plan.output.unwrap_or(format);
            render(plan, &base, format, &workload, checked.resources, told)
        }
        _ => Ok(told.stop()),
    }
}

/// Lays what documents without an error say for a workload over a base, and prints the result.
fn render(
    plan: &RenderPlan,
    base: &Value,
    format: TreeFormat,
    workload: &Workload,
    mut resources: Resources,
    mut told: Told,
) -> Result<Outcome, Failure> {
    check_plugin_paths(plan, &resources)?;
    let index = workloads_by_address(&resources);
    let (effective, plugins) = resolve(plan, workload, &mut resources, &mut told.problems);
    if !matches!(base, Value::Map(_)) {
        return Err(Failure::new(
            format!("{} is not an Envoy configuration: it is not an object", plan.base.display()),
            "give a bootstrap, a file of listeners or clusters, or one resource",
        ));
    }
    let options = Options {
        classes: plan.classes.clone(),
        plugins,
        envoy: plan.envoy,
        is_whole: true,
        index,
        ..Options::new(module(plan)?, Delivery::Inline, Identity::Written)
    };
    let overlaid = overlay(base, &effective, &options);
    told.problems.extend(overlaid.problems);
    told.problems.extend(burgee_overlay::awaits(&overlaid.awaited_clusters));
    told.problems.extend(without_effect(base, &effective, &overlaid.edits, &options.plugins));
    told.problems.extend(unlaid_buckets(&overlaid.edits, &effective, &options.plugins));
    if told.has_errors() {
        return Ok(told.stop());
    }
    report::print_aside(&told.problems, &told.texts);
    if plan.edits {
        print_edits(&overlaid.edits, format)?;
    } else {
        print_tree(&overlaid.value, format)?;
    }
    Ok(Outcome::Done)
}

/// A base and how it is written: its content says whether it is JSON, whatever its file is called. What begins like JSON
/// and is none is YAML in braces, unless it is no YAML either or its name promises JSON: then JSON's faults are told.
pub(super) fn read_base(path: &Path, text: &Source) -> Result<(Value, TreeFormat), Vec<Problem>> {
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

/// The workload that is rendered for; none if that is a problem.
fn find(
    plan: &RenderPlan,
    resources: &Resources,
    base: &Value,
    problems: &mut Vec<Problem>,
) -> Option<Workload> {
    let node = base.field("node").and_then(|node| serde_json::from_str(&node.to_json()).ok());
    let proxy = match node.as_ref().map(Workload::from_node) {
        // A node by hand need not say who it is when the arguments do.
        Some(Err(problem)) if plan.workload.named.is_none() || problem.code == WAYPOINT => {
            problems.push(*problem);
            return None;
        }
        proxy => proxy.and_then(Result::ok),
    };
    problems.extend(plan.workload.doubts(resources, proxy.as_ref()));
    plan.workload.find(resources, proxy.as_ref()).map_err(|problem| problems.push(*problem)).ok()
}

/// What the documents say for the workload, and the modules of its plugins.
fn resolve(
    plan: &RenderPlan,
    workload: &Workload,
    resources: &mut Resources,
    problems: &mut Vec<Problem>,
) -> (Effective, PluginModules) {
    // Plugins of others need no module, and building one takes long.
    let applied = names_of_plugins(&PolicySet::new(resources.clone()).resolve(workload));
    resources.extensions.retain(|plugin| applied.contains(&plugin.key()));
    let (plugins, missing) =
        plugin_modules::resolve_for(resources, &plan.plugin_paths, &plan.sources, &Steps::new());
    problems.extend(missing);
    problems.extend(environment::doubts(resources));
    (environment::policies(resources.clone(), plan.metrics).resolve(workload), plugins)
}

/// The plugins that a policy has for any class.
fn names_of_plugins(effective: &Effective) -> BTreeSet<String> {
    let plugins = effective.classes.values().flat_map(|class| &class.plugins);
    plugins.map(Plugin::id).collect()
}

/// A path for a plugin that the documents do not have is misspelt, and the plugin that was meant has none.
fn check_plugin_paths(plan: &RenderPlan, resources: &Resources) -> Result<(), Failure> {
    let known: Vec<String> = resources.extensions.iter().map(TrafficExtension::key).collect();
    let Some(unknown) = plan.plugin_paths.keys().find(|name| !known.contains(name)) else { return Ok(()) };
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let help = match (closest(unknown, &known), known.is_empty()) {
        (Some(known), _) => format!("did you mean `{known}`?"),
        (None, false) => format!("the documents have {}", known.join(", ")),
        (None, true) => "the documents have no plugin; name their files with -f".to_owned(),
    };
    Err(Failure::new(format!("--plugin-path {unknown}: there is no such plugin"), help))
}

/// A base in which what the documents ask for does not, or not alone, come to anything.
fn without_effect(
    base: &Value,
    effective: &Effective,
    edits: &[Edit],
    plugins: &PluginModules,
) -> Option<Problem> {
    let wants_metrics = effective.classes.values().any(|class| !class.metrics.is_empty());
    let is_measure = |edit: &Edit| {
        let name = edit.value.field("name").and_then(Value::as_str);
        name.is_some_and(burgee_overlay::is_measure)
    };
    let has_filter = edits.iter().any(is_measure);
    let is_part = base.field("@type").is_some() || base.field("resources").is_some();
    let has_labels = || declared(edits, effective, plugins).iter().any(|metric| !metric.labels.is_empty());
    if is_part && (has_filter || has_labels()) {
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

/// The metrics that the modules of those plugins declare that a base got.
fn declared<'a>(
    edits: &[Edit],
    effective: &Effective,
    plugins: &'a PluginModules,
) -> Vec<&'a DeclaredMetric> {
    let mut metrics: Vec<&DeclaredMetric> = Vec::new();
    for plugin in effective.classes.values().flat_map(|class| &class.plugins) {
        let name = plugin_extension_name(plugin);
        let is_laid =
            edits.iter().any(|edit| edit.value.field("name").and_then(Value::as_str) == Some(&name));
        if let (true, Some(PluginModule::Ready(module))) = (is_laid, plugins.get(&plugin.id())) {
            let others: Vec<_> = module.metrics.iter().filter(|metric| !metrics.contains(metric)).collect();
            metrics.extend(others);
        }
    }
    metrics
}

/// The buckets that modules declare are for whoever writes the bootstrap.
fn unlaid_buckets(edits: &[Edit], effective: &Effective, plugins: &PluginModules) -> Vec<Problem> {
    let metrics: Vec<DeclaredMetric> = declared(edits, effective, plugins).into_iter().cloned().collect();
    let note = |(regex, buckets): (String, Vec<u64>)| {
        let message = "a plugin's histogram has buckets of its own, which are not laid over the base";
        let help = format!(
            "write into stats_config.histogram_bucket_settings of the bootstrap: \
             {{match: {{safe_regex: {{regex: '{regex}'}}}}, buckets: {buckets:?}}}"
        );
        Problem::new(Severity::Note, UNLAID_BUCKETS, message).help(help)
    };
    histogram_buckets(&metrics).into_iter().map(note).collect()
}

/// The telemetry module, at the path where the proxy finds it.
fn module(plan: &RenderPlan) -> Result<Module, Failure> {
    let mut module = super::telemetry_module(plan.module.as_deref(), &Steps::new())?;
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

//! `burgee bootstrap`: what a proxy starts with that gets everything else from a server.

use std::collections::BTreeMap;

use burgee_api::document;
use burgee_api::problem::worst;
use burgee_api::resolve::{DEFAULT_REVISION, Effective, KnownWorkloads, PolicySet, Workload};
use burgee_api::resources::Resources;
use burgee_api::{Problem, Severity};
use burgee_overlay::{Module, PluginModule, labels_to_reserve};
use burgee_server::bootstrap::{Wanted, bootstrap};

use crate::args::{MetricsChoice, TreeFormat};
use crate::judging::judge;
use crate::plan::BootstrapPlan;
use crate::progress::Steps;
use crate::{Failure, Outcome, environment, output, plugin_modules, report, sources};

/// Runs it.
pub(crate) fn run(plan: BootstrapPlan) -> Result<Outcome, Failure> {
    let sources = sources::read(&plan.files)?;
    let documents = document::read(&sources.texts);
    let mut problems = sources.problems;
    let workload = workload(&plan, &documents.resources, &mut problems);
    let revision = workload.as_ref().map_or(DEFAULT_REVISION, |workload| &workload.revision);
    let checked = judge(documents, &sources.texts, revision);
    problems.extend(checked.problems);
    if let Some(workload) = workload.filter(|_| worst(&problems) != Some(Severity::Error)) {
        let policies = environment::policies(checked.resources.clone(), MetricsChoice::default());
        let (modules, missing) = modules(&plan, &policies, &workload, checked.resources.clone());
        problems.extend(missing);
        problems.extend(environment::doubts(&checked.resources));
        let policies_of = policies_of(&policies, &workload, &checked.resources);
        let declared = modules.iter().flat_map(|module| module.metrics.clone());
        let wanted = Wanted {
            labels: labels_to_reserve(&policies_of, declared),
            service_cluster: policies.service_cluster(&workload),
            workload,
            address: plan.address,
            class: plan.class,
            server: plan.server,
            flavour: plan.flavour,
            admin_port: plan.admin_port,
            modules,
            envoy: plan.envoy,
        };
        let (value, said) = bootstrap(&wanted);
        problems.extend(said);
        if worst(&problems) != Some(Severity::Error) {
            report::print_aside(&problems, &sources.texts);
            let text = match plan.output {
                TreeFormat::Yaml => value.to_yaml(),
                TreeFormat::Json => value.to_json(),
            };
            output::text_line(text.trim_end())?;
            return Ok(Outcome::Done);
        }
    }
    report::print_aside(&problems, &sources.texts);
    report::aside(&format!("no bootstrap is printed: {}", report::count(&problems)));
    Ok(Outcome::Found)
}

/// The workload, by what the documents and the arguments say; none if that is a problem.
fn workload(plan: &BootstrapPlan, resources: &Resources, problems: &mut Vec<Problem>) -> Option<Workload> {
    problems.extend(plan.workload.doubts(resources, None));
    let found = plan.workload.find(resources, None).map_err(|problem| problems.push(*problem)).ok()?;
    Some(Workload {
        kind: plan.kind.unwrap_or(found.kind),
        pod: plan.pod.clone().or(found.pod),
        service_account: plan.service_account.clone().or(found.service_account),
        cluster: plan.cluster.clone().unwrap_or(found.cluster),
        ..found
    })
}

/// What is in force at the workload and at every other one that documents describe. A label that is needed later cannot be
/// had without a restart, and labels that nobody uses cost nothing.
fn policies_of(policies: &PolicySet, workload: &Workload, resources: &Resources) -> Vec<Effective> {
    let known = KnownWorkloads::new(resources, DEFAULT_REVISION).workloads;
    let known = known.into_iter().map(|known| policies.resolve(&known.workload));
    std::iter::once(policies.resolve(workload)).chain(known).collect()
}

/// The modules of the workload's plugins, which say what their metrics need. Those of others would take long to have.
fn modules(
    plan: &BootstrapPlan,
    policies: &PolicySet,
    workload: &Workload,
    mut resources: Resources,
) -> (Vec<Module>, Vec<Problem>) {
    let effective = policies.resolve(workload);
    let plugins = effective.classes.values().flat_map(|class| &class.plugins);
    let applied: Vec<String> = plugins.map(burgee_api::resolve::Plugin::id).collect();
    resources.extensions.retain(|plugin| applied.contains(&plugin.key()));
    let (modules, missing) =
        plugin_modules::resolve_for(&mut resources, &BTreeMap::new(), &plan.sources, &Steps::new());
    let ready = |module| match module {
        PluginModule::Ready(module) => Some(module),
        PluginModule::Missing(_) => None,
    };
    (modules.into_values().filter_map(ready).collect(), missing)
}

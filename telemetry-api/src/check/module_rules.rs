//! What the rules of a mesh say of modules: plugins that may not be used, rules that count nowhere, and the Secrets that
//! plugins name.

use std::collections::BTreeSet;

use super::extension::key;
use super::telemetry::at;
use super::world::World;
use crate::origin::{DocumentId, Origin};
use crate::problem::{Problem, Severity, codes};
use crate::resolve::{ListenerClass, Refusal, judge_alone};
use crate::resources::module_rules::MODULE_RULES_NAME;
use crate::resources::{ModuleRules, TrafficExtension};

pub(super) fn check(world: &World<'_>, problems: &mut Vec<Problem>) {
    problems.extend(world.resources.module_rules.iter().filter_map(|rules| elsewhere(world, rules)));
    let keys = world.resources.module_rules.iter().flat_map(|rules| &rules.rules);
    for (origin, fault) in keys.filter_map(|rule| {
        let key = rule.verification_key.as_ref()?;
        Some((&key.origin, key::fault(&key.value)?))
    }) {
        problems.push(bad_key(origin, &fault));
    }
    let mut refused: BTreeSet<DocumentId> = BTreeSet::new();
    for plugin in &world.resources.extensions {
        if let Some(refusal) = refusal(world, plugin) {
            refused.insert(plugin.meta.id.clone());
            problems.push(told(plugin, &refusal));
        }
        problems.extend(secret(world, plugin));
    }
    // What only shows at a workload: that there are too many.
    for known in &world.known.workloads {
        for class in ListenerClass::of(known.workload.kind) {
            for plugin in world.set.plugins_of(&known.workload, *class) {
                let Some(refusal) = &plugin.refused else { continue };
                if refused.insert(plugin.document.meta.id.clone()) {
                    problems.push(told(&plugin.document, refusal));
                }
            }
        }
    }
}

/// Why a plugin may not be used by itself, by the rules of any mesh that reads it.
fn refusal(world: &World<'_>, plugin: &TrafficExtension) -> Option<Refusal> {
    let (meshes, _) = world.meshes_of(&plugin.meta);
    meshes.into_iter().find_map(|mesh| judge_alone(world.set.module_rules(&mesh.revision), plugin))
}

fn told(plugin: &TrafficExtension, refusal: &Refusal) -> Problem {
    let message = format!("the mesh's rules do not let this plugin be used: {}", refusal.why);
    let rule = match &refusal.rule {
        Origin::Document { document, path, place } => format!("{place}, {path} of {document}"),
        Origin::Rule(rule) => (*rule).to_owned(),
    };
    let help = format!("the rule is at {rule}; use what it allows, or ask whoever administers the mesh");
    at(plugin.code_origin(), Severity::Error, codes::MODULE_REFUSED, message, help)
}

/// That rules are in no namespace in which they count.
fn elsewhere(world: &World<'_>, rules: &ModuleRules) -> Option<Problem> {
    let roots: BTreeSet<&str> =
        world.set.meshes().map(|(mesh, _)| mesh.root_namespace.value.as_str()).collect();
    if roots.contains(&*rules.id.namespace) {
        return None;
    }
    let roots: Vec<String> = roots.into_iter().map(|root| format!("`{root}`")).collect();
    let message = format!(
        "the ConfigMap `{MODULE_RULES_NAME}` counts in the root namespace {} alone, and this one has no effect",
        roots.join(" or ")
    );
    let problem = Problem::new(Severity::Warning, codes::RULES_ELSEWHERE, message);
    Some(problem.at(rules.place.clone(), "metadata.namespace").help("put it there"))
}

/// What is wrong with a key, wherever it is written.
pub(super) fn bad_key(origin: &Origin, fault: &str) -> Problem {
    at(
        origin,
        Severity::Warning,
        codes::BAD_KEY,
        format!("this is no public key: {fault}"),
        "write the text of a file such as cosign.pub: `-----BEGIN PUBLIC KEY-----` and what follows it"
            .to_owned(),
    )
}

/// What is wrong with the Secret that a plugin names.
fn secret(world: &World<'_>, plugin: &TrafficExtension) -> Option<Problem> {
    let named = plugin.wasm()?.image_pull_secret.as_ref()?;
    let (namespace, name) = (&*plugin.meta.id.namespace, &named.value);
    let secrets = &world.resources.pull_secrets;
    let found = secrets.iter().find(|secret| *secret.id.namespace == *namespace && *secret.id.name == **name);
    match found {
        Some(secret) => {
            let why = secret.credentials.as_ref().err()?;
            let message = format!("no registry can be asked with the Secret `{name}`: {why}");
            let help = format!(
                "it is at {}; write one with `kubectl create secret docker-registry {name} --namespace {namespace}`",
                secret.place
            );
            Some(at(&named.origin, Severity::Warning, codes::BAD_PULL_SECRET, message, help))
        }
        // Without any Secret here those of the cluster are simply not among the documents.
        None if secrets.iter().any(|secret| *secret.id.namespace == *namespace) => {
            let message =
                format!("the Secret `{name}` is not among the documents of namespace `{namespace}`");
            let help = "a Secret is looked up in the namespace of the document that names it".to_owned();
            Some(at(&named.origin, Severity::Note, codes::NO_PULL_SECRET, message, help))
        }
        None => None,
    }
}

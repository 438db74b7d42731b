//! For whom documents are compared: the workload that is named, all that the documents know, or such as stand for them.

use std::collections::{BTreeMap, BTreeSet};

use burgee_api::check::Checked;
use burgee_api::resolve::{DEFAULT_REVISION, KnownWorkloads, Workload, WorkloadKind};
use burgee_api::resources::telemetry::Selector;
use burgee_api::resources::{Meta, Resources};

use crate::Failure;
use crate::plan::DiffPlan;

/// Who is compared.
pub(super) struct Subject {
    /// How it is named in output.
    pub name: String,
    /// As the old documents know it; absent: they do not.
    pub old: Option<Workload>,
    /// As the new documents know it; absent: they do not.
    pub new: Option<Workload>,
}

/// Whom a comparison is about.
pub(super) struct Subjects {
    pub all: Vec<Subject>,
    /// Whether they stand for workloads that no document describes.
    pub are_examples: bool,
}

/// Whom to compare the documents for.
pub(super) fn subjects(plan: &DiffPlan, old: &Checked, new: &Checked) -> Result<Subjects, Failure> {
    if plan.workload.named.is_some() {
        let find = |checked: &Checked| plan.workload.find(&checked.resources, None);
        let failure = |problem: Box<burgee_api::Problem>| Failure::new(problem.message, problem.help);
        let (old, new) = (find(old).map_err(failure)?, find(new).map_err(failure)?);
        let subject = Subject { name: new.to_string(), old: Some(old), new: Some(new) };
        return Ok(Subjects { all: vec![subject], are_examples: false });
    }
    let revision = plan.workload.revision.as_deref();
    let (known_old, known_new) = (known(&old.resources, revision), known(&new.resources, revision));
    let are_examples = known_old.is_empty() && known_new.is_empty();
    let all = if are_examples {
        examples(&[&old.resources, &new.resources], revision)
    } else {
        let names: BTreeSet<&String> = known_old.keys().chain(known_new.keys()).collect();
        let subject = |name: &String| Subject {
            name: name.clone(),
            old: known_old.get(name).cloned(),
            new: known_new.get(name).cloned(),
        };
        names.into_iter().map(subject).collect()
    };
    Ok(Subjects { all, are_examples })
}

/// Every workload that documents describe, by name.
fn known(resources: &Resources, revision: Option<&str>) -> BTreeMap<String, Workload> {
    let revision = revision.unwrap_or(DEFAULT_REVISION);
    let known = KnownWorkloads::new(resources, revision).workloads.into_iter();
    known.map(|known| (known.workload.to_string(), known.workload)).collect()
}

/// Workloads that stand for those which documents are written for without describing them: in each namespace with
/// documents, and in one without any, a sidecar and a gateway of no labels, and of those that a document selects.
fn examples(sides: &[&Resources], revision: Option<&str>) -> Vec<Subject> {
    let mut labels: BTreeMap<String, BTreeSet<BTreeMap<String, String>>> = BTreeMap::new();
    let roots: BTreeSet<&str> =
        sides.iter().map(|resources| resources.mesh_config.root_namespace.value.as_str()).collect();
    for (meta, selector) in sides.iter().flat_map(|resources| selecting(resources)) {
        let of_namespace = labels.entry(meta.id.namespace.to_string()).or_default();
        of_namespace.insert(BTreeMap::new());
        of_namespace.extend(selector.map(|selector| selector.match_labels.clone()));
    }
    // A selector of the root namespace selects everywhere, if it is a plugin's.
    let of_roots: BTreeSet<BTreeMap<String, String>> =
        roots.iter().filter_map(|root| labels.get(*root)).flatten().cloned().collect();
    let mut found = Vec::new();
    for (namespace, labels) in &labels {
        found.extend(of_namespace(namespace, &format!("namespace {namespace}"), labels, revision));
    }
    if !of_roots.is_empty() {
        found.extend(of_namespace(OTHER_NAMESPACE, "any other namespace", &of_roots, revision));
    }
    found
}

/// A namespace that no document is in: its name is none that Kubernetes takes.
const OTHER_NAMESPACE: &str = "*";

/// Every document that selects workloads, or all of its namespace.
fn selecting(resources: &Resources) -> impl Iterator<Item = (&Meta, Option<&Selector>)> {
    let telemetries = resources.telemetries.iter().map(|it| (&it.meta, it.selector.as_ref()));
    let plugins = resources.wasm_plugins.iter().map(|it| (&it.meta, it.selector.as_ref()));
    telemetries.chain(plugins)
}

fn of_namespace(
    namespace: &str,
    shown: &str,
    labels: &BTreeSet<BTreeMap<String, String>>,
    revision: Option<&str>,
) -> Vec<Subject> {
    let mut found = Vec::new();
    for kind in [WorkloadKind::Sidecar, WorkloadKind::Gateway] {
        for labels in labels {
            let pairs: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let with = if pairs.is_empty() { String::new() } else { format!(" with {}", pairs.join(", ")) };
            let mut workload = Workload::new(kind, namespace, "example", labels.clone());
            if let Some(revision) = revision {
                workload = workload.of_revision(revision);
            }
            let name = format!("any {} of {shown}{with}", kind.name());
            found.push(Subject { name, old: Some(workload.clone()), new: Some(workload) });
        }
    }
    found
}

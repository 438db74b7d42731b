//! For whom documents are compared: the workload that is named, all that the documents know, and such as stand for those
//! which documents are written for without describing them.

mod examples;

use std::collections::{BTreeMap, BTreeSet};

use burgee_api::resolve::{
    DEFAULT_REVISION, KnownWorkloads, PolicyDocument, PolicySet, Workload, WorkloadIndex,
};
use burgee_api::resources::Resources;

use crate::Failure;
use crate::plan::DiffPlan;

use examples::Examples;

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
#[derive(Default)]
pub(super) struct Subjects {
    pub all: Vec<Subject>,
    /// Whether they stand for workloads that no document describes.
    pub are_examples: bool,
    /// What differs and concerns examples alone, where there are others.
    pub for_examples: Vec<String>,
    /// What differs and concerns none of them, and why.
    pub not_compared: BTreeMap<String, String>,
}

/// Two versions of something: the old one and the new one.
pub(super) type Versions<'c, T> = [&'c T; 2];

/// Whom to compare the documents for.
pub(super) fn subjects(
    plan: &DiffPlan,
    resources: Versions<'_, Resources>,
    sets: Versions<'_, PolicySet>,
) -> Result<Subjects, Failure> {
    if plan.workload.named.is_some() {
        return named(plan, resources);
    }
    let revision = plan.workload.revision.as_deref();
    let mut all = known(resources, revision);
    let described = index(&all);
    let mut examples = Examples::new(sets, revision);
    let are_examples = all.is_empty();
    let mut for_examples = BTreeSet::new();
    if are_examples {
        examples.of_everything(sets);
    } else {
        for document in without(differing(sets), sets, &described) {
            examples.add(document);
            for_examples.insert(document.meta().id.to_string());
        }
        let [old, new] = sets;
        let revisions = [old.revisions_of_nobody(new, &described), new.revisions_of_nobody(old, &described)];
        let is_asked_about = |of: &&str| revision.is_none_or(|only| only == *of);
        for revision in revisions.into_iter().flatten().filter(is_asked_about) {
            examples.add_revision(revision);
            for_examples.insert(format!("what revision {revision} reads"));
        }
    }
    all.extend(examples.into_subjects());
    let left_out = without(differing(sets), sets, &index(&all)).into_iter();
    let not_compared: BTreeMap<String, String> =
        left_out.map(|document| (document.meta().id.to_string(), why_not(document, revision))).collect();
    for_examples.retain(|name| !not_compared.contains_key(name));
    Ok(Subjects { all, are_examples, for_examples: for_examples.into_iter().collect(), not_compared })
}

/// The workloads whose proxies are connected to a server, as far as they are asked about.
pub(super) fn connected(plan: &DiffPlan, workloads: Vec<(Workload, usize)>) -> Subjects {
    let is_asked_about = |workload: &Workload| {
        let named = plan.workload.named.as_ref();
        named.is_none_or(|(namespace, name)| workload.namespace == *namespace && workload.name == *name)
            && plan.workload.revision.as_ref().is_none_or(|revision| *revision == workload.revision)
    };
    let subject = |(workload, proxies): (Workload, usize)| {
        let name = match proxies {
            1 => workload.to_string(),
            more => format!("{workload} ({more} proxies)"),
        };
        Subject { name, old: Some(workload.clone()), new: Some(workload) }
    };
    let workloads = workloads.into_iter().filter(|(workload, _)| is_asked_about(workload));
    Subjects { all: workloads.map(subject).collect(), ..Subjects::default() }
}

/// The workload that is named.
fn named(plan: &DiffPlan, resources: Versions<'_, Resources>) -> Result<Subjects, Failure> {
    let find = |resources: &Resources| plan.workload.find(resources, None);
    let failure = |problem: Box<burgee_api::Problem>| Failure::new(problem.message, problem.help);
    let (old, new) = (find(resources[0]).map_err(failure)?, find(resources[1]).map_err(failure)?);
    let subject = Subject { name: new.to_string(), old: Some(old), new: Some(new) };
    Ok(Subjects { all: vec![subject], ..Subjects::default() })
}

/// Every workload that documents describe.
fn known(resources: Versions<'_, Resources>, revision: Option<&str>) -> Vec<Subject> {
    let revision = revision.unwrap_or(DEFAULT_REVISION);
    let by_name = |resources| -> BTreeMap<String, Workload> {
        let known = KnownWorkloads::new(resources, revision).workloads.into_iter();
        known.map(|known| (known.workload.to_string(), known.workload)).collect()
    };
    let [old, new] = resources.map(by_name);
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let subject = |name: &String| Subject {
        name: name.clone(),
        old: old.get(name).cloned(),
        new: new.get(name).cloned(),
    };
    names.into_iter().map(subject).collect()
}

fn index(subjects: &[Subject]) -> WorkloadIndex {
    let workloads = subjects.iter().flat_map(|subject| [&subject.old, &subject.new]);
    WorkloadIndex::new(workloads.flatten().cloned().collect())
}

/// Every version of what may say something else on the other side, with its own side.
fn differing<'c>(sets: Versions<'c, PolicySet>) -> impl Iterator<Item = PolicyDocument<'c>> {
    let [old, new] = sets;
    old.differing_from(new).into_iter().chain(new.differing_from(old))
}

/// The documents that are written for none of these workloads.
fn without<'c>(
    documents: impl Iterator<Item = PolicyDocument<'c>>,
    sets: Versions<'_, PolicySet>,
    workloads: &WorkloadIndex,
) -> Vec<PolicyDocument<'c>> {
    let is_for_somebody =
        |document: &PolicyDocument<'_>| sets.iter().any(|set| !document.reach(set, workloads).is_empty());
    documents.filter(|document| !is_for_somebody(document)).collect()
}

/// Why a document is for nobody that is compared.
fn why_not(document: PolicyDocument<'_>, revision: Option<&str>) -> String {
    match (document.meta().revision(), revision) {
        (Some(of), Some(only)) if of != only => {
            format!("it is for revision {of}, and what is compared is of revision {only}")
        }
        _ if document.gateways().is_some() => {
            "it is for what only waypoints serve, and documents are not resolved for them yet".to_owned()
        }
        _ => "it is for no workload that could be compared".to_owned(),
    }
}

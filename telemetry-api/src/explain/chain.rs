//! Which documents are for a workload, and which ones beside them are not.

use super::answer::Reason;
use super::model::{Bystander, Contribution};
use super::{Explainer, Here, standing};
use crate::document::Outline;
use crate::resolve::Workload;
use crate::resources::telemetry::{Selector, TargetRef};
use crate::resources::{Meta, Telemetry, TrafficExtension};

pub(super) fn documents(explainer: &Explainer<'_>, here: &Here<'_>) -> (Vec<Contribution>, Vec<Bystander>) {
    let mut documents: Vec<Contribution> =
        explainer.outline_of(here.lookup.mesh).map(of_mesh).into_iter().collect();
    documents.extend(here.telemetries.iter().map(|telemetry| contribution(here, telemetry)));
    let mut others = Vec::new();
    let resources = &explainer.checked.resources;
    for telemetry in resources.telemetries.iter().filter(|telemetry| is_near(here, &telemetry.meta)) {
        let reasons = standing::telemetry(explainer, here, telemetry);
        others.extend(bystander(&telemetry.meta, &reasons));
    }
    for plugin in resources.extensions.iter().filter(|plugin| is_near(here, &plugin.meta)) {
        let reasons = standing::plugin(explainer, here, plugin);
        match bystander(&plugin.meta, &reasons) {
            Some(bystander) => others.push(bystander),
            None => documents.push(plugin_contribution(here, plugin)),
        }
    }
    (documents, others)
}

fn of_mesh(outline: &Outline) -> Contribution {
    let why = "the mesh's configuration: what holds where no document says otherwise".to_owned();
    Contribution { document: outline.id.clone(), place: outline.place.clone(), why }
}

/// Whether a document is in one of the namespaces that matter to a workload.
fn is_near(here: &Here<'_>, meta: &Meta) -> bool {
    let namespace = &*meta.id.namespace;
    namespace == here.workload.namespace || namespace == here.lookup.mesh.root_namespace.value
}

fn bystander(meta: &Meta, reasons: &[Reason]) -> Option<Bystander> {
    (!reasons.is_empty()).then(|| Bystander {
        document: meta.id.clone(),
        place: meta.place.clone(),
        why: reasons.iter().map(|reason| reason.text.clone()).collect(),
    })
}

fn contribution(here: &Here<'_>, telemetry: &Telemetry) -> Contribution {
    let whom = whom(here, &telemetry.meta, telemetry.selector.as_ref(), &telemetry.target_refs);
    let scoped: Vec<_> = here.telemetries.iter().filter(|other| !other.is_namespace_wide()).collect();
    let why = match scoped.iter().position(|other| other.meta.place == telemetry.meta.place) {
        Some(index) if scoped.len() > 1 => {
            format!("{whom}; {} of {} such documents, by age and then by name", index + 1, scoped.len())
        }
        _ => whom,
    };
    Contribution { document: telemetry.meta.id.clone(), place: telemetry.meta.place.clone(), why }
}

fn plugin_contribution(here: &Here<'_>, plugin: &TrafficExtension) -> Contribution {
    let why = whom(here, &plugin.meta, plugin.selector.as_ref(), &plugin.target_refs);
    Contribution { document: plugin.meta.id.clone(), place: plugin.meta.place.clone(), why }
}

/// Whom a document is for that is for a workload.
fn whom(here: &Here<'_>, meta: &Meta, selector: Option<&Selector>, targets: &[TargetRef]) -> String {
    let workload: &Workload = here.workload;
    let namespace = &*meta.id.namespace;
    let is_root = namespace == here.lookup.mesh.root_namespace.value;
    let place = match is_root && namespace != workload.namespace {
        true => format!("in the root namespace {namespace}"),
        false => format!("in namespace {namespace}"),
    };
    if let Some(target) = crate::resolve::target_of(targets, workload) {
        return format!("{place}, and for {} {}, which the workload serves", target.kind, target.name);
    }
    let labels: Vec<String> = selector
        .into_iter()
        .flat_map(|selector| &selector.match_labels)
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    match (labels.is_empty(), is_root) {
        (false, _) => format!("{place}, and its selector finds {}", labels.join(",")),
        (true, true) => format!("in the root namespace {namespace}, for the whole mesh"),
        (true, false) => format!("for all of namespace {namespace}"),
    }
}

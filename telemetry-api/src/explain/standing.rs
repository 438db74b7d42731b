//! Whether a document is for a workload, with every reason why it is not. The answer is that of
//! [`crate::resolve`]; this says it in words.

use super::answer::{Reason, ReasonKind};
use super::{Explainer, Here};
use crate::origin::Origin;
use crate::problem::{Problem, codes};
use crate::resolve::flags::GATEWAYS_BY_LABELS;
use crate::resolve::{GATEWAY_NAME_LABEL, ListenerClass, Workload, gateway_of, is_gateway, target_of};
use crate::resources::telemetry::{Selector, TargetRef};
use crate::resources::{Meta, Telemetry, TrafficExtension};

/// Why a Telemetry is not for a workload; empty: it is.
pub(super) fn telemetry(explainer: &Explainer<'_>, here: &Here<'_>, telemetry: &Telemetry) -> Vec<Reason> {
    let Telemetry { meta, selector, target_refs, .. } = telemetry;
    let mut reasons = common(explainer, here.workload, meta);
    let root = here.lookup.mesh.root_namespace.value.as_str();
    let (namespace, own) = (&*meta.id.namespace, here.workload.namespace.as_str());
    if namespace != own && namespace != root {
        reasons.push(elsewhere(meta, root));
    } else if namespace != own && !telemetry.is_namespace_wide() {
        let text = format!(
            "in the root namespace {root} a Telemetry with a selector or targets is for workloads of that namespace \
             alone"
        );
        let help =
            format!("put it into namespace {own}, or take the selector out to have it for the whole mesh");
        reasons.push(Reason::new(ReasonKind::RootSelector, text).help(help));
    }
    let by_labels = !telemetry.is_namespace_wide() && target_refs.is_empty();
    reasons.extend(labels_do_not_count(here).filter(|_| by_labels));
    reasons.extend(whom(selector.as_ref(), target_refs, here.workload));
    reasons.extend(hidden(here, telemetry).filter(|_| reasons.is_empty()));
    reasons
}

/// Why a plugin is not for a workload; empty: it is, if not for each class of its listeners.
pub(super) fn plugin(explainer: &Explainer<'_>, here: &Here<'_>, plugin: &TrafficExtension) -> Vec<Reason> {
    let TrafficExtension { meta, selector, target_refs, matches, .. } = plugin;
    let mut reasons = common(explainer, here.workload, meta);
    let root = here.lookup.mesh.root_namespace.value.as_str();
    let (namespace, own) = (&*meta.id.namespace, here.workload.namespace.as_str());
    if namespace != own && namespace != root {
        reasons.push(elsewhere(meta, root));
    } else if namespace != own && !target_refs.is_empty() {
        let text =
            format!("it is in namespace {namespace}, and what it targets must be in the same namespace");
        reasons.push(Reason::new(ReasonKind::OtherNamespace, text));
    }
    reasons.extend(labels_do_not_count(here).filter(|_| target_refs.is_empty()));
    reasons.extend(whom(selector.as_ref(), target_refs, here.workload));
    reasons.extend(not_allowed(explainer, here, plugin));
    let classes = ListenerClass::of(here.workload.kind);
    let covers = |class: &ListenerClass| {
        matches.is_empty() || matches.iter().any(|selector| selector.mode.covers(class.is_client()))
    };
    if !classes.iter().any(covers) {
        let text = "no entry of its `match` has a mode that covers these listeners";
        reasons.push(Reason::new(ReasonKind::NoTraffic, text));
    }
    reasons
}

/// That the mesh's rules do not let a plugin be used that is for a workload.
fn not_allowed(explainer: &Explainer<'_>, here: &Here<'_>, plugin: &TrafficExtension) -> Option<Reason> {
    let plugins = here.effective.classes.values().flat_map(|class| &class.plugins);
    let mut of_it = plugins.filter(|found| found.document.meta.place == plugin.meta.place);
    let refusal = of_it.find_map(|found| found.refused.as_ref())?;
    let is_its = |problem: &&Problem| {
        let place = match plugin.code_origin() {
            Origin::Document { place, .. } => Some(place),
            Origin::Rule(_) => None,
        };
        problem.code == codes::MODULE_REFUSED && problem.place.as_ref() == place
    };
    let problems = explainer.checked.problems.iter().filter(is_its).cloned().collect();
    let text = format!("the mesh's rules do not let it be used: {}", refusal.why);
    Some(Reason { problems, ..Reason::new(ReasonKind::Refused, text) })
}

/// Why a document of neither the workload's nor the root namespace is not for it.
fn elsewhere(meta: &Meta, root: &str) -> Reason {
    let (kind, namespace) = (&meta.id.kind, &meta.id.namespace);
    let text = format!(
        "it is in namespace {namespace}: a {kind} is for workloads of its own namespace or, in the root namespace {root}, \
         of all of them"
    );
    Reason::new(ReasonKind::OtherNamespace, text)
}

/// What keeps documents of any kind away.
fn common(explainer: &Explainer<'_>, workload: &Workload, meta: &Meta) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if let Some(problems) = explainer.refused.get(&meta.place) {
        let text = "`check` refuses it";
        let problems = problems.iter().map(|problem| (*problem).clone()).collect();
        reasons.push(Reason { problems, ..Reason::new(ReasonKind::Refused, text) });
    }
    if let Some(revision) = meta.revision().filter(|revision| *revision != workload.revision) {
        let text = format!(
            "it is for revision {revision} by its label istio.io/rev, and the workload is of revision {}",
            workload.revision
        );
        reasons.push(Reason::new(ReasonKind::OtherRevision, text));
    }
    reasons
}

/// That a control plane passes over labels at a gateway.
fn labels_do_not_count(here: &Here<'_>) -> Option<Reason> {
    if here.set.labels_count(here.workload) {
        return None;
    }
    let text = format!(
        "the workload serves a Gateway of the Gateway API, and its control plane has {GATEWAYS_BY_LABELS} set to \
         false: what names no Gateway in `targetRefs` is not for it"
    );
    Some(Reason::new(ReasonKind::Selector, text))
}

/// What the selector or the targets of a document have against a workload.
fn whom(selector: Option<&Selector>, targets: &[TargetRef], workload: &Workload) -> Option<Reason> {
    if !targets.is_empty() {
        return not_targeted(targets, workload);
    }
    let selector = selector?;
    let differing: Vec<String> = selector
        .match_labels
        .iter()
        .filter(|(key, wanted)| workload.labels.get(*key) != Some(wanted))
        .map(|(key, wanted)| match workload.labels.get(key) {
            Some(found) => format!("{key}={wanted} where the workload has {key}={found}"),
            None => format!("{key}={wanted} and the workload has no label {key}"),
        })
        .collect();
    if differing.is_empty() {
        return None;
    }
    let text = format!("its selector wants {}", differing.join("; it wants "));
    Some(Reason::new(ReasonKind::Selector, text).at(&selector.place))
}

fn not_targeted(targets: &[TargetRef], workload: &Workload) -> Option<Reason> {
    if target_of(targets, workload).is_some() {
        return None;
    }
    let gateway = gateway_of(workload);
    let first = targets.first()?;
    let names: Vec<String> =
        targets.iter().map(|target| format!("{} {}", target.kind, target.name)).collect();
    let names = names.join(", ");
    if !targets.iter().any(is_gateway) {
        let text =
            format!("it is for {names}, which only waypoints serve, and waypoints are not resolved yet");
        return Some(Reason::new(ReasonKind::WaypointTarget, text).at(&first.place));
    }
    let text = match gateway {
        Some(gateway) => format!("it is for {names}, and the workload serves Gateway {gateway}"),
        None => format!(
            "it is for {names}, and the workload serves no Gateway of the Gateway API: it has no label \
             {GATEWAY_NAME_LABEL}"
        ),
    };
    Some(Reason::new(ReasonKind::Targets, text).at(&first.place))
}

/// Another document that is for the whole namespace in this one's place.
fn hidden(here: &Here<'_>, telemetry: &Telemetry) -> Option<Reason> {
    if !telemetry.is_namespace_wide() {
        return None;
    }
    let is_winner = |other: &&&Telemetry| {
        other.is_namespace_wide() && other.meta.id.namespace == telemetry.meta.id.namespace
    };
    let winner = here.telemetries.iter().find(is_winner)?;
    if winner.meta.place == telemetry.meta.place {
        return None;
    }
    let (own, other) = (&telemetry.meta.created, &winner.meta.created);
    let because = match (own == other, other.is_empty()) {
        (true, _) => "goes before it by name".to_owned(),
        (false, true) => "has no creationTimestamp and counts as older".to_owned(),
        (false, false) => format!("is older (created {other}, this one {own})"),
    };
    let text = format!(
        "{} hides it as a whole: of the documents for all of a namespace only one counts, and that one {because}",
        winner.meta.id
    );
    let help = format!("merge it into {}, or give it a selector", winner.meta.place);
    Some(Reason::new(ReasonKind::Hidden, text).at(&winner.meta.place).help(help))
}

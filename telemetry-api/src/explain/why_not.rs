//! Why a document has no effect: every reason why it is not for a workload, else what comes of each of its fields.

use super::answer::{Answer, Effect, FieldAnswer, FieldAtClass, OverriddenBy, Reason, ReasonKind, What};
use super::fields::{self, Leaf};
use super::model::{Cause, ClassExplanation, Explanation, Section, Signal, Value};
use super::{Explainer, Here, mesh, standing};
use crate::document::Outline;
use crate::origin::{DocumentId, Origin};
use crate::problem::closest;
use crate::resolve::Workload;
use crate::resources::{MeshConfig, Telemetry};

/// The kinds whose documents can have an effect, as documents have them and as they are asked for.
const APPLIED: [&str; 5] = ["Telemetry", "WasmPlugin", "TrafficExtension", "ConfigMap", "MeshConfig"];

/// How many names a suggestion has.
const MOST_NAMED: usize = 5;

/// A document that is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Its kind; absent: of whatever kind.
    pub kind: Option<String>,
    /// Its namespace; empty for one that has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Asked {
    /// A document as `[KIND/]NAMESPACE/NAME`; `MeshConfig` alone is the mesh's configuration, however it is named.
    pub fn parse(text: &str) -> Option<Asked> {
        let parts: Vec<&str> = text.split('/').collect();
        let (kind, namespace, name) = match parts.as_slice() {
            [kind] if kind.eq_ignore_ascii_case("MeshConfig") => (Some(*kind), "", "mesh"),
            [namespace, name] => (None, *namespace, *name),
            [kind, namespace, name] => (Some(*kind), *namespace, *name),
            _ => return None,
        };
        let is_whole = !name.is_empty() && kind != Some("") && (!namespace.is_empty() || kind.is_some());
        is_whole.then(|| Asked {
            kind: kind.map(str::to_owned),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }

    fn is_mesh(&self) -> bool {
        self.namespace.is_empty()
            && self.kind.as_ref().is_some_and(|kind| kind.eq_ignore_ascii_case("MeshConfig"))
    }

    fn fits(&self, id: &DocumentId) -> bool {
        let kind = self.kind.as_ref();
        *id.namespace == *self.namespace
            && *id.name == *self.name
            && kind.is_none_or(|kind| kind.eq_ignore_ascii_case(&id.kind))
    }
}

/// The answers about the documents that are meant: one, unless several that can apply have the name.
pub(super) fn answers(explainer: &Explainer<'_>, asked: &Asked, workload: &Workload) -> Vec<Answer> {
    let outlines = &explainer.checked.outlines;
    let here = explainer.here(workload);
    let mesh = explainer.outline_of(here.lookup.mesh).map(|outline| &outline.place);
    let is_meant = |outline: &&Outline| match asked.is_mesh() {
        true => mesh == Some(&outline.place),
        false => asked.fits(&outline.id),
    };
    let mut meant: Vec<&Outline> = outlines.iter().filter(is_meant).collect();
    let can_apply = |outline: &&Outline| APPLIED.contains(&&*outline.id.kind);
    if meant.iter().any(can_apply) {
        meant.retain(can_apply);
    }
    if meant.is_empty() {
        return vec![not_there(explainer, asked, workload)];
    }
    let explanation = explainer.explain(workload);
    meant.into_iter().map(|outline| answer(explainer, &here, &explanation, outline)).collect()
}

fn not_there(explainer: &Explainer<'_>, asked: &Asked, workload: &Workload) -> Answer {
    let what = if asked.is_mesh() { "it" } else { "a document of this name" };
    let reason = match explainer.unreadable.as_slice() {
        [] => Reason::new(ReasonKind::NotThere, "it is not among the documents"),
        faults => Reason {
            problems: faults.iter().map(|problem| (*problem).clone()).collect(),
            ..Reason::new(
                ReasonKind::NotThere,
                format!(
                    "it is not among the documents that could be read; {what} may be where they could not"
                ),
            )
        },
    };
    let kind = asked.kind.as_deref().unwrap_or_default();
    let kind = APPLIED.into_iter().find(|known| known.eq_ignore_ascii_case(kind)).unwrap_or(kind);
    let document = DocumentId {
        kind: kind.into(),
        namespace: asked.namespace.as_str().into(),
        name: asked.name.as_str().into(),
    };
    Answer {
        document,
        place: None,
        workload: workload.clone(),
        effect: Effect::NotForIt,
        reasons: vec![reason.help(likely(explainer, asked))],
        fields: Vec::new(),
        remarks: Vec::new(),
    }
}

/// What may be meant by a name that no document has.
fn likely(explainer: &Explainer<'_>, asked: &Asked) -> String {
    if asked.is_mesh() {
        return "name the file that has it with -f: the ConfigMap `istio`, an IstioOperator, or a bare mesh.yaml"
            .to_owned();
    }
    let is_of_kind = |id: &DocumentId| match &asked.kind {
        Some(kind) => kind.eq_ignore_ascii_case(&id.kind),
        None => APPLIED.contains(&&*id.kind),
    };
    let ids = explainer.checked.outlines.iter().map(|outline| &outline.id);
    let known: Vec<&DocumentId> = ids.filter(|id| is_of_kind(id) && !id.name.is_empty()).collect();
    let name = |id: &&DocumentId| match id.namespace.is_empty() {
        true => id.kind.to_string(),
        false => format!("{}/{}", id.namespace, id.name),
    };
    let names: Vec<String> = known.iter().map(name).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let of_name = known.iter().zip(&names).filter(|(id, _)| *id.name == *asked.name);
    let elsewhere: Vec<&str> = of_name.map(|(_, name)| *name).collect();
    let wanted = format!("{}/{}", asked.namespace, asked.name);
    match (elsewhere.as_slice(), closest(&wanted, &names), names.as_slice()) {
        ([_, ..], ..) => format!("of this name there is {}", some(&elsewhere)),
        ([], Some(likely), _) => format!("did you mean {likely}?"),
        ([], None, []) => "there is no document that could be meant; name its file with -f".to_owned(),
        ([], None, [.., _]) => format!("there are {}", some(&names)),
    }
}

/// The first few names, and how many there are beside them.
fn some(names: &[&str]) -> String {
    match names.split_at_checked(MOST_NAMED) {
        Some((first, rest @ [_, ..])) => format!("{} and {} more", first.join(", "), rest.len()),
        _ => names.join(", "),
    }
}

fn answer(
    explainer: &Explainer<'_>,
    here: &Here<'_>,
    explanation: &Explanation,
    outline: &Outline,
) -> Answer {
    let (reasons, fields) = judged(explainer, here, explanation, outline);
    let is_in_force = |field: &FieldAnswer| field.classes.iter().any(|class| !class.in_force.is_empty());
    let effect = match (reasons.is_empty(), fields.iter().all(is_in_force), fields.iter().any(is_in_force)) {
        (false, ..) => Effect::NotForIt,
        (true, _, false) => Effect::Nothing,
        (true, true, true) => Effect::All,
        (true, false, true) => Effect::Some,
    };
    let sections = explanation.classes.iter().flat_map(|class| &class.sections);
    let mut remarks = Vec::new();
    for remark in sections.flat_map(|section| &section.remarks) {
        let is_its =
            matches!(&remark.origin, Some(Origin::Document { document, .. }) if *document == outline.id);
        if is_its && !remarks.contains(remark) {
            remarks.push(remark.clone());
        }
    }
    Answer {
        document: outline.id.clone(),
        place: Some(outline.place.clone()),
        workload: here.workload.clone(),
        effect,
        reasons,
        fields,
        remarks,
    }
}

/// Why a document is not for the workload, else what comes of its fields.
fn judged(
    explainer: &Explainer<'_>,
    here: &Here<'_>,
    explanation: &Explanation,
    outline: &Outline,
) -> (Vec<Reason>, Vec<FieldAnswer>) {
    let resources = &explainer.checked.resources;
    let is_of = |mesh: &&MeshConfig| explainer.outline_of(mesh).is_some_and(|of| of.place == outline.place);
    if is_of(&here.lookup.mesh) {
        return (Vec::new(), mesh::fields(here, explanation));
    }
    let mut meshes = [&resources.mesh_config].into_iter().chain(&resources.other_meshes);
    if let Some(mesh) = meshes.find(is_of) {
        return (vec![of_other_revision(mesh, here.workload)], Vec::new());
    }
    if let Some(telemetry) = resources.telemetries.iter().find(|found| found.meta.place == outline.place) {
        let reasons = standing::telemetry(explainer, here, telemetry);
        let fields = if reasons.is_empty() { of_telemetry(telemetry, explanation) } else { Vec::new() };
        return (reasons, fields);
    }
    if let Some(plugin) = resources.extensions.iter().find(|found| found.meta.place == outline.place) {
        let reasons = standing::plugin(explainer, here, plugin);
        let id = plugin.key();
        let fields = if reasons.is_empty() { of_plugin(&id, explanation) } else { Vec::new() };
        return (reasons, fields);
    }
    let reason = match explainer.refused.get(&outline.place) {
        Some(problems) => {
            let problems = problems.iter().map(|problem| (*problem).clone()).collect();
            Reason { problems, ..Reason::new(ReasonKind::Refused, "`check` refuses it") }
        }
        None => {
            let text = format!("documents of kind {} are not applied to workloads", outline.id.kind);
            Reason::new(ReasonKind::NotApplied, text)
                .help("applied are Telemetry, WasmPlugin, TrafficExtension and the mesh's configuration")
        }
    };
    (vec![reason], Vec::new())
}

/// Why the mesh's configuration is not that of a workload.
fn of_other_revision(mesh: &MeshConfig, workload: &Workload) -> Reason {
    let text = format!(
        "it is the mesh's configuration for revision {}, and the workload is of revision {}",
        mesh.revision, workload.revision
    );
    Reason::new(ReasonKind::OtherRevision, text)
}

fn of_telemetry(telemetry: &Telemetry, explanation: &Explanation) -> Vec<FieldAnswer> {
    let Telemetry { metrics, tracing, access_logging, .. } = telemetry;
    let of_metrics = metrics.iter().flat_map(|entry| {
        let of_overrides = entry.overrides.iter().flat_map(fields::of_override);
        fields::of_metrics(entry).into_iter().chain(of_overrides)
    });
    let of_metrics = fields::of_annotations(telemetry).into_iter().chain(of_metrics);
    let of_metrics = of_metrics.map(|leaf| (Signal::Metrics, leaf));
    let of_tracing = tracing.iter().flat_map(fields::of_tracing).map(|leaf| (Signal::Tracing, leaf));
    let of_logs = access_logging.iter().flat_map(fields::of_access_logging);
    let of_logs = of_logs.map(|leaf| (Signal::AccessLogging, leaf));
    let fields = of_metrics.chain(of_tracing).chain(of_logs);
    fields.map(|(signal, Leaf { origin, value, .. })| field(explanation, signal, origin, value)).collect()
}

/// A plugin's fields are in force where it is.
fn of_plugin(id: &str, explanation: &Explanation) -> Vec<FieldAnswer> {
    let mut found: Vec<FieldAnswer> = Vec::new();
    let of_plugins =
        |class: &ClassExplanation| section(class, Signal::Plugins).map(|section| section.facts.clone());
    for fact in explanation.classes.iter().filter_map(of_plugins).flatten() {
        let is_its = fact.of.as_deref() == Some(id) && matches!(fact.origin, Origin::Document { .. });
        if is_its && !found.iter().any(|field| field.origin == fact.origin) {
            found.push(field(explanation, Signal::Plugins, fact.origin.clone(), fact.value.clone()));
        }
    }
    let missing = "no entry of its `match` has a mode that covers these listeners";
    for class in found.iter_mut().flat_map(|field| &mut field.classes) {
        if class.in_force.is_empty() {
            class.lost = Some((Cause::OtherSide, missing.to_owned()));
        }
    }
    found
}

pub(super) fn section(class: &ClassExplanation, signal: Signal) -> Option<&Section> {
    class.sections.iter().find(|section| section.signal == signal)
}

/// What comes of something that is written.
pub(super) fn field(explanation: &Explanation, signal: Signal, origin: Origin, value: Value) -> FieldAnswer {
    let at_class = |class: &ClassExplanation| {
        let mut answer =
            FieldAtClass { class: class.class, in_force: Vec::new(), overridden: Vec::new(), lost: None };
        let mut moot = None;
        let Some(section) = section(class, signal) else { return answer };
        for fact in &section.facts {
            if fact.origin == origin {
                match (fact.unmet, &fact.moot) {
                    (Some(cause), _) => _ = moot.get_or_insert((cause, fact.why.clone())),
                    (None, Some(why)) => moot = Some((Cause::SwitchedOff, why.clone())),
                    (None, None) => answer.in_force.push(What::from(fact)),
                }
            } else if fact.overrode.iter().any(|overridden| overridden.origin == origin) {
                answer.overridden.push(OverriddenBy {
                    what: What::from(fact),
                    value: fact.value.clone(),
                    origin: fact.origin.clone(),
                    why: fact.why.clone(),
                });
            }
        }
        let lost = section.lost.iter().find(|lost| lost.origin == origin);
        answer.lost = lost.map(|lost| (lost.cause, lost.why.clone())).or(moot);
        answer
    };
    let classes = explanation.classes.iter().map(at_class).collect();
    FieldAnswer { origin, value, classes }
}

/// Something that the whole mesh is told and that no signal has as a field.
pub(super) fn always(explanation: &Explanation, origin: Origin, value: Value, what: &str) -> FieldAnswer {
    let what = What { of: None, metric: None, field: what.to_owned() };
    let at_class = |class: &ClassExplanation| FieldAtClass {
        class: class.class,
        in_force: vec![what.clone()],
        overridden: Vec::new(),
        lost: None,
    };
    let classes = explanation.classes.iter().map(at_class).collect();
    FieldAnswer { origin, value, classes }
}

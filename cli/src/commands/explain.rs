//! `burgee explain`: what is in force at a workload and why, and why a document is not.

use burgee_api::Severity;
use burgee_api::document;
use burgee_api::explain::{Asked, Explainer, Explanation, ReasonKind, Remark, Signal, answers_to_json};
use burgee_api::problem::worst;
use burgee_api::resolve::{ListenerClass, Workload};
use burgee_overlay::codes::{NATIVE_METRICS, STAYS_WITH_WASM};
use burgee_overlay::{Maker, MetricEngine};

use crate::args::Format;
use crate::judging::judge;
use crate::plan::ExplainPlan;
use crate::server::Server;
use crate::{Failure, Outcome, environment, output, report, sources};

/// Runs it.
pub(crate) fn run(plan: &ExplainPlan) -> Result<Outcome, Failure> {
    let (sources, proxy) = match &plan.server {
        Some(server) => at_server(plan, server)?,
        None => (sources::read(&plan.files)?, None),
    };
    let documents = document::read(&sources.texts);
    let workload = plan
        .workload
        .find(&documents.resources, proxy.as_ref())
        .map_err(|problem| Failure::new(problem.message, problem.help))?;
    let doubts = plan.workload.doubts(&documents.resources, proxy.as_ref());
    let classes = classes(plan, &workload)?;
    let checked = judge(documents, &sources.texts, &workload.revision);
    let mut problems = sources.problems;
    problems.extend(checked.problems.iter().cloned());
    problems.extend(environment::doubts(&checked.resources));
    problems.extend(doubts);
    report::print_aside(&problems, &sources.texts);
    let is_whole = worst(&problems) != Some(Severity::Error);
    let explainer = environment::explainer(&checked);
    if explainer.leaves_out() {
        report::aside("a document that is refused is taken as if it were not there");
    }
    let is_there = match &plan.why_not {
        Some(asked) => why_not(plan, &explainer, asked, &workload)?,
        None => explain(plan, &explainer, &workload, &classes).map(|()| true)?,
    };
    Ok(if is_whole && is_there { Outcome::Done } else { Outcome::Found })
}

/// What is in force at a server, and the workload as its proxy there says, if one is connected.
fn at_server(plan: &ExplainPlan, server: &str) -> Result<(sources::Sources, Option<Workload>), Failure> {
    let running = Server::at(server).running()?;
    let named = plan.workload.named.as_ref();
    let is_named = |workload: &Workload| {
        named.is_some_and(|(namespace, name)| workload.namespace == *namespace && workload.name == *name)
    };
    let proxy = running.workloads.into_iter().map(|(workload, _)| workload).find(is_named);
    Ok((sources::Sources { texts: running.texts, problems: Vec::new() }, proxy))
}

/// The classes that are asked about, which the workload must have.
fn classes(plan: &ExplainPlan, workload: &Workload) -> Result<Vec<ListenerClass>, Failure> {
    let has = ListenerClass::of(workload.kind);
    let Some(missing) = plan.classes.iter().find(|class| !has.contains(class)) else {
        return Ok(if plan.classes.is_empty() { has.to_vec() } else { plan.classes.clone() });
    };
    let names: Vec<&str> = has.iter().map(|class| class.name()).collect();
    Err(Failure::new(
        format!(
            "--class {}: {workload} is a {} and has no such listeners",
            missing.name(),
            workload.kind.name()
        ),
        format!("its classes: {}", names.join(", ")),
    ))
}

fn explain(
    plan: &ExplainPlan,
    explainer: &Explainer<'_>,
    workload: &Workload,
    classes: &[ListenerClass],
) -> Result<(), Failure> {
    let mut explanation = explainer.explain(workload);
    say_engines(explainer, &mut explanation);
    let explanation = explanation.only(classes, &plan.signals);
    match plan.output {
        Format::Text => output::text_line(explanation.to_text(output::columns()).trim_end()),
        Format::Json => output::json(&explanation.to_json()),
        Format::Yaml => output::yaml(&explanation.to_json()),
    }
}

/// Adds who makes which metrics and why: what Envoy can say, the language does not know. What is the same of several
/// metrics is said once.
fn say_engines(explainer: &Explainer<'_>, explanation: &mut Explanation) {
    let effective = explainer.policies().resolve(&explanation.workload);
    for class in &mut explanation.classes {
        let metrics = class.sections.iter_mut().find(|section| section.signal == Signal::Metrics);
        let Some(section) = metrics else { continue };
        let mut rest = burgee_overlay::engines(&effective, class.class);
        while let Some(first) = rest.first().cloned() {
            let is_alike = |made: &MetricEngine| {
                made.provider == first.provider
                    && (made.maker, &made.why, &made.origin) == (first.maker, &first.why, &first.origin)
            };
            let alike: Vec<&str> =
                rest.iter().filter(|made| is_alike(made)).map(|made| made.metric.api_name()).collect();
            let code = match first.maker {
                Maker::Envoy => Some(NATIVE_METRICS),
                Maker::Filter if first.stays() => Some(STAYS_WITH_WASM),
                Maker::Filter | Maker::Depends => None,
            };
            section.remarks.push(Remark {
                text: first.text(&alike.join(", ")),
                code,
                origin: first.origin.clone(),
            });
            rest.retain(|made| !is_alike(made));
        }
    }
}

/// Answers; says whether the document is there.
fn why_not(
    plan: &ExplainPlan,
    explainer: &Explainer<'_>,
    asked: &Asked,
    workload: &Workload,
) -> Result<bool, Failure> {
    let answers = explainer.why_not(asked, workload);
    match plan.output {
        Format::Text => {
            let texts: Vec<String> = answers.iter().map(|answer| answer.to_text(output::columns())).collect();
            output::text_line(texts.join("\n").trim_end())?;
        }
        Format::Json => output::json(&answers_to_json(&answers))?,
        Format::Yaml => output::yaml(&answers_to_json(&answers))?,
    }
    let reasons = answers.iter().flat_map(|answer| &answer.reasons);
    Ok(!reasons.into_iter().any(|reason| reason.kind == ReasonKind::NotThere))
}

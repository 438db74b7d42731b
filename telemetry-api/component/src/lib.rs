//! The language as a WebAssembly component: burgee-api for hosts of any language, by the world in `language.wit`.
//!
//! The component imports nothing, so that a host needs nothing for it: no file system, no clock, no randomness.

#[allow(
    missing_docs,
    unsafe_code,
    clippy::too_many_arguments,
    reason = "generated: the words are in the world, and only glue is unsafe"
)]
mod world {
    wit_bindgen::generate!({ path: "language.wit", world: "language" });
}

use burgee_api::check::{Checked, check};
use burgee_api::document::Source;
use burgee_api::explain::Explainer;
use burgee_api::resolve::{DEFAULT_REVISION, KnownWorkloads, Workload, WorkloadKind};
use burgee_api::{Problem, Severity};

struct Language;

impl world::Guest for Language {
    fn check(sources: Vec<world::Source>) -> Vec<world::Problem> {
        check(&read(sources)).problems.into_iter().map(problem).collect()
    }

    fn explain(
        sources: Vec<world::Source>,
        workload: world::Workload,
        form: world::Form,
    ) -> Result<String, world::Problem> {
        let checked = check(&read(sources));
        let workload = known(&checked, workload).map_err(|fault| problem(*fault))?;
        let explanation = Explainer::new(&checked).explain(&workload);
        Ok(match form {
            world::Form::Text(columns) => explanation.to_text(usize::try_from(columns).unwrap_or(usize::MAX)),
            world::Form::Json => explanation.to_json().to_string(),
        })
    }
}

fn read(sources: Vec<world::Source>) -> Vec<Source> {
    sources.into_iter().map(|source| Source::new(source.name, source.text)).collect()
}

/// The workload as the documents know it, with the labels that are given over those; they may say that it is a gateway.
fn known(checked: &Checked, asked: world::Workload) -> Result<Workload, Box<Problem>> {
    let known = KnownWorkloads::new(&checked.resources, DEFAULT_REVISION);
    let known = known.get(&asked.namespace, &asked.name)?.map(|known| known.workload.clone());
    let mut labels = known.as_ref().map(|known| known.labels.clone()).unwrap_or_default();
    labels.extend(asked.labels);
    let by_labels = Workload::of_labels(asked.namespace, asked.name, labels)?;
    let Some(mut workload) = known else { return Ok(by_labels) };
    if by_labels.kind == WorkloadKind::Gateway {
        workload.kind = WorkloadKind::Gateway;
    }
    workload.labels = by_labels.labels;
    Ok(workload)
}

fn problem(problem: Problem) -> world::Problem {
    world::Problem {
        code: problem.code.to_string(),
        severity: match problem.severity {
            Severity::Note => world::Severity::Note,
            Severity::Warning => world::Severity::Warning,
            Severity::Error => world::Severity::Error,
        },
        place: problem.place.map(|place| world::Place {
            file: place.file.to_string(),
            line: number(place.line),
            column: number(place.column),
            width: number(place.width),
        }),
        path: problem.path,
        message: problem.message,
        help: problem.help,
    }
}

/// A count of lines or characters. Memory of 32 bits has no text with more of them than a number of 32 bits counts.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[allow(unsafe_code, reason = "generated: a host calls functions of C")]
mod exports {
    use super::{Language, world};
    world::export!(Language with_types_in world);
}

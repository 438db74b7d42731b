//! `burgee check`: everything that is wrong with documents, at once.

mod fingerprint;
mod junit;
mod sarif;

use std::path::Path;

use burgee_api::check::cardinality::observed::Observed;
use burgee_api::check::suppress::{Suppressed, SuppressedBy, by_caller};
use burgee_api::document::{self, Outline, OutlineIndex, Source};
use burgee_api::resolve::DEFAULT_REVISION;
use burgee_api::{Problem, Severity};
use burgee_localnet::summary::ProblemSummary;
use serde::Serialize;

use crate::args::CheckFormat;
use crate::judging::judge_observed;
use crate::plan::CheckPlan;
use crate::{Failure, Outcome, output, report, sources};

/// What was found.
struct Found {
    /// The texts that were read.
    texts: Vec<Source>,
    /// Every document in them.
    outlines: Vec<Outline>,
    /// How many files there are, those that cannot be read included.
    files: usize,
    /// What is told.
    problems: Vec<Problem>,
    /// What is not.
    ignored: Vec<Suppressed>,
    /// The least severity that fails.
    fail_on: Severity,
}

/// Runs it.
pub(crate) fn run(plan: &CheckPlan) -> Result<Outcome, Failure> {
    let found = find(plan)?;
    match plan.output {
        CheckFormat::Text => tell(&found)?,
        CheckFormat::Json => output::json(&CheckOutput::new(&found))?,
        CheckFormat::Yaml => output::yaml(&CheckOutput::new(&found))?,
        CheckFormat::Sarif => output::json(&sarif::report(&found))?,
        CheckFormat::Junit => output::text_line(junit::report(&found)?.trim_end())?,
    }
    // Whoever reads a report later sees in the log what it came to.
    if matches!(plan.output, CheckFormat::Sarif | CheckFormat::Junit) {
        report::aside(&summary(&found));
    }
    let failed = found.problems.iter().any(|problem| problem.severity >= plan.fail_on);
    Ok(if failed { Outcome::Found } else { Outcome::Done })
}

fn find(plan: &CheckPlan) -> Result<Found, Failure> {
    let sources = sources::read(&plan.files)?;
    let files = sources.texts.len() + sources.problems.len();
    let observed = plan.observed.as_deref().map(observed).transpose()?;
    let documents = document::read(&sources.texts);
    let checked = judge_observed(documents, &sources.texts, DEFAULT_REVISION, observed.as_ref());
    let mut problems = sources.problems;
    problems.extend(checked.problems);
    let mut ignored = checked.suppressed;
    ignored.extend(by_caller(&mut problems, &plan.ignored));
    let (texts, outlines) = (sources.texts, checked.outlines);
    Ok(Found { texts, outlines, files, problems, ignored, fail_on: plan.fail_on })
}

/// Reads a page of metrics.
fn observed(file: &Path) -> Result<Observed, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        let message = format!("--observed {} cannot be read: {error}", file.display());
        Failure::new(message, "name a file, such as what `curl 127.0.0.1:15000/stats/prometheus` prints")
    })?;
    Observed::read(&text).map_err(|fault| {
        let message =
            format!("--observed {} is no page of metrics: {}:{fault}", file.display(), file.display());
        Failure::new(
            message,
            "save the whole page of a proxy: its /stats/prometheus, or what Prometheus federates",
        )
    })
}

/// What a problem is of: the document and the field, as far as they are known. It stays when lines move.
fn subject(outlines: &OutlineIndex<'_>, problem: &Problem) -> String {
    let outline = problem.place.as_ref().and_then(|place| outlines.around(place));
    let document = outline.map_or(String::new(), |outline| outline.id.to_string());
    format!("{document} {}", problem.path).trim().to_owned()
}

fn tell(found: &Found) -> Result<(), Failure> {
    let color = report::wants_color(&std::io::stdout());
    let text = report::render(&found.problems, &found.texts, color);
    if !text.is_empty() {
        output::text_line(text.trim_end())?;
    }
    report::aside(&summary(found));
    if let Some(problem) = found.problems.first() {
        report::aside(&format!("`burgee code {}` says more of a code", problem.code));
    }
    Ok(())
}

/// How much was found, in a line.
fn summary(found: &Found) -> String {
    let count = report::count(&found.problems);
    let result = if count.is_empty() { "nothing is wrong" } else { &count };
    let ignored = match found.ignored.len() {
        0 => String::new(),
        ignored => format!(" ({ignored} ignored)"),
    };
    format!("{} file{}: {result}{ignored}", found.files, if found.files == 1 { "" } else { "s" })
}

/// What was found, as programs read it.
#[derive(Debug, Serialize)]
struct CheckOutput {
    /// What is told.
    problems: Vec<ProblemSummary>,
    /// What is not.
    ignored: Vec<IgnoredOutput>,
}

/// A problem that is not told, as programs read it.
#[derive(Debug, Serialize)]
struct IgnoredOutput {
    /// Where the annotation stands that ignores it; null when the command line does.
    annotation: Option<String>,
    /// The problem.
    #[serde(flatten)]
    problem: ProblemSummary,
}

impl CheckOutput {
    fn new(found: &Found) -> CheckOutput {
        let ignored = |suppressed: &Suppressed| IgnoredOutput {
            annotation: match &suppressed.by {
                SuppressedBy::Document(place) => Some(place.to_string()),
                SuppressedBy::Caller => None,
            },
            problem: ProblemSummary::from(&suppressed.problem),
        };
        CheckOutput {
            problems: found.problems.iter().map(ProblemSummary::from).collect(),
            ignored: found.ignored.iter().map(ignored).collect(),
        }
    }
}

#[cfg(test)]
mod tests;

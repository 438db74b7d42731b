//! `burgee check`: everything that is wrong with documents, at once.

use burgee_api::check::check;

use crate::args::Format;
use crate::output::{self, ProblemsOutput};
use crate::plan::CheckPlan;
use crate::{Failure, Outcome, report, sources};

/// Runs it.
pub(crate) fn run(plan: &CheckPlan) -> Result<Outcome, Failure> {
    let sources = sources::read(&plan.files)?;
    let files = sources.texts.len() + sources.problems.len();
    let mut problems = sources.problems;
    problems.extend(check(&sources.texts).problems);
    match plan.output {
        Format::Text => {
            let text = report::render(&problems, &sources.texts, report::wants_color(&std::io::stdout()));
            if !text.is_empty() {
                output::text_line(text.trim_end())?;
            }
            let files = format!("{files} file{}", if files == 1 { "" } else { "s" });
            let count = report::count(&problems);
            let result = if count.is_empty() { "nothing is wrong" } else { &count };
            report::aside(&format!("{files}: {result}"));
        }
        Format::Json => output::json(&ProblemsOutput::new(&problems))?,
        Format::Yaml => output::yaml(&ProblemsOutput::new(&problems))?,
    }
    let failed = problems.iter().any(|problem| problem.severity >= plan.fail_on);
    Ok(if failed { Outcome::Found } else { Outcome::Done })
}

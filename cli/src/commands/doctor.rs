//! `burgee doctor`: what this machine has and lacks, with the command that mends each. Changes nothing.

mod envoys;
mod findings;
mod mend;
mod probe;
mod report;
mod show;

use crate::args::Format;
use crate::plan::DoctorPlan;
use crate::progress::Steps;
use crate::{Failure, Outcome, output};

/// Runs the command.
pub(crate) fn run(plan: &DoctorPlan) -> Result<Outcome, Failure> {
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Failure::new(format!("cannot start: {error}"), "try again"))?;
    let steps = Steps::new();
    let found = runtime.block_on(probe::everything(&plan.ports, &steps));
    steps.clear();
    // A question to a disk that does not answer is left behind.
    runtime.shutdown_background();
    let report = report::Report::new(&found);
    match plan.output {
        Format::Text => output::text_line(show::text(&report, found.terminal.colours).trim_end())?,
        Format::Json => output::json(&report)?,
        Format::Yaml => output::yaml(&report)?,
    }
    Ok(if report.ready { Outcome::Done } else { Outcome::Found })
}

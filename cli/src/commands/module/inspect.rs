//! `burgee module inspect`: what a module is, and what is wrong with it.

use burgee_modules::inspect::{Inspection, inspect, text::text};
use burgee_modules::lint::{Fault, Severity, lint};
use serde::Serialize;

use crate::args::{Format, InspectArgs};
use crate::{Failure, Outcome, output, report};

/// What was found, as programs read it.
#[derive(Debug, Serialize)]
struct Found<'f> {
    #[serde(flatten)]
    module: &'f Inspection,
    faults: &'f [Fault],
}

/// Runs it.
pub(crate) fn run(args: &InspectArgs) -> Result<Outcome, Failure> {
    let bytes = super::read(&args.module, "the module")?;
    let module =
        inspect(&bytes).map_err(|error| Failure::new(format!("{}: {error}", args.module.display()), ""))?;
    let faults = lint(&module);
    match args.output {
        Format::Text => {
            output::text_line(super::lines_clean(&text(&module)).trim_end())?;
            tell(&faults);
        }
        Format::Json => output::json(&Found { module: &module, faults: &faults })?,
        Format::Yaml => output::yaml(&Found { module: &module, faults: &faults })?,
    }
    let is_bad = faults.iter().any(|fault| fault.severity == Severity::Error);
    Ok(if is_bad { Outcome::Found } else { Outcome::Done })
}

/// Says what is wrong on standard error.
pub(super) fn tell(faults: &[Fault]) {
    for fault in faults {
        let severity = match fault.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        report::aside(&format!("{severity} {}: {}\n  help: {}", fault.rule, fault.message, fault.help));
    }
}

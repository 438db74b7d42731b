//! `burgee module inspect`: what a module is, and what is wrong with it.

use burgee_api::text::clean;
use burgee_modules::inspect::{Inspection, inspect, text::text};
use burgee_modules::lint::{Fault, Severity, lint};
use serde::Serialize;

use super::remote::{self, Origin};
use crate::args::{Format, InspectArgs};
use crate::progress::Steps;
use crate::{Failure, Outcome, output, report};

/// What was found, as programs read it.
#[derive(Debug, Serialize)]
struct Found<'f> {
    #[serde(flatten)]
    module: &'f Inspection,
    /// Where it was fetched from.
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<Origin>,
    faults: &'f [Fault],
}

/// Runs it.
pub(crate) fn run(args: &InspectArgs) -> Result<Outcome, Failure> {
    let steps = Steps::new();
    let found = remote::read(&args.module, None, &args.registry, &steps)?;
    drop(steps);
    let origin = found.fetched.as_ref().map(|fetched| Origin::of(&args.module.to_string_lossy(), fetched));
    let module = inspect(&found.bytes)
        .map_err(|error| Failure::new(format!("{}: {error}", args.module.display()), ""))?;
    let faults = lint(&module);
    match args.output {
        Format::Text => {
            for line in origin.iter().flat_map(Origin::lines) {
                output::text_line(&clean(&line))?;
            }
            output::text_line(super::lines_clean(&text(&module)).trim_end())?;
            tell(&faults);
        }
        Format::Json => output::json(&Found { module: &module, origin, faults: &faults })?,
        Format::Yaml => output::yaml(&Found { module: &module, origin, faults: &faults })?,
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

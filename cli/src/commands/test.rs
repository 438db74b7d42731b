//! `burgee test`: a filter's cases, and what every filter must stand.

mod junit;
mod traps;

use std::path::Path;
use std::time::Duration;

use burgee_filter_test::cases::{self, Located};
use burgee_filter_test::compliance::{self, Options, RuleResult};
use burgee_filter_test::run::{self, CaseResult, Limits, Measured};
use burgee_harness::Module;
use burgee_modules::BuiltModule;
use serde::Serialize;

use crate::args::{TestArgs, TestFormat};
use crate::progress::Steps;
use crate::{Failure, Outcome, output, report, sources};

use super::failure;

/// The folder of a filter's cases, below its own.
const CASES: &str = "tests";

/// How long cases are run again and again to say what they cost.
const MEASURING: Duration = Duration::from_secs(2);

/// What came of it.
struct Found {
    cases: Vec<CaseResult>,
    rules: Vec<RuleResult>,
    costs: Option<Measured>,
}

/// Runs it.
pub(crate) fn run(args: &TestArgs) -> Result<Outcome, Failure> {
    let cases = read(args)?;
    let steps = Steps::new();
    let built = built(args, &steps)?;
    let module = load(args, &built.bytes, &steps)?;
    steps.step("testing");
    let mut found = find(args, &module, &cases)?;
    if traps::is_unexplained(&found)
        && let Some(symbols) = symbols(args, &built, &steps)?
    {
        let module = load(args, &symbols, &steps)?;
        steps.step("finding where it trapped");
        traps::explain(&mut found, args, &module, &cases)?;
    }
    drop(steps);
    traps::shorten(&mut found);
    match args.output {
        TestFormat::Text => tell(&found)?,
        TestFormat::Json => output::json(&TestOutput::new(&found))?,
        TestFormat::Junit => output::text_line(junit::report(&found)?.trim_end())?,
    }
    report::aside(&summary(&found));
    let is_good = found.cases.iter().all(CaseResult::is_passed)
        && found.rules.iter().all(|result| result.violation.is_none());
    Ok(if is_good { Outcome::Done } else { Outcome::Found })
}

/// The cases that are asked for.
fn read(args: &TestArgs) -> Result<Vec<Located>, Failure> {
    if !args.directory.is_dir() {
        let message = format!("{} is no folder", args.directory.display());
        return Err(Failure::new(message, "name the folder of a filter's crate"));
    }
    let folder = args.directory.join(CASES);
    let help = format!("write one, such as docs/testing-filters.md shows, into {}", folder.display());
    let sources = match args.cases.as_slice() {
        [] => match sources::read_cases_below(&folder)? {
            Some(sources) => sources,
            // A filter whose tests are written in another way can be tried all the same.
            None if args.compliance => return Ok(Vec::new()),
            None => {
                let what =
                    if folder.is_dir() { "holds no .yaml, .yml or .json file" } else { "is not there" };
                return Err(Failure::new(format!("there are no cases: {} {what}", folder.display()), help));
            }
        },
        named => sources::read_cases(named)?,
    };
    let read = cases::read(&sources.texts);
    let problems: Vec<_> = sources.problems.into_iter().chain(read.problems).collect();
    if !problems.is_empty() {
        report::print_aside(&problems, &sources.texts);
        let message = format!("the cases are wrong: {}", report::count(&problems));
        return Err(Failure::new(message, "mend them; none has been run"));
    }
    let mut cases = read.cases;
    if let Some(name) = &args.filter {
        let names: Vec<String> = cases.iter().map(|located| located.case.name.clone()).collect();
        cases.retain(|located| located.case.name.contains(name));
        if cases.is_empty() {
            let help = format!("the cases are: {}", names.join("; "));
            return Err(Failure::new(format!("--filter {name}: no case has that in its name"), help));
        }
    }
    Ok(cases)
}

/// The module that is named, else the one of the folder's crate.
fn built(args: &TestArgs, steps: &Steps) -> Result<BuiltModule, Failure> {
    match &args.module {
        Some(file) => burgee_modules::keep_file(file).map_err(failure),
        None => burgee_modules::build_crate(&args.directory, steps).map_err(failure),
    }
}

/// The same code with names and lines; none where there is no such thing.
fn symbols(args: &TestArgs, built: &BuiltModule, steps: &Steps) -> Result<Option<Vec<u8>>, Failure> {
    match &args.module {
        Some(_) => Ok(burgee_modules::kept_symbols(built)),
        None => burgee_modules::build_symbols(&args.directory, built, steps).map_err(failure),
    }
}

fn load(args: &TestArgs, bytes: &[u8], steps: &Steps) -> Result<Module, Failure> {
    steps.step("compiling the module");
    Module::load(bytes).map_err(|error| {
        let whose = args.module.as_deref().unwrap_or(Path::new(&args.directory));
        Failure::new(format!("{}: {error}", whose.display()), "")
    })
}

fn find(args: &TestArgs, module: &Module, cases: &[Located]) -> Result<Found, Failure> {
    let limits = Limits { fuel: args.fuel };
    let rules = if args.compliance { try_rules(args, &args.rules, module, cases)? } else { Vec::new() };
    let costs = args.bench.then(|| run::measure(module, cases, &limits, MEASURING));
    Ok(Found { cases: run::run(module, cases, &limits), rules, costs })
}

fn try_rules(
    args: &TestArgs,
    rules: &[String],
    module: &Module,
    cases: &[Located],
) -> Result<Vec<RuleResult>, Failure> {
    let options = Options {
        rules: rules.to_vec(),
        seed: args.seed,
        time: Duration::from_secs(args.time),
        limits: Limits { fuel: args.fuel },
        ..Options::default()
    };
    compliance::run(module, cases, &options).map_err(|error| not_tried(&error))
}

fn not_tried(error: &compliance::NotTried) -> Failure {
    let help = match error {
        compliance::NotTried::DoesNotStart(_) => "write a case with a configuration that it takes".to_owned(),
        compliance::NotTried::NoSuchRule(_) => format!("the rules are {}", compliance::names().join(", ")),
    };
    Failure::new(error.to_string(), help)
}

fn tell(found: &Found) -> Result<(), Failure> {
    let mut text = burgee_filter_test::report::failed(&found.cases);
    text.push_str(&burgee_filter_test::report::rules(&found.rules));
    text.extend(found.costs.as_ref().map(burgee_filter_test::report::costs));
    if text.is_empty() { Ok(()) } else { output::text_line(text.trim_end()) }
}

/// What it came to, in a line.
fn summary(found: &Found) -> String {
    let mut parts = Vec::new();
    if !found.cases.is_empty() || found.rules.is_empty() {
        parts.push(burgee_filter_test::report::summary(&found.cases));
    }
    let violated = found.rules.iter().filter(|result| result.violation.is_some()).count();
    let count = |count: usize| format!("{count} rule{}", if count == 1 { "" } else { "s" });
    match (found.rules.len(), violated) {
        (0, _) => {}
        (all, 0) => parts.push(format!("{} hold", count(all))),
        (all, violated) => parts.push(format!("{violated} of {} do not hold", count(all))),
    }
    match found.rules.iter().filter(|result| !result.is_complete).count() {
        0 => {}
        cut => parts.push(format!("the time of {} was up before all was tried", count(cut))),
    }
    parts.join("; ")
}

/// What came of it, as programs read it.
#[derive(Debug, Serialize)]
struct TestOutput<'f> {
    cases: Vec<CaseOutput<'f>>,
    rules: Vec<RuleOutput<'f>>,
    costs: Option<&'f Measured>,
}

/// What came of a case.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CaseOutput<'f> {
    name: &'f str,
    place: String,
    is_passed: bool,
    mismatches: Vec<MismatchOutput<'f>>,
    logs: Vec<String>,
    trap: Option<String>,
}

/// Something that is not as expected.
#[derive(Debug, Serialize)]
struct MismatchOutput<'f> {
    path: &'f str,
    place: String,
    expected: &'f str,
    got: &'f str,
}

/// What came of a rule.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RuleOutput<'f> {
    name: &'f str,
    tried: usize,
    is_complete: bool,
    violation: Option<ViolationOutput<'f>>,
}

/// What shows that a rule does not hold.
#[derive(Debug, Serialize)]
struct ViolationOutput<'f> {
    what: &'f str,
    input: &'f str,
    logs: Vec<String>,
    trap: Option<String>,
}

impl<'f> TestOutput<'f> {
    fn new(found: &'f Found) -> TestOutput<'f> {
        let lines = |logs: &[burgee_harness::LogLine]| logs.iter().map(ToString::to_string).collect();
        let case = |case: &'f CaseResult| CaseOutput {
            name: &case.name,
            place: case.place.to_string(),
            is_passed: case.is_passed(),
            mismatches: case
                .mismatches
                .iter()
                .map(|mismatch| MismatchOutput {
                    path: &mismatch.path,
                    place: mismatch.place.to_string(),
                    expected: &mismatch.expected,
                    got: &mismatch.got,
                })
                .collect(),
            logs: lines(&case.logs),
            trap: case.trap.as_ref().map(ToString::to_string),
        };
        let rule = |result: &'f RuleResult| RuleOutput {
            name: result.rule.name,
            tried: result.tried,
            is_complete: result.is_complete,
            violation: result.violation.as_ref().map(|violation| ViolationOutput {
                what: &violation.what,
                input: &violation.input,
                logs: lines(&violation.logs),
                trap: violation.trap.as_ref().map(ToString::to_string),
            }),
        };
        TestOutput {
            cases: found.cases.iter().map(case).collect(),
            rules: found.rules.iter().map(rule).collect(),
            costs: found.costs.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests;

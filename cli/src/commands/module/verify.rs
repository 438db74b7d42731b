//! `burgee module verify`: whether a module may be published, by what Burgee does before it publishes one.

use burgee_harness::LogLine;
use burgee_modules::lint::Fault;
use burgee_modules::start::Kind;
use burgee_modules::{Admitted, Refusal, Start, admit};
use serde::Serialize;

use crate::args::{Format, ModuleKind, VerifyArgs};
use crate::progress::Steps;
use crate::{Failure, Outcome, output, report};

/// What was found, as programs read it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    sha256: String,
    /// Whether it may be published.
    admitted: bool,
    refusals: Vec<RefusalOutput>,
    warnings: Vec<Fault>,
    logs: Vec<String>,
    memory_bytes: Option<usize>,
}

/// A reason why not.
#[derive(Debug, Serialize)]
struct RefusalOutput {
    rule: &'static str,
    message: String,
    help: String,
    trap: Option<String>,
    logs: Vec<String>,
}

/// Runs it.
pub(crate) fn run(args: &VerifyArgs) -> Result<Outcome, Failure> {
    let is_input = |path: &std::path::Path| path == std::path::Path::new("-");
    if is_input(&args.module) && args.config.as_deref().is_some_and(is_input) {
        let message = "the module and its configuration cannot both be standard input";
        return Err(Failure::new(message, "name a file for one of them"));
    }
    let start = start(args)?;
    let steps = Steps::new();
    let bytes = super::remote::read(&args.module, args.key.as_deref(), &args.registry, &steps)?.bytes;
    burgee_modules::Progress::step(&steps, "starting the module once");
    let result = admit(&bytes, &with_symbols(&bytes, start));
    drop(steps);
    show(args.output, &bytes, result)
}

fn start(args: &VerifyArgs) -> Result<Start, Failure> {
    let environment = args.environment.iter().map(|variable| {
        variable
            .split_once('=')
            .filter(|(name, _)| !name.is_empty())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .ok_or_else(|| {
                Failure::new(
                    format!("--env {variable}: this is no NAME=VALUE"),
                    "write one, such as --env TENANT=acme",
                )
            })
    });
    Ok(Start {
        root_id: args.root_id.clone(),
        configuration: match &args.config {
            Some(file) => super::read(file, "the configuration")?,
            None => Vec::new(),
        },
        environment: environment.collect::<Result<_, _>>()?,
        kind: match args.kind {
            ModuleKind::Http => Kind::Http,
            ModuleKind::Network => Kind::Network,
        },
        ..Start::default()
    })
}

/// What the cache has of the lines of this module's sources, if it was built here.
fn with_symbols(bytes: &[u8], start: Start) -> Start {
    Start { symbols: burgee_modules::kept_symbols_of(bytes), ..start }
}

fn show(format: Format, bytes: &[u8], result: Result<Admitted, Vec<Refusal>>) -> Result<Outcome, Failure> {
    let outcome = if result.is_ok() { Outcome::Done } else { Outcome::Found };
    match format {
        Format::Text => tell(bytes, &result)?,
        Format::Json => output::json(&found(bytes, result))?,
        Format::Yaml => output::yaml(&found(bytes, result))?,
    }
    Ok(outcome)
}

fn lines(logs: &[LogLine]) -> Vec<String> {
    logs.iter().map(ToString::to_string).collect()
}

fn found(bytes: &[u8], result: Result<Admitted, Vec<Refusal>>) -> Found {
    let sha256 = burgee_modules::digest(bytes);
    match result {
        Ok(admitted) => Found {
            sha256,
            admitted: true,
            refusals: Vec::new(),
            warnings: admitted.warnings,
            logs: lines(&admitted.started.logs),
            memory_bytes: Some(admitted.started.memory_bytes),
        },
        Err(refusals) => {
            let output = |refusal: Refusal| RefusalOutput {
                rule: refusal.rule,
                message: refusal.message,
                help: refusal.help,
                trap: refusal.trap.map(|trap| trap.to_string()),
                logs: lines(&refusal.logs),
            };
            let refusals = refusals.into_iter().map(output).collect();
            Found {
                sha256,
                admitted: false,
                refusals,
                warnings: Vec::new(),
                logs: Vec::new(),
                memory_bytes: None,
            }
        }
    }
}

fn tell(bytes: &[u8], result: &Result<Admitted, Vec<Refusal>>) -> Result<(), Failure> {
    let sha256 = burgee_modules::digest(bytes);
    match result {
        Ok(admitted) => {
            super::inspect::tell(&admitted.warnings);
            for line in lines(&admitted.started.logs) {
                report::aside(&format!("  log {line}"));
            }
            output::text_line(&format!(
                "sha256:{sha256} may be published: it starts, with {} bytes of memory",
                admitted.started.memory_bytes
            ))
        }
        Err(refusals) => {
            for refusal in refusals {
                report::aside(&refused(refusal));
            }
            output::text_line(&format!("sha256:{sha256} may not be published: {}", count(refusals.len())))
        }
    }
}

fn count(reasons: usize) -> String {
    format!("{reasons} reason{}", if reasons == 1 { "" } else { "s" })
}

/// A reason in lines: what, where, what it wrote, and what to do.
fn refused(refusal: &Refusal) -> String {
    let mut text = format!("error {}: {}", refusal.rule, refusal.message);
    for frame in refusal.trap.iter().flat_map(|trap| &trap.frames) {
        let place = frame.place.as_ref().map_or(String::new(), |place| format!(" at {place}"));
        text.push_str(&format!("\n  in {}{place}", frame.function));
    }
    for line in lines(&refusal.logs) {
        text.push_str(&format!("\n  log {line}"));
    }
    if !refusal.help.is_empty() {
        text.push_str(&format!("\n  help: {}", refusal.help));
    }
    text
}

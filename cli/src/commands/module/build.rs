//! `burgee module build`: a crate's module, in a file.

use std::path::{Path, PathBuf};

use burgee_modules::{BuiltModule, ModuleError, Start, admit};
use serde::Serialize;

use crate::args::{BuildArgs, Format};
use crate::commands::failure;
use crate::progress::Steps;
use crate::{Failure, Outcome, output, report};

/// What was made.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    /// The file.
    module: PathBuf,
    sha256: String,
    bytes: usize,
    /// How many bytes it had before it was optimized; none where it was not.
    bytes_before: Option<usize>,
    /// The same code with names and lines; none where there is no such thing.
    symbols: Option<PathBuf>,
    /// What the module says of its package.
    package: Option<burgee_modules::PackageFacts>,
}

/// Runs it.
pub(crate) fn run(args: &BuildArgs) -> Result<Outcome, Failure> {
    let folder = folder(&args.of)?;
    let steps = Steps::new();
    let built = burgee_modules::build_to_publish(&folder, &steps).map_err(failure)?;
    let (module, bytes_before) = if args.optimize {
        let before = built.bytes.len();
        let optimized = burgee_modules::optimize(&built, &steps).map_err(failure)?;
        still_starts(&built, &optimized, &steps)?;
        (optimized, Some(before))
    } else {
        (built, None)
    };
    // The code of an optimized module is another, and offsets in it say nothing of the sources.
    let symbols = if args.no_symbols || args.optimize { None } else { symbols(&folder, &module, &steps)? };
    super::write(&args.out, &module.bytes)?;
    drop(steps);
    let made = Made {
        module: args.out.clone(),
        sha256: module.sha256.clone(),
        bytes: module.bytes.len(),
        bytes_before,
        symbols,
        package: burgee_modules::package_facts(&module.bytes),
    };
    match args.output {
        Format::Text => tell(&made)?,
        Format::Json => output::json(&made)?,
        Format::Yaml => output::yaml(&made)?,
    }
    Ok(Outcome::Done)
}

/// The folder of the crate that is meant: a folder of that name comes before a filter of ours.
fn folder(of: &Path) -> Result<PathBuf, Failure> {
    if of.is_dir() {
        return Ok(of.to_owned());
    }
    let is_name = of.components().count() == 1;
    let ours = burgee_modules::filter_folder(&of.to_string_lossy()).map_err(failure)?;
    if is_name && ours.join("Cargo.toml").is_file() {
        return Ok(ours);
    }
    let message = format!("there is no folder {0}, and no filter of Burgee's of the name {0}", of.display());
    Err(Failure::new(
        message,
        "name the folder of a crate, or one of headers, peer-metadata, stats and telemetry",
    ))
}

/// Where a trap was cannot be said of code that was changed since, and a build without that is a build all the same.
fn symbols(folder: &Path, module: &BuiltModule, steps: &Steps) -> Result<Option<PathBuf>, Failure> {
    match burgee_modules::build_symbols(folder, module, steps) {
        Ok(Some(_)) => burgee_modules::symbols_path(module).map(Some).map_err(failure),
        Ok(None) => {
            steps.say("names and lines are not kept: the code with them is another, as of toolchains before Rust 1.85");
            Ok(None)
        }
        Err(error @ ModuleError::BuildFailed { .. }) => {
            steps.say(&format!("names and lines are not kept: {error}"));
            Ok(None)
        }
        Err(error) => Err(failure(error)),
    }
}

/// An optimizer must not change what a module does: if it started before without a configuration, it does after.
fn still_starts(before: &BuiltModule, after: &BuiltModule, steps: &Steps) -> Result<(), Failure> {
    burgee_modules::Progress::step(steps, "starting the optimized module once");
    let rules = |module: &BuiltModule| match admit(&module.bytes, &Start::default()) {
        Ok(_) => Vec::new(),
        Err(refusals) => refusals.into_iter().map(|refusal| refusal.rule).collect(),
    };
    if rules(before) == rules(after) {
        return Ok(());
    }
    let message = format!("the optimized module does not do what it did before: {}", rules(after).join(", "));
    Err(Failure::new(message, "leave --optimize out, or take another version of Binaryen"))
}

fn tell(made: &Made) -> Result<(), Failure> {
    output::text_line(&format!("{}  sha256:{}  {} bytes", made.module.display(), made.sha256, made.bytes))?;
    if let Some(before) = made.bytes_before {
        report::aside(&format!("optimized: {before} bytes before, {} after", made.bytes));
    }
    if let Some(symbols) = &made.symbols {
        report::aside(&format!("names and lines, by which traps are explained: {}", symbols.display()));
    }
    Ok(())
}

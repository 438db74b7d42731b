//! `burgee new`: a crate with a filter that works, to be changed into somebody's own.

mod name;
mod template;

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

pub(crate) use name::CrateName;

use crate::plan::NewPlan;
use crate::{Failure, Outcome, output, report};

/// Runs it.
pub(crate) fn run(plan: &NewPlan) -> Result<Outcome, Failure> {
    let checkout = burgee_modules::checkout().map_err(super::failure)?;
    make(&plan.folder, &template::files(&plan.name, &checkout))?;
    let folder = plan.folder.display();
    output::text_line(&format!("{folder} is made: a filter that works, with tests of it"))?;
    report::aside(&format!(
        "it is built with the kit in {}\n\ntry it:\n  cd {folder}\n  cargo test                 # the filter's own tests\n  \
         cargo burgee test .        # its cases, played to the module that a proxy gets\n  \
         cargo burgee up . --hold   # in a real Envoy; save src/filter.rs meanwhile",
        checkout.display()
    ));
    Ok(Outcome::Done)
}

/// Writes files into a folder that must not be there. Whoever looks sees all of it or nothing.
fn make(folder: &Path, files: &[(&str, String)]) -> Result<(), Failure> {
    let there = || {
        let message = format!("{} is there already", folder.display());
        Failure::new(message, "name a folder that is not there; nothing is written over")
    };
    if folder.symlink_metadata().is_ok() {
        return Err(there());
    }
    let parent = match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => Failure::new(
            format!("{} is not there", parent.display()),
            "make that folder first, or name another",
        ),
        _ => Failure::new(
            format!("{} cannot be written: {error}", folder.display()),
            "name a folder below one that can be written to",
        ),
    };
    // What is not complete is taken away with this value.
    let unfinished = tempfile::Builder::new()
        .prefix(".burgee-new-")
        .permissions(Permissions::from_mode(0o777))
        .tempdir_in(parent)
        .map_err(failed)?;
    for (path, text) in files {
        let file = unfinished.path().join(path);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        fs::write(file, text).map_err(failed)?;
    }
    // Only an empty folder can be replaced, and this one is nobody else's: whoever was faster has made it fail.
    fs::create_dir(folder).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => there(),
        _ => failed(error),
    })?;
    fs::rename(unfinished.path(), folder).map_err(failed)?;
    // What it stands for has another name now.
    let _ = unfinished.keep();
    Ok(())
}

#[cfg(test)]
mod tests;

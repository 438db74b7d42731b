//! The commands, one file each, and what several of them do.

pub(crate) mod check;
pub(crate) mod code;
pub(crate) mod crds;
pub(crate) mod doctor;
pub(crate) mod export;
pub(crate) mod render;
pub(crate) mod up;

use std::path::Path;

use burgee_overlay::Module;

use crate::Failure;
use crate::progress::Steps;

/// A library's error, whose words already say what to do.
fn failure(error: impl std::error::Error) -> Failure {
    Failure::new(error.to_string(), "")
}

/// The telemetry module: the one named, else the one that is built here.
fn module(named: Option<&Path>, steps: &Steps) -> Result<Module, Failure> {
    let (path, sha256) = match named {
        Some(file) => {
            let digest = burgee_modules::digest_of_module(file).map_err(|error| {
                Failure::new(
                    format!("--module {} cannot be read: {error}", file.display()),
                    "name the module's file, or leave --module out to have it built",
                )
            })?;
            let sha256 = digest.ok_or_else(|| {
                Failure::new(
                    format!("--module {} is not a Wasm core module", file.display()),
                    "name a module that was built for wasm32-wasip1, or leave --module out to have one built",
                )
            })?;
            (std::path::absolute(file).unwrap_or_else(|_| file.to_owned()), sha256)
        }
        None => {
            let built = burgee_modules::build("stats", steps).map_err(failure)?;
            (built.path, built.sha256)
        }
    };
    Ok(Module { path: path.to_string_lossy().into_owned(), sha256 })
}

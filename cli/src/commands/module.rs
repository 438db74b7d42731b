//! `burgee module`: from a crate to a module that proxies can fetch.

mod build;
mod inspect;
mod push;
mod remote;
mod verify;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use burgee_api::text::clean;

use crate::args::ModuleCommand;
use crate::{Failure, Outcome};

/// The most bytes that a module may have: Envoy's own default for what it fetches is the same order.
const MOST_BYTES: u64 = 256 * 1024 * 1024;

/// Runs it.
pub(crate) fn run(command: &ModuleCommand) -> Result<Outcome, Failure> {
    match command {
        ModuleCommand::Build(args) => build::run(args),
        ModuleCommand::Inspect(args) => inspect::run(args),
        ModuleCommand::Verify(args) => verify::run(args),
        ModuleCommand::Pack(args) => push::pack_into(args),
        ModuleCommand::Push(args) => push::push(args),
        ModuleCommand::Pull(args) => push::pull(args),
    }
}

/// The bytes of a file or of standard input, as what they are is called.
fn read(path: &Path, what: &str) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(
            format!("{what} {} cannot be read: {error}", path.display()),
            "name a file that is there",
        )
    };
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().lock().take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        let file = File::open(path).map_err(failed)?;
        file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    }
    if bytes.len() as u64 > MOST_BYTES {
        let message = format!("{what} {} has more than {MOST_BYTES} bytes", path.display());
        return Err(Failure::new(message, "name a module: the largest have a few megabytes"));
    }
    Ok(bytes)
}

/// Writes a file. Whoever looks sees all of it or what was there before.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        let message = format!("{} cannot be written: {error}", path.display());
        Failure::new(message, "name a file in a folder that is there and can be written to")
    };
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if path.is_dir() {
        let message = format!("{} is a folder", path.display());
        return Err(Failure::new(message, "name the file to write, such as filter.wasm in it"));
    }
    let mut unfinished = tempfile::Builder::new()
        .prefix(".burgee-")
        .permissions(permissions())
        .tempfile_in(parent)
        .map_err(failed)?;
    unfinished.write_all(bytes).and_then(|()| unfinished.as_file().sync_all()).map_err(failed)?;
    unfinished.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Those of any new file: what the user's mask leaves of them.
fn permissions() -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    fs::Permissions::from_mode(0o666)
}

/// Lines of a text that is not ours, each as a screen takes it.
fn lines_clean(text: &str) -> String {
    text.lines().map(clean).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;

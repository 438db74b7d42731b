//! A folder that is written as a whole, and again over what was written before: each file at once, none that is
//! somebody else's.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Failure;

/// The file by which a folder is known as one of ours.
const MARKER: &str = ".burgee-export.json";
/// The version of that file.
const VERSION: u32 = 1;
/// How many names a message tells.
const MOST_TOLD: usize = 5;

/// Files by their path in the folder.
pub(super) type Files = BTreeMap<String, File>;

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct File {
    /// What is in it.
    pub bytes: Vec<u8>,
    /// Whether it can be run. All can be read by everybody: containers have users of their own.
    pub is_program: bool,
}

/// What an export wrote.
#[derive(Debug, Serialize, Deserialize)]
struct Marker {
    version: u32,
    /// The digest of each file.
    files: BTreeMap<String, String>,
}

/// A folder to write, as it is found.
#[derive(Debug)]
pub(super) struct Target {
    path: PathBuf,
    state: State,
}

#[derive(Debug)]
enum State {
    /// It is not there.
    Absent,
    /// Nothing is in it.
    Empty,
    /// It was exported before: what was written then.
    Exported(Marker),
}

impl Target {
    /// Looks at a folder.
    ///
    /// # Errors
    /// When it cannot be written to, since something else is there.
    pub(super) fn look(path: &Path) -> Result<Target, Failure> {
        let target = |state| Ok(Target { path: path.to_owned(), state });
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return target(State::Absent),
            Err(error) => {
                let message = format!("{} is no folder that can be written: {error}", path.display());
                return Err(Failure::new(message, "name a folder that is not there yet"));
            }
        };
        match fs::read(path.join(MARKER)) {
            Ok(bytes) => match serde_json::from_slice::<Marker>(&bytes) {
                Ok(marker) if marker.version == VERSION => target(State::Exported(marker)),
                Ok(_) | Err(_) => Err(Failure::new(
                    format!("{} was exported by another version of this program", path.display()),
                    "delete the folder, or name another",
                )),
            },
            Err(_) if entries.count() == 0 => target(State::Empty),
            Err(_) => Err(Failure::new(
                format!("{} is not empty, and nothing that was exported before", path.display()),
                "name a folder that is not there yet or is empty, or delete what is in this one",
            )),
        }
    }

    /// Writes files, in this order, and takes away what was exported before and is none of them. Gives how many files
    /// were written: those that are as they should be are left alone, and so is everything that was never exported.
    ///
    /// # Errors
    /// When a file was changed by hand and `force` is not given, or cannot be written.
    pub(super) fn write(self, files: &Files, order: fn(&str) -> u8, force: bool) -> Result<usize, Failure> {
        let digests = files.iter().map(|(path, file)| (path.clone(), digest(&file.bytes))).collect();
        let marker = Marker { version: VERSION, files: digests };
        match self.state {
            State::Absent => {
                write_whole(&self.path, files, &marker).map_err(|error| failed(&self.path, &error))?
            }
            State::Empty => {
                // First, so that what an interruption leaves is known as ours.
                write_marker(&self.path, &marker).map_err(|error| failed(&self.path, &error))?;
                write_each(&self.path, files, order)?;
            }
            State::Exported(before) => {
                if !force {
                    check_unchanged(&self.path, &before, &marker)?;
                }
                let written = write_each(&self.path, files, order)?;
                for path in before.files.keys().filter(|path| !files.contains_key(*path)) {
                    remove(&self.path, path);
                }
                write_marker(&self.path, &marker).map_err(|error| failed(&self.path, &error))?;
                return Ok(written);
            }
        }
        Ok(files.len())
    }
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        format!("{} cannot be written: {error}", path.display()),
        "check its permissions and free space",
    )
}

/// A folder that is not there yet appears at once, or not at all.
fn write_whole(path: &Path, files: &Files, marker: &Marker) -> io::Result<()> {
    let path = std::path::absolute(path)?;
    let parent = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(parent)?;
    let stage = tempfile::Builder::new().prefix(".burgee-export-").tempdir_in(parent)?;
    for (name, file) in files {
        put(stage.path(), name, file)?;
    }
    write_marker(stage.path(), marker)?;
    fs::set_permissions(stage.path(), fs::Permissions::from_mode(0o755))?;
    fs::rename(stage.path(), &path)?;
    // Nothing is there any more that should be deleted.
    let _ = stage.keep();
    Ok(())
}

fn write_each(folder: &Path, files: &Files, order: fn(&str) -> u8) -> Result<usize, Failure> {
    let mut ordered: Vec<(&String, &File)> = files.iter().collect();
    ordered.sort_by_key(|(path, _)| order(path));
    let mut written = 0;
    for (path, file) in ordered {
        let at = folder.join(path);
        let is_there = fs::read(&at).is_ok_and(|bytes| bytes == file.bytes) && has_mode(&at, file);
        if !is_there {
            put(folder, path, file).map_err(|error| failed(&at, &error))?;
            written += 1;
        }
    }
    Ok(written)
}

fn mode(file: &File) -> u32 {
    if file.is_program { 0o755 } else { 0o644 }
}

fn has_mode(path: &Path, file: &File) -> bool {
    fs::symlink_metadata(path)
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o777 == mode(file))
}

/// Writes a file beside its place and then renames it: who reads sees the old one or the new one, and who watches the
/// folder is told.
fn put(folder: &Path, path: &str, file: &File) -> io::Result<()> {
    let at = folder.join(path);
    let parent = at.parent().unwrap_or(folder);
    make_folders(folder, parent)?;
    let new = tempfile::Builder::new().prefix(".burgee-new-").tempfile_in(parent)?;
    fs::write(new.path(), &file.bytes)?;
    fs::set_permissions(new.path(), fs::Permissions::from_mode(mode(file)))?;
    new.persist(&at).map_err(|error| error.error)?;
    Ok(())
}

/// Makes the folders below `root` down to `folder`, so that everybody can read them.
fn make_folders(root: &Path, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let below = folder.ancestors().take_while(|part| *part != root);
    for part in below {
        fs::set_permissions(part, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

fn write_marker(folder: &Path, marker: &Marker) -> io::Result<()> {
    let mut bytes = serde_json::to_vec_pretty(marker)?;
    bytes.push(b'\n');
    put(folder, MARKER, &File { bytes, is_program: false })
}

/// A file that is neither as it was exported nor as it will be was changed by somebody.
fn check_unchanged(folder: &Path, before: &Marker, after: &Marker) -> Result<(), Failure> {
    let paths =
        before.files.keys().chain(after.files.keys().filter(|path| !before.files.contains_key(*path)));
    let is_changed = |path: &&String| {
        let Ok(bytes) = fs::read(folder.join(path)) else { return false };
        let found = Some(digest(&bytes));
        found.as_ref() != before.files.get(*path) && found.as_ref() != after.files.get(*path)
    };
    let changed: Vec<&str> = paths.filter(is_changed).map(String::as_str).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let more = changed.len().saturating_sub(MOST_TOLD);
    let told = changed[..changed.len() - more].join(", ");
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Err(Failure::new(
        format!("files of {} were changed since they were exported: {told}{more}", folder.display()),
        "keep them elsewhere, then export with --force to write over them",
    ))
}

/// Takes a file away, and the folders that are empty then.
fn remove(folder: &Path, path: &str) {
    let at = folder.join(path);
    // What is gone already need not go.
    let _ = fs::remove_file(&at);
    for part in at.ancestors().skip(1).take_while(|part| *part != folder) {
        if fs::remove_dir(part).is_err() {
            break;
        }
    }
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;

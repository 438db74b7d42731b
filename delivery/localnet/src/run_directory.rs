//! The private directory of a run: the Envoys' configuration, changed by atomic rename, and their logs.
//!
//! A directory is locked while its run lives. What a killed run left behind is taken away by the next one.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::error::LocalnetError;

const PREFIX: &str = "burgee-run-";
const NEW_PREFIX: &str = ".burgee-new-";
const LOCK_FILE: &str = "lock";

/// A run's directory; removed when this is dropped.
#[derive(Debug)]
pub struct RunDirectory {
    path: PathBuf,
    _lock: File,
}

impl RunDirectory {
    /// Makes a directory below `parent` that only its owner can enter, and removes what dead runs left there.
    ///
    /// # Errors
    /// When the directory cannot be made.
    pub fn create(parent: &Path) -> Result<RunDirectory, LocalnetError> {
        let failed = |error| LocalnetError::io("make a directory in", parent, error);
        // It gets its final name only when it is locked, so that no other run takes it for a dead one's.
        let new = tempfile::Builder::new()
            .prefix(NEW_PREFIX)
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(parent)
            .map_err(failed)?;
        let lock = File::create(new.path().join(LOCK_FILE)).map_err(failed)?;
        lock.lock().map_err(failed)?;
        let unique = new.path().file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let path = parent.join(format!("{PREFIX}{}", unique.trim_start_matches(NEW_PREFIX)));
        fs::rename(new.path(), &path).map_err(failed)?;
        // The new name is ours to remove; the old one is gone.
        let _ = new.keep();
        let owner = fs::metadata(&path).map_err(failed)?.uid();
        remove_dead(parent, owner);
        Ok(RunDirectory { path, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for RunDirectory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Removes the directories of runs whose process is gone; of this user only. What cannot be removed stays: a later
/// run tries again.
fn remove_dead(parent: &Path, owner: u32) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        let is_run = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        let is_own = entry.path().symlink_metadata().is_ok_and(|m| m.is_dir() && m.uid() == owner);
        if is_run && is_own && is_dead(&entry.path()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn is_dead(directory: &Path) -> bool {
    match File::open(directory.join(LOCK_FILE)) {
        Ok(lock) => lock.try_lock().is_ok(),
        // A removal that was cut short has taken the lock file first.
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// Replaces a file in one step: whoever reads it sees the old content or the new one. Envoy watches for the rename.
///
/// # Errors
/// When the file cannot be written.
pub fn replace(path: &Path, content: &str) -> Result<(), LocalnetError> {
    let failed = |error| LocalnetError::io("write", path, error);
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(directory).map_err(failed)?;
    file.write_all(content.as_bytes()).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_directory_is_private_and_gone_afterwards() {
        let parent = tempfile::tempdir().unwrap();
        let run = RunDirectory::create(parent.path()).unwrap();
        assert_eq!(fs::metadata(run.path()).unwrap().mode() & 0o777, 0o700);
        let path = run.path().to_owned();
        drop(run);
        assert!(!path.exists());
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_dead_runs_directory_is_removed_and_a_living_ones_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let living = RunDirectory::create(parent.path()).unwrap();
        let dead = parent.path().join("burgee-run-dead");
        fs::create_dir(&dead).unwrap();
        fs::write(dead.join(LOCK_FILE), "").unwrap();
        let other = parent.path().join("somebody-elses");
        fs::create_dir(&other).unwrap();
        let _next = RunDirectory::create(parent.path()).unwrap();
        assert!(living.path().exists() && other.exists());
        assert!(!dead.exists());
    }

    #[test]
    fn a_replaced_file_has_the_new_content_and_leaves_nothing_beside_it() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("lds.json");
        replace(&path, "one").unwrap();
        replace(&path, "two").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
    }
}

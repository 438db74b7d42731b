//! Tells when documents, or the sources of plugins' modules, change.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::Failure;

/// How long everything must be quiet before it is read: an editor writes a file in several steps.
const QUIET: Duration = Duration::from_millis(150);
/// How long a folder that is never quiet may put off being read.
const LONGEST: Duration = Duration::from_secs(2);
/// How often it is looked whether what is watched is another folder by then: a folder that is removed or moved, or one
/// above it, takes its watch along.
const LOOK: Duration = Duration::from_millis(500);

/// What changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    /// Whether a module's source did; documents may have changed in any case.
    pub(crate) is_of_module: bool,
}

/// Watches a folder of documents, and what else it is told to.
pub(crate) struct Watch {
    watcher: RecommendedWatcher,
    changes: mpsc::UnboundedReceiver<Change>,
    /// What changed and was not told yet.
    waiting: Option<Change>,
    directory: PathBuf,
    modules: Vec<PathBuf>,
    /// What the watcher was told to watch.
    watched: Vec<Watched>,
    /// The same as the watcher's thread compares with.
    compared: Arc<Mutex<Vec<PathBuf>>>,
    quiet: Duration,
}

/// A folder that is watched.
struct Watched {
    path: PathBuf,
    mode: RecursiveMode,
    /// What was there when its watch was set up; none: nothing, so that there is no watch either.
    identity: Option<Identity>,
}

/// What tells a folder from another one of the same name.
type Identity = (u64, u64);

impl Watch {
    /// Watches a folder from now on.
    pub(crate) fn new(directory: &Path) -> Result<Watch, Failure> {
        Watch::with_quiet(directory, QUIET)
    }

    /// The same with another time for which everything must be quiet: for those who read until it stays the same.
    pub(crate) fn with_quiet(directory: &Path, quiet: Duration) -> Result<Watch, Failure> {
        let (sender, changes) = mpsc::unbounded_channel();
        let compared: Arc<Mutex<Vec<PathBuf>>> = Arc::default();
        let modules = compared.clone();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            if event.kind.is_access() {
                return;
            }
            let modules = modules.lock().unwrap_or_else(PoisonError::into_inner);
            let is_of_module = event.paths.iter().any(|path| {
                let path = real(path);
                modules.iter().any(|module| path.starts_with(module))
            });
            // Nobody listens any more only when everything ends.
            let _ = sender.send(Change { is_of_module });
        })
        .map_err(|error| cannot_watch(directory, &error))?;
        let mode = RecursiveMode::Recursive;
        watcher.watch(directory, mode).map_err(|error| cannot_watch(directory, &error))?;
        let watched = vec![Watched { path: directory.to_owned(), mode, identity: identity(directory) }];
        let directory = real(directory);
        Ok(Watch {
            watcher,
            changes,
            waiting: None,
            directory,
            modules: Vec::new(),
            watched,
            compared,
            quiet,
        })
    }

    /// Watches the sources of modules as well, instead of those of before.
    pub(crate) fn modules(&mut self, paths: &[PathBuf]) -> Result<(), Failure> {
        let paths: Vec<PathBuf> = paths.iter().map(|path| real(path)).collect();
        if paths == self.modules {
            return Ok(());
        }
        for path in paths.iter().filter(|path| !self.modules.contains(path)) {
            let (watched, mode) = if path.is_dir() {
                (path.as_path(), RecursiveMode::Recursive)
            } else {
                // A file that is written anew is another file, so its folder is watched.
                (path.parent().unwrap_or(path), RecursiveMode::NonRecursive)
            };
            // What is watched already is not to be watched less.
            let is_watched = watched.starts_with(&self.directory)
                || paths.iter().any(|other| other != path && other.is_dir() && watched.starts_with(other));
            if !is_watched {
                // A folder that is not there is looked for until it is.
                let identity = identity(watched);
                if identity.is_some() {
                    self.watcher.watch(watched, mode).map_err(|error| cannot_watch(watched, &error))?;
                }
                self.watched.retain(|one| one.path != watched);
                self.watched.push(Watched { path: watched.to_owned(), mode, identity });
            }
        }
        self.compared.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&paths);
        self.modules = paths;
        Ok(())
    }

    /// Has a change told that nobody saw: it comes as if it were seen just then.
    pub(crate) fn assume(&mut self, change: Change) {
        self.waiting = Some(change);
    }

    /// Waits for a change and for quiet after it. A change is not lost when this is dropped before it is told.
    pub(crate) async fn next(&mut self) -> Change {
        while self.waiting.is_none() {
            match timeout_at(Instant::now() + LOOK, self.changes.recv()).await {
                Ok(Some(change)) => self.waiting = Some(change),
                // The watcher is ours, so it is there as long as we are.
                Ok(None) => std::future::pending().await,
                Err(_) if self.is_moved() => self.waiting = Some(Change { is_of_module: true }),
                Err(_) => {}
            }
        }
        let latest = Instant::now() + LONGEST;
        while let Ok(Some(more)) =
            timeout_at(latest.min(Instant::now() + self.quiet), self.changes.recv()).await
        {
            self.waiting.get_or_insert_default().is_of_module |= more.is_of_module;
        }
        // Before anything is read, so that what changes from then on is seen.
        self.watch_anew();
        self.waiting.take().unwrap_or_default()
    }

    /// Whether a folder that is watched is not the one that it was, or is there again.
    fn is_moved(&self) -> bool {
        self.watched.iter().any(|one| identity(&one.path) != one.identity)
    }

    /// Sets every watch up again. A folder that was removed and made again may even have the number of the old one.
    fn watch_anew(&mut self) {
        for one in &mut self.watched {
            // A watch that went with its folder need not be taken away.
            let _ = self.watcher.unwatch(&one.path);
            let there = identity(&one.path);
            one.identity = self.watcher.watch(&one.path, one.mode).ok().and(there);
        }
    }
}

/// What is at a path; none: nothing.
fn identity(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    let metadata = path.metadata().ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// A path without links and dots, as far as it is there.
fn real(path: &Path) -> PathBuf {
    if let Ok(path) = path.canonicalize() {
        return path;
    }
    let name = path.file_name().map_or_else(OsString::new, ToOwned::to_owned);
    match path.parent().map(Path::canonicalize) {
        Some(Ok(parent)) => parent.join(name),
        _ => path.to_owned(),
    }
}

fn cannot_watch(path: &Path, error: &notify::Error) -> Failure {
    Failure::new(
        format!("{} cannot be watched: {error}", path.display()),
        "see that it may be read; if the system allows no more watches, raise fs.inotify.max_user_watches",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_folder_of_a_module_that_is_not_there_yet_is_looked_for() {
        let (documents, other) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let missing = other.path().join("missing");
        let mut watch = Watch::new(documents.path()).expect("a watch");
        watch.modules(&[missing.join("x.wasm")]).expect("a watch");
        std::fs::create_dir(&missing).expect("a folder");
        let change = tokio::time::timeout(Duration::from_secs(20), watch.next()).await;
        assert_eq!(change.ok(), Some(Change { is_of_module: true }));
        std::fs::write(missing.join("x.wasm"), "").expect("a file");
        let change = tokio::time::timeout(Duration::from_secs(20), watch.next()).await;
        assert!(change.is_ok());
    }

    #[tokio::test]
    async fn a_folder_of_which_a_file_was_watched_can_become_a_crate_s() {
        let (documents, other) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let deep = other.path().join("src");
        std::fs::create_dir(&deep).expect("a folder");
        let mut watch = Watch::new(documents.path()).expect("a watch");
        watch.modules(&[other.path().join("x.wasm")]).expect("a watch");
        watch.modules(&[other.path().to_owned()]).expect("a watch");
        watch.assume(Change::default());
        watch.next().await;
        std::fs::write(deep.join("lib.rs"), "").expect("a file");
        let change = tokio::time::timeout(Duration::from_secs(20), watch.next()).await;
        assert_eq!(change.ok(), Some(Change { is_of_module: true }));
    }
}

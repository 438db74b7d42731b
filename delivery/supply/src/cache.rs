//! What was fetched, on disk: modules by their digest, and what URLs and digests of images stand for.
//!
//! ```text
//! modules/sha256-HEX.wasm      modules, those that were built here among them
//! supply/known/HEX.json        what a URL or a digest stands for
//! supply/used/HEX              one for each module that was fetched; when it was used last
//! supply/live/NAME             what a process that runs has been given; locked for as long as it runs
//! supply/incoming/NAME/        what it is writing
//! supply/lock                  whoever changes something holds it
//! ```
//!
//! Files come by their name as a whole, after their content is on the disk, and content is held to its digest when it is
//! read: whatever ends a process at whatever moment, what is there is right or is not used.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::digest::hex;
use crate::error::SupplyError;

/// What a URL or a digest stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Known {
    /// What stands for it, so that a file says itself what it is about.
    pub of: String,
    /// The module's digest, in hexadecimal.
    pub module: String,
    /// The digest of the manifest, in hexadecimal.
    pub manifest: Option<String>,
    /// The digest of the index that led there.
    pub index: Option<String>,
    /// The digest of what was downloaded.
    pub download: Option<String>,
    /// How the module was put into it, in words.
    pub form: String,
    /// What the manifest says of it.
    pub annotations: BTreeMap<String, String>,
    /// The version of each document for which it was fetched.
    pub versions: BTreeMap<String, String>,
    /// The keys that it was found to be signed by.
    pub keys: Vec<String>,
}

impl Known {
    /// Every digest that stands for it.
    pub(crate) fn digests(&self) -> impl Iterator<Item = &String> {
        [&self.manifest, &self.index, &self.download].into_iter().flatten().chain([&self.module])
    }
}

/// The cache, for one process.
#[derive(Debug)]
pub(crate) struct Cache {
    root: PathBuf,
    bytes: u64,
    /// The name of what this process has been given, and the file, which is locked.
    name: String,
    live: Mutex<File>,
    files: AtomicU64,
}

impl Cache {
    /// Opens a cache, and clears away what processes left that are gone.
    pub(crate) fn open(directory: &Path, bytes: u64) -> Result<Cache, SupplyError> {
        static OPENED: AtomicU64 = AtomicU64::new(0);
        let root = directory.to_owned();
        for folder in ["modules", "supply/known", "supply/used", "supply/live", "supply/incoming"] {
            let folder = root.join(folder);
            fs::create_dir_all(&folder).map_err(SupplyError::io("creating", &folder))?;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let name = format!("{}-{now}-{}", std::process::id(), OPENED.fetch_add(1, Ordering::Relaxed));
        let path = root.join("supply/live").join(&name);
        let held = lock(&root)?;
        let live = OpenOptions::new().create_new(true).append(true).open(&path);
        let live = live.map_err(SupplyError::io("creating", &path))?;
        live.lock().map_err(SupplyError::io("locking", &path))?;
        let incoming = root.join("supply/incoming").join(&name);
        fs::create_dir_all(&incoming).map_err(SupplyError::io("creating", &incoming))?;
        let cache = Cache { root, bytes, name, live: Mutex::new(live), files: AtomicU64::new(0) };
        cache.clear_dead();
        drop(held);
        Ok(cache)
    }

    fn known_path(&self, of: &str) -> PathBuf {
        self.root.join("supply/known").join(format!("{}.json", hex(of.as_bytes())))
    }

    fn module_path(&self, module: &str) -> PathBuf {
        burgee_machine::module_file(&self.root, module)
    }

    fn used_path(&self, module: &str) -> PathBuf {
        self.root.join("supply/used").join(module)
    }

    /// What is known of a URL or a digest.
    pub(crate) fn known(&self, of: &str) -> Option<Known> {
        let known: Known = serde_json::from_slice(&fs::read(self.known_path(of)).ok()?).ok()?;
        (known.of == of).then_some(known)
    }

    /// Notes what some URL and digests stand for.
    pub(crate) fn note(
        &self,
        known: &Known,
        of: impl IntoIterator<Item = String>,
    ) -> Result<(), SupplyError> {
        let _held = lock(&self.root)?;
        for of in of {
            let mut known = Known { of: of.clone(), ..known.clone() };
            // What another process learned meanwhile of the same module stays.
            if let Some(before) = self.known(&of).filter(|before| before.module == known.module) {
                for (document, version) in before.versions {
                    known.versions.entry(document).or_insert(version);
                }
                let new: Vec<String> =
                    before.keys.into_iter().filter(|key| !known.keys.contains(key)).collect();
                known.keys.extend(new);
            }
            let bytes = serde_json::to_vec(&known)
                .map_err(|error| SupplyError::form(of.clone(), error.to_string()))?;
            self.write(&self.known_path(&of), &bytes)?;
        }
        Ok(())
    }

    /// A module that is there, and whole. It stays for as long as this process runs.
    pub(crate) fn module(&self, module: &str) -> Result<Option<(PathBuf, Vec<u8>)>, SupplyError> {
        let path = self.module_path(module);
        let _held = lock(&self.root)?;
        let Ok(bytes) = fs::read(&path) else { return Ok(None) };
        if hex(&bytes) != module {
            // Whatever made it so, what is not what its name says is of no use to anybody.
            fs::remove_file(&path).map_err(SupplyError::io("removing", &path))?;
            return Ok(None);
        }
        self.lease(module)?;
        let used = self.used_path(module);
        if used.exists() {
            touch(&used)?;
        }
        Ok(Some((path, bytes)))
    }

    /// Keeps a module. It stays for as long as this process runs.
    pub(crate) fn store(&self, bytes: &[u8]) -> Result<PathBuf, SupplyError> {
        let module = hex(bytes);
        let path = self.module_path(&module);
        let _held = lock(&self.root)?;
        self.lease(&module)?;
        // One that was built here is nobody's to take away.
        let is_built = path.exists() && !self.used_path(&module).exists();
        if !fs::read(&path).is_ok_and(|there| there == bytes) {
            self.write(&path, bytes)?;
        }
        if !is_built {
            touch(&self.used_path(&module))?;
        }
        self.evict()?;
        Ok(path)
    }

    /// Notes that this process has been given a module.
    fn lease(&self, module: &str) -> Result<(), SupplyError> {
        let path = self.root.join("supply/live").join(&self.name);
        let Ok(mut live) = self.live.lock() else { return Ok(()) };
        live.write_all(format!("{module}\n").as_bytes()).map_err(SupplyError::io("writing", &path))
    }

    /// Takes away what was used longest ago until the rest is within the bound, but not what a process that runs has been
    /// given.
    fn evict(&self) -> Result<(), SupplyError> {
        let live = self.clear_dead();
        let folder = self.root.join("supply/used");
        let entries = fs::read_dir(&folder).map_err(SupplyError::io("reading", &folder))?;
        let mut modules: Vec<(SystemTime, String, u64)> = Vec::new();
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let used = entry.metadata().and_then(|metadata| metadata.modified()).unwrap_or(UNIX_EPOCH);
            match fs::metadata(self.module_path(&name)) {
                Ok(metadata) => modules.push((used, name, metadata.len())),
                // Somebody took the module away.
                Err(_) => remove(&entry.path())?,
            }
        }
        modules.sort();
        let mut is_any_gone = false;
        let mut all: u64 = modules.iter().map(|(_, _, bytes)| bytes).sum();
        for (_, name, bytes) in modules {
            if all <= self.bytes {
                break;
            }
            if !live.contains(&name) {
                remove(&self.module_path(&name))?;
                remove(&self.used_path(&name))?;
                all -= bytes;
                is_any_gone = true;
            }
        }
        if is_any_gone {
            self.forget()?;
        }
        Ok(())
    }

    /// Takes away what is known of modules that are gone.
    fn forget(&self) -> Result<(), SupplyError> {
        let folder = self.root.join("supply/known");
        let entries = fs::read_dir(&folder).map_err(SupplyError::io("reading", &folder))?;
        for entry in entries.flatten() {
            let known =
                fs::read(entry.path()).ok().and_then(|bytes| serde_json::from_slice::<Known>(&bytes).ok());
            if known.is_none_or(|known| !self.module_path(&known.module).exists()) {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Clears away what processes left that are gone; gives what those that run have been given.
    fn clear_dead(&self) -> HashSet<String> {
        let mut given = HashSet::new();
        let Ok(entries) = fs::read_dir(self.root.join("supply/live")) else { return given };
        for entry in entries.flatten() {
            let is_ours = entry.file_name().to_str() == Some(&self.name);
            let Ok(mut file) = File::open(entry.path()) else { continue };
            if !is_ours && file.try_lock().is_ok() {
                // What cannot be cleared away now is the next one's to try.
                let _ = fs::remove_dir_all(self.root.join("supply/incoming").join(entry.file_name()));
                let _ = fs::remove_file(entry.path());
                continue;
            }
            let mut text = String::new();
            if file.read_to_string(&mut text).is_ok() {
                given.extend(text.lines().map(str::to_owned));
            }
        }
        given
    }

    /// Writes a file so that whoever reads it sees all of it or what was there before.
    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), SupplyError> {
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        let beside = self.root.join("supply/incoming").join(&self.name).join(number.to_string());
        let mut file = File::create(&beside).map_err(SupplyError::io("creating", &beside))?;
        file.write_all(bytes).map_err(SupplyError::io("writing", &beside))?;
        file.sync_all().map_err(SupplyError::io("writing", &beside))?;
        fs::rename(&beside, path).map_err(SupplyError::io("renaming to", path))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(SupplyError::io("writing", folder))
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        // What stays is cleared away by the next one.
        let _ = fs::remove_dir_all(self.root.join("supply/incoming").join(&self.name));
        let _ = fs::remove_file(self.root.join("supply/live").join(&self.name));
    }
}

/// Holds off everybody else who changes the cache, until the file is dropped.
fn lock(root: &Path) -> Result<File, SupplyError> {
    let path = root.join("supply/lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(SupplyError::io("opening", &path))?;
    file.lock().map_err(SupplyError::io("locking", &path))?;
    Ok(file)
}

/// Makes a file that is used now.
fn touch(path: &Path) -> Result<(), SupplyError> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path);
    file.and_then(|file| file.set_modified(SystemTime::now())).map_err(SupplyError::io("writing", path))
}

fn remove(path: &Path) -> Result<(), SupplyError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(SupplyError::io("removing", path)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn modules_are_kept_by_their_digest_and_never_believed_when_they_are_another() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path(), 1000).unwrap();
        let path = cache.store(b"module").unwrap();
        let module = hex(b"module");
        assert_eq!(cache.module(&module).unwrap(), Some((path.clone(), b"module".to_vec())));
        fs::write(&path, b"damaged").unwrap();
        assert_eq!(cache.module(&module).unwrap(), None);
        assert!(!path.exists());
        cache.store(b"module").unwrap();
        assert!(cache.module(&module).unwrap().is_some());
    }

    #[test]
    fn what_was_used_longest_ago_goes_but_never_what_a_process_has_been_given() {
        let folder = tempfile::tempdir().unwrap();
        let of = |byte: u8| vec![byte; 400];
        let built = folder.path().join("modules").join(format!("sha256-{}.wasm", hex(&of(9))));
        {
            let cache = Cache::open(folder.path(), 1000).unwrap();
            fs::write(&built, of(9)).unwrap();
            for byte in 0..4 {
                cache.store(&of(byte)).unwrap();
            }
            // This process has been given all of them.
            assert_eq!(names(&folder.path().join("modules")), 5);
        }
        let old = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(5);
        for byte in [1, 2] {
            let used = folder.path().join("supply/used").join(hex(&of(byte)));
            File::options().write(true).open(used).unwrap().set_modified(old).unwrap();
        }
        let other = Cache::open(folder.path(), 1000).unwrap();
        assert!(other.module(&hex(&of(1))).unwrap().is_some());
        let cache = Cache::open(folder.path(), 1000).unwrap();
        cache.store(&of(5)).unwrap();
        let is_there =
            |byte: u8| folder.path().join(format!("modules/sha256-{}.wasm", hex(&of(byte)))).exists();
        assert!(is_there(1), "another process has been given it");
        assert!(!is_there(2) && is_there(5) && is_there(9));
        assert_eq!((0..4).filter(|byte| is_there(*byte)).count(), 1);
    }

    #[test]
    fn what_is_known_is_of_what_it_says_and_grows() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path(), 1000).unwrap();
        let known = |version: &str, key: &str| Known {
            module: "m".to_owned(),
            versions: BTreeMap::from([(version.to_owned(), "1".to_owned())]),
            keys: vec![key.to_owned()],
            ..Known::default()
        };
        assert_eq!(cache.known("url"), None);
        cache.note(&known("a", "x"), ["url".to_owned()]).unwrap();
        cache.note(&known("b", "y"), ["url".to_owned()]).unwrap();
        let found = cache.known("url").unwrap();
        assert_eq!((found.versions.len(), found.keys.len()), (2, 2));
        cache.note(&Known { module: "n".to_owned(), ..known("c", "z") }, ["url".to_owned()]).unwrap();
        assert_eq!(cache.known("url").unwrap().versions.len(), 1);
        fs::copy(cache.known_path("url"), cache.known_path("other")).unwrap();
        assert_eq!(cache.known("other"), None);
        fs::write(cache.known_path("url"), b"{").unwrap();
        assert_eq!(cache.known("url"), None);
    }

    #[test]
    fn what_a_process_that_is_gone_was_writing_is_cleared_away() {
        let folder = tempfile::tempdir().unwrap();
        drop(Cache::open(folder.path(), 1000).unwrap());
        let (live, incoming) = (folder.path().join("supply/live"), folder.path().join("supply/incoming"));
        fs::write(live.join("1-1-1"), "x\n").unwrap();
        fs::create_dir(incoming.join("1-1-1")).unwrap();
        fs::write(incoming.join("1-1-1/0"), "half").unwrap();
        let cache = Cache::open(folder.path(), 1000).unwrap();
        let other = Cache::open(folder.path(), 1000).unwrap();
        assert_eq!((names(&live), names(&incoming)), (2, 2));
        drop((cache, other));
        assert_eq!((names(&live), names(&incoming)), (0, 0));
    }
}

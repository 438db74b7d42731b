//! What outlives a server: the last good documents, and what proxies refused, with the documents that they have instead.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use burgee_api::DocumentId;
use burgee_api::check::check;
use burgee_api::document::Source;
use burgee_api::resources::Resources;
use burgee_overlay::{Module, PluginModule};
use burgee_server::holds::{Hold, Holds};
use burgee_server::in_force::InForce;
use burgee_server::resource::Version;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::publish::Publisher;
use crate::Failure;
use crate::plan::{ServeBase, ServePlan};
use crate::plugin_modules::PluginModules;

/// Its version: another one is not read.
const VERSION: u32 = 1;
const HOLDS: &str = "holds.json";
const CURRENT: &str = "documents.json";
/// How the name of a file begins that is not written to its end yet.
const UNFINISHED: &str = ".unfinished-";

/// A folder that outlives the server.
pub(super) struct State {
    folder: PathBuf,
    /// What is there of documents already, by version.
    saved: BTreeSet<String>,
    /// The last of each that was written, so that nothing is written twice.
    last: (String, String),
    _lock: std::fs::File,
}

/// What an earlier server left.
pub(super) struct Restored {
    pub resources: Resources,
    pub texts: Vec<(String, String)>,
    /// Modules of plugins, as far as they are still here.
    pub modules: PluginModules,
    pub holds: Holds,
}

/// Documents and modules that were in force together.
#[derive(Serialize, Deserialize)]
struct Set {
    version: u32,
    texts: Vec<(String, String)>,
    modules: BTreeMap<String, SavedModule>,
}

#[derive(Serialize, Deserialize)]
struct SavedModule {
    path: String,
    sha256: String,
}

#[derive(Serialize, Deserialize)]
struct SavedHolds {
    version: u32,
    holds: Vec<SavedHold>,
}

#[derive(Serialize, Deserialize)]
struct SavedHold {
    proxy: String,
    document: Option<(String, String, String)>,
    refused: String,
    /// The set that it has instead.
    kept: Option<String>,
    error: String,
    since: u64,
}

impl State {
    /// Opens the folder, which no other server may have open.
    pub fn open(plan: &ServePlan) -> Result<State, Failure> {
        let folder = match &plan.state {
            Some(folder) => folder.clone(),
            None => {
                let cache = burgee_machine::cache_directory().ok_or_else(|| {
                    Failure::new(
                        "there is no place for what outlives the server",
                        "name a folder with --state",
                    )
                })?;
                cache.join("serve").join(name_of(plan))
            }
        };
        let failure = |error: std::io::Error| {
            Failure::new(
                format!("--state {} cannot be used: {error}", folder.display()),
                "name a folder that can be written to",
            )
        };
        std::fs::create_dir_all(folder.join("sets")).map_err(failure)?;
        let lock = std::fs::File::create(folder.join("lock")).map_err(failure)?;
        if lock.try_lock().is_err() {
            return Err(Failure::new(
                format!("another server uses {}", folder.display()),
                "end it, or name another folder with --state; several servers may serve the same documents",
            ));
        }
        for folder in [&folder, &folder.join("sets")] {
            remove_unfinished(folder);
        }
        Ok(State { folder, saved: BTreeSet::new(), last: Default::default(), _lock: lock })
    }

    /// What an earlier server left; none: nothing, or nothing that can be read.
    pub fn restore(&mut self, publisher: &Publisher) -> Option<Restored> {
        let Set { texts, modules, .. } = self.read(CURRENT)?;
        let resources = resources(&texts);
        let holds = self.restore_holds(publisher);
        let modules = modules.into_iter().map(|(key, saved)| (key, ready(saved))).filter(is_there).collect();
        Some(Restored { resources, texts, modules, holds })
    }

    fn restore_holds(&self, publisher: &Publisher) -> Holds {
        let mut holds = Holds::default();
        let Some(saved) = self.read::<SavedHolds>(HOLDS) else { return holds };
        let mut sets: BTreeMap<String, Option<InForce>> = BTreeMap::new();
        for hold in saved.holds {
            let Some(refused) = Version::parse(&hold.refused) else { continue };
            let kept = match &hold.kept {
                None => None,
                Some(name) => {
                    let set = sets.entry(name.clone()).or_insert_with(|| self.set(name, publisher)).clone();
                    // What was good is gone, so it is tried again, which says the same as before.
                    let Some(set) = set else { continue };
                    Some(set)
                }
            };
            let document = hold.document.map(|(kind, namespace, name)| DocumentId {
                kind: kind.into(),
                namespace: namespace.into(),
                name: name.into(),
            });
            let since = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(hold.since));
            let since = since.unwrap_or(SystemTime::UNIX_EPOCH);
            holds.add(&hold.proxy, Hold { document, refused, kept, error: hold.error, since });
        }
        holds
    }

    /// Documents and modules that were in force together, if all of them are still here.
    fn set(&self, name: &str, publisher: &Publisher) -> Option<InForce> {
        Version::parse(name)?;
        let set: Set = self.read(&format!("sets/{name}.json"))?;
        let mut modules = PluginModules::new();
        for (key, saved) in set.modules {
            modules.insert(key, ready(saved));
        }
        publisher.restored(resources(&set.texts), modules, set.texts.into())
    }

    /// Keeps what is in force: `good` are the texts that a later server begins with.
    pub fn save(&mut self, in_force: &InForce, good: &[(String, String)]) -> Result<(), String> {
        let version = in_force.version().to_string();
        if self.last.0 == version {
            return Ok(());
        }
        let set = |texts: &[(String, String)]| Set {
            version: VERSION,
            texts: texts.to_vec(),
            modules: in_force.options.plugins.iter().filter_map(saved).collect(),
        };
        self.write(CURRENT, &set(good))?;
        self.last.0 = version;
        Ok(())
    }

    /// Keeps what is held back.
    pub fn save_holds(&mut self, holds: &Holds) -> Result<(), String> {
        let mut saved = Vec::new();
        let mut sets = BTreeSet::new();
        // Thousands of proxies may have the same instead, and what names it takes a while to compute.
        let mut versions: BTreeMap<(usize, usize), String> = BTreeMap::new();
        for (proxy, hold) in holds.all() {
            let kept = hold.kept.as_ref().map(|kept| {
                let key = (Arc::as_ptr(&kept.policies) as usize, Arc::as_ptr(&kept.options) as usize);
                (versions.entry(key).or_insert_with(|| kept.version().to_string()).clone(), kept)
            });
            if let Some((name, kept)) = &kept {
                sets.insert(name.clone());
                if !self.saved.contains(name) {
                    let modules = kept.options.plugins.iter().filter_map(self::saved).collect();
                    let set = Set { version: VERSION, texts: kept.texts.to_vec(), modules };
                    self.write(&format!("sets/{name}.json"), &set)?;
                    self.saved.insert(name.clone());
                }
            }
            saved.push(SavedHold {
                proxy: proxy.to_owned(),
                document: hold
                    .document
                    .as_ref()
                    .map(|id| (id.kind.to_string(), id.namespace.to_string(), id.name.to_string())),
                refused: hold.refused.to_string(),
                kept: kept.map(|(name, _)| name),
                error: hold.error.clone(),
                since: hold.since.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs(),
            });
        }
        let saved = SavedHolds { version: VERSION, holds: saved };
        let text = serde_json::to_string(&saved).map_err(|error| error.to_string())?;
        if self.last.1 == text {
            return Ok(());
        }
        self.write(HOLDS, &saved)?;
        self.last.1 = text;
        self.forget(&sets);
        Ok(())
    }

    /// Removes sets that nothing is held back for.
    fn forget(&mut self, sets: &BTreeSet<String>) {
        let Ok(entries) = std::fs::read_dir(self.folder.join("sets")) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.strip_suffix(".json").is_some_and(|name| !sets.contains(name)) {
                // What stays is removed another time.
                let _ = std::fs::remove_file(entry.path());
            }
        }
        self.saved.retain(|name| sets.contains(name));
    }

    fn read<T: for<'de> Deserialize<'de>>(&self, name: &str) -> Option<T> {
        let path = self.folder.join(name);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
            Err(error) => {
                log::warn!(target: "state", "{} cannot be read and counts for nothing: {error}", path.display());
                return None;
            }
        };
        let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        if value.is_null() {
            log::warn!(target: "state", "{} is no JSON and counts for nothing", path.display());
            return None;
        }
        if value["version"] != VERSION {
            log::warn!(target: "state", "{} is of another version and counts for nothing", path.display());
            return None;
        }
        match serde_json::from_value(value) {
            Ok(read) => Some(read),
            Err(error) => {
                log::warn!(target: "state", "{} cannot be read and counts for nothing: {error}", path.display());
                None
            }
        }
    }

    /// Writes a file, whole or not at all, for nobody else to read.
    fn write(&self, name: &str, value: &impl Serialize) -> Result<(), String> {
        let path = self.folder.join(name);
        let error = |error: std::io::Error| format!("{} cannot be written: {error}", path.display());
        let text = serde_json::to_string(value).map_err(|error| error.to_string())?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder).map_err(error)?;
        std::io::Write::write_all(&mut file, text.as_bytes()).map_err(error)?;
        file.as_file().sync_all().map_err(error)?;
        file.persist(&path).map_err(|failed| error(failed.error))?;
        Ok(())
    }
}

fn ready(saved: SavedModule) -> PluginModule {
    PluginModule::Ready(Module { path: saved.path, sha256: saved.sha256, metrics: Vec::new() })
}

/// Whether a module is still the one that it was.
fn is_there((_, module): &(String, PluginModule)) -> bool {
    let PluginModule::Ready(module) = module else { return false };
    std::fs::read(&module.path).is_ok_and(|content| burgee_modules::digest(&content) == module.sha256)
}

/// Removes files that a server was writing when it was killed.
fn remove_unfinished(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            // What stays is removed another time.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

fn saved((key, module): (&String, &PluginModule)) -> Option<(String, SavedModule)> {
    let PluginModule::Ready(module) = module else { return None };
    Some((key.clone(), SavedModule { path: module.path.clone(), sha256: module.sha256.clone() }))
}

fn resources(texts: &[(String, String)]) -> Resources {
    let sources: Vec<Source> =
        texts.iter().map(|(name, text)| Source::new(name.as_str(), text.clone())).collect();
    check(&sources).usable(None).resources
}

/// A folder's name for a server of these documents and this base.
fn name_of(plan: &ServePlan) -> String {
    let mut hash = Sha256::new();
    for file in &plan.files {
        hash.update(
            std::path::absolute(file).unwrap_or_else(|_| file.clone()).as_os_str().as_encoded_bytes(),
        );
        hash.update([0]);
    }
    match &plan.base {
        ServeBase::Folder(folder) => {
            let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.clone());
            hash.update(folder.as_os_str().as_encoded_bytes());
        }
        ServeBase::Upstream(upstream) => hash.update(format!("xds://{}", upstream.address)),
        ServeBase::Loopback => hash.update("loopback"),
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

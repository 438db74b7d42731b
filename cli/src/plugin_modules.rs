//! Where the modules of plugins are on this machine: built, taken from a file, or missing and why.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burgee_api::origin::Origin;
use burgee_api::problem::Problem;
use burgee_api::resolve::{Limits, judge_by_meshes};
use burgee_api::resources::extension::{FailStrategy, WasmCode};
use burgee_api::resources::{Resources, TrafficExtension};
use burgee_api::{Severity, Traced};
use burgee_filter_config::HeadersConfig;
use burgee_filter_config::declared::{self, DeclaredMetric};
use burgee_modules::{BuiltModule, ModuleError};
use burgee_overlay::{Module, PluginModule};
use burgee_supply::SupplyError;

use crate::args::SourceArgs;
use crate::codes::{BAD_METRICS, BAD_PLUGIN_CONFIG, NO_LOCAL_MODULE, NOT_HAD, OTHER_DIGEST};
use crate::progress::Steps;
use crate::{admitting, fetching};

/// The scheme of a module that is a file.
const FILE_SCHEME: &str = "file://";

/// What to do about an annotation that leads to no module.
const NAME_A_MODULE: &str = "name the folder of a crate, or a .wasm file, from the folder of this document";

/// The modules of plugins, by `NAMESPACE/NAME`.
pub(crate) type PluginModules = BTreeMap<String, PluginModule>;

/// The module of every plugin that has one, and what is wrong with them. What cannot be had, or must not be published, is
/// missing, with the reason: nothing here ends a run.
pub(crate) fn resolve(
    resources: &Resources,
    sources: &SourceArgs,
    steps: &Steps,
) -> (PluginModules, Vec<Problem>) {
    resolve_in(burgee_machine::cache_directory().as_deref(), resources, sources, steps)
}

/// Like [`resolve`], with modules kept in this directory.
fn resolve_in(
    cache: Option<&Path>,
    resources: &Resources,
    sources: &SourceArgs,
    steps: &Steps,
) -> (PluginModules, Vec<Problem>) {
    Desk { cache, resources, sources, steps, elsewhere: None }.resolve()
}

/// Like [`resolve`], for a proxy that need not be on this machine. It finds a module at the path that is given by
/// [`TrafficExtension::key`], else at that of the plugin's `file://` URL, else where the module is here.
///
/// A module that is at such a path and not here is not among the result: all that is known of it is in the document,
/// whose URL is that path then.
pub(crate) fn resolve_for(
    resources: &mut Resources,
    paths: &BTreeMap<String, String>,
    sources: &SourceArgs,
    steps: &Steps,
) -> (PluginModules, Vec<Problem>) {
    let cache = burgee_machine::cache_directory();
    let elsewhere = Some(paths);
    let (mut modules, problems) =
        Desk { cache: cache.as_deref(), resources, sources, steps, elsewhere }.resolve();
    for plugin in &mut resources.extensions {
        let key = plugin.key();
        let is_local = plugin.local_module.is_some();
        let Some(wasm) = plugin.wasm_mut() else { continue };
        let path = match paths.get(&key) {
            Some(path) => path.clone(),
            // An annotation takes the place of a URL.
            None if is_local => continue,
            None => match wasm.url.value.strip_prefix(FILE_SCHEME) {
                Some(path) => path.to_owned(),
                None => continue,
            },
        };
        if let Some(PluginModule::Ready(module)) = modules.get_mut(&key) {
            module.path.clone_from(&path);
        }
        if paths.contains_key(&key) {
            wasm.url.value = format!("{FILE_SCHEME}{path}");
            if modules.contains_key(&key) {
                // The file says its digest itself; that of the URL which it stands for may be an image's.
                wasm.sha256 = None;
            }
        }
    }
    (modules, problems)
}

/// Every file and folder that the modules of plugins are made of.
pub(crate) fn watched(resources: &Resources) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    let mut crates = Vec::new();
    for plugin in &resources.extensions {
        match Whereabouts::of(plugin) {
            Whereabouts::Annotated(path, _) if path.is_dir() => crates.push(path),
            Whereabouts::Annotated(path, _) | Whereabouts::File(path) => paths.push(path),
            Whereabouts::Elsewhere | Whereabouts::Nowhere => {}
        }
    }
    paths.extend(burgee_modules::sources(&crates));
    paths.sort();
    paths.dedup();
    paths
}

/// Where a plugin's module is.
pub(crate) enum Whereabouts<'a> {
    /// Where the annotation says: a crate's folder, or a file.
    Annotated(PathBuf, &'a Traced<String>),
    /// In the file that the URL names.
    File(PathBuf),
    /// Where its URL says.
    Elsewhere,
    /// It has none.
    Nowhere,
}

impl Whereabouts<'_> {
    /// Where a plugin's document says that it is.
    pub(crate) fn of(plugin: &TrafficExtension) -> Whereabouts<'_> {
        let Some(wasm) = plugin.wasm() else { return Whereabouts::Nowhere };
        if let Some(annotation) = &plugin.local_module {
            return Whereabouts::Annotated(folder_of(&annotation.origin).join(&annotation.value), annotation);
        }
        let url = &wasm.url.value;
        match url.strip_prefix(FILE_SCHEME) {
            Some(path) => Whereabouts::File(path.into()),
            None => Whereabouts::Elsewhere,
        }
    }
}

/// The folder of the document that a value stands in. A text without a file belongs to the current folder.
fn folder_of(origin: &Origin) -> PathBuf {
    match origin {
        Origin::Document { place, .. } => {
            Path::new(&*place.file).parent().unwrap_or(Path::new("")).to_owned()
        }
        Origin::Rule(_) => PathBuf::new(),
    }
}

/// What modules are looked for with.
struct Desk<'a> {
    cache: Option<&'a Path>,
    resources: &'a Resources,
    sources: &'a SourceArgs,
    steps: &'a Steps,
    /// For proxies that need not be on this machine: where they find modules, as the user says. A file that is not here may
    /// be there.
    elsewhere: Option<&'a BTreeMap<String, String>>,
}

/// A module that was looked for.
enum Sought {
    Here(BuiltModule),
    /// On the proxy's machine, where nobody looks.
    There,
    /// Nowhere; the last problem says why.
    Nowhere,
}

impl Sought {
    fn of(found: Result<BuiltModule, Box<Problem>>, problems: &mut Vec<Problem>) -> Sought {
        match found {
            Ok(built) => Sought::Here(built),
            Err(problem) => {
                problems.push(*problem);
                Sought::Nowhere
            }
        }
    }
}

impl Desk<'_> {
    /// The module of every plugin that has one and that is here, and what is wrong.
    fn resolve(&self) -> (PluginModules, Vec<Problem>) {
        let mut modules = BTreeMap::new();
        let mut problems = Vec::new();
        if self.resources.extensions.is_empty() {
            return (modules, problems);
        }
        for plugin in &self.resources.extensions {
            let Some(wasm) = plugin.wasm() else { continue };
            let (refusal, bounds) = judge_by_meshes(self.resources, plugin);
            let module = match refusal {
                // `check` says so.
                Some(refusal) => PluginModule::Missing(refusal.why),
                None => match (self.module(plugin, wasm, &bounds, &mut problems), bad_config(plugin)) {
                    // A proxy would refuse it, and a gateway that cannot start helps nobody.
                    (Sought::Here(_), Some(problem)) => {
                        let why = format!("its filter refuses {}: {}", problem.path, problem.message);
                        problems.push(problem);
                        PluginModule::Missing(why)
                    }
                    (Sought::Here(built), None) => match admitting::admit(&built, plugin, wasm, self.steps) {
                        Ok(()) => ready(built, wasm, &mut problems),
                        Err(problem) => {
                            let why = problem.message.clone();
                            problems.push(*problem);
                            PluginModule::Missing(why)
                        }
                    },
                    (Sought::There, _) => continue,
                    (Sought::Nowhere, _) => self.missing(&problems),
                },
            };
            modules.insert(plugin.key(), module);
        }
        (modules, problems)
    }

    /// The module of a plugin.
    fn module(
        &self,
        plugin: &TrafficExtension,
        wasm: &WasmCode,
        bounds: &Limits,
        problems: &mut Vec<Problem>,
    ) -> Sought {
        let given = self.elsewhere.and_then(|paths| paths.get(&plugin.key())).map(Path::new);
        if let Some(path) = given.filter(|path| path.exists()) {
            // The user says which it is.
            let found = self.at_hand(path).map_err(|error| {
                let problem = Problem::new(Severity::Error, NO_LOCAL_MODULE, error.to_string());
                Box::new(at(problem, &wasm.url.origin).help(NAME_A_MODULE))
            });
            return Sought::of(found, problems);
        }
        let found = match Whereabouts::of(plugin) {
            // One that is given and not here may be known by its annotation, and by nothing else.
            Whereabouts::File(_) | Whereabouts::Elsewhere if given.is_some() => return Sought::There,
            Whereabouts::File(path) if self.elsewhere.is_some() && !path.exists() => return Sought::There,
            // What is built here is not what was published, so the document's digest and keys say nothing about it.
            Whereabouts::Annotated(path, annotation) => {
                self.at_hand(&path).map_err(|error| Box::new(no_local_module(&error, annotation)))
            }
            Whereabouts::File(_) | Whereabouts::Elsewhere => self.fetched(plugin, wasm, bounds),
            Whereabouts::Nowhere => return Sought::Nowhere,
        };
        Sought::of(found, problems)
    }

    /// That there is no module, by what was said last.
    fn missing(&self, problems: &[Problem]) -> PluginModule {
        let why = problems.last().map_or("it has no module", |problem| problem.message.as_str());
        let line = why.lines().next().unwrap_or_default().trim_end_matches(':');
        // What the compiler says, and how to ask it again, is told in the problem.
        let short = line.split_once(" does not build; ").map(|(what, _)| format!("{what} does not build"));
        PluginModule::Missing(short.unwrap_or_else(|| line.to_owned()))
    }

    /// The module of a crate's folder or of a file.
    fn at_hand(&self, path: &Path) -> Result<BuiltModule, ModuleError> {
        let cache = self.cache.ok_or(ModuleError::NoCache)?;
        if path.is_dir() {
            burgee_modules::build_crate_in(cache, path, self.steps)
        } else {
            burgee_modules::keep_file_in(cache, path)
        }
    }

    /// The module at a URL.
    fn fetched(
        &self,
        plugin: &TrafficExtension,
        wasm: &WasmCode,
        bounds: &Limits,
    ) -> Result<BuiltModule, Box<Problem>> {
        let severity = severity(wasm);
        let Some(cache) = self.cache else {
            let problem = Problem::new(severity, NOT_HAD, ModuleError::NoCache.to_string());
            return Err(Box::new(at(problem, &wasm.url.origin)));
        };
        let found = fetching::fetch(cache, self.sources, self.resources, (plugin, wasm), bounds, self.steps);
        let error = match found {
            Ok(found) => {
                return Ok(BuiltModule { path: found.path, sha256: found.sha256, bytes: found.bytes });
            }
            Err(error) => error,
        };
        let (code, origin) = match &error {
            SupplyError::Digest { .. } => {
                (OTHER_DIGEST, wasm.sha256.as_ref().map_or(&wasm.url.origin, |d| &d.origin))
            }
            _ => (NOT_HAD, &wasm.url.origin),
        };
        Err(Box::new(at(Problem::new(severity, code, error.to_string()), origin).help(what_to_do(&error))))
    }
}

/// How much it matters that a plugin has no module.
pub(crate) fn severity(wasm: &WasmCode) -> Severity {
    match wasm.fail_strategy.value {
        // Left out is what its document asks for then.
        FailStrategy::Open => Severity::Warning,
        FailStrategy::Close | FailStrategy::Reload => Severity::Error,
    }
}

/// What to do about a module that cannot be had.
fn what_to_do(error: &SupplyError) -> &'static str {
    match error {
        SupplyError::Digest { .. } => {
            "take the module that was published under this digest, or write the digest of this one"
        }
        SupplyError::Refused { .. } => {
            "for a registry on this machine: --module-host HOST:PORT, or a rule of the ConfigMap burgee-modules that names it"
        }
        SupplyError::Unauthorized { .. } => {
            "name a Secret of the plugin's namespace in imagePullSecret, and give the Secret with the other documents"
        }
        SupplyError::NotFound { .. } => "push it (`burgee module push`), or mend the url",
        SupplyError::Unavailable { .. } | SupplyError::Late { .. } => {
            "it is asked for again by itself while a mesh runs; a registry in plain HTTP is named by --plain-http HOST:PORT, a \
             certificate of your own by --registry-ca FILE"
        }
        SupplyError::Signature { .. } => {
            "sign it with the key (`cosign sign --key`), or name the key that signed it"
        }
        SupplyError::Io { .. } => "name a file that is there, or a URL of another kind",
        _ => "`burgee module inspect URL` says what is there",
    }
}

fn ready(built: BuiltModule, wasm: &WasmCode, problems: &mut Vec<Problem>) -> PluginModule {
    let (metrics, faults) = declared(&built.bytes);
    problems.extend(faults.into_iter().map(|fault| {
        let message = format!("what the module declares of its metrics cannot be used: {fault}");
        at(Problem::new(Severity::Warning, BAD_METRICS, message), &wasm.url.origin).help(
            "build the module with burgee-kit, which writes the section; bounds of buckets begin above 0",
        )
    }));
    let path = built.path.to_string_lossy().into_owned();
    PluginModule::Ready(Module { path, sha256: built.sha256, metrics })
}

/// The metrics that a module declares, and what is wrong with those that are left out.
fn declared(module: &[u8]) -> (Vec<DeclaredMetric>, Vec<String>) {
    let metrics = match burgee_modules::custom_section(module, declared::SECTION) {
        Ok(None) => Ok(Vec::new()),
        Ok(Some(section)) => declared::from_section(&section).map_err(|error| error.to_string()),
        Err(error) => Err(error),
    };
    let metrics = match metrics {
        Ok(metrics) => metrics,
        Err(error) => return (Vec::new(), vec![error]),
    };
    let faults: Vec<_> = metrics.iter().filter_map(DeclaredMetric::fault).collect();
    (metrics.into_iter().filter(|metric| metric.fault().is_none()).collect(), faults)
}

fn no_local_module(error: &ModuleError, annotation: &Traced<String>) -> Problem {
    let help = match error {
        ModuleError::BuildFailed { .. } => "mend the crate; the module is built again then",
        ModuleError::NoCrate { .. } | ModuleError::NoFile { .. } | ModuleError::NotAModule { .. } => {
            NAME_A_MODULE
        }
        _ => "",
    };
    at(Problem::new(Severity::Error, NO_LOCAL_MODULE, error.to_string()), &annotation.origin).help(help)
}

/// That what the annotation names is not on this machine, so that nothing is known of the plugin's configuration.
pub(crate) fn not_there(plugin: &TrafficExtension) -> Option<Problem> {
    let Whereabouts::Annotated(path, annotation) = Whereabouts::of(plugin) else { return None };
    if path.exists() {
        return None;
    }
    let message = format!("{} is not there, so the plugin's configuration is not checked", path.display());
    let problem = Problem::new(Severity::Warning, NO_LOCAL_MODULE, message);
    Some(at(problem, &annotation.origin).help(NAME_A_MODULE))
}

/// The same of every plugin: for a run that ends before it looks for modules, so that all that is wrong is told at once.
pub(crate) fn all_not_there(resources: &Resources) -> impl Iterator<Item = Problem> {
    resources.extensions.iter().filter_map(not_there)
}

/// What our own filter would refuse of its configuration, found before a proxy is asked.
pub(crate) fn bad_config(plugin: &TrafficExtension) -> Option<Problem> {
    let wasm = plugin.wasm()?;
    let config = wasm.plugin_config.as_ref()?;
    let Whereabouts::Annotated(path, _) = Whereabouts::of(plugin) else { return None };
    let ours = burgee_modules::filter_folder("headers").ok()?;
    if path.canonicalize().ok()? != ours {
        return None;
    }
    let text = serde_json::to_vec(&config.value).ok()?;
    let error = HeadersConfig::from_json(&text).err()?;
    let help = "the filter `headers` takes {\"request\": {\"set\": {NAME: VALUE}, \"remove\": [NAME]}, \"response\": {…}}; names and \
                values are texts, so put numbers in quotes";
    let mut problem =
        at(Problem::new(Severity::Error, BAD_PLUGIN_CONFIG, error.message()), &config.origin).help(help);
    if !error.path().is_empty() {
        problem.path = format!("{}.{}", problem.path, error.path());
    }
    // An unknown key is named in the words, a wrong value in the path.
    let keys = &wasm.plugin_config_keys;
    let unknown = error.message().strip_prefix("unknown field `").and_then(|rest| rest.split_once('`'));
    let below = if error.path().is_empty() { String::new() } else { format!("{}.", error.path()) };
    let unknown = unknown.and_then(|(key, _)| keys.get(&format!("{below}{key}")));
    if let Some(place) = unknown.or_else(|| keys.get(error.path())) {
        problem.place = Some(place.key.clone());
    }
    Some(problem)
}

pub(crate) fn at(problem: Problem, origin: &Origin) -> Problem {
    match origin {
        Origin::Document { path, place, .. } => problem.at(place.clone(), &**path),
        Origin::Rule(_) => problem,
    }
}

#[cfg(test)]
mod tests;

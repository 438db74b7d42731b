//! From documents that can be used to what is put in force: policies, and the modules that they name.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use burgee_api::resolve::workloads_by_address;
use burgee_api::resources::{ModuleRules, PullSecret, Resources, TrafficExtension};
use burgee_api::{Problem, Severity};
use burgee_filter_config::LocalWorkload;
use burgee_overlay::{Delivery, Identity, InlineModule, Module, Options, PluginModule};
use burgee_server::in_force::InForce;

use crate::args::{MetricsChoice, ModuleWay, SourceArgs};
use crate::codes::NOT_READ;
use crate::following::last_good::LastGood;
use crate::plan::ServePlan;
use crate::plugin_modules::{self, PluginModules};
use crate::progress::Steps;
use crate::{Failure, environment};

/// What makes of documents what is in force.
pub(super) struct Publisher {
    metrics: MetricsChoice,
    sources: SourceArgs,
    way: ModuleWay,
    telemetry: Module,
    /// The bytes of modules by digest, as far as something in force has them.
    bytes: BTreeMap<String, InlineModule>,
    /// What was looked for last, and what came of it.
    asked: Option<Asked>,
    last_good: LastGood,
    /// Who is at which address, where whoever runs the proxies knows it better than the documents do.
    index: Option<BTreeMap<String, LocalWorkload>>,
}

/// Modules that were looked for.
struct Asked {
    /// What decides about all of them: rules, credentials, and which namespaces are for the whole mesh.
    beside: Beside,
    plugins: Vec<TrafficExtension>,
    modules: PluginModules,
    wrong: BTreeMap<String, Vec<Problem>>,
}

/// What decides about all plugins.
#[derive(PartialEq)]
struct Beside {
    rules: Vec<ModuleRules>,
    secrets: Vec<PullSecret>,
    roots: Vec<String>,
}

/// What is to be put in force.
pub(super) struct Published {
    pub in_force: InForce,
    /// What is wrong with modules.
    pub wrong: Vec<Problem>,
    /// Plugins that go on as they were.
    pub kept: Vec<Problem>,
}

impl Publisher {
    pub fn new(plan: &ServePlan) -> Result<Publisher, Failure> {
        let telemetry = crate::commands::telemetry_module(plan.module.as_deref(), &Steps::new())?;
        Ok(Publisher {
            metrics: plan.metrics,
            sources: plan.sources.clone(),
            way: plan.modules,
            telemetry,
            bytes: BTreeMap::new(),
            asked: None,
            last_good: LastGood::default(),
            index: None,
        })
    }

    /// The telemetry module.
    pub fn telemetry(&self) -> &Module {
        &self.telemetry
    }

    /// Says who is at which address, whatever the documents say.
    pub fn know(&mut self, index: BTreeMap<String, LocalWorkload>) {
        self.index = Some(index);
    }

    /// What an earlier server had in force: of a plugin whose module cannot be had it goes on.
    pub fn remember(&mut self, resources: &Resources, modules: &PluginModules) {
        self.last_good = LastGood::of(&resources.extensions, modules);
    }

    /// Looks for modules and puts everything together, without texts: which those are depends on what comes of it.
    /// `is_of_module`: some module may be another without its document saying so.
    pub fn publish(&mut self, mut resources: Resources, is_of_module: bool) -> Published {
        let (mut modules, mut wrong) = self.modules(&resources, is_of_module);
        let kept = self.last_good.keep(&mut resources.extensions, &mut modules);
        wrong.extend(self.load(&mut modules));
        self.last_good = LastGood::of(&resources.extensions, &modules);
        Published { in_force: self.in_force(resources, modules, Arc::new([])), wrong, kept }
    }

    /// What is in force by documents and modules that are at hand.
    pub fn in_force(
        &self,
        resources: Resources,
        modules: PluginModules,
        texts: Arc<[(String, String)]>,
    ) -> InForce {
        let options = Options {
            index: self.index.clone().unwrap_or_else(|| workloads_by_address(&resources)),
            inline_modules: self.bytes.clone(),
            plugins: modules,
            ..Options::new(self.telemetry.clone(), Delivery::Aggregated, Identity::Node)
        };
        let policies = environment::policies(resources, self.metrics);
        InForce { policies: Arc::new(policies), options: Arc::new(options), texts }
    }

    /// The module of every plugin. Only those are looked for whose documents are others than before.
    fn modules(&mut self, resources: &Resources, is_of_module: bool) -> (PluginModules, Vec<Problem>) {
        let beside = Beside {
            rules: resources.module_rules.clone(),
            secrets: resources.pull_secrets.clone(),
            roots: resources.meshes().map(|mesh| mesh.root_namespace.value.clone()).collect(),
        };
        let is_same = |asked: &&Asked| !is_of_module && asked.beside == beside;
        let before = self.asked.take();
        let before = before.as_ref().filter(is_same);
        let known = |plugin: &TrafficExtension| {
            before.is_some_and(|before| before.plugins.iter().any(|other| other == plugin))
        };
        let new: Vec<TrafficExtension> =
            resources.extensions.iter().filter(|plugin| !known(plugin)).cloned().collect();
        let (mut modules, mut wrong) = (PluginModules::new(), BTreeMap::new());
        let others = Resources { telemetries: Vec::new(), extensions: Vec::new(), ..resources.clone() };
        // One by one, so that it is known what is wrong with which.
        for plugin in new {
            let key = plugin.key();
            let alone = Resources { extensions: vec![plugin], ..others.clone() };
            let (found, told) = plugin_modules::resolve(&alone, &self.sources, &Steps::new());
            modules.extend(found);
            wrong.insert(key, told);
        }
        for plugin in resources.extensions.iter().filter(|plugin| known(plugin)) {
            let key = plugin.key();
            let Some(before) = before else { continue };
            modules.extend(before.modules.get(&key).map(|module| (key.clone(), module.clone())));
            wrong.extend(before.wrong.get(&key).map(|told| (key.clone(), told.clone())));
        }
        let all = wrong.values().flatten().cloned().collect();
        let plugins = resources.extensions.clone();
        self.asked = Some(Asked { beside, plugins, modules: modules.clone(), wrong });
        (modules, all)
    }

    /// Reads the bytes of modules that go along with configurations, and forgets those that nothing has any more.
    fn load(&mut self, modules: &mut PluginModules) -> Vec<Problem> {
        if self.way == ModuleWay::Path {
            return Vec::new();
        }
        let mut bytes = BTreeMap::new();
        let mut problems = Vec::new();
        let mut read = |module: &Module, known: &BTreeMap<String, InlineModule>| -> Result<(), String> {
            if let Some(known) = known.get(&module.sha256) {
                bytes.insert(module.sha256.clone(), known.clone());
                return Ok(());
            }
            let path = PathBuf::from(&module.path);
            let content = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            bytes.insert(module.sha256.clone(), InlineModule::new(&content));
            Ok(())
        };
        if let Err(why) = read(&self.telemetry, &self.bytes) {
            problems.push(Problem::new(Severity::Error, NOT_READ, format!("the telemetry module: {why}")));
        }
        for module in modules.values_mut() {
            let PluginModule::Ready(there) = module else { continue };
            if let Err(why) = read(there, &self.bytes) {
                problems.push(Problem::new(Severity::Error, NOT_READ, why.clone()));
                *module = PluginModule::Missing(why);
            }
        }
        self.bytes = bytes;
        problems
    }

    /// What an earlier server had in force, if all of its modules are still here.
    pub fn restored(
        &self,
        resources: Resources,
        modules: PluginModules,
        texts: Arc<[(String, String)]>,
    ) -> Option<InForce> {
        let mut bytes = self.bytes.clone();
        for module in modules.values() {
            let PluginModule::Ready(module) = module else { continue };
            let content = std::fs::read(&module.path).ok()?;
            if burgee_modules::digest(&content) != module.sha256 {
                return None;
            }
            if self.way == ModuleWay::Inline {
                bytes.insert(module.sha256.clone(), InlineModule::new(&content));
            }
        }
        let mut in_force = self.in_force(resources, modules, texts);
        let options = Options { inline_modules: bytes, ..(*in_force.options).clone() };
        in_force.options = Arc::new(options);
        Some(in_force)
    }
}

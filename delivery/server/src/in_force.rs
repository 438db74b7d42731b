//! What is in force: policies, the modules that they name, and for one proxy the versions of documents that it can take.

use std::sync::Arc;

use burgee_api::DocumentId;
use burgee_api::resolve::{ListenerClass, PolicyDocument, PolicySet, Workload, WorkloadKind};
use burgee_overlay::{Delivery, Identity, Options, PluginModule};

use crate::resource::{Snapshot, Version, types};

/// Policies and modules that go together.
#[derive(Clone, Debug)]
pub struct InForce {
    /// The policies.
    pub policies: Arc<PolicySet>,
    /// How they are laid: modules among it, whose bytes go along where proxies share no disk.
    pub options: Arc<Options>,
    /// The documents' texts, by name: what a later server reads to have the same policies.
    pub texts: Arc<[(String, String)]>,
}

impl InForce {
    /// Nothing at all.
    pub fn nothing() -> InForce {
        let module =
            burgee_overlay::Module { path: String::new(), sha256: String::new(), metrics: Vec::new() };
        InForce {
            policies: Arc::new(PolicySet::new(burgee_api::resources::Resources::default())),
            options: Arc::new(Options::new(module, Delivery::Aggregated, Identity::Node)),
            texts: Arc::new([]),
        }
    }

    /// What identifies all of it.
    pub fn version(&self) -> Version {
        let mut parts = vec![self.policies.hash().to_owned(), self.options.module.sha256.clone()];
        let modules = self.options.plugins.iter();
        parts.extend(modules.map(|(key, module)| format!("{key}={}", module_text(module))));
        Version::of_parts(parts.iter().map(String::as_bytes))
    }

    /// What identifies one document with its module; none: it is not there.
    pub fn version_of(&self, id: &DocumentId) -> Option<Version> {
        let (document, digest) = self.policies.document(id)?;
        let module = match document {
            PolicyDocument::Telemetry(_) => None,
            PolicyDocument::Extension(plugin) => self.options.plugins.get(&plugin.key()),
        };
        let module = module.map(module_text).unwrap_or_default();
        Some(Version::of_parts([digest.as_slice(), module.as_bytes()]))
    }

    /// The options for a proxy of a base. All listeners of a gateway are a gateway's, whichever way their traffic goes.
    pub fn options_for(&self, workload: &Workload, base: &Snapshot) -> Arc<Options> {
        let is_gateway = workload.kind == WorkloadKind::Gateway;
        if !is_gateway && base.known.is_none() {
            return self.options.clone();
        }
        let mut options = (*self.options).clone();
        if is_gateway {
            let names = base.of(types::LISTENER).into_iter().flat_map(|listeners| listeners.keys());
            options.classes = names.map(|name| (name.to_string(), ListenerClass::Gateway)).collect();
        }
        if let Some(known) = &base.known {
            options.ports.clone_from(&known.ports);
            options.log_files.clone_from(&known.log_files);
            options.reporter.clone_from(&known.reporter);
        }
        Arc::new(options)
    }
}

fn module_text(module: &PluginModule) -> String {
    match module {
        PluginModule::Ready(module) => module.sha256.clone(),
        PluginModule::Missing(why) => format!("missing: {why}"),
    }
}

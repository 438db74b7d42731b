//! What runs where: each proxy, each document, and how far a change has come. What `burgee status` reads.

use std::collections::BTreeMap;
use std::sync::Arc;

use burgee_api::DocumentId;
use burgee_overlay::{PluginModule, plugin_extension_name};
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::fleet::{Fleet, Proxy, ProxyStatus, seconds};
use crate::holds::Hold;
use crate::in_force::InForce;
use crate::resource::types;

/// Everything that a server knows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// How many changes there were.
    pub change: u64,
    /// What identifies the policies and modules in force. Servers that agree have the same.
    pub in_force: String,
    /// Proxies that are connected.
    pub connected: usize,
    /// Those of them that do not have what they should have.
    pub behind: usize,
    /// What the last change did; absent: there was none.
    pub last_change: Option<ChangeReport>,
    /// Each proxy, by node id.
    pub proxies: Vec<ProxyReport>,
    /// Each document in force, by name.
    pub documents: Vec<DocumentReport>,
    /// What is wrong with documents and bases.
    pub problems: Vec<ProblemReport>,
}

/// A change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChangeReport {
    /// Its number.
    pub change: u64,
    /// For how many proxies it was looked whether they get something else.
    pub concerned: usize,
    /// How many got something else.
    pub changed: usize,
    /// For how many of them listeners are others, which drain: their TCP connections that are open when the drain time is
    /// over are closed. What else there is took effect in place.
    pub drained: usize,
    /// How long it took until the last of them had it, in milliseconds; absent: it is under way, or came to nothing.
    pub took_ms: Option<u64>,
}

/// A proxy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProxyReport {
    /// The id of its node.
    pub node: String,
    /// `NAMESPACE/NAME` of its workload.
    pub workload: String,
    /// `sidecar` or `gateway`.
    pub kind: String,
    /// The class of its base; empty where bases have none.
    pub class: String,
    /// The version of its Envoy; empty: not known.
    pub envoy: String,
    /// How it asks.
    pub flavour: String,
    /// Since when it is connected, in seconds since 1970.
    pub connected_since: f64,
    /// Whether it has all that it should have.
    pub in_sync: bool,
    /// The last change of which it had everything; absent: none.
    pub acknowledged_change: Option<u64>,
    /// When it had that, in seconds since 1970.
    pub acknowledged_at: Option<f64>,
    /// The plugins that it should run.
    pub plugins: Vec<PluginReport>,
    /// What it refused last.
    pub refused: Vec<RefusalReport>,
    /// What is held back from it.
    pub held: Vec<HoldReport>,
}

/// A plugin in a proxy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PluginReport {
    /// Its name, as its document has it, `NAMESPACE/NAME`.
    pub name: String,
    /// Its module's SHA-256; absent: it has none, or it cannot be had.
    pub digest: Option<String>,
    /// Why its module cannot be had.
    pub missing: Option<String>,
    /// The version of its configuration that the proxy should have.
    pub generation: Option<String>,
    /// What became of its VM, by the proxy's own counters; absent: it has not told.
    pub vm: Option<VmReport>,
}

/// What became of a plugin's VM.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VmReport {
    /// How often one trapped.
    pub traps: u64,
    /// How often one was started anew after that.
    pub reloads: u64,
    /// How many configurations were taken.
    pub config_reloads: u64,
    /// How many were refused.
    pub config_failures: u64,
}

/// A refusal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RefusalReport {
    /// When, in seconds since 1970.
    pub at: f64,
    /// The type of what was refused.
    pub type_url: String,
    /// Its names.
    pub names: Vec<String>,
    /// Why, in Envoy's words.
    pub error: String,
}

/// Something that is held back from a proxy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HoldReport {
    /// The document; absent: everything.
    pub document: Option<String>,
    /// Why, in Envoy's words.
    pub error: String,
    /// Whether an older version of it is in its place; otherwise what stands for none is.
    pub has_older: bool,
    /// Since when, in seconds since 1970.
    pub since: f64,
}

/// A document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DocumentReport {
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub place: String,
    /// Proxies that it is for and that are connected.
    pub concerned: usize,
    /// Those of them that have it.
    pub loaded: usize,
    /// Those from which it is held back, with what they said.
    pub refused: Vec<DocumentRefusal>,
}

/// A proxy that could not take a document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DocumentRefusal {
    /// The id of its node.
    pub node: String,
    /// Why, in Envoy's words.
    pub error: String,
}

/// Something wrong with a document or a base.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProblemReport {
    /// `error`, `warning` or `note`.
    pub severity: String,
    /// Its code.
    pub code: String,
    /// Where; empty: nowhere in particular.
    pub place: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// What a report is to have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The workload, `NAMESPACE/NAME`; absent: all of them.
    pub workload: Option<String>,
    /// The document, `[KIND/]NAMESPACE/NAME`; absent: all of them.
    pub document: Option<String>,
    /// Whether proxies are wanted one by one.
    pub proxies: bool,
}

/// What a server knows.
pub fn report(fleet: &Fleet, wanted: &Wanted) -> Report {
    let (in_force, change) = fleet.in_force();
    let proxies = fleet.proxies();
    let holds = fleet.holds();
    let mut report = Report {
        change,
        in_force: in_force.version().to_string(),
        connected: proxies.len(),
        behind: proxies.iter().filter(|proxy| !proxy.is_in_sync()).count(),
        problems: fleet.problems(),
        last_change: fleet.last_change().map(|(change, took)| ChangeReport {
            change: change.number,
            concerned: change.concerned,
            changed: change.changed,
            drained: change.drained,
            took_ms: took.and_then(|took| u64::try_from(took.as_millis()).ok()),
        }),
        ..Report::default()
    };
    let mut documents: BTreeMap<DocumentId, DocumentReport> = BTreeMap::new();
    for document in in_force.policies.documents() {
        let meta = document.meta();
        if !wanted.document.as_ref().is_none_or(|name| is_called(&meta.id, name)) {
            continue;
        }
        documents.insert(meta.id.clone(), document_report(&meta.id, meta.place.to_string()));
    }
    for proxy in &proxies {
        let held = holds.of(&proxy.node_id);
        let is_of_workload =
            wanted.workload.as_ref().is_none_or(|workload| *workload == proxy.workload.to_string());
        let mut is_of_document = wanted.document.is_none();
        if !is_of_workload {
            continue;
        }
        for document in in_force.policies.documents_of(&proxy.workload) {
            let id = &document.meta().id;
            let Some(of_document) = documents.get_mut(id) else { continue };
            is_of_document = true;
            of_document.concerned += 1;
            match held.iter().find(|hold| hold.document.as_ref().is_none_or(|held| held == id)) {
                Some(hold) => of_document
                    .refused
                    .push(DocumentRefusal { node: proxy.node_id.to_string(), error: hold.error.clone() }),
                None => of_document.loaded += usize::from(has(proxy, &in_force, id)),
            }
        }
        if wanted.proxies && is_of_document {
            report.proxies.push(proxy_report(proxy, held));
        }
    }
    report.proxies.sort_by(|a, b| a.node.cmp(&b.node));
    report.documents = documents.into_values().collect();
    report
}

/// Whether a proxy has the version of a document that is in force.
fn has(proxy: &Proxy, in_force: &InForce, id: &DocumentId) -> bool {
    let status = proxy.status();
    let good = status.good.as_ref();
    good.is_some_and(|good| {
        Arc::ptr_eq(&good.policies, &in_force.policies) || good.version_of(id) == in_force.version_of(id)
    })
}

/// Whether a document has this name: `NAMESPACE/NAME`, or `KIND/NAMESPACE/NAME`.
fn is_called(id: &DocumentId, name: &str) -> bool {
    let short = format!("{}/{}", id.namespace, id.name);
    short == name || format!("{}/{short}", id.kind) == name
}

fn document_report(id: &DocumentId, place: String) -> DocumentReport {
    DocumentReport {
        kind: id.kind.to_string(),
        namespace: id.namespace.to_string(),
        name: id.name.to_string(),
        place,
        ..DocumentReport::default()
    }
}

fn proxy_report(proxy: &Proxy, held: &[Hold]) -> ProxyReport {
    let status = proxy.status();
    let plugins = status.wanted.as_ref().map_or_else(Vec::new, |wanted| plugins(proxy, wanted, &status));
    ProxyReport { plugins, ..of(proxy, &status, held) }
}

/// The plugins that a proxy should run.
fn plugins(proxy: &Proxy, wanted: &InForce, status: &ProxyStatus) -> Vec<PluginReport> {
    let given = proxy.given();
    let effective = wanted.policies.resolve(&proxy.workload);
    let mut plugins = BTreeMap::new();
    for plugin in effective.classes.values().flat_map(|class| &class.plugins) {
        let name = plugin_extension_name(plugin);
        let generation = given.snapshot.get(types::EXTENSION, &name).map(|it| it.version.to_string());
        let (digest, missing) = match wanted.options.plugins.get(&plugin.id()) {
            Some(PluginModule::Ready(module)) => (Some(module.sha256.clone()), None),
            Some(PluginModule::Missing(why)) => (None, Some(why.clone())),
            None => (None, None),
        };
        let vm = status.plugins.get(name.as_str()).map(|state| VmReport {
            traps: state.traps,
            reloads: state.reloads,
            config_reloads: state.config_reloads,
            config_failures: state.config_failures,
        });
        let id = plugin.id();
        plugins.insert(id.clone(), PluginReport { name: id, digest, missing, generation, vm });
    }
    plugins.into_values().collect()
}

fn of(proxy: &Proxy, status: &ProxyStatus, held: &[Hold]) -> ProxyReport {
    let clock = Clock::now();
    ProxyReport {
        node: proxy.node_id.to_string(),
        workload: proxy.workload.to_string(),
        kind: proxy.workload.kind.name().to_owned(),
        class: proxy.class.to_string(),
        envoy: proxy.envoy.as_deref().unwrap_or_default().to_owned(),
        flavour: proxy.flavour.name().to_owned(),
        connected_since: seconds(clock.time(proxy.since)),
        in_sync: status.is_in_sync,
        acknowledged_change: status.has.map(|(change, _)| change),
        acknowledged_at: status.has.map(|(_, at)| seconds(clock.time(at))),
        plugins: Vec::new(),
        refused: status
            .refused
            .iter()
            .map(|refused| RefusalReport {
                at: seconds(clock.time(refused.at)),
                type_url: refused.type_url.to_string(),
                names: refused.names.iter().map(ToString::to_string).collect(),
                error: refused.error.clone(),
            })
            .collect(),
        held: held
            .iter()
            .map(|hold| HoldReport {
                document: hold.document.as_ref().map(ToString::to_string),
                error: hold.error.clone(),
                has_older: hold.kept.is_some(),
                since: seconds(hold.since),
            })
            .collect(),
    }
}

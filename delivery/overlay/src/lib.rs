//! Pure: what policies add up to, laid over a base configuration as edits.
//!
//! ```text
//! Effective policy + base ──plan──► edits (path, owner, value) ──carrier──► text tree, or protobuf on the wire
//! ```
//!
//! The overlay does not mutate: it computes a list of [`Edit`]s; the two carriers apply it. What carries our mark is
//! taken out first, so that overlaying twice equals overlaying once, and overlaying nothing gives the base back.
//!
//! Of a policy its [`classes`](Effective::classes) count, and of its workload nothing but who it is, and that only where
//! [`is_about_workload`] says so: elsewhere workloads with equal classes have one result over one base.
//!
//! Deliberately not here: I/O of any kind.

mod bootstrap;
mod changes;
pub mod codes;
mod descriptors;
mod edit;
mod encoded;
mod engine;
mod facts;
mod inline;
mod lower;
mod mark;
mod plan;
mod stats;
mod text;
mod value;
mod view;
mod wire;

use std::collections::BTreeMap;

use burgee_api::resolve::{Effective, ListenerClass, Plugin};
use burgee_api::{Problem, Severity};
use burgee_filter_config::LocalWorkload;
use burgee_filter_config::declared::DeclaredMetric;

pub use bootstrap::{DEFAULT_MESH_ID, NodeFacts, histogram_settings, labels_to_reserve, node, reserving};
pub use changes::{Change, ConfigPart, Difference, Effect, Laying, Side, Subject, changes, has_other_engine};
pub use edit::{Edit, Owner, Path, Step};
pub use encoded::{EncodeError, EncodedExtension, encoded_clusters, encoded_extensions};
pub use engine::{EnvoyVersion, LEAST_ENVOY, Maker, MetricEngine, NativeException, engines};
pub use inline::InlineModule;
pub use lower::{is_about_workload, is_measure};
pub use value::{Shared, Value};
pub use wire::{OverlaidBytes, WireError, order_maps, overlay_resource};

/// A filter module as a proxy finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// The path of the module's file, on the proxy's file system. Of no account where [`Options::inline_modules`] has it.
    pub path: String,
    /// The module's SHA-256 in lower-case hex. Part of every `vm_id`: with an unchanged id Envoy may keep the old
    /// code running.
    pub sha256: String,
    /// The metrics that it declares: a bootstrap takes their labels out of their names.
    pub metrics: Vec<DeclaredMetric>,
}

/// How a filter's configuration reaches the proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Within the listener.
    Inline,
    /// By name, from one file per extension in this directory of the proxy's file system (ECDS). Changes then
    /// leave the listener as it is.
    Discovery {
        /// The directory.
        directory: String,
    },
    /// By name, over the stream that the proxy has to its server (ADS), which serves [`encoded_extensions`]. Changes leave
    /// the listener as it is here too.
    Aggregated,
}

/// Where the filter learns who the proxy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// From the proxy's node metadata, which is in Istio's layout.
    Node,
    /// From its own configuration, where the overlay writes it.
    Written,
}

/// How to lay a policy over a base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The telemetry module.
    pub module: Module,
    /// How configuration reaches the proxy.
    pub delivery: Delivery,
    /// Where the filter learns who the proxy is.
    pub identity: Identity,
    /// The class of listeners by name, where it differs from what their traffic direction says.
    pub classes: BTreeMap<String, ListenerClass>,
    /// The port of listeners by name, where the documents' differs from that of the listener's address.
    pub ports: BTreeMap<String, u16>,
    /// The module of each plugin, by `NAMESPACE/NAME`. One that is not here is taken from its `file://` URL.
    pub plugins: BTreeMap<String, PluginModule>,
    /// Which files access logs are written to.
    pub log_files: LogFiles,
    /// What calls to collectors carry beside the documents' own; absent: nothing.
    pub reporter: Option<String>,
    /// The version of the Envoy that this is for; absent: it is not known.
    pub envoy: Option<EnvoyVersion>,
    /// Whether a base that is a bootstrap is all that its proxy has: what nothing in it says, nobody says then. For texts
    /// alone, since bytes are not read as a whole.
    pub is_whole: bool,
    /// Workloads by their IP address as Envoy writes it: who is at the other end of a request that says nothing of it.
    pub index: BTreeMap<String, LocalWorkload>,
    /// Modules whose bytes go with the configuration, by their SHA-256 in lower-case hex; all others are files of the proxy's.
    /// Empty: every module is a file.
    pub inline_modules: BTreeMap<String, InlineModule>,
}

impl Options {
    /// How to lay policies with this module where nothing else is known: neither classes, ports and plugins beside those
    /// that the base and the documents show, nor the Envoy, nor who is at which address.
    pub fn new(module: Module, delivery: Delivery, identity: Identity) -> Options {
        Options {
            module,
            delivery,
            identity,
            classes: BTreeMap::new(),
            ports: BTreeMap::new(),
            plugins: BTreeMap::new(),
            log_files: LogFiles::AsWritten,
            reporter: None,
            envoy: None,
            is_whole: false,
            index: BTreeMap::new(),
            inline_modules: BTreeMap::new(),
        }
    }

    /// The class of a listener.
    fn class_of(&self, listener: &view::Listener<'_>) -> ListenerClass {
        self.classes.get(listener.name).copied().unwrap_or_else(|| listener.class())
    }
}

/// The module of a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PluginModule {
    /// It is there.
    Ready(Module),
    /// It cannot be had, and this is why.
    Missing(String),
}

/// Which files access logs are written to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LogFiles {
    /// Those that the documents name.
    #[default]
    AsWritten,
    /// One file per logger in this directory, named by [`log_file_name`]: for proxies that share a file system.
    Below {
        /// The directory.
        directory: String,
    },
}

/// The name of what tells a receiver who calls, which is gRPC metadata, a header of HTTP, or, where neither can be, a
/// tag of each span: `REPORTER;CLASS;PROVIDER`, where the class and
/// the provider are of the logger or the tracer, and the reporter is [`Options::reporter`]. A provider's name is
/// written as in a file's name.
pub const REPORTER_METADATA: &str = "x-burgee-reporter";

/// The cluster of the mesh's own access log service, as Istio's bootstraps name it.
pub const MESH_SERVICE_CLUSTER: &str = "envoy_accesslog_service";

/// The name of a logger's file under [`LogFiles::Below`].
pub fn log_file_name(class: ListenerClass, provider: &str) -> String {
    format!("{}.{}.log", class.name(), lower::safe_name(provider))
}

/// What the names of plugins' extension configurations begin with: then comes what [`plugin_id`] reads.
pub const PLUGIN_PREFIX: &str = lower::plugin::PREFIX;

/// Which plugin has this name in a proxy (its namespace, a dot, its name, and behind that of a WasmPlugin Istio's suffix),
/// as [`Plugin::id`] has it; none for what is no plugin's name.
pub fn plugin_id(name: &str) -> Option<String> {
    lower::plugin::id_of(name)
}

/// The name of a plugin's extension configuration under [`Delivery::Discovery`].
pub fn plugin_extension_name(plugin: &Plugin) -> String {
    lower::plugin::filter_name(plugin)
}

/// A base with a policy laid over it.
#[derive(Clone, Debug, PartialEq)]
pub struct Overlaid {
    /// The result.
    pub value: Value,
    /// What was laid over, in the order of the result.
    pub edits: Vec<Edit>,
    /// What is worth knowing, such as a listener that cannot carry what was asked.
    pub problems: Vec<Problem>,
    /// The clusters that edits refer to and that the base does not have, where it is not the base that has to have
    /// them: a bootstrap which asks for its clusters, a file of listeners. Overlaying the response of clusters with the
    /// same policy adds them.
    pub awaited_clusters: Vec<String>,
}

/// A resource of the extension configuration discovery service.
#[derive(Clone, Debug, PartialEq)]
pub struct ExtensionConfig {
    /// The resource's name, which the listener refers to.
    pub name: String,
    /// The file's name within [`Delivery::Discovery`]'s directory.
    pub file_name: String,
    /// The file's content: a `DiscoveryResponse` with this one resource.
    pub value: Value,
}

/// Lays a policy over a base: a bootstrap, a `DiscoveryResponse` (a file of listeners or clusters), or one resource.
pub fn overlay(base: &Value, policy: &Effective, options: &Options) -> Overlaid {
    let shape = view::Shape::of_text(base);
    let mut value = base.clone();
    let laid = plan::lay(&mut value, shape, policy, options);
    text::apply(&mut value, &laid.edits);
    Overlaid { value, edits: laid.edits, problems: laid.problems, awaited_clusters: laid.awaited }
}

/// What is worth knowing of [`Overlaid::awaited_clusters`], if there are any: for those who overlay a part of a proxy's
/// configuration and do not see the rest.
pub fn awaits(clusters: &[String]) -> Option<Problem> {
    let names = clusters.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
    let (what, have) = if clusters.len() == 1 { ("the cluster", "it") } else { ("the clusters", "them") };
    let message = format!("{what} {names} must come from whoever serves this proxy's clusters");
    let help = format!(
        "a control plane of Istio has {have}; a file of clusters gets {have} when it is rendered with the same \
         documents; Envoy refuses a listener with Zipkin's or Datadog's tracer until then"
    );
    let problem = plan::problem(Severity::Note, codes::AWAITED_CLUSTERS, String::new(), message, help);
    (!clusters.is_empty()).then_some(problem)
}

/// Every extension configuration that listeners refer to under [`Delivery::Discovery`] and [`Delivery::Aggregated`], ordered
/// by name. For streams [`encoded_extensions`] has them as bytes.
pub fn extension_configs(policy: &Effective, options: &Options) -> Vec<ExtensionConfig> {
    lower::extension::configs(policy, options)
}

#[cfg(test)]
mod tests;

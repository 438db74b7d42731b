//! `WasmPlugin` (extensions.istio.io): a Wasm module as a filter, and for whom.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Meta;
use super::telemetry::{Selector, TargetRef};
use crate::origin::{Origin, Place, Traced};

/// The annotation that says where `burgee up`, `burgee render` and `burgee export` take the module from, instead of the
/// URL: a folder with a crate, or a `.wasm` file, from the document's own folder.
pub const MODULE_ANNOTATION: &str = "burgee.dev/module";

/// A WasmPlugin document.
#[derive(Clone, Debug, PartialEq)]
pub struct WasmPlugin {
    /// Name and place.
    pub meta: Meta,
    /// The labels of the workloads that it is for; absent or empty: every workload of its namespace.
    pub selector: Option<Selector>,
    /// What else it is for: gateways and services by name.
    pub target_refs: Vec<TargetRef>,
    /// Where the module is: `oci://`, `https://`, `http://` or `file://`; without a scheme `oci://` is meant.
    pub url: Traced<String>,
    /// The module's SHA-256 in lower-case hex; absent: any.
    pub sha256: Option<Traced<String>>,
    /// When the module is fetched anew.
    pub image_pull_policy: Option<Traced<ImagePullPolicy>>,
    /// The secret with a registry's credentials, in the plugin's namespace.
    pub image_pull_secret: Option<Traced<String>>,
    /// The key that the module must be signed with. Istio accepts it and looks at nothing.
    pub verification_key: Option<Traced<String>>,
    /// What the module is told.
    pub plugin_config: Option<Traced<Map<String, Value>>>,
    /// Where each field within `plugin_config` stands, and each entry of a list, by its path below it, such as
    /// `response.set` or `request.remove[1]`.
    pub plugin_config_keys: BTreeMap<String, Written>,
    /// Which of the module's filters: its root id. Default: empty.
    pub plugin_name: Option<Traced<String>>,
    /// Where among the filters.
    pub phase: Traced<PluginPhase>,
    /// Which goes first within a phase: higher first; absent goes last.
    pub priority: Option<Traced<i32>>,
    /// What happens to requests when the module cannot be had or fails.
    pub fail_strategy: Traced<FailStrategy>,
    /// Variables that the module sees.
    pub environment: Vec<PluginVariable>,
    /// Which traffic it sees; empty: all.
    pub matches: Vec<TrafficSelector>,
    /// Whether it filters HTTP or connections.
    pub kind: PluginKind,
    /// Where `burgee up` takes the module from: the annotation [`MODULE_ANNOTATION`].
    pub local_module: Option<Traced<String>>,
}

/// Where a field stands, or an entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Where its key stands; an entry of a list has none, and this is where it stands itself.
    pub key: Place,
    /// Where its value stands.
    pub value: Place,
}

/// Where among the filters. Phases follow each other in this order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PluginPhase {
    /// Before authentication.
    Authn,
    /// After authentication, before authorization.
    Authz,
    /// After authorization.
    Stats,
    /// After all of those, before the router. What absence means.
    #[default]
    Unspecified,
}

/// What happens to requests when a module cannot be had or fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FailStrategy {
    /// They are refused. What absence means.
    #[default]
    Close,
    /// They go on without it.
    Open,
    /// A fresh VM is started; until then they are refused.
    Reload,
}

/// When a module is fetched anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ImagePullPolicy {
    /// Only if it is not there yet.
    IfNotPresent,
    /// Whenever the document changes.
    Always,
}

/// A variable that a module sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginVariable {
    /// Where it stands.
    pub origin: Origin,
    /// Its name.
    pub name: String,
    /// Its value; absent: that of the proxy's own environment.
    pub value: Option<String>,
}

/// Some of the traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrafficSelector {
    /// Where it stands.
    pub origin: Origin,
    /// On which side.
    pub mode: super::telemetry::Mode,
    /// At which ports; empty: all.
    pub ports: Vec<u16>,
}

/// What a plugin filters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PluginKind {
    /// HTTP requests. What absence means.
    #[default]
    Http,
    /// Connections.
    Network,
}

//! What filters do beside our own: `TrafficExtension` (extensions.istio.io), a Wasm module or a script in Lua, and for whom.
//! A `WasmPlugin`, its predecessor, is read as one.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Meta;
use super::telemetry::{Selector, TargetRef};
use crate::origin::{Origin, Place, Traced};

/// The annotation that says where `burgee up`, `burgee render` and `burgee export` take the module from, instead of the
/// URL: a folder with a crate, or a `.wasm` file, from the document's own folder.
pub const MODULE_ANNOTATION: &str = "burgee.dev/module";

/// A TrafficExtension document, or a WasmPlugin.
#[derive(Clone, Debug, PartialEq)]
pub struct TrafficExtension {
    /// Name and place.
    pub meta: Meta,
    /// As which of the two kinds it is written.
    pub written: WrittenAs,
    /// The labels of the workloads that it is for; absent or empty: every workload of its namespace.
    pub selector: Option<Selector>,
    /// What else it is for: gateways and services by name.
    pub target_refs: Vec<TargetRef>,
    /// Where among the filters.
    pub phase: Traced<PluginPhase>,
    /// Which goes first within a phase: higher first; absent goes last.
    pub priority: Option<Traced<i32>>,
    /// Which traffic it sees; empty: all.
    pub matches: Vec<TrafficSelector>,
    /// Where `burgee up` takes the module from: the annotation [`MODULE_ANNOTATION`].
    pub local_module: Option<Traced<String>>,
    /// What runs.
    pub code: Code,
}

impl TrafficExtension {
    /// Which one it is, for maps and messages: `NAMESPACE/NAME` for a WasmPlugin, `TrafficExtension/NAMESPACE/NAME` for
    /// the other kind. Two documents of one name and of both kinds are two extensions.
    pub fn key(&self) -> String {
        self.written.key(&self.meta.id.namespace, &self.meta.id.name)
    }

    /// Its module, if it runs one.
    pub fn wasm(&self) -> Option<&WasmCode> {
        match &self.code {
            Code::Wasm(wasm) => Some(wasm),
            Code::Lua(_) => None,
        }
    }

    /// Its module, to be changed.
    pub fn wasm_mut(&mut self) -> Option<&mut WasmCode> {
        match &mut self.code {
            Code::Wasm(wasm) => Some(wasm),
            Code::Lua(_) => None,
        }
    }

    /// Its script, if it runs one.
    pub fn lua(&self) -> Option<&LuaCode> {
        match &self.code {
            Code::Wasm(_) => None,
            Code::Lua(lua) => Some(lua),
        }
    }

    /// Whether it filters HTTP or connections; a script filters HTTP.
    pub fn kind(&self) -> PluginKind {
        self.wasm().map_or(PluginKind::Http, |wasm| wasm.kind)
    }

    /// What happens to requests when it fails. Envoy lets them go on after a fault of a script.
    pub fn fail_strategy(&self) -> FailStrategy {
        self.wasm().map_or(FailStrategy::Open, |wasm| wasm.fail_strategy.value)
    }

    /// The path of the object that its code stands in: `spec` of a WasmPlugin, else `spec.wasm` or `spec.lua`.
    pub fn code_path(&self) -> &'static str {
        match (self.written, &self.code) {
            (WrittenAs::WasmPlugin, _) => "spec",
            (WrittenAs::TrafficExtension, Code::Wasm(_)) => "spec.wasm",
            (WrittenAs::TrafficExtension, Code::Lua(_)) => "spec.lua",
        }
    }

    /// Where its code is said: the URL of its module, or its script.
    pub fn code_origin(&self) -> &Origin {
        match &self.code {
            Code::Wasm(wasm) => &wasm.url.origin,
            Code::Lua(lua) => &lua.inline.origin,
        }
    }
}

/// As which kind an extension is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WrittenAs {
    /// A `WasmPlugin`.
    WasmPlugin,
    /// A `TrafficExtension`.
    TrafficExtension,
}

impl WrittenAs {
    /// What a document of this kind is called in maps and messages: see [`TrafficExtension::key`].
    pub fn key(self, namespace: &str, name: &str) -> String {
        match self {
            WrittenAs::WasmPlugin => format!("{namespace}/{name}"),
            WrittenAs::TrafficExtension => format!("{}/{namespace}/{name}", self.kind()),
        }
    }

    /// The kind's name.
    pub fn kind(self) -> &'static str {
        match self {
            WrittenAs::WasmPlugin => "WasmPlugin",
            WrittenAs::TrafficExtension => "TrafficExtension",
        }
    }
}

/// What an extension runs.
#[derive(Clone, Debug, PartialEq)]
pub enum Code {
    /// A Wasm module.
    Wasm(Box<WasmCode>),
    /// A script in Lua.
    Lua(LuaCode),
}

/// A Wasm module, and how it runs.
#[derive(Clone, Debug, PartialEq)]
pub struct WasmCode {
    /// Where the module is: `oci://`, `https://`, `http://` or `file://`; without a scheme `oci://` is meant.
    pub url: Traced<String>,
    /// Its SHA-256 in lower-case hex, of an image that of its manifest; absent: any.
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
    /// What happens to requests when the module cannot be had or fails.
    pub fail_strategy: Traced<FailStrategy>,
    /// Variables that the module sees.
    pub environment: Vec<PluginVariable>,
    /// Whether it filters HTTP or connections.
    pub kind: PluginKind,
}

/// Whether a text is a SHA-256 as documents have it: exactly 64 hex digits, in lower case.
pub(crate) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A script in Lua.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LuaCode {
    /// Its text.
    pub inline: Traced<String>,
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

//! A plugin as a filter of HTTP or of connections, and as the extension configuration that delivers it by name: which filter
//! stands for it, what that is called, and that it is ours. What the filter is told is below, and what stands for a module
//! that cannot be had.

mod code;
mod refusal;

use std::collections::BTreeMap;

use burgee_api::Origin;
use burgee_api::resolve::{Effective, Plugin};
use burgee_api::resources::extension::{Code, FailStrategy, PluginKind, WrittenAs};

use super::extension::{Extension, Inlined, config_source, file_name, is_over_ads, type_urls};
use super::{FilterKind, Label, safe_name, short_digest};
use crate::value::Value;
use crate::view;
use crate::{Delivery, Module, Options, Owner, PluginModule};

/// What the names of plugins' filters begin with, as Istio names them.
pub(crate) const PREFIX: &str = "extensions.istio.io/trafficextension/";

/// What they began with before there were TrafficExtensions, in older Istios and older versions of ours.
const OLD_PREFIX: &str = "extensions.istio.io/wasmplugin/";

/// What Istio appends to the name of a WasmPlugin, so that it is none of the TrafficExtension of that name.
const WASM_PLUGIN_SUFFIX: &str = "~istio-translated-wasmplugin";

/// What is ours about them: VMs, files and statistics begin with it.
const MARK: &str = "burgee.plugin.";

const LUA_TYPE: &str = "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua";
const NETWORK_RBAC_TYPE: &str = "type.googleapis.com/envoy.extensions.filters.network.rbac.v3.RBAC";

/// What stands in a chain for a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stand {
    /// Its module. `is_guessed`: nothing says the module's digest, so that of its path takes its place.
    Module { module: Module, is_guessed: bool },
    /// Its script.
    Script,
    /// A filter that refuses every request or connection, and why.
    Refusal(String),
    /// Nothing, and why.
    Nothing(String),
}

/// What stands in a chain for a plugin, by its module and by what its document says of a missing one.
pub(crate) fn stand(plugin: &Plugin, options: &Options) -> Stand {
    if let Some(refusal) = &plugin.refused {
        return without_module(plugin, format!("the mesh's rules refuse it: {}", refusal.why));
    }
    let Some(wasm) = plugin.document.wasm() else {
        return Stand::Script;
    };
    let url = &wasm.url.value;
    let why = match options.plugins.get(&plugin.id()) {
        Some(PluginModule::Ready(module)) => {
            return Stand::Module { module: module.clone(), is_guessed: false };
        }
        Some(PluginModule::Missing(why)) => why.clone(),
        None => match url.strip_prefix("file://").filter(|path| !path.is_empty()) {
            Some(path) => {
                let known = wasm.sha256.as_ref().map(|sha256| sha256.value.clone());
                let is_guessed = known.is_none();
                let sha256 = known.unwrap_or_else(|| {
                    short_digest(
                        format!("{path}\n{}", code::configuration(wasm).unwrap_or_default()).as_bytes(),
                    )
                });
                let module = Module { path: path.to_owned(), sha256, metrics: Vec::new() };
                return Stand::Module { module, is_guessed };
            }
            None => format!("the module is not on this machine, and {url:?} is not fetched"),
        },
    };
    without_module(plugin, why)
}

/// What stands for a module that cannot be had, by what the document says of that.
fn without_module(plugin: &Plugin, why: String) -> Stand {
    if is_open(plugin) { Stand::Nothing(why) } else { Stand::Refusal(why) }
}

/// Whether traffic goes on without a plugin that cannot start. A script has no strategy, which means that it does not; what
/// Envoy does when it fails at a request is another matter.
fn is_open(plugin: &Plugin) -> bool {
    plugin.document.wasm().is_some_and(|wasm| wasm.fail_strategy.value == FailStrategy::Open)
}

/// What a plugin filters, as filters are told apart.
fn filter_kind(plugin: &Plugin) -> FilterKind {
    match plugin.document.kind() {
        PluginKind::Http => FilterKind::Http,
        PluginKind::Network => FilterKind::Network,
    }
}

/// The filter's name, which under discovery is the resource's as well.
pub(crate) fn filter_name(plugin: &Plugin) -> String {
    format!("{PREFIX}{}", full_name(plugin))
}

/// The names that others may have given a plugin's filter: the one that it has now, and that of older Istios.
pub(crate) fn names_of_others(plugin: &Plugin) -> Vec<String> {
    let mut names = vec![filter_name(plugin)];
    if plugin.document.written == WrittenAs::WasmPlugin {
        names.push(format!("{OLD_PREFIX}{}", short_name(plugin)));
    }
    names
}

fn short_name(plugin: &Plugin) -> String {
    safe_name(&format!("{}.{}", plugin.namespace, plugin.name))
}

/// Its name in a proxy, where a WasmPlugin and a TrafficExtension of one name are two.
fn full_name(plugin: &Plugin) -> String {
    let suffix = match plugin.document.written {
        WrittenAs::WasmPlugin => WASM_PLUGIN_SUFFIX,
        WrittenAs::TrafficExtension => "",
    };
    short_name(plugin) + suffix
}

/// Which plugin has this name in a proxy, as [`Plugin::id`] has it. None for what is no plugin's name.
pub(crate) fn id_of(full_name: &str) -> Option<String> {
    let (name, written) = match full_name.strip_suffix(WASM_PLUGIN_SUFFIX) {
        Some(name) => (name, WrittenAs::WasmPlugin),
        None => (full_name, WrittenAs::TrafficExtension),
    };
    // A namespace has no dot.
    let (namespace, name) =
        name.split_once('.').filter(|(namespace, name)| !namespace.is_empty() && !name.is_empty())?;
    Some(written.key(namespace, name))
}

/// The labels of the metrics that plugins' modules declare, for those filters that the proxy may have.
pub(crate) fn labels(policy: &Effective, options: &Options, is_there: impl Fn(&str) -> bool) -> Vec<Label> {
    let mut labels: BTreeMap<String, Vec<&Origin>> = BTreeMap::new();
    for plugin in policy.classes.values().flat_map(|class| &class.plugins) {
        let Stand::Module { module, .. } = stand(plugin, options) else { continue };
        if is_there(&filter_name(plugin)) {
            for label in module.metrics.into_iter().flat_map(|metric| metric.labels) {
                labels.entry(label).or_default().push(&plugin.origin);
            }
        }
    }
    labels.into_iter().map(|(name, origins)| Label { name, owner: Owner::of(origins) }).collect()
}

/// The filter that goes into a chain; none for a plugin that is left out.
pub(crate) fn filter(plugin: &Plugin, options: &Options) -> Option<Value> {
    let name = ("name", Value::string(filter_name(plugin)));
    let Some(source) = config_source(&options.delivery, &marked_name(plugin)) else {
        return Some(Value::map([name, ("typed_config", typed_config(plugin, options, Inlined::Whole)?)]));
    };
    if matches!(stand(plugin, options), Stand::Nothing(_)) {
        return None;
    }
    let kind = filter_kind(plugin);
    let mut discovery = vec![("config_source".to_owned(), source)];
    // What may come by this name: the plugin, or what refuses in its place.
    let mut types = match (&plugin.document.code, kind) {
        (Code::Lua(_), _) => vec![LUA_TYPE],
        (Code::Wasm(_), FilterKind::Http) => vec![kind.wasm_type(), LUA_TYPE],
        (Code::Wasm(_), FilterKind::Network) => vec![kind.wasm_type(), NETWORK_RBAC_TYPE],
    };
    // While the configuration, the module or the script is unusable, a filter without a default answers every request with
    // 500, and closes every connection: that is what closed means.
    if is_open(plugin) {
        discovery
            .push(("default_config".to_owned(), Value::map([("@type", Value::string(kind.idle_type()))])));
    }
    // Over a proxy's stream it is also what tells our filters from Istio's; see `is_marked_by_types`.
    if is_open(plugin) || options.delivery == Delivery::Aggregated {
        types.push(kind.idle_type());
    }
    let types: Vec<Value> = types.into_iter().map(Value::string).collect();
    discovery.push(("type_urls".to_owned(), Value::List(types.into())));
    Some(Value::map([name, ("config_discovery", Value::Map(discovery.into()))]))
}

/// Whether an HTTP filter or a network filter is one that [`filter`] wrote, in this version or an older one. Istio uses the
/// same names, so the content decides.
pub(crate) fn is_filter(filter: &Value) -> bool {
    let name = view::name(filter);
    if !(name.starts_with(PREFIX) || name.starts_with(OLD_PREFIX)) {
        return false;
    }
    let is_marked = |value: &Value, names: &[&str]| {
        value.at(names).and_then(Value::as_str).is_some_and(|text| text.starts_with(MARK))
    };
    if let Some(config) = filter.field("typed_config") {
        return match config.any_type() {
            Some(view::WASM | view::NETWORK_WASM) => is_marked(config, &["config", "vm_config", "vm_id"]),
            // By which older versions refused requests.
            Some(view::RBAC) => is_marked(config, &["rules_stat_prefix"]),
            Some(view::LUA | view::NETWORK_RBAC) => is_marked(config, &["stat_prefix"]),
            _ => false,
        };
    }
    let Some(discovery) = filter.field("config_discovery") else { return false };
    if is_over_ads(discovery) {
        return is_marked_by_types(&type_urls(discovery));
    }
    let path = discovery.at(&["config_source", "path_config_source", "path"]).and_then(Value::as_str);
    path.unwrap_or_default().rsplit('/').next().is_some_and(|file| file.starts_with(MARK))
}

/// Whether a filter that comes over a proxy's stream may be of the types that [`filter`] writes. Istio writes the same name
/// and the same source; what it lists is the Wasm filter's type and that of access control, by which its agent refuses or
/// lets through, and never the filter that does nothing which ends each of our lists.
fn is_marked_by_types(types: &[&str]) -> bool {
    let has_kind = |kind: FilterKind| {
        let [first, .., last] = types else { return false };
        *last == kind.idle_type() && [kind.wasm_type(), LUA_TYPE].contains(first)
    };
    has_kind(FilterKind::Http) || has_kind(FilterKind::Network)
}

/// The extension configuration of a plugin, which may come to nothing.
pub(crate) fn extension(plugin: &Plugin) -> Extension<'_> {
    Extension::of_plugin(plugin, filter_name(plugin), file_name(&marked_name(plugin)))
}

/// What the filter is told; nothing for a plugin that is left out.
pub(super) fn typed_config(plugin: &Plugin, options: &Options, inlined: Inlined) -> Option<Value> {
    match (stand(plugin, options), &plugin.document.code) {
        (Stand::Module { module, .. }, Code::Wasm(wasm)) => {
            Some(code::wasm(plugin, wasm, &module, options, inlined))
        }
        (Stand::Script, Code::Lua(lua)) => Some(code::lua(plugin, &lua.inline.value)),
        (Stand::Refusal(_), _) => Some(refusal::refusal(plugin)),
        (Stand::Module { .. } | Stand::Script | Stand::Nothing(_), _) => None,
    }
}

/// Its name with our mark: what its file is called, and what the names of its VM and of its own statistics begin with, by which
/// its filter is known as ours.
fn marked_name(plugin: &Plugin) -> String {
    format!("{MARK}{}", full_name(plugin))
}

/// Who asked for a plugin.
pub(crate) fn owner(plugin: &Plugin) -> Owner {
    Owner::of([&plugin.origin])
}

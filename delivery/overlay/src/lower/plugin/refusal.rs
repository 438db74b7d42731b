//! What stands for a plugin whose module cannot be had and whose document wants its traffic refused then: of HTTP a script that
//! answers and says whose traffic it was, of connections access control that lets nobody through.

use burgee_api::resolve::Plugin;
use burgee_api::resources::extension::PluginKind;

use super::{NETWORK_RBAC_TYPE, code, marked_name};
use crate::value::Value;

/// The filter's configuration.
pub(super) fn refusal(plugin: &Plugin) -> Value {
    match plugin.document.kind() {
        PluginKind::Http => code::lua(plugin, &script(plugin)),
        PluginKind::Network => nobody(plugin),
    }
}

/// Which plugin it is and what is wrong with it, in words that whoever asks may read: why its module cannot be had may tell
/// of registries and paths, so it is left to who runs the proxy.
fn words(plugin: &Plugin) -> String {
    format!("the module of {} {} cannot be had", plugin.document.written.kind(), name(plugin))
}

/// Its namespace and name. Documents that are valid have nothing else in them; others may not end a text of Lua.
fn name(plugin: &Plugin) -> String {
    let name = format!("{}/{}", plugin.namespace, plugin.name);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '/');
    name.chars().map(|c| if is_plain(c) { c } else { '?' }).collect()
}

/// Answers each request with 503. The details of such an answer are always `lua_response`, so that metadata says whose it is.
fn script(plugin: &Plugin) -> String {
    let words = words(plugin);
    let name = name(plugin);
    format!(
        "function envoy_on_request(handle)\n\
         \u{20} handle:streamInfo():dynamicMetadata():set(\"burgee.plugin\", \"unusable\", \"{name}\")\n\
         \u{20} handle:respond({{[\":status\"] = \"503\", [\"content-type\"] = \"text/plain\"}}, \"{words}\\n\")\n\
         end\n"
    )
}

/// Role-based access control with one policy, which is against everybody. Its name is in the details of why the connection was
/// closed.
fn nobody(plugin: &Plugin) -> Value {
    let anybody = || Value::List(vec![Value::map([("any", Value::Bool(true))])].into());
    let policy = Value::map([("permissions", anybody()), ("principals", anybody())]);
    let policies = Value::Map(vec![(words(plugin), policy)].into());
    Value::map([
        ("@type", Value::string(NETWORK_RBAC_TYPE)),
        ("rules", Value::map([("action", Value::string("DENY")), ("policies", policies)])),
        ("stat_prefix", Value::string(format!("{}.", marked_name(plugin)))),
    ])
}

//! Which plugins get into a chain, of HTTP or of connections, and what is worth knowing where one does not.

use burgee_api::Severity;
use burgee_api::resolve::Plugin;
use burgee_api::resources::extension::{MODULE_ANNOTATION, PluginKind};

use super::{Plan, placed, problem};
use crate::Options;
use crate::codes;
use crate::edit::Path;
use crate::lower::plugin::{self, Stand};
use crate::value::Value;
use crate::view::{self, Listener, Part};

/// A list of filters that plugins may go into.
pub(super) struct Place<'p> {
    /// The listener that it is in.
    pub listener: &'p Listener<'p>,
    /// What its traffic comes to: an HTTP connection manager or a TCP proxy.
    pub part: &'p Part<'p>,
    /// The list's path.
    pub list: Path,
    /// What the base has there.
    pub present: &'p [Value],
}

/// What a plugin filters, in words.
fn traffic(plugin: &Plugin) -> &'static str {
    match plugin.document.kind() {
        PluginKind::Http => "request",
        PluginKind::Network => "connection",
    }
}

/// A plugin as documents call it: its kind, its namespace and its name.
pub(super) fn called(plugin: &Plugin) -> String {
    format!("{} {}/{}", plugin.document.written.kind(), plugin.namespace, plugin.name)
}

/// The filter of a plugin, if it is for this place and can stand there.
pub(super) fn filter(
    plugin: &Plugin,
    place: &Place<'_>,
    options: &Options,
    plan: &mut Plan,
) -> Option<Value> {
    let listener = place.listener;
    let called = called(plugin);
    match listener.port_of(place.part, &options.ports) {
        Some(port) if !plugin.covers_port(port) => return None,
        None if !plugin.ports.is_empty() => {
            let path = listener.path.to_string();
            let message = format!(
                "{called} is for some ports alone, and listener {:?} has no port that could be compared, so \
                 it gets no such filter",
                listener.name
            );
            let help = "give the listener a socket_address, or remove the plugin's `match[].ports`";
            plan.say(problem(Severity::Warning, codes::NO_PORT, path, message, help));
            return None;
        }
        _ => {}
    }
    let names = plugin::names_of_others(plugin);
    let is_there = |filter: &Value| names.iter().any(|name| name == view::name(filter));
    if let Some((i, filter)) = place.present.iter().enumerate().find(|(_, filter)| is_there(filter)) {
        plan.say(problem(
            Severity::Warning,
            codes::DELIVERED_ALREADY,
            place.list.index(i).to_string(),
            format!(
                "the base has a filter {:?} already, so {called} is not put beside it",
                view::name(filter)
            ),
            "somebody else, such as istiod, delivers this plugin; remove it there or leave it to them here",
        ));
        return None;
    }
    say_what_stands(plugin, options, plan);
    plugin::filter(plugin, options)
}

/// Says what there is to say of a plugin's module.
fn say_what_stands(plugin: &Plugin, options: &Options, plan: &mut Plan) {
    let (name, called, traffic) = (plugin.id(), called(plugin), traffic(plugin));
    let at_document = |severity, code, message: String, help: String| {
        placed(problem(severity, code, String::new(), message, help), plugin.document.code_origin())
    };
    let ways_out = || match &plugin.refused {
        Some(refusal) => format!("the rule is at {}", refusal.rule),
        None => format!(
            "name a crate's folder or a .wasm file in the annotation {MODULE_ANNOTATION}, or write a file:// URL, or \
             tell `burgee render` where the proxy finds the module with --plugin-path {name}=PATH"
        ),
    };
    match plugin::stand(plugin, options) {
        Stand::Script | Stand::Module { is_guessed: false, .. } => {}
        Stand::Module { module, is_guessed: true } => plan.say(at_document(
            Severity::Note,
            codes::NO_DIGEST,
            format!("nothing says the digest of {}, the module of {called}", module.path),
            "a file of another content under the same name may not be noticed by Envoy; write `sha256` and change \
             it with the file, or use a name per version"
                .to_owned(),
        )),
        Stand::Refusal(why) => plan.say(at_document(
            Severity::Error,
            codes::REFUSES_EVERYTHING,
            format!("the module of {called} cannot be had ({why}), so every {traffic} that it covers is refused"),
            format!(
                "its failStrategy asks for that; {}; or write `failStrategy: FAIL_OPEN` to let {traffic}s past without it",
                ways_out()
            ),
        )),
        Stand::Nothing(why) => plan.say(at_document(
            Severity::Warning,
            codes::LEFT_OUT,
            format!("the module of {called} cannot be had ({why}), so it is left out and {traffic}s go past it"),
            format!("its failStrategy FAIL_OPEN asks for that; {}", ways_out()),
        )),
    }
}

//! The plugins of connections: which filter chains get them, and where they stand there.
//!
//! Istio leaves some chains out, and so does this, with a note: those that take all connections of an app, and of a gateway's
//! chains with TLS and HTTP all but the first.

use burgee_api::Severity;
use burgee_api::resolve::{ClassPolicy, ListenerClass, Plugin};
use burgee_api::resources::extension::{PluginKind, PluginPhase};

use super::plugins::{self, Place};
use super::{Plan, placed, problem};
use crate::Options;
use crate::codes;
use crate::edit::{Edit, Path};
use crate::lower::plugin;
use crate::value::Value;
use crate::view::{self, Listener, Part};

/// Filters that decide who may connect.
const AUTHORIZATION: [&str; 2] = [view::NETWORK_RBAC, "envoy.filters.network.rbac"];

/// Filters that stand behind every plugin when they come right before the end of a chain.
const TAIL: [&str; 8] = [
    "envoy.extensions.filters.network.mongo_proxy.v3.MongoProxy",
    "envoy.extensions.filters.network.mysql_proxy.v3.MySQLProxy",
    "envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3.FilterConfig",
    "stats.PluginConfig",
    "envoy.filters.network.mongo_proxy",
    "envoy.filters.network.mysql_proxy",
    "envoy.filters.network.sni_dynamic_forward_proxy",
    "istio.stats",
];

/// How many filters go before which of the base's, by the list that they are in.
#[derive(Default)]
pub(super) struct Shifts(Vec<(Path, Vec<usize>)>);

impl Shifts {
    /// A part where it stands behind what goes before it.
    pub fn moved<'a>(&self, part: &Part<'a>) -> Part<'a> {
        let Some((list, index)) = part.place_in_chain() else { return part.behind(0) };
        let before = self.0.iter().find(|(known, _)| *known == list).map_or(&[][..], |(_, places)| places);
        part.behind(before.iter().filter(|place| **place <= index).count())
    }
}

/// Plans the plugins of connections of one listener.
pub(super) fn plan(
    listener: &Listener<'_>,
    class: ListenerClass,
    wanted: &ClassPolicy,
    options: &Options,
    plan: &mut Plan,
) -> Shifts {
    let mut shifts = Shifts::default();
    let of_connections: Vec<&Plugin> =
        wanted.plugins.iter().filter(|plugin| plugin.document.kind() == PluginKind::Network).collect();
    if of_connections.is_empty() {
        return shifts;
    }
    let managers = listener.managers.iter().map(|part| (part, true));
    let ends = managers.chain(listener.tcp_proxies.iter().map(|part| (part, false)));
    let mut has_encrypted = false;
    for (end, is_http) in ends {
        let Some((list, index)) = end.place_in_chain() else { continue };
        if shifts.0.iter().any(|(known, _)| *known == list) {
            continue;
        }
        let is_encrypted = is_http && class == ListenerClass::Gateway && end.has_transport;
        let gap = if class == ListenerClass::Outbound && listener.captures {
            Some("it takes the connections of an app to anywhere")
        } else if is_encrypted && has_encrypted {
            Some("of a gateway's filter chains with TLS and HTTP the first alone has them")
        } else {
            None
        };
        has_encrypted |= is_encrypted;
        if let Some(why) = gap {
            for plugin in &of_connections {
                say_left_out(plugin, listener, &list, why, plan);
            }
            continue;
        }
        let present = in_list(listener, &list);
        let places = Places::of(present.get(..index).unwrap_or_default());
        let place = Place { listener, part: end, list: list.clone(), present: &present };
        let mut placed: Vec<(usize, Edit)> = Vec::new();
        for plugin in &of_connections {
            if let Some(value) = plugins::filter(plugin, &place, options, plan) {
                let at = places.of_phase(plugin.document.phase.value);
                placed.push((at, Edit { path: list.clone(), owner: plugin::owner(plugin), value }));
            }
        }
        // They come in the order of the phases, and the places of these are in that order too.
        placed.sort_by_key(|(at, _)| *at);
        shifts.0.push((list.clone(), placed.iter().map(|(at, _)| *at).collect()));
        let edits = placed.into_iter().enumerate();
        plan.edits.extend(edits.map(|(before, (at, edit))| Edit { path: list.index(at + before), ..edit }));
    }
    shifts
}

/// The filters of a chain.
fn in_list(listener: &Listener<'_>, list: &Path) -> Vec<Value> {
    let is_here = |path: &Path| path.0.split_last().is_some_and(|(_, before)| before == list.0.as_slice());
    let here = listener.network_filters.iter().filter(|(path, _)| is_here(path));
    here.map(|(_, filter)| (*filter).clone()).collect()
}

fn say_left_out(plugin: &Plugin, listener: &Listener<'_>, list: &Path, why: &str, plan: &mut Plan) {
    let message = format!(
        "{} does not get into a filter chain of listener {:?}: {why}; Istio leaves it out there, too",
        plugins::called(plugin),
        listener.name
    );
    let help = "give the connections a filter chain of their own, with a service of their own for its port";
    let found = problem(Severity::Note, codes::NETWORK_LEFT_OUT, list.to_string(), message, help);
    plan.say(placed(found, &plugin.origin));
}

/// Where plugins go in a chain: before the filter of that index.
struct Places {
    before_authorization: usize,
    after_authorization: usize,
}

impl Places {
    /// Among the filters before a chain's end.
    fn of(filters: &[Value]) -> Places {
        let tail = filters.iter().rev().take_while(|filter| view::is_one_of(filter, &TAIL)).count();
        let end = filters.len().saturating_sub(tail);
        let head = filters.get(..end).unwrap_or_default();
        let is_authorization = |filter: &Value| view::is_one_of(filter, &AUTHORIZATION);
        Places {
            before_authorization: head.iter().position(is_authorization).unwrap_or(end),
            after_authorization: head.iter().rposition(is_authorization).map_or(end, |at| at + 1),
        }
    }

    fn of_phase(&self, phase: PluginPhase) -> usize {
        match phase {
            PluginPhase::Authn | PluginPhase::Authz => self.before_authorization,
            PluginPhase::Stats | PluginPhase::Unspecified => self.after_authorization,
        }
    }
}

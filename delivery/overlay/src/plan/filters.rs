//! The HTTP filters of a plan, and where in a chain each goes.

use burgee_api::Severity;
use burgee_api::resolve::{ClassPolicy, Effective, ListenerClass};
use burgee_api::resources::extension::{PluginKind, PluginPhase};

use super::made::What;
use super::{Plan, plugins, problem};
use crate::codes;
use crate::edit::{Edit, Owner};
use crate::lower;
use crate::lower::grpc_stats::{self, Found};
use crate::lower::plugin;
use crate::lower::{peer_metadata, telemetry};
use crate::value::Value;
use crate::view::{self, Listener, Part};
use crate::{Delivery, Options};

/// Filters that find out who asks, by type or by the name that Istio and Envoy give them.
const AUTHENTICATION: [&str; 8] = [
    "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
    "envoy.extensions.filters.http.basic_auth.v3.BasicAuth",
    "envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth",
    "envoy.extensions.filters.http.oauth2.v3.OAuth2",
    "istio.envoy.config.filter.http.authn.v2alpha1.FilterConfig",
    "envoy.filters.http.jwt_authn",
    "istio_authn",
    "istio.authn",
];
/// Filters that decide who may.
const AUTHORIZATION: [&str; 2] = [view::RBAC, "envoy.filters.http.rbac"];
/// Filters that stand behind every plugin when they end a chain.
const TAIL: [&str; 17] = [
    "envoy.extensions.filters.http.grpc_web.v3.GrpcWeb",
    view::GRPC_STATS,
    "envoy.extensions.filters.http.fault.v3.HTTPFault",
    "envoy.extensions.filters.http.cors.v3.Cors",
    "envoy.extensions.filters.http.stateful_session.v3.StatefulSession",
    "envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig",
    "istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig",
    "stats.PluginConfig",
    view::ROUTER,
    "envoy.filters.http.grpc_web",
    "envoy.filters.http.grpc_stats",
    "envoy.filters.http.fault",
    "envoy.filters.http.cors",
    "istio.alpn",
    "istio.stats",
    "envoy.filters.http.stateful_session",
    "envoy.filters.http.router",
];

/// Plans the HTTP filters of one manager.
pub(super) fn plan(
    listener: &Listener<'_>,
    manager: &Part<'_>,
    class: ListenerClass,
    policy: &Effective,
    options: &Options,
    plan: &mut Plan,
) {
    let wanted = policy.class(class);
    let filters = manager.http_filters();
    let Some((last, _)) = filters.split_last() else {
        if is_empty(wanted) {
            return;
        }
        plan.say(problem(
            Severity::Warning,
            codes::NO_HTTP_FILTERS,
            manager.filters_path().to_string(),
            format!(
                "an HTTP connection manager of listener {:?} has no HTTP filters and is left alone",
                listener.name
            ),
            "give it the filter envoy.filters.http.router; without a terminal filter it serves nothing",
        ));
        return;
    };
    let of_http = || wanted.plugins.iter().filter(|plugin| plugin.document.kind() == PluginKind::Http);
    let has_plugins = of_http().next().is_some();
    if wanted.metrics.is_empty() && !has_plugins {
        return;
    }
    // A filter without its type, such as one that is delivered by name, may well be a router.
    let router = last.field("typed_config").and_then(Value::any_type).is_none_or(|name| name == view::ROUTER);
    let terminal = filters.len() - 1;
    if !router {
        let what = if !has_plugins { "metrics go" } else { "plugins and metrics go" };
        plan.say(problem(
            Severity::Note,
            codes::NOT_A_ROUTER,
            manager.filters_path().index(terminal).to_string(),
            format!(
                "the last HTTP filter of listener {:?} is {:?} and no router; {what} before it",
                listener.name,
                view::name(last)
            ),
            "the last filter has to be the one that ends the chain",
        ));
    }
    // Each filter with the index in the base before which it goes.
    let mut placed: Vec<(usize, Owner, Value)> = Vec::new();
    // In front of everything: what others read is published then, and what they must not see is gone.
    let joined = telemetry::joined(policy, class, options);
    let is_done = peer_metadata::is_done(filters);
    if !is_done {
        let made = plan.made.get(What::Peers(class), || match joined {
            Some(_) => telemetry::filter(policy, class, options),
            None => peer_metadata::filter(policy, class, options),
        });
        placed.extend(made.map(|(owner, filter)| (0, owner, filter)));
    }
    let places = Places::of(filters);
    let place = plugins::Place { listener, part: manager, list: manager.filters_path(), present: filters };
    for plugin in of_http() {
        if let Some(filter) = plugins::filter(plugin, &place, options, plan) {
            placed.push((places.of_phase(plugin.document.phase.value), plugin::owner(plugin), filter));
        }
    }
    placed
        .extend(grpc_stats(listener, manager, class, policy, options, plan).map(|it| (terminal, it.0, it.1)));
    for (number, provider) in wanted.metrics.iter().enumerate() {
        let is_joined = Some(number) == joined;
        if is_joined && !is_done {
            continue;
        }
        let make = || {
            let part = lower::stats(policy, class, provider, options);
            // By name there is only the one that also exchanges peers.
            let delivery = if is_joined { &Delivery::Inline } else { &options.delivery };
            Some((lower::filter_owner(provider), lower::filter(part, delivery, options)))
        };
        let made = plan.made.get(What::Metrics(class, number), make);
        placed.extend(made.map(|(owner, filter)| (terminal, owner, filter)));
    }
    // Stable, so plugins of one place keep their order, and metrics come last.
    placed.sort_by_key(|(at, _, _)| *at);
    plan.edits.extend(placed.into_iter().enumerate().map(|(before, (at, owner, value))| Edit {
        path: manager.filters_path().index(at + before),
        owner,
        value,
    }));
}

/// The filter that counts messages of gRPC, where they are measured and the base does not count them itself.
fn grpc_stats(
    listener: &Listener<'_>,
    manager: &Part<'_>,
    class: ListenerClass,
    policy: &Effective,
    options: &Options,
    plan: &mut Plan,
) -> Option<(Owner, Value)> {
    let make = || Some((grpc_stats::owner(policy, class, options)?, grpc_stats::filter()));
    let made = plan.made.get(What::GrpcStats(class), make)?;
    match grpc_stats::found(manager.http_filters()) {
        Found::Nothing => Some(made),
        Found::Counts => None,
        Found::KeepsThem(place) => {
            plan.say(problem(
                Severity::Note,
                codes::COUNTS_NOT_GIVEN,
                manager.filters_path().index(place).to_string(),
                format!(
                    "listener {:?} has a grpc_stats filter that gives its counts to nobody, so messages of gRPC are not \
                     measured there",
                    listener.name
                ),
                "write `emit_filter_state: true` into it, or remove it: then Burgee puts its own there",
            ));
            None
        }
    }
}

/// Whether a policy puts nothing into a manager.
fn is_empty(policy: &ClassPolicy) -> bool {
    let ClassPolicy { metrics, tracing, access_logs, listener_logs: _, plugins } = policy;
    metrics.is_empty()
        && access_logs.is_empty()
        && plugins.is_empty()
        && lower::tracing::settings(tracing).is_none()
}

/// Where plugins go in a chain: before the filter of that index.
struct Places {
    authn: usize,
    authz: usize,
    stats: usize,
    unspecified: usize,
}

impl Places {
    fn of(filters: &[Value]) -> Places {
        let terminal = filters.len().saturating_sub(1);
        let tail =
            filters[..terminal].iter().rev().take_while(|filter| view::is_one_of(filter, &TAIL)).count();
        let unspecified = terminal - tail;
        let head = &filters[..unspecified];
        let first = |names: &[&str], from: usize| {
            head.iter().skip(from).position(|filter| view::is_one_of(filter, names)).map(|at| at + from)
        };
        let last = |names: &[&str]| head.iter().rposition(|filter| view::is_one_of(filter, names));
        let after_authn = last(&AUTHENTICATION).map(|at| at + 1);
        let authz = after_authn.or(first(&AUTHORIZATION, 0)).unwrap_or(unspecified);
        let authn = first(&AUTHENTICATION, 0).unwrap_or(authz);
        let stats = last(&AUTHORIZATION).map_or(unspecified, |at| (at + 1).max(authz));
        Places { authn, authz, stats, unspecified }
    }

    fn of_phase(&self, phase: PluginPhase) -> usize {
        match phase {
            PluginPhase::Authn => self.authn,
            PluginPhase::Authz => self.authz,
            PluginPhase::Stats => self.stats,
            PluginPhase::Unspecified => self.unspecified,
        }
    }
}

//! One listener's part of a plan: what goes into it, and what it cannot carry.

use burgee_api::resolve::{ClassPolicy, Effective, ListenerClass, ListenerLogs, Tracing};
use burgee_api::resources::extension::PluginKind;
use burgee_api::{Problem, Severity, Traced};

use super::made::What;
use super::{Plan, connections as of_connections, filters, metrics, placed, problem};
use crate::Options;
use crate::codes;
use crate::edit::{Edit, Path};
use crate::lower;
use crate::lower::access_log::{self, Place};
use crate::lower::cluster::{self, Upstream};
use crate::lower::connections;
use crate::lower::tracing::{self, Found};
use crate::mark::{ACCESS_LOG, Before, REQUEST_ID_EXTENSION, TRACING};
use crate::value::Value;
use crate::view::{Listener, Part};

/// Plans what a class's policy says for one listener.
pub(super) fn plan(
    listener: &Listener<'_>,
    class: ListenerClass,
    policy: &Effective,
    options: &Options,
    plan: &mut Plan,
) {
    let wanted = policy.class(class);
    check_carries(listener, wanted, plan);
    let carries = !listener.managers.is_empty() || !listener.tcp_proxies.is_empty();
    // Connections that no filter chain takes are logged where they come in, and where an app's are taken.
    let takes = class != ListenerClass::Outbound || listener.captures;
    if carries && takes && wanted.listener_logs == ListenerLogs::On {
        plan_logs(&listener.own, class, Place::Listener, 0, wanted, options, plan);
    }
    let shifts = of_connections::plan(listener, class, wanted, options, plan);
    for manager in &listener.managers {
        let manager = &shifts.moved(manager);
        filters::plan(listener, manager, class, policy, options, plan);
        if manager.http_filters().is_empty() {
            continue;
        }
        let before = metrics::plan(manager, class, policy, options, plan);
        plan_logs(manager, class, Place::Manager, before, wanted, options, plan);
        plan_tracing(listener, manager, class, &wanted.tracing, options, plan);
    }
    // How many of ours stand in the filter chain at hand.
    let mut present: Option<(Path, usize)> = None;
    for proxy in &listener.tcp_proxies {
        let proxy = &shifts.moved(proxy);
        let chain = proxy.place_in_chain().map(|(list, _)| list).unwrap_or_default();
        let before = present.filter(|(known, _)| *known == chain).map_or(0, |(_, count)| count);
        let count = before + plan_connections(&proxy.behind(before), class, policy, options, plan);
        plan_logs(&proxy.behind(count), class, Place::TcpProxy, 0, wanted, options, plan);
        present = Some((chain, count));
    }
}

/// What a listener without HTTP, or with HTTP in a form that cannot be changed, does not get.
fn check_carries(listener: &Listener<'_>, wanted: &ClassPolicy, plan: &mut Plan) {
    let has = |kind: PluginKind| wanted.plugins.iter().any(|plugin| plugin.document.kind() == kind);
    let of_http = [
        ("traces", tracing::settings(&wanted.tracing).is_some()),
        ("plugins of HTTP", has(PluginKind::Http)),
    ];
    let mut unmet: Vec<&str> = of_http.into_iter().filter(|(_, is)| *is).map(|(what, _)| what).collect();
    let is_plain = listener.managers.is_empty() && listener.has_filters() && listener.sealed.is_empty();
    let has_metrics = !wanted.metrics.is_empty();
    if is_plain && has_metrics && listener.tcp_proxies.is_empty() {
        unmet.insert(0, "metrics");
    }
    if is_plain && has(PluginKind::Network) && listener.tcp_proxies.is_empty() {
        unmet.push("plugins of connections");
    }
    if is_plain && !unmet.is_empty() {
        plan.say(problem(
            Severity::Note,
            codes::NO_HTTP,
            listener.path.to_string(),
            format!("listener {:?} carries no HTTP, so it gets no {}", listener.name, unmet.join(" and no ")),
            "connections of TCP are measured and logged where a tcp_proxy ends the filter chain",
        ));
    }
    if has_metrics && !unmet.contains(&"metrics") {
        unmet.insert(0, "metrics");
    }
    if has(PluginKind::Network) && !unmet.contains(&"plugins of connections") {
        unmet.push("plugins of connections");
    }
    if !wanted.access_logs.is_empty() {
        unmet.push("access logs");
    }
    for path in listener.sealed.iter().filter(|_| !unmet.is_empty()) {
        plan.say(problem(
            Severity::Warning,
            codes::SEALED_MANAGER,
            path.to_string(),
            format!(
                "this is an HTTP connection manager of listener {:?}, which this version cannot change, so it gets \
                 no {}",
                listener.name,
                unmet.join(" and no ")
            ),
            "managers are changed where a filter chain has them as a typed_config of their own type; not in an \
             api_listener, and not as a TypedStruct",
        ));
    }
}

/// Plans the filters that measure the connections of a TCP proxy; gives how many there are, all in front of it.
fn plan_connections(
    proxy: &Part<'_>,
    class: ListenerClass,
    policy: &Effective,
    options: &Options,
    plan: &mut Plan,
) -> usize {
    let Some((list, index)) = proxy.place_in_chain() else { return 0 };
    let mut count = 0;
    for (number, provider) in policy.class(class).metrics.iter().enumerate() {
        let make = || {
            let part = connections::part(policy, class, provider, options)?;
            Some((lower::filter_owner(provider), lower::filter(part, &options.delivery, options)))
        };
        let Some((owner, value)) = plan.made.get(What::Connections(class, number), make) else { continue };
        plan.edits.push(Edit { path: list.index(index + count), owner, value });
        count += 1;
    }
    count
}

/// Plans the access logs of a part. `before_them` is how many of ours stand before them in its list.
fn plan_logs(
    part: &Part<'_>,
    class: ListenerClass,
    place: Place,
    before_them: usize,
    wanted: &ClassPolicy,
    options: &Options,
    plan: &mut Plan,
) {
    let path = part.path.field(ACCESS_LOG);
    if wanted.access_logs.is_empty() {
        return;
    }
    if !has_place(part, plan) {
        return;
    }
    let before = Before::of(part.config, ACCESS_LOG);
    let present = part.list(ACCESS_LOG).len() + before_them;
    for (i, logger) in wanted.access_logs.iter().enumerate() {
        let make = || {
            Some((access_log::owner(logger), access_log::access_log(logger, class, place, before, options)))
        };
        let made = plan.made.get(What::Log(class, place, before, i), make);
        let path = path.index(present + i);
        plan.edits.extend(made.map(|(owner, value)| Edit { path, owner, value }));
        if let Some(upstream) = Upstream::of_sink(&logger.sink) {
            cluster::note(&mut plan.clusters, upstream, &logger.provider);
        }
    }
}

/// Whether access logs can be put into a part, which is told if they cannot.
pub(super) fn has_place(part: &Part<'_>, plan: &mut Plan) -> bool {
    let is_list = part.config.field(ACCESS_LOG).is_none_or(|logs| matches!(logs, Value::List(_)));
    if !is_list {
        plan.say(problem(
            Severity::Error,
            codes::NO_PLACE_FOR_LOGS,
            part.path.field(ACCESS_LOG).to_string(),
            "the access logs cannot be written: access_log is not a list".to_owned(),
            "correct the base: access_log is a list of access logs",
        ));
    }
    is_list
}

fn plan_tracing(
    listener: &Listener<'_>,
    manager: &Part<'_>,
    class: ListenerClass,
    wanted: &Tracing,
    options: &Options,
    plan: &mut Plan,
) {
    let path = manager.path.field(TRACING);
    if manager.config.field(TRACING).is_some() {
        plan.problems.extend(own_tracing(listener, &path.to_string(), wanted));
        return;
    }
    let Some(settings) = tracing::settings(wanted) else { return };
    if let Some(problem) = too_early(listener, wanted, plan) {
        plan.say(problem);
        return;
    }
    let has_own = manager.config.field(REQUEST_ID_EXTENSION).is_some();
    let by_chance = !settings.use_request_id.value;
    if by_chance && has_own {
        let help = "it stays as it is: see that it does not decide about sampling, as \
                    use_request_id_for_trace_sampling does unless it is false";
        let message = format!("listener {:?} has a request_id_extension of its own", listener.name);
        let path = manager.path.field(REQUEST_ID_EXTENSION).to_string();
        plan.problems.push(problem(Severity::Note, codes::OWN_REQUEST_ID, path, message, help));
    }
    let request_id = (by_chance && !has_own).then(|| Before::of(manager.config, REQUEST_ID_EXTENSION));
    let found = Found { tracing: Before::of(manager.config, TRACING), request_id };
    let make = || Some((tracing::owner(wanted), tracing::tracing(wanted, class, found, options)?));
    let Some((owner, value)) = plan.made.get(What::Spans(class, found), make) else { return };
    plan.edits.push(Edit { path, owner, value });
    if request_id.is_some() {
        plan.edits.push(Edit {
            path: manager.path.field(REQUEST_ID_EXTENSION),
            owner: crate::Owner::of([&settings.use_request_id.origin]),
            value: tracing::request_id_extension(),
        });
    }
    for (collector, provider) in wanted.collectors() {
        cluster::note(&mut plan.clusters, Upstream::of(collector), provider);
    }
}

/// A tracer that Envoy makes only where its cluster is there already, in a listener that is made before that comes.
fn too_early(listener: &Listener<'_>, wanted: &Tracing, plan: &Plan) -> Option<Problem> {
    let (Tracing::Provider { provider, tracer, .. }, Some(first)) = (wanted, &plan.first) else {
        return None;
    };
    let cluster = tracer.collector().cluster();
    if !tracing::needs_cluster(tracer) || first.contains(&cluster) {
        return None;
    }
    let message = format!(
        "listener {:?} gets no traces: with a tracer of {} Envoy would not start before it has the cluster {cluster:?}, \
         and the base's own clusters are without it",
        listener.name,
        tracer.name()
    );
    let help = "add the cluster to static_resources, or let the listener come from where the other clusters come from";
    let problem =
        problem(Severity::Warning, codes::CLUSTER_TOO_LATE, listener.path.to_string(), message, help);
    Some(placed(problem, &provider.origin))
}

/// A manager that traces by itself, where the documents say something else.
fn own_tracing(listener: &Listener<'_>, path: &str, wanted: &Tracing) -> Option<Problem> {
    let (origin, but, help) = match wanted {
        Tracing::Untouched => return None,
        Tracing::Off(origin) | Tracing::LeftOut(Traced { origin, .. }) => (
            origin,
            "which goes on, although the documents switch tracing off",
            "remove `tracing` from this HTTP connection manager",
        ),
        Tracing::Bootstrap(settings) => (
            &settings.sampling.origin,
            "which stays as it is, so the documents' tracing has no effect here",
            "remove `tracing` from this HTTP connection manager, and what the documents say takes its place",
        ),
        Tracing::Provider { provider, .. } => (
            &provider.origin,
            "which stays as it is, so the documents' tracing has no effect here",
            "remove `tracing` from this HTTP connection manager, and what the documents say takes its place",
        ),
    };
    let message = format!("listener {:?} has tracing of its own at {path}, {but}", listener.name);
    Some(placed(problem(Severity::Warning, codes::TRACES_BY_ITSELF, path.to_owned(), message, help), origin))
}

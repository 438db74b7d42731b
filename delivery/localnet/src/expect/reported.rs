//! Access logs, spans and plugins: every request must be in each log and trace that is asked for.

use std::collections::BTreeMap;

use burgee_api::Traced;
use burgee_api::problem::Problem;
use burgee_api::resolve::{ListenerClass, Plugin, TraceContext, Tracer, Tracing, TracingSettings};

use super::{Asked, traced};
use crate::codes::{PLUGIN_NOT_LOADED, WRONG_LOG_COUNT, WRONG_SPAN_COUNT};
use crate::summary::PluginSummary;

/// How many of something came, by who reported it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// By proxy, class and provider, the provider as documents spell it.
    counts: BTreeMap<(String, String, String), u64>,
}

impl Tally {
    /// Counts one.
    pub fn add(&mut self, proxy: &str, class: &str, provider: &str) {
        *self.counts.entry((proxy.to_owned(), class.to_owned(), provider.to_owned())).or_default() += 1;
    }

    /// What came since an earlier tally of the same.
    pub fn since(&self, before: &Tally) -> Tally {
        let grown = |(key, count): (&(String, String, String), &u64)| {
            (key.clone(), count.saturating_sub(before.counts.get(key).copied().unwrap_or_default()))
        };
        Tally { counts: self.counts.iter().map(grown).filter(|(_, count)| *count > 0).collect() }
    }

    fn of(&self, asked: &Asked<'_>, provider: &str) -> u64 {
        let key = (asked.proxy.clone(), asked.class.name().to_owned(), provider.to_owned());
        self.counts.get(&key).copied().unwrap_or_default()
    }

    /// Those of a proxy and class, whatever the provider.
    fn of_all(&self, asked: &Asked<'_>) -> u64 {
        let is_of = |(proxy, class, _): &&(String, String, String)| {
            *proxy == asked.proxy && *class == asked.class.name()
        };
        self.counts.iter().filter(|(key, _)| is_of(key)).map(|(_, count)| count).sum()
    }
}

/// A logger without a filter writes one line per request, one with a filter at most one.
pub(super) fn check_logs(asked: &Asked<'_>, logs: &Tally, problems: &mut Vec<Problem>) {
    // A connection without HTTP has a line of its own.
    let most = asked.requests + asked.connections;
    if most == 0 {
        return;
    }
    for logger in &asked.policy.access_logs {
        let (name, lines) = (&logger.provider.value, logs.of(asked, &logger.provider.value));
        let is_wrong = match logger.filter {
            None => lines != most,
            Some(_) => lines > most,
        };
        if is_wrong {
            let message = format!(
                "the access log `{name}` of {} ({}) has {lines} lines after {} requests",
                asked.proxy,
                asked.class.name(),
                asked.requests
            );
            problems.push(traced(Some(&logger.provider.origin), WRONG_LOG_COUNT, message));
        }
    }
}

/// How many requests are traced, as far as the documents alone say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decided {
    /// Every one.
    All,
    /// None.
    None,
    /// Chance has a say.
    Some,
}

/// The first proxy on a request's way that traces decides for those behind it. Here that is a gateway; where gateways
/// do not trace, it is any of the others.
pub(super) fn decided(asked: &[Asked<'_>]) -> Decided {
    let gateways = || asked.iter().filter(|one| one.class == ListenerClass::Gateway);
    let is_gateways_say = gateways().next().is_some() && gateways().all(|one| settings(one).is_some());
    let everybody: Vec<_> = asked.iter().filter_map(settings).collect();
    let deciding =
        if is_gateways_say { gateways().filter_map(settings).collect() } else { everybody.clone() };
    if deciding.is_empty() {
        return Decided::None;
    }
    // A sampler of a tracer's own is offered every request, and keeps some.
    if asked.iter().any(|one| has_own_sampler(one)) {
        return Decided::Some;
    }
    // The request's id says yes to every tracer; a no is in headers alone, which not every tracer reads.
    let refusing = if have_common_headers(asked) { &deciding } else { &everybody };
    if deciding.iter().all(|one| one.sampling.value >= 100.0) {
        Decided::All
    // Without a say of the request's id, Envoy leaves it to the tracer, which has no sampler here.
    } else if refusing.iter().all(|one| one.sampling.value <= 0.0 && one.use_request_id.value) {
        Decided::None
    } else {
        Decided::Some
    }
}

/// Kinds of headers by which a tracer tells the next one of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Headers {
    W3c,
    B3,
    Skywalking,
}

/// Those that a tracer reads and sends. Datadog's own are left out: it has W3C's too.
fn headers(tracer: &Tracer) -> &'static [Headers] {
    match tracer {
        Tracer::Opentelemetry { .. } | Tracer::Datadog { .. } => &[Headers::W3c],
        Tracer::Zipkin { trace_context: TraceContext::B3, .. } => &[Headers::B3],
        Tracer::Zipkin { trace_context: TraceContext::B3AndW3c, .. } => &[Headers::B3, Headers::W3c],
        Tracer::Skywalking { .. } => &[Headers::Skywalking],
    }
}

/// Whether there is a kind of headers that all tracers have.
fn have_common_headers(asked: &[Asked<'_>]) -> bool {
    let tracers = || {
        asked.iter().filter_map(|one| match &one.policy.tracing {
            Tracing::Provider { tracer, .. } => Some(tracer),
            Tracing::Untouched | Tracing::Off(_) | Tracing::LeftOut(_) | Tracing::Bootstrap(_) => None,
        })
    };
    let kinds = [Headers::W3c, Headers::B3, Headers::Skywalking];
    kinds.iter().any(|kind| tracers().all(|tracer| headers(tracer).contains(kind)))
}

fn settings<'a>(asked: &Asked<'a>) -> Option<&'a TracingSettings> {
    match &asked.policy.tracing {
        Tracing::Provider { settings, .. } => Some(settings),
        Tracing::Untouched | Tracing::Off(_) | Tracing::LeftOut(_) | Tracing::Bootstrap(_) => None,
    }
}

fn has_own_sampler(asked: &Asked<'_>) -> bool {
    matches!(
        &asked.policy.tracing,
        Tracing::Provider { tracer: Tracer::Opentelemetry { sampler: Some(_), .. }, .. }
    )
}

/// Every traced request has a span of its own at each proxy that traces; a proxy that does not trace has none at all.
pub(super) fn check_spans(asked: &Asked<'_>, decided: Decided, spans: &Tally, problems: &mut Vec<Problem>) {
    let (proxy, class, requests) = (&asked.proxy, asked.class.name(), asked.requests);
    let (origin, message) = match &asked.policy.tracing {
        Tracing::Provider { provider, settings, .. } => {
            let count = spans.of(asked, &provider.value);
            let rule = match decided {
                Decided::All if count < requests => "all of them are to be traced",
                Decided::None if count > 0 => "none of them is to be traced",
                Decided::All | Decided::None | Decided::Some => return,
            };
            let origin = if decided == Decided::None { &settings.sampling.origin } else { &provider.origin };
            let name = &provider.value;
            let message = format!(
                "{proxy} ({class}) reported {count} spans to `{name}` after {requests} requests; {rule}"
            );
            (Some(origin), message)
        }
        Tracing::Off(origin) | Tracing::LeftOut(Traced { origin, .. }) => {
            (Some(origin), nothing_asked(asked, spans.of_all(asked)))
        }
        Tracing::Untouched | Tracing::Bootstrap(_) => (None, nothing_asked(asked, spans.of_all(asked))),
    };
    if !message.is_empty() {
        problems.push(traced(origin, WRONG_SPAN_COUNT, message));
    }
}

fn nothing_asked(asked: &Asked<'_>, spans: u64) -> String {
    match spans {
        0 => String::new(),
        spans => {
            format!("{} ({}) is not to be traced and reported {spans} spans", asked.proxy, asked.class.name())
        }
    }
}

/// A plugin for a listener that is there must run. One whose module cannot be had has been told already.
pub(super) fn check_plugins(asked: &Asked<'_>, plugins: &[PluginSummary], problems: &mut Vec<Problem>) {
    let is_for_it = |plugin: &&Plugin| asked.ports.iter().any(|port| plugin.covers_port(*port));
    for plugin in asked.policy.plugins.iter().filter(is_for_it) {
        let name = plugin.id();
        let found = plugins.iter().find(|found| found.proxy == asked.proxy && found.plugin == name);
        if found.is_none_or(|found| found.module.is_some() && !found.loaded) {
            let message =
                format!("the plugin {name} does not run at {} ({})", asked.proxy, asked.class.name());
            problems.push(traced(Some(&plugin.origin), PLUGIN_NOT_LOADED, message));
        }
    }
}

#[cfg(test)]
mod tests;

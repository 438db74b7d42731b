//! The filter that is `peer-metadata` and `stats` at once: where both go into a listener, one context for each request does.

use burgee_api::resolve::{Effective, ListenerClass, ProviderMetrics};
use burgee_filter_config::TelemetryConfig;

use super::{FilterKind, Part, filter_owner, peer_metadata, split, stats_config};
use crate::value::Value;
use crate::{Options, Owner};

/// What the name of each of these filters begins with; under discovery the class follows, then the provider.
pub(crate) const FILTER_PREFIX: &str = "burgee.telemetry.";

/// The root id of the filter in the telemetry module.
pub(crate) const ROOT_ID: &str = "telemetry";

/// The number of the provider whose metrics are written by the filter that also exchanges peers: the first that asks for
/// peers and for which there is something to write. None if there is no such provider: then the exchange has a filter of its
/// own, if anybody asks for it.
pub(crate) fn joined(policy: &Effective, class: ListenerClass, options: &Options) -> Option<usize> {
    policy.class(class).metrics.iter().position(|provider| {
        peer_metadata::is_asked_by(provider)
            && !split(policy, class, provider, options.identity).is_some_and(|split| split.is_whole())
    })
}

/// The HTTP filter that goes in front of all others into a listener of this class; none where nothing is joined.
pub(crate) fn filter(policy: &Effective, class: ListenerClass, options: &Options) -> Option<(Owner, Value)> {
    let provider = provider(policy, class, options)?;
    Some((
        filter_owner(provider),
        super::filter(part(policy, class, provider, options), &options.delivery, options),
    ))
}

/// What is delivered by name.
pub(crate) fn extension(policy: &Effective, class: ListenerClass, options: &Options) -> Option<Part> {
    let provider = provider(policy, class, options)?;
    Some(part(policy, class, provider, options))
}

fn provider<'p>(
    policy: &'p Effective,
    class: ListenerClass,
    options: &Options,
) -> Option<&'p ProviderMetrics> {
    policy.class(class).metrics.get(joined(policy, class, options)?)
}

fn part(policy: &Effective, class: ListenerClass, provider: &ProviderMetrics, options: &Options) -> Part {
    let config = TelemetryConfig {
        peer_metadata: peer_metadata::config(policy, class, options),
        stats: stats_config(policy, class, provider, options.identity),
    };
    Part::of_provider(FilterKind::Http, FILTER_PREFIX, ROOT_ID, class, provider, &config)
}

//! The filter of connections: it writes the metrics of TCP, in front of the proxy of a filter chain.

use burgee_api::resolve::{Effective, ListenerClass, ProviderMetrics};
use burgee_filter_config::Traffic;

use super::{FilterKind, Part, asked_config};
use crate::Options;
use crate::value::Value;
use crate::view;

/// What the name of each of these filters begins with.
pub(crate) const PREFIX: &str = "burgee.stats_tcp.";

/// The root id of the filter in the telemetry module.
const ROOT_ID: &str = "stats-tcp";

/// The filter of a class for one provider; none where no metric of connections is written.
pub(crate) fn part(
    policy: &Effective,
    class: ListenerClass,
    provider: &ProviderMetrics,
    options: &Options,
) -> Option<Part> {
    // No other engine makes these.
    let config = asked_config(policy, class, provider, options.identity);
    super::writes(&config, Traffic::Connections)
        .then(|| Part::of_provider(FilterKind::Network, PREFIX, ROOT_ID, class, provider, &config))
}

/// Whether a network filter's name is one of ours.
pub(crate) fn is_our_name(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// Whether a network filter is one that was written here, whatever the policy and the options were.
pub(crate) fn is_filter(filter: &Value) -> bool {
    super::is_filter(filter, FilterKind::Network, is_our_name(view::name(filter)).then_some(ROOT_ID))
}

//! The peer-metadata filter: where metrics are in force, both ends of a request learn who is at the other one.

use burgee_api::resolve::{Effective, ListenerClass};
use burgee_filter_config::{PeerMetadataConfig, PeerRole};

use super::{FilterKind, Part, extension_config};
use crate::value::Value;
use crate::view;
use crate::{ExtensionConfig, Identity, Options, Owner};

/// The name of the filter; under discovery a dot and the class follow.
pub(crate) const NAME: &str = "burgee.peer_metadata";

/// The root id of the filter in the telemetry module.
pub(crate) const ROOT_ID: &str = "peer-metadata";

/// Filters of Istio's own proxies that do the same, by type or by name.
const ISTIO_S: [&str; 3] =
    ["io.istio.http.peer_metadata.Config", "istio.metadata_exchange", "envoy.filters.http.peer_metadata"];

/// Whether the filters of a base do it already: of two the second would find nothing.
pub(crate) fn is_done(filters: &[Value]) -> bool {
    filters.iter().any(|filter| {
        let name = filter.field("typed_config").and_then(Value::any_type);
        ISTIO_S.contains(&name.unwrap_or_else(|| view::name(filter)))
    })
}

/// The HTTP filter that goes in front of all others into a listener of this class; none where there are no metrics.
pub(crate) fn filter(policy: &Effective, class: ListenerClass, options: &Options) -> Option<(Owner, Value)> {
    Some((owner(policy, class)?, super::filter(part(policy, class, options), options)))
}

/// The extension configuration that delivers it by name.
pub(crate) fn extension(
    policy: &Effective,
    class: ListenerClass,
    options: &Options,
) -> Option<ExtensionConfig> {
    owner(policy, class)?;
    Some(extension_config(part(policy, class, options), options))
}

/// Who asked for it: whoever put the class's metrics in force.
fn owner(policy: &Effective, class: ListenerClass) -> Option<Owner> {
    let metrics = &policy.class(class).metrics;
    (!metrics.is_empty()).then(|| Owner::of(metrics.iter().map(|provider| &provider.provider.origin)))
}

fn part(policy: &Effective, class: ListenerClass, options: &Options) -> Part {
    let config = PeerMetadataConfig {
        role: match class {
            ListenerClass::Inbound => PeerRole::Inbound,
            ListenerClass::Outbound => PeerRole::Outbound,
            ListenerClass::Gateway => PeerRole::Gateway,
        },
        local: match options.identity {
            Identity::Node => None,
            Identity::Written => Some(policy.workload.identity()),
        },
        ..PeerMetadataConfig::default()
    };
    Part {
        kind: FilterKind::Http,
        name: NAME.to_owned(),
        resource: format!("{NAME}.{}", class.name()),
        root_id: ROOT_ID,
        // A configuration is strings, lists and maps: nothing that JSON cannot say.
        configuration: serde_json::to_string(&config).unwrap_or_default(),
        is_disabled: false,
    }
}

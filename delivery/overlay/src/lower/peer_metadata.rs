//! The peer-metadata filter: where metrics are in force, both ends of a request learn who is at the other one.

use burgee_api::resolve::{Effective, ListenerClass, PeerMetadata, ProviderMetrics};
use burgee_filter_config::{PeerMetadataConfig, PeerRole};

use super::native::Split;
use super::{FilterKind, Part};
use crate::value::Value;
use crate::view;
use crate::{Identity, Options, Owner};

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
    Some((owner(policy, class)?, super::filter(part(policy, class, options), &options.delivery, options)))
}

/// What is delivered by name.
pub(crate) fn extension(policy: &Effective, class: ListenerClass, options: &Options) -> Option<Part> {
    owner(policy, class)?;
    Some(part(policy, class, options))
}

/// Whether a provider's metrics are to show what peers say of themselves.
pub(crate) fn is_asked_by(provider: &ProviderMetrics) -> bool {
    provider.peers.as_ref().map(|peers| peers.value).unwrap_or_default() == PeerMetadata::On
}

/// Who asked for it: whoever put the class's metrics in force.
fn owner(policy: &Effective, class: ListenerClass) -> Option<Owner> {
    let mut metrics = policy.class(class).metrics.iter().filter(|provider| is_asked_by(provider)).peekable();
    metrics.peek()?;
    Some(Owner::of(metrics.map(|provider| &provider.provider.origin)))
}

fn part(policy: &Effective, class: ListenerClass, options: &Options) -> Part {
    // A configuration is strings, lists and maps: nothing that JSON cannot say.
    let configuration = serde_json::to_string(&config(policy, class, options)).unwrap_or_default();
    Part {
        kind: FilterKind::Http,
        name: NAME.to_owned(),
        resource: format!("{NAME}.{}", class.name()),
        root_id: ROOT_ID,
        configuration,
        is_disabled: false,
    }
}

/// What the filter is told.
pub(super) fn config(policy: &Effective, class: ListenerClass, options: &Options) -> PeerMetadataConfig {
    // Each provider says the same: the mesh does.
    let labels = policy.class(class).metrics.first().and_then(|provider| provider.peer_labels.as_ref());
    PeerMetadataConfig {
        additional_labels: labels.map(|labels| labels.value.clone()).unwrap_or_default(),
        index: options.index.clone(),
        role: match class {
            ListenerClass::Inbound => PeerRole::Inbound,
            ListenerClass::Outbound => PeerRole::Outbound,
            ListenerClass::Gateway => PeerRole::Gateway,
        },
        local: match options.identity {
            Identity::Node => None,
            Identity::Written => Some(policy.workload.identity()),
        },
        // The logger has no more than operators to read what peers say.
        publish_fields: policy.class(class).metrics.iter().any(Split::is_asked_by),
        ..PeerMetadataConfig::default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use burgee_filter_config::LocalWorkload;

    use super::*;
    use crate::tests::support::{everywhere, options, provider, traced};

    #[test]
    fn the_filter_is_told_which_labels_to_tell_and_who_is_at_which_address() {
        let labels = Some(traced(vec!["team".to_owned()]));
        let policy = everywhere(vec![burgee_api::resolve::ProviderMetrics {
            peer_labels: labels,
            ..provider("prometheus")
        }]);
        let workload = LocalWorkload { workload: "db-v1".to_owned(), ..LocalWorkload::default() };
        let index = BTreeMap::from([("10.0.0.7".to_owned(), workload)]);
        let options = Options { index: index.clone(), ..options() };
        for class in ListenerClass::ALL {
            let configuration = part(&policy, class, &options).configuration;
            let config = PeerMetadataConfig::from_json(configuration.as_bytes()).unwrap();
            assert_eq!((config.additional_labels, config.index), (vec!["team".to_owned()], index.clone()));
        }
    }
}

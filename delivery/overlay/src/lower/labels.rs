//! The labels of metrics, which a bootstrap has to cut out of their names.

use std::collections::BTreeMap;

use burgee_api::Origin;
use burgee_api::resolve::{Effective, ListenerClass, MetricOverride, ProviderMetrics, TagOperation};
use burgee_filter_config::stats::BUILD_LABELS;
use burgee_filter_config::{StandardLabel, StandardMetric, Traffic, stat_name};

use super::native::Split;
use super::{is_measured, split};
use crate::value::Value;
use crate::{Identity, Owner};

/// A label that metrics carry, and who asked for it.
pub(crate) struct Label {
    /// Its name.
    pub name: String,
    /// Who asked for it.
    pub owner: Owner,
}

/// Every label that the filters' metrics of any class carry: the standard ones in their order, those of `istio_build`, then
/// those that documents add, by name. None when the filter makes no metrics: labels of the other engine are none of the bootstrap's.
pub(crate) fn labels(policy: &Effective, identity: Identity) -> Vec<Label> {
    let of_class = |class| policy.class(class).metrics.iter().map(move |provider| (class, provider));
    let mut has_filter = false;
    let mut providers: Vec<(&ProviderMetrics, Option<Split>)> = Vec::new();
    for (class, provider) in ListenerClass::ALL.into_iter().flat_map(of_class) {
        has_filter = true;
        let writes = |traffic| is_measured(policy, class, provider, traffic, identity);
        if [Traffic::Requests, Traffic::Messages, Traffic::Connections].into_iter().any(writes) {
            providers.push((provider, split(policy, class, provider, identity)));
        }
    }
    let mut added: BTreeMap<&str, Vec<&Origin>> = BTreeMap::new();
    for (provider, split) in &providers {
        let is_of_filter = |change: &&MetricOverride| {
            let metric = StandardMetric::from_stat_name(change.metric.stat_name());
            !metric.is_some_and(|metric| split.as_ref().is_some_and(|split| split.is_native(metric)))
        };
        for (name, operation) in
            provider.overrides.iter().filter(is_of_filter).flat_map(|change| &change.tags)
        {
            match &operation.value {
                TagOperation::Upsert(_) if StandardLabel::from_name(name).is_none() => {
                    added.entry(name).or_default().push(&operation.origin);
                }
                TagOperation::Upsert(_) | TagOperation::Remove => {}
            }
        }
    }
    let standard: &[StandardLabel] = if providers.is_empty() { &[] } else { &StandardLabel::ALL };
    let standard = standard.iter().map(|label| Label {
        name: label.name().to_owned(),
        owner: Owner::rule("a standard label of Istio's metrics, which Envoy cuts out of their names"),
    });
    // Whatever else it writes, where it is there it says what the proxy runs.
    let build = BUILD_LABELS.into_iter().filter(|label| has_filter && !added.contains_key(label));
    let build = build.map(|label| Label {
        name: label.to_owned(),
        owner: Owner::rule("a label of istio_build, which Envoy cuts out of its name"),
    });
    let build: Vec<Label> = build.collect();
    let added =
        added.into_iter().map(|(name, origins)| Label { name: name.to_owned(), owner: Owner::of(origins) });
    standard.chain(build).chain(added).collect()
}

/// One entry of `stats_tags`.
pub(crate) fn tag_specifier(label: &str) -> Value {
    Value::map([("tag_name", Value::string(label)), ("regex", Value::string(stat_name::tag_regex(label)))])
}

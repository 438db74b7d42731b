//! Which engine makes which metrics, and where the native one differs from the filter.

use burgee_api::Origin;
use burgee_api::resolve::{Effective, ListenerClass, ProviderMetrics, TagOperation};
use burgee_filter_config::StandardMetric;

use crate::Identity;
use crate::lower;

/// The oldest Envoy in which the native engine was tried and works.
pub const LEAST_ENVOY: &str = "1.40";

/// Which engine makes a metric of one provider.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricEngine {
    /// The provider.
    pub provider: String,
    /// The metric.
    pub metric: StandardMetric,
    /// Why the filter makes it although documents ask for the native engine; absent: it does not.
    pub stays: Option<Stays>,
}

/// Why a metric stays with the filter.
#[derive(Clone, Debug, PartialEq)]
pub struct Stays {
    /// The reason, as a sentence without a full stop.
    pub why: String,
    /// What asks for it.
    pub origin: Origin,
}

impl MetricEngine {
    /// Whether Envoy makes it itself.
    pub fn is_native(&self) -> bool {
        self.stays.is_none()
    }

    /// That it stays with the filter and why, as a sentence without a full stop, and what asks for it; nothing if Envoy
    /// makes it.
    pub fn remains(&self) -> Option<(String, &Origin)> {
        let Stays { why, origin } = self.stays.as_ref()?;
        let (metric, provider) = (self.metric.api_name(), &self.provider);
        Some((format!("{metric} of {provider} stays with the Wasm filter: {why}"), origin))
    }
}

/// Which engine makes each metric of requests at a class of listeners, where documents ask for the native one; nothing
/// otherwise. Metrics that are switched off are not there.
pub fn engines(policy: &Effective, class: ListenerClass) -> Vec<MetricEngine> {
    policy.class(class).metrics.iter().flat_map(|provider| of_provider(policy, class, provider)).collect()
}

/// The same of one provider.
pub(crate) fn of_provider(
    policy: &Effective,
    class: ListenerClass,
    provider: &ProviderMetrics,
) -> Vec<MetricEngine> {
    // Who the proxy is changes nothing about what can be said.
    let Some(split) = lower::split(policy, class, provider, Identity::Node) else { return Vec::new() };
    let native = StandardMetric::ALL.into_iter().filter(|metric| split.is_native(*metric));
    let native =
        native.map(|metric| MetricEngine { provider: provider.provider.value.clone(), metric, stays: None });
    let stays = split.stays.iter().map(|(metric, unsayable)| {
        let tag = provider
            .overrides
            .iter()
            .filter(|change| change.metric.stat_name() == metric.stat_name())
            .find_map(|change| change.tags.get(&unsayable.label))
            .filter(|tag| matches!(tag.value, TagOperation::Upsert(_)));
        let engine = provider.engine.as_ref().map(|engine| &engine.origin);
        let origin = tag.map(|tag| &tag.origin).or(engine).unwrap_or(&provider.provider.origin);
        MetricEngine {
            provider: provider.provider.value.clone(),
            metric: *metric,
            stays: Some(Stays {
                why: format!(
                    "Envoy cannot itself give its label {} the value of the document's expression, since {}",
                    unsayable.label,
                    unsayable.why.why()
                ),
                origin: origin.clone(),
            }),
        }
    });
    let mut all: Vec<MetricEngine> = native.chain(stays).collect();
    all.sort_by_key(|made| made.metric);
    all
}

/// Where the native engine says something else than the filter. There is nothing else that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NativeException {
    /// What becomes of sets of labels beyond the bound.
    BeyondBound,
    /// Series that are not written for a while.
    Eviction,
    /// Series of a listener that another one takes the place of.
    ListenerChange,
    /// Texts that cannot be shown as they are.
    UnfitTexts,
    /// Texts with the filter's own separators.
    Separators,
    /// Expressions that give an empty text.
    EmptyTags,
    /// Flags of a response that extensions have added.
    ExtensionFlags,
    /// Identities with an empty namespace.
    OddPrincipals,
    /// How soon a change of a cluster's metadata shows.
    ClusterMetadata,
    /// Settings of the bootstrap that go by the names of metrics.
    NamesInBootstrap,
    /// Who is at the other end, where Istio's own filter tells it.
    IstioPeers,
    /// What is left of the other engine when a running proxy changes its engine.
    EngineChange,
}

impl NativeException {
    /// Every one.
    pub const ALL: [NativeException; 12] = [
        NativeException::BeyondBound,
        NativeException::Eviction,
        NativeException::ListenerChange,
        NativeException::UnfitTexts,
        NativeException::Separators,
        NativeException::EmptyTags,
        NativeException::ExtensionFlags,
        NativeException::OddPrincipals,
        NativeException::ClusterMetadata,
        NativeException::NamesInBootstrap,
        NativeException::IstioPeers,
        NativeException::EngineChange,
    ];

    /// What differs.
    pub const fn text(self) -> &'static str {
        match self {
            NativeException::BeyondBound => {
                "beyond 1,000 sets of labels in a listener, requests with a new set are not counted; the filter counts \
                 them under `other`, and has its bound in each listener and worker"
            }
            NativeException::Eviction => {
                "with `stats_eviction_interval` in the bootstrap, series that are not written for that long are gone \
                 and begin again at 0; those of the filter stay"
            }
            NativeException::ListenerChange => {
                "when a listener is replaced, series that the new one does not write before the old one is drained may \
                 begin again at 0; those of the filter go on"
            }
            NativeException::UnfitTexts => {
                "a text of a client's, a peer's or an endpoint's metadata with control characters or bytes that are \
                 not UTF-8, or longer than 256 bytes and cut within a character, is `unknown`; the filter replaces the \
                 characters"
            }
            NativeException::Separators => {
                "`;.` and `=.=` in a text are shown as they are; the filter writes `_` for one character of each"
            }
            NativeException::EmptyTags => {
                "where an expression of a tag gives an empty text, the label is `unknown`; the filter's is empty"
            }
            NativeException::ExtensionFlags => {
                "response flags that extensions have registered are shown; the filter cannot see them"
            }
            NativeException::OddPrincipals => {
                "of an identity with nothing between `/ns/` and the next `/`, a later `/ns/` counts"
            }
            NativeException::ClusterMetadata => {
                "a change of a cluster's metadata shows at once; the filter takes up to 10 seconds"
            }
            NativeException::NamesInBootstrap => {
                "labels are no part of the names that `histogram_bucket_settings` and `stats_matcher` of the bootstrap \
                 see in front of a metric's own, but stand behind it; and a `fixed_value` of its `stats_tags` is on no \
                 series"
            }
            NativeException::IstioPeers => {
                "where a filter of Istio's own proxies tells who is at the other end, in the place of our \
                 `peer-metadata`, labels of the other end are read from the endpoint's metadata and certificates alone; \
                 the filter reads them from Istio's objects first"
            }
            NativeException::EngineChange => {
                "series of the engine that a running proxy had before stay on its page until it is started anew, beside \
                 those of the other engine with the same labels"
            }
        }
    }
}

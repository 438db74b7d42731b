//! What `auto` comes to: Envoy itself where it says exactly what the filter says and costs less, else the filter.
//!
//! The choice is for all metrics of a provider at a class of listeners: a filter that is met for one of them makes the
//! others for next to nothing.

use std::borrow::Cow;
use std::fmt;

use burgee_api::resolve::{Effective, ListenerClass, MetricsEngine, ProviderMetrics};
use burgee_api::{Origin, Traced};
use burgee_filter_config::metrics::Traffic;

use super::{EnvoyVersion, LEAST_ENVOY, tag_origin};
use crate::facts::Facts;
use crate::lower::native::{self, Unsayable};
use crate::lower::{self, peer_metadata};
use crate::value::Value;
use crate::view::{Listener, Shape};
use crate::{Delivery, Identity, Options};

/// Why `auto` leaves metrics to the filter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kept {
    /// Proxies tell each other who they are.
    Peers(Option<Origin>),
    /// Messages of gRPC are counted, which Envoy cannot do.
    Messages,
    /// It is not known for which Envoy this is, or that one does not have the logger.
    Envoy(Option<EnvoyVersion>),
    /// The bootstrap has settings that go by the names of metrics or by how long they were not written.
    Bootstrap,
    /// A label has a value that Envoy's formats cannot give.
    Unsayable(Unsayable, Option<Origin>),
    /// A label takes an expression that is evaluated for each metric.
    Dear(String, Option<Origin>),
    /// A label has a text that somebody else chooses.
    Chosen(String),
}

impl Kept {
    /// What decides, if that is written anywhere.
    pub fn origin(&self) -> Option<&Origin> {
        match self {
            Kept::Peers(origin) | Kept::Unsayable(_, origin) | Kept::Dear(_, origin) => origin.as_ref(),
            Kept::Messages | Kept::Envoy(_) | Kept::Bootstrap | Kept::Chosen(_) => None,
        }
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kept::Peers(_) => {
                f.write_str("proxies tell each other who they are, which takes a filter in any case")
            }
            Kept::Messages => f.write_str("it counts messages of gRPC, for which a filter is met in any case"),
            Kept::Envoy(None) => f.write_str("it is not known for which Envoy this is"),
            Kept::Envoy(Some(version)) => write!(f, "Envoy {version} does not have the other engine"),
            Kept::Bootstrap => f.write_str(
                "stats_config or stats_eviction_interval of the base would have another effect on what Envoy makes",
            ),
            Kept::Unsayable(unsayable, _) => unsayable.fmt(f),
            Kept::Dear(label, _) => {
                write!(f, "Envoy would evaluate an expression for its label {label} for each metric anew")
            }
            Kept::Chosen(label) => write!(
                f,
                "its label {label} has texts that others choose, and beyond the bound Envoy counts no new one"
            ),
        }
    }
}

/// What it depends on who makes metrics that Envoy can make.
pub(super) fn on_what() -> String {
    format!(
        "Envoy where it is {LEAST_ENVOY} or newer and the proxy's whole configuration shows that neither clusters nor \
         certificates have a part in labels"
    )
}

/// Why the filter makes a provider's metrics whatever the proxy's own configuration is; nothing if that decides.
pub(super) fn at_best(policy: &Effective, class: ListenerClass, provider: &ProviderMetrics) -> Option<Kept> {
    let ideal = Proxy { envoy: Some(LEAST_ENVOY), has_own_settings: false, facts: Facts::SILENCE };
    kept(policy, class, provider, &ideal)
}

/// What of a proxy's own configuration decides.
struct Proxy {
    envoy: Option<EnvoyVersion>,
    has_own_settings: bool,
    facts: Facts,
}

/// A policy in which the engine `auto` has given way to what it comes to in a base.
pub(crate) fn decided<'p>(
    base: &Value,
    shape: Shape,
    listeners: &[Listener<'_>],
    have_clusters_a_say: bool,
    policy: &'p Effective,
    options: &Options,
) -> Cow<'p, Effective> {
    // What is delivered by name is the same for listeners that are not here; and of a part of a configuration nobody knows
    // what else there is.
    if shape != Shape::Bootstrap || !options.is_whole || options.delivery != Delivery::Inline {
        return Cow::Borrowed(policy);
    }
    let has_own_settings =
        ["stats_config", "stats_eviction_interval"].iter().any(|name| base.field(name).is_some());
    let mut decided = Cow::Borrowed(policy);
    for class in ListenerClass::ALL {
        let managers = listeners.iter().filter(|listener| options.class_of(listener) == class);
        let managers: Vec<_> = managers.flat_map(|listener| &listener.managers).collect();
        let facts = managers.iter().fold(Facts::SILENCE, |facts, manager| {
            facts.or(Facts {
                has_peers: false,
                have_clusters_a_say,
                may_callers_have_certificates: manager.has_transport,
            })
        });
        let proxy = Proxy { envoy: options.envoy, has_own_settings, facts };
        for (number, provider) in policy.class(class).metrics.iter().enumerate() {
            let is_auto = provider.engine.as_ref().is_none_or(|engine| engine.value == MetricsEngine::Auto);
            if managers.is_empty() || !is_auto || kept(policy, class, provider, &proxy).is_some() {
                continue;
            }
            let origin = match &provider.engine {
                Some(engine) => engine.origin.clone(),
                None => {
                    Origin::Rule("nothing says which engine makes metrics, so that which costs less does")
                }
            };
            let metrics = decided.to_mut().classes.get_mut(&class).map(|policy| &mut policy.metrics);
            if let Some(provider) = metrics.and_then(|metrics| metrics.get_mut(number)) {
                provider.engine = Some(Traced { value: MetricsEngine::Native, origin });
            }
        }
    }
    decided
}

/// Why the filter makes a provider's metrics in a proxy; nothing if Envoy does.
fn kept(policy: &Effective, class: ListenerClass, provider: &ProviderMetrics, proxy: &Proxy) -> Option<Kept> {
    if peer_metadata::is_asked_by(provider) {
        return Some(Kept::Peers(provider.peers.as_ref().map(|peers| peers.origin.clone())));
    }
    let config = lower::asked_config(policy, class, provider, Identity::Written);
    if lower::writes(&config, Traffic::Messages) {
        return Some(Kept::Messages);
    }
    if proxy.envoy.is_none_or(|version| version < LEAST_ENVOY) {
        return Some(Kept::Envoy(proxy.envoy));
    }
    if proxy.has_own_settings {
        return Some(Kept::Bootstrap);
    }
    let side = native::side(policy, class, &config, proxy.facts);
    for (metric, labels) in native::metrics(&config, &side) {
        let labels = match labels {
            Ok(labels) => labels,
            Err(unsayable) => {
                let origin = tag_origin(provider, metric, &unsayable.label).cloned();
                return Some(Kept::Unsayable(unsayable, origin));
            }
        };
        if let Some((label, _)) = labels.iter().find(|(_, value)| value.is_dear()) {
            return Some(Kept::Dear(label.clone(), tag_origin(provider, metric, label).cloned()));
        }
        if let Some((label, _)) = labels.into_iter().find(|(_, value)| value.is_chosen()) {
            return Some(Kept::Chosen(label));
        }
    }
    None
}

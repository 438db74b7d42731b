//! Which engine makes which metrics, and why.

mod auto;
mod exceptions;

use std::fmt;
use std::str::FromStr;

use burgee_api::Origin;
use burgee_api::resolve::{Effective, ListenerClass, MetricsEngine, ProviderMetrics, TagOperation};
use burgee_filter_config::StandardMetric;

pub(crate) use self::auto::decided;
pub use self::exceptions::NativeException;
use crate::Identity;
use crate::lower::{self, native};

/// The oldest Envoy in which the native engine was tried and works.
pub const LEAST_ENVOY: EnvoyVersion = EnvoyVersion { major: 1, minor: 40 };

/// A version of Envoy. Patches change nothing here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EnvoyVersion {
    /// The first number.
    pub major: u32,
    /// The second.
    pub minor: u32,
}

impl fmt::Display for EnvoyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for EnvoyVersion {
    type Err = String;

    /// Reads `1.40` and whatever follows it behind a dot or a hyphen, as in `1.40.0-dev`; with or without a `v` in front.
    fn from_str(text: &str) -> Result<EnvoyVersion, String> {
        let mut parts = text.strip_prefix('v').unwrap_or(text).split(['.', '-']);
        let mut number = || parts.next().and_then(|part| part.parse().ok());
        match (number(), number()) {
            (Some(major), Some(minor)) => Ok(EnvoyVersion { major, minor }),
            _ => Err("not a version of Envoy; write one such as 1.40".to_owned()),
        }
    }
}

/// Who makes a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    /// The Wasm filter.
    Filter,
    /// Envoy.
    Envoy,
    /// Envoy where that is new enough and its configuration is whole and says little; the filter elsewhere.
    Depends,
}

/// Which engine makes a metric of one provider.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricEngine {
    /// The provider.
    pub provider: String,
    /// The metric.
    pub metric: StandardMetric,
    /// What was asked for.
    pub asked: MetricsEngine,
    /// Who makes it.
    pub maker: Maker,
    /// Why, as a sentence without a full stop.
    pub why: String,
    /// What decides; absent: nothing that is written.
    pub origin: Option<Origin>,
}

impl MetricEngine {
    /// Whether Envoy makes it itself, wherever that is.
    pub fn is_native(&self) -> bool {
        self.maker == Maker::Envoy
    }

    /// Whether the filter makes it although documents ask for the native engine.
    pub fn stays(&self) -> bool {
        self.asked == MetricsEngine::Native && self.maker == Maker::Filter
    }

    /// Who makes `metrics`, which are this one and those that are alike, and why, as a sentence without a full stop.
    pub fn text(&self, metrics: &str) -> String {
        let (provider, why) = (&self.provider, &self.why);
        match self.maker {
            Maker::Envoy => format!("Envoy itself makes {metrics} of {provider}: {why}"),
            Maker::Filter if self.stays() => {
                format!("the Wasm filter keeps {metrics} of {provider}: {why}")
            }
            Maker::Filter => format!("the Wasm filter makes {metrics} of {provider}: {why}"),
            Maker::Depends => format!("Envoy itself or the Wasm filter makes {metrics} of {provider}: {why}"),
        }
    }
}

/// Which engine makes each metric of requests at a class of listeners, as far as that can be said without a proxy's own
/// configuration. Metrics that are switched off are not there.
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
    let config = lower::asked_config(policy, class, provider, Identity::Node);
    let asked = provider.engine.as_ref();
    let engine = asked.map(|asked| asked.value).unwrap_or_default();
    let of_all = |maker: Maker, why: String, origin: Option<Origin>| {
        let side = native::side(policy, class, &config, crate::facts::Facts::SILENCE);
        let made = native::metrics(&config, &side).into_iter().map(|(metric, _)| MetricEngine {
            provider: provider.provider.value.clone(),
            metric,
            asked: engine,
            maker,
            why: why.clone(),
            origin: origin.clone(),
        });
        made.collect::<Vec<_>>()
    };
    let said = || asked.map(|asked| asked.origin.clone());
    let mut all = match engine {
        MetricsEngine::Wasm => of_all(Maker::Filter, "that is asked for".to_owned(), said()),
        MetricsEngine::Auto => match auto::at_best(policy, class, provider) {
            Some(kept) => of_all(Maker::Filter, kept.to_string(), kept.origin().cloned().or_else(said)),
            None => of_all(Maker::Depends, auto::on_what(), said()),
        },
        MetricsEngine::Native => {
            let side = native::side(policy, class, &config, crate::facts::Facts::SILENCE);
            let made = native::metrics(&config, &side).into_iter().map(|(metric, labels)| {
                let stays = labels.err();
                let origin =
                    stays.as_ref().and_then(|unsayable| tag_origin(provider, metric, &unsayable.label));
                MetricEngine {
                    provider: provider.provider.value.clone(),
                    metric,
                    asked: engine,
                    maker: if stays.is_some() { Maker::Filter } else { Maker::Envoy },
                    why: stays.map_or_else(|| "that is asked for".to_owned(), |stays| stays.to_string()),
                    origin: origin.cloned().or_else(said),
                }
            });
            made.collect()
        }
    };
    all.sort_by_key(|made| made.metric);
    all
}

/// What asks for a label of a metric, if a document does.
fn tag_origin<'p>(provider: &'p ProviderMetrics, metric: StandardMetric, label: &str) -> Option<&'p Origin> {
    let tag = provider
        .overrides
        .iter()
        .filter(|change| change.metric.stat_name() == metric.stat_name())
        .find_map(|change| change.tags.get(label))?;
    matches!(tag.value, TagOperation::Upsert(_)).then_some(&tag.origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_envoy_and_images_write_them() {
        for text in ["1.40", "1.40.0", "v1.40.3", "1.40.0-dev", "1.40-latest"] {
            assert_eq!(text.parse(), Ok(LEAST_ENVOY), "{text}");
        }
        for text in ["", "1", "latest", "v1.x", "distroless"] {
            assert!(text.parse::<EnvoyVersion>().is_err(), "{text}");
        }
        let parse = |text: &str| text.parse::<EnvoyVersion>().unwrap();
        assert!(parse("1.39.9") < LEAST_ENVOY && parse("1.100") > LEAST_ENVOY);
    }
}

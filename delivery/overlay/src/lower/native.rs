//! Metrics of HTTP requests by Envoy's own stats access logger, for whatever of them it can say.
//!
//! What is asked for is read from the configuration that the stats filter would get, so that both engines read the same.
//! A metric that the logger cannot say stays with the filter, and so do messages of gRPC and connections of TCP, which are
//! reported while they last. The filter's module is there in any case: only where a Wasm plugin is configured does Envoy
//! show names below `wasmcustom` without a prefix of its own. With nothing left to do the filter is disabled, and no request
//! meets it.

mod changes;
mod formats;
mod labels;
mod rules;

use burgee_api::resolve::{Effective, ListenerClass, MetricsEngine, ProviderMetrics};
use burgee_filter_config::stats::DEFAULT_MAX_SERIES;
use burgee_filter_config::{MetricConfig, MetricKind, StandardMetric, StatsConfig, Traffic};

use self::changes::Changes;
pub(crate) use self::changes::Unsayable;
pub(crate) use self::labels::{Side, TagValue};
use super::safe_name;
use crate::Options;
use crate::facts::Facts;
use crate::mark::Before;
use crate::value::Value;
use crate::view;

/// What the name of each of our loggers begins with. Envoy finds an access log by its type alone.
pub(crate) const PREFIX: &str = "burgee.metrics.";

const STATS_TYPE: &str = "envoy.extensions.access_loggers.stats.v3.Config";

/// The namespace of metrics that Wasm defines. Where a Wasm plugin is configured, Envoy shows what is in it without its
/// own prefix `envoy_`, so that both engines give the same names.
const NAMESPACE: &str = "wasmcustom";

/// A key of Envoy's runtime that a filter by status has to name.
const STATUS_KEY: &str = "burgee.metrics.least_status";

/// A name as our logger makes it, to try a matcher on: matchers see the whole name, labels and all.
pub(crate) const SAMPLE: &str =
    "wasmcustom.istio_requests_total.reporter.source.source_workload.web-v1.source_app.web";

/// Which engine makes which metrics of one provider at one class of listeners.
#[derive(Debug)]
pub(crate) struct Split {
    /// What the logger makes: each metric with what changes of it.
    native: Vec<(StandardMetric, Changes)>,
    /// What stays with the filter although documents ask for the other engine, and why.
    pub stays: Vec<(StandardMetric, Unsayable)>,
    /// Whether messages of gRPC are written, which the filter does in any case.
    has_messages: bool,
}

impl Split {
    /// Whether documents ask for the logger.
    pub fn is_asked_by(provider: &ProviderMetrics) -> bool {
        provider.engine.as_ref().is_some_and(|engine| engine.value == MetricsEngine::Native)
    }

    /// How the metrics of a configuration are made; nothing where documents do not ask for the logger.
    pub fn of(provider: &ProviderMetrics, config: &StatsConfig) -> Option<Split> {
        if !Split::is_asked_by(provider) {
            return None;
        }
        let has_messages = super::writes(config, Traffic::Messages);
        let mut split = Split { native: Vec::new(), stays: Vec::new(), has_messages };
        for (metric, changes) in changes::of(&config.metrics) {
            match changes {
                Ok(changes) => split.native.push((metric, changes)),
                Err(why) => split.stays.push((metric, why)),
            }
        }
        Some(split)
    }

    /// Whether the logger makes a metric.
    pub fn is_native(&self, metric: StandardMetric) -> bool {
        self.native.iter().any(|(known, _)| *known == metric)
    }

    /// Whether the logger makes any.
    pub fn has_native(&self) -> bool {
        !self.native.is_empty()
    }

    /// Whether nothing is left for the filter of requests.
    pub fn is_whole(&self) -> bool {
        self.stays.is_empty() && !self.has_messages
    }

    /// What the filter is told of the metrics that it does not make.
    pub fn leave_to_filter(&self, config: &mut StatsConfig) {
        let is_native = |name: &str| self.native.iter().any(|(metric, _)| metric.stat_name() == name);
        config.metrics.retain(|change| !is_native(&change.name));
        config.metrics.extend(self.native.iter().map(|(metric, _)| MetricConfig {
            name: metric.stat_name().to_owned(),
            drop: true,
            ..MetricConfig::default()
        }));
    }
}

/// The side that a class reports, and what it knows.
pub(crate) fn side(policy: &Effective, class: ListenerClass, config: &StatsConfig, facts: Facts) -> Side {
    Side {
        is_client: class.is_client(),
        may_use_host_header: !config.disable_host_header_fallback,
        // A policy is for one workload, whether the filter is told so or reads it from the node.
        local: policy.workload.identity(),
        facts,
    }
}

/// The labels of a metric, with what they show.
pub(crate) type Labels = Vec<(String, TagValue)>;

/// Every metric that a configuration has, with the labels that the logger would give it, or why it cannot.
pub(crate) fn metrics(config: &StatsConfig, side: &Side) -> Vec<(StandardMetric, Result<Labels, Unsayable>)> {
    let all = changes::of(&config.metrics).into_iter();
    all.map(|(metric, changes)| (metric, changes.map(|changes| changes::labels(metric, &changes, side))))
        .collect()
}

/// The access logger that makes a provider's metrics at a class of listeners, if it makes any. `before` is what the base
/// has instead of the list that it goes into.
pub(crate) fn logger(
    policy: &Effective,
    class: ListenerClass,
    provider: &ProviderMetrics,
    before: Before,
    facts: Facts,
    options: &Options,
) -> Option<Value> {
    let config = super::asked_config(policy, class, provider, options.identity);
    let split = Split::of(provider, &config).filter(Split::has_native)?;
    let side = side(policy, class, &config, facts);
    let (mut counters, mut histograms) = (Vec::new(), Vec::new());
    for (metric, changes) in &split.native {
        let stat = stat(*metric, changes, &side);
        match metric.kind() {
            MetricKind::Counter => {
                counters.push(Value::map([("stat", stat), ("value_fixed", Value::Int(1))]));
            }
            MetricKind::Histogram => {
                let (unit, format) = amount(*metric);
                histograms.push(Value::map([
                    ("stat", stat),
                    ("unit", Value::string(unit)),
                    ("value_format", Value::string(format)),
                ]));
            }
        }
    }
    let mut fields = vec![
        ("@type".to_owned(), Value::string(format!("type.googleapis.com/{STATS_TYPE}"))),
        ("stats_scope".to_owned(), scope()),
    ];
    for (name, list) in [("histograms", histograms), ("counters", counters)] {
        if !list.is_empty() {
            fields.push((name.to_owned(), Value::List(list.into())));
        }
    }
    let name = format!("{PREFIX}{}{}", safe_name(&provider.provider.value), before.suffix());
    Some(Value::map([
        ("name", Value::string(name)),
        ("filter", ended_requests()),
        ("typed_config", Value::Map(fields.into())),
    ]))
}

/// Whether an access log is one that [`logger`] wrote, whatever the policy and the options were.
pub(crate) fn is_logger(log: &Value) -> bool {
    view::name(log).starts_with(PREFIX)
        && log.field("typed_config").and_then(Value::any_type) == Some(STATS_TYPE)
}

/// A metric with its labels.
fn stat(metric: StandardMetric, changes: &Changes, side: &Side) -> Value {
    let tags =
        changes::labels(metric, changes, side).into_iter().map(|(name, value)| tag(&name, value)).collect();
    Value::map([("name", Value::string(metric.prometheus_name())), ("tags", Value::List(tags))])
}

fn tag(name: &str, value: TagValue) -> Value {
    let mut fields = vec![("name".to_owned(), Value::string(name))];
    let (format, rules) = match value {
        TagValue::Fixed(text) => (formats::literal(&text), None),
        TagValue::Format { format, rules } => (format, rules.to_matcher()),
    };
    fields.push(("value_format".to_owned(), Value::string(format)));
    fields.extend(rules.map(|rules| ("rules".to_owned(), rules)));
    Value::Map(fields.into())
}

/// What a distribution takes of each request, and in which unit.
fn amount(metric: StandardMetric) -> (&'static str, &'static str) {
    match metric {
        StandardMetric::RequestDuration => ("Milliseconds", "%DURATION%"),
        // Bodies and headers, as the filter counts them; the operators for bytes have bodies alone.
        StandardMetric::RequestSize => ("Bytes", "%CEL(request.total_size)%"),
        _ => ("Bytes", "%CEL(response.total_size)%"),
    }
}

/// The bounds of a logger. With a `sharing_name` they would be those of the whole process; but then Envoy 1.40 crashes at the
/// end of `--mode validate`, and whoever validates takes the configuration for a broken one.
fn scope() -> Value {
    // A set of labels has one counter and three distributions.
    let sets = i64::from(DEFAULT_MAX_SERIES);
    let of = |kind: MetricKind| {
        let is_of_kind =
            |metric: &&StandardMetric| metric.traffic() == Traffic::Requests && metric.kind() == kind;
        let count = StandardMetric::ALL.iter().filter(is_of_kind).count();
        Value::Int(sets.saturating_mul(i64::try_from(count).unwrap_or(1)))
    };
    Value::map([
        ("prefix", Value::string(NAMESPACE)),
        ("max_counters", of(MetricKind::Counter)),
        ("max_histograms", of(MetricKind::Histogram)),
        ("enable_eviction", Value::Bool(true)),
    ])
}

/// What the filter counts: a request once, at its end; and not what broke off before it was a request, which has neither
/// headers nor an answer.
fn ended_requests() -> Value {
    let list = |values: Vec<Value>| Value::map([("filters", Value::List(values.into()))]);
    let ended = Value::map([("types", Value::List(vec![Value::string("DownstreamEnd")].into()))]);
    let least = Value::map([("default_value", Value::Int(1)), ("runtime_key", Value::string(STATUS_KEY))]);
    let comparison = Value::map([("op", Value::string("GE")), ("value", least)]);
    let answered = Value::map([("comparison", comparison)]);
    let method = Value::map([("name", Value::string(":method")), ("present_match", Value::Bool(true))]);
    let begun = Value::map([("header", method)]);
    let either =
        list(vec![Value::map([("status_code_filter", answered)]), Value::map([("header_filter", begun)])]);
    let both = list(vec![Value::map([("log_type_filter", ended)]), Value::map([("or_filter", either)])]);
    Value::map([("and_filter", both)])
}

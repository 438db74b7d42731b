//! The `stats` filter's configuration: Istio's stats plugin JSON as it is, and what Burgee adds to it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::duration;
use crate::json::{self, JsonError};
use crate::lenient;

/// How many sets of labels one root context of the `stats` filter keeps apart.
///
/// A series that Wasm defines lives until the proxy restarts, and a client can choose some of the values; beyond
/// this many, values that a client can choose become [`OVERFLOW_VALUE`]. The number is low because a new set is
/// dear: Envoy runs every expression of `stats_tags` over each new name, which was seen to hold a worker for 6 to
/// 10 ms per set. A known set costs none of that.
pub const DEFAULT_MAX_SERIES: u32 = 1000;

/// What a proxy runs, as a metric: the name without the prefix `istio_`.
pub const BUILD_METRIC: &str = "build";

/// The labels of [`BUILD_METRIC`]: what kind of program it is, and its version.
pub const BUILD_LABELS: [&str; 2] = ["component", "tag"];

/// How often connections of TCP and streams of gRPC report while they are open, if nothing says it.
pub const DEFAULT_REPORTING_PERIOD: Duration = Duration::from_secs(5);

/// What a label shows when the table of series is full.
pub const OVERFLOW_VALUE: &str = "other";

/// What a label shows when nothing is known.
pub const UNKNOWN_VALUE: &str = "unknown";

/// Configuration of the `stats` filter.
///
/// Istio's keys are accepted in snake_case and lowerCamelCase; unknown keys are ignored, as Istio's filter does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, expecting = "a JSON object")]
pub struct StatsConfig {
    /// Never take `destination_service` from the Host header. Istio sets it on inbound and gateway listeners,
    /// where a client outside the mesh chooses that header. Default: false.
    #[serde(
        alias = "disableHostHeaderFallback",
        deserialize_with = "lenient::boolean",
        skip_serializing_if = "std::ops::Not::not"
    )]
    pub disable_host_header_fallback: bool,

    /// How often connections of TCP and streams of gRPC report while they are open, as a duration such as `5s` or
    /// `500ms`; `0s`: only at their end. Absent: 5 s.
    #[serde(
        alias = "tcpReportingDuration",
        deserialize_with = "lenient::text",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(
        feature = "schema",
        schemars(regex(pattern = r"^\s*(\d+(\.\d*)?|\.\d+)(ns|us|ms|s|m|h)?\s*$"))
    )]
    pub tcp_reporting_duration: Option<String>,

    /// What to change of the standard metrics; applied in order.
    #[serde(deserialize_with = "lenient::or_default", skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<MetricConfig>,

    /// Metrics beside the standard ones, written at the end of each request and connection.
    #[serde(deserialize_with = "lenient::or_default", skip_serializing_if = "Vec::is_empty")]
    pub definitions: Vec<Definition>,

    /// Which side this proxy reports as.
    #[serde(deserialize_with = "lenient::or_default", skip_serializing_if = "Reporter::is_unspecified")]
    pub reporter: Reporter,

    /// Who this proxy is, for proxies whose node metadata does not say so in Istio's layout.
    /// Absent: read from the node's metadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalWorkload>,

    /// How many sets of labels are kept apart; 0 means [`DEFAULT_MAX_SERIES`].
    #[serde(
        alias = "maxSeries",
        deserialize_with = "lenient::or_default",
        skip_serializing_if = "lenient::is_zero"
    )]
    pub max_series: u32,
}

impl StatsConfig {
    /// The configuration that a proxy was given as text. Nothing but white space is the default.
    ///
    /// # Errors
    /// If the text is not a JSON object of this shape; the message says where.
    pub fn from_json(text: &[u8]) -> Result<StatsConfig, JsonError> {
        json::configuration(text)
    }

    /// How often connections of TCP and streams of gRPC report while they are open; zero: only at their end.
    ///
    /// # Errors
    /// With the text that is there, if it is no duration.
    pub fn reporting_period(&self) -> Result<Duration, &str> {
        match &self.tcp_reporting_duration {
            None => Ok(DEFAULT_REPORTING_PERIOD),
            Some(text) => duration::parse(text).ok_or(text),
        }
    }

    /// The JSON Schema of this configuration.
    #[cfg(feature = "schema")]
    pub fn json_schema() -> serde_json::Value {
        schemars::schema_for!(StatsConfig).to_value()
    }
}

/// A metric beside the standard ones. Its labels are those that `metrics` adds, and no others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, expecting = "a JSON object")]
pub struct Definition {
    /// The metric's name without the prefix `istio_`. Not that of a standard metric.
    #[serde(deserialize_with = "lenient::or_default")]
    pub name: String,

    /// A CEL expression that gives a whole number. Where it gives none, or less than 0, the number is 0.
    #[serde(deserialize_with = "lenient::or_default")]
    pub value: String,

    /// What becomes of the number: `COUNTER` (the default) adds it, `GAUGE` puts it in the place of the one before,
    /// `HISTOGRAM` takes it as a value of a distribution.
    #[serde(
        rename = "type",
        deserialize_with = "lenient::or_default",
        skip_serializing_if = "String::is_empty"
    )]
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["COUNTER", "GAUGE", "HISTOGRAM"])))]
    pub kind: String,
}

/// A change of one metric, or of all of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, expecting = "a JSON object")]
pub struct MetricConfig {
    /// The metric without the prefix `istio_`, such as `requests_total`. Empty: all metrics.
    #[serde(deserialize_with = "lenient::or_default", skip_serializing_if = "String::is_empty")]
    pub name: String,

    /// Labels to add or to override, each with the CEL expression that gives its value.
    #[serde(
        deserialize_with = "lenient::or_default",
        skip_serializing_if = "std::collections::BTreeMap::is_empty"
    )]
    pub dimensions: std::collections::BTreeMap<String, String>,

    /// Standard labels to leave out.
    #[serde(
        alias = "tagsToRemove",
        deserialize_with = "lenient::or_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub tags_to_remove: Vec<String>,

    /// Do not write the metric at all. Needs a standard metric's name.
    #[serde(deserialize_with = "lenient::boolean", skip_serializing_if = "std::ops::Not::not")]
    pub drop: bool,
}

/// The text that an expression always gives, if it is nothing but a text in quotes without escapes.
pub fn text_literal(expression: &str) -> Option<&str> {
    let expression = expression.trim();
    ['\'', '"'].into_iter().find_map(|quote| {
        let text = expression.strip_prefix(quote)?.strip_suffix(quote)?;
        (!text.contains(['\'', '"', '\\', '\n', '\r'])).then_some(text)
    })
}

/// The side of a request that a proxy reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Reporter {
    /// By the listener's traffic direction: inbound is the server, anything else the client. Istio's default.
    #[default]
    #[serde(rename = "UNSPECIFIED")]
    Unspecified,
    /// A shared gateway in front of servers (a waypoint). Istio's.
    #[serde(rename = "SERVER_GATEWAY")]
    ServerGateway,
    /// The client side, whatever the listener's direction says. Burgee's.
    #[serde(rename = "CLIENT")]
    Client,
    /// The server side, whatever the listener's direction says. Burgee's.
    #[serde(rename = "SERVER")]
    Server,
}

impl Reporter {
    /// Whether the listener's direction decides.
    pub fn is_unspecified(&self) -> bool {
        *self == Reporter::Unspecified
    }
}

/// What is known of the workload that a proxy serves. Every field may be empty: the label then is empty, as
/// Istio's is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, expecting = "a JSON object")]
pub struct LocalWorkload {
    /// The workload's name, such as `web-v1`.
    #[serde(deserialize_with = "lenient::or_default")]
    pub workload: String,
    /// The workload's namespace.
    #[serde(deserialize_with = "lenient::or_default")]
    pub namespace: String,
    /// The `app` label.
    #[serde(deserialize_with = "lenient::or_default")]
    pub app: String,
    /// The `version` label.
    #[serde(deserialize_with = "lenient::or_default")]
    pub version: String,
    /// The canonical service's name.
    #[serde(alias = "canonicalService", deserialize_with = "lenient::or_default")]
    pub canonical_service: String,
    /// The canonical service's revision.
    #[serde(alias = "canonicalRevision", deserialize_with = "lenient::or_default")]
    pub canonical_revision: String,
    /// The cluster that the workload belongs to.
    #[serde(deserialize_with = "lenient::or_default")]
    pub cluster: String,
}

#[cfg(test)]
mod tests;

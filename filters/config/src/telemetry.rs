//! The configuration of the filter that is `peer-metadata` and `stats` at once.

use serde::{Deserialize, Serialize};

use crate::json::{self, JsonError};
use crate::lenient;
use crate::peer_metadata::PeerMetadataConfig;
use crate::stats::StatsConfig;

/// Configuration of the `telemetry` filter: both of its parts. One filter for both costs a request less than two, and what the
/// one part learns of the other end the other part need not ask for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, expecting = "a JSON object")]
pub struct TelemetryConfig {
    /// How the two ends of a request learn who is at the other one.
    #[serde(alias = "peerMetadata", deserialize_with = "lenient::or_default")]
    pub peer_metadata: PeerMetadataConfig,
    /// Which metrics are written.
    #[serde(deserialize_with = "lenient::or_default")]
    pub stats: StatsConfig,
}

impl TelemetryConfig {
    /// The configuration that a proxy was given as text. Nothing but white space is the default.
    ///
    /// # Errors
    /// If the text is not a JSON object of this shape; the message says where.
    pub fn from_json(text: &[u8]) -> Result<TelemetryConfig, JsonError> {
        json::configuration(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parts_are_read_and_what_is_wrong_is_refused_with_its_place() {
        let config = TelemetryConfig {
            peer_metadata: PeerMetadataConfig { max_peers: 7, ..PeerMetadataConfig::default() },
            stats: StatsConfig { max_series: 9, ..StatsConfig::default() },
        };
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(TelemetryConfig::from_json(text.as_bytes()).unwrap(), config);
        assert_eq!(TelemetryConfig::from_json(b" ").unwrap(), TelemetryConfig::default());
        for (text, expected) in [
            (&br#"{"stats": {"metrics": [{"drop": 2}]}}"#[..], "stats.metrics[0].drop"),
            (br#"{"peer_metadata": []}"#, "peer_metadata: expected a JSON object"),
            (b"[]", "expected a JSON object"),
        ] {
            let error = TelemetryConfig::from_json(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}

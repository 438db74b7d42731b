//! The `peer-metadata` filter's configuration: which side of a request it is on, and what it tells whom.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::json::{self, JsonError};
use crate::lenient;
use crate::stats::LocalWorkload;

/// How many workloads one root context of the `peer-metadata` filter remembers. Istio's filter has as many.
pub const DEFAULT_MAX_PEERS: u32 = 500;

/// Configuration of the `peer-metadata` filter. By default the listener's direction says which side it is on.
///
/// Keys are accepted in snake_case and lowerCamelCase; unknown keys are ignored, as the `stats` filter does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, expecting = "a JSON object")]
pub struct PeerMetadataConfig {
    /// Which side of requests this filter is on.
    #[serde(deserialize_with = "lenient::or_default", skip_serializing_if = "PeerRole::is_unspecified")]
    pub role: PeerRole,

    /// Labels of this workload to tell, and of others to publish, beside app, version and canonical service. This
    /// workload's are looked up in the node's metadata. Default: none.
    #[serde(
        alias = "additionalLabels",
        deserialize_with = "lenient::or_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub additional_labels: Vec<String>,

    /// Who this proxy is, for proxies whose node metadata does not say so in Istio's layout.
    /// Absent: read from the node's metadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalWorkload>,

    /// Which clusters are told who this proxy is.
    #[serde(deserialize_with = "lenient::or_default", skip_serializing_if = "Recipients::is_described")]
    pub recipients: Recipients,

    /// How many workloads are remembered, so that what they say of themselves is not read anew for each request; 0 means
    /// [`DEFAULT_MAX_PEERS`].
    #[serde(
        alias = "maxPeers",
        deserialize_with = "lenient::or_default",
        skip_serializing_if = "lenient::is_zero"
    )]
    pub max_peers: u32,

    /// Whether each field of a peer is published by itself too, as a text that metrics can show as it is, for whoever has no
    /// more than operators of formats: `%FILTER_STATE(wasm.downstream_peer_workload:PLAIN)%`. Default: not.
    #[serde(
        alias = "publishFields",
        deserialize_with = "lenient::or_default",
        skip_serializing_if = "std::ops::Not::not"
    )]
    pub publish_fields: bool,

    /// Workloads by their address, for those that say nothing of themselves. An address is written as Envoy writes it,
    /// without a port and without brackets, such as `10.0.0.7` or `fd00::7`. Default: none.
    #[serde(deserialize_with = "lenient::or_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub index: BTreeMap<String, LocalWorkload>,
}

impl PeerMetadataConfig {
    /// The configuration that a proxy was given as text. Nothing but white space is the default.
    ///
    /// # Errors
    /// If the text is not a JSON object of this shape; the message says where.
    pub fn from_json(text: &[u8]) -> Result<PeerMetadataConfig, JsonError> {
        json::configuration(text)
    }

    /// The JSON Schema of this configuration.
    #[cfg(feature = "schema")]
    pub fn json_schema() -> serde_json::Value {
        schemars::schema_for!(PeerMetadataConfig).to_value()
    }
}

/// The side of requests that a `peer-metadata` filter is on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum PeerRole {
    /// By the listener's traffic direction: inbound is the server, anything else a gateway.
    #[default]
    #[serde(rename = "UNSPECIFIED")]
    Unspecified,
    /// In front of a server: learns who calls, takes that out of the request, and answers with who it is if it was told.
    #[serde(rename = "INBOUND")]
    Inbound,
    /// Behind a client: tells who it is, learns who answers, and takes that out of the response.
    #[serde(rename = "OUTBOUND")]
    Outbound,
    /// At the edge of the mesh: does what `OUTBOUND` does. What clients say of themselves is never read, and never goes on.
    #[serde(rename = "GATEWAY")]
    Gateway,
}

impl PeerRole {
    /// Whether the listener's direction decides.
    pub fn is_unspecified(&self) -> bool {
        *self == PeerRole::Unspecified
    }
}

/// The clusters that are told who this proxy is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Recipients {
    /// Those whose metadata says which service of the mesh they stand for (`filter_metadata.istio.services`) and does not
    /// call them external. Nobody outside of the mesh learns anything, whatever else a proxy leads to.
    #[default]
    #[serde(rename = "DESCRIBED")]
    Described,
    /// All whose metadata does not call them external, and that are not `PassthroughCluster`. What Istio's filter does when it
    /// is told to skip external clusters.
    #[serde(rename = "NOT_EXTERNAL")]
    NotExternal,
}

impl Recipients {
    /// Whether a cluster has to be described to be told.
    pub fn is_described(&self) -> bool {
        *self == Recipients::Described
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_the_default_says_nothing() {
        assert_eq!(serde_json::to_string(&PeerMetadataConfig::default()).unwrap(), "{}");
        let config = PeerMetadataConfig {
            role: PeerRole::Gateway,
            additional_labels: vec!["role".to_owned()],
            local: Some(LocalWorkload { workload: "web-v1".to_owned(), ..LocalWorkload::default() }),
            recipients: Recipients::NotExternal,
            max_peers: 7,
            publish_fields: true,
            index: [("10.0.0.7".to_owned(), LocalWorkload::default())].into(),
        };
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(PeerMetadataConfig::from_json(text.as_bytes()).unwrap(), config);
        for empty in
            [&b""[..], b" \n", b"{}", br#"{"role": null, "index": null, "maxPeers": null, "other": 1}"#]
        {
            assert_eq!(PeerMetadataConfig::from_json(empty).unwrap(), PeerMetadataConfig::default());
        }
    }

    #[test]
    fn what_is_wrong_is_refused_with_its_place() {
        for (text, expected) in [
            (&br#"{"role": "SIDEWAYS"}"#[..], "role: "),
            (br#"{"additionalLabels": "role"}"#, "additionalLabels: expected"),
            (br#"{"index": {"10.0.0.7": "web"}}"#, "index[\"10.0.0.7\"]: expected a JSON object"),
            (b"[]", "expected a JSON object"),
        ] {
            let error = PeerMetadataConfig::from_json(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}

//! The workload at the other end, as a filter of the mesh publishes it for whoever comes after: other filters, expressions
//! and access logs.
//!
//! It is a `google.protobuf.Struct` in the filter state, under `wasm.downstream_peer` for who called and
//! `wasm.upstream_peer` for who was called; the fields have the names of Istio's own object. What it says is what the
//! other side said of itself, which need not be true.

use crate::host::HostError;
use crate::protobuf_struct::{self, StructValue, StructWriter};

/// The property of the workload that called. Expressions outside of Wasm have it as
/// `filter_state['wasm.downstream_peer']`.
pub const DOWNSTREAM_PEER: &str = burgee_filter_config::peer_fields::DOWNSTREAM_PEER;

/// The property of the workload that was called. Expressions outside of Wasm have it as
/// `filter_state['wasm.upstream_peer']`.
pub const UPSTREAM_PEER: &str = burgee_filter_config::peer_fields::UPSTREAM_PEER;

/// What is known of a workload. What is not known is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerWorkload {
    /// The workload's name, such as `web-v1`.
    pub workload: Vec<u8>,
    /// Its namespace.
    pub namespace: Vec<u8>,
    /// Its cluster.
    pub cluster: Vec<u8>,
    /// The canonical service's name.
    pub canonical_service: Vec<u8>,
    /// The canonical service's revision.
    pub canonical_revision: Vec<u8>,
    /// The app that it belongs to.
    pub app: Vec<u8>,
    /// The app's version.
    pub version: Vec<u8>,
    /// What kind of workload: `pod`, `deployment`, `job` or `cronjob`.
    pub kind: Vec<u8>,
    /// The instance's name, such as that of a pod.
    pub name: Vec<u8>,
    /// Who it says it is, as a SPIFFE identity.
    pub identity: Vec<u8>,
    /// The region that it runs in.
    pub region: Vec<u8>,
    /// The zone that it runs in.
    pub zone: Vec<u8>,
    /// Labels beside those above, by name: those that the mesh chose to exchange.
    pub labels: Vec<(Vec<u8>, Vec<u8>)>,
}

impl PeerWorkload {
    /// The field of that name, as expressions write it; nothing if there is none.
    pub fn field_mut(&mut self, name: &[u8]) -> Option<&mut Vec<u8>> {
        self.fields_mut().into_iter().find(|(known, _)| known.as_bytes() == name).map(|(_, field)| field)
    }

    /// The names of the fields, as expressions write them, and the fields.
    fn fields_mut(&mut self) -> [(&'static str, &mut Vec<u8>); 12] {
        [
            ("app", &mut self.app),
            ("availability_zone", &mut self.zone),
            ("cluster", &mut self.cluster),
            ("identity", &mut self.identity),
            ("name", &mut self.name),
            ("namespace", &mut self.namespace),
            ("region", &mut self.region),
            ("revision", &mut self.canonical_revision),
            ("service", &mut self.canonical_service),
            ("type", &mut self.kind),
            ("version", &mut self.version),
            ("workload", &mut self.workload),
        ]
    }

    /// What is published.
    pub fn into_bytes(mut self) -> Vec<u8> {
        let mut writer = StructWriter::default();
        for (name, value) in self.fields_mut() {
            writer.set_text_if_any(name.as_bytes(), value);
        }
        if !self.labels.is_empty() {
            let mut labels = StructWriter::default();
            for (name, value) in &self.labels {
                labels.set_text(name, value);
            }
            writer.set_struct(b"labels", labels);
        }
        writer.into_bytes()
    }

    /// What was published.
    ///
    /// # Errors
    /// `ParseFailure` if it was something else.
    pub fn from_bytes(bytes: &[u8]) -> Result<PeerWorkload, HostError> {
        let mut peer = PeerWorkload::default();
        let mut labels: &[u8] = b"";
        protobuf_struct::read(bytes, |key, value| match value {
            StructValue::Text(text) => {
                if let Some(field) = peer.field_mut(key) {
                    *field = text.to_vec();
                }
            }
            StructValue::Struct(fields) if key == b"labels" => labels = fields,
            StructValue::Struct(_) | StructValue::Other => {}
        })?;
        protobuf_struct::read(labels, |name, value| {
            if let StructValue::Text(text) = value {
                peer.labels.push((name.to_vec(), text.to_vec()));
            }
        })?;
        Ok(peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_published_is_read_again() {
        let mut peer =
            PeerWorkload { labels: vec![(b"role".to_vec(), b"db".to_vec())], ..PeerWorkload::default() };
        for (name, field) in peer.fields_mut() {
            *field = name.to_uppercase().into_bytes();
        }
        let bytes = peer.clone().into_bytes();
        assert_eq!(PeerWorkload::from_bytes(&bytes), Ok(peer));
        assert_eq!(PeerWorkload::from_bytes(b""), Ok(PeerWorkload::default()));
        assert_eq!(PeerWorkload::default().into_bytes(), b"");
        assert_eq!(PeerWorkload::from_bytes(b"\xff"), Err(HostError::ParseFailure));
    }
}

//! Each field of a peer as a text of its own, for metrics whose maker has no more than operators to read it.

use std::cell::RefCell;
use std::rc::Rc;

use burgee_filter_config::peer_fields::{FIELDS, property};
use burgee_filter_config::stat_name::clean_value;
use burgee_kit::peer::PeerWorkload;
use burgee_kit::recent::Recent;
use burgee_kit::{Host, HostError};

/// What is published of each peer, by what is published of it as a whole. It was cleaned: a metric can show it as it is.
#[derive(Debug)]
pub struct Fields {
    known: RefCell<Recent<Rc<[String; FIELDS.len()]>>>,
    /// The properties of who called and of who was called.
    names: [(&'static str, [String; FIELDS.len()]); 2],
}

impl Fields {
    /// For so many peers, and for these two properties.
    pub fn new(max_peers: usize, peers: [&'static str; 2]) -> Fields {
        let names = peers.map(|peer| (peer, FIELDS.map(|(field, _)| property(peer, field))));
        Fields { known: RefCell::new(Recent::new(max_peers)), names }
    }

    /// Publishes every field, those that are not known too: as the text that stands for them.
    ///
    /// # Errors
    /// If the host refuses one.
    pub fn publish<H: Host>(&self, host: &H, peer: &str, whole: &[u8]) -> Result<(), HostError> {
        let Ok(mut known) = self.known.try_borrow_mut() else { return Ok(()) };
        let Some(values) = known.get(whole, || values(whole)) else { return Ok(()) };
        let names = self.names.iter().find(|(known, _)| *known == peer);
        for (name, value) in names.into_iter().flat_map(|(_, names)| names.iter().zip(values.iter())) {
            host.set_property(&[name], value.as_bytes())?;
        }
        Ok(())
    }
}

/// The fields of a peer in their order.
fn values(whole: &[u8]) -> Option<Rc<[String; FIELDS.len()]>> {
    let peer = PeerWorkload::from_bytes(whole).ok()?;
    Some(Rc::new(FIELDS.map(|(field, unknown)| {
        let value = match field {
            "workload" => &peer.workload,
            "namespace" => &peer.namespace,
            "service" => &peer.canonical_service,
            "revision" => &peer.canonical_revision,
            "app" => &peer.app,
            "version" => &peer.version,
            "cluster" => &peer.cluster,
            "identity" => &peer.identity,
            _ => return unknown.to_owned(),
        };
        if value.is_empty() { unknown.to_owned() } else { clean_value(value) }
    })))
}

#[cfg(test)]
mod tests {
    use burgee_kit::fake::FakeHost;
    use burgee_kit::peer::{DOWNSTREAM_PEER, UPSTREAM_PEER};

    use super::*;

    #[test]
    fn every_field_has_a_clean_text_whatever_the_peer_says() {
        let peer = PeerWorkload {
            workload: b"web\xff;.;".to_vec(),
            namespace: b"shop".to_vec(),
            identity: b"spiffe://td/ns/shop/sa/web".to_vec(),
            ..PeerWorkload::default()
        };
        let (host, fields) = (FakeHost::new(), Fields::new(2, [DOWNSTREAM_PEER, UPSTREAM_PEER]));
        // The second time from what is remembered.
        for _ in 0..2 {
            fields.publish(&host, UPSTREAM_PEER, &peer.clone().into_bytes()).unwrap();
        }
        let shown =
            |name: &str| host.property(&[name]).unwrap().map(|value| String::from_utf8(value).unwrap());
        assert_eq!(shown("upstream_peer_workload").as_deref(), Some("web\u{fffd}_.;"));
        assert_eq!(shown("upstream_peer_namespace").as_deref(), Some("shop"));
        assert_eq!(shown("upstream_peer_identity").as_deref(), Some("spiffe://td/ns/shop/sa/web"));
        assert_eq!(shown("upstream_peer_revision").as_deref(), Some("latest"));
        for field in ["service", "app", "version", "cluster"] {
            assert_eq!(shown(&format!("upstream_peer_{field}")).as_deref(), Some("unknown"), "{field}");
        }
        assert_eq!(shown("downstream_peer_workload"), None);
    }

    #[test]
    fn what_is_no_peer_is_not_published() {
        let (host, fields) = (FakeHost::new(), Fields::new(2, [DOWNSTREAM_PEER, UPSTREAM_PEER]));
        fields.publish(&host, DOWNSTREAM_PEER, b"\xff").unwrap();
        assert_eq!(host.property(&["downstream_peer_workload"]), Ok(None));
    }
}

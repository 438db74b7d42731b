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
    let mut peer = PeerWorkload::from_bytes(whole).ok()?;
    Some(Rc::new(FIELDS.map(|(field, unknown)| {
        let value = peer.field_mut(field.as_bytes()).filter(|value| !value.is_empty());
        value.map_or_else(|| unknown.to_owned(), |value| clean_value(value))
    })))
}

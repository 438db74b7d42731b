//! Who both ends of a connection are, by their certificates.

use std::rc::Rc;

use burgee_kit::LogHost;
use burgee_kit::attributes::{
    CONNECTION_ID, CONNECTION_LOCAL_SAN, CONNECTION_PEER_SAN, CONNECTION_TLS_VERSION, UPSTREAM_LOCAL_SAN,
    UPSTREAM_PEER_SAN, UPSTREAM_TLS_VERSION,
};

/// How many connections are remembered at once. Two connections on one place only cost a look-up more.
const PLACES: u64 = 256;

/// The two ends of a connection. The first URI SAN of each certificate; nothing on plain text.
#[derive(Clone, Debug, Default)]
pub struct Principals {
    /// The other side.
    pub peer: Option<Rc<[u8]>>,
    /// This proxy.
    pub local: Option<Rc<[u8]>>,
}

impl Principals {
    /// Those of the connection to the upstream.
    pub fn of_upstream<H: LogHost>(host: &H) -> Principals {
        if UPSTREAM_TLS_VERSION.get(host).is_none() {
            return Principals::default();
        }
        Principals {
            peer: principal(UPSTREAM_PEER_SAN.get(host)),
            local: principal(UPSTREAM_LOCAL_SAN.get(host)),
        }
    }

    fn of_downstream<H: LogHost>(host: &H) -> Principals {
        if CONNECTION_TLS_VERSION.get(host).is_none() {
            return Principals::default();
        }
        Principals {
            peer: principal(CONNECTION_PEER_SAN.get(host)),
            local: principal(CONNECTION_LOCAL_SAN.get(host)),
        }
    }
}

fn principal(san: Option<Vec<u8>>) -> Option<Rc<[u8]>> {
    san.filter(|san| !san.is_empty()).map(Rc::from)
}

/// The principals of connections from clients. They hold for as long as the connection does, and a connection's
/// number is not given to another one.
#[derive(Debug, Default)]
pub struct Connections {
    places: Vec<Option<(u64, Principals)>>,
}

impl Connections {
    /// The principals of the current stream's connection.
    pub fn principals<H: LogHost>(&mut self, host: &H) -> Principals {
        let Some(id) = CONNECTION_ID.get(host) else {
            return Principals::of_downstream(host);
        };
        if self.places.is_empty() {
            self.places.resize_with(PLACES as usize, || None);
        }
        let place = usize::try_from(id % PLACES).ok().and_then(|index| self.places.get_mut(index));
        match place {
            Some(Some((known, principals))) if *known == id => principals.clone(),
            Some(place) => {
                let principals = Principals::of_downstream(host);
                *place = Some((id, principals.clone()));
                principals
            }
            None => Principals::of_downstream(host),
        }
    }
}

#[cfg(test)]
mod tests {
    use burgee_kit::fake::FakeHost;

    use super::*;

    #[test]
    fn a_connection_is_asked_for_its_principals_once() {
        let host = FakeHost::new();
        host.set("connection.tls_version", "TLSv1.3");
        let mut connections = Connections::default();
        for id in [7_u64, 7, 263, 7] {
            let peer = format!("spiffe://td/ns/n/sa/{id}");
            host.set("connection.id", id.to_le_bytes());
            host.set("connection.uri_san_peer_certificate", peer.as_str());
            let principals = connections.principals(&host);
            assert_eq!(principals.peer.as_deref(), Some(peer.as_bytes()));
            assert!(principals.local.is_none());
        }
        let before = host.property_reads();
        connections.principals(&host);
        assert_eq!(host.property_reads() - before, 1);
    }

    #[test]
    fn plain_text_has_no_principals_and_is_asked_no_more() {
        let host = FakeHost::new();
        host.set("connection.id", 1_u64.to_le_bytes());
        host.set("connection.uri_san_peer_certificate", "stale");
        let mut connections = Connections::default();
        assert!(connections.principals(&host).peer.is_none());
        assert_eq!(host.property_reads(), 2);
        assert!(Principals::of_upstream(&host).peer.is_none());
        assert_eq!(host.property_reads(), 3);
    }
}

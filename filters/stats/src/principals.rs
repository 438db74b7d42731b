//! Who both ends of a connection are, by their certificates, and what is known of an endpoint.

use std::rc::Rc;

use burgee_kit::LogHost;
use burgee_kit::attributes::{
    CONNECTION_ID, CONNECTION_LOCAL_SAN, CONNECTION_PEER_SAN, CONNECTION_TLS_VERSION, ENDPOINT_WORKLOAD,
    UPSTREAM_ADDRESS, UPSTREAM_LOCAL_SAN, UPSTREAM_PEER_SAN, UPSTREAM_TLS_VERSION,
};
use burgee_kit::by_cluster::ByCluster;

use crate::peer::Peer;
use crate::value::push_text;

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
    /// Appends what tells them from others.
    pub fn push_key(&self, key: &mut Vec<u8>) {
        for principal in [&self.peer, &self.local] {
            push_text(key, principal.as_deref().unwrap_or_default());
        }
    }

    /// Those of the connection to the upstream.
    fn of_upstream<H: LogHost>(host: &H) -> Principals {
        if !UPSTREAM_TLS_VERSION.is_there(host) {
            return Principals::default();
        }
        Principals {
            peer: principal(UPSTREAM_PEER_SAN.get(host)),
            local: principal(UPSTREAM_LOCAL_SAN.get(host)),
        }
    }

    fn of_downstream<H: LogHost>(host: &H) -> Principals {
        if !CONNECTION_TLS_VERSION.is_there(host) {
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

/// An endpoint that requests went to.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Who both ends of a connection to it are.
    pub principals: Principals,
    /// Who is there, as its metadata says.
    pub peer: Rc<Peer>,
}

impl Endpoint {
    /// One of which nothing is known.
    fn unknown() -> Endpoint {
        Endpoint { principals: Principals::default(), peer: Rc::new(Peer::unknown()) }
    }
}

/// The endpoints seen so far. What is known of one holds for some seconds: for all that time an address is taken to have the
/// same metadata and, within a cluster, the same certificates.
#[derive(Debug)]
pub struct Endpoints {
    known: ByCluster<Rc<Endpoint>>,
    /// Where there was no upstream.
    nobody: Rc<Endpoint>,
    key: Vec<u8>,
}

impl Default for Endpoints {
    fn default() -> Endpoints {
        Endpoints { known: ByCluster::default(), nobody: Rc::new(Endpoint::unknown()), key: Vec::new() }
    }
}

impl Endpoints {
    /// The endpoint of the current request, in that cluster.
    pub fn endpoint<H: LogHost>(&mut self, host: &H, cluster: &[u8]) -> Rc<Endpoint> {
        let Endpoints { known, nobody, key } = self;
        key.clear();
        key.extend_from_slice(cluster);
        key.push(0);
        let before = key.len();
        UPSTREAM_ADDRESS.show(host, &mut |address| key.extend_from_slice(address));
        if key.len() == before {
            return Rc::clone(nobody);
        }
        known.get(host, key, || {
            let peer = ENDPOINT_WORKLOAD.get(host).map(|text| Peer::of_endpoint(&text));
            Rc::new(Endpoint {
                principals: Principals::of_upstream(host),
                peer: Rc::new(peer.unwrap_or_else(Peer::unknown)),
            })
        })
    }
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

    #[test]
    fn an_endpoint_is_asked_once_in_each_cluster_and_again_after_a_while() {
        let host = FakeHost::new();
        host.set("upstream.address", "10.0.0.7:80");
        host.set("upstream.tls_version", "TLSv1.3");
        host.set("upstream.uri_san_peer_certificate", "spiffe://td/ns/n/sa/old");
        let mut endpoints = Endpoints::default();
        let peer = |endpoints: &mut Endpoints, cluster: &[u8]| {
            let endpoint = endpoints.endpoint(&host, cluster);
            String::from_utf8(endpoint.principals.peer.as_deref().unwrap().to_vec()).unwrap()
        };
        assert_eq!(peer(&mut endpoints, b"a"), "spiffe://td/ns/n/sa/old");
        host.set("upstream.uri_san_peer_certificate", "spiffe://td/ns/n/sa/new");
        let before = host.property_reads();
        assert_eq!(peer(&mut endpoints, b"a"), "spiffe://td/ns/n/sa/old");
        assert_eq!(host.property_reads() - before, 1);
        assert_eq!(peer(&mut endpoints, b"b"), "spiffe://td/ns/n/sa/new");
        host.set_now_nanoseconds(60_000_000_000);
        assert_eq!(peer(&mut endpoints, b"a"), "spiffe://td/ns/n/sa/new");
    }
}

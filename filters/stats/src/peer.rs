//! Who is at the other end of a request: what a filter before this one published, the endpoint's metadata, certificates.

use std::rc::Rc;

use burgee_filter_config::peer_fields::FIELDS;
use burgee_kit::LogHost;
use burgee_kit::peer::{DOWNSTREAM_PEER, PeerWorkload, UPSTREAM_PEER};
use burgee_kit::recent::Recent;

use crate::id::Id;
use crate::value::Value;

/// How many workloads are remembered for each end.
const MAX_PEERS: usize = 500;

/// What is known of a workload.
#[derive(Debug)]
pub struct Peer {
    /// Tells it from others.
    pub id: Id,
    /// The workload's name.
    pub workload: Option<Value>,
    /// The workload's namespace.
    pub namespace: Option<Value>,
    /// The canonical service's name.
    pub canonical_service: Option<Value>,
    /// The canonical service's revision; where an endpoint's metadata says it, left out where it is the default one.
    pub canonical_revision: Option<Value>,
    /// The app that it belongs to.
    pub app: Option<Value>,
    /// The app's version.
    pub version: Option<Value>,
    /// The workload's cluster.
    pub cluster: Option<Value>,
    /// Who it says it is.
    pub identity: Option<Value>,
}

impl Peer {
    /// A workload of which nothing is known.
    pub fn unknown() -> Peer {
        Peer {
            id: Id::next(),
            workload: None,
            namespace: None,
            canonical_service: None,
            canonical_revision: None,
            app: None,
            version: None,
            cluster: None,
            identity: None,
        }
    }

    /// The workload behind an endpoint, as Istio's control plane writes it into the endpoint's metadata:
    /// `workload;namespace;canonical-name;canonical-revision;cluster`. With fewer than five parts it says nothing.
    pub fn of_endpoint(metadata: &[u8]) -> Peer {
        let mut parts = metadata.split(|byte| *byte == b';');
        let [Some(workload), Some(namespace), Some(service), Some(revision), Some(cluster)] =
            [(); 5].map(|()| parts.next())
        else {
            return Peer::unknown();
        };
        Peer {
            workload: Value::text(Some(workload)),
            namespace: Value::text(Some(namespace)),
            canonical_service: Value::text(Some(service)),
            canonical_revision: Value::text(Some(revision)),
            cluster: Value::text(Some(cluster)),
            ..Peer::unknown()
        }
    }

    /// A workload that was published. It said all of it itself, and need not say the same the next time.
    fn of_workload(workload: &PeerWorkload) -> Peer {
        let chosen = |text: &[u8]| (!text.is_empty()).then(|| Value::Chosen(text.into()));
        Peer {
            workload: chosen(&workload.workload),
            namespace: chosen(&workload.namespace),
            canonical_service: chosen(&workload.canonical_service),
            canonical_revision: chosen(&workload.canonical_revision),
            app: chosen(&workload.app),
            version: chosen(&workload.version),
            cluster: chosen(&workload.cluster),
            identity: chosen(&workload.identity),
            ..Peer::unknown()
        }
    }
}

/// Which end of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The one that the request comes from.
    Downstream,
    /// The one that it goes to.
    Upstream,
}

/// How it is known who is at the ends of a request.
#[derive(Clone, Copy, Debug)]
pub enum Ends<'a> {
    /// By what another filter published.
    LookedFor,
    /// It is said here, as `peer-metadata` publishes it; nobody else does.
    Told {
        /// Who sent the request.
        caller: Option<&'a [u8]>,
        /// Who it went to.
        called: Option<&'a [u8]>,
    },
}

/// Who publishes workloads on this listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Publisher {
    /// A filter of Istio's own proxies, as an object of that name in the filter state.
    Istio(&'static str),
    /// The filter `peer-metadata`.
    PeerMetadata,
}

/// Reads who is at one end.
#[derive(Debug)]
pub struct Peers {
    end: End,
    /// Who published the first workload that was found. There is one in a chain of filters, so from then on only that is
    /// asked for.
    publisher: Option<Publisher>,
    /// How many requests there were before it.
    misses: u32,
    /// By what was published.
    known: Recent<Rc<Peer>>,
}

impl Peers {
    /// Nobody was at this end yet.
    pub fn new(end: End) -> Peers {
        Peers { end, publisher: None, misses: 0, known: Recent::new(MAX_PEERS) }
    }

    /// Who is at this end of the current request, if that is known.
    pub fn at<H: LogHost>(&mut self, host: &H, ends: Ends<'_>) -> Option<Rc<Peer>> {
        match ends {
            Ends::LookedFor => self.read(host),
            Ends::Told { caller, called } => {
                let told = if self.end == End::Downstream { caller } else { called };
                self.of_bytes(told?)
            }
        }
    }

    /// Who is at this end of the current request, if that was published.
    fn read<H: LogHost>(&mut self, host: &H) -> Option<Rc<Peer>> {
        let [property, objects @ ..] = match self.end {
            End::Downstream => [DOWNSTREAM_PEER, "downstream_peer_obj", "downstream_peer"],
            End::Upstream => [UPSTREAM_PEER, "upstream_peer_obj", "upstream_peer"],
        };
        match self.publisher {
            Some(Publisher::Istio(object)) => return self.of_istio(host, object),
            Some(Publisher::PeerMetadata) => return self.of_property(host, property),
            None => {}
        }
        // Nobody has to be there at all, and each look costs. So Istio's is looked for ever less often.
        self.misses = self.misses.saturating_add(1);
        if self.misses.is_power_of_two() {
            for object in objects {
                if let Some(peer) = self.of_istio(host, object) {
                    self.publisher = Some(Publisher::Istio(object));
                    return Some(peer);
                }
            }
        }
        let peer = self.of_property(host, property)?;
        self.publisher = Some(Publisher::PeerMetadata);
        Some(peer)
    }

    /// What `peer-metadata` published: one read for all of it.
    fn of_property<H: LogHost>(&mut self, host: &H, property: &str) -> Option<Rc<Peer>> {
        let mut peer = None;
        // Why there is none is nobody's question here.
        let _ = host.show_property(&[property], &mut |published| {
            peer = self.of_bytes(published);
        });
        peer
    }

    fn of_bytes(&mut self, published: &[u8]) -> Option<Rc<Peer>> {
        self.known.get(published, || {
            let workload = PeerWorkload::from_bytes(published).ok()?;
            Some(Rc::new(Peer::of_workload(&workload)))
        })
    }

    /// A workload that a filter of Istio's own proxies published: an object that has to be asked for each field.
    fn of_istio<H: LogHost>(&mut self, host: &H, object: &str) -> Option<Rc<Peer>> {
        let mut workload = PeerWorkload::default();
        for (name, _) in FIELDS {
            let value = host.property(&["filter_state", object, name]).ok().flatten().unwrap_or_default();
            // It is asked for first: without it nobody published anything.
            if name == "workload" && value.is_empty() {
                return None;
            }
            if let Some(field) = workload.field_mut(name.as_bytes()) {
                *field = value;
            }
        }
        self.of_bytes(&workload.into_bytes())
    }
}

/// The namespace in a SPIFFE identity, `spiffe://DOMAIN/ns/NAMESPACE/sa/ACCOUNT`.
pub fn namespace_of_principal(principal: &[u8]) -> Option<Rc<[u8]>> {
    const MARK: &[u8] = b"/ns/";
    let start = principal.windows(MARK.len()).position(|window| window == MARK)?.checked_add(MARK.len())?;
    let namespace = principal.get(start..)?.split(|byte| *byte == b'/').next()?;
    (!namespace.is_empty()).then(|| namespace.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_stands_between_its_mark_and_the_next_slash() {
        for (principal, namespace) in [
            ("spiffe://cluster.local/ns/shop/sa/web", Some("shop")),
            ("spiffe://cluster.local/ns/shop", Some("shop")),
            ("spiffe://cluster.local/ns//sa/web", None),
            ("spiffe://cluster.local/sa/web", None),
            ("/ns/", None),
            ("", None),
        ] {
            let found = namespace_of_principal(principal.as_bytes());
            assert_eq!(found.as_deref(), namespace.map(str::as_bytes), "{principal}");
        }
    }

    #[test]
    fn an_endpoint_says_something_only_with_five_parts() {
        let text = |value: Option<Value>| value.map(|value| value.clean_text());
        let endpoint = Peer::of_endpoint(b"web-v1;shop;web;;east;more");
        assert_eq!(text(endpoint.workload).as_deref(), Some("web-v1"));
        assert_eq!(text(endpoint.namespace).as_deref(), Some("shop"));
        assert_eq!(text(endpoint.canonical_service).as_deref(), Some("web"));
        assert_eq!(text(endpoint.canonical_revision), None);
        assert_eq!(text(endpoint.cluster).as_deref(), Some("east"));
        for short in ["", "web-v1", "web-v1;shop;web;v1"] {
            assert!(Peer::of_endpoint(short.as_bytes()).workload.is_none(), "{short}");
        }
    }
}

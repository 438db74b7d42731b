//! Who is at the other end of a connection, by its certificate.

use std::sync::Arc;

use burgee_api::resolve::Workload;

/// The other end of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// The identities that its certificate says it has; none: there is no authentication.
    pub identities: Option<Arc<[Identity]>>,
}

/// A SPIFFE identity in Istio's form: `spiffe://DOMAIN/ns/NAMESPACE/sa/ACCOUNT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The trust domain.
    pub domain: String,
    /// The namespace.
    pub namespace: String,
    /// The service account.
    pub account: String,
}

/// Why a proxy is not who it says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    /// Its certificate says nothing of use.
    #[error("the proxy's certificate has no identity such as spiffe://cluster.local/ns/NAMESPACE/sa/ACCOUNT")]
    Nobody,
    /// The id of its node is of another namespace, or of none.
    #[error(
        "the id of the node, {0:?}, is not one of the namespace {1}; with certificates it has to be in Istio's form, \
         sidecar~IP~POD.NAMESPACE~DOMAIN, since what a proxy refuses is held back by it"
    )]
    Id(String, String),
    /// It is another's.
    #[error("the node says that the proxy is {0}, and its certificate is one of {1}")]
    Other(String, String),
}

impl Identity {
    /// Reads a URI; none if it is no such identity.
    pub fn parse(uri: &str) -> Option<Identity> {
        let mut parts = uri.strip_prefix("spiffe://")?.split('/');
        let (domain, ns, namespace, sa, account) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_whole = parts.next().is_none() && ns == "ns" && sa == "sa";
        let is_named = ![domain, namespace, account].contains(&"");
        (is_whole && is_named).then(|| Identity {
            domain: domain.to_owned(),
            namespace: namespace.to_owned(),
            account: account.to_owned(),
        })
    }
}

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "spiffe://{}/ns/{}/sa/{}", self.domain, self.namespace, self.account)
    }
}

impl Peer {
    /// The service account of the other end, where its certificate leaves no doubt which one it is in a namespace.
    pub fn account_in(&self, namespace: &str) -> Option<&str> {
        let mut fitting =
            self.identities.iter().flat_map(|all| all.iter()).filter(|it| it.namespace == namespace);
        let first = fitting.next()?;
        fitting.all(|other| other.account == first.account).then_some(first.account.as_str())
    }

    /// Whether the other end may have this id for its node, as a proxy of this namespace.
    ///
    /// # Errors
    ///
    /// It may not.
    pub fn may_have_id(&self, id: &str, namespace: &str) -> Result<(), PeerError> {
        let says = |id: &str| Workload::from_node(&serde_json::json!({"id": id})).ok();
        if self.identities.is_none() || says(id).is_some_and(|says| says.namespace == namespace) {
            return Ok(());
        }
        Err(PeerError::Id(id.to_owned(), namespace.to_owned()))
    }

    /// Whether the other end may be a proxy of this workload: its namespace is that of its certificate, and so is its service
    /// account where the workload names one.
    ///
    /// # Errors
    ///
    /// It may not.
    pub fn may_serve(&self, workload: &Workload) -> Result<(), PeerError> {
        let Some(identities) = &self.identities else { return Ok(()) };
        if identities.is_empty() {
            return Err(PeerError::Nobody);
        }
        let fits = |identity: &Identity| {
            let account = workload.service_account.as_ref();
            identity.namespace == workload.namespace && account.is_none_or(|it| *it == identity.account)
        };
        if identities.iter().any(fits) {
            return Ok(());
        }
        let account = workload.service_account.as_deref().unwrap_or("?");
        let says = format!("{workload} of the service account {account}");
        let has: Vec<String> = identities.iter().map(ToString::to_string).collect();
        Err(PeerError::Other(says, has.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::node::Node;

    #[test]
    fn with_a_certificate_the_id_of_a_node_is_of_the_same_namespace() {
        let identity = Identity::parse("spiffe://cluster.local/ns/shop/sa/web").expect("an identity");
        let known = Peer { identities: Some([identity].into()) };
        for (id, may) in [
            ("sidecar~10.0.0.1~web-1.shop~shop.svc.cluster.local", true),
            ("router~10.0.0.1~gateway-1.shop~shop.svc.cluster.local", true),
            ("sidecar~10.0.0.1~till-0.bank~bank.svc.cluster.local", false),
            ("till-0", false),
            ("", false),
        ] {
            assert_eq!(known.may_have_id(id, "shop").is_ok(), may, "{id}");
            assert!(
                Peer::default().may_have_id(id, "shop").is_ok(),
                "without certificates it may be anything"
            );
        }
    }

    #[test]
    fn identities_are_in_istio_s_form_alone() {
        let text = "spiffe://cluster.local/ns/shop/sa/web";
        assert_eq!(Identity::parse(text).expect("an identity").to_string(), text);
        for other in [
            "",
            "https://cluster.local/ns/shop/sa/web",
            "spiffe://cluster.local/ns/shop/sa/",
            "spiffe:///ns/shop/sa/web",
            "spiffe://cluster.local/ns/shop/sa/web/more",
            "spiffe://cluster.local/sa/web/ns/shop",
        ] {
            assert_eq!(Identity::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_service_account_is_a_certificate_s_word_where_it_is_one() {
        let peer = |uris: &[&str]| Peer {
            identities: Some(uris.iter().filter_map(|uri| Identity::parse(uri)).collect()),
        };
        let (web, cart) = ("spiffe://a/ns/shop/sa/web", "spiffe://a/ns/shop/sa/cart");
        assert_eq!(peer(&[web, "spiffe://a/ns/bank/sa/till"]).account_in("shop"), Some("web"));
        assert_eq!(peer(&[web, cart]).account_in("shop"), None);
        assert_eq!(peer(&[web]).account_in("bank"), None);
        assert_eq!(Peer::default().account_in("shop"), None);
    }

    #[test]
    fn a_proxy_is_what_its_certificate_says() {
        let node = |account: Option<&str>| {
            let mut metadata = json!({"NAMESPACE": "shop", "WORKLOAD_NAME": "web"});
            if let Some(account) = account {
                metadata["SERVICE_ACCOUNT"] = account.into();
            }
            Node::read(Some(&crate::node::tests::node("x", &metadata))).expect("a node")
        };
        let peer = |uris: &[&str]| Peer {
            identities: Some(uris.iter().filter_map(|uri| Identity::parse(uri)).collect()),
        };
        let web = "spiffe://cluster.local/ns/shop/sa/web";
        for (peer, account, expected) in [
            (Peer::default(), Some("other"), true),
            (peer(&[web]), Some("web"), true),
            (peer(&[web]), None, true),
            (peer(&["spiffe://cluster.local/ns/bank/sa/web", web]), Some("web"), true),
            (peer(&[web]), Some("admin"), false),
            (peer(&["spiffe://cluster.local/ns/bank/sa/web"]), Some("web"), false),
            (peer(&[]), None, false),
        ] {
            assert_eq!(peer.may_serve(&node(account).workload).is_ok(), expected, "{peer:?} {account:?}");
        }
    }
}

//! What is known of the other side without its saying so: the endpoint's metadata and certificates.

use std::rc::Rc;

use crate::value::Value;

/// The workload behind an endpoint, as Istio's control plane writes it into the endpoint's metadata:
/// `workload;namespace;canonical-name;canonical-revision;cluster`.
#[derive(Debug, Default)]
pub struct EndpointWorkload {
    /// The workload's name.
    pub workload: Option<Value>,
    /// The workload's namespace.
    pub namespace: Option<Value>,
    /// The canonical service's name.
    pub canonical_service: Option<Value>,
    /// The canonical service's revision; left out where it is the default one.
    pub canonical_revision: Option<Value>,
    /// The workload's cluster.
    pub cluster: Option<Value>,
}

impl EndpointWorkload {
    /// Reads the metadata. With fewer than five parts it says nothing.
    pub fn parse(metadata: &[u8]) -> EndpointWorkload {
        let mut parts = metadata.split(|byte| *byte == b';');
        let [Some(workload), Some(namespace), Some(service), Some(revision), Some(cluster)] =
            [(); 5].map(|()| parts.next())
        else {
            return EndpointWorkload::default();
        };
        EndpointWorkload {
            workload: Value::text(Some(workload)),
            namespace: Value::text(Some(namespace)),
            canonical_service: Value::text(Some(service)),
            canonical_revision: Value::text(Some(revision)),
            cluster: Value::text(Some(cluster)),
        }
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
        let endpoint = EndpointWorkload::parse(b"web-v1;shop;web;;east;more");
        assert_eq!(text(endpoint.workload).as_deref(), Some("web-v1"));
        assert_eq!(text(endpoint.namespace).as_deref(), Some("shop"));
        assert_eq!(text(endpoint.canonical_service).as_deref(), Some("web"));
        assert_eq!(text(endpoint.canonical_revision), None);
        assert_eq!(text(endpoint.cluster).as_deref(), Some("east"));
        for short in ["", "web-v1", "web-v1;shop;web;v1"] {
            assert!(EndpointWorkload::parse(short.as_bytes()).workload.is_none(), "{short}");
        }
    }
}

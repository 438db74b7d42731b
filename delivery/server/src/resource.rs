//! What a proxy gets: resources by type and name, each with the hash of its content as its version.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use burgee_overlay::LogFiles;
use bytes::Bytes;
use prost::Message as _;
use sha2::{Digest as _, Sha256};

use crate::wire;

/// The types whose order matters, by their URLs.
pub mod types {
    /// Clusters.
    pub const CLUSTER: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
    /// The endpoints of clusters.
    pub const ENDPOINTS: &str = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";
    /// Listeners.
    pub const LISTENER: &str = "type.googleapis.com/envoy.config.listener.v3.Listener";
    /// The routes of listeners.
    pub const ROUTES: &str = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration";
    /// Routes scoped.
    pub const SCOPED_ROUTES: &str = "type.googleapis.com/envoy.config.route.v3.ScopedRouteConfiguration";
    /// Certificates and keys.
    pub const SECRET: &str = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";
    /// The configurations of extensions.
    pub const EXTENSION: &str = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig";
}

/// The hash of a content: 16 digits of its SHA-256. Two servers that have the same content have the same version.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version([u8; 8]);

impl Version {
    /// The version of a content.
    pub fn of(content: &[u8]) -> Version {
        Version::of_parts([content])
    }

    /// The version of a content in several parts, which counts as other than the same bytes in other parts.
    pub fn of_parts<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Version {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let digest = hash.finalize();
        let mut version = [0; 8];
        for (to, from) in version.iter_mut().zip(digest) {
            *to = from;
        }
        Version(version)
    }

    /// The version that a text says; none if it is no version of ours.
    pub fn parse(text: &str) -> Option<Version> {
        let bytes = text.as_bytes();
        let digit = |byte: &u8| char::from(*byte).to_digit(16).filter(|_| !byte.is_ascii_uppercase());
        let mut version = [0; 8];
        if bytes.len() != 16 {
            return None;
        }
        for (to, pair) in version.iter_mut().zip(bytes.chunks(2)) {
            let [high, low] = pair else { return None };
            *to = u8::try_from(digit(high)? * 16 + digit(low)?).ok()?;
        }
        Some(Version(version))
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = String::with_capacity(16);
        for byte in self.0 {
            let _ = write!(text, "{byte:02x}");
        }
        f.write_str(&text)
    }
}

impl std::fmt::Debug for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// One resource. Encoded once, however many proxies get it and however they ask.
#[derive(Clone, PartialEq, Eq)]
pub struct Resource {
    /// Its name.
    pub name: Arc<str>,
    /// The hash of its content.
    pub version: Version,
    /// An encoded `envoy.service.discovery.v3.Resource`.
    delta: Bytes,
    /// Where in it the encoded `google.protobuf.Any` is.
    any: Range<usize>,
}

impl Resource {
    /// A resource of an encoded message.
    pub fn new(type_url: &str, name: impl Into<Arc<str>>, value: Bytes) -> Resource {
        let name = name.into();
        let version = Version::of(&value);
        let any = wire::Any { type_url: type_url.to_owned(), value }.encode_to_vec();
        // By hand, to know where in it the inner message is: the version, its 2 bytes of head, then that.
        let mut delta = Vec::with_capacity(any.len() + name.len() + 64);
        prost::encoding::string::encode(1, &version.to_string(), &mut delta);
        prost::encoding::encode_key(2, prost::encoding::WireType::LengthDelimited, &mut delta);
        prost::encoding::encode_varint(any.len() as u64, &mut delta);
        let any = {
            let start = delta.len();
            delta.extend_from_slice(&any);
            start..delta.len()
        };
        prost::encoding::string::encode(3, &name.to_string(), &mut delta);
        Resource { name, version, delta: delta.into(), any }
    }

    /// As an incremental response has it.
    pub fn delta(&self) -> Bytes {
        self.delta.clone()
    }

    /// As a state-of-the-world response has it.
    pub fn any(&self) -> Bytes {
        self.delta.slice(self.any.clone())
    }

    /// The encoded message.
    pub fn value(&self) -> Bytes {
        // What was encoded above is decoded here.
        wire::Any::decode(self.any()).map(|any| any.value).unwrap_or_default()
    }
}

impl std::fmt::Debug for Resource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", self.name, self.version)
    }
}

/// The resources of one type.
pub type Named = BTreeMap<Arc<str>, Arc<Resource>>;

/// Everything that a proxy gets, by the URLs of types.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Resources by type.
    pub types: BTreeMap<Arc<str>, Arc<Named>>,
    /// The names of the extensions that listeners were given, and for which their proxy will ask.
    pub named: Arc<[Arc<str>]>,
    /// What is known of everything else; none: that it is not there.
    pub rest: Option<Rest>,
    /// What is known of its proxies that resources do not say; none: nothing. Of bases alone.
    pub known: Option<Arc<Known>>,
}

/// What is known of the proxies of a base that its resources do not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The port of listeners by name, where the documents' differs from that of the listener's address.
    pub ports: BTreeMap<String, u16>,
    /// Which files access logs are written to.
    pub log_files: LogFiles,
    /// What calls to collectors say of who calls; see [`burgee_overlay::REPORTER_METADATA`]. Absent: nothing.
    pub reporter: Option<String>,
}

/// What is known of what a snapshot does not have, where somebody else is asked for it and may not have answered yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rest {
    /// Types of which all that there is is in the snapshot.
    pub whole: BTreeSet<Arc<str>>,
    /// Names, by type, that are not there.
    pub absent: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
}

impl Snapshot {
    /// The resources of a type.
    pub fn of(&self, type_url: &str) -> Option<&Named> {
        self.types.get(type_url).map(|named| &**named)
    }

    /// Whether everything of a type is here.
    pub fn knows_all_of(&self, type_url: &str) -> bool {
        self.rest.as_ref().is_none_or(|rest| rest.whole.contains(type_url))
    }

    /// Whether it is known that something is not there.
    pub fn lacks(&self, type_url: &str, name: &str) -> bool {
        let is_absent = |rest: &Rest| rest.absent.get(type_url).is_some_and(|names| names.contains(name));
        self.get(type_url, name).is_none()
            && (self.knows_all_of(type_url) || self.rest.as_ref().is_some_and(is_absent))
    }

    /// One resource.
    pub fn get(&self, type_url: &str, name: &str) -> Option<&Arc<Resource>> {
        self.of(type_url)?.get(name)
    }

    /// Adds a resource, in place of one of its type and name.
    pub fn insert(&mut self, type_url: &str, resource: Arc<Resource>) {
        let of_type = match self.types.get_mut(type_url) {
            Some(of_type) => of_type,
            None => self.types.entry(type_url.into()).or_default(),
        };
        Arc::make_mut(of_type).insert(resource.name.clone(), resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_the_same_message_to_whoever_decodes_it() {
        let value = Bytes::from(vec![7_u8; 300]);
        let resource = Resource::new("type.googleapis.com/a.B", "one", value.clone());
        let any = wire::Any { type_url: "type.googleapis.com/a.B".to_owned(), value: value.clone() };
        let delta = wire::Resource::decode(resource.delta()).expect("a resource");
        let expected = wire::Resource {
            version: resource.version.to_string(),
            resource: Some(any.clone()),
            name: "one".to_owned(),
        };
        assert_eq!(delta, expected);
        assert_eq!(wire::Any::decode(resource.any()).expect("an Any"), any);
        assert_eq!(resource.value(), value);
    }

    #[test]
    fn versions_are_of_contents_and_read_back() {
        let one = Version::of(b"one");
        assert_eq!(Version::parse(&one.to_string()), Some(one));
        assert_ne!(one, Version::of(b"other"));
        assert_ne!(Version::of_parts([b"ab".as_slice(), b"c"]), Version::of_parts([b"a".as_slice(), b"bc"]));
        for no_version in ["", "1", "0123456789abcdeg", "0123456789ABCDEF", "0123456789abcdef0"] {
            assert_eq!(Version::parse(no_version), None, "{no_version}");
        }
    }
}

//! Typed attributes: where each one is, how Envoy encodes it, and in which phases it can be read.
//!
//! The wire carries no type, so the reader must know it: an integer is 8 bytes little endian, a duration the same
//! in nanoseconds, a boolean one byte, text raw. Phases below: *any* is every phase of a stream, *log* the end of
//! it, *configure* outside any stream. What could not be read, or is not of its type, is absent.
//!
//! Older Envoys have the attributes of `xds` at the top level, newer ones only under `xds`; see [`Vocabulary`].

use std::marker::PhantomData;

use crate::host::Host;

/// Where a proxy has what newer ones call `xds.*`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Vocabulary {
    /// Not known: look under `xds` first, then at the top level.
    #[default]
    Unknown,
    /// Under `xds`.
    Xds,
    /// At the top level.
    Legacy,
}

impl Vocabulary {
    /// Asks for an attribute that every stream has. Only of use in a phase of a stream.
    pub fn of_stream<H: Host>(host: &H) -> Vocabulary {
        if LISTENER_DIRECTION.read(host, Vocabulary::Xds).is_some() {
            Vocabulary::Xds
        } else if LISTENER_DIRECTION.read(host, Vocabulary::Legacy).is_some() {
            Vocabulary::Legacy
        } else {
            Vocabulary::Unknown
        }
    }
}

/// How a type is read from the host's bytes.
pub trait Decode: Sized {
    /// The value, if the bytes are one.
    fn decode(bytes: Vec<u8>) -> Option<Self>;
}

impl Decode for Vec<u8> {
    fn decode(bytes: Vec<u8>) -> Option<Self> {
        Some(bytes)
    }
}

impl Decode for i64 {
    fn decode(bytes: Vec<u8>) -> Option<Self> {
        Some(i64::from_le_bytes(bytes.try_into().ok()?))
    }
}

impl Decode for u64 {
    fn decode(bytes: Vec<u8>) -> Option<Self> {
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    }
}

impl Decode for bool {
    fn decode(bytes: Vec<u8>) -> Option<Self> {
        match bytes.as_slice() {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }
}

/// A length of time, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nanoseconds(pub i64);

impl Nanoseconds {
    /// Whole milliseconds, cut off; nothing if negative.
    pub fn milliseconds(self) -> Option<u64> {
        Some(u64::try_from(self.0).ok()? / 1_000_000)
    }
}

impl Decode for Nanoseconds {
    fn decode(bytes: Vec<u8>) -> Option<Self> {
        i64::decode(bytes).map(Nanoseconds)
    }
}

/// An attribute: its path, and the type that it is read as.
#[derive(Debug)]
pub struct Attribute<T> {
    path: &'static [&'static str],
    value: PhantomData<fn() -> T>,
}

impl<T: Decode> Attribute<T> {
    /// The attribute at a path. A segment may contain dots.
    pub const fn new(path: &'static [&'static str]) -> Attribute<T> {
        Attribute { path, value: PhantomData }
    }

    /// The value, if there is one of this type in this phase.
    pub fn read<H: Host>(&self, host: &H, vocabulary: Vocabulary) -> Option<T> {
        read_path(host, vocabulary, self.path).and_then(T::decode)
    }
}

/// The raw value at a path, looked for where the vocabulary says.
pub fn read_path<H: Host>(host: &H, vocabulary: Vocabulary, path: &[&str]) -> Option<Vec<u8>> {
    let get = |path: &[&str]| host.property(path).ok().flatten();
    match (path, vocabulary) {
        (["xds", legacy @ ..], Vocabulary::Legacy) => get(legacy),
        (["xds", legacy @ ..], Vocabulary::Unknown) => get(path).or_else(|| get(legacy)),
        _ => get(path),
    }
}

/// A text of the node's metadata by its key, or by the key of a map and one in it. Phases: also *configure*.
pub fn node_metadata<H: Host>(host: &H, keys: &[&str]) -> Option<Vec<u8>> {
    let mut path = vec!["xds", "node", "metadata"];
    path.extend_from_slice(keys);
    read_path(host, Vocabulary::Unknown, &path)
}

/// 0 unspecified, 1 inbound, 2 outbound. Any phase of a stream, not *configure*.
pub const LISTENER_DIRECTION: Attribute<i64> = Attribute::new(&["xds", "listener_direction"]);
/// The cluster that the route chose; absent where none was. From request headers on.
pub const CLUSTER_NAME: Attribute<Vec<u8>> = Attribute::new(&["xds", "cluster_name"]);
/// The route's name. From request headers on.
pub const ROUTE_NAME: Attribute<Vec<u8>> = Attribute::new(&["xds", "route_name"]);
/// The host of the first service that the cluster stands for, as Istio's control plane writes it.
pub const SERVICE_HOST: Attribute<Vec<u8>> =
    Attribute::new(&["xds", "cluster_metadata", "filter_metadata", "istio", "services", "0", "host"]);
/// The name of the first service that the cluster stands for.
pub const SERVICE_NAME: Attribute<Vec<u8>> =
    Attribute::new(&["xds", "cluster_metadata", "filter_metadata", "istio", "services", "0", "name"]);
/// The namespace of the first service that the cluster stands for.
pub const SERVICE_NAMESPACE: Attribute<Vec<u8>> =
    Attribute::new(&["xds", "cluster_metadata", "filter_metadata", "istio", "services", "0", "namespace"]);
/// The workload behind the endpoint, as Istio's control plane writes it. From response headers on.
pub const ENDPOINT_WORKLOAD: Attribute<Vec<u8>> =
    Attribute::new(&["xds", "upstream_host_metadata", "filter_metadata", "istio", "workload"]);
/// The version of HTTP; absent where the stream is not HTTP but a connection. Any.
pub const REQUEST_PROTOCOL: Attribute<Vec<u8>> = Attribute::new(&["request", "protocol"]);
/// The Host header, or `:authority`. Request headers and *log* only.
pub const REQUEST_HOST: Attribute<Vec<u8>> = Attribute::new(&["request", "host"]);
/// The content type of the request. Request headers and *log* only.
pub const REQUEST_CONTENT_TYPE: Attribute<Vec<u8>> = Attribute::new(&["request", "headers", "content-type"]);
/// From the first byte received to the last byte sent. *Log* only.
pub const REQUEST_DURATION: Attribute<Nanoseconds> = Attribute::new(&["request", "duration"]);
/// Body bytes received, and about what the headers were. Whole in *log* only.
pub const REQUEST_TOTAL_SIZE: Attribute<u64> = Attribute::new(&["request", "total_size"]);
/// Body bytes sent, and about what the headers were. Whole in *log* only.
pub const RESPONSE_TOTAL_SIZE: Attribute<u64> = Attribute::new(&["response", "total_size"]);
/// The status of the response; absent where there was none. From response headers on.
pub const RESPONSE_CODE: Attribute<i64> = Attribute::new(&["response", "code"]);
/// What went wrong, one bit per flag. Any.
pub const RESPONSE_FLAGS: Attribute<u64> = Attribute::new(&["response", "flags"]);
/// The gRPC status; for requests that are not gRPC one made from the HTTP status. Response headers and *log*.
pub const RESPONSE_GRPC_STATUS: Attribute<i64> = Attribute::new(&["response", "grpc_status"]);
/// A number that is the connection's own for as long as the process runs. Any.
pub const CONNECTION_ID: Attribute<u64> = Attribute::new(&["connection", "id"]);
/// The TLS version towards the client; absent on plain text. Any.
pub const CONNECTION_TLS_VERSION: Attribute<Vec<u8>> = Attribute::new(&["connection", "tls_version"]);
/// The first URI SAN of the client's certificate. Any.
pub const CONNECTION_PEER_SAN: Attribute<Vec<u8>> =
    Attribute::new(&["connection", "uri_san_peer_certificate"]);
/// The first URI SAN of the certificate shown to the client. Any.
pub const CONNECTION_LOCAL_SAN: Attribute<Vec<u8>> =
    Attribute::new(&["connection", "uri_san_local_certificate"]);
/// The TLS version towards the upstream; absent on plain text. From response headers on.
pub const UPSTREAM_TLS_VERSION: Attribute<Vec<u8>> = Attribute::new(&["upstream", "tls_version"]);
/// The first URI SAN of the upstream's certificate. From response headers on.
pub const UPSTREAM_PEER_SAN: Attribute<Vec<u8>> = Attribute::new(&["upstream", "uri_san_peer_certificate"]);
/// The first URI SAN of the certificate shown to the upstream. From response headers on.
pub const UPSTREAM_LOCAL_SAN: Attribute<Vec<u8>> = Attribute::new(&["upstream", "uri_san_local_certificate"]);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::FakeHost;

    #[test]
    fn values_of_another_type_or_length_are_absent() {
        let host = FakeHost::new();
        for bytes in [vec![], vec![1; 7], vec![1; 9], b"200".to_vec()] {
            host.set("response.code", bytes);
            assert_eq!(RESPONSE_CODE.read(&host, Vocabulary::Xds), None);
        }
        host.set("response.code", 503_i64.to_le_bytes());
        assert_eq!(RESPONSE_CODE.read(&host, Vocabulary::Xds), Some(503));
        assert_eq!(bool::decode(vec![2]), None);
        assert_eq!(Nanoseconds(1_999_999).milliseconds(), Some(1));
        assert_eq!(Nanoseconds(-1).milliseconds(), None);
    }

    #[test]
    fn the_newer_name_is_looked_up_first_and_the_older_one_only_if_needed() {
        let host = FakeHost::new();
        host.set("cluster_name", "old");
        assert_eq!(Vocabulary::of_stream(&host), Vocabulary::Unknown);
        assert_eq!(CLUSTER_NAME.read(&host, Vocabulary::Unknown), Some(b"old".to_vec()));
        assert_eq!(CLUSTER_NAME.read(&host, Vocabulary::Xds), None);

        host.set("listener_direction", 1_i64.to_le_bytes());
        assert_eq!(Vocabulary::of_stream(&host), Vocabulary::Legacy);
        assert_eq!(CLUSTER_NAME.read(&host, Vocabulary::Legacy), Some(b"old".to_vec()));

        host.set("xds.listener_direction", 1_i64.to_le_bytes());
        host.set("xds.cluster_name", "new");
        assert_eq!(Vocabulary::of_stream(&host), Vocabulary::Xds);
        let before = host.property_reads();
        assert_eq!(CLUSTER_NAME.read(&host, Vocabulary::Unknown), Some(b"new".to_vec()));
        assert_eq!(host.property_reads() - before, 1);
    }

    #[test]
    fn node_metadata_is_read_by_single_keys_with_dots_in_them() {
        let host = FakeHost::new();
        host.set_path(&["xds", "node", "metadata", "LABELS", "service.istio.io/canonical-name"], "web");
        assert_eq!(
            node_metadata(&host, &["LABELS", "service.istio.io/canonical-name"]),
            Some(b"web".to_vec())
        );
        assert_eq!(node_metadata(&host, &["NAMESPACE"]), None);
    }
}

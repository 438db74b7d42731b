//! Typed attributes: where each one is, how Envoy encodes it, and in which phases it can be read.
//!
//! The wire carries no type, so the reader must know it: an integer is 8 bytes little endian, a duration the same
//! in nanoseconds, a boolean one byte, text raw.
//!
//! Each attribute says when it is there, by a type of [`when`], and the host of a phase can read only those that are
//! there in it: `RESPONSE_CODE.get(host)` does not compile where requests arrive. Whoever knows better says
//! [`Attribute::get_anyway`].
//!
//! Older Envoys have the attributes of `xds` at the top level, newer ones only under `xds`; the kit finds out which.

use std::marker::PhantomData;

use crate::host::{Host, HostError};

/// When attributes can be read.
pub mod when {
    /// Everywhere, also when a filter is configured.
    #[derive(Debug)]
    pub struct Always;
    /// In every phase of a stream.
    #[derive(Debug)]
    pub struct Stream;
    /// In the phase of the request's headers, and at the end.
    #[derive(Debug)]
    pub struct RequestHeaders;
    /// From the response's headers on.
    #[derive(Debug)]
    pub struct Response;
    /// In the phase of the response's headers, and at the end.
    #[derive(Debug)]
    pub struct ResponseHeaders;
    /// When there is an upstream: from the response's headers on, in TCP from the first bytes on.
    #[derive(Debug)]
    pub struct Upstream;
    /// When a stream has ended.
    #[derive(Debug)]
    pub struct End;
}

/// A host in a phase in which the attributes of `When` can be read.
pub trait Reads<When> {}

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

/// How a type is read from the host's bytes.
pub trait Decode: Sized {
    /// The value, if the bytes are one.
    fn decode(bytes: &[u8]) -> Option<Self>;
}

impl Decode for Vec<u8> {
    fn decode(bytes: &[u8]) -> Option<Self> {
        Some(bytes.to_vec())
    }
}

impl Decode for i64 {
    fn decode(bytes: &[u8]) -> Option<Self> {
        Some(i64::from_le_bytes(bytes.try_into().ok()?))
    }
}

impl Decode for u64 {
    fn decode(bytes: &[u8]) -> Option<Self> {
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    }
}

impl Decode for bool {
    fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes {
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
    fn decode(bytes: &[u8]) -> Option<Self> {
        i64::decode(bytes).map(Nanoseconds)
    }
}

/// An attribute: its path, the type that it is read as, and when it is there.
#[derive(Debug)]
pub struct Attribute<T, When> {
    path: &'static [&'static str],
    value: PhantomData<fn() -> (T, When)>,
}

impl<T: Decode, When> Attribute<T, When> {
    /// The attribute at a path. A segment may contain dots.
    pub const fn new(path: &'static [&'static str]) -> Attribute<T, When> {
        Attribute { path, value: PhantomData }
    }

    /// The path.
    pub const fn path(&self) -> &'static [&'static str] {
        self.path
    }

    /// The value, if there is one of this type. Why there is none is told by [`Attribute::read`].
    pub fn get<H: Host + Reads<When>>(&self, host: &H) -> Option<T> {
        self.get_anyway(host)
    }

    /// The value, or nothing if the host has none.
    ///
    /// # Errors
    /// Any status of the host but success and "not found"; `ParseFailure` if the value is not of this type.
    pub fn read<H: Host + Reads<When>>(&self, host: &H) -> Result<Option<T>, HostError> {
        let mut value = None;
        let is_there = show_path(host, self.path, &mut |bytes| value = T::decode(bytes))?;
        if is_there && value.is_none() {
            return Err(HostError::ParseFailure);
        }
        Ok(value)
    }

    /// Like [`Attribute::get`], in any phase: what is not there is absent.
    pub fn get_anyway<H: Host>(&self, host: &H) -> Option<T> {
        let mut value = None;
        // Why there is none is nobody's question here.
        let _ = show_path(host, self.path, &mut |bytes| value = T::decode(bytes));
        value
    }

    /// Whether there is a value.
    pub fn is_there<H: Host + Reads<When>>(&self, host: &H) -> bool {
        show_path(host, self.path, &mut |_| ()).unwrap_or_default()
    }
}

impl<When> Attribute<Vec<u8>, When> {
    /// Shows the value, if there is one, to somebody who need not keep it, which is cheaper than [`Attribute::get`].
    pub fn show<H: Host + Reads<When>>(&self, host: &H, see: &mut dyn FnMut(&[u8])) {
        // Why there is none is nobody's question here.
        let _ = show_path(host, self.path, see);
    }
}

/// The raw value at a path, looked for where this proxy has it.
///
/// # Errors
/// Any status of the host but success and "not found".
pub fn read_path<H: Host>(host: &H, path: &[&str]) -> Result<Option<Vec<u8>>, HostError> {
    let mut value = None;
    show_path(host, path, &mut |bytes| value = Some(bytes.to_vec()))?;
    Ok(value)
}

/// Shows the raw value at a path; whether there is one.
fn show_path<H: Host>(host: &H, path: &[&str], see: &mut dyn FnMut(&[u8])) -> Result<bool, HostError> {
    let ["xds", legacy @ ..] = path else {
        return host.show_property(path, see);
    };
    match host.vocabulary() {
        Vocabulary::Xds => host.show_property(path, see),
        Vocabulary::Legacy => host.show_property(legacy, see),
        Vocabulary::Unknown => {
            for (path, vocabulary) in [(path, Vocabulary::Xds), (legacy, Vocabulary::Legacy)] {
                if host.show_property(path, see)? {
                    host.set_vocabulary(vocabulary);
                    return Ok(true);
                }
            }
            Ok(false)
        }
    }
}

/// A text of the node's metadata by its key, or by the key of a map and one in it. Everywhere, also when a filter is
/// configured.
pub fn node_metadata<H: Host>(host: &H, keys: &[&str]) -> Option<Vec<u8>> {
    let mut path = vec!["xds", "node", "metadata"];
    path.extend_from_slice(keys);
    read_path(host, &path).ok().flatten()
}

mod catalogue;

pub use catalogue::*;

/// The value that [`LISTENER_DIRECTION`] has on listeners for traffic to the workload.
pub const INBOUND: i64 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::FakeHost;

    #[test]
    fn values_of_another_type_or_length_are_absent() {
        let host = FakeHost::new();
        assert_eq!(RESPONSE_CODE.read(&host), Ok(None));
        for bytes in [vec![], vec![1; 7], vec![1; 9], b"200".to_vec()] {
            host.set("response.code", bytes);
            assert_eq!(RESPONSE_CODE.get(&host), None);
            assert_eq!(RESPONSE_CODE.read(&host), Err(HostError::ParseFailure));
        }
        host.set("response.code", 503_i64.to_le_bytes());
        assert_eq!(RESPONSE_CODE.get(&host), Some(503));
        assert_eq!(RESPONSE_CODE.get_anyway(&host), Some(503));
        host.fail_every_call(HostError::Status(9));
        assert_eq!(RESPONSE_CODE.read(&host), Err(HostError::Status(9)));
        assert_eq!(RESPONSE_CODE.get(&host), None);
        assert_eq!(bool::decode(&[2]), None);
        assert_eq!(Nanoseconds(1_999_999).milliseconds(), Some(1));
        assert_eq!(Nanoseconds(-1).milliseconds(), None);
    }

    #[test]
    fn the_newer_name_is_looked_up_first_and_the_older_one_only_if_needed() {
        let host = FakeHost::new();
        assert_eq!(CLUSTER_NAME.get(&host), None);
        assert_eq!(host.vocabulary(), Vocabulary::Unknown);
        host.set("cluster_name", "old");
        assert_eq!(CLUSTER_NAME.get(&host), Some(b"old".to_vec()));
        assert_eq!(host.vocabulary(), Vocabulary::Legacy);
        let before = host.property_reads();
        assert_eq!(CLUSTER_NAME.get(&host), Some(b"old".to_vec()));
        assert_eq!(host.property_reads() - before, 1);

        let host = FakeHost::new();
        host.set("xds.cluster_name", "new");
        host.set("route_name", "old");
        assert_eq!(CLUSTER_NAME.get(&host), Some(b"new".to_vec()));
        assert_eq!(host.property_reads(), 1);
        assert_eq!(ROUTE_NAME.get(&host), None, "one proxy speaks one language");
        assert_eq!(host.property_reads(), 2);
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

//! TCP connections as a filter sees them: bytes in two directions.

use crate::attributes::{Reads, when};
use crate::host::{HostError, StreamHost};
use crate::http::Place;

/// The host in a phase of a connection. Envoy's Wasm filters are on the client's side only.
pub trait ConnectionHost: StreamHost {}

/// The host when bytes have come.
pub trait DataHost: ConnectionHost + Reads<when::Upstream> {
    /// Bytes that are held in one direction, from `start` on and at most `max` of them. Only in the phase of that
    /// direction.
    ///
    /// # Errors
    /// Any status of the host but success and "not found".
    fn data(&self, from: Peer, start: usize, max: usize) -> Result<Vec<u8>, HostError>;

    /// Writes to the bytes that are held.
    ///
    /// # Errors
    /// Any status of the host but success.
    fn write_data(&self, from: Peer, place: Place, bytes: &[u8]) -> Result<(), HostError>;
}

/// One of the two ends that a proxy connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// The client.
    Downstream,
    /// The upstream.
    Upstream,
}

/// Who closed a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClosedBy {
    /// Envoy does not say.
    Unknown,
    /// The proxy itself.
    Proxy,
    /// The one at the other end.
    Peer,
}

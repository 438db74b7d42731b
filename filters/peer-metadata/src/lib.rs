//! Tells the other end of a request who is at this one, as a proxy-wasm filter: exports only.
//!
//! Compatible on the wire with Istio's exchange over HTTP: a client's proxy sends two headers, a server's proxy takes them
//! out, publishes who called and answers with its own two, which the client's proxy takes out in its turn. Where both sides
//! are published, and as what: `burgee_kit::peer`. Its configuration is in `burgee_filter_config::peer_metadata`.
#![cfg_attr(
    not(test),
    deny(
        clippy::panic,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod exchange;
mod fields;
mod filter;
mod recipients;

pub use exchange::{ID_HEADER, MAX_HEADER_BYTES, VALUE_HEADER};
pub use filter::{Exchange, PeerMetadata};

#[cfg(feature = "module")]
burgee_kit::export!(http PeerMetadata);

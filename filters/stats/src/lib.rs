//! Istio's standard metrics for stock Envoy, as a proxy-wasm filter: exports only.
//!
//! Written once per HTTP or gRPC request, when it has ended: `requests_total`, `request_duration_milliseconds`,
//! `request_bytes` and `response_bytes`, with Istio's 25 labels. Of gRPC streams, while they are open and at their end:
//! `request_messages_total` and `response_messages_total`. By the filter of connections, of which the root id is
//! `stats-tcp`: `tcp_connections_opened_total`, `tcp_connections_closed_total`, `tcp_sent_bytes_total` and
//! `tcp_received_bytes_total`. Once a proxy: `build`. And what the configuration defines.
//!
//! Who is at the other end of a request is what the filter `peer-metadata` published, else what the endpoint's metadata says,
//! and who certificates say it is; or `unknown`. Of a connection it is what the latter two say.
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

mod build_gauge;
mod custom;
mod filter;
mod flags;
mod group;
mod id;
mod messages;
mod overrides;
mod peer;
mod plan;
mod principals;
mod recorder;
mod request;
mod series;
mod service;
mod tcp;
mod value;

pub use filter::Stats;
pub use peer::Ends;
pub use tcp::TcpStats;

#[cfg(feature = "module")]
burgee_kit::export!(log Stats, "stats-tcp" => tcp TcpStats);

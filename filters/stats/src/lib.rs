//! Istio's standard metrics for stock Envoy, as a proxy-wasm filter: exports only.
//!
//! Written once per HTTP or gRPC request, when it has ended: `requests_total`, `request_duration_milliseconds`,
//! `request_bytes` and `response_bytes`, with Istio's 25 labels. Who is at the other end of a request is what the filter
//! `peer-metadata` published, else what the endpoint's metadata says, and who certificates say it is; or `unknown`.
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

mod filter;
mod flags;
mod id;
mod overrides;
mod peer;
mod plan;
mod principals;
mod recorder;
mod request;
mod series;
mod service;
mod value;

pub use filter::Stats;
pub use peer::Ends;

#[cfg(feature = "module")]
burgee_kit::export!(Stats);

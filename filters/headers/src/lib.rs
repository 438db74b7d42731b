//! Sets and removes headers, as a proxy-wasm filter: exports only.
//!
//! Its configuration names the headers of requests and of responses; see `burgee_filter_config::headers`.
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

pub use filter::Headers;

burgee_kit::export!(http Headers);

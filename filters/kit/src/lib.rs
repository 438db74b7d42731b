//! The kit that Burgee's filters are written with: the only crate that names proxy_wasm.
//!
//! A filter sees [`Host`], in a phase of HTTP [`HttpHost`], and nothing else of the proxy. In a module the host is Envoy; in a unit test it is
//! [`fake::FakeHost`], so that a filter's decisions are tested in milliseconds and natively.
//!
//! Every call into the host can fail and says so: the SDK's own getters panic on a status that they do not expect
//! and on text that is not UTF-8, and a panic takes down every plugin of the VM. Values are bytes for the same
//! reason. Deliberately not here: what any one filter decides.
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

pub mod attributes;
pub mod callbacks;
#[cfg(not(target_arch = "wasm32"))]
pub mod fake;
pub mod filter;
pub mod host;
pub mod http;

#[cfg(target_arch = "wasm32")]
pub mod envoy;
mod expression;

pub use attributes::{Attribute, Vocabulary};
pub use expression::{Expression, text_literal};
pub use filter::{ConfigurationError, HttpFilter, LogFilter};
pub use host::{Host, HostError, LogLevel, MetricId, MetricKind};
pub use http::{Header, HttpHost, Message, Outcome, Phases, Response};

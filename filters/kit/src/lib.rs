//! The kit that proxy-wasm filters are written with.
//!
//! A filter sees a host and nothing else of the proxy. Each phase has a host of its own, so that what is not there in
//! a phase cannot be asked for in it. In a module the host is Envoy; in a unit test it is [`fake::FakeHost`], so that
//! a filter's decisions are tested in milliseconds and natively.
//!
//! - What a filter implements: [`HttpFilter`], [`TcpFilter`] or [`LogFilter`]; what makes a module of it: [`export!`].
//! - What it sees: [`HttpHost`], [`DataHost`], [`attributes`].
//! - What it decides: [`Outcome`], [`TcpOutcome`]. Calls and times are awaited: [`CallHost`], [`Outcome::pause_until`].
//!
//! Every call into the host can fail and says so. Values are bytes, because a client chooses many of them. The kit speaks
//! the ABI itself: what the common SDK keeps of a stream, and its getters, which panic on statuses and bytes that they do
//! not expect, would be half of a small module. Deliberately not here: what any one filter decides.
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
pub mod calls;
#[doc(hidden)]
pub mod executor;
#[cfg(not(target_arch = "wasm32"))]
pub mod fake;
pub mod filter;
mod hash;
pub mod host;
pub mod http;
pub mod metrics;
pub mod outcome;
pub mod pairs;
pub mod phases;
pub mod schema;
pub mod tcp;
#[doc(hidden)]
pub mod vm;

#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod envoy;
mod export;
mod expression;

pub use attributes::{Attribute, Reads, when};
pub use calls::{CallError, GrpcRequest, HttpAnswer, HttpRequest, in_time, join, join_all};
pub use expression::{Expression, text_literal};
pub use filter::{ConfigurationError, HttpFilter, IfMisconfigured, LogFilter, TcpFilter};
pub use host::{CallHost, Host, HostError, LogLevel, MetricId, MetricKind, RootHost, StreamHost};
pub use http::{
    Body, BodyMode, Chunk, Header, HttpHost, LogHost, Message, Place, RequestHeadersHost, RequestHost,
    ResponseHeadersHost, ResponseHost, clear_route_cache,
};
pub use outcome::{GrpcStatus, Outcome, Response, Task, TcpOutcome};
pub use phases::Phases;
pub use tcp::{ClosedBy, ConnectionHost, DataHost, Peer};

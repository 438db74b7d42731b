//! The kit that proxy-wasm filters are written with.
//!
#![doc = include_str!("../README.md")]
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
pub mod by_cluster;
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
pub mod local;
pub mod metrics;
pub mod outcome;
pub mod pairs;
#[cfg(any(target_arch = "wasm32", test))]
mod path;
pub mod peer;
pub mod phases;
pub mod protobuf_struct;
pub mod recent;
pub mod schema;
pub mod streams;
pub mod table;
pub mod tcp;
#[doc(hidden)]
pub mod vm;

#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod envoy;
mod export;
mod expression;

pub use attributes::{Attribute, Reads, when};
pub use burgee_filter_config::stats::text_literal;
pub use calls::{CallError, GrpcRequest, HttpAnswer, HttpRequest, in_time, join, join_all};
pub use expression::Expression;
pub use filter::{ConfigurationError, HttpFilter, IfMisconfigured, LogFilter, TcpFilter};
pub use host::{
    CallHost, Change, Host, HostError, LifeSpan, LogLevel, MetricId, MetricKind, PropertyForm, RootHost,
    Shared, StreamHost,
};
pub use http::{
    Body, BodyMode, Chunk, Header, HttpHost, LogHost, Message, Place, RequestHeadersHost, RequestHost,
    ResponseHeadersHost, ResponseHost, clear_route_cache,
};
pub use outcome::{GrpcStatus, Outcome, Response, Task, TcpOutcome};
pub use phases::Phases;
pub use streams::{GrpcOpen, GrpcStream};
pub use tcp::{ClosedBy, ConnectionHost, DataHost, Peer};

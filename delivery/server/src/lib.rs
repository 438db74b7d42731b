//! Keeps running proxies true: a base, with policies laid over it, is given to each proxy that asks, and given anew when
//! either changes; what a proxy answers is known, and what it cannot take is taken back.
//!
//! ```text
//! base (folder, control plane, loopback mesh) ─┐
//!                                              ├─lay──► Snapshot of a proxy ──subscriptions──► aggregated xDS ──► Envoy
//! PolicySet, modules ──────────────────────────┘                                   ▲                      │
//!                                                                                  └── ACK, NACK, traps ◄─┘
//! ```
//!
//! Deliberately not here: reading documents and fetching modules. Whoever runs a server gives it both.

mod accept;
pub mod admin;
pub mod base;
pub mod bootstrap;
pub mod clock;
pub mod codes;
pub mod fleet;
pub mod fuzz;
pub mod holds;
pub mod in_force;
pub mod lay;
pub mod listen;
pub mod node;
pub mod peer;
pub mod plugin_state;
pub mod resource;
mod service;
pub mod status;
mod store;
mod stream;
pub mod subscription;
pub mod tls;
pub mod upstream;
pub mod vm;
pub mod wire;

pub use service::Discovery;

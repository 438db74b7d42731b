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

pub mod resource;
pub mod subscription;
pub mod wire;

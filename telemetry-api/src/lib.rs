//! The configuration language as types: Istio's documents in, checked and resolved policy out.
//!
//! ```text
//! text ──document──► resources ──check──► PolicySet ──resolve──► Effective policy of one workload
//! ```
//!
//! - [`document`] turns text into a tree with source positions, and trees into [`resources`];
//! - [`check`] says everything that is wrong with them, at once;
//! - [`schema`] says as much of it as an API server can check, as CustomResourceDefinitions;
//! - [`resolve`] says what applies to a workload; every resolved value carries its [`origin::Origin`].
//!
//! Deliberately not here: I/O, clocks, Envoy's configuration and proxy-wasm. Nothing in this crate can fail
//! except by returning [`problem::Problem`]s.

pub mod check;
pub mod document;
pub mod origin;
pub mod problem;
pub mod resolve;
pub mod resources;
pub mod schema;

pub use origin::{Origin, Place, Traced};
pub use problem::{Problem, Severity};

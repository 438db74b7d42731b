//! The configuration language as types: Istio's documents in, checked and resolved policy out.
//!
//! ```text
//! text ──document──► resources ──check──► PolicySet ──resolve──► Effective policy of one workload
//! ```
//!
//! - [`document`] turns text into a tree with source positions, and trees into [`resources`];
//! - [`check`] says everything that is wrong with them, at once;
//! - [`schema`] says as much of it as an API server can check, as CustomResourceDefinitions;
//! - [`resolve`] says what applies to a workload; every resolved value carries its [`origin::Origin`];
//! - [`explain`] says why: what a value overrode, and why a document has no effect.
//!
//! Deliberately not here: I/O, clocks, Envoy's configuration and proxy-wasm. Nothing in this crate can fail
//! except by returning [`problem::Problem`]s.

pub mod check;
pub mod diff;
pub mod document;
pub mod explain;
pub mod origin;
pub mod problem;
pub mod resolve;
pub mod resources;
pub mod schema;
pub mod text;

pub use origin::{DocumentId, Origin, Place, Traced};
pub use problem::{Problem, Severity};

// `#[test]`, wherever the tests run: on this machine, or as Wasm in Node. Every module of tests says `use crate::test`.
#[cfg(all(test, not(all(target_arch = "wasm32", target_os = "unknown"))))]
use core::prelude::v1::test;
#[cfg(all(test, target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

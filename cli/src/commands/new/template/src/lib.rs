//! Says of each request which tenant it is of, and counts it: exports only.
//!
//! What it is told is in [`config`], what it does in [`filter`].

pub mod config;
pub mod filter;

burgee_kit::export!(http filter::Tenants);

//! Text in; resources with source positions, or every problem at once, out.

mod kinds;
mod mesh_config;
mod networking;
pub(crate) mod reader;
pub mod scalar;
mod telemetry;
pub mod tree;

pub use kinds::{Documents, read};
pub use tree::Source;

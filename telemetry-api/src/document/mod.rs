//! Text in; resources with source positions, or every problem at once, out.

mod annotations;
mod json;
mod kinds;
mod log_format;
mod mesh_config;
mod networking;
mod outline;
pub(crate) mod reader;
pub mod scalar;
mod selection;
mod telemetry;
pub mod tree;
mod wasm_plugin;

pub use kinds::{Documents, read};
pub use outline::Outline;
pub use tree::Source;

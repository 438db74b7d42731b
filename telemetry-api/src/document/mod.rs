//! Text in; resources with source positions, or every problem at once, out.

mod annotations;
mod duration;
pub(crate) mod extension;
mod foreign;
mod json;
mod kinds;
mod kubernetes;
pub(crate) mod log_format;
mod mesh_config;
mod mesh_sources;
mod module_rules;
mod networking;
mod outline;
mod parts;
mod peer_authentication;
mod pull_secret;
pub mod reader;
pub mod scalar;
pub(crate) mod selection;
pub(crate) mod telemetry;
pub mod tree;

pub use annotations::{IGNORE_ANNOTATION, Ignore, LABEL_SIZES_ANNOTATION, LabelSize, Reach};
pub use duration::parse as parse_duration;
pub use kinds::{Documents, read};
pub use outline::{Outline, OutlineIndex};
pub use parts::{Parts, read_again};
pub use tree::Source;

//! Every code of this crate with its page, so that no two share a number and each is explained where it is declared.

mod documents;
mod effects;
mod mesh_config;
mod plugins;
mod telemetry;
mod text;

pub use documents::*;
pub use effects::*;
pub use mesh_config::*;
pub use plugins::*;
pub use telemetry::*;
pub use text::*;

use super::Page;

/// Every code of this crate, by area.
const AREAS: [&[Page]; 6] = [TEXT, DOCUMENTS, TELEMETRY, PLUGINS, MESH_CONFIG, EFFECTS];

/// The page of every code of this crate, by area.
pub fn pages() -> impl Iterator<Item = &'static Page> {
    AREAS.into_iter().flatten()
}

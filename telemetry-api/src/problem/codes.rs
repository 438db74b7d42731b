//! Every code of this crate with its page, so that no two share a number and each is explained where it is declared.

mod access_logs;
mod annotations;
mod configurations;
mod documents;
mod effects;
mod expressions;
mod in_force;
mod mesh_config;
mod mesh_sources;
mod metrics;
mod module_rules;
mod modules;
mod peer_authentications;
mod plugins;
mod providers;
mod selection;
mod signals;
mod text;
mod trace_providers;
mod workloads;

pub use access_logs::*;
pub use annotations::*;
pub use configurations::*;
pub use documents::*;
pub use effects::*;
pub use expressions::*;
pub use in_force::*;
pub use mesh_config::*;
pub use mesh_sources::*;
pub use metrics::*;
pub use module_rules::*;
pub use modules::*;
pub use peer_authentications::*;
pub use plugins::*;
pub use providers::*;
pub use selection::*;
pub use signals::*;
pub use text::*;
pub use trace_providers::*;
pub use workloads::*;

use super::Page;

/// Every code of this crate, by area.
const AREAS: &[&[Page]] = &[
    TEXT,
    DOCUMENTS,
    WORKLOADS,
    PEER_AUTHENTICATIONS,
    SELECTION,
    SIGNALS,
    PROVIDERS,
    METRICS,
    EXPRESSIONS,
    ANNOTATIONS,
    MODULES,
    MODULE_RULES,
    PLUGINS,
    CONFIGURATIONS,
    MESH_CONFIG,
    MESH_SOURCES,
    ACCESS_LOGS,
    TRACE_PROVIDERS,
    EFFECTS,
    IN_FORCE,
];

/// The page of every code of this crate, by area.
pub fn pages() -> impl Iterator<Item = &'static Page> {
    AREAS.iter().copied().flatten()
}

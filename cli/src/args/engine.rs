//! The engine of metrics as an argument.

use burgee_api::resolve::MetricsEngine;
use clap::ValueEnum;

/// What makes metrics of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineName {
    /// The Wasm filter.
    Wasm,
    /// Envoy itself, where it can say the same; the filter for the rest.
    Native,
}

impl From<EngineName> for MetricsEngine {
    fn from(name: EngineName) -> MetricsEngine {
        match name {
            EngineName::Wasm => MetricsEngine::Wasm,
            EngineName::Native => MetricsEngine::Native,
        }
    }
}

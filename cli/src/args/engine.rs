//! The engine of metrics as an argument.

use burgee_api::resolve::MetricsEngine;
use clap::{Args, ValueEnum};

/// Which engine makes metrics.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct EngineArgs {
    /// What makes metrics of requests, whatever documents say of it: a Wasm filter, or Envoy itself where it can say the
    /// same. Without: as the annotation burgee.dev/metrics-engine says, else the filter.
    #[arg(long, value_name = "ENGINE", value_enum)]
    metrics_engine: Option<EngineName>,
}

/// What makes metrics of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum EngineName {
    /// The Wasm filter.
    Wasm,
    /// Envoy itself, where it can say the same; the filter for the rest.
    Native,
}

impl EngineArgs {
    /// The engine, if one is named.
    pub(crate) fn named(self) -> Option<MetricsEngine> {
        self.metrics_engine.map(|name| match name {
            EngineName::Wasm => MetricsEngine::Wasm,
            EngineName::Native => MetricsEngine::Native,
        })
    }
}

//! What makes metrics, and what they show of peers, as arguments.

use burgee_api::resolve::{MetricsEngine, PeerMetadata};
use clap::{Args, ValueEnum};

/// What makes metrics, and what they show of peers.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct EngineArgs {
    /// What makes metrics of requests, whatever documents say of it. Without: as the annotation
    /// burgee.dev/metrics-engine says, else auto.
    #[arg(long, value_name = "ENGINE", value_enum)]
    metrics_engine: Option<EngineName>,
    /// Whether proxies tell each other who they are, whatever documents say of it. Without: as the annotation
    /// burgee.dev/peer-metadata says, else on.
    #[arg(long, value_name = "SWITCH", value_enum)]
    peer_metadata: Option<Switch>,
}

/// What makes metrics of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum EngineName {
    /// Envoy itself where it says exactly the same and costs less; the filter everywhere else.
    Auto,
    /// The Wasm filter.
    Wasm,
    /// Envoy itself, where it can say the same; the filter for the rest.
    Native,
}

/// Whether proxies tell each other who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Switch {
    /// They do, where there are metrics.
    On,
    /// They do not.
    Off,
}

/// What arguments say of metrics, before all documents.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MetricsChoice {
    /// What makes them.
    pub engine: Option<MetricsEngine>,
    /// Whether proxies tell each other who they are.
    pub peers: Option<PeerMetadata>,
}

impl EngineArgs {
    /// What is said.
    pub(crate) fn chosen(self) -> MetricsChoice {
        MetricsChoice {
            engine: self.metrics_engine.map(|name| match name {
                EngineName::Auto => MetricsEngine::Auto,
                EngineName::Wasm => MetricsEngine::Wasm,
                EngineName::Native => MetricsEngine::Native,
            }),
            peers: self.peer_metadata.map(|switch| match switch {
                Switch::On => PeerMetadata::On,
                Switch::Off => PeerMetadata::Off,
            }),
        }
    }
}

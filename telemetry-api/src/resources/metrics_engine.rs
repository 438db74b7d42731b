//! What makes metrics of HTTP requests in a proxy, and whether proxies tell each other who they are, as annotations of ours
//! say it.

/// The annotation that says what makes metrics: of a Telemetry, or of the ConfigMap that holds the mesh's
/// configuration.
pub const METRICS_ENGINE_ANNOTATION: &str = "burgee.dev/metrics-engine";

/// The annotation that says whether proxies tell each other who they are: of a Telemetry, or of the ConfigMap that holds
/// the mesh's configuration.
pub const PEER_METADATA_ANNOTATION: &str = "burgee.dev/peer-metadata";

/// What makes metrics of HTTP requests. All make the same series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MetricsEngine {
    /// What the proxy has itself where that says exactly the same and costs less; the Wasm filter everywhere else.
    #[default]
    Auto,
    /// A Wasm filter of ours, in any proxy that runs them.
    Wasm,
    /// What the proxy has itself, for whatever that can say; the Wasm filter for the rest.
    Native,
}

impl MetricsEngine {
    /// Every engine by its name.
    pub const NAMES: &[(&str, MetricsEngine)] =
        &[("auto", MetricsEngine::Auto), ("wasm", MetricsEngine::Wasm), ("native", MetricsEngine::Native)];

    /// The name in annotations, arguments and output.
    pub const fn name(self) -> &'static str {
        match self {
            MetricsEngine::Auto => "auto",
            MetricsEngine::Wasm => "wasm",
            MetricsEngine::Native => "native",
        }
    }

    /// The engine of a name.
    pub fn from_name(name: &str) -> Option<MetricsEngine> {
        MetricsEngine::NAMES.iter().find(|(known, _)| *known == name).map(|(_, engine)| *engine)
    }
}

/// Whether the proxies at both ends of a request tell each other who they are, so that metrics show it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PeerMetadata {
    /// They do, where there are metrics.
    #[default]
    On,
    /// They do not: labels of the other end show what certificates and endpoints say.
    Off,
}

impl PeerMetadata {
    /// Both, by name.
    pub const NAMES: &[(&str, PeerMetadata)] = &[("on", PeerMetadata::On), ("off", PeerMetadata::Off)];

    /// The name in annotations, arguments and output.
    pub const fn name(self) -> &'static str {
        match self {
            PeerMetadata::On => "on",
            PeerMetadata::Off => "off",
        }
    }
}

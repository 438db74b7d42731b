//! What makes metrics of HTTP requests in a proxy, as an annotation of ours says it.

/// The annotation that says what makes metrics: of a Telemetry, or of the ConfigMap that holds the mesh's
/// configuration.
pub const METRICS_ENGINE_ANNOTATION: &str = "burgee.dev/metrics-engine";

/// What makes metrics of HTTP requests. Both make the same series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MetricsEngine {
    /// A Wasm filter of ours, in any proxy that runs them.
    #[default]
    Wasm,
    /// What the proxy has itself, for whatever that can say; the Wasm filter for the rest.
    Native,
}

impl MetricsEngine {
    /// Every engine by its name.
    pub const NAMES: &[(&str, MetricsEngine)] =
        &[("wasm", MetricsEngine::Wasm), ("native", MetricsEngine::Native)];

    /// The name in annotations, arguments and output.
    pub const fn name(self) -> &'static str {
        match self {
            MetricsEngine::Wasm => "wasm",
            MetricsEngine::Native => "native",
        }
    }

    /// The engine of a name.
    pub fn from_name(name: &str) -> Option<MetricsEngine> {
        MetricsEngine::NAMES.iter().find(|(known, _)| *known == name).map(|(_, engine)| *engine)
    }
}

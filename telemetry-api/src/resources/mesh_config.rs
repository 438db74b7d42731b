//! `MeshConfig`, the slice of it that telemetry needs: defaults and providers.

use crate::origin::{Origin, Traced};

/// Where documents that apply to the whole mesh live, when nothing says otherwise.
pub const DEFAULT_ROOT_NAMESPACE: &str = "istio-system";

/// The mesh's configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct MeshConfig {
    /// Whether any document said something; if not, everything here is Istio's default.
    pub was_read: bool,
    /// The namespace of documents that apply to the whole mesh. Default: `istio-system`.
    pub root_namespace: Traced<String>,
    /// The metrics providers in force when no Telemetry names any. Default: none, as in Istio's control plane;
    /// Istio's Helm chart sets `prometheus`.
    pub default_metrics_providers: Vec<Traced<String>>,
    /// Every provider: Istio's three built-in ones, then those of the document; a document's provider replaces a
    /// built-in one of the same name.
    pub extension_providers: Vec<ExtensionProvider>,
}

/// A provider of metrics, traces or logs that Telemetry documents can name.
#[derive(Clone, Debug, PartialEq)]
pub struct ExtensionProvider {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: ProviderKind,
    /// Where it came from.
    pub origin: Origin,
}

impl Default for MeshConfig {
    fn default() -> MeshConfig {
        let built_in = |name: &str, kind| ExtensionProvider {
            name: name.to_owned(),
            kind,
            origin: Origin::Rule("built into every mesh"),
        };
        MeshConfig {
            was_read: false,
            root_namespace: Traced {
                value: DEFAULT_ROOT_NAMESPACE.to_owned(),
                origin: Origin::Rule("Istio's default root namespace"),
            },
            default_metrics_providers: Vec::new(),
            extension_providers: vec![
                built_in("prometheus", ProviderKind::Prometheus),
                built_in("stackdriver", ProviderKind::Stackdriver),
                built_in("envoy", ProviderKind::EnvoyFileAccessLog),
            ],
        }
    }
}

impl MeshConfig {
    /// The provider of that name. Istio's rule: case is ignored and the first match counts.
    pub fn provider(&self, name: &str) -> Option<&ExtensionProvider> {
        self.extension_providers.iter().find(|provider| provider.name.eq_ignore_ascii_case(name))
    }
}

/// The kinds of providers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each variant is named as its key in MeshConfig; see `key`")]
pub enum ProviderKind {
    Prometheus,
    Stackdriver,
    EnvoyFileAccessLog,
    EnvoyHttpAls,
    EnvoyTcpAls,
    EnvoyOtelAls,
    Zipkin,
    Datadog,
    Skywalking,
    Lightstep,
    Opencensus,
    Opentelemetry,
    EnvoyExtAuthzHttp,
    EnvoyExtAuthzGrpc,
    Sds,
}

impl ProviderKind {
    /// Every kind.
    pub const ALL: [ProviderKind; 15] = [
        ProviderKind::Prometheus,
        ProviderKind::Stackdriver,
        ProviderKind::EnvoyFileAccessLog,
        ProviderKind::EnvoyHttpAls,
        ProviderKind::EnvoyTcpAls,
        ProviderKind::EnvoyOtelAls,
        ProviderKind::Zipkin,
        ProviderKind::Datadog,
        ProviderKind::Skywalking,
        ProviderKind::Lightstep,
        ProviderKind::Opencensus,
        ProviderKind::Opentelemetry,
        ProviderKind::EnvoyExtAuthzHttp,
        ProviderKind::EnvoyExtAuthzGrpc,
        ProviderKind::Sds,
    ];

    /// The key that names the kind in MeshConfig.
    pub const fn key(self) -> &'static str {
        match self {
            ProviderKind::Prometheus => "prometheus",
            ProviderKind::Stackdriver => "stackdriver",
            ProviderKind::EnvoyFileAccessLog => "envoyFileAccessLog",
            ProviderKind::EnvoyHttpAls => "envoyHttpAls",
            ProviderKind::EnvoyTcpAls => "envoyTcpAls",
            ProviderKind::EnvoyOtelAls => "envoyOtelAls",
            ProviderKind::Zipkin => "zipkin",
            ProviderKind::Datadog => "datadog",
            ProviderKind::Skywalking => "skywalking",
            ProviderKind::Lightstep => "lightstep",
            ProviderKind::Opencensus => "opencensus",
            ProviderKind::Opentelemetry => "opentelemetry",
            ProviderKind::EnvoyExtAuthzHttp => "envoyExtAuthzHttp",
            ProviderKind::EnvoyExtAuthzGrpc => "envoyExtAuthzGrpc",
            ProviderKind::Sds => "sds",
        }
    }
}

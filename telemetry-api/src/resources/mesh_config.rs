//! `MeshConfig`, the slice of it that telemetry needs: defaults and providers.

mod log_providers;
mod trace_providers;
mod written;

use std::time::Duration;

use super::meta::DEFAULT_REVISION;
use super::telemetry::CustomTag;
use super::{MetricsEngine, PeerMetadata};
use crate::origin::{Origin, Traced};

pub use log_providers::{
    AccessLogService, FileAccessLog, LogFormat, OtelAccessLog, RemoteService, Security, TcpKeepalive,
};
pub use trace_providers::{
    CallHeader, Datadog, DynatraceSampler, DynatraceService, GrpcExport, HTTP_EXPORT_TIMEOUT, HeaderSource,
    HttpExport, MeshTracer, MeshTracerKind, Opentelemetry, ResourceDetector, ServiceAttributes, Skywalking,
    TraceContext, ZIPKIN_PATH, ZIPKIN_TIMEOUT, Zipkin,
};
pub use written::WrittenFields;

/// Where documents that apply to the whole mesh live, when nothing says otherwise.
pub const DEFAULT_ROOT_NAMESPACE: &str = "istio-system";

/// How long a connection may take to come about, when nothing says otherwise.
pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The annotation of the document that holds the mesh's configuration with the labels that proxies tell each other, several
/// separated by commas.
pub const PEER_LABELS_ANNOTATION: &str = "burgee.dev/peer-labels";

/// The mesh's configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct MeshConfig {
    /// Whether any document said something; if not, everything here is Istio's default.
    pub was_read: bool,
    /// Where it was read from, as a whole.
    pub source: Origin,
    /// The revision of the control plane that it is for. Default: `default`.
    pub revision: String,
    /// The namespace of documents that apply to the whole mesh. Default: `istio-system`.
    pub root_namespace: Traced<String>,
    /// The metrics providers in force when no Telemetry names any. Default: none, as in Istio's control plane;
    /// Istio's Helm chart sets `prometheus`.
    pub default_metrics_providers: Vec<Traced<String>>,
    /// What makes metrics of HTTP requests where no Telemetry says it, by the annotation
    /// [`METRICS_ENGINE_ANNOTATION`](super::metrics_engine::METRICS_ENGINE_ANNOTATION) of the document; absent: it does
    /// not say.
    pub metrics_engine: Option<Traced<MetricsEngine>>,
    /// Whether proxies tell each other who they are where no Telemetry says it, by the annotation
    /// [`PEER_METADATA_ANNOTATION`](super::metrics_engine::PEER_METADATA_ANNOTATION) of the document; absent: it does not
    /// say.
    pub peer_metadata: Option<Traced<PeerMetadata>>,
    /// Labels of workloads that proxies tell each other, and publish of each other, beside app, version and canonical
    /// service, by the annotation [`PEER_LABELS_ANNOTATION`] of the document; absent: none. Istio's control plane has
    /// them in its environment, as `PILOT_MX_ADDITIONAL_LABELS`.
    pub peer_labels: Option<Traced<Vec<String>>>,
    /// The tracing provider in force when no Telemetry names any: the first. Default: none.
    pub default_tracing_providers: Vec<Traced<String>>,
    /// The access log providers in force when no Telemetry names any. Default: none.
    pub default_access_logging_providers: Vec<Traced<String>>,
    /// How long a connection to a service may take to come about, at least 1 ms. Default: 10 s.
    pub connect_timeout: Traced<Duration>,
    /// Whether proxies trace with their bootstrap's tracer where no Telemetry and no default provider says anything.
    /// Default: true.
    pub enable_tracing: Traced<bool>,
    /// The file that every proxy logs to where no Telemetry and no default provider says anything. Default: empty,
    /// which means none.
    pub access_log_file: Traced<String>,
    /// The format of that file, a text or a JSON object as a text. Default: empty, which means Envoy's usual one.
    pub access_log_format: Traced<String>,
    /// How that file is written. Default: text.
    pub access_log_encoding: Traced<Encoding>,
    /// Whether every proxy logs to Envoy's own access log service, by its gRPC protocol, where no Telemetry and no
    /// default provider says anything. The service is that of `defaultConfig.envoyAccessLogService`. Default: false.
    pub enable_access_log_service: Traced<bool>,
    /// Whether listeners keep quiet of connections that no filter chain takes, whoever logs. Default: false.
    pub disable_listener_log: Traced<bool>,
    /// `defaultConfig.envoyAccessLogService`: where Envoy's own access log service is. Default: none.
    pub access_log_service: Option<Traced<RemoteService>>,
    /// `defaultConfig.tracing`: what holds for traces when no Telemetry says otherwise.
    pub proxy_tracing: ProxyTracing,
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
    /// What it is told.
    pub config: ProviderConfig,
    /// Where it came from.
    pub origin: Origin,
    /// Where each field of its kind stands.
    pub written: WrittenFields,
}

/// What a provider is told, for the kinds whose fields this version reads.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ProviderConfig {
    /// `envoyFileAccessLog`.
    FileAccessLog(FileAccessLog),
    /// `envoyHttpAls`.
    HttpAccessLogService(AccessLogService),
    /// `envoyTcpAls`.
    TcpAccessLogService(AccessLogService),
    /// `envoyOtelAls`.
    OtelAccessLog(OtelAccessLog),
    /// `zipkin`.
    Zipkin(Zipkin),
    /// `datadog`.
    Datadog(Datadog),
    /// `skywalking`.
    Skywalking(Skywalking),
    /// `opentelemetry`.
    Opentelemetry(Box<Opentelemetry>),
    /// A kind without fields, or one whose fields are not read.
    #[default]
    None,
}

/// A service as providers name it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CollectorRef {
    /// `hostname` or `namespace/hostname`.
    pub service: String,
    /// The port.
    pub port: u16,
}

/// How the mesh's access log file is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// As text.
    #[default]
    Text,
    /// As JSON.
    Json,
}

/// `defaultConfig.tracing`, and what else every proxy is started with for its traces.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProxyTracing {
    /// Where `defaultConfig.tracing` stands; absent when nothing is written there.
    pub written: Option<Origin>,
    /// The tracer of every proxy where no Telemetry and no default provider says anything. Absent: that of the base's
    /// own bootstrap, if it has one.
    pub tracer: Option<Traced<MeshTracer>>,
    /// `tlsSettings`, where calls to that tracer's collector have to be over TLS. Absent: they are in clear text.
    pub needs_tls: Option<Origin>,
    /// Which share of new traces is kept, in percent. 0 and absence mean Istio's 1 %; above 100 too.
    pub sampling: Option<Traced<f64>>,
    /// Tags of each span when no Telemetry has any.
    pub custom_tags: Vec<(String, Traced<CustomTag>)>,
    /// How long a path may be in a tag; absent or 0: Envoy's 256.
    pub max_path_tag_length: Option<Traced<u32>>,
    /// Whether spans carry Istio's own tags where no Telemetry configures tracing. Default: true.
    pub istio_tags: Option<Traced<bool>>,
    /// `defaultConfig.serviceCluster`: the name of every proxy's spans. Absent, empty or `istio-proxy`: each proxy's
    /// own name.
    pub service_cluster: Option<Traced<String>>,
    /// `defaultConfig.tracingServiceName`: how each proxy's own name is made. Absent:
    /// [`ServiceName::AppAndNamespace`].
    pub service_name: Option<Traced<ServiceName>>,
    /// `defaultConfig.meshId`, which is a tag of each span. Absent: `unknown`.
    pub mesh_id: Option<Traced<String>>,
}

/// How the name of a proxy's spans is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceName {
    /// `APP.NAMESPACE`; without a label `app`, `WORKLOAD.NAMESPACE`. Istio's default.
    AppAndNamespace,
    /// The canonical service.
    Canonical,
    /// `CANONICAL_SERVICE.NAMESPACE`.
    CanonicalAndNamespace,
}

impl Default for MeshConfig {
    fn default() -> MeshConfig {
        let built_in = |name: &str, kind| ExtensionProvider {
            name: name.to_owned(),
            kind,
            config: match kind {
                ProviderKind::EnvoyFileAccessLog => ProviderConfig::FileAccessLog(FileAccessLog::default()),
                _ => ProviderConfig::None,
            },
            origin: Origin::Rule("built into every mesh"),
            written: WrittenFields::default(),
        };
        MeshConfig {
            was_read: false,
            source: Origin::Rule("Istio's default"),
            revision: DEFAULT_REVISION.to_owned(),
            root_namespace: Traced {
                value: DEFAULT_ROOT_NAMESPACE.to_owned(),
                origin: Origin::Rule("Istio's default root namespace"),
            },
            default_metrics_providers: Vec::new(),
            metrics_engine: None,
            peer_metadata: None,
            peer_labels: None,
            default_tracing_providers: Vec::new(),
            default_access_logging_providers: Vec::new(),
            connect_timeout: by_default(DEFAULT_CONNECT_TIMEOUT),
            enable_tracing: by_default(true),
            access_log_file: by_default(String::new()),
            access_log_format: by_default(String::new()),
            access_log_encoding: by_default(Encoding::Text),
            enable_access_log_service: by_default(false),
            disable_listener_log: by_default(false),
            access_log_service: None,
            proxy_tracing: ProxyTracing::default(),
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

fn by_default<T>(value: T) -> Traced<T> {
    Traced { value, origin: Origin::Rule("Istio's default") }
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

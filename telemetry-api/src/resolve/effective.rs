//! What the documents add up to for one workload: plain values, each with its origin.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use burgee_filter_config::StandardMetric;

use super::collector::Collector;
use super::module_rules::{Limits, Refusal};
use super::tracer::Tracer;
use super::workload::{ListenerClass, Workload};
use crate::origin::{Origin, Traced};
use crate::resources::TrafficExtension;
pub use crate::resources::mesh_config::{LogFormat, RemoteService, TcpKeepalive};
pub use crate::resources::telemetry::{CustomTag, TagOperation};
pub use crate::resources::{MetricsEngine, PeerMetadata};

/// The effective policy of one workload.
#[derive(Clone, Debug, PartialEq)]
pub struct Effective {
    /// The workload that it is for.
    pub workload: Workload,
    /// What applies to each class of listener; every class is there.
    pub classes: BTreeMap<ListenerClass, ClassPolicy>,
}

impl Effective {
    /// What applies to one class of listener.
    pub fn class(&self, class: ListenerClass) -> &ClassPolicy {
        static NOTHING: ClassPolicy = ClassPolicy {
            metrics: Vec::new(),
            tracing: Tracing::Untouched,
            access_logs: Vec::new(),
            listener_logs: ListenerLogs::On,
            plugins: Vec::new(),
        };
        self.classes.get(&class).unwrap_or(&NOTHING)
    }

    /// A policy that asks for nothing: what an overlay without documents lays over a base.
    pub fn nothing(workload: Workload) -> Effective {
        Effective { workload, classes: BTreeMap::new() }
    }
}

/// The effective policy of one class of listener.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassPolicy {
    /// Metrics, one entry per provider in force, ordered by the provider's name. Empty: no metrics.
    pub metrics: Vec<ProviderMetrics>,
    /// Traces.
    pub tracing: Tracing,
    /// Access logs, one entry per logger in force, ordered by the provider's name.
    pub access_logs: Vec<AccessLogger>,
    /// Whether listeners have those loggers too.
    pub listener_logs: ListenerLogs,
    /// Plugins, in the order in which they stand in a chain of filters: by phase, then by priority. Those whose
    /// `match` names ports are for those ports alone: see [`Plugin::covers_port`].
    pub plugins: Vec<Plugin>,
}

/// What is traced.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "there is one per class of listener, made once")]
pub enum Tracing {
    /// Nothing says anything: what the proxy has is left as it is.
    #[default]
    Untouched,
    /// Nothing is traced, and this is why.
    Off(Origin),
    /// Nothing is traced, because this provider is named and cannot be used. `check` says why it cannot.
    LeftOut(Traced<String>),
    /// The mesh's own settings, for the tracer of the proxy's bootstrap if it has one.
    Bootstrap(TracingSettings),
    /// Spans go to a provider.
    Provider {
        /// The provider's name and what put it in force.
        provider: Traced<String>,
        /// Where spans go.
        tracer: Tracer,
        /// What of, and with which tags.
        settings: TracingSettings,
    },
}

impl Tracing {
    /// What stands for a provider's name where MeshConfig's `defaultConfig.tracing` has a tracer of its own.
    pub const MESH_TRACER: &str = "mesh";
}

/// What is traced, and with which tags.
#[derive(Clone, Debug, PartialEq)]
pub struct TracingSettings {
    /// Which share of new traces is kept, in percent, 0 to 100.
    pub sampling: Traced<f64>,
    /// Every tag, those of Istio among them, ordered by name.
    pub custom_tags: Vec<(String, Traced<CustomTag>)>,
    /// Whether a request's id decides about sampling.
    pub use_request_id: Traced<bool>,
    /// Whether trace headers are kept from upstreams.
    pub disable_context_propagation: Traced<bool>,
    /// How long a path may be in a tag; absent: Envoy's own limit.
    pub max_path_tag_length: Option<u32>,
    /// Whether the request to the upstream gets a span of its own: at gateways.
    pub spawn_upstream_span: bool,
}

/// One logger.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessLogger {
    /// The provider's name and what put it in force. The mesh's own file has the name [`AccessLogger::MESH_FILE`].
    pub provider: Traced<String>,
    /// Where its lines go, and how they look.
    pub sink: LogSink,
    /// A CEL expression; only what it is true for is logged. Absent: everything.
    pub filter: Option<Traced<String>>,
}

impl AccessLogger {
    /// What stands for a provider's name where MeshConfig's `accessLogFile` logs.
    pub const MESH_FILE: &str = "mesh";
    /// The same where `enableEnvoyAccessLogService` has Envoy's own service log.
    pub const MESH_SERVICE: &str = "mesh-service";
}

/// Whether listeners log connections that none of their filter chains takes.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ListenerLogs {
    /// They do: Istio's default.
    #[default]
    On,
    /// They keep quiet, and this is why.
    Off(Origin),
}

/// Where log lines go, and how they look.
#[derive(Clone, Debug, PartialEq)]
pub enum LogSink {
    /// To a file of the proxy.
    File {
        /// The file; never empty.
        path: String,
        /// How a line looks: never an empty text or object, since the usual ones are filled in; a text ends with a
        /// line feed.
        format: LogFormat,
        /// Whether what is empty is left out rather than written as `-`.
        omit_empty_values: bool,
    },
    /// To an OpenTelemetry collector over gRPC.
    Otel {
        /// The collector.
        collector: Collector,
        /// The log's name.
        log_name: String,
        /// The body of each record.
        body: String,
        /// The attributes of each record, by key.
        attributes: BTreeMap<String, String>,
    },
    /// To a service over gRPC, by Envoy's own protocol (ALS).
    Service {
        /// What each entry is about.
        entries: LogEntries,
        /// The service.
        collector: Collector,
        /// The log's name.
        log_name: String,
        /// What of the filter state each entry has.
        filter_state: Vec<String>,
    },
    /// To the access log service of the proxy's bootstrap, by the same protocol: requests of HTTP, connections of TCP,
    /// and connections that no filter chain takes, each under a log name of its own.
    MeshService {
        /// Where that service is, if the documents say so and it is called in clear text. Else only a proxy's own base
        /// can lead there.
        address: Option<RemoteService>,
    },
}

/// What the entries of a service of Envoy's own protocol are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogEntries {
    /// Requests of HTTP. The lists are names of headers that each entry has beside the usual ones.
    Http {
        /// Of the request.
        request_headers: Vec<String>,
        /// Of the response.
        response_headers: Vec<String>,
        /// Of the response's end.
        response_trailers: Vec<String>,
    },
    /// Connections.
    Tcp,
}

/// A Wasm plugin.
#[derive(Clone, Debug, PartialEq)]
pub struct Plugin {
    /// The document, and the field that makes it apply here.
    pub origin: Origin,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Everything that it says.
    pub document: Arc<TrafficExtension>,
    /// The ports that those of its `match` entries name that cover this class of listener, in ascending order; empty:
    /// every port. At inbound listeners a port is the workload's own, elsewhere the one that clients call.
    pub ports: Vec<u16>,
    /// Why it may not be used here by the mesh's rules; absent: it may. Whatever its `failStrategy` says of a module that
    /// cannot be had holds for it then.
    pub refused: Option<Refusal>,
    /// The bounds that the mesh's rules set it.
    pub limits: Limits,
}

impl Plugin {
    /// Which plugin it is, for maps and messages: [`TrafficExtension::key`].
    pub fn id(&self) -> String {
        self.document.key()
    }

    /// Whether traffic at a port of the documents is filtered.
    pub fn covers_port(&self, port: u16) -> bool {
        self.ports.is_empty() || self.ports.contains(&port)
    }
}

/// What one metrics provider is to be given.
#[derive(Clone, Debug, PartialEq)]
pub struct ProviderMetrics {
    /// The provider's name and what put it in force.
    pub provider: Traced<String>,
    /// What makes its metrics of HTTP requests; absent: nothing says so, which means [`MetricsEngine::Auto`].
    pub engine: Option<Traced<MetricsEngine>>,
    /// Whether proxies tell each other who they are; absent: nothing says so, which means [`PeerMetadata::On`].
    pub peers: Option<Traced<PeerMetadata>>,
    /// Labels of workloads that proxies tell each other beside Istio's own; absent: none.
    pub peer_labels: Option<Traced<Vec<String>>>,
    /// How often long-lived streams report; absent: the filter's default.
    pub reporting_interval: Option<Traced<Duration>>,
    /// Changes per metric, ordered as Istio orders them. A metric without an entry has its defaults.
    pub overrides: Vec<MetricOverride>,
}

/// The name of a metric: a standard one, or any other by its own name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MetricName {
    /// One of the ten.
    Standard(StandardMetric),
    /// A custom one, as written.
    Custom(String),
}

impl MetricName {
    /// The name in a stats filter's configuration.
    pub fn stat_name(&self) -> &str {
        match self {
            MetricName::Standard(metric) => metric.stat_name(),
            MetricName::Custom(name) => name,
        }
    }

    /// The name in documents.
    pub fn api_name(&self) -> &str {
        match self {
            MetricName::Standard(metric) => metric.api_name(),
            MetricName::Custom(name) => name,
        }
    }
}

/// What changes of one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricOverride {
    /// The metric.
    pub metric: MetricName,
    /// Whether it is switched off; absent: nothing says so, which means on.
    pub disabled: Option<Traced<bool>>,
    /// Labels to set or to remove, by name.
    pub tags: BTreeMap<String, Traced<TagOperation>>,
}

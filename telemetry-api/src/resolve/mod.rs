//! Which resources apply to a workload, and what they add up to.

pub(crate) mod access_log;
mod addresses;
mod affected;
mod collector;
mod control_plane;
mod differing;
mod effective;
#[cfg(test)]
mod fixture;
pub(crate) mod flags;
mod hash;
pub(crate) mod label_index;
pub(crate) mod log_format;
pub(crate) mod metrics;
mod module_rules;
mod module_url;
pub(crate) mod mutual_tls;
mod node;
mod plugins;
mod policies;
mod policy_set;
pub(crate) mod providers;
pub(crate) mod said;
mod selection;
mod service_name;
pub(crate) mod services;
mod tracer;
pub(crate) mod tracers;
pub(crate) mod tracing;
mod workload;
mod workloads;

pub use addresses::workloads_by_address;
pub use affected::{WorkloadIndex, affected};
pub use collector::{Collector, Endpoint, Protocol};
pub use control_plane::ControlPlane;
pub use differing::PolicyDocument;
pub use effective::{
    AccessLogger, ClassPolicy, CustomTag, Effective, ListenerLogs, LogEntries, LogFormat, LogSink,
    MetricName, MetricOverride, MetricsEngine, PeerMetadata, Plugin, ProviderMetrics, RemoteService,
    TagOperation, TcpKeepalive, Tracing, TracingSettings,
};
pub(crate) use module_rules::judge_alone;
pub use module_rules::{Limits, Refusal, judge_by_meshes};
pub(crate) use module_url::check_pattern;
pub use mutual_tls::mtls_mode;
pub use policy_set::{Change, PolicySet};
pub(crate) use selection::{age_order, gateway_of, is_gateway, target_of};
pub use tracer::{
    Exporter, Header, HeaderValue, HttpCall, ResourceDetector, Sampler, Secret, TraceContext, Tracer,
};
pub use workload::{
    DEFAULT_CLUSTER, DEFAULT_REVISION, GATEWAY_NAME_LABEL, ListenerClass, Workload, WorkloadKind,
};
pub use workloads::{KnownBy, KnownWorkload, KnownWorkloads, Waypoint};

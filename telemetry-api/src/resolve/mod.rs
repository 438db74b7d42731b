//! Which resources apply to a workload, and what they add up to.

mod effective;
mod metrics;
mod policy_set;
mod selection;
mod workload;

pub use effective::{ClassPolicy, Effective, MetricName, MetricOverride, ProviderMetrics, TagOperation};
pub use policy_set::PolicySet;
pub use selection::GATEWAY_NAME_LABEL;
pub(crate) use selection::age_order;
pub use workload::{DEFAULT_CLUSTER, DEFAULT_REVISION, ListenerClass, Workload, WorkloadKind};

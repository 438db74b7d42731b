//! Configuration types, names and limits shared by the filters that read them and the overlay that writes them.
//!
//! Deliberately not here: anything of proxy-wasm (that is `filters/kit`) and anything of Envoy's own
//! configuration (that is `delivery/overlay`). A name, default or limit that both sides need is one item
//! in this crate.

pub mod changes;
pub mod declared;
pub mod duration;
pub mod headers;
pub mod json;
pub mod labels;
mod lenient;
pub mod metrics;
pub mod names;
pub mod peer_fields;
pub mod peer_metadata;
pub mod stat_name;
pub mod stats;
pub mod telemetry;

pub use headers::HeadersConfig;
pub use labels::StandardLabel;
pub use metrics::{MetricKind, StandardMetric, Traffic};
pub use peer_metadata::{PeerMetadataConfig, PeerRole, Recipients};
pub use stats::{Definition, LocalWorkload, MetricConfig, Reporter, StatsConfig};
pub use telemetry::TelemetryConfig;

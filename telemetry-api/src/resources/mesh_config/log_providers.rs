//! What providers of access logs are told.

use serde_json::{Map, Value};

use super::CollectorRef;

/// Access logs in a file of the proxy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FileAccessLog {
    /// The file. Default, for empty: `/dev/stdout`.
    pub path: String,
    /// How a line looks; absent: Istio's usual text, or, for the provider `envoy`, what the mesh says.
    pub format: Option<LogFormat>,
    /// Whether what is empty is left out rather than written as `-`. Default: false.
    pub omit_empty_values: bool,
}

/// How a line of an access log looks.
#[derive(Clone, Debug, PartialEq)]
pub enum LogFormat {
    /// A text with Envoy's `%…%`; empty: Istio's usual one.
    Text(String),
    /// A JSON object whose strings may hold Envoy's `%…%`; empty: Istio's usual one.
    Labels(Map<String, Value>),
}

/// Access logs to an OpenTelemetry collector.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OtelAccessLog {
    /// The collector.
    pub collector: CollectorRef,
    /// The log's name. Default, for empty: `otel_envoy_accesslog`.
    pub log_name: String,
    /// The body of each record; absent or empty: Istio's usual text.
    pub text: Option<String>,
    /// The attributes of each record, by key.
    pub labels: Map<String, Value>,
}

/// Access logs to a service over gRPC, by Envoy's own protocol (ALS).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccessLogService {
    /// The service.
    pub collector: CollectorRef,
    /// The log's name. Default, for empty: `http_envoy_accesslog` or `tcp_envoy_accesslog`.
    pub log_name: String,
    /// What of the filter state each entry has beside the usual. Default, for none: `upstream_peer` and
    /// `downstream_peer`, who the other side is.
    pub filter_state: Vec<String>,
    /// Headers of the request that each entry has beside the usual ones. Default: none. Of HTTP alone.
    pub request_headers: Vec<String>,
    /// The same of the response's headers.
    pub response_headers: Vec<String>,
    /// The same of the response's trailers.
    pub response_trailers: Vec<String>,
}

/// A service that each proxy's bootstrap leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteService {
    /// Its host name or IP address.
    pub host: String,
    /// Its port.
    pub port: u16,
}

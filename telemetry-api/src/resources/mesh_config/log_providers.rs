//! What providers of access logs are told.

use std::time::Duration;

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
    /// Whether it has to be called over TLS. Default: in clear text.
    pub security: Security,
    /// Whether and how connections without traffic are kept from being forgotten on their way. Absent: they are not.
    pub keepalive: Option<TcpKeepalive>,
}

/// How a service has to be called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Security {
    /// In clear text.
    #[default]
    ClearText,
    /// Over TLS.
    Tls,
}

/// How TCP keeps connections without traffic alive. What is absent is as the operating system has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TcpKeepalive {
    /// After how many probes without an answer a connection is given up.
    pub probes: Option<u32>,
    /// How long a connection is idle before the first probe.
    pub time: Option<Duration>,
    /// How long it is from one probe to the next.
    pub interval: Option<Duration>,
}

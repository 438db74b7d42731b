//! Istio's standard metrics: their names in the API, in the proxy and in Prometheus.

use crate::StandardLabel;

/// How a metric's values add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// Only ever grows; shown as one series per set of labels.
    Counter,
    /// A distribution; shown as buckets, sum and count per set of labels.
    Histogram,
}

/// What metrics are of: each kind of traffic has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Traffic {
    /// Requests of HTTP, those of gRPC among them: written when one has ended.
    Requests,
    /// Messages of gRPC: written while a stream is open, and when it has ended.
    Messages,
    /// Connections of TCP: written while one is open, and when it is closed.
    Connections,
}

/// One of the ten standard metrics that a Telemetry document can name.
///
/// The order of the variants is the order in which Istio emits them in a stats filter's configuration:
/// by the name in the API, in ASCII order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each variant is named as in the API; see `api_name` and `stat_name`")]
pub enum StandardMetric {
    GrpcRequestMessages,
    GrpcResponseMessages,
    RequestCount,
    RequestDuration,
    RequestSize,
    ResponseSize,
    TcpClosedConnections,
    TcpOpenedConnections,
    TcpReceivedBytes,
    TcpSentBytes,
}

impl StandardMetric {
    /// Every standard metric, in the order in which Istio emits them.
    pub const ALL: [StandardMetric; 10] = [
        StandardMetric::GrpcRequestMessages,
        StandardMetric::GrpcResponseMessages,
        StandardMetric::RequestCount,
        StandardMetric::RequestDuration,
        StandardMetric::RequestSize,
        StandardMetric::ResponseSize,
        StandardMetric::TcpClosedConnections,
        StandardMetric::TcpOpenedConnections,
        StandardMetric::TcpReceivedBytes,
        StandardMetric::TcpSentBytes,
    ];

    /// The name in the Telemetry API, such as `REQUEST_COUNT`.
    pub const fn api_name(self) -> &'static str {
        match self {
            StandardMetric::GrpcRequestMessages => "GRPC_REQUEST_MESSAGES",
            StandardMetric::GrpcResponseMessages => "GRPC_RESPONSE_MESSAGES",
            StandardMetric::RequestCount => "REQUEST_COUNT",
            StandardMetric::RequestDuration => "REQUEST_DURATION",
            StandardMetric::RequestSize => "REQUEST_SIZE",
            StandardMetric::ResponseSize => "RESPONSE_SIZE",
            StandardMetric::TcpClosedConnections => "TCP_CLOSED_CONNECTIONS",
            StandardMetric::TcpOpenedConnections => "TCP_OPENED_CONNECTIONS",
            StandardMetric::TcpReceivedBytes => "TCP_RECEIVED_BYTES",
            StandardMetric::TcpSentBytes => "TCP_SENT_BYTES",
        }
    }

    /// The name in a stats filter's configuration, without the prefix `istio_`.
    pub const fn stat_name(self) -> &'static str {
        match self {
            StandardMetric::GrpcRequestMessages => "request_messages_total",
            StandardMetric::GrpcResponseMessages => "response_messages_total",
            StandardMetric::RequestCount => "requests_total",
            StandardMetric::RequestDuration => "request_duration_milliseconds",
            StandardMetric::RequestSize => "request_bytes",
            StandardMetric::ResponseSize => "response_bytes",
            StandardMetric::TcpClosedConnections => "tcp_connections_closed_total",
            StandardMetric::TcpOpenedConnections => "tcp_connections_opened_total",
            StandardMetric::TcpReceivedBytes => "tcp_received_bytes_total",
            StandardMetric::TcpSentBytes => "tcp_sent_bytes_total",
        }
    }

    /// The name as Prometheus shows it, such as `istio_requests_total`.
    pub fn prometheus_name(self) -> String {
        format!("istio_{}", self.stat_name())
    }

    /// Whether the metric is a counter or a distribution.
    pub const fn kind(self) -> MetricKind {
        match self {
            StandardMetric::RequestDuration | StandardMetric::RequestSize | StandardMetric::ResponseSize => {
                MetricKind::Histogram
            }
            StandardMetric::GrpcRequestMessages
            | StandardMetric::GrpcResponseMessages
            | StandardMetric::RequestCount
            | StandardMetric::TcpClosedConnections
            | StandardMetric::TcpOpenedConnections
            | StandardMetric::TcpReceivedBytes
            | StandardMetric::TcpSentBytes => MetricKind::Counter,
        }
    }

    /// What the metric is of.
    pub const fn traffic(self) -> Traffic {
        match self {
            StandardMetric::RequestCount
            | StandardMetric::RequestDuration
            | StandardMetric::RequestSize
            | StandardMetric::ResponseSize => Traffic::Requests,
            StandardMetric::GrpcRequestMessages | StandardMetric::GrpcResponseMessages => Traffic::Messages,
            StandardMetric::TcpClosedConnections
            | StandardMetric::TcpOpenedConnections
            | StandardMetric::TcpReceivedBytes
            | StandardMetric::TcpSentBytes => Traffic::Connections,
        }
    }

    /// Whether Istio's metric has a standard label.
    pub fn has_label(self, label: StandardLabel) -> bool {
        match self.traffic() {
            Traffic::Requests => true,
            Traffic::Messages => label < StandardLabel::RequestProtocol,
            Traffic::Connections => {
                !matches!(label, StandardLabel::ResponseCode | StandardLabel::GrpcResponseStatus)
            }
        }
    }

    /// The metric of that name in the API.
    pub fn from_api_name(name: &str) -> Option<StandardMetric> {
        StandardMetric::ALL.into_iter().find(|metric| metric.api_name() == name)
    }

    /// The metric of that name in a stats filter's configuration.
    pub fn from_stat_name(name: &str) -> Option<StandardMetric> {
        StandardMetric::ALL.into_iter().find(|metric| metric.stat_name() == name)
    }
}

//! The messages in which counters come, as far as they are read: OpenTelemetry's metrics. A test holds them to
//! OpenTelemetry's own.

use prost::{Message, Oneof};

/// `opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Export {
    #[prost(message, repeated, tag = "1")]
    pub resources: Vec<ResourceMetrics>,
}

/// `opentelemetry.proto.metrics.v1.ResourceMetrics`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ResourceMetrics {
    #[prost(message, repeated, tag = "2")]
    pub scopes: Vec<ScopeMetrics>,
}

/// `opentelemetry.proto.metrics.v1.ScopeMetrics`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ScopeMetrics {
    #[prost(message, repeated, tag = "2")]
    pub metrics: Vec<Metric>,
}

/// `opentelemetry.proto.metrics.v1.Metric`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Metric {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, optional, tag = "5")]
    pub gauge: Option<Points>,
    #[prost(message, optional, tag = "7")]
    pub sum: Option<Points>,
}

/// `opentelemetry.proto.metrics.v1.Gauge`, and `Sum` as far as it is that.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Points {
    #[prost(message, repeated, tag = "1")]
    pub points: Vec<Point>,
}

/// `opentelemetry.proto.metrics.v1.NumberDataPoint`.
#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Point {
    #[prost(oneof = "Number", tags = "4, 6")]
    pub value: Option<Number>,
}

/// The value of a point.
#[derive(Clone, Copy, PartialEq, Oneof)]
pub(super) enum Number {
    #[prost(double, tag = "4")]
    Double(f64),
    #[prost(sfixed64, tag = "6")]
    Int(i64),
}

/// `opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceResponse`: all was taken.
#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Answer {}

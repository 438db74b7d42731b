//! Where spans go and how, with every default filled in.

use std::fmt;
use std::time::Duration;

use super::collector::Collector;
use crate::document::log_format;
pub use crate::resources::mesh_config::{ResourceDetector, TraceContext};

/// Where spans go.
#[derive(Clone, Debug, PartialEq)]
pub enum Tracer {
    /// To a Zipkin collector, as JSON over HTTP.
    Zipkin {
        /// How the collector is called.
        call: HttpCall,
        /// Whether ids of traces have 64 bits, not 128.
        short_trace_ids: bool,
        /// Which headers carry a trace.
        trace_context: TraceContext,
    },
    /// To Datadog's agent, over HTTP.
    Datadog {
        /// The agent.
        collector: Collector,
        /// The name that the proxy's spans have.
        service_name: String,
    },
    /// To a SkyWalking collector, over gRPC.
    Skywalking {
        /// The collector.
        collector: Collector,
        /// The name that the proxy's segments have.
        service_name: String,
    },
    /// To an OpenTelemetry collector.
    Opentelemetry {
        /// How spans get there.
        exporter: Exporter,
        /// The name that the proxy's spans have: `APP.NAMESPACE`, as Istio's proxies name themselves, unless the
        /// documents have another rule.
        service_name: String,
        /// What the proxy finds out about itself, in this order.
        detectors: Vec<ResourceDetector>,
        /// What decides which traces are kept; absent: the settings' share of them.
        sampler: Option<Box<Sampler>>,
    },
}

/// How spans get to an OpenTelemetry collector.
#[derive(Clone, Debug, PartialEq)]
pub enum Exporter {
    /// Over gRPC.
    Grpc {
        /// The collector.
        collector: Collector,
        /// How long a call may take; absent: as long as it takes.
        timeout: Option<Duration>,
        /// What calls carry.
        metadata: Vec<Header>,
    },
    /// Over HTTP.
    Http(HttpCall),
}

/// How a collector is called over HTTP.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpCall {
    /// The collector.
    pub collector: Collector,
    /// The path; begins with a slash.
    pub path: String,
    /// How long a call may take; 0: as long as it takes.
    pub timeout: Duration,
    /// What calls carry.
    pub headers: Vec<Header>,
}

/// Dynatrace's sampler: keeps as many traces a minute as Dynatrace says.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampler {
    /// The id of the tenant in Dynatrace.
    pub tenant: String,
    /// The id of the cluster in Dynatrace.
    pub cluster_id: i32,
    /// How many traces a minute begin while Dynatrace has not said; 0: the proxy's own default.
    pub root_spans_per_minute: u32,
    /// How Dynatrace is asked.
    pub call: HttpCall,
}

/// A header of calls to a collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: HeaderValue,
}

/// The value of a header, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderValue {
    /// A document has it.
    Written(String),
    /// The control plane's environment has it.
    Environment {
        /// The variable.
        variable: String,
        /// What it holds; empty when it is not set.
        value: Secret,
    },
}

impl HeaderValue {
    /// The value as it is.
    pub fn text(&self) -> &str {
        match self {
            HeaderValue::Written(text) => text,
            HeaderValue::Environment { value, .. } => &value.0,
        }
    }

    /// The value for a place where a format is expected, as in access logs. What can be read as a format stays one, as
    /// with Istio; what a proxy would refuse is taken as the text that it is.
    pub fn format(&self) -> String {
        let text = self.text();
        if log_format::is_valid_alone(text) { text.to_owned() } else { text.replace('%', "%%") }
    }
}

/// For people: what a document has, or whose variable it is. Never the value of a variable.
impl fmt::Display for HeaderValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HeaderValue::Written(text) => f.write_str(text),
            HeaderValue::Environment { variable, .. } => {
                write!(f, "the control plane's variable {variable}")
            }
        }
    }
}

/// A text that is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Tracer {
    /// What the tracer is, in a word.
    pub const fn name(&self) -> &'static str {
        match self {
            Tracer::Zipkin { .. } => "Zipkin",
            Tracer::Datadog { .. } => "Datadog",
            Tracer::Skywalking { .. } => "SkyWalking",
            Tracer::Opentelemetry { exporter: Exporter::Grpc { .. }, .. } => "OTLP",
            Tracer::Opentelemetry { exporter: Exporter::Http(_), .. } => "OTLP over HTTP",
        }
    }

    /// Where spans go.
    pub fn collector(&self) -> &Collector {
        match self {
            Tracer::Datadog { collector, .. }
            | Tracer::Skywalking { collector, .. }
            | Tracer::Opentelemetry { exporter: Exporter::Grpc { collector, .. }, .. } => collector,
            Tracer::Zipkin { call, .. } | Tracer::Opentelemetry { exporter: Exporter::Http(call), .. } => {
                &call.collector
            }
        }
    }

    /// Every service that is called: where spans go, and where a sampler asks, if it has a place of its own.
    pub fn collectors(&self) -> impl Iterator<Item = &Collector> {
        let sampler = match self {
            Tracer::Opentelemetry { sampler: Some(sampler), .. } => Some(&sampler.call.collector),
            Tracer::Opentelemetry { sampler: None, .. }
            | Tracer::Zipkin { .. }
            | Tracer::Datadog { .. }
            | Tracer::Skywalking { .. } => None,
        };
        let first = self.collector();
        std::iter::once(first).chain(sampler.filter(move |other| *other != first))
    }
}

//! What proxies send, as records: a module for each protocol. Pure; whatever comes, nothing here panics.

mod access_log;
mod datadog;
mod otlp;
mod skywalking;
mod zipkin;

use std::collections::BTreeMap;
use std::fmt;

use crate::protocol::{Protocol, Record};

/// What the messages of one request are read with.
#[derive(Clone, Debug)]
pub(crate) struct Decoder {
    kind: Kind,
    source: Source,
}

/// What messages there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A batch of log records of OTLP.
    OtlpLogs,
    /// A batch of spans of OTLP.
    OtlpSpans,
    /// Entries of an access log. Only the first message of a stream names the log.
    AccessLogs {
        /// The log's name, once it was named.
        log: String,
    },
    /// A segment of SkyWalking's.
    Segment,
    /// Zipkin's spans.
    Zipkin,
    /// Datadog's traces.
    Datadog,
}

/// Where records come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// By which protocol.
    pub(crate) protocol: Protocol,
    /// Who reports, if the request says so.
    pub(crate) reporter: Option<String>,
}

impl Decoder {
    pub(crate) fn new(kind: Kind, source: Source) -> Decoder {
        Decoder { kind, source }
    }

    /// The records of a message, in their order.
    pub(crate) fn records(&mut self, message: Vec<u8>) -> Result<Vec<Record>, Broken> {
        let source = &self.source;
        match &mut self.kind {
            Kind::OtlpLogs => otlp::logs(source, message),
            Kind::OtlpSpans => otlp::spans(source, message),
            Kind::AccessLogs { log } => access_log::entries(source, log, &message),
            Kind::Segment => skywalking::spans(source, &message),
            Kind::Zipkin => zipkin::spans(source, message),
            Kind::Datadog => datadog::spans(source, &message),
        }
    }
}

/// A message that cannot be read, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken(String);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "what was sent cannot be read: {}", self.0)
    }
}

impl From<prost::DecodeError> for Broken {
    fn from(error: prost::DecodeError) -> Broken {
        Broken(error.to_string())
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a span is of, when nothing but its name is known.
fn service(name: String) -> BTreeMap<String, String> {
    BTreeMap::from([("service.name".to_owned(), name)])
}

#[cfg(test)]
mod tests;

//! What the stubs print on stdout, a JSON object per line, and what the app answers about itself: for those who start
//! them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The path at which an app tells what it has done, as [`Served`].
pub const SERVED_PATH: &str = "/.burgee/served";

/// What a proxy says by which part of it reports: `REPORTER;CLASS;PROVIDER`. It is gRPC metadata or a header of HTTP,
/// or a tag of each span where a protocol has neither; that tag is then not among [`Span::tags`].
pub const REPORTER_METADATA: &str = "x-burgee-reporter";

/// The first line of each program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listening {
    /// Where it listens, as `127.0.0.1:PORT`.
    pub listening: String,
    /// Where an app takes bytes without HTTP, likewise; absent: nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listening_tcp: Option<String>,
}

/// What an app has done since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Served {
    /// Requests that came, whatever became of them; those for [`SERVED_PATH`] are not counted.
    pub served: u64,
    /// Requests made to other services, whatever came of them.
    pub called: u64,
    /// Connections without HTTP that came.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub taken: u64,
    /// Connections without HTTP made to other services, whatever came of them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub opened: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// A line of the receiver.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Record {
    /// A record of a log.
    Log(Log),
    /// A span.
    Span(Span),
}

/// How a record came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// OTLP over gRPC.
    OtlpGrpc,
    /// OTLP over HTTP, as protobuf.
    OtlpHttp,
    /// Zipkin's second version, as JSON.
    Zipkin,
    /// SkyWalking's segments over gRPC.
    Skywalking,
    /// What Datadog's agent takes: traces as MessagePack.
    Datadog,
    /// Envoy's access log service over gRPC.
    AccessLogService,
}

/// A record of a log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Log {
    /// How it came.
    pub protocol: Protocol,
    /// The value of [`REPORTER_METADATA`]; null when there was none.
    pub reporter: Option<String>,
    /// When it was, in nanoseconds since the epoch; when it was seen, if the record does not say; else 0.
    pub time_ns: u64,
    /// The body: text as it is, what is not text as JSON; empty when there is none. The access log service sends no
    /// text; its entries in short stand here: `GET /path 200`, or `80 bytes received, 72 sent`.
    pub body: String,
    /// The attributes, with values as JSON. Bytes are hexadecimal text. Of repeated keys the last counts. Of an entry of
    /// the access log service they are its fields, by the names that Envoy has for them.
    pub attributes: serde_json::Map<String, serde_json::Value>,
}

/// A span.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// How it came.
    pub protocol: Protocol,
    /// The value of [`REPORTER_METADATA`]; null when there was none.
    pub reporter: Option<String>,
    /// The attributes of what the span is of; values as those of `tags`. Whatever the protocol, its name is
    /// `service.name`.
    pub resource: BTreeMap<String, String>,
    /// The trace, in lower-case hexadecimal. SkyWalking's identifiers are texts of other kinds.
    pub trace_id: String,
    /// The span, likewise; for SkyWalking the segment, a dot and the span's number in it.
    pub span_id: String,
    /// The span above it, likewise; null for a trace's root.
    pub parent_span_id: Option<String>,
    /// What it is about.
    pub name: String,
    /// `server`, `client`, `internal`, `producer`, `consumer` or `unspecified`.
    pub kind: String,
    /// When it began, in nanoseconds since the epoch.
    pub start_ns: u64,
    /// When it ended, in nanoseconds since the epoch.
    pub end_ns: u64,
    /// Whether its status says that it failed.
    pub is_error: bool,
    /// The attributes: text as it is, what is not text as JSON. Of repeated keys the last counts.
    pub tags: BTreeMap<String, String>,
}

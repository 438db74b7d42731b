//! The format of cases as types: what is written here is the reader, the JSON Schema and the reference at once.

use schemars::JsonSchema;
use serde::Deserialize;

use super::values::{Anything, Data, Headers, Match, Matches, Ordered, PropertyValue, Span, Text};

/// A file of cases.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CaseFile {
    /// What each case of the file has where it says nothing of its own. A field that a case has takes the place of
    /// the whole field here.
    #[serde(default)]
    pub defaults: Setup,
    /// The cases.
    #[schemars(length(min = 1))]
    pub cases: Vec<Case>,
}

/// One case: a filter is started afresh, steps happen to it, and what it did is compared.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Case {
    /// What should be so, as a sentence. No two cases of a file have the same name.
    pub name: String,
    /// What the filter finds when it starts.
    #[serde(flatten)]
    pub setup: Setup,
    /// What happens, in this order. Streams that are still open at the end are ended as Envoy ends them: with the
    /// access log, then gone.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// What must be so at the end, when every stream is gone.
    #[serde(default)]
    pub expect: CaseExpect,
}

/// What a filter finds when it starts.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Setup {
    /// The plugin's configuration. A text is given as it stands, anything else as JSON. Without: nothing.
    pub config: Option<Anything>,
    /// The configuration of the VM, likewise.
    pub vm_config: Option<Anything>,
    /// Environment variables.
    pub environment: Option<Ordered<Text>>,
    /// The `root_id`, by which a module with several filters knows which one is meant.
    pub root_id: Option<String>,
    /// Properties by path; null takes one away, with all below it, and null for the path `""` takes all of them away.
    /// The parts of a path are separated by dots; a part with dots is put in double quotes, such as
    /// `filter_state."wasm.peer"`. The others are those of a plain request on loopback.
    pub properties: Option<Ordered<Option<PropertyValue>>>,
    /// Data that all VMs share, by key.
    pub shared_data: Option<Ordered<Data>>,
    /// Clusters that callouts can be sent to, beside those that the case names itself. To any other one they fail, as they
    /// do in Envoy.
    pub clusters: Option<Vec<String>>,
    /// Host calls that fail from the first step on, by name, such as `proxy_http_call`, with what they give then; `*`
    /// stands for all of them.
    pub failing: Option<Ordered<Failing>>,
}

/// What a host call gives when it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Failing {
    /// What is asked for is not there.
    NotFound,
    /// An argument is wrong.
    BadArgument,
    /// The host cannot serialize it.
    SerializationFailure,
    /// The host cannot parse it.
    ParseFailure,
    /// The filter's memory is wrong.
    InvalidMemoryAccess,
    /// There is nothing in the queue.
    Empty,
    /// Somebody else was faster.
    CasMismatch,
    /// The host failed.
    InternalFailure,
    /// The other end is gone.
    BrokenConnection,
    /// The host does not have the call.
    Unimplemented,
}

/// Something that happens, and what must be so then.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-exactly-one" = [
    "request", "response", "downstream", "upstream", "answer", "advance", "close", "set",
]))]
pub struct Step {
    /// The stream that it happens to; a name of your own. A stream begins with its first step. Without: the one of the
    /// steps that name none.
    pub stream: Option<String>,
    /// Parts of a request arrive from the client: its headers, body and trailers, as far as they are here.
    pub request: Option<Message>,
    /// Parts of the response arrive from the service. A request that has not begun begins and ends before.
    pub response: Option<Message>,
    /// Data of a TCP connection arrives from the client. The first one opens the connection.
    pub downstream: Option<Transfer>,
    /// Data of a TCP connection arrives from the service.
    pub upstream: Option<Transfer>,
    /// A callout of the filter is answered: the oldest one that is open and is as described, of this stream where the step
    /// names one.
    pub answer: Option<Answer>,
    /// Time goes by; timers that are due ring, callouts whose time is up fail.
    pub advance: Option<Span>,
    /// The stream ends.
    pub close: Option<Close>,
    /// Properties have another value from now on; null takes one away.
    pub set: Option<Ordered<Option<PropertyValue>>>,
    /// What must be so after it.
    #[serde(default)]
    pub expect: StepExpect,
}

/// Parts of a request or of a response.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// The headers: values by name, or pairs in a list. Of `:method` (GET), `:scheme` (http), `:authority`
    /// (example.com) and `:path` (/) in requests and `:status` (200) in responses those that are missing are put in
    /// front. Without `headers`, a message that has not begun yet begins with these alone.
    pub headers: Option<Headers>,
    /// Nothing is put in front of the headers.
    #[serde(default)]
    pub bare: bool,
    /// The body: one chunk, or a list of chunks.
    pub body: Option<Chunks>,
    /// The trailers.
    pub trailers: Option<Headers>,
    /// Whether the message ends here. Without: if no later step of the stream has more of it.
    pub end: Option<bool>,
}

/// A body in one chunk or more.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Chunks {
    /// In several.
    Several(Vec<Data>),
    /// In one.
    One(Data),
}

/// Data of a TCP connection.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Transfer {
    /// What arrives: one chunk, or a list of chunks. Without: the connection is opened, and nothing arrives yet.
    pub data: Option<Chunks>,
    /// Whether this side sends nothing more.
    #[serde(default)]
    pub end: bool,
}

/// Which callout is answered, and with what.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The cluster that it was sent to. Without: any.
    pub cluster: Option<String>,
    /// Its path; of a call of gRPC `/SERVICE/METHOD`. Without: any.
    pub path: Option<Match>,
    /// How long it takes. The time goes by for everything else too.
    pub after: Option<Span>,
    /// The status. Without: 200. Of HTTP only.
    #[schemars(range(min = 100, max = 999))]
    pub status: Option<u16>,
    /// The headers of the answer, without `:status`. Of gRPC the metadata at its beginning.
    #[serde(default)]
    pub headers: Headers,
    /// The body of the answer. Of gRPC the message, without: an empty one for a call that ends with the status 0, none for
    /// a stream.
    pub body: Option<Data>,
    /// Messages of a stream of gRPC, after `body`. The stream stays open, unless there is a `grpcStatus`.
    #[serde(default)]
    pub messages: Vec<Data>,
    /// The trailers of the answer. Of gRPC the metadata at its end.
    #[serde(default)]
    pub trailers: Headers,
    /// The status of gRPC that it ends with. Without: 0 for a call, and a stream does not end. A call with another status
    /// than 0 has no message.
    #[schemars(range(min = 0, max = 16))]
    pub grpc_status: Option<u32>,
    /// What is said with `grpcStatus`.
    pub grpc_message: Option<Text>,
    /// There is no answer: this happens instead.
    pub fails: Option<Failure>,
}

/// How a callout fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Failure {
    /// Its time is up: what the filter allowed for it goes by. Envoy answers it with the status 504, and ends a call of
    /// gRPC with the status 14. Streams of gRPC have no such time.
    Timeout,
    /// Its connection is reset: the filter is called without headers. A call of gRPC ends with the status 14.
    Reset,
}

/// How a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Close {
    /// It has run its course, or the proxy ends it.
    Done,
    /// The client goes away.
    Client,
}

/// What must be so after a step.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepExpect {
    /// What became of the stream in this step.
    pub outcome: Option<Outcome>,
    /// What of the request goes on to the service.
    pub request: Option<MessageExpect>,
    /// What of the response goes on to the client.
    pub response: Option<MessageExpect>,
    /// The response that the filter made itself in this step.
    pub reply: Option<ReplyExpect>,
    /// What of a TCP connection has gone on to the client, all of it up to now.
    pub downstream: Option<Match>,
    /// What of a TCP connection has gone on to the service, all of it up to now.
    pub upstream: Option<Match>,
    /// Properties that the filter has set, by path; null: there is none.
    #[serde(default)]
    pub properties: Ordered<Option<Match>>,
    /// What else it did in this step.
    #[serde(flatten)]
    pub effects: Effects,
}

/// What a filter did beside a stream.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Effects {
    /// The callouts that it made: exactly these, in this order. `[]`: none.
    pub callouts: Option<Vec<CalloutExpect>>,
    /// Lines that it logged; there may be others, before, between and after.
    #[serde(default)]
    pub logs: Vec<LogExpect>,
    /// Lines that it did not log.
    #[serde(default)]
    pub no_logs: Vec<LogExpect>,
    /// Metrics and their values. At a step: all that they have come to up to now.
    #[serde(default)]
    pub metrics: Vec<MetricExpect>,
    /// Data that all VMs share, by key; null: there is none.
    #[serde(default)]
    pub shared_data: Ordered<Option<Match>>,
}

/// What must be so at the end of a case.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CaseExpect {
    /// The filter refuses its configuration. There are no steps then.
    #[serde(default)]
    pub refused: bool,
    /// The filter traps, and the trap says this. Without: it does not.
    pub trap: Option<Match>,
    /// What it did from its start to its end.
    #[serde(flatten)]
    pub effects: Effects,
}

/// What became of a stream in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It goes on.
    Continue,
    /// The filter holds it.
    Pause,
    /// The filter made the response itself.
    Reply,
    /// The filter closed the connection.
    Close,
}

impl Outcome {
    /// The outcome as it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Continue => "continue",
            Outcome::Pause => "pause",
            Outcome::Reply => "reply",
            Outcome::Close => "close",
        }
    }
}

/// What must be so of a message.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessageExpect {
    /// The headers.
    pub headers: Option<HeadersExpect>,
    /// The body, all of it that has gone on up to now.
    pub body: Option<Match>,
    /// The trailers.
    pub trailers: Option<HeadersExpect>,
}

/// What must be so of headers.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeadersExpect {
    /// These have exactly these values, in this order.
    #[serde(default)]
    pub set: Ordered<Matches>,
    /// These have these values too, which did not arrive with them.
    #[serde(default)]
    pub added: Ordered<Matches>,
    /// These arrived and are gone.
    #[serde(default)]
    pub removed: Vec<String>,
    /// These are not there, whether they arrived or not.
    #[serde(default)]
    pub absent: Vec<String>,
    /// All of them, in this order, `:path` and its like too.
    pub exact: Option<Headers>,
}

/// What must be so of a response that the filter made itself.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplyExpect {
    /// The status.
    #[schemars(range(min = 100, max = 999))]
    pub status: Option<u16>,
    /// These headers have exactly these values.
    #[serde(default)]
    pub headers: Ordered<Matches>,
    /// The body.
    pub body: Option<Match>,
    /// What access logs show as the response's details.
    pub details: Option<Match>,
    /// The status of gRPC.
    pub grpc_status: Option<i32>,
}

/// What must be so of a callout.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CalloutExpect {
    /// The cluster that it is sent to.
    pub cluster: Option<Match>,
    /// It is of gRPC, and for this service.
    pub service: Option<Match>,
    /// It is of gRPC, and calls this method.
    pub method: Option<Match>,
    /// These headers have exactly these values. Of gRPC: metadata.
    #[serde(default)]
    pub headers: Ordered<Matches>,
    /// The body; the message of a call of gRPC.
    pub body: Option<Match>,
    /// It is a stream of gRPC, and these are the messages that the filter has sent: exactly these, in this order. At a
    /// step: up to then; at the end of the case those that were sent later too.
    pub messages: Option<Vec<Match>>,
    /// Whether it is a stream of gRPC on which the filter sends nothing more.
    pub closed: Option<bool>,
    /// How long the filter waits for the answer.
    pub timeout: Option<Span>,
}

/// What must be so of a line of the log.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogExpect {
    /// Its level. Without: any.
    pub level: Option<Level>,
    /// Its text. Without: any.
    pub text: Option<Match>,
}

/// The level of a line of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Level {
    /// Every detail.
    Trace,
    /// For who looks for a fault.
    Debug,
    /// What is good to know.
    Info,
    /// What is likely not meant.
    Warn,
    /// What failed.
    Error,
    /// What ends it.
    Critical,
}

impl Level {
    /// The level as it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Level::Trace => "trace",
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
            Level::Critical => "critical",
        }
    }
}

/// What must be so of a metric.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricExpect {
    /// Its name, without labels.
    pub name: Match,
    /// The labels that the filter has written into the name, as Burgee's kit and Istio's filters do; it may have others.
    #[serde(default)]
    pub labels: Ordered<Match>,
    /// The value of a counter or a gauge, or how many values a histogram has. Of several metrics that are as described:
    /// their sum.
    pub value: Option<i64>,
    /// The same, when it is enough that it is no less.
    pub at_least: Option<i64>,
    /// The sum of a histogram's values.
    pub sum: Option<i64>,
}

impl Setup {
    /// What a case has: its own fields, and those of the file where it has none.
    #[must_use]
    pub fn over(self, defaults: &Setup) -> Setup {
        Setup {
            config: self.config.or_else(|| defaults.config.clone()),
            vm_config: self.vm_config.or_else(|| defaults.vm_config.clone()),
            environment: self.environment.or_else(|| defaults.environment.clone()),
            root_id: self.root_id.or_else(|| defaults.root_id.clone()),
            properties: self.properties.or_else(|| defaults.properties.clone()),
            shared_data: self.shared_data.or_else(|| defaults.shared_data.clone()),
            clusters: self.clusters.or_else(|| defaults.clusters.clone()),
            failing: self.failing.or_else(|| defaults.failing.clone()),
        }
    }
}

impl Effects {
    /// Whether nothing is expected.
    pub fn is_empty(&self) -> bool {
        let Effects { callouts, logs, no_logs, metrics, shared_data } = self;
        callouts.is_none()
            && logs.is_empty()
            && no_logs.is_empty()
            && metrics.is_empty()
            && shared_data.0.is_empty()
    }
}

impl Chunks {
    /// The chunks.
    pub fn chunks(&self) -> Vec<&Data> {
        match self {
            Chunks::One(data) => vec![data],
            Chunks::Several(chunks) => chunks.iter().collect(),
        }
    }
}

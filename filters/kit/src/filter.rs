//! What a filter implements. One of three traits: by what it sees.

use std::fmt;
use std::time::Duration;

use crate::host::{Host, RootHost};
use crate::http::{
    BodyMode, Chunk, LogHost, RequestHeadersHost, RequestHost, ResponseHeadersHost, ResponseHost,
};
use crate::metrics::Metric;
use crate::outcome::{Outcome, TcpOutcome};
use crate::phases::Phases;
use crate::tcp::{ClosedBy, ConnectionHost, DataHost};

/// A filter that only looks at streams when they have ended. It runs as an HTTP filter and as an access logger.
///
/// One value serves one root context: one configuration on one worker.
pub trait LogFilter: Sized + 'static {
    /// The phases that the filter takes part in: [`Phases::LOG`], and of [`Phases::ROOT`] and [`Phases::STREAM_TICK`] what
    /// it needs.
    const PHASES: Phases = Phases::LOG;

    /// The JSON Schema of the configuration, for tools that check it before a proxy sees it: the content of the file
    /// `configuration.schema.json` beside the crate's manifest. See [`schema`](crate::schema).
    const CONFIGURATION_SCHEMA: Option<&'static str> = None;

    /// The metrics that the filter writes, for tools that make a proxy show their labels. See
    /// [`metrics`](crate::metrics).
    const METRICS: &'static [Metric] = &[];

    /// Reads the configuration.
    ///
    /// # Errors
    /// If it cannot be used. A proxy that refuses a listener because of its telemetry serves nobody: so the log says why,
    /// and the filter does nothing.
    fn configure<H: RootHost>(host: &H, configuration: &[u8]) -> Result<Self, ConfigurationError>;

    /// A stream has ended; its attributes can be read.
    fn log<H: LogHost>(&mut self, host: &H);

    /// A stream has ended, of which the number is known: the same that [`LogFilter::on_stream_tick`] was given. Nothing if
    /// the filter is an access logger.
    fn log_stream<H: LogHost>(&mut self, host: &H, _stream: Option<u32>) {
        self.log(host);
    }

    /// The period is over, with [`Phases::STREAM_TICK`], and this stream is open. What is read of it is what there is so far;
    /// nothing of the request's headers can be read. No two streams that are open have the same number.
    fn on_stream_tick<H: LogHost>(&mut self, _host: &H, _stream: u32) {}

    /// How often [`LogFilter::on_tick`] and [`LogFilter::on_stream_tick`] are called, with their phases.
    fn tick_period(&self) -> Option<Duration> {
        None
    }

    /// The period is over.
    fn on_tick<H: RootHost>(&mut self, _host: &H) {}

    /// Another configuration takes the place of this one in the same root context: gives back what the host
    /// would otherwise keep.
    fn retire<H: Host>(self, _host: &H) {}
}

/// A filter of HTTP streams.
///
/// One value serves one configuration on one worker. A stream keeps the one that it began with, also when another
/// configuration takes its place.
pub trait HttpFilter: Sized + 'static {
    /// The phases whose callbacks below do something. A module has only these callbacks.
    const PHASES: Phases;

    /// What happens if the configuration cannot be used.
    const IF_MISCONFIGURED: IfMisconfigured = IfMisconfigured::Refuse;

    /// How the filter sees the bodies of requests, with [`Phases::REQUEST_BODY`].
    const REQUEST_BODY: BodyMode = BodyMode::Chunks;

    /// How the filter sees the bodies of responses, with [`Phases::RESPONSE_BODY`].
    const RESPONSE_BODY: BodyMode = BodyMode::Chunks;

    /// The JSON Schema of the configuration, for tools that check it before a proxy sees it: the content of the file
    /// `configuration.schema.json` beside the crate's manifest. See [`schema`](crate::schema).
    const CONFIGURATION_SCHEMA: Option<&'static str> = None;

    /// The metrics that the filter writes, for tools that make a proxy show their labels. See
    /// [`metrics`](crate::metrics).
    const METRICS: &'static [Metric] = &[];

    /// What is kept for a stream from one phase to the next; `()` if nothing.
    type Stream: Default + 'static;

    /// Reads the configuration.
    ///
    /// # Errors
    /// If it cannot be used. What then happens is [`HttpFilter::IF_MISCONFIGURED`], and the log says why.
    fn configure<H: RootHost>(host: &H, configuration: &[u8]) -> Result<Self, ConfigurationError>;

    /// The headers of the request are there and can be changed. At the end of the stream there is no body.
    fn on_request_headers<H: RequestHeadersHost>(
        &self,
        _stream: &mut Self::Stream,
        _host: &H,
        _end_of_stream: bool,
    ) -> Outcome {
        Outcome::Continue
    }

    /// There is more of the request's body.
    fn on_request_body<H: RequestHost>(
        &self,
        _stream: &mut Self::Stream,
        _host: &H,
        _chunk: Chunk,
    ) -> Outcome {
        Outcome::Continue
    }

    /// The trailers of the request are there and can be changed.
    fn on_request_trailers<H: RequestHost>(&self, _stream: &mut Self::Stream, _host: &H) -> Outcome {
        Outcome::Continue
    }

    /// The headers of the response are there and can be changed. At the end of the stream there is no body.
    fn on_response_headers<H: ResponseHeadersHost>(
        &self,
        _stream: &mut Self::Stream,
        _host: &H,
        _end_of_stream: bool,
    ) -> Outcome {
        Outcome::Continue
    }

    /// There is more of the response's body.
    fn on_response_body<H: ResponseHost>(
        &self,
        _stream: &mut Self::Stream,
        _host: &H,
        _chunk: Chunk,
    ) -> Outcome {
        Outcome::Continue
    }

    /// The trailers of the response are there and can be changed.
    fn on_response_trailers<H: ResponseHost>(&self, _stream: &mut Self::Stream, _host: &H) -> Outcome {
        Outcome::Continue
    }

    /// The stream has ended. Also called for streams that this filter saw nothing else of, because one before it
    /// answered them.
    fn on_log<H: LogHost>(&self, _stream: &mut Self::Stream, _host: &H) {}

    /// The period is over, with [`Phases::STREAM_TICK`], and this stream is open. What is read of it is what there is so far;
    /// nothing of the request's headers can be read. No two streams that are open have the same number.
    fn on_stream_tick<H: LogHost>(&self, _stream: &mut Self::Stream, _host: &H, _number: u32) {}

    /// How often [`HttpFilter::on_tick`] and [`HttpFilter::on_stream_tick`] are called, with their phases.
    fn tick_period(&self) -> Option<Duration> {
        None
    }

    /// The period is over.
    fn on_tick<H: RootHost>(&self, _host: &H) {}

    /// The root context is gone, and no stream has this configuration any more: gives back what the host would otherwise
    /// keep.
    fn retire<H: Host>(&self, _host: &H) {}
}

/// A filter of TCP connections.
///
/// One value serves one configuration on one worker. A connection keeps the one that it began with.
pub trait TcpFilter: Sized + 'static {
    /// The phases whose callbacks below do something. A module has only these callbacks.
    const PHASES: Phases;

    /// What happens if the configuration cannot be used.
    const IF_MISCONFIGURED: IfMisconfigured = IfMisconfigured::Refuse;

    /// The JSON Schema of the configuration, for tools that check it before a proxy sees it: the content of the file
    /// `configuration.schema.json` beside the crate's manifest. See [`schema`](crate::schema).
    const CONFIGURATION_SCHEMA: Option<&'static str> = None;

    /// The metrics that the filter writes, for tools that make a proxy show their labels. See
    /// [`metrics`](crate::metrics).
    const METRICS: &'static [Metric] = &[];

    /// What is kept for a connection from one phase to the next; `()` if nothing.
    type Connection: Default + 'static;

    /// Reads the configuration.
    ///
    /// # Errors
    /// If it cannot be used. What then happens is [`TcpFilter::IF_MISCONFIGURED`], and the log says why.
    fn configure<H: RootHost>(host: &H, configuration: &[u8]) -> Result<Self, ConfigurationError>;

    /// A client has connected; nothing is known of an upstream yet.
    fn on_new_connection<H: ConnectionHost>(
        &self,
        _connection: &mut Self::Connection,
        _host: &H,
    ) -> TcpOutcome {
        TcpOutcome::Continue
    }

    /// The client has sent bytes; they can be changed.
    fn on_downstream_data<H: DataHost>(
        &self,
        _connection: &mut Self::Connection,
        _host: &H,
        _chunk: Chunk,
    ) -> TcpOutcome {
        TcpOutcome::Continue
    }

    /// The upstream has sent bytes; they can be changed.
    fn on_upstream_data<H: DataHost>(
        &self,
        _connection: &mut Self::Connection,
        _host: &H,
        _chunk: Chunk,
    ) -> TcpOutcome {
        TcpOutcome::Continue
    }

    /// The client's connection is closed.
    fn on_downstream_close<H: DataHost>(&self, _connection: &mut Self::Connection, _host: &H, _by: ClosedBy) {
    }

    /// The upstream's connection is closed.
    fn on_upstream_close<H: DataHost>(&self, _connection: &mut Self::Connection, _host: &H, _by: ClosedBy) {}

    /// The connection has ended.
    fn on_log<H: LogHost>(&self, _connection: &mut Self::Connection, _host: &H) {}

    /// The period is over, with [`Phases::STREAM_TICK`], and this connection is open. What is read of it is what there is so
    /// far.
    fn on_connection_tick<H: LogHost>(&self, _connection: &mut Self::Connection, _host: &H) {}

    /// How often [`TcpFilter::on_tick`] and [`TcpFilter::on_connection_tick`] are called, with their phases.
    fn tick_period(&self) -> Option<Duration> {
        None
    }

    /// The period is over.
    fn on_tick<H: RootHost>(&self, _host: &H) {}
}

/// What happens if a filter cannot use its configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfMisconfigured {
    /// The proxy refuses the configuration and keeps the last good one; a proxy that starts does not start. For whatever
    /// decides about access.
    Refuse,
    /// Streams pass as if the filter were not there.
    DoNothing,
}

/// Why a filter cannot use a configuration: one sentence, with the path of the value that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigurationError(String);

impl ConfigurationError {
    /// An error in words.
    pub fn new(reason: impl fmt::Display) -> ConfigurationError {
        ConfigurationError(reason.to_string())
    }
}

impl fmt::Display for ConfigurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigurationError {}

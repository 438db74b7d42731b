//! A stream of a case: what arrives is played to the filter part by part, and what has gone on is kept, also when the
//! stream is gone.

use std::time::{Duration, Instant};

use burgee_harness::{
    EndOfStream, Finished, Header, HttpStream, LocalReply, Message, Outcome as HttpOutcome, Peer, TcpOutcome,
    TcpStream, Value, Vm,
};

use super::compare::Arrived;
use crate::cases::format::{self, Close, Outcome, Transfer};
use crate::cases::values::Headers;

/// A stream that steps happen to.
pub(super) enum Stream {
    /// Of HTTP.
    Http(Box<Http>),
    /// Of TCP.
    Tcp(Box<Tcp>),
}

/// A stream of HTTP.
pub(super) struct Http {
    open: Option<HttpStream>,
    ended: Option<Finished>,
    pub request: Arrived,
    pub response: Arrived,
    times: Times,
}

/// How long each callback took.
type Times = Vec<(&'static str, Duration)>;

/// A connection of TCP.
pub(super) struct Tcp {
    open: Option<TcpStream>,
    passed: (Vec<u8>, Vec<u8>),
    times: Times,
}

/// Which message of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Request,
    Response,
}

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Became {
    /// One of the outcomes that a case can expect.
    Was(Outcome),
    /// The filter ended.
    Trap,
    /// The stream was over already.
    Over,
    /// No connection brings that, so it did not happen.
    Impossible,
}

fn end(is_end: bool) -> EndOfStream {
    if is_end { EndOfStream::Yes } else { EndOfStream::No }
}

fn of_http(outcome: &HttpOutcome) -> Became {
    match outcome {
        HttpOutcome::Continue => Became::Was(Outcome::Continue),
        HttpOutcome::Pause => Became::Was(Outcome::Pause),
        HttpOutcome::Reply(_) => Became::Was(Outcome::Reply),
        HttpOutcome::Reset => Became::Was(Outcome::Close),
        HttpOutcome::Trap(_) => Became::Trap,
        HttpOutcome::Skipped => Became::Over,
    }
}

fn of_tcp(outcome: &TcpOutcome) -> Became {
    match outcome {
        TcpOutcome::Continue => Became::Was(Outcome::Continue),
        TcpOutcome::Pause => Became::Was(Outcome::Pause),
        TcpOutcome::Close => Became::Was(Outcome::Close),
        TcpOutcome::Trap(_) => Became::Trap,
        TcpOutcome::Skipped => Became::Over,
    }
}

impl Http {
    pub fn open(vm: &Vm) -> Http {
        Http {
            open: Some(vm.http()),
            ended: None,
            request: Arrived::default(),
            response: Arrived::default(),
            times: Times::new(),
        }
    }

    pub fn arrived(&self, side: Side) -> &Arrived {
        match side {
            Side::Request => &self.request,
            Side::Response => &self.response,
        }
    }

    fn arrived_mut(&mut self, side: Side) -> &mut Arrived {
        match side {
            Side::Request => &mut self.request,
            Side::Response => &mut self.response,
        }
    }

    /// Plays the parts of a message, and says what became of the last one that the filter was asked about.
    pub fn play(&mut self, side: Side, message: &format::Message, ends: bool) -> Became {
        if side == Side::Response && !self.request.has_begun {
            self.play(Side::Request, &format::Message::default(), true);
        }
        let chunks: Vec<Vec<u8>> = message
            .body
            .as_ref()
            .map(|body| body.chunks().iter().map(|data| data.bytes()).collect())
            .unwrap_or_default();
        let trailers = message.trailers.as_ref().map(Headers::pairs);
        let mut became = Became::Over;
        let arrived = self.arrived(side);
        if arrived.is_over || message.headers.is_some() && arrived.has_begun {
            return Became::Impossible;
        }
        if message.headers.is_some() || !self.arrived(side).has_begun {
            let given = message.headers.as_ref().map(Headers::pairs).unwrap_or_default();
            let headers = if message.bare { given } else { with_defaults(side, given) };
            let is_end = ends && chunks.is_empty() && trailers.is_none();
            became = self.headers(side, headers, is_end);
        }
        let count = chunks.len();
        for (at, chunk) in chunks.into_iter().enumerate() {
            let is_end = ends && at + 1 == count && trailers.is_none();
            became = later(became, self.body(side, &chunk, is_end));
        }
        if let Some(trailers) = trailers {
            became = later(became, self.trailers(side, trailers));
        }
        became
    }

    fn headers(&mut self, side: Side, headers: Vec<Header>, is_end: bool) -> Became {
        let arrived = self.arrived_mut(side);
        (arrived.has_begun, arrived.is_over) = (true, is_end);
        arrived.headers.clone_from(&headers);
        let Some(stream) = &self.open else { return Became::Over };
        let began = Instant::now();
        let (callback, outcome) = match side {
            Side::Request => ("proxy_on_request_headers", stream.request_headers(headers, end(is_end))),
            Side::Response => ("proxy_on_response_headers", stream.response_headers(headers, end(is_end))),
        };
        self.times.push((callback, began.elapsed()));
        of_http(&outcome)
    }

    fn body(&mut self, side: Side, chunk: &[u8], is_end: bool) -> Became {
        let arrived = self.arrived_mut(side);
        arrived.body_bytes += chunk.len();
        arrived.is_over = is_end;
        let Some(stream) = &self.open else { return Became::Over };
        let began = Instant::now();
        let (callback, outcome) = match side {
            Side::Request => ("proxy_on_request_body", stream.request_body(chunk, end(is_end))),
            Side::Response => ("proxy_on_response_body", stream.response_body(chunk, end(is_end))),
        };
        self.times.push((callback, began.elapsed()));
        of_http(&outcome)
    }

    fn trailers(&mut self, side: Side, trailers: Vec<Header>) -> Became {
        let arrived = self.arrived_mut(side);
        arrived.is_over = true;
        arrived.trailers.clone_from(&trailers);
        let Some(stream) = &self.open else { return Became::Over };
        let began = Instant::now();
        let (callback, outcome) = match side {
            Side::Request => ("proxy_on_request_trailers", stream.request_trailers(trailers)),
            Side::Response => ("proxy_on_response_trailers", stream.response_trailers(trailers)),
        };
        self.times.push((callback, began.elapsed()));
        of_http(&outcome)
    }

    /// What of a message has gone on.
    pub fn gone_on(&self, side: Side) -> Option<Message> {
        match (&self.open, &self.ended, side) {
            (Some(stream), _, Side::Request) => stream.upstream(),
            (Some(stream), _, Side::Response) => stream.client(),
            (None, Some(ended), Side::Request) => ended.upstream.clone(),
            (None, Some(ended), Side::Response) => ended.client.clone(),
            (None, None, _) => None,
        }
    }

    /// The response that the filter made.
    pub fn reply(&self) -> Option<LocalReply> {
        match (&self.open, &self.ended) {
            (Some(stream), _) => stream.reply(),
            (None, ended) => ended.as_ref().and_then(|ended| ended.reply.clone()),
        }
    }

    /// Whether something that has arrived has not gone on.
    fn is_held(&self, side: Side) -> bool {
        let arrived = self.arrived(side);
        match self.gone_on(side) {
            None => arrived.has_begun,
            Some(message) => {
                arrived.is_over && !message.is_complete || arrived.body_bytes > 0 && message.body.is_empty()
            }
        }
    }

    /// A property that the filter has set.
    fn property(&self, path: &[String]) -> Option<Vec<u8>> {
        self.open.as_ref()?.state(path.join("\0"))
    }
}

/// What became of a message after one more part of it: what ends it counts, whatever comes after.
fn later(before: Became, after: Became) -> Became {
    if after == Became::Over { before } else { after }
}

/// What every message has.
fn with_defaults(side: Side, given: Vec<Header>) -> Vec<Header> {
    let defaults: &[(&[u8], &[u8])] = match side {
        Side::Request => {
            &[(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"example.com"), (b":path", b"/")]
        }
        Side::Response => &[(b":status", b"200")],
    };
    let is_given = |name: &[u8]| given.iter().any(|(given, _)| given == name);
    let missing = defaults.iter().filter(|(name, _)| !is_given(name));
    let mut headers: Vec<Header> = missing.map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
    headers.extend(given);
    headers
}

impl Tcp {
    pub fn open(vm: &Vm) -> (Tcp, Became) {
        let stream = vm.tcp();
        let became = of_tcp(&stream.new_connection());
        (Tcp { open: Some(stream), passed: (Vec::new(), Vec::new()), times: Times::new() }, became)
    }

    /// Plays data from one side.
    pub fn play(&mut self, side: Side, transfer: &Transfer, before: Became) -> Became {
        let Some(stream) = &self.open else { return Became::Over };
        let chunks = transfer.data.as_ref().map(format::Chunks::chunks).unwrap_or_default();
        let mut became = before;
        let count = chunks.len();
        let mut play = |bytes: &[u8], is_end: bool| {
            let began = Instant::now();
            let (callback, outcome) = match side {
                Side::Request => ("proxy_on_downstream_data", stream.downstream_data(bytes, end(is_end))),
                Side::Response => ("proxy_on_upstream_data", stream.upstream_data(bytes, end(is_end))),
            };
            self.times.push((callback, began.elapsed()));
            became = later(became, of_tcp(&outcome));
        };
        for (at, chunk) in chunks.into_iter().enumerate() {
            play(&chunk.bytes(), transfer.end && at + 1 == count);
        }
        if count == 0 && transfer.end {
            play(&[], true);
        }
        became
    }

    /// What has gone on: to the service, and to the client.
    pub fn passed(&self) -> (Vec<u8>, Vec<u8>) {
        match &self.open {
            Some(stream) => (stream.to_upstream(), stream.to_client()),
            None => self.passed.clone(),
        }
    }
}

impl Stream {
    /// The stream as one of HTTP.
    pub fn http(&self) -> Option<&Http> {
        if let Stream::Http(http) = self { Some(http) } else { None }
    }

    /// The stream as a connection of TCP.
    pub fn tcp(&self) -> Option<&Tcp> {
        if let Stream::Tcp(tcp) = self { Some(tcp) } else { None }
    }

    /// Ends the stream, if it is open.
    pub fn close(&mut self, close: Close) {
        match self {
            Stream::Http(http) => {
                if let Some(stream) = http.open.take() {
                    http.ended = Some(stream.finish());
                }
            }
            Stream::Tcp(tcp) => {
                if let Some(stream) = tcp.open.take() {
                    let peer = if close == Close::Client { Peer::Remote } else { Peer::Local };
                    let (upstream, client, _) = stream.close(peer);
                    tcp.passed = (upstream, client);
                }
            }
        }
    }

    /// What state the stream is in, for steps that are not a part of it.
    pub fn state(&self, had_reply: bool) -> Became {
        let Some(http) = self.http() else { return Became::Was(Outcome::Continue) };
        if http.open.is_none() {
            return Became::Over;
        }
        if !had_reply && http.reply().is_some() {
            return Became::Was(Outcome::Reply);
        }
        let is_held = http.is_held(Side::Request) || http.is_held(Side::Response);
        Became::Was(if is_held { Outcome::Pause } else { Outcome::Continue })
    }

    /// The id by which the filter knows it.
    pub fn context(&self) -> Option<u32> {
        match self {
            Stream::Http(http) => http.open.as_ref().map(HttpStream::context_id),
            Stream::Tcp(tcp) => tcp.open.as_ref().map(TcpStream::context_id),
        }
    }

    /// How long each callback took that its parts caused.
    pub fn times(&self) -> &[(&'static str, Duration)] {
        match self {
            Stream::Http(http) => &http.times,
            Stream::Tcp(tcp) => &tcp.times,
        }
    }

    /// A property that the filter has set.
    pub fn property(&self, path: &[String]) -> Option<Vec<u8>> {
        self.http()?.property(path)
    }

    /// Sets a property, or takes it away.
    pub fn set_property(&self, path: &[&str], value: Option<Value>) {
        match (self, value) {
            (Stream::Http(http), Some(value)) => {
                http.open.iter().for_each(|stream| stream.set_property(path, value.clone()));
            }
            (Stream::Http(http), None) => http.open.iter().for_each(|stream| stream.remove_property(path)),
            (Stream::Tcp(tcp), Some(value)) => {
                tcp.open.iter().for_each(|stream| stream.set_property(path, value.clone()));
            }
            (Stream::Tcp(tcp), None) => tcp.open.iter().for_each(|stream| stream.remove_property(path)),
        }
    }
}

//! Envoy's filter manager, with the module as the one filter between the connection and the router: what stops, what is
//! kept meanwhile, and what goes on.

use crate::abi::StreamKind;
use crate::contexts::{Ending, Flow, Half, Http, Kind, Message, Shown};
use crate::pairs::{Header, Headers};
use crate::properties::{FilterState, Mocks};
use crate::reply;
use crate::settings::{FailurePolicy, PluginKind};
use crate::state::{LocalReply, ROOT};
use crate::vm::{Called, Running};

/// Which half of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Request,
    Response,
}

impl Side {
    fn of(kind: StreamKind) -> Side {
        if kind == StreamKind::Response { Side::Response } else { Side::Request }
    }

    fn callback(self, request: &'static str, response: &'static str) -> &'static str {
        match self {
            Side::Request => request,
            Side::Response => response,
        }
    }
}

/// What a callback for a piece of a body said.
enum Data {
    Continue,
    Buffer,
    /// Keeps it, and shows the module only what is new.
    Watermark,
    Drop,
}

impl Http {
    pub(crate) fn new(now: u64) -> Http {
        Http {
            request: Half::default(),
            response: Half::default(),
            end_of_stream: false,
            logging: false,
            is_over: false,
            is_finishing: false,
            ending: None,
            proxy_details: None,
            route_cache_cleared: 0,
            mocks: Mocks::default(),
            filter_state: FilterState::default(),
            connection: 1,
            start_nanoseconds: now,
        }
    }

    pub(crate) fn half(&self, side: Side) -> &Half {
        match side {
            Side::Request => &self.request,
            Side::Response => &self.response,
        }
    }

    fn half_mut(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Request => &mut self.request,
            Side::Response => &mut self.response,
        }
    }

    /// Not all of the response has gone to the client.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.ending == Some(Ending::Reset) || !self.response.forwarded.is_complete
    }

    /// A response has come, or was made.
    pub(crate) fn has_response(&self) -> bool {
        self.response.headers.is_some() || self.response.headers_forwarded
    }

    /// The status of the response.
    pub(crate) fn code(&self) -> Option<u16> {
        if self.response.headers_forwarded {
            return self.response.forwarded.header(":status")?.parse().ok();
        }
        std::str::from_utf8(self.response.headers.as_ref()?.get(b":status")?).ok()?.parse().ok()
    }

    /// Why the response is what it is.
    pub(crate) fn code_details(&self) -> Option<Vec<u8>> {
        match &self.ending {
            Some(Ending::Replied(reply)) => Some(reply.details.clone()),
            Some(Ending::Failed) => Some(b"wasm_fail_stream".to_vec()),
            Some(Ending::Reset) => Some(b"wasm_close_stream".to_vec()),
            None if self.proxy_details.is_some() => self.proxy_details.clone(),
            None => self.response.headers.is_some().then(|| b"via_upstream".to_vec()),
        }
    }
}

impl Half {
    fn forward_headers(&mut self, end: bool) {
        if !std::mem::replace(&mut self.headers_forwarded, true) {
            let headers = self.headers.as_ref().map(Headers::entries).unwrap_or_default();
            self.forwarded.headers = headers.to_vec();
            self.forwarded.is_complete = end;
        }
    }

    fn forward_data(&mut self, data: &[u8], end: bool) {
        self.forwarded.body.extend(data);
        self.forwarded.is_complete |= end;
    }

    fn forward_trailers(&mut self) {
        self.trailers_held = false;
        self.forwarded.trailers = self.trailers.as_ref().map(|trailers| trailers.entries().to_vec());
        self.forwarded.is_complete = true;
    }
}

impl Running {
    fn half(&mut self, id: u32, side: Side) -> Option<&mut Half> {
        Some(self.state_mut().http_of(id)?.half_mut(side))
    }

    /// A callback's number; nothing if the stream ends with the module. Before the request's headers the module does not
    /// know of a stream, and is not asked.
    fn ask(&mut self, id: u32, callback: &'static str, arguments: &[u32]) -> Option<(u32, bool)> {
        if !self.state().contexts.get(&id).is_some_and(|context| context.created) {
            return Some((0, false));
        }
        match self.call(id, callback, arguments) {
            Called::Missing => Some((0, false)),
            Called::Returned { value, stopped } => Some((value, stopped)),
            Called::Dead => None,
        }
    }

    pub(crate) fn http_headers(&mut self, id: u32, side: Side, headers: Vec<Header>, end: bool) {
        let was_dead = self.trap.is_some();
        let headers = Headers::new(headers, side == Side::Request);
        let count = u32::try_from(headers.len()).unwrap_or(u32::MAX);
        let Some(half) = self.half(id, side) else { return };
        (half.headers, half.ended) = (Some(headers), end);
        if side == Side::Request {
            self.create(id);
        }
        if let Some(http) = self.state_mut().http_of(id) {
            http.end_of_stream = end;
            http.half_mut(side).shown.headers = true;
        }
        let callback = side.callback("proxy_on_request_headers", "proxy_on_response_headers");
        let Some((value, stopped)) = self.ask(id, callback, &[id, count, u32::from(end)]) else {
            return self.fail(id, side, was_dead);
        };
        let Some(half) = self.half(id, side) else { return };
        // Anything but these is a stop of everything to Envoy.
        if matches!(value, 0 | 2) && !stopped {
            half.shown.headers = false;
            if !half.aborted {
                half.forward_headers(end);
            }
        } else {
            half.flow = Flow::StoppedAll;
        }
    }

    pub(crate) fn http_data(&mut self, id: u32, side: Side, data: Vec<u8>, end: bool) {
        let Some(half) = self.half(id, side) else { return };
        half.ended |= end;
        half.received += data.len();
        if half.flow == Flow::StoppedAll {
            half.buffered.extend(data);
        } else {
            self.filter_data(id, side, data, end);
        }
    }

    /// Shows the module a piece of a body.
    fn filter_data(&mut self, id: u32, side: Side, data: Vec<u8>, end: bool) {
        let was_dead = self.trap.is_some();
        let Some(half) = self.half(id, side) else { return };
        if half.shown.buffer {
            half.buffered.extend(data);
            half.chunk.clear();
        } else {
            half.chunk = data;
        }
        half.shown.chunk = true;
        let size = if half.shown.buffer { half.buffered.len() } else { half.chunk.len() };
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        if let Some(http) = self.state_mut().http_of(id) {
            http.end_of_stream = end;
        }
        let callback = side.callback("proxy_on_request_body", "proxy_on_response_body");
        let Some((value, stopped)) = self.ask(id, callback, &[id, size, u32::from(end)]) else {
            return self.fail(id, side, was_dead);
        };
        let said = match value {
            _ if stopped => Data::Drop,
            0 => Data::Continue,
            1 => Data::Buffer,
            2 => Data::Watermark,
            _ => Data::Drop,
        };
        self.take_data(id, side, &said, end);
    }

    fn take_data(&mut self, id: u32, side: Side, said: &Data, end: bool) {
        let Some(half) = self.half(id, side) else { return };
        half.shown.buffer = matches!(said, Data::Buffer);
        let chunk = std::mem::take(&mut half.chunk);
        match said {
            _ if half.aborted => {}
            Data::Continue => {
                half.shown.chunk = false;
                if half.flow == Flow::Running && half.buffered.is_empty() {
                    // Trailers that the module has made just now come after it.
                    let has_trailers = half.trailers.is_some();
                    half.forward_data(&chunk, end && !has_trailers);
                    if end && has_trailers {
                        half.forward_trailers();
                    }
                } else {
                    half.buffered.extend(chunk);
                    self.resume(id, side);
                }
            }
            Data::Buffer | Data::Watermark => {
                half.flow = Flow::Stopped;
                half.buffered.extend(chunk);
            }
            Data::Drop => half.flow = Flow::Stopped,
        }
    }

    pub(crate) fn http_trailers(&mut self, id: u32, side: Side, trailers: Vec<Header>) {
        let Some(half) = self.half(id, side) else { return };
        half.ended = true;
        half.trailers = Some(Headers::new(trailers, false));
        half.trailers_held = true;
        if half.flow != Flow::StoppedAll {
            self.filter_trailers(id, side);
        }
    }

    /// Shows the module trailers.
    fn filter_trailers(&mut self, id: u32, side: Side) {
        let was_dead = self.trap.is_some();
        let Some(half) = self.half(id, side) else { return };
        half.shown.trailers = true;
        let count = half.trailers.as_ref().map_or(0, Headers::len);
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let callback = side.callback("proxy_on_request_trailers", "proxy_on_response_trailers");
        let Some((value, stopped)) = self.ask(id, callback, &[id, count]) else {
            return self.fail(id, side, was_dead);
        };
        let Some(half) = self.half(id, side) else { return };
        if half.aborted {
            return;
        }
        if value != 0 || stopped {
            half.flow = Flow::Stopped;
            return;
        }
        half.shown.trailers = false;
        if half.flow == Flow::Running {
            half.forward_trailers();
        } else {
            self.resume(id, side);
        }
    }

    pub(crate) fn http_go_on(&mut self, id: u32, kind: StreamKind) {
        let side = Side::of(kind);
        if self.half(id, side).is_some_and(|half| !half.aborted && half.headers.is_some()) {
            self.resume(id, side);
        }
    }

    /// Goes on behind the module with all that waits; what it has not seen yet it sees first.
    fn resume(&mut self, id: u32, side: Side) {
        let Some(half) = self.half(id, side) else { return };
        let unseen = std::mem::replace(&mut half.flow, Flow::Running) == Flow::StoppedAll;
        let has_trailers = half.trailers.is_some();
        half.forward_headers(half.ended && half.buffered.is_empty() && !has_trailers);
        let end = half.ended && !has_trailers;
        if !half.buffered.is_empty() {
            let data = std::mem::take(&mut half.buffered);
            if unseen {
                self.filter_data(id, side, data, end);
            } else {
                half.forward_data(&data, end);
            }
        } else if end {
            half.forward_data(&[], true);
        }
        let Some(half) = self.half(id, side) else { return };
        if half.trailers_held || (has_trailers && !unseen && half.forwarded.trailers.is_none()) {
            if unseen {
                self.filter_trailers(id, side);
            } else {
                half.forward_trailers();
            }
        }
    }

    /// The module is dead: the stream that it was in is answered with 503, and so is every later one, unless those go by.
    fn fail(&mut self, id: u32, side: Side, was_dead: bool) {
        let is_open = was_dead && self.state().settings.failure == FailurePolicy::Open;
        let Some(http) = self.state_mut().http_of(id) else { return };
        if is_open || http.ending.is_some() {
            let half = http.half_mut(side);
            half.shown = Shown::default();
            let (chunk, ended, has_trailers) =
                (std::mem::take(&mut half.chunk), half.ended, half.trailers.is_some());
            half.forward_headers(ended && chunk.is_empty() && !has_trailers);
            half.forward_data(&chunk, ended && !has_trailers);
            if has_trailers {
                half.forward_trailers();
            }
            return;
        }
        http.ending = Some(Ending::Failed);
        http.request.aborted = true;
        http.response.aborted = true;
        if http.response.headers_forwarded {
            http.is_over = true;
            return;
        }
        http.response.headers_forwarded = true;
        let status = (b":status".to_vec(), b"503".to_vec());
        http.response.forwarded = Message { headers: vec![status], is_complete: true, ..Message::default() };
    }

    /// The module answers a stream itself.
    pub(crate) fn reply(&mut self, id: u32, reply: LocalReply) {
        let Some(http) = self.state_mut().http_of(id) else { return };
        if http.is_over || http.ending.is_some() {
            return;
        }
        let (headers, body, trailers) = reply::message(&reply, http.request.headers.as_ref());
        http.request.aborted = true;
        if http.response.headers_forwarded {
            return self.http_reset(id);
        }
        http.ending = Some(Ending::Replied(reply));
        if http.response.headers.is_some() {
            // The response has begun to come through: what the module makes goes past it.
            let half = &mut http.response;
            half.aborted = true;
            half.headers_forwarded = true;
            half.forwarded = Message { headers, body, trailers, is_complete: true };
            return;
        }
        let (is_short, has_trailers) = (body.is_empty(), trailers.is_some());
        self.http_headers(id, Side::Response, headers, is_short && !has_trailers);
        if !is_short {
            self.http_data(id, Side::Response, body, !has_trailers);
        }
        if let Some(trailers) = trailers {
            self.http_trailers(id, Side::Response, trailers);
        }
    }

    /// The module closes a stream.
    pub(crate) fn http_reset(&mut self, id: u32) {
        if let Some(http) = self.state_mut().http_of(id) {
            http.is_over = true;
            http.request.aborted = true;
            http.response.aborted = true;
            http.ending = Some(Ending::Reset);
        }
    }

    /// The last callbacks of a stream; gives what is left of it.
    pub(crate) fn http_finish(&mut self, id: u32) -> Option<Box<Http>> {
        self.create(id);
        let http = self.state_mut().http_of(id)?;
        (http.is_over, http.is_finishing, http.logging) = (true, true, true);
        if self.state().settings.kind == PluginKind::AccessLogger {
            self.log_as_root(id);
        } else {
            self.call(id, "proxy_on_log", &[id]);
            self.state_mut().http_of(id)?.logging = false;
            self.call(id, "proxy_on_done", &[id]);
            self.call(id, "proxy_on_delete", &[id]);
        }
        match self.state_mut().contexts.remove(&id)?.kind {
            Kind::Http(http) => Some(http),
            _ => None,
        }
    }

    /// A logger is told of a stream.
    pub(crate) fn log_as_root(&mut self, id: u32) {
        self.state_mut().logged = Some(id);
        self.call(ROOT, "proxy_on_log", &[ROOT]);
        self.state_mut().logged = None;
    }
}

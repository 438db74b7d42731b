//! A stream or a connection that a test drives, with Envoy's way to hold and to pass on.

use super::host::side_from;
use super::{FakeHost, FakeProxy};
use crate::host::HostError;
use crate::http::{Chunk, Header, Message, Place};
use crate::outcome::Response;
use crate::tcp::{ClosedBy, Peer};
use crate::vm::{Action, Side, Stream};

/// What the host knows of a context.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct Context {
    pub(super) root: u32,
    headers: [Vec<Header>; 4],
    directions: [Direction; 4],
    pub(super) response: Option<Response>,
    pub(super) is_closed: bool,
}

impl Context {
    /// One of a root context's.
    pub(super) fn of(root: u32) -> Context {
        Context { root, ..Context::default() }
    }

    pub(super) fn headers(&mut self, of: Message) -> &mut Vec<Header> {
        let [request, request_trailers, response, response_trailers] = &mut self.headers;
        match of {
            Message::Request => request,
            Message::RequestTrailers => request_trailers,
            Message::Response => response,
            Message::ResponseTrailers => response_trailers,
        }
    }

    fn direction(&mut self, side: Side) -> &mut Direction {
        let [request, response, downstream, upstream] = &mut self.directions;
        match side {
            Side::Request => request,
            Side::Response => response,
            Side::Downstream => downstream,
            Side::Upstream => upstream,
        }
    }
}

/// One direction of a stream.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct Direction {
    held: Vec<u8>,
    passed: Vec<u8>,
    is_paused: bool,
}

/// What became of what a filter was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flow {
    /// It went on.
    Passed,
    /// It is held.
    Held,
    /// The stream was answered by the filter.
    Answered(Response),
    /// The stream or the connection was closed by the filter.
    Closed,
}

impl FakeHost {
    pub(super) fn with_context<R>(&self, f: impl FnOnce(&mut Context) -> R) -> R {
        f(self.contexts.borrow_mut().entry(self.at_work.get()).or_default())
    }

    pub(super) fn root_at_work(&self) -> u32 {
        let root = self.with_context(|context| context.root);
        if root == 0 { self.at_work.get() } else { root }
    }

    pub(super) fn read_held(&self, side: Side, start: usize, max: usize) -> Vec<u8> {
        self.with_context(|context| {
            context.direction(side).held.iter().skip(start).take(max).copied().collect()
        })
    }

    pub(super) fn write_held(&self, side: Side, place: Place, bytes: &[u8]) {
        self.with_context(|context| {
            let held = &mut context.direction(side).held;
            match place {
                Place::Front => *held = [bytes, held].concat(),
                Place::Whole => *held = bytes.to_vec(),
                Place::Back => held.extend_from_slice(bytes),
            }
        });
    }

    /// Lets a direction go on, with what is held of it.
    pub(super) fn pass(&self, side: Side) -> Result<(), HostError> {
        self.with_context(|context| {
            let direction = context.direction(side);
            direction.is_paused = false;
            let held = std::mem::take(&mut direction.held);
            direction.passed.extend(held);
        });
        Ok(())
    }

    fn hold(&self, side: Side) {
        self.with_context(|context| context.direction(side).is_paused = true);
    }

    fn flow(&self, side: Side) -> Flow {
        self.with_context(|context| {
            let is_held = context.direction(side).is_paused;
            match &context.response {
                Some(response) => Flow::Answered(response.clone()),
                None if context.is_closed => Flow::Closed,
                None if is_held => Flow::Held,
                None => Flow::Passed,
            }
        })
    }
}

/// A stream of a [`FakeProxy`], or a connection. Dropping it ends nothing: [`FakeStream::end`] does.
#[derive(Debug)]
pub struct FakeStream<'p> {
    pub(super) proxy: &'p FakeProxy,
    pub(super) context: u32,
}

impl FakeStream<'_> {
    fn show(&self, side: Side, show: impl FnOnce(&dyn Stream<FakeHost>, &FakeHost) -> Action) -> Flow {
        let host = self.proxy.at(self.context);
        match self.proxy.vm.on_stream(self.context, show) {
            Action::Continue => host.pass(side).unwrap_or_default(),
            Action::Pause => host.hold(side),
        }
        self.proxy.at(self.context).flow(side)
    }

    fn headers(&self, side: Side, of: Message, headers: &[(&str, &str)], end_of_stream: bool) -> Flow {
        self.proxy.at(self.context).set_headers(of, headers);
        self.show(side, |stream, host| stream.headers(host, side, end_of_stream))
    }

    fn add(&self, side: Side, bytes: &[u8], end_of_stream: bool) -> Chunk {
        let size = self.proxy.at(self.context).with_context(|context| {
            let held = &mut context.direction(side).held;
            held.extend_from_slice(bytes);
            held.len()
        });
        Chunk { size, end_of_stream }
    }

    fn body(&self, side: Side, bytes: &[u8], end_of_stream: bool) -> Flow {
        let chunk = self.add(side, bytes, end_of_stream);
        self.show(side, |stream, host| stream.body(host, side, chunk))
    }

    fn trailers(&self, side: Side, of: Message, trailers: &[(&str, &str)]) -> Flow {
        self.proxy.at(self.context).set_headers(of, trailers);
        self.show(side, |stream, host| stream.trailers(host, side))
    }

    /// The client's headers arrive.
    pub fn request_headers(&self, headers: &[(&str, &str)], end_of_stream: bool) -> Flow {
        self.headers(Side::Request, Message::Request, headers, end_of_stream)
    }

    /// A part of the client's body arrives.
    pub fn request_body(&self, bytes: &[u8], end_of_stream: bool) -> Flow {
        self.body(Side::Request, bytes, end_of_stream)
    }

    /// The client's trailers arrive.
    pub fn request_trailers(&self, trailers: &[(&str, &str)]) -> Flow {
        self.trailers(Side::Request, Message::RequestTrailers, trailers)
    }

    /// The upstream's headers arrive.
    pub fn response_headers(&self, headers: &[(&str, &str)], end_of_stream: bool) -> Flow {
        self.headers(Side::Response, Message::Response, headers, end_of_stream)
    }

    /// A part of the upstream's body arrives.
    pub fn response_body(&self, bytes: &[u8], end_of_stream: bool) -> Flow {
        self.body(Side::Response, bytes, end_of_stream)
    }

    /// The upstream's trailers arrive.
    pub fn response_trailers(&self, trailers: &[(&str, &str)]) -> Flow {
        self.trailers(Side::Response, Message::ResponseTrailers, trailers)
    }

    /// A client has connected.
    pub fn connect(&self) -> Flow {
        self.show(Side::Downstream, |stream, host| stream.connected(host))
    }

    /// Bytes arrive from one end of the connection.
    pub fn data(&self, from: Peer, bytes: &[u8], end_of_stream: bool) -> Flow {
        let side = side_from(from);
        let chunk = self.add(side, bytes, end_of_stream);
        self.show(side, |stream, host| stream.data(host, from, chunk))
    }

    /// One end of the connection is closed.
    pub fn close(&self, of: Peer, by: ClosedBy) {
        self.proxy.at(self.context);
        self.proxy.vm.on_stream(self.context, |stream, host| {
            stream.closed(host, of, by);
            Action::Continue
        });
    }

    /// What became of the request by now; of a connection what became of what the client sent.
    pub fn flow(&self) -> Flow {
        let host = self.proxy.at(self.context);
        match host.flow(Side::Downstream) {
            Flow::Passed => host.flow(Side::Request),
            other => other,
        }
    }

    /// What became of the response by now; of a connection what became of what the upstream sent.
    pub fn response_flow(&self) -> Flow {
        let host = self.proxy.at(self.context);
        match host.flow(Side::Upstream) {
            Flow::Passed => host.flow(Side::Response),
            other => other,
        }
    }

    /// The bytes of the request, or of the client, that went on.
    pub fn passed(&self) -> Vec<u8> {
        self.proxy.at(self.context).with_context(|context| {
            [Side::Request, Side::Downstream].map(|side| context.direction(side).passed.clone()).concat()
        })
    }

    /// The bytes of the response, or of the upstream, that went on.
    pub fn response_passed(&self) -> Vec<u8> {
        self.proxy.at(self.context).with_context(|context| {
            [Side::Response, Side::Upstream].map(|side| context.direction(side).passed.clone()).concat()
        })
    }

    /// The headers of a message as they are now; what is not UTF-8 is shown as U+FFFD.
    pub fn headers_text(&self, of: Message) -> Vec<(String, String)> {
        self.proxy.at(self.context).headers_text(of)
    }

    /// Sets an attribute of this stream alone, whose path has no dots within its segments.
    pub fn set(&self, path: &str, value: impl Into<Vec<u8>>) {
        self.set_path(&path.split('.').collect::<Vec<_>>(), value);
    }

    /// Sets an attribute of this stream alone, by its segments.
    pub fn set_path(&self, path: &[&str], value: impl Into<Vec<u8>>) {
        let mut own = self.proxy.host.own_properties.borrow_mut();
        own.insert((self.context, path.join("\0")), value.into());
    }

    /// A property that the filter has set of this stream, by its path with dots between the segments.
    pub fn property(&self, path: &str) -> Option<Vec<u8>> {
        let set = self.proxy.host.set_properties.borrow();
        set.get(&(self.context, path.replace('.', "\0"))).cloned()
    }

    /// The stream ends: it is logged, and what it waits for is forgotten.
    pub fn end(self) {
        self.proxy.end(self.context);
    }
}

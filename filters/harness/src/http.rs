//! HTTP streams as a test plays them.

use std::cell::RefCell;
use std::rc::Rc;

use crate::Value;
use crate::contexts::{Ending, Flow, Http, Kind, Message};
use crate::manager::Side;
use crate::pairs::Header;
use crate::properties::Path;
use crate::state::{LocalReply, ROOT};
use crate::trap::Trap;
use crate::vm::Running;

/// Whether something follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndOfStream {
    /// Nothing follows.
    Yes,
    /// More follows.
    No,
}

impl EndOfStream {
    pub(crate) fn is_yes(self) -> bool {
        self == EndOfStream::Yes
    }
}

/// What came of a phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It goes on.
    Continue,
    /// It waits for the module.
    Pause,
    /// The module answered itself.
    Reply(LocalReply),
    /// The module closed the stream.
    Reset,
    /// The module ended; the stream is answered with 503.
    Trap(Trap),
    /// The module was not asked, since the stream, or this half of it, is over for it.
    Skipped,
}

/// An HTTP stream. What a phase is given is played as if it came from the network; what has left the filter by now is in
/// [`HttpStream::upstream`] and [`HttpStream::client`].
pub struct HttpStream {
    vm: Rc<RefCell<Running>>,
    id: u32,
}

/// How a stream ended, and what was seen of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// What the service got, if it got anything.
    pub upstream: Option<Message>,
    /// What the client got, if it got anything.
    pub client: Option<Message>,
    /// The module answered itself.
    pub reply: Option<LocalReply>,
    /// The stream was closed before its time.
    pub is_reset: bool,
    /// The module ended in one of the last callbacks.
    pub trap: Option<Trap>,
}

fn owned<N: AsRef<[u8]>, V: AsRef<[u8]>>(headers: impl IntoIterator<Item = (N, V)>) -> Vec<Header> {
    headers.into_iter().map(|(name, value)| (name.as_ref().to_vec(), value.as_ref().to_vec())).collect()
}

impl HttpStream {
    pub(crate) fn open(vm: &Rc<RefCell<Running>>) -> HttpStream {
        let id = {
            let mut running = vm.borrow_mut();
            let state = running.state_mut();
            let now = state.clock.now();
            state.new_context(ROOT, Kind::Http(Box::new(Http::new(now))))
        };
        HttpStream { vm: Rc::clone(vm), id }
    }

    /// The id of its context, as the module knows it.
    pub fn context_id(&self) -> u32 {
        self.id
    }

    /// Plays a phase, and says what came of it.
    fn play(&self, side: Side, phase: impl FnOnce(&mut Running)) -> Outcome {
        let mut running = self.vm.borrow_mut();
        let was_dead = running.trap.is_some();
        let ending =
            |running: &mut Running| running.state_mut().http_of(self.id).and_then(|http| http.ending.clone());
        let before = ending(&mut running);
        let is_over = |http: &mut Http| {
            http.is_over || http.half(side).aborted || (side == Side::Response && http.ending.is_some())
        };
        if running.state_mut().http_of(self.id).is_none_or(is_over) {
            return Outcome::Skipped;
        }
        phase(&mut running);
        running.settle();
        if let Some(trap) = running.trap.clone()
            && !was_dead
        {
            return Outcome::Trap(trap);
        }
        let after = ending(&mut running);
        if after != before {
            return match after {
                Some(Ending::Replied(reply)) => Outcome::Reply(reply),
                Some(Ending::Reset) => Outcome::Reset,
                Some(Ending::Failed) | None => Outcome::Skipped,
            };
        }
        if was_dead {
            return Outcome::Skipped;
        }
        let is_running =
            running.state_mut().http_of(self.id).is_none_or(|http| http.half(side).flow == Flow::Running);
        if is_running { Outcome::Continue } else { Outcome::Pause }
    }

    /// The headers of the request come, pseudo-headers among them.
    pub fn request_headers<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        headers: impl IntoIterator<Item = (N, V)>,
        end: EndOfStream,
    ) -> Outcome {
        let headers = owned(headers);
        self.play(Side::Request, |running| {
            running.http_headers(self.id, Side::Request, headers, end.is_yes())
        })
    }

    /// A piece of the request's body comes.
    pub fn request_body(&self, piece: impl AsRef<[u8]>, end: EndOfStream) -> Outcome {
        let piece = piece.as_ref().to_vec();
        self.play(Side::Request, |running| running.http_data(self.id, Side::Request, piece, end.is_yes()))
    }

    /// The trailers of the request come, and nothing after them.
    pub fn request_trailers<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        trailers: impl IntoIterator<Item = (N, V)>,
    ) -> Outcome {
        let trailers = owned(trailers);
        self.play(Side::Request, |running| running.http_trailers(self.id, Side::Request, trailers))
    }

    /// The headers of the service's response come.
    pub fn response_headers<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        headers: impl IntoIterator<Item = (N, V)>,
        end: EndOfStream,
    ) -> Outcome {
        let headers = owned(headers);
        self.play(Side::Response, |running| {
            running.http_headers(self.id, Side::Response, headers, end.is_yes())
        })
    }

    /// The proxy answers by itself, as it does where there is no route or no service: the response has no body, and the
    /// details say why, such as `route_not_found`.
    pub fn proxy_response(&self, status: u16, details: &str) -> Outcome {
        if let Some(http) = self.vm.borrow_mut().state_mut().http_of(self.id) {
            http.proxy_details = Some(details.as_bytes().to_vec());
        }
        self.response_headers([(":status", status.to_string())], EndOfStream::Yes)
    }

    /// A piece of the response's body comes.
    pub fn response_body(&self, piece: impl AsRef<[u8]>, end: EndOfStream) -> Outcome {
        let piece = piece.as_ref().to_vec();
        self.play(Side::Response, |running| running.http_data(self.id, Side::Response, piece, end.is_yes()))
    }

    /// The trailers of the response come, and nothing after them.
    pub fn response_trailers<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        trailers: impl IntoIterator<Item = (N, V)>,
    ) -> Outcome {
        let trailers = owned(trailers);
        self.play(Side::Response, |running| running.http_trailers(self.id, Side::Response, trailers))
    }

    /// Ends the stream, whatever is open of it: `proxy_on_log`, `proxy_on_done`, `proxy_on_delete`. Where nothing else
    /// ended it before its time, that is a client that is gone.
    pub fn finish(self) -> Finished {
        let mut running = self.vm.borrow_mut();
        let was_dead = running.trap.is_some();
        let http = running.http_finish(self.id);
        running.settle();
        let trap = if was_dead { None } else { running.trap.clone() };
        let Some(http) = http else {
            return Finished { upstream: None, client: None, reply: None, is_reset: true, trap };
        };
        let is_reset = http.is_incomplete();
        let Http { request, response, ending, .. } = *http;
        let reply = if let Some(Ending::Replied(reply)) = ending { Some(reply) } else { None };
        Finished {
            upstream: request.headers_forwarded.then_some(request.forwarded),
            client: response.headers_forwarded.then_some(response.forwarded),
            reply,
            is_reset,
            trap,
        }
    }

    fn read<T>(&self, read: impl FnOnce(&Http) -> T) -> Option<T> {
        let running = self.vm.borrow();
        running.state().contexts.get(&self.id).and_then(|context| context.http()).map(read)
    }

    /// What has gone on to the service by now; nothing if that is nothing.
    pub fn upstream(&self) -> Option<Message> {
        self.read(|http| http.request.headers_forwarded.then(|| http.request.forwarded.clone()))?
    }

    /// What has gone on to the client by now; nothing if that is nothing.
    pub fn client(&self) -> Option<Message> {
        self.read(|http| http.response.headers_forwarded.then(|| http.response.forwarded.clone()))?
    }

    /// The module's own answer, if it made one.
    pub fn reply(&self) -> Option<LocalReply> {
        self.read(
            |http| if let Some(Ending::Replied(reply)) = &http.ending { Some(reply.clone()) } else { None },
        )?
    }

    /// How often the module had Envoy choose the route anew.
    pub fn route_cache_cleared(&self) -> u32 {
        self.read(|http| http.route_cache_cleared).unwrap_or_default()
    }

    /// Sets an attribute of this stream.
    pub fn set_property(&self, path: impl Into<Path>, value: impl Into<Value>) {
        self.mock(path.into(), Some(value.into()));
    }

    /// Takes an attribute of this stream away, with all below it.
    pub fn remove_property(&self, path: impl Into<Path>) {
        self.mock(path.into(), None);
    }

    fn mock(&self, path: Path, value: Option<Value>) {
        if let Some(http) = self.vm.borrow_mut().state_mut().http_of(self.id) {
            http.mocks.set(path, value);
        }
    }

    /// What the module set for this stream with `proxy_set_property`, by the path, with zero bytes between its parts.
    pub fn state(&self, path: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        self.read(|http| http.filter_state.set.get(path.as_ref()).cloned())?
    }

    /// An object of Envoy's own that the module set for this stream, by its key.
    pub fn envoy_state(&self, key: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        self.read(|http| http.filter_state.objects.get(key.as_ref()).cloned())?
    }
}

impl std::fmt::Debug for HttpStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpStream").field("id", &self.id).finish_non_exhaustive()
    }
}

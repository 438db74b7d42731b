//! The contexts of a virtual machine: which filter sees which stream, and what happens after it has decided.
//!
//! It is the same for Envoy and for the fake: what a unit test sees is what runs. Nothing here is borrowed while the host
//! is called, so that a host that calls back finds everything in its place.

pub mod http;
pub mod log;
pub mod tcp;
mod waiting;

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::rc::Rc;

use crate::attributes::PLUGIN_ROOT_ID;
use crate::calls::{CallError, HttpAnswer};
use crate::executor::At;
use crate::filter::{ConfigurationError, IfMisconfigured};
use crate::hash::FoldHasher;
use crate::host::{HostError, LogLevel, RootHost};
use crate::http::{Chunk, Header, LogHost, RequestHeadersHost, RequestHost, ResponseHeadersHost};
use crate::outcome::{GrpcStatus, Response};
use crate::tcp::{ClosedBy, DataHost, Peer};

/// A whole proxy, as the kit itself needs it.
pub trait Proxy:
    RootHost + RequestHeadersHost + RequestHost + ResponseHeadersHost + LogHost + DataHost
{
    /// The configuration of the root context at hand.
    ///
    /// # Errors
    /// Any status of the host but success.
    fn configuration(&self, size: usize) -> Result<Vec<u8>, HostError>;

    /// From now on calls into the host are about this context.
    fn set_effective_context(&self, context: u32);

    /// Lets a stream go on that was paused.
    ///
    /// # Errors
    /// Any status of the host but success.
    fn continue_stream(&self, side: Side) -> Result<(), HostError>;

    /// Ends a stream or a connection.
    ///
    /// # Errors
    /// Any status of the host but success.
    fn close_stream(&self, side: Side) -> Result<(), HostError>;

    /// Answers the stream at hand. The response can be sent as it is.
    ///
    /// # Errors
    /// Any status of the host but success.
    fn send_response(&self, response: &Response) -> Result<(), HostError>;

    /// The answer of an HTTP call, in the callback that says it is there.
    ///
    /// # Errors
    /// Any status of the host but success.
    fn http_answer(&self, body_size: usize) -> Result<HttpAnswer, HostError>;

    /// The message of a gRPC call, in the callback that says it is there.
    ///
    /// # Errors
    /// Any status of the host but success.
    fn grpc_answer(&self, size: usize) -> Result<Vec<u8>, HostError>;

    /// The metadata of a stream of gRPC, in the callback that says it is there.
    ///
    /// # Errors
    /// Any status of the host but success.
    fn grpc_metadata(&self, of: Metadata) -> Result<Vec<Header>, HostError>;
}

/// Metadata of a stream of gRPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metadata {
    /// What it begins with.
    Initial,
    /// What it ends with.
    Trailing,
}

/// A direction of a stream, by the ABI's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// From an HTTP client.
    Request,
    /// To an HTTP client.
    Response,
    /// From the client of a connection.
    Downstream,
    /// To the client of a connection.
    Upstream,
}

/// What the host does with what it showed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Action {
    /// It goes on.
    #[default]
    Continue,
    /// It is held.
    Pause,
}

/// A filter of a module: the root id that chooses it, if not every root id does, and how it begins.
pub struct Entry<P: Proxy> {
    /// The root id; nothing if any will do.
    pub root_id: Option<&'static str>,
    /// Configures it.
    pub configure: Configure<P>,
    /// What happens if that fails.
    pub if_misconfigured: IfMisconfigured,
    /// What happens when the time of one of its root contexts has come.
    pub on_tick: fn(&Vm<P>, u32),
}

/// How a filter is configured.
pub type Configure<P> = fn(&P, u32, &[u8]) -> Result<Rc<dyn Root<P>>, ConfigurationError>;

/// A configured filter.
///
/// What concerns waiting is here and not in [`Vm`], because only the filter's own type says whether it ever waits: the
/// module of one that does not has none of it.
pub trait Root<P> {
    /// It begins to serve a root context. Gives when its period is over.
    fn begin(&self, _host: &P, _root: u32) -> Option<u64> {
        None
    }
    /// What sees a stream.
    fn stream(self: Rc<Self>, at: At) -> Rc<dyn Stream<P>>;
    /// A stream has ended that has no context, since the filter is an access logger.
    fn log(&self, _host: &P) {}
    /// The period is over. Gives when it is over next.
    fn tick(&self, _host: &P, _root: u32) -> Option<u64> {
        None
    }
    /// Another one takes its place, or its root context is gone.
    fn retire(&self, _host: &P, _root: u32) {}
}

/// What sees a stream or a connection.
pub trait Stream<P> {
    /// Headers have arrived.
    fn headers(&self, _host: &P, _side: Side, _end_of_stream: bool) -> Action {
        Action::Continue
    }
    /// More of a body has arrived.
    fn body(&self, _host: &P, _side: Side, _chunk: Chunk) -> Action {
        Action::Continue
    }
    /// Trailers have arrived.
    fn trailers(&self, _host: &P, _side: Side) -> Action {
        Action::Continue
    }
    /// A client has connected.
    fn connected(&self, _host: &P) -> Action {
        Action::Continue
    }
    /// Bytes have arrived.
    fn data(&self, _host: &P, _from: Peer, _chunk: Chunk) -> Action {
        Action::Continue
    }
    /// A connection is closed.
    fn closed(&self, _host: &P, _of: Peer, _by: ClosedBy) {}
    /// The stream of that context has ended.
    fn log(&self, _host: &P, _context: u32) {}
    /// The period of a root is over, and the stream of that context is open.
    fn tick(&self, _host: &P, _context: u32, _root: u32) {}
    /// Something arrived that the stream may wait for.
    fn wake(&self, _host: &P) {}
    /// The stream is gone: so is what it waits for.
    fn end(&self, _host: &P) {}
}

/// A context of the ABI.
enum Context<P> {
    /// One of a configuration.
    Root {
        filter: Option<Rc<dyn Root<P>>>,
        /// When its period is over next.
        tick_at: Option<u64>,
    },
    /// One of a stream or a connection; without a filter nobody sees it.
    Stream(Option<Rc<dyn Stream<P>>>),
}

/// The contexts of a virtual machine.
pub struct Vm<P: Proxy> {
    host: P,
    filters: Vec<Entry<P>>,
    contexts: RefCell<HashMap<u32, Context<P>, BuildHasherDefault<FoldHasher>>>,
}

impl<P: Proxy> Vm<P> {
    /// A virtual machine with a module of these filters.
    pub fn new(host: P, filters: Vec<Entry<P>>) -> Vm<P> {
        Vm { host, filters, contexts: RefCell::default() }
    }

    fn root(&self, root: u32) -> Option<Rc<dyn Root<P>>> {
        match self.contexts.borrow().get(&root)? {
            Context::Root { filter, .. } => filter.clone(),
            Context::Stream(_) => None,
        }
    }

    fn stream(&self, context: u32) -> Option<Rc<dyn Stream<P>>> {
        match self.contexts.borrow().get(&context)? {
            Context::Stream(stream) => stream.clone(),
            Context::Root { .. } => None,
        }
    }

    /// A context begins: a root without a parent, or a stream of one.
    pub fn on_context_create(&self, context: u32, parent: u32) {
        let new = if parent == 0 {
            Context::Root { filter: None, tick_at: None }
        } else {
            Context::Stream(self.root(parent).map(|root| root.stream(At { context, root: parent })))
        };
        self.contexts.borrow_mut().insert(context, new);
    }

    /// A context is gone.
    pub fn on_delete(&self, context: u32) {
        // What it holds must not be dropped while the table is borrowed: it calls the host.
        let gone = self.contexts.borrow_mut().remove(&context);
        match gone {
            Some(Context::Stream(Some(stream))) => stream.end(&self.host),
            Some(Context::Root { filter: Some(filter), .. }) => filter.retire(&self.host, context),
            _ => {}
        }
    }

    /// Whether the configuration of a root context can be used.
    pub fn on_configure(&self, context: u32, size: usize) -> bool {
        let entry = match self.entry() {
            Ok(entry) => entry,
            Err(reason) => {
                self.host.log(LogLevel::Error, &reason);
                return false;
            }
        };
        let read = self.read_configuration(size);
        match read.and_then(|configuration| (entry.configure)(&self.host, context, &configuration)) {
            Ok(filter) => {
                self.install(context, filter);
                true
            }
            Err(error) => self.refuse(context, entry.if_misconfigured, &error),
        }
    }

    /// The filter that the root id chooses.
    fn entry(&self) -> Result<&Entry<P>, String> {
        if let [entry @ Entry { root_id: None, .. }] = self.filters.as_slice() {
            return Ok(entry);
        }
        let id = PLUGIN_ROOT_ID.get(&self.host).unwrap_or_default();
        let known = || self.filters.iter().filter_map(|entry| entry.root_id);
        let named = |entry: &&Entry<P>| entry.root_id.is_some_and(|known| known.as_bytes() == id);
        let entry = self.filters.iter().find(named);
        let entry = entry.or_else(|| self.filters.iter().find(|entry| entry.root_id.is_none()));
        entry.ok_or_else(|| {
            let (id, known) = (String::from_utf8_lossy(&id), known().collect::<Vec<_>>().join(", "));
            format!("this module has no filter with the root id \"{id}\"; it has: {known}")
        })
    }

    fn read_configuration(&self, size: usize) -> Result<Vec<u8>, ConfigurationError> {
        match self.host.configuration(size) {
            // So Envoy answers where there is none.
            Err(HostError::NotFound) if size == 0 => Ok(Vec::new()),
            read => read.map_err(|error| ConfigurationError::new(format_args!("it cannot be read: {error}"))),
        }
    }

    fn install(&self, context: u32, filter: Rc<dyn Root<P>>) {
        self.replace(context, Some(Rc::clone(&filter)));
        let at = filter.begin(&self.host, context);
        self.set_tick_at(context, at);
    }

    /// Puts another filter, or none, in the place of the one that a root context has.
    fn replace(&self, context: u32, new: Option<Rc<dyn Root<P>>>) {
        let old = match self.contexts.borrow_mut().get_mut(&context) {
            Some(Context::Root { filter, .. }) => std::mem::replace(filter, new),
            _ => None,
        };
        if let Some(old) = old {
            old.retire(&self.host, context);
        }
    }

    fn set_tick_at(&self, context: u32, at: Option<u64>) {
        if let Some(Context::Root { tick_at, .. }) = self.contexts.borrow_mut().get_mut(&context) {
            *tick_at = at;
        }
    }

    fn tick_at(&self, context: u32) -> Option<u64> {
        match self.contexts.borrow().get(&context)? {
            Context::Root { tick_at, .. } => *tick_at,
            Context::Stream(_) => None,
        }
    }

    fn refuse(&self, context: u32, policy: IfMisconfigured, error: &ConfigurationError) -> bool {
        let (what, is_taken) = match policy {
            IfMisconfigured::Refuse => ("the configuration is refused", false),
            IfMisconfigured::DoNothing => {
                ("the filter does nothing, because its configuration is wrong", true)
            }
        };
        self.host.log(LogLevel::Error, &format!("{what}: {error}"));
        if is_taken {
            self.replace(context, None);
        }
        is_taken
    }

    /// A root's time has come.
    pub fn on_tick(&self, context: u32) {
        if let Ok(entry) = self.entry() {
            (entry.on_tick)(self, context);
        }
    }

    /// Time has passed for a root that waits: its own period may be over, or times that its streams wait for.
    fn tick(&self, context: u32, shows_streams: bool) {
        let Ok(now) = self.host.now_nanoseconds() else { return };
        let executor = self.host.executor();
        for waiting in executor.tick(context, now) {
            self.wake(waiting);
        }
        self.host.set_effective_context(context);
        if self.tick_at(context).is_some_and(|at| at <= now)
            && let Some(filter) = self.root(context)
        {
            if shows_streams {
                self.show_streams(context);
            }
            let next = filter.tick(&self.host, context);
            self.set_tick_at(context, next);
        }
        executor.plan_next(&self.host, context, now, self.tick_at(context));
    }

    /// Shows every open stream of a root to its filter, in the stream's own name.
    fn show_streams(&self, root: u32) {
        let all = self.contexts.borrow();
        let open = all.iter().filter_map(|(context, it)| match it {
            Context::Stream(Some(stream)) => Some((*context, Rc::clone(stream))),
            _ => None,
        });
        let open: Vec<(u32, Rc<dyn Stream<P>>)> = open.collect();
        drop(all);
        for (context, stream) in open {
            stream.tick(&self.host, context, root);
        }
        self.host.set_effective_context(root);
    }

    /// An HTTP call has its answer, or will have none.
    pub fn on_http_call_response(&self, call: u32, headers: usize, body_size: usize) {
        let executor = self.host.executor();
        let Some(at) = executor.who_awaits_http(call) else { return };
        // So the host says that there is no answer.
        let answer = if headers == 0 {
            Err(CallError::NoAnswer)
        } else {
            self.host.http_answer(body_size).map_err(CallError::Unreadable)
        };
        executor.http_arrived(call, answer);
        self.wake(at.context);
    }

    /// A gRPC call has its message, or a stream has one.
    pub fn on_grpc_receive(&self, call: u32, size: usize) {
        let executor = self.host.executor();
        if let Some(at) = executor.who_awaits_grpc(call) {
            executor.grpc_arrived(call, self.host.grpc_answer(size).map_err(CallError::Unreadable));
            self.wake(at.context);
        } else if executor.who_opened(call).is_some() {
            let message = self.host.grpc_answer(size);
            let is_kept = executor.with_stream(call, |incoming| incoming.message(message));
            if is_kept == Some(false) {
                self.host.cancel_grpc(call);
            }
            self.wake_opener(call);
        }
    }

    /// A stream of gRPC has metadata at its beginning.
    pub fn on_grpc_initial_metadata(&self, stream: u32) {
        if self.host.executor().who_opened(stream).is_some() {
            // Whoever awaits a message is not woken: there is none.
            let metadata = self.host.grpc_metadata(Metadata::Initial).unwrap_or_default();
            self.host.executor().with_stream(stream, |incoming| incoming.initial(metadata));
        }
    }

    /// A stream of gRPC has metadata at its end, which follows.
    pub fn on_grpc_trailing_metadata(&self, stream: u32) {
        if self.host.executor().who_opened(stream).is_some() {
            let metadata = self.host.grpc_metadata(Metadata::Trailing).unwrap_or_default();
            self.host.executor().with_stream(stream, |incoming| incoming.trailing(metadata));
        }
    }

    /// A gRPC call has ended without a message, or a stream has ended.
    pub fn on_grpc_close(&self, call: u32, status: u32) {
        let executor = self.host.executor();
        let status = GrpcStatus::of_code(status);
        if let Some(at) = executor.who_awaits_grpc(call) {
            let is_ok = status == GrpcStatus::Ok;
            let error = if is_ok { CallError::NoAnswer } else { CallError::Grpc(status) };
            executor.grpc_arrived(call, Err(error));
            self.wake(at.context);
        } else if executor.with_stream(call, |incoming| incoming.end(status)).is_some() {
            self.wake_opener(call);
        }
    }

    fn wake_opener(&self, stream: u32) {
        if let Some(at) = self.host.executor().who_opened(stream) {
            self.wake(at.context);
        }
    }

    /// Lets go on who waits, in its own name: what tells of it is a callback of the root context.
    fn wake(&self, context: u32) {
        self.host.set_effective_context(context);
        match self.stream(context) {
            Some(stream) => stream.wake(&self.host),
            None => waiting::run_work(&self.host, context),
        }
    }

    /// A stream or, for an access logger, one without a context has ended.
    pub fn on_log(&self, context: u32) {
        if let Some(stream) = self.stream(context) {
            stream.log(&self.host, context);
        } else if let Some(root) = self.root(context) {
            root.log(&self.host);
        }
    }

    /// Shows a stream something, if it is there.
    pub fn on_stream(&self, context: u32, show: impl FnOnce(&dyn Stream<P>, &P) -> Action) -> Action {
        self.stream(context).map_or(Action::Continue, |stream| show(&*stream, &self.host))
    }
}

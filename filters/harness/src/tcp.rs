//! Connections of TCP: what comes from the client and from the service passes the module, which may hold it.

use std::cell::RefCell;
use std::rc::Rc;

use crate::Value;
use crate::abi::StreamKind;
use crate::contexts::Kind;
use crate::http::EndOfStream;
use crate::properties::{FilterState, Mocks, Path};
use crate::settings::{FailurePolicy, PluginKind};
use crate::state::ROOT;
use crate::trap::Trap;
use crate::vm::{Called, Running};

/// A connection.
pub(crate) struct Tcp {
    pub(crate) downstream: Pipe,
    pub(crate) upstream: Pipe,
    pub(crate) connection: u64,
    pub(crate) mocks: Mocks,
    pub(crate) filter_state: FilterState,
    pub(crate) start_nanoseconds: u64,
    /// It has gone on to the service.
    pub(crate) has_upstream: bool,
    /// The module, or its trap, has closed it.
    pub(crate) is_closed: bool,
    upstream_closed: bool,
}

/// One direction.
#[derive(Default)]
pub(crate) struct Pipe {
    /// What waits, and what the module sees of it.
    pending: Vec<u8>,
    passed: Vec<u8>,
    /// How many bytes have come.
    pub(crate) received: usize,
    is_shown: bool,
    /// Nothing comes to the module before it lets the connection go on.
    is_held: bool,
}

impl Tcp {
    /// How many bytes have gone to the client.
    pub(crate) fn sent(&self) -> usize {
        self.upstream.passed.len()
    }
}

impl Pipe {
    pub(crate) fn shown_mut(&mut self) -> Option<&mut Vec<u8>> {
        if self.is_shown { Some(&mut self.pending) } else { None }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.received += bytes.len();
        self.pending.extend(bytes);
    }

    fn pass(&mut self) {
        self.is_shown = false;
        self.passed.append(&mut self.pending);
    }
}

/// Who closes a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// It is not known.
    Unknown = 0,
    /// The proxy.
    Local = 1,
    /// The other end.
    Remote = 2,
}

/// What came of a phase of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TcpOutcome {
    /// It goes on.
    Continue,
    /// It waits for the module.
    Pause,
    /// The module closed the connection.
    Close,
    /// The module ended.
    Trap(Trap),
    /// The module was not asked.
    Skipped,
}

/// A connection of TCP.
pub struct TcpStream {
    vm: Rc<RefCell<Running>>,
    id: u32,
}

impl TcpStream {
    pub(crate) fn open(vm: &Rc<RefCell<Running>>) -> TcpStream {
        let start_nanoseconds = vm.borrow().state().clock.now();
        let tcp = Tcp {
            downstream: Pipe::default(),
            upstream: Pipe::default(),
            connection: 1,
            mocks: Mocks::default(),
            filter_state: FilterState::default(),
            start_nanoseconds,
            has_upstream: false,
            is_closed: false,
            upstream_closed: false,
        };
        let id = vm.borrow_mut().state_mut().new_context(ROOT, Kind::Tcp(Box::new(tcp)));
        TcpStream { vm: Rc::clone(vm), id }
    }

    /// The id of its context, as the module knows it.
    pub fn context_id(&self) -> u32 {
        self.id
    }

    fn play(&self, phase: impl FnOnce(&mut Running) -> Option<bool>) -> TcpOutcome {
        let mut running = self.vm.borrow_mut();
        let was_dead = running.trap.is_some();
        if running.tcp(self.id).is_none_or(|tcp| tcp.is_closed) {
            return TcpOutcome::Skipped;
        }
        let goes_on = phase(&mut running);
        running.settle();
        if let Some(trap) = running.trap.clone()
            && !was_dead
        {
            return TcpOutcome::Trap(trap);
        }
        if running.tcp(self.id).is_none_or(|tcp| tcp.is_closed) {
            return TcpOutcome::Close;
        }
        match goes_on {
            None => TcpOutcome::Skipped,
            Some(true) => TcpOutcome::Continue,
            Some(false) => TcpOutcome::Pause,
        }
    }

    /// A client has connected.
    pub fn new_connection(&self) -> TcpOutcome {
        self.play(|running| {
            running.create(self.id);
            let goes_on = running.ask_tcp(self.id, "proxy_on_new_connection", &[self.id])?;
            let tcp = running.tcp(self.id)?;
            (tcp.downstream.is_held, tcp.has_upstream) = (!goes_on, goes_on);
            Some(goes_on)
        })
    }

    /// Bytes come from the client.
    pub fn downstream_data(&self, bytes: impl AsRef<[u8]>, end: EndOfStream) -> TcpOutcome {
        self.play(|running| {
            let pipe = &mut running.tcp(self.id)?.downstream;
            pipe.take(bytes.as_ref());
            if pipe.is_held {
                return Some(false);
            }
            pipe.is_shown = true;
            let size = u32::try_from(pipe.pending.len()).unwrap_or(u32::MAX);
            let arguments = [self.id, size, u32::from(end.is_yes())];
            let goes_on = running.ask_tcp(self.id, "proxy_on_downstream_data", &arguments)?;
            if goes_on {
                running.tcp(self.id)?.downstream.pass();
            }
            Some(goes_on)
        })
    }

    /// Bytes come from the service. Their end closes the service's half.
    pub fn upstream_data(&self, bytes: impl AsRef<[u8]>, end: EndOfStream) -> TcpOutcome {
        self.play(|running| {
            let pipe = &mut running.tcp(self.id)?.upstream;
            pipe.take(bytes.as_ref());
            pipe.is_shown = true;
            let size = u32::try_from(pipe.pending.len()).unwrap_or(u32::MAX);
            let arguments = [self.id, size, u32::from(end.is_yes())];
            let goes_on = running.ask_tcp(self.id, "proxy_on_upstream_data", &arguments)?;
            if goes_on {
                running.tcp(self.id)?.upstream.pass();
            }
            if end.is_yes() && !std::mem::replace(&mut running.tcp(self.id)?.upstream_closed, true) {
                running.ask_tcp(
                    self.id,
                    "proxy_on_upstream_connection_close",
                    &[self.id, Peer::Unknown as u32],
                );
            }
            Some(goes_on)
        })
    }

    /// The client's connection is closed: the last callbacks follow. Gives what was passed to the service and to the
    /// client, and how the module ended, if it did so just now.
    pub fn close(self, by: Peer) -> (Vec<u8>, Vec<u8>, Option<Trap>) {
        let mut running = self.vm.borrow_mut();
        let was_dead = running.trap.is_some();
        running.tcp_finish(self.id, by);
        running.settle();
        let trap = if was_dead { None } else { running.trap.clone() };
        match running.state_mut().contexts.remove(&self.id).map(|context| context.kind) {
            Some(Kind::Tcp(tcp)) => (tcp.downstream.passed, tcp.upstream.passed, trap),
            _ => (Vec::new(), Vec::new(), trap),
        }
    }

    /// What has been passed to the service by now.
    pub fn to_upstream(&self) -> Vec<u8> {
        self.vm.borrow_mut().tcp(self.id).map(|tcp| tcp.downstream.passed.clone()).unwrap_or_default()
    }

    /// What has been passed to the client by now.
    pub fn to_client(&self) -> Vec<u8> {
        self.vm.borrow_mut().tcp(self.id).map(|tcp| tcp.upstream.passed.clone()).unwrap_or_default()
    }

    /// Sets an attribute of this connection.
    pub fn set_property(&self, path: impl Into<Path>, value: impl Into<Value>) {
        if let Some(tcp) = self.vm.borrow_mut().tcp(self.id) {
            tcp.mocks.set(path.into(), Some(value.into()));
        }
    }

    /// Takes an attribute of this connection away, with all below it.
    pub fn remove_property(&self, path: impl Into<Path>) {
        if let Some(tcp) = self.vm.borrow_mut().tcp(self.id) {
            tcp.mocks.set(path.into(), None);
        }
    }
}

impl std::fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TcpStream").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Running {
    fn tcp(&mut self, id: u32) -> Option<&mut Tcp> {
        self.state_mut().contexts.get_mut(&id)?.tcp_mut()
    }

    /// The last callbacks of a connection.
    fn tcp_finish(&mut self, id: u32, by: Peer) {
        if self.state().settings.kind == PluginKind::AccessLogger {
            return self.log_as_root(id);
        }
        if self.state().contexts.get(&id).is_some_and(|context| context.created) {
            self.call(id, "proxy_on_downstream_connection_close", &[id, by as u32]);
            for callback in ["proxy_on_done", "proxy_on_log", "proxy_on_delete"] {
                self.call(id, callback, &[id]);
            }
        }
    }

    /// Whether the connection goes on. After a trap it is closed, or goes by.
    fn ask_tcp(&mut self, id: u32, callback: &'static str, arguments: &[u32]) -> Option<bool> {
        if !self.state().contexts.get(&id).is_some_and(|context| context.created) {
            return Some(true);
        }
        match self.call(id, callback, arguments) {
            Called::Missing => Some(true),
            Called::Returned { value, .. } => Some(value == 0),
            Called::Dead if self.state().settings.failure == FailurePolicy::Open => Some(true),
            Called::Dead => {
                self.tcp(id)?.is_closed = true;
                Some(false)
            }
        }
    }

    pub(crate) fn tcp_go_on(&mut self, id: u32) {
        if let Some(tcp) = self.tcp(id) {
            tcp.downstream.is_held = false;
            tcp.has_upstream = true;
            tcp.downstream.pass();
        }
    }

    pub(crate) fn tcp_close(&mut self, id: u32, _: StreamKind) {
        if let Some(tcp) = self.tcp(id) {
            tcp.is_closed = true;
        }
    }
}

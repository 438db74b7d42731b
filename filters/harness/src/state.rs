//! What the host keeps for one VM: reached by every host call, and by what drives the streams.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};

use crate::callouts::Callouts;
use crate::cel::Expressions;
use crate::clock::Clock;
use crate::contexts::{Context, Http, Kind};
use crate::counts::Counts;
use crate::foreign::Registered;
use crate::metrics::Metrics;
use crate::properties::Properties;
use crate::settings::{LogLevel, LogLine, Settings};
use crate::shared::Shared;
use crate::{Header, Status};

/// The whole of a VM but its memory.
pub(crate) struct State {
    pub(crate) settings: Settings,
    /// The export that makes room for what is given to the module.
    pub(crate) allocator: &'static str,
    pub(crate) contexts: BTreeMap<u32, Context>,
    next_context: u32,
    /// In whose name the module runs.
    pub(crate) current: u32,
    /// The callback that is running, or ran last.
    pub(crate) callback: &'static str,
    /// What the module chose instead; 0 for nothing.
    pub(crate) effective: u32,
    /// While the module initialises itself it may call little.
    pub(crate) initialising: bool,
    /// The plugin's configuration is there to be read.
    pub(crate) configuring: bool,
    /// A local response was made in this call: nothing goes on behind it.
    pub(crate) stop_next: bool,
    /// What Envoy puts off until the module has returned.
    pub(crate) after: VecDeque<After>,
    /// Queues that have something, with the contexts that are to hear of it when nothing else is going on.
    pub(crate) ready: VecDeque<(u32, u32)>,
    /// The stream that a logger is told of: the root sees it as if it were its own.
    pub(crate) logged: Option<u32>,
    pub(crate) metrics: Metrics,
    pub(crate) logs: Vec<LogLine>,
    /// How many bytes of the log are kept; nothing when no more are.
    log_room: Option<usize>,
    /// How many bytes the module and its host gave each other.
    exchanged: Cell<u64>,
    pub(crate) clock: Clock,
    pub(crate) shared: Shared,
    pub(crate) callouts: Callouts,
    pub(crate) properties: Properties,
    pub(crate) expressions: Expressions,
    pub(crate) foreign: Registered,
    pub(crate) counts: Counts,
    /// What host calls answer instead of doing anything.
    pub(crate) fault: Option<Fault>,
    pub(crate) limits: wasmtime::StoreLimits,
    pub(crate) random: u64,
}

/// Chooses by its name what a host call answers; nothing for what it really does.
pub(crate) type Fault = Box<dyn FnMut(&str) -> Option<Status>>;

/// What is done as soon as the module has returned.
#[derive(Debug)]
pub(crate) enum After {
    /// Goes on with the half of an HTTP stream, or with a connection.
    Continue(u32, crate::abi::StreamKind),
    /// Resets an HTTP stream, or closes a connection.
    Close(u32, crate::abi::StreamKind),
    /// Answers an HTTP stream.
    Reply(u32, LocalReply),
    /// A gRPC call failed at once.
    GrpcFailed { token: u32, status: u32, message: String },
    /// A root context that was waited for is done.
    Delete(u32),
    /// Envoy ends.
    Crash(crate::trap::Trap),
}

/// A response that a module made itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalReply {
    /// The status, as the module gave it.
    pub status: u32,
    /// The headers that the module gave.
    pub headers: Vec<Header>,
    /// The body that the module gave.
    pub body: Vec<u8>,
    /// The status of gRPC, if the module gave one that there is.
    pub grpc_status: Option<u32>,
    /// What the module said about it, for access logs.
    pub details: Vec<u8>,
}

/// What V8 allows for a table.
const MOST_TABLE_ELEMENTS: usize = 10_000_000;

/// More memories and tables than compilers make.
const MOST_MEMORIES: usize = 4;
const MOST_TABLES: usize = 16;

/// How many bytes a line of the log takes beside its text.
const LINE: usize = 64;

/// The root's context. Stream contexts are counted from 2.
pub(crate) const ROOT: u32 = 1;

impl State {
    pub(crate) fn new(settings: Settings, allocator: &'static str) -> State {
        let limits = wasmtime::StoreLimitsBuilder::new()
            .memory_size(settings.memory_limit)
            // An element is as large as two pointers.
            .table_elements((settings.memory_limit / 16).min(MOST_TABLE_ELEMENTS))
            .memories(MOST_MEMORIES)
            .tables(MOST_TABLES)
            .build();
        let log_limit = settings.log_limit;
        let clock = Clock::new(settings.now_nanoseconds);
        let shared = settings.shared.clone();
        let properties = Properties::new(settings.properties.clone());
        let mut contexts = BTreeMap::new();
        contexts.insert(0, Context::new(0, Kind::Vm));
        State {
            settings,
            allocator,
            contexts,
            next_context: ROOT,
            current: 0,
            callback: "",
            effective: 0,
            initialising: false,
            configuring: false,
            stop_next: false,
            after: VecDeque::new(),
            ready: VecDeque::new(),
            logged: None,
            metrics: Metrics::default(),
            logs: Vec::new(),
            log_room: Some(log_limit),
            exchanged: Cell::new(0),
            clock,
            shared,
            callouts: Callouts::default(),
            properties,
            expressions: Expressions::default(),
            foreign: Registered::default(),
            counts: Counts::default(),
            fault: None,
            limits,
            random: 0x9e37_79b9_7f4a_7c15,
        }
    }

    pub(crate) fn new_context(&mut self, parent: u32, kind: Kind) -> u32 {
        let id = self.next_context;
        self.next_context += 1;
        self.contexts.insert(id, Context::new(parent, kind));
        id
    }

    /// The context that host calls are about.
    pub(crate) fn context_id(&self) -> u32 {
        if self.effective != 0 && self.contexts.contains_key(&self.effective) {
            self.effective
        } else {
            self.current
        }
    }

    /// The context whose stream host calls are about.
    pub(crate) fn stream_id(&self) -> u32 {
        match (self.context_id(), self.logged) {
            (ROOT, Some(logged)) => logged,
            (id, _) => id,
        }
    }

    /// The context whose stream host calls are about.
    pub(crate) fn stream(&self) -> Option<&Context> {
        self.contexts.get(&self.stream_id())
    }

    /// The HTTP stream that host calls are about.
    pub(crate) fn http(&self) -> Option<&Http> {
        self.stream().and_then(Context::http)
    }

    /// The HTTP stream that host calls are about.
    pub(crate) fn http_mut(&mut self) -> Option<&mut Http> {
        let id = self.context_id();
        self.contexts.get_mut(&id).and_then(Context::http_mut)
    }

    /// An HTTP stream by its context.
    pub(crate) fn http_of(&mut self, id: u32) -> Option<&mut Http> {
        self.contexts.get_mut(&id).and_then(Context::http_mut)
    }

    /// The root of the context that host calls are about.
    pub(crate) fn root_id(&self) -> u32 {
        let id = self.context_id();
        match self.contexts.get(&id) {
            Some(context) if context.parent != 0 => context.parent,
            _ => id,
        }
    }

    pub(crate) fn log(&mut self, level: LogLevel, mut message: Vec<u8>) {
        let context = self.context_id();
        let Some(room) = self.log_room else { return };
        self.log_room = room.checked_sub(message.len().saturating_add(LINE));
        if self.log_room.is_none() {
            message.truncate(room);
        }
        self.logs.push(LogLine { level, message, context });
        if self.log_room.is_none() {
            let message = format!("it writes more than {} bytes; no more are kept", self.settings.log_limit);
            self.logs.push(LogLine { level: LogLevel::Warn, message: message.into_bytes(), context: 0 });
        }
    }

    /// Counts bytes that go from the module to its host or back.
    ///
    /// # Errors
    /// If they are more than the settings allow.
    pub(crate) fn exchange(&self, bytes: usize) -> wasmtime::Result<()> {
        let all = self.exchanged.get().saturating_add(bytes as u64);
        self.exchanged.set(all);
        let limit = self.settings.exchange_limit;
        if all > limit {
            let reason = format!("it gives its host, and takes from it, more than {limit} bytes");
            return Err(wasmtime::Error::msg(reason));
        }
        Ok(())
    }
}

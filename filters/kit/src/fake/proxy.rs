//! A proxy that runs a filter as Envoy does, driven by a test.

use std::cell::Cell;
use std::time::Duration;

use super::host::nanoseconds;
use super::stream::Context;
use super::{FakeCall, FakeHost, FakeStream, Made};
use crate::calls::HttpAnswer;
use crate::filter::{HttpFilter, LogFilter, TcpFilter};
use crate::host::HostError;
use crate::http::Header;
use crate::outcome::{GrpcStatus, Response};
use crate::vm::{self, Entry, Metadata, Proxy, Side, Vm};

/// The one root context.
const ROOT: u32 = 1;

/// A proxy with a filter that is configured.
pub struct FakeProxy {
    pub(super) host: FakeHost,
    pub(super) vm: Vm<FakeHost>,
    last_context: Cell<u32>,
}

impl std::fmt::Debug for FakeProxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FakeProxy")
    }
}

impl FakeProxy {
    /// A proxy with an [`HttpFilter`], on a host where everything is set that it reads when it is configured.
    ///
    /// # Errors
    /// If it refuses the configuration: what the log says.
    pub fn http<F: HttpFilter>(host: &FakeHost, configuration: &[u8]) -> Result<FakeProxy, String> {
        FakeProxy::new(host, vec![vm::http::entry::<FakeHost, F>(None)], configuration)
    }

    /// A proxy with a [`TcpFilter`].
    ///
    /// # Errors
    /// If it refuses the configuration: what the log says.
    pub fn tcp<F: TcpFilter>(host: &FakeHost, configuration: &[u8]) -> Result<FakeProxy, String> {
        FakeProxy::new(host, vec![vm::tcp::entry::<FakeHost, F>(None)], configuration)
    }

    /// A proxy with a [`LogFilter`]. It takes any configuration.
    ///
    /// # Errors
    /// None; it is there so that the three are alike.
    pub fn log<F: LogFilter>(host: &FakeHost, configuration: &[u8]) -> Result<FakeProxy, String> {
        FakeProxy::new(host, vec![vm::log::entry::<FakeHost, F>(None)], configuration)
    }

    /// A proxy with a module of several filters; the attribute `plugin_root_id` of the host chooses.
    ///
    /// # Errors
    /// If the root id is not known, or the filter refuses the configuration: what the log says.
    pub fn new(
        host: &FakeHost,
        filters: Vec<Entry<FakeHost>>,
        configuration: &[u8],
    ) -> Result<FakeProxy, String> {
        let proxy = FakeProxy {
            host: host.clone(),
            vm: Vm::new(host.clone(), filters),
            last_context: Cell::new(ROOT),
        };
        proxy.at(ROOT);
        proxy.vm.on_context_create(ROOT, 0);
        proxy.configure(configuration)?;
        Ok(proxy)
    }

    /// Gives the filter another configuration.
    ///
    /// # Errors
    /// If it refuses the configuration: what the log says.
    pub fn configure(&self, configuration: &[u8]) -> Result<(), String> {
        let host = self.at(ROOT);
        *host.configuration.borrow_mut() = configuration.to_vec();
        let is_taken = self.vm.on_configure(ROOT, configuration.len());
        let last = || host.log.borrow().last().map(|(_, line)| line.clone()).unwrap_or_default();
        if is_taken { Ok(()) } else { Err(last()) }
    }

    /// The host, to set what it knows and to see what it was told.
    pub fn host(&self) -> &FakeHost {
        &self.host
    }

    /// The host, about a context from now on.
    pub(super) fn at(&self, context: u32) -> &FakeHost {
        self.host.at_work.set(context);
        &self.host
    }

    /// A new stream, or a new connection.
    pub fn stream(&self) -> FakeStream<'_> {
        let context = self.last_context.get().wrapping_add(1);
        self.last_context.set(context);
        self.host.contexts.borrow_mut().insert(context, Context::of(ROOT));
        self.at(context);
        self.vm.on_context_create(context, ROOT);
        FakeStream { proxy: self, context }
    }

    pub(super) fn end(&self, context: u32) {
        self.at(context);
        self.vm.on_log(context);
        self.at(context);
        self.vm.on_delete(context);
        self.host.contexts.borrow_mut().remove(&context);
    }

    /// A stream ends while the filter is an access logger: it has no context.
    pub fn log_without_context(&self) {
        self.at(ROOT);
        self.vm.on_log(ROOT);
    }

    /// The calls that have no answer, in the order in which they were made.
    pub fn calls(&self) -> Vec<FakeCall> {
        self.host.made.borrow().clone()
    }

    /// How many root contexts have asked to be called as time passes.
    pub fn ticks(&self) -> usize {
        self.host.ticks.borrow().len()
    }

    /// Answers an HTTP call. One that nobody awaits any more is answered all the same, as Envoy would.
    pub fn answer_http(&self, call: &FakeCall, answer: HttpAnswer) {
        let (headers, size) = (answer.headers.len(), answer.body.len());
        self.host.answer.borrow_mut().http = answer;
        self.host.made.borrow_mut().retain(|made| made.id != call.id);
        self.at(ROOT);
        self.vm.on_http_call_response(call.id, headers, size);
    }

    /// Lets an HTTP call be without an answer: its upstream cannot be reached.
    pub fn fail_http(&self, call: &FakeCall) {
        self.answer_http(call, HttpAnswer::default());
    }

    /// Answers a gRPC call with a message, or with a status.
    pub fn answer_grpc(&self, call: &FakeCall, answer: Result<&[u8], GrpcStatus>) {
        self.host.made.borrow_mut().retain(|made| made.id != call.id);
        self.at(ROOT);
        match answer {
            Ok(message) => {
                self.host.answer.borrow_mut().grpc = message.to_vec();
                self.vm.on_grpc_receive(call.id, message.len());
            }
            Err(status) => self.vm.on_grpc_close(call.id, status.code()),
        }
    }

    /// Has a stream of gRPC bring metadata at its beginning.
    pub fn begin_grpc_stream(&self, stream: &FakeCall, metadata: &[Header]) {
        self.host.answer.borrow_mut().metadata = metadata.to_vec();
        self.at(ROOT);
        self.vm.on_grpc_initial_metadata(stream.id);
    }

    /// Has a stream of gRPC bring a message.
    pub fn send_grpc_message(&self, stream: &FakeCall, message: &[u8]) {
        self.host.answer.borrow_mut().grpc = message.to_vec();
        self.at(ROOT);
        self.vm.on_grpc_receive(stream.id, message.len());
    }

    /// Ends a stream of gRPC with metadata and a status.
    pub fn end_grpc_stream(&self, stream: &FakeCall, metadata: &[Header], status: GrpcStatus) {
        if !metadata.is_empty() {
            self.host.answer.borrow_mut().metadata = metadata.to_vec();
            self.at(ROOT);
            self.vm.on_grpc_trailing_metadata(stream.id);
        }
        self.host.made.borrow_mut().retain(|made| made.id != stream.id);
        self.at(ROOT);
        self.vm.on_grpc_close(stream.id, status.code());
    }

    /// Lets time pass: timers end, periods are over, calls time out, each at its time.
    pub fn advance(&self, time: Duration) {
        let end = self.host.now.get().saturating_add(nanoseconds(time));
        loop {
            let tick = self.host.ticks.borrow().iter().map(|(root, (_, at))| (*at, *root)).min();
            let call = self.host.made.borrow().iter().min_by_key(|call| call.until).cloned();
            match (tick, call) {
                (tick, Some(call)) if call.until <= end && tick.is_none_or(|(at, _)| call.until <= at) => {
                    self.host.now.set(call.until);
                    self.time_out(&call);
                }
                (Some((at, root)), _) if at <= end => {
                    self.host.now.set(at);
                    if let Some((period, next)) = self.host.ticks.borrow_mut().get_mut(&root) {
                        *next = at.saturating_add(*period);
                    }
                    self.at(root);
                    self.vm.on_tick(root);
                }
                _ => break,
            }
        }
        self.host.now.set(end);
    }

    fn time_out(&self, call: &FakeCall) {
        match call.made {
            Made::Http(_) => self.fail_http(call),
            // So Envoy says it, and not that a deadline is over.
            Made::Grpc(_) => self.answer_grpc(call, Err(GrpcStatus::Unavailable)),
            // Envoy has no time for one; it is the end of all time that has come.
            Made::GrpcStream { .. } => self.end_grpc_stream(call, &[], GrpcStatus::Unavailable),
        }
    }
}

impl Proxy for FakeHost {
    fn configuration(&self, size: usize) -> Result<Vec<u8>, HostError> {
        self.call()?;
        Ok(self.configuration.borrow().iter().take(size).copied().collect())
    }

    fn set_effective_context(&self, context: u32) {
        self.at_work.set(context);
    }

    fn continue_stream(&self, side: Side) -> Result<(), HostError> {
        self.call()?;
        self.pass(side)
    }

    fn close_stream(&self, _side: Side) -> Result<(), HostError> {
        self.call()?;
        self.with_context(|context| context.is_closed = true);
        Ok(())
    }

    fn send_response(&self, response: &Response) -> Result<(), HostError> {
        self.call()?;
        self.with_context(|context| context.response = Some(response.clone()));
        Ok(())
    }

    fn http_answer(&self, _body_size: usize) -> Result<HttpAnswer, HostError> {
        self.call()?;
        Ok(self.answer.borrow().http.clone())
    }

    fn grpc_answer(&self, _size: usize) -> Result<Vec<u8>, HostError> {
        self.call()?;
        Ok(self.answer.borrow().grpc.clone())
    }

    fn grpc_metadata(&self, _of: Metadata) -> Result<Vec<Header>, HostError> {
        self.call()?;
        Ok(self.answer.borrow().metadata.clone())
    }
}

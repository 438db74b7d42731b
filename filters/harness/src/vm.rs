//! A running module: what starts it, calls it, and does what was put off until it returns.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use wasmtime::{Instance, Store, Val};

use crate::abi::StreamKind;
use crate::contexts::{Kind, Root};
use crate::counts::Cost;
use crate::foreign::Function;
use crate::http::HttpStream;
use crate::metrics::{Metric, MetricKind, MetricValue};
use crate::module::{Inner, Module};
use crate::properties::Path;
use crate::settings::{LogLevel, LogLine, PluginKind, Settings};
use crate::state::{After, ROOT, State};
use crate::tcp::TcpStream;
use crate::trap::Trap;
use crate::{Status, Value};

/// A module that runs, with one plugin in it. Streams that are opened on it keep it alive.
pub struct Vm {
    pub(crate) inner: Rc<RefCell<Running>>,
}

/// A module did not start. Its log often says why.
#[derive(Debug, thiserror::Error)]
#[error("{reason}{}", show(.logs))]
pub struct StartError {
    /// What it failed at.
    pub reason: StartFailure,
    /// What it wrote until then.
    pub logs: Vec<LogLine>,
}

/// What a module failed at when it was started.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartFailure {
    /// It ended.
    #[error("the module does not start: {0}")]
    Trapped(Trap),
    /// `proxy_on_vm_start` said no.
    #[error("the module does not want to start (proxy_on_vm_start)")]
    VmStartRefused,
    /// `proxy_on_configure` said no.
    #[error("the module refuses its configuration (proxy_on_configure)")]
    ConfigurationRefused,
}

fn show(logs: &[LogLine]) -> String {
    logs.iter().map(|line| format!("\n  {line}")).collect()
}

/// What came of a call into the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Called {
    /// It has no such callback.
    Missing,
    /// It gave this, and made a local response or not.
    Returned { value: u32, stopped: bool },
    /// It ended, now or before.
    Dead,
}

pub(crate) struct Running {
    pub(crate) store: Store<State>,
    instance: Instance,
    module: Arc<Inner>,
    pub(crate) trap: Option<Trap>,
    /// How many callbacks are being called within each other.
    depth: usize,
}

/// Callbacks that call each other without end overflow Envoy's stack; here that is a trap long before.
const DEEPEST: usize = 64;

impl Running {
    pub(crate) fn state(&self) -> &State {
        self.store.data()
    }

    pub(crate) fn state_mut(&mut self) -> &mut State {
        self.store.data_mut()
    }

    /// Calls the module in the name of a context, and does what it put off.
    pub(crate) fn call(&mut self, context: u32, name: &'static str, arguments: &[u32]) -> Called {
        if self.trap.is_some() {
            return Called::Dead;
        }
        if !self.module.callbacks.contains(name) {
            return Called::Missing;
        }
        let called = if self.depth < DEEPEST {
            self.call_function(context, name, arguments)
        } else {
            Err(wasmtime::Error::msg(
                "what it does in this callback leads to the same callback again, without end",
            ))
        };
        let value = match called {
            Ok(value) => value,
            Err(error) => {
                self.trap = Some(Trap::of(&error, name));
                self.state_mut().after.clear();
                return Called::Dead;
            }
        };
        let stopped = std::mem::take(&mut self.state_mut().stop_next);
        self.depth += 1;
        self.do_after();
        self.depth -= 1;
        if self.trap.is_some() {
            return Called::Dead;
        }
        Called::Returned { value, stopped }
    }

    fn call_function(
        &mut self,
        context: u32,
        name: &'static str,
        arguments: &[u32],
    ) -> wasmtime::Result<u32> {
        let fuel = self.state().settings.fuel;
        self.store.set_fuel(fuel)?;
        let state = self.state_mut();
        (state.current, state.effective, state.callback) = (context, 0, name);
        state.counts.enter(name);
        let Some(function) = self.instance.get_func(&mut self.store, name) else {
            return Err(wasmtime::Error::msg("the export is gone"));
        };
        let parameters: Vec<Val> =
            arguments.iter().map(|argument| Val::I32(argument.cast_signed())).collect();
        let mut results = [Val::I32(0)];
        let gives = function.ty(&self.store).results().len();
        let called =
            function.call(&mut self.store, &parameters, results.get_mut(..gives).unwrap_or_default());
        let used = fuel.saturating_sub(self.store.get_fuel()?);
        let state = self.state_mut();
        state.counts.leave(used);
        (state.current, state.effective) = (0, 0);
        called?;
        Ok(results[0].i32().unwrap_or_default().cast_unsigned())
    }

    /// What Envoy does as soon as the module has returned.
    fn do_after(&mut self) {
        while let Some(action) = self.state_mut().after.pop_front() {
            match action {
                After::Continue(id, kind) => self.go_on(id, kind),
                After::Close(id, kind) => self.close(id, kind),
                After::Reply(id, reply) => self.reply(id, reply),
                After::GrpcFailed { token, status, message } => {
                    self.grpc_close(token, status, message.as_bytes());
                }
                After::Crash(trap) => {
                    self.trap = Some(trap);
                    self.state_mut().after.clear();
                }
                After::Delete(context) => {
                    self.call(context, "proxy_on_delete", &[context]);
                    self.state_mut().contexts.remove(&context);
                }
            }
        }
    }

    /// What Envoy's loop comes to when nothing else is going on: queues that have something. What that puts into queues
    /// is for the next time.
    pub(crate) fn settle(&mut self) {
        for (context, queue) in std::mem::take(&mut self.state_mut().ready) {
            if self.state().contexts.contains_key(&context) {
                self.call(context, "proxy_on_queue_ready", &[context, queue]);
            }
        }
    }

    fn go_on(&mut self, id: u32, kind: StreamKind) {
        if self.state_mut().http_of(id).is_some() {
            self.http_go_on(id, kind);
        } else {
            self.tcp_go_on(id);
        }
    }

    fn close(&mut self, id: u32, kind: StreamKind) {
        if self.state_mut().http_of(id).is_some() {
            self.http_reset(id);
        } else {
            self.tcp_close(id, kind);
        }
    }

    /// Has the module know of a context, once.
    pub(crate) fn create(&mut self, id: u32) {
        if id != ROOT && self.state().settings.kind == PluginKind::AccessLogger {
            return;
        }
        let Some(context) = self.state_mut().contexts.get_mut(&id) else { return };
        if !std::mem::replace(&mut context.created, true) {
            let parent = context.parent;
            self.call(id, "proxy_on_context_create", &[id, parent]);
        }
    }

    fn initialise(&mut self) {
        let has = |running: &Running, name| running.module.callbacks.contains(name);
        self.state_mut().initialising = true;
        if has(self, "_initialize") {
            self.call(0, "_initialize", &[]);
            self.call(0, "main", &[0, 0]);
        } else {
            self.call(0, "_start", &[]);
        }
        self.state_mut().initialising = false;
    }

    fn start(&mut self) -> Result<(), StartFailure> {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.initialise();
        let root = self.state_mut().new_context(0, Kind::Root(Root::default()));
        self.state_mut().configuring = true;
        self.create(root);
        self.state_mut().configuring = false;
        let size = length(&self.state().settings.vm_configuration);
        if let Called::Returned { value: 0, .. } = self.call(root, "proxy_on_vm_start", &[root, size]) {
            return Err(StartFailure::VmStartRefused);
        }
        self.configure()?;
        match &self.trap {
            Some(trap) => Err(StartFailure::Trapped(trap.clone())),
            None => Ok(()),
        }
    }

    fn configure(&mut self) -> Result<(), StartFailure> {
        let size = u32::try_from(self.state().settings.plugin_configuration.len()).unwrap_or(u32::MAX);
        self.state_mut().configuring = true;
        let called = self.call(ROOT, "proxy_on_configure", &[ROOT, size]);
        self.state_mut().configuring = false;
        match called {
            Called::Returned { value: 0, .. } => Err(StartFailure::ConfigurationRefused),
            _ => Ok(()),
        }
    }
}

impl Vm {
    pub(crate) fn start(module: &Module, settings: Settings) -> Result<Vm, StartError> {
        let module = &module.inner;
        let mut store = Store::new(module.instance.module().engine(), State::new(settings, module.allocator));
        store.limiter(|state| &mut state.limits);
        let failed = |error: &wasmtime::Error| StartError {
            reason: StartFailure::Trapped(Trap::of(error, "start")),
            logs: Vec::new(),
        };
        let fuel = store.data().settings.fuel;
        store.set_fuel(fuel).map_err(|error| failed(&error))?;
        store.data_mut().initialising = true;
        let instance = module.instance.instantiate(&mut store).map_err(|error| failed(&error))?;
        let mut running = Running { store, instance, module: Arc::clone(module), trap: None, depth: 0 };
        match running.start() {
            Ok(()) => {
                running.settle();
                Ok(Vm { inner: Rc::new(RefCell::new(running)) })
            }
            Err(reason) => Err(StartError { reason, logs: std::mem::take(&mut running.state_mut().logs) }),
        }
    }

    /// Opens an HTTP stream. Any number can be open at a time.
    pub fn http(&self) -> HttpStream {
        HttpStream::open(&self.inner)
    }

    /// Opens a connection of TCP. Any number can be open at a time.
    pub fn tcp(&self) -> TcpStream {
        TcpStream::open(&self.inner)
    }

    /// Why the module is dead, if it is.
    pub fn trap(&self) -> Option<Trap> {
        self.inner.borrow().trap.clone()
    }

    /// Gives the plugin another configuration, as Envoy does where only that has changed.
    ///
    /// # Errors
    /// If the module refuses it, or ends.
    pub fn configure(&self, configuration: impl AsRef<[u8]>) -> Result<(), StartFailure> {
        let mut running = self.inner.borrow_mut();
        running.state_mut().settings.plugin_configuration = configuration.as_ref().to_vec();
        running.configure()?;
        running.settle();
        match &running.trap {
            Some(trap) => Err(StartFailure::Trapped(trap.clone())),
            None => Ok(()),
        }
    }

    /// Every line of the log so far.
    pub fn logs(&self) -> Vec<LogLine> {
        self.inner.borrow().state().logs.clone()
    }

    /// The lines of the log since this was asked the last time.
    pub fn take_logs(&self) -> Vec<LogLine> {
        std::mem::take(&mut self.inner.borrow_mut().state_mut().logs)
    }

    /// Whether a line of this level, or of a higher one, has this in it.
    pub fn has_logged(&self, level: LogLevel, part: &str) -> bool {
        let is_meant =
            |line: &LogLine| line.level >= level && String::from_utf8_lossy(&line.message).contains(part);
        self.inner.borrow().state().logs.iter().any(is_meant)
    }

    /// Every metric that was defined, with its value.
    pub fn metrics(&self) -> Vec<Metric> {
        self.inner.borrow().state().metrics.all()
    }

    /// A counter's or a gauge's value by its whole name.
    pub fn metric(&self, name: impl AsRef<[u8]>) -> Option<u64> {
        let found = self
            .metrics()
            .into_iter()
            .find(|metric| metric.kind != MetricKind::Histogram && metric.name == name.as_ref())?;
        match found.value {
            MetricValue::Number(number) => Some(number),
            MetricValue::Recorded(_) => None,
        }
    }

    /// What a histogram recorded, by its whole name.
    pub fn recorded(&self, name: impl AsRef<[u8]>) -> Option<Vec<u64>> {
        let found = self
            .metrics()
            .into_iter()
            .find(|metric| metric.kind == MetricKind::Histogram && metric.name == name.as_ref())?;
        match found.value {
            MetricValue::Recorded(values) => Some(values),
            MetricValue::Number(_) => None,
        }
    }

    /// How many times a metric was defined: Envoy keeps every one of them.
    pub fn metric_definitions(&self) -> usize {
        self.inner.borrow().state().metrics.definitions()
    }

    /// What each callback cost so far.
    pub fn costs(&self) -> BTreeMap<&'static str, Cost> {
        self.inner.borrow().state().counts.by_callback.clone()
    }

    /// Starts counting costs anew.
    pub fn reset_costs(&self) {
        self.inner.borrow_mut().state_mut().counts.by_callback.clear();
    }

    /// How much memory the module has. It never gives any back.
    pub fn memory_bytes(&self) -> usize {
        let mut running = self.inner.borrow_mut();
        let Running { store, instance, .. } = &mut *running;
        instance.get_memory(&mut *store, "memory").map_or(0, |memory| memory.data_size(&*store))
    }

    /// Sets an attribute of every stream and of the root.
    pub fn set_property(&self, path: impl Into<Path>, value: impl Into<Value>) {
        self.inner.borrow_mut().state_mut().properties.set(path.into(), Some(value.into()));
    }

    /// Takes an attribute away, with all below it. That of the empty path takes all of them away.
    pub fn remove_property(&self, path: impl Into<Path>) {
        self.inner.borrow_mut().state_mut().properties.set(path.into(), None);
    }

    /// Registers a function of the host, for `proxy_call_foreign_function`. It goes before Envoy's own of that name, and
    /// must not use the VM.
    pub fn foreign_function(
        &self,
        name: &str,
        function: impl FnMut(&[u8]) -> Result<Vec<u8>, Status> + 'static,
    ) {
        let function: Function = Box::new(function);
        self.inner.borrow_mut().state_mut().foreign.0.insert(name.as_bytes().to_vec(), function);
    }

    /// Has host calls fail: of each the answer is chosen by its name, such as `proxy_get_property`; nothing for what it
    /// really does. `|_| None` ends it. WASI's functions are not asked for. The function must not use the VM.
    pub fn fail_calls(&self, choose: impl FnMut(&str) -> Option<Status> + 'static) {
        self.inner.borrow_mut().state_mut().fault = Some(Box::new(choose));
    }

    /// Ends the plugin, as Envoy does when it is taken out: `proxy_on_done`, and `proxy_on_delete` if that allows it.
    /// Says whether it is gone; else `proxy_done` is waited for.
    pub fn end(&self) -> bool {
        let mut running = self.inner.borrow_mut();
        if let Called::Returned { value: 0, .. } = running.call(ROOT, "proxy_on_done", &[ROOT]) {
            if let Some(Kind::Root(root)) =
                running.state_mut().contexts.get_mut(&ROOT).map(|context| &mut context.kind)
            {
                root.is_ending = true;
            }
            return false;
        }
        running.call(ROOT, "proxy_on_delete", &[ROOT]);
        running.state_mut().contexts.remove(&ROOT);
        true
    }
}

impl std::fmt::Debug for Vm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vm").finish_non_exhaustive()
    }
}

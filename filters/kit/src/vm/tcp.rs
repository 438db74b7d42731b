//! A filter of TCP connections: what it decides is carried out here.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::executor::At;
use crate::filter::{IfMisconfigured, TcpFilter};
use crate::host::LogLevel;
use crate::http::Chunk;
use crate::outcome::{Task, TcpOutcome};
use crate::phases::Phases;
use crate::tcp::{ClosedBy, Peer};
use crate::vm::{Action, Entry, Proxy, Root, Side, Stream, waiting};

/// The filter as an entry of a module.
pub fn entry<P: Proxy, F: TcpFilter>(root_id: Option<&'static str>) -> Entry<P> {
    const {
        assert!(Phases::TCP.has(F::PHASES), "a TcpFilter takes part in the phases of TCP only");
    }
    Entry {
        root_id,
        configure: |host, root, configuration| {
            let at = At { context: root, root };
            let filter = waiting::at(host, F::PHASES, at, || F::configure(host, configuration))?;
            Ok(Rc::new(TcpRoot(filter)))
        },
        if_misconfigured: const { F::IF_MISCONFIGURED } as IfMisconfigured,
        on_tick: |vm, root| waiting::on_tick(vm, F::PHASES, root),
    }
}

struct TcpRoot<F>(F);

impl<P: Proxy, F: TcpFilter> Root<P> for TcpRoot<F> {
    fn begin(&self, host: &P, root: u32) -> Option<u64> {
        waiting::plan(host, F::PHASES, root, self.0.tick_period())
    }

    fn stream(self: Rc<Self>, at: At) -> Rc<dyn Stream<P>> {
        Rc::new(Connection {
            root: self,
            at,
            state: RefCell::default(),
            task: RefCell::new(None),
            held: RefCell::new(None),
        })
    }

    fn tick(&self, host: &P, root: u32) -> Option<u64> {
        waiting::tick(host, F::PHASES, root, || self.0.on_tick(host), || self.0.tick_period())
    }

    fn retire(&self, host: &P, root: u32) {
        waiting::forget(host, F::PHASES, root);
    }
}

struct Connection<F: TcpFilter> {
    root: Rc<TcpRoot<F>>,
    at: At,
    state: RefCell<F::Connection>,
    /// What the client's side waits for.
    task: RefCell<Option<Task<TcpOutcome>>>,
    /// The client's bytes that are held and were not shown to the filter yet.
    held: RefCell<Option<Chunk>>,
}

impl<F: TcpFilter> Connection<F> {
    /// Shows the filter something.
    fn show<P: Proxy>(&self, host: &P, see: impl FnOnce(&F, &mut F::Connection) -> TcpOutcome) -> TcpOutcome {
        match self.state.try_borrow_mut() {
            Ok(mut state) => waiting::at(host, F::PHASES, self.at, || see(&self.root.0, &mut state)),
            // The host calls back while the filter is at work, which Envoy never does.
            Err(_) => TcpOutcome::Continue,
        }
    }

    /// Carries an outcome out; whether the bytes go on.
    fn carry_out<P: Proxy>(&self, host: &P, from: Peer, mut outcome: TcpOutcome) -> Action {
        loop {
            match outcome {
                TcpOutcome::Continue => return Action::Continue,
                TcpOutcome::Wait => return Action::Pause,
                TcpOutcome::Close => {
                    close(host);
                    return Action::Pause;
                }
                TcpOutcome::PauseUntil(mut task) => {
                    let can_wait = const { F::PHASES.has_any(Phases::AWAITED) } && from == Peer::Downstream;
                    if !can_wait {
                        let why = "the filter waits where nothing can be waited for";
                        host.log(LogLevel::Error, &format!("{why}: the connection is closed"));
                        close(host);
                        return Action::Pause;
                    }
                    let mut context = Context::from_waker(Waker::noop());
                    match waiting::at(host, F::PHASES, self.at, || task.0.as_mut().poll(&mut context)) {
                        Poll::Ready(done) => outcome = done,
                        Poll::Pending => {
                            *self.task.borrow_mut() = Some(task);
                            return Action::Pause;
                        }
                    }
                }
            }
        }
    }
}

impl<P: Proxy, F: TcpFilter> Stream<P> for Connection<F> {
    fn connected(&self, host: &P) -> Action {
        if const { !F::PHASES.has(Phases::NEW_CONNECTION) } {
            return Action::Continue;
        }
        let outcome = self.show(host, |filter, state| filter.on_new_connection(state, host));
        self.carry_out(host, Peer::Downstream, outcome)
    }

    fn data(&self, host: &P, from: Peer, chunk: Chunk) -> Action {
        let outcome = match from {
            Peer::Downstream if const { F::PHASES.has(Phases::DOWNSTREAM_DATA) } => {
                if const { F::PHASES.has_any(Phases::AWAITED) } && self.task.borrow().is_some() {
                    *self.held.borrow_mut() = Some(chunk);
                    return Action::Pause;
                }
                self.show(host, |filter, state| filter.on_downstream_data(state, host, chunk))
            }
            Peer::Upstream if const { F::PHASES.has(Phases::UPSTREAM_DATA) } => {
                self.show(host, |filter, state| filter.on_upstream_data(state, host, chunk))
            }
            _ => return Action::Continue,
        };
        self.carry_out(host, from, outcome)
    }

    fn closed(&self, host: &P, of: Peer, by: ClosedBy) {
        let Ok(mut state) = self.state.try_borrow_mut() else { return };
        match of {
            Peer::Downstream if const { F::PHASES.has(Phases::DOWNSTREAM_CLOSE) } => {
                waiting::at(host, F::PHASES, self.at, || {
                    self.root.0.on_downstream_close(&mut state, host, by)
                });
            }
            Peer::Upstream if const { F::PHASES.has(Phases::UPSTREAM_CLOSE) } => {
                waiting::at(host, F::PHASES, self.at, || self.root.0.on_upstream_close(&mut state, host, by));
            }
            _ => {}
        }
    }

    fn log(&self, host: &P, _context: u32) {
        if const { F::PHASES.has(Phases::LOG) }
            && let Ok(mut state) = self.state.try_borrow_mut()
        {
            waiting::at(host, F::PHASES, self.at, || self.root.0.on_log(&mut state, host));
        }
    }

    fn tick(&self, host: &P, context: u32, root: u32) {
        if const { F::PHASES.has(Phases::STREAM_TICK) }
            && root == self.at.root
            && let Ok(mut state) = self.state.try_borrow_mut()
        {
            host.set_effective_context(context);
            waiting::at(host, F::PHASES, self.at, || self.root.0.on_connection_tick(&mut state, host));
        }
    }

    fn wake(&self, host: &P) {
        if const { !F::PHASES.has_any(Phases::AWAITED) } {
            return;
        }
        let Some(task) = self.task.borrow_mut().take() else { return };
        let mut action = self.carry_out(host, Peer::Downstream, TcpOutcome::PauseUntil(task));
        while action == Action::Continue {
            let held = self.held.borrow_mut().take();
            let Some(chunk) = held else {
                return waiting::go_on(host, Side::Downstream, "a connection");
            };
            let outcome = self.show(host, |filter, state| filter.on_downstream_data(state, host, chunk));
            action = self.carry_out(host, Peer::Downstream, outcome);
        }
    }

    fn end(&self, host: &P) {
        if const { F::PHASES.has_any(Phases::AWAITED) } {
            let task = self.task.try_borrow_mut().ok().and_then(|mut task| task.take());
            waiting::at(host, F::PHASES, self.at, || drop(task));
        }
    }
}

fn close<P: Proxy>(host: &P) {
    let _ = host.close_stream(Side::Downstream);
}

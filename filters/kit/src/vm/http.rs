//! A filter of HTTP streams: what it decides is carried out here, at once or when what it waits for has come.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::executor::At;
use crate::filter::{HttpFilter, IfMisconfigured};
use crate::host::LogLevel;
use crate::http::{BodyMode, Chunk};
use crate::outcome::{Outcome, Response, Task};
use crate::phases::Phases;
use crate::vm::{Action, Entry, Proxy, Root, Side, Stream, waiting};

/// The filter as an entry of a module.
pub fn entry<P: Proxy, F: HttpFilter>(root_id: Option<&'static str>) -> Entry<P> {
    const {
        assert!(Phases::HTTP.has(F::PHASES), "an HttpFilter takes part in the phases of HTTP only");
        assert!(
            is_complete(F::REQUEST_BODY, Phases::REQUEST_BODY.and(Phases::REQUEST_TRAILERS), F::PHASES),
            "who wants whole bodies of requests needs REQUEST_BODY and REQUEST_TRAILERS: trailers are the body's end"
        );
        assert!(
            is_complete(F::RESPONSE_BODY, Phases::RESPONSE_BODY.and(Phases::RESPONSE_TRAILERS), F::PHASES),
            "who wants whole bodies of responses needs RESPONSE_BODY and RESPONSE_TRAILERS: trailers are the body's end"
        );
    }
    Entry {
        root_id,
        configure: |host, root, configuration| {
            let at = At { context: root, root };
            let filter = waiting::at(host, F::PHASES, at, || F::configure(host, configuration))?;
            Ok(Rc::new(HttpRoot(filter)))
        },
        if_misconfigured: const { F::IF_MISCONFIGURED } as IfMisconfigured,
        on_tick: |vm, root| waiting::on_tick(vm, F::PHASES, root),
    }
}

const fn is_complete(mode: BodyMode, needed: Phases, phases: Phases) -> bool {
    match mode {
        BodyMode::Chunks => true,
        BodyMode::Whole { .. } => phases.has(needed),
    }
}

struct HttpRoot<F>(F);

impl<P: Proxy, F: HttpFilter> Root<P> for HttpRoot<F> {
    fn begin(&self, host: &P, root: u32) -> Option<u64> {
        waiting::plan(host, F::PHASES, root, self.0.tick_period())
    }

    fn stream(self: Rc<Self>, at: At) -> Rc<dyn Stream<P>> {
        Rc::new(HttpStream {
            root: self,
            at,
            state: RefCell::default(),
            request: RefCell::default(),
            response: RefCell::default(),
        })
    }

    fn tick(&self, host: &P, root: u32) -> Option<u64> {
        waiting::tick(host, F::PHASES, root, || self.0.on_tick(host), || self.0.tick_period())
    }

    fn retire(&self, host: &P, root: u32) {
        self.0.retire(host);
        waiting::forget(host, F::PHASES, root);
    }
}

struct HttpStream<F: HttpFilter> {
    root: Rc<HttpRoot<F>>,
    at: At,
    state: RefCell<F::Stream>,
    request: RefCell<Half>,
    response: RefCell<Half>,
}

/// One direction of a stream.
#[derive(Default)]
struct Half {
    /// What it waits for.
    task: Option<Task<Outcome>>,
    /// What is held of the body and was not shown to the filter yet.
    body: Option<Chunk>,
    /// Whether trailers are held that were not shown to the filter yet.
    has_trailers: bool,
}

/// Whether more of the same is to come, which a filter could wait for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum More {
    MayCome,
    IsNot,
}

impl<F: HttpFilter> HttpStream<F> {
    fn half(&self, side: Side) -> &RefCell<Half> {
        if side == Side::Request { &self.request } else { &self.response }
    }

    fn is_waiting(&self, side: Side) -> bool {
        (const { F::PHASES.has_any(Phases::AWAITED) }) && self.half(side).borrow().task.is_some()
    }

    /// Shows the filter something.
    fn show<P: Proxy>(&self, host: &P, see: impl FnOnce(&F, &mut F::Stream) -> Outcome) -> Outcome {
        match self.state.try_borrow_mut() {
            Ok(mut state) => waiting::at(host, F::PHASES, self.at, || see(&self.root.0, &mut state)),
            // The host calls back while the filter is at work, which Envoy never does.
            Err(_) => Outcome::Continue,
        }
    }

    fn show_body<P: Proxy>(&self, host: &P, side: Side, chunk: Chunk) -> Outcome {
        match side {
            Side::Request => self.show(host, |filter, state| filter.on_request_body(state, host, chunk)),
            _ => self.show(host, |filter, state| filter.on_response_body(state, host, chunk)),
        }
    }

    fn show_trailers<P: Proxy>(&self, host: &P, side: Side) -> Outcome {
        match side {
            Side::Request if const { F::PHASES.has(Phases::REQUEST_TRAILERS) } => {
                self.show(host, |filter, state| filter.on_request_trailers(state, host))
            }
            Side::Response if const { F::PHASES.has(Phases::RESPONSE_TRAILERS) } => {
                self.show(host, |filter, state| filter.on_response_trailers(state, host))
            }
            _ => Outcome::Continue,
        }
    }

    /// Carries an outcome out; whether the stream goes on.
    fn carry_out<P: Proxy>(&self, host: &P, side: Side, mut outcome: Outcome, more: More) -> Action {
        loop {
            match outcome {
                Outcome::Continue => return Action::Continue,
                Outcome::Wait if more == More::MayCome => return Action::Pause,
                Outcome::Wait => {
                    fail(host, side, "the filter waits for a body of which nothing more comes");
                    return Action::Pause;
                }
                Outcome::Respond(response) => {
                    respond(host, side, response);
                    return Action::Pause;
                }
                Outcome::Close => {
                    let _ = host.close_stream(side);
                    return Action::Pause;
                }
                Outcome::PauseUntil(mut task) => {
                    if const { !F::PHASES.has_any(Phases::AWAITED) } {
                        fail(
                            host,
                            side,
                            "the filter waits, but its PHASES name nothing that it could wait for",
                        );
                        return Action::Pause;
                    }
                    let mut context = Context::from_waker(Waker::noop());
                    match waiting::at(host, F::PHASES, self.at, || task.0.as_mut().poll(&mut context)) {
                        Poll::Ready(done) => outcome = done,
                        Poll::Pending => {
                            self.half(side).borrow_mut().task = Some(task);
                            return Action::Pause;
                        }
                    }
                }
            }
        }
    }

    /// Polls what one direction waits for, and lets it go on if that is decided.
    fn wake_half<P: Proxy>(&self, host: &P, side: Side) {
        let Some(task) = self.half(side).borrow_mut().task.take() else { return };
        let more = |half: &RefCell<Half>| {
            let half = half.borrow();
            let is_whole = half.has_trailers || half.body.is_some_and(|chunk| chunk.end_of_stream);
            if half.body.is_some() && !is_whole { More::MayCome } else { More::IsNot }
        };
        let half = self.half(side);
        let mut action = self.carry_out(host, side, Outcome::PauseUntil(task), More::IsNot);
        while action == Action::Continue {
            let (is_more, body) = (more(half), half.borrow_mut().body.take());
            action = if let Some(chunk) = body {
                self.carry_out(host, side, self.show_body(host, side, chunk), is_more)
            } else if std::mem::take(&mut half.borrow_mut().has_trailers) {
                self.carry_out(host, side, self.show_trailers(host, side), More::IsNot)
            } else {
                return waiting::go_on(host, side, "a stream");
            };
        }
    }
}

impl<P: Proxy, F: HttpFilter> Stream<P> for HttpStream<F> {
    fn headers(&self, host: &P, side: Side, end_of_stream: bool) -> Action {
        let outcome = match side {
            Side::Request if const { F::PHASES.has(Phases::REQUEST_HEADERS) } => {
                self.show(host, |filter, state| filter.on_request_headers(state, host, end_of_stream))
            }
            Side::Response if const { F::PHASES.has(Phases::RESPONSE_HEADERS) } => {
                self.show(host, |filter, state| filter.on_response_headers(state, host, end_of_stream))
            }
            _ => return Action::Continue,
        };
        self.carry_out(host, side, outcome, More::IsNot)
    }

    fn body(&self, host: &P, side: Side, chunk: Chunk) -> Action {
        let (phase, mode) = match side {
            Side::Request => (const { F::PHASES.has(Phases::REQUEST_BODY) }, const { F::REQUEST_BODY }),
            _ => (const { F::PHASES.has(Phases::RESPONSE_BODY) }, const { F::RESPONSE_BODY }),
        };
        if !phase {
            return Action::Continue;
        }
        if self.is_waiting(side) {
            self.half(side).borrow_mut().body = Some(chunk);
            return Action::Pause;
        }
        if let BodyMode::Whole { max } = mode {
            if chunk.size > max {
                self.half(side).borrow_mut().body = None;
                respond(host, side, too_large(side));
                return Action::Pause;
            }
            if !chunk.end_of_stream {
                self.half(side).borrow_mut().body = Some(chunk);
                return Action::Pause;
            }
            self.half(side).borrow_mut().body = None;
        }
        let more = if chunk.end_of_stream { More::IsNot } else { More::MayCome };
        self.carry_out(host, side, self.show_body(host, side, chunk), more)
    }

    fn trailers(&self, host: &P, side: Side) -> Action {
        if self.is_waiting(side) {
            self.half(side).borrow_mut().has_trailers = true;
            return Action::Pause;
        }
        let held = self.half(side).borrow_mut().body.take();
        if let Some(chunk) = held {
            let chunk = Chunk { end_of_stream: true, ..chunk };
            let action = self.carry_out(host, side, self.show_body(host, side, chunk), More::IsNot);
            if action == Action::Pause {
                self.half(side).borrow_mut().has_trailers = self.is_waiting(side);
                return Action::Pause;
            }
        }
        self.carry_out(host, side, self.show_trailers(host, side), More::IsNot)
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
            waiting::at(host, F::PHASES, self.at, || self.root.0.on_stream_tick(&mut state, host, context));
        }
    }

    fn wake(&self, host: &P) {
        if const { F::PHASES.has_any(Phases::AWAITED) } {
            self.wake_half(host, Side::Request);
            self.wake_half(host, Side::Response);
        }
    }

    fn end(&self, host: &P) {
        if const { F::PHASES.has_any(Phases::AWAITED) } {
            for half in [&self.request, &self.response] {
                let task = half.try_borrow_mut().ok().and_then(|mut half| half.task.take());
                waiting::at(host, F::PHASES, self.at, || drop(task));
            }
        }
    }
}

fn too_large(side: Side) -> Response {
    let status = if side == Side::Request { 413 } else { 502 };
    Response::new(status).with_details("filter_body_too_large")
}

/// Answers a stream that the filter cannot decide about: what it guards stays guarded.
fn fail<P: Proxy>(host: &P, side: Side, why: &str) {
    host.log(LogLevel::Error, &format!("{why}: 500 is sent"));
    respond(host, side, Response::new(500).with_details("filter_failed"));
}

/// Answers the stream at hand.
fn respond<P: Proxy>(host: &P, side: Side, response: Response) {
    if !response.is_sendable() {
        host.log(
            LogLevel::Error,
            "the filter's response has a status or a header that HTTP cannot carry: 500 is sent",
        );
    }
    if let Err(error) = host.send_response(&response.sendable()) {
        // A stream that was to end here must neither go on nor wait for ever.
        host.log(LogLevel::Error, &format!("a response cannot be sent, so the stream is closed: {error}"));
        let _ = host.close_stream(side);
    }
}

//! What is waited for in a virtual machine: answers by the number of their call, and times.
//!
//! There is no queue and no waker: whatever arrives says which context it is for, and that context's work is polled.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use crate::calls::{CallError, HttpAnswer};
use crate::host::{CallHost, HostError};
use crate::streams::{Incoming, Open};

/// Work without a result.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()>>>;

/// Who is at work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct At {
    /// The context: a stream's or a root's.
    pub context: u32,
    /// The root context that it belongs to.
    pub root: u32,
}

/// What is waited for. One for a virtual machine.
#[derive(Default)]
pub struct Executor {
    at_work: Cell<At>,
    http: Answers<HttpAnswer>,
    grpc: Answers<Vec<u8>>,
    streams: RefCell<Vec<Open>>,
    /// The timers that run, sorted: the first of a root is its next.
    timers: RefCell<Vec<Timer>>,
    last_timer: Cell<u64>,
    /// The work of each root; that which was spawned and did not begin is last.
    work: RefCell<Vec<(u32, Work)>>,
    has_spawned: Cell<bool>,
    /// When each root context is called next, as far as it was asked for.
    planned: RefCell<Vec<(u32, u64)>>,
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Executor")
    }
}

/// A time that somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timer {
    root: u32,
    at: u64,
    id: u64,
    context: u32,
}

/// The calls of one kind that have no answer yet, or one that was not looked at: the number of each, who made it, and
/// the answer.
///
/// Envoy makes every call in the name of the root context, and that is whom it tells of the answer.
#[derive(Debug)]
struct Answers<A>(RefCell<Vec<(u32, At, Waiting<A>)>>);

/// The answer of a call, once it is there.
type Waiting<A> = Option<Result<A, CallError>>;

impl<A> Default for Answers<A> {
    fn default() -> Answers<A> {
        Answers(RefCell::default())
    }
}

impl<A> Answers<A> {
    fn expect(&self, call: u32, at: At) {
        self.0.borrow_mut().push((call, at, None));
    }

    fn with<R>(&self, call: u32, f: impl FnOnce(At, &mut Waiting<A>) -> R) -> Option<R> {
        let mut calls = self.0.borrow_mut();
        calls.iter_mut().find(|(it, ..)| *it == call).map(|(_, at, answer)| f(*at, answer))
    }

    fn take(&self, call: u32) -> Waiting<A> {
        self.with(call, |_, answer| answer.take()).flatten()
    }

    /// Whether the call had no answer.
    fn forget(&self, call: u32) -> bool {
        let mut calls = self.0.borrow_mut();
        let place = calls.iter().position(|(it, ..)| *it == call);
        // Out of the borrow, since what is dropped is somebody else's.
        let gone = place.map(|place| calls.swap_remove(place));
        drop(calls);
        gone.is_some_and(|(.., answer)| answer.is_none())
    }

    fn awaited_by(&self, call: u32) -> Option<At> {
        self.with(call, |at, answer| answer.is_none().then_some(at)).flatten()
    }

    fn arrive(&self, call: u32, answer: Result<A, CallError>) {
        self.with(call, |_, waiting| *waiting = Some(answer));
    }
}

impl Executor {
    pub(crate) fn expect_http(&self, call: u32) {
        self.http.expect(call, self.at_work.get());
    }

    pub(crate) fn take_http(&self, call: u32) -> Waiting<HttpAnswer> {
        self.http.take(call)
    }

    pub(crate) fn forget_http(&self, call: u32) {
        self.http.forget(call);
    }

    /// Who waits for this call, if anybody does: an answer that comes late need not be read.
    pub(crate) fn who_awaits_http(&self, call: u32) -> Option<At> {
        self.http.awaited_by(call)
    }

    pub(crate) fn http_arrived(&self, call: u32, answer: Result<HttpAnswer, CallError>) {
        self.http.arrive(call, answer);
    }

    pub(crate) fn expect_grpc(&self, call: u32) {
        self.grpc.expect(call, self.at_work.get());
    }

    pub(crate) fn take_grpc(&self, call: u32) -> Waiting<Vec<u8>> {
        self.grpc.take(call)
    }

    pub(crate) fn forget_grpc(&self, call: u32) -> bool {
        self.grpc.forget(call)
    }

    /// Who waits for this call, if anybody does.
    pub(crate) fn who_awaits_grpc(&self, call: u32) -> Option<At> {
        self.grpc.awaited_by(call)
    }

    pub(crate) fn grpc_arrived(&self, call: u32, answer: Result<Vec<u8>, CallError>) {
        self.grpc.arrive(call, answer);
    }

    pub(crate) fn expect_stream(&self, stream: u32) {
        self.streams.borrow_mut().push((stream, self.at_work.get(), Incoming::default()));
    }

    /// Does something with what has come of a stream, if it is known.
    pub(crate) fn with_stream<R>(&self, stream: u32, f: impl FnOnce(&mut Incoming) -> R) -> Option<R> {
        let mut streams = self.streams.borrow_mut();
        streams.iter_mut().find(|(it, ..)| *it == stream).map(|(.., incoming)| f(incoming))
    }

    /// Who has opened a stream, if it is known.
    pub(crate) fn who_opened(&self, stream: u32) -> Option<At> {
        self.streams.borrow().iter().find(|(it, ..)| *it == stream).map(|(_, at, _)| *at)
    }

    /// Whether the stream had not ended.
    pub(crate) fn forget_stream(&self, stream: u32) -> bool {
        let mut streams = self.streams.borrow_mut();
        let place = streams.iter().position(|(it, ..)| *it == stream);
        let gone = place.map(|place| streams.swap_remove(place));
        drop(streams);
        gone.is_some_and(|(.., incoming)| !incoming.is_over())
    }

    /// Says who is at work from now on.
    pub(crate) fn enter(&self, at: At) {
        self.at_work.set(at);
    }

    pub(crate) fn spawn(&self, work: Work) {
        self.work.borrow_mut().push((self.at_work.get().root, work));
        self.has_spawned.set(true);
    }

    /// Whether work was spawned that did not begin.
    pub(crate) fn has_spawned(&self) -> bool {
        self.has_spawned.get()
    }

    /// The work of a root, to be polled.
    pub(crate) fn take_work(&self, root: u32) -> Vec<Work> {
        self.has_spawned.set(false);
        let mut all = self.work.borrow_mut();
        let (of_root, others) = std::mem::take(&mut *all).into_iter().partition(|(of, _)| *of == root);
        *all = others;
        drop(all);
        let of_root: Vec<(u32, Work)> = of_root;
        of_root.into_iter().map(|(_, work)| work).collect()
    }

    /// The work of a root that is not done.
    pub(crate) fn keep_work(&self, root: u32, work: Vec<Work>) {
        self.work.borrow_mut().extend(work.into_iter().map(|work| (root, work)));
    }

    pub(crate) fn start_timer<H: CallHost>(&self, host: &H, time: Duration) -> Result<Timer, HostError> {
        let now = host.now_nanoseconds()?;
        let at = now.saturating_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        let id = self.last_timer.get().wrapping_add(1);
        self.last_timer.set(id);
        let At { context, root } = self.at_work.get();
        let timer = Timer { root, at, id, context };
        let mut timers = self.timers.borrow_mut();
        let place = timers.binary_search(&timer).unwrap_or_else(|place| place);
        timers.insert(place, timer);
        drop(timers);
        self.plan(host, root, now, at);
        Ok(timer)
    }

    pub(crate) fn is_over(&self, timer: &Timer) -> bool {
        self.timers.borrow().binary_search(timer).is_err()
    }

    pub(crate) fn forget_timer(&self, timer: &Timer) {
        let mut timers = self.timers.borrow_mut();
        if let Ok(place) = timers.binary_search(timer) {
            timers.remove(place);
        }
    }

    /// The contexts of a root whose times are over, each once. The root's next call must be planned anew.
    pub(crate) fn tick(&self, root: u32, now: u64) -> Vec<u32> {
        self.planned.borrow_mut().retain(|(of, _)| *of != root);
        let mut contexts = Vec::new();
        self.timers.borrow_mut().retain(|timer| {
            let is_over = timer.root == root && timer.at <= now;
            if is_over && !contexts.contains(&timer.context) {
                contexts.push(timer.context);
            }
            !is_over
        });
        contexts
    }

    /// Has the root called at its next time, if it has one, and at `also`.
    pub(crate) fn plan_next<H: CallHost>(&self, host: &H, root: u32, now: u64, also: Option<u64>) {
        let next = self.timers.borrow().iter().find(|timer| timer.root == root).map(|timer| timer.at);
        match next.into_iter().chain(also).min() {
            Some(at) => self.plan(host, root, now, at),
            None => host.set_tick_period(Duration::ZERO),
        }
    }

    /// Has the root called at a time, unless it is called before that anyhow.
    fn plan<H: CallHost>(&self, host: &H, root: u32, now: u64, at: u64) {
        let mut planned = self.planned.borrow_mut();
        match planned.iter_mut().find(|(of, _)| *of == root) {
            Some((_, earlier)) if *earlier <= at => return,
            Some((_, later)) => *later = at,
            None => planned.push((root, at)),
        }
        drop(planned);
        // The proxy counts in milliseconds, and zero would be never.
        let milliseconds = at.saturating_sub(now).div_ceil(1_000_000).max(1);
        host.set_tick_period(Duration::from_millis(milliseconds));
    }

    /// Forgets what a root asked for; gives its work, to be dropped.
    pub(crate) fn forget_root(&self, root: u32) -> Vec<Work> {
        self.planned.borrow_mut().retain(|(of, _)| *of != root);
        self.take_work(root)
    }
}

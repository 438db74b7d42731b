//! What a filter that waits needs around each of its callbacks.

use std::task::{Context, Waker};
use std::time::Duration;

use crate::executor::{At, Work};
use crate::host::LogLevel;
use crate::phases::Phases;
use crate::vm::{Proxy, Side, Vm};

/// Does something for a filter with these phases at a context, and begins the work that it spawned.
///
/// A filter that can wait for nothing pays for nothing of it.
pub(super) fn at<P: Proxy, R>(host: &P, phases: Phases, at: At, callback: impl FnOnce() -> R) -> R {
    if !phases.has_any(Phases::AWAITED) {
        return callback();
    }
    host.executor().enter(at);
    let done = callback();
    run_spawned(host, at);
    done
}

/// Begins the work that was spawned: in its root's context, so that a stream's end does not end it.
fn run_spawned<P: Proxy>(host: &P, at: At) {
    let executor = host.executor();
    if !executor.has_spawned() {
        return;
    }
    host.set_effective_context(at.root);
    run_work(host, at.root);
    host.set_effective_context(at.context);
    executor.enter(at);
}

/// Polls all work of a root.
pub(super) fn run_work<P: Proxy>(host: &P, root: u32) {
    let executor = host.executor();
    executor.enter(At { context: root, root });
    let mut context = Context::from_waker(Waker::noop());
    let mut pending: Vec<Work> = Vec::new();
    loop {
        // Also what this work spawns.
        let work = executor.take_work(root);
        if work.is_empty() {
            break;
        }
        for mut work in work {
            if work.as_mut().poll(&mut context).is_pending() {
                pending.push(work);
            }
        }
    }
    executor.keep_work(root, pending);
}

/// Has a root called when its period is over; gives when that is, if it may be called at other times too.
pub(super) fn plan<P: Proxy>(host: &P, phases: Phases, root: u32, period: Option<Duration>) -> Option<u64> {
    if !phases.has_any(Phases::PERIODIC) {
        return None;
    }
    if !phases.has_any(Phases::AWAITED) {
        host.set_tick_period(period.unwrap_or_default());
        return None;
    }
    let now = host.now_nanoseconds().ok()?;
    let period = u64::try_from(period?.as_nanos()).unwrap_or(u64::MAX);
    // The proxy counts in milliseconds.
    let at = now.saturating_add(period.max(1_000_000));
    host.executor().plan_next(host, root, now, Some(at));
    Some(at)
}

/// Time has passed for a root.
pub(super) fn on_tick<P: Proxy>(vm: &Vm<P>, phases: Phases, root: u32) {
    let shows_streams = phases.has(Phases::STREAM_TICK);
    if phases.has_any(Phases::AWAITED) {
        vm.tick(root, shows_streams);
    } else if shows_streams {
        vm.show_streams(root);
    }
}

/// Calls a root whose period is over, if its filter wants it; gives when it is over next.
pub(super) fn tick<P: Proxy>(
    host: &P,
    phases: Phases,
    root: u32,
    on_tick: impl FnOnce(),
    period: impl FnOnce() -> Option<Duration>,
) -> Option<u64> {
    if !phases.has_any(Phases::PERIODIC) || !phases.has_any(Phases::AWAITED) {
        return None;
    }
    if phases.has(Phases::TICK) {
        at(host, phases, At { context: root, root }, on_tick);
    }
    plan(host, phases, root, period())
}

/// Lets a stream go on that has waited. One that cannot must not stand still for ever.
pub(super) fn go_on<P: Proxy>(host: &P, side: Side, what: &str) {
    if let Err(error) = host.continue_stream(side) {
        host.log(LogLevel::Error, &format!("{what} cannot go on, so it is closed: {error}"));
        let _ = host.close_stream(side);
    }
}

/// Forgets all that a root waits for.
pub(super) fn forget<P: Proxy>(host: &P, phases: Phases, root: u32) {
    if phases.has_any(Phases::AWAITED) {
        drop(host.executor().forget_root(root));
    }
}

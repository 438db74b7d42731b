//! A filter that only looks at streams when they have ended.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use crate::executor::At;
use crate::filter::{IfMisconfigured, LogFilter};
use crate::phases::Phases;
use crate::vm::{Entry, Proxy, Root, Stream, waiting};

/// One filter for all streams; nothing is kept for a stream.
struct LogRoot<F> {
    filter: RefCell<Option<F>>,
    root: u32,
}

/// The filter as an entry of a module.
pub fn entry<P: Proxy, F: LogFilter>(root_id: Option<&'static str>) -> Entry<P> {
    const {
        assert!(
            Phases::LOG.and(Phases::STREAM_TICK).and(Phases::ROOT).has(F::PHASES),
            "a LogFilter takes part in LOG, in STREAM_TICK and in what belongs to no stream"
        );
    }
    Entry {
        root_id,
        configure: |host, root, configuration| {
            let at = At { context: root, root };
            let filter = waiting::at(host, F::PHASES, at, || F::configure(host, configuration))?;
            Ok(Rc::new(LogRoot { filter: RefCell::new(Some(filter)), root }))
        },
        if_misconfigured: IfMisconfigured::DoNothing,
        on_tick: |vm, root| waiting::on_tick(vm, F::PHASES, root),
    }
}

impl<F: LogFilter> LogRoot<F> {
    fn at(&self) -> At {
        At { context: self.root, root: self.root }
    }

    fn period(&self) -> Option<Duration> {
        self.filter.try_borrow().ok()?.as_ref()?.tick_period()
    }

    /// Work that is spawned here is the filter's and not the stream's, which is at its end.
    fn ended<P: Proxy>(&self, host: &P, stream: Option<u32>) {
        if const { F::PHASES.has(Phases::LOG) } {
            waiting::at(host, F::PHASES, self.at(), || {
                self.with(|filter| filter.log_stream(host, stream));
            });
        }
    }

    fn with(&self, f: impl FnOnce(&mut F)) {
        if let Ok(mut filter) = self.filter.try_borrow_mut()
            && let Some(filter) = filter.as_mut()
        {
            f(filter);
        }
    }
}

impl<P: Proxy, F: LogFilter> Root<P> for LogRoot<F> {
    fn begin(&self, host: &P, root: u32) -> Option<u64> {
        waiting::plan(host, F::PHASES, root, self.period())
    }

    fn stream(self: Rc<Self>, _at: At) -> Rc<dyn Stream<P>> {
        self
    }

    fn log(&self, host: &P) {
        self.ended(host, None);
    }

    fn tick(&self, host: &P, root: u32) -> Option<u64> {
        let on_tick = || self.with(|filter| filter.on_tick(host));
        waiting::tick(host, F::PHASES, root, on_tick, || self.period())
    }

    fn retire(&self, host: &P, root: u32) {
        let old = self.filter.try_borrow_mut().ok().and_then(|mut filter| filter.take());
        if let Some(old) = old {
            old.retire(host);
        }
        waiting::forget(host, F::PHASES, root);
    }
}

impl<P: Proxy, F: LogFilter> Stream<P> for LogRoot<F> {
    fn log(&self, host: &P, context: u32) {
        self.ended(host, Some(context));
    }

    fn tick(&self, host: &P, context: u32, root: u32) {
        if const { F::PHASES.has(Phases::STREAM_TICK) } && root == self.root {
            host.set_effective_context(context);
            self.with(|filter| filter.on_stream_tick(host, context));
        }
    }
}

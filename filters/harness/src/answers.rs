//! What a test answers to a module's calls, and how it moves the clock.

use crate::abi::Status;
use crate::callouts::{Answering, Callout, Request};
use crate::pairs::{Header, Headers};
use crate::state::ROOT;
use crate::vm::{Running, Vm};

/// The answer to a call of HTTP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    headers: Vec<Header>,
    body: Vec<u8>,
    trailers: Option<Vec<Header>>,
}

impl Answer {
    /// An answer with this status, and nothing else.
    pub fn status(status: u16) -> Answer {
        Answer { headers: vec![(b":status".to_vec(), status.to_string().into_bytes())], ..Answer::default() }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Answer {
        self.headers.push((name.as_ref().to_vec(), value.as_ref().to_vec()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Answer {
        self.body = body.as_ref().to_vec();
        self
    }

    /// Adds a trailer.
    #[must_use]
    pub fn trailer(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Answer {
        self.trailers.get_or_insert_default().push((name.as_ref().to_vec(), value.as_ref().to_vec()));
        self
    }
}

/// There is no call that waits by that token, or it is not of that kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no call of that kind waits by the token {0}")]
pub struct NoSuchCall(pub u32);

fn count(headers: &[Header]) -> u32 {
    u32::try_from(headers.len()).unwrap_or(u32::MAX)
}

impl Running {
    /// A callback of the root while something can be read: the token, and more numbers. Whichever stream made the call,
    /// it is the root that hears of the answer.
    fn answer(&mut self, answering: Answering, callback: &'static str, token: u32, numbers: &[u32]) {
        let arguments: Vec<u32> = [ROOT, token].iter().chain(numbers).copied().collect();
        self.state_mut().callouts.answering = answering;
        self.call(ROOT, callback, &arguments);
        self.state_mut().callouts.answering = Answering::default();
        self.settle();
    }

    fn is_http(&self, token: u32) -> bool {
        let found = self.state().callouts.pending.get(&token);
        found.is_some_and(|callout| matches!(callout.request, Request::Http(_)))
    }

    fn answer_http(&mut self, token: u32, answer: &Answer) {
        let numbers = [
            count(&answer.headers),
            u32::try_from(answer.body.len()).unwrap_or(u32::MAX),
            answer.trailers.as_deref().map_or(0, count),
        ];
        let answering = Answering {
            headers: Some(Headers::new(answer.headers.clone(), false)),
            body: Some(answer.body.clone()),
            trailers: answer.trailers.clone().map(|trailers| Headers::new(trailers, false)),
            ..Answering::default()
        };
        self.answer(answering, "proxy_on_http_call_response", token, &numbers);
        self.state_mut().callouts.pending.remove(&token);
    }

    fn fail_http(&mut self, token: u32) {
        let answering = Answering {
            status: Status::BrokenConnection.code(),
            status_message: b"reset".to_vec(),
            ..Answering::default()
        };
        self.answer(answering, "proxy_on_http_call_response", token, &[0, 0, 0]);
        self.state_mut().callouts.pending.remove(&token);
    }

    pub(crate) fn grpc_close(&mut self, token: u32, status: u32, message: &[u8]) {
        let answering = Answering { status, status_message: message.to_vec(), ..Answering::default() };
        self.answer(answering, "proxy_on_grpc_close", token, &[status]);
        self.state_mut().callouts.pending.remove(&token);
    }

    /// The next thing that time brings, until then: a tick, or the end of a call's patience.
    fn next_event(&self) -> Option<(u64, Event)> {
        let tick = self.state().clock.next_tick().map(|(at, context)| (at, Event::Tick(context)));
        let deadlines = self.state().callouts.deadlines();
        let timeout = deadlines.min().map(|(at, token)| (at, Event::Timeout(token)));
        [tick, timeout].into_iter().flatten().min()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Tick(u32),
    Timeout(u32),
}

impl Vm {
    /// The calls that wait for an answer.
    pub fn callouts(&self) -> Vec<Callout> {
        self.inner.borrow().state().callouts.pending.values().cloned().collect()
    }

    /// Answers a call of HTTP.
    ///
    /// # Errors
    /// If no such call waits.
    pub fn answer(&self, token: u32, answer: &Answer) -> Result<(), NoSuchCall> {
        let mut running = self.inner.borrow_mut();
        if !running.is_http(token) {
            return Err(NoSuchCall(token));
        }
        running.answer_http(token, answer);
        Ok(())
    }

    /// Has a call of HTTP fail: its connection broke.
    ///
    /// # Errors
    /// If no such call waits.
    pub fn break_call(&self, token: u32) -> Result<(), NoSuchCall> {
        let mut running = self.inner.borrow_mut();
        if !running.is_http(token) {
            return Err(NoSuchCall(token));
        }
        running.fail_http(token);
        Ok(())
    }

    fn grpc(&self, token: u32) -> Result<std::cell::RefMut<'_, Running>, NoSuchCall> {
        let running = self.inner.borrow_mut();
        let found = running.state().callouts.pending.get(&token);
        if found.is_some_and(|callout| !matches!(callout.request, Request::Http(_))) {
            Ok(running)
        } else {
            Err(NoSuchCall(token))
        }
    }

    /// Metadata comes at the beginning of a stream of gRPC.
    ///
    /// # Errors
    /// If no such call waits.
    pub fn grpc_initial_metadata(&self, token: u32, metadata: &[Header]) -> Result<(), NoSuchCall> {
        let map = Some(Headers::new(metadata.to_vec(), false));
        let answering = Answering { grpc_initial: map, ..Answering::default() };
        let numbers = [count(metadata)];
        self.grpc(token)?.answer(answering, "proxy_on_grpc_receive_initial_metadata", token, &numbers);
        Ok(())
    }

    /// A message comes. It is the whole answer to a call, and one of many of a stream.
    ///
    /// # Errors
    /// If no such call waits.
    pub fn grpc_message(&self, token: u32, message: impl AsRef<[u8]>) -> Result<(), NoSuchCall> {
        let message = message.as_ref().to_vec();
        let numbers = [u32::try_from(message.len()).unwrap_or(u32::MAX)];
        let mut running = self.grpc(token)?;
        let answering = Answering { grpc_message: Some(message), ..Answering::default() };
        running.answer(answering, "proxy_on_grpc_receive", token, &numbers);
        let pending = &mut running.state_mut().callouts.pending;
        if pending.get(&token).is_some_and(|callout| matches!(callout.request, Request::Grpc { .. })) {
            pending.remove(&token);
        }
        Ok(())
    }

    /// Metadata comes at the end of a stream of gRPC.
    ///
    /// # Errors
    /// If no such call waits.
    pub fn grpc_trailing_metadata(&self, token: u32, metadata: &[Header]) -> Result<(), NoSuchCall> {
        let map = Some(Headers::new(metadata.to_vec(), false));
        let answering = Answering { grpc_trailing: map, ..Answering::default() };
        let numbers = [count(metadata)];
        self.grpc(token)?.answer(answering, "proxy_on_grpc_receive_trailing_metadata", token, &numbers);
        Ok(())
    }

    /// A call of gRPC ends without a message, or a stream does.
    ///
    /// # Errors
    /// If no such call waits.
    pub fn grpc_close(&self, token: u32, status: u32, message: &str) -> Result<(), NoSuchCall> {
        self.grpc(token)?.grpc_close(token, status, message.as_bytes());
        Ok(())
    }

    /// The virtual clock's time, in nanoseconds since the epoch.
    pub fn now_nanoseconds(&self) -> u64 {
        self.inner.borrow().state().clock.now()
    }

    /// The milliseconds between the root's ticks, if it has any.
    pub fn tick_period(&self) -> Option<u64> {
        self.inner.borrow().state().clock.period(ROOT)
    }

    /// Moves the clock on, with every tick on the way and the end of calls whose time is up.
    pub fn advance(&self, milliseconds: u64) {
        let mut running = self.inner.borrow_mut();
        let until = running.state().clock.now().saturating_add(milliseconds.saturating_mul(1_000_000));
        while let Some((at, event)) = running.next_event().filter(|(at, _)| *at <= until) {
            running.state_mut().clock.move_to(at);
            match event {
                Event::Tick(context) => {
                    running.state_mut().clock.ticked(context);
                    running.call(context, "proxy_on_tick", &[context]);
                    running.settle();
                }
                Event::Timeout(token) if running.is_http(token) => {
                    let answer = Answer::status(504)
                        .header("content-length", "24")
                        .header("content-type", "text/plain")
                        .body("upstream request timeout");
                    running.answer_http(token, &answer);
                }
                // What is 504 in HTTP is 14 in gRPC to Envoy, and not 4.
                Event::Timeout(token) => running.grpc_close(token, 14, b"upstream request timeout"),
            }
        }
        running.state_mut().clock.move_to(until);
    }

    /// Has the root tick now, whatever the clock says.
    pub fn tick(&self) {
        let mut running = self.inner.borrow_mut();
        running.call(ROOT, "proxy_on_tick", &[ROOT]);
        running.settle();
    }
}

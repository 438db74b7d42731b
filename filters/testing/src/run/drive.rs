//! Plays one case: a VM is started, its steps happen, and what the filter did is compared after each.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use burgee_harness::{Callout, LogLine, Module, Shared, StartError, StartFailure, Trap, Vm};

use super::answers::{self, path_of};
use super::compare::{Compare, Done};
use super::measure::Trace;
use super::start::{VM_ID, settings, status, value_of};
use super::stream::{Became, Http, Side, Stream, Tcp};
use super::{CaseResult, Limits};
use crate::cases::Located;
use crate::cases::format::{self, Answer, Case, Close, Effects, Step, StepExpect};
use crate::cases::values::{Ordered, PropertyValue, parse_path};

/// The name of the stream of steps that name none.
const UNNAMED: &str = "";

/// Stands for every host call of the ABI; what a language's library asks of its system is not among them.
const EVERY_CALL: &str = "*";

/// Runs a case.
pub(super) fn run(module: &Module, case: &Located, limits: &Limits) -> (CaseResult, Trace) {
    let began = Instant::now();
    let shared = Shared::new();
    let settings = settings(&case.case, limits, &shared);
    let compare = Compare { case, mismatches: Vec::new() };
    let mut trace = Trace::default();
    let (compare, logs, trap) = match module.start(&settings) {
        Ok(vm) => Drive::new(&vm, compare, shared).play(&mut trace),
        Err(error) => not_started(compare, error, &shared),
    };
    let result = CaseResult {
        name: case.case.name.clone(),
        place: case.place.clone(),
        mismatches: compare.mismatches,
        logs,
        trap,
        took: began.elapsed(),
    };
    (result, trace)
}

/// Plays an input that nothing is expected of; how the filter ends and what it logged before, if it does.
pub(crate) fn play(module: &Module, case: &Case, limits: &Limits) -> Option<(Trap, Vec<LogLine>)> {
    let (result, _) = run(module, &Located::made(case.clone()), limits);
    result.trap.map(|trap| (trap, result.logs))
}

/// How often a filter makes each host call in an exchange.
pub(crate) fn host_calls(module: &Module, case: &Case, limits: &Limits) -> BTreeMap<&'static str, u64> {
    let (_, trace) = run(module, &Located::made(case.clone()), limits);
    let mut calls = BTreeMap::new();
    for (name, count) in trace.costs.values().flat_map(|cost| &cost.calls) {
        *calls.entry(*name).or_default() += count;
    }
    calls
}

/// Plays an exchange on a VM that goes on.
pub(crate) fn play_on(vm: &Vm, case: &Case) {
    let located = Located::made(case.clone());
    let compare = Compare { case: &located, mismatches: Vec::new() };
    Drive::new(vm, compare, Shared::new()).steps();
}

/// What comes of a filter that does not start.
fn not_started<'c>(
    mut compare: Compare<'c>,
    error: StartError,
    shared: &Shared,
) -> (Compare<'c>, Vec<LogLine>, Option<Trap>) {
    let expect = &compare.case.case.expect;
    let StartError { reason, logs } = error;
    let trap = match &reason {
        StartFailure::Trapped(trap) => Some(trap.clone()),
        StartFailure::VmStartRefused | StartFailure::ConfigurationRefused => None,
    };
    match &trap {
        Some(trap) => compare_trap(&mut compare, Some(trap)),
        None if !expect.refused => compare.tell("config", "the filter starts", reason.to_string()),
        None => {}
    }
    if trap.is_some() && expect.refused {
        compare.tell("expect.refused", "the filter refuses its configuration", "it traps");
    }
    let shared = |key: &str| shared.value(VM_ID, key);
    let done = Done { logs: &logs, callouts: &[], metrics: Vec::new(), shared: &shared };
    compare.effects("expect", &expect.effects, &done);
    (compare, logs, trap)
}

fn compare_trap(compare: &mut Compare<'_>, trap: Option<&Trap>) {
    let text = trap.map(ToString::to_string);
    let expected = compare.case.case.expect.trap.as_ref();
    match (expected, &text) {
        (Some(expected), text) => compare.bytes("expect.trap", expected, text.as_deref().map(str::as_bytes)),
        (None, Some(text)) => {
            compare.tell("expect.trap", "no trap", text.lines().next().unwrap_or_default());
        }
        (None, None) => {}
    }
}

/// A case that is being played.
struct Drive<'v, 'c> {
    vm: &'v Vm,
    compare: Compare<'c>,
    shared: Shared,
    streams: BTreeMap<&'c str, Stream>,
    /// The order in which streams began.
    order: Vec<&'c str>,
    logs: Vec<LogLine>,
    callouts: Vec<Callout>,
}

impl<'v, 'c> Drive<'v, 'c> {
    fn new(vm: &'v Vm, compare: Compare<'c>, shared: Shared) -> Drive<'v, 'c> {
        let failing = compare.case.case.setup.failing.clone().unwrap_or_default().0;
        if !failing.is_empty() {
            let is_meant =
                |call: &str, name: &str| call == name || call == EVERY_CALL && name.starts_with("proxy_");
            vm.fail_calls(move |name| {
                failing.iter().find(|(call, _)| is_meant(call, name)).map(|(_, failing)| status(*failing))
            });
        }
        let mut drive = Drive {
            vm,
            compare,
            shared,
            streams: BTreeMap::new(),
            order: Vec::new(),
            logs: Vec::new(),
            callouts: Vec::new(),
        };
        drive.collect();
        drive
    }

    fn play(mut self, trace: &mut Trace) -> (Compare<'c>, Vec<LogLine>, Option<Trap>) {
        let expect = &self.compare.case.case.expect;
        if expect.refused {
            self.compare.tell("expect.refused", "the filter refuses its configuration", "it starts");
        }
        self.steps();
        self.vm.end();
        self.collect();
        let trap = self.vm.trap();
        compare_trap(&mut self.compare, trap.as_ref());
        self.effects("expect", &expect.effects, 0, 0);
        trace.times = self.streams.values().flat_map(Stream::times).copied().collect();
        (trace.costs, trace.memory_bytes) = (self.vm.costs(), self.vm.memory_bytes());
        (self.compare, self.logs, trap)
    }

    /// Every step, and the end of streams that none has ended.
    fn steps(&mut self) {
        for (at, step) in self.compare.case.case.steps.iter().enumerate() {
            self.step(at, step);
            if self.vm.trap().is_some() {
                break;
            }
        }
        for name in &self.order {
            self.streams.get_mut(name).into_iter().for_each(|stream| stream.close(Close::Done));
        }
    }

    /// Takes what the filter logged and called since the last time.
    fn collect(&mut self) {
        self.logs.extend(self.vm.take_logs());
        let mut open = self.vm.callouts();
        open.sort_by_key(|callout| callout.number);
        for callout in open {
            match self.callouts.iter_mut().find(|known| known.token == callout.token) {
                // A stream may have more messages by now.
                Some(known) => *known = callout,
                None => self.callouts.push(callout),
            }
        }
    }

    fn effects(&mut self, path: &str, expected: &Effects, first_log: usize, first_callout: usize) {
        if expected.is_empty() {
            return;
        }
        let shared = |key: &str| self.shared.value(VM_ID, key);
        let done = Done {
            logs: self.logs.get(first_log..).unwrap_or_default(),
            callouts: self.callouts.get(first_callout..).unwrap_or_default(),
            metrics: self.vm.metrics(),
            shared: &shared,
        };
        self.compare.effects(path, expected, &done);
    }

    fn step(&mut self, at: usize, step: &'c Step) {
        let path = format!("steps[{at}].expect");
        let (first_log, first_callout) = (self.logs.len(), self.callouts.len());
        let name = step.stream.as_deref().unwrap_or(UNNAMED);
        let had_reply = self.http(name).and_then(Http::reply).is_some();
        let hindered = self.streams.get(name).and_then(|stream| hindrance(stream, step));
        let became = self.act(at, step, name, had_reply);
        self.collect();
        let is_over = became == Became::Over && brings_something(step);
        let hindered = hindered.or(is_over.then_some("its stream was over before"));
        if let (Some(why), Some(field)) = (hindered, field(step)) {
            self.compare.tell(&format!("steps[{at}].{field}"), "something that can arrive", why);
        }
        if became == Became::Impossible {
            let got = "the stream is of another kind, or this part of it came already, or it has ended";
            self.compare.tell(&format!("steps[{at}]"), "a step that can happen to its stream", got);
        }
        let expect = &step.expect;
        if let Some(outcome) = expect.outcome
            && became != Became::Was(outcome)
        {
            self.compare.tell(&format!("{path}.outcome"), outcome.name(), became_shown(became));
        }
        self.compare_stream(&path, expect, name, had_reply);
        self.effects(&path, &expect.effects, first_log, first_callout);
    }

    fn http(&self, name: &str) -> Option<&Http> {
        self.streams.get(name).and_then(Stream::http)
    }

    fn act(&mut self, at: usize, step: &'c Step, name: &'c str, had_reply: bool) -> Became {
        for (message, side) in [(&step.request, Side::Request), (&step.response, Side::Response)] {
            if let Some(message) = message {
                let ends = message.end.unwrap_or_else(|| !self.has_more(at, name, side));
                let vm = self.vm;
                let stream = self.streams.entry(name).or_insert_with(|| {
                    self.order.push(name);
                    Stream::Http(Box::new(Http::open(vm)))
                });
                return match stream {
                    Stream::Http(http) => http.play(side, message, ends),
                    Stream::Tcp(_) => Became::Impossible,
                };
            }
        }
        for (transfer, side) in [(&step.downstream, Side::Request), (&step.upstream, Side::Response)] {
            if let Some(transfer) = transfer {
                return self.transfer(name, side, transfer);
            }
        }
        if let Some(answer) = &step.answer {
            let of = step.stream.as_deref().and_then(|name| self.streams.get(name)).and_then(Stream::context);
            self.answer(&format!("steps[{at}].answer"), answer, of);
        } else if let Some(span) = step.advance {
            self.advance(span.0);
        } else if let Some(close) = step.close {
            match self.streams.get_mut(name) {
                Some(stream) => stream.close(close),
                None => self.compare.tell(&format!("steps[{at}].close"), "a stream", "none has begun"),
            }
        } else if let Some(Ordered(properties)) = &step.set {
            self.set(step.stream.as_deref(), properties);
        }
        self.streams.get(name).map_or(Became::Over, |stream| stream.state(had_reply))
    }

    /// Whether a later step of a stream has more of a message.
    fn has_more(&self, at: usize, name: &str, side: Side) -> bool {
        let later = self.compare.case.case.steps.iter().skip(at + 1);
        let mut of_stream = later.filter(|step| step.stream.as_deref().unwrap_or(UNNAMED) == name);
        of_stream.any(|step| match side {
            Side::Request => step.request.is_some(),
            Side::Response => step.response.is_some(),
        })
    }

    fn transfer(&mut self, name: &'c str, side: Side, transfer: &format::Transfer) -> Became {
        let mut opened = Became::Over;
        let vm = self.vm;
        let stream = self.streams.entry(name).or_insert_with(|| {
            self.order.push(name);
            let (tcp, became) = Tcp::open(vm);
            opened = became;
            Stream::Tcp(Box::new(tcp))
        });
        match stream {
            Stream::Tcp(tcp) => tcp.play(side, transfer, opened),
            Stream::Http(_) => Became::Impossible,
        }
    }

    fn advance(&mut self, span: Duration) {
        self.vm.advance(u64::try_from(span.as_millis()).unwrap_or(u64::MAX));
    }

    fn set(&mut self, stream: Option<&str>, properties: &[(String, Option<PropertyValue>)]) {
        for (path, value) in properties {
            let path = parse_path(path);
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            let value = value.as_ref().map(value_of);
            match (stream, value) {
                (Some(name), value) => {
                    let stream = self.streams.get(name);
                    stream.into_iter().for_each(|stream| stream.set_property(&path, value.clone()));
                }
                (None, Some(value)) => self.vm.set_property(path.as_slice(), value),
                (None, None) => self.vm.remove_property(path.as_slice()),
            }
        }
    }

    fn answer(&mut self, path: &str, answer: &Answer, of: Option<u32>) {
        if let Some(span) = answer.after {
            self.advance(span.0);
        }
        let is_meant = |callout: &&Callout| {
            of.is_none_or(|context| context == callout.context)
                && answer.cluster.as_ref().is_none_or(|cluster| *cluster == callout.cluster)
                && answer.path.as_ref().is_none_or(|path| path.holds(path_of(&callout.request).as_bytes()))
        };
        let open = self.vm.callouts();
        let Some(callout) = open.iter().filter(is_meant).min_by_key(|callout| callout.number) else {
            let open: Vec<&str> = open.iter().map(|callout| callout.cluster.as_str()).collect();
            let open = if open.is_empty() {
                "none is open".to_owned()
            } else {
                format!("open: {}", open.join(", "))
            };
            self.compare.tell(path, "a callout like this to be answered", open);
            return;
        };
        if let Some((field, why)) = answers::misfit(answer, callout) {
            self.compare.tell(
                &format!("{path}.{field}"),
                "something that such a callout is answered with",
                why,
            );
        }
        if let Err(error) = answers::play(self.vm, callout, answer) {
            self.compare.tell(path, "a callout that can be answered", error.to_string());
        }
        self.collect();
    }

    fn compare_stream(&mut self, path: &str, expect: &StepExpect, name: &str, had_reply: bool) {
        let Drive { compare, streams, .. } = self;
        let stream = streams.get(name);
        let http = stream.and_then(Stream::http);
        for (field, expected, side) in
            [("request", &expect.request, Side::Request), ("response", &expect.response, Side::Response)]
        {
            let Some(expected) = expected else { continue };
            let path = format!("{path}.{field}");
            match http {
                Some(http) => {
                    compare.message(&path, expected, http.gone_on(side).as_ref(), http.arrived(side))
                }
                None => compare.tell(&path, "a stream of HTTP", "there is none"),
            }
        }
        if let Some(expected) = &expect.reply {
            let reply = http.and_then(Http::reply).filter(|_| !had_reply);
            compare.reply(&format!("{path}.reply"), expected, reply.as_ref());
        }
        let passed = stream.and_then(Stream::tcp).map(Tcp::passed);
        let (upstream, downstream) = passed.map_or((None, None), |(up, down)| (Some(up), Some(down)));
        for (field, expected, got) in
            [("upstream", &expect.upstream, upstream), ("downstream", &expect.downstream, downstream)]
        {
            if let Some(expected) = expected {
                compare.bytes(&format!("{path}.{field}"), expected, got.as_deref());
            }
        }
        for (property, expected) in &expect.properties.0 {
            let at = burgee_api::document::reader::join(&format!("{path}.properties"), property);
            let got = stream.and_then(|stream| stream.property(&parse_path(property)));
            compare.optional(&at, expected.as_ref(), got.as_deref());
        }
    }
}

/// The field of what arrives in a step.
fn field(step: &Step) -> Option<&'static str> {
    let fields = [
        ("request", step.request.is_some()),
        ("response", step.response.is_some()),
        ("downstream", step.downstream.is_some()),
        ("upstream", step.upstream.is_some()),
    ];
    fields.into_iter().find(|(_, is_there)| *is_there).map(|(field, _)| field)
}

/// Whether a step has something for a stream that is under way.
fn brings_something(step: &Step) -> bool {
    let of_message = |message: &format::Message| {
        message.headers.is_some() || message.body.is_some() || message.trailers.is_some()
    };
    let of_transfer = |transfer: &format::Transfer| transfer.data.is_some() || transfer.end;
    step.request.as_ref().or(step.response.as_ref()).is_some_and(of_message)
        || step.downstream.as_ref().or(step.upstream.as_ref()).is_some_and(of_transfer)
}

/// Why a part of a message cannot arrive, by what the filter has done before: no proxy would bring it.
fn hindrance(stream: &Stream, step: &Step) -> Option<&'static str> {
    let http = stream.http().filter(|_| step.request.is_some() || step.response.is_some())?;
    if http.reply().is_some() {
        return Some("the filter has answered the request itself, and nothing more comes of this stream");
    }
    let is_held = http.request.has_begun && http.gone_on(Side::Request).is_none();
    (step.response.is_some() && is_held)
        .then_some("the filter holds the request, so that there is no service that could have answered it")
}

fn became_shown(became: Became) -> &'static str {
    match became {
        Became::Was(outcome) => outcome.name(),
        Became::Trap => "a trap",
        Became::Impossible => "nothing: the step cannot happen",
        Became::Over => "nothing: the stream was over before, or has not begun",
    }
}

//! Whatever can happen to a filter, as bytes choose it: a fuzzer's, or those of chance.
//!
//! The bytes say how the filter is started, which of its host calls fail and when, and what a few streams at a time bring.
//! Streams are such as a connection brings: headers before bodies, and nothing after the end. What must be so is looked at
//! after each event.

mod choices;
mod ours;
mod stream;

use std::collections::VecDeque;

use burgee_harness::{Answer, Module, Settings, StartFailure, Status, Value, Vm};

use crate::compliance::rules::{KNOWN, ROOTS};
use choices::Choices;
pub use ours::OURS;
use stream::Stream;

/// The most events of a round.
const MOST_EVENTS: usize = 64;

/// How many streams there are at a time.
const STREAMS: usize = 3;

/// What a callback may do: none of these inputs needs a hundredth of it.
const FUEL: u64 = 500_000_000;

/// What a filter's memory may be, and what it may grow by while the same happens again and again: a page.
const MOST_BYTES: usize = 16 * 1024 * 1024;
const PAGE_BYTES: usize = 64 * 1024;

/// A filter that anything may happen to.
#[derive(Clone, Copy, Debug)]
pub struct Filter {
    /// Its name.
    pub name: &'static str,
    /// Configurations that it takes. Others are made of them.
    pub configurations: &'static [Configuration],
    /// The end of the name of a counter that no stream raises more than once, if it has one.
    pub counts_streams: Option<&'static str>,
}

/// A configuration that a filter takes.
#[derive(Clone, Copy, Debug)]
pub struct Configuration {
    /// The text.
    pub text: &'static str,
    /// The headers that it has the filter change, in lower case. All others go by as they are.
    pub changes: &'static [&'static str],
}

/// Plays what the bytes choose.
///
/// # Errors
/// If the filter ended, or did what it must not; the text says what.
pub fn play(module: &Module, filter: &Filter, bytes: &[u8]) -> Result<(), String> {
    let mut choices = Choices::new(bytes);
    let known = filter.configurations.get(choices.below(filter.configurations.len() + 1));
    let configuration = match known {
        Some(known) => known.text.as_bytes().to_vec(),
        None => unknown(filter, &mut choices),
    };
    let vm = match module.start(&settings(&mut choices).plugin_configuration(&configuration)) {
        Ok(vm) => vm,
        Err(error) => {
            return match error.reason {
                StartFailure::Trapped(trap) => Err(format!("it does not start: {trap}")),
                StartFailure::VmStartRefused | StartFailure::ConfigurationRefused => Ok(()),
            };
        }
    };
    let mut run =
        Run { filter, vm, changes: known.map(|known| known.changes), ended: 0, failed: false, configured: 1 };
    // The same again and again shows what is kept of each stream.
    let rounds = if choices.below(16) == 1 { 64 } else { 2 };
    let mut half = 0;
    for round in 0..rounds {
        run.round(choices.clone())?;
        if round + 1 == rounds / 2 {
            half = run.vm.memory_bytes();
        }
    }
    let (now, grown) = (run.vm.memory_bytes(), run.vm.memory_bytes().saturating_sub(half));
    // Two rounds are no proof: a table may have grown just now.
    if now > MOST_BYTES || rounds > 2 && grown > PAGE_BYTES {
        return Err(format!(
            "its memory grew by {grown} bytes in {} rounds of the same, to {now}",
            rounds / 2
        ));
    }
    run.vm.end();
    run.look()
}

/// A configuration that nobody wrote: bytes, or a valid one with some of them in it.
fn unknown(filter: &Filter, choices: &mut Choices<'_>) -> Vec<u8> {
    let mut bytes = match filter.configurations.get(choices.below(filter.configurations.len() + 1)) {
        Some(known) => known.text.as_bytes().to_vec(),
        None => Vec::new(),
    };
    for _ in 0..=choices.below(3) {
        let start = choices.below(bytes.len() + 1);
        let end = (start + choices.below(8)).min(bytes.len());
        bytes.splice(start..end, choices.bytes(24));
    }
    bytes
}

fn settings(choices: &mut Choices<'_>) -> Settings {
    let mut settings = Settings::new().fuel(FUEL).memory_limit(2 * MOST_BYTES);
    match choices.below(4) {
        0 | 1 => {}
        2 => settings = settings.without_property(""),
        _ => {
            for _ in 0..=choices.below(4) {
                let root = choices.of(ROOTS);
                settings = settings.without_property([root].as_slice());
            }
        }
    }
    for _ in 0..choices.below(4) {
        let path: Vec<&str> = choices.of(KNOWN).split('.').collect();
        settings = settings.property(path.as_slice(), value(choices));
    }
    settings
}

fn value(choices: &mut Choices<'_>) -> Value {
    match choices.below(5) {
        0 => Value::Bytes(choices.bytes(40)),
        1 => Value::Int(i64::from_le_bytes(choices.array())),
        2 => Value::Bool(choices.is()),
        3 => Value::Double(f64::from_le_bytes(choices.array())),
        _ => Value::map([(choices.bytes(8), Value::Bytes(choices.bytes(16)))]),
    }
}

struct Run<'s> {
    filter: &'s Filter,
    vm: Vm,
    /// The headers that the filter changes, where it is known which.
    changes: Option<&'static [&'static str]>,
    /// How many streams have ended.
    ended: u64,
    /// Whether host calls have failed.
    failed: bool,
    /// How many configurations it has been given. Each may define all metrics once.
    configured: usize,
}

impl Run<'_> {
    fn round(&mut self, mut choices: Choices<'_>) -> Result<(), String> {
        let mut streams: VecDeque<Stream> = (0..STREAMS).map(|_| Stream::open(&self.vm)).collect();
        for _ in 0..MOST_EVENTS {
            if choices.is_empty() {
                break;
            }
            self.event(&mut streams, &mut choices)?;
            self.look()?;
        }
        self.vm.fail_calls(|_| None);
        for stream in streams {
            self.end(stream)?;
        }
        self.look()
    }

    fn event(&mut self, streams: &mut VecDeque<Stream>, choices: &mut Choices<'_>) -> Result<(), String> {
        let at = choices.below(STREAMS);
        match choices.below(16) {
            0..=9 => streams.get_mut(at).into_iter().for_each(|stream| stream.go_on(choices)),
            10 | 11 => {
                if let Some(stream) = streams.remove(at) {
                    self.end(stream)?;
                    streams.push_back(Stream::open(&self.vm));
                }
            }
            12 => self.vm.advance(u64::from(u16::from_le_bytes(choices.array()))),
            13 => self.fail(choices),
            14 => {
                let answer = Answer::status(u16::from_le_bytes(choices.array())).body(choices.bytes(40));
                for callout in self.vm.callouts() {
                    let answered = self.vm.answer(callout.token, &answer);
                    answered.map_err(|error| error.to_string())?;
                }
            }
            _ => {
                // A running filter gets another configuration; what it does from now on is not known.
                let configuration = unknown(self.filter, choices);
                self.changes = None;
                self.configured += 1;
                let _ = self.vm.configure(configuration);
            }
        }
        Ok(())
    }

    /// Host calls fail from now on, or no longer.
    fn fail(&mut self, choices: &mut Choices<'_>) {
        let Some(status) = Status::ALL.get(choices.below(Status::ALL.len() + 1)).copied() else {
            return self.vm.fail_calls(|_| None);
        };
        self.failed = true;
        let which = choices.byte();
        // Some calls: which ones depends on their names alone.
        let sum = |name: &str| name.bytes().fold(0_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
        self.vm.fail_calls(move |name| {
            (name.starts_with("proxy_") && (which == 0 || sum(name) & 7 == which & 7)).then_some(status)
        });
    }

    fn end(&mut self, stream: Stream) -> Result<(), String> {
        self.ended += 1;
        stream.end(self.changes)
    }

    /// What must be so whatever happens.
    fn look(&self) -> Result<(), String> {
        if let Some(trap) = self.vm.trap() {
            return Err(trap.to_string());
        }
        let metrics = self.vm.metrics();
        let (count, configured) = (self.vm.metric_definitions(), self.configured);
        if !self.failed && count > metrics.len() * configured {
            return Err(format!(
                "{count} definitions of {} metrics, configured {configured} times",
                metrics.len()
            ));
        }
        if let Some(end) = self.filter.counts_streams {
            let counted: u64 = metrics
                .iter()
                .filter(|metric| metric.labelled().0.ends_with(end))
                .filter_map(|metric| self.vm.metric(&metric.name))
                .fold(0, u64::saturating_add);
            if counted > self.ended {
                return Err(format!("{counted} streams are counted, of which {} have ended", self.ended));
            }
        }
        Ok(())
    }
}

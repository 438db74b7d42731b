//! The rule of memory: a great many streams, and what the filter's memory is after each so many.

use burgee_harness::{Shared, Vm};

use super::inputs::{Map, data, maps, pairs, with_pairs};
use super::{Attempt, Violation};
use crate::cases::format::Case;
use crate::run::{play_on, settings};

/// A part of all streams, after which the memory is looked at.
const PARTS: u32 = 20;

/// What the memory may grow by in the second half of all streams. A table that grows once more is no leak; what is kept
/// for each stream is more than this.
const ALLOWED_BYTES: usize = 128 * 1024;

/// The fewest streams that say anything.
const FEWEST: u32 = 1_000;

/// Plays streams.
pub(super) fn check(attempt: &mut Attempt<'_>) {
    let subject = attempt.subject;
    // Where the filter does most.
    let work = |exchange: &&Case| subject.host_calls(exchange).values().sum::<u64>();
    let Some(exchange) = subject.exchanges.iter().max_by_key(work) else { return };
    let settings = settings(exchange, &subject.options.limits, &Shared::new());
    let Ok(vm) = subject.module.start(&settings) else { return };
    let all = subject.options.streams.max(FEWEST);
    let mut sizes = vec![vm.memory_bytes()];
    let mut played = 0;
    while played < all && (attempt.goes_on() || played < FEWEST) {
        for _ in 0..(all / PARTS).max(1) {
            play_on(&vm, &numbered(exchange, played));
            played += 1;
            if let Some(trap) = vm.trap() {
                let what = format!("it traps in {} at stream {played}: {}", trap.callback, trap.reason);
                let (input, logs) = (many(exchange, played), vm.take_logs());
                attempt.violation = Some(Violation { what, input, logs, trap: Some(trap) });
                return;
            }
        }
        sizes.push(vm.memory_bytes());
        attempt.tried = played as usize;
    }
    tell(attempt, &vm, exchange, &sizes, played);
}

fn tell(attempt: &mut Attempt<'_>, vm: &Vm, exchange: &Case, sizes: &[usize], played: u32) {
    let middle = sizes.get(sizes.len() / 2).copied().unwrap_or_default();
    let grown = vm.memory_bytes().saturating_sub(middle);
    if grown > ALLOWED_BYTES {
        let each = grown / (played as usize / 2).max(1);
        let what = format!(
            "its memory grew by {} KiB in the second half of {played} streams, about {each} bytes for each",
            grown / 1024
        );
        let input = many(exchange, played);
        attempt.violation = Some(Violation { what, input, logs: Vec::new(), trap: None });
    }
}

fn many(exchange: &Case, played: u32) -> String {
    format!(
        "# {played} times, with another number in each value of a header\n{}",
        super::print::case(exchange, "a stream")
    )
}

/// The exchange with values that no stream had before, where a client can choose them.
fn numbered(exchange: &Case, number: u32) -> Case {
    let mut case = exchange.clone();
    for map in maps(exchange) {
        let is_request = case.steps.get(map.0).is_some_and(|step| step.request.is_some());
        if !is_request || map.1 != Map::Headers {
            continue;
        }
        let changed = pairs(&case, map).into_iter().map(|(name, value)| {
            let kept = [&b":method"[..], b":scheme", b":authority", b"content-type", b"host"];
            if kept.contains(&name.bytes().as_slice()) {
                return (name, value);
            }
            let mut bytes = value.bytes();
            bytes.extend(format!("-{number}").bytes());
            (name, data(&bytes))
        });
        let changed = changed.collect();
        case = with_pairs(&case, map, changed);
    }
    case
}

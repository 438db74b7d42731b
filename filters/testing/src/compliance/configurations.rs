//! The rule of configurations: garbage is refused or taken, and ends nothing.

use burgee_harness::{LogLine, Shared, StartFailure, Trap};

use super::chance::Chance;
use super::{Attempt, Violation};
use crate::cases::format::Case;
use crate::cases::values::shown;
use crate::run::settings;

/// How many configurations are tried that chance makes.
const BY_CHANCE: usize = 100;

/// Tries configurations.
pub(super) fn check(attempt: &mut Attempt<'_>) {
    let Some(exchange) = attempt.subject.exchanges.first().cloned() else { return };
    let valid: Vec<Vec<u8>> = attempt
        .subject
        .exchanges
        .iter()
        .filter_map(|exchange| exchange.setup.config.as_ref().map(|config| config.bytes()))
        .collect();
    for bytes in garbage(&valid, &mut Chance::new(attempt.subject.options.seed)) {
        if !attempt.goes_on() {
            return;
        }
        attempt.tried += 1;
        if let Some((trap, _)) = starts_with(attempt, &exchange, &bytes) {
            let (bytes, trap) = shrink(attempt, &exchange, bytes, trap);
            let logs = starts_with(attempt, &exchange, &bytes).map(|(_, logs)| logs).unwrap_or_default();
            let what = format!("it traps in {}: {}", trap.callback, trap.reason);
            let input = format!("the configuration {}", shown(&bytes));
            attempt.violation = Some(Violation { what, input, logs, trap: Some(trap) });
        }
    }
}

fn starts_with(attempt: &Attempt<'_>, exchange: &Case, bytes: &[u8]) -> Option<(Trap, Vec<LogLine>)> {
    let subject = attempt.subject;
    let settings = settings(exchange, &subject.options.limits, &Shared::new()).plugin_configuration(bytes);
    match subject.module.start(&settings) {
        Ok(vm) => {
            // A running filter can be given another one too.
            let _ = vm.configure(bytes);
            vm.end();
            vm.trap().map(|trap| (trap, vm.logs()))
        }
        Err(error) => match error.reason {
            StartFailure::Trapped(trap) => Some((trap, error.logs)),
            StartFailure::VmStartRefused | StartFailure::ConfigurationRefused => None,
        },
    }
}

/// Half of it, as long as it shows the same.
fn shrink(attempt: &Attempt<'_>, exchange: &Case, mut bytes: Vec<u8>, mut trap: Trap) -> (Vec<u8>, Trap) {
    let mut part = bytes.len().div_ceil(2);
    while part > 0 {
        let smaller = (0..bytes.len()).step_by(part).find_map(|start| {
            let mut fewer = bytes.clone();
            fewer.drain(start..(start + part).min(bytes.len()));
            let (found, _) = starts_with(attempt, exchange, &fewer)?;
            (found.reason == trap.reason && found.callback == trap.callback).then_some((fewer, found))
        });
        match smaller {
            Some(found) => (bytes, trap) = found,
            None => part /= 2,
        }
    }
    (bytes, trap)
}

fn garbage(valid: &[Vec<u8>], chance: &mut Chance) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = [
        &b""[..],
        b" ",
        b"\0",
        b"\xff\xfe",
        b"null",
        b"{}",
        b"[]",
        b"\"\"",
        b"0",
        b"-1e999",
        b"true",
        b"{",
        b"{\"\":0}",
        b"{\"a\":{\"a\":1},\"a\":2}",
        b"\xef\xbb\xbf{}",
        b"\"\\ud800\"",
    ]
    .map(<[u8]>::to_vec)
    .to_vec();
    for nest in ["[", "{\"a\":", "\""] {
        all.push(nest.repeat(100_000).into_bytes());
    }
    all.push(vec![b' '; 1 << 20]);
    all.push(format!("\"{}\"", "a".repeat(1 << 20)).into_bytes());
    for config in valid {
        let step = (config.len() / 32).max(1);
        all.extend((0..config.len()).step_by(step).map(|end| config.get(..end).unwrap_or_default().to_vec()));
        all.push(config.repeat(2));
        for _ in 0..BY_CHANCE {
            let mut changed = config.clone();
            for _ in 0..=chance.below(4) {
                let at = chance.below(changed.len());
                let odd = chance.bytes(1);
                let end = (at + chance.below(3)).min(changed.len());
                changed.splice(at.min(end)..end, odd);
            }
            all.push(changed);
        }
    }
    for _ in 0..BY_CHANCE {
        let count = chance.below(64);
        all.push(chance.bytes(count));
    }
    all
}

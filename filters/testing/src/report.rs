//! What came of cases, as people read it.

use burgee_harness::{Frame, LogLine, Trap};

use crate::compliance::{RuleResult, Violation};
use crate::run::{CaseResult, Measured, Mismatch};

/// The most lines of a filter's log that are shown.
const MOST_LINES: usize = 20;

/// A case that failed: each thing that is not as expected, what the filter logged, and where it trapped.
pub fn case(result: &CaseResult) -> String {
    let mut out = format!("FAILED {} ({})\n", result.name, result.place);
    for mismatch in &result.mismatches {
        out.push_str(&one(mismatch));
    }
    out.push_str(&end(&result.logs, result.trap.as_ref(), "  "));
    out
}

/// The cases that failed. What failed in the same way before, such as a configuration that all have and the filter refuses,
/// is told once.
pub fn failed(results: &[CaseResult]) -> String {
    let mut told: Vec<&CaseResult> = Vec::new();
    let mut out = String::new();
    for result in results.iter().filter(|result| !result.is_passed()) {
        match told.iter().find(|other| is_same_failure(other, result)) {
            Some(first) => {
                let CaseResult { name, place, .. } = result;
                out.push_str(&format!("FAILED {name} ({place})\n  in the same way as {}\n", first.name));
            }
            None => {
                told.push(result);
                out.push_str(&case(result));
            }
        }
    }
    out
}

/// Whether two cases failed alike, wherever they stand.
fn is_same_failure(one: &CaseResult, other: &CaseResult) -> bool {
    let said = |result: &CaseResult| -> Vec<(String, String, String)> {
        let parts = result.mismatches.iter();
        parts.map(|it| (it.path.clone(), it.expected.clone(), it.got.clone())).collect()
    };
    let lines =
        |result: &CaseResult| -> Vec<String> { result.logs.iter().map(ToString::to_string).collect() };
    said(one) == said(other) && lines(one) == lines(other) && one.trap == other.trap
}

/// What a filter logged, and how it ended.
fn end(logs: &[LogLine], trap: Option<&Trap>, by: &str) -> String {
    let mut out = String::new();
    let hidden = logs.len().saturating_sub(MOST_LINES);
    if !logs.is_empty() {
        out.push_str(&format!("{by}the filter's log:\n"));
    }
    if hidden > 0 {
        out.push_str(&format!("{by}  {hidden} lines before these\n"));
    }
    for line in logs.iter().skip(hidden) {
        out.push_str(&indented(&line.to_string(), &format!("{by}  ")));
    }
    if let Some(trap) = trap {
        out.push_str(&indented(&trap_shown(trap), by));
    }
    out
}

/// Where what belongs to the language, and not to whoever wrote the filter, is built.
const LANGUAGE: [&str; 3] = ["/rustc/", "wasisdk://", "/lib/rustlib/src/"];

/// Where the crates are that call a filter: our kit and the plain SDK.
const CALLERS: [&str; 2] = ["filters/kit/src/", "/proxy-wasm-0."];

/// How the names of the language's functions begin, where nothing else is known of them.
const OF_LANGUAGE: [&str; 3] = ["std::", "core::", "alloc::"];

fn is_of_language(frame: &Frame) -> bool {
    match &frame.place {
        Some(place) => LANGUAGE.iter().any(|folder| place.contains(folder)),
        None => OF_LANGUAGE.iter().any(|start| frame.function.starts_with(start)),
    }
}

/// Whether a function is known to be the filter's, or of something that it calls.
fn is_of_filter(frame: &Frame) -> bool {
    let is_caller_s = |place: &String| CALLERS.iter().any(|folder| place.contains(folder));
    !is_of_language(frame) && frame.place.as_ref().is_some_and(|place| !is_caller_s(place))
}

/// A trap with the functions that it was in, the innermost first. Those of the language are left out, and those of the
/// kit or the SDK that only lead to the filter; what the filter called stays.
fn trap_shown(trap: &Trap) -> String {
    let mut out = format!("trap in {}: {}", trap.callback, trap.reason);
    let outermost = trap.frames.iter().rposition(is_of_filter).unwrap_or(trap.frames.len());
    let (mut of_language, mut of_callers) = (0, 0);
    for (at, frame) in trap.frames.iter().enumerate() {
        if is_of_language(frame) {
            of_language += 1;
        } else if at > outermost {
            of_callers += 1;
        } else {
            out.push_str(&format!("\n  in {}", frame.function));
            out.extend(frame.place.as_deref().map(|place| format!(" at {}", place_shown(place))));
        }
    }
    let left_out: Vec<String> = [(of_language, "of the language"), (of_callers, "that call the filter")]
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, which)| format!("{count} function{} {which}", if *count == 1 { "" } else { "s" }))
        .collect();
    if !left_out.is_empty() {
        out.push_str(&format!("\n  and in {}", left_out.join(", ")));
    }
    out
}

/// A place without the folder that cargo keeps crates in.
fn place_shown(place: &str) -> &str {
    let below = place.split_once("/registry/src/").and_then(|(_, rest)| rest.split_once('/'));
    below.map_or(place, |(_, rest)| rest)
}

fn one(mismatch: &Mismatch) -> String {
    let Mismatch { path, place, expected, got } = mismatch;
    if !expected.contains('\n') && !got.contains('\n') {
        return format!("  {path}  {place}\n    expected  {expected}\n    got       {got}\n");
    }
    let difference = similar::TextDiff::from_lines(expected.as_str(), got.as_str());
    let mut out = format!("  {path}  {place}\n    - expected, + got\n");
    for change in difference.iter_all_changes() {
        let line = change.value().trim_end_matches('\n');
        out.push_str(&format!("    {} {line}\n", change.tag()));
    }
    out
}

fn indented(text: &str, by: &str) -> String {
    text.lines().map(|line| format!("{by}{line}\n")).collect()
}

/// How many cases passed and failed, in a line.
pub fn summary(results: &[CaseResult]) -> String {
    let failed = results.iter().filter(|result| !result.is_passed()).count();
    let cases = |count: usize| format!("{count} case{}", if count == 1 { "" } else { "s" });
    match (results.len(), failed) {
        (all, 0) => format!("{} passed", cases(all)),
        (all, failed) => format!("{failed} of {} failed", cases(all)),
    }
}

/// What a filter costs, as a table.
pub fn costs(measured: &Measured) -> String {
    let mut rows = vec![["callback", "calls", "median", "instructions", "host calls"].map(str::to_owned)];
    for phase in &measured.phases {
        let median = phase.median_nanoseconds.map_or("-".to_owned(), time);
        rows.push([
            phase.callback.to_owned(),
            phase.invocations.to_string(),
            median,
            format!("{:.0}", phase.instructions),
            format!("{:.1}", phase.host_calls),
        ]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..5).map(width).collect();
    let mut out = String::new();
    for row in &rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(
                |(column, (cell, width))| {
                    if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
                },
            )
            .collect();
        out.push_str(&format!("{}\n", cells.join("  ").trim_end()));
    }
    let kib = measured.memory_bytes / 1024;
    out.push_str(&format!("at most {kib} KiB of memory; the cases were run {} times\n", measured.rounds));
    out
}

#[allow(clippy::cast_precision_loss, reason = "three digits are shown")]
fn time(nanoseconds: u64) -> String {
    match nanoseconds {
        0..1_000 => format!("{nanoseconds} ns"),
        1_000..1_000_000 => format!("{:.1} us", nanoseconds as f64 / 1e3),
        _ => format!("{:.1} ms", nanoseconds as f64 / 1e6),
    }
}

/// Whether two rules found the same fault: a panic at the same place, else a trap in the same functions.
fn is_same_trap(one: &Violation, other: &Violation) -> bool {
    let (Some(trap), Some(other_trap)) = (&one.trap, &other.trap) else { return false };
    match (panic(&one.logs), panic(&other.logs)) {
        (Some(one), Some(other)) => one == other,
        (None, None) => trap.reason == other_trap.reason && trap.frames == other_trap.frames,
        _ => false,
    }
}

/// The last panic of a log: where it was, and with the plain SDK what was said of it too.
fn panic(logs: &[LogLine]) -> Option<String> {
    let lines = logs.iter().rev().map(|line| String::from_utf8_lossy(&line.message).into_owned());
    let is_panic = |line: &String| line.starts_with("panicked at ");
    lines.filter(is_panic).find_map(|line| line.lines().next().map(str::to_owned))
}

/// What came of the rules: a line for each, and below it what shows that it does not hold.
pub fn rules(results: &[RuleResult]) -> String {
    let mut out = String::new();
    let mut told: Vec<(&str, &Violation)> = Vec::new();
    for result in results {
        let RuleResult { rule, tried, is_complete, violation, .. } = result;
        let verdict = match violation {
            Some(_) => "FAILED",
            None if *tried == 0 => "-",
            None => "ok",
        };
        let rest = if *is_complete { "" } else { ", then its time was up" };
        out.push_str(&format!("{verdict:<6} {:<15} {} ({tried} tried{rest})\n", rule.name, rule.title));
        let Some(violation) = violation else { continue };
        if let Some((name, _)) = told.iter().find(|(_, other)| is_same_trap(other, violation)) {
            out.push_str(&format!("  {}\n    the same trap as that of {name}\n", violation.what));
            continue;
        }
        told.push((rule.name, violation));
        out.push_str(&format!("  {}\n", violation.what));
        out.push_str(&indented(&violation.input, "    "));
        out.push_str(&end(&violation.logs, violation.trap.as_ref(), "  "));
    }
    out
}

#[cfg(test)]
mod tests {
    use burgee_harness::LogLevel;

    use super::*;
    use crate::compliance::RULES;

    #[test]
    fn what_fails_in_the_same_way_in_many_cases_is_told_once() {
        let result = |name: &str, line: usize, got: &str| {
            let place = burgee_api::origin::Place { file: "t.yaml".into(), line, column: 3, width: 1 };
            let mismatch = Mismatch {
                path: "config".to_owned(),
                place: place.clone(),
                expected: "the filter starts".to_owned(),
                got: got.to_owned(),
            };
            CaseResult {
                name: name.to_owned(),
                place,
                mismatches: vec![mismatch],
                logs: Vec::new(),
                trap: None,
                took: std::time::Duration::ZERO,
            }
        };
        let text =
            failed(&[result("one", 1, "refused"), result("two", 5, "refused"), result("three", 9, "a trap")]);
        assert_eq!(text.matches("expected  the filter starts").count(), 2, "{text}");
        assert!(text.contains("FAILED two (t.yaml:5:3)\n  in the same way as one\n"), "{text}");
    }

    #[test]
    fn the_same_trap_is_told_once_and_a_rule_of_which_nothing_was_tried_does_not_hold() {
        let violation = |panic: &str, callback: &'static str| Violation {
            what: format!("it traps in {callback}"),
            input: "- name: the filter ends".to_owned(),
            logs: vec![LogLine { level: LogLevel::Critical, message: panic.as_bytes().to_vec(), context: 1 }],
            trap: Some(Trap {
                callback: callback.to_owned(),
                reason: "unreachable".to_owned(),
                frames: Vec::new(),
            }),
        };
        let result = |at: usize, tried: usize, violation: Option<Violation>| RuleResult {
            rule: &RULES[at],
            tried,
            is_complete: true,
            violation,
            took: std::time::Duration::ZERO,
        };
        let text = rules(&[
            result(0, 3, Some(violation("panicked at src/a.rs:1:2:\nnone", "proxy_on_log"))),
            result(1, 3, Some(violation("panicked at src/b.rs:1:2:\nnone", "proxy_on_log"))),
            result(2, 3, Some(violation("panicked at src/a.rs:1:2:\nsome", "proxy_on_done"))),
            result(3, 0, None),
        ]);
        assert_eq!(text.matches("- name: the filter ends").count(), 2, "{text}");
        assert!(
            text.contains("it traps in proxy_on_done\n    the same trap as that of header-bytes\n"),
            "{text}"
        );
        assert!(text.contains("\n-      client-gone "), "{text}");
    }

    fn shown(frames: &[(&str, Option<&str>)]) -> String {
        let frame = |(name, place): &(&str, Option<&str>)| Frame {
            function: (*name).to_owned(),
            place: place.map(str::to_owned),
        };
        let trap = Trap {
            reason: "unreachable".to_owned(),
            callback: "proxy_on_log".to_owned(),
            frames: frames.iter().map(frame).collect(),
        };
        trap_shown(&trap)
    }

    #[test]
    fn of_the_functions_those_are_shown_that_tell_something() {
        let panic = ("core::panicking::panic", Some("/rustc/1/library/core/src/panicking.rs:9"));
        let getter = ("get", Some("/c/registry/src/index-1/proxy-wasm-0.2.5/src/hostcalls.rs:7"));
        let own = ("mine::on_log", Some("/w/mine/src/lib.rs:3"));
        let caller = ("proxy_on_log", Some("/w/burgee/filters/kit/src/envoy/callbacks.rs:5"));
        assert_eq!(
            shown(&[panic, getter, own, panic, caller, ("std::with", None), ("proxy_on_log", None)]),
            "trap in proxy_on_log: unreachable\n  in get at proxy-wasm-0.2.5/src/hostcalls.rs:7\n  in mine::on_log at \
             /w/mine/src/lib.rs:3\n  and in 3 functions of the language, 2 functions that call the filter"
        );
        // What is in the kit alone is shown whole.
        assert_eq!(
            shown(&[panic, caller]),
            "trap in proxy_on_log: unreachable\n  in proxy_on_log at \
             /w/burgee/filters/kit/src/envoy/callbacks.rs:5\n  and in 1 function of the language"
        );
        assert_eq!(
            shown(&[("function 7", None), ("function 8", None)]),
            "trap in proxy_on_log: unreachable\n  in function 7\n  in function 8"
        );
    }
}

//! What came of cases, as people read it.

use burgee_harness::{Frame, LogLine, Trap};

use crate::compliance::RuleResult;
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
const LANGUAGE: [&str; 2] = ["/rustc/", "wasisdk://"];

/// A trap with the functions that it was in, those of the language left out.
fn trap_shown(trap: &Trap) -> String {
    let mut out = format!("trap in {}: {}", trap.callback, trap.reason);
    let is_of_language = |frame: &&Frame| {
        let place = frame.place.as_deref().unwrap_or_default();
        LANGUAGE.iter().any(|folder| place.starts_with(folder))
    };
    let left_out = trap.frames.iter().filter(is_of_language).count();
    for frame in trap.frames.iter().filter(|frame| !is_of_language(frame)) {
        out.push_str(&format!("\n  in {}", frame.function));
        out.extend(frame.place.as_deref().map(|place| format!(" at {}", place_shown(place))));
    }
    if left_out > 0 {
        out.push_str(&format!("\n  and in {left_out} functions of the language"));
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

/// What came of the rules: a line for each, and below it what shows that it does not hold.
pub fn rules(results: &[RuleResult]) -> String {
    let mut out = String::new();
    for result in results {
        let RuleResult { rule, tried, is_complete, violation, .. } = result;
        let verdict = if violation.is_some() { "FAILED" } else { "ok" };
        let rest = if *is_complete { "" } else { ", then its time was up" };
        out.push_str(&format!("{verdict:<6} {:<15} {} ({tried} tried{rest})\n", rule.name, rule.title));
        let Some(violation) = violation else { continue };
        out.push_str(&format!("  {}\n", violation.what));
        out.push_str(&indented(&violation.input, "    "));
        out.push_str(&end(&violation.logs, violation.trap.as_ref(), "  "));
    }
    out
}

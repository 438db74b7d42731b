//! The report as people read it: a line for each check under its group, and what mends it below. Pure.

use std::fmt::Write;

use super::report::{Report, State};

/// The report as text. `color` is for terminals only; it never carries meaning.
pub(super) fn text(report: &Report, color: bool) -> String {
    let width = report.checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    let mut out = String::new();
    let mut group = "";
    for check in &report.checks {
        if check.group != group {
            let _ = writeln!(out, "{}{}", if group.is_empty() { "" } else { "\n" }, check.group);
            group = check.group;
        }
        let word = painted(check.state, color);
        // An error of several lines stays one.
        let found = check.found.split_whitespace().collect::<Vec<_>>().join(" ");
        let _ = writeln!(out, "  {word}  {:width$}  {found}", check.name);
        if let Some(mend) = &check.mend {
            let _ = writeln!(out, "  {:7}  {:width$}  -> {mend}", "", "");
        }
    }
    let missing = report.checks.iter().filter(|check| check.state == State::Missing).count();
    let verdict = match missing {
        0 => "Everything that `burgee up` needs is here.".to_owned(),
        1 => "`burgee up` does not work here yet: 1 thing is missing.".to_owned(),
        many => format!("`burgee up` does not work here yet: {many} things are missing."),
    };
    let _ = writeln!(out, "\n{verdict}");
    out
}

/// The state's word, as wide as the widest.
fn painted(state: State, color: bool) -> String {
    let word = format!("{:7}", state.name());
    let code = match state {
        State::Ok => 32,
        State::Note => 33,
        State::Missing => 31,
    };
    if color { format!("\u{1b}[{code}m{word}\u{1b}[0m") } else { word }
}

//! What the compiler found wrong with a crate: its first errors, which are often the cause of those after them.

use serde_json::Value;

use crate::target::last_lines;

/// How many lines of errors are shown. The first error is shown whole, however long.
const SHOWN_LINES: usize = 40;

/// What the compiler says last of a crate with errors.
const ABORTING: &str = "aborting due to";

/// The first errors among cargo's messages, a JSON object per line; without any, the last lines of what cargo told
/// people, such as of a dependency that is not there.
pub(crate) fn faults(messages: &str, log: &str) -> String {
    let mut errors: Vec<String> = Vec::new();
    for message in messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let diagnostic = &message["message"];
        let text = |name: &str| diagnostic[name].as_str().unwrap_or_default().trim_end().to_owned();
        // An internal error of the compiler is one too.
        let is_error = message["reason"] == "compiler-message" && text("level").starts_with("error");
        if is_error && !text("message").starts_with(ABORTING) && !errors.contains(&text("rendered")) {
            errors.push(text("rendered"));
        }
    }
    if errors.is_empty() {
        return last_lines(log, SHOWN_LINES);
    }
    let mut lines = 0;
    let has_room = |error: &&String| {
        lines += error.lines().count() + 1;
        lines <= SHOWN_LINES
    };
    let shown = errors.iter().take_while(has_room).count().max(1);
    let mut said = errors[..shown].join("\n\n");
    match errors.len() - shown {
        0 => {}
        1 => said.push_str("\n\nand 1 more error"),
        more => said.push_str(&format!("\n\nand {more} more errors")),
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(level: &str, text: &str, rendered: &str) -> String {
        let diagnostic = serde_json::json!({"level": level, "message": text, "rendered": rendered});
        serde_json::json!({"reason": "compiler-message", "message": diagnostic}).to_string() + "\n"
    }

    #[test]
    fn the_first_errors_are_told_and_how_many_come_after_them() {
        let first = "error[E0432]: no `x`\n --> src/a.rs:1:5\n\n";
        let long = format!("error: long\n{}", "  |\n".repeat(30));
        let messages = message("warning", "unused", "warning: unused\n --> src/a.rs:9:9")
            + "not json\n"
            + &message("error", "no `x`", first)
            + &message("error", "no `x`", first)
            + &message("error", "long", &long)
            + &message("error", "long", &(long.clone() + "  = other"))
            + &message(
                "error",
                "aborting due to 3 previous errors",
                "error: aborting due to 3 previous errors",
            );
        let said = faults(&messages, "error: could not compile");
        assert!(said.starts_with("error[E0432]: no `x`\n --> src/a.rs:1:5\n\nerror: long\n"), "{said}");
        assert!(said.ends_with("\n\nand 1 more error"), "{said}");
        assert_eq!(said.lines().count(), 2 + 1 + 31 + 2);

        let endless = format!("error: endless\n{}", "  |\n".repeat(100));
        assert_eq!(faults(&message("error", "", &endless), "").lines().count(), 101, "one is shown whole");
    }

    #[test]
    fn what_only_cargo_says_is_told_by_its_last_lines() {
        let said = faults(
            &message("warning", "unused", "warning: unused"),
            "Updating\nerror: no matching package\n",
        );
        assert_eq!(said, "Updating\nerror: no matching package");
    }
}

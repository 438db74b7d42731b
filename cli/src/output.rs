//! Results as programs read them.

use serde::Serialize;

use crate::Failure;

/// Prints a value as JSON to standard output.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Failure::new(error.to_string(), ""))?;
    text_line(&text)
}

/// Prints a value as YAML to standard output.
pub(crate) fn yaml(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_saphyr::to_string(value).map_err(|error| Failure::new(error.to_string(), ""))?;
    text_line(text.trim_end())
}

/// Prints a text and a line's end to standard output. A reader that went away is no failure.
pub(crate) fn text_line(text: &str) -> Result<(), Failure> {
    line_is_read(text).map(drop)
}

/// Like [`text_line`]; says whether there still is a reader.
pub(crate) fn line_is_read(text: &str) -> Result<bool, Failure> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::new(format!("standard output cannot be written: {error}"), "")),
    }
}

/// The columns of a text that is not written to a terminal.
const COLUMNS: usize = 80;

/// The columns of the terminal that results are written to.
pub(crate) fn columns() -> usize {
    let terminal = terminal_size::terminal_size_of(std::io::stdout());
    terminal.map_or(COLUMNS, |(width, _)| usize::from(width.0).clamp(40, 120))
}

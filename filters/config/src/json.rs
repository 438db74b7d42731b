//! Reads a filter's configuration from JSON, in few kilobytes of a module.
//!
//! `serde_json` would be a third of the module: it reads and prints floating-point numbers, which no configuration of
//! ours has. This reader takes whole numbers only (any number where the key is unknown), and refuses
//! a list where an object belongs; everything else it reads as `serde_json` does, and a test holds the two side by
//! side. It builds no tree and cannot be made to recurse without end.

mod deserialize;
mod reader;

use std::fmt;

use serde::de::{self, DeserializeOwned, Expected, Unexpected};

use reader::{Reader, fail};

/// Why a text is not the JSON that was expected, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    message: String,
    /// Lines and columns count from 1; 0 means not known yet.
    line: usize,
    column: usize,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at line {}, column {}", self.message, self.line, self.column)
    }
}

impl std::error::Error for JsonError {}

impl de::Error for JsonError {
    fn custom<T: fmt::Display>(message: T) -> JsonError {
        JsonError { message: message.to_string(), line: 0, column: 0 }
    }

    // serde's own message would show the value, and with it bring in how floating-point numbers are printed.
    fn invalid_type(_found: Unexpected<'_>, expected: &dyn Expected) -> JsonError {
        JsonError::custom(format_args!("expected {expected}"))
    }

    fn invalid_value(_found: Unexpected<'_>, expected: &dyn Expected) -> JsonError {
        JsonError::custom(format_args!("expected {expected}"))
    }
}

/// Reads one value and nothing after it.
///
/// # Errors
/// If the text is not UTF-8, not JSON, or not of the type.
pub fn from_slice<T: DeserializeOwned>(text: &[u8]) -> Result<T, JsonError> {
    let Ok(text) = std::str::from_utf8(text) else {
        return Err(JsonError { message: "the text is not UTF-8".to_owned(), line: 1, column: 1 });
    };
    let mut reader = Reader::new(text);
    let value = T::deserialize(&mut reader).and_then(|value| {
        reader.skip_space();
        if reader.rest.is_empty() { Ok(value) } else { fail("expected the end of the text") }
    });
    value.map_err(|error| {
        let read = text.strip_suffix(reader.rest).unwrap_or(text);
        let line_start = read.rfind('\n').map_or(read, |at| read.get(at..).unwrap_or(read));
        JsonError {
            message: error.message,
            line: read.matches('\n').count().saturating_add(1),
            column: line_start.trim_start_matches('\n').chars().count().saturating_add(1),
        }
    })
}

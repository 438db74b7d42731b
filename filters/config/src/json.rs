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

/// The configuration that a proxy was given as text. Nothing but white space is the default.
///
/// # Errors
/// If the text is not JSON of this shape; the message says where.
pub(crate) fn configuration<T: Default + DeserializeOwned>(text: &[u8]) -> Result<T, JsonError> {
    if text.trim_ascii().is_empty() { Ok(T::default()) } else { from_slice(text) }
}

/// Why a text is not the JSON that was expected, and where.
///
/// It is one pointer: every place that reads a type hands it on, and each of them is code in a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError(Box<Details>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Details {
    message: String,
    /// From the whole text's value to the one that is meant.
    path: String,
    /// Lines and columns count from 1; 0 means not known yet.
    line: usize,
    column: usize,
}

impl JsonError {
    /// What is wrong, without where.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The value that is meant, such as `metrics[0].name`; empty for the whole text.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    #[cold]
    fn new(message: String) -> JsonError {
        JsonError(Box::new(Details { message, ..Details::default() }))
    }

    /// The same error in a value that holds the one where it was found.
    #[cold]
    fn within(mut self, step: &str) -> JsonError {
        let dot = if self.0.path.is_empty() || self.0.path.starts_with('[') { "" } else { "." };
        self.0.path = [step, dot, &self.0.path].concat();
        self
    }

    /// The same error where this much of the text was read.
    fn after(mut self, read: &str) -> JsonError {
        let line_start = read.rfind('\n').map_or(read, |at| read.get(at..).unwrap_or(read));
        self.0.line = read.matches('\n').count().saturating_add(1);
        self.0.column = line_start.trim_start_matches('\n').chars().count().saturating_add(1);
        self
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Details { message, path, line, column } = &*self.0;
        if !path.is_empty() {
            write!(f, "{path}: ")?;
        }
        write!(f, "{message} at line {line}, column {column}")
    }
}

impl std::error::Error for JsonError {}

impl de::Error for JsonError {
    fn custom<T: fmt::Display>(message: T) -> JsonError {
        JsonError::new(message.to_string())
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
        return Err(JsonError::new("the text is not UTF-8".to_owned()).after(""));
    };
    let mut reader = Reader::new(text);
    let value = T::deserialize(&mut reader).and_then(|value| {
        reader.skip_space();
        if reader.rest.is_empty() { Ok(value) } else { fail("expected the end of the text") }
    });
    value.map_err(|error| error.after(text.strip_suffix(reader.rest).unwrap_or(text)))
}

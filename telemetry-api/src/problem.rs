//! One type for everything that is wrong with a document: code, place, value, what is allowed, help.

pub mod codes;
mod page;

use std::fmt;

pub use page::{Basis, Case, Laid, Page, area};

use crate::origin::Place;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Note,
    /// Accepted, and probably not what was meant.
    Warning,
    /// Refused.
    Error,
}

impl Severity {
    /// The name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// A stable code per kind of problem: `BG` and four digits. The first two digits are the area: 00 reading
/// text, 01 any document, 02 Telemetry, 03 MeshConfig, 04 the mesh's own resources, 05 effects between documents,
/// 06 laying policy over a base, 07 tests of filters, 08 the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub &'static str);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Something that is wrong, where it is, what is allowed and what to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where; absent when it is not in any text.
    pub place: Option<Place>,
    /// The field's path in its document, such as `spec.metrics[0].providers[0].name`; empty for a whole document.
    pub path: String,
    /// How bad.
    pub severity: Severity,
    /// Which kind of problem.
    pub code: Code,
    /// What is wrong, as one sentence without a full stop.
    pub message: String,
    /// What is allowed and what to do; may be empty.
    pub help: String,
}

impl Problem {
    /// A problem without a place and without help.
    pub fn new(severity: Severity, code: Code, message: impl Into<String>) -> Problem {
        Problem {
            place: None,
            path: String::new(),
            severity,
            code,
            message: message.into(),
            help: String::new(),
        }
    }

    /// The same problem at a place.
    #[must_use]
    pub fn at(mut self, place: Place, path: impl Into<String>) -> Problem {
        self.place = Some(place);
        self.path = path.into();
        self
    }

    /// The same problem with help.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Problem {
        self.help = help.into();
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}  ")?;
        }
        write!(f, "{} {}: ", self.severity.name(), self.code)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        if !self.help.is_empty() {
            write!(f, "\n  help: {}", self.help)?;
        }
        Ok(())
    }
}

/// The worst severity among problems.
pub fn worst(problems: &[Problem]) -> Option<Severity> {
    problems.iter().map(|problem| problem.severity).max()
}

/// The allowed name that is likeliest meant: one that differs in case or separators only, or by few letters.
pub fn closest<'n>(text: &str, names: &[&'n str]) -> Option<&'n str> {
    let normal = |text: &str| -> String {
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let wanted = normal(text);
    if wanted.is_empty() || wanted.len() > 64 {
        return None;
    }
    names
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&wanted, &normal(name)), *name))
        .filter(|(distance, name)| *distance <= (name.len() / 3).clamp(1, 3))
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    #[test]
    fn the_likeliest_name_is_suggested() {
        let names = ["providers", "overrides", "reportingInterval"];
        assert_eq!(closest("provider", &names), Some("providers"));
        assert_eq!(closest("overides", &names), Some("overrides"));
        assert_eq!(closest("reporting_interval", &names), Some("reportingInterval"));
        assert_eq!(closest("metrics", &names), None);
        assert_eq!(closest("", &names), None);
    }
}

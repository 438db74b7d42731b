//! The name of a new crate: one that crates, documents and metrics can have.

use std::path::Path;

use crate::Failure;

/// How long a name may be: it is the name of a document, and the start of those of metrics.
const MOST_CHARACTERS: usize = 50;

/// Words of Rust, which no crate can be called by.
const WORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static",
    "struct", "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual",
    "where", "while", "yield",
];

/// Crates that a new one is built with, and what cargo keeps for itself.
const TAKEN: &[&str] = &[
    "alloc",
    "build",
    "burgee-kit",
    "burgee-filter-config",
    "core",
    "deps",
    "examples",
    "incremental",
    "proc-macro",
    "schemars",
    "serde",
    "serde-json",
    "std",
    "test",
];

/// A name that a crate, a WasmPlugin and the start of a metric can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CrateName(String);

impl CrateName {
    /// The name of a folder's crate: that of the folder.
    pub(crate) fn of(folder: &Path) -> Result<CrateName, Failure> {
        let Some(written) = folder.file_name() else {
            // Such as `.` and `..`.
            let message = format!(
                "`{}` is a folder that is there, and a new crate gets one of its own",
                folder.display()
            );
            return Err(Failure::new(message, "name the folder to make, such as burgee new my-filter"));
        };
        let written = written.to_string_lossy().into_owned();
        match fault(&written) {
            None => Ok(CrateName(written)),
            Some(fault) => {
                let message = format!("`{}` cannot be the name of a crate: {fault}", folder.display());
                let near = near(&written);
                let help = match fault_of_near(&near) {
                    true => "write small letters, digits and single dashes, such as my-filter".to_owned(),
                    false => {
                        format!("write {near}, or another name of small letters, digits and single dashes")
                    }
                };
                Err(Failure::new(message, help))
            }
        }
    }

    /// The name.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as Rust and Prometheus write it.
    pub(super) fn identifier(&self) -> String {
        self.0.replace('-', "_")
    }
}

/// What is wrong with a name.
fn fault(name: &str) -> Option<String> {
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() {
        return Some("it is empty".to_owned());
    }
    if let Some(odd) = name.chars().find(|c| !is_allowed(*c)) {
        return Some(format!("{odd:?} is not allowed in it"));
    }
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Some("it does not begin with a letter".to_owned());
    }
    if name.ends_with('-') || name.contains("--") {
        return Some("a dash stands between letters or digits".to_owned());
    }
    if name.len() > MOST_CHARACTERS {
        return Some(format!("it has more than {MOST_CHARACTERS} characters"));
    }
    if WORDS.contains(&name) {
        return Some("it is a word of Rust".to_owned());
    }
    TAKEN.contains(&name).then(|| "another crate or cargo itself has it".to_owned())
}

/// A name like this one, with what is allowed.
fn near(name: &str) -> String {
    let mut near = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && near.ends_with(|c: char| c.is_ascii_lowercase()) {
            near.push('-');
        }
        near.push(if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    }
    let parts: Vec<&str> = near.split('-').filter(|part| !part.is_empty()).collect();
    let near = parts.join("-");
    if WORDS.contains(&near.as_str()) || TAKEN.contains(&near.as_str()) {
        format!("{near}-filter")
    } else {
        near
    }
}

/// Whether a name that was made of another cannot be one either.
fn fault_of_near(near: &str) -> bool {
    fault(near).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_crates() {
        for (written, expected) in [
            ("my-filter", None),
            ("a", None),
            ("some/where/f2", None),
            ("MyFilter", Some("write my-filter,")),
            ("my_filter", Some("write my-filter,")),
            ("my--filter-", Some("write my-filter,")),
            ("try", Some("write try-filter,")),
            ("serde", Some("write serde-filter,")),
            ("2fa", Some("such as my-filter")),
            ("ü", Some("such as my-filter")),
            (&"a".repeat(51), Some("such as my-filter")),
        ] {
            let found = CrateName::of(Path::new(written));
            match (found, expected) {
                (Ok(name), None) => assert!(written.ends_with(name.as_str())),
                (Err(failure), Some(help)) => {
                    assert!(failure.message.contains("cannot be the name"), "{}", failure.message);
                    assert!(failure.help.contains(help), "{written}: {}", failure.help);
                }
                (found, _) => panic!("{written}: {found:?}"),
            }
        }
    }

    #[test]
    fn a_folder_that_is_there_under_no_name_of_its_own_says_what_to_do() {
        for written in [".", "..", "/", "a/.."] {
            let failure = CrateName::of(Path::new(written)).expect_err("refused");
            assert!(failure.message.contains("is a folder that is there"), "{written}: {}", failure.message);
            assert!(failure.help.contains("burgee new my-filter"), "{written}: {}", failure.help);
        }
    }
}

//! What can go wrong between a URL and a module, what was tried, and what to do then.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why there is no module, or why one could not be pushed. No text here has a credential in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SupplyError {
    /// A text that is no URL of a module, or no reference of an image.
    #[error("{text:?} is not where a module can be: {reason}")]
    Reference {
        /// The text.
        text: String,
        /// What is wrong with it, and what to write.
        reason: String,
    },
    /// What documents may not fetch from.
    #[error("{host} is not fetched from: {reason}")]
    Refused {
        /// The host, with what it led to.
        host: String,
        /// Why, and what to do.
        reason: String,
    },
    /// A server wants to know who asks, and nobody said or it does not believe it.
    #[error("{what}: the server asks who this is ({said}); {help}")]
    Unauthorized {
        /// What was asked for.
        what: String,
        /// What it said.
        said: String,
        /// What to do.
        help: &'static str,
    },
    /// A server that has no such thing.
    #[error("{what} is not there: {said}")]
    NotFound {
        /// What was asked for.
        what: String,
        /// What it said.
        said: String,
    },
    /// An answer that asking again does not change.
    #[error("{what}: the server answers {status}: {said}")]
    Status {
        /// What was asked for.
        what: String,
        /// The status.
        status: u16,
        /// What it said.
        said: String,
    },
    /// A server that did not answer as it should, however often it was asked. It may yet.
    #[error("{what} cannot be had now, after {}", tried(.attempts))]
    Unavailable {
        /// What was asked for.
        what: String,
        /// What came of each attempt.
        attempts: Vec<String>,
        /// How long the server asks to wait; absent: it did not say.
        retry_after: Option<Duration>,
    },
    /// Everything together took too long. It may be quicker another time.
    #[error("{what} was not there within {} s{}", .time.as_secs_f32(), last(.attempts))]
    Late {
        /// What was asked for.
        what: String,
        /// How long was waited.
        time: Duration,
        /// What came of each attempt before.
        attempts: Vec<String>,
    },
    /// Something larger than it may be.
    #[error("{what} is larger than {limit} bytes, which is the limit")]
    TooLarge {
        /// What.
        what: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// An answer that is not what it should be.
    #[error("{what} cannot be read: {reason}")]
    Form {
        /// What was fetched.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Bytes that are not those that were meant.
    #[error("{what} has the digest {found}, not {wanted}")]
    Digest {
        /// What was fetched.
        what: String,
        /// What was asked for.
        wanted: String,
        /// What it has; several where there are several.
        found: String,
    },
    /// A module that is not signed as it must be.
    #[error("{what} is not signed by the key that is asked for: {reason}")]
    Signature {
        /// What.
        what: String,
        /// What was found instead.
        reason: String,
    },
    /// A key or credentials that cannot be used.
    #[error("{what} cannot be used: {reason}")]
    Unusable {
        /// What.
        what: &'static str,
        /// Why, and what is allowed.
        reason: String,
    },
    /// A file or directory cannot be used.
    #[error("{action} {} failed: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Attempts in words.
fn tried(attempts: &[String]) -> Attempts<'_> {
    Attempts(attempts)
}

struct Attempts<'a>(&'a [String]);

impl fmt::Display for Attempts<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Attempts(all) = self;
        write!(out, "{} attempt{}: ", all.len(), if all.len() == 1 { "" } else { "s" })?;
        let mut at = 0;
        while let Some(first) = all.get(at) {
            let same = all.iter().skip(at).take_while(|other| *other == first).count();
            let sep = if at == 0 { "" } else { "; " };
            match same {
                1 => write!(out, "{sep}{first}")?,
                _ => write!(out, "{sep}{first} ({same} times)")?,
            }
            at += same;
        }
        Ok(())
    }
}

fn last(attempts: &[String]) -> String {
    match attempts {
        [] => String::new(),
        all => format!(", after {}", Attempts(all)),
    }
}

impl SupplyError {
    /// Whether asking again later may help, without anybody changing anything that is said here.
    pub fn is_transient(&self) -> bool {
        match self {
            SupplyError::Unavailable { .. } | SupplyError::Late { .. } => true,
            // Modules are pushed, secrets mended and registries set up while somebody waits for them.
            SupplyError::NotFound { .. } | SupplyError::Unauthorized { .. } => true,
            _ => false,
        }
    }

    /// How long a server asked to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            SupplyError::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// For `map_err`: an action on a path that failed.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SupplyError {
        let path = path.to_owned();
        move |source| SupplyError::Io { action, path, source }
    }

    /// Bytes that are not what they should be.
    pub(crate) fn form(what: impl Into<String>, reason: impl Into<String>) -> SupplyError {
        SupplyError::Form { what: what.into(), reason: reason.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_that_came_to_the_same_are_told_once() {
        let error = SupplyError::Unavailable {
            what: "oci://h/a:1".to_owned(),
            attempts: ["500", "500", "reset", "500"].map(str::to_owned).to_vec(),
            retry_after: None,
        };
        assert_eq!(
            error.to_string(),
            "oci://h/a:1 cannot be had now, after 4 attempts: 500 (2 times); reset; 500"
        );
    }
}

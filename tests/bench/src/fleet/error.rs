//! Why a fleet could not be measured. Each says what to do.

use std::io;

use thiserror::Error;

/// Why a fleet could not be measured.
#[derive(Debug, Error)]
pub(crate) enum FleetError {
    /// Too few files may be open.
    #[error(
        "{wanted} files have to be open at once, and this process may have {hard}: `ulimit -Hn {wanted}` as an administrator, \
         or ask for fewer --proxies"
    )]
    Files {
        /// How many.
        wanted: u64,
        /// How many may be.
        hard: u64,
    },
    /// A file, a program or a connection.
    #[error("cannot {action} {what}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// With what.
        what: String,
        /// Why not.
        source: io::Error,
    },
    /// There is no server.
    #[error("{0} is not there: `cargo build --release -p burgee` makes it, --burgee names another one")]
    NoProgram(String),
    /// It does not serve.
    #[error("the server does not serve: {what}. What it said:\n{said}")]
    NotServing {
        /// What was seen.
        what: String,
        /// Its last lines.
        said: String,
    },
    /// A proxy is not served.
    #[error("{what}. What the server said:\n{said}")]
    Proxy {
        /// What the proxy saw.
        what: String,
        /// The server's last lines.
        said: String,
    },
    /// No certificates.
    #[error("certificates cannot be made: {0}")]
    Certificates(String),
    /// The time of the server cannot be read.
    #[error(transparent)]
    Time(#[from] crate::requests::RequestsError),
    /// Something takes too long.
    #[error("after {seconds} s it is not so that {what}: {state}")]
    Late {
        /// What was waited for.
        what: &'static str,
        /// How long.
        seconds: u64,
        /// How far it is.
        state: String,
    },
    /// Who came back was sent what it has.
    #[error(
        "proxies that came back with all that they should have were sent {resources} resources in {responses} responses"
    )]
    Pushed {
        /// How many resources.
        resources: u64,
        /// In how many responses.
        responses: u64,
    },
    /// A change reached others than it should.
    #[error(
        "{change} concerns {concerned} proxies, and {reached} were sent something, so its time says nothing"
    )]
    Reached {
        /// Which change.
        change: &'static str,
        /// How many it concerns.
        concerned: usize,
        /// How many were sent something.
        reached: usize,
    },
}

impl FleetError {
    /// For `map_err`.
    pub fn io(action: &'static str, what: impl ToString) -> impl FnOnce(io::Error) -> FleetError {
        let what = what.to_string();
        move |source| FleetError::Io { action, what, source }
    }
}

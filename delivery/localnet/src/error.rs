//! Why a run could not be started or went wrong; each says what to do.

use std::io;
use std::path::{Path, PathBuf};

use burgee_api::Problem;
use thiserror::Error;

use crate::ports::PortError;

/// Why a run could not be started or went wrong.
#[derive(Debug, Error)]
pub enum LocalnetError {
    /// The documents describe nothing that could run; the errors among the problems say why.
    #[error("the documents describe no mesh that can run on loopback")]
    Mesh {
        /// Everything that is wrong, warnings included.
        problems: Vec<Problem>,
    },
    /// A port cannot be had.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The filter module cannot be used.
    #[error("the filter module {path} {what}. Build it again, or correct the path")]
    Module {
        /// The module's file.
        path: String,
        /// What is wrong with it.
        what: String,
    },
    /// An Envoy ended before it served.
    #[error("the Envoy of {proxy}, {}, did not start ({status}){}{OTHER_ENVOY}", binary.display(), quote(said))]
    DidNotStart {
        /// The workload, as `namespace/name`.
        proxy: String,
        /// The binary.
        binary: PathBuf,
        /// How it ended.
        status: String,
        /// What it said.
        said: String,
    },
    /// An Envoy did not take its first configuration.
    #[error("the Envoy of {proxy} refused its configuration ({what}){}{}", quote(said), after_refusal(what))]
    Refused {
        /// The workload, as `namespace/name`.
        proxy: String,
        /// The counter that says so.
        what: String,
        /// What Envoy said.
        said: String,
    },
    /// An Envoy runs and does not serve.
    #[error(
        "the Envoy of {proxy} was not ready within {seconds} s{}\nA busy machine may take longer: try again",
        quote(said)
    )]
    NotReady {
        /// The workload, as `namespace/name`.
        proxy: String,
        /// The limit.
        seconds: u64,
        /// What it said.
        said: String,
    },
    /// An Envoy ended while it was needed.
    #[error("the Envoy of {proxy} ended by itself ({status}){}", quote(said))]
    Ended {
        /// The workload, as `namespace/name`.
        proxy: String,
        /// How it ended.
        status: String,
        /// What it said.
        said: String,
    },
    /// An Envoy's admin page does not answer.
    #[error("the admin page of {proxy} does not answer: {message}")]
    Admin {
        /// The workload, as `namespace/name`.
        proxy: String,
        /// What went wrong.
        message: String,
    },
    /// A file or process cannot be had.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io {
        /// What was tried, such as `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A task of ours was cut short.
    #[error("a task ended early: {0}")]
    Task(String),
}

impl LocalnetError {
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> LocalnetError {
        LocalnetError::Io { action, path: path.to_owned(), source }
    }
}

const OTHER_ENVOY: &str = "\nBurgee is made for Envoy 1.40. Let ENVOY_BIN name one; without ENVOY_BIN and without an `envoy` on PATH it is fetched";

fn after_refusal(counter: &str) -> &'static str {
    if counter.starts_with("extension_config_discovery.") {
        "\nThe filter module does not load in this Envoy: build it again"
    } else {
        OTHER_ENVOY
    }
}

fn quote(said: &str) -> String {
    if said.is_empty() {
        ", and said nothing".to_owned()
    } else {
        format!(
            ". Its own words:\n{}",
            said.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
        )
    }
}

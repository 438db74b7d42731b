//! Why a run could not be started or went wrong; each says what to do.

use std::io;
use std::path::{Path, PathBuf};

use burgee_api::Problem;
use burgee_overlay::{PLUGIN_PREFIX, plugin_id};
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
    /// Certificates cannot be made.
    #[error(
        "cannot make certificates for mutual TLS: {0}. A service account is a name of ASCII letters and digits"
    )]
    Certificates(#[source] rcgen::Error),
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
    /// An app or the receiver did not start.
    #[error("{part} did not start ({why}){}", quote(said))]
    PartDidNotStart {
        /// What it is, such as `the app of quickstart/hello-v1`.
        part: String,
        /// How it ended, or what else kept it from starting.
        why: String,
        /// What it said.
        said: String,
    },
    /// An Envoy's admin page does not answer.
    #[error(
        "the admin page of {proxy} does not answer: {message}\n\
         Its Envoy runs: it may be stopped, or the machine busy; try again"
    )]
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

/// What to do about a refusal, by the counter that tells of it: a plugin is somebody's own, the other extensions are
/// ours.
fn after_refusal(counter: &str) -> String {
    let extension =
        counter.split_once("extension_config_discovery.").and_then(|(_, kind)| kind.split_once('.'));
    let Some((_, extension)) = extension else {
        return OTHER_ENVOY.to_owned();
    };
    let plugin = extension.strip_prefix(PLUGIN_PREFIX).and_then(|plugin| plugin.rsplit_once('.'));
    match plugin.and_then(|(plugin, _)| plugin_id(plugin)) {
        Some(plugin) => format!(
            "\nThe plugin {plugin} does not load in this Envoy, or refuses its `pluginConfig`: correct that, build its \
             module again, or take it out of the documents"
        ),
        None => "\nThe filter module does not load in this Envoy: build it again".to_owned(),
    }
}

fn quote(said: &str) -> String {
    if said.is_empty() { ", and said nothing".to_owned() } else { own_words(said) }
}

/// What a process said, as the end of a message; empty when it said nothing.
pub(crate) fn own_words(said: &str) -> String {
    let lines: String = said.lines().map(|line| format!("\n  {line}")).collect();
    if lines.is_empty() { lines } else { format!(". Its own words:{lines}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_whose_part_was_refused() {
        for (what, expected) in [
            (
                "extension_config_discovery.http_filter.extensions.istio.io/trafficextension/shop.guard~istio-translated-wasmplugin.config_fail",
                "The plugin shop/guard does not load",
            ),
            (
                "extension_config_discovery.http_filter.burgee.stats.inbound.prometheus.update_rejected",
                "The filter module does not load",
            ),
            (
                "extension_config_discovery.network_filter.burgee.stats_tcp.inbound.prometheus.config_fail",
                "The filter module does not load",
            ),
            ("listener_manager.lds.update_rejected", "Let ENVOY_BIN name one"),
        ] {
            let (proxy, said) = ("shop/web".to_owned(), "error: no such thing".to_owned());
            let error = LocalnetError::Refused { proxy, what: what.to_owned(), said }.to_string();
            assert!(error.contains(expected) && error.contains("\n  error: no such thing\n"), "{error}");
        }
    }
}

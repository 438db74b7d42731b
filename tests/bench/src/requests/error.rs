//! Why requests could not be measured. Each says what to do.

use std::io;
use std::path::PathBuf;

use burgee_localnet::EnvoyError;
use burgee_modules::ModuleError;
use thiserror::Error;

/// Why requests could not be measured.
#[derive(Debug, Error)]
pub(crate) enum RequestsError {
    /// The load generator is not there.
    #[error(
        "the load generator h2load was not found on PATH. Debian and Ubuntu have it in the package nghttp2-client \
         (`apt-get install nghttp2-client`), Fedora in nghttp2, Alpine in nghttp2"
    )]
    NoLoadGenerator,
    /// Too few cores.
    #[error(
        "there is one core for this process; Envoy and the load generator need one each. `taskset -pc` or the container's \
         cpuset says which there are"
    )]
    OneCore,
    /// Not Linux.
    #[cfg(not(target_os = "linux"))]
    #[error(
        "the time of a process is read from Linux's /proc, which this system does not have. Run it on Linux"
    )]
    NotLinux,
    /// A file or a program.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The times of a process cannot be read.
    #[error(
        "{0} does not begin with the nanoseconds that the thread has run: the kernel must be built with \
         CONFIG_SCHED_INFO. It says {1:?}"
    )]
    NoTimes(PathBuf, String),
    /// No Envoy.
    #[error(transparent)]
    NoEnvoy(#[from] EnvoyError),
    /// No module.
    #[error(transparent)]
    NoModule(#[from] ModuleError),
    /// Envoy does not serve.
    #[error("Envoy {version} does not serve what is measured ({what}). Its log ends with:\n{said}")]
    NotServing {
        /// Its version.
        version: String,
        /// What was seen.
        what: String,
        /// The last lines of its log.
        said: String,
    },
    /// The stand-in for a service does not start.
    #[error("the upstream does not start: its first line is {0:?} and should say where it listens")]
    NoUpstream(String),
    /// A burst did not go well.
    #[error("a burst through {variant} was not answered as it should be, so its time says nothing: {what}")]
    Load {
        /// The variant.
        variant: &'static str,
        /// What h2load says.
        what: String,
    },
    /// A variant does not do what it is there for.
    #[error("{variant} does not do what it is there for, so its time says nothing: {what}")]
    NoEffect {
        /// The variant.
        variant: &'static str,
        /// What is missing.
        what: String,
    },
}

impl RequestsError {
    /// For `map_err`.
    pub fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> RequestsError {
        let path = path.into();
        move |source| RequestsError::Io { action, path, source }
    }
}

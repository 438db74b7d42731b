//! What was found on a machine, before anybody says what it means. Plain values.

use std::path::PathBuf;

use burgee_localnet::EnvoyError;
use burgee_localnet::envoy::Prospect;

/// Everything that was looked at.
#[derive(Debug)]
pub(crate) struct Findings {
    /// The compiler.
    pub rustc: Program,
    /// What builds crates.
    pub cargo: Program,
    /// What installs targets.
    pub rustup: Program,
    /// What links programs for this machine; building a filter takes some.
    pub linker: Program,
    /// Our own sources, which filters are built from; else why they are not there.
    pub sources: Result<PathBuf, String>,
    /// Whether the target of filters is installed.
    pub filter_target: bool,
    /// The target of programs for containers on this machine, and whether it is installed.
    pub container_target: (String, bool),
    /// The Envoy that would be used.
    pub envoy: Result<Prospect, EnvoyError>,
    /// Programs called envoy that come before it on PATH and are passed over, with what is wrong with each.
    pub other_envoys: Vec<(PathBuf, String)>,
    /// Python.
    pub python: Program,
    /// Its installer of packages.
    pub pip: Program,
    /// Where things are kept from one run to the next; none if there is no place.
    pub cache: Option<Directory>,
    /// Where a run keeps its files.
    pub temporary: Directory,
    /// Docker's command.
    pub docker: Program,
    /// What runs a folder of containers.
    pub compose: Compose,
    /// The engine that the command reaches.
    pub engine: Program,
    /// Whether 127.0.0.1 can be listened and connected to; else why not.
    pub loopback: Result<(), String>,
    /// The ports that were asked about, and why each cannot be had.
    pub ports: Vec<(u16, Result<(), String>)>,
    /// Watches of files; absent where the system has no inotify.
    pub watches: Option<Watches>,
    /// How many files a process may have open; absent when there is no limit or it cannot be known.
    pub open_files: Option<u64>,
    /// The terminal.
    pub terminal: Terminal,
}

/// A program that was asked for its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// It answered.
    Here(String),
    /// It is not on the path.
    Absent,
    /// It is there and did not answer as it should; in words.
    Broken(String),
}

/// Docker's compose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Compose {
    /// The command that calls it: `docker compose`, or `docker-compose`.
    pub command: &'static str,
    /// What it says.
    pub program: Program,
    /// Whether its `up` knows `--wait`.
    pub can_wait: bool,
}

impl Default for Compose {
    fn default() -> Compose {
        Compose { command: "docker compose", program: Program::Absent, can_wait: false }
    }
}

/// A directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Directory {
    /// Where it is; it need not be there yet.
    pub path: PathBuf,
    /// Whether it, or what it would be made in, can be written to.
    pub is_writable: bool,
    /// The free space in bytes, if it can be known.
    pub free: Option<u64>,
}

/// What the system lets its users watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Watches {
    /// How many more instances could be had, out of [`WANTED_INSTANCES`].
    pub instances: usize,
    /// How many instances a user may have.
    pub most_instances: Option<u64>,
    /// How many files a user may watch.
    pub most_watches: Option<u64>,
}

/// How many instances a large mesh takes: one for each Envoy, and ours.
pub(crate) const WANTED_INSTANCES: usize = 16;

/// The terminal that results are shown on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terminal {
    /// Columns and rows; none when it is no terminal.
    pub size: Option<(u16, u16)>,
    /// Whether it wants colours.
    pub colours: bool,
}

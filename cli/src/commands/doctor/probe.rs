//! Looks at this machine. Every question has a time limit, and none changes anything.

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::Command;

use super::envoys;
use super::findings::{Compose, Directory, Findings, Program, Terminal, Watches};
use crate::progress::Steps;
use crate::report::wants_color;

/// How long a program may take to say its version: a cold disk and a wrapper around it.
const PROGRAM_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a question to the disk or the network stack may take.
const SYSTEM_TIMEOUT: Duration = Duration::from_secs(5);
/// How much of what a program says is told.
const LONGEST_WORDS: usize = 160;

/// Looks at everything at once: together it takes little more than what answers last.
pub(super) async fn everything(ports: &[u16], steps: &Steps) -> Findings {
    steps.step("Looking at this machine");
    let (rustc, cargo) = (variable_or("RUSTC", "rustc"), variable_or("CARGO", "cargo"));
    let [cc, rustup, python3, docker] = ["cc", "rustup", "python3", "docker"].map(OsString::from);
    let container = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    let rust = async {
        tokio::join!(
            version(&rustc, &["--version"]),
            version(&cargo, &["--version"]),
            version(&rustup, &["--version"]),
            version(&cc, &["--version"]),
            has_target(&rustc, "wasm32-wasip1"),
            has_target(&rustc, &container),
        )
    };
    let envoy = async {
        tokio::join!(
            burgee_localnet::envoy::look(),
            envoys::on_path(),
            version(&python3, &["--version"]),
            version(&python3, &["-m", "pip", "--version"]),
        )
    };
    let docker = async {
        let engine = ["version", "--format", "{{.Server.Version}}"];
        let found = tokio::join!(version(&docker, &["--version"]), compose(), version(&docker, &engine));
        // Without the command nothing can be said of the rest.
        match found {
            (docker @ Program::Here(_), compose, engine) => (docker, compose, engine),
            (docker, _, _) => (docker, Compose::default(), Program::Absent),
        }
    };
    let cache = async {
        match burgee_machine::cache_directory() {
            Some(path) => Some(directory(path).await),
            None => None,
        }
    };
    let asked = ports.to_vec();
    let system = async {
        tokio::join!(
            cache,
            directory(std::env::temp_dir()),
            within(loopback),
            within(move || asked.into_iter().map(|port| (port, bind(port).map(drop))).collect()),
            within(watches),
        )
    };
    let (rust, envoy, docker, system) = tokio::join!(rust, envoy, docker, system);
    let (rustc, cargo, rustup, linker, filter_target, has_container_target) = rust;
    let (envoy, other_envoys, python, pip) = envoy;
    let (docker, compose, engine) = docker;
    let (cache, temporary, loopback, bound, watches) = system;
    let unanswered = || "no answer".to_owned();
    Findings {
        rustc,
        cargo,
        rustup,
        linker,
        sources: burgee_modules::filter_folder("telemetry").map_err(|error| error.to_string()),
        filter_target,
        container_target: (container, has_container_target),
        other_envoys: envoys::passed_over(other_envoys, &envoy),
        envoy,
        python,
        pip,
        cache,
        temporary,
        docker,
        compose,
        engine,
        loopback: loopback.unwrap_or_else(|| Err(unanswered())),
        ports: bound.unwrap_or_else(|| ports.iter().map(|port| (*port, Err(unanswered()))).collect()),
        watches: watches.flatten(),
        open_files: open_files(),
        terminal: terminal(),
    }
}

fn variable_or(name: &str, program: &str) -> OsString {
    std::env::var_os(name).filter(|value| !value.is_empty()).unwrap_or_else(|| program.into())
}

/// Runs a program to its end, or until it takes too long.
pub(super) async fn run(program: &OsStr, arguments: &[&str], limit: Duration) -> io::Result<Output> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        // A toolchain that a folder names is not installed because somebody asked.
        .env("RUSTUP_AUTO_INSTALL", "0")
        // Python keeps what it has read, compiled, beside it.
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    // A group of its own does not hear of Ctrl-C.
    burgee_machine::end_with_parent(command.as_std_mut());
    let child = command.spawn()?;
    let group = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
    let output = tokio::time::timeout(limit, child.wait_with_output()).await;
    output.unwrap_or_else(|_| {
        // A wrapper has started others, which are not to be left behind. They may have ended meanwhile.
        let _ = group.map(|group| killpg(group, Signal::SIGKILL));
        Err(io::Error::other(format!("no answer within {} s", limit.as_secs())))
    })
}

/// Asks a program for its version: the first line of what it prints.
async fn version(program: &OsString, arguments: &[&str]) -> Program {
    match run(program, arguments, PROGRAM_TIMEOUT).await {
        Ok(output) if output.status.success() => Program::Here(first_line(&output.stdout)),
        Ok(output) => {
            let said = first_line(&output.stderr);
            Program::Broken(if said.is_empty() { output.status.to_string() } else { said })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Program::Absent,
        Err(error) => Program::Broken(error.to_string()),
    }
}

/// The plugin, else the program of its own that it once was, and whether it can wait until containers are healthy.
async fn compose() -> Compose {
    let (plugin, program) = tokio::join!(
        compose_as("docker compose", &["compose", "version"]),
        compose_as("docker-compose", &["--version"]),
    );
    match (&plugin.program, &program.program) {
        (Program::Absent | Program::Broken(_), Program::Here(_)) => program,
        (Program::Here(_) | Program::Absent | Program::Broken(_), _) => plugin,
    }
}

/// Compose as one command brings it.
async fn compose_as(command: &'static str, version_arguments: &[&str]) -> Compose {
    let (program, plugin) = command.split_once(' ').map_or((command, None), |(a, b)| (a, Some(b)));
    let program = OsString::from(program);
    let help: Vec<&str> = plugin.into_iter().chain(["up", "--help"]).collect();
    let (version, help) =
        tokio::join!(version(&program, version_arguments), run(&program, &help, PROGRAM_TIMEOUT));
    // An option that is described, not one that another's description names.
    let describes = |line: &str| line.split_whitespace().take(2).any(|word| word == "--wait");
    let can_wait = help.is_ok_and(|help| String::from_utf8_lossy(&help.stdout).lines().any(describes));
    Compose { command, program: version, can_wait }
}

pub(super) fn first_line(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let line = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    line.chars().take(LONGEST_WORDS).collect()
}

/// Asks the compiler where the target's library would be: that is the truth with and without rustup.
async fn has_target(rustc: &OsString, target: &str) -> bool {
    let arguments = ["--print", "target-libdir", "--target", target];
    match run(rustc, &arguments, PROGRAM_TIMEOUT).await {
        Ok(output) if output.status.success() => Path::new(&first_line(&output.stdout)).is_dir(),
        Ok(_) | Err(_) => false,
    }
}

/// Does something that may wait for the system, and gives up on it when that takes too long.
async fn within<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::time::timeout(SYSTEM_TIMEOUT, tokio::task::spawn_blocking(work)).await.ok()?.ok()
}

async fn directory(path: PathBuf) -> Directory {
    let asked = path.clone();
    let known = within(move || {
        // What is not there yet is made in what is.
        let there = asked.ancestors().find(|place| place.exists())?;
        let is_writable =
            there.is_dir() && nix::unistd::access(there, nix::unistd::AccessFlags::W_OK).is_ok();
        let space = nix::sys::statvfs::statvfs(there).ok();
        #[allow(clippy::useless_conversion, reason = "the width differs from system to system")]
        let free = space.map(|space| u64::from(space.blocks_available()) * u64::from(space.fragment_size()));
        Some((is_writable, free))
    });
    let (is_writable, free) = known.await.flatten().unwrap_or((false, None));
    Directory { path, is_writable, free }
}

fn bind(port: u16) -> Result<TcpListener, String> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| error.to_string())
}

fn loopback() -> Result<(), String> {
    let address = bind(0)?.local_addr().map_err(|error| error.to_string())?;
    let listener = bind(address.port())?;
    let connected = TcpStream::connect_timeout(&address, SYSTEM_TIMEOUT);
    drop(listener);
    connected.map(drop).map_err(|error| error.to_string())
}

#[cfg(target_os = "linux")]
fn watches() -> Option<Watches> {
    use nix::sys::inotify::{InitFlags, Inotify};

    let limit = |name: &str| {
        std::fs::read_to_string(format!("/proc/sys/fs/inotify/{name}")).ok()?.trim().parse().ok()
    };
    let instances: Vec<Inotify> = (0..super::findings::WANTED_INSTANCES)
        .map_while(|_| Inotify::init(InitFlags::IN_CLOEXEC).ok())
        .collect();
    Some(Watches {
        instances: instances.len(),
        most_instances: limit("max_user_instances"),
        most_watches: limit("max_user_watches"),
    })
}

/// Elsewhere than on Linux there is no inotify.
#[cfg(not(target_os = "linux"))]
fn watches() -> Option<Watches> {
    None
}

fn open_files() -> Option<u64> {
    use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
    let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    (soft != RLIM_INFINITY).then_some(soft)
}

fn terminal() -> Terminal {
    let stdout = io::stdout();
    let size = terminal_size::terminal_size_of(&stdout).map(|(width, height)| (width.0, height.0));
    Terminal { size: size.filter(|_| stdout.is_terminal()), colours: wants_color(&stdout) }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[tokio::test]
    async fn what_does_not_answer_is_ended_with_all_that_it_started() {
        let directory = tempfile::tempdir().expect("a directory");
        let pipe = directory.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        let (sender, ended) = std::sync::mpsc::channel();
        let path = pipe.clone();
        std::thread::spawn(move || {
            // The pipe's end comes when nobody has it open any more.
            let read = std::fs::File::open(path).and_then(|mut pipe| pipe.read_to_end(&mut Vec::new()));
            sender.send(read.is_ok())
        });
        let script = format!("exec 3> '{}'; sleep 3600; true", pipe.display());
        let error =
            run("sh".as_ref(), &["-c", &script], Duration::from_secs(2)).await.expect_err("no answer");
        assert_eq!(error.to_string(), "no answer within 2 s");
        assert_eq!(ended.recv_timeout(Duration::from_secs(20)), Ok(true), "something is left behind");
    }
}

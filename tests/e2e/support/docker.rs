//! Docker for tests: the engine that answers, else one of our own on a private socket, with everything that it started
//! ended with it. Nothing is pulled: the image is made here.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use tempfile::TempDir;

use super::processes::pid;
use super::{envoy, eventually, tempdir};

/// How long any command of Docker may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(180);
/// How long an engine may take to end what it runs and itself.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// An engine, and how it is talked to.
pub(crate) struct Engine {
    /// The variables that lead to it.
    environment: Vec<(&'static str, String)>,
    /// The command of compose: the plugin, else the program of its own that it once was.
    compose: Vec<&'static str>,
    own: Option<Own>,
}

/// An engine of our own.
struct Own {
    process: Child,
    directory: Option<TempDir>,
}

/// What a command printed.
pub(crate) struct Said {
    /// Whether it succeeded.
    pub(crate) is_success: bool,
    /// Standard output, then standard error.
    pub(crate) text: String,
}

/// The engine, or none when there is none to be had; then this says so, and what to install.
pub(crate) fn engine() -> Option<Engine> {
    match Engine::find() {
        Ok(engine) => Some(engine),
        Err(reason) => {
            let test = std::thread::current();
            // Written to the stream itself: what is printed by a test that passes is not shown.
            let _ = writeln!(
                std::io::stderr(),
                "\nSKIPPED: {}: there is no Docker: {reason}\n  on Debian or Ubuntu: apt-get install docker.io \
                 docker-compose",
                test.name().unwrap_or("a test"),
            );
            None
        }
    }
}

impl Engine {
    fn find() -> Result<Engine, String> {
        let works = |command: &[&str]| run(&[], None, command).is_ok_and(|said| said.is_success);
        if !works(&["docker", "--version"]) {
            return Err("`docker` is not on PATH".to_owned());
        }
        let compose: Vec<&str> = if works(&["docker", "compose", "version"]) {
            vec!["docker", "compose"]
        } else if works(&["docker-compose", "--version"]) {
            vec!["docker-compose"]
        } else {
            return Err("neither `docker compose` nor `docker-compose` works".to_owned());
        };
        let mut engine = Engine { environment: Vec::new(), compose, own: None };
        if works(&["docker", "version", "--format", "{{.Server.Version}}"]) {
            return Ok(engine);
        }
        let (own, socket) = Own::start()?;
        engine.environment.push(("DOCKER_HOST", format!("unix://{}", socket.display())));
        engine.own = Some(own);
        Ok(engine)
    }

    /// How a project is started: until every container is healthy, where compose knows how to wait for that.
    pub(crate) fn start_arguments(&self) -> Vec<&'static str> {
        let help: Vec<&str> = self.compose.iter().copied().chain(["up", "--help"]).collect();
        let can_wait = run(&[], None, &help).is_ok_and(|said| said.text.contains(" --wait "));
        ["up", "-d"].into_iter().chain(can_wait.then_some("--wait")).collect()
    }

    /// Runs `docker` with arguments.
    pub(crate) fn docker<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Said {
        let arguments = arguments.iter().map(AsRef::as_ref);
        let whole: Vec<&OsStr> = std::iter::once(OsStr::new("docker")).chain(arguments).collect();
        run(&self.environment, None, &whole).unwrap_or_else(|error| panic!("docker: {error}"))
    }

    /// The name of an image that has Envoy as the official one has it: the official one if the engine has it, else one
    /// that is made here, under the official name where the engine is ours alone.
    pub(crate) fn image(&self) -> String {
        let official = format!("envoyproxy/envoy:v{}", envoy().version);
        if self.docker(&["image", "inspect", &official]).is_success {
            return official;
        }
        let name = match &self.own {
            Some(_) => official,
            None => format!("burgee-e2e/envoy:v{}", envoy().version),
        };
        let root = tempdir();
        fill(root.path(), &envoy().path);
        let archive = root.path().with_extension("tar");
        let packed = run(
            &[],
            None,
            &[
                "tar".as_ref(),
                "-C".as_ref(),
                root.path().as_os_str(),
                "-cf".as_ref(),
                archive.as_os_str(),
                ".".as_ref(),
            ],
        );
        assert!(packed.expect("tar runs").is_success, "the image's files are packed");
        let imported = self.docker(&["import".as_ref(), archive.as_os_str(), name.as_ref()]);
        let _ = fs::remove_file(&archive);
        assert!(imported.is_success, "{}", imported.text);
        name
    }
}

impl Own {
    /// Starts an engine on a socket of its own.
    fn start() -> Result<(Own, PathBuf), String> {
        // Who we are is who owns what the system tells of us.
        if fs::metadata("/proc/self").map_or(true, |me| me.uid() != 0) {
            return Err("no engine answers, and only root can start one".to_owned());
        }
        let directory = tempdir();
        let place = |name: &str| directory.path().join(name);
        let socket = place("socket");
        let log = File::create(place("log")).map_err(|error| error.to_string())?;
        let mut command = Command::new("dockerd");
        command
            .arg("--data-root")
            .arg(place("root"))
            .arg("--exec-root")
            .arg(place("exec"))
            .arg("--pidfile")
            .arg(place("pid"))
            .arg("--host")
            .arg(format!("unix://{}", socket.display()))
            // Compose makes networks; the one that all engines share by default is nobody's here.
            .arg("--bridge=none")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let process = command
            .spawn()
            .map_err(|error| format!("no engine answers, and dockerd cannot be started: {error}"))?;
        let mut own = Own { process, directory: Some(directory) };
        let environment = [("DOCKER_HOST", format!("unix://{}", socket.display()))];
        let deadline = Instant::now() + STOP_TIMEOUT;
        loop {
            let asked = run(&environment, None, &["docker", "version", "--format", "{{.Server.Version}}"]);
            if asked.is_ok_and(|said| said.is_success) {
                return Ok((own, socket));
            }
            let has_ended = own.process.try_wait().ok().flatten();
            if has_ended.is_some() || Instant::now() > deadline {
                let log = own.directory.as_ref().map(|directory| directory.path().join("log"));
                let said = log.and_then(|log| fs::read_to_string(log).ok()).unwrap_or_default();
                let last = said.lines().last().unwrap_or("nothing").to_owned();
                return Err(format!("dockerd does not serve; its last words: {last}"));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let number = self.process.id();
        let _ = kill(pid(number), Signal::SIGTERM);
        let deadline = Instant::now() + STOP_TIMEOUT;
        while Instant::now() < deadline && matches!(self.process.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
        if let Some(directory) = self.directory.take() {
            // What it mounted is in the way of deleting.
            let path = directory.path().to_owned();
            for mount in mounts_below(&path) {
                let _ = run(&[], None, &["umount".as_ref(), "-l".as_ref(), mount.as_os_str()]);
            }
            let _ = directory.close();
        }
    }
}

/// What is mounted below a directory, the deepest first.
fn mounts_below(directory: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let places = text.lines().filter_map(|line| line.split(' ').nth(1)).map(PathBuf::from);
    let mut below: Vec<PathBuf> = places.filter(|place| place.starts_with(directory)).collect();
    below.sort_by_key(|place| std::cmp::Reverse(place.components().count()));
    below
}

/// A root file system that has Envoy where the official image has it, and the libraries that it loads; no shell.
fn fill(root: &Path, envoy: &Path) {
    let copy = |from: &Path, to: &str| {
        let to = root.join(to.trim_start_matches('/'));
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        fs::copy(from, &to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    };
    copy(envoy, "/usr/local/bin/envoy");
    let said = run(&[], None, &["ldd".as_ref(), envoy.as_os_str()]).expect("ldd runs");
    let libraries = said.text.split_whitespace().filter(|word| word.starts_with('/') && !word.ends_with(':'));
    for library in libraries {
        copy(Path::new(library), library);
    }
}

/// Containers of a folder's compose file. They end with this.
pub(crate) struct Project<'a> {
    engine: &'a Engine,
    folder: PathBuf,
    name: String,
    environment: Vec<(&'static str, String)>,
}

impl<'a> Project<'a> {
    /// The containers of a folder, none of which runs yet.
    pub(crate) fn new(
        engine: &'a Engine,
        folder: &Path,
        variables: &[(&'static str, String)],
    ) -> Project<'a> {
        let environment = [&engine.environment[..], variables].concat();
        let name = format!("burgee-e2e-{}", std::process::id());
        Project { engine, folder: folder.to_owned(), name, environment }
    }

    /// Runs compose with arguments, in the folder.
    pub(crate) fn compose(&self, arguments: &[&str]) -> Said {
        let whole = [&self.engine.compose[..], &["-p", &self.name], arguments].concat();
        run(&self.environment, Some(&self.folder), &whole).unwrap_or_else(|error| panic!("compose: {error}"))
    }

    /// Where the host has a container's port.
    pub(crate) fn port(&self, container: &str, port: &str) -> String {
        eventually("a port", || {
            let said = self.compose(&["port", container, port]);
            let address = said.text.lines().map(str::trim).find(|line| line.starts_with("127.0.0.1:"));
            address.map(str::to_owned).ok_or(said.text.clone())
        })
    }

    /// What a container printed so far.
    pub(crate) fn logs(&self, container: &str) -> String {
        self.compose(&["logs", "--no-color", container]).text
    }

    /// When each container was started, by identifier: it differs when one was started anew.
    pub(crate) fn starts(&self) -> Vec<String> {
        let said = self.compose(&["ps", "-q"]);
        let mut started: Vec<String> = said
            .text
            .split_whitespace()
            .map(|id| self.engine.docker(&["inspect", "--format", "{{.Id}} {{.State.StartedAt}}", id]).text)
            .collect();
        started.sort();
        started
    }
}

impl Drop for Project<'_> {
    fn drop(&mut self) {
        let whole =
            [&self.engine.compose[..], &["-p", &self.name, "down", "--volumes", "--timeout", "1"]].concat();
        let ended = run(&self.environment, Some(&self.folder), &whole);
        if !ended.is_ok_and(|said| said.is_success) {
            let _ = writeln!(std::io::stderr(), "the containers of {} may be left", self.name);
        }
    }
}

/// Runs a command to its end, or until it takes too long. What it prints goes to a file: a pipe that a grandchild
/// holds would never end.
fn run<S: AsRef<OsStr>>(
    environment: &[(&'static str, String)],
    directory: Option<&Path>,
    whole: &[S],
) -> Result<Said, String> {
    let output = tempfile::NamedTempFile::new().map_err(|error| error.to_string())?;
    // Two writers that append do not write over each other.
    let stream = || File::options().append(true).open(output.path()).map_err(|error| error.to_string());
    let (program, arguments) = whole.split_first().ok_or("nothing to run")?;
    let mut command = Command::new(program);
    command.args(arguments).envs(environment.iter().cloned());
    command.stdin(Stdio::null()).stdout(stream()?).stderr(stream()?);
    if let Some(directory) = directory {
        command.current_dir(directory);
    }
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let deadline = Instant::now() + COMMAND_TIMEOUT;
    let status = loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) => break status,
            None if Instant::now() > deadline => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("no end within {} s", COMMAND_TIMEOUT.as_secs()));
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    let text =
        String::from_utf8_lossy(&fs::read(output.path()).map_err(|error| error.to_string())?).into_owned();
    Ok(Said { is_success: status.success(), text })
}

//! One Envoy process: started so that it cannot outlive us, watched until it serves, asked and then made to end.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use crate::admin::Admin;
use crate::error::LocalnetError;
use crate::site::ENVOY_LOG;

mod child;
mod fork;
mod stub;

use child::describe;
pub(crate) use child::{ChildProcess, Watched};
use fork::{Owned, spawn};
pub(crate) use stub::{LastWords, StubProcess};

/// How long an Envoy may take to end after it was asked.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);
/// How long connections of before a change of listeners may live.
const DRAIN_SECONDS: &str = "1";
/// How often access logs reach their files; ten seconds, the default, is long to watch.
const LOG_FLUSH_MILLISECONDS: &str = "250";
/// How often a starting Envoy is looked at.
const READY_INTERVAL: Duration = Duration::from_millis(20);
/// The counters of file xDS that say that something was not taken.
pub(crate) const FILE_REJECTIONS: &str = "(listener_manager.lds|cluster_manager.cds|extension_config_discovery.*).(update_rejected|update_failure|config_fail)$";

/// What it takes to start an Envoy.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The workload that it serves, as `namespace/name`.
    pub name: String,
    /// The binary.
    pub binary: PathBuf,
    /// Its directory; the bootstrap is there.
    pub directory: PathBuf,
    /// The bootstrap's file name.
    pub bootstrap: String,
    /// How many worker threads.
    pub concurrency: u32,
    /// The listeners that must be active before it counts as ready.
    pub listeners: Vec<String>,
    /// The counters that say that it does not take what it is to start with, as a regular expression; empty: none do.
    pub rejections: &'static str,
    /// How long that may take.
    pub ready_timeout: Duration,
}

/// A running Envoy. Killed when this is dropped, and gone then.
#[derive(Debug)]
pub struct EnvoyProcess {
    child: ChildProcess,
    log: PathBuf,
    admin: Admin,
    ready_ms: u64,
}

impl EnvoyProcess {
    /// Starts an Envoy and waits until it serves.
    ///
    /// # Errors
    /// When it cannot be started, ends, refuses its configuration or takes too long; with Envoy's own words.
    pub async fn start(launch: &Launch) -> Result<EnvoyProcess, LocalnetError> {
        let began = Instant::now();
        let log = launch.directory.join(ENVOY_LOG);
        let admin_file = launch.directory.join("admin-address");
        // Appended to, since whoever follows it may give its space back.
        let log_file = File::create(&log).and_then(|_| File::options().append(true).open(&log));
        let log_file = log_file.map_err(|error| LocalnetError::io("create", &log, error))?;
        let mut command = Command::new(&launch.binary);
        command
            .arg("--config-path")
            .arg(launch.directory.join(&launch.bootstrap))
            .args(["--concurrency", &launch.concurrency.to_string()])
            .args(["--log-level", "warning", "--log-format", "%l: %v"])
            .args(["--file-flush-interval-msec", LOG_FLUSH_MILLISECONDS])
            // Connections of before a change keep the filters of before. They are told to close with their next
            // answer, and closed after this long.
            .args(["--drain-time-s", DRAIN_SECONDS, "--drain-strategy", "immediate"])
            .arg("--disable-hot-restart")
            .arg("--admin-address-path")
            .arg(&admin_file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log_file);
        let mut child =
            spawn(command).await.map_err(|error| LocalnetError::io("start", &launch.binary, error))?;
        let admin = wait_until_ready(launch, &mut child, &log, &admin_file, began).await?;
        let ready_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(EnvoyProcess { child: ChildProcess::new(child), log, admin, ready_ms })
    }

    /// Its admin page.
    pub fn admin(&self) -> &Admin {
        &self.admin
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// How long it took from start until it served.
    pub fn ready_ms(&self) -> u64 {
        self.ready_ms
    }

    /// How far its log goes; what it says from now on begins here.
    pub fn log_length(&self) -> u64 {
        fs::metadata(&self.log).map_or(0, |metadata| metadata.len())
    }

    /// What it complained about since its log was so long.
    pub fn complaints_since(&self, length: u64) -> String {
        complaints(&self.log, length)
    }

    /// How it ended, in words, when it has and not by us.
    pub fn ended(&self) -> Option<String> {
        self.child.ended()
    }

    /// A look at it for somebody else.
    pub(crate) fn watched(&self) -> Watched {
        self.child.watched()
    }

    /// Where it writes what it has to say.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// Asks it to end, and makes it end when it does not in time.
    pub async fn stop(self) {
        self.child.stop(STOP_TIMEOUT).await;
    }
}

async fn wait_until_ready(
    launch: &Launch,
    child: &mut Owned,
    log: &Path,
    admin_file: &Path,
    began: Instant,
) -> Result<Admin, LocalnetError> {
    let proxy = || launch.name.clone();
    let mut admin: Option<Admin> = None;
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            let (status, said) = (describe(status), complaints(log, 0));
            let binary = launch.binary.clone();
            return Err(LocalnetError::DidNotStart { proxy: proxy(), binary, status, said });
        }
        if admin.is_none() {
            admin = read_address(admin_file).map(Admin::new);
        }
        if let Some(admin) = &admin {
            if let Some(what) = rejection(admin, launch.rejections).await {
                // The counter can be seen a moment before the log has the words.
                tokio::time::sleep(READY_INTERVAL).await;
                return Err(LocalnetError::Refused { proxy: proxy(), what, said: complaints(log, 0) });
            }
            if admin.is_ready().await && serves_all(admin, &launch.listeners).await {
                return Ok(admin.clone());
            }
        }
        if began.elapsed() > launch.ready_timeout {
            let seconds = launch.ready_timeout.as_secs();
            return Err(LocalnetError::NotReady { proxy: proxy(), seconds, said: complaints(log, 0) });
        }
        tokio::time::sleep(READY_INTERVAL).await;
    }
}

fn read_address(file: &Path) -> Option<SocketAddr> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

async fn serves_all(admin: &Admin, expected: &[String]) -> bool {
    let active = admin.listeners().await.unwrap_or_default();
    expected.iter().all(|name| active.contains(name))
}

/// The first counter that says that a part of the configuration was not taken.
async fn rejection(admin: &Admin, counters: &str) -> Option<String> {
    if counters.is_empty() {
        return None;
    }
    let stats = admin.stats(counters).await.ok()?;
    stats.into_iter().find(|(_, count)| *count > 0).map(|(name, _)| name)
}

/// How many of the last lines of a log are shown.
const SHOWN_LINES: usize = 6;
/// How much of a line is shown: Envoy quotes whole files.
const SHOWN_CHARACTERS: usize = 600;
/// What tells nobody anything: what Envoy says in every run, whatever is wrong, and the frames of its stack that have
/// no names.
const NOISE: [&str; 3] =
    ["There is no configured limit to the number of allowed active", "caught ENVOY_SIGTERM", ": [0x"];

/// How much of a log's end is looked at: an Envoy that complains about every request writes a long one.
const LOOKED_AT: u64 = 256 * 1024;

/// The last things that a log complains about after its first `from` bytes.
pub(crate) fn complaints(log: &Path, from: u64) -> String {
    last_complaints(&String::from_utf8_lossy(&end_of(log, from).unwrap_or_default()))
}

fn end_of(log: &Path, from: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(log)?;
    let from = from.max(file.metadata()?.len().saturating_sub(LOOKED_AT));
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(LOOKED_AT).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn last_complaints(text: &str) -> String {
    let lines: Vec<_> = text
        .lines()
        .map(|line| line.trim_end())
        .filter(|line| !line.is_empty() && !NOISE.iter().any(|noise| line.contains(noise)))
        .collect();
    let shown = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
    shown.iter().map(|line| shorten(line)).collect::<Vec<_>>().join("\n")
}

fn shorten(line: &str) -> String {
    match line.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{} …", &line[..end]),
        None => line.to_owned(),
    }
}

/// Starts a command, waits for its end and returns its status with both outputs. Ends it when that takes too long.
pub(crate) async fn output(mut command: Command, limit: Duration) -> io::Result<Output> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = spawn(command).await?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let whole = async { tokio::try_join!(child.wait(), read(out), read(err)) };
    match tokio::time::timeout(limit, whole).await {
        Ok(whole) => whole.map(|(status, stdout, stderr)| Output { status, stdout, stderr }),
        Err(_) => {
            Err(io::Error::new(io::ErrorKind::TimedOut, format!("no end within {} s", limit.as_secs())))
        }
    }
}

async fn read(pipe: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_are_the_last_lines_without_what_every_run_says() {
        let noise =
            "warning: There is no configured limit to the number of allowed active downstream connections.";
        let mut text = format!("{noise}\n");
        for number in 0..10 {
            text.push_str(&format!("error: {number}\n\n"));
        }
        text.push_str("critical: #1: [0x55f8ac796368]\n");
        let shown = last_complaints(&text);
        assert_eq!(
            shown.lines().collect::<Vec<_>>(),
            (4..10).map(|n| format!("error: {n}")).collect::<Vec<_>>()
        );
    }

    #[test]
    fn of_a_long_log_the_end_is_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("envoy.log");
        let long = "error: again\n".repeat(100_000);
        fs::write(&log, format!("error: first\n{long}error: last\n")).unwrap();
        assert!(complaints(&log, 0).ends_with("error: again\nerror: last"));
        let length = fs::metadata(&log).unwrap().len();
        assert_eq!(complaints(&log, length - 12), "error: last");
        assert_eq!((complaints(&log, length).as_str(), complaints(&log, length + 1).as_str()), ("", ""));
        assert_eq!(complaints(&folder.path().join("none"), 0), "");
    }

    #[test]
    fn a_very_long_line_is_cut_at_a_character() {
        let shown = last_complaints(&"ä".repeat(10_000));
        assert_eq!(shown.chars().count(), SHOWN_CHARACTERS + 2);
    }

    #[tokio::test]
    async fn a_command_that_takes_too_long_is_ended() {
        let mut command = Command::new("sleep");
        command.arg("60");
        let error = output(command, Duration::from_millis(50)).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn what_a_command_started_ends_with_it() {
        let (mut read, write) = std::io::pipe().unwrap();
        let mut command = Command::new("sh");
        // Both write to the pipe: its end is seen when the last of them is gone.
        command.args(["-c", "sleep 60 & wait"]);
        command.stderr(write);
        let child = fork::spawn(command).await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        drop(child);
        let end = tokio::task::spawn_blocking(move || io::copy(&mut read, &mut io::sink()));
        tokio::time::timeout(Duration::from_secs(20), end).await.expect("nobody writes").unwrap().unwrap();
    }

    #[tokio::test]
    async fn both_outputs_are_read_to_their_ends() {
        let mut command = Command::new("sh");
        command.args(["-c", "head -c 300000 /dev/zero; head -c 200000 /dev/zero >&2; exit 3"]);
        let output = output(command, Duration::from_secs(20)).await.unwrap();
        assert_eq!((output.stdout.len(), output.stderr.len()), (300_000, 200_000));
        assert_eq!(output.status.code(), Some(3));
    }
}

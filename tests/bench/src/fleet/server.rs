//! The server: `burgee serve`, as anybody runs it, on ports that are free.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::error::FleetError;
use super::security::Security;
use super::world::World;
use crate::requests::processor::time_of;

/// How long it may take to start. The first time it builds a module.
const START: Duration = Duration::from_secs(600);
/// How many of its lines are kept.
const LINES: usize = 20;

/// A server that runs. It ends when this is dropped.
pub(super) struct Server {
    child: Child,
    said: Said,
    /// Where it serves proxies.
    pub proxies: SocketAddr,
}

type Said = Arc<Mutex<VecDeque<String>>>;

impl Server {
    /// Starts one for a mesh. `behind`: the control plane that has the base, in place of the folder.
    pub async fn start(
        program: &Path,
        world: &World,
        security: Option<&Security>,
        behind: Option<SocketAddr>,
    ) -> Result<Server, FleetError> {
        let base = match behind {
            Some(behind) => OsString::from(format!("xds://{behind}")),
            None => world.base().into(),
        };
        Server::start_over(program, &base, &world.texts(), &world.state(), world, security).await
    }

    /// Starts one that stands for another control plane: it has the base, and no documents.
    pub async fn start_behind(program: &Path, world: &World) -> Result<Server, FleetError> {
        let (texts, state) = world.of_another()?;
        Server::start_over(program, world.base().as_os_str(), &texts, &state, world, None).await
    }

    async fn start_over(
        program: &Path,
        base: &OsStr,
        texts: &Path,
        state: &Path,
        world: &World,
        security: Option<&Security>,
    ) -> Result<Server, FleetError> {
        if !program.is_file() {
            return Err(FleetError::NoProgram(program.display().to_string()));
        }
        let mut command = Command::new(program);
        command
            .arg("serve")
            .arg("--base")
            .arg(base)
            .arg("-f")
            .arg(texts)
            .arg("--state")
            .arg(state)
            .args([
                "--listen",
                "127.0.0.1:0",
                "--admin",
                "127.0.0.1:0",
                "--modules",
                "path",
                "--log-level",
                "warn",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        if let Some(security) = security {
            let files = security.write(world.certificates())?;
            command.arg("--tls-cert").arg(files.certificate).arg("--tls-key").arg(files.key);
            command.arg("--tls-ca").arg(files.authority);
        }
        #[cfg(target_os = "linux")]
        burgee_machine::end_with_parent(&mut command);
        let mut child = command.spawn().map_err(FleetError::io("start", program.display()))?;
        let said = Said::default();
        let (tell, told) = oneshot::channel();
        if let Some(lines) = child.stderr.take() {
            let said = said.clone();
            std::thread::spawn(move || listen(BufReader::new(lines), &said, tell));
        }
        let not_serving = |what: &str, said: &Said| FleetError::NotServing {
            what: what.to_owned(),
            said: last_lines(said),
        };
        let address = tokio::time::timeout(START, told).await;
        let failed = match address {
            Ok(Ok(proxies)) => return Ok(Server { child, said, proxies }),
            Ok(Err(_)) => not_serving("it ended before it said where", &said),
            Err(_) => not_serving("it does not say where in time", &said),
        };
        let _ = child.kill();
        let _ = child.wait();
        Err(failed)
    }

    /// How much memory it has, in bytes: what is resident.
    pub fn memory(&self) -> Result<u64, FleetError> {
        let file = format!("/proc/{}/status", self.child.id());
        let text = fs::read_to_string(&file).map_err(FleetError::io("read", &file))?;
        resident(&text).ok_or_else(|| FleetError::NotServing {
            what: format!("{file} has no VmRSS"),
            said: last_lines(&self.said),
        })
    }

    /// How long it has had a core.
    pub fn time(&self) -> Result<Duration, FleetError> {
        Ok(time_of(self.child.id())?)
    }

    /// Its last lines, and how it ended if it did.
    pub fn last_words(&mut self) -> String {
        let ended = match self.child.try_wait() {
            Ok(Some(status)) => format!("it ended: {status}\n"),
            _ => String::new(),
        };
        last_lines(&self.said) + &ended
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn last_lines(said: &Said) -> String {
    let said = said.lock().unwrap_or_else(PoisonError::into_inner);
    said.iter().map(|line| format!("{line}\n")).collect()
}

/// Keeps what a server says, and tells where it serves proxies.
fn listen(lines: impl BufRead, said: &Said, tell: oneshot::Sender<SocketAddr>) {
    let mut tell = Some(tell);
    for line in lines.lines().map_while(Result::ok) {
        if let Some(address) = address(&line)
            && let Some(tell) = tell.take()
        {
            let _ = tell.send(address);
        }
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.push_back(line);
        while said.len() > LINES {
            said.pop_front();
        }
    }
}

/// Where a line says that proxies are served.
fn address(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("serving proxies at ")?;
    rest.split_ascii_whitespace().next()?.parse().ok()
}

/// What of a process is in memory, of its `/proc/PID/status`.
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_and_the_kernel_say_is_read() {
        let line =
            "serving proxies at 127.0.0.1:15010 without TLS; status at http://127.0.0.1:15014/v1/status";
        assert_eq!(address(line), Some(SocketAddr::from(([127, 0, 0, 1], 15010))));
        assert_eq!(address("serving proxies at home"), None);
        assert_eq!(resident("Name:\tburgee\nVmRSS:\t   12 kB\nThreads:\t2\n"), Some(12 * 1024));
        assert_eq!(resident("VmRSS:\t12 MB\n"), None);
    }
}

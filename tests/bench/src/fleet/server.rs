//! The server: `burgee serve`, as anybody runs it, on ports that are free.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::oneshot;

use super::error::FleetError;
use super::restart::Connected;
use super::security::Security;
use super::world::World;
use crate::requests::processor::time_of;

/// How long it may take to start. The first time it builds a module.
const START: Duration = Duration::from_secs(600);
/// How many of its lines are kept.
const LINES: usize = 20;

/// A server that runs. It ends when this is dropped.
pub(super) struct Server {
    program: PathBuf,
    /// All but where it listens.
    arguments: Vec<OsString>,
    child: Child,
    said: Said,
    at: Addresses,
}

/// Where a server listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Addresses {
    proxies: SocketAddr,
    admin: SocketAddr,
}

type Said = Arc<Mutex<VecDeque<String>>>;

impl Server {
    /// Starts one for a mesh. Its base is that of the mesh, or what another server gives.
    pub async fn start(
        program: &Path,
        world: &World,
        security: Option<&Security>,
        upstream: Option<&Server>,
    ) -> Result<Server, FleetError> {
        let base = match upstream {
            Some(upstream) => format!("xds://{}", upstream.proxies()).into(),
            None => world.base().into_os_string(),
        };
        let mut arguments = arguments(base, world.texts(), world.state());
        if let Some(security) = security {
            let files = security.write(world.certificates())?;
            for (flag, file) in
                [("--tls-cert", files.certificate), ("--tls-key", files.key), ("--tls-ca", files.authority)]
            {
                arguments.extend([flag.into(), file.into_os_string()]);
            }
        }
        Server::of(program, arguments).await
    }

    /// Starts one that gives the base of a mesh, without documents.
    pub async fn start_upstream(program: &Path, world: &World) -> Result<Server, FleetError> {
        let (texts, state) = world.upstream()?;
        Server::of(program, arguments(world.base().into_os_string(), texts, state)).await
    }

    async fn of(program: &Path, arguments: Vec<OsString>) -> Result<Server, FleetError> {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let (child, said, at) = spawn(program, &arguments, any).await?;
        Ok(Server { program: program.to_owned(), arguments, child, said, at })
    }

    /// Kills it, and starts another one that listens where it did and has the same state.
    pub async fn restart(&mut self) -> Result<(), FleetError> {
        let _ = self.child.kill();
        let _ = self.child.wait();
        (self.child, self.said, self.at) = spawn(&self.program, &self.arguments, self.at.proxies).await?;
        Ok(())
    }

    /// Where it serves proxies.
    pub fn proxies(&self) -> SocketAddr {
        self.at.proxies
    }

    /// Who can ask it for its status.
    pub fn asker(&self) -> Result<Asker, FleetError> {
        let uri = format!("http://{}{}", self.at.admin, burgee_server::admin::paths::STATUS);
        let uri = uri.parse().map_err(|error| FleetError::io("ask", &uri)(io::Error::other(error)))?;
        Ok(Asker { uri, client: Client::builder(TokioExecutor::new()).build_http() })
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

/// Asks a server for its status.
pub(super) struct Asker {
    uri: http::Uri,
    client: Client<HttpConnector, Empty<Bytes>>,
}

impl Asker {
    /// Who is connected.
    pub async fn connected(&self) -> Result<Connected, FleetError> {
        let told = |error: Box<dyn std::error::Error + Send + Sync>| {
            FleetError::io("ask", &self.uri)(io::Error::other(error))
        };
        let answer = self.client.get(self.uri.clone()).await.map_err(|error| told(error.into()))?;
        let body = answer.into_body().collect().await.map_err(|error| told(error.into()))?.to_bytes();
        serde_json::from_slice(&body).map_err(|error| told(error.into()))
    }
}

/// How a server is told what it serves.
fn arguments(base: OsString, texts: PathBuf, state: PathBuf) -> Vec<OsString> {
    let mut arguments: Vec<OsString> =
        ["serve", "--modules", "path", "--log-level", "warn", "--base"].map(OsString::from).into();
    arguments.extend([base, "-f".into(), texts.into(), "--state".into(), state.into()]);
    arguments
}

/// Starts a server and waits until it serves.
async fn spawn(
    program: &Path,
    arguments: &[OsString],
    listen_at: SocketAddr,
) -> Result<(Child, Said, Addresses), FleetError> {
    if !program.is_file() {
        return Err(FleetError::NoProgram(program.display().to_string()));
    }
    let mut command = Command::new(program);
    command
        .args(arguments)
        .args(["--listen", &listen_at.to_string(), "--admin", "127.0.0.1:0"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    #[cfg(target_os = "linux")]
    burgee_machine::end_with_parent(&mut command);
    let mut child = command.spawn().map_err(FleetError::io("start", program.display()))?;
    let said = Said::default();
    let (tell, told) = oneshot::channel();
    if let Some(lines) = child.stderr.take() {
        let said = said.clone();
        std::thread::spawn(move || listen(BufReader::new(lines), &said, tell));
    }
    let what = match tokio::time::timeout(START, told).await {
        Ok(Ok(at)) => return Ok((child, said, at)),
        Ok(Err(_)) => "it ended before it said where",
        Err(_) => "it does not say where in time",
    };
    let _ = child.kill();
    let _ = child.wait();
    Err(FleetError::NotServing { what: what.to_owned(), said: last_lines(&said) })
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

/// Keeps what a server says, and tells where it serves.
fn listen(lines: impl BufRead, said: &Said, tell: oneshot::Sender<Addresses>) {
    let mut tell = Some(tell);
    for line in lines.lines().map_while(Result::ok) {
        if let Some(at) = addresses(&line)
            && let Some(tell) = tell.take()
        {
            let _ = tell.send(at);
        }
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.push_back(line);
        while said.len() > LINES {
            said.pop_front();
        }
    }
}

/// Where a line says that proxies are served, and the status.
fn addresses(line: &str) -> Option<Addresses> {
    let (_, rest) = line.split_once("serving proxies at ")?;
    let (_, admin) = rest.split_once("status at http://")?;
    let proxies = rest.split_ascii_whitespace().next()?.parse().ok()?;
    Some(Addresses { proxies, admin: admin.split('/').next()?.parse().ok()? })
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
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        assert_eq!(addresses(line), Some(Addresses { proxies: at(15010), admin: at(15014) }));
        assert_eq!(addresses("serving proxies at home"), None);
        assert_eq!(resident("Name:\tburgee\nVmRSS:\t   12 kB\nThreads:\t2\n"), Some(12 * 1024));
        assert_eq!(resident("VmRSS:\t12 MB\n"), None);
    }
}

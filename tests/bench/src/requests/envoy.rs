//! The Envoy that is measured, and the upstream behind it: processes of ours that end with us.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use burgee_localnet::Envoy;
use burgee_stub::protocol::Listening;
use serde_json::Value;

use super::error::RequestsError;
use super::processor::spawn_on;
use super::web::Web;

/// How long Envoy may take until it serves: compiling modules takes a second, a busy machine takes longer.
const READY_TIMEOUT: Duration = Duration::from_secs(60);
/// How often is looked.
const INTERVAL: Duration = Duration::from_millis(50);
/// How much of the log an error shows.
const SHOWN_LINES: usize = 8;

/// A process that is ended when this is dropped.
#[derive(Debug)]
struct Owned(Child);

impl Drop for Owned {
    fn drop(&mut self) {
        // It has ended by itself if it cannot be ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An Envoy that serves.
#[derive(Debug)]
pub(crate) struct Running {
    child: Owned,
    version: String,
    folder: tempfile::TempDir,
    /// The port of its admin page.
    pub admin: u16,
}

impl Running {
    /// Starts an Envoy on some cores and waits until it serves.
    pub fn start(
        envoy: &Envoy,
        configuration: &Value,
        cores: &[usize],
        concurrency: u32,
        web: &Web,
    ) -> Result<Running, RequestsError> {
        let folder = tempfile::Builder::new().prefix("burgee-bench-").tempdir();
        let folder = folder.map_err(RequestsError::io("make a folder in", std::env::temp_dir()))?;
        let [file, log, admin] = ["envoy.json", "log", "admin"].map(|name| folder.path().join(name));
        fs::write(&file, configuration.to_string()).map_err(RequestsError::io("write", &file))?;
        let log = File::create(&log).map_err(RequestsError::io("create", &log))?;
        let mut command = Command::new(&envoy.path);
        command
            .args(["--concurrency", &concurrency.to_string(), "--disable-hot-restart"])
            .args(["--log-level", "warning", "--log-format", "%l: %v"])
            .arg("--config-path")
            .arg(&file)
            .arg("--admin-address-path")
            .arg(&admin)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let child = Owned(spawn_on(cores, &mut command, &envoy.path)?);
        let mut running = Running { child, version: envoy.version.clone(), folder, admin: 0 };
        running.eventually(web, |running, web| {
            let address = fs::read_to_string(&admin).map_err(|error| format!("no admin page: {error}"))?;
            let port = address.trim().rsplit_once(':').and_then(|(_, port)| port.parse().ok());
            running.admin = port.ok_or_else(|| format!("its admin page is at {address:?}"))?;
            web.page(running.admin, "/ready")
        })?;
        Ok(running)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.0.id()
    }

    /// The port that a listener has been given.
    pub fn port(&mut self, listener: &str, web: &Web) -> Result<u16, RequestsError> {
        self.eventually(web, |running, web| {
            let page = web.page(running.admin, "/listeners?format=json")?;
            port_of(listener, &page).ok_or_else(|| format!("the listener {listener} has no port"))
        })
    }

    /// What is wrong, with the end of its log.
    pub fn not_serving(&self, what: String) -> RequestsError {
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
        let said = lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n");
        RequestsError::NotServing { version: self.version.clone(), what, said }
    }

    /// Asks until there is an answer.
    fn eventually<T>(
        &mut self,
        web: &Web,
        mut ask: impl FnMut(&mut Running, &Web) -> Result<T, String>,
    ) -> Result<T, RequestsError> {
        let began = Instant::now();
        loop {
            let what = match ask(self, web) {
                Ok(answer) => return Ok(answer),
                Err(what) => what,
            };
            if let Ok(Some(status)) = self.child.0.try_wait() {
                return Err(self.not_serving(format!("it ended: {status}")));
            }
            if began.elapsed() > READY_TIMEOUT {
                return Err(self.not_serving(what));
            }
            thread::sleep(INTERVAL);
        }
    }
}

fn port_of(listener: &str, page: &str) -> Option<u16> {
    let page: Value = serde_json::from_str(page).ok()?;
    let statuses = page["listener_statuses"].as_array()?;
    let status = statuses.iter().find(|status| status["name"] == listener)?;
    let port = status["local_address"]["socket_address"]["port_value"].as_u64()?;
    u16::try_from(port).ok().filter(|port| *port > 0)
}

/// A stand-in for a service: this program again, as an app.
#[derive(Debug)]
pub(crate) struct Upstream {
    /// It ends with this.
    _child: Owned,
    /// Where it answers requests.
    pub port: u16,
    /// Where it sends back what comes without HTTP.
    pub tcp_port: u16,
}

impl Upstream {
    /// Starts one on some cores and waits until it listens.
    pub fn start(cores: &[usize]) -> Result<Upstream, RequestsError> {
        let program =
            std::env::current_exe().map_err(RequestsError::io("find", PathBuf::from("this program")))?;
        let mut command = Command::new(&program);
        command
            .args(["stub", "app", "--name", "web", "--listen-tcp", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut child = Owned(spawn_on(cores, &mut command, &program)?);
        let mut line = String::new();
        if let Some(stdout) = child.0.stdout.as_mut() {
            let read = BufReader::new(stdout).read_line(&mut line);
            read.map_err(RequestsError::io("read what is printed by", &program))?;
        }
        let listening = serde_json::from_str::<Listening>(&line).ok();
        let port_of = |address: &str| address.rsplit_once(':')?.1.parse().ok();
        let ports =
            listening.and_then(|said| Some((port_of(&said.listening)?, port_of(&said.listening_tcp?)?)));
        let (port, tcp_port) = ports.ok_or(RequestsError::NoUpstream(line))?;
        Ok(Upstream { _child: child, port, tcp_port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_s_port_is_read_once_it_has_one() {
        let page = |port: u16| {
            format!(
                r#"{{"listener_statuses": [
                    {{"name": "a", "local_address": {{"socket_address": {{"address": "127.0.0.1", "port_value": 7}}}}}},
                    {{"name": "b", "local_address": {{"socket_address": {{"address": "127.0.0.1", "port_value": {port}}}}}}}]}}"#
            )
        };
        assert_eq!(port_of("b", &page(9)), Some(9));
        assert_eq!(port_of("b", &page(0)), None);
        assert_eq!(port_of("c", &page(9)), None);
        assert_eq!(port_of("a", "{}"), None);
        assert_eq!(port_of("a", "no JSON"), None);
    }
}

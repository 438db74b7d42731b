//! Runs an Envoy with every scenario and gives its table.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use burgee_localnet::Envoy;
use serde_json::Value;

use crate::bootstrap::{Ports, bootstrap};
use crate::scenarios::{Scenario, Traffic};
use crate::servers::{self, Received, free_port};
use crate::table::{Event, Seen, table};
use crate::{client, grpc};

/// How long anything may take that takes a second or less on an idle machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Plays every scenario in an Envoy and gives the table of what came of it.
pub(crate) fn record(envoy: &Envoy, module: &Path, scenarios: &BTreeMap<String, Scenario>) -> Value {
    let received = Received::default();
    let ports = Ports {
        web: servers::web(received.clone()),
        echo: servers::echo(),
        grpc: grpc::grpc(),
        closed: free_port(),
        tls_web: free_port(),
        tls_echo: free_port(),
    };
    let listening: Vec<(&str, &Scenario, u16, u16)> = scenarios
        .iter()
        .map(|(name, scenario)| (name.as_str(), scenario, free_port(), free_port()))
        .collect();
    let mut running = Running::start(envoy, &bootstrap(module, ports, &listening));
    let mut seen = BTreeMap::new();
    for (name, scenario, port, _) in listening {
        let cases = [None].into_iter().chain(scenario.own_cases().map(Some));
        let of_scenario: Vec<Seen> =
            cases.map(|case| play(port, scenario.traffic, name, case, &received)).collect();
        running.wait_for(name, scenario, of_scenario.len());
        seen.insert(name.to_owned(), of_scenario);
    }
    let log = running.end();
    table(&envoy.version, scenarios, &events(&log), &seen)
}

fn play(port: u16, traffic: Traffic, scenario: &str, case: Option<&str>, received: &Received) -> Seen {
    let client = client::exchange(port, traffic, scenario, case);
    let key = (scenario.to_owned(), case.unwrap_or("").to_owned());
    let upstream = received.lock().expect("no thread panics").remove(&key);
    let upstream = upstream.or_else(|| (traffic != Traffic::Tcp).then(|| "nothing".to_owned()));
    Seen { case: case.map(str::to_owned), client, upstream }
}

/// The lines of the probe in a log of an Envoy's.
fn events(log: &str) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    for line in log.lines() {
        let probe = line.split_once(": PROBE ").and_then(|(before, json)| {
            let scenario = before.split_once("probe-root ")?.1;
            Some((scenario, serde_json::from_str::<Value>(json).ok()?))
        });
        if let Some((scenario, line)) = probe {
            events.push(Event { scenario: scenario.to_owned(), line, trap: None });
        } else if let Some((_, why)) = line.split_once(" failed: ").filter(|_| line.starts_with("Function: "))
        {
            // The thread that was in the VM says so at once.
            if let Some(last) = events.last_mut().filter(|event| event.line["begins"].is_boolean()) {
                last.trap = Some(why.to_owned());
            }
        }
    }
    events
}

/// An Envoy that ends with the test.
struct Running {
    child: Child,
    folder: tempfile::TempDir,
    admin: String,
}

impl Running {
    fn start(envoy: &Envoy, configuration: &Value) -> Running {
        let folder = tempfile::Builder::new().prefix("burgee-facts-").tempdir().expect("a folder");
        let file = folder.path().join("envoy.json");
        fs::write(&file, configuration.to_string()).expect("a file");
        let log = fs::File::create(folder.path().join("log")).expect("a log");
        let admin = folder.path().join("admin");
        let child = Command::new(&envoy.path)
            .args(["--concurrency", "1", "--disable-hot-restart", "--log-format", "%v"])
            .args(["--log-level", "warning", "--component-log-level", "wasm:info"])
            .arg("--config-path")
            .arg(&file)
            .arg("--admin-address-path")
            .arg(&admin)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("Envoy can be started");
        let mut running = Running { child, folder, admin: String::new() };
        running.admin = running.eventually("an Envoy that serves", || {
            let address = fs::read_to_string(&admin).ok()?;
            ask(&address, "GET /ready").ok()?.contains("LIVE").then_some(address)
        });
        running
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn log(&self) -> String {
        let bytes = fs::read(self.log_file()).expect("the log");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn eventually<T>(&mut self, what: &str, mut answer: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(answer) = answer() {
                return answer;
            }
            let is_running = self.child.try_wait().is_ok_and(|status| status.is_none());
            assert!(
                is_running && Instant::now() < deadline,
                "no {what}; the log ends:\n{}",
                tail(&self.log())
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until every stream of a scenario is gone and what else it waits for has been.
    fn wait_for(&mut self, name: &str, scenario: &Scenario, streams: usize) {
        let log = self.log_file();
        let marker = format!("probe-root {name}: PROBE ");
        self.eventually(&format!("end of {name}"), || {
            let text = String::from_utf8_lossy(&fs::read(&log).ok()?).into_owned();
            let lines: Vec<&str> = text.lines().filter(|line| line.contains(&marker)).collect();
            let begun = |phase: &str| {
                let at = format!(r#""at":"{phase}""#);
                lines.iter().filter(|line| line.contains(&at) && line.contains(r#""args":"#)).count()
            };
            let is_trapped = scenario.until.iter().any(|phase| phase == "trap");
            let is_over = is_trapped || !scenario.plugin.has_streams() || begun("delete") >= streams;
            (is_over && scenario.until.iter().all(|phase| phase == "trap" || begun(phase) > 0)).then_some(())
        });
    }

    /// Ends it as an operator would, so that what it does at its end is in the log.
    fn end(mut self) -> String {
        let admin = self.admin.clone();
        ask(&admin, "POST /quitquitquit").expect("an answer");
        let deadline = Instant::now() + PATIENCE;
        while self.child.try_wait().is_ok_and(|status| status.is_none()) {
            assert!(Instant::now() < deadline, "Envoy does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
        self.log()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    let cut = |line: &&str| line.chars().take(400).collect::<String>();
    lines[lines.len().saturating_sub(30)..].iter().map(cut).collect::<Vec<_>>().join("\n")
}

/// Asks the admin page, such as `GET /ready`.
fn ask(address: &str, what: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "{what} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

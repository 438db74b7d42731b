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

use crate::bootstrap::{Ports, bootstrap, entrance};
use crate::scenarios::{Scenario, Traffic};
use crate::servers::{self, Received, free_port};
use crate::table::{Event, Seen, begun, table};
use crate::{client, grpc};

/// How long anything may take that takes a second or less on an idle machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many Envoys that are going to end run at once.
const ALONE_AT_ONCE: usize = 6;

/// Plays every scenario in an Envoy, those that end it in one of their own, and gives the table of what came of it.
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
    let all = scenarios.iter().map(|(name, scenario)| (name.as_str(), scenario));
    let (alone, together): (Vec<_>, Vec<_>) = all.partition(|(_, scenario)| scenario.alone);
    let mut running = Running::start(envoy, &bootstrap(module, ports, &together));
    let mut seen = BTreeMap::new();
    for (name, scenario) in together {
        let port = running.port(&entrance(name, scenario));
        let cases = [None].into_iter().chain(scenario.own_cases().map(Some));
        let of_scenario: Vec<Seen> =
            cases.map(|case| play(port, scenario.traffic, name, case, &received)).collect();
        running.wait_for(name, scenario, of_scenario.len());
        seen.insert(name.to_owned(), of_scenario);
    }
    let mut events = events(&running.end());
    // Most of the time of a start is waiting.
    for some in alone.chunks(ALONE_AT_ONCE) {
        let play = |(name, scenario): (&str, &Scenario)| {
            let mut running = Running::start(envoy, &bootstrap(module, ports, &[(name, scenario)]));
            let port = running.port(&entrance(name, scenario));
            play(port, scenario.traffic, name, None, &received);
            self::events(&running.ended(name))
        };
        events.extend(std::thread::scope(|scope| {
            let running: Vec<_> = some.iter().map(|one| scope.spawn(|| play(*one))).collect();
            running.into_iter().flat_map(|run| run.join().expect("a recording")).collect::<Vec<_>>()
        }));
    }
    table(&envoy.version, scenarios, &events, &seen)
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
            events.push(Event { scenario: scenario.to_owned(), line, end: None });
        } else if let Some((_, why)) = line.split_once(" failed: ").filter(|_| line.starts_with("Function: "))
        {
            // The thread that was in the VM says so at once.
            note_end(&mut events, &format!("trap: {why}"));
        } else if let Some(why) = line.strip_prefix("panic: ") {
            note_end(&mut events, &format!("Envoy ends: {why}"));
        } else if line.starts_with("Caught ") {
            // By which signal differs from run to run: memory that is gone may hold anything.
            note_end(&mut events, "Envoy ends");
        }
    }
    events
}

/// Says of the last case what it led to, in its call or behind it; the first reason is the one that counts.
fn note_end(events: &mut [Event], why: &str) {
    if let Some(last) = events.iter_mut().rfind(|event| event.line["case"].is_string()) {
        last.end.get_or_insert_with(|| why.to_owned());
    }
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
        // What ends it on purpose leaves no image of its memory.
        let child = Command::new("sh")
            .args(["-c", r#"ulimit -c 0; exec "$@""#, "sh"])
            .arg(&envoy.path)
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

    /// The port that a listener has been given.
    fn port(&mut self, listener: &str) -> u16 {
        let admin = self.admin.clone();
        self.eventually(&format!("listener {listener}"), || {
            let page = ask(&admin, "GET /listeners").ok()?;
            let line = page.lines().find_map(|line| line.strip_prefix(listener)?.strip_prefix("::"))?;
            line.trim().rsplit_once(':')?.1.parse().ok()
        })
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

    /// Waits until every stream of a scenario is gone and what else it waits for has been, all in the VM that has the
    /// traffic: those of other threads tick too.
    fn wait_for(&mut self, name: &str, scenario: &Scenario, streams: usize) {
        let log = self.log_file();
        let awaited: Vec<(&str, usize)> = scenario.awaited(streams).collect();
        if awaited.is_empty() {
            return;
        }
        let marker = format!("probe-root {name}: PROBE ");
        let phases: Vec<&str> = awaited.iter().map(|(phase, _)| *phase).collect();
        self.eventually(&format!("end of {name}"), || {
            let log = fs::read(&log).ok()?;
            let log = String::from_utf8_lossy(&log);
            let callbacks = log.lines().filter(|line| line.contains(&marker) && line.contains(r#""args":"#));
            let events = events(&callbacks.collect::<Vec<_>>().join("\n"));
            let begun = begun(&events, name, &phases)?;
            begun.iter().zip(&awaited).all(|(begun, (_, times))| begun >= times).then_some(())
        });
    }

    /// Waits until it has ended by itself.
    fn ended(mut self, name: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        while self.child.try_wait().is_ok_and(|status| status.is_none()) {
            assert!(Instant::now() < deadline, "{name} does not end Envoy; it need not be alone");
            std::thread::sleep(Duration::from_millis(20));
        }
        self.log()
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

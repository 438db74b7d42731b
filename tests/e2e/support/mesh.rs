//! A mesh that `burgee up --hold` keeps running, and what its proxies count.

use std::fs;
use std::path::Path;

use burgee_localnet::scrape::{self, Sample};
use burgee_localnet::summary::{ProxyKind, ProxySummary, Summary};

use super::eventually;
use super::http::{self, Connection};
use super::program::{Held, Program};

/// The host of the one service.
pub(crate) const HOST: &str = "hello.quickstart.internal";

/// The metrics of the Prometheus page of an admin address whose name begins with `istio_`.
pub(crate) fn scrape(admin: &str) -> Vec<Sample> {
    scrape::samples(&page(admin, "/stats/prometheus"), "istio_")
}

/// A page of an admin address.
pub(crate) fn page(admin: &str, path: &str) -> String {
    let answer = http::get(admin, admin, path).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.body
}

/// The sum of the series of a name that have a label's value, or of all when no label is given.
pub(crate) fn sum(samples: &[Sample], name: &str, label: Option<(&str, &str)>) -> f64 {
    let has = |sample: &&Sample| {
        label.is_none_or(|(key, value)| sample.labels.get(key).is_some_and(|v| v == value))
    };
    samples.iter().filter(|sample| sample.name == name).filter(has).map(|sample| sample.value).sum()
}

/// A mesh of two proxies that is held.
pub(crate) struct Mesh {
    /// The program.
    pub(crate) held: Held,
    /// What it printed.
    pub(crate) summary: Summary,
}

impl Mesh {
    /// Runs a folder's mesh and waits for its summary, and until changes are heard.
    pub(crate) fn hold(directory: &Path, requests: u64) -> Mesh {
        let requests = requests.to_string();
        Mesh::of(Program::up(directory).args([
            "--hold",
            "-o",
            "json",
            "--path",
            "/",
            "--requests",
            &requests,
        ]))
    }

    /// Runs a program that holds a mesh and prints JSON.
    pub(crate) fn of(program: Program) -> Mesh {
        // Whatever has to be fetched first is no part of what the test waits for.
        super::envoy();
        let mut held = program.hold();
        let summary = held.wait_for("a summary", |held| serde_json::from_str(&held.stdout()).ok());
        held.wait_until_said(0, "running until Ctrl-C");
        Mesh { held, summary }
    }

    /// The gateway.
    pub(crate) fn gateway(&self) -> &ProxySummary {
        self.proxy(ProxyKind::Gateway)
    }

    /// The sidecar.
    pub(crate) fn sidecar(&self) -> &ProxySummary {
        self.proxy(ProxyKind::Sidecar)
    }

    fn proxy(&self, kind: ProxyKind) -> &ProxySummary {
        let proxy = self.summary.proxies.iter().find(|proxy| proxy.kind == kind);
        proxy.unwrap_or_else(|| panic!("no {kind:?} in {:?}", self.summary.proxies))
    }

    /// Where requests from outside go.
    pub(crate) fn entrance(&self) -> String {
        self.gateway().listeners[0].address.clone()
    }

    /// The ids of the proxies' processes.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.summary.proxies.iter().map(|proxy| proxy.pid).collect()
    }

    /// Every address that the proxies listen on.
    pub(crate) fn addresses(&self) -> Vec<String> {
        let listeners =
            |proxy: &ProxySummary| proxy.listeners.iter().map(|listener| listener.address.clone()).collect();
        let of = |proxy: &ProxySummary| {
            let mut addresses: Vec<String> = listeners(proxy);
            addresses.push(proxy.admin.clone());
            addresses
        };
        self.summary.proxies.iter().flat_map(of).collect()
    }

    /// Sends requests through the gateway, each of which must be answered with 200.
    pub(crate) fn send(&self, count: u64, path: &str) {
        let mut connection =
            Connection::open(&self.entrance(), HOST).unwrap_or_else(|error| panic!("{error}"));
        for _ in 0..count {
            let answer = connection.get(path).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(answer.status, 200, "{answer:?}");
            if !answer.is_kept {
                connection =
                    Connection::open(&self.entrance(), HOST).unwrap_or_else(|error| panic!("{error}"));
            }
        }
    }

    /// Writes a document and waits until the program says a text about it; gives everything it said.
    pub(crate) fn change(&mut self, path: &Path, document: &str, expected: &str) -> String {
        let from = self.held.stderr().len();
        fs::write(path, document).expect("a document can be written");
        self.held.wait_until_said(from, expected)
    }

    /// Waits until the series of a name add up to a value at a proxy; fails if they go beyond it.
    pub(crate) fn wait_until_counted(&self, proxy: &ProxySummary, name: &str, expected: u64) -> Vec<Sample> {
        let expected = expected as f64;
        eventually(&format!("{name} of {} at {expected}", proxy.workload), || {
            let samples = scrape(&proxy.admin);
            let seen = sum(&samples, name, None);
            assert!(seen <= expected, "{name} of {}: {seen}, more than {expected}", proxy.workload);
            if seen == expected { Ok(samples) } else { Err(format!("it is at {seen}")) }
        })
    }
}

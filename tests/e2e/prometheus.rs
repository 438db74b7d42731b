//! A real Prometheus scrapes the proxies, and Istio's own dashboards find what they ask for: the queries below have the
//! form of the panels of its mesh, service and workload dashboards, with fixed values for their variables.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::http::{self, Connection};
use crate::support::mesh::{HOST, Mesh};
use crate::support::program::Program;
use crate::support::{eventually, quickstart, tempdir, tools};

/// How many requests are sent for the exact counts; each tenth of them is answered with 503.
const REQUESTS: u64 = 40;
const FAILING: u64 = REQUESTS / 10;
/// The highest bound of Istio's buckets, in milliseconds and in bytes.
const HIGHEST_BOUND: f64 = 3_600_000.0;

/// A mesh, and what each request to it does there.
struct Story {
    folder: PathBuf,
    hops: &'static [Hop],
}

/// One side of a call between two workloads that every request makes once.
struct Hop {
    reporter: &'static str,
    source_workload: &'static str,
    source_namespace: &'static str,
    workload: &'static str,
    namespace: &'static str,
    service: &'static str,
    security: &'static str,
    /// Whether it is this call that fails when a request asks for a failure.
    fails: bool,
    /// Whether the documents leave `istio_request_bytes` on at the side that reports.
    has_request_bytes: bool,
}

impl Hop {
    /// The histograms that this side has, and what Istio's dashboards divide each by.
    fn histograms(&self) -> Vec<(&'static str, f64)> {
        let mut histograms =
            vec![("istio_request_duration_milliseconds", 1000.0), ("istio_response_bytes", 1.0)];
        if self.has_request_bytes {
            histograms.push(("istio_request_bytes", 1.0));
        }
        histograms
    }

    fn failing(&self) -> u64 {
        if self.fails { FAILING } else { 0 }
    }
}

fn quickstart_story() -> Story {
    const FROM_OUTSIDE: Hop = Hop {
        reporter: "source",
        source_workload: "istio-ingressgateway",
        source_namespace: "istio-system",
        workload: "hello-v1",
        namespace: "quickstart",
        service: HOST,
        security: "unknown",
        fails: true,
        has_request_bytes: true,
    };
    const AT_HELLO: Hop =
        Hop { reporter: "destination", security: "none", has_request_bytes: false, ..FROM_OUTSIDE };
    const FROM_HELLO: Hop = Hop {
        source_workload: "hello-v1",
        source_namespace: "quickstart",
        workload: "greeting-v1",
        service: "greeting.quickstart.internal",
        fails: false,
        has_request_bytes: false,
        ..FROM_OUTSIDE
    };
    const AT_GREETING: Hop = Hop {
        source_workload: FROM_HELLO.source_workload,
        source_namespace: FROM_HELLO.source_namespace,
        workload: FROM_HELLO.workload,
        service: FROM_HELLO.service,
        fails: false,
        has_request_bytes: true,
        ..AT_HELLO
    };
    Story { folder: quickstart(), hops: &[FROM_OUTSIDE, AT_HELLO, FROM_HELLO, AT_GREETING] }
}

/// A Prometheus server that scrapes every proxy of a mesh each second. It ends with this.
struct Prometheus {
    process: Child,
    address: String,
    directory: TempDir,
}

impl Prometheus {
    /// Starts one with the configuration that the program wrote.
    fn start(program: &Path, file: &Path) -> Prometheus {
        let directory = tempdir();
        let address = free_address();
        let log = fs::File::create(directory.path().join("log")).expect("a log");
        let mut command = Command::new(program);
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", directory.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .args(["--log.level=warn"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let process = command.spawn().expect("Prometheus starts");
        let mut prometheus = Prometheus { process, address, directory };
        eventually("a Prometheus that is ready", || {
            let status = prometheus.process.try_wait().expect("its status");
            assert!(status.is_none(), "Prometheus ended: {status:?}\n{}", prometheus.log());
            match http::get(&prometheus.address, &prometheus.address, "/-/ready")?.status {
                200 => Ok(()),
                status => Err(format!("{status}\n{}", prometheus.log())),
            }
        });
        prometheus
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// The samples that a query gives at this moment, by their labels.
    fn ask(&self, query: &str) -> Result<BTreeMap<BTreeMap<String, String>, f64>, String> {
        let path = format!("/api/v1/query?query={}", percent_encoded(query));
        let answer = http::get(&self.address, &self.address, &path)?;
        assert_eq!(answer.status, 200, "{query}: {}", answer.body);
        let body: Value = serde_json::from_str(&answer.body).map_err(|error| error.to_string())?;
        let result = body["data"]["result"].as_array().ok_or_else(|| format!("no samples in {body}"))?;
        result
            .iter()
            .map(|sample| {
                let labels = serde_json::from_value(sample["metric"].clone()).map_err(|e| e.to_string())?;
                let value = sample["value"][1].as_str().and_then(|text| text.parse().ok());
                Ok((labels, value.ok_or_else(|| format!("no value in {sample}"))?))
            })
            .collect()
    }

    /// Asks until the samples are as they should be. Scrapes come one by one, so that a sum may lag behind.
    fn wait_for(&self, query: &str, is_right: impl Fn(&BTreeMap<BTreeMap<String, String>, f64>) -> bool) {
        eventually(query, || {
            let samples = self.ask(query)?;
            if is_right(&samples) { Ok(()) } else { Err(format!("{samples:?}")) }
        });
    }

    /// Waits until a query gives exactly these samples.
    fn expect(&self, query: &str, expected: &[(&[(&str, &str)], u64)]) {
        let expected: BTreeMap<BTreeMap<String, String>, f64> =
            expected.iter().map(|(labels, value)| (owned(labels), *value as f64)).collect();
        self.wait_for(query, |samples| *samples == expected);
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn owned(labels: &[(&str, &str)]) -> BTreeMap<String, String> {
    labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// An address on loopback that nobody listens on.
fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").to_string()
}

fn percent_encoded(text: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encoded).collect()
}

/// Sends requests, each tenth of which asks for a failure.
fn send(entrance: &str, range: std::ops::Range<u64>) {
    let mut connection = Connection::open(entrance, HOST).unwrap_or_else(|error| panic!("{error}"));
    for number in range {
        let (path, status) = if number % 10 == 9 { ("/?status=503", 503) } else { ("/", 200) };
        let answer = connection.get(path).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(answer.status, status, "{answer:?}");
        if !answer.is_kept {
            connection = Connection::open(entrance, HOST).unwrap_or_else(|error| panic!("{error}"));
        }
    }
}

#[test]
fn istios_dashboards_find_what_they_ask_for() {
    let Some(program) = tools::prometheus() else { return };
    dashboards(&program, &quickstart_story());
}

fn dashboards(program: &Path, story: &Story) {
    let directory = tempdir();
    let file = directory.path().join("prometheus.yml");
    let held = Program::up(&story.folder).args(["--hold", "-o", "json", "--requests", "0", "--prometheus"]);
    let mesh = Mesh::of(held.args([file.as_os_str()]));
    let prometheus = Prometheus::start(program, &file);
    send(&mesh.entrance(), 0..REQUESTS);
    check_counts(&prometheus, story);

    // Rates need traffic from one scrape to the next, for as long as they are asked for.
    let is_enough = AtomicBool::new(false);
    let entrance = mesh.entrance();
    thread::scope(|scope| {
        scope.spawn(|| {
            let _guard = Enough(&is_enough);
            while !is_enough.load(Ordering::SeqCst) {
                send(&entrance, 0..10);
                thread::sleep(Duration::from_millis(20));
            }
        });
        let _guard = Enough(&is_enough);
        check_mesh_dashboard(&prometheus, story);
        for hop in story.hops {
            check_service_dashboard(&prometheus, hop);
            check_workload_dashboard(&prometheus, hop);
        }
    });
}

/// Says that it is enough, whatever way a test ends.
struct Enough<'a>(&'a AtomicBool);

impl Drop for Enough<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Every request is counted once at each side of each hop.
fn check_counts(prometheus: &Prometheus, story: &Story) {
    for hop in story.hops {
        let own = format!(
            "reporter=\"{}\", destination_workload=\"{}\", source_workload=\"{}\"",
            hop.reporter, hop.workload, hop.source_workload
        );
        prometheus.expect(
            &format!("sum(istio_requests_total{{{own}}}) by (destination_workload, destination_service)"),
            &[(&[("destination_workload", hop.workload), ("destination_service", hop.service)], REQUESTS)],
        );
        prometheus.expect(
            &format!("sum(istio_requests_total{{{own}, response_code!~\"5.*\"}})"),
            &[(&[], REQUESTS - hop.failing())],
        );
        if hop.fails {
            prometheus.expect(
                &format!("sum(istio_requests_total{{{own}, response_code=~\"5.*\"}}) by (response_code)"),
                &[(&[("response_code", "503")], FAILING)],
            );
        }
        let from = [
            ("source_workload", hop.source_workload),
            ("source_workload_namespace", hop.source_namespace),
            ("connection_security_policy", hop.security),
        ];
        prometheus.expect(
            &format!(
                "sum(istio_requests_total{{{own}}}) by (source_workload, source_workload_namespace, \
                 connection_security_policy)"
            ),
            &[(&from, REQUESTS)],
        );
        for (histogram, _) in hop.histograms() {
            prometheus.expect(&format!("sum({histogram}_count{{{own}}})"), &[(&[], REQUESTS)]);
            prometheus.expect(&format!("sum({histogram}_bucket{{{own}, le=\"+Inf\"}})"), &[(&[], REQUESTS)]);
        }
    }
    // What the dashboards' variables are filled with.
    let services: BTreeSet<&str> = story.hops.iter().map(|hop| hop.service).collect();
    prometheus.wait_for("sum(istio_requests_total) by (destination_service)", |samples| {
        samples.keys().map(|labels| labels["destination_service"].as_str()).collect::<BTreeSet<_>>()
            == services
    });
}

/// A query whose one sample is a share: some of all, not none and not all of it.
fn expect_share(prometheus: &Prometheus, query: &str, some_fail: bool) {
    prometheus.wait_for(query, |samples| {
        let is_share = |share: &f64| if some_fail { *share > 0.0 && *share < 1.0 } else { *share == 1.0 };
        samples.len() == 1 && samples.values().all(is_share)
    });
}

/// A query with one sample above nothing, with these labels.
fn expect_some(prometheus: &Prometheus, query: &str, labels: &[(&str, &str)]) {
    let labels = owned(labels);
    prometheus.wait_for(query, |samples| {
        samples.len() == 1 && samples.iter().all(|(own, value)| *own == labels && *value > 0.0)
    });
}

/// A query with one quantile between the bounds of the buckets, with these labels.
fn expect_quantile(prometheus: &Prometheus, query: &str, labels: &[(&str, &str)], highest: f64) {
    let labels = owned(labels);
    prometheus.wait_for(query, |samples| {
        let is_right = |value: &f64| *value > 0.0 && *value < highest;
        samples.len() == 1 && samples.iter().all(|(own, value)| *own == labels && is_right(value))
    });
}

fn check_mesh_dashboard(prometheus: &Prometheus, story: &Story) {
    let all = "reporter=~\"source|waypoint\"";
    let fails = story.hops.iter().any(|hop| hop.fails);
    expect_some(prometheus, &format!("round(sum(irate(istio_requests_total{{{all}}}[1m])), 0.001)"), &[]);
    expect_share(
        prometheus,
        &format!(
            "sum(rate(istio_requests_total{{{all}, response_code!~\"5.*\"}}[1m])) / \
             sum(rate(istio_requests_total{{{all}}}[1m]))"
        ),
        fails,
    );
    prometheus.wait_for(
        &format!(
            "round(sum(irate(istio_requests_total{{{all}, response_code=~\"4.*\"}}[1m])), 0.01) or vector(0)"
        ),
        |samples| samples.values().copied().collect::<Vec<_>>() == [0.0],
    );
    for hop in story.hops.iter().filter(|hop| hop.reporter == "source") {
        let variable = format!("{}.{}", hop.workload, hop.namespace);
        let own = format!("{all}, destination_workload=\"{}\"", hop.workload);
        let place = [
            ("destination_workload", hop.workload),
            ("destination_workload_namespace", hop.namespace),
            ("destination_workload_var", variable.as_str()),
        ];
        let with_service = [place.as_slice(), &[("destination_service", hop.service)]].concat();
        let join = "\"destination_workload_var\", \".\", \"destination_workload\", \"destination_workload_namespace\"";
        expect_some(
            prometheus,
            &format!(
                "label_join(sum(rate(istio_requests_total{{{own}}}[1m])) by (destination_workload, \
                 destination_workload_namespace, destination_service), {join})"
            ),
            &with_service,
        );
        for quantile in ["0.50", "0.90", "0.99"] {
            expect_quantile(
                prometheus,
                &format!(
                    "label_join((histogram_quantile({quantile}, \
                     sum(rate(istio_request_duration_milliseconds_bucket{{{own}}}[1m])) by (le, destination_workload, \
                     destination_workload_namespace)) / 1000) or histogram_quantile({quantile}, \
                     sum(rate(istio_request_duration_seconds_bucket{{{own}}}[1m])) by (le, destination_workload, \
                     destination_workload_namespace)), {join})"
                ),
                &place,
                HIGHEST_BOUND / 1000.0,
            );
        }
    }
}

fn check_service_dashboard(prometheus: &Prometheus, hop: &Hop) {
    let own = format!(
        "reporter=~\"{}\", destination_service=~\"{}\", source_workload=~\"{}\"",
        hop.reporter, hop.service, hop.source_workload
    );
    expect_some(prometheus, &format!("round(sum(irate(istio_requests_total{{{own}}}[5m])), 0.001)"), &[]);
    expect_share(
        prometheus,
        &format!(
            "sum(rate(istio_requests_total{{{own}, response_code!~\"5.*\"}}[5m])) / \
             sum(rate(istio_requests_total{{{own}}}[5m]))"
        ),
        hop.fails,
    );
    let source =
        [("source_workload", hop.source_workload), ("source_workload_namespace", hop.source_namespace)];
    let incoming = format!("connection_security_policy!=\"mutual_tls\", {own}, response_code=\"200\"");
    expect_some(
        prometheus,
        &format!(
            "round(sum(irate(istio_requests_total{{{incoming}}}[5m])) by (source_workload, source_workload_namespace, \
             response_code), 0.001)"
        ),
        &[source.as_slice(), &[("response_code", "200")]].concat(),
    );
    for (histogram, divisor) in hop.histograms() {
        for quantile in ["0.50", "0.95"] {
            expect_quantile(
                prometheus,
                &format!(
                    "histogram_quantile({quantile}, sum(irate({histogram}_bucket{{{incoming}}}[1m])) by \
                     (source_workload, source_workload_namespace, le)) / {divisor}"
                ),
                &source,
                HIGHEST_BOUND / divisor,
            );
        }
    }
    // Nothing is encrypted here.
    prometheus.wait_for(
        &format!("sum(istio_requests_total{{connection_security_policy=\"mutual_tls\", {own}}})"),
        BTreeMap::is_empty,
    );
}

fn check_workload_dashboard(prometheus: &Prometheus, hop: &Hop) {
    let own = format!(
        "reporter=~\"{}\", destination_workload_namespace=~\"{}\", destination_workload=~\"{}\"",
        hop.reporter, hop.namespace, hop.workload
    );
    expect_some(prometheus, &format!("round(sum(irate(istio_requests_total{{{own}}}[5m])), 0.001)"), &[]);
    expect_quantile(
        prometheus,
        &format!(
            "histogram_quantile(0.95, sum(rate(istio_request_duration_milliseconds_bucket{{{own}}}[1m])) by (le, \
             destination_workload))"
        ),
        &[("destination_workload", hop.workload)],
        HIGHEST_BOUND,
    );
    if hop.reporter == "source" {
        // What the workload at the other end sends.
        expect_some(
            prometheus,
            &format!(
                "round(sum(irate(istio_requests_total{{connection_security_policy!=\"mutual_tls\", \
                 source_workload_namespace=~\"{}\", source_workload=~\"{}\", reporter=~\"source\", \
                 destination_service=~\"{}\", response_code=\"200\"}}[5m])) by (destination_service, response_code), 0.001)",
                hop.source_namespace, hop.source_workload, hop.service
            ),
            &[("destination_service", hop.service), ("response_code", "200")],
        );
    }
}

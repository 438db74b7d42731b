//! Connections: what one of TCP costs in a real Envoy, with the filter of their metrics and without.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use indicatif::ProgressBar;
use serde::Serialize;
use serde_json::{Value, json};

use super::bootstrap::lay;
use super::envoy::{Running, Upstream};
use super::error::RequestsError;
use super::processor::{Cores, time_of};
use super::web::Web;
use super::{Steps, variants};
use crate::interval::{Middle, middle};

/// The listeners, the first without anything of ours.
const LISTENERS: [&str; 2] = ["tcp-bare", "tcp-stats"];
/// What is sent over each connection, and comes back.
const BYTES: &[u8] = &[b'x'; 512];
/// How long Envoy has, after the last connection, to end what belongs to the burst.
const SETTLE: Duration = Duration::from_millis(20);

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// The version of Envoy.
    pub envoy: String,
    pub rounds: u32,
    /// How many connections a burst was.
    pub connections: u32,
    /// What a connection takes of Envoy's time without the filter, in microseconds.
    pub bare: Middle,
    /// And with it.
    pub stats: Middle,
    /// How much more that is, pair by pair.
    pub added: Middle,
}

/// Measures.
pub(crate) fn run(rounds: u32, connections: u32) -> Result<Report, RequestsError> {
    let bar = ProgressBar::new_spinner();
    let web = Web::new()?;
    let found = web.wait_for(burgee_localnet::envoy::find(&Steps(&bar)))?;
    let step = |what: &str| bar.set_message(what.to_owned());
    let folder = burgee_modules::checkout()?.join("filters/telemetry");
    let module = burgee_modules::build_crate(&folder, &step)?;
    let cores = Cores::share(1)?;
    let upstream = Upstream::start(&cores.load)?;
    let [bare, stats] = LISTENERS.map(listener);
    let laid = lay(stats, &[], variants::METRICS, Some(&module));
    let mut configuration = laid.clone();
    configuration["static_resources"] = json!({
        "listeners": [bare, laid["static_resources"]["listeners"][0]],
        "clusters": [{"name": "echo", "type": "STATIC", "connect_timeout": "5s", "load_assignment": {
            "cluster_name": "echo",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(upstream.tcp_port)}}]}],
        }}],
    });
    configuration["admin"] = json!({"address": address(0)});
    let mut envoy = Running::start(&found, &configuration, &cores.envoy, 1, &web)?;
    let mut ports = [0; 2];
    for (port, listener) in ports.iter_mut().zip(LISTENERS) {
        *port = envoy.port(listener, &web)?;
    }
    let burst = |port: u16| -> Result<f64, RequestsError> {
        let before = time_of(envoy.pid())?;
        for _ in 0..connections {
            exchange(port).map_err(RequestsError::io("send bytes to port", port.to_string()))?;
        }
        thread::sleep(SETTLE);
        Ok(time_of(envoy.pid())?.saturating_sub(before).as_secs_f64() * 1e6 / f64::from(connections))
    };
    // What is hot is compiled anew.
    for port in ports {
        burst(port)?;
    }
    let mut pairs = Vec::new();
    for round in 1..=rounds {
        bar.set_message(format!("round {round} of {rounds}"));
        let [bare, stats] = ports;
        let pair = if round % 2 == 0 {
            let stats = burst(stats)?;
            (burst(bare)?, stats)
        } else {
            (burst(bare)?, burst(stats)?)
        };
        pairs.push(pair);
    }
    // Each connection through the filter is counted, those before the first round too.
    let expected = f64::from(connections) * f64::from(rounds + 1);
    let page = web.page(envoy.admin, "/stats/prometheus").unwrap_or_default();
    let samples = burgee_localnet::scrape::samples(&page, "istio_tcp_connections_closed_total");
    let counted: f64 = samples.iter().map(|sample| sample.value).sum();
    if counted != expected {
        let what = format!("{expected} connections were made, and {counted} are counted");
        return Err(RequestsError::NoEffect { variant: LISTENERS[1], what });
    }
    bar.finish_and_clear();
    let of = |value: fn(&(f64, f64)) -> f64| middle(&pairs.iter().map(value).collect::<Vec<f64>>());
    Ok(Report {
        envoy: found.version,
        rounds,
        connections,
        bare: of(|pair| pair.0),
        stats: of(|pair| pair.1),
        added: of(|pair| pair.1 - pair.0),
    })
}

fn address(port: u16) -> Value {
    json!({"socket_address": {"address": "127.0.0.1", "port_value": port}})
}

fn listener(name: &str) -> Value {
    json!({"name": name, "address": address(0), "traffic_direction": "INBOUND", "filter_chains": [{"filters": [{
        "name": "envoy.filters.network.tcp_proxy",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
            "stat_prefix": name,
            "cluster": "echo",
        },
    }]}]})
}

/// One connection: bytes there and back.
fn exchange(port: u16) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(BYTES)?;
    let mut bytes = vec![0; BYTES.len()];
    stream.read_exact(&mut bytes)
}

/// A report as text.
pub(crate) fn text(report: &Report) -> String {
    let Report { envoy, rounds, connections, .. } = report;
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["listener", "µs", ""]);
    for (name, middle) in [("bare", report.bare), ("stats", report.stats), ("added", report.added)] {
        let interval = middle.interval.map_or_else(String::new, |(from, to)| format!("{from:.1} to {to:.1}"));
        table.add_row([name.to_owned(), format!("{:.1}", middle.median), interval]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!(
        "Envoy {envoy}, 1 worker; {rounds} rounds, bursts of {connections} connections, {} bytes there and back\n\n\
         ENVOY'S TIME PER CONNECTION, in microseconds: medians, with their 95 % intervals\n{table}\n\n  \
         bare: Envoy's proxy of TCP and nothing else\n  stats: Istio's four metrics of connections too",
        BYTES.len()
    )
}

//! Memory: what telemetry takes in each worker of an Envoy, and that clients who invent hosts cannot make it grow.

mod client;

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use indicatif::ProgressBar;
use serde::Serialize;
use serde_json::json;

use self::client::Client;
use super::bootstrap::{Ready, bootstrap, with_module};
use super::envoy::Running;
use super::error::RequestsError;
use super::processor::Cores;
use super::web::Web;
use super::{Steps, variants};

/// How many connections requests come by: with so many each worker has some.
const CONNECTIONS: usize = 64;
/// How many requests there are before memory is read: every worker has served some, and V8 has compiled what is hot.
const WARM_UP: u64 = 20_000;
/// How long Envoy has to give back what it does not need.
const SETTLE: Duration = Duration::from_millis(500);

/// What to measure.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// How many workers Envoy has, one number after the other.
    pub workers: Vec<u32>,
    /// How often each is measured.
    pub rounds: u32,
    /// How many requests with invented hosts are sent, in millions; memory is read after each.
    pub millions: u32,
}

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// The version of Envoy.
    pub envoy: String,
    pub rounds: u32,
    /// What is there in each number of workers.
    pub workers: Vec<Row>,
    /// What is there as more and more requests with invented hosts come.
    pub hostile: Vec<Grown>,
}

/// The resident memory of an Envoy, in kB: the least of all rounds.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub workers: u32,
    /// The router and nothing else.
    pub bare: u64,
    /// All telemetry filters in one module.
    pub together: u64,
    /// The same filters, each in a module and a virtual machine of its own.
    pub apart: u64,
}

/// The resident memory after so many requests, in kB.
#[derive(Debug, Serialize)]
pub(crate) struct Grown {
    pub requests: u64,
    pub resident: u64,
    /// How many series of requests there are.
    pub series: usize,
}

/// Measures.
pub(crate) fn run(plan: &Plan) -> Result<Report, RequestsError> {
    let bar = ProgressBar::new_spinner();
    let web = Web::new()?;
    let found = web.wait_for(burgee_localnet::envoy::find(&Steps(&bar)))?;
    let step = |what: &str| bar.set_message(what.to_owned());
    let root = burgee_modules::checkout()?;
    let build = |folder: &str| burgee_modules::build_crate(&root.join(folder), &step);
    let ready = |name: &str| {
        let variant = variants::named(name).unwrap_or_else(|| panic!("there is no variant {name}"));
        let module = variant.module.map(build).transpose()?;
        Ok::<Ready, RequestsError>(Ready { variant, module })
    };
    let (bare, together, alone) = (ready("bare")?, ready("telemetry")?, ready("stats")?);
    let peers = build("filters/peer-metadata")?;

    let measure = |what: &str, workers: u32| {
        let one = match what {
            "bare" => &bare,
            "together" => &together,
            _ => &alone,
        };
        let mut configuration = bootstrap(std::slice::from_ref(one), None);
        if what == "apart" {
            with_module(&mut configuration, "peer-metadata", &peers, r#"{"role": "INBOUND"}"#);
        }
        let mut envoy = Running::start(&found, &configuration, &Cores::share(workers)?.envoy, workers, &web)?;
        let port = envoy.port(one.variant.name, &web)?;
        Client::new(port, CONNECTIONS)?.send(WARM_UP, |_| "web.shop".to_owned())?;
        thread::sleep(SETTLE);
        resident(envoy.pid())
    };
    let mut rows = Vec::new();
    for workers in &plan.workers {
        let mut least = [u64::MAX; 3];
        for round in 1..=plan.rounds {
            for (least, what) in least.iter_mut().zip(["bare", "together", "apart"]) {
                bar.set_message(format!("{workers} workers, {what}, round {round} of {}", plan.rounds));
                *least = (*least).min(measure(what, *workers)?);
            }
        }
        let [bare, together, apart] = least;
        rows.push(Row { workers: *workers, bare, together, apart });
    }

    let mut configuration = bootstrap(std::slice::from_ref(&together), None);
    // Behind an outbound listener the Host header is a label.
    let filter =
        "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config";
    let told = json!({"peer_metadata": {"role": "OUTBOUND"}, "stats": {"reporter": "CLIENT"}}).to_string();
    if let Some(value) = configuration.pointer_mut(&format!("{filter}/config/configuration/value")) {
        *value = told.into();
    }
    let mut envoy = Running::start(&found, &configuration, &Cores::share(1)?.envoy, 1, &web)?;
    let port = envoy.port(together.variant.name, &web)?;
    let mut client = Client::new(port, CONNECTIONS)?;
    let mut hostile = Vec::new();
    for million in 0..=plan.millions {
        bar.set_message(format!("{million} of {} million requests with invented hosts", plan.millions));
        let from = u64::from(million.saturating_sub(1)) * 1_000_000;
        let count = if million == 0 { WARM_UP } else { 1_000_000 };
        client.send(count, |number| invented(million, from + number))?;
        thread::sleep(SETTLE);
        let page = web.page(envoy.admin, "/stats/prometheus").unwrap_or_default();
        let series = page.lines().filter(|line| line.starts_with("istio_requests_total{")).count();
        if million > 0 && series == 0 {
            let what = "no series of requests after a million of them".to_owned();
            return Err(RequestsError::NoEffect { variant: together.variant.name, what });
        }
        hostile.push(Grown {
            requests: if million == 0 { count } else { count + from },
            resident: resident(envoy.pid())?,
            series,
        });
    }
    bar.finish_and_clear();
    Ok(Report { envoy: found.version, rounds: plan.rounds, workers: rows, hostile })
}

/// A host that nobody had before; the first ones are all the same.
fn invented(million: u32, number: u64) -> String {
    // As long as the name of a service, with what would end a label if it could.
    if million == 0 {
        "web.shop".to_owned()
    } else {
        format!("h{number:012};.;reporter=.=x.{number}.example")
    }
}

/// The resident memory of a process, in kB.
fn resident(pid: u32) -> Result<u64, RequestsError> {
    let path = PathBuf::from(format!("/proc/{pid}/status"));
    let text = fs::read_to_string(&path).map_err(RequestsError::io("read", &path))?;
    read_resident(&text).ok_or(RequestsError::NoTimes(path, text))
}

fn read_resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// A report as text.
pub(crate) fn text(report: &Report) -> String {
    let mut table = table(["workers", "bare", "together", "apart", "together adds", "apart adds"]);
    for row in &report.workers {
        let added = |all: u64| format!("{:+}", i128::from(all) - i128::from(row.bare));
        let cells = [row.bare, row.together, row.apart].map(|kilobytes| kilobytes.to_string());
        let added = [added(row.together), added(row.apart)];
        table.add_row([&[row.workers.to_string()], &cells[..], &added[..]].concat());
    }
    let mut grown = self::table(["requests", "resident", "series"]);
    for one in &report.hostile {
        grown.add_row([one.requests.to_string(), one.resident.to_string(), one.series.to_string()]);
    }
    let mut out = format!(
        "Envoy {}; resident memory in kB, the least of {} rounds after {WARM_UP} requests\n\n{table}\n\n",
        report.envoy, report.rounds
    );
    if let Some((together, apart)) = per_worker(&report.workers) {
        out.push_str(&format!(
            "each further worker adds {together:.0} kB with all filters in one module, {apart:.0} kB with a module for \
             each, beside what it takes anyhow\n\n"
        ));
    }
    out.push_str(&format!("REQUESTS WITH INVENTED HOSTS, one worker, all filters in one module\n\n{grown}"));
    out
}

fn table<const N: usize>(heads: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(heads);
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// What each further worker adds, from the fewest to the most: together and apart, in kB.
fn per_worker(rows: &[Row]) -> Option<(f64, f64)> {
    let (first, last) = (rows.first()?, rows.last()?);
    let further = f64::from(last.workers.checked_sub(first.workers).filter(|further| *further > 0)?);
    let added = |of: fn(&Row) -> u64| {
        let over = |row: &Row| of(row) as f64 - row.bare as f64;
        (over(last) - over(first)) / further
    };
    Some((added(|row| row.together), added(|row| row.apart)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_from_linux_words() {
        assert_eq!(read_resident("VmPeak:\t 9 kB\nVmRSS:\t   1234 kB\n"), Some(1234));
        for text in ["", "VmRSS: many kB", "VmRSS: 12"] {
            assert_eq!(read_resident(text), None, "{text}");
        }
        if cfg!(target_os = "linux") {
            assert!(resident(std::process::id()).unwrap() > 100);
        }
    }

    #[test]
    fn what_a_worker_adds_is_beside_what_it_takes_anyhow() {
        let row = |workers, bare, together, apart| Row { workers, bare, together, apart };
        let rows = [row(1, 100, 150, 200), row(2, 110, 0, 0), row(5, 140, 230, 360)];
        assert_eq!(per_worker(&rows), Some((10.0, 30.0)));
        assert_eq!(per_worker(&rows[..1]), None);
    }

    #[test]
    fn hosts_are_invented_anew_each_time() {
        assert_eq!(invented(0, 1), invented(0, 2));
        assert_ne!(invented(1, 1), invented(1, 2));
    }
}

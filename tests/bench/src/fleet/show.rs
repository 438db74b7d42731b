//! The result for people: a table.

use comfy_table::{CellAlignment, Table, presets};

use super::{Cost, Report, Variant};

/// A report as text.
pub(crate) fn text(report: &Report) -> String {
    let rounds = match report.rounds {
        1 => "1 change of each kind".to_owned(),
        rounds => format!("the medians of {rounds} changes of each kind"),
    };
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header([
        "proxies",
        "what",
        "reaches",
        "last answer",
        "server's processor",
        "per proxy reached",
        "responses",
        "bytes",
    ]);
    for variant in &report.variants {
        for (what, cost) in [
            ("all connect", &variant.storm),
            ("change for all", &variant.mesh),
            ("change for some", &variant.some),
            ("all come back", &variant.restart.cost),
        ] {
            table.add_row(row(variant, what, cost));
        }
    }
    right(&mut table);
    let mut memory = Table::new();
    memory.load_style(presets::NOTHING).set_header([
        "proxies",
        "server alone",
        "with all",
        "per proxy",
        "after the restart",
    ]);
    for Variant { proxies, memory: of, restart, .. } in &report.variants {
        let per_proxy = format!("{:.1} kB", of.per_proxy / 1e3);
        let restarted = megabytes(restart.memory);
        memory.add_row([proxies.to_string(), megabytes(of.empty), megabytes(of.full), per_proxy, restarted]);
    }
    right(&mut memory);
    let mut restart = Table::new();
    restart.load_style(presets::NOTHING).set_header([
        "proxies",
        "server starts",
        "all connected",
        "all in sync",
        "resources sent",
        "turned away",
        "at first",
    ]);
    for Variant { proxies, restart: of, turned_away, .. } in &report.variants {
        restart.add_row([
            proxies.to_string(),
            milliseconds(of.start),
            milliseconds(of.connected),
            milliseconds(of.cost.seconds),
            // More would have ended the run.
            "0".to_owned(),
            of.turned_away.to_string(),
            turned_away.to_string(),
        ]);
    }
    right(&mut restart);
    format!(
        "{} documents in {} namespaces; {}; {}; {rounds}\n\n\
         TIME from the first connection, from when a file is saved, and from when the server is there again\n{table}\n\n\
         MEMORY of the server (resident)\n{memory}\n\n\
         RESTART: killed and started again; all come back at once, with what they have\n{restart}",
        report.documents,
        report.namespaces,
        if report.tls { "mutual TLS" } else { "no TLS" },
        if report.upstream { "the base comes from another server" } else { "the base is a folder" },
    )
}

fn row(variant: &Variant, what: &str, cost: &Cost) -> [String; 8] {
    [
        variant.proxies.to_string(),
        what.to_owned(),
        cost.proxies.to_string(),
        milliseconds(cost.seconds),
        milliseconds(cost.server_seconds),
        format!("{:.0} µs", cost.server_seconds * 1e6 / (cost.proxies.max(1) as f64)),
        cost.responses.to_string(),
        megabytes(cost.bytes),
    ]
}

fn right(table: &mut Table) {
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

fn milliseconds(seconds: f64) -> String {
    format!("{:.0} ms", seconds * 1e3)
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

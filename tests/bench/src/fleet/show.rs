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
        ] {
            table.add_row(row(variant, what, cost));
        }
    }
    right(&mut table);
    let mut memory = Table::new();
    memory.load_style(presets::NOTHING).set_header(["proxies", "server alone", "with all", "per proxy"]);
    for Variant { proxies, memory: of, .. } in &report.variants {
        let per_proxy = format!("{:.1} kB", of.per_proxy / 1e3);
        memory.add_row([proxies.to_string(), megabytes(of.empty), megabytes(of.full), per_proxy]);
    }
    right(&mut memory);
    let away = |variant: &&Variant| variant.turned_away > 0;
    let away: String = report
        .variants
        .iter()
        .filter(away)
        .map(|one| {
            format!(
                "\n{} connections of {} proxies were turned away, and tried again",
                one.turned_away, one.proxies
            )
        })
        .collect();
    format!(
        "{} documents in {} namespaces; {}; {rounds}\n\nTIME from the first connection, and from when a file is saved\n{table}\n\n\
         MEMORY of the server (resident)\n{memory}{away}",
        report.documents,
        report.namespaces,
        match (report.tls, report.upstream) {
            (true, _) => "mutual TLS",
            (false, true) => "no TLS, over another control plane",
            (false, false) => "no TLS",
        },
    )
}

fn row(variant: &Variant, what: &str, cost: &Cost) -> [String; 8] {
    [
        variant.proxies.to_string(),
        what.to_owned(),
        cost.proxies.to_string(),
        format!("{:.0} ms", cost.seconds * 1e3),
        format!("{:.0} ms", cost.server_seconds * 1e3),
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

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

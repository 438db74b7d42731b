//! The result for people.

use comfy_table::{CellAlignment, Table, presets};

use super::{Measured, Report};
use crate::interval::Middle;

/// A report as text.
pub(crate) fn text(report: &Report) -> String {
    let Report { envoy, concurrency, rounds, requests, base, .. } = report;
    let protocol = if report.http2 { "HTTP/2" } else { "HTTP/1.1" };
    let answered = if report.upstream { "an upstream answers" } else { "Envoy answers itself" };
    let workers = if *concurrency == 1 { "1 worker".to_owned() } else { format!("{concurrency} workers") };
    let variants: String =
        report.variants.iter().map(|variant| format!("  {}: {}\n", variant.name, variant.what)).collect();
    format!(
        "Envoy {envoy}, {workers}, {protocol}, {answered}; {rounds} rounds, bursts of {requests} requests\n\n\
         ENVOY'S TIME PER REQUEST, in microseconds: medians, with their 95 % intervals; added to {base} and × {base}, pair by pair\n\
         {}\n\n{}",
        table(report),
        variants.trim_end()
    )
}

fn table(report: &Report) -> Table {
    let mut table = Table::new();
    let heads = ["variant", "µs", "", "added", "", "×", "", "module"];
    table.load_style(presets::NOTHING).set_header(heads).add_rows(report.variants.iter().map(row));
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn row(variant: &Measured) -> Vec<String> {
    let mut row = vec![variant.name.to_owned()];
    for (middle, digits) in [(variant.microseconds, 1), (variant.added, 2), (variant.ratio, 3)] {
        row.extend(cells(middle, digits));
    }
    row.push(variant.module_bytes.map_or_else(String::new, |bytes| format!("{bytes} B")));
    row
}

/// A median and its interval.
fn cells(middle: Middle, digits: usize) -> [String; 2] {
    let interval =
        middle.interval.map_or_else(String::new, |(from, to)| format!("{from:.digits$} to {to:.digits$}"));
    [format!("{:.digits$}", middle.median), interval]
}

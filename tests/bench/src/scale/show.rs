//! The result for people: a table for each question.

use comfy_table::{CellAlignment, Table, presets};

use super::change::Changed;
use super::world::{Scope, Shape, Size};
use super::{Report, Variant};

/// A report as text.
pub(crate) fn text(report: &Report) -> String {
    let rounds = match report.rounds {
        1 => "1 round".to_owned(),
        rounds => format!("the medians of {rounds} rounds, in which all take turns"),
    };
    let table = |title: &str, heads: &[&str], row: &dyn Fn(&Variant) -> Vec<Vec<String>>| {
        format!("\n{title}\n{}\n", table(heads, report.variants.iter().flat_map(row)))
    };
    let mut text = format!("seed {}; {rounds}\n", report.seed);
    text += &table(
        "ALL OF IT, in seconds",
        &["documents", "namespaces", "text", "read, check", "set, index", "resolve", "lower", "edits"],
        &|variant| vec![all(variant)],
    );
    text += &table(
        "PER DOCUMENT (read, check; set, index) AND PER WORKLOAD (resolve; lower), in microseconds; × the first variant",
        &["documents", "namespaces", "read, check", "set, index", "resolve", "lower"],
        &|variant| vec![per_one(variant)],
    );
    text += &table(
        "HEAP beside the text",
        &["documents", "namespaces", "documents, checked", "set, index", "one workload", "peak"],
        &|variant| vec![heap(variant)],
    );
    text += &table(
        "ONE CHANGED DOCUMENT, in microseconds, the mean of those tried; share of resolving and lowering everything",
        &["documents", "namespaces", "for", "workloads", "find", "resolve, lower", "share"],
        &|variant| variant.changes.iter().map(|changed| one_change(&variant.size, changed)).collect(),
    );
    text.trim_end().to_owned()
}

fn table(heads: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(heads).add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn of_size(size: &Size) -> Vec<String> {
    let shape = match size.shape {
        Shape::Spread => "",
        Shape::Dense => " dense",
    };
    vec![format!("{}", size.documents), format!("{}{shape}", size.namespaces)]
}

fn all(variant: &Variant) -> Vec<String> {
    let mut row = of_size(&variant.size);
    row.push(bytes(variant.text_bytes));
    row.extend(variant.seconds.each().map(|seconds| format!("{seconds:.3}")));
    row.push(variant.edits.to_string());
    row
}

fn per_one(variant: &Variant) -> Vec<String> {
    let count = f64::from(variant.size.documents);
    let parts = variant.seconds.each().into_iter().zip(variant.to_first.each());
    let cells = parts.map(|(seconds, ratio)| format!("{:.1} (× {ratio:.2})", seconds / count * 1e6));
    of_size(&variant.size).into_iter().chain(cells).collect()
}

fn heap(variant: &Variant) -> Vec<String> {
    let heap = variant.heap;
    let cells = [heap.documents, heap.set, heap.workload, heap.peak].map(bytes);
    of_size(&variant.size).into_iter().chain(cells).collect()
}

fn one_change(size: &Size, changed: &Changed) -> Vec<String> {
    let scope = match changed.scope {
        Scope::Labels => "labels",
        Scope::Target => "a gateway",
        Scope::Namespace => "a namespace",
        Scope::Mesh => "the mesh",
    };
    let workloads = changed.affected as f64 / changed.tried.max(1) as f64;
    let times = [changed.find_seconds, changed.redo_seconds].map(|seconds| format!("{:.0}", seconds * 1e6));
    let [find, redo] = times;
    let cells =
        [scope.to_owned(), format!("{workloads:.1}"), find, redo, format!("{:.3} %", changed.of_all * 100.0)];
    of_size(size).into_iter().chain(cells).collect()
}

fn bytes(count: usize) -> String {
    match count {
        0..10_000 => format!("{count} B"),
        10_000..10_000_000 => format!("{:.0} kB", count as f64 / 1e3),
        _ => format!("{:.0} MB", count as f64 / 1e6),
    }
}

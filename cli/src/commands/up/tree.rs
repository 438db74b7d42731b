//! Spans put together to traces: which stands below which, and when each was.

use std::collections::{BTreeMap, HashMap, HashSet};

use burgee_localnet::summary::SpanSummary;

use super::clean::{clean, cut, cut_middle, width};

/// The spans of one trace.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Trace<'a> {
    /// Its id, in hexadecimal.
    pub(super) id: &'a str,
    /// When its first span began, in nanoseconds since the epoch.
    pub(super) start_ns: u64,
    /// From its first span's beginning to its last one's end, in milliseconds.
    pub(super) duration_ms: f64,
    /// Every span, each below the one that it is part of, else by start.
    pub(super) spans: Vec<Node<'a>>,
}

/// A span in its tree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Node<'a> {
    /// The span.
    pub(super) span: &'a SpanSummary,
    /// How many spans stand above it.
    pub(super) depth: usize,
    /// Whether it names a span above it that is not here.
    pub(super) is_orphan: bool,
}

impl Trace<'_> {
    /// Whether any span says that it failed.
    pub(super) fn is_error(&self) -> bool {
        self.spans.iter().any(|node| node.span.is_error)
    }

    /// When a span began, in milliseconds from the trace's beginning.
    pub(super) fn offset_ms(&self, span: &SpanSummary) -> f64 {
        millis(span.start_ns.saturating_sub(self.start_ns))
    }

    /// The trace in one line: what is called stands in brackets behind what calls it.
    pub(super) fn line(&self) -> String {
        let mut out = String::new();
        let mut depth = 0;
        for (number, node) in self.spans.iter().enumerate() {
            if number > 0 && node.depth > depth {
                out += " (";
            } else if number > 0 {
                out += &")".repeat(depth - node.depth);
                out += ", ";
            }
            depth = node.depth;
            out += &format!("{} {:.1} ms", clean(label(node.span)), node.span.duration_ms);
        }
        out + &")".repeat(depth)
    }
}

/// What a span is called in a tree: the service, or the name when it has none.
pub(super) fn label(span: &SpanSummary) -> &str {
    if span.service.is_empty() { &span.name } else { &span.service }
}

/// A span in a tree: its service without the namespace, the side that reports it, and what it is about; the last is cut
/// so that all of it takes no more than a number of columns.
pub(super) fn name(span: &SpanSummary, columns: usize) -> String {
    let side = match span.kind.as_str() {
        "server" => "in",
        "client" => "out",
        _ => "-",
    };
    let service = span.service.split_once('.').map_or(span.service.as_str(), |(service, _)| service);
    let begin = clean(&format!("{service} {side} "));
    let left = columns.saturating_sub(width(&begin));
    let name = cut_middle(&clean(&span.name), left);
    cut(&format!("{begin}{name}"), columns)
}

/// The status code that a span carries as a tag; empty when it carries none.
pub(super) fn status(span: &SpanSummary) -> &str {
    let names = ["http.status_code", "http.response.status_code"];
    names.iter().find_map(|name| span.tags.get(*name)).map_or("", String::as_str)
}

/// Every trace, in the order in which the last spans of each came.
pub(super) fn traces(spans: &[SpanSummary]) -> Vec<Trace<'_>> {
    let mut last: HashMap<&str, usize> = HashMap::new();
    let mut by_trace: HashMap<&str, Vec<&SpanSummary>> = HashMap::new();
    for (number, span) in spans.iter().enumerate() {
        last.insert(&span.trace_id, number);
        by_trace.entry(&span.trace_id).or_default().push(span);
    }
    let order: BTreeMap<usize, &str> = last.into_iter().map(|(id, number)| (number, id)).collect();
    order.into_values().map(|id| trace(id, &by_trace[id])).collect()
}

fn trace<'a>(id: &'a str, spans: &[&'a SpanSummary]) -> Trace<'a> {
    let mut spans = spans.to_vec();
    spans.sort_by_key(|span| span.start_ns);
    let known: HashSet<&str> = spans.iter().map(|span| span.span_id.as_str()).collect();
    let mut below: HashMap<&str, Vec<&SpanSummary>> = HashMap::new();
    let mut tops = Vec::new();
    for span in &spans {
        match span.parent_span_id.as_deref() {
            Some(parent) if known.contains(parent) && parent != span.span_id => {
                below.entry(parent).or_default().push(span);
            }
            _ => tops.push(*span),
        }
    }
    // From the last to the first, since what is on top of the stack is taken first. Spans that are each other's parents
    // have no top; whoever sent them gets them listed.
    let mut nodes: Vec<Node<'a>> = Vec::new();
    let mut taken: HashSet<*const SpanSummary> = HashSet::new();
    for top in tops.into_iter().chain(spans.iter().copied()) {
        let mut stack = vec![(top, 0)];
        while let Some((span, depth)) = stack.pop() {
            if !taken.insert(std::ptr::from_ref(span)) {
                continue;
            }
            let is_orphan = depth == 0 && span.parent_span_id.is_some();
            nodes.push(Node { span, depth, is_orphan });
            let children = below.get(span.span_id.as_str()).into_iter().flatten();
            stack.extend(children.rev().map(|child| (*child, depth + 1)));
        }
    }
    let start_ns = spans.first().map_or(0, |span| span.start_ns);
    let end = |span: &SpanSummary| millis(span.start_ns - start_ns) + span.duration_ms;
    let duration_ms = spans.iter().map(|span| end(span)).fold(0.0, f64::max);
    Trace { id, start_ns, duration_ms, spans: nodes }
}

/// Nanoseconds in milliseconds.
fn millis(ns: u64) -> f64 {
    ns as f64 / 1e6
}

/// How wide a bar is drawn, and where: blanks, then at least one block, in so many columns.
pub(super) fn bar(trace: &Trace<'_>, span: &SpanSummary, columns: usize) -> String {
    if columns == 0 {
        return String::new();
    }
    let whole = trace.duration_ms.max(f64::MIN_POSITIVE);
    let at = |ms: f64| ((ms / whole).clamp(0.0, 1.0) * columns as f64).round() as usize;
    let begin = at(trace.offset_ms(span)).min(columns - 1);
    let end = at(trace.offset_ms(span) + span.duration_ms).clamp(begin + 1, columns);
    format!("{}{}{}", " ".repeat(begin), "█".repeat(end - begin), " ".repeat(columns - end))
}

#[cfg(test)]
mod tests;

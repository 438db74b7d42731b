//! What a module says of its metrics: JSON in a custom section, written while it is compiled.
//!
//! Its readers have [`burgee_filter_config::declared`].

use super::{Metric, OVERFLOW};
use crate::host::MetricKind;

/// How long the section of these metrics is, in bytes; 0 if there are none.
pub const fn length(metrics: &[&[Metric]]) -> usize {
    let mut to = Writer { bytes: &mut [], length: 0 };
    write(&mut to, metrics);
    to.length
}

/// The section of these metrics as an array. `N` is its [`length`].
pub const fn list<const N: usize>(metrics: &[&[Metric]]) -> [u8; N] {
    let mut bytes = [b' '; N];
    let mut to = Writer { bytes: &mut bytes, length: 0 };
    write(&mut to, metrics);
    bytes
}

/// Writes as much as there is room for, and counts all of it.
struct Writer<'b> {
    bytes: &'b mut [u8],
    length: usize,
}

impl Writer<'_> {
    const fn byte(&mut self, byte: u8) {
        if let Some((_, rest)) = self.bytes.split_at_mut_checked(self.length)
            && let [place, ..] = rest
        {
            *place = byte;
        }
        self.length = self.length.saturating_add(1);
    }

    const fn raw(&mut self, text: &str) {
        let mut rest = text.as_bytes();
        while let [byte, others @ ..] = rest {
            self.byte(*byte);
            rest = others;
        }
    }

    /// A text in quotes.
    const fn text(&mut self, text: &str) {
        self.byte(b'"');
        let mut rest = text.as_bytes();
        while let [byte, others @ ..] = rest {
            match *byte {
                b'"' | b'\\' => {
                    self.byte(b'\\');
                    self.byte(*byte);
                }
                // Where a line ends in the source is no part of what it says.
                control if control.is_ascii_control() => self.byte(b' '),
                other => self.byte(other),
            }
            rest = others;
        }
        self.byte(b'"');
    }

    const fn number(&mut self, number: u64) {
        if let Some(front @ 1..) = number.checked_div(10) {
            self.number(front);
        }
        // A digit fits into a byte.
        if let Some(digit) = number.checked_rem(10) {
            self.byte(b'0'.wrapping_add(digit as u8));
        }
    }
}

const fn write(to: &mut Writer<'_>, metrics: &[&[Metric]]) {
    let mut is_first = true;
    let mut filters = metrics;
    while let [of_filter, others @ ..] = filters {
        let mut rest = *of_filter;
        while let [metric, more @ ..] = rest {
            to.byte(if is_first { b'[' } else { b',' });
            is_first = false;
            write_metric(to, metric);
            rest = more;
        }
        filters = others;
    }
    if !is_first {
        to.byte(b',');
        write_metric(to, &OVERFLOW);
        to.byte(b']');
    }
}

const fn write_metric(to: &mut Writer<'_>, metric: &Metric) {
    to.raw(r#"{"name":"#);
    to.text(metric.name);
    to.raw(r#","kind":"#);
    to.text(match metric.kind {
        MetricKind::Counter => "counter",
        MetricKind::Gauge => "gauge",
        MetricKind::Histogram => "histogram",
    });
    to.raw(r#","help":"#);
    to.text(metric.help);
    to.raw(r#","labels":["#);
    let mut labels = metric.labels;
    while let [label, others @ ..] = labels {
        to.text(label);
        if !others.is_empty() {
            to.byte(b',');
        }
        labels = others;
    }
    to.raw(r#"],"buckets":["#);
    let mut buckets = metric.buckets;
    while let [bucket, others @ ..] = buckets {
        to.number(*bucket);
        if !others.is_empty() {
            to.byte(b',');
        }
        buckets = others;
    }
    to.raw("]}");
}

#[cfg(test)]
mod tests {
    use burgee_filter_config::declared::{DeclaredKind, DeclaredMetric, from_section};

    use super::*;

    crate::labels! {
        struct Two { one, other }
    }

    const COUNT: Metric = Metric::counter::<Two<'static>>("a_total", "Says \"it\",\nand \\ more: ü.");
    const TOOK: Metric = Metric::histogram::<()>("took", "", &[1, 20, 9_007_199_254_740_992]);
    const METRICS: &[&[Metric]] = &[&[COUNT], &[], &[TOOK]];

    #[test]
    fn what_is_written_while_compiling_is_read_by_tools() {
        const SECTION: [u8; length(METRICS)] = list(METRICS);
        let read = from_section(&SECTION).unwrap_or_else(|error| panic!("{error}"));
        let expected = |name: &str, kind, help: &str, labels: &[&str], buckets: &[u64]| DeclaredMetric {
            name: name.to_owned(),
            kind,
            help: help.to_owned(),
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            buckets: buckets.to_vec(),
        };
        assert_eq!(
            read,
            [
                expected(
                    "a_total",
                    DeclaredKind::Counter,
                    "Says \"it\", and \\ more: ü.",
                    &["one", "other"],
                    &[]
                ),
                expected("took", DeclaredKind::Histogram, "", &[], &[1, 20, 9_007_199_254_740_992]),
                expected(OVERFLOW.name, DeclaredKind::Counter, OVERFLOW.help, &["metric"], &[]),
            ]
        );
    }

    #[test]
    fn a_module_without_metrics_says_nothing() {
        assert_eq!(length(&[]), 0);
        assert_eq!(length(&[&[], &[]]), 0);
    }
}

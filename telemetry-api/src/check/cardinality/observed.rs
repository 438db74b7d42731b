//! Reads a saved page of metrics, in the text format that Prometheus reads and Envoy's `/stats/prometheus` writes: which
//! series of Istio's metrics there are. Strict: a page that is cut off or is something else would give a wrong count.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What Istio's metrics begin with.
const PREFIX: &str = "istio_";

/// The series of Istio's metrics that a page has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Sets of labels, by the line's name without the ending of a distribution.
    metrics: BTreeMap<String, BTreeSet<Series>>,
}

/// A line: the ending of its name, and its labels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Series {
    ending: &'static str,
    labels: BTreeMap<String, String>,
}

/// Why a page cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageFault {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: &'static str,
}

impl fmt::Display for PageFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

/// The endings of the lines of a distribution.
const ENDINGS: [&str; 3] = ["_bucket", "_sum", "_count"];

impl Observed {
    /// Reads a page.
    ///
    /// # Errors
    /// The first line that is no line of such a page, or that there is none of Istio's.
    pub fn read(page: &str) -> Result<Observed, PageFault> {
        let mut observed = Observed::default();
        let mut lines = 0;
        for (index, line) in page.lines().enumerate() {
            lines = index + 1;
            let mut reader = Reader { line, rest: line };
            let fault = |reader: &Reader<'_>, message| {
                let read = line.len() - reader.rest.len();
                let column = line[..read].chars().count() + 1;
                PageFault { line: index + 1, column, message }
            };
            match reader.sample() {
                Ok(Some((name, labels))) => observed.add(name, labels),
                Ok(None) => {}
                Err(message) => return Err(fault(&reader, message)),
            }
        }
        if observed.metrics.is_empty() {
            let message = "the page has no series of Istio's metrics, whose names begin with istio_";
            return Err(PageFault { line: lines.max(1), column: 1, message });
        }
        Ok(observed)
    }

    fn add(&mut self, name: &str, labels: BTreeMap<String, String>) {
        if !name.starts_with(PREFIX) {
            return;
        }
        let ending = ENDINGS.into_iter().find(|ending| name.ends_with(ending)).unwrap_or_default();
        let metric = name.strip_suffix(ending).unwrap_or(name).to_owned();
        self.metrics.entry(metric).or_default().insert(Series { ending, labels });
    }

    fn of<'o>(&'o self, metric: &str, reporter: &'o str) -> impl Iterator<Item = &'o Series> {
        // Without the label, which can be removed, the client's side is as good as the other.
        let of_reporter = move |series: &&Series| {
            series.labels.get("reporter").map_or("source", String::as_str) == reporter
        };
        self.metrics.get(metric).into_iter().flatten().filter(of_reporter)
    }

    /// How many series a metric has that a side reports.
    pub(super) fn series(&self, metric: &str, reporter: &str) -> u64 {
        self.of(metric, reporter).count() as u64
    }

    /// How many series it would have without some labels.
    pub(super) fn without(&self, metric: &str, reporter: &str, removed: &[String]) -> u64 {
        let left = |series: &Series| {
            let labels = series.labels.iter().filter(|(name, _)| !removed.contains(name));
            let labels: Vec<(String, String)> =
                labels.map(|(name, value)| (name.clone(), value.clone())).collect();
            (series.ending, labels)
        };
        self.of(metric, reporter).map(left).collect::<BTreeSet<_>>().len() as u64
    }

    /// Whether a metric has a label.
    pub(super) fn has(&self, metric: &str, label: &str) -> bool {
        self.metrics.get(metric).into_iter().flatten().any(|series| series.labels.contains_key(label))
    }

    /// How many values a label has, in all metrics.
    pub fn values(&self, label: &str) -> u64 {
        let all = self.metrics.values().flatten();
        all.filter_map(|series| series.labels.get(label)).collect::<BTreeSet<_>>().len() as u64
    }
}

/// A series' name and its labels.
type Sample<'l> = (&'l str, BTreeMap<String, String>);

/// A line that is being read.
struct Reader<'l> {
    line: &'l str,
    rest: &'l str,
}

impl<'l> Reader<'l> {
    /// A series, if the line is one: comments and empty lines are none.
    fn sample(&mut self) -> Result<Option<Sample<'l>>, &'static str> {
        if self.line.trim().is_empty() || self.line.trim_start().starts_with('#') {
            return Ok(None);
        }
        let name = self.name(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':'))?;
        let mut labels = BTreeMap::new();
        if self.take('{') {
            while !self.take('}') {
                let label = self.name(|c| c.is_ascii_alphanumeric() || c == '_')?;
                self.expect('=', "a label has a value: NAME=\"VALUE\"")?;
                let value = self.quoted()?;
                if labels.insert(label.to_owned(), value).is_some() {
                    return Err("the label is there already");
                }
                if !self.take(',') && !self.rest.starts_with('}') {
                    return Err("labels end with a brace, and a comma stands between them");
                }
            }
        }
        self.number()?;
        Ok(Some((name, labels)))
    }

    fn name(&mut self, is_part: impl Fn(char) -> bool) -> Result<&'l str, &'static str> {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err("a name is missing: letters, digits and `_`, and no digit in front");
        }
        self.rest = rest;
        Ok(name)
    }

    fn take(&mut self, c: char) -> bool {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
        self.rest.strip_prefix(c).map(|rest| self.rest = rest).is_some()
    }

    fn expect(&mut self, c: char, message: &'static str) -> Result<(), &'static str> {
        if self.take(c) { Ok(()) } else { Err(message) }
    }

    /// A label's value, its three escapes undone.
    fn quoted(&mut self) -> Result<String, &'static str> {
        self.expect('"', "a label's value stands in quotes")?;
        let mut value = String::new();
        let mut chars = self.rest.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Ok(value);
                }
                '\\' => match chars.next() {
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, c @ ('\\' | '"'))) => value.push(c),
                    _ => {
                        self.rest = &self.rest[at..];
                        return Err("only \\\\, \\\" and \\n are escapes");
                    }
                },
                c => value.push(c),
            }
        }
        Err("the value does not end: the page is cut off")
    }

    /// The series' value, and when it was so if that is written.
    fn number(&mut self) -> Result<(), &'static str> {
        let mut words = self.rest.split_whitespace();
        let value = words.next().ok_or("the series has no value: the page is cut off")?;
        let is_number = matches!(value, "+Inf" | "-Inf" | "Inf" | "NaN") || value.parse::<f64>().is_ok();
        if !is_number
            || words.next().is_some_and(|time| time.parse::<i64>().is_err())
            || words.next().is_some()
        {
            return Err("a series ends with a number, and perhaps a time in milliseconds");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

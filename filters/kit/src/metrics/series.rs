//! The series of a metric: found by one hash of the raw values, and bounded.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use burgee_filter_config::stat_name::{SIGNIFICANT_BYTES, clean_value, push_label};

use super::{Labels, Metric, OVERFLOW, OVERFLOW_VALUE, Value};
use crate::hash::FoldHasher;
use crate::host::{Host, HostError, LogLevel, MetricId, MetricKind};

/// The series that were written, or found full.
#[derive(Debug)]
pub(super) struct Series {
    metric: &'static Metric,
    known: HashMap<Box<[u8]>, MetricId, BuildHasherDefault<FoldHasher>>,
    key: Vec<u8>,
    overflow: Option<Overflow>,
}

/// What is written when there is no room.
#[derive(Clone, Copy, Debug)]
struct Overflow {
    /// The series whose labels are all [`OVERFLOW_VALUE`].
    series: MetricId,
    /// The counter of such writes.
    count: MetricId,
}

impl Series {
    pub(super) fn new(metric: &'static Metric) -> Series {
        Series { metric, known: HashMap::default(), key: Vec::new(), overflow: None }
    }

    /// The host's metric for these labels.
    pub(super) fn find<H: Host>(&mut self, host: &H, labels: &impl Labels) -> Result<MetricId, HostError> {
        let key = &mut self.key;
        key.clear();
        labels.each(&mut |value| push_key(key, value));
        if let Some(id) = self.known.get(self.key.as_slice()) {
            return Ok(*id);
        }
        if self.known.len() >= usize::try_from(self.metric.max_series).unwrap_or(usize::MAX) {
            return self.overflow(host);
        }
        let mut names = self.metric.labels.iter();
        let mut name = String::new();
        labels.each(&mut |value| {
            let label = names.next().copied().unwrap_or_default();
            match value {
                Value::Bytes(bytes) => push_label(&mut name, label, &clean_value(bytes)),
                Value::Number(number) => push_label(&mut name, label, &number.to_string()),
            }
        });
        name.push_str(self.metric.name);
        let id = host.define_metric(self.metric.kind, &name)?;
        self.known.insert(self.key.as_slice().into(), id);
        Ok(id)
    }

    fn overflow<H: Host>(&mut self, host: &H) -> Result<MetricId, HostError> {
        let overflow = match self.overflow {
            Some(overflow) => overflow,
            None => *self.overflow.insert(Overflow::define(host, self.metric)?),
        };
        // The write itself matters more than that it is counted.
        let _ = host.increment(overflow.count, 1);
        Ok(overflow.series)
    }
}

impl Overflow {
    fn define<H: Host>(host: &H, metric: &Metric) -> Result<Overflow, HostError> {
        let mut name = String::new();
        for label in metric.labels {
            push_label(&mut name, label, OVERFLOW_VALUE);
        }
        name.push_str(metric.name);
        let series = host.define_metric(metric.kind, &name)?;
        let mut count = String::new();
        for label in OVERFLOW.labels {
            push_label(&mut count, label, metric.name);
        }
        count.push_str(OVERFLOW.name);
        let count = host.define_metric(MetricKind::Counter, &count)?;
        let (name, limit) = (metric.name, metric.max_series);
        host.log(
            LogLevel::Warn,
            &format!("{name} has {limit} series: from now on, the labels of new ones are {OVERFLOW_VALUE:?}"),
        );
        Ok(Overflow { series, count })
    }
}

/// Appends what tells a value from others of its label. Bytes that the text will not show are left out, so that a key
/// has a bounded size.
fn push_key(key: &mut Vec<u8>, value: Value<'_>) {
    match value {
        Value::Bytes(bytes) => {
            let significant = bytes.get(..SIGNIFICANT_BYTES).unwrap_or(bytes);
            // Two bytes hold every length that there is.
            let length = u16::try_from(significant.len()).unwrap_or(u16::MAX);
            key.extend_from_slice(&length.to_le_bytes());
            key.extend_from_slice(significant);
        }
        Value::Number(number) => {
            // A length that no text has.
            key.extend_from_slice(&u16::MAX.to_le_bytes());
            key.extend_from_slice(&number.to_le_bytes());
        }
    }
}

//! The series that exist: from the raw values of a request to the host's metrics. Bounded, whatever clients send.
//!
//! A series cannot be taken back: it lives in the proxy until that restarts. So there are three steps: up to the
//! limit, values are shown as they are; from there on those that a client can choose are shown as `other`; at twice
//! the limit everything that differs from request to request is, which is one last set.

use burgee_filter_config::stat_name::push_label;
use burgee_filter_config::stats::OVERFLOW_VALUE;
use burgee_kit::table::Table;
use burgee_kit::{Host, LogLevel, MetricId};

use crate::plan::{Content, MetricPlan, Plan};
use crate::value::Value;

/// How much of the values is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Everything.
    Full,
    /// Everything but what a client can choose.
    WithoutChosen,
    /// Nothing that differs from request to request.
    Nothing,
}

/// A set of labels that was found or made.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// Its place in the table.
    pub index: usize,
    /// How much of the values it shows.
    pub detail: Detail,
}

/// The table of all sets of labels that were written.
#[derive(Debug)]
pub struct SeriesTable {
    limit: usize,
    index: Table,
    /// How many metrics each set has.
    width: usize,
    metrics: Vec<Box<[Option<MetricId>]>>,
    rest: Option<usize>,
    key: Vec<u8>,
    has_warned: bool,
}

impl SeriesTable {
    /// An empty table for that many sets of labels, each with the metrics of a plan.
    pub fn new(limit: u32, plan: &Plan) -> SeriesTable {
        SeriesTable {
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            index: Table::default(),
            width: plan.metrics.len(),
            metrics: Vec::new(),
            rest: None,
            key: Vec::new(),
            has_warned: false,
        }
    }

    /// The place of these values, with less of their detail if there is no room.
    pub fn find<'v, H: Host>(&mut self, host: &H, values: impl Iterator<Item = &'v Value> + Clone) -> Found {
        self.write_key(values.clone(), Detail::Full);
        if let Some(index) = self.find_key(self.limit) {
            return Found { index, detail: Detail::Full };
        }
        if !self.has_warned {
            self.has_warned = true;
            let message = format!(
                "there are {} sets of labels: from now on, new values that clients choose are shown as \
                 {OVERFLOW_VALUE:?}",
                self.limit
            );
            host.log(LogLevel::Warn, &message);
        }
        self.write_key(values, Detail::WithoutChosen);
        if let Some(index) = self.find_key(self.limit.saturating_mul(2)) {
            return Found { index, detail: Detail::WithoutChosen };
        }
        let index = *self.rest.get_or_insert_with(|| add(&mut self.metrics, self.width));
        Found { index, detail: Detail::Nothing }
    }

    /// The host's metric of a place, if it was defined. `position` is the metric's in the plan.
    pub fn metric(&self, found: Found, position: usize) -> Option<MetricId> {
        *self.metrics.get(found.index)?.get(position)?
    }

    /// Defines the host's metric of a place. Nothing if the host does not; the next request tries again.
    pub fn define<H: Host>(
        &mut self,
        host: &H,
        found: Found,
        plan: &Plan,
        position: usize,
        values: &[Value],
    ) -> Option<MetricId> {
        let slot = self.metrics.get_mut(found.index)?.get_mut(position)?;
        let metric = plan.metrics.get(position)?;
        *slot = host.define_metric(metric.kind, &name(metric, values, found.detail)).ok();
        *slot
    }

    fn write_key<'v>(&mut self, values: impl Iterator<Item = &'v Value>, detail: Detail) {
        self.key.clear();
        for value in values {
            shown(value, detail).push_key(&mut self.key);
        }
    }

    /// The place of the key that was written last; a new one if there are fewer than `limit`.
    fn find_key(&mut self, limit: usize) -> Option<usize> {
        if let Some(index) = self.index.get(&self.key) {
            return Some(index);
        }
        if self.index.len() >= limit {
            return None;
        }
        let index = add(&mut self.metrics, self.width);
        self.index.set(&self.key, index);
        Some(index)
    }
}

fn add(metrics: &mut Vec<Box<[Option<MetricId>]>>, width: usize) -> usize {
    metrics.push(vec![None; width].into());
    metrics.len().saturating_sub(1)
}

fn shown(value: &Value, detail: Detail) -> &Value {
    match detail {
        Detail::Full => value,
        Detail::WithoutChosen if value.is_chosen() => &Value::OVERFLOW,
        Detail::WithoutChosen => value,
        Detail::Nothing => &Value::OVERFLOW,
    }
}

/// The metric's name with its labels in it, as the bootstrap's `stats_tags` take it apart.
fn name(metric: &MetricPlan, values: &[Value], detail: Detail) -> String {
    let mut name = String::with_capacity(1024);
    for (label, content) in &metric.labels {
        match content {
            Content::Fixed(text) => push_label(&mut name, label, text),
            Content::Source(index) => {
                let value = values.get(*index).unwrap_or(&Value::UNKNOWN);
                push_label(&mut name, label, &shown(value, detail).clean_text());
            }
        }
    }
    name.push_str(&metric.name);
    name
}

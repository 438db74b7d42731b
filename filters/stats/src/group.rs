//! Metrics that are written together: what to write, and the series that there are of it.

use burgee_kit::{Host, LogHost, StreamHost};

use crate::overrides::Overrides;
use crate::plan::{Plan, Source};
use crate::series::{Found, SeriesTable};
use crate::value::{Value, Values};

/// Metrics with the same sets of values behind their labels.
#[derive(Debug)]
pub struct Group {
    /// What to write.
    pub plan: Plan,
    series: SeriesTable,
    /// The values that were looked for last.
    values: Vec<Value>,
}

/// Where the texts come from that expressions give.
#[derive(Clone, Copy, Debug)]
pub enum Texts<'t> {
    /// They can be evaluated now.
    Readable,
    /// They cannot, as a host evaluates them for the context that it calls, which for a period is not the stream's.
    Unreadable,
    /// They were evaluated before.
    Known(&'t [Value]),
}

fn evaluate<H: StreamHost>(host: &H, overrides: &Overrides, index: usize) -> Value {
    let text = overrides.expression(index).and_then(|expression| expression.text(host));
    text.map_or(Value::UNKNOWN, |text| Value::Chosen(text.into()))
}

impl Group {
    /// Nothing of it was written yet.
    pub fn new(plan: Plan, max_series: u32) -> Group {
        let series = SeriesTable::new(max_series, &plan);
        Group { plan, series, values: Vec::new() }
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.plan.metrics.is_empty()
    }

    /// What the expressions of these metrics give for the stream at hand, in their order.
    pub fn evaluate<H: StreamHost>(&self, host: &H, overrides: &Overrides) -> Vec<Value> {
        self.plan.expressions().map(|index| evaluate(host, overrides, index)).collect()
    }

    /// The series of these standard labels and of what expressions give; nothing if there is nothing to write, or if there
    /// are expressions that cannot be read.
    pub fn find<H: LogHost>(
        &mut self,
        host: &H,
        standard: &Values,
        overrides: &Overrides,
        texts: Texts<'_>,
    ) -> Option<Found> {
        if self.is_empty() {
            return None;
        }
        self.values.clear();
        let mut number = 0..;
        for source in &self.plan.sources {
            let value = match source {
                Source::Label(label) => standard.get(*label).clone(),
                Source::Expression(index) => match texts {
                    Texts::Readable => evaluate(host, overrides, *index),
                    Texts::Unreadable => return None,
                    Texts::Known(all) => number
                        .next()
                        .and_then(|number: usize| all.get(number))
                        .cloned()
                        .unwrap_or(Value::UNKNOWN),
                },
            };
            self.values.push(value);
        }
        Some(self.series.find(host, self.values.iter()))
    }

    /// Whether the metric of that position was defined.
    pub fn is_defined(&self, found: Found, position: usize) -> bool {
        self.series.metric(found, position).is_some()
    }

    /// Adds to, sets or records in the metric of that position; `found` is what was found last.
    pub fn add<H: Host>(&mut self, host: &H, found: Found, position: usize, amount: u64) {
        let known = self.series.metric(found, position);
        let id = known.or_else(|| self.series.define(host, found, &self.plan, position, &self.values));
        if let Some(id) = id {
            // What the host does not take is lost; there is nobody to tell. A counter is added to, 0 too, which makes it
            // known.
            let _ = host.record(id, amount);
        }
    }

    /// The same for what was found before others were. A metric that could not be defined then is not written.
    pub fn add_again<H: Host>(&self, host: &H, found: Found, position: usize, amount: u64) {
        if let Some(id) = self.series.metric(found, position) {
            let _ = host.record(id, amount);
        }
    }
}

//! Metrics that are written together: what to write, and the series that there are of it.

use burgee_kit::{Host, LogHost};

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

    /// The series of these standard labels and of what expressions give for the stream at hand. Nothing if there is nothing
    /// to write; and if there are expressions and `is_open`, as a host evaluates them for the context that it calls, which
    /// for a period is not the stream's.
    pub fn find<H: LogHost>(
        &mut self,
        host: &H,
        standard: &Values,
        overrides: &Overrides,
        is_open: bool,
    ) -> Option<Found> {
        if self.is_empty() {
            return None;
        }
        self.values.clear();
        for source in &self.plan.sources {
            let value = match source {
                Source::Label(label) => standard.get(*label).clone(),
                Source::Expression(_) if is_open => return None,
                Source::Expression(index) => overrides
                    .expression(*index)
                    .and_then(|expression| expression.text(host))
                    .map_or(Value::UNKNOWN, |text| Value::Chosen(text.into())),
            };
            self.values.push(value);
        }
        Some(self.series.find(host, self.values.iter()))
    }

    /// Adds to, sets or records in the metric of that position; `found` is what was found last.
    pub fn add<H: Host>(&mut self, host: &H, found: Found, position: usize, amount: u64) {
        if let Some(id) = self.series.metric(host, found, &self.plan, position, &self.values) {
            // What the host does not take is lost; there is nobody to tell. A counter is added to, 0 too, which makes it
            // known.
            let _ = host.record(id, amount);
        }
    }

    /// The same for what was found before others were. A metric that could not be defined then is not written.
    pub fn add_again<H: Host>(&self, host: &H, found: Found, position: usize, amount: u64) {
        if let Some(id) = self.series.defined(found, position) {
            let _ = host.record(id, amount);
        }
    }
}

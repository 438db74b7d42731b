//! Writes the metrics of one ended request.

use burgee_filter_config::StandardMetric;
use burgee_kit::attributes::{REQUEST_DURATION, REQUEST_TOTAL_SIZE, RESPONSE_TOTAL_SIZE};
use burgee_kit::{Host, LogHost};

use crate::overrides::Overrides;
use crate::plan::{Plan, Source};
use crate::request::Reader;
use crate::series::SeriesTable;
use crate::value::{Value, Values};

/// Everything that recording needs.
#[derive(Debug)]
pub struct Recorder {
    plan: Plan,
    overrides: Overrides,
    reader: Reader,
    series: SeriesTable,
    values: Vec<Value>,
}

impl Recorder {
    /// A recorder that has not written anything.
    pub fn new(plan: Plan, overrides: Overrides, may_use_host_header: bool, max_series: u32) -> Recorder {
        Recorder {
            plan,
            overrides,
            reader: Reader::new(may_use_host_header),
            series: SeriesTable::new(max_series),
            values: Vec::new(),
        }
    }

    /// Writes the current stream's metrics.
    pub fn record<H: LogHost>(&mut self, host: &H) {
        if self.plan.metrics.is_empty() {
            return;
        }
        let Some(standard) = self.reader.read(host, &self.plan) else {
            return;
        };
        self.values.clear();
        for source in &self.plan.sources {
            self.values.push(value(host, *source, &standard, &self.overrides));
        }
        let found = self.series.find(host, self.values.iter());
        for (position, metric) in self.plan.metrics.iter().enumerate() {
            let Some(amount) = amount(host, metric.metric) else {
                continue;
            };
            let Some(id) = self.series.metric(host, found, &self.plan, position, &self.values) else {
                continue;
            };
            // A value that the host does not take is lost; there is nobody to tell for each request.
            let _ = match amount {
                Amount::One => host.increment(id, 1),
                Amount::Of(value) => host.record(id, value),
            };
        }
    }

    /// Gives back what the host keeps for this recorder.
    pub fn retire<H: Host>(self, host: &H) {
        self.overrides.delete(host);
    }
}

enum Amount {
    One,
    Of(u64),
}

fn value<H: LogHost>(host: &H, source: Source, standard: &Values, overrides: &Overrides) -> Value {
    match source {
        Source::Label(label) => standard.get(label).clone(),
        Source::Expression(index) => overrides
            .expression(index)
            .and_then(|expression| expression.text(host))
            .map_or(Value::UNKNOWN, |text| Value::Chosen(text.into())),
    }
}

/// What to add to a metric for the current stream; nothing if it is not known.
fn amount<H: LogHost>(host: &H, metric: StandardMetric) -> Option<Amount> {
    match metric {
        StandardMetric::RequestCount => Some(Amount::One),
        StandardMetric::RequestDuration => REQUEST_DURATION.get(host)?.milliseconds().map(Amount::Of),
        StandardMetric::RequestSize => REQUEST_TOTAL_SIZE.get(host).map(Amount::Of),
        StandardMetric::ResponseSize => RESPONSE_TOTAL_SIZE.get(host).map(Amount::Of),
        // Not written at the end of an HTTP stream.
        StandardMetric::GrpcRequestMessages
        | StandardMetric::GrpcResponseMessages
        | StandardMetric::TcpClosedConnections
        | StandardMetric::TcpOpenedConnections
        | StandardMetric::TcpReceivedBytes
        | StandardMetric::TcpSentBytes => None,
    }
}

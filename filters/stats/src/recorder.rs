//! Writes the metrics of one ended request.

use burgee_filter_config::{StandardMetric, Traffic};
use burgee_kit::attributes::{REQUEST_DURATION, REQUEST_TOTAL_SIZE, RESPONSE_CODE, RESPONSE_TOTAL_SIZE};
use burgee_kit::{Host, LogHost};

use crate::custom;
use crate::filter::Settings;
use crate::group::Group;
use crate::messages::Messages;
use crate::overrides::Overrides;
use crate::plan::{Plan, Role, Source};
use crate::request::{Reader, is_request};
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
    messages: Messages,
    custom: Group,
}

impl Recorder {
    /// A recorder that has not written anything.
    pub fn new(settings: Settings, role: Role) -> Recorder {
        let max_series = settings.max_series();
        let Settings { config, local, overrides } = settings;
        let plan = |traffic| Plan::new(role, &local, &overrides, traffic);
        let requests = plan(Traffic::Requests);
        Recorder {
            series: SeriesTable::new(max_series, &requests),
            messages: Messages::new(Group::new(plan(Traffic::Messages), max_series), &requests),
            plan: requests,
            reader: Reader::new(!config.disable_host_header_fallback),
            values: Vec::new(),
            custom: Group::new(Plan::of_defined(role, &local, &overrides), max_series),
            overrides,
        }
    }

    /// Writes the metrics of the current stream, which has ended.
    pub fn record<H: LogHost>(&mut self, host: &H, stream: Option<u32>) {
        let standard = if self.plan.metrics.is_empty() { None } else { self.record_request(host) };
        self.messages.end(host, stream, standard.as_ref(), &mut self.reader, &self.overrides);
        if !self.custom.is_empty() && (standard.is_some() || is_request(host, RESPONSE_CODE.get(host))) {
            custom::record(&mut self.custom, host, &self.overrides);
        }
    }

    /// Writes what there is by now of the current stream, which is open.
    pub fn tick<H: LogHost>(&mut self, host: &H, stream: u32) {
        self.messages.tick(host, stream, &mut self.reader, &self.overrides);
    }

    /// Writes the metrics of the current request, if it is one, and gives its labels.
    fn record_request<H: LogHost>(&mut self, host: &H) -> Option<Values> {
        let standard = self.reader.read(host, &self.plan)?;
        self.values.clear();
        for source in &self.plan.sources {
            self.values.push(value(host, *source, &standard, &self.overrides));
        }
        let found = self.series.find(host, self.values.iter());
        for (position, metric) in self.plan.metrics.iter().enumerate() {
            let Some(amount) = metric.metric.and_then(|metric| amount(host, metric)) else {
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
        Some(standard)
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

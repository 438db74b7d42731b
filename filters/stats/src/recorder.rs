//! Writes the metrics of one ended request.

use burgee_filter_config::stat_name::SIGNIFICANT_BYTES;
use burgee_filter_config::{StandardMetric, Traffic};
use burgee_kit::attributes::{REQUEST_DURATION, REQUEST_TOTAL_SIZE, RESPONSE_CODE, RESPONSE_TOTAL_SIZE};
use burgee_kit::recent::Recent;
use burgee_kit::{Host, LogHost};

use crate::custom;
use crate::filter::Settings;
use crate::group::Group;
use crate::messages::Messages;
use crate::overrides::Overrides;
use crate::peer::Ends;
use crate::plan::{Plan, Role, Source};
use crate::request::{Facts, Reader, is_request};
use crate::series::{Found, SeriesTable};
use crate::value::Value;

/// How many requests that differ are told apart without putting their labels together.
const MAX_KNOWN: usize = 2000;

/// Everything that recording needs.
#[derive(Debug)]
pub struct Recorder {
    plan: Plan,
    overrides: Overrides,
    reader: Reader,
    series: SeriesTable,
    /// The sets of labels of requests that were seen lately, by what was found out about them.
    known: Recent<Found>,
    key: Vec<u8>,
    /// The results of the expressions for the request at hand.
    texts: Vec<Option<Vec<u8>>>,
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
            reader: Reader::new(!config.disable_host_header_fallback),
            series: SeriesTable::new(max_series, &requests),
            known: Recent::new(MAX_KNOWN),
            key: Vec::new(),
            texts: Vec::new(),
            values: Vec::new(),
            messages: Messages::new(Group::new(plan(Traffic::Messages), max_series), &requests),
            custom: Group::new(Plan::of_defined(role, &local, &overrides), max_series),
            plan: requests,
            overrides,
        }
    }

    /// Writes the metrics of the current stream, which has ended.
    pub fn record<H: LogHost>(&mut self, host: &H, stream: Option<u32>, ends: Ends<'_>) {
        let facts = if self.plan.metrics.is_empty() { None } else { self.record_request(host, ends) };
        if !facts.as_ref().is_some_and(|facts| facts.is_other(&self.plan)) {
            self.messages.end(host, stream, ends, facts.as_ref(), &mut self.reader, &self.overrides);
        }
        if !self.custom.is_empty() && (facts.is_some() || is_request(host, RESPONSE_CODE.get(host))) {
            custom::record(&mut self.custom, host, &self.overrides);
        }
    }

    /// Writes what there is by now of the current stream, which is open.
    pub fn tick<H: LogHost>(&mut self, host: &H, stream: u32, ends: Ends<'_>) {
        self.messages.tick(host, stream, ends, &mut self.reader, &self.overrides);
    }

    /// Writes the metrics of the current request, if it is one, and gives what was read of it.
    fn record_request<H: LogHost>(&mut self, host: &H, ends: Ends<'_>) -> Option<Facts> {
        let Recorder { plan, overrides, reader, series, known, key, texts, values, .. } = self;
        let facts = reader.read(host, plan, ends)?;
        reader.write_key(&facts, key);
        texts.clear();
        for index in plan.expressions() {
            let text = overrides.expression(index).and_then(|expression| expression.text(host));
            push_text(key, text.as_deref());
            texts.push(text);
        }
        let mut is_put_together = false;
        let mut put_together = |values: &mut Vec<Value>| {
            if !std::mem::replace(&mut is_put_together, true) {
                let standard = reader.values(plan, &facts);
                values.clear();
                let mut texts = texts.iter();
                values.extend(plan.sources.iter().map(|source| match source {
                    Source::Label(label) => standard.get(*label).clone(),
                    Source::Expression(_) => match texts.next() {
                        Some(Some(text)) => Value::Chosen(text.as_slice().into()),
                        _ => Value::UNKNOWN,
                    },
                }));
            }
        };
        let found = known.get(key, || {
            put_together(values);
            Some(series.find(host, values.iter()))
        });
        let Some(found) = found else { return Some(facts) };
        for (position, metric) in plan.metrics.iter().enumerate() {
            let Some(amount) = metric.metric.and_then(|metric| amount(host, metric)) else {
                continue;
            };
            let id = series.metric(found, position).or_else(|| {
                put_together(values);
                series.define(host, found, plan, position, values)
            });
            let Some(id) = id else { continue };
            // A value that the host does not take is lost; there is nobody to tell for each request.
            let _ = match amount {
                Amount::One => host.increment(id, 1),
                Amount::Of(value) => host.record(id, value),
            };
        }
        Some(facts)
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

/// Appends an expression's result, or that there is none.
fn push_text(key: &mut Vec<u8>, text: Option<&[u8]>) {
    key.push(u8::from(text.is_some()));
    let text = text.unwrap_or_default();
    let text = text.get(..SIGNIFICANT_BYTES).unwrap_or(text);
    key.extend_from_slice(&text.len().to_le_bytes());
    key.extend_from_slice(text);
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

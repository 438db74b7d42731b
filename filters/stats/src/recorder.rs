//! Writes the metrics of one ended request.

use burgee_filter_config::{StandardMetric, Traffic};
use burgee_kit::attributes::{REQUEST_DURATION, REQUEST_TOTAL_SIZE, RESPONSE_CODE, RESPONSE_TOTAL_SIZE};
use burgee_kit::recent::Recent;
use burgee_kit::{Host, LogHost};

use crate::custom;
use crate::filter::Settings;
use crate::group::{Group, Texts};
use crate::messages::Messages;
use crate::overrides::Overrides;
use crate::peer::Ends;
use crate::plan::{Plan, Role};
use crate::request::{Facts, Reader, is_request};
use crate::series::Found;

/// How many requests that differ are told apart without putting their labels together.
const MAX_KNOWN: usize = 2000;

/// Everything that recording needs.
#[derive(Debug)]
pub struct Recorder {
    requests: Group,
    messages: Messages,
    custom: Group,
    overrides: Overrides,
    reader: Reader,
    /// The sets of labels of requests that were seen lately, by what was found out about them.
    known: Recent<Found>,
    key: Vec<u8>,
}

impl Recorder {
    /// A recorder that has not written anything.
    pub fn new(settings: Settings, role: Role) -> Recorder {
        let max_series = settings.max_series();
        let Settings { config, local, overrides } = settings;
        let group = |traffic| Group::new(Plan::new(role, &local, &overrides, traffic), max_series);
        let requests = group(Traffic::Requests);
        Recorder {
            messages: Messages::new(group(Traffic::Messages), &requests.plan),
            requests,
            custom: Group::new(Plan::of_defined(role, &local, &overrides), max_series),
            reader: Reader::new(!config.disable_host_header_fallback),
            known: Recent::new(MAX_KNOWN),
            key: Vec::new(),
            overrides,
        }
    }

    /// Writes the metrics of the current stream, which has ended.
    pub fn record<H: LogHost>(&mut self, host: &H, stream: Option<u32>, ends: Ends<'_>) {
        let facts = if self.requests.is_empty() { None } else { self.record_request(host, ends) };
        if !facts.as_ref().is_some_and(|facts| facts.is_other(&self.requests.plan)) {
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
        let Recorder { requests, overrides, reader, known, key, .. } = self;
        let facts = reader.read(host, &requests.plan, ends)?;
        let texts = requests.evaluate(host, overrides);
        reader.write_key(&facts, key);
        for text in &texts {
            text.push_key(key);
        }
        // Only where something is new are the labels put together.
        let put_together = |requests: &mut Group| {
            let values = reader.values(&requests.plan, &facts);
            requests.find(host, &values, overrides, Texts::Known(&texts))
        };
        let mut is_fresh = false;
        let found = known.get(key, || {
            is_fresh = true;
            put_together(requests)
        });
        let Some(found) = found else { return Some(facts) };
        for position in 0..requests.plan.metrics.len() {
            let metric = requests.plan.metrics.get(position).and_then(|metric| metric.metric);
            let Some(amount) = metric.and_then(|metric| amount(host, metric)) else { continue };
            // The host may have refused to define it before.
            if !is_fresh && !requests.is_defined(found, position) {
                is_fresh = true;
                put_together(requests);
            }
            requests.add(host, found, position, amount);
        }
        Some(facts)
    }

    /// Gives back what the host keeps for this recorder.
    pub fn retire<H: Host>(self, host: &H) {
        self.overrides.delete(host);
    }
}

/// What to add to a metric for the current stream; nothing if it is not known.
fn amount<H: LogHost>(host: &H, metric: StandardMetric) -> Option<u64> {
    match metric {
        StandardMetric::RequestCount => Some(1),
        StandardMetric::RequestDuration => REQUEST_DURATION.get(host)?.milliseconds(),
        StandardMetric::RequestSize => REQUEST_TOTAL_SIZE.get(host),
        StandardMetric::ResponseSize => RESPONSE_TOTAL_SIZE.get(host),
        // Not written at the end of an HTTP stream.
        StandardMetric::GrpcRequestMessages
        | StandardMetric::GrpcResponseMessages
        | StandardMetric::TcpClosedConnections
        | StandardMetric::TcpOpenedConnections
        | StandardMetric::TcpReceivedBytes
        | StandardMetric::TcpSentBytes => None,
    }
}

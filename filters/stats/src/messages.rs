//! Messages of gRPC streams: written while a stream is open, each period, and when it has ended.
//!
//! Envoy's own filter counts them, `envoy.filters.http.grpc_stats`, and only of streams that are gRPC. So nothing has to be
//! known of a stream before the period is over: a request that is no gRPC costs nothing for being looked at, unless it is
//! open just then, when it costs one look; and nothing is kept of a stream that ends before its first period does. A filter
//! that looked at each request's headers instead would make every request dearer, for the sake of a few.
//!
//! A stream is written in the middle with the labels that it will have at its end, or not before that: the request's
//! headers, the Host header among them, and expressions can only be read then, and a client's proxy learns by the answer who
//! answers.

use burgee_filter_config::StandardMetric::GrpcRequestMessages;
use burgee_kit::LogHost;

use crate::group::{Group, Texts};
use crate::overrides::Overrides;
use crate::peer::Ends;
use crate::plan::Plan;
use crate::request::{Facts, Reader};
use crate::series::Found;
use crate::value::whole_number;

/// Where Envoy's filter has its counts.
const COUNTS: [&str; 2] = ["filter_state", "envoy.filters.http.grpc_stats"];

/// The messages of a stream by now.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    requests: u64,
    responses: u64,
}

/// A stream that was written while it was open.
#[derive(Debug)]
struct Open {
    stream: u32,
    found: Found,
    written: Counts,
}

/// Writes messages.
#[derive(Debug)]
pub struct Messages {
    group: Group,
    /// Whether what is read of a request is all that its messages show.
    is_read: bool,
    /// Sorted by the streams' numbers.
    open: Vec<Open>,
}

impl Messages {
    /// Nothing was written yet. `requests` is what is written of requests.
    pub fn new(group: Group, requests: &Plan) -> Messages {
        let is_read = requests.needs.has(group.plan.needs);
        Messages { group, is_read, open: Vec::new() }
    }

    /// Writes what has come of an open stream.
    pub fn tick<H: LogHost>(
        &mut self,
        host: &H,
        stream: u32,
        ends: Ends<'_>,
        reader: &mut Reader,
        overrides: &Overrides,
    ) {
        if self.group.is_empty() {
            return;
        }
        let Some(counts) = Counts::read(host) else { return };
        let place = match self.place(stream) {
            Ok(place) => return self.write_open(host, place, counts),
            Err(place) => place,
        };
        let Some(facts) = reader.read_open(host, &self.group.plan, ends) else { return };
        let values = reader.values(&self.group.plan, &facts);
        if let Some(found) = self.group.find(host, &values, overrides, Texts::Unreadable) {
            self.write(host, found, counts);
            self.open.insert(place, Open { stream, found, written: counts });
        }
    }

    /// Writes the rest of a stream that has ended. `facts` is what was read of the request, if anything was.
    pub fn end<H: LogHost>(
        &mut self,
        host: &H,
        stream: Option<u32>,
        ends: Ends<'_>,
        facts: Option<&Facts>,
        reader: &mut Reader,
        overrides: &Overrides,
    ) {
        if self.group.is_empty() {
            return;
        }
        let Some(counts) = Counts::read(host) else { return };
        if let Some(place) = stream.and_then(|stream| self.place(stream).ok()) {
            self.write_open(host, place, counts);
            self.open.remove(place);
            return;
        }
        let values = match facts.filter(|_| self.is_read) {
            Some(facts) => reader.values(&self.group.plan, facts),
            None => {
                let facts = reader.read_rest(host, &self.group.plan, ends, None);
                reader.values(&self.group.plan, &facts)
            }
        };
        if let Some(found) = self.group.find(host, &values, overrides, Texts::Readable) {
            self.write(host, found, counts);
        }
    }

    /// Where a stream is that was written, or where it would be.
    fn place(&self, stream: u32) -> Result<usize, usize> {
        self.open.binary_search_by_key(&stream, |open| open.stream)
    }

    fn write<H: LogHost>(&mut self, host: &H, found: Found, counts: Counts) {
        for position in 0..self.group.plan.metrics.len() {
            let count = counts.of(&self.group, position);
            self.group.add(host, found, position, count);
        }
    }

    fn write_open<H: LogHost>(&mut self, host: &H, place: usize, counts: Counts) {
        let Some(open) = self.open.get_mut(place) else { return };
        let written = std::mem::replace(&mut open.written, counts);
        for position in 0..self.group.plan.metrics.len() {
            let [now, before] = [counts, written].map(|counts| counts.of(&self.group, position));
            if now > before {
                self.group.add_again(host, open.found, position, now.saturating_sub(before));
            }
        }
    }
}

impl Counts {
    /// The counts of the stream at hand, in decimal and with a comma between; nothing where there are none.
    fn read<H: LogHost>(host: &H) -> Option<Counts> {
        let text = host.property(&COUNTS).ok().flatten()?;
        let mut parts = text.split(|byte| *byte == b',').map(whole_number);
        Some(Counts { requests: parts.next()??, responses: parts.next()?? })
    }

    /// The count that is the value of the metric of that position.
    fn of(self, group: &Group, position: usize) -> u64 {
        let metric = group.plan.metrics.get(position).and_then(|metric| metric.metric);
        if metric == Some(GrpcRequestMessages) { self.requests } else { self.responses }
    }
}

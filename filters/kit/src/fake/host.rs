//! What the fake answers a filter.

use std::num::NonZeroU32;
use std::rc::Rc;
use std::time::Duration;

use super::FakeHost;
use crate::attributes::{Reads, Vocabulary};
use crate::calls::{GrpcRequest, HttpRequest};
use crate::executor::Executor;
use crate::host::{
    CallHost, Change, Host, HostError, LogLevel, MetricId, MetricKind, RootHost, Shared, StreamHost,
};
use crate::http::{
    Body, Header, HttpHost, LogHost, Message, Place, RequestHeadersHost, RequestHost, ResponseHeadersHost,
    ResponseHost, check_header,
};
use crate::streams::GrpcOpen;
use crate::tcp::{ConnectionHost, DataHost, Peer};
use crate::vm::Side;

impl<When> Reads<When> for FakeHost {}

pub(super) fn token_of(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

impl Host for FakeHost {
    fn property(&self, path: &[&str]) -> Result<Option<Vec<u8>>, HostError> {
        self.property_reads.set(self.property_reads.get().saturating_add(1));
        self.call()?;
        let path = path.join("\0");
        let own = self.own_properties.borrow().get(&(self.at_work.get(), path.clone())).cloned();
        Ok(own.or_else(|| self.properties.borrow().get(&path).cloned()))
    }

    fn define_metric(&self, kind: MetricKind, name: &str) -> Result<MetricId, HostError> {
        self.call()?;
        let mut definitions = self.definitions.borrow_mut();
        let id = u32::try_from(definitions.len()).map_err(|_| HostError::InternalFailure)?;
        definitions.push((kind, name.to_owned()));
        Ok(MetricId(id))
    }

    fn increment(&self, metric: MetricId, by: i64) -> Result<(), HostError> {
        self.call()?;
        let by = u64::try_from(by).ok().filter(|by| *by > 0).ok_or(HostError::BadArgument)?;
        match self.definition(metric)? {
            (MetricKind::Histogram, _) => Err(HostError::BadArgument),
            (MetricKind::Counter | MetricKind::Gauge, name) => {
                let mut metrics = self.metrics.borrow_mut();
                let sum = metrics.get(&name).and_then(|values| values.first()).copied().unwrap_or_default();
                metrics.insert(name, vec![sum.saturating_add(by)]);
                Ok(())
            }
        }
    }

    fn record(&self, metric: MetricId, value: u64) -> Result<(), HostError> {
        self.call()?;
        let (kind, name) = self.definition(metric)?;
        let mut metrics = self.metrics.borrow_mut();
        let values = metrics.entry(name).or_default();
        match kind {
            MetricKind::Histogram => values.push(value),
            MetricKind::Gauge => *values = vec![value],
            MetricKind::Counter => {
                *values = vec![values.first().copied().unwrap_or_default().saturating_add(value)];
            }
        }
        Ok(())
    }

    fn set_property(&self, path: &[&str], value: &[u8]) -> Result<(), HostError> {
        self.call()?;
        if !self.contexts.borrow().contains_key(&self.at_work.get()) {
            return Err(HostError::NotFound);
        }
        let mut set = self.set_properties.borrow_mut();
        set.insert((self.at_work.get(), path.join("\0")), value.to_vec());
        Ok(())
    }

    fn shared_data(&self, key: &str) -> Result<Option<Shared>, HostError> {
        self.call()?;
        Ok(self.shared.borrow().get(key).cloned())
    }

    fn set_shared_data(&self, key: &str, value: &[u8], only_after: Option<Change>) -> Result<(), HostError> {
        self.call()?;
        let mut shared = self.shared.borrow_mut();
        let known = shared.get(key).map(|shared| shared.change);
        if only_after.is_some() && only_after != known {
            return Err(HostError::CasMismatch);
        }
        let change = Change(known.map_or(NonZeroU32::MIN, |change| change.0.saturating_add(1)));
        shared.insert(key.to_owned(), Shared { value: value.to_vec(), change });
        Ok(())
    }

    fn foreign_function(&self, name: &str, argument: &[u8]) -> Result<Vec<u8>, HostError> {
        self.call()?;
        match name {
            "expr_create" => self.create_expression(argument),
            "expr_evaluate" => self.evaluate_expression(argument),
            "expr_delete" => {
                let token = token_of(argument).ok_or(HostError::BadArgument)?;
                self.compiled.borrow_mut().remove(&token).map(|_| Vec::new()).ok_or(HostError::NotFound)
            }
            other => self.foreign.borrow().get(other).cloned().unwrap_or(Err(HostError::NotFound)),
        }
    }

    fn now_nanoseconds(&self) -> Result<u64, HostError> {
        self.call()?;
        Ok(self.now.get())
    }

    fn log(&self, level: LogLevel, message: &str) {
        self.log.borrow_mut().push((level, message.to_owned()));
    }

    fn vocabulary(&self) -> Vocabulary {
        self.vocabulary.get()
    }

    fn set_vocabulary(&self, vocabulary: Vocabulary) {
        self.vocabulary.set(vocabulary);
    }
}

impl CallHost for FakeHost {
    fn executor(&self) -> Rc<Executor> {
        Rc::clone(&self.executor)
    }

    fn send_http(&self, cluster: &str, request: &HttpRequest, timeout: Duration) -> Result<u32, HostError> {
        self.call()?;
        self.make_http(cluster, request, timeout)
    }

    fn send_grpc(&self, cluster: &str, request: &GrpcRequest, timeout: Duration) -> Result<u32, HostError> {
        self.call()?;
        self.make_grpc(cluster, request, timeout)
    }

    fn open_grpc(&self, cluster: &str, open: &GrpcOpen) -> Result<u32, HostError> {
        self.call()?;
        self.make_stream(cluster, open)
    }

    fn send_on_grpc(&self, stream: u32, message: &[u8], is_last: bool) -> Result<(), HostError> {
        self.call()?;
        self.on_stream(stream, |messages, is_closed| {
            messages.push(message.to_vec());
            *is_closed |= is_last;
        })
    }

    fn close_grpc(&self, stream: u32) -> Result<(), HostError> {
        self.call()?;
        self.on_stream(stream, |_, is_closed| *is_closed = true)
    }

    fn cancel_grpc(&self, call: u32) {
        self.made.borrow_mut().retain(|made| made.id != call);
    }

    fn set_tick_period(&self, period: Duration) {
        let period = nanoseconds(period);
        let root = self.root_at_work();
        if period == 0 {
            self.ticks.borrow_mut().remove(&root);
        } else {
            self.ticks.borrow_mut().insert(root, (period, self.now.get().saturating_add(period)));
        }
    }
}

pub(super) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl RootHost for FakeHost {}
impl StreamHost for FakeHost {}
impl RequestHeadersHost for FakeHost {}
impl RequestHost for FakeHost {}
impl ResponseHost for FakeHost {}
impl ResponseHeadersHost for FakeHost {}
impl LogHost for FakeHost {}
impl ConnectionHost for FakeHost {}

impl HttpHost for FakeHost {
    fn headers(&self, of: Message) -> Result<Vec<Header>, HostError> {
        self.call()?;
        Ok(self.with_context(|context| context.headers(of).clone()))
    }

    fn header(&self, of: Message, name: &str) -> Result<Option<Vec<u8>>, HostError> {
        self.call()?;
        Ok(self.with_context(|context| {
            let mut headers = context.headers(of).iter();
            headers.find(|(found, _)| is_same(found, name)).map(|(_, value)| value.clone())
        }))
    }

    fn set_header(&self, of: Message, name: &str, value: &[u8]) -> Result<(), HostError> {
        check_header(name.as_bytes(), value)?;
        self.call()?;
        self.with_context(|context| {
            let headers = context.headers(of);
            headers.retain(|(found, _)| !is_same(found, name));
            headers.push((name.to_ascii_lowercase().into_bytes(), value.to_vec()));
        });
        Ok(())
    }

    fn add_header(&self, of: Message, name: &str, value: &[u8]) -> Result<(), HostError> {
        check_header(name.as_bytes(), value)?;
        self.call()?;
        self.with_context(|context| {
            context.headers(of).push((name.to_ascii_lowercase().into_bytes(), value.to_vec()));
        });
        Ok(())
    }

    fn remove_header(&self, of: Message, name: &str) -> Result<(), HostError> {
        self.call()?;
        self.with_context(|context| context.headers(of).retain(|(found, _)| !is_same(found, name)));
        Ok(())
    }

    fn body(&self, of: Body, start: usize, max: usize) -> Result<Vec<u8>, HostError> {
        self.call()?;
        Ok(self.read_held(side_of(of), start, max))
    }

    fn write_body(&self, of: Body, place: Place, bytes: &[u8]) -> Result<(), HostError> {
        self.call()?;
        self.write_held(side_of(of), place, bytes);
        Ok(())
    }
}

fn side_of(body: Body) -> Side {
    match body {
        Body::Request => Side::Request,
        Body::Response => Side::Response,
    }
}

pub(super) fn side_from(peer: Peer) -> Side {
    match peer {
        Peer::Downstream => Side::Downstream,
        Peer::Upstream => Side::Upstream,
    }
}

impl DataHost for FakeHost {
    fn data(&self, from: Peer, start: usize, max: usize) -> Result<Vec<u8>, HostError> {
        self.call()?;
        Ok(self.read_held(side_from(from), start, max))
    }

    fn write_data(&self, from: Peer, place: Place, bytes: &[u8]) -> Result<(), HostError> {
        self.call()?;
        self.write_held(side_from(from), place, bytes);
        Ok(())
    }
}

fn is_same(found: &[u8], name: &str) -> bool {
    found.eq_ignore_ascii_case(name.as_bytes())
}

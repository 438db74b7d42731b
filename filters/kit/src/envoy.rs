//! Envoy as the host: the ABI's functions with the statuses they return.
#![allow(
    unsafe_code,
    reason = "the host's functions are foreign, and what they return is owned by raw pointer"
)]

use std::cell::{Cell, OnceCell};
use std::num::NonZeroU32;
use std::ptr::null_mut;
use std::rc::Rc;

use crate::attributes::{Reads, Vocabulary};
use crate::calls::HttpAnswer;
use crate::executor::Executor;
use crate::host::{Change, Host, HostError, LogLevel, MetricId, MetricKind, RootHost, Shared, StreamHost};
use crate::http::{
    Body, Header, HttpHost, LogHost, Message, Place, RequestHeadersHost, RequestHost, ResponseHeadersHost,
    ResponseHost, check_header,
};
use crate::outcome::Response;
use crate::pairs::{decode_pairs, encode_pairs};
use crate::path;
use crate::tcp::{ConnectionHost, DataHost, Peer};
use crate::vm::{Metadata, Proxy, Side, Vm};

mod callbacks;
mod calls;
mod lent;

pub use callbacks::start;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: u32, message: *const u8, size: usize) -> u32;
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
    fn proxy_get_buffer_bytes(
        kind: u32,
        start: usize,
        max: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_get_property(path: *const u8, path_size: usize, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, size: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, by: i64) -> u32;
    fn proxy_record_metric(id: u32, value: u64) -> u32;
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_get_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_replace_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_add_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_remove_header_map_value(map: u32, name: *const u8, name_size: usize) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> u32;
    fn proxy_close_stream(kind: u32) -> u32;
    fn proxy_continue_stream(kind: u32) -> u32;
    fn proxy_set_effective_context(context: u32) -> u32;
    fn proxy_set_buffer_bytes(kind: u32, start: usize, size: usize, bytes: *const u8, length: usize) -> u32;
    fn proxy_set_property(path: *const u8, path_size: usize, value: *const u8, value_size: usize) -> u32;
    fn proxy_get_shared_data(
        key: *const u8,
        key_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
        change: *mut u32,
    ) -> u32;
    fn proxy_set_shared_data(
        key: *const u8,
        key_size: usize,
        value: *const u8,
        value_size: usize,
        change: u32,
    ) -> u32;
    fn proxy_call_foreign_function(
        name: *const u8,
        name_size: usize,
        argument: *const u8,
        argument_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
}

/// The ABI's numbers of buffers.
mod buffer {
    pub const REQUEST_BODY: u32 = 0;
    pub const RESPONSE_BODY: u32 = 1;
    pub const DOWNSTREAM_DATA: u32 = 2;
    pub const UPSTREAM_DATA: u32 = 3;
    pub const CALL_RESPONSE_BODY: u32 = 4;
    pub const GRPC_MESSAGE: u32 = 5;
    pub const PLUGIN_CONFIGURATION: u32 = 7;
}

/// The ABI's numbers of what a call is answered with.
const GRPC_INITIAL_METADATA: u32 = 4;
const GRPC_TRAILING_METADATA: u32 = 5;
const CALL_RESPONSE_HEADERS: u32 = 6;
const CALL_RESPONSE_TRAILERS: u32 = 7;

/// A module is one thread with a memory of its own, for which this allocator is made: smaller and faster than the standard one,
/// which is for all programs.
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// The proxy that this module runs in.
#[derive(Clone, Copy, Debug)]
pub struct Envoy;

fn check(status: u32) -> Result<(), HostError> {
    HostError::of_status(status).map_or(Ok(()), Err)
}

/// Calls the host for bytes, which it allocates with this module's `proxy_on_memory_allocate`.
fn bytes(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Result<Vec<u8>, HostError> {
    let (mut data, mut size) = (null_mut(), 0);
    check(call(&raw mut data, &raw mut size))?;
    if data.is_null() || size == 0 {
        // That is how the host writes a value of no bytes.
        return Ok(Vec::new());
    }
    // SAFETY: the host wrote `size` bytes into memory that `proxy_on_memory_allocate` made as a boxed slice of
    // exactly that size, and handed it over.
    Ok(unsafe { Vec::from_raw_parts(data, size, size) })
}

/// What was found; that nothing was is no error.
fn found<T>(value: Result<T, HostError>) -> Result<Option<T>, HostError> {
    match value {
        Ok(value) => Ok(Some(value)),
        Err(HostError::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

fn buffer_bytes(kind: u32, start: usize, max: usize) -> Result<Vec<u8>, HostError> {
    // SAFETY: the pointers are good for the length of the call.
    bytes(|data, size| unsafe { proxy_get_buffer_bytes(kind, start, max, data, size) })
}

/// What is held in a buffer; nothing if the host has none.
fn held(kind: u32, start: usize, max: usize) -> Result<Vec<u8>, HostError> {
    match buffer_bytes(kind, start, max) {
        Err(HostError::NotFound) => Ok(Vec::new()),
        read => read,
    }
}

fn write_buffer(kind: u32, place: Place, bytes: &[u8]) -> Result<(), HostError> {
    // Envoy takes a size or a start beyond the end for the end, and nothing in between.
    let (start, size) = match place {
        Place::Front => (0, 0),
        Place::Whole => (0, usize::MAX),
        Place::Back => (usize::MAX, 0),
    };
    // SAFETY: the pointer is good for the length of the call.
    check(unsafe { proxy_set_buffer_bytes(kind, start, size, bytes.as_ptr(), bytes.len()) })
}

fn header_pairs(map: u32) -> Result<Vec<Header>, HostError> {
    // SAFETY: the pointers are good for the length of the call.
    decode_pairs(&bytes(|data, size| unsafe { proxy_get_header_map_pairs(map, data, size) })?)
}

thread_local! {
    static VM: OnceCell<Vm<Envoy>> = const { OnceCell::new() };
    static EXECUTOR: Rc<Executor> = Rc::default();
    static VOCABULARY: Cell<Vocabulary> = const { Cell::new(Vocabulary::Unknown) };
}

impl<When> Reads<When> for Envoy {}

impl Host for Envoy {
    fn property(&self, path: &[&str]) -> Result<Option<Vec<u8>>, HostError> {
        let value = path::joined(path, &mut |path| {
            // SAFETY: the pointers are good for the length of the call.
            bytes(|data, size| unsafe { proxy_get_property(path.as_ptr(), path.len(), data, size) })
        });
        found(value)
    }

    fn show_property(&self, path: &[&str], see: &mut dyn FnMut(&[u8])) -> Result<bool, HostError> {
        let shown = path::joined(path, &mut |path| {
            // SAFETY: the pointers are good for the length of the call.
            lent::bytes(
                &mut |data, size| unsafe { proxy_get_property(path.as_ptr(), path.len(), data, size) },
                see,
            )
        });
        Ok(found(shown)?.is_some())
    }

    fn define_metric(&self, kind: MetricKind, name: &str) -> Result<MetricId, HostError> {
        let kind = match kind {
            MetricKind::Counter => 0,
            MetricKind::Gauge => 1,
            MetricKind::Histogram => 2,
        };
        let mut id = 0;
        // SAFETY: the pointers are good for the length of the call.
        check(unsafe { proxy_define_metric(kind, name.as_ptr(), name.len(), &raw mut id) })?;
        Ok(MetricId(id))
    }

    fn increment(&self, metric: MetricId, by: i64) -> Result<(), HostError> {
        // SAFETY: numbers only.
        check(unsafe { proxy_increment_metric(metric.0, by) })
    }

    fn record(&self, metric: MetricId, value: u64) -> Result<(), HostError> {
        // SAFETY: numbers only.
        check(unsafe { proxy_record_metric(metric.0, value) })
    }

    fn set_property(&self, path: &[&str], value: &[u8]) -> Result<(), HostError> {
        let path = path.join("\0");
        // SAFETY: the pointers are good for the length of the call.
        check(unsafe { proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len()) })
    }

    fn shared_data(&self, key: &str) -> Result<Option<Shared>, HostError> {
        let mut change = 0;
        let value = bytes(|data, size| {
            // SAFETY: the pointers are good for the length of the call.
            unsafe { proxy_get_shared_data(key.as_ptr(), key.len(), data, size, &raw mut change) }
        });
        match (value, NonZeroU32::new(change)) {
            (Ok(value), Some(change)) => Ok(Some(Shared { value, change: Change(change) })),
            // A host that does not number changes has none that could be compared.
            (Ok(_), None) => Err(HostError::InternalFailure),
            (Err(HostError::NotFound), _) => Ok(None),
            (Err(error), _) => Err(error),
        }
    }

    fn set_shared_data(&self, key: &str, value: &[u8], only_after: Option<Change>) -> Result<(), HostError> {
        let change = only_after.map_or(0, |change| change.0.get());
        // SAFETY: the pointers are good for the length of the call.
        check(unsafe { proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), change) })
    }

    fn foreign_function(&self, name: &str, argument: &[u8]) -> Result<Vec<u8>, HostError> {
        bytes(|data, size| {
            // SAFETY: the pointers are good for the length of the call.
            unsafe {
                proxy_call_foreign_function(
                    name.as_ptr(),
                    name.len(),
                    argument.as_ptr(),
                    argument.len(),
                    data,
                    size,
                )
            }
        })
    }

    fn now_nanoseconds(&self) -> Result<u64, HostError> {
        let mut time = 0;
        // SAFETY: the pointer is good for the length of the call.
        check(unsafe { proxy_get_current_time_nanoseconds(&raw mut time) })?;
        Ok(time)
    }

    fn log(&self, level: LogLevel, message: &str) {
        let level = match level {
            LogLevel::Trace => 0,
            LogLevel::Debug => 1,
            LogLevel::Info => 2,
            LogLevel::Warn => 3,
            LogLevel::Error => 4,
            LogLevel::Critical => 5,
        };
        // SAFETY: the pointer is good for the length of the call.
        let _ = unsafe { proxy_log(level, message.as_ptr(), message.len()) };
    }

    fn vocabulary(&self) -> Vocabulary {
        VOCABULARY.get()
    }

    fn set_vocabulary(&self, vocabulary: Vocabulary) {
        VOCABULARY.set(vocabulary);
    }
}

impl RootHost for Envoy {}
impl StreamHost for Envoy {}
impl RequestHeadersHost for Envoy {}
impl RequestHost for Envoy {}
impl ResponseHost for Envoy {}
impl ResponseHeadersHost for Envoy {}
impl LogHost for Envoy {}
impl ConnectionHost for Envoy {}

impl HttpHost for Envoy {
    fn headers(&self, of: Message) -> Result<Vec<Header>, HostError> {
        header_pairs(map(of))
    }

    fn header(&self, of: Message, name: &str) -> Result<Option<Vec<u8>>, HostError> {
        let value = bytes(|data, size| {
            // SAFETY: the pointers are good for the length of the call.
            unsafe { proxy_get_header_map_value(map(of), name.as_ptr(), name.len(), data, size) }
        });
        found(value)
    }

    fn set_header(&self, of: Message, name: &str, value: &[u8]) -> Result<(), HostError> {
        check_header(name.as_bytes(), value)?;
        // SAFETY: the pointers are good for the length of the call.
        check(unsafe {
            proxy_replace_header_map_value(map(of), name.as_ptr(), name.len(), value.as_ptr(), value.len())
        })
    }

    fn add_header(&self, of: Message, name: &str, value: &[u8]) -> Result<(), HostError> {
        check_header(name.as_bytes(), value)?;
        // SAFETY: the pointers are good for the length of the call.
        check(unsafe {
            proxy_add_header_map_value(map(of), name.as_ptr(), name.len(), value.as_ptr(), value.len())
        })
    }

    fn remove_header(&self, of: Message, name: &str) -> Result<(), HostError> {
        // SAFETY: the pointers are good for the length of the call.
        check(unsafe { proxy_remove_header_map_value(map(of), name.as_ptr(), name.len()) })
    }

    fn body(&self, of: Body, start: usize, max: usize) -> Result<Vec<u8>, HostError> {
        held(body_buffer(of), start, max)
    }

    fn write_body(&self, of: Body, place: Place, bytes: &[u8]) -> Result<(), HostError> {
        write_buffer(body_buffer(of), place, bytes)
    }
}

/// The ABI's number of headers or trailers.
fn map(of: Message) -> u32 {
    match of {
        Message::Request => 0,
        Message::RequestTrailers => 1,
        Message::Response => 2,
        Message::ResponseTrailers => 3,
    }
}

fn body_buffer(of: Body) -> u32 {
    match of {
        Body::Request => buffer::REQUEST_BODY,
        Body::Response => buffer::RESPONSE_BODY,
    }
}

impl DataHost for Envoy {
    fn data(&self, from: Peer, start: usize, max: usize) -> Result<Vec<u8>, HostError> {
        held(data_buffer(from), start, max)
    }

    fn write_data(&self, from: Peer, place: Place, bytes: &[u8]) -> Result<(), HostError> {
        write_buffer(data_buffer(from), place, bytes)
    }
}

fn data_buffer(from: Peer) -> u32 {
    match from {
        Peer::Downstream => buffer::DOWNSTREAM_DATA,
        Peer::Upstream => buffer::UPSTREAM_DATA,
    }
}

impl Proxy for Envoy {
    fn configuration(&self, size: usize) -> Result<Vec<u8>, HostError> {
        buffer_bytes(buffer::PLUGIN_CONFIGURATION, 0, size)
    }

    fn set_effective_context(&self, context: u32) {
        // The host knows every context that we know. SAFETY: numbers only.
        let _ = unsafe { proxy_set_effective_context(context) };
    }

    fn continue_stream(&self, side: Side) -> Result<(), HostError> {
        // SAFETY: numbers only.
        check(unsafe { proxy_continue_stream(side as u32) })
    }

    fn close_stream(&self, side: Side) -> Result<(), HostError> {
        // SAFETY: numbers only.
        check(unsafe { proxy_close_stream(side as u32) })
    }

    fn send_response(&self, response: &Response) -> Result<(), HostError> {
        let headers = encode_pairs(&response.headers);
        // The ABI's way to say that there is none.
        let grpc_status =
            response.grpc_status.and_then(|status| i32::try_from(status.code()).ok()).unwrap_or(-1);
        // SAFETY: the pointers are good for the length of the call; of no bytes no pointer is read.
        check(unsafe {
            proxy_send_local_response(
                u32::from(response.status),
                response.details.as_ptr(),
                response.details.len(),
                response.body.as_ptr(),
                response.body.len(),
                headers.as_ptr(),
                headers.len(),
                grpc_status,
            )
        })
    }

    fn http_answer(&self, body_size: usize) -> Result<HttpAnswer, HostError> {
        Ok(HttpAnswer {
            headers: header_pairs(CALL_RESPONSE_HEADERS)?,
            body: held(buffer::CALL_RESPONSE_BODY, 0, body_size)?,
            // Most answers have none, which Envoy says in several ways.
            trailers: header_pairs(CALL_RESPONSE_TRAILERS).unwrap_or_default(),
        })
    }

    fn grpc_answer(&self, size: usize) -> Result<Vec<u8>, HostError> {
        held(buffer::GRPC_MESSAGE, 0, size)
    }

    fn grpc_metadata(&self, of: Metadata) -> Result<Vec<Header>, HostError> {
        header_pairs(match of {
            Metadata::Initial => GRPC_INITIAL_METADATA,
            Metadata::Trailing => GRPC_TRAILING_METADATA,
        })
    }
}

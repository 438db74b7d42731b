//! Envoy as the host: the ABI's functions with the statuses they return, and the contexts that Envoy drives.
//!
//! The imports are our own. The SDK's versions panic where Envoy answers with a status that they do not expect.
#![allow(
    unsafe_code,
    reason = "the host's functions are foreign, and what they return is owned by raw pointer"
)]

use std::cell::RefCell;
use std::ptr::{null, null_mut};
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

use crate::filter::{HttpFilter, LogFilter};
use crate::host::{Host, HostError, LogLevel, MetricId, MetricKind};
use crate::http::{Header, HttpHost, Message, Outcome, Response, check_header, decode_pairs, encode_pairs};

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
    fn proxy_call_foreign_function(
        name: *const u8,
        name_size: usize,
        argument: *const u8,
        argument_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
}

/// The buffer that holds a plugin's configuration.
const PLUGIN_CONFIGURATION: u32 = 7;

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

impl Host for Envoy {
    fn property(&self, path: &[&str]) -> Result<Option<Vec<u8>>, HostError> {
        let path = path.join("\0");
        // SAFETY: the pointers are good for the length of the call.
        match bytes(|data, size| unsafe { proxy_get_property(path.as_ptr(), path.len(), data, size) }) {
            Ok(value) => Ok(Some(value)),
            Err(HostError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
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
}

impl HttpHost for Envoy {
    fn headers(&self, of: Message) -> Result<Vec<Header>, HostError> {
        // SAFETY: the pointers are good for the length of the call.
        let pairs = bytes(|data, size| unsafe { proxy_get_header_map_pairs(map(of), data, size) })?;
        decode_pairs(&pairs)
    }

    fn header(&self, of: Message, name: &str) -> Result<Option<Vec<u8>>, HostError> {
        let value = bytes(|data, size| {
            // SAFETY: the pointers are good for the length of the call.
            unsafe { proxy_get_header_map_value(map(of), name.as_ptr(), name.len(), data, size) }
        });
        match value {
            Ok(value) => Ok(Some(value)),
            Err(HostError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
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
}

/// The ABI's number of a message's headers.
fn map(of: Message) -> u32 {
    match of {
        Message::Request => 0,
        Message::Response => 2,
    }
}

/// Answers the stream at hand. The host sends it when the callback has returned.
fn respond(response: Response) {
    /// The ABI's way to say that there is no gRPC status.
    const NO_GRPC_STATUS: i32 = -1;
    /// The stream towards the client.
    const HTTP_REQUEST: u32 = 0;
    if !response.is_sendable() {
        Envoy.log(
            LogLevel::Error,
            "the filter's response has a status or a header that HTTP cannot carry: 500 is sent",
        );
    }
    let Response { status, headers, body } = response.sendable();
    let headers = encode_pairs(&headers);
    // SAFETY: the pointers are good for the length of the call; of no bytes no pointer is read.
    let sent = check(unsafe {
        proxy_send_local_response(
            u32::from(status),
            null(),
            0,
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            NO_GRPC_STATUS,
        )
    });
    if let Err(error) = sent {
        // A stream that was to end here must neither go on nor wait for ever.
        Envoy.log(LogLevel::Error, &format!("a response cannot be sent, so the stream is closed: {error}"));
        // SAFETY: numbers only.
        let _ = unsafe { proxy_close_stream(HTTP_REQUEST) };
    }
}

/// The configuration of the root context at hand; the log says why if it cannot be read.
fn configuration(size: usize) -> Option<Vec<u8>> {
    let configuration =
        // SAFETY: the pointers are good for the length of the call.
        bytes(|data, length| unsafe { proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, size, data, length) });
    match configuration {
        Ok(configuration) => Some(configuration),
        // So Envoy answers where there is none.
        Err(HostError::NotFound) if size == 0 => Some(Vec::new()),
        Err(error) => {
            Envoy.log(LogLevel::Error, &format!("the configuration cannot be read: {error}"));
            None
        }
    }
}

/// Writes what a panic says to the proxy's log.
fn report_panics() {
    std::panic::set_hook(Box::new(|panic| Envoy.log(LogLevel::Critical, &panic.to_string())));
}

/// Called by [`crate::export!`] when the module of a [`LogFilter`] starts.
pub fn start<F: LogFilter>() {
    report_panics();
    proxy_wasm::set_root_context(|_| Box::new(Root::<F> { filter: Rc::new(RefCell::new(None)) }));
}

/// Called by [`crate::export!`] when the module of an [`HttpFilter`] starts.
pub fn start_http<F: HttpFilter>() {
    report_panics();
    proxy_wasm::set_root_context(|_| Box::new(HttpRoot::<F> { filter: None }));
}

struct Root<F> {
    filter: Rc<RefCell<Option<F>>>,
}

struct Stream<F> {
    filter: Rc<RefCell<Option<F>>>,
}

fn log<F: LogFilter>(filter: &RefCell<Option<F>>) {
    if let Ok(mut filter) = filter.try_borrow_mut()
        && let Some(filter) = filter.as_mut()
    {
        filter.log(&Envoy);
    }
}

impl<F: LogFilter> Context for Root<F> {}

impl<F: LogFilter> RootContext for Root<F> {
    fn on_configure(&mut self, size: usize) -> bool {
        let Some(configuration) = configuration(size) else { return true };
        if let Ok(mut filter) = self.filter.try_borrow_mut() {
            if let Some(old) = filter.take() {
                old.retire(&Envoy);
            }
            *filter = Some(F::configure(&Envoy, &configuration));
        }
        true
    }

    /// As an access logger: there is no context for the stream then.
    fn on_log(&mut self) {
        log(&self.filter);
    }

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream { filter: Rc::clone(&self.filter) }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl<F: LogFilter> Context for Stream<F> {}

impl<F: LogFilter> HttpContext for Stream<F> {
    fn on_log(&mut self) {
        log(&self.filter);
    }
}

struct HttpRoot<F> {
    filter: Option<Rc<F>>,
}

struct HttpStream<F> {
    filter: Option<Rc<F>>,
}

impl<F: HttpFilter> Context for HttpRoot<F> {}

impl<F: HttpFilter> RootContext for HttpRoot<F> {
    fn on_configure(&mut self, size: usize) -> bool {
        let Some(configuration) = configuration(size) else { return false };
        match F::configure(&Envoy, &configuration) {
            Ok(filter) => {
                self.filter = Some(Rc::new(filter));
                true
            }
            Err(error) => {
                Envoy.log(LogLevel::Error, &format!("the configuration is refused: {error}"));
                false
            }
        }
    }

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(HttpStream { filter: self.filter.clone() }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl<F: HttpFilter> HttpStream<F> {
    fn decide(&self, phase: impl FnOnce(&F) -> Outcome) -> Action {
        match self.filter.as_deref().map(phase) {
            None | Some(Outcome::Continue) => Action::Continue,
            Some(Outcome::Respond(response)) => {
                respond(response);
                Action::Pause
            }
        }
    }
}

impl<F: HttpFilter> Context for HttpStream<F> {}

impl<F: HttpFilter> HttpContext for HttpStream<F> {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        self.decide(|filter| filter.on_request_headers(&Envoy))
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        self.decide(|filter| filter.on_response_headers(&Envoy))
    }
}

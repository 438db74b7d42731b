//! Calls that a filter makes through Envoy, and the streams that it opens.
#![allow(unsafe_code, reason = "the host's functions are foreign")]

use std::rc::Rc;
use std::time::Duration;

use super::{EXECUTOR, Envoy, check};
use crate::calls::{GrpcRequest, HttpRequest};
use crate::executor::Executor;
use crate::host::{CallHost, HostError, put_bytes};
use crate::http::{Header, check_header};
use crate::pairs::encode_pairs;
use crate::streams::GrpcOpen;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_http_call(
        cluster: *const u8,
        cluster_size: usize,
        headers: *const u8,
        headers_size: usize,
        body: *const u8,
        body_size: usize,
        trailers: *const u8,
        trailers_size: usize,
        timeout: u32,
        call: *mut u32,
    ) -> u32;
    fn proxy_grpc_call(
        cluster: *const u8,
        cluster_size: usize,
        service: *const u8,
        service_size: usize,
        method: *const u8,
        method_size: usize,
        metadata: *const u8,
        metadata_size: usize,
        message: *const u8,
        message_size: usize,
        timeout: u32,
        call: *mut u32,
    ) -> u32;
    fn proxy_grpc_cancel(call: u32) -> u32;
    fn proxy_grpc_stream(
        cluster: *const u8,
        cluster_size: usize,
        service: *const u8,
        service_size: usize,
        method: *const u8,
        method_size: usize,
        metadata: *const u8,
        metadata_size: usize,
        stream: *mut u32,
    ) -> u32;
    fn proxy_grpc_send(stream: u32, message: *const u8, size: usize, end: u32) -> u32;
    fn proxy_grpc_close(stream: u32) -> u32;
    fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
}

/// A time as the ABI has it; one that is too long is the longest that Envoy takes.
fn milliseconds(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

fn check_headers(headers: &[Header]) -> Result<(), HostError> {
    headers.iter().try_for_each(|(name, value)| check_header(name, value))
}

/// Envoy's message `GrpcService` with this cluster. Envoy takes a bare name too, but only one that is no message by
/// accident, and without any name it ends the whole process.
fn target(cluster: &str) -> Result<Vec<u8>, HostError> {
    if cluster.is_empty() {
        return Err(HostError::BadArgument);
    }
    let (mut of_envoy, mut service) = (Vec::new(), Vec::new());
    put_bytes(&mut of_envoy, 1, cluster.as_bytes());
    put_bytes(&mut service, 1, &of_envoy);
    Ok(service)
}

impl CallHost for Envoy {
    fn executor(&self) -> Rc<Executor> {
        EXECUTOR.with(Rc::clone)
    }

    fn send_http(&self, cluster: &str, request: &HttpRequest, timeout: Duration) -> Result<u32, HostError> {
        check_headers(&request.headers)?;
        check_headers(&request.trailers)?;
        let (headers, trailers) = (encode_pairs(&request.headers), encode_pairs(&request.trailers));
        let mut call = 0;
        // SAFETY: the pointers are good for the length of the call.
        check(unsafe {
            proxy_http_call(
                cluster.as_ptr(),
                cluster.len(),
                headers.as_ptr(),
                headers.len(),
                request.body.as_ptr(),
                request.body.len(),
                trailers.as_ptr(),
                trailers.len(),
                milliseconds(timeout),
                &raw mut call,
            )
        })?;
        Ok(call)
    }

    fn send_grpc(&self, cluster: &str, request: &GrpcRequest, timeout: Duration) -> Result<u32, HostError> {
        check_headers(&request.metadata)?;
        let (target, metadata) = (target(cluster)?, encode_pairs(&request.metadata));
        let mut call = 0;
        // SAFETY: the pointers are good for the length of the call.
        check(unsafe {
            proxy_grpc_call(
                target.as_ptr(),
                target.len(),
                request.service.as_ptr(),
                request.service.len(),
                request.method.as_ptr(),
                request.method.len(),
                metadata.as_ptr(),
                metadata.len(),
                request.message.as_ptr(),
                request.message.len(),
                milliseconds(timeout),
                &raw mut call,
            )
        })?;
        Ok(call)
    }

    fn open_grpc(&self, cluster: &str, open: &GrpcOpen) -> Result<u32, HostError> {
        check_headers(&open.metadata)?;
        let (target, metadata) = (target(cluster)?, encode_pairs(&open.metadata));
        let mut stream = 0;
        // SAFETY: the pointers are good for the length of the call.
        check(unsafe {
            proxy_grpc_stream(
                target.as_ptr(),
                target.len(),
                open.service.as_ptr(),
                open.service.len(),
                open.method.as_ptr(),
                open.method.len(),
                metadata.as_ptr(),
                metadata.len(),
                &raw mut stream,
            )
        })?;
        Ok(stream)
    }

    fn send_on_grpc(&self, stream: u32, message: &[u8], is_last: bool) -> Result<(), HostError> {
        // SAFETY: the pointer is good for the length of the call.
        check(unsafe { proxy_grpc_send(stream, message.as_ptr(), message.len(), u32::from(is_last)) })
    }

    fn close_grpc(&self, stream: u32) -> Result<(), HostError> {
        // SAFETY: numbers only.
        check(unsafe { proxy_grpc_close(stream) })
    }

    fn cancel_grpc(&self, call: u32) {
        // A call that the host does not know any more needs no end. SAFETY: numbers only.
        let _ = unsafe { proxy_grpc_cancel(call) };
    }

    fn set_tick_period(&self, period: Duration) {
        // SAFETY: numbers only.
        let _ = unsafe { proxy_set_tick_period_milliseconds(milliseconds(period)) };
    }
}

//! The functions of a module that Envoy calls. Those that a filter does not use are taken out when its module is built.
#![allow(unsafe_code, reason = "the host finds functions by their names")]

use std::mem::MaybeUninit;

use super::{Envoy, VM, lent};
use crate::host::{Host, LogLevel};
use crate::http::Chunk;
use crate::tcp::{ClosedBy, Peer};
use crate::vm::{Action, Entry, Side, Vm};

/// Called by [`crate::export!`] when the module starts.
pub fn start(filters: Vec<Entry<Envoy>>) {
    // So that what a panic says, the file and the line among it, is in the proxy's log.
    std::panic::set_hook(Box::new(|panic| Envoy.log(LogLevel::Critical, &panic.to_string())));
    VM.with(|vm| {
        let _ = vm.set(Vm::new(Envoy, filters));
    });
}

/// Does something with the virtual machine, of which there is one from the module's start on.
fn vm<R: Default>(call: impl FnOnce(&Vm<Envoy>) -> R) -> R {
    VM.with(|vm| vm.get().map(call).unwrap_or_default())
}

fn of_bool(flag: u32) -> bool {
    flag != 0
}

/// The action as the ABI has it.
fn number(action: Action) -> u32 {
    match action {
        Action::Continue => 0,
        Action::Pause => 1,
    }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

/// Memory that the host fills: a place that is lent to it, or a boxed slice of that size that it hands over.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    if let Some(place) = lent::take(size) {
        return place;
    }
    let memory: Box<[MaybeUninit<u8>]> = Box::new_uninit_slice(size);
    Box::into_raw(memory).cast()
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(context: u32, parent: u32) {
    vm(|vm| vm.on_context_create(context, parent));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(context: u32, size: usize) -> u32 {
    u32::from(vm(|vm| vm.on_configure(context, size)))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_delete(context: u32) {
    vm(|vm| vm.on_delete(context));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_log(context: u32) {
    vm(|vm| vm.on_log(context));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_tick(context: u32) {
    vm(|vm| vm.on_tick(context));
}

fn headers(context: u32, side: Side, end_of_stream: u32) -> u32 {
    let end = of_bool(end_of_stream);
    number(vm(|vm| vm.on_stream(context, |stream, host| stream.headers(host, side, end))))
}

fn body(context: u32, side: Side, size: usize, end_of_stream: u32) -> u32 {
    let chunk = Chunk { size, end_of_stream: of_bool(end_of_stream) };
    number(vm(|vm| vm.on_stream(context, |stream, host| stream.body(host, side, chunk))))
}

fn trailers(context: u32, side: Side) -> u32 {
    number(vm(|vm| vm.on_stream(context, |stream, host| stream.trailers(host, side))))
}

fn data(context: u32, from: Peer, size: usize, end_of_stream: u32) -> u32 {
    let chunk = Chunk { size, end_of_stream: of_bool(end_of_stream) };
    number(vm(|vm| vm.on_stream(context, |stream, host| stream.data(host, from, chunk))))
}

fn closed(context: u32, of: Peer, by: u32) {
    let by = match by {
        1 => ClosedBy::Proxy,
        2 => ClosedBy::Peer,
        _ => ClosedBy::Unknown,
    };
    vm(|vm| {
        vm.on_stream(context, |stream, host| {
            stream.closed(host, of, by);
            Action::Continue
        })
    });
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(context: u32, _count: usize, end_of_stream: u32) -> u32 {
    headers(context, Side::Request, end_of_stream)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_body(context: u32, size: usize, end_of_stream: u32) -> u32 {
    body(context, Side::Request, size, end_of_stream)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_trailers(context: u32, _count: usize) -> u32 {
    trailers(context, Side::Request)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_headers(context: u32, _count: usize, end_of_stream: u32) -> u32 {
    headers(context, Side::Response, end_of_stream)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_body(context: u32, size: usize, end_of_stream: u32) -> u32 {
    body(context, Side::Response, size, end_of_stream)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_trailers(context: u32, _count: usize) -> u32 {
    trailers(context, Side::Response)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_new_connection(context: u32) -> u32 {
    number(vm(|vm| vm.on_stream(context, |stream, host| stream.connected(host))))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_downstream_data(context: u32, size: usize, end_of_stream: u32) -> u32 {
    data(context, Peer::Downstream, size, end_of_stream)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_upstream_data(context: u32, size: usize, end_of_stream: u32) -> u32 {
    data(context, Peer::Upstream, size, end_of_stream)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_downstream_connection_close(context: u32, by: u32) {
    closed(context, Peer::Downstream, by);
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_upstream_connection_close(context: u32, by: u32) {
    closed(context, Peer::Upstream, by);
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_http_call_response(
    _root: u32,
    call: u32,
    headers: usize,
    body_size: usize,
    _trailers: usize,
) {
    vm(|vm| vm.on_http_call_response(call, headers, body_size));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_grpc_receive_initial_metadata(_root: u32, stream: u32, _count: usize) {
    vm(|vm| vm.on_grpc_initial_metadata(stream));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_grpc_receive_trailing_metadata(_root: u32, stream: u32, _count: usize) {
    vm(|vm| vm.on_grpc_trailing_metadata(stream));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_grpc_receive(_root: u32, call: u32, size: usize) {
    vm(|vm| vm.on_grpc_receive(call, size));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_grpc_close(_root: u32, call: u32, status: u32) {
    vm(|vm| vm.on_grpc_close(call, status));
}

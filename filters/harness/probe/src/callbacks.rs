//! Every callback that a host may call.
#![allow(unsafe_code, reason = "exports have the names that the host looks for")]

use crate::probe::{callback, create, forget};

/// Callbacks that do nothing but what every one does; the context comes first.
macro_rules! callbacks {
    ($($export:ident $phase:literal ($($argument:ident)*) $(-> $usual:literal)?;)*) => {
        $(
            #[unsafe(no_mangle)]
            extern "C" fn $export(context: u32 $(, $argument: u32)*) -> callbacks!(@type $($usual)?) {
                let returned = callback($phase, context, &[$($argument),*], callbacks!(@value $($usual)?));
                callbacks!(@return returned $($usual)?)
            }
        )*
    };
    (@type) => { () };
    (@type $usual:literal) => { u32 };
    (@value) => { 0 };
    (@value $usual:literal) => { $usual };
    (@return $returned:ident) => { { let _ = $returned; } };
    (@return $returned:ident $usual:literal) => { $returned };
}

callbacks! {
    proxy_on_vm_start "vm_start" (size) -> 1;
    proxy_on_configure "configure" (size) -> 1;
    proxy_on_tick "tick" ();
    proxy_on_queue_ready "queue_ready" (queue);
    proxy_on_foreign_function "foreign_function" (function size);
    proxy_on_new_connection "new_connection" () -> 0;
    proxy_on_downstream_data "downstream_data" (size end) -> 0;
    proxy_on_downstream_connection_close "downstream_connection_close" (peer);
    proxy_on_upstream_data "upstream_data" (size end) -> 0;
    proxy_on_upstream_connection_close "upstream_connection_close" (peer);
    proxy_on_request_headers "request_headers" (count end) -> 0;
    proxy_on_request_body "request_body" (size end) -> 0;
    proxy_on_request_trailers "request_trailers" (count) -> 0;
    proxy_on_request_metadata "request_metadata" (count) -> 0;
    proxy_on_response_headers "response_headers" (count end) -> 0;
    proxy_on_response_body "response_body" (size end) -> 0;
    proxy_on_response_trailers "response_trailers" (count) -> 0;
    proxy_on_response_metadata "response_metadata" (count) -> 0;
    proxy_on_http_call_response "http_call_response" (call headers body trailers);
    proxy_on_grpc_receive_initial_metadata "grpc_receive_initial_metadata" (call headers);
    proxy_on_grpc_receive "grpc_receive" (call size);
    proxy_on_grpc_receive_trailing_metadata "grpc_receive_trailing_metadata" (call trailers);
    proxy_on_grpc_close "grpc_close" (call status);
    proxy_on_done "done" () -> 1;
    proxy_on_log "log" ();
}

#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(context: u32, root: u32) {
    create(context, root);
    callback("create", context, &[root], 0);
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_delete(context: u32) {
    callback("delete", context, &[], 0);
    forget(context);
}

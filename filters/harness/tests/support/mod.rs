//! Small modules for tests, written as text.
#![allow(dead_code, reason = "each test file uses a part of it")]

use burgee_harness::{Module, Settings, Vm};

/// The imports that small modules use, by the names that their text has for them.
const IMPORTS: &str = r#"
    (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
    (import "env" "proxy_get_property" (func $get_property (param i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_set_property" (func $set_property (param i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_get_header_map_value" (func $get_header (param i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_get_header_map_pairs" (func $get_headers (param i32 i32 i32) (result i32)))
    (import "env" "proxy_replace_header_map_value" (func $set_header (param i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_get_buffer_bytes" (func $get_buffer (param i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_set_buffer_bytes" (func $set_buffer (param i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_send_local_response"
        (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))
    (import "env" "proxy_close_stream" (func $close (param i32) (result i32)))
    (import "env" "proxy_set_effective_context" (func $become (param i32) (result i32)))
    (import "env" "proxy_set_tick_period_milliseconds" (func $set_tick (param i32) (result i32)))
    (import "env" "proxy_define_metric" (func $define (param i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_increment_metric" (func $increment (param i32 i64) (result i32)))
    (import "env" "proxy_http_call"
        (func $http_call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_call_foreign_function" (func $foreign (param i32 i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_register_shared_queue" (func $register (param i32 i32 i32) (result i32)))
    (import "env" "proxy_enqueue_shared_queue" (func $enqueue (param i32 i32 i32) (result i32)))
    (import "env" "proxy_done" (func $done (result i32)))
"#;

/// A module with memory, an allocator that never gives anything back, and what the text adds: functions, and data below
/// 4096. `$say` writes a line to the log; `(call $show (i32.const 5))` the number as a digit; both leave nothing.
pub fn module(body: &str) -> Vec<u8> {
    // Imports come first.
    let (imports, body) = match body.split_once("(data") {
        Some((imports, rest)) if imports.contains("(import") => (imports, format!("(data{rest}")),
        _ => ("", body.to_owned()),
    };
    let text = format!(
        r#"(module {IMPORTS} {imports}
            (memory (export "memory") 2)
            (global $next (mut i32) (i32.const 8192))
            (func (export "proxy_abi_version_0_2_1"))
            (func (export "proxy_on_memory_allocate") (param $size i32) (result i32)
                (global.get $next)
                (global.set $next (i32.and (i32.add (i32.add (global.get $next) (local.get $size)) (i32.const 7)) (i32.const -8))))
            (func $say (param $text i32) (param $size i32)
                (drop (call $log (i32.const 2) (local.get $text) (local.get $size))))
            (func $show (param $number i32)
                (i32.store8 (i32.const 4096) (i32.add (i32.const 48) (local.get $number)))
                (call $say (i32.const 4096) (i32.const 1)))
            {body})"#
    );
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"))
}

/// Starts such a module.
pub fn start(body: &str) -> Vm {
    start_with(body, &Settings::new())
}

/// Starts such a module with these settings.
pub fn start_with(body: &str, settings: &Settings) -> Vm {
    let module = Module::load(&module(body)).unwrap_or_else(|error| panic!("{error}"));
    module.start(settings).unwrap_or_else(|error| panic!("{error}"))
}

/// What the module wrote to its log since this was asked the last time.
pub fn said(vm: &Vm) -> Vec<String> {
    vm.take_logs().iter().map(|line| String::from_utf8_lossy(&line.message).into_owned()).collect()
}

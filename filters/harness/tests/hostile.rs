//! Host calls with any arguments, in any phase: the host answers with a status, or the module traps; nothing else.

mod support;

use std::fmt::Write as _;

use burgee_harness::{Answer, EndOfStream, Module, Peer, Settings, Vm};
use proptest::prelude::*;

/// Every host call with the types of its parameters: `i` is 32 bits, `l` is 64.
const CALLS: &[(&str, &str, &str)] = &[
    ("env", "proxy_log", "iii"),
    ("env", "proxy_get_log_level", "i"),
    ("env", "proxy_get_status", "iii"),
    ("env", "proxy_get_property", "iiii"),
    ("env", "proxy_set_property", "iiii"),
    ("env", "proxy_send_local_response", "iiiiiiii"),
    ("env", "proxy_get_shared_data", "iiiii"),
    ("env", "proxy_set_shared_data", "iiiii"),
    ("env", "proxy_register_shared_queue", "iii"),
    ("env", "proxy_resolve_shared_queue", "iiiii"),
    ("env", "proxy_enqueue_shared_queue", "iii"),
    ("env", "proxy_dequeue_shared_queue", "iii"),
    ("env", "proxy_get_header_map_value", "iiiii"),
    ("env", "proxy_add_header_map_value", "iiiii"),
    ("env", "proxy_replace_header_map_value", "iiiii"),
    ("env", "proxy_remove_header_map_value", "iii"),
    ("env", "proxy_get_header_map_pairs", "iii"),
    ("env", "proxy_set_header_map_pairs", "iii"),
    ("env", "proxy_get_header_map_size", "ii"),
    ("env", "proxy_get_buffer_bytes", "iiiii"),
    ("env", "proxy_get_buffer_status", "iii"),
    ("env", "proxy_set_buffer_bytes", "iiiii"),
    ("env", "proxy_http_call", "iiiiiiiiii"),
    ("env", "proxy_grpc_call", "iiiiiiiiiiii"),
    ("env", "proxy_grpc_stream", "iiiiiiiii"),
    ("env", "proxy_grpc_send", "iiii"),
    ("env", "proxy_grpc_close", "i"),
    ("env", "proxy_grpc_cancel", "i"),
    ("env", "proxy_set_tick_period_milliseconds", "i"),
    ("env", "proxy_get_current_time_nanoseconds", "i"),
    ("env", "proxy_define_metric", "iiii"),
    ("env", "proxy_increment_metric", "il"),
    ("env", "proxy_record_metric", "il"),
    ("env", "proxy_get_metric", "ii"),
    ("env", "proxy_continue_stream", "i"),
    ("env", "proxy_close_stream", "i"),
    ("env", "proxy_set_effective_context", "i"),
    ("env", "proxy_done", ""),
    ("env", "proxy_call_foreign_function", "iiiiii"),
    ("env", "pthread_equal", "ii"),
    ("wasi_snapshot_preview1", "fd_write", "iiii"),
    ("wasi_snapshot_preview1", "fd_read", "iiii"),
    ("wasi_snapshot_preview1", "fd_seek", "ilii"),
    ("wasi_snapshot_preview1", "fd_close", "i"),
    ("wasi_snapshot_preview1", "fd_fdstat_get", "ii"),
    ("wasi_snapshot_preview1", "fd_prestat_get", "ii"),
    ("wasi_snapshot_preview1", "fd_prestat_dir_name", "iii"),
    ("wasi_snapshot_preview1", "path_open", "iiiiillii"),
    ("wasi_snapshot_preview1", "environ_sizes_get", "ii"),
    ("wasi_snapshot_preview1", "environ_get", "ii"),
    ("wasi_snapshot_preview1", "args_sizes_get", "ii"),
    ("wasi_snapshot_preview1", "args_get", "ii"),
    ("wasi_snapshot_preview1", "clock_time_get", "ili"),
    ("wasi_snapshot_preview1", "random_get", "ii"),
    ("wasi_snapshot_preview1", "sched_yield", ""),
    ("wasi_snapshot_preview1", "poll_oneoff", "iiii"),
];

/// The callbacks in which the calls are made, with their parameters and whether they give something.
const CALLBACKS: &[(&str, usize, bool)] = &[
    ("proxy_on_request_headers", 3, true),
    ("proxy_on_request_body", 3, true),
    ("proxy_on_request_trailers", 2, true),
    ("proxy_on_response_headers", 3, true),
    ("proxy_on_response_body", 3, true),
    ("proxy_on_response_trailers", 2, true),
    ("proxy_on_new_connection", 1, true),
    ("proxy_on_downstream_data", 3, true),
    ("proxy_on_upstream_data", 3, true),
    ("proxy_on_http_call_response", 5, false),
    ("proxy_on_grpc_close", 3, false),
    ("proxy_on_queue_ready", 2, false),
    ("proxy_on_tick", 1, false),
    ("proxy_on_done", 1, true),
    ("proxy_on_log", 1, false),
    ("proxy_on_delete", 1, false),
];

/// A module that makes, in every callback, the calls that its configuration says: for each one its number, and room for
/// twelve arguments of eight bytes. What callbacks give stands in front, as one number.
fn module() -> Module {
    let mut text = String::from("(module\n");
    for (index, (module, name, parameters)) in CALLS.iter().enumerate() {
        let types: String =
            parameters.chars().map(|kind| if kind == 'l' { " i64" } else { " i32" }).collect();
        let _ =
            writeln!(text, r#"(import "{module}" "{name}" (func $call{index} (param{types}) (result i32)))"#);
    }
    text.push_str(
        r#"(memory (export "memory") 2)
        (global $calls (mut i32) (i32.const 0)) (global $end (mut i32) (i32.const 0))
        (global $next (mut i32) (i32.const 16384))
        (func (export "proxy_abi_version_0_2_1"))
        (func (export "malloc") (param $size i32) (result i32)
            (if (i32.gt_u (local.get $size) (i32.const 16384)) (then (return (i32.const 0))))
            (if (i32.gt_u (global.get $next) (i32.const 65536)) (then (global.set $next (i32.const 16384))))
            (global.get $next) (global.set $next (i32.add (global.get $next) (local.get $size))))
        (func (export "proxy_on_configure") (param i32 i32) (result i32)
            (drop (call $call19 (i32.const 7) (i32.const 0) (local.get 1) (i32.const 0) (i32.const 4)))
            (memory.copy (i32.const 8192) (i32.load (i32.const 0)) (i32.load (i32.const 4)))
            (global.set $calls (i32.const 8196))
            (global.set $end (i32.add (i32.const 8192) (i32.load (i32.const 4)))) (i32.const 1))
        (func $run (result i32) (local $at i32) (local.set $at (global.get $calls))
            (loop $again (if (i32.lt_u (local.get $at) (global.get $end)) (then"#,
    );
    for (index, (_, _, parameters)) in CALLS.iter().enumerate() {
        let arguments: String = parameters
            .chars()
            .enumerate()
            .map(|(argument, kind)| {
                let load = if kind == 'l' { "i64.load" } else { "i32.load" };
                format!(" ({load} offset={} (local.get $at))", 8 + argument * 8)
            })
            .collect();
        let _ = writeln!(
            text,
            "(if (i32.eq (i32.load (local.get $at)) (i32.const {index})) (then (drop (call $call{index}{arguments}))))"
        );
    }
    text.push_str(
        "(local.set $at (i32.add (local.get $at) (i32.const 104))) (br $again)))) (i32.load (i32.const 8192)))",
    );
    for (name, parameters, gives) in CALLBACKS {
        let types = " i32".repeat(*parameters);
        let (result, drop) =
            if *gives { ("(result i32)", "(call $run)") } else { ("", "(drop (call $run))") };
        let _ = writeln!(text, r#"(func (export "{name}") (param{types}) {result} {drop})"#);
    }
    text.push(')');
    Module::load(&wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"))).unwrap()
}

/// A number as modules get them wrong: small, near the end of memory, beyond it, anything.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => 0..16_u64,
        2 => 8192..8400_u64,
        1 => 131_060..131_080_u64,
        1 => Just(u64::from(u32::MAX)),
        1 => (u64::from(u32::MAX) - 16)..u64::from(u32::MAX),
        1 => Just(u64::MAX),
        1 => any::<u64>(),
    ]
}

fn configuration() -> impl Strategy<Value = Vec<u8>> {
    let call = (0..CALLS.len() as u64, prop::collection::vec(number(), 12));
    (0..6_u32, prop::collection::vec(call, 1..4)).prop_map(|(answer, calls)| {
        let mut bytes = answer.to_le_bytes().to_vec();
        for (call, arguments) in calls {
            bytes.extend(call.to_le_bytes());
            bytes.extend(arguments.iter().flat_map(|argument| argument.to_le_bytes()));
        }
        bytes
    })
}

/// Everything that a stream, a connection and a plugin go through.
fn play(vm: &Vm) {
    let stream = vm.http();
    stream.request_headers([(":method", "POST"), (":path", "/")], EndOfStream::No);
    stream.request_body("abc", EndOfStream::No);
    stream.request_trailers([("x-t", "1")]);
    stream.response_headers([(":status", "200")], EndOfStream::No);
    stream.response_body("def", EndOfStream::No);
    stream.response_body("", EndOfStream::Yes);
    stream.response_trailers([("x-t", "1")]);
    let connection = vm.tcp();
    connection.new_connection();
    connection.downstream_data("abc", EndOfStream::No);
    connection.upstream_data("def", EndOfStream::Yes);
    for callout in vm.callouts() {
        let _ = vm.answer(callout.token, &Answer::status(200));
        let _ = vm.grpc_message(callout.token, "m");
        let _ = vm.grpc_close(callout.token, 0, "");
    }
    vm.tick();
    stream.finish();
    connection.close(Peer::Local);
    vm.end();
}

#[test]
fn whatever_a_module_asks_the_host_stands() {
    let module = module();
    let settings = Settings::new().cluster("").fuel(10_000_000).memory_limit(1 << 21).variable("A", "b");
    let run = |configuration: &Vec<u8>| {
        let vm = module.start(&settings.clone().plugin_configuration(configuration)).unwrap();
        play(&vm);
        assert!(vm.memory_bytes() <= 1 << 21);
        // Nothing here loops, so a trap can only come of what the module did itself.
        if let Some(trap) = vm.trap() {
            assert!(!trap.reason.is_empty());
        }
    };
    proptest!(ProptestConfig { cases: 400, ..ProptestConfig::default() }, |(configuration in configuration())| {
        run(&configuration);
    });
}

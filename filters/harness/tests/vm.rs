//! What a VM is started with, what it costs, and how it ends.

mod support;

use burgee_harness::{
    EndOfStream, FailurePolicy, LoadError, LogLevel, Module, Outcome, Settings, StartFailure, Status,
};
use support::{module, said, start, start_with};

const GET: [(&str, &str); 2] = [(":method", "GET"), (":path", "/")];

fn load(text: &str) -> Result<Module, LoadError> {
    Module::load(&wat::parse_str(text).unwrap())
}

#[test]
fn what_no_envoy_takes_is_refused_with_the_reason() {
    assert!(matches!(Module::load(b"garbage"), Err(LoadError::NotAModule(_))));
    assert!(matches!(load("(module)"), Err(LoadError::NoVersion)));
    let version = |version: &str| format!(r#"(func (export "proxy_abi_version_{version}"))"#);
    let memory = r#"(memory (export "memory") 1)"#;
    let malloc = r#"(func (export "malloc") (param i32) (result i32) (i32.const 8))"#;
    for (text, expected) in [
        (version("0_1_0"), "proxy_abi_version_0_1_0"),
        (version("0_3_0"), "proxy_abi_version_0_3_0"),
        (version("0_2_1"), "`memory`"),
        (format!("{} {memory}", version("0_2_1")), "malloc"),
        (
            format!(r#"(import "env" "proxy_unknown" (func)) {} {memory} {malloc}"#, version("0_2_0")),
            "proxy_unknown",
        ),
        (
            format!(r#"(import "env" "proxy_done" (func)) {} {memory} {malloc}"#, version("0_2_0")),
            "proxy_done",
        ),
        (
            format!(r#"{} {memory} {malloc} (func (export "proxy_on_log") (param i64))"#, version("0_2_1")),
            "proxy_on_log",
        ),
    ] {
        let error = load(&format!("(module {text})")).unwrap_err();
        assert!(format!("{error}").contains(expected), "{text}: {error}");
    }
    assert!(load(&format!("(module {} {memory} {malloc})", version("0_2_0"))).is_ok());
}

#[test]
fn a_module_is_started_configured_and_told_of_its_context_in_order() {
    let vm = start_with(
        r#"(data (i32.const 0) "initialize" "context" "start" "configure")
        (func (export "_initialize") (call $say (i32.const 0) (i32.const 10)))
        (func (export "proxy_on_context_create") (param i32 i32)
            (call $say (i32.const 10) (i32.const 7)) (call $show (local.get 0)) (call $show (local.get 1)))
        (func (export "proxy_on_vm_start") (param i32 i32) (result i32)
            (call $say (i32.const 17) (i32.const 5)) (call $show (local.get 1)) (i32.const 1))
        (func (export "proxy_on_configure") (param i32 i32) (result i32)
            (call $say (i32.const 22) (i32.const 9))
            (drop (call $get_buffer (i32.const 7) (i32.const 0) (local.get 1) (i32.const 64) (i32.const 68)))
            (call $say (i32.load (i32.const 64)) (i32.load (i32.const 68)))
            (i32.const 1))"#,
        &Settings::new().vm_configuration("abc").plugin_configuration("{}"),
    );
    assert_eq!(said(&vm), ["initialize", "context", "1", "0", "start", "3", "configure", "{}"]);
    vm.configure("[1]").unwrap();
    assert_eq!(said(&vm), ["configure", "[1]"]);
}

#[test]
fn who_says_no_is_not_started_and_its_log_is_told() {
    let start = |callback: &str| {
        let text = format!(
            r#"(data (i32.const 0) "bad")
            (func (export "{callback}") (param i32 i32) (result i32)
                (call $say (i32.const 0) (i32.const 3)) (i32.const 0))"#
        );
        Module::load(&module(&text)).unwrap().start(&Settings::new()).unwrap_err()
    };
    assert_eq!(start("proxy_on_vm_start").reason, StartFailure::VmStartRefused);
    let error = start("proxy_on_configure");
    assert_eq!(error.reason, StartFailure::ConfigurationRefused);
    assert!(error.to_string().ends_with("\n  info: bad"), "{error}");
}

#[test]
fn while_it_initialises_itself_a_module_may_call_little() {
    let text = r#"(func (export "_start") (drop (call $set_tick (i32.const 1))))"#;
    let error = Module::load(&module(text)).unwrap().start(&Settings::new()).unwrap_err();
    let StartFailure::Trapped(trap) = error.reason else { panic!("{error}") };
    assert!(trap.reason.contains("proxy_set_tick_period_milliseconds"), "{trap}");
    assert_eq!(trap.callback, "_start");
}

const TRAPS: &str = r#"
    (func $inner (unreachable))
    (func $outer (call $inner))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (call $outer) (i32.const 0))
    (func (export "proxy_on_log") (param i32) (call $show (i32.const 1)))
"#;

#[test]
fn a_trap_names_the_functions_and_takes_the_whole_vm() {
    let vm = start(TRAPS);
    let stream = vm.http();
    let outcome = stream.request_headers(GET, EndOfStream::Yes);
    let Outcome::Trap(trap) = outcome else { panic!("{outcome:?}") };
    assert!(trap.reason.contains("unreachable"), "{trap}");
    let functions: Vec<&str> = trap.frames.iter().map(|frame| frame.function.as_str()).collect();
    assert_eq!(functions[..2], ["inner", "outer"], "{trap}");
    assert_eq!(trap.callback, "proxy_on_request_headers");
    assert_eq!(vm.trap(), Some(trap));
    assert_eq!(stream.client().unwrap().header(":status").as_deref(), Some("503"));
    stream.finish();
    assert!(said(&vm).is_empty(), "nothing is called in a dead VM");

    let later = vm.http();
    assert_eq!(later.request_headers(GET, EndOfStream::Yes), Outcome::Skipped);
    assert_eq!(later.client().unwrap().header(":status").as_deref(), Some("503"));
}

#[test]
fn where_failures_are_open_later_streams_go_by() {
    let vm = start_with(TRAPS, &Settings::new().failure_policy(FailurePolicy::Open));
    let stream = vm.http();
    assert!(matches!(stream.request_headers(GET, EndOfStream::Yes), Outcome::Trap(_)));
    assert_eq!(stream.client().unwrap().header(":status").as_deref(), Some("503"));
    let later = vm.http();
    later.request_headers(GET, EndOfStream::No);
    later.request_body("abc", EndOfStream::Yes);
    let upstream = later.upstream().unwrap();
    assert_eq!((upstream.body.as_slice(), upstream.is_complete), (&b"abc"[..], true));
}

#[test]
fn a_loop_without_end_is_out_of_fuel() {
    let endless = r#"(func (export "proxy_on_log") (param i32) (loop $again (br $again)))"#;
    let vm = start_with(endless, &Settings::new().fuel(100_000));
    let trap = vm.http().finish().trap.unwrap();
    assert!(trap.reason.contains("out of fuel"), "{trap}");
}

#[test]
fn a_stack_without_end_and_memory_without_end_are_ends_too() {
    let recursive = r#"(func $again (call $again)) (func (export "proxy_on_log") (param i32) (call $again))"#;
    assert!(start(recursive).http().finish().trap.is_some());

    let hungry = r#"(func (export "proxy_on_log") (param i32)
        (call $show (i32.eq (memory.grow (i32.const 1000)) (i32.const -1))))"#;
    let vm = start_with(hungry, &Settings::new().memory_limit(1 << 20));
    let before = vm.memory_bytes();
    vm.http().finish();
    assert_eq!(said(&vm), ["1"]);
    assert_eq!(vm.memory_bytes(), before);
}

#[test]
fn host_calls_are_counted_by_callback_and_can_be_made_to_fail() {
    let vm = start(
        r#"(data (i32.const 0) ":path")
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (call $show (call $get_header (i32.const 0) (i32.const 0) (i32.const 5) (i32.const 64) (i32.const 68)))
            (i32.const 0))"#,
    );
    vm.http().request_headers(GET, EndOfStream::Yes);
    vm.http().request_headers(GET, EndOfStream::Yes);
    let costs = vm.costs();
    let cost = &costs["proxy_on_request_headers"];
    assert_eq!((cost.invocations, cost.host_calls(), cost.calls["proxy_log"]), (2, 4, 2));
    assert!(cost.fuel > 0);
    assert_eq!(said(&vm), ["0", "0"]);

    vm.fail_calls(|name| (name == "proxy_get_header_map_value").then_some(Status::InternalFailure));
    vm.reset_costs();
    vm.http().request_headers(GET, EndOfStream::Yes);
    // 48 + 10 is a colon.
    assert_eq!(said(&vm), [":"]);
    assert_eq!(vm.costs()["proxy_on_request_headers"].host_calls(), 2);
}

#[test]
fn lines_below_the_log_s_level_are_not_kept() {
    let body = r#"(func (export "proxy_on_log") (param i32) (call $show (i32.const 1)))"#;
    let vm = start_with(body, &Settings::new().log_level(LogLevel::Warn));
    vm.http().finish();
    assert!(said(&vm).is_empty());
}

#[test]
fn metrics_are_read_by_name() {
    let vm = start(
        r#"(data (i32.const 0) "hits")
        (func (export "proxy_on_log") (param i32)
            (drop (call $define (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 64)))
            (drop (call $increment (i32.load (i32.const 64)) (i64.const 2))))"#,
    );
    vm.http().finish();
    vm.http().finish();
    assert_eq!(vm.metric("hits"), Some(4));
    assert_eq!(vm.metric_definitions(), 2, "each definition is kept");
    assert_eq!(vm.metric("misses"), None);
}

#[test]
fn what_envoy_has_of_wasi_can_be_imported_and_nothing_else() {
    let importing = |name: &str, kind: &str| {
        load(&format!(
            r#"(module (import "wasi_snapshot_preview1" "{name}" (func {kind}))
                (func (export "proxy_abi_version_0_2_1")) (memory (export "memory") 1)
                (func (export "malloc") (param i32) (result i32) (i32.const 8)))"#
        ))
    };
    for (name, kind) in [
        ("fd_fdstat_set_flags", "(param i32 i32) (result i32)"),
        ("fd_pread", "(param i32 i32 i32 i64 i32) (result i32)"),
        ("path_link", "(param i32 i32 i32 i32 i32 i32) (result i32)"),
    ] {
        assert!(importing(name, kind).is_ok(), "{name}");
    }
    assert!(importing("proc_raise", "(param i32) (result i32)").is_err());
    // As WASI has it.
    assert!(importing("path_link", "(param i32 i32 i32 i32 i32 i32 i32) (result i32)").is_err());
}

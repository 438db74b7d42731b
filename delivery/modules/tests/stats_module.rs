//! Builds the `stats` filter for real and looks at what a proxy would be given.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use burgee_modules::{build_in, trim};
use walrus::{ImportKind, Module};

/// What Envoy offers to a module beside WASI.
const HOST_FUNCTIONS: [&str; 39] = [
    "proxy_log",
    "proxy_get_log_level",
    "proxy_get_status",
    "proxy_get_property",
    "proxy_set_property",
    "proxy_send_local_response",
    "proxy_get_shared_data",
    "proxy_set_shared_data",
    "proxy_register_shared_queue",
    "proxy_resolve_shared_queue",
    "proxy_enqueue_shared_queue",
    "proxy_dequeue_shared_queue",
    "proxy_get_header_map_value",
    "proxy_add_header_map_value",
    "proxy_replace_header_map_value",
    "proxy_remove_header_map_value",
    "proxy_get_header_map_pairs",
    "proxy_set_header_map_pairs",
    "proxy_get_header_map_size",
    "proxy_get_buffer_bytes",
    "proxy_get_buffer_status",
    "proxy_set_buffer_bytes",
    "proxy_http_call",
    "proxy_grpc_call",
    "proxy_grpc_stream",
    "proxy_grpc_send",
    "proxy_grpc_close",
    "proxy_grpc_cancel",
    "proxy_set_tick_period_milliseconds",
    "proxy_get_current_time_nanoseconds",
    "proxy_define_metric",
    "proxy_increment_metric",
    "proxy_record_metric",
    "proxy_get_metric",
    "proxy_continue_stream",
    "proxy_close_stream",
    "proxy_set_effective_context",
    "proxy_done",
    "proxy_call_foreign_function",
];

/// The WASI functions that Envoy really implements.
const WASI_FUNCTIONS: [&str; 9] = [
    "fd_write",
    "clock_time_get",
    "random_get",
    "environ_get",
    "environ_sizes_get",
    "args_get",
    "args_sizes_get",
    "proc_exit",
    "fd_fdstat_get",
];

/// What the module may weigh. Envoy compiles all of it at load.
const BUDGET_BYTES: usize = 168_000;

/// What all telemetry filters in one module may weigh.
const ALL_BUDGET_BYTES: usize = 300_000;

#[test]
fn the_stats_module_holds_what_it_needs_and_no_more() {
    let cache = tempfile::tempdir().unwrap();
    let steps = RefCell::new(Vec::new());
    let progress = |step: &str| steps.borrow_mut().push(step.to_owned());
    let built = build_in(cache.path(), "stats", &progress).unwrap_or_else(|error| panic!("{error}"));
    assert!(!steps.borrow().is_empty());

    println!("the stats module has {} bytes", built.bytes.len());
    assert!(built.bytes.len() <= BUDGET_BYTES, "{} bytes are more than {BUDGET_BYTES}", built.bytes.len());
    assert_eq!(std::fs::read(&built.path).unwrap(), built.bytes);
    assert_eq!(built.path, cache.path().join("modules").join(format!("sha256-{}.wasm", built.sha256)));

    let module = Module::from_buffer(&built.bytes).unwrap();
    let exports: BTreeSet<&str> = module.exports.iter().map(|export| export.name.as_str()).collect();
    let expected = BTreeSet::from([
        "_initialize",
        "memory",
        "proxy_abi_version_0_2_1",
        "proxy_on_configure",
        "proxy_on_context_create",
        "proxy_on_delete",
        "proxy_on_log",
        "proxy_on_memory_allocate",
        "proxy_on_new_connection",
        "proxy_on_tick",
    ]);
    assert_eq!(exports, expected);
    for import in module.imports.iter() {
        assert!(matches!(import.kind, ImportKind::Function(_)), "{}", import.name);
        let known: &[&str] = match import.module.as_str() {
            "env" => &HOST_FUNCTIONS,
            "wasi_snapshot_preview1" => &WASI_FUNCTIONS,
            other => panic!("imports from {other}"),
        };
        assert!(known.contains(&import.name.as_str()), "imports {}", import.name);
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_str().unwrap();
    assert!(!contains(&built.bytes, root.as_bytes()), "the module names the directory it was built in");
    assert!(!contains(&built.bytes, b"/.cargo/"), "the module names the directory it was built in");

    let again = build_in(cache.path(), "stats", &|_: &str| {}).unwrap();
    assert_eq!(again, built);
    assert_eq!(trim(&built.bytes).unwrap(), built.bytes, "trimming twice is not trimming once");
}

#[test]
fn all_telemetry_filters_in_one_module_keep_to_their_budget() {
    let cache = tempfile::tempdir().unwrap();
    let built = build_in(cache.path(), "telemetry", &|_: &str| {}).unwrap_or_else(|error| panic!("{error}"));
    println!("the telemetry module has {} bytes", built.bytes.len());
    assert!(built.bytes.len() <= ALL_BUDGET_BYTES, "{} bytes are too many", built.bytes.len());
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn what_is_not_a_module_of_ours_is_refused() {
    assert!(trim(b"").is_err());
    assert!(trim(b"\0asm garbage").is_err());
    let empty = b"\0asm\x01\0\0\0";
    assert!(trim(empty).unwrap_err().to_string().contains("burgee.callbacks"));
}

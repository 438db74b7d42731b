//! Modules by hand, of which one sees what they do.

/// A module that adds one header to each answer, `x-module: VALUE`; `more` is what else it does, as text.
pub(crate) fn marking(value: &str, more: &str) -> Vec<u8> {
    let length = value.len();
    let text = format!(
        r#"(module
          (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
          (memory (export "memory") 1)
          (data (i32.const 16) "x-module")
          (data (i32.const 32) "{value}")
          (global $next (mut i32) (i32.const 1024))
          (func (export "proxy_abi_version_0_2_1"))
          (func (export "proxy_on_memory_allocate") (param $size i32) (result i32)
            (global.get $next)
            (global.set $next (i32.add (global.get $next) (local.get $size))))
          (func (export "proxy_on_context_create") (param i32 i32))
          {more}
          (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
            (drop (call $add (i32.const 2) (i32.const 16) (i32.const 8) (i32.const 32) (i32.const {length})))
            (i32.const 0)))"#
    );
    wat::parse_str(&text).expect("a module")
}

/// A module that counts connections, in a metric `seen_connections`.
pub(crate) fn counting() -> Vec<u8> {
    let text = r#"(module
        (import "env" "proxy_define_metric" (func $define (param i32 i32 i32 i32) (result i32)))
        (import "env" "proxy_increment_metric" (func $increment (param i32 i64) (result i32)))
        (memory (export "memory") 1)
        (global $counter (mut i32) (i32.const 0))
        (data (i32.const 16) "seen_connections")
        (func (export "proxy_abi_version_0_2_1"))
        (func (export "malloc") (param i32) (result i32) i32.const 4096)
        (func (export "proxy_on_context_create") (param i32 i32))
        (func (export "proxy_on_vm_start") (param i32 i32) (result i32) i32.const 1)
        (func (export "proxy_on_configure") (param i32 i32) (result i32)
            (drop (call $define (i32.const 0) (i32.const 16) (i32.const 16) (i32.const 8)))
            (global.set $counter (i32.load (i32.const 8)))
            i32.const 1)
        (func (export "proxy_on_new_connection") (param i32) (result i32)
            (drop (call $increment (global.get $counter) (i64.const 1)))
            i32.const 0))"#;
    wat::parse_str(text).expect("a module")
}

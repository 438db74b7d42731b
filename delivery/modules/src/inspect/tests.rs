//! What is said of modules: of one with a little of everything, and of what is no module.

use super::text::text;
use super::*;

/// A module with a little of everything.
fn module() -> Vec<u8> {
    wat::parse_str(
        r#"(module
            (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
            (import "env" "proxy_get_log_level" (func (param i64) (result i32)))
            (import "wasi_snapshot_preview1" "fd_readdir" (func (param i32 i32 i32 i64 i32) (result i32)))
            (import "wasi_snapshot_preview1" "proc_raise" (func (param i32) (result i32)))
            (memory (export "memory") 2 16)
            (table 3 funcref)
            (data (i32.const 0) "12345")
            (func (export "proxy_abi_version_0_2_1"))
            (func (export "malloc") (param i32) (result i32) (i32.const 1024))
            (func (export "proxy_on_log") (param i32) (drop (i8x16.splat (i32.const 1))))
            (func (export "proxy_on_done") (param i32) (result i32) (i32.const 1))
            (@custom "burgee.package" "{\"name\":\"some\"}")
            (@custom "other" "123"))"#,
    )
    .expect("a module")
}

#[test]
fn a_module_is_told_as_it_is() {
    let said = text(&inspect(&module()).expect("a module"));
    let mut lines = said.lines();
    assert!(lines.next().is_some_and(|line| line.starts_with("sha256      ") && line.len() == 76));
    let rest: Vec<&str> = lines.collect();
    let expected = "\
kind        core module, 354 bytes
ABI         proxy-wasm 0.2.1
functions   4, 22 bytes of code; 5 bytes of data
memory      128 KiB at first; at most 1 MiB
table       3 of funcref at first; at most as the host allows
uses        SIMD: Envoy 1.40 takes it
package     name: some

imports
  env
    proxy_log                            (i32, i32, i32) -> i32
    proxy_get_log_level                  (i64) -> i32  DOES NOT LOAD: Envoy has (i32) -> i32
  wasi_snapshot_preview1
    fd_readdir                           (i32, i32, i32, i64, i32) -> i32  WITHOUT EFFECT: Envoy answers ENOSYS
    proc_raise                           (i32) -> i32  DOES NOT LOAD: Envoy never has it

callbacks
  proxy_on_done                                4 bytes, does nothing
  proxy_on_log                                 7 bytes

other exports
  malloc                                 function (i32) -> i32
  memory                                 memory
  proxy_abi_version_0_2_1                function () -> ()

sections
  type                                        34 bytes
  import                                     115 bytes
  function                                     5 bytes
  table                                        4 bytes
  memory                                       4 bytes
  export                                      76 bytes
  code                                        23 bytes
  data                                        11 bytes
  burgee.package                              30 bytes  the package that it was built from
  other                                        9 bytes
  name                                        13 bytes  names of functions; nothing that runs";
    assert_eq!(rest, expected.lines().collect::<Vec<_>>(), "{said}");
}

#[test]
fn parts_of_webassembly_are_found_where_they_are_used() {
    for (text, expected) in [
        ("(memory 1)", &[][..]),
        ("(memory 1) (memory 1)", &["several memories"]),
        ("(memory i64 1)", &["memory of 64 bits"]),
        ("(memory 1 2 shared)", &["shared memory"]),
        ("(memory 1) (func (drop (i32.atomic.load (i32.const 0))))", &["atomic operations"]),
        ("(memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 1)))", &["bulk memory"]),
        ("(func (drop (i32.extend8_s (i32.const 0))))", &["sign extension"]),
        ("(func (drop (i32.trunc_sat_f32_s (f32.const 0))))", &["saturating conversions"]),
        ("(func (result i32 i32) (i32.const 0) (i32.const 0))", &["several results"]),
        ("(table 1 externref)", &["reference types"]),
        ("(func $f (return_call $f))", &["tail calls"]),
        ("(tag)", &["exceptions"]),
        ("(type (struct (field i32)))", &["garbage collection"]),
        ("(global i32 (i32.add (i32.const 1) (i32.const 2)))", &["extended constants"]),
    ] {
        let bytes = wat::parse_str(format!("(module {text})")).expect("a module");
        let found: Vec<_> =
            inspect(&bytes).expect("a module").features.iter().map(|feature| feature.name).collect();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn what_is_no_module_is_refused_with_what_it_is() {
    let beginning = |bytes: &[u8]| match inspect(bytes) {
        Err(InspectError::NotWasm { beginning }) => beginning,
        other => panic!("{other:?}"),
    };
    assert_eq!(beginning(b""), "nothing");
    assert_eq!(beginning(b"\x1f\x8b\x08\0rest of it"), "1f 8b 08 00");
    assert_eq!(inspect(b"\0asm\x0d\0\x01\0"), Err(InspectError::Component));
    assert_eq!(inspect(b"\0asm\x02\0\0\0"), Err(InspectError::OtherVersion(2)));
    let whole = module();
    for end in 8..whole.len() {
        match inspect(&whole[..end]) {
            // Between two sections a module may end.
            Ok(_) | Err(InspectError::Broken { .. }) => {}
            Err(other) => panic!("{end}: {other}"),
        }
    }
    assert!(matches!(inspect(&whole[..whole.len() - 1]), Err(InspectError::Broken { .. })));
    // Any byte may be another one: it is refused or told, and nothing else comes of it.
    for at in 8..whole.len() {
        let mut other = whole.clone();
        other[at] ^= 0xff;
        if let Ok(module) = inspect(&other) {
            assert!(text(&module).starts_with("sha256"));
            drop(crate::lint::lint(&module));
        }
    }
}

#[test]
fn what_fuzzers_start_from_is_told_or_refused() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fuzz/corpus/modules");
    let mut told = 0;
    for entry in std::fs::read_dir(folder).expect("the corpus") {
        let bytes = std::fs::read(entry.expect("an entry").path()).expect("an input");
        // Cut short and with other lengths, too.
        for end in 0..=bytes.len() {
            let mut input = bytes[..end].to_vec();
            for flip in [0, 0x01, 0x80, 0xff] {
                input.last_mut().into_iter().for_each(|last| *last ^= flip);
                if let Ok(module) = inspect(&input) {
                    drop(crate::lint::lint(&module));
                    assert!(!text(&module).is_empty());
                    told += 1;
                }
            }
        }
    }
    assert!(told > 10, "{told} were modules");
}

//! Modules that must not reach a proxy, each refused with its reason, and soon.

use super::*;

/// A module with this configuration callback, and what else it needs.
fn module(configure: &str, rest: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
            (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "environ_sizes_get" (func $variables (param i32 i32) (result i32)))
            (memory (export "memory") 2)
            (table $table 1 funcref)
            (data (i32.const 16) "no such tenant")
            (func (export "proxy_abi_version_0_2_1"))
            (func (export "malloc") (param i32) (result i32) (i32.const 1024))
            (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 0))
            (func $configure (export "proxy_on_configure") (param i32 i32) (result i32) {configure})
            {rest})"#
    );
    wat::parse_str(text).expect("a module")
}

fn refusal(bytes: &[u8], start: &Start) -> Refusal {
    let mut refusals = admit(bytes, start).expect_err("it is refused");
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    refusals.remove(0)
}

const SAYS_NO: &str = "(drop (call $log (i32.const 4) (i32.const 16) (i32.const 14))) (i32.const 0)";

#[test]
fn a_module_that_starts_is_admitted_with_what_it_has_and_wrote() {
    let bytes = module("(drop (call $log (i32.const 2) (i32.const 16) (i32.const 14))) (i32.const 1)", "");
    let admitted = admit(&bytes, &Start::default()).expect("it is admitted");
    assert_eq!(admitted.started.memory_bytes, 2 * 65536);
    assert_eq!(
        admitted.started.logs.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["info: no such tenant"]
    );
    let rules: Vec<_> = admitted.warnings.iter().map(|fault| fault.rule).collect();
    assert_eq!(rules, ["no-initializer", "empty-callback"]);
}

#[test]
fn what_refuses_or_ends_is_told_with_its_log_and_its_place() {
    let no = refusal(&module(SAYS_NO, ""), &Start::default());
    assert_eq!(no.rule, "configuration-refused");
    assert_eq!(no.logs.iter().map(ToString::to_string).collect::<Vec<_>>(), ["error: no such tenant"]);
    assert!(no.help.contains("none was given"), "{}", no.help);

    let vm = r#"(func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 0))"#;
    let start = Start { root_id: "other".to_owned(), ..Start::default() };
    let no = refusal(&module("(i32.const 1)", vm), &start);
    assert_eq!(no.rule, "vm-start-refused");
    assert!(no.help.contains("root id \"other\""), "{}", no.help);

    let trap = refusal(&module("(unreachable)", ""), &Start::default());
    assert_eq!(trap.rule, "trap");
    let trap = trap.trap.expect("a trap");
    assert_eq!(
        (trap.callback.as_str(), trap.frames[0].function.as_str()),
        ("proxy_on_configure", "configure")
    );
}

#[test]
fn a_hostile_module_ends_soon_and_takes_little() {
    let limits = Limits { instructions: 20_000_000, memory: 4 << 20, exchange: 1 << 20, ..Limits::default() };
    let start = Start { limits, ..Start::default() };
    let log = "(drop (call $log (i32.const 4) (i32.const 0) (i32.const 65536)))";
    let again = |body: &str| format!("(loop $l {body} (br $l)) (unreachable)");
    for (configure, reason) in [
        (again(""), "does not come to an end"),
        (again("(drop (memory.grow (i32.const 1)))"), "does not come to an end"),
        (again("(drop (table.grow $table (ref.null func) (i32.const 1000000)))"), "does not come to an end"),
        (again(log), "more than 1048576 bytes"),
        (again("(drop (call $log (i32.const 4) (i32.const 0) (i32.const 0)))"), "more than 1048576 bytes"),
        (again("(drop (call $variables (i32.const 0) (i32.const 8)))"), "more than 1048576 bytes"),
        ("(call $configure (local.get 0) (local.get 1))".to_owned(), "call stack exhausted"),
    ] {
        let refusal = refusal(&module(&configure, ""), &start);
        assert_eq!(refusal.rule, "trap", "{configure}");
        assert!(refusal.message.contains(reason), "{configure}: {}", refusal.message);
        let logged: usize = refusal.logs.iter().map(|line| line.message.len() + 64).sum();
        assert!(logged <= (64 << 10) + 256, "{configure}: {logged}");
    }
    let while_instantiated = module("(i32.const 1)", "(func $start (loop $l (br $l))) (start $start)");
    assert!(refusal(&while_instantiated, &start).message.contains("does not come to an end"));
}

#[test]
fn what_no_envoy_could_use_is_not_started() {
    let rules = |bytes: &[u8], kind: Kind| -> Vec<&str> {
        let start = Start { kind, ..Start::default() };
        let refusals = admit(bytes, &start).expect_err("it is refused");
        refusals.into_iter().map(|refusal| refusal.rule).collect()
    };
    assert_eq!(rules(b"", Kind::Http), ["not-a-module"]);
    assert_eq!(rules(b"\0asm\x0d\0\x01\0", Kind::Http), ["not-a-module"]);
    let whole = module("(i32.const 1)", "");
    for cut in [8, 9, 40, whole.len() - 1] {
        assert!(!rules(&whole[..cut], Kind::Http).is_empty(), "{cut}");
    }
    assert_eq!(rules(&whole, Kind::Network), ["wrong-kind"]);
    let import = wat::parse_str(r#"(module (import "env" "rest" (func)) (memory (export "memory") 1))"#)
        .expect("a module");
    assert_eq!(rules(&import, Kind::Http), ["no-abi", "no-allocator", "missing-import"]);
}

#[test]
fn a_module_has_the_variables_that_it_is_given_and_no_others() {
    // Its configuration is taken where it has one variable.
    let bytes = module("(drop (call $variables (i32.const 0) (i32.const 4))) (i32.load (i32.const 0))", "");
    assert_eq!(refusal(&bytes, &Start::default()).rule, "configuration-refused");
    let environment = vec![("TENANT".to_owned(), "acme".to_owned())];
    assert!(admit(&bytes, &Start { environment, ..Start::default() }).is_ok());
}

//! What every filter must stand, played to filters of ours, which stand it, to some with the plain SDK, which do not, and
//! for each rule to a module that breaks it.

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use burgee_filter_test::cases::{self, Located};
use burgee_filter_test::compliance::{self, NotTried, Options, RULES, RuleResult};
use burgee_filter_test::report;
use burgee_harness::Module;
use support::{cases, module};

fn try_all(folder: &Path) -> Vec<RuleResult> {
    // Much more time than it takes: what is tried must not depend on what else the machine does.
    let options = Options { time: Duration::from_secs(600), streams: 1_000, ..Options::default() };
    let results = compliance::run(&module(folder), &cases(&folder.join("tests")), &options);
    results.unwrap_or_else(|error| panic!("{error}"))
}

fn violated(results: &[RuleResult]) -> BTreeSet<&'static str> {
    results.iter().filter(|result| result.violation.is_some()).map(|result| result.rule.name).collect()
}

#[test]
fn our_filters_stand_everything() {
    for name in ["headers", "stats", "peer-metadata"] {
        let results = try_all(&support::ours(name));
        assert_eq!(violated(&results), BTreeSet::new(), "{name}:\n{}", report::rules(&results));
        assert!(results.iter().all(|result| result.is_complete && result.tried > 0), "{results:?}");
    }
}

/// The plain SDK ends the VM where a header that is read as text is none, and where a host call fails in a way that it
/// has no row for. Who reads headers as bytes stands the first.
#[test]
fn what_the_plain_sdk_does_not_stand_is_found() {
    for (name, expected) in [
        ("broker", &["host-calls"][..]),
        ("gatekeeper", &["header-bytes", "host-calls"]),
        ("journal", &["header-bytes", "host-calls"]),
        ("rewriter", &["host-calls"]),
        ("meter", &["host-calls"]),
    ] {
        let results = try_all(&support::stranger(name));
        let text = report::rules(&results);
        assert_eq!(violated(&results), expected.iter().copied().collect(), "{name}:\n{text}");
        for result in &results {
            let Some(violation) = &result.violation else { continue };
            assert!(violation.trap.is_some(), "{text}");
            // It is made small, and is a case that shows the same.
            assert!(violation.input.lines().count() < 10, "{text}");
            let source = format!("cases:\n{}", violation.input);
            let read = cases::read(&[burgee_api::document::Source::new("t.yaml", source)]);
            assert_eq!(read.problems, [], "{text}");
        }
        if expected.contains(&"header-bytes") {
            let logged = |line: &&burgee_harness::LogLine| line.to_string().contains("hostcalls.rs");
            let violation =
                results.first().and_then(|result| result.violation.as_ref()).expect("the first rule");
            assert!(violation.logs.iter().any(|line| logged(&line)), "the panic says where: {text}");
            assert!(text.contains("in get_http_request_header"), "names of functions: {text}");
            assert!(violation.input.contains("{hex: \"f"), "{text}");
        }
    }
}

/// A module that breaks a rule: globals and functions in the text format, beside what every module has.
fn breaking(rule: &str) -> &'static str {
    match rule {
        "header-bytes" => {
            r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
                (drop (call $get (i32.const 0) (i32.const 0) (i32.const 5) (i32.const 40) (i32.const 44)))
                (if (i32.ge_u (i32.load8_u (i32.load (i32.const 40))) (i32.const 128)) (then unreachable))
                (i32.const 0))"#
        }
        "header-shapes" => {
            r#"(func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
                (if (i32.gt_u (local.get 1) (i32.const 500)) (then unreachable)) (i32.const 0))"#
        }
        "body-chunks" => {
            r#"(func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
                (if (i32.gt_u (local.get 1) (i32.const 60000)) (then unreachable)) (i32.const 0))"#
        }
        "client-gone" => {
            r#"(global $seen (mut i32) (i32.const 0))
            (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
                (global.set $seen (i32.const 1)) (i32.const 0))
            (func (export "proxy_on_log") (param i32)
                (if (i32.eqz (global.get $seen)) (then unreachable)))"#
        }
        "callouts" => {
            r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
                (drop (call $ask (i32.const 5) (i32.const 1) (i32.const 64) (i32.const 61) (i32.const 0) (i32.const 0)
                    (i32.const 0) (i32.const 0) (i32.const 1000) (i32.const 40)))
                (i32.const 0))
            (func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32)
                (if (i32.eqz (local.get 2)) (then unreachable)))"#
        }
        "time" => {
            r#"(func (export "proxy_on_vm_start") (param i32 i32) (result i32)
                (drop (call $ticks (i32.const 1000))) (i32.const 1))
            (func (export "proxy_on_tick") (param i32) unreachable)"#
        }
        "properties" => {
            r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
                (if (call $property (i32.const 16) (i32.const 12) (i32.const 40) (i32.const 44)) (then unreachable))
                (i32.const 0))"#
        }
        "host-calls" => {
            r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
                (if (call $log (i32.const 2) (i32.const 0) (i32.const 5)) (then unreachable)) (i32.const 0))"#
        }
        "configuration" => {
            r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
                (if (i32.gt_u (local.get 1) (i32.const 1000)) (then unreachable)) (i32.const 1))"#
        }
        "interleaving" => {
            r#"(global $open (mut i32) (i32.const 0))
            (func (export "proxy_on_context_create") (param i32 i32)
                (if (local.get 1) (then (global.set $open (i32.add (global.get $open) (i32.const 1)))))
                (if (i32.gt_u (global.get $open) (i32.const 1)) (then unreachable)))
            (func (export "proxy_on_delete") (param i32)
                (global.set $open (i32.sub (global.get $open) (i32.const 1))))"#
        }
        "memory" => {
            r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
                (drop (memory.grow (i32.const 1))) (i32.const 0))"#
        }
        other => panic!("{other} is new: write a module that breaks it"),
    }
}

/// Three headers, as a callout has them in the ABI's form.
const HEADERS: &str = r"\03\00\00\00\07\00\00\00\03\00\00\00\05\00\00\00\01\00\00\00\0a\00\00\00\01\00\00\00:method\00GET\00:path\00/\00:authority\00a\00";

fn load(functions: &str) -> Module {
    let text = format!(
        r#"(module
        (import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
        (import "env" "proxy_get_property" (func $property (param i32 i32 i32 i32) (result i32)))
        (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
        (import "env" "proxy_set_tick_period_milliseconds" (func $ticks (param i32) (result i32)))
        (import "env" "proxy_http_call"
            (func $ask (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 8)
        (data (i32.const 0) ":patha")
        (data (i32.const 16) "request\00path")
        (data (i32.const 64) "{HEADERS}")
        (func (export "proxy_abi_version_0_2_1"))
        (func (export "malloc") (param i32) (result i32) (i32.const 1024))
        {functions})"#
    );
    Module::load(&wat::parse_str(text).expect("a module")).unwrap_or_else(|error| panic!("{error}"))
}

fn plain_cases() -> Vec<Located> {
    let text = "cases:\n- name: a request\n  clusters: [a]\n  steps: [{request: {}}, {response: {}}]\n";
    cases::read(&[burgee_api::document::Source::new("t.yaml", text)]).cases
}

#[test]
fn every_rule_finds_a_filter_that_breaks_it() {
    for rule in RULES {
        let options = Options {
            rules: vec![rule.name.to_owned()],
            streams: 1_000,
            time: Duration::from_secs(600),
            ..Options::default()
        };
        let try_with =
            |module: &Module| compliance::run(module, &plain_cases(), &options).expect("it starts");
        let module = load(breaking(rule.name));
        let (first, again) = (try_with(&module), try_with(&module));
        let found = report::rules(&first);
        assert!(first[0].violation.is_some(), "{found}");
        assert_eq!(found, report::rules(&again), "the same is found in each run");
        // What does nothing stands it.
        let good = try_with(&load(""));
        assert!(good[0].violation.is_none() && good[0].tried > 0, "{}", report::rules(&good));
    }
}

#[test]
fn a_loop_without_end_is_found() {
    let module = load(
        r#"(func (export "proxy_on_request_trailers") (param i32 i32) (result i32) (loop (br 0)) (i32.const 0))"#,
    );
    let mut options = Options { rules: vec!["client-gone".to_owned()], ..Options::default() };
    options.limits.fuel = Some(1_000_000);
    let results = compliance::run(&module, &[], &options).expect("it starts");
    let violation = results[0].violation.as_ref().expect("it is found");
    assert!(violation.what.contains("does not come to an end"), "{}", violation.what);
}

#[test]
fn what_cannot_be_tried_says_why() {
    let refusing = load(r#"(func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 0))"#);
    let Err(NotTried::DoesNotStart(why)) = compliance::run(&refusing, &[], &Options::default()) else {
        panic!("it does not start");
    };
    assert!(why.contains("refuses its configuration"), "{why}");
    let options = Options { rules: vec!["luck".to_owned()], ..Options::default() };
    let unknown = compliance::run(&load(""), &[], &options).err();
    assert_eq!(unknown, Some(NotTried::NoSuchRule("luck".to_owned())));
}

//! Whatever a text of cases holds it is read without a fault, and whatever happens to our filters they go on.

mod support;

use std::fs;

use burgee_api::document::Source;
use burgee_filter_test::anything::{Configuration, Filter, OURS, play};
use burgee_filter_test::cases;
use burgee_harness::Module;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "(cases:\n- name: a\n  )?[-a-z{}\\[\\]:,\"'&*!|> \n0-9\u{e9}]{0,80}") {
        let lines = text.split(['\n', '\r']).count();
        for problem in cases::read(&[Source::new("t.yaml", text)]).problems {
            let place = problem.place.as_ref().expect("a place");
            prop_assert!((1..=lines + 1).contains(&place.line) && place.column > 0, "{}", problem);
        }
    }
}

#[test]
fn whatever_happens_our_filters_go_on() {
    for filter in OURS {
        let module = support::module(&support::ours(filter.name));
        proptest!(ProptestConfig::with_cases(256), |(bytes in prop::collection::vec(any::<u8>(), 0..600))| {
            prop_assert_eq!(play(&module, filter, &bytes), Ok(()));
        });
    }
}

#[test]
fn what_fuzzers_found_does_no_harm() {
    let modules: Vec<Module> =
        OURS.iter().map(|filter| support::module(&support::ours(filter.name))).collect();
    let corpus = burgee_tests::workspace().join("tests/fuzz/corpus/filters");
    let mut count = 0;
    for entry in fs::read_dir(&corpus).expect("inputs") {
        let path = entry.expect("an input").path();
        let bytes = fs::read(&path).expect("an input can be read");
        let Some((which, rest)) = bytes.split_first() else { continue };
        let which = usize::from(*which) % OURS.len();
        assert_eq!(play(&modules[which], &OURS[which], rest), Ok(()), "{}", path.display());
        count += 1;
    }
    assert!(count > 3, "there are {count} inputs");
}

/// A module that adds up what it is told: what each filter must not do is found in one that does it.
fn module(text: &str) -> Module {
    let text = format!(
        r#"(module
        (import "env" "proxy_send_local_response"
            (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
        (import "env" "proxy_remove_header_map_value" (func $remove (param i32 i32 i32) (result i32)))
        (import "env" "proxy_set_buffer_bytes" (func $set_body (param i32 i32 i32 i32 i32) (result i32)))
        (import "env" "proxy_define_metric" (func $define (param i32 i32 i32 i32) (result i32)))
        (import "env" "proxy_increment_metric" (func $add (param i32 i64) (result i32)))
        (memory (export "memory") 2)
        (data (i32.const 0) ":path")
        (data (i32.const 8) "requests_total")
        (func (export "proxy_abi_version_0_2_1"))
        (func (export "malloc") (param i32) (result i32) (i32.const 65536))
        {text})"#
    );
    Module::load(&wat::parse_str(&text).expect("a module")).expect("it loads")
}

/// What is found of such a module.
fn found(text: &str) -> Option<String> {
    const PLAIN: &[Configuration] = &[Configuration { text: "", changes: &[] }];
    let filter = Filter { name: "made", configurations: PLAIN, counts_streams: Some("requests_total") };
    let module = module(text);
    let mut runner = TestRunner::deterministic();
    let bytes = prop::collection::vec(any::<u8>(), 0..200);
    (0..400).find_map(|_| {
        let bytes = bytes.new_tree(&mut runner).expect("bytes").current();
        play(&module, &filter, &bytes).err()
    })
}

fn assert_found(text: &str, expected: &str) {
    let found = found(text);
    assert!(found.as_ref().is_some_and(|what| what.contains(expected)), "{expected}: {found:?}");
}

/// A callback for the headers of requests.
fn at_headers(does: &str) -> String {
    format!(
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) {does} (i32.const 0))"#
    )
}

/// A callback for configurations.
fn at_configuration(does: &str) -> String {
    format!(r#"(func (export "proxy_on_configure") (param i32 i32) (result i32) {does} (i32.const 1))"#)
}

#[test]
fn nothing_is_found_of_a_filter_that_does_nothing() {
    assert_eq!(found(""), None);
}

#[test]
fn a_filter_that_does_not_start_is_found() {
    assert_found(&at_configuration("(unreachable)"), "it does not start");
}

#[test]
fn a_filter_that_traps_is_found() {
    assert_found(&at_headers("(unreachable)"), "unreachable");
    assert_found(r#"(func (export "proxy_on_delete") (param i32) (unreachable))"#, "unreachable");
}

#[test]
fn a_filter_that_goes_on_without_end_is_found() {
    assert_found(&at_headers("(loop (br 0))"), "out of fuel");
}

#[test]
fn memory_that_grows_with_streams_is_found() {
    assert_found(&at_headers("(drop (memory.grow (i32.const 1)))"), "its memory grew");
}

#[test]
fn a_header_that_is_lost_is_found() {
    let remove = "(drop (call $remove (i32.const 0) (i32.const 0) (i32.const 5)))";
    assert_found(&at_headers(remove), "of the request: headers");
}

#[test]
fn a_body_that_is_lost_is_found() {
    for (callback, buffer, whose) in
        [("proxy_on_request_body", 0, "request"), ("proxy_on_response_body", 1, "response")]
    {
        assert_found(
            &format!(
                r#"(func (export "{callback}") (param i32 i32 i32) (result i32)
                (drop (call $set_body (i32.const {buffer}) (i32.const 0) (i32.const -1) (i32.const 0) (i32.const 1)))
                (i32.const 0))"#
            ),
            &format!("of the {whose}: "),
        );
    }
}

#[test]
fn an_answer_that_nobody_asked_for_is_found() {
    let reply = "(drop (call $reply (i32.const 418) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
        (i32.const 0) (i32.const -1)))";
    assert_found(&at_headers(reply), "it answered with 418");
}

/// Defines a counter, whose number is then at 32.
const DEFINE: &str = "(drop (call $define (i32.const 0) (i32.const 8) (i32.const 14) (i32.const 32)))";

#[test]
fn a_stream_that_is_counted_twice_is_found() {
    let count = r#"(func (export "proxy_on_log") (param i32)
        (drop (call $add (i32.load (i32.const 32)) (i64.const 2))))"#;
    assert_found(&(at_configuration(DEFINE) + count), "streams are counted");
    assert_eq!(found(&(at_configuration(DEFINE) + &count.replace("i64.const 2", "i64.const 1"))), None);
}

#[test]
fn a_metric_that_is_defined_for_each_stream_is_found() {
    assert_found(&at_headers(DEFINE), "definitions of");
}

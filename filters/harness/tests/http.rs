//! HTTP streams: what waits, what goes on, what a module makes itself.

mod support;

use burgee_harness::{EndOfStream, HttpStream, Outcome, Settings};
use support::{said, start, start_with};

const GET: [(&str, &str); 3] = [(":method", "GET"), (":path", "/a?b=c"), (":authority", "host")];
const OK: [(&str, &str); 1] = [(":status", "200")];

fn upstream_body(stream: &HttpStream) -> String {
    String::from_utf8(stream.upstream().map(|message| message.body).unwrap_or_default()).unwrap()
}

#[test]
fn without_callbacks_everything_goes_by() {
    let vm = start("");
    let stream = vm.http();
    assert_eq!(stream.request_headers(GET, EndOfStream::No), Outcome::Continue);
    assert_eq!(stream.request_body("ab", EndOfStream::No), Outcome::Continue);
    assert_eq!(stream.request_body("c", EndOfStream::No), Outcome::Continue);
    assert_eq!(stream.request_trailers([("x-t", "1")]), Outcome::Continue);
    assert_eq!(stream.response_headers(OK, EndOfStream::No), Outcome::Continue);
    assert_eq!(stream.response_body("d", EndOfStream::Yes), Outcome::Continue);
    let finished = stream.finish();
    let (upstream, client) = (finished.upstream.unwrap(), finished.client.unwrap());
    assert_eq!(upstream.body, b"abc");
    assert_eq!(upstream.trailers, Some(vec![(b"x-t".to_vec(), b"1".to_vec())]));
    assert!(upstream.is_complete && client.is_complete && !finished.is_reset);
    assert_eq!(client.body, b"d");
}

/// Pauses the headers, and goes on when it ticks.
const PAUSES: &str = r#"
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 1))
    (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
        (call $show (local.get 1)) (call $show (local.get 2)) (i32.const 0))
    (func (export "proxy_on_request_trailers") (param i32 i32) (result i32)
        (call $show (local.get 1)) (i32.const 0))
    (func (export "proxy_on_tick") (param i32)
        (drop (call $become (i32.const 2)))
        (drop (call $continue (i32.const 0))))
"#;

#[test]
fn behind_paused_headers_all_waits_and_comes_at_once() {
    let vm = start(PAUSES);
    let stream = vm.http();
    assert_eq!(stream.request_headers(GET, EndOfStream::No), Outcome::Pause);
    assert_eq!(stream.request_body("ab", EndOfStream::No), Outcome::Pause);
    assert_eq!(stream.request_body("cd", EndOfStream::No), Outcome::Pause);
    assert_eq!(stream.request_trailers([("x-t", "1")]), Outcome::Pause);
    assert_eq!((said(&vm), stream.upstream()), (Vec::<String>::new(), None));
    vm.tick();
    // Four bytes, with trailers behind them; then the trailers.
    assert_eq!(said(&vm), ["4", "0", "1"]);
    let upstream = stream.upstream().unwrap();
    assert_eq!((upstream.body.as_slice(), upstream.is_complete), (&b"abcd"[..], true));
    assert!(upstream.trailers.is_some());
}

#[test]
fn a_request_without_a_body_goes_on_as_it_was() {
    let vm = start(PAUSES);
    let stream = vm.http();
    stream.request_headers(GET, EndOfStream::Yes);
    assert_eq!(stream.upstream(), None);
    vm.tick();
    assert!(stream.upstream().unwrap().is_complete);
    assert!(said(&vm).is_empty());
}

/// Answers pieces of a body with what the first byte of the plugin's configuration says, until the last one.
fn body_filter(answer: u8) -> String {
    format!(
        r#"(func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
            (call $show (local.get 1))
            (if (result i32) (local.get 2) (then (i32.const 0)) (else (i32.const {answer}))))"#
    )
}

#[test]
fn a_buffered_body_is_shown_as_a_whole_and_a_watermarked_one_piece_by_piece() {
    for (answer, sizes, body) in [
        (0, ["2", "1", "1"], "abcd"),
        (1, ["2", "3", "4"], "abcd"),
        (2, ["2", "1", "1"], "abcd"),
        // Neither buffered nor gone on: it is lost.
        (3, ["2", "1", "1"], "d"),
    ] {
        let vm = start(&body_filter(answer));
        let stream = vm.http();
        stream.request_headers(GET, EndOfStream::No);
        stream.request_body("ab", EndOfStream::No);
        stream.request_body("c", EndOfStream::No);
        stream.request_body("d", EndOfStream::Yes);
        assert_eq!(said(&vm), sizes, "{answer}");
        assert_eq!(upstream_body(&stream), body, "{answer}");
        assert!(stream.upstream().unwrap().is_complete, "{answer}");
    }
}

#[test]
fn bytes_are_put_in_front_and_at_the_end_and_everything_can_be_replaced() {
    for (start_at, size, expected) in [
        (0, 0, "XYabc"),
        (3, 0, "abcXY"),
        (9, 9, "abcXY"),
        (0, 3, "XY"),
        (0, 9, "XY"),
        (1, 1, "abc"),
        (0, 2, "abc"),
    ] {
        let vm = start(&format!(
            r#"(data (i32.const 0) "XY")
            (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
                (call $show (call $set_buffer
                    (i32.const 0) (i32.const {start_at}) (i32.const {size}) (i32.const 0) (i32.const 2)))
                (i32.const 0))"#
        ));
        let stream = vm.http();
        stream.request_headers(GET, EndOfStream::No);
        stream.request_body("abc", EndOfStream::Yes);
        assert_eq!(upstream_body(&stream), expected, "{start_at} {size}");
        let status = if expected == "abc" { "2" } else { "0" };
        assert_eq!(said(&vm), [status], "{start_at} {size}");
    }
}

/// Answers itself: in the phase whose callback this is.
fn replies_in(callback: &str, parameters: &str) -> String {
    format!(
        r#"(data (i32.const 0) "no")
        (func (export "{callback}") (param {parameters}) (result i32)
            (call $show (call $reply (i32.const 403) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 2)
                (i32.const 0) (i32.const 0) (i32.const -1)))
            (i32.const 0))"#
    )
}

#[test]
fn an_answer_in_the_request_s_phase_comes_back_through_the_module() {
    let vm = start(&format!(
        "{} {}",
        replies_in("proxy_on_request_headers", "i32 i32 i32"),
        r#"(data (i32.const 8) "x-markyes")
        (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
            (call $show (local.get 2))
            (drop (call $set_header (i32.const 2) (i32.const 8) (i32.const 6) (i32.const 14) (i32.const 3)))
            (i32.const 0))
        (func (export "proxy_on_response_body") (param i32 i32 i32) (result i32)
            (call $show (local.get 1)) (call $show (local.get 2)) (i32.const 0))"#
    ));
    let stream = vm.http();
    let outcome = stream.request_headers(GET, EndOfStream::Yes);
    let Outcome::Reply(reply) = outcome else { panic!("{outcome:?}") };
    assert_eq!((reply.status, reply.body.as_slice(), reply.grpc_status), (403, &b"no"[..], None));
    assert_eq!(said(&vm), ["0", "0", "2", "1"]);
    let client = stream.client().unwrap();
    assert_eq!(client.header(":status").as_deref(), Some("403"));
    assert_eq!(client.header("x-mark").as_deref(), Some("yes"));
    assert_eq!((client.body.as_slice(), client.is_complete), (&b"no"[..], true));
    assert_eq!(stream.request_body("late", EndOfStream::Yes), Outcome::Skipped);
    let finished = stream.finish();
    assert_eq!((finished.upstream, finished.reply.map(|reply| reply.status)), (None, Some(403)));
}

#[test]
fn an_answer_in_the_response_s_phase_takes_its_place_and_goes_past_the_module() {
    let vm = start(&replies_in("proxy_on_response_headers", "i32 i32 i32"));
    let stream = vm.http();
    stream.request_headers(GET, EndOfStream::Yes);
    assert!(matches!(stream.response_headers(OK, EndOfStream::No), Outcome::Reply(_)));
    assert_eq!(said(&vm), ["0"], "the callback is not called again");
    assert_eq!(stream.response_body("theirs", EndOfStream::Yes), Outcome::Skipped);
    let client = stream.finish().client.unwrap();
    assert_eq!((client.header(":status").as_deref(), client.body.as_slice()), (Some("403"), &b"no"[..]));
}

#[test]
fn an_answer_behind_headers_that_are_gone_resets_the_stream() {
    let vm = start(&replies_in("proxy_on_response_body", "i32 i32 i32"));
    let stream = vm.http();
    stream.request_headers(GET, EndOfStream::Yes);
    stream.response_headers(OK, EndOfStream::No);
    assert_eq!(stream.response_body("theirs", EndOfStream::Yes), Outcome::Reset);
    assert!(stream.finish().is_reset);
}

#[test]
fn headers_are_there_from_their_phase_on_until_the_stream_goes_on_and_in_the_log() {
    // The first header's value of each map, asked for in each phase.
    let ask = r#"(func $ask (result i32)
            (call $show (call $get_header (i32.const 0) (i32.const 0) (i32.const 5) (i32.const 64) (i32.const 68)))
            (call $show (call $get_header (i32.const 2) (i32.const 8) (i32.const 7) (i32.const 64) (i32.const 68)))
            (i32.const 0))
        (data (i32.const 0) ":path")
        (data (i32.const 8) ":status")
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (call $ask))
        (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) (call $ask))
        (func (export "proxy_on_log") (param i32) (drop (call $ask)))
        (func (export "proxy_on_done") (param i32) (result i32) (call $ask))"#;
    let vm = start(ask);
    let stream = vm.http();
    stream.request_headers(GET, EndOfStream::Yes);
    assert_eq!(said(&vm), ["0", "2"]);
    stream.response_headers(OK, EndOfStream::Yes);
    assert_eq!(said(&vm), ["2", "0"]);
    stream.finish();
    assert_eq!(said(&vm), ["0", "0", "2", "2"]);
}

#[test]
fn streams_are_played_side_by_side() {
    let vm = start(PAUSES);
    let (first, second) = (vm.http(), vm.http());
    assert_eq!((first.context_id(), second.context_id()), (2, 3));
    first.request_headers(GET, EndOfStream::Yes);
    second.request_headers(GET, EndOfStream::Yes);
    vm.tick();
    assert!(first.upstream().is_some() && second.upstream().is_none());
    second.finish();
    assert!(first.upstream().is_some());
}

#[test]
fn attributes_are_what_the_test_says_or_what_the_stream_is() {
    let vm = start_with(
        r#"(data (i32.const 0) "request\00path" "xds\00cluster_name" "plugin_name")
        (func $get (param $path i32) (param $size i32)
            (call $show (call $get_property (local.get $path) (local.get $size) (i32.const 64) (i32.const 68)))
            (call $say (i32.load (i32.const 64)) (i32.load (i32.const 68))))
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (call $get (i32.const 0) (i32.const 12))
            (call $get (i32.const 12) (i32.const 16))
            (call $get (i32.const 28) (i32.const 11))
            (i32.const 0))"#,
        &Settings::new().plugin_name("mine").property("xds.cluster_name", "one"),
    );
    vm.http().request_headers(GET, EndOfStream::Yes);
    assert_eq!(said(&vm), ["0", "/a?b=c", "0", "one", "0", "mine"]);

    let stream = vm.http();
    stream.set_property("xds.cluster_name", "two");
    stream.remove_property("request.path");
    stream.request_headers(GET, EndOfStream::Yes);
    assert_eq!(said(&vm), ["1", "mine", "0", "two", "0", "mine"]);

    vm.remove_property("");
    vm.http().request_headers(GET, EndOfStream::Yes);
    assert_eq!(said(&vm)[..2], ["1", "mine"], "nothing is written where there is nothing");
}

/// Makes a call in a callback, and gives a number there.
fn calls_in(callback: &str, parameters: &str, call: &str, gives: u8) -> String {
    format!(
        r#"(data (i32.const 0) "a b")
        (func (export "{callback}") (param {parameters}) (result i32) (drop {call}) (i32.const {gives}))"#
    )
}

const CONTINUE_REQUEST: &str = "(call $continue (i32.const 0))";
const CONTINUE_RESPONSE: &str = "(call $continue (i32.const 1))";
const CLOSE: &str = "(call $close (i32.const 0))";

fn reply(status: u32) -> String {
    format!(
        "(call $reply (i32.const {status}) (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0)
            (i32.const 0) (i32.const -1))"
    )
}

#[test]
fn who_goes_on_within_a_callback_and_then_pauses_has_gone_on_and_pauses() {
    let vm = start(&calls_in("proxy_on_request_headers", "i32 i32 i32", CONTINUE_REQUEST, 1));
    let stream = vm.http();
    assert_eq!(stream.request_headers(GET, EndOfStream::No), Outcome::Pause);
    assert_eq!(stream.request_body("abc", EndOfStream::Yes), Outcome::Pause);
    let upstream = stream.upstream().unwrap();
    assert_eq!((upstream.body.as_slice(), upstream.is_complete), (&b""[..], false));

    let vm = start(&calls_in("proxy_on_request_body", "i32 i32 i32", CONTINUE_REQUEST, 1));
    let stream = vm.http();
    stream.request_headers(GET, EndOfStream::No);
    assert_eq!(stream.request_body("abc", EndOfStream::No), Outcome::Pause);
    assert_eq!(stream.request_body("de", EndOfStream::No), Outcome::Pause);
    stream.request_trailers([("x-t", "1")]);
    assert_eq!(upstream_body(&stream), "abcde");
}

#[test]
fn an_answer_has_a_status_of_16_bits_and_details_without_spaces() {
    for (given, status) in [(403, 403), (0, 0), (99_999, 34_463)] {
        let vm = start(&calls_in("proxy_on_request_headers", "i32 i32 i32", &reply(given), 1));
        let stream = vm.http();
        stream.request_headers(GET, EndOfStream::Yes);
        let reply = stream.reply().unwrap();
        assert_eq!((reply.status, reply.details.as_slice()), (status, &b"a_b"[..]));
    }
}

#[test]
fn what_crashes_envoy_ends_the_module_and_says_so() {
    for (callback, parameters, call) in [
        ("proxy_on_done", "i32", reply(403).as_str()),
        ("proxy_on_done", "i32", CLOSE),
        ("proxy_on_request_headers", "i32 i32 i32", CONTINUE_RESPONSE),
    ] {
        let vm = start(&calls_in(callback, parameters, call, 0));
        let stream = vm.http();
        stream.request_headers(GET, EndOfStream::Yes);
        stream.response_headers(OK, EndOfStream::Yes);
        stream.finish();
        let trap = vm.trap().unwrap();
        assert!(trap.reason.contains("the whole Envoy crashes"), "{trap}");
    }
    for call in [CONTINUE_REQUEST, CONTINUE_RESPONSE] {
        let vm = start(&calls_in("proxy_on_done", "i32", call, 0));
        let stream = vm.http();
        stream.request_headers(GET, EndOfStream::Yes);
        stream.response_headers(OK, EndOfStream::Yes);
        stream.finish();
        assert_eq!(vm.trap(), None, "{call}");
    }
}

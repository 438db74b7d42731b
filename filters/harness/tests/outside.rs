//! What a module does beside its streams: calls, ticks, queues, functions of the host.

mod support;

use burgee_harness::{Answer, EndOfStream, Outcome, Request, Settings, Shared, Status};
use support::{said, start, start_with};

const GET: [(&str, &str); 2] = [(":method", "GET"), (":path", "/")];

/// Pauses a request until a call to a cluster is answered with 200; else answers 403.
const ASKS: &str = r#"
    (data (i32.const 0) "authority" ":status")
    (data (i32.const 100)
        "\03\00\00\00\05\00\00\00\01\00\00\00\07\00\00\00\03\00\00\00\0a\00\00\00\01\00\00\00:path\00/\00:method\00GET\00:authority\00h\00")
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (call $show (call $http_call (i32.const 0) (i32.const 9) (i32.const 100) (i32.const 61)
            (i32.const 0) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 1000) (i32.const 60)))
        (i32.const 1))
    (func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32)
        (call $show (local.get 2)) (call $show (local.get 3))
        (drop (call $get_header (i32.const 6) (i32.const 9) (i32.const 7) (i32.const 64) (i32.const 68)))
        (drop (call $become (i32.const 2)))
        (if (i32.eq (i32.load8_u (i32.load (i32.const 64))) (i32.const 50))
            (then (drop (call $continue (i32.const 0))))
            (else (drop (call $reply (i32.const 403) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
                (i32.const 0) (i32.const 0) (i32.const -1))))))
"#;

#[test]
fn a_call_waits_for_its_answer_and_the_request_for_the_call() {
    let vm = start_with(ASKS, &Settings::new().cluster("authority"));
    let stream = vm.http();
    assert_eq!(stream.request_headers(GET, EndOfStream::Yes), Outcome::Pause);
    let callouts = vm.callouts();
    assert_eq!((callouts[0].cluster.as_str(), callouts[0].context), ("authority", 2));
    let Request::Http(request) = &callouts[0].request else { panic!("{callouts:?}") };
    assert_eq!(request.body, b"au");
    assert_eq!(request.header("content-length").as_deref(), Some("2"));
    let token = callouts[0].token;
    vm.answer(token, &Answer::status(200).header("a", "b").body("xyz")).unwrap();
    assert_eq!(said(&vm), ["0", "2", "3"]);
    assert!(stream.upstream().unwrap().is_complete);
    assert!(vm.callouts().is_empty());
    assert!(vm.answer(token, &Answer::status(200)).is_err());
}

#[test]
fn an_answer_can_be_another_or_never_come() {
    let vm = start_with(ASKS, &Settings::new().cluster("authority"));
    let stream = vm.http();
    stream.request_headers(GET, EndOfStream::Yes);
    vm.advance(999);
    assert_eq!(vm.callouts().len(), 1);
    vm.advance(1);
    assert!(vm.callouts().is_empty(), "its time is up");
    let said = said(&vm);
    assert_eq!(said[..2], ["0", "3"], "of 504 there are three headers");
    assert_eq!(stream.reply().unwrap().status, 403);
    assert_eq!(stream.client().unwrap().header(":status").as_deref(), Some("403"));
}

#[test]
fn a_cluster_that_is_not_there_refuses_the_call() {
    let vm = start(ASKS);
    vm.http().request_headers(GET, EndOfStream::Yes);
    assert_eq!(said(&vm), ["2"]);
    assert!(vm.callouts().is_empty());
}

#[test]
fn ticks_come_when_the_clock_is_moved() {
    let vm = start(
        r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
            (drop (call $set_tick (i32.const 100))) (i32.const 1))
        (func (export "proxy_on_tick") (param i32) (call $show (i32.const 1)))"#,
    );
    assert_eq!(vm.tick_period(), Some(100));
    vm.advance(99);
    assert!(said(&vm).is_empty());
    vm.advance(201);
    assert_eq!(said(&vm).len(), 3);
}

#[test]
fn a_queue_tells_who_registered_it() {
    let shared = Shared::new();
    let vm = start_with(
        r#"(data (i32.const 0) "queue" "item")
        (func (export "proxy_on_configure") (param i32 i32) (result i32)
            (drop (call $register (i32.const 0) (i32.const 5) (i32.const 60))) (i32.const 1))
        (func (export "proxy_on_log") (param i32)
            (call $show (call $enqueue (i32.load (i32.const 60)) (i32.const 5) (i32.const 4)))
            (call $show (i32.const 8)))
        (func (export "proxy_on_queue_ready") (param i32 i32) (call $show (local.get 0)) (call $show (local.get 1)))"#,
        &Settings::new().vm_id("vm").shared(&shared),
    );
    vm.http().finish();
    assert_eq!(said(&vm), ["0", "8", "1", "1"], "the callback comes when the other has returned");
}

#[test]
fn a_queue_that_fills_itself_and_a_call_that_fails_at_once_come_to_an_end() {
    let vm = start(
        r#"(data (i32.const 0) "queue")
        (func (export "proxy_on_configure") (param i32 i32) (result i32)
            (drop (call $register (i32.const 0) (i32.const 5) (i32.const 60)))
            (drop (call $enqueue (i32.load (i32.const 60)) (i32.const 0) (i32.const 5))) (i32.const 1))
        (func (export "proxy_on_queue_ready") (param i32 i32)
            (call $show (i32.const 1))
            (drop (call $enqueue (local.get 1) (i32.const 0) (i32.const 5))))"#,
    );
    assert_eq!(said(&vm), ["1"]);
    vm.tick();
    assert_eq!(said(&vm), ["1"]);

    let vm = start(
        r#"(import "env" "proxy_grpc_call"
            (func $grpc (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
        (data (i32.const 0) "\0a\04\0a\02no")
        (func $ask (drop (call $grpc (i32.const 0) (i32.const 6) (i32.const 0) (i32.const 0) (i32.const 0)
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 60))))
        (func (export "proxy_on_log") (param i32) (call $ask))
        (func (export "proxy_on_grpc_close") (param i32 i32 i32) (call $ask))"#,
    );
    let trap = vm.http().finish().trap.unwrap();
    assert!(trap.reason.contains("without end"), "{trap}");
}

/// Calls a function of the host by the name in the plugin's configuration, with what is behind a space there.
fn foreign(name: &str, argument: &str) -> String {
    format!(
        r#"(data (i32.const 0) "{name}") (data (i32.const 512) "{argument}")
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (call $show (call $foreign (i32.const 0) (i32.const {}) (i32.const 512) (i32.const {})
                (i32.const 64) (i32.const 68)))
            (call $say (i32.load (i32.const 64)) (i32.load (i32.const 68)))
            (i32.const 0))"#,
        name.len(),
        argument.len(),
    )
}

#[test]
fn functions_of_the_host_are_envoy_s_and_the_test_s() {
    let vm = start(&foreign("mine", "abc"));
    vm.foreign_function("mine", |argument| Ok([argument, b"!"].concat()));
    vm.http().request_headers(GET, EndOfStream::Yes);
    assert_eq!(said(&vm), ["0", "abc!"]);
    vm.foreign_function("mine", |_| Err(Status::ParseFailure));
    vm.http().request_headers(GET, EndOfStream::Yes);
    assert_eq!(said(&vm), ["4", ""]);

    let vm = start(&foreign("nobodys", ""));
    vm.http().request_headers(GET, EndOfStream::Yes);
    assert_eq!(said(&vm)[0], "1");

    let vm = start(&foreign("clear_route_cache", ""));
    let stream = vm.http();
    stream.request_headers(GET, EndOfStream::Yes);
    assert_eq!(stream.route_cache_cleared(), 1);
}

#[test]
fn a_property_is_declared_once_and_only_by_a_message() {
    let declare = r#"(call $show (call $foreign (i32.const 0) (i32.const 16) (i32.const 512) (i32.const 3)
        (i32.const 64) (i32.const 68)))"#;
    let vm = start(&format!(
        r#"(data (i32.const 0) "declare_property") (data (i32.const 512) "\0a\01p")
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            {declare} {declare} (i32.store8 (i32.const 514) (i32.const 113)) {declare}
            (i32.store8 (i32.const 512) (i32.const 255)) {declare} (i32.const 0))"#
    ));
    vm.http().request_headers(GET, EndOfStream::Yes);
    assert_eq!(said(&vm), ["0", "2", "0", "2"]);
}

/// Creates an expression, and evaluates it for each request.
fn expression(text: &str) -> String {
    let text = text.replace('"', "\\\"");
    format!(
        r#"(data (i32.const 0) "expr_create" "expr_evaluate") (data (i32.const 512) "{text}")
        (func (export "proxy_on_configure") (param i32 i32) (result i32)
            (call $show (call $foreign (i32.const 0) (i32.const 11) (i32.const 512) (i32.const {})
                (i32.const 64) (i32.const 68)))
            (i32.const 1))
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (call $show (call $foreign (i32.const 11) (i32.const 13) (i32.load (i32.const 64)) (i32.const 4)
                (i32.const 72) (i32.const 76)))
            (call $say (i32.load (i32.const 72)) (i32.load (i32.const 76)))
            (i32.const 0))"#,
        text.replace("\\\"", "\"").len(),
    )
}

#[test]
fn expressions_are_evaluated_over_the_stream_s_attributes() {
    for (text, status, expected) in [
        ("request.method", "0", "GET"),
        ("request.headers['x-a'] + string(size(request.path))", "0", "b1"),
        ("response.code", ":", ""),
        ("request.headers['absent']", ":", ""),
        ("absent", ":", ""),
        ("'x-a' in request.headers", "0", "\u{1}"),
        ("request.path.matches('^/$') ? xds.cluster_name : 'no'", "0", "c"),
        ("[request.method, 'b']", "0", "\u{2}\0\0\0\u{3}\0\0\0\0\0\0\0\u{1}\0\0\0\0\0\0\0GET\0\0b\0\0"),
    ] {
        let vm = start_with(&expression(text), &Settings::new().property("xds.cluster_name", "c"));
        let stream = vm.http();
        stream.request_headers([(":method", "GET"), (":path", "/"), ("x-a", "b")], EndOfStream::Yes);
        assert_eq!(said(&vm), ["0", status, expected], "{text}");
    }
    let vm = start(&expression("1 +"));
    assert_eq!(said(&vm), ["2"]);
}

#[test]
fn a_plugin_ends_when_it_says_so() {
    let vm = start(
        r#"(func (export "proxy_on_done") (param i32) (result i32) (i32.const 0))
        (func (export "proxy_on_tick") (param i32) (call $show (call $done)))
        (func (export "proxy_on_delete") (param i32) (call $show (i32.const 9)))"#,
    );
    vm.tick();
    assert_eq!(said(&vm), ["1"], "nothing is ending yet");
    assert!(!vm.end());
    vm.tick();
    assert_eq!(said(&vm), ["0", "9"]);
}

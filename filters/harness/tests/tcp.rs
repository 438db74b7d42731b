//! Connections of TCP.

mod support;

use burgee_harness::{EndOfStream, Peer, TcpOutcome};
use support::{said, start};

#[test]
fn a_connection_has_its_callbacks_in_order() {
    let vm = start(
        r#"(data (i32.const 0) "new" "down" "up" "closed" "gone" "done" "log" "delete")
        (func (export "proxy_on_new_connection") (param i32) (result i32)
            (call $say (i32.const 0) (i32.const 3)) (i32.const 0))
        (func (export "proxy_on_downstream_data") (param i32 i32 i32) (result i32)
            (call $say (i32.const 3) (i32.const 4)) (call $show (local.get 1)) (i32.const 0))
        (func (export "proxy_on_upstream_data") (param i32 i32 i32) (result i32)
            (call $say (i32.const 7) (i32.const 2)) (call $show (local.get 2)) (i32.const 0))
        (func (export "proxy_on_downstream_connection_close") (param i32 i32)
            (call $say (i32.const 9) (i32.const 6)) (call $show (local.get 1)))
        (func (export "proxy_on_upstream_connection_close") (param i32 i32)
            (call $say (i32.const 15) (i32.const 4)) (call $show (local.get 1)))
        (func (export "proxy_on_done") (param i32) (result i32)
            (call $say (i32.const 19) (i32.const 4)) (i32.const 1))
        (func (export "proxy_on_log") (param i32) (call $say (i32.const 23) (i32.const 3)))
        (func (export "proxy_on_delete") (param i32) (call $say (i32.const 26) (i32.const 6)))"#,
    );
    let stream = vm.tcp();
    assert_eq!(stream.new_connection(), TcpOutcome::Continue);
    assert_eq!(stream.downstream_data("abc", EndOfStream::No), TcpOutcome::Continue);
    assert_eq!(stream.upstream_data("de", EndOfStream::Yes), TcpOutcome::Continue);
    assert_eq!(stream.to_upstream(), b"abc");
    let (up, down, trap) = stream.close(Peer::Remote);
    assert_eq!((up, down, trap), (b"abc".to_vec(), b"de".to_vec(), None));
    let expected = ["new", "down", "3", "up", "1", "gone", "0", "closed", "2", "done", "log", "delete"];
    assert_eq!(said(&vm), expected);
}

#[test]
fn what_is_held_adds_up_and_is_passed_as_a_whole() {
    let vm = start(
        r#"(func (export "proxy_on_downstream_data") (param i32 i32 i32) (result i32)
            (call $show (local.get 1)) (i32.lt_u (local.get 1) (i32.const 4)))"#,
    );
    let stream = vm.tcp();
    stream.new_connection();
    assert_eq!(stream.downstream_data("ab", EndOfStream::No), TcpOutcome::Pause);
    assert_eq!(stream.to_upstream(), b"");
    assert_eq!(stream.downstream_data("cd", EndOfStream::No), TcpOutcome::Continue);
    assert_eq!(stream.downstream_data("e", EndOfStream::No), TcpOutcome::Pause);
    assert_eq!(stream.to_upstream(), b"abcd");
    assert_eq!(said(&vm), ["2", "4", "1"]);
}

#[test]
fn a_connection_that_is_held_from_the_start_waits_until_it_may_go_on() {
    let vm = start(
        r#"(func (export "proxy_on_new_connection") (param i32) (result i32) (i32.const 1))
        (func (export "proxy_on_downstream_data") (param i32 i32 i32) (result i32)
            (call $show (local.get 1)) (i32.const 0))
        (func (export "proxy_on_tick") (param i32)
            (drop (call $become (i32.const 2)))
            (drop (call $continue (i32.const 2))))"#,
    );
    let stream = vm.tcp();
    assert_eq!(stream.new_connection(), TcpOutcome::Pause);
    assert_eq!(stream.downstream_data("ab", EndOfStream::No), TcpOutcome::Pause);
    assert!(said(&vm).is_empty());
    vm.tick();
    assert_eq!(stream.to_upstream(), b"ab");
    stream.downstream_data("c", EndOfStream::No);
    assert_eq!((said(&vm), stream.to_upstream()), (vec!["1".to_owned()], b"abc".to_vec()));
}

#[test]
fn a_module_closes_a_connection_and_so_does_its_trap() {
    let closes = r#"(func (export "proxy_on_downstream_data") (param i32 i32 i32) (result i32)
        (drop (call $close (i32.const 2))) (i32.const 1))"#;
    let vm = start(closes);
    let stream = vm.tcp();
    stream.new_connection();
    assert_eq!(stream.downstream_data("ab", EndOfStream::No), TcpOutcome::Close);
    assert_eq!(stream.downstream_data("cd", EndOfStream::No), TcpOutcome::Skipped);

    let vm = start(r#"(func (export "proxy_on_new_connection") (param i32) (result i32) (unreachable))"#);
    let stream = vm.tcp();
    assert!(matches!(stream.new_connection(), TcpOutcome::Trap(_)));
    assert_eq!(stream.downstream_data("ab", EndOfStream::No), TcpOutcome::Skipped);
}

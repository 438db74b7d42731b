//! Entries as Envoy writes them.

use proptest::prelude::*;
use serde_json::json;

use super::messages::{Connection, HttpEntries, Identifier, Number, Pipe, SocketAddress, State, TcpEntries};
use super::*;
use crate::protocol::Protocol;

fn mk_source() -> Source {
    Source { protocol: Protocol::AccessLogService, reporter: Some("ns/app;inbound;als".to_owned()) }
}

fn read(log: &mut String, message: &StreamAccessLogsMessage) -> Vec<Log> {
    let records = entries(&mk_source(), log, &message.encode_to_vec()).unwrap();
    let log = |record| match record {
        Record::Log(log) => log,
        Record::Span(span) => panic!("{span:?}"),
    };
    records.into_iter().map(log).collect()
}

fn mk_address(port: u32) -> Option<Address> {
    let socket = SocketAddress { address: b"127.0.0.1".to_vec(), port_value: port };
    Some(Address { socket_address: Some(socket), pipe: None })
}

fn mk_pair(key: &[u8], value: &[u8]) -> Pair {
    Pair { key: key.to_vec(), value: value.to_vec() }
}

fn mk_common() -> Common {
    Common {
        downstream_remote_address: mk_address(1),
        upstream_remote_address: Some(Address {
            socket_address: None,
            pipe: Some(Pipe { path: b"/run/app".to_vec() }),
        }),
        start_time: Some(Time { seconds: 1_790_000_000, nanos: 5 }),
        duration: Some(Time { seconds: 0, nanos: 1_500_000 }),
        upstream_cluster: b"app".to_vec(),
        // Upstream connection failure, and that it was not authorized, which is a message.
        response_flags: vec![6 << 3, 1, (13 << 3) | 2, 2, 8, 1],
        access_log_type: 6,
        ..Common::default()
    }
}

fn mk_http(path: &[u8]) -> HttpEntry {
    HttpEntry {
        common_properties: Some(mk_common()),
        protocol_version: 2,
        request: Some(HttpRequest {
            request_method: 1,
            authority: b"shop.example".to_vec(),
            path: path.to_vec(),
            request_headers: vec![mk_pair(b"x-tenant", b"a\xff")],
            ..HttpRequest::default()
        }),
        response: Some(HttpResponse {
            response_code: Some(Number { value: 503 }),
            response_body_bytes: 7,
            ..HttpResponse::default()
        }),
    }
}

fn mk_message(log: Option<&str>, http: Vec<HttpEntry>, tcp: Vec<TcpEntry>) -> StreamAccessLogsMessage {
    StreamAccessLogsMessage {
        identifier: log.map(|log| Identifier { log_name: log.as_bytes().to_vec() }),
        http_logs: (!http.is_empty()).then_some(HttpEntries { log_entry: http }),
        tcp_logs: (!tcp.is_empty()).then_some(TcpEntries { log_entry: tcp }),
    }
}

#[test]
fn an_entry_of_http_has_what_envoy_wrote_by_the_names_that_envoy_has() {
    let logs = read(&mut String::new(), &mk_message(Some("http_log"), vec![mk_http(b"/a?b")], Vec::new()));
    assert_eq!(logs.len(), 1);
    let log = &logs[0];
    assert_eq!(log.protocol, Protocol::AccessLogService);
    assert_eq!(log.reporter.as_deref(), Some("ns/app;inbound;als"));
    assert_eq!((log.body.as_str(), log.time_ns), ("GET /a?b 503", 1_790_000_000_000_000_005));
    let expected = json!({
        "log_name": "http_log", "protocol_version": "HTTP/1.1", "request_method": "GET",
        "authority": "shop.example", "path": "/a?b", "request_body_bytes": 0,
        "request_headers": {"x-tenant": "a?"}, "response_code": 503, "response_body_bytes": 7,
        "downstream_remote_address": "127.0.0.1:1", "upstream_remote_address": "/run/app",
        "upstream_cluster": "app", "response_flags": "UF,UAEX", "access_log_type": "DownstreamEnd",
        "duration_ms": 1.5,
    });
    assert_eq!(Value::Object(log.attributes.clone()), expected);
}

#[test]
fn an_entry_of_tcp_has_its_bytes() {
    let connection = Connection { received_bytes: 80, sent_bytes: 72 };
    let entry = TcpEntry { common_properties: None, connection_properties: Some(connection) };
    let logs = read(&mut String::new(), &mk_message(None, Vec::new(), vec![entry, TcpEntry::default()]));
    let bodies: Vec<_> = logs.iter().map(|log| log.body.as_str()).collect();
    assert_eq!(bodies, ["80 bytes received, 72 sent", "0 bytes received, 0 sent"]);
    let expected = json!({"received_bytes": 80, "sent_bytes": 72});
    assert_eq!(Value::Object(logs[0].attributes.clone()), expected);
}

#[test]
fn only_the_first_message_names_the_log() {
    let mut log = String::new();
    for (name, expected) in [(Some("one"), "one"), (None, "one"), (Some("two"), "two"), (None, "two")] {
        let logs = read(&mut log, &mk_message(name, vec![mk_http(b"/")], Vec::new()));
        assert_eq!(logs[0].attributes["log_name"], expected);
    }
}

#[test]
fn what_was_neither_asked_nor_answered_in_full_is_an_entry_too() {
    let logs = read(&mut String::new(), &mk_message(None, vec![HttpEntry::default()], Vec::new()));
    assert_eq!((logs[0].body.as_str(), logs[0].time_ns), ("- - 0", 0));
    assert!(!logs[0].attributes.contains_key("response_code"), "{:?}", logs[0]);
}

#[test]
fn the_content_of_a_filter_state_is_text_where_it_is_one() {
    for (kind, bytes, expected) in [
        ("type.googleapis.com/google.protobuf.StringValue", &b"\x0a\x02hi"[..], "hi"),
        ("type.googleapis.com/google.protobuf.BytesValue", b"\x0a\x02h\xff", "h?"),
        ("type.googleapis.com/google.protobuf.Struct", b"\x0a\x02hi", "0a026869"),
        ("type.googleapis.com/google.protobuf.StringValue", b"\x0a\x09hi", "0a096869"),
        ("", b"", ""),
    ] {
        let value = Some(Any { type_url: kind.as_bytes().to_vec(), value: bytes.to_vec() });
        let mut entry = mk_http(b"/");
        let common = entry.common_properties.as_mut().unwrap();
        common.filter_state_objects = vec![State { key: b"peer".to_vec(), value }];
        let logs = read(&mut String::new(), &mk_message(None, vec![entry], Vec::new()));
        assert_eq!(logs[0].attributes["filter_state_objects"], json!({"peer": expected}), "{kind}");
    }
}

#[test]
fn what_has_no_name_here_is_its_number() {
    for (number, expected) in [(0, "-"), (9, "PATCH"), (10, "10"), (-1, "-1")] {
        assert_eq!(named(&METHODS, number), expected);
    }
}

#[test]
fn every_flag_has_the_letters_that_access_logs_have_for_it() {
    let message = |number: u8| match number {
        0..16 => vec![number << 3, 1],
        // Numbers from 16 on take two bytes.
        number => vec![(number << 3) | 0x80, number >> 4, 1],
    };
    for (number, flag) in (1..).zip(FLAGS) {
        assert_eq!(flags(&message(number)), flag);
    }
    assert_eq!(flags(&[message(9), vec![2 << 3, 0], message(29), message(1)].concat()), "NR,LH");
}

proptest! {
    #[test]
    fn whatever_is_in_an_entry_comes_out_as_text(
        path in prop::collection::vec(any::<u8>(), 1..16),
        flags in prop::collection::vec(any::<u8>(), 0..8),
        seconds in any::<i64>(),
        nanos in any::<i32>(),
    ) {
        let mut entry = mk_http(&path);
        let common = entry.common_properties.as_mut().unwrap();
        common.response_flags = flags;
        common.start_time = Some(Time { seconds, nanos });
        let logs = read(&mut String::new(), &mk_message(None, vec![entry], Vec::new()));
        let shown = logs[0].attributes["path"].as_str().unwrap();
        prop_assert_eq!(shown.len(), path.len());
        if let Ok(text) = std::str::from_utf8(&path) {
            prop_assert_eq!(shown, text);
        }
    }
}

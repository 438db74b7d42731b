//! The receiver, a client of tonic, and HTTP by hand.

use std::net::SocketAddr;

use http_body_util::{BodyExt, Full};
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Kind;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status as SpanStatus};
use prost::Message;
use serde_json::{Value, json};
use tonic::Code;
use tonic::codegen::http::Uri;
use tonic::transport::{Channel, Endpoint};

use super::*;

/// What was printed.
#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Printed {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn json(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

async fn start(style: Style, output: impl Write + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, Sink::new(style, Box::new(output))));
    address
}

async fn connect(address: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
}

async fn mk_receiver(style: Style) -> (Channel, Printed) {
    let printed = Printed::default();
    (connect(start(style, printed.clone()).await).await, printed)
}

fn mk_text(text: &str) -> Option<AnyValue> {
    Some(AnyValue { value: Some(Kind::StringValue(text.to_owned())) })
}

fn mk_pair(key: &str, value: &str) -> KeyValue {
    KeyValue { key: key.to_owned(), value: mk_text(value), ..KeyValue::default() }
}

fn mk_logs(bodies: &[&str]) -> ExportLogsServiceRequest {
    let record = |body: &&str| LogRecord {
        time_unix_nano: 1_790_000_000_123_456_789,
        body: mk_text(body),
        attributes: vec![mk_pair("path", "/é\u{1b}")],
        ..LogRecord::default()
    };
    let scope = ScopeLogs { log_records: bodies.iter().map(record).collect(), ..ScopeLogs::default() };
    let resource = ResourceLogs { scope_logs: vec![scope], ..ResourceLogs::default() };
    ExportLogsServiceRequest { resource_logs: vec![resource] }
}

fn mk_span() -> ExportTraceServiceRequest {
    let span = Span {
        trace_id: (0..16).collect(),
        span_id: vec![0xab; 8],
        parent_span_id: vec![1; 8],
        name: "web:80/*".to_owned(),
        kind: 2,
        start_time_unix_nano: 5,
        end_time_unix_nano: 9,
        attributes: vec![mk_pair("http.status_code", "503")],
        status: Some(SpanStatus { code: 2, ..SpanStatus::default() }),
        ..Span::default()
    };
    let of = Resource { attributes: vec![mk_pair("service.name", "web.shop")], ..Resource::default() };
    let scope = ScopeSpans { spans: vec![span], ..ScopeSpans::default() };
    let resource = ResourceSpans { resource: Some(of), scope_spans: vec![scope], ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![resource] }
}

fn mk_request<T>(message: T, reporter: &str) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.metadata_mut().insert(REPORTER_METADATA, reporter.parse().unwrap());
    request
}

#[tokio::test]
async fn logs_are_printed_one_line_each_with_who_reports_them() {
    let (channel, printed) = mk_receiver(Style::Json).await;
    let mut client = LogsServiceClient::new(channel);
    client.export(mk_request(mk_logs(&["one\ntwo", ""]), "shop/web;inbound;otel")).await.unwrap();
    client.export(tonic::Request::new(mk_logs(&["three"]))).await.unwrap();
    let mk = |reporter: Option<&str>, body: &str| {
        json!({"log": {
            "protocol": "otlp_grpc",
            "reporter": reporter,
            "time_ns": 1_790_000_000_123_456_789_u64,
            "body": body,
            "attributes": {"path": "/é\u{1b}"},
        }})
    };
    let web = Some("shop/web;inbound;otel");
    assert_eq!(printed.json(), [mk(web, "one\ntwo"), mk(web, ""), mk(None, "three")]);
}

#[tokio::test]
async fn spans_are_printed_with_hexadecimal_identifiers_and_tags() {
    let (channel, printed) = mk_receiver(Style::Json).await;
    TraceServiceClient::new(channel).export(mk_request(mk_span(), "shop/web;inbound;otel")).await.unwrap();
    let expected = json!({"span": {
        "protocol": "otlp_grpc",
        "reporter": "shop/web;inbound;otel",
        "resource": {"service.name": "web.shop"},
        "trace_id": "000102030405060708090a0b0c0d0e0f",
        "span_id": "abababababababab",
        "parent_span_id": "0101010101010101",
        "name": "web:80/*",
        "kind": "server",
        "start_ns": 5,
        "end_ns": 9,
        "is_error": true,
        "tags": {"http.status_code": "503"},
    }});
    assert_eq!(printed.json(), [expected]);
}

#[tokio::test]
async fn for_people_a_record_is_a_line_that_is_not_json() {
    let (channel, printed) = mk_receiver(Style::Pretty).await;
    LogsServiceClient::new(channel).export(tonic::Request::new(mk_logs(&["hello"]))).await.unwrap();
    let text = printed.text();
    assert!(text.ends_with(" log  -  hello  path=/é\\u{1b}\n"), "{text:?}");
}

#[tokio::test]
async fn a_large_batch_is_taken() {
    let (channel, printed) = mk_receiver(Style::Json).await;
    let body = "x".repeat(8 * 1024 * 1024);
    LogsServiceClient::new(channel).export(tonic::Request::new(mk_logs(&[&body]))).await.unwrap();
    assert!(printed.text().len() > body.len());
}

#[tokio::test]
async fn a_client_that_is_broken_breaks_nothing_for_the_others() {
    use tokio::io::AsyncWriteExt;
    let printed = Printed::default();
    let address = start(Style::Json, printed.clone()).await;
    let preface = &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..];
    let mut open = Vec::new();
    let garbage = [preface, &b"\xff\xff\xff"[..]].concat();
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\0\xff\x01", &preface[..20], &garbage] {
        for is_kept in [true, false] {
            let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
            stream.write_all(bytes).await.unwrap();
            open.extend(is_kept.then_some(stream));
        }
    }
    LogsServiceClient::new(connect(address).await)
        .export(tonic::Request::new(mk_logs(&["hello"])))
        .await
        .unwrap();
    assert_eq!(printed.json().len(), 1);
}

#[tokio::test]
async fn what_a_client_sent_that_is_no_text_costs_no_record() {
    let printed = Printed::default();
    let address = start(Style::Json, printed.clone()).await;
    // By hand: no client of ours can send such a thing, Envoy does.
    let mut message = mk_logs(&["a@@b", "good"]).encode_to_vec();
    let at = message.windows(4).position(|part| part == b"a@@b").unwrap();
    message[at + 1..at + 3].copy_from_slice(b"\xff\xc3");
    assert_eq!(call(address, LOGS, &[message]).await, Some(Code::Ok));
    let bodies: Vec<Value> = printed.json().into_iter().map(|record| record["log"]["body"].clone()).collect();
    assert_eq!(bodies, ["a??b", "good"]);
}

#[tokio::test]
async fn a_batch_that_cannot_be_printed_is_refused() {
    struct Broken;
    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let address = start(Style::Json, Broken).await;
    assert_eq!(call(address, LOGS, &[mk_logs(&["hello"]).encode_to_vec()]).await, Some(Code::Unavailable));
    let (status, _) = send(address, Version::Http1, "/api/v2/spans", "application/json", ZIPKIN).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn other_services_are_unimplemented() {
    let (channel, printed) = mk_receiver(Style::Json).await;
    // As if the service had another name.
    let mut client = LogsServiceClient::with_origin(channel, Uri::from_static("http://receiver/other"));
    let status = client.export(tonic::Request::new(mk_logs(&["hello"]))).await.unwrap_err();
    assert_eq!((status.code(), printed.text().as_str()), (Code::Unimplemented, ""));
}

const LOGS: &str = "opentelemetry.proto.collector.logs.v1.LogsService/Export";
const ACCESS_LOGS: &str = "envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs";
const SEGMENTS: &str = "skywalking.v3.TraceSegmentReportService/collect";

/// Calls a method by hand: no client of ours can send what Envoy sends. Gives the status that it ends with.
async fn call(address: SocketAddr, method: &str, messages: &[Vec<u8>]) -> Option<Code> {
    let frame = |message: &Vec<u8>| {
        [&[0][..], &u32::try_from(message.len()).unwrap().to_be_bytes(), message.as_slice()].concat()
    };
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let request = hyper::Request::post(format!("http://{address}/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header(REPORTER_METADATA, "ns/app;inbound;by-hand")
        .body(Full::<Bytes>::from(messages.iter().map(frame).collect::<Vec<_>>().concat()))
        .unwrap();
    let response = client.request(request).await.unwrap();
    let at_once = response.headers().clone();
    let trailers = response.into_body().collect().await.unwrap().trailers().cloned().unwrap_or(at_once);
    trailers.get("grpc-status").map(|status| Code::from_bytes(status.as_bytes()))
}

#[derive(Clone, Copy, Debug)]
enum Version {
    Http1,
    Http2,
}

/// Posts a body. Gives the answer's status and body.
async fn send(
    address: SocketAddr,
    version: Version,
    path: &str,
    kind: &str,
    body: impl Into<Bytes>,
) -> (StatusCode, Bytes) {
    let client =
        Client::builder(TokioExecutor::new()).http2_only(matches!(version, Version::Http2)).build_http();
    let request = hyper::Request::post(format!("http://{address}{path}"))
        .header("content-type", kind)
        .header(REPORTER_METADATA, "ns/app;inbound;by-hand")
        .body(Full::<Bytes>::from(body.into()))
        .unwrap();
    let response = client.request(request).await.unwrap();
    let status = response.status();
    (status, response.into_body().collect().await.unwrap().to_bytes())
}

const ZIPKIN: &str = r#"[{"traceId":"ab","id":"cd"}]"#;
/// A list of a list of a map of one field: the resource of a span.
const DATADOG: &[u8] = b"\x91\x91\x81\xa8resource\xa2hi";

#[tokio::test]
async fn plain_http_is_taken_by_either_version_and_answered_as_its_protocol_wants() {
    let printed = Printed::default();
    let address = start(Style::Json, printed.clone()).await;
    let (logs, spans) = (mk_logs(&["one"]).encode_to_vec(), mk_span().encode_to_vec());
    let mut count = 0;
    for version in [Version::Http1, Version::Http2] {
        for (path, kind, body, answer, is_log, protocol) in [
            ("/v1/logs", "application/x-protobuf", &*logs, (200, &b""[..]), true, "otlp_http"),
            ("/v1/traces", "application/x-protobuf", &*spans, (200, b""), false, "otlp_http"),
            ("/some/where?else", "application/x-protobuf; a=b", &*spans, (200, b""), false, "otlp_http"),
            ("/api/v2/spans", "application/json", ZIPKIN.as_bytes(), (202, b""), false, "zipkin"),
            ("/", "application/json;charset=utf-8", ZIPKIN.as_bytes(), (202, b""), false, "zipkin"),
            (
                "/v0.4/traces",
                "application/msgpack",
                DATADOG,
                (200, br#"{"rate_by_service":{}}"#),
                false,
                "datadog",
            ),
        ] {
            let (status, body) = send(address, version, path, kind, body.to_vec()).await;
            assert_eq!((status.as_u16(), &*body), answer, "{version:?} {path}");
            let records = printed.json();
            assert_eq!(records.len(), count + 1, "{version:?} {path}");
            count = records.len();
            let record = &records[count - 1][if is_log { "log" } else { "span" }];
            assert_eq!(record["protocol"], protocol, "{version:?} {path}");
            assert_eq!(record["reporter"], "ns/app;inbound;by-hand", "{version:?} {path}");
        }
    }
}

#[tokio::test]
async fn a_batch_that_cannot_be_read_is_answered_in_its_own_protocol_and_the_next_is_taken() {
    let printed = Printed::default();
    let address = start(Style::Json, printed.clone()).await;
    let logs = mk_logs(&["one"]).encode_to_vec();
    let long = vec![b'['; 17 * 1024 * 1024];
    for (kind, body, status, expected) in [
        ("application/x-protobuf", &b"\x0a\xff"[..], 400, "what was sent cannot be read"),
        // Log records where spans are expected.
        ("application/x-protobuf", &logs, 400, "what was sent cannot be read"),
        ("application/json", b"{}", 400, "no list of Zipkin's spans"),
        ("application/msgpack", b"\xc1", 400, "no list"),
        ("text/plain", b"", 415, "application/x-protobuf (OTLP), application/json (Zipkin)"),
        ("application/json", &long, 413, "more than 16777216 bytes"),
    ] {
        let (answered, said) = send(address, Version::Http2, "/v1/traces", kind, body.to_vec()).await;
        let said = String::from_utf8_lossy(&said);
        assert_eq!(answered.as_u16(), status, "{kind}: {said}");
        assert!(said.contains(expected), "{kind}: {said}");
    }
    let (status, _) = send(address, Version::Http2, "/v1/logs", "application/x-protobuf", logs).await;
    assert_eq!((status, printed.json().len()), (StatusCode::OK, 1));
}

#[tokio::test]
async fn only_whole_batches_are_taken_as_they_are() {
    let printed = Printed::default();
    let address = start(Style::Json, printed.clone()).await;
    let client = Client::builder(TokioExecutor::new()).build_http();
    for (method, encoding, status) in
        [("GET", None, 405), ("POST", Some("gzip"), 415), ("PUT", Some("identity"), 202)]
    {
        let mut request =
            hyper::Request::builder().method(method).uri(format!("http://{address}/api/v2/spans"));
        request = request.header("content-type", "application/json");
        if let Some(encoding) = encoding {
            request = request.header("content-encoding", encoding);
        }
        let response = client.request(request.body(Full::<Bytes>::from(ZIPKIN)).unwrap()).await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{method} {encoding:?}");
    }
    assert_eq!(printed.json().len(), 1);
}

#[tokio::test]
async fn streams_are_printed_message_by_message_with_who_reports_them() {
    let printed = Printed::default();
    let address = start(Style::Json, printed.clone()).await;
    // The log's name, then an entry of TCP with bytes; the second message has the entry alone.
    let entry = b"\x1a\x08\x0a\x06\x12\x04\x08\x50\x10\x48";
    let first = [&b"\x0a\x05\x12\x03tcp"[..], entry].concat();
    assert_eq!(call(address, ACCESS_LOGS, &[first, entry.to_vec()]).await, Some(Code::Ok));
    // Its segment's name, and a span's operation.
    let segment = b"\x12\x01s\x1a\x0f\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x32\x02op".to_vec();
    assert_eq!(call(address, SEGMENTS, &[segment]).await, Some(Code::Ok));
    let records = printed.json();
    let seen: Vec<_> = records
        .iter()
        .map(|record| record.get("log").or(record.get("span")).unwrap())
        .map(|record| (record["protocol"].as_str().unwrap(), record["reporter"].as_str().unwrap()))
        .collect();
    let who = "ns/app;inbound;by-hand";
    assert_eq!(seen, [("access_log_service", who), ("access_log_service", who), ("skywalking", who)]);
    for log in &records[..2] {
        assert_eq!(
            log["log"]["attributes"],
            json!({"log_name": "tcp", "received_bytes": 80, "sent_bytes": 72})
        );
    }
    assert_eq!(records[2]["span"]["name"], "op");
}

#[tokio::test]
async fn a_message_that_cannot_be_read_ends_its_stream_alone() {
    let printed = Printed::default();
    let address = start(Style::Json, printed.clone()).await;
    let (good, bad) = (mk_logs(&["hello"]).encode_to_vec(), b"\x0a\xff".to_vec());
    for method in [LOGS, ACCESS_LOGS, SEGMENTS] {
        assert_eq!(
            call(address, method, std::slice::from_ref(&bad)).await,
            Some(Code::InvalidArgument),
            "{method}"
        );
    }
    assert_eq!(call(address, LOGS, &[good.clone(), bad, good]).await, Some(Code::InvalidArgument));
    assert_eq!(printed.json().len(), 1);
}

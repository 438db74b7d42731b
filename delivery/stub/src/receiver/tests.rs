//! The receiver and a client of tonic.

use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Kind;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status as SpanStatus};
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

async fn mk_receiver(style: Style) -> (Channel, Printed) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::from_shared(format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let printed = Printed::default();
    tokio::spawn(serve(listener, Sink::new(style, Box::new(printed.clone()))));
    (endpoint.connect().await.unwrap(), printed)
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

fn mk_request<T>(message: T, reporter: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert(REPORTER_METADATA, reporter.parse().unwrap());
    request
}

#[tokio::test]
async fn logs_are_printed_one_line_each_with_who_reports_them() {
    let (channel, printed) = mk_receiver(Style::Json).await;
    let mut client = LogsServiceClient::new(channel);
    client.export(mk_request(mk_logs(&["one\ntwo", ""]), "shop/web;inbound;otel")).await.unwrap();
    client.export(Request::new(mk_logs(&["three"]))).await.unwrap();
    let mk = |reporter: Option<&str>, body: &str| {
        json!({"log": {
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
    LogsServiceClient::new(channel).export(Request::new(mk_logs(&["hello"]))).await.unwrap();
    let text = printed.text();
    assert!(text.ends_with(" log  -  hello  path=/é\\u{1b}\n"), "{text:?}");
}

#[tokio::test]
async fn a_large_batch_is_taken() {
    let (channel, printed) = mk_receiver(Style::Json).await;
    let body = "x".repeat(8 * 1024 * 1024);
    LogsServiceClient::new(channel).export(Request::new(mk_logs(&[&body]))).await.unwrap();
    assert!(printed.text().len() > body.len());
}

#[tokio::test]
async fn a_client_that_is_broken_breaks_nothing_for_the_others() {
    use tokio::io::AsyncWriteExt;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let printed = Printed::default();
    tokio::spawn(serve(listener, Sink::new(Style::Json, Box::new(printed.clone()))));
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
    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    LogsServiceClient::new(channel).export(Request::new(mk_logs(&["hello"]))).await.unwrap();
    assert_eq!(printed.json().len(), 1);
}

#[tokio::test]
async fn what_a_client_sent_that_is_no_text_costs_no_record() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let printed = Printed::default();
    tokio::spawn(serve(listener, Sink::new(Style::Json, Box::new(printed.clone()))));
    // By hand: no client of ours can send such a thing, Envoy does.
    let mut message = prost::Message::encode_to_vec(&mk_logs(&["a@@b", "good"]));
    let at = message.windows(4).position(|part| part == b"a@@b").unwrap();
    message[at + 1..at + 3].copy_from_slice(b"\xff\xc3");
    let frame = [&[0][..], &u32::try_from(message.len()).unwrap().to_be_bytes(), &message].concat();
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let path = "opentelemetry.proto.collector.logs.v1.LogsService/Export";
    let request = http::Request::post(format!("http://{address}/{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Full::<hyper::body::Bytes>::from(frame))
        .unwrap();
    let response = client.request(request).await.unwrap();
    let trailers = response.into_body().collect().await.unwrap().trailers().cloned().unwrap_or_default();
    assert_eq!(trailers.get("grpc-status").map(|status| status.as_bytes()), Some(&b"0"[..]));
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
    let sink = Sink::new(Style::Json, Box::new(Broken));
    let status = LogsService::export(&sink, Request::new(mk_logs(&["hello"]))).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
}

#[tokio::test]
async fn other_services_are_unimplemented() {
    let (channel, printed) = mk_receiver(Style::Json).await;
    // As if the service had another name.
    let mut client = LogsServiceClient::with_origin(channel, Uri::from_static("http://receiver/other"));
    let status = client.export(Request::new(mk_logs(&["hello"]))).await.unwrap_err();
    assert_eq!((status.code(), printed.text().as_str()), (Code::Unimplemented, ""));
}

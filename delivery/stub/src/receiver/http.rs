//! What comes as plain HTTP: OTLP, Zipkin's spans, Datadog's traces. The protocol's own answer for what is taken, and
//! for what is not.

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use prost::Message;
use tonic::Code;
use tonic::body::Body;

use super::{Sink, content_type};
use crate::decode::{Decoder, Kind};
use crate::protocol::Protocol;

/// The largest batch that is taken: more than any proxy gathers before it sends.
const MOST_BYTES: usize = 16 * 1024 * 1024;

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const PROTOBUF: &str = "application/x-protobuf";
const MESSAGE_PACK: &str = "application/msgpack";

/// What a batch of OTLP that is not taken is answered with.
#[derive(Clone, PartialEq, Message)]
struct Refusal {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

/// Takes the batch that a request brings.
pub(super) async fn answer(request: Request<Incoming>, sink: &Sink) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Some((kind, protocol)) = batch(&head.headers, head.uri.path()) else {
        let message = format!("send {PROTOBUF} (OTLP), {JSON} (Zipkin) or {MESSAGE_PACK} (Datadog)");
        return text(StatusCode::UNSUPPORTED_MEDIA_TYPE, message);
    };
    // Datadog's agent lets its tracers do either.
    if head.method != Method::POST && head.method != Method::PUT {
        return refuse(protocol, StatusCode::METHOD_NOT_ALLOWED, "batches are posted".to_owned());
    }
    if head.headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        let message = "send it as it is, without compression".to_owned();
        return refuse(protocol, StatusCode::UNSUPPORTED_MEDIA_TYPE, message);
    }
    let body = match Limited::new(body, MOST_BYTES).collect().await {
        Ok(body) => Vec::from(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let message = format!("the batch has more than {MOST_BYTES} bytes");
            return refuse(protocol, StatusCode::PAYLOAD_TOO_LARGE, message);
        }
        Err(error) => {
            return refuse(protocol, StatusCode::BAD_REQUEST, format!("the batch broke off: {error}"));
        }
    };
    let records = Decoder::new(kind, super::source(protocol, &head.headers)).records(body);
    match records {
        Ok(records) => match sink.print(&records).await {
            Ok(()) => accept(protocol),
            Err(error) => refuse(protocol, StatusCode::SERVICE_UNAVAILABLE, format!("cannot print: {error}")),
        },
        Err(broken) => refuse(protocol, StatusCode::BAD_REQUEST, broken.to_string()),
    }
}

/// What a request brings.
fn batch(headers: &HeaderMap, path: &str) -> Option<(Kind, Protocol)> {
    match content_type(headers) {
        PROTOBUF if path.ends_with("/logs") => Some((Kind::OtlpLogs, Protocol::OtlpHttp)),
        PROTOBUF => Some((Kind::OtlpSpans, Protocol::OtlpHttp)),
        JSON => Some((Kind::Zipkin, Protocol::Zipkin)),
        MESSAGE_PACK => Some((Kind::Datadog, Protocol::Datadog)),
        _ => None,
    }
}

/// What tells a client that its batch was taken.
fn accept(protocol: Protocol) -> Response<Body> {
    match protocol {
        // Envoy takes any other status for a batch that was lost.
        Protocol::Zipkin => respond(StatusCode::ACCEPTED, "", TEXT),
        // Which share of which service's traces to keep: as many as come.
        Protocol::Datadog => respond(StatusCode::OK, "{\"rate_by_service\":{}}", JSON),
        // A message without fields.
        _ => respond(StatusCode::OK, "", PROTOBUF),
    }
}

fn refuse(protocol: Protocol, status: StatusCode, message: String) -> Response<Body> {
    if protocol != Protocol::OtlpHttp {
        return text(status, message);
    }
    let code = match status {
        StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
        StatusCode::PAYLOAD_TOO_LARGE => Code::ResourceExhausted,
        _ => Code::InvalidArgument,
    };
    respond(status, Refusal { code: code.into(), message }.encode_to_vec(), PROTOBUF)
}

fn text(status: StatusCode, message: String) -> Response<Body> {
    respond(status, message + "\n", TEXT)
}

fn respond(status: StatusCode, body: impl Into<Bytes>, kind: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::new(Full::new(body.into())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

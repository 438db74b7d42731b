//! What comes over gRPC. Every method that is served takes messages and answers with one that is empty, when they end;
//! one that takes a single message is the same on the wire.

use hyper::Request;
use hyper::body::{Buf, Incoming};
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, EncodeBuf, Streaming};
use tonic::codegen::{BoxFuture, http};
use tonic::server::{ClientStreamingService, Grpc};
use tonic::{Response, Status};

use super::Sink;
use crate::decode::{Decoder, Kind};
use crate::protocol::{Protocol, Record};

/// The largest message that is taken: more than any proxy gathers before it sends.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// The methods that are served, by their paths.
fn method(path: &str) -> Option<(Kind, Protocol)> {
    Some(match path {
        "/opentelemetry.proto.collector.logs.v1.LogsService/Export" => (Kind::OtlpLogs, Protocol::OtlpGrpc),
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export" => {
            (Kind::OtlpSpans, Protocol::OtlpGrpc)
        }
        "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs" => {
            (Kind::AccessLogs { log: String::new() }, Protocol::AccessLogService)
        }
        "/skywalking.v3.TraceSegmentReportService/collect" => (Kind::Segment, Protocol::Skywalking),
        _ => return None,
    })
}

/// Takes what a call brings, message by message.
pub(super) async fn answer(request: Request<Incoming>, sink: Sink) -> http::Response<Body> {
    let Some((kind, protocol)) = method(request.uri().path()) else {
        return Status::unimplemented("this receiver takes logs and spans alone").into_http();
    };
    let decoder = Decoder::new(kind, super::source(protocol, request.headers()));
    let mut grpc = Grpc::new(Messages(decoder)).max_decoding_message_size(MOST_BYTES);
    grpc.client_streaming(Take(sink), request).await
}

/// Prints what each message holds, before the next is read.
struct Take(Sink);

impl ClientStreamingService<Vec<Record>> for Take {
    type Response = ();
    type Future = BoxFuture<Response<()>, Status>;

    fn call(&mut self, request: tonic::Request<Streaming<Vec<Record>>>) -> Self::Future {
        let sink = self.0.clone();
        Box::pin(async move {
            let mut messages = request.into_inner();
            while let Some(records) = messages.message().await? {
                let printed = sink.print(&records).await;
                printed.map_err(|error| Status::unavailable(format!("cannot print: {error}")))?;
            }
            Ok(Response::new(()))
        })
    }
}

/// Messages as the records that they hold; answers as nothing.
struct Messages(Decoder);

impl Codec for Messages {
    type Encode = ();
    type Decode = Vec<Record>;
    type Encoder = Empty;
    type Decoder = Decoder;

    fn encoder(&mut self) -> Empty {
        Empty
    }

    fn decoder(&mut self) -> Decoder {
        self.0.clone()
    }
}

impl tonic::codec::Decoder for Decoder {
    type Item = Vec<Record>;
    type Error = Status;

    fn decode(&mut self, message: &mut DecodeBuf<'_>) -> Result<Option<Vec<Record>>, Status> {
        let mut bytes = vec![0; message.remaining()];
        message.copy_to_slice(&mut bytes);
        self.records(bytes).map(Some).map_err(|broken| Status::invalid_argument(broken.to_string()))
    }
}

/// A message without fields.
struct Empty;

impl tonic::codec::Encoder for Empty {
    type Item = ();
    type Error = Status;

    fn encode(&mut self, (): (), _: &mut EncodeBuf<'_>) -> Result<(), Status> {
        Ok(())
    }
}

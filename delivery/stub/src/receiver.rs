//! The receiver: takes logs and spans by OTLP over gRPC and prints a line for each. Other services are unimplemented.

use std::convert::Infallible;
use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use http_body_util::{BodyExt, Full, Limited};
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{LogsService, LogsServiceServer};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::metadata::MetadataMap;
use tonic::server::NamedService;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use crate::protocol::{REPORTER_METADATA, Record};
use crate::{convert, mend, pretty};

/// The largest batch that is taken: more than any proxy gathers before it sends.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// How records are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// As JSON; see [`crate::protocol::Record`].
    Json,
    /// As lines for people.
    Pretty,
}

/// Where records go. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Sink {
    style: Style,
    output: Arc<Mutex<Box<dyn Write + Send>>>,
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink").field("style", &self.style).finish_non_exhaustive()
    }
}

impl Sink {
    /// Records go to `output`, a line each.
    pub(crate) fn new(style: Style, output: Box<dyn Write + Send>) -> Sink {
        Sink { style, output: Arc::new(Mutex::new(output)) }
    }

    /// Prints the records of a batch, one below the other; it is answered when they are printed.
    async fn print(&self, records: &[Record]) -> Result<(), Status> {
        let mut lines = String::new();
        for record in records {
            match self.style {
                Style::Json => {
                    lines += &serde_json::to_string(record).map_err(|e| Status::internal(e.to_string()))?
                }
                Style::Pretty => lines += &pretty::line(record),
            }
            lines.push('\n');
        }
        let output = self.output.clone();
        // A reader that is slow must not hold the other connections' threads.
        let write = tokio::task::spawn_blocking(move || {
            let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
            output.write_all(lines.as_bytes()).and_then(|()| output.flush())
        });
        let result: io::Result<()> = write.await.unwrap_or_else(|error| Err(io::Error::other(error)));
        result.map_err(|error| Status::unavailable(format!("cannot print: {error}")))
    }
}

/// Who reports, if the batch says so.
fn reporter(metadata: &MetadataMap) -> Option<&str> {
    metadata.get(REPORTER_METADATA).and_then(|value| value.to_str().ok())
}

#[tonic::async_trait]
impl LogsService for Sink {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        let (metadata, _, batch) = request.into_parts();
        self.print(&convert::logs(reporter(&metadata), batch.resource_logs)).await?;
        Ok(Response::new(ExportLogsServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl TraceService for Sink {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let (metadata, _, batch) = request.into_parts();
        self.print(&convert::spans(reporter(&metadata), batch.resource_spans)).await?;
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// A service whose requests are mended before they are decoded; see [`mend`].
#[derive(Clone)]
struct Mended<S> {
    service: S,
    schema: &'static mend::Schema,
}

impl<S: NamedService> NamedService for Mended<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<http::Request<Body>> for Mended<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<http::Response<Body>, Infallible>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let (mut service, schema) = (self.service.clone(), self.schema);
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let Ok(body) = Limited::new(body, MOST_BYTES).collect().await else {
                let message = format!("the batch broke off, or has more than {MOST_BYTES} bytes");
                return Ok(Status::resource_exhausted(message).into_http());
            };
            let mut bytes = Vec::from(body.to_bytes());
            mend::body(&mut bytes, schema);
            service.call(http::Request::from_parts(head, Body::new(Full::from(bytes)))).await
        })
    }
}

/// Receives until it is dropped.
///
/// # Errors
/// When the listener breaks.
pub(crate) async fn serve(listener: TcpListener, sink: Sink) -> Result<(), tonic::transport::Error> {
    let logs = LogsServiceServer::new(sink.clone()).max_decoding_message_size(MOST_BYTES);
    let spans = TraceServiceServer::new(sink).max_decoding_message_size(MOST_BYTES);
    Server::builder()
        .add_service(Mended { service: logs, schema: &mend::LOGS })
        .add_service(Mended { service: spans, schema: &mend::SPANS })
        .serve_with_incoming(TcpIncoming::from(listener))
        .await
}

#[cfg(test)]
mod tests;

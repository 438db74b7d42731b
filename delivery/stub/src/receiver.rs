//! The receiver: takes logs and spans by every protocol that Envoy reports them with, and prints a line for each.
//!
//! All of them come to one port, as HTTP/1.1 or HTTP/2. What a request is says its content type, and its path where
//! that leaves a choice: providers may have paths of their own.

mod grpc;
mod http;

use std::convert::Infallible;
use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tonic::body::Body;

use crate::decode::Source;
use crate::protocol::{Protocol, REPORTER_METADATA, Record};
use crate::{accept, pretty};

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
    async fn print(&self, records: &[Record]) -> io::Result<()> {
        let mut lines = String::new();
        for record in records {
            match self.style {
                Style::Json => lines += &serde_json::to_string(record)?,
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
        write.await.unwrap_or_else(|error| Err(io::Error::other(error)))
    }
}

/// Receives until it is dropped.
pub(crate) async fn serve(listener: TcpListener, sink: Sink) {
    accept::each(listener, |stream| {
        let sink = sink.clone();
        async move {
            let answer = service_fn(move |request| {
                let sink = sink.clone();
                async move { Ok::<_, Infallible>(answer(request, sink).await) }
            });
            let server = auto::Builder::new(TokioExecutor::new());
            // A client that goes away or speaks no HTTP is nothing to the others.
            let _ = server.serve_connection(TokioIo::new(stream), answer).await;
        }
    })
    .await;
}

async fn answer(request: Request<Incoming>, sink: Sink) -> Response<Body> {
    if content_type(request.headers()).starts_with("application/grpc") {
        grpc::answer(request, sink).await
    } else {
        http::answer(request, &sink).await
    }
}

/// The type of a body, without its parameters; empty when it is not said.
fn content_type(headers: &HeaderMap) -> &str {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim()
}

/// Where what a request brings comes from.
fn source(protocol: Protocol, headers: &HeaderMap) -> Source {
    let reporter = headers.get(REPORTER_METADATA).and_then(|value| value.to_str().ok());
    Source { protocol, reporter: reporter.map(str::to_owned) }
}

#[cfg(test)]
mod tests;

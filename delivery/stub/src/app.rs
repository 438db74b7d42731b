//! The app: answers every request as its query asks, calls other services meanwhile, and counts.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

use crate::accept;
use crate::answer::Answer;
use crate::call::{Call, Connections};
use crate::protocol::{SERVED_PATH, Served};
use crate::query::Asked;

/// How long a connection may be idle until it is not used again. Shorter than a proxy drains its connections for: one
/// that it is about to close has either been told so with its last answer, or has been idle for longer than this.
const IDLE: Duration = Duration::from_millis(500);

/// An app.
#[derive(Debug)]
pub(crate) struct App {
    name: String,
    calls: Vec<Call>,
    connections: Connections,
    served: AtomicU64,
    called: AtomicU64,
}

impl App {
    /// An app with a name that makes calls, in order, for every request.
    pub(crate) fn new(name: &str, calls: Vec<Call>) -> App {
        App {
            name: name.to_owned(),
            calls,
            connections: Client::builder(TokioExecutor::new()).pool_idle_timeout(IDLE).build_http(),
            served: AtomicU64::new(0),
            called: AtomicU64::new(0),
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Answer> {
        let (head, mut body) = request.into_parts();
        let is_about_us = head.uri.path() == SERVED_PATH;
        if !is_about_us {
            // Before anything else is done: a client that gives up takes the rest of this with it.
            self.served.fetch_add(1, Ordering::SeqCst);
        }
        // The request's body is read to its end, so that the connection can carry the next request.
        while let Some(Ok(_)) = body.frame().await {}
        if is_about_us {
            return self.tell();
        }
        match Asked::from_query(head.uri.query().unwrap_or_default()) {
            Ok(asked) => self.obey(&asked, &head.headers).await,
            Err(invalid) => {
                text(StatusCode::BAD_REQUEST, Answer::new(format!("{} cannot: {invalid}\n", self.name), None))
            }
        }
    }

    async fn obey(&self, asked: &Asked, headers: &HeaderMap) -> Response<Answer> {
        tokio::time::sleep(asked.delay).await;
        let mut body = format!("hello from {}\n", self.name);
        let mut all_well = true;
        for call in &self.calls {
            self.called.fetch_add(1, Ordering::SeqCst);
            let called = call.make(&self.connections, headers, asked).await;
            all_well &= called.is_well;
            for line in called.lines {
                body.push_str("  ");
                body.push_str(&line);
                body.push('\n');
            }
        }
        let asked_for = asked.status.and_then(|status| StatusCode::from_u16(status).ok());
        let usual = if all_well { StatusCode::OK } else { StatusCode::BAD_GATEWAY };
        text(asked_for.unwrap_or(usual), Answer::new(body, asked.size))
    }

    /// What it has done.
    fn tell(&self) -> Response<Answer> {
        let served =
            Served { served: self.served.load(Ordering::SeqCst), called: self.called.load(Ordering::SeqCst) };
        let json = serde_json::to_string(&served).unwrap_or_default();
        respond(StatusCode::OK, Answer::new(json + "\n", None), "application/json")
    }
}

fn text(status: StatusCode, answer: Answer) -> Response<Answer> {
    respond(status, answer, "text/plain; charset=utf-8")
}

fn respond(status: StatusCode, answer: Answer, kind: &'static str) -> Response<Answer> {
    let mut response = Response::new(answer);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Answers requests until it is dropped; then nothing listens or answers any more.
pub(crate) async fn serve(listener: TcpListener, app: Arc<App>) {
    accept::each(listener, |stream| {
        let app = app.clone();
        async move {
            let answer = service_fn(|request| async { Ok::<_, Infallible>(app.answer(request).await) });
            // A client that goes away in the middle of a request is no fault of the app.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
        }
    })
    .await;
}

#[cfg(test)]
mod tests;

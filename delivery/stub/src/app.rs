//! The app: answers every request as its query asks, over HTTP of either version and as gRPC, calls other services
//! meanwhile, and counts. Where it takes bytes without HTTP it sends them back.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;

use crate::accept;
use crate::answer::Answer;
use crate::call::{Call, Caller};
use crate::protocol::{SERVED_PATH, Served};
use crate::query::Asked;
use crate::{grpc, tcp};

/// An app.
#[derive(Debug)]
pub(crate) struct App {
    name: String,
    calls: Vec<Call>,
    caller: Caller,
    served: AtomicU64,
    called: AtomicU64,
    taken: AtomicU64,
    opened: AtomicU64,
}

impl App {
    /// An app with a name that makes calls, in order, for every request: from an address of this machine if one is
    /// given.
    pub(crate) fn new(name: &str, calls: Vec<Call>, from: Option<IpAddr>) -> App {
        App {
            name: name.to_owned(),
            calls,
            caller: Caller::new(name, from),
            served: AtomicU64::new(0),
            called: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            opened: AtomicU64::new(0),
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
            Ok(asked) if grpc::is_call(&head.headers) => self.obey_call(&asked, &head.headers).await,
            Ok(asked) => {
                let (body, all_well) = self.work(&asked, &head.headers).await;
                let asked_for = asked.status.and_then(|status| StatusCode::from_u16(status).ok());
                let usual = if all_well { StatusCode::OK } else { StatusCode::BAD_GATEWAY };
                text(asked_for.unwrap_or(usual), Answer::new(body, asked.size))
            }
            Err(invalid) => {
                text(StatusCode::BAD_REQUEST, Answer::new(format!("{} cannot: {invalid}\n", self.name), None))
            }
        }
    }

    /// What there is to say, and whether all calls went well.
    async fn work(&self, asked: &Asked, headers: &HeaderMap) -> (String, bool) {
        tokio::time::sleep(asked.delay).await;
        let mut body = format!("hello from {}\n", self.name);
        let mut all_well = true;
        for call in &self.calls {
            let count = if call.is_http() { &self.called } else { &self.opened };
            count.fetch_add(1, Ordering::SeqCst);
            let called = call.make(&self.caller, headers, asked).await;
            all_well &= called.is_well;
            for line in called.lines {
                body.push_str("  ");
                body.push_str(&line);
                body.push('\n');
            }
        }
        (body, all_well)
    }

    /// Answers a gRPC call. It fails where a request would be answered with a status of 500 or more.
    async fn obey_call(&self, asked: &Asked, headers: &HeaderMap) -> Response<Answer> {
        let (body, all_well) = self.work(asked, headers).await;
        let fails = asked.status.map_or(!all_well, |status| status >= 500);
        let status = if fails { grpc::UNAVAILABLE } else { grpc::OK };
        let answer = Answer::with_trailers(grpc::message(&body), grpc::trailers(status));
        respond(StatusCode::OK, answer, grpc::TYPE)
    }

    /// What it has done.
    fn tell(&self) -> Response<Answer> {
        let of = |count: &AtomicU64| count.load(Ordering::SeqCst);
        let served = Served {
            served: of(&self.served),
            called: of(&self.called),
            taken: of(&self.taken),
            opened: of(&self.opened),
        };
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
            let answer = service_fn(move |request| {
                let app = app.clone();
                async move { Ok::<_, Infallible>(app.answer(request).await) }
            });
            // A client that goes away in the middle of a request is no fault of the app.
            let builder = auto::Builder::new(TokioExecutor::new());
            let _ = builder.serve_connection(TokioIo::new(stream), answer).await;
        }
    })
    .await;
}

/// Sends back what comes over each connection until it is dropped.
pub(crate) async fn serve_bytes(listener: TcpListener, app: Arc<App>) {
    accept::each(listener, |stream| {
        app.taken.fetch_add(1, Ordering::SeqCst);
        tcp::echo(stream)
    })
    .await;
}

#[cfg(test)]
mod tests;

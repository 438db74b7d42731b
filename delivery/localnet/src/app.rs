//! The stub app that stands behind each sidecar: answers every request and counts it.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A running stub app; it ends when this is dropped.
#[derive(Debug)]
pub struct App {
    address: SocketAddr,
    served: Arc<AtomicU64>,
    accepting: JoinHandle<()>,
}

impl App {
    /// Starts an app on a loopback port that the system picks.
    ///
    /// # Errors
    /// When the system gives no port.
    pub async fn start(name: &str) -> io::Result<App> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let served = Arc::new(AtomicU64::new(0));
        let body = Bytes::from(format!("hello from {name}\n"));
        let accepting = tokio::spawn(accept(listener, served.clone(), body));
        Ok(App { address, served, accepting })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests it has answered: the witness that is not Envoy.
    pub fn served(&self) -> u64 {
        self.served.load(Ordering::SeqCst)
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, served: Arc<AtomicU64>, body: Bytes) {
    // Connections end with the accepting task, so that nothing listens or answers after the app is dropped.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely; the next moment may be better.
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            continue;
        };
        let (served, body) = (served.clone(), body.clone());
        connections.spawn(async move {
            let answer = service_fn(|request| answer(request, &served, &body));
            // A client that goes away in the middle of a request is no fault of the app.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(
    request: Request<Incoming>,
    served: &AtomicU64,
    body: &Bytes,
) -> Result<Response<Full<Bytes>>, Infallible> {
    // The request's body is read to its end, so that the connection can carry the next request.
    let _ = request.into_body().collect().await;
    served.fetch_add(1, Ordering::SeqCst);
    Ok(Response::new(Full::new(body.clone())))
}

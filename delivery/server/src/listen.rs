//! Takes connections of proxies: HTTP/2, with or without TLS, bounded, and noticed when they are gone without a word.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::Discovery;
use crate::accept::{Accepting, Counted};
use crate::peer::Peer;
use crate::tls::Tls;

/// How often a silent connection is asked whether it is still there, and how long it may take to say so. A proxy whose
/// machine is gone is noticed within their sum.
const ASK_AFTER: Duration = Duration::from_secs(30);
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// How long a handshake of TLS may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a connection may ask for nothing at first.
const FIRST_WORD: Duration = Duration::from_secs(15);
/// How many streams a connection may have. Envoy has one for discovery and one for its counters.
const STREAMS: u32 = 16;
/// How much is read ahead of a stream, and kept for one that reads slowly, in bytes.
const WINDOW: u32 = 64 * 1024;
/// How many connections there may be beside those of proxies that have joined.
const STRANGERS: usize = 1024;

/// Serves whoever connects, until the fleet ends and its streams with it.
pub async fn serve(listener: TcpListener, discovery: Discovery, tls: Option<Arc<Tls>>) {
    let open = Arc::new(AtomicUsize::new(0));
    let most = discovery.fleet().limits().proxies.saturating_add(STRANGERS);
    let connections = Accepting::new(listener, "connection");
    loop {
        let (stream, from) = connections.next().await;
        if open.load(Ordering::Relaxed) >= most {
            log::warn!(target: "connection", "{from} is turned away: {most} connections are open");
            continue;
        }
        let counted = Counted::new(&open);
        let (discovery, tls) = (discovery.clone(), tls.clone());
        tokio::spawn(async move {
            let _counted = counted;
            connection(stream, from, discovery, tls).await;
        });
    }
}

async fn connection(stream: TcpStream, from: SocketAddr, discovery: Discovery, tls: Option<Arc<Tls>>) {
    // Small responses go at once.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else { return speak(stream, from, discovery, Peer::default()).await };
    match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
        Ok(Ok((stream, peer))) => speak(stream, from, discovery, peer).await,
        Ok(Err(error)) => log::warn!(target: "connection", "{from} is turned away: {error}"),
        Err(_) => log::warn!(target: "connection", "{from} does not finish its handshake"),
    }
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    from: SocketAddr,
    discovery: Discovery,
    peer: Peer,
) {
    let asked = Arc::new(Notify::new());
    let has_asked = asked.clone();
    let service = service_fn(move |request| {
        asked.notify_one();
        let (discovery, peer) = (discovery.clone(), peer.clone());
        async move { Ok::<_, std::convert::Infallible>(discovery.answer(request, peer).await) }
    });
    let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(ASK_AFTER)
        .keep_alive_timeout(ANSWER_WITHIN)
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW * 4)
        .max_send_buf_size(WINDOW as usize)
        .max_header_list_size(16 * 1024);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    // Whoever connects and asks for nothing keeps a place that somebody else needs.
    let result = tokio::select! {
        result = &mut connection => result,
        asked = tokio::time::timeout(FIRST_WORD, has_asked.notified()) => match asked {
            Ok(()) => connection.await,
            Err(_) => {
                log::info!(target: "connection", "{from} asks for nothing and is turned away");
                return;
            }
        },
    };
    if let Err(error) = result {
        log::debug!(target: "connection", "{from}: {error}");
    }
}

//! Connections as they come, each served on its own.

use std::future::Future;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// How long to wait when no connection can be accepted.
const BREATH: Duration = Duration::from_millis(20);

/// Serves connections until it is dropped; then nothing listens or answers any more.
pub(crate) async fn each<F>(listener: TcpListener, serve: impl Fn(TcpStream) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely; the next moment may be better.
            tokio::time::sleep(BREATH).await;
            continue;
        };
        // Without this the end of a small answer would wait for the other side's acknowledgement.
        let _ = stream.set_nodelay(true);
        connections.spawn(serve(stream));
        while connections.try_join_next().is_some() {}
    }
}

//! What everything that takes connections has in common: going on when nothing can be accepted, and knowing how many are open.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

/// How long, after nothing more can be accepted, it is waited.
const PAUSE: Duration = Duration::from_millis(100);

/// Connections of a listener.
pub(crate) struct Accepting {
    listener: TcpListener,
    /// What its lines in the log are of.
    target: &'static str,
}

impl Accepting {
    /// Of a listener. `target`: what its lines in the log are of.
    pub fn new(listener: TcpListener, target: &'static str) -> Accepting {
        Accepting { listener, target }
    }

    /// The next connection. That nothing can be accepted is said once, until something can be again.
    pub async fn next(&self) -> (TcpStream, SocketAddr) {
        let mut is_stuck = false;
        loop {
            match self.listener.accept().await {
                Ok(accepted) => return accepted,
                Err(error) => {
                    // Out of descriptors, most likely: others end and make room.
                    if !std::mem::replace(&mut is_stuck, true) {
                        log::error!(target: self.target, "nothing can be accepted: {error}; it is tried again and again");
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

/// Something that is open, and counts as such until it is dropped.
pub(crate) struct Counted(Arc<AtomicUsize>);

impl Counted {
    /// One more.
    pub fn new(open: &Arc<AtomicUsize>) -> Counted {
        open.fetch_add(1, Ordering::Relaxed);
        Counted(open.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

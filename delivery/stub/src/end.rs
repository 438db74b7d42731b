//! When a stub ends: when it is asked to by a signal, or when nobody reads what it prints.

use std::future::Future;
use std::io;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Ends when the program is asked to end: SIGTERM, SIGINT, or a stdout whose reader has gone.
///
/// # Errors
/// When the system does not let us hear signals.
pub(crate) fn asked() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (send, unread) = oneshot::channel();
    std::thread::Builder::new().name("stdout".to_owned()).spawn(move || {
        if wait_until_unread(&io::stdout()) {
            let _ = send.send(());
        } else {
            // It cannot be known; the signals remain.
            std::mem::forget(send);
        }
    })?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = unread => {}
        }
    })
}

/// Blocks until a pipe, socket or terminal has nobody at its other end; for a file, for ever. False when the system
/// cannot tell.
fn wait_until_unread(stream: &impl AsFd) -> bool {
    // Errors and hang-ups are told without being asked for.
    let mut streams = [PollFd::new(stream.as_fd(), PollFlags::empty())];
    loop {
        match poll(&mut streams, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR | Errno::EAGAIN) => {}
            Err(_) => return false,
        }
        let seen = streams[0].revents().unwrap_or(PollFlags::empty());
        if seen.intersects(PollFlags::POLLERR | PollFlags::POLLHUP) {
            return true;
        }
        if seen.contains(PollFlags::POLLNVAL) {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_without_a_reader_is_seen() {
        let (reader, writer) = io::pipe().unwrap();
        let waiting = std::thread::spawn(move || wait_until_unread(&writer));
        drop(reader);
        assert!(waiting.join().unwrap());
    }
}

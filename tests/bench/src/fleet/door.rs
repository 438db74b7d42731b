//! The way to the server: shut while that is away, so that every proxy comes back in the moment in which it is there again.

use tokio::sync::watch;

/// Whether there is a server, and which.
pub(super) struct Door(watch::Sender<State>);

#[derive(Clone, Copy)]
struct State {
    /// How many servers there were before.
    server: u32,
    is_open: bool,
}

impl Door {
    /// To a first server, which is there.
    pub fn new() -> Door {
        Door(watch::Sender::new(State { server: 0, is_open: true }))
    }

    /// The server goes: that streams to it end is no fault.
    pub fn shut(&self) {
        self.0.send_modify(|state| *state = State { server: state.server + 1, is_open: false });
    }

    /// The next one is there.
    pub fn open(&self) {
        self.0.send_modify(|state| state.is_open = true);
    }

    /// Waits until a server is there, and says which.
    pub async fn enter(&self) -> u32 {
        // It does not end before this does, since this has it.
        self.0.subscribe().wait_for(|state| state.is_open).await.map_or(0, |state| state.server)
    }

    /// Whether this server has not gone.
    pub fn leads_to(&self, server: u32) -> bool {
        self.0.borrow().server == server
    }
}
